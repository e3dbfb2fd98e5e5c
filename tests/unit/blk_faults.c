/* SPDX-License-Identifier: MIT */
/* A block device that misbehaves: each fault of the simulated device, at each opportunity, and what comes after it. */
#include "blk_support.h"

#include <string.h>

TestSuite(blk_faults, .timeout = 120);

static const struct mock_machine_options options = {
    .blk = { .capacity = 64, .flush = true, .block_size = 512, .topology = true },
};

static void arm(enum mock_fault fault, uint32_t first, uint32_t times)
{
    mock_fault_set(&disk.machine.device.faults, fault, first, times, mock_fault_describe(fault)->argument);
}

static uint32_t fired(enum mock_fault fault)
{
    return mock_fault_fired(&disk.machine.device.faults, fault);
}

/* Whatever happened: a reset, every request back, the memory back, and then the same objects work again. */
static void check_recovers(void)
{
    for (unsigned i = 0; i < MOCK_FAULT_COUNT; i++) {
        mock_fault_clear(&disk.machine.device.faults, (enum mock_fault)i);
    }
    disk.machine.device.vanished = false;
    if (disk.device->ops != NULL) {
        enum vpt_status status = vpt_device_reset(disk.device);

        cr_assert(status == VPT_OK || vpt_device_gone(disk.device), "%s", vpt_status_str(status));
    }
    if (vpt_queue_size(&disk.queue.requests.queue) != 0) {
        (void)disk_drain();
    }
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    cr_assert(mock_hal_live_shares(&disk.machine.hal) == 0);
    cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(5), VPT_OK);
    disk_end();
}

/* ---- Each fault, whenever it can happen ---- */

static enum vpt_status bring_up_and_read(void)
{
    enum vpt_status status = disk_bring_up(NULL);

    if (status == VPT_OK) {
        status = vpt_blk_read(&disk.queue, 9, disk_bytes(0), SECTOR);
    }
    if (status == VPT_OK) {
        (void)vpt_device_interrupt(disk.device);
    }
    return status;
}

static bool cannot_fire(const struct variant *variant, enum mock_fault fault)
{
    return variant->version == 1 && (fault == MOCK_FAULT_NO_VERSION_1 || fault == MOCK_FAULT_FEATURES_REFUSED);
}

/* A used id that comes twice is seen in one of two ways. */
static bool as_described(enum mock_fault fault, enum vpt_status status, enum vpt_status described)
{
    if (fault == MOCK_FAULT_USED_ID_TWICE) {
        return status == VPT_DEVICE_USED_INDEX || status == VPT_DEVICE_USED_ID;
    }
    return status == described;
}

VARIANT_TEST(blk_faults, each_fault_is_reported_as_described_and_overcome)
{
    for (unsigned i = 0; i < MOCK_FAULT_COUNT; i++) {
        enum mock_fault fault = (enum mock_fault)i;
        const struct mock_fault_description *description = mock_fault_describe(fault);
        enum vpt_status expected = variant->version == 1 ? description->legacy : description->modern;
        enum vpt_status status;

        disk_machine(variant, &options);
        fill(disk_content(9), SECTOR, i);
        arm(fault, 1, 0);
        status = bring_up_and_read();
        cr_assert(as_described(fault, status, expected), "%s: \"%s\", not \"%s\"", description->name,
                  vpt_status_str(status), vpt_status_str(expected));
        cr_assert((fired(fault) != 0) != cannot_fire(variant, fault), "%s did not happen", description->name);
        cr_assert(status != VPT_OK || fault == MOCK_FAULT_DATA_MISSING || filled(disk_bytes(0), SECTOR, i), "%s",
                  description->name);
        check_recovers();
    }
}

/* ---- Faults of a request, at the n-th of many ---- */

struct request_fault {
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status modern;
    enum vpt_status legacy;
    bool resets; /* the queue is dead after it */
};

