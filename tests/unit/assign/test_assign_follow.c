/* SPDX-License-Identifier: MIT */
/*
 * A write to the registers that decide on mappings is one transaction: with each hook call of it refused or failing,
 * the guest has afterwards what its registers say. An address is written in any case: where only map() fails, the BAR
 * is without one. For sequences at random see assign_random.c.
 */
#include <string.h>

#include "assign_desk.h"

#define DECODING 3u

TestSuite(assign_follow);

/* Everything of the device that a guest can see. */
static void read_all(uint32_t values[64])
{
    for (unsigned i = 0; i < 64; i++) {
        values[i] = desk_read((uint16_t)(4 * i), 4);
    }
}

static enum vpt_status write_register(uint16_t offset, unsigned width, uint32_t value)
{
    return vpt_assign_config_write(&desk.device, offset, width, value);
}

/*
 * The same write with its first hook call failing, then its second, and so on until none of its calls does. After each
 * failure all is as before, if it is not only map() that has failed for an address. Returns what the write comes to in
 * the end.
 */
static enum vpt_status write_with_each_failure(uint16_t offset, unsigned width, uint32_t value, unsigned own,
                                               unsigned *failures)
{
    uint16_t word = offset & 0xfcu;
    uint32_t written = 0; /* what the register holds where map() has failed */
    uint32_t before[64];
    uint32_t after[64];
    bool failed = false;

    read_all(before);
    for (unsigned k = 1;; k++) {
        enum vpt_status status;

        desk_fail(k, k);
        status = write_register(offset, width, value);
        desk.fail_first = 0;
        if (desk.failed == 0) {
            cr_assert(!failed || desk_read(word, 4) == written, "an address is there, mapped or not");
            return status;
        }
        cr_assert(k < 64, "a write without an end");
        ++*failures;
        cr_assert(!desk.device.degraded);
        if (offset >= 0x10 && offset < 0x34 && desk.failed_maps == desk.failed) {
            assert_status(status, VPT_REFUSED);
            desk_check(own);
            failed = true;
            written = desk_read(word, 4);
            (void)write_register(word, 4, before[word / 4]);
        } else {
            assert_status(status, DESK_FAILURE);
        }
        read_all(after);
        cr_assert(memcmp(before, after, sizeof(before)) == 0, "the registers are as before");
        desk_check(own);
    }
}

static void set_up(void)
{
    desk_place_one_of_each();
    desk_write(DESK_BAR(VPT_PCI_ROM), 4, 0xfd000001);
}

/* ---- Failures ---- */

Test(assign_follow, each_failure_is_undone)
{
    unsigned failures = 0;

    set_up();
    assert_status(write_with_each_failure(4, 2, DECODING, 0, &failures), VPT_OK);
    cr_assert(failures == 7, "three pieces, and four BARs of one");
    desk_check(0);
    assert_status(write_with_each_failure(DESK_BAR(0), 4, 0xfe020000, 0, &failures), VPT_OK);
    cr_assert(failures == 7 + 6);
    assert_status(write_with_each_failure(DESK_PMCSR, 2, 3, 0, &failures), VPT_OK);
    cr_assert(failures == 7 + 6 + 7);
    assert_status(write_with_each_failure(DESK_PMCSR, 2, 0, 0, &failures), VPT_OK);
    assert_status(write_with_each_failure(DESK_BAR(3), 4, 0x20, 0, &failures), VPT_OK);
    assert_status(write_with_each_failure(DESK_BAR(VPT_PCI_ROM), 1, 0, 0, &failures), VPT_OK);
    assert_status(write_with_each_failure(4, 1, 0, 0, &failures), VPT_OK);
    cr_assert(desk.mapped_count == 0);
}

