/* SPDX-License-Identifier: MIT */
/* The SCSI host driver on QEMU's virtio-scsi: what is written is in the image; units come, go and change by QMP. */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_scsi, .timeout = 60);

#define DISK_BYTES 0x200000u
#define SECTORS    (DISK_BYTES / 512u)
#define TOGETHER   8u
#define PIECE      2048u /* bytes of a request of several at once; in two segments */

static struct vpt_scsi scsi;
static struct vpt_scsi_disk unit;
static struct vpt_memory data;
static uint8_t model[DISK_BYTES], buffer[DISK_BYTES];

/* ---- The machine ---- */

#define QMP(...) assert_status(vpt_qtest_qmp(fixture.qtest, __VA_ARGS__), VPT_OK)

static void plug(const char *driver, const char *node, unsigned target, unsigned lun, const char *more)
{
    QMP("{'execute': 'device_add', 'arguments': {'driver': '%s', 'bus': 'device.0', 'drive': '%s', 'id': 'unit-%s', "
        "'scsi-id': %u, 'lun': %u%s}}",
        driver, node, node, target, lun, more);
}

static void add_null(const char *node, const char *more)
{
    QMP("{'execute': 'blockdev-add', 'arguments': {'driver': 'null-co', 'node-name': '%s', 'size': 1048576%s}}", node,
        more);
}

/* A unit of a new node appears at target 2; and goes. */
static void come(unsigned number, unsigned lun)
{
    char node[16];

    (void)snprintf(node, sizeof(node), "n%u", number);
    add_null(node, "");
    plug("scsi-hd", node, 2, lun, "");
}

static void go(unsigned number)
{
    QMP("{'execute': 'device_del', 'arguments': {'id': 'unit-n%u'}}", number);
}

static uint32_t flags_of(const struct place *place)
{
    return place->iommu ? VPT_DMA_ACCESS_PLATFORM : 0;
}