static const struct request_fault request_faults[] = {
    { MOCK_FAULT_IO_ERROR, 0, VPT_DEVICE_IO_ERROR, VPT_DEVICE_IO_ERROR, false },
    { MOCK_FAULT_UNSUPPORTED, 0, VPT_UNSUPPORTED_REQUEST, VPT_UNSUPPORTED_REQUEST, false },
    { MOCK_FAULT_STATUS_MISSING, 0, VPT_DEVICE_REQUEST_STATUS, VPT_DEVICE_REQUEST_STATUS, false },
    { MOCK_FAULT_STATUS_UNKNOWN, 0xfe, VPT_DEVICE_REQUEST_STATUS, VPT_DEVICE_REQUEST_STATUS, false },
    { MOCK_FAULT_USED_LENGTH_SHORT, 0, VPT_OK, VPT_OK, false },
    { MOCK_FAULT_COMPLETION_LATE, 50, VPT_OK, VPT_OK, false },
    { MOCK_FAULT_INTERRUPT_SPURIOUS, 0, VPT_OK, VPT_OK, false },
    { MOCK_FAULT_USED_LENGTH, 0, VPT_OK, VPT_OK, false },
    { MOCK_FAULT_USED_LENGTH, 0xffffffff, VPT_OK, VPT_OK, false },
    { MOCK_FAULT_USED_LENGTH_ALL, 0, VPT_OK, VPT_OK, false },
    { MOCK_FAULT_USED_ID_RANGE, 0, VPT_DEVICE_USED_ID, VPT_DEVICE_USED_ID, true },
    { MOCK_FAULT_USED_ID_RANGE, 0xffffffff, VPT_DEVICE_USED_ID, VPT_DEVICE_USED_ID, true },
    { MOCK_FAULT_USED_ID_RANGE, 0x10000, VPT_DEVICE_USED_ID, VPT_DEVICE_USED_ID, true },
    { MOCK_FAULT_USED_ID_FREE, 0, VPT_DEVICE_USED_ID, VPT_DEVICE_USED_ID, true },
    { MOCK_FAULT_USED_INDEX_AHEAD, 0, VPT_DEVICE_USED_INDEX, VPT_DEVICE_USED_INDEX, true },
    { MOCK_FAULT_USED_INDEX_AHEAD, 0x8000, VPT_DEVICE_USED_INDEX, VPT_DEVICE_USED_INDEX, true },
    { MOCK_FAULT_USED_INDEX_BACK, 0, VPT_DEVICE_USED_INDEX, VPT_DEVICE_USED_INDEX, true },
    { MOCK_FAULT_KICK_LOST, 0, VPT_DEVICE_TIMEOUT, VPT_DEVICE_TIMEOUT, true },
    { MOCK_FAULT_COMPLETION_LOST, 0, VPT_DEVICE_TIMEOUT, VPT_DEVICE_TIMEOUT, true },
    { MOCK_FAULT_NEEDS_RESET, 0, VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_NEEDS_RESET, true },
};

#define OPPORTUNITIES 12u

static void check_nth_blocking(const struct variant *variant, const struct request_fault *entry, uint32_t n)
{
    enum vpt_status expected = variant->version == 1 ? entry->legacy : entry->modern;
    uint64_t resets = 1;

    disk_start(variant, &options, NULL);
    disk.machine.hal.wait_budget[VPT_WAIT_REQUEST] = 100;
    fill(disk_content(0), 64 * SECTOR, n);
    mock_fault_set(&disk.machine.device.faults, entry->fault, n, 1, entry->argument);
    for (uint32_t i = 1; i <= OPPORTUNITIES; i++) {
        enum vpt_status status = disk_read_sector(i);

        cr_assert(status == (i == n ? expected : VPT_OK), "%s, %u of %u: %s", mock_fault_describe(entry->fault)->name,
                  i, n, vpt_status_str(status));
        cr_assert(mock_hal_live_shares(&disk.machine.hal) == 0);
        if (i == n && entry->resets && expected != VPT_OK) {
            resets++;
            cr_assert(disk_read_sector(i) != VPT_OK);
            break;
        }
    }
    cr_assert(fired(entry->fault) == 1);
    cr_assert(disk.machine.device.resets == resets);
    check_recovers();
}

