/* SPDX-License-Identifier: MIT */
/*
 * What becomes of requests in flight when a device fails, falls silent, lies, or is removed, on every transport: none
 * is given back before the device has been reset, each comes back once with a status, and the device can be used again.
 */
#include "disk.h"

TestSuite(recovery, .timeout = 60);

#define FLIGHT 16u /* requests in flight: 0 to 15 */

static void start_and_submit(enum machine_kind kind, bool silent)
{
    pair_start(kind, NULL);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_KICK_LOST, silent ? 1 : 0, 0, 0);
    pair_submit(0, FLIGHT);
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
        assert_same(disk.back[i], 0);
    }
    assert_same(given_back(), before);
}

/* Requests come back by a reset, once; then all works again, on the same memory and on new memory. */
static void recover(void)
{
    pair_reset();
    pair_assert_back(0, FLIGHT, VPT_CANCELLED);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, FLIGHT, VPT_CANCELLED);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(1000);
    disk_stop();
    assert_status(disk_bring_up(NULL), VPT_OK);
    pair_assert_works(2000);
    disk_end();
}

static void fail(void)
{
    mock_device_needs_reset(machine.model);
}

/* As a machine does that is reset as a whole, or firmware that uses the disk: the device has forgotten its queues. */
static void be_reset(void)
{
    mock_device_write_status(machine.model, 0);
}

/* One queue dies; the reset returns the requests of all. */
static void lie(void)
{
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    assert_same(mock_device_run(machine.model, 1), 1);
}

static void stay_silent(void)
{
    assert_same(mock_fault_fired(&machine.model->faults, MOCK_FAULT_KICK_LOST), DISK_QUEUES);
}

TRANSPORT_TEST(recovery, STATUS_4_CLEANUP_2_a_device_that_fails_is_reset_before_its_requests_come_back_as_cancelled)
{
    static const struct {
        const char *what;
        void (*happens)(void);
        enum vpt_status checked;
        enum vpt_status polled;
    } failures[] = {
        { "it needs a reset", fail, VPT_DEVICE_NEEDS_RESET, VPT_EMPTY },
        { "somebody else has reset it", be_reset, VPT_DEVICE_NEEDS_RESET, VPT_EMPTY },
        { "no kick reaches it", stay_silent, VPT_OK, VPT_EMPTY },
        { "it lies", lie, VPT_OK, VPT_DEVICE_USED_ID },
    };

    for (unsigned i = 0; i < COUNT_OF(failures); i++) {
        uint64_t before;

        start_and_submit(variant->kind, failures[i].happens == stay_silent);
        before = given_back();
        failures[i].happens();
        assert_status_of(failures[i].what, vpt_device_check(machine.device), failures[i].checked);
        assert_status_of(failures[i].what, pair_poll(), failures[i].polled);
        assert_status_of(failures[i].what, pair_poll(), failures[i].polled);
        assert_held(before);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_KICK_LOST);
        recover();
    }
}

/* The device tells of it by an interrupt of its configuration, by which a kernel comes to look at the status. */
STARTED_PAIR_TEST(recovery, needs_reset_is_told_by_an_interrupt)
{
    (void)vpt_device_interrupt(machine.device);
    mock_device_needs_reset(machine.model);
    cr_assert((vpt_device_interrupt(machine.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_NEEDS_RESET);
}

/* Where memory cannot be taken from the device, requests come back marked so, and a later reset makes up for it. */
TRANSPORT_TEST(recovery, RESET_1_a_reset_that_does_not_finish_leaves_no_request_in_doubt)
{
    bool stuck = !machine_kind_on_pci(variant->kind);

    start_and_submit(variant->kind, false);
    machine.hal->wait_budget[VPT_WAIT_RESET] = 50;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_device_reset(machine.device), machine_stuck_status());
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, FLIGHT, stuck ? VPT_DEVICE_STUCK : VPT_CANCELLED);
    if (stuck) {
        assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_DEVICE_STUCK);
        for (unsigned i = 0; i < DISK_QUEUES; i++) {
            assert_status(vpt_requests_release(&disk.queue[i].requests), VPT_DEVICE_STUCK);
            assert_status(vpt_queue_restart(&disk.queue[i].requests.queue), VPT_DEVICE_STUCK);
        }
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    machine.model->resets_never = false;
    pair_restart_and_end();
}

/* ---- Removal ---- */

TRANSPORT_TEST(recovery, a_removed_device_returns_every_request_and_its_memory)
{
    start_and_submit(variant->kind, false);
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
    static const struct vpt_config_field field = { .offset = MOCK_BLK_CAPACITY, .width = 8 };
    struct vpt_shared_memory_region region;
    uint8_t sector[SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];
    uint32_t value;
    uint64_t wide;

    pair_start(variant->kind, NULL);
    machine_pull_out();
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    machine_trace();
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_write(&disk.queue[1], 0, sector, sizeof(sector)), VPT_DEVICE_GONE);
    assert_status(vpt_blk_flush(&disk.queue[1]), VPT_DEVICE_GONE);
    assert_status(vpt_blk_get_id(&disk.queue[1], id), VPT_DEVICE_GONE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_GONE);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_read(machine.device, 0, 4, &value), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_write(machine.device, 32, 1, 0), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_fields(machine.device, &field, 1, &wide), VPT_DEVICE_GONE);
    assert_status(vpt_device_shared_memory(machine.device, 0, &region), VPT_DEVICE_GONE);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_suspend(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_resume(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_GONE);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_DEVICE_GONE);
    vpt_device_fail(machine.device);
    assert_same(vpt_device_interrupt(machine.device), 0);
    for (size_t i = 0; machine_access_at(i) != NULL; i++) {
        cr_assert(!machine_access_at(i)->write, "a device that is gone was written to");
    }
    pair_bury();
}
