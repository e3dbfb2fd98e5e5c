/* SPDX-License-Identifier: MIT */
/*
 * The capability lists that a guest walks: what is hidden is gone from them, and what is broken ends them. Any set that
 * is hidden, and a function that says otherwise after the open, are in test_assign_random.c.
 */
#include <string.h>

#include "simulated_host.h"

#define STANDARD 48u
#define EXTENDED 960u

TestSuite(assign_capability);

struct met {
    uint16_t id;
    uint16_t offset;
};

static struct met met[EXTENDED + 1u];
static unsigned met_count;

/* ---- A guest's walk: every pointer is as it should be ---- */

static void meet(uint16_t id, unsigned at, unsigned first, unsigned most)
{
    cr_assert(at >= first && at % 4 == 0 && met_count < most);
    met[met_count++] = (struct met){ id, (uint16_t)at };
}

static void walk(void)
{
    unsigned at = guest_read(0x34, 1);

    cr_assert(((guest_read(0x06, 2) & 0x10) != 0) == (at != 0));
    for (met_count = 0; at != 0; at = guest_read((uint16_t)(at + 1), 1)) {
        meet((uint16_t)guest_read((uint16_t)at, 1), at, 0x40, STANDARD);
    }
}

/* Without the first one where its id is 0. */
static void walk_extended(void)
{
    uint32_t header = guest_read(0x100, 4);
    bool hidden = (header & 0xffff) == 0;

    met_count = 0;
    cr_assert(!hidden || (header & 0xfffff) == 0);
    for (unsigned at = hidden ? header >> 20 : 0x100; at != 0; at = header >> 20) {
        header = guest_read((uint16_t)at, 4);
        meet((uint16_t)header, at, 0x100, EXTENDED);
    }
}

static void check_met(const struct met *expected, unsigned count)
{
    assert_same(met_count, count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert(met[i].id == expected[i].id && met[i].offset == expected[i].offset, "%u: %#x at %#x, not %#x at %#x",
                  i, met[i].id, met[i].offset, expected[i].id, expected[i].offset);
    }
}

static void check_hidden(unsigned first, unsigned end)
{
    for (unsigned at = first; at < end; at++) {
        assert_same(guest_read((uint16_t)at, 1), 0);
        guest_write((uint16_t)at, 1, 0xff);
        assert_same(guest_read((uint16_t)at, 1), 0);
    }
    assert_same(function->logged, 0);
}

static void start_extended(void)
{
    function_start();
    function->setup.config_size = CONFIG_SIZE;
}

/* ---- What is hidden ---- */

Test(assign_capability, an_extended_one_is_hidden_by_its_id_unless_it_is_shown)
{
    static const struct {
        uint16_t id;
        bool hidden;
    } ids[] = {
        { 0x01, false }, { 0x02, false }, { 0x03, false }, { 0x04, false },   { 0x0b, false },
        { 0x0d, false }, { 0x0e, true },  { 0x0f, true },  { 0x10, true },    { 0x12, false },
        { 0x13, true },  { 0x15, true },  { 0x18, false }, { 0x1b, true },    { 0x1e, false },
        { 0x24, true },  { 0x25, false }, { 0x91, false }, { 0x8010, false },
    };

    for (unsigned i = 0; i < COUNT_OF(ids); i++) {
        struct met shown[] = { { 0x0b, 0x100 }, { ids[i].id, 0x140 }, { 0x0b, 0x180 } };
        struct met hidden[] = { shown[0], shown[2] };

        start_extended();
        memset(&function->config[0x100], 0x77, 0x100);
        function_extended(0x100, 0x0b, 1, 0);
        function_extended(0x140, ids[i].id, 1, 0x100);
        function_extended(0x180, 0x0b, 1, 0x140);
        function_open_and_give();
        if (ids[i].hidden) {
            check_hidden(0x140, 0x180);
        }
        walk_extended();
        check_met(ids[i].hidden ? hidden : shown, ids[i].hidden ? 2 : 3);
        assert_same(guest_read(0x13f, 1), 0x77);
        assert_same(guest_read(0x184, 1), 0x77);
        assert_status(vpt_assign_release(&function->device), VPT_OK);
        assert_status(vpt_assign_show(&function->device, 0x140), VPT_OK);
        function_give();
        walk_extended();
        check_met(shown, 3);
    }
}