VARIANT_TEST(blk_faults, the_nth_blocking_request_with_a_fault_is_reported_and_no_other)
{
    for (unsigned i = 0; i < COUNT_OF(request_faults); i++) {
        for (uint32_t n = 1; n <= OPPORTUNITIES; n++) {
            check_nth_blocking(variant, &request_faults[i], n);
        }
    }
}

/* ---- The same for requests that are in flight together ---- */

#define TOGETHER 12u

struct together {
    unsigned seen[TOGETHER];
    enum vpt_status status[TOGETHER];
    enum vpt_status end; /* of the polling before the reset */
};

static struct together together;

static void take(const struct vpt_completion *completion)
{
    ptrdiff_t which = (unsigned *)completion->token - together.seen;

    cr_assert(which >= 0 && which < (ptrdiff_t)TOGETHER);
    together.seen[which]++;
    together.status[which] = completion->status;
}

/* Every request in flight at once, polled until nothing or an error comes, then a reset and the rest. */
static void run_together(const struct variant *variant, enum mock_fault fault, uint32_t n, uint64_t argument)
{
    struct vpt_completion completion;

    memset(&together, 0, sizeof(together));
    disk_start(variant, &options, NULL);
    mock_fault_set(&disk.machine.device.faults, fault, n, 1, argument);
    for (unsigned i = 0; i < TOGETHER; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, i, i * SECTOR, SECTOR, &together.seen[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    for (unsigned i = 0; i < 100; i++) {
        mock_hal_tick(&disk.machine.hal);
    }
    cr_assert(fired(fault) == 1);
    while ((together.end = vpt_requests_poll(&disk.queue.requests, &completion)) == VPT_OK) {
        take(&completion);
    }
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), together.end);
    if (together.end != VPT_EMPTY) {
        assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), together.end);
        assert_status(vpt_requests_kick(&disk.queue.requests), together.end);
        assert_status(vpt_blk_read(&disk.queue, 0, disk_bytes(0), SECTOR), together.end);
    }
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    while (vpt_requests_poll(&disk.queue.requests, &completion) == VPT_OK) {
        take(&completion);
    }
    for (unsigned i = 0; i < TOGETHER; i++) {
        cr_assert(together.seen[i] == 1, "%s at %u: request %u came back %u times", mock_fault_describe(fault)->name,
                  n, i, together.seen[i]);
    }
}

/* Of the n-th and all later ones nothing is known; those before it are done. */
static void check_lie(const struct variant *variant, enum mock_fault fault, uint64_t argument,
                      enum vpt_status expected)
{
    for (uint32_t n = 1; n <= TOGETHER; n++) {
        run_together(variant, fault, n, argument);
        assert_status(together.end, expected);
        for (unsigned i = 0; i < TOGETHER; i++) {
            assert_status(together.status[i], i + 1u < n ? VPT_OK : VPT_CANCELLED);
        }
        check_recovers();
    }
}

VARIANT_TEST(blk_faults, a_lie_in_the_used_ring_kills_the_queue_and_no_request_is_lost)
{
    check_lie(variant, MOCK_FAULT_USED_ID_RANGE, 0, VPT_DEVICE_USED_ID);
    check_lie(variant, MOCK_FAULT_USED_ID_RANGE, 0x80000000u, VPT_DEVICE_USED_ID);
    check_lie(variant, MOCK_FAULT_USED_ID_FREE, 0, VPT_DEVICE_USED_ID);
}

/* The last store of the index counts; requests that it lies about come back after the reset, all of them. */
VARIANT_TEST(blk_faults, a_used_index_that_lies_kills_the_queue_and_no_request_is_lost)
{
    static const struct {
        enum mock_fault fault;
        uint64_t argument;
    } lies[] = {
        { MOCK_FAULT_USED_INDEX_AHEAD, 1 },
        { MOCK_FAULT_USED_INDEX_AHEAD, 0x7fff },
        { MOCK_FAULT_USED_INDEX_AHEAD, 0xffff - TOGETHER },
        { MOCK_FAULT_USED_INDEX_BACK, TOGETHER },
        { MOCK_FAULT_USED_INDEX_BACK, 0x4000 },
    };

    for (unsigned i = 0; i < COUNT_OF(lies); i++) {
        run_together(variant, lies[i].fault, TOGETHER, lies[i].argument);
        assert_status(together.end, VPT_DEVICE_USED_INDEX);
        for (unsigned k = 0; k < TOGETHER; k++) {
            assert_status(together.status[k], VPT_CANCELLED);
        }
        check_recovers();
    }
}

