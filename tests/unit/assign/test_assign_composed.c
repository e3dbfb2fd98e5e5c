/* SPDX-License-Identifier: MIT */
/* What the model that test_assign_failure.c and test_assign_random.c follow does not say of composed functions. */
#include "assign_steps.h"

TestSuite(assign_composed);

COMPOSED_TEST(assign_composed, the_hypervisor_is_told_of_each_capability_hidden_or_not)
{
    struct vpt_assign_capability one;
    uint16_t number = 0;

    step_open(composed_all[*variant]);
    for (; number < COMPOSED_CAPABILITIES && composed_capabilities[number].offset != 0; number++) {
        const struct composed_capability *expected = &composed_capabilities[number];

        assert_status(vpt_assign_capability_at(&function->device, number, &one), VPT_OK);
        cr_assert(one.id == expected->id && one.offset == expected->offset && one.hidden == expected->hidden,
                  "%#x at %#x", one.id, one.offset);
    }
    assert_status(vpt_assign_capability_at(&function->device, number, &one), VPT_EMPTY);
    cr_assert(one.id == 0 && one.offset == 0 && !one.hidden);
}

/* Firmware, or who had it before, may have left it on; the open says nothing of that. */
Test(assign_composed, bus_mastering_is_off_when_a_function_changes_hands)
{
    composed_start(&composed_nic);
    function->config[0x04] |= MASTER;
    function_open();
    assert_same(function->config[0x04] & 7, DECODING | MASTER);
    function_give();
    assert_same(function->config[0x04] & 7, DECODING);
    assert_same(guest_read(0x04, 2) & MASTER, 0);
    guest_write(0x04, 2, MASTER);
    assert_same(function->config[0x04] & 7, DECODING | MASTER);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    assert_same(function->config[0x04] & 7, DECODING);
}
