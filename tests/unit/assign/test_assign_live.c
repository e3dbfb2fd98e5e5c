/* SPDX-License-Identifier: MIT */
/*
 * vpt_assign_live() against a model that looks at each byte, in small universes that are gone through whole: every
 * value of a register's low byte near both ends of its space, every pair of traps, every arrangement of three BARs.
 */
#include <string.h>

#include "support.h"

#include <vpt/assign.h>

#define PAGE   32u
#define PIECES 32u
#define BARS   (VPT_PCI_BARS_MAX + 1u)

#define FOUR_GIB (UINT64_C(1) << 32)

static struct vpt_assign_layout layout;
static struct vpt_assign_registers registers;
static struct vpt_assign_trap traps[3];

TestSuite(assign_live);

/* ---- The model ---- */

struct byte {
    unsigned bar; /* BARS: nobody's */
    bool trapped;
    uint64_t host;
};

static bool is_io(unsigned index)
{
    return layout.bar[index].kind == VPT_PCI_BAR_IO;
}

static uint64_t guest_address(unsigned index)
{
    uint64_t low = registers.bar[index];
    uint64_t size = layout.bar[index].size;

    if (layout.bar[index].is_64bit && index < VPT_PCI_ROM) {
        low += FOUR_GIB * registers.bar[index + 1];
    }
    return low - low % size;
}

/* Whether the BAR could be live if it were alone. */
static bool model_alone(unsigned index)
{
    const struct vpt_pci_bar *bar = &layout.bar[index];
    uint64_t last = is_io(index) ? 0x10000 : FOUR_GIB - 1;

    if (bar->size == 0 || bar->address == 0 || registers.power_state != 0) {
        return false;
    }
    if (is_io(index) ? (registers.command & 1) == 0 : (registers.command & 2) == 0) {
        return false;
    }
    if (index == VPT_PCI_ROM && registers.bar[index] % 2 == 0) {
        return false;
    }
    if (bar->is_64bit) {
        last = UINT64_MAX;
    }
    /* Of memory one byte less than the space has: the last one belongs to no BAR. All ports may be a BAR's. */
    return guest_address(index) != 0 && guest_address(index) <= last && bar->size <= last - guest_address(index);
}

static bool within(unsigned index, uint64_t address)
{
    return address >= guest_address(index) && address - guest_address(index) < layout.bar[index].size;
}

static bool share_a_byte(unsigned a, unsigned b)
{
    return is_io(a) == is_io(b) && (within(a, guest_address(b)) || within(b, guest_address(a)));
}

static bool model_live(unsigned index)
{
    if (!model_alone(index)) {
        return false;
    }
    for (unsigned i = 0; i < index; i++) {
        if (model_live(i) && share_a_byte(i, index)) {
            return false;
        }
    }
    return true;
}

static bool model_trapped(unsigned index, uint64_t offset)
{
    const struct vpt_pci_bar *bar = &layout.bar[index];
    uint64_t page = is_io(index) ? 1 : PAGE;

    if (is_io(index) ? bar->address != guest_address(index)
                     : bar->size < PAGE || bar->address % PAGE != guest_address(index) % PAGE) {
        return true;
    }
    for (unsigned i = 0; i < layout.trap_count; i++) {
        for (uint64_t at = traps[i].offset; at < bar->size && at - traps[i].offset < traps[i].size; at++) {
            if (traps[i].bar == index && at / page == offset / page) {
                return true;
            }
        }
    }
    return false;
}

static struct byte model_byte(bool io, uint64_t address)
{
    for (unsigned i = 0; i < BARS; i++) {
        if (layout.bar[i].size != 0 && is_io(i) == io && within(i, address) && model_live(i)) {
            uint64_t offset = address - guest_address(i);

            return (struct byte){ i, model_trapped(i, offset), layout.bar[i].address + offset };
        }
    }
    return (struct byte){ BARS, false, 0 };
}

/* ---- What it says ---- */

static struct vpt_assign_region pieces[PIECES];
static size_t count;

