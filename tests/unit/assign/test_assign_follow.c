/* SPDX-License-Identifier: MIT */
/*
 * A write to the registers that decide on mappings is one transaction: with each hook call of it refused or failing,
 * the guest has afterwards what its registers say. An address is written in any case: where only map() fails, the BAR
 * is without one. Sequences at random are in test_assign_random.c.
 */
#include <string.h>

#include "host_function.h"

TestSuite(assign_follow);

static void set_up(uint16_t command)
{
    function_place_five_bars();
    guest_write(4, 2, command);
}

static void refuse(uint64_t first, uint64_t last)
{
    function->refuse_first = first;
    function->refuse_last = last;
}

static void read_all(uint32_t values[64])
{
    for (unsigned i = 0; i < 64; i++) {
        values[i] = guest_read((uint16_t)(4 * i), 4);
    }
}

/* ---- Failures ---- */

/*
 * The same write with its first hook call failing, then its second, and so on until none of its calls does. After each
 * failure all is as before, if it is not only map() that has failed for an address. Returns how many failed.
 */
static unsigned write_with_each_failure(uint16_t offset, unsigned width, uint32_t value)
{
    uint16_t word = offset & 0xfcu;
    uint32_t written = 0; /* what the register holds where map() has failed */
    uint32_t before[64];
    uint32_t after[64];

    read_all(before);
    for (unsigned k = 1;; k++) {
        enum vpt_status status;

        function_fail_hooks(k, 1);
        status = guest_try_write(offset, width, value);
        if (function->failed == 0) {
            function_fail_hooks(0, 0);
            assert_status(status, VPT_OK);
            cr_assert(written == 0 || guest_read(word, 4) == written, "an address is there, mapped or not");
            function_check_map(0);
            return k - 1;
        }
        cr_assert(k < 64 && !function->device.degraded);
        if (offset >= 0x10 && offset < 0x34 && function->failed_maps == function->failed) {
            assert_status(status, VPT_REFUSED);
            function_check_map(0);
            written = guest_read(word, 4);
            (void)guest_try_write(word, 4, before[word / 4]);
        } else {
            assert_status(status, HOOK_FAILURE);
        }
        read_all(after);
        cr_assert(memcmp(before, after, sizeof(before)) == 0, "the registers are as before");
        function_check_map(0);
    }
}

Test(assign_follow, each_failure_is_undone)
{
    static const struct {
        uint16_t offset;
        uint8_t width;
        uint32_t value;
        unsigned calls;
    } writes[] = {
        { 4, 2, DECODING, 7 }, /* three pieces, and four BARs of one */
        { BAR(0), 4, 0xfe020000, 6 },  { PMCSR, 2, 3, 7 }, { PMCSR, 2, 0, 7 }, { BAR(3), 4, 0x20, 2 },
        { BAR(VPT_PCI_ROM), 1, 0, 1 }, { 4, 1, 0, 6 },
    };

    set_up(0);
    for (unsigned i = 0; i < COUNT_OF(writes); i++) {
        assert_same(write_with_each_failure(writes[i].offset, writes[i].width, writes[i].value), writes[i].calls);
    }
    assert_same(function->mapped_count, 0);
}

Test(assign_follow, a_failed_write_of_the_command_register_does_not_reach_the_host)
{
    set_up(0);
    function_forget();
    function_fail_hooks(1, 1);
    assert_status(guest_try_write(4, 2, DECODING | MASTER), HOOK_FAILURE);
    assert_same(function->logged, 0);
    assert_same(guest_read(4, 2), 0);
    guest_write(4, 2, DECODING | MASTER);
    assert_same(guest_read(4, 2), DECODING | MASTER);
}

/* The writes that a degraded device does not do. */
static void check_degraded(void)
{
    static const struct {
        uint16_t offset;
        uint8_t width;
        uint32_t value;
        uint32_t reads;
    } writes[] = { { 4, 2, 0, DECODING }, { BAR(0), 4, 0xfe040000, 0xfe000000 }, { PMCSR, 2, 3, 8 } };

    cr_assert(function->device.degraded);
    assert_same(function->device.region_count, function->mapped_count);
    assert_status(vpt_assign_check(&function->device), VPT_DEVICE_ASSIGN_DEGRADED);
    function_forget();
    for (unsigned i = 0; i < COUNT_OF(writes); i++) {
        assert_same(guest_read(writes[i].offset, writes[i].width), writes[i].reads);
        assert_status(guest_try_write(writes[i].offset, writes[i].width, writes[i].value), VPT_DEVICE_ASSIGN_DEGRADED);
        assert_same(guest_read(writes[i].offset, writes[i].width), writes[i].reads);
    }
    assert_same(function->calls, 0);
}