VARIANT_TEST(blk_faults, an_id_that_comes_twice_kills_the_queue_and_no_request_is_lost)
{
    for (uint32_t n = 1; n <= TOGETHER; n++) {
        run_together(variant, MOCK_FAULT_USED_ID_TWICE, n, 0);
        cr_assert(as_described(MOCK_FAULT_USED_ID_TWICE, together.end, VPT_DEVICE_USED_ID));
        check_recovers();
    }
}

VARIANT_TEST(blk_faults, a_completion_that_is_lost_costs_that_request_alone)
{
    for (uint32_t n = 1; n <= TOGETHER; n++) {
        run_together(variant, MOCK_FAULT_COMPLETION_LOST, n, 0);
        assert_status(together.end, VPT_EMPTY);
        for (unsigned i = 0; i < TOGETHER; i++) {
            assert_status(together.status[i], i + 1u == n ? VPT_CANCELLED : VPT_OK);
        }
        check_recovers();
    }
}

VARIANT_TEST(blk_faults, a_status_byte_belongs_to_its_request_alone)
{
    for (uint32_t n = 1; n <= TOGETHER; n++) {
        run_together(variant, MOCK_FAULT_STATUS_MISSING, n, 0);
        assert_status(together.end, VPT_EMPTY);
        for (unsigned i = 0; i < TOGETHER; i++) {
            assert_status(together.status[i], i + 1u == n ? VPT_DEVICE_REQUEST_STATUS : VPT_OK);
        }
        check_recovers();
    }
}

/* The device stops at the n-th request: the driver hears of it by reading the status. */
VARIANT_TEST(blk_faults, STATUS_4_requests_after_needs_reset_are_of_unknown_outcome)
{
    for (uint32_t n = 1; n <= TOGETHER; n++) {
        run_together(variant, MOCK_FAULT_NEEDS_RESET, n, 0);
        assert_status(together.end, VPT_EMPTY);
        for (unsigned i = 0; i < TOGETHER; i++) {
            assert_status(together.status[i], i + 1u < n ? VPT_OK : VPT_CANCELLED);
        }
        check_recovers();
    }
}

/* ---- Bring-up faults at the n-th opportunity ---- */

struct bring_up_fault {
    enum mock_fault fault;
    uint32_t opportunities; /* in one bring-up */
    enum vpt_status modern;
    enum vpt_status legacy;
};

/* Both readings of whether the queue is ready have a fault: too early, and not at all. */
static const struct bring_up_fault bring_up_faults[] = {
    { MOCK_FAULT_RESET_NEVER, 1, VPT_DEVICE_STUCK, VPT_DEVICE_STUCK },
    { MOCK_FAULT_QUEUE_ABSENT, 1, VPT_UNSUPPORTED_QUEUE, VPT_UNSUPPORTED_QUEUE },
    { MOCK_FAULT_QUEUE_MAXIMUM, 1, VPT_DEVICE_QUEUE_SIZE, VPT_DEVICE_QUEUE_SIZE },
    { MOCK_FAULT_QUEUE_IN_USE, 1, VPT_DEVICE_QUEUE_STATE, VPT_DEVICE_QUEUE_STATE },
    { MOCK_FAULT_QUEUE_NOT_READY, 1, VPT_DEVICE_QUEUE_STATE, VPT_DEVICE_QUEUE_STATE },
    { MOCK_FAULT_CONFIG_VALUE, 1, VPT_DEVICE_CONFIG, VPT_DEVICE_CONFIG },
    { MOCK_FAULT_FEATURES_REFUSED, 1, VPT_DEVICE_FEATURES_REFUSED, VPT_OK },
    { MOCK_FAULT_NO_VERSION_1, 1, VPT_DEVICE_FEATURES, VPT_OK },
};

