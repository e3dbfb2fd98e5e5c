/* SPDX-License-Identifier: MIT */
/*
 * What becomes of requests in flight when a device fails, falls silent, lies, or is removed, on every transport: none
 * is given back before the device has been reset, each comes back once with a status, and the device can be used again.
 */
#include "disk.h"

TestSuite(recovery, .timeout = 60);

#define FLIGHT 16u /* requests in flight: 0 to 15 */

static void hold_completions(void)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
}

static uint64_t given_back(void)
{
    return machine.hal->frees + machine.hal->unshares;
}

/* Nothing is given back, and no memory can be, while the device may still use it. */
static void assert_held(uint64_t before)
{
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        enum vpt_status status = vpt_requests_release(&disk.queue[i].requests);

        cr_assert(status == VPT_CALLER_BUSY || status == VPT_CALLER_STATE, "%s", vpt_status_str(status));
    }
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_CALLER_BUSY);
    for (unsigned i = 0; i < FLIGHT; i++) {
        cr_assert(disk.back[i] == 0);
    }
    cr_assert(given_back() == before);
}

/* A reset, what it returns, and another life on the same memory; then one on new memory. */
static void recover(enum vpt_status reset, enum vpt_status requests)
{
    assert_status(vpt_device_reset(machine.device), reset);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, FLIGHT, requests);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, FLIGHT, requests);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(1000);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    disk_release();
    assert_status(disk_bring_up(NULL), VPT_OK);
    pair_assert_works(2000);
    disk_end();
}

static void fail(void)
{
    mock_device_needs_reset(machine.model);
}

/* As the machine does that is reset as a whole, or firmware that uses the disk: the device has forgotten its queues. */
static void be_reset(void)
{
    mock_device_write_status(machine.model, 0);
}

/* One queue dies; the reset returns the requests of all. */
static void lie(void)
{
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    cr_assert(mock_device_run(machine.model, 1) == 1);
}

static void stay_silent(void)
{
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_KICK_LOST) == DISK_QUEUES);
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

TRANSPORT_TEST(recovery, STATUS_4_CLEANUP_2_a_device_that_fails_is_reset_before_its_requests_come_back_as_cancelled)
{
    for (unsigned i = 0; i < COUNT_OF(failures); i++) {
        uint64_t before;

        (void)fprintf(stderr, "%s\n", failures[i].what);
        pair_start(variant->kind, NULL);
        hold_completions();
        mock_fault_set(&machine.model->faults, MOCK_FAULT_KICK_LOST, failures[i].silent ? 1 : 0, 0, 0);
        pair_submit(0, FLIGHT);
        before = given_back();
        failures[i].happens();
        assert_status(vpt_device_check(machine.device), failures[i].checked);
        assert_status(pair_poll(), failures[i].polled);
        assert_status(pair_poll(), failures[i].polled);
        assert_held(before);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_KICK_LOST);
        recover(VPT_OK, VPT_CANCELLED);
    }
}

/* The device's last words are an interrupt of its configuration, by which a kernel comes to look at the status. */
TRANSPORT_TEST(recovery, needs_reset_is_told_by_an_interrupt)
{
    uint32_t what;

    pair_start(variant->kind, NULL);
    (void)vpt_device_interrupt(machine.device);
    mock_device_needs_reset(machine.model);
    what = vpt_device_interrupt(machine.device);
    cr_assert((what & VPT_INTERRUPT_CONFIGURATION) != 0, "0x%x", what);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_NEEDS_RESET);
    disk_end();
}

/* ---- A reset that does not finish ---- */

/* Where memory cannot be taken from the device, requests come back marked so, and a later reset makes up for it. */
static void assert_stuck(void)
{
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, FLIGHT, VPT_DEVICE_STUCK);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_DEVICE_STUCK);
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        assert_status(vpt_requests_release(&disk.queue[i].requests), VPT_DEVICE_STUCK);
        assert_status(vpt_queue_restart(&disk.queue[i].requests.queue), VPT_DEVICE_STUCK);
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    machine.model->resets_never = false;
}

TRANSPORT_TEST(recovery, RESET_1_a_reset_that_does_not_finish_leaves_no_request_in_doubt)
{
    pair_start(variant->kind, NULL);
    hold_completions();
    pair_submit(0, FLIGHT);
    machine.hal->wait_budget[VPT_WAIT_RESET] = 50;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_device_reset(machine.device), machine_stuck_status());
    if (machine_on_pci()) {
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
        machine.model->resets_never = false;
        assert_status(pair_poll(), VPT_EMPTY);
        pair_assert_back(0, FLIGHT, VPT_CANCELLED);
    } else {
        assert_stuck();
    }
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(7);
    disk_end();
}

/* ---- Removal ---- */

TRANSPORT_TEST(recovery, a_removed_device_returns_every_request_and_its_memory)
{
    pair_start(variant->kind, NULL);
    hold_completions();
    pair_submit(0, FLIGHT);
    machine_pull_out();
    cr_assert(!vpt_device_gone(machine.device));
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(machine.device));
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, FLIGHT, VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_DEVICE_GONE);
    disk_release();
    cr_assert(mock_hal_live_allocations(machine.hal) == 0 && mock_hal_live_mappings(machine.hal) == 0);
    machine_plug_in();
    assert_status(disk_bring_up(NULL), VPT_OK);
    pair_assert_works(8);
    disk_end();
}

/* Every call says so, with nothing but the first to find out: a removed device is no endless loop and no wild write. */
TRANSPORT_TEST(recovery, every_call_on_a_removed_device_says_that_it_is_gone)
{
    uint8_t sector[SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];
    uint32_t value;

    pair_start(variant->kind, NULL);
    machine_pull_out();
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_write(&disk.queue[1], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_flush(&disk.queue[1]), VPT_DEVICE_GONE);
    assert_status(vpt_blk_get_id(&disk.queue[1], id), VPT_DEVICE_GONE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_read(machine.device, 0, 4, &value), VPT_DEVICE_GONE);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_suspend(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_resume(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_GONE);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_DEVICE_GONE);
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    disk_release();
    machine_plug_in();
    machine_finish();
}
