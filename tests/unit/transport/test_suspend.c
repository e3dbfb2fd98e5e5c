/* SPDX-License-Identifier: MIT */
/* VIRTIO_F_SUSPEND: a device that keeps its queues while the machine sleeps (VirtIO 1.4, section 3.4). */
#include "rig.h"

TestSuite(suspend, .timeout = 60);

static struct rig_variant kinds[] = { { RIG_MMIO_MODERN }, { RIG_PCI_MODERN } };

#define SUSPEND_TEST(name) \
    PARAMETER_TEST(struct rig_variant, cr_make_param_array(struct rig_variant, kinds, COUNT_OF(kinds)), suspend, name)

static void start(enum rig_kind kind)
{
    struct vpt_features offer = { { 0 } };

    vpt_features_add(&offer, VPT_F_SUSPEND);
    rig_start(kind, &offer);
    cr_assert(vpt_features_has(&rig.device->features, VPT_F_SUSPEND));
}

/* `unseen`: whether the device's status shows what it was told at once, or when it is done. */
static void go_on(uint32_t reads, bool unseen)
{
    uint64_t resets = rig.model->resets;

    rig.model->suspend_reads = reads;
    rig.model->suspend_unseen = unseen;
    rig_assert_works(reads * 100);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    cr_assert(rig.model->status ==
              (VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | VPT_STATUS_FEATURES_OK | VPT_STATUS_SUSPEND));
    assert_status(vpt_device_check(rig.device), VPT_OK);
    assert_status(vpt_device_resume(rig.device), VPT_OK);
    cr_assert(rig.model->status ==
              (VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | VPT_STATUS_FEATURES_OK | VPT_STATUS_DRIVER_OK));
    cr_assert(rig.model->resets == resets);
}

SUSPEND_TEST(SUSPEND_6_a_device_goes_on_after_a_suspend_as_it_was_before)
{
    start(variant->kind);
    for (uint32_t reads = 0; reads < 40; reads += 13) {
        go_on(reads, false);
        go_on(reads, true);
    }
    rig_assert_works(77);
    rig_end();
}