static void check_byte(bool io, uint64_t address)
{
    struct byte expected = model_byte(io, address);
    struct byte got = { BARS, false, 0 };

    for (size_t i = 0; i < count; i++) {
        if ((pieces[i].space == VPT_ASSIGN_IO) == io && address >= pieces[i].guest &&
            address - pieces[i].guest < pieces[i].size) {
            got = (struct byte){ pieces[i].bar, pieces[i].trapped, pieces[i].host + (address - pieces[i].guest) };
        }
    }
    cr_assert(got.bar == expected.bar && got.trapped == expected.trapped && got.host == expected.host,
              "at 0x%llx (I/O: %d): BAR %u, trapped %d; not %u, %d", (unsigned long long)address, io, got.bar,
              got.trapped, expected.bar, expected.trapped);
}

/* In order, apart from each other, none empty or past its space, no seam where there need be none. */
static void check_order(void)
{
    for (size_t i = 0; i + 1 < count; i++) {
        const struct vpt_assign_region *piece = &pieces[i];
        const struct vpt_assign_region *next = &pieces[i + 1];

        cr_assert(piece->space <= next->space);
        if (piece->space == next->space) {
            cr_assert(piece->guest < next->guest && next->guest - piece->guest >= piece->size);
            cr_assert(next->guest - piece->guest > piece->size || piece->bar != next->bar ||
                          piece->trapped != next->trapped,
                      "one piece in two");
        }
    }
}

/* Bytes of what is live, so that nothing can be where the bytes are not looked at. */
static void check_total(void)
{
    uint64_t expected = 0;
    uint64_t got = 0;

    for (unsigned i = 0; i < BARS; i++) {
        expected += layout.bar[i].size != 0 && model_live(i) ? layout.bar[i].size : 0;
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert(pieces[i].size != 0);
        got += pieces[i].size;
    }
    cr_assert(got == expected, "%llu bytes, not %llu", (unsigned long long)got, (unsigned long long)expected);
}

/* Compares all of it, byte by byte on the BARs and just beside them. */
static void check(void)
{
    memset(pieces, 0xee, sizeof(pieces));
    count = vpt_assign_live(&layout, &registers, pieces, PIECES);
    cr_assert(count <= VPT_ASSIGN_REGIONS(layout.trap_count) && count <= PIECES);
    check_order();
    check_total();
    for (unsigned i = 0; i < BARS; i++) {
        uint64_t size = layout.bar[i].size < 256 ? layout.bar[i].size : 256;

        for (uint64_t offset = 0; size != 0 && offset < size + 2; offset++) {
            check_byte(is_io(i), guest_address(i) + offset - 1);
            check_byte(!is_io(i), guest_address(i) + offset - 1);
        }
    }
}

static void start(void)
{
    memset(&layout, 0, sizeof(layout));
    memset(&registers, 0, sizeof(registers));
    memset(traps, 0, sizeof(traps));
    layout.page_size = PAGE;
    layout.traps = traps;
    registers.command = 3;
}

static void memory(unsigned index, uint64_t size, uint64_t host, bool is_64bit)
{
    layout.bar[index] =
        (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .is_64bit = is_64bit, .size = size, .address = host };
}

static void io(unsigned index, uint64_t size, uint64_t host)
{
    layout.bar[index] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_IO, .size = size, .address = host };
}

/* ---- One BAR: each value of the low byte, at both ends ---- */

static void each_decoding(void)
{
    static const uint8_t states[] = { 0, 1, 2, 3 };

    for (uint16_t command = 0; command < 8; command++) {
        registers.command = command;
        for (unsigned i = 0; i < COUNT_OF(states); i++) {
            registers.power_state = states[i];
            check();
        }
    }
}

static void each_value(unsigned index, uint32_t upper_first, uint32_t upper_last, const uint32_t *bases,
                       unsigned base_count)
{
    for (unsigned base = 0; base < base_count; base++) {
        for (uint32_t low = 0; low < 256; low += test_stride()) {
            registers.bar[index] = bases[base] | low;
            if (layout.bar[index].is_64bit && index < VPT_PCI_ROM) {
                registers.bar[index + 1] = upper_first;
                each_decoding();
                registers.bar[index + 1] = upper_last;
            }
            each_decoding();
        }
    }
}

static const uint32_t memory_ends[] = { 0, 0x80000000, 0xffffff00 };
static const uint32_t port_ends[] = { 0, 0xff00, 0x10000, 0xffff0000, 0xffffff00 };
static const uint64_t memory_hosts[] = { 0, 0x40, 0x100000, 0x100010, 0x7fffffff00, UINT64_C(0xffffffffffffff80) };