/* Target 1 has the image. */
static void start(const struct place *place)
{
    struct fixture_options options = { .image_size = DISK_BYTES };

    place_start(place, "virtio-scsi", "", &options);
    plug("scsi-hd", "d0", 1, 0, ", 'serial': 'VPT1'");
    assert_status(vpt_scsi_open(&scsi, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    data = memory_of((size_t)TOGETHER * PIECE, flags_of(place));
    image_read(0, model, sizeof(model));
}

static void end(void)
{
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_scsi_drain(&scsi), VPT_OK);
    assert_status(vpt_driver_release(&scsi.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &data, flags_of(&placed.place));
    place_finish();
}

static struct vpt_scsi_request ready_request(uint8_t target)
{
    return (struct vpt_scsi_request){ .target = target };
}

/* Submits a request and waits until it has come back. */
static enum vpt_status complete(struct vpt_scsi_request *request)
{
    struct vpt_completion completion;
    uint64_t ends = now() + FIXTURE_WAIT;
    enum vpt_status status;

    assert_status(vpt_scsi_submit(&scsi, request), VPT_OK);
    assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
    do {
        status = vpt_requests_poll(&scsi.requests, &completion);
    } while (status == VPT_EMPTY && now() < ends);
    assert_status(status, VPT_OK);
    assert_that(completion.token == request);
    return completion.status;
}

static struct vpt_scsi_event next_event(void)
{
    struct vpt_scsi_event event = { .type = 99 };
    uint64_t ends = now() + FIXTURE_WAIT;
    enum vpt_status status;

    do {
        status = vpt_scsi_poll_event(&scsi, &event);
    } while (status == VPT_EMPTY && now() < ends);
    assert_status(status, VPT_OK);
    return event;
}

static void check_works(uint64_t sector, size_t size, uint32_t seed)
{
    fill(model + sector * 512u, size, seed);
    assert_status(vpt_scsi_disk_write(&unit, sector, model + sector * 512u, size), VPT_OK);
    assert_status(vpt_scsi_disk_flush(&unit), VPT_OK);
    memset(buffer, 0, size);
    assert_status(vpt_scsi_disk_read(&unit, sector, buffer, size), VPT_OK);
    assert_that(filled(buffer, size, seed) && image_is(model));
}

/* ---- Tests ---- */

PLACE_TEST(device_scsi, D_SCSI_2_D_SCSI_3_D_SCSI_6_what_there_is)
{
    char serial[VPT_SCSI_SERIAL_MAX + 1u];
    struct vpt_scsi_unit inquiry;
    uint64_t luns[8];
    uint32_t count = 0;

    start(place);
    add_null("n1", ", 'read-only': true");
    add_null("n2", "");
    add_null("n3", ", 'read-only': true");
    plug("scsi-hd", "n1", 1, 3, "");
    plug("scsi-hd", "n2", 1, 700, ", 'logical_block_size': 4096, 'physical_block_size': 4096");
    plug("scsi-cd", "n3", 5, 0, "");
    assert_that(scsi.info.segments == 254 && scsi.info.max_target == 255 && scsi.info.max_lun == 16383);
    assert_that(scsi.info.cmd_per_lun == 128 && scsi.info.sectors == 65535);
    assert_status(vpt_scsi_report_luns(&scsi, 1, luns, 7, &count), VPT_OK);
    assert_that(count == 3 && luns[0] == 0 && luns[1] + luns[2] == 703);
    assert_status(vpt_scsi_report_luns(&scsi, 1, luns, 2, &count), VPT_OK);
    assert_that(count == 2);
    assert_status(vpt_scsi_report_luns(&scsi, 2, luns, 7, &count), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_inquiry(&scsi, 1, 0, &inquiry), VPT_OK);
    assert_that(inquiry.type == VPT_SCSI_TYPE_DISK && memcmp(inquiry.product, "QEMU HARDDISK", 13) == 0);
    assert_status(vpt_scsi_get_serial(&scsi, 1, 0, serial), VPT_OK);
    assert_that(strcmp(serial, "VPT1") == 0);
    assert_status(vpt_scsi_inquiry(&scsi, 1, 1, &inquiry), VPT_EMPTY_SLOT); /* 0x7f */
    assert_status(vpt_scsi_test_ready(&scsi, 1, 1), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 2, 0), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 0), VPT_OK);
    assert_that(unit.capacity == SECTORS && unit.block_size == 512 && !unit.read_only);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 3), VPT_OK);
    assert_that(unit.capacity == 2048 && unit.read_only);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 700), VPT_OK);
    assert_that(unit.capacity == 2048 && unit.block_size == 4096 && !unit.read_only);
    assert_status(vpt_scsi_disk_write(&unit, 8, buffer, 8192), VPT_OK);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 5, 0), VPT_OK);
    assert_that(unit.capacity == 2048 && unit.block_size == 2048 && unit.read_only);
    assert_status(vpt_scsi_disk_read(&unit, 4, buffer, 4096), VPT_OK);
    end();
}

/* The first command to a unit tells that it was powered on, and is not carried out. */
PLACE_TEST(device_scsi, D_SCSI_7_D_SCSI_8_what_comes_of_a_command)
{
    struct vpt_scsi_request request = ready_request(1);

    start(place);
    assert_status(complete(&request), VPT_DEVICE_IO_ERROR);
    assert_that(request.status == VPT_SCSI_CHECK_CONDITION && request.key == VPT_SCSI_UNIT_ATTENTION &&
                request.asc == 0x29);
    assert_status(complete(&request), VPT_OK);
    assert_status(vpt_scsi_reset_unit(&scsi, 1, 0), VPT_OK);
    assert_status(complete(&request), VPT_DEVICE_IO_ERROR);
    assert_that(request.key == VPT_SCSI_UNIT_ATTENTION && request.asc == 0x29);
    assert_status(vpt_scsi_reset_unit(&scsi, 1, 0), VPT_OK);
    assert_status(vpt_scsi_test_ready(&scsi, 1, 0), VPT_OK);
    request.cdb[0] = 0xc5; /* no command */
    assert_status(complete(&request), VPT_UNSUPPORTED_REQUEST);
    assert_that(request.key == VPT_SCSI_ILLEGAL_REQUEST && request.asc == 0x20);
    memset(request.cdb, 0, sizeof(request.cdb));
    request.cdb[0] = 0xa0; /* there is one unit, and a header */
    request.cdb[9] = 200;
    assert_status(vpt_scsi_execute(&scsi, &request, VPT_DEVICE_WRITES, buffer, 200), VPT_OK);
    assert_that(request.length == 16);
    request.whole = true;
    assert_status(vpt_scsi_execute(&scsi, &request, VPT_DEVICE_WRITES, buffer, 200), VPT_DEVICE_IO_ERROR);
    request = ready_request(9);
    assert_status(complete(&request), VPT_EMPTY_SLOT);
    assert_that(request.response == 3);
    assert_status(vpt_scsi_reset_unit(&scsi, 9, 0), VPT_EMPTY_SLOT);
    end();
}

