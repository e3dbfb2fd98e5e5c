/* SPDX-License-Identifier: MIT */
/* The capability lists that a guest walks: what is hidden is gone from them, and what is broken ends them. */
#include <string.h>

#include "assign_host.h"

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

static void walk(void)
{
    unsigned at = guest_read(0x34, 1);

    met_count = 0;
    cr_assert(((guest_read(0x06, 2) & 0x10) != 0) == (at != 0));
    while (at != 0) {
        cr_assert(at >= 0x40 && at % 4 == 0 && met_count < STANDARD);
        met[met_count++] = (struct met){ (uint16_t)guest_read((uint16_t)at, 1), (uint16_t)at };
        at = guest_read((uint16_t)(at + 1), 1);
    }
}

/* Without the first one where its id is 0. */
static void walk_extended(void)
{
    unsigned at = 0x100;

    met_count = 0;
    while (at != 0) {
        uint32_t header = guest_read((uint16_t)at, 4);

        cr_assert(at >= 0x100 && at % 4 == 0 && met_count < EXTENDED);
        if (at != 0x100 || (header & 0xffff) != 0) {
            met[met_count++] = (struct met){ (uint16_t)header, (uint16_t)at };
        } else {
            cr_assert((header & 0xfffff) == 0);
        }
        at = header >> 20;
    }
}

static void check_met(const struct met *expected, unsigned count)
{
    cr_assert(met_count == count, "%u of %u", met_count, count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert(met[i].id == expected[i].id && met[i].offset == expected[i].offset, "%u: %#x at %#x, not %#x at %#x",
                  i, met[i].id, met[i].offset, expected[i].id, expected[i].offset);
    }
}

static void all_hidden(unsigned first, unsigned end)
{
    for (unsigned at = first; at < end; at++) {
        cr_assert(guest_read((uint16_t)at, 1) == 0, "%#x", at);
        guest_write((uint16_t)at, 1, 0xff);
        cr_assert(guest_read((uint16_t)at, 1) == 0, "%#x", at);
    }
    cr_assert(host_writes() == 0);
}

static void big(void)
{
    host_start();
    host.setup.config_size = 4096;
}

/* ---- What is hidden ---- */

Test(assign_capability, hidden_unless_shown)
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
        struct met expected[3] = { { 0x0b, 0x100 }, { ids[i].id, 0x140 }, { 0x0b, 0x180 } };
        unsigned count = ids[i].hidden ? 2 : 3;

        big();
        memset(&host.config[0x100], 0x77, 0x100);
        host_extended(0x100, 0x0b, 1, 0);
        host_extended(0x140, ids[i].id, 1, 0x100);
        host_extended(0x180, 0x0b, 1, 0x140);
        host_open();
        host_give();
        if (ids[i].hidden) {
            expected[1] = expected[2];
            all_hidden(0x140, 0x180);
        }
        walk_extended();
        check_met(expected, count);
        cr_assert(guest_read(0x13f, 1) == 0x77 && guest_read(0x184, 1) == 0x77);
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        assert_status(vpt_assign_show(&host.device, 0x140), VPT_OK);
        host_give();
        walk_extended();
        cr_assert(met_count == 3 && met[1].id == ids[i].id);
    }
}

/* Addresses that no BAR says, and that would be the host's. */
Test(assign_capability, enhanced_allocation)
{
    for (unsigned shown = 0; shown < 2; shown++) {
        host_start();
        host_capability(0x40, 0x01, 0);
        host_capability(0x50, 0x14, 0x40);
        host_set(0x54, 4, 0x87654321);
        host_open();
        assert_status(shown != 0 ? vpt_assign_show(&host.device, 0x50) : VPT_OK, VPT_OK);
        host_give();
        walk();
        cr_assert(met_count == 1 + shown && guest_read(0x54, 4) == 0x87654321 * shown);
    }
}