Test(assign_live, memory_of_32_bits)
{
    for (uint64_t size = 16; size <= 128; size *= 2) {
        for (unsigned host = 0; host < COUNT_OF(memory_hosts); host++) {
            start();
            memory(0, size, memory_hosts[host], false);
            each_value(0, 0, 0, memory_ends, COUNT_OF(memory_ends));
        }
    }
}

Test(assign_live, memory_of_64_bits)
{
    for (uint64_t size = 16; size <= 128; size *= 2) {
        start();
        memory(4, size, 0x100000, true);
        each_value(4, 0, 0xffffffff, memory_ends, COUNT_OF(memory_ends));
        each_value(4, 1, 0x7fffffff, memory_ends, COUNT_OF(memory_ends));
    }
}

Test(assign_live, ports)
{
    static const uint64_t hosts[] = { 0, 0x40, 0xff80, 0xfff8 };

    for (uint64_t size = 4; size <= 64; size *= 2) {
        for (unsigned host = 0; host < COUNT_OF(hosts) && hosts[host] + size <= 0x10000; host++) {
            start();
            io(5, size, hosts[host]);
            each_value(5, 0, 0, port_ends, COUNT_OF(port_ends));
        }
    }
}

Test(assign_live, rom)
{
    static const uint32_t bases[] = { 0, 0x800, 0x1000, 0xfffff000, 0xfffff800, 0xffffe800 };

    start();
    memory(VPT_PCI_ROM, 2048, 0xc0000, false);
    each_value(VPT_PCI_ROM, 0, 0, bases, COUNT_OF(bases));
}

/* Half of all there is, and addresses around it. */
Test(assign_live, biggest)
{
    static const uint32_t uppers[] = { 0, 1, 2, 3, 4, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

    for (unsigned shift = 32; shift < 64; shift++) {
        for (unsigned upper = 0; upper < COUNT_OF(uppers); upper++) {
            start();
            memory(0, UINT64_C(1) << shift, UINT64_C(1) << shift, true);
            registers.bar[1] = uppers[upper];
            check();
            registers.bar[0] = 0xffffffff;
            check();
        }
    }
}

/* What the host has is no more to be believed: a BAR that leaves its space there is not live. */
Test(assign_live, host_wraps)
{
    start();
    memory(0, 64, UINT64_C(0xffffffffffffffe0), false);
    registers.bar[0] = 0x1000;
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 0);
    layout.bar[0].address = UINT64_C(0xffffffffffffffc0);
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 1);
    start();
    io(0, 16, 0xfff8);
    registers.bar[0] = 0x1000;
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 0);
    layout.bar[0].address = 0x10000;
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 0);
    layout.bar[0].address = 0xfff0;
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 1);
}

/* ---- Traps ---- */

static const uint64_t trap_sizes[] = { 0, 1, 8, 24, 32, 40, 200, UINT64_MAX };

static void each_pair_of_traps(uint64_t step)
{
    layout.trap_count = 2;
    for (uint64_t first = 0; first <= 136; first += step) {
        for (uint64_t second = 0; second <= 136; second += step) {
            for (unsigned sizes = 0; sizes < COUNT_OF(trap_sizes) * COUNT_OF(trap_sizes); sizes++) {
                traps[0].offset = first;
                traps[0].size = trap_sizes[sizes % COUNT_OF(trap_sizes)];
                traps[1].offset = second;
                traps[1].size = trap_sizes[sizes / COUNT_OF(trap_sizes)];
                check();
            }
        }
    }
}

Test(assign_live, traps_in_memory)
{
    start();
    memory(0, 128, 0x100000, false);
    registers.bar[0] = 0x1080;
    each_pair_of_traps(8);
}

Test(assign_live, traps_where_nothing_is_mapped)
{
    start();
    memory(0, 128, 0x100010, false);
    registers.bar[0] = 0x1080;
    each_pair_of_traps(24);
}

Test(assign_live, traps_in_ports)
{
    start();
    io(0, 128, 0x1080);
    registers.bar[0] = 0x1080;
    each_pair_of_traps(17);
}

