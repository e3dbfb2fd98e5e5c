/* SPDX-License-Identifier: MIT */
/* VIRTIO_F_SUSPEND: a device that keeps its queues while the machine sleeps (VirtIO 1.4, section 3.4). */
#include "disk.h"

TestSuite(suspend, .timeout = 60);

static struct machine_variant kinds[] = { { MACHINE_MMIO_2 }, { MACHINE_PCI_MODERN } };

#define SUSPEND_TEST(suite, name)                                                                                      \
    PARAMETER_TEST(struct machine_variant, cr_make_param_array(struct machine_variant, kinds, COUNT_OF(kinds)), suite, \
                   name)

#define ALIVE (VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | VPT_STATUS_FEATURES_OK)

static void start(enum machine_kind kind)
{
    struct vpt_features offer = { { 0 } };

    vpt_features_add(&offer, VPT_F_SUSPEND);
    pair_start(kind, &offer);
    cr_assert(vpt_features_has(&machine.device->features, VPT_F_SUSPEND));
    machine.hal->wait_budget[VPT_WAIT_SUSPEND] = 60;
}

static void suspend(enum vpt_status expected)
{
    assert_status(vpt_device_suspend(machine.device), expected);
}

static void resume(enum vpt_status expected)
{
    assert_status(vpt_device_resume(machine.device), expected);
}

static void reset_and_restart(void)
{
    pair_reset();
    machine.model->suspend_reads = 0;
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
}

#define STARTED_SUSPEND_TEST(suite, name) \
    STARTED_TEST(struct machine_variant, SUSPEND_TEST, start(variant->kind), disk_end(), suite, name)

/* Its status shows what it was told at once, or not before it is done. */
STARTED_SUSPEND_TEST(suspend, SUSPEND_6_a_device_goes_on_after_a_suspend_as_it_was_before)
{
    uint64_t resets;

    resets = machine.model->resets;
    for (uint32_t i = 0; i < 8; i++) {
        machine.model->suspend_reads = i / 2 * 13;
        machine.model->suspend_unseen = i % 2 == 1;
        pair_assert_works(i * 100);
        suspend(VPT_OK);
        assert_same(machine.model->status, ALIVE | VPT_STATUS_SUSPEND);
        assert_status(vpt_device_check(machine.device), VPT_OK);
        resume(VPT_OK);
        assert_same(machine.model->status, ALIVE | VPT_STATUS_DRIVER_OK);
    }
    assert_same(machine.model->resets, resets);
    pair_assert_works(77);
}

STARTED_SUSPEND_TEST(suspend, SUSPEND_3_requests_are_kept_back_until_the_device_goes_on)
{
    struct vpt_segment segment;

    segment = machine_segment(0, SECTOR);
    suspend(VPT_OK);
    assert_status(disk_submit(VPT_BLK_READ, 1, &segment, 1, &disk.back[1]), VPT_OK);
    vpt_queue_publish(&disk.queue[0].requests.queue);
    assert_status(vpt_requests_kick(&disk.queue[0].requests), VPT_CALLER_STATE);
    assert_status(pair_poll(), VPT_EMPTY);
    resume(VPT_OK);
    assert_same(disk.back[1], 0);
    assert_status(vpt_requests_kick(&disk.queue[0].requests), VPT_OK);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(1, 1, VPT_OK);
}

STARTED_SUSPEND_TEST(suspend, SUSPEND_4_SUSPEND_5_queues_and_configuration_are_left_alone_while_the_device_is_suspended)
{
    uint8_t sector[SECTOR];
    uint32_t value = 0;
    uint64_t kicks;

    suspend(VPT_OK);
    kicks = machine.model->kicks;
    assert_status(vpt_requests_kick(&disk.queue[1].requests), VPT_CALLER_STATE);
    assert_status(vpt_queue_notify(&disk.queue[1].requests.queue), VPT_CALLER_STATE);
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), VPT_CALLER_STATE);
    assert_status(vpt_blk_flush(&disk.queue[0]), VPT_CALLER_STATE);
    assert_status(vpt_requests_quiesce(&disk.queue[0].requests, NULL, NULL), VPT_OK);
    assert_same(machine.model->kicks, kicks);
    assert_status(vpt_device_config_read(machine.device, 0, 4, &value), VPT_CALLER_STATE);
    assert_status(vpt_device_config_write(machine.device, MOCK_BLK_WRITEBACK, 1, 1), VPT_CALLER_STATE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_CALLER_STATE);
    resume(VPT_OK);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    pair_assert_works(4);
}