Test(assign_capability, virtio_configuration_access)
{
    for (unsigned vendor = 0; vendor < 2; vendor++) {
        for (uint8_t type = 1; type <= 9; type++) {
            host_start();
            host_set(0x00, 2, vendor == 0 ? 0x1af4 : 0x8086);
            host_capability(0x40, 0x09, 0);
            host_set(0x42, 2, 16u | (uint32_t)type << 8);
            host_capability(0x50, 0x09, 0x40);
            host_set(0x52, 2, 20u | 4u << 8);
            host_open();
            host_give();
            walk();
            cr_assert(met_count == (vendor == 0 && type == 5 ? 1 : 2));
            if (met_count == 1) {
                all_hidden(0x40, 0x50);
                cr_assert(met[0].offset == 0x50);
            }
        }
    }
}

/* Each choice of which of four are hidden; also that it holds for one owner after the other, and can be taken back. */
Test(assign_capability, any_of_them)
{
    for (unsigned set = 0; set < 16; set++) {
        struct met expected[4];
        unsigned count = 0;

        big();
        for (unsigned i = 0; i < 4; i++) {
            uint16_t at = (uint16_t)(0x40 + 0x10 * (i ^ 1));

            host_capability(at, (uint8_t)(0x30 + i), i == 0 ? 0 : (uint16_t)(0x40 + 0x10 * ((i - 1) ^ 1)));
            host_set((uint16_t)(at + 4), 4, 0x11111111);
        }
        host_open();
        for (unsigned i = 0; i < 4; i++) {
            uint16_t at = (uint16_t)(0x40 + 0x10 * (i ^ 1));

            if ((set >> i & 1) != 0) {
                assert_status(vpt_assign_hide(&host.device, at), VPT_OK);
            } else {
                expected[count++] = (struct met){ (uint16_t)(0x30 + i), at };
            }
        }
        for (unsigned owner = 0; owner < 2; owner++) {
            host_give();
            walk();
            check_met(expected, count);
            for (unsigned i = 0; i < 4; i++) {
                uint16_t at = (uint16_t)(0x40 + 0x10 * (i ^ 1));

                cr_assert(guest_read((uint16_t)(at + 4), 4) == ((set >> i & 1) != 0 ? 0 : 0x11111111));
            }
            assert_status(vpt_assign_hide(&host.device, 0x40), VPT_CALLER_OWNED);
            assert_status(vpt_assign_show(&host.device, 0x40), VPT_CALLER_OWNED);
            assert_status(vpt_assign_release(&host.device), VPT_OK);
        }
        for (unsigned i = 0; i < 4; i++) {
            assert_status(vpt_assign_show(&host.device, (uint16_t)(0x40 + 0x10 * i)), VPT_OK);
        }
        host_give();
        walk();
        cr_assert(met_count == 4);
    }
}

Test(assign_capability, the_first_extended_one_keeps_its_place)
{
    big();
    host_extended(0x100, 0x10, 1, 0);
    host_extended(0x140, 0x01, 2, 0x100);
    host_open();
    host_give();
    cr_assert(guest_read(0x100, 4) == 0x14000000);
    walk_extended();
    cr_assert(met_count == 1 && met[0].offset == 0x140);
    all_hidden(0x104, 0x140);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(vpt_assign_hide(&host.device, 0x140), VPT_OK);
    host_give();
    cr_assert(guest_read(0x100, 4) == 0);
}

/* Gives the MSI-X capability at `at` a place for its table and pending bits. */
static void give_table(uint16_t at)
{
    host.bars.bar[5] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = 0x1000, .address = 0xfe000000 };
    host_set((uint16_t)(at + 4), 4, 5);
    host_set((uint16_t)(at + 8), 4, 0x805);
}