/* The n-th of several bring-ups on the same objects goes wrong, and the others do not. */
static void check_nth_bring_up(const struct variant *variant, const struct bring_up_fault *entry, uint32_t n)
{
    enum vpt_status expected = variant->version == 1 ? entry->legacy : entry->modern;

    disk_machine(variant, &options);
    for (uint32_t i = 1; i <= 4; i++) {
        enum vpt_status status;

        if (i == n) {
            arm(entry->fault, 1, 0);
        }
        status = disk_bring_up(NULL);
        cr_assert(status == (i == n ? expected : VPT_OK), "%s, %u of %u: %s", mock_fault_describe(entry->fault)->name,
                  i, n, vpt_status_str(status));
        mock_fault_clear(&disk.machine.device.faults, entry->fault);
        if (status == VPT_OK) {
            assert_status(disk_read_sector(i), VPT_OK);
            disk_stop();
        }
        cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
    }
    check_recovers();
}

VARIANT_TEST(blk_faults, INIT_5_a_bring_up_that_failed_can_be_repeated)
{
    for (unsigned i = 0; i < COUNT_OF(bring_up_faults); i++) {
        for (uint32_t n = 1; n <= 4; n++) {
            check_nth_bring_up(variant, &bring_up_faults[i], n);
        }
    }
}

VERSION_TEST(blk_faults, a_maximum_that_no_queue_has_is_reported)
{
    static const uint32_t wrong[] = { 32769, 65535, 65536, 0x80000000u, 0xffffffffu };

    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        disk_machine(variant, &options);
        mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_QUEUE_MAXIMUM, 1, 1, wrong[i]);
        assert_status(disk_bring_up(NULL), VPT_DEVICE_QUEUE_SIZE);
        cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
        /* The device itself is fine: the queue may be tried again as it is. */
        assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        assert_status(disk_read_sector(1), VPT_OK);
        disk_end();
    }
}

/* ---- A device that is removed, at each register access there is ---- */

/* The calls of a life, in order; 0 to 3 bring the device up, the rest needs that. */
#define STEPS 10u

static enum vpt_status step(unsigned which)
{
    static uint8_t bytes[4 * SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];

    switch (which) {
    case 0:
        return vpt_mmio_probe(&disk.mmio, disk.machine.port, disk.machine.mapping, disk.machine.size);
    case 1:
        return vpt_blk_init(&disk.blk, disk.device, NULL);
    case 2:
        return vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL);
    case 3:
        return vpt_driver_start(&disk.blk.driver);
    case 4:
        return vpt_blk_write(&disk.queue, 3, bytes, sizeof(bytes));
    case 5:
        return vpt_blk_flush(&disk.queue);
    case 6:
        return vpt_blk_read(&disk.queue, 3, bytes, sizeof(bytes));
    case 7:
        return vpt_blk_get_id(&disk.queue, id);
    case 8:
        return vpt_device_check(disk.device);
    default:
        return vpt_device_reset(disk.device);
    }
}

/* What a call may come to from the access on that finds nothing; a probe may see no more than a wrong identity. */
static bool gone_status(unsigned which, enum vpt_status status)
{
    if (which == 0 && (status == VPT_DEVICE_MAGIC || status == VPT_UNSUPPORTED_VERSION)) {
        return true;
    }
    return status == VPT_OK || status == VPT_DEVICE_GONE;
}

/*
 * Runs the steps, no further than a bring-up that fails; the device vanishes at the given access. Once a call has said
 * that it is gone all others do, and the last one, a reset, says it in any case. True: it did not come to that access.
 */
