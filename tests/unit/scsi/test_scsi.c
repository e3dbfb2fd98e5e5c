/* SPDX-License-Identifier: MIT */
/* Commands: what units say of themselves, what comes of a command, task management, events. */
#include <string.h>

#include "scsi_host.h"

#define TEST_UNIT_READY 0x00u

static const struct ring_variant legacy = { MACHINE_MMIO_1, false, false, false };

/* ---- What units say ---- */

STARTED_SCSI_TEST(scsi, D_SCSI_2_D_SCSI_3_D_SCSI_6_what_there_is)
{
    static const struct {
        uint8_t target;
        enum vpt_status status;
        uint32_t room;
        uint32_t count;
        uint64_t luns[2];
    } rows[] = {
        { 0, VPT_OK, 4, 1, { 0 } },        { 1, VPT_EMPTY_SLOT, 4, 0, { 0 } }, { 3, VPT_OK, 4, 2, { 0, 300 } },
        { 3, VPT_OK, 1, 1, { 0 } },        { 255, VPT_OK, 2, 1, { 1 } },       { 254, VPT_EMPTY_SLOT, 1, 0, { 0 } },
        { 3, VPT_OK, 100, 2, { 0, 300 } },
    };
    struct mock_scsi_options *options = &scsi_model.options;
    uint64_t luns[101];
    uint32_t count = 7;

    assert_same(scsi.info.segments, 254);
    assert_same(scsi.info.sectors, 65535);
    assert_same(scsi.info.cmd_per_lun, 128);
    assert_same(scsi.info.max_target, 255);
    assert_same(scsi.info.max_lun, 16383);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        memset(luns, 0xa5, sizeof(luns));
        assert_status(vpt_scsi_report_luns(&scsi, rows[i].target, luns, rows[i].room, &count), rows[i].status);
        assert_same(count, rows[i].count);
        cr_assert(memcmp(luns, rows[i].luns, count * sizeof(luns[0])) == 0);
        assert_same(luns[rows[i].room + 1u <= 100 ? rows[i].room + 1u : 0],
                    rows[i].room + 1u <= 100 ? UINT64_C(0xa5a5a5a5a5a5a5a5) : rows[i].luns[0]);
    }
    for (uint32_t i = 0; i < 4; i++) { /* of 32 bytes there are fewer, or the device says that they are many */
        options->residual_lies = true;
        options->residual = 8u * i;
        options->list_length = UINT32_MAX;
        assert_status(vpt_scsi_report_luns(&scsi, 3, luns, 3, &count), VPT_OK);
        assert_same(count, i < 2 ? 2 : 3u - i);
        options->residual = 0;
        options->list_length = 8u * i + 7u;
        assert_status(vpt_scsi_report_luns(&scsi, 3, luns, 3, &count), VPT_OK);
        assert_same(count, i < 3 ? i : 2);
    }
    options->residual_lies = false;
    options->list_length = 0;
}

/* What a unit is, and its serial number, whether it is there or not. */
STARTED_SCSI_TEST(scsi, what_a_unit_says_of_itself)
{
    static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123 and more";
    char serial[VPT_SCSI_SERIAL_MAX + 1u];
    struct vpt_scsi_unit inquiry;

    assert_status(vpt_scsi_inquiry(&scsi, 3, 300, &inquiry), VPT_OK);
    cr_assert(inquiry.type == VPT_SCSI_TYPE_CD && inquiry.removable);
    cr_assert(strcmp(inquiry.vendor, "VPT     ") == 0 && strcmp(inquiry.product, "simulated disk  ") == 0 &&
              strcmp(inquiry.revision, "0001") == 0);
    assert_status(vpt_scsi_inquiry(&scsi, 0, 0, &inquiry), VPT_OK);
    cr_assert(inquiry.type == VPT_SCSI_TYPE_DISK && !inquiry.removable);
    assert_status(vpt_scsi_inquiry(&scsi, 0, 1, &inquiry), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_inquiry(&scsi, 1, 0, &inquiry), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_get_serial(&scsi, 0, 0, serial), VPT_OK);
    cr_assert(strcmp(serial, "VPT0") == 0);
    scsi_model.units[SCSI_SMALL].serial = longest;
    assert_status(vpt_scsi_get_serial(&scsi, 0, 0, serial), VPT_OK);
    cr_assert(strlen(serial) == VPT_SCSI_SERIAL_MAX && strncmp(serial, longest, VPT_SCSI_SERIAL_MAX) == 0);
    scsi_model.units[SCSI_SMALL].serial = "";
    assert_status(vpt_scsi_get_serial(&scsi, 0, 0, serial), VPT_EMPTY);
    assert_status(vpt_scsi_get_serial(&scsi, 3, 0, serial), VPT_DEVICE_IO_ERROR);
    cr_assert(serial[0] == 0);
    assert_status(vpt_scsi_get_serial(&scsi, 1, 0, serial), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_OK);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 1), VPT_EMPTY_SLOT);
    scsi_model.units[SCSI_CD].unready = true;
    assert_status(vpt_scsi_test_ready(&scsi, 3, 300), VPT_DEVICE_IO_ERROR);
}