Test(assign_capability, telling_them)
{
    struct vpt_assign_capability one;

    big();
    host_capability(0x50, 0x05, 0);
    host_capability(0x40, 0x11, 0x50);
    give_table(0x40);
    host_extended(0x100, 0x10, 1, 0);
    host_extended(0x140, 0x1234, 1, 0x100);
    host_open();
    assert_status(vpt_assign_capability_at(&host.device, 0, &one), VPT_OK);
    cr_assert(one.id == 0x11 && one.offset == 0x40 && !one.hidden);
    assert_status(vpt_assign_capability_at(&host.device, 1, &one), VPT_OK);
    cr_assert(one.id == 0x05 && one.offset == 0x50 && !one.hidden);
    assert_status(vpt_assign_capability_at(&host.device, 2, &one), VPT_OK);
    cr_assert(one.id == 0x10 && one.offset == 0x100 && one.hidden);
    assert_status(vpt_assign_capability_at(&host.device, 3, &one), VPT_OK);
    cr_assert(one.id == 0x1234 && one.offset == 0x140 && !one.hidden);
    assert_status(vpt_assign_capability_at(&host.device, 4, &one), VPT_EMPTY);
    cr_assert(one.id == 0 && one.offset == 0 && !one.hidden);
    assert_status(vpt_assign_capability_at(NULL, 0, &one), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_capability_at(&host.device, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_hide(&host.device, 0x44), VPT_EMPTY);
    assert_status(vpt_assign_hide(&host.device, 0x1000), VPT_EMPTY);
    assert_status(vpt_assign_hide(NULL, 0x40), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_show(NULL, 0x40), VPT_CALLER_ARGUMENT);
}

/* ---- What is broken ---- */

Test(assign_capability, as_many_as_there_can_be)
{
    big();
    for (unsigned i = 0; i < STANDARD; i++) {
        host_capability((uint16_t)(0xfc - 4 * i), 0x0a, i == 0 ? 0 : (uint16_t)(0x100 - 4 * i));
    }
    for (unsigned i = 0; i < EXTENDED; i++) {
        host_extended((uint16_t)(0x100 + 4 * i), 0x0b, 1, i == 0 ? 0 : (uint16_t)(0xfc + 4 * i));
    }
    host_open();
    host_give();
    cr_assert(!host.device.capabilities_broken);
    walk();
    cr_assert(met_count == STANDARD && met[0].offset == 0xfc && met[47].offset == 0x40);
    walk_extended();
    cr_assert(met_count == EXTENDED && met[959].offset == 0xffc);
}

/* Which of all pointers lead on, by a model that remembers where it has been. */
Test(assign_capability, any_pointers)
{
    uint32_t state = 0x2545f491;

    for (unsigned round = 0; round < 3000; round++) {
        struct met expected[STANDARD];
        bool been[256] = { false };
        bool broken = false;
        unsigned count = 0;
        unsigned at;

        host_start();
        host.config[0x06] = 0x10;
        for (unsigned i = 0x34; i < 0x100; i++) {
            state = state * 1664525 + 1013904223;
            host.config[i] = i % 4 == 0 ? 0x0a : (uint8_t)(state >> 24);
        }
        at = host.config[0x34] = (uint8_t)(state >> 16);
        host.config[0x3d] = 0;
        for (at &= 0xfc; at != 0 && !broken; at = host.config[at + 1] & 0xfc) {
            broken = at < 0x40 || been[at];
            if (!broken) {
                been[at] = true;
                expected[count++] = (struct met){ 0x0a, (uint16_t)at };
            } else {
                break;
            }
        }
        host_open();
        host_give();
        walk();
        check_met(expected, count);
        cr_assert(host.device.capabilities_broken == broken);
    }
}

/* One byte after the other is where the next capability begins, or the space ends. */
Test(assign_capability, cut_short)
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
            for (unsigned end = 0; end < 2; end++) {
                uint16_t at = (uint16_t)((end == 0 ? 0x80 : 0x100) - room);
                bool fits = room >= kinds[i].needs;

                host_start();
                memset(&host.config[0x40], 0x55, 0xc0);
                if (end == 0) {
                    host_capability(0x80, 0x0a, 0);
                    host_capability(at, kinds[i].id, 0x80);
                } else {
                    host_capability(at, kinds[i].id, 0);
                }
                host_set((uint16_t)(at + 2), 2, kinds[i].control);
                if (kinds[i].id == 0x11 && fits) {
                    give_table(at);
                }
                host_open();
                if (!fits) {
                    assert_status(vpt_assign_show(&host.device, at), VPT_DEVICE_PCI_CAPABILITIES);
                }
                host_give();
                walk();
                cr_assert(met_count == (fits ? 2u - end : 1u - end), "%#x in %u", kinds[i].id, room);
                if (!fits) {
                    all_hidden(at, at + room);
                }
                cr_assert(end == 1 || guest_read(0x84, 4) == 0x55555555);
            }
        }
    }
}