static bool live_until(uint32_t access)
{
    enum vpt_status status = VPT_OK;
    bool said = false;

    arm(MOCK_FAULT_VANISH, access, 0);
    for (unsigned i = 0; i < STEPS && (i > 3 || status == VPT_OK); i++) {
        bool vanished;

        status = step(i);
        vanished = fired(MOCK_FAULT_VANISH) != 0;
        cr_assert(vanished ? gone_status(i, status) : status == VPT_OK, "access %u, step %u: %s", access, i,
                  vpt_status_str(status));
        cr_assert(!said || status == VPT_DEVICE_GONE, "access %u, step %u: %s", access, i, vpt_status_str(status));
        said = said || status == VPT_DEVICE_GONE;
    }
    cr_assert((status != VPT_OK) == (fired(MOCK_FAULT_VANISH) != 0), "access %u", access);
    return status == VPT_OK;
}

VARIANT_TEST(blk_faults, a_device_that_vanishes_at_any_register_access_is_noticed_and_nothing_leaks)
{
    uint32_t access = 0;
    bool lived;

    do {
        access++;
        cr_assert(access < 1000);
        disk_machine(variant, &options);
        disk.machine.hal.wait_budget[VPT_WAIT_REQUEST] = 3;
        disk.machine.hal.wait_budget[VPT_WAIT_QUEUE] = 3;
        lived = live_until(access);
        cr_assert(mock_hal_live_shares(&disk.machine.hal) == 0);
        assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
        cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
        check_recovers();
    } while (!lived);
    cr_assert(access > 40);
}

/* Requests in flight when the device is removed come back, and the queue's memory too. */
VARIANT_TEST(blk_faults, requests_in_flight_come_back_from_a_device_that_is_removed)
{
    struct mock_machine_options slow = options;

    slow.completion.mode = MOCK_COMPLETE_BY_RUN;
    disk_start(variant, &slow, NULL);
    for (unsigned i = 0; i < 9; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, i, i * SECTOR, SECTOR, NULL), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    cr_assert(mock_device_run(&disk.machine.device, 2) == 2);
    arm(MOCK_FAULT_VANISH, 1, 0);
    assert_status(vpt_device_check(disk.device), VPT_DEVICE_GONE);
    for (unsigned i = 0; i < 9; i++) {
        assert_status(disk_poll_one(NULL), i < 2 ? VPT_OK : VPT_DEVICE_GONE);
    }
    cr_assert(disk_drain() == 0);
    disk.machine.device.completion.mode = MOCK_COMPLETE_AT_KICK;
    check_recovers();
}

/* ---- Resets ---- */

VARIANT_TEST(blk_faults, RESET_1_a_slow_reset_is_waited_for)
{
    for (uint32_t reads = 1; reads <= 900; reads = reads * 3 + 1) {
        disk_machine(variant, &options);
        mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_RESET_SLOW, 1, 0, reads);
        assert_status(disk_bring_up(NULL), VPT_OK);
        assert_status(disk_read_sector(2), VPT_OK);
        disk_end();
    }
}

/* A reset that takes longer than the port waits for is one that got stuck, until a later one does finish. */
VARIANT_TEST(blk_faults, a_reset_that_takes_too_long_is_given_up_and_a_later_one_helps)
{
    disk_start(variant, &options, NULL);
    mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_RESET_SLOW, 1, 1, 1000000);
    assert_status(vpt_device_reset(disk.device), VPT_DEVICE_STUCK);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_DEVICE_STUCK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    check_recovers();
}

/* At whichever access of the initialisation the device goes: what it reads as then is not taken for a disk. */
VERSION_TEST(blk_faults, a_device_that_vanishes_is_never_taken_for_a_disk)
{
    for (uint32_t access = 1;; access++) {
        enum vpt_status status;

        cr_assert(access < 100);
        disk_machine(variant, NULL);
        disk_probe();
        arm(MOCK_FAULT_VANISH, access, 0);
        status = vpt_blk_init(&disk.blk, disk.device, NULL);
        if (fired(MOCK_FAULT_VANISH) == 0) {
            assert_status(status, VPT_OK);
            cr_assert(access > 10);
            disk_finish();
            return;
        }
        assert_status(status, VPT_DEVICE_GONE);
        disk_finish();
    }
}