/* ---- What comes of a command ---- */

static const struct outcome_row {
    uint8_t response;
    uint8_t status;
    uint8_t sense[14];
    uint32_t length; /* of the sense data */
    enum vpt_status expected;
    uint8_t key, asc, ascq;
} outcomes[] = {
    { 0, 0, { 0 }, 0, VPT_OK, 0, 0, 0 },
    { 1, 0, { 0 }, 0, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 2, 0, { 0 }, 0, VPT_CANCELLED, 0, 0, 0 },
    { 3, 0, { 0 }, 0, VPT_EMPTY_SLOT, 0, 0, 0 },
    { 4, 2, { 0 }, 0, VPT_CANCELLED, 0, 0, 0 },
    { 5, 0, { 0 }, 0, VPT_RESOURCE_FULL, 0, 0, 0 },
    { 6, 0, { 0 }, 0, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 7, 0, { 0 }, 0, VPT_DEVICE_IO_ERROR, 0, 0, 0 }, /* SCSI-REQ-2 */
    { 9, 0, { 0 }, 0, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 10, 0, { 0 }, 0, VPT_DEVICE_REQUEST_STATUS, 0, 0, 0 },
    { 255, 0, { 0 }, 0, VPT_DEVICE_REQUEST_STATUS, 0, 0, 0 },
    { 3, 2, { 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 1 }, 18, VPT_EMPTY_SLOT, 0, 0, 0 },
    { 0, 2, { 0x70, 0, 0xe6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 1 }, 18, VPT_DEVICE_IO_ERROR, 6, 0x29, 1 },
    { 0, 2, { 0xf1, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 0 }, 14, VPT_DEVICE_IO_ERROR, 3, 0x11, 0 },
    { 0, 2, { 0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 0 }, 13, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 0, 2, { 0x72, 6, 0x2a, 9 }, 8, VPT_DEVICE_IO_ERROR, 6, 0x2a, 9 },
    { 0, 2, { 0x73, 5, 0x25, 0 }, 4, VPT_EMPTY_SLOT, 5, 0x25, 0 },
    { 0, 2, { 0x72, 5, 0x20, 0 }, 3, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 0, 2, { 0x72, 5, 0x20, 0 }, UINT32_MAX, VPT_UNSUPPORTED_REQUEST, 5, 0x20, 0 },
    { 0, 2, { 0x72, 7, 0x27, 0 }, 8, VPT_DEVICE_IO_ERROR, 7, 0x27, 0 },
    { 0, 2, { 0x72, 3, 0x25, 0 }, 8, VPT_DEVICE_IO_ERROR, 3, 0x25, 0 },
    { 0, 2, { 0x72, 1, 0x17, 1 }, 8, VPT_OK, 1, 0x17, 1 },
    { 0, 2, { 0x74, 1, 0x17, 1 }, 18, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 0, 0, { 0x72, 3, 0x11, 0 }, 8, VPT_OK, 0, 0, 0 },
    { 0, 8, { 0 }, 0, VPT_RESOURCE_FULL, 0, 0, 0 },
    { 0, 0x28, { 0 }, 0, VPT_RESOURCE_FULL, 0, 0, 0 },
    { 0, 0x40, { 0 }, 0, VPT_CANCELLED, 0, 0, 0 },
    { 0, 0x18, { 0 }, 0, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
    { 0, 0x04, { 0 }, 0, VPT_DEVICE_IO_ERROR, 0, 0, 0 },
};

STARTED_SCSI_TEST(scsi, D_SCSI_5_D_SCSI_7_SCSI_REQ_1_what_comes_of_a_command)
{
    struct mock_scsi_options *options = &scsi_model.options;
    struct vpt_completion completion;

    options->answers = true;
    for (unsigned i = 0; i < COUNT_OF(outcomes); i++) {
        const struct outcome_row *row = &outcomes[i];
        struct vpt_scsi_request request = scsi_command(SCSI_SMALL, TEST_UNIT_READY);
        char text[16];

        (void)snprintf(text, sizeof(text), "row %u", i);
        options->response = row->response;
        options->status = row->status;
        options->sense_length = row->length;
        memset(options->sense, 0, sizeof(options->sense));
        memcpy(options->sense, row->sense, sizeof(row->sense));
        assert_status(vpt_scsi_submit(&scsi, &request), VPT_OK);
        assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
        assert_status(vpt_requests_poll(&scsi.requests, &completion), VPT_OK);
        cr_assert(completion.token == &request);
        assert_status_of(text, completion.status, row->expected);
        assert_same_of(text, request.response, row->response);
        assert_same_of(text, request.status, row->response == 0 ? row->status : 0);
        assert_same_of(text, request.key << 16 | request.asc << 8 | request.ascq,
                       row->key << 16 | row->asc << 8 | row->ascq);
    }
    options->answers = false;
    assert_scsi_works();
}

/* Bytes that were transferred are what was asked without the residual, which may be any number. */
STARTED_SCSI_TEST(scsi, D_SCSI_8_LEG_SCSIOP_1_residuals)
{
    static const struct {
        uint32_t residual;
        uint32_t length;
        bool whole;
        enum vpt_status status;
    } rows[] = {
        { 0, 36, true, VPT_OK },
        { 1, 35, false, VPT_OK },
        { 1, 35, true, VPT_DEVICE_IO_ERROR },
        { 36, 0, false, VPT_OK },
        { 37, 0, false, VPT_OK },
        { 0xfffffe00u, 0, false, VPT_OK }, /* QEMU's */
        { 0xfffffe00u, 0, true, VPT_DEVICE_IO_ERROR },
        { 0x80000000u, 0, false, VPT_OK },
    };

    scsi_model.options.residual_lies = true;
    mock_fault_set(&machine.model->faults,
                   machine_kind_legacy(variant->kind) ? MOCK_FAULT_USED_LENGTH_SHORT : MOCK_FAULT_USED_LENGTH, 1, 0, 0);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_scsi_request request = scsi_command(SCSI_SMALL, 0x12);
        uint8_t data[36];

        request.cdb[4] = 36;
        request.whole = rows[i].whole;
        scsi_model.options.residual = rows[i].residual;
        assert_status(vpt_scsi_execute(&scsi, &request, VPT_DEVICE_WRITES, data, sizeof(data)), rows[i].status);
        assert_same(request.length, rows[i].length);
        cr_assert(memcmp(&data[8], "VPT", 3) == 0);
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_USED_LENGTH);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_USED_LENGTH_SHORT);
}

