/* SPDX-License-Identifier: MIT */
/* A SCSI host: features, limits, one queue alone, commands in flight at a reset, a device that is pulled out. */
#include "scsi_host.h"

#define TOGETHER 4u

static uint8_t buffer[4096];

/* Protection information is not accepted; the sizes are those after a reset (OUT-SCSI-4). */
SCSI_TEST(scsi_life, OUT_SCSI_1_OUT_SCSI_2_OUT_SCSI_4_D_SCSI_10_features_and_sizes)
{
    static const struct {
        uint32_t sense_size;
        uint32_t cdb_size;
        enum vpt_status status;
    } rows[] = { { 96, 32, VPT_OK },
                 { 97, 32, VPT_DEVICE_CONFIG },
                 { 96, 16, VPT_DEVICE_CONFIG },
                 { UINT32_MAX, UINT32_MAX, VPT_DEVICE_CONFIG } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        scsi_make_model();
        scsi_model.options.sense_size = rows[i].sense_size;
        scsi_model.options.cdb_size = rows[i].cdb_size;
        scsi_probe_model(variant);
        assert_status(vpt_scsi_open(&scsi, machine.device), rows[i].status);
        if (rows[i].status == VPT_OK) {
            assert_same(machine.model->accepted.word[0] & 0xfu, 6);
            assert_same(machine.model->config.writes, 0); /* SCSI-CFG-1 */
            assert_scsi_works();
            scsi_end();
        } else {
            assert_nothing_left(&scsi_fixture);
            machine_end();
        }
    }
}

/* What a device says of itself that cannot be: nothing at all is one. */
Test(scsi_life, limits_of_nothing)
{
    scsi_probe(&ring_usual);
    mock_config_set(&machine.model->config, MOCK_SCSI_NUM_QUEUES, 4, 0);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_DEVICE_CONFIG);
    assert_nothing_left(&scsi_fixture);
    mock_config_set(&machine.model->config, MOCK_SCSI_NUM_QUEUES, 4, 7); /* OUT-SCSI-3 */
    mock_config_set(&machine.model->config, MOCK_SCSI_SEG_MAX, 4, 0);
    mock_config_set(&machine.model->config, MOCK_SCSI_MAX_SECTORS, 4, 0);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    assert_same(scsi.info.segments, 1);
    assert_same(scsi.info.sectors, 1);
    mock_config_set(&machine.model->config, MOCK_SCSI_SEG_MAX, 4, 1);
    assert_scsi_works();
    mock_config_set(&machine.model->config, MOCK_SCSI_CMD_PER_LUN, 4, 0);
    scsi_release();
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    assert_same(scsi.info.cmd_per_lun, 1);
    scsi_end();
}

/* A kernel that neither aborts nor takes events sets up one queue. */
SCSI_TEST(scsi_life, SCSI_INIT_1_SCSI_INIT_3_one_queue_is_enough)
{
    struct vpt_scsi_event event;

    scsi_probe(variant);
    assert_status(vpt_scsi_init(&scsi, machine.device, NULL), VPT_OK);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_CALLER_STATE);
    assert_status(vpt_scsi_queue_init(&scsi, 2, NULL), VPT_OK);
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_CALLER_STATE); /* it is not started */
    assert_status(vpt_driver_start(&scsi.driver), VPT_OK);
    assert_scsi_works();
    assert_status(vpt_scsi_reset_unit(&scsi, 0, 0), VPT_CALLER_STATE);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_CALLER_STATE);
    scsi_end();
}

/* ---- Resets ---- */

/* Each command in flight comes back once. Disks stay open. */
STARTED_SCSI_TEST(scsi_life, CLEANUP_2_a_reset_with_commands_in_flight)
{
    struct vpt_scsi_request requests[TOGETHER];
    struct vpt_completion completion;
    struct vpt_scsi_event event;

    for (uint32_t round = 0; round < 3; round++) {
        unsigned seen = 0;

        assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        for (unsigned i = 0; i < TOGETHER; i++) {
            const struct vpt_segment segment = machine_segment(0x1000u * i, 1024);

            assert_status(vpt_scsi_disk_submit(&scsi_disk, &requests[i], VPT_SCSI_READ, i, &segment, 1), VPT_OK);
        }
        assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        while (vpt_requests_poll(&scsi.requests, &completion) == VPT_OK) {
            const struct vpt_scsi_request *request = completion.token;

            cr_assert(completion.status == VPT_CANCELLED && (seen >> (request - requests) & 1u) == 0);
            cr_assert(request->response == 0xff && request->length == 0);
            seen |= 1u << (request - requests);
        }
        assert_same(seen, (1u << TOGETHER) - 1u);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_CANCELLED);
        assert_status(vpt_scsi_drain(&scsi), VPT_OK);
        assert_status(vpt_driver_restart(&scsi.driver, NULL), VPT_OK);
        assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_OK); /* despite a UNIT ATTENTION */
        mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_RESET, 0, 0, 1);
        assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_OK);
        assert_scsi_works();
    }
}