PLACE_TEST(device_scsi, what_is_written_is_in_the_image)
{
    uint32_t random = 3;

    start(place);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 0), VPT_OK);
    for (uint32_t i = 1; i < 12; i++) {
        uint64_t sector = next_random(&random) % SECTORS;
        uint64_t count = 1u + next_random(&random) % 64u;

        count = count < SECTORS - sector ? count : SECTORS - sector;
        check_works(sector, (size_t)count * 512u, i);
    }
    check_works(0, sizeof(model), 20); /* in parts */
    assert_status(vpt_scsi_disk_read(&unit, SECTORS, buffer, 512), VPT_CALLER_RANGE);
    end();
}

/* Several reads and writes are submitted together, and come back by interrupt. */
PLACE_TEST(device_scsi, D_SCSI_5_D_SCSI_11_requests_in_flight_together)
{
    struct vpt_scsi_request requests[TOGETHER];
    struct vpt_completion completion;

    start(place);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 0), VPT_OK);
    (void)vpt_device_interrupt(placed.device);
    place_intercept();
    assert_status(vpt_requests_poll(&scsi.requests, &completion), VPT_EMPTY);
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());
        unsigned seen = 0;

        for (uint32_t i = 0; i < TOGETHER; i++) {
            const uint64_t at = data.device_address + (uint64_t)i * PIECE;
            const struct vpt_segment segments[2] = { { at, 512 }, { at + 1024, 1024 } };
            uint8_t *bytes = (uint8_t *)data.address + (size_t)i * PIECE;

            fill(bytes, PIECE, round * TOGETHER + i);
            if (i % 2u == 0) {
                memcpy(model + (size_t)i * 10240u, bytes, 512);
                memcpy(model + (size_t)i * 10240u + 512u, bytes + 1024, 1024);
            }
            assert_status(vpt_scsi_disk_submit(&unit, &requests[i], i % 2u == 0 ? VPT_SCSI_WRITE : VPT_SCSI_READ,
                                               20u * i, segments, 2),
                          VPT_OK);
        }
        assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
        for (unsigned left = TOGETHER; left != 0;) {
            enum vpt_status status = vpt_requests_poll(&scsi.requests, &completion);

            if (status == VPT_EMPTY) {
                assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
                raises = vpt_qtest_line_raises(fixture.qtest, place_line());
                (void)vpt_device_interrupt(placed.device);
                continue;
            }
            assert_status(status, VPT_OK);
            assert_status(completion.status, VPT_OK);
            assert_that(((struct vpt_scsi_request *)completion.token)->length == 1536);
            seen |= 1u << ((struct vpt_scsi_request *)completion.token - requests);
            left--;
        }
        assert_that(seen == 0xff && image_is(model));
        for (uint32_t i = 1; i < TOGETHER; i += 2u) {
            const uint8_t *bytes = (uint8_t *)data.address + (size_t)i * PIECE;

            assert_that(memcmp(bytes, model + (size_t)i * 10240u, 512) == 0 &&
                        memcmp(bytes + 1024, model + (size_t)i * 10240u + 512u, 1024) == 0);
        }
        (void)vpt_device_interrupt(placed.device);
    }
    end();
}