/* A write of the command register that fails reaches the host with none of its bits. */
Test(assign_follow, a_failed_write_does_not_reach_the_host)
{
    set_up();
    desk.config_writes = 0;
    desk_fail(1, 1);
    assert_status(write_register(4, 2, DECODING | VPT_PCI_COMMAND_BUS_MASTER), DESK_FAILURE);
    cr_assert(desk.config_writes == 0 && (desk_read(4, 2) & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    desk_write(4, 2, DECODING | VPT_PCI_COMMAND_BUS_MASTER);
    cr_assert(desk_read(4, 2) == (DECODING | VPT_PCI_COMMAND_BUS_MASTER));
}

/* From the k-th call on everything fails: it cannot be undone, and what is left is what the books say. */
static void degrade(unsigned k, uint16_t offset, unsigned width, uint32_t value)
{
    unsigned calls;

    set_up();
    desk_write(4, 2, DECODING);
    desk_fail(k, 1000);
    if (k == 4 && offset == DESK_BAR(0)) {
        /* Three pieces are gone, and the first is refused. */
        assert_status(write_register(offset, width, value), VPT_REFUSED);
        desk_check(0);
        return;
    }
    assert_status(write_register(offset, width, value), k == 1 ? DESK_FAILURE : VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(desk.device.degraded == (k != 1) && desk.violations == 0);
    cr_assert(desk.device.region_count == desk.mapped_count);
    desk.fail_first = 0;
    if (k == 1) {
        desk_check(0);
        return;
    }
    assert_status(vpt_assign_check(&desk.device), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(desk_read(4, 2) == DECODING && desk_read(DESK_BAR(0), 4) == 0xfe000000, "the write is undone");
    cr_assert((desk_read(DESK_PMCSR, 1) & 3) == 0);
    calls = desk.calls;
    assert_status(write_register(4, 2, 0), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(write_register(DESK_BAR(0), 4, 0xfe040000), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(write_register(DESK_PMCSR, 2, 3), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(desk_read(4, 2) == DECODING && desk_read(DESK_BAR(0), 4) == 0xfe000000);
    cr_assert((desk_read(DESK_PMCSR, 1) & 3) == 0);
    cr_assert(desk.calls == calls, "nothing is touched any more");
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.mapped_count == 0 && desk.violations == 0 && !desk.device.degraded);
    assert_status(vpt_assign_acquire(&desk.device, 2, &desk.guest), VPT_OK);
    desk_check(0);
}

Test(assign_follow, what_cannot_be_undone_degrades)
{
    for (unsigned k = 1; k <= 6; k++) {
        degrade(k, DESK_BAR(0), 4, 0xfe020000);
    }
    for (unsigned k = 1; k <= 7; k++) {
        degrade(k, 4, 2, 0);
    }
    for (unsigned k = 1; k <= 7; k++) {
        degrade(k, DESK_PMCSR, 2, 3);
    }
}

/* ---- Refusals ---- */

Test(assign_follow, a_refused_bar_is_unmapped_alone)
{
    set_up();
    desk_write(4, 2, DECODING);
    desk.refuse_first = 0xfe022000;
    desk.refuse_last = 0xfe022fff;
    assert_status(write_register(DESK_BAR(0), 4, 0xfe020000), VPT_REFUSED);
    cr_assert(desk_read(DESK_BAR(0), 4) == 0xfe020000 && desk_mapped(0) == 0 && desk.mapped_count == 4);
    desk_check(0);
    assert_status(write_register(4, 2, DECODING), VPT_REFUSED);
    desk_check(0);
    desk.refuse_last = 0;
    desk_write(4, 2, DECODING);
    cr_assert(desk_mapped(0) == 3);
    desk_check(0);
}

/* All is refused, then all that can be is off: nothing is ever unmapped that was not mapped. */
Test(assign_follow, everything_refused)
{
    set_up();
    desk.refuse_last = UINT64_MAX;
    assert_status(write_register(4, 2, DECODING), VPT_REFUSED);
    cr_assert(desk.mapped_count == 0);
    desk_check(0);
    desk_write(4, 2, 0);
    desk_check(0);
    desk_write(DESK_PMCSR, 2, 3);
    desk.refuse_last = 0;
    desk_write(4, 2, DECODING);
    desk_write(DESK_PMCSR, 2, 0);
    cr_assert(desk.mapped_count == 7);
    desk_check(0);
    desk.refuse_last = UINT64_MAX;
    assert_status(write_register(DESK_BAR(0), 4, 0xfe020000), VPT_REFUSED);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.mapped_count == 0 && desk.device.refused == 0);
}

/* What was given before is refused when it is to be put back: the device is degraded. */
Test(assign_follow, refused_on_the_way_back)
{
    set_up();
    desk_write(4, 2, DECODING);
    desk.refuse_first = 0xfe000000;
    desk.refuse_last = 0xfe003fff;
    desk_fail(3, 3);
    assert_status(write_register(DESK_BAR(0), 4, 0xfe020000), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(desk.device.degraded && desk_mapped(0) == 1 && desk.violations == 0);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.mapped_count == 0 && desk.violations == 0);
}

/* An unmap() that says what only map() may say has failed like any other. */
Test(assign_follow, unmap_does_not_refuse)
{
    set_up();
    desk_write(4, 2, DECODING);
    desk.failure = VPT_REFUSED;
    desk_fail(1, 1);
    assert_status(write_register(DESK_BAR(0), 4, 0xfe020000), VPT_CALLER_ARGUMENT);
    cr_assert(!desk.device.degraded && desk_read(DESK_BAR(0), 4) == 0xfe000000);
    desk_check(0);
    desk.refuse_first = 0xfe022000;
    desk.refuse_last = 0xfe022fff;
    desk_fail(7, 7);
    assert_status(write_register(DESK_BAR(0), 4, 0xfe020000), VPT_CALLER_ARGUMENT);
    cr_assert(desk.failed == 1 && !desk.device.degraded && desk_read(DESK_BAR(0), 4) == 0xfe000000);
    desk_check(0);
}
