/* SPDX-License-Identifier: MIT */
/*
 * What becomes of requests in flight when a device fails, falls silent, lies, or is removed, on every transport: none
 * is given back before the device has been reset, each comes back once with a status, and the device can be used again.
 */
#include "rig.h"

TestSuite(recovery, .timeout = 60);

#define FLIGHT 16u /* requests in flight: 0 to 15 */

static void hold_completions(void)
{
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
}

static uint64_t given_back(void)
{
    return rig.hal->frees + rig.hal->unshares;
}

/* Nothing is given back, and no memory can be, while the device may still use it. */
static void assert_held(uint64_t before)
{
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        enum vpt_status status = vpt_requests_release(&rig.queue[i].requests);

        cr_assert(status == VPT_CALLER_BUSY || status == VPT_CALLER_STATE, "%s", vpt_status_str(status));
    }
    assert_status(rig_restart(), VPT_CALLER_BUSY);
    for (unsigned i = 0; i < FLIGHT; i++) {
        cr_assert(rig.back[i] == 0);
    }
    cr_assert(given_back() == before);
}

/* A reset, what it returns, and another life on the same memory; then one on new memory. */
static void recover(enum vpt_status reset, enum vpt_status requests)
{
    assert_status(vpt_device_reset(rig.device), reset);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, FLIGHT, requests);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, FLIGHT, requests);
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(1000);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    rig_release();
    assert_status(rig_bring_up(), VPT_OK);
    rig_assert_works(2000);
    rig_end();
}

static void fail(void)
{
    mock_device_needs_reset(rig.model);
}

/* As the machine does that is reset as a whole, or firmware that uses the disk: the device has forgotten its queues. */
static void be_reset(void)
{
    mock_device_write_status(rig.model, 0);
}

/* One queue dies; the reset returns the requests of all. */
static void lie(void)
{
    mock_fault_set(&rig.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    cr_assert(mock_device_run(rig.model, 1) == 1);
}

static void stay_silent(void)
{
    cr_assert(mock_fault_fired(&rig.model->faults, MOCK_FAULT_KICK_LOST) == RIG_QUEUES);
}

static const struct {
    const char *what;
    void (*happens)(void);
    bool silent; /* no kick reaches the device */
    enum vpt_status checked;
    enum vpt_status polled;
} failures[] = {
    { "it needs a reset", fail, false, VPT_DEVICE_NEEDS_RESET, VPT_EMPTY },
    { "somebody else has reset it", be_reset, false, VPT_DEVICE_NEEDS_RESET, VPT_EMPTY },
    { "it is silent", stay_silent, true, VPT_OK, VPT_EMPTY },
    { "it lies", lie, false, VPT_OK, VPT_DEVICE_USED_ID },
};

RIG_TEST(recovery, STATUS_4_CLEANUP_2_a_device_that_fails_is_reset_before_its_requests_come_back_as_cancelled)
{
    for (unsigned i = 0; i < COUNT_OF(failures); i++) {
        uint64_t before;

        (void)fprintf(stderr, "%s\n", failures[i].what);
        rig_start(variant->kind, NULL);
        hold_completions();
        mock_fault_set(&rig.model->faults, MOCK_FAULT_KICK_LOST, failures[i].silent ? 1 : 0, 0, 0);
        rig_submit(0, FLIGHT);
        before = given_back();
        failures[i].happens();
        assert_status(vpt_device_check(rig.device), failures[i].checked);
        assert_status(rig_poll(), failures[i].polled);
        assert_status(rig_poll(), failures[i].polled);
        assert_held(before);
        mock_fault_clear(&rig.model->faults, MOCK_FAULT_KICK_LOST);
        recover(VPT_OK, VPT_CANCELLED);
    }
}

/* The device's last words are an interrupt of its configuration, by which a kernel comes to look at the status. */
RIG_TEST(recovery, needs_reset_is_told_by_an_interrupt)
{
    uint32_t what;

    rig_start(variant->kind, NULL);
    (void)vpt_device_interrupt(rig.device);
    mock_device_needs_reset(rig.model);
    what = vpt_device_interrupt(rig.device);
    cr_assert((what & VPT_INTERRUPT_CONFIGURATION) != 0, "0x%x", what);
    assert_status(vpt_blk_refresh(&rig.blk), VPT_DEVICE_NEEDS_RESET);
    rig_end();
}

/* ---- A reset that does not finish ---- */

/* Where memory cannot be taken from the device, requests come back marked so, and a later reset makes up for it. */
static void assert_stuck(void)
{
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, FLIGHT, VPT_DEVICE_STUCK);
    assert_status(rig_restart(), VPT_DEVICE_STUCK);
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        assert_status(vpt_requests_release(&rig.queue[i].requests), VPT_DEVICE_STUCK);
        assert_status(vpt_queue_restart(&rig.queue[i].requests.queue), VPT_DEVICE_STUCK);
    }
    mock_fault_clear(&rig.model->faults, MOCK_FAULT_RESET_NEVER);
    rig.model->resets_never = false;
}

