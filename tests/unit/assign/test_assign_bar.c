/* SPDX-License-Identifier: MIT */
/* What a guest reads of the base address registers that it writes, and where the BARs are then. */
#include "assign_desk.h"

#define IO       1u
#define MEMORY   2u
#define DECODING 3u

TestSuite(assign_bar);

/* Writes a register whole and reads it. */
static uint32_t answer(unsigned index, uint32_t value)
{
    enum vpt_status status = vpt_assign_config_write(&desk.device, DESK_BAR(index), 4, value);

    cr_assert(status == VPT_OK || status == VPT_REFUSED);
    return desk_read(DESK_BAR(index), 4);
}

/* Asserts that a BAR is mapped whole at an address, by the pieces of each. */
static void check_at(unsigned index, uint64_t address)
{
    enum vpt_assign_space space = desk.bars.bar[index].kind == VPT_PCI_BAR_IO ? VPT_ASSIGN_IO : VPT_ASSIGN_MEMORY;
    uint64_t size = desk.bars.bar[index].size;
    const struct vpt_assign_region *first = desk_find(space, address);
    const struct vpt_assign_region *last = desk_find(space, address + (size - 1));

    cr_assert(first != NULL && first->bar == index && first->guest == address);
    cr_assert(last != NULL && last->bar == index && last->guest + (last->size - 1) == address + (size - 1));
    desk_check(0);
}

/* ---- Registers ---- */

static const uint32_t patterns[] = { 0xffffffff, 0xfffffff0, 0xfffff800, 0x55555555, 0xaaaaaaaa,
                                     0x12345678, 0x80000000, 1,          0xf,        0 };

/* The size comes out of any pattern, and the kind is read-only. */
static void check_patterns(unsigned index, uint32_t mask, uint32_t flags)
{
    for (unsigned i = 0; i < COUNT_OF(patterns); i++) {
        cr_assert(answer(index, patterns[i]) == ((patterns[i] & mask) | flags), "BAR %u, 0x%x", index, patterns[i]);
        desk_check(0);
    }
}

Test(assign_bar, memory_of_each_size)
{
    for (unsigned shift = 4; shift < 32; shift++) {
        desk_start();
        desk_memory(3, UINT64_C(1) << shift, 0x80000000, false);
        desk_open();
        check_patterns(3, UINT32_MAX << shift, 0);
    }
}

Test(assign_bar, memory_of_64_bits_of_each_size)
{
    for (unsigned shift = 4; shift < 64; shift++) {
        uint64_t mask = UINT64_MAX << shift;

        desk_start();
        desk_memory(4, UINT64_C(1) << shift, UINT64_C(1) << shift, true);
        desk_open();
        check_patterns(4, (uint32_t)mask, 4);
        check_patterns(5, (uint32_t)(mask >> 32), 0);
    }
}

Test(assign_bar, ports_of_each_size)
{
    for (unsigned shift = 2; shift < 9; shift++) {
        desk_start();
        desk_io(0, UINT64_C(1) << shift, 0xc000);
        desk_open();
        check_patterns(0, UINT32_MAX << shift, 1);
    }
}

/* The last ports are ports like others: a register of 32 bits that is being sized is beyond them. */
Test(assign_bar, the_last_ports)
{
    uint64_t value;

    for (uint64_t size = 4; size <= 0x100; size *= 2) {
        uint32_t last = 0x10000 - (uint32_t)size;

        desk_start();
        desk_io(1, size, 0xc000);
        desk_open();
        desk_write(4, 2, IO);
        desk_write(DESK_BAR(1), 4, last);
        check_at(1, last);
        assert_status(vpt_assign_access_read(&desk.device, VPT_ASSIGN_IO, 0xffff, 1, &value), VPT_OK);
        cr_assert(desk.accessed == 0xc000 + size - 1);
        assert_status(vpt_assign_access_read(&desk.device, VPT_ASSIGN_IO, 0xffff, 2, &value), VPT_CALLER_RANGE);
        cr_assert(answer(1, 0xffffffff) == (~(uint32_t)(size - 1) | 1) && desk.mapped_count == 0);
        desk_write(DESK_BAR(1), 4, 0x10000);
        cr_assert(desk.mapped_count == 0, "there is no such port");
    }
    desk_start();
    desk_io(1, 32, 0xffe0);
    desk_open();
    desk_write(DESK_BAR(1), 4, 0xffe0);
    desk_write(4, 2, IO);
    check_at(1, 0xffe0);
    cr_assert(!desk_find(VPT_ASSIGN_IO, 0xffff)->trapped, "the host's are the same");
}