PLACE_TEST(device_scsi, D_SCSI_14_SCSI_EVENT_1_units_that_come_go_and_change)
{
    struct vpt_scsi_event event;

    start(place);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 0), VPT_OK);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_EMPTY);
    for (unsigned i = 0; i < 20; i++) { /* more than there are buffers */
        come(i, 300);
        event = next_event();
        assert_that(event.type == VPT_SCSI_EVENT_RESET && event.reason == VPT_SCSI_RESET_RESCAN && !event.lost);
        assert_that(event.target == 2 && event.lun == 300);
        assert_status(vpt_scsi_test_ready(&scsi, 2, 300), VPT_OK);
        go(i);
        event = next_event();
        assert_that(event.type == VPT_SCSI_EVENT_RESET && event.reason == VPT_SCSI_RESET_REMOVED && !event.lost);
        assert_that(event.target == 2 && event.lun == 300);
        assert_status(vpt_scsi_test_ready(&scsi, 2, 300), VPT_EMPTY_SLOT);
    }
    QMP("{'execute': 'block_resize', 'arguments': {'node-name': 'd0', 'size': %u}}", DISK_BYTES / 2u);
    fixture.image_size = DISK_BYTES / 2u;
    event = next_event();
    assert_that(event.type == VPT_SCSI_EVENT_CHANGE && event.reason == VPT_SCSI_REASON_CAPACITY);
    assert_that(event.target == 1 && event.lun == 0 && !event.lost);
    assert_that(unit.capacity == SECTORS);
    assert_status(vpt_scsi_disk_read(&unit, SECTORS / 2u, buffer, 512), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_scsi_disk_refresh(&unit), VPT_OK);
    assert_that(unit.capacity == SECTORS / 2u);
    check_works(SECTORS / 2u - 8u, 4096, 7);
    end();
}

/* Without a buffer for them events are lost, which the next buffer tells. */
PLACE_TEST(device_scsi, SCSI_EVENT_3_events_are_lost)
{
    struct vpt_scsi_event event;

    start(place);
    for (unsigned i = 0; i < 10; i++) {
        come(i, 0);
        go(i);
    }
    for (unsigned i = 0; i < 16; i++) {
        event = next_event();
        assert_that(event.target == 2 && event.reason == 1u + i % 2u && !event.lost);
    }
    event = next_event();
    assert_that(event.type == VPT_SCSI_EVENT_NONE && event.lost);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_EMPTY);
    end();
}

/* A disk that takes its time: a command that is given up comes back as such, before the device says so. */
PLACE_TEST(device_scsi, D_SCSI_12_D_SCSI_13_a_command_that_is_given_up)
{
    struct vpt_scsi_request requests[2];
    struct vpt_segment segments[2];
    struct vpt_completion completion;
    unsigned seen = 0;

    start(place);
    add_null("n1", ", 'latency-ns': 200000000");
    plug("scsi-hd", "n1", 2, 0, "");
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 2, 0), VPT_OK);
    for (unsigned i = 0; i < 2; i++) {
        segments[i] = (struct vpt_segment){ data.device_address + 512u * i, 512 };
        assert_status(vpt_scsi_disk_submit(&unit, &requests[i], VPT_SCSI_READ, i, &segments[i], 1), VPT_OK);
    }
    assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
    assert_status(vpt_requests_poll(&scsi.requests, &completion), VPT_EMPTY);
    assert_status(vpt_scsi_abort(&scsi, &requests[1]), VPT_OK);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t ends = now() + FIXTURE_WAIT;
        enum vpt_status status;

        do {
            status = vpt_requests_poll(&scsi.requests, &completion);
        } while (status == VPT_EMPTY && now() < ends);
        assert_status(status, VPT_OK);
        assert_status(completion.status, completion.token == &requests[1] ? VPT_CANCELLED : VPT_OK);
        seen |= completion.token == &requests[1] ? 2u : 1u;
    }
    assert_that(seen == 3 && requests[1].response == 2 && requests[0].length == 512);
    assert_status(vpt_scsi_abort(&scsi, &requests[1]), VPT_OK); /* it has ended */
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 0), VPT_OK);
    check_works(3, 4096, 5);
    end();
}

PLACE_TEST(device_scsi, CLEANUP_2_a_restart_on_the_same_memory)
{
    start(place);
    assert_status(vpt_scsi_disk_open(&unit, &scsi, 1, 0), VPT_OK);
    for (uint32_t round = 1; round < 4; round++) {
        check_works(100u * round, 8192, round);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_scsi_drain(&scsi), VPT_OK);
        assert_status(vpt_scsi_disk_flush(&unit), VPT_CANCELLED);
        assert_status(vpt_driver_restart(&scsi.driver, NULL), VPT_OK);
    }
    check_works(1, 512, 9);
    end();
}