Test(assign_live, three_traps_and_traps_elsewhere)
{
    start();
    memory(0, 128, 0x100000, false);
    memory(2, 64, 0x200000, true);
    registers.bar[0] = 0x1080;
    registers.bar[2] = 0x1000;
    layout.trap_count = 3;
    for (unsigned number = 0; number < 128 * 64; number++) {
        for (unsigned i = 0; i < 3; i++) {
            traps[i].offset = (number >> 4 * i & 15) * 8;
            traps[i].size = i == 2 ? 64 : 8;
            traps[i].bar = (uint8_t)(i == 1 ? number >> 12 & 2 : 0);
        }
        check();
    }
}

/* The most pieces there can be: each trap alone amid a BAR. */
Test(assign_live, most_pieces)
{
    start();
    for (unsigned i = 0; i < BARS; i++) {
        memory(i, 0x1000, 0x100000 + 0x1000 * i, false);
        registers.bar[i] = (0x1000 + 0x1000 * i) | (i == VPT_PCI_ROM);
    }
    layout.trap_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        traps[i] = (struct vpt_assign_trap){ .bar = 1, .offset = 64 + 64 * i, .size = 1 };
    }
    check();
    cr_assert(count == 7 + 2 * 3);
}

/* ---- Several BARs ---- */

Test(assign_live, overlaps)
{
    for (uint32_t number = 0; number < 16 * 16 * 16; number++) {
        start();
        memory(0, 32, 0x100000, false);
        memory(1, 64, 0x200000, false);
        memory(2, 16, 0x300000, true);
        registers.bar[0] = (number & 15) * 16;
        registers.bar[1] = (number >> 4 & 15) * 16;
        registers.bar[2] = (number >> 8) * 16;
        check();
        layout.bar[1].address = 0;
        check();
        registers.bar[3] = 1;
        check();
    }
}

Test(assign_live, ports_and_memory_do_not_meet)
{
    for (uint32_t number = 0; number < 16 * 16 * 16; number++) {
        start();
        memory(0, 32, 0x100000, false);
        io(1, 16, 0x20);
        io(5, 8, 0x38);
        registers.bar[0] = (number & 15) * 16;
        registers.bar[1] = (number >> 4 & 15) * 8 + 1;
        registers.bar[5] = (number >> 8) * 8 + 1;
        registers.command = (uint16_t)(number * 3 >> 5 & 3);
        check();
        registers.command = 3;
        check();
    }
}

Test(assign_live, rom_yields_to_a_bar)
{
    start();
    memory(5, 4096, 0x100000, false);
    memory(VPT_PCI_ROM, 2048, 0x200000, false);
    for (uint32_t at = 0; at < 0x4000; at += 0x800) {
        registers.bar[5] = 0x2000;
        registers.bar[VPT_PCI_ROM] = at | 1;
        check();
    }
}

/* ---- The call ---- */

Test(assign_live, too_small_an_array_is_not_overrun)
{
    start();
    memory(0, 128, 0x100000, false);
    memory(1, 64, 0x200000, false);
    registers.bar[0] = 0x1080;
    registers.bar[1] = 0x1000;
    traps[0] = (struct vpt_assign_trap){ .bar = 0, .offset = 40, .size = 1 };
    layout.trap_count = 1;
    cr_assert(vpt_assign_live(&layout, &registers, NULL, 0) == 4);
    for (size_t capacity = 0; capacity < 4; capacity++) {
        memset(pieces, 0xee, sizeof(pieces));
        cr_assert(vpt_assign_live(&layout, &registers, pieces, capacity) == 4);
        cr_assert(pieces[capacity].size == UINT64_C(0xeeeeeeeeeeeeeeee));
    }
}

Test(assign_live, arguments)
{
    start();
    memory(0, 128, 0x100000, false);
    registers.bar[0] = 0x1080;
    cr_assert(vpt_assign_live(NULL, &registers, pieces, PIECES) == 0);
    cr_assert(vpt_assign_live(&layout, NULL, pieces, PIECES) == 0);
    cr_assert(vpt_assign_live(&layout, &registers, NULL, PIECES) == 1);
    layout.traps = NULL;
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 1);
    layout.trap_count = 1;
    cr_assert(vpt_assign_live(&layout, &registers, pieces, PIECES) == 0);
}