Test(assign_bar, rom_keeps_its_enable_bit)
{
    for (unsigned shift = 11; shift < 25; shift++) {
        desk_start();
        desk_memory(VPT_PCI_ROM, UINT64_C(1) << shift, 0x80000000, false);
        desk_open();
        check_patterns(VPT_PCI_ROM, UINT32_MAX << shift | 1, 0);
    }
}

/* ---- Decoding ---- */

Test(assign_bar, follows_what_is_decoded)
{
    desk_place_one_of_each();
    desk_write(DESK_BAR(VPT_PCI_ROM), 4, 0xfd000000);
    cr_assert(desk.calls == 0, "nothing moves while nothing is decoded");
    desk_write(4, 2, IO);
    cr_assert(desk.mapped_count == 1 && !desk_find(VPT_ASSIGN_IO, 0xc000)->trapped);
    check_at(1, 0xc000);
    desk_write(4, 2, DECODING);
    check_at(0, 0xfe000000);
    check_at(2, UINT64_C(0x1000000000));
    check_at(4, 0xfe010100);
    cr_assert(desk_mapped(0) == 3 && desk_find(VPT_ASSIGN_MEMORY, 0xfe001000)->trapped);
    cr_assert(desk_find(VPT_ASSIGN_MEMORY, 0xfe010100)->trapped);
    cr_assert(desk_mapped(VPT_PCI_ROM) == 0);
    desk_write(DESK_BAR(VPT_PCI_ROM), 1, 1);
    check_at(VPT_PCI_ROM, 0xfd000000);
    desk_write(4, 2, MEMORY);
    cr_assert(desk_mapped(1) == 0);
    desk_write(4, 2, 0);
    cr_assert(desk.mapped_count == 0);
    desk_check(0);
}

/*
 * Each half of a 64-bit BAR, and both together, sized with decoding on: wherever map() fails, the guest reads what it
 * would read otherwise, and the BAR is back where it was with the first write that can map it.
 */
Test(assign_bar, sizing_64_bits_while_maps_fail)
{
    static const struct {
        unsigned half;
        uint32_t value;
        uint32_t reads;
        bool fails; /* somewhere, if map() does */
    } writes[] = {
        { 2, 0xffffffff, 0xffffc004, true },                                       /* 0x1ffffc000 */
        { 2, 0xfe000000, 0xfe000004, true },  { 3, 0xffffffff, 0xffffffff, true }, /* 0xfffffffffe000000 */
        { 3, 0x00000001, 0x00000001, true },  { 2, 0xffffffff, 0xffffc004, true },
        { 3, 0xffffffff, 0xffffffff, false }, /* no address at all */
        { 2, 0xfe000000, 0xfe000004, true },  { 3, 0x00000001, 0x00000001, true },
    };

    for (unsigned failing = 0; failing < 1u << COUNT_OF(writes); failing++) {
        desk_start();
        desk_memory(2, 0x4000, 0x80000000, true);
        desk_open();
        desk_write(DESK_BAR(2), 4, 0xfe000000);
        desk_write(DESK_BAR(3), 4, 1);
        desk_write(4, 2, MEMORY);
        for (unsigned i = 0; i < COUNT_OF(writes); i++) {
            bool fails = (failing >> i & 1) != 0;
            unsigned unmaps = desk.mapped_count;
            uint16_t offset = DESK_BAR(writes[i].half);
            enum vpt_status expected = fails && writes[i].fails ? VPT_REFUSED : VPT_OK;

            desk_fail(fails ? unmaps + 1 : 1000, fails ? unmaps + 1 : 1000);
            assert_status(vpt_assign_config_write(&desk.device, offset, 4, writes[i].value), expected);
            cr_assert(desk_read(offset, 4) == writes[i].reads, "write %u of %#x", i, failing);
            desk_check(0);
        }
        desk.fail_first = 0;
        desk_write(4, 2, MEMORY);
        check_at(2, UINT64_C(0x1fe000000));
    }
}

