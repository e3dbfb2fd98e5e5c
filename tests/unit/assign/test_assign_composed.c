/* SPDX-License-Identifier: MIT */
/*
 * What a guest's operating system does with a network card at boot, and what comes of it, written by hand: it sizes the
 * BARs, places them, turns decoding on, programs what it finds and moves the BARs. Every composed function is checked
 * register by register against the model, which test_assign_failure.c and test_assign_random.c then follow.
 */
#include <string.h>

#include "assign_steps.h"

#define MEMORY VPT_ASSIGN_MEMORY
#define IO     VPT_ASSIGN_IO

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

/* ---- A network card at boot ---- */

/* A write, what the guest reads there then, and what the host holds in that dword. */
struct deed {
    uint16_t offset;
    uint8_t width;
    uint32_t value;
    uint32_t reads;
    uint32_t host;
};

/* A write with decoding on, and where that BAR is then; 0: nowhere. */
struct move {
    uint8_t written;
    uint32_t value;
    uint8_t bar;
    uint64_t guest;
};

static const struct config_value power_on[] = {
    { 0x00, 4, 0x10c98086 }, { 0x04, 2, 0x0200 },      { 0x06, 2, 0x4011 },     { 0x08, 4, 0x02000001 },
    { 0x0c, 4, 0x00000000 }, { 0x3c, 4, 0x00000100 },  { 0x42, 2, 0x0123 },     { 0x44, 2, 0x220c },
    { 0x50, 4, 0x01847005 }, { 0x72, 2, 0x0009 },      { 0xa4, 4, 0x01008cc2 }, { 0xa8, 4, 0x000d2930 },
    { 0x164, 4, 0 },         { 0x100, 4, 0x14020001 },
};

static const uint32_t sized[BARS] = {
    0xfffe0000, 0xffffffe1, 0xfffffc00, 0xfffff000, 0xffffc00c, 0xffffffff, 0xffff0000
};

static const uint32_t places[BARS] = { 0xfe000000, 0x0000c001, 0xfe021400, 0xfe020000, 0xc, 0x20, 0xfd000000 };

static const struct vpt_assign_region map[] = {
    { 0xfe000000, 0xf0400000, 0x5000, MEMORY, 0, false },     { 0xfe005000, 0xf0405000, 0x2000, MEMORY, 0, true },
    { 0xfe007000, 0xf0407000, 0x19000, MEMORY, 0, false },    { 0xc000, 0xd020, 0x20, IO, 1, true },
    { 0xfe021400, 0xf0421400, 0x400, MEMORY, 2, true },       { 0xfe020000, 0xf0420000, 0x1000, MEMORY, 3, true },
    { 0x2000000000, 0x4000008000, 0x4000, MEMORY, 4, false },
};

static const struct deed deeds[] = {
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

static const struct move moves[] = {
    { 0, 0xfe100000, 0, 0xfe100000 },
    { 1, 0x0000d021, 1, 0xd020 },
    { 1, 0xffffffff, 1, 0 },
    { 1, 0x0000ffe0, 1, 0xffe0 },
    { 1, 0x0000ffdf, 1, 0xffc0 },
    { 2, 0xfe0217ff, 2, 0xfe021400 },
    { 3, 0xfe030000, 3, 0xfe030000 },
    { 5, 0x00000021, 4, 0x2100000000 },
    { 4, 0x80000000, 4, 0x2180000000 },
    { 5, 0x00000000, 4, 0x0080000000 },
    { 4, 0x00000000, 4, 0 },
    { 5, 0x00000001, 4, 0x100000000 },
    { 6, 0xfd000001, 6, 0xfd000000 },
    { 6, 0xfd000000, 6, 0 },
};

static void size(void)
{
    for (unsigned i = 0; i < BARS; i++) {
        uint32_t before = guest_read(BAR(i), 4);

        guest_write(BAR(i), 4, i == VPT_PCI_ROM ? 0xfffff800 : 0xffffffff);
        assert_same(guest_read(BAR(i), 4), sized[i]);
        guest_write(BAR(i), 4, before);
        assert_same(guest_read(BAR(i), 4), before);
    }
}

static void check_map(void)
{
    assert_same(function->mapped_count, COUNT_OF(map));
    for (unsigned i = 0; i < COUNT_OF(map); i++) {
        const struct vpt_assign_region *there = function_find(map[i].space, map[i].guest);

        cr_assert(there != NULL && same_region(there, &map[i]), "region %u", i);
    }
}

static void do_deeds(void)
{
    for (unsigned i = 0; i < COUNT_OF(deeds); i++) {
        guest_write(deeds[i].offset, deeds[i].width, deeds[i].value);
        guest_expect(&(struct config_value){ deeds[i].offset, deeds[i].width, deeds[i].reads });
        cr_assert(function_get(deeds[i].offset & 0xfffcu, 4) == deeds[i].host, "the host's %#x", deeds[i].offset);
    }
}

static void move_bars(void)
{
    for (unsigned i = 0; i < COUNT_OF(moves); i++) {
        enum vpt_assign_space space = moves[i].bar == 1 ? IO : MEMORY;
        const struct vpt_assign_region *there;

        guest_write(BAR(moves[i].written), 4, moves[i].value);
        there = function_find(space, moves[i].guest);
        cr_assert(moves[i].guest == 0 ? function_mapped(moves[i].bar) == 0
                                      : there != NULL && there->bar == moves[i].bar && there->guest == moves[i].guest,
                  "move %u", i);
        assert_status(vpt_assign_check(&function->device), VPT_OK);
    }
}

Test(assign_composed, a_guest_boots_and_uses_a_network_card)
{
    composed_open(&composed_nic);
    function_give();
    for (unsigned i = 0; i < COUNT_OF(power_on); i++) {
        guest_expect(&power_on[i]);
    }
    size();
    for (unsigned i = 0; i < BARS; i++) {
        guest_write(BAR(i), 4, places[i]);
    }
    assert_same(function->calls, 0); /* nothing is decoded */
    guest_write(0x04, 2, DECODING | MASTER);
    check_map();
    size();
    check_map();
    do_deeds();
    move_bars();
    /* Outside D0 nothing is mapped and the host's function is no bus master, and configuration works. */
    guest_write(0x44, 2, 0x8103);
    assert_same(guest_read(0x44, 2), 0x220f);
    assert_same(function->mapped_count, 0);
    assert_same(function->config[0x04] & MASTER, 0);
    assert_same(guest_read(0x04, 2) & 7, 7);
    guest_write(0x44, 1, 0);
    assert_same(function->mapped_count, COUNT_OF(map));
    assert_same(function->config[0x04] & MASTER, MASTER);
    assert_same(function->violations, 0);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    assert_status(vpt_assign_close(&function->device), VPT_OK);
}