STARTED_SUSPEND_TEST(suspend, SUSPEND_1_only_a_started_device_with_the_feature_is_suspended)
{
    resume(VPT_CALLER_STATE);
    suspend(VPT_OK);
    suspend(VPT_CALLER_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    suspend(VPT_CALLER_STATE);
    resume(VPT_CALLER_STATE);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(5);
    vpt_device_fail(machine.device);
    suspend(VPT_CALLER_STATE);
}

STARTED_PAIR_TEST(suspend, SUSPEND_1_a_device_without_the_feature_is_not_asked)
{
    uint8_t status;

    status = machine.model->status;
    suspend(VPT_UNSUPPORTED_FEATURE);
    assert_same(machine.model->status, status);
    pair_assert_works(6);
}

STARTED_SUSPEND_TEST(suspend, SUSPEND_2_the_wait_for_a_suspend_is_bounded)
{
    machine.model->suspend_reads = UINT32_MAX;
    suspend(VPT_DEVICE_TIMEOUT);
    assert_status(vpt_requests_kick(&disk.queue[0].requests), VPT_CALLER_STATE);
    resume(VPT_DEVICE_TIMEOUT);
    reset_and_restart();
    pair_assert_works(7);
}

/*
 * A device that is only slow: each call goes on where the one before gave up, and none is too early or repeats itself.
 */
SUSPEND_TEST(suspend, SUSPEND_6_what_takes_longer_than_the_wait_is_waited_for_again)
{
    for (unsigned unseen = 0; unseen < 2; unseen++) {
        start(variant->kind);
        machine.hal->wait_budget[VPT_WAIT_SUSPEND] = 30;
        machine.model->suspend_unseen = unseen == 1;
        machine.model->suspend_reads = 50;
        suspend(VPT_DEVICE_TIMEOUT);
        resume(VPT_DEVICE_TIMEOUT); /* suspended at last, told to go on */
        resume(VPT_OK);
        cr_assert(!machine.model->suspending && !machine.model->resuming);
        pair_assert_works(8);
        machine.model->suspend_reads = 0;
        suspend(VPT_OK);
        machine.model->suspend_reads = 35;
        resume(VPT_DEVICE_TIMEOUT);
        for (unsigned i = 0; i < 10; i++) {
            (void)vpt_device_check(machine.device); /* meanwhile it has gone on by itself */
        }
        resume(VPT_OK);
        cr_assert((machine.model->status & VPT_STATUS_SUSPEND) == 0 && !machine.model->suspending);
        pair_assert_works(9);
        disk_end();
    }
}

/* A machine that took the device's power after all: what comes back has no queues, and says so before it is used. */
SUSPEND_TEST(suspend, a_device_that_has_lost_its_state_is_not_resumed)
{
    start(variant->kind);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(0, 6);
    suspend(VPT_OK);
    mock_device_write_status(machine.model, 0);
    resume(VPT_DEVICE_NEEDS_RESET);
    assert_same(machine.model->status, 0);
    reset_and_restart();
    pair_assert_back(0, 6, VPT_CANCELLED);
    mock_device_write_status(machine.model, 0);
    suspend(VPT_DEVICE_NEEDS_RESET);
    assert_same(machine.model->status, 0);
    pair_reset();
    pair_restart_and_end();
}

SUSPEND_TEST(suspend, a_device_that_fails_or_goes_instead_is_named)
{
    start(variant->kind);
    machine.model->suspend_reads = UINT32_MAX;
    mock_device_needs_reset(machine.model);
    suspend(VPT_DEVICE_NEEDS_RESET);
    reset_and_restart();
    suspend(VPT_OK);
    machine_pull_out();
    resume(VPT_DEVICE_GONE);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_bury();
}

/* Requests that the device has taken wait with it, and come back once it goes on. */
STARTED_SUSPEND_TEST(suspend, requests_in_flight_outlast_a_suspend)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(0, 12);
    suspend(VPT_OK);
    assert_same(mock_device_run(machine.model, UINT32_MAX), 0);
    assert_status(pair_poll(), VPT_EMPTY);
    resume(VPT_OK);
    assert_same(mock_device_run(machine.model, UINT32_MAX), 12);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, 12, VPT_OK);
}