RIG_TEST(recovery, RESET_1_a_reset_that_does_not_finish_leaves_no_request_in_doubt)
{
    rig_start(variant->kind, NULL);
    hold_completions();
    rig_submit(0, FLIGHT);
    rig.hal->wait_budget[VPT_WAIT_RESET] = 50;
    mock_fault_set(&rig.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_device_reset(rig.device), rig_stuck_status());
    if (rig_is_pci()) {
        mock_fault_clear(&rig.model->faults, MOCK_FAULT_RESET_NEVER);
        rig.model->resets_never = false;
        assert_status(rig_poll(), VPT_EMPTY);
        rig_assert_back(0, FLIGHT, VPT_CANCELLED);
    } else {
        assert_stuck();
    }
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(7);
    rig_end();
}

/* ---- Removal ---- */

RIG_TEST(recovery, a_removed_device_returns_every_request_and_its_memory)
{
    rig_start(variant->kind, NULL);
    hold_completions();
    rig_submit(0, FLIGHT);
    rig_pull_out();
    cr_assert(!vpt_device_gone(rig.device));
    assert_status(vpt_device_check(rig.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(rig.device));
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, FLIGHT, VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(rig.device), VPT_DEVICE_GONE);
    assert_status(rig_restart(), VPT_DEVICE_GONE);
    rig_release();
    cr_assert(mock_hal_live_allocations(rig.hal) == 0 && mock_hal_live_mappings(rig.hal) == 0);
    rig_plug_in();
    assert_status(rig_bring_up(), VPT_OK);
    rig_assert_works(8);
    rig_end();
}

/* Every call says so, with nothing but the first to find out: a removed device is no endless loop and no wild write. */
RIG_TEST(recovery, every_call_on_a_removed_device_says_that_it_is_gone)
{
    uint8_t sector[SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];
    uint32_t value;

    rig_start(variant->kind, NULL);
    rig_pull_out();
    assert_status(vpt_blk_read(&rig.queue[0], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_read(&rig.queue[0], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_write(&rig.queue[1], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_flush(&rig.queue[1]), VPT_DEVICE_GONE);
    assert_status(vpt_blk_get_id(&rig.queue[1], id), VPT_DEVICE_GONE);
    assert_status(vpt_blk_refresh(&rig.blk), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_read(rig.device, 0, 4, &value), VPT_DEVICE_GONE);
    assert_status(vpt_device_start(rig.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_suspend(rig.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_resume(rig.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(rig.device), VPT_DEVICE_GONE);
    assert_status(vpt_blk_refresh(&rig.blk), VPT_DEVICE_GONE);
    assert_status(vpt_blk_init(&rig.blk, rig.device, NULL), VPT_DEVICE_GONE);
    cr_assert(vpt_device_interrupt(rig.device) == 0);
    rig_release();
    rig_plug_in();
    rig_finish();
}