SUSPEND_TEST(SUSPEND_3_requests_are_kept_back_until_the_device_goes_on)
{
    struct vpt_segment segment;
    struct vpt_blk_request request = { .operation = VPT_BLK_READ, .sector = 1, .segment_count = 1 };

    start(variant->kind);
    segment = (struct vpt_segment){ rig.data.device_address, SECTOR };
    request.segments = &segment;
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    assert_status(vpt_blk_submit(&rig.queue[0], &request, &rig.back[1]), VPT_OK);
    vpt_queue_publish(&rig.queue[0].requests.queue);
    assert_status(vpt_requests_kick(&rig.queue[0].requests), VPT_CALLER_STATE);
    assert_status(rig_poll(), VPT_EMPTY);
    assert_status(vpt_device_resume(rig.device), VPT_OK);
    cr_assert(rig.back[1] == 0);
    assert_status(vpt_requests_kick(&rig.queue[0].requests), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(1, 1, VPT_OK);
    rig_end();
}

SUSPEND_TEST(SUSPEND_4_no_queue_is_kicked_while_the_device_is_suspended)
{
    uint8_t sector[SECTOR];
    uint64_t kicks;

    start(variant->kind);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    kicks = rig.model->kicks;
    assert_status(vpt_requests_kick(&rig.queue[1].requests), VPT_CALLER_STATE);
    assert_status(vpt_queue_notify(&rig.queue[1].requests.queue), VPT_CALLER_STATE);
    assert_status(vpt_blk_read(&rig.queue[0], 0, sector, sizeof(sector)), VPT_CALLER_STATE);
    assert_status(vpt_blk_flush(&rig.queue[0]), VPT_CALLER_STATE);
    assert_status(vpt_requests_quiesce(&rig.queue[0].requests, NULL, NULL), VPT_OK);
    cr_assert(rig.model->kicks == kicks);
    assert_status(vpt_device_resume(rig.device), VPT_OK);
    rig_assert_works(4);
    rig_end();
}

SUSPEND_TEST(SUSPEND_5_the_configuration_is_left_alone_while_the_device_is_suspended)
{
    uint32_t value = 0;

    start(variant->kind);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    assert_status(vpt_device_config_read(rig.device, 0, 4, &value), VPT_CALLER_STATE);
    assert_status(vpt_device_config_write(rig.device, MOCK_BLK_WRITEBACK, 1, 1), VPT_CALLER_STATE);
    assert_status(vpt_blk_refresh(&rig.blk), VPT_CALLER_STATE);
    assert_status(vpt_device_resume(rig.device), VPT_OK);
    assert_status(vpt_blk_refresh(&rig.blk), VPT_OK);
    rig_end();
}

SUSPEND_TEST(SUSPEND_1_only_a_started_device_with_the_feature_is_suspended)
{
    start(variant->kind);
    assert_status(vpt_device_resume(rig.device), VPT_CALLER_STATE);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    assert_status(vpt_device_suspend(rig.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(vpt_device_suspend(rig.device), VPT_CALLER_STATE);
    assert_status(vpt_device_resume(rig.device), VPT_CALLER_STATE);
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(5);
    vpt_device_fail(rig.device);
    assert_status(vpt_device_suspend(rig.device), VPT_CALLER_STATE);
    rig_end();
}

RIG_TEST(suspend, SUSPEND_1_a_device_without_the_feature_is_not_asked)
{
    uint8_t status;

    rig_start(variant->kind, NULL);
    status = rig.model->status;
    assert_status(vpt_device_suspend(rig.device), VPT_UNSUPPORTED_FEATURE);
    cr_assert(rig.model->status == status);
    rig_assert_works(6);
    rig_end();
}

SUSPEND_TEST(SUSPEND_2_the_wait_for_a_suspend_is_bounded)
{
    start(variant->kind);
    rig.hal->wait_budget[VPT_WAIT_SUSPEND] = 30;
    rig.model->suspend_reads = UINT32_MAX;
    assert_status(vpt_device_suspend(rig.device), VPT_DEVICE_TIMEOUT);
    assert_status(vpt_requests_kick(&rig.queue[0].requests), VPT_CALLER_STATE);
    assert_status(vpt_device_resume(rig.device), VPT_DEVICE_TIMEOUT);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig.model->suspend_reads = 0;
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(7);
    rig_end();
}

/*
 * A device that is only slow: each call goes on where the one before gave up, and none is too early or repeats itself.
 */
SUSPEND_TEST(SUSPEND_6_what_takes_longer_than_the_wait_is_waited_for_again)
{
    for (unsigned unseen = 0; unseen < 2; unseen++) {
        start(variant->kind);
        rig.hal->wait_budget[VPT_WAIT_SUSPEND] = 30;
        rig.model->suspend_unseen = unseen == 1;
        rig.model->suspend_reads = 50;
        assert_status(vpt_device_suspend(rig.device), VPT_DEVICE_TIMEOUT);
        assert_status(vpt_device_resume(rig.device), VPT_DEVICE_TIMEOUT); /* suspended at last, told to go on */
        assert_status(vpt_device_resume(rig.device), VPT_OK);
        cr_assert(!rig.model->suspending && !rig.model->resuming);
        rig_assert_works(8);
        rig.model->suspend_reads = 0;
        assert_status(vpt_device_suspend(rig.device), VPT_OK);
        rig.model->suspend_reads = 35;
        assert_status(vpt_device_resume(rig.device), VPT_DEVICE_TIMEOUT);
        for (unsigned i = 0; i < 10; i++) {
            (void)vpt_device_check(rig.device); /* meanwhile it has gone on by itself */
        }
        assert_status(vpt_device_resume(rig.device), VPT_OK);
        cr_assert((rig.model->status & VPT_STATUS_SUSPEND) == 0 && !rig.model->suspending);
        rig_assert_works(9);
        rig_end();
    }
}

/* A machine that took the device's power after all: what comes back has no queues, and says so before it is used. */
SUSPEND_TEST(a_device_that_has_lost_its_state_is_not_resumed)
{
    start(variant->kind);
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    rig_submit(0, 6);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    mock_device_write_status(rig.model, 0);
    assert_status(vpt_device_resume(rig.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert(rig.model->status == 0);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, 6, VPT_CANCELLED);
    assert_status(rig_restart(), VPT_OK);
    mock_device_write_status(rig.model, 0);
    assert_status(vpt_device_suspend(rig.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert(rig.model->status == 0);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(11);
    rig_end();
}

SUSPEND_TEST(a_device_that_fails_or_goes_instead_is_named)
{
    start(variant->kind);
    rig.model->suspend_reads = UINT32_MAX;
    mock_device_needs_reset(rig.model);
    assert_status(vpt_device_suspend(rig.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig.model->suspend_reads = 0;
    assert_status(rig_restart(), VPT_OK);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    rig_pull_out();
    assert_status(vpt_device_resume(rig.device), VPT_DEVICE_GONE);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_release();
    rig_plug_in();
    rig_finish();
}

/* Requests that the device has taken wait with it, and come back once it goes on. */
SUSPEND_TEST(requests_in_flight_outlast_a_suspend)
{
    start(variant->kind);
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    rig_submit(0, 12);
    assert_status(vpt_device_suspend(rig.device), VPT_OK);
    cr_assert(mock_device_run(rig.model, UINT32_MAX) == 0);
    assert_status(rig_poll(), VPT_EMPTY);
    assert_status(vpt_device_resume(rig.device), VPT_OK);
    cr_assert(mock_device_run(rig.model, UINT32_MAX) == 12);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, 12, VPT_OK);
    rig_end();
}