/* What a device does not answer is not taken from an earlier answer; what it does not write reads as 0. */
STARTED_SCSI_TEST(scsi, a_device_that_does_not_write)
{
    struct vpt_scsi_unit inquiry;
    uint32_t count;
    uint64_t luns[4] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };

    for (unsigned i = 0; i < 40; i++) { /* each slot has had an answer */
        assert_status(vpt_scsi_inquiry(&scsi, 3, 300, &inquiry), VPT_OK);
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 2, 0);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_DEVICE_REQUEST_STATUS);
    assert_status(vpt_scsi_inquiry(&scsi, 3, 300, &inquiry), VPT_DEVICE_REQUEST_STATUS);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_UNKNOWN, 1, 1, 0);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_DEVICE_REQUEST_STATUS);
    scsi_model.options.residual_lies = true;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_DATA_MISSING, 1, 2, 0);
    assert_status(vpt_scsi_inquiry(&scsi, 3, 300, &inquiry), VPT_OK);
    cr_assert(all_zero(&inquiry, sizeof(inquiry)));
    assert_status(vpt_scsi_report_luns(&scsi, 3, luns, 3, &count), VPT_OK);
    assert_same(count, 0);
}

/* UNIT ATTENTION and busy: a blocking call tries again, but not for ever. */
STARTED_SCSI_TEST(scsi, units_that_want_a_command_again)
{
    struct mock_scsi_unit *unit = &scsi_model.units[SCSI_SMALL];
    struct vpt_scsi_request request = scsi_command(SCSI_SMALL, TEST_UNIT_READY);

    for (uint32_t i = 0; i < 2u * VPT_SCSI_TRIES; i++) {
        unit->attentions = i;
        unit->commands = 0;
        assert_status(vpt_scsi_execute(&scsi, &request, VPT_DEVICE_READS, NULL, 0),
                      i < VPT_SCSI_TRIES ? VPT_OK : VPT_DEVICE_IO_ERROR);
        assert_same(unit->commands, i < VPT_SCSI_TRIES ? i + 1u : VPT_SCSI_TRIES);
        assert_same(request.key << 8 | request.asc, i < VPT_SCSI_TRIES ? 0 : 0x629);
        unit->attentions = 0;
        unit->commands = 0;
        unit->busy = i;
        assert_status(vpt_scsi_test_ready(&scsi, 0, 0), i < VPT_SCSI_TRIES ? VPT_OK : VPT_RESOURCE_FULL);
        assert_same(unit->commands, i < VPT_SCSI_TRIES ? i + 1u : VPT_SCSI_TRIES);
        unit->busy = 0;
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    unit->commands = 0;
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_DEVICE_IO_ERROR);
    assert_same(unit->commands, 1);
}

