/* SPDX-License-Identifier: MIT */
/* Bring-up again on the objects and the memory from before: after a failure, and when a machine wakes up. */
#include "disk.h"

#include <string.h>

#include "recovery_page.h"

TestSuite(restart, .timeout = 60);

static enum vpt_status restart(void)
{
    return vpt_driver_restart(&disk.blk.driver, NULL);
}

STARTED_PAIR_TEST(restart, states_in_which_a_queue_cannot_be_restarted)
{
    static struct vpt_driver unused_driver;
    static struct vpt_requests unused;
    struct vpt_queue *queue = &disk.queue[0].requests.queue;

    assert_status(vpt_queue_restart(queue), VPT_CALLER_STATE); /* still the device's */
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(0, 4);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(restart(), VPT_CALLER_BUSY);
    assert_status(vpt_queue_restart(queue), VPT_CALLER_BUSY);
    assert_status(pair_poll(), VPT_EMPTY);
    assert_status(vpt_queue_restart(queue), VPT_CALLER_STATE); /* not negotiated */
    assert_status(restart(), VPT_OK);
    assert_status(vpt_queue_restart(queue), VPT_CALLER_STATE); /* it is already */
    assert_status(vpt_queue_restart(&unused.queue), VPT_CALLER_STATE);
    assert_status(vpt_driver_restart(&unused_driver, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_restart(NULL, NULL), VPT_CALLER_ARGUMENT);
}

/* ---- What may have changed meanwhile ---- */

STARTED_PAIR_TEST(restart, what_the_device_says_of_itself_is_read_again)
{
    assert_same(disk.blk.info.capacity, 64);
    mock_blk_resize(machine.blk, 96);
    pair_reset();
    assert_same(disk.blk.info.capacity, 64);
    assert_status(restart(), VPT_OK);
    assert_same(disk.blk.info.capacity, 96);
    pair_assert_works(4);
}

TRANSPORT_TEST(restart, a_device_that_lost_a_feature_or_a_queue_is_given_up_and_may_be_tried_again)
{
    pair_start(variant->kind, NULL);
    pair_reset();
    machine_offer(VPT_BLK_F_FLUSH, false);
    assert_status(restart(), VPT_UNSUPPORTED_FEATURE);
    cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
    cr_assert(disk.blk.info.flush && disk.blk.info.capacity == 64);
    machine_offer(VPT_BLK_F_FLUSH, true);
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, 1);
    assert_status(restart(), VPT_UNSUPPORTED_QUEUE);
    assert_same(disk.blk.info.queues, DISK_QUEUES);
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, DISK_QUEUES);
    pair_restart_and_end();
}

/* A feature that was done without before is not taken up: the memory was not made for it. */
TRANSPORT_TEST(restart, a_device_that_got_a_feature_more_is_used_as_before)
{
    struct vpt_features before;

    pair_machine(variant->kind, NULL);
    machine_offer(VPT_F_EVENT_IDX, false);
    machine_offer(VPT_F_INDIRECT_DESC, false);
    assert_status(disk_bring_up(NULL), VPT_OK);
    before = machine.device->features;
    pair_reset();
    machine_offer(VPT_F_EVENT_IDX, true);
    machine_offer(VPT_F_INDIRECT_DESC, true);
    assert_status(restart(), VPT_OK);
    cr_assert(memcmp(&before, &machine.device->features, sizeof(before)) == 0);
    pair_assert_works(10);
    disk_end();
}

/* Memory that the device reaches by one way is of no use to it by the other. */
Test(restart, RSVFEAT_3_memory_for_translated_accesses_is_not_used_for_others)
{
    struct vpt_features platform = { { 0 } };

    vpt_features_add(&platform, VPT_F_ACCESS_PLATFORM);
    pair_start(MACHINE_MMIO_2, &platform);
    pair_reset();
    assert_status(vpt_device_negotiate(machine.device, NULL, &disk.blk.driver.features, &platform), VPT_OK);
    assert_status(vpt_queue_restart(&disk.queue[0].requests.queue), VPT_DEVICE_FEATURES);
    disk_end();
}

/* A cache that cannot be flushed is turned off: it was on only because the device came up so. */
TRANSPORT_TEST(restart, the_cache_stays_in_the_mode_that_it_was_set_to_and_off_without_flushes)
{
    /* A legacy configuration is read until two passes agree. */
    uint32_t passes = machine_kind_legacy(variant->kind) ? 2 : 1;

    for (unsigned flush = 0; flush < 2; flush++) {
        pair_machine(variant->kind, NULL);
        machine_offer(VPT_BLK_F_CONFIG_WCE, true);
        machine_offer(VPT_BLK_F_FLUSH, flush == 1);
        mock_config_set(&machine.model->config, MOCK_BLK_WRITEBACK, 1, flush);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1 - flush, passes,
                       MOCK_CONFIG_VALUE(MOCK_BLK_WRITEBACK, 1));
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(disk.blk.info.write_back && disk.blk.info.write_back_switch);
        assert_same(disk.blk.info.flush, flush);
        assert_status(flush == 1 ? vpt_blk_set_write_back(&disk.blk, false) : VPT_OK, VPT_OK);
        pair_reset();
        mock_config_set(&machine.model->config, MOCK_BLK_WRITEBACK, 1, flush);
        assert_status(restart(), VPT_OK);
        cr_assert(!disk.blk.info.write_back);
        assert_same(mock_config_get(&machine.model->config, MOCK_BLK_WRITEBACK, 1), 0);
        disk_end();
    }
}

/* ---- The code of docs/recovery.md ---- */

static void note(void *ctx, const struct vpt_completion *completion)
{
    ptrdiff_t request = (unsigned *)completion->token - disk.back;

    cr_assert(ctx == &disk && request >= 0 && request < (ptrdiff_t)PAIR_REQUESTS);
    disk.back[request]++;
    disk.status[request] = completion->status;
}

static void page_recovers(enum vpt_status expected, enum vpt_status requests)
{
    assert_status(recover(&disk.blk, disk.queue, DISK_QUEUES, note, &disk), expected);
    pair_assert_back(0, 16, requests);
}

TRANSPORT_TEST(restart, the_recovery_page_survives_sleep_failure_and_silence_and_ends_with_a_device_that_is_gone)
{
    uint64_t flushes;

    pair_start(variant->kind, NULL);
    flushes = machine.blk->flushes;
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    machine.model->completion.delay = 5;
    pair_submit(0, 16);
    assert_status(prepare_for_sleep(&disk.blk, disk.queue, DISK_QUEUES, note, &disk), VPT_OK);
    pair_assert_back(0, 16, VPT_OK);
    cr_assert(machine.blk->flushes == flushes + 1 && machine.model->status == 0);
    page_recovers(VPT_OK, VPT_OK);
    pair_assert_works(40);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned fails = 0; fails < 2; fails++) {
        pair_forget();
        pair_submit(0, 16);
        if (fails == 1) {
            mock_device_needs_reset(machine.model);
        }
        page_recovers(VPT_OK, VPT_CANCELLED);
        pair_assert_works(50 + fails);
    }
    pair_submit(0, 16);
    machine_pull_out();
    page_recovers(VPT_DEVICE_GONE, VPT_DEVICE_GONE);
    pair_bury();
}
