/* SPDX-License-Identifier: MIT */
/*
 * What is shown of composed functions beside their model, which test_assign_failure.c and test_assign_random.c follow:
 * the list that the hypervisor gets, and what a guest reads and writes of a network card, by hand.
 */
#include "assign_steps.h"

TestSuite(assign_composed);

/* ---- All of them ---- */

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

/* ---- A network card ---- */

/* A write, what the guest reads there then, and what the host holds in that dword. */
struct programmed {
    uint16_t offset;
    uint8_t width;
    uint32_t value;
    uint32_t reads;
    uint32_t host;
};

static const struct config_value power_on[] = {
    { 0x00, 4, 0x10c98086 }, { 0x04, 2, 0x0200 },      { 0x06, 2, 0x4011 },     { 0x08, 4, 0x02000001 },
    { 0x0c, 4, 0x00000000 }, { 0x3c, 4, 0x00000100 },  { 0x42, 2, 0x0123 },     { 0x44, 2, 0x220c },
    { 0x50, 4, 0x01847005 }, { 0x72, 2, 0x0009 },      { 0xa4, 4, 0x01008cc2 }, { 0xa8, 4, 0x000d2930 },
    { 0x164, 4, 0 },         { 0x100, 4, 0x14020001 },
};

static const struct programmed writes[] = {
    { 0x54, 4, 0xfee0100f, 0xfee0100c, 0xfee01005 },
    { 0x52, 2, 0x0071, 0x01a5, 0x03a57005 }, /* four messages at most, of seven powers of two */
    { 0x60, 4, 0xffffffff, 0x0000000f, 0x00000005 },
    { 0x72, 2, 0xc000, 0xc009, 0xc009a011 },
    { 0xa8, 4, 0xffff5fef, 0x000d292f, 0x000dab2f }, /* payload 256, read requests 512 */
    { 0xc8, 2, 0xffff, 0x041f, 0x0000041f },
    { 0xe2, 2, 0x8043, 0x8043, 0x80430003 }, /* vital product data are not written */
    { 0x104, 4, 0x00100000, 0x00200020, 0x00200020 },
    { 0x108, 4, 0x12345678, 0x12345678, 0x12345678 },
    { 0x06, 2, 0xffff, 0x4011, 0x40110747 },
};

Test(assign_composed, a_guest_programs_a_network_card)
{
    composed_give(&composed_nic);
    for (unsigned i = 0; i < COUNT_OF(power_on); i++) {
        guest_expect(&power_on[i]);
    }
    guest_write(0x04, 2, DECODING | MASTER);
    for (unsigned i = 0; i < COUNT_OF(writes); i++) {
        guest_write(writes[i].offset, writes[i].width, writes[i].value);
        guest_expect(&(struct config_value){ writes[i].offset, writes[i].width, writes[i].reads });
        cr_assert(function_get(writes[i].offset & 0xfffcu, 4) == writes[i].host, "the host's %#x", writes[i].offset);
    }
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    assert_status(vpt_assign_close(&function->device), VPT_OK);
}