/* ---- What is refused ---- */

Test(scsi, D_SCSI_9_SCSI_CFG_2_commands_that_are_refused)
{
    struct vpt_segment segments[20];
    struct vpt_scsi_request one;
    struct vpt_scsi_request two;
    uint64_t luns[2];
    uint32_t count;
    uint8_t byte;

    scsi_make_model();
    scsi_model.options.max_target = 3;
    scsi_model.options.max_lun = 300;
    scsi_model.options.cmd_per_lun = 1;
    scsi_model.options.seg_max = 5;
    scsi_probe_model(&ring_usual);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = machine_segment(64u * i, 6);
    }
    one = two = scsi_command(SCSI_SMALL, TEST_UNIT_READY);
    assert_status(vpt_scsi_submit(NULL, &one), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_submit(&scsi, NULL), VPT_CALLER_ARGUMENT);
    one.readable = 1;
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_CALLER_ARGUMENT); /* its segments are nowhere */
    one.readable = 0;
    one.writable = 1;
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_CALLER_ARGUMENT);
    one.readable = one.writable = 1;
    one.segments = segments;
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_UNSUPPORTED_REQUEST);
    one.readable = 0;
    one.writable = 6; /* D-SCSI-4 */
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_CALLER_TOO_LONG);
    one.writable = 5;
    one.target = 4;
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_CALLER_RANGE);
    one.target = 0;
    one.lun = 301;
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_CALLER_RANGE);
    one.lun = 0;
    one.cdb[0] = 0x12;
    one.cdb[4] = 30;
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_OK);
    assert_status(vpt_scsi_submit(&scsi, &two), VPT_RESOURCE_FULL);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_CALLER_BUSY);
    assert_status(vpt_scsi_execute(&scsi, &two, VPT_DEVICE_READS, &byte, 1), VPT_CALLER_BUSY);
    scsi_release();
    assert_status(vpt_scsi_submit(&scsi, &one), VPT_CALLER_STATE);
    assert_status(vpt_scsi_inquiry(&scsi, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_get_serial(&scsi, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_test_ready(NULL, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_CALLER_STATE);
    assert_status(vpt_scsi_execute(NULL, &one, VPT_DEVICE_READS, &byte, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_execute(&scsi, NULL, VPT_DEVICE_READS, &byte, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_execute(&scsi, &one, VPT_DEVICE_READS, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_execute(&scsi, &one, VPT_DEVICE_READS, &byte, 1), VPT_CALLER_STATE);
    assert_status(vpt_scsi_report_luns(&scsi, 0, NULL, 1, &count), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_report_luns(&scsi, 0, luns, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_report_luns(&scsi, 0, luns, 0, &count), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_report_luns(&scsi, 0, luns, 65536, &count), VPT_CALLER_ARGUMENT);
    machine_end();
}

/* LUNs end at 14 bits, whatever the device says. */
Test(scsi, D_SCSI_6_the_last_unit)
{
    struct vpt_scsi_request request;
    static uint8_t large[0x180000];

    scsi_make_model();
    scsi_model.options.max_lun = UINT32_MAX;
    scsi_model.options.answers = true;
    scsi_probe_model(&ring_usual);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    request = scsi_command(SCSI_SMALL, 0xc0);
    request.lun = 0x4000;
    assert_status(vpt_scsi_submit(&scsi, &request), VPT_CALLER_RANGE);
    request.lun = 0x3fff;
    assert_status(vpt_scsi_execute(&scsi, &request, VPT_DEVICE_READS, large, sizeof(large)), VPT_CALLER_TOO_LONG);
    assert_status(vpt_scsi_execute(&scsi, &request, VPT_DEVICE_READS, large, 100), VPT_OK);
    cr_assert(request.asked == 100 && request.segments == NULL && request.readable == 0);
    scsi_end();
}

/* ---- Task management ---- */

/* Each command comes back once: the aborted one as such, the others as they would. */
STARTED_SCSI_TEST(scsi, D_SCSI_12_D_SCSI_13_commands_that_are_given_up)
{
    struct vpt_scsi_request requests[6];
    struct vpt_completion completion;
    unsigned seen = 0;

    scsi_model.units[SCSI_SMALL].attentions = scsi_model.units[SCSI_WIDE].attentions = 0;
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned i = 0; i < 6; i++) {
        requests[i] = scsi_command(i < 4 ? SCSI_SMALL : SCSI_WIDE, TEST_UNIT_READY);
        assert_status(vpt_scsi_submit(&scsi, &requests[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK; /* of the control queue */
    assert_status(vpt_scsi_abort(&scsi, &requests[2]), VPT_OK);
    assert_status(vpt_requests_poll(&scsi.requests, &completion), VPT_OK);
    if (!variant->in_order) {
        cr_assert(completion.token == &requests[2]);
    }
    for (unsigned i = 0; i < 6; i++) {
        size_t n = (size_t)((struct vpt_scsi_request *)completion.token - requests);

        cr_assert(n < 6 && (seen >> n & 1u) == 0);
        seen |= 1u << n;
        assert_status(completion.status, n == 2 || n >= 4 ? VPT_CANCELLED : VPT_OK);
        if (n == 2) { /* the others are still to come */
            assert_status(vpt_scsi_reset_unit(&scsi, 3, 0), VPT_OK);
            (void)mock_device_run(machine.model, 6);
        }
        assert_status(vpt_requests_poll(&scsi.requests, &completion), i == 5 ? VPT_EMPTY : VPT_OK);
    }
    assert_same(scsi_model.units[SCSI_WIDE].attentions, 1);
    assert_status(vpt_scsi_abort(&scsi, &requests[2]), VPT_OK); /* it has ended already */
    assert_scsi_works();
}

STARTED_SCSI_TEST(scsi, D_SCSI_12_what_comes_of_task_management)
{
    static const struct {
        uint8_t response;
        enum vpt_status status;
    } rows[] = {
        { 10, VPT_OK },
        { 3, VPT_EMPTY_SLOT },
        { 12, VPT_EMPTY_SLOT },
        { 5, VPT_RESOURCE_FULL },
        { 9, VPT_DEVICE_IO_ERROR },
        { 11, VPT_DEVICE_IO_ERROR },
        { 13, VPT_DEVICE_REQUEST_STATUS },
        { 0xff, VPT_DEVICE_REQUEST_STATUS },
    };
    const struct vpt_scsi_request request = { .target = 0 };
    uint32_t attentions;

    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        scsi_model.options.control_response = rows[i].response;
        assert_status(vpt_scsi_reset_unit(&scsi, 0, 0), rows[i].status);
    }
    scsi_model.options.control_response = 0;
    assert_status(vpt_scsi_reset_unit(&scsi, 0, 1), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_reset_unit(&scsi, 9, 0), VPT_EMPTY_SLOT);
    attentions = scsi_model.units[SCSI_SMALL].attentions;
    for (unsigned bit = 14; bit < 16; bit++) { /* no unit has them (D-SCSI-6), unit 0 least of all */
        assert_status(vpt_scsi_reset_unit(&scsi, 0, (uint16_t)(1u << bit)), VPT_EMPTY_SLOT);
    }
    assert_same(scsi_model.units[SCSI_SMALL].attentions, attentions);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
    assert_status(vpt_scsi_abort(&scsi, &request), VPT_DEVICE_REQUEST_STATUS);
    assert_status(vpt_scsi_abort(NULL, &request), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_abort(&scsi, NULL), VPT_CALLER_ARGUMENT);
    /* Nothing is reset. An answer that comes late is for nobody; before that there is no room. */
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    assert_status(vpt_scsi_abort(&scsi, &request), VPT_DEVICE_TIMEOUT);
    assert_status(vpt_scsi_abort(&scsi, &request), VPT_CALLER_BUSY);
    scsi_model.options.control_response = 9;
    (void)mock_device_run(machine.model, 1);
    scsi_model.options.control_response = 0;
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(vpt_scsi_abort(&scsi, &request), VPT_OK);
    assert_same(machine.model->resets, 1);
}

/* ---- Events ---- */

static void assert_event(uint32_t type, uint8_t target, uint16_t lun, uint32_t reason, bool lost)
{
    struct vpt_scsi_event event = { .type = 99 };

    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_OK);
    assert_same(event.type, type);
    assert_same(event.lost, lost);
    if (type != VPT_SCSI_EVENT_NONE) {
        assert_same(event.target, target);
        assert_same(event.lun, lun);
        assert_same(event.reason, reason);
    }
}

STARTED_SCSI_TEST(scsi, D_SCSI_14_D_SCSI_15_SCSI_EVENT_1_SCSI_EVENT_3_events)
{
    struct vpt_scsi_event event = { .type = 99 };

    assert_same(machine.model->queues[1].pending_count, 16);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_EMPTY);
    assert_same(event.type, 99);
    for (uint16_t i = 0; i < 100; i++) {
        scsi_model.options.plain_luns = i % 2u != 0;
        mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_RESET, (uint8_t)i, (uint16_t)(i * 131u), i % 3u);
        mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_CHANGE, 3, 300, VPT_SCSI_REASON_CAPACITY);
        assert_event(VPT_SCSI_EVENT_RESET, (uint8_t)i, (uint16_t)(i * 131u), i % 3u, false);
        assert_event(VPT_SCSI_EVENT_CHANGE, 3, 300, VPT_SCSI_REASON_CAPACITY, false);
        assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_EMPTY);
    }
    /* More than there are buffers: the next buffer says so. */
    for (uint32_t i = 0; i < 20; i++) {
        mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_ASYNC, 1, 2, i);
    }
    for (uint32_t i = 0; i < 16; i++) {
        assert_event(VPT_SCSI_EVENT_ASYNC, 1, 2, i, false);
    }
    assert_event(VPT_SCSI_EVENT_NONE, 0, 0, 0, true);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_EMPTY);
    scsi_model.waiting[scsi_model.waiting_count++] = (struct event){ VPT_SCSI_EVENT_RESET, 9, 8, 1 };
    scsi_model.lost = true;
    mock_device_wake(machine.model, 1);
    assert_event(VPT_SCSI_EVENT_RESET, 9, 8, 1, true);
    assert_status(vpt_scsi_poll_event(&scsi, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_poll_event(NULL, &event), VPT_CALLER_ARGUMENT);
}

/* An event that is too short is lost. A legacy device's length is void; what it did not write is not an old event. */
STARTED_SCSI_TEST(scsi, LEG_SCSIOP_1_events_that_are_not_written)
{
    bool old = machine_kind_legacy(variant->kind);
    struct vpt_scsi_event event;

    for (uint32_t i = 0; i < 16; i++) {
        mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_CHANGE, 7, 8, 9);
        assert_event(VPT_SCSI_EVENT_CHANGE, 7, 8, 9, false);
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_LENGTH_SHORT, 1, 1, 0);
    mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_CHANGE, 7, 8, 9);
    assert_event(old ? VPT_SCSI_EVENT_CHANGE : VPT_SCSI_EVENT_NONE, 7, 8, 9, !old);
    scsi_model.options.event_most = 3;
    mock_scsi_happens(&scsi_model, 0, 7, 8, 9);
    assert_event(VPT_SCSI_EVENT_NONE, 0, 0, 0, true);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
    mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_CHANGE, 7, 8, 9);
    assert_event(VPT_SCSI_EVENT_NONE, 0, 0, 0, true);
    scsi_model.options.event_most = 4; /* about no unit */
    mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_RESET, 7, 8, 9);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_OK);
    cr_assert(event.lost);
}

/* Numbers of a legacy device are in the CPU's order, commands' are big-endian in any case. */
Test(scsi, LEG_SCSICFG_1_LEG_SCSIREQ_1_LEG_SCSICTRL_1_LEG_SCSIEVENT_1_LEG_SCSIFRAME_1_legacy)
{
    struct vpt_scsi_request request = scsi_command(SCSI_SMALL, TEST_UNIT_READY);

    scsi_start(&legacy);
    assert_scsi_works();
    assert_status(vpt_scsi_abort(&scsi, &request), VPT_OK);
    mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_RESET, 9, 0, VPT_SCSI_RESET_REMOVED);
    assert_event(VPT_SCSI_EVENT_RESET, 9, 0, VPT_SCSI_RESET_REMOVED, false);
    scsi_end();
}