/* Its addresses would be the host's, and no BAR says them. */
Test(assign_capability, enhanced_allocation_is_hidden_unless_it_is_shown)
{
    for (unsigned shown = 0; shown < 2; shown++) {
        function_start();
        function_capability(0x40, 0x01, 0);
        function_capability(0x50, 0x14, 0x40);
        function_set(0x54, 4, 0x87654321);
        function_open();
        assert_status(shown != 0 ? vpt_assign_show(&function->device, 0x50) : VPT_OK, VPT_OK);
        function_give();
        walk();
        assert_same(met_count, 1 + shown);
        assert_same(guest_read(0x54, 4), 0x87654321 * shown);
    }
}

Test(assign_capability, only_virtios_configuration_access_is_hidden_of_its_capabilities)
{
    static const struct met both[] = { { 0x09, 0x40 }, { 0x09, 0x50 } };

    for (unsigned i = 0; i < 18; i++) {
        bool virtio = i < 9;
        unsigned type = 1 + i % 9;
        bool hidden = virtio && type == 5;

        function_start();
        function_set(0x00, 2, virtio ? 0x1af4 : 0x8086);
        function_capability(0x40, 0x09, 0);
        function_set(0x42, 2, 16u | type << 8);
        function_capability(0x50, 0x09, 0x40);
        function_set(0x52, 2, 20u | 4u << 8);
        function_open_and_give();
        walk();
        check_met(&both[hidden], hidden ? 1 : 2);
        if (hidden) {
            check_hidden(0x40, 0x50);
        }
    }
}

Test(assign_capability, hiding_and_telling_refuse_what_is_none)
{
    struct vpt_assign_capability one;

    function_start();
    function_capability(0x40, 0x05, 0);
    function_open();
    assert_status(vpt_assign_capability_at(NULL, 0, &one), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_capability_at(&function->device, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_hide(&function->device, 0x44), VPT_EMPTY);
    assert_status(vpt_assign_hide(&function->device, 0x1000), VPT_EMPTY);
    assert_status(vpt_assign_hide(NULL, 0x40), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_show(NULL, 0x40), VPT_CALLER_ARGUMENT);
}

/* ---- What is broken ---- */

Test(assign_capability, lists_may_be_as_long_as_there_is_room)
{
    start_extended();
    for (unsigned i = 0; i < STANDARD; i++) {
        function_capability((uint16_t)(0xfc - 4 * i), 0x0a, i == 0 ? 0 : (uint16_t)(0x100 - 4 * i));
    }
    for (unsigned i = 0; i < EXTENDED; i++) {
        function_extended((uint16_t)(0x100 + 4 * i), 0x0b, 1, i == 0 ? 0 : (uint16_t)(0xfc + 4 * i));
    }
    function_open_and_give();
    cr_assert(!function->device.capabilities_broken);
    walk();
    cr_assert(met_count == STANDARD && met[0].offset == 0xfc && met[47].offset == 0x40);
    walk_extended();
    cr_assert(met_count == EXTENDED && met[959].offset == 0xffc);
}

/* Where all pointers are random, by a model that remembers where it has been. */
Test(assign_capability, a_list_ends_before_it_loops_or_leaves_its_space)
{
    uint32_t state = 0x2545f491;

    for (unsigned round = 0; round < 3000; round++) {
        struct met expected[STANDARD];
        bool been[256] = { false };
        unsigned count = 0;
        unsigned at;

        function_start();
        function->config[0x06] = 0x10;
        for (unsigned i = 0x34; i < 0x100; i++) {
            state = state * 1664525 + 1013904223;
            function->config[i] = i % 4 == 0 ? 0x0a : (uint8_t)(state >> 24);
        }
        function->config[0x34] = (uint8_t)(state >> 16);
        function->config[0x3d] = 0;
        for (at = function->config[0x34] & 0xfc; at >= 0x40 && !been[at]; at = function->config[at + 1] & 0xfc) {
            been[at] = true;
            expected[count++] = (struct met){ 0x0a, (uint16_t)at };
        }
        function_open_and_give();
        walk();
        check_met(expected, count);
        assert_same(function->device.capabilities_broken, at != 0);
    }
}

/* Gives the MSI-X capability at `at` a place for its table and pending bits. */
static void give_table(uint16_t at)
{
    function_memory(5, 0x1000, 0xfe000000, false);
    function_set((uint16_t)(at + 4), 4, 5);
    function_set((uint16_t)(at + 8), 4, 0x805);
}

/* A capability in `room` bytes before the next one at 0x80, or before the end of the space. */
static void check_cut_short(uint8_t id, uint16_t control, unsigned needs, unsigned room, bool last)
{
    uint16_t at = (uint16_t)((last ? 0x100 : 0x80) - room);
    bool fits = room >= needs;

    function_start();
    memset(&function->config[0x40], 0x55, 0xc0);
    if (!last) {
        function_capability(0x80, 0x0a, 0);
    }
    function_capability(at, id, last ? 0 : 0x80);
    function_set((uint16_t)(at + 2), 2, control);
    if (id == 0x11 && fits) {
        give_table(at);
    }
    function_open();
    if (!fits) {
        assert_status(vpt_assign_show(&function->device, at), VPT_DEVICE_PCI_CAPABILITIES);
    }
    function_give();
    walk();
    cr_assert(met_count == 0u + fits + !last, "%#x in %u", id, room);
    if (!fits) {
        check_hidden(at, at + room);
    }
    cr_assert(last || guest_read(0x84, 4) == 0x55555555);
}

Test(assign_capability, one_that_is_cut_short_is_hidden_for_good)
{
    static const struct {
        uint8_t id;
        uint16_t control;
        unsigned needs;
    } kinds[] = {
        { 0x01, 0, 8 },      { 0x03, 0, 8 },      { 0x05, 0, 10 }, { 0x05, 0x80, 14 },
        { 0x05, 0x100, 20 }, { 0x05, 0x180, 24 }, { 0x11, 0, 12 }, { 0x10, 2, 12 },
        { 0x13, 0x0306, 6 }, { 0x09, 0x0010, 3 }, { 0x0a, 0, 2 },
    };

    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        for (unsigned room = 4; room <= 28; room += 4) {
            check_cut_short(kinds[i].id, kinds[i].control, kinds[i].needs, room, false);
            check_cut_short(kinds[i].id, kinds[i].control, kinds[i].needs, room, true);
        }
    }
}