Test(assign_bar, the_same_again_calls_nothing)
{
    desk_start();
    desk_one_of_each();
    desk_open();
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(4, 2, DECODING);
    desk.calls = 0;
    desk_write(4, 2, DECODING);
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(DESK_BAR(0), 1, 0xff);
    desk_write(4, 2, DECODING | VPT_PCI_COMMAND_BUS_MASTER);
    desk_write(DESK_BAR(5), 4, 0x12345678);
    desk_write(DESK_BAR(VPT_PCI_ROM), 4, 0xfd000000);
    desk_write(DESK_PMCSR, 2, 0);
    cr_assert(desk.calls == 0);
    desk_write(DESK_BAR(0), 4, 0xfe004000);
    cr_assert(desk.calls == 6, "three pieces go, three come");
}

/* ---- What no function has ---- */

static void check_impossible(unsigned index, struct vpt_pci_bar bar)
{
    desk_start();
    desk.bars.bar[index] = bar;
    desk.setup.regions = VPT_ASSIGN_REGIONS(0);
    assert_status(vpt_assign_open(&desk.device, &desk.setup), VPT_CALLER_BAR);
    cr_assert(all_zero(&desk.device, sizeof(desk.device)));
}

Test(assign_bar, impossible_sizes)
{
    struct vpt_pci_bar memory = { .kind = VPT_PCI_BAR_MEMORY, .address = 0x80000000 };
    struct vpt_pci_bar io = { .kind = VPT_PCI_BAR_IO, .address = 0xc000 };

    for (unsigned i = 0; i < DESK_BARS; i++) {
        static const uint64_t sizes[] = { 1, 2, 4, 8, 24, 0x1800, 0xffffffff, UINT64_C(0x100000000), UINT64_MAX };

        for (unsigned size = 0; size < COUNT_OF(sizes); size++) {
            memory.size = sizes[size];
            check_impossible(i, memory);
        }
        io.size = 0;
        check_impossible(i, io);
        memory.size = 0;
        check_impossible(i, memory);
    }
    io.size = 2;
    check_impossible(0, io);
    io.size = 6;
    check_impossible(0, io);
    io.size = 0x10000;
    check_impossible(0, io);
    memory.size = 1024;
    check_impossible(VPT_PCI_ROM, memory);
}

Test(assign_bar, impossible_kinds)
{
    struct vpt_pci_bar memory = { .kind = VPT_PCI_BAR_MEMORY, .address = 0x80000000, .size = 0x1000, .is_64bit = true };
    struct vpt_pci_bar io = { .kind = VPT_PCI_BAR_IO, .address = 0xc000, .size = 16 };

    check_impossible(5, memory);
    check_impossible(VPT_PCI_ROM, memory);
    memory.below_1mib = true;
    check_impossible(0, memory);
    io.size = 4096;
    check_impossible(VPT_PCI_ROM, io);
    io.size = 16;
    io.is_64bit = true;
    check_impossible(0, io);
    io.is_64bit = false;
    io.prefetchable = true;
    check_impossible(0, io);
    io.prefetchable = false;
    io.below_1mib = true;
    check_impossible(0, io);
    io.below_1mib = false;
    io.kind = (enum vpt_pci_bar_kind)4;
    check_impossible(0, io);
}

Test(assign_bar, nothing_lies_in_an_upper_half)
{
    desk_start();
    desk_memory(0, 0x1000, 0x80000000, true);
    desk_memory(1, 0x1000, 0x80001000, false);
    desk.setup.regions = VPT_ASSIGN_REGIONS(0);
    assert_status(vpt_assign_open(&desk.device, &desk.setup), VPT_CALLER_BAR);
    desk_start();
    desk_memory(4, 0x1000, 0x80000000, true);
    desk_memory(VPT_PCI_ROM, 0x1000, 0x80001000, false);
    desk_open();
}