/* A vendor-specific one is as long as it says, as far as there is room. */
Test(assign_capability, vendor_specific_lengths)
{
    for (unsigned length = 0; length < 256; length++) {
        host_start();
        host_capability(0x40, 0x09, 0);
        host_capability(0x60, 0x0a, 0x40);
        host.config[0x42] = (uint8_t)length;
        host_open();
        host_give();
        for (unsigned at = 0x40; at < 0x64; at++) {
            bool raw = at >= 0x43 && at < 0x40 + length && at < 0x60;

            host.config[at] = at == 0x42 || raw ? host.config[at] : guest_read((uint16_t)at, 1) != 0;
            guest_write((uint16_t)at, 1, 0xa5);
            cr_assert((host.config[at] == 0xa5) == raw || (at == 0x42 && length == 0xa5), "%#x of %u", at, length);
        }
    }
}

/* The first version of PCI Express ends before its second control register. */
Test(assign_capability, the_first_pci_express)
{
    for (unsigned version = 0; version < 4; version++) {
        host_start();
        host_capability(0x40, 0x10, 0);
        host_set(0x42, 2, version);
        host_open();
        host_give();
        guest_write(0x68, 2, 0xffff);
        cr_assert(host_get(0x68, 2) == (version < 2 ? 0 : 0x1f));
        guest_write(0x48, 2, 0x0010);
        cr_assert(host_get(0x48, 2) == 0x10);
    }
}

/* ---- Where there is nothing ---- */

Test(assign_capability, no_lists)
{
    static const uint32_t first[] = { 0, 0xffffffff, 0x56781234 };

    for (unsigned i = 0; i < COUNT_OF(first); i++) {
        big();
        memset(&host.config[0x104], 0x99, 0xefc);
        host_set(0x100, 4, first[i]);
        host_set(0x34, 1, 0x40);
        host_set(0x40, 4, 0x99990001);
        host_open();
        host_give();
        walk();
        cr_assert(met_count == 0 && guest_read(0x34, 1) == 0, "the status register says that there is none");
        cr_assert(!host.device.capabilities_broken);
        host_forget();
        all_hidden(0x100, 0x1000);
        cr_assert(guest_read(0x40, 4) == 0x99990001);
    }
}

/* ---- A function that changes its mind ---- */

Test(assign_capability, what_it_says_later_changes_nothing)
{
    big();
    host_capability(0x40, 0x05, 0);
    host_capability(0x58, 0x09, 0x40);
    host_set(0x5a, 1, 8);
    host_capability(0x60, 0x01, 0x58);
    host_extended(0x100, 0x01, 1, 0);
    host_open();
    host_give();
    memset(host.config, 0x44, sizeof(host.config));
    walk();
    check_met((const struct met[]){ { 0x05, 0x40 }, { 0x09, 0x58 }, { 0x01, 0x60 } }, 3);
    cr_assert(guest_read(0x42, 2) == 0 && guest_read(0x5a, 1) == 8);
    walk_extended();
    check_met((const struct met[]){ { 0x01, 0x100 } }, 1);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    host_give();
    walk();
    cr_assert(met_count == 3);
    cr_assert(guest_read(0x00, 4) == 0x56781234 && guest_read(0x0e, 1) == 0);
}