/* From the k-th call on everything fails: it cannot be undone, and what is left is what the books say. */
static void degrade(unsigned k, uint16_t offset, unsigned width, uint32_t value)
{
    /* With the fourth, three pieces of a BAR are gone, and the first at its new address is refused. */
    bool refused = k == 4 && offset == BAR(0);

    set_up(DECODING);
    function_fail_hooks(k, 1000);
    assert_status(guest_try_write(offset, width, value), k == 1    ? HOOK_FAILURE
                                                         : refused ? VPT_REFUSED
                                                                   : VPT_DEVICE_ASSIGN_DEGRADED);
    function_fail_hooks(0, 0);
    if (k == 1 || refused) {
        cr_assert(!function->device.degraded);
        function_check_map(0);
        return;
    }
    check_degraded();
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(function->mapped_count == 0 && !function->device.degraded);
    function_give();
    function_check_map(0);
}

Test(assign_follow, what_cannot_be_undone_degrades_until_the_release)
{
    for (unsigned k = 1; k <= 7; k++) {
        if (k <= 6) {
            degrade(k, BAR(0), 4, 0xfe020000);
        }
        degrade(k, 4, 2, 0);
        degrade(k, PMCSR, 2, 3);
    }
}

/* ---- Refusals ---- */

Test(assign_follow, a_refused_bar_is_unmapped_alone_until_it_can_be_mapped)
{
    set_up(DECODING);
    refuse(0xfe022000, 0xfe022fff);
    assert_status(guest_try_write(BAR(0), 4, 0xfe020000), VPT_REFUSED);
    assert_same(guest_read(BAR(0), 4), 0xfe020000);
    cr_assert(function_mapped(0) == 0 && function->mapped_count == 4);
    function_check_map(0);
    assert_status(guest_try_write(4, 2, DECODING), VPT_REFUSED);
    function_check_map(0);
    refuse(0, 0);
    guest_write(4, 2, DECODING);
    assert_same(function_mapped(0), 3);
    function_check_map(0);
}

Test(assign_follow, what_was_refused_is_never_unmapped)
{
    set_up(0);
    refuse(0, UINT64_MAX);
    assert_status(guest_try_write(4, 2, DECODING), VPT_REFUSED);
    function_check_map(0);
    guest_write(4, 2, 0);
    function_check_map(0);
    guest_write(PMCSR, 2, 3);
    refuse(0, 0);
    guest_write(4, 2, DECODING);
    guest_write(PMCSR, 2, 0);
    assert_same(function->mapped_count, 7);
    function_check_map(0);
    refuse(0, UINT64_MAX);
    assert_status(guest_try_write(BAR(0), 4, 0xfe020000), VPT_REFUSED);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(function->mapped_count == 0 && function->device.refused == 0 && function->violations == 0);
}

Test(assign_follow, what_is_refused_on_the_way_back_degrades)
{
    set_up(DECODING);
    refuse(0xfe000000, 0xfe003fff);
    function_fail_hooks(3, 1);
    assert_status(guest_try_write(BAR(0), 4, 0xfe020000), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(function->device.degraded && function_mapped(0) == 1);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(function->mapped_count == 0 && function->violations == 0);
}

Test(assign_follow, an_unmap_that_refuses_has_failed)
{
    set_up(DECODING);
    function->failure = VPT_REFUSED;
    for (unsigned i = 0; i < 2; i++) {
        refuse(0xfe022000, i == 0 ? 0 : 0xfe022fff);
        function_fail_hooks(i == 0 ? 1 : 7, 1);
        assert_status(guest_try_write(BAR(0), 4, 0xfe020000), VPT_CALLER_ARGUMENT);
        cr_assert(function->failed == 1 && !function->device.degraded);
        assert_same(guest_read(BAR(0), 4), 0xfe000000);
        function_check_map(0);
    }
}