Test(assign_capability, a_vendor_specific_one_is_as_long_as_it_says_and_has_room)
{
    for (unsigned length = 0; length < 256; length++) {
        function_start();
        function_capability(0x40, 0x09, 0);
        function_capability(0x60, 0x0a, 0x40);
        function->config[0x42] = (uint8_t)length;
        function_open_and_give();
        for (unsigned at = 0x40; at < 0x64; at++) {
            bool raw = at >= 0x43 && at < 0x40 + length && at < 0x60;

            function->config[at] = at == 0x42 || raw ? function->config[at] : guest_read((uint16_t)at, 1) != 0;
            guest_write((uint16_t)at, 1, 0xa5);
            cr_assert((function->config[at] == 0xa5) == raw || (at == 0x42 && length == 0xa5), "%#x of %u", at, length);
        }
    }
}

Test(assign_capability, the_first_version_of_pci_express_has_no_second_control_register)
{
    for (unsigned version = 0; version < 4; version++) {
        function_start();
        function_capability(0x40, 0x10, 0);
        function_set(0x42, 2, version);
        function_open_and_give();
        guest_write(0x68, 2, 0xffff);
        assert_same(function_get(0x68, 2), version < 2 ? 0 : 0x1f);
        guest_write(0x48, 2, 0x0010);
        assert_same(function_get(0x48, 2), 0x10);
    }
}

/* ---- Where there is nothing ---- */

/* The status register says that there is none. */
Test(assign_capability, without_lists_a_guest_sees_none_and_no_extended_space)
{
    static const uint32_t first[] = { 0, 0xffffffff, 0x56781234 };

    for (unsigned i = 0; i < COUNT_OF(first); i++) {
        start_extended();
        memset(&function->config[0x104], 0x99, 0xefc);
        function_set(0x100, 4, first[i]);
        function_set(0x34, 1, 0x40);
        function_set(0x40, 4, 0x99990001);
        function_open_and_give();
        walk();
        assert_same(met_count, 0);
        cr_assert(!function->device.capabilities_broken);
        check_hidden(0x100, 0x1000);
        assert_same(guest_read(0x40, 4), 0x99990001);
    }
}
