/* SPDX-License-Identifier: MIT */
/*
 * A write to the registers that decide on mappings is one transaction; here are those that cannot be undone. That each
 * single failure is, and that a refused BAR is unmapped alone, is in test_assign_failure.c and test_assign_random.c.
 */
#include "simulated_host.h"

TestSuite(assign_follow);

static void set_up(void)
{
    function_place_five_bars();
    guest_write(4, 2, DECODING);
}

static void refuse(uint64_t first, uint64_t last)
{
    function->refuse_first = first;
    function->refuse_last = last;
}

/* ---- Failures ---- */

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
        assert_same_of(row_name(i), guest_read(writes[i].offset, writes[i].width), writes[i].reads);
        assert_status_of(row_name(i), guest_try_write(writes[i].offset, writes[i].width, writes[i].value),
                         VPT_DEVICE_ASSIGN_DEGRADED);
        assert_same_of(row_name(i), guest_read(writes[i].offset, writes[i].width), writes[i].reads);
    }
    assert_same(function->calls, 0);
}

/* From the k-th call on everything fails: it cannot be undone, and what is left is what the books say. */
static void degrade(unsigned k, uint16_t offset, unsigned width, uint32_t value)
{
    /* With the fourth, three pieces of a BAR are gone, and the first at its new address is refused. */
    bool refused = k == 4 && offset == BAR(0);

    set_up();
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

/* Also while a BAR is refused, which an undegraded device would try again. */
Test(assign_follow, a_degraded_device_can_be_kept_from_the_bus_and_its_line_turned_off)
{
    for (unsigned refused = 0; refused < 2; refused++) {
        function_place_five_bars();
        refuse(0xfe010000, refused != 0 ? 0xfe010fff : 0);
        assert_status(guest_try_write(4, 2, DECODING | MASTER), refused != 0 ? VPT_REFUSED : VPT_OK);
        function_fail_hooks(2, 1000);
        assert_status(guest_try_write(4, 2, MASTER), VPT_DEVICE_ASSIGN_DEGRADED);
        function_fail_hooks(0, 0);
        function_forget();
        assert_status(guest_try_write(4, 2, DECODING | VPT_PCI_COMMAND_INTERRUPT_DISABLE), VPT_OK);
        assert_same(guest_read(4, 2), DECODING | VPT_PCI_COMMAND_INTERRUPT_DISABLE);
        cr_assert((function_get(4, 2) & MASTER) == 0 && function->calls == 0);
        assert_status(vpt_assign_release(&function->device), VPT_OK);
    }
}

/* ---- Refusals ---- */

Test(assign_follow, what_is_refused_on_the_way_back_degrades)
{
    set_up();
    refuse(0xfe000000, 0xfe003fff);
    function_fail_hooks(3, 1);
    assert_status(guest_try_write(BAR(0), 4, 0xfe020000), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(function->device.degraded && function->mapped_count == 5);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(function->mapped_count == 0 && function->violations == 0);
}

Test(assign_follow, an_unmap_that_refuses_has_failed)
{
    set_up();
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
