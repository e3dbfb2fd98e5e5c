/* SPDX-License-Identifier: MIT */
/*
 * vpt_assign_live() against a model that looks at each byte, with all combinations of a few values: every value of a
 * register's low byte near both ends of its space, every pair of traps, every arrangement of three BARs.
 */
#include <string.h>

#include "support.h"

#include <vpt/assign.h>

#define PAGE   32u
#define PIECES 32u
#define BARS   (VPT_PCI_BARS_MAX + 1u)

#define FOUR_GIB (UINT64_C(1) << 32)

static struct vpt_assign_trap traps[3];
static struct vpt_assign_layout layout = { .page_size = PAGE, .traps = traps };
static struct vpt_assign_registers registers = { .command = 3 };

TestSuite(assign_live);

/* ---- The model ---- */

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
    bool decoded = (registers.command & (is_io(index) ? 1 : 2)) != 0 && registers.power_state == 0 &&
                   (index != VPT_PCI_ROM || registers.bar[index] % 2 != 0);
    uint64_t host_last = is_io(index) ? 0xffff : UINT64_MAX;
    /* Of memory one byte less than the space has: the last one belongs to no BAR. All ports may be a BAR's. */
    uint64_t end = bar->is_64bit ? UINT64_MAX : FOUR_GIB - 1;

    if (is_io(index)) {
        end = 0x10000;
    }
    return decoded && bar->size != 0 && bar->address != 0 && bar->address <= host_last &&
           bar->size - 1 <= host_last - bar->address && guest_address(index) != 0 && guest_address(index) <= end &&
           bar->size <= end - guest_address(index);
}

static bool overlap(unsigned a, unsigned b)
{
    uint64_t distance = guest_address(a) - guest_address(b);

    return is_io(a) == is_io(b) && (distance < layout.bar[b].size || 0 - distance < layout.bar[a].size);
}

static bool model_live(unsigned index)
{
    if (!model_alone(index)) {
        return false;
    }
    for (unsigned i = 0; i < index; i++) {
        if (model_live(i) && overlap(i, index)) {
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

/* ---- What it says ---- */

static struct vpt_assign_region pieces[PIECES];
static size_t count;

/* There is just this piece of a BAR. */
static void expect_piece(unsigned index, uint64_t offset, uint64_t size, bool trapped)
{
    uint64_t guest = guest_address(index) + offset;

    for (size_t i = 0; i < count; i++) {
        const struct vpt_assign_region *piece = &pieces[i];

        if (piece->bar == index && piece->guest == guest) {
            assert_same(piece->space, is_io(index) ? VPT_ASSIGN_IO : VPT_ASSIGN_MEMORY);
            assert_same(piece->host, layout.bar[index].address + offset);
            assert_same(piece->size, size);
            assert_same(piece->trapped, trapped);
            return;
        }
    }
    cr_assert_fail("BAR %u has no piece at 0x%" PRIx64, index, guest);
}

/* Of the bytes from one on, how many are like it. */
static uint64_t run_length(unsigned index, uint64_t offset)
{
    uint64_t end = layout.bar[index].size;
    uint64_t at = offset + 1;

    if (layout.trap_count == 0) {
        return end - offset;
    }
    while (at < end && model_trapped(index, at) == model_trapped(index, offset)) {
        at++;
    }
    return at - offset;
}

/* Compares all of it: each piece is as long as it can be, and they are in order. */
static void check(void)
{
    size_t expected = 0;

    memset(pieces, 0xee, sizeof(pieces));
    count = vpt_assign_live(&layout, &registers, pieces, PIECES);
    cr_assert(count <= VPT_ASSIGN_REGIONS(layout.trap_count) && count <= PIECES);
    for (unsigned i = 0; i < BARS; i++) {
        uint64_t size = model_live(i) ? layout.bar[i].size : 0;
        uint64_t run;

        for (uint64_t offset = 0; offset < size; offset += run) {
            run = run_length(i, offset);
            expect_piece(i, offset, run, model_trapped(i, offset));
            expected++;
        }
    }
    assert_same(count, expected);
    for (size_t i = 1; i < count; i++) {
        cr_assert(pieces[i - 1].space < pieces[i].space ||
                  (pieces[i - 1].space == pieces[i].space && pieces[i - 1].guest < pieces[i].guest));
    }
}

/* ---- Combinations ---- */

/* What is varied, of the BAR or trap of an index. LOW is the low byte of BAR. */
enum field { BAR, LOW, SIZE, HOST, COMMAND, POWER, TRAP_OFFSET, TRAP_SIZE, TRAP_BAR };

struct axis {
    enum field field;
    unsigned index;
    uint64_t count;
    const uint64_t *values; /* NULL: from `first` on */
    uint64_t first;
    uint64_t step;
};

/* The field, its index, and the values. */
#define EACH_OF(field, index, ...)                                                                           \
    {                                                                                                        \
        field, index, COUNT_OF(((const uint64_t[]){ __VA_ARGS__ })), (const uint64_t[]){ __VA_ARGS__ }, 0, 0 \
    }
#define RANGE(field, index, first, step, last)                           \
    {                                                                    \
        field, index, ((last) - (first)) / (step) + 1, NULL, first, step \
    }
#define EACH_LOW_BYTE(index) RANGE(LOW, index, 0, test_stride(), 255)
#define EACH_DECODING        RANGE(COMMAND, 0, 0, 1, 7), RANGE(POWER, 0, 0, 1, 3)

static void set(enum field field, unsigned index, uint64_t value)
{
    switch (field) {
    case BAR: registers.bar[index] = (uint32_t)value; break;
    case LOW: registers.bar[index] = (registers.bar[index] & ~0xffu) | (uint32_t)value; break;
    case SIZE: layout.bar[index].size = value; break;
    case HOST: layout.bar[index].address = value; break;
    case COMMAND: registers.command = (uint16_t)value; break;
    case POWER: registers.power_state = (uint8_t)value; break;
    case TRAP_OFFSET: traps[index].offset = value; break;
    case TRAP_SIZE: traps[index].size = value; break;
    default: traps[index].bar = (uint8_t)value; break;
    }
}

static void check_each(const struct axis *axis)
{
    if (axis->count == 0) {
        check();
    }
    for (uint64_t i = 0; i < axis->count; i++) {
        set(axis->field, axis->index, axis->values != NULL ? axis->values[i] : axis->first + i * axis->step);
        check_each(axis + 1);
    }
}

/* Checks each combination of the axes' values. */
#define CHECK_EACH(...) check_each((const struct axis[]){ __VA_ARGS__, { .count = 0 } })

static void memory(unsigned index, uint64_t size, uint64_t host, bool is_64bit)
{
    layout.bar[index] =
        (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .is_64bit = is_64bit, .size = size, .address = host };
}

static void io(unsigned index, uint64_t size, uint64_t host)
{
    layout.bar[index] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_IO, .size = size, .address = host };
}

/* ---- One BAR, at both ends of its space ---- */

#define EACH_MEMORY_SIZE(index) EACH_OF(SIZE, index, 16, 32, 64, 128)
#define EACH_MEMORY_END(index)  EACH_OF(BAR, index, 0, 0x80000000, 0xffffff00)

/* The host's address may be anything: a BAR that leaves its space there is not live. */
Test(assign_live, memory_of_32_bits_is_live_where_it_fits_and_is_decoded)
{
    memory(0, 16, 0, false);
    CHECK_EACH(EACH_MEMORY_SIZE(0),
               EACH_OF(HOST, 0, 0, 0x40, 0x100000, 0x100010, 0x7fffffff00, UINT64_C(0xffffffffffffff80),
                       UINT64_C(0xffffffffffffffe0)),
               EACH_MEMORY_END(0), EACH_LOW_BYTE(0), EACH_DECODING);
}

Test(assign_live, memory_of_64_bits_is_live_where_it_fits_and_is_decoded)
{
    memory(4, 16, 0x100000, true);
    CHECK_EACH(EACH_MEMORY_SIZE(4), EACH_MEMORY_END(4), EACH_LOW_BYTE(4), EACH_OF(BAR, 5, 0, 1, 0x7fffffff, 0xffffffff),
               EACH_DECODING);
}

Test(assign_live, ports_are_live_where_they_fit_and_are_decoded)
{
    io(5, 4, 0);
    CHECK_EACH(EACH_OF(SIZE, 5, 4, 8, 16, 32, 64), EACH_OF(HOST, 5, 0, 0x40, 0xff80, 0xfff0, 0xfff8, 0x10000),
               EACH_OF(BAR, 5, 0, 0xff00, 0x10000, 0xffff0000, 0xffffff00), EACH_LOW_BYTE(5), EACH_DECODING);
}

Test(assign_live, the_rom_is_live_where_it_is_enabled_too)
{
    memory(VPT_PCI_ROM, 2048, 0xc0000, false);
    CHECK_EACH(EACH_OF(BAR, VPT_PCI_ROM, 0, 0x800, 0x1000, 0xfffff000, 0xfffff800, 0xffffe800),
               EACH_LOW_BYTE(VPT_PCI_ROM), EACH_DECODING);
}

Test(assign_live, a_bar_may_be_half_of_the_address_space)
{
    for (unsigned shift = 32; shift < 64; shift++) {
        memory(0, UINT64_C(1) << shift, UINT64_C(1) << shift, true);
        CHECK_EACH(EACH_OF(BAR, 0, 0, 0xffffffff),
                   EACH_OF(BAR, 1, 0, 1, 2, 3, 4, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff));
    }
}

/* ---- Traps ---- */

#define EACH_TRAP_SIZE(index) EACH_OF(TRAP_SIZE, index, 0, 1, 8, 24, 32, 40, 200, UINT64_MAX)

/* BAR 0 is 128 bytes, which the guest has at 0x1080. */
static void check_each_pair_of_traps(uint64_t step)
{
    registers.bar[0] = 0x1080;
    layout.trap_count = 2;
    CHECK_EACH(RANGE(TRAP_OFFSET, 0, 0, step, 136), RANGE(TRAP_OFFSET, 1, 0, step, 136), EACH_TRAP_SIZE(0),
               EACH_TRAP_SIZE(1));
}

Test(assign_live, a_trap_takes_whole_pages_of_memory_and_single_ports)
{
    memory(0, 128, 0x100000, false);
    check_each_pair_of_traps(8);
    memory(0, 128, 0x100010, false);
    check_each_pair_of_traps(24);
    io(0, 128, 0x1080);
    check_each_pair_of_traps(17);
}

Test(assign_live, a_trap_is_of_one_bar)
{
    memory(0, 128, 0x100000, false);
    memory(2, 64, 0x200000, true);
    registers.bar[0] = 0x1080;
    registers.bar[2] = 0x1000;
    layout.trap_count = 3;
    traps[0].size = traps[1].size = 8;
    traps[2].size = 64;
    CHECK_EACH(RANGE(TRAP_OFFSET, 0, 0, 8, 120), RANGE(TRAP_OFFSET, 1, 0, 8, 120), RANGE(TRAP_OFFSET, 2, 0, 8, 120),
               EACH_OF(TRAP_BAR, 1, 0, 2));
}

Test(assign_live, there_are_most_pieces_where_each_trap_is_alone_amid_a_bar)
{
    for (unsigned i = 0; i < BARS; i++) {
        memory(i, 0x1000, 0x100000 + 0x1000 * i, false);
        registers.bar[i] = (0x1000 + 0x1000 * i) | (i == VPT_PCI_ROM);
    }
    layout.trap_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        traps[i] = (struct vpt_assign_trap){ .bar = 1, .offset = 64 + 64 * i, .size = 1 };
    }
    check();
    assert_same(count, 7 + 2 * 3);
}

/* ---- Several BARs ---- */

Test(assign_live, of_bars_that_overlap_the_first_is_live)
{
    memory(0, 32, 0x100000, false);
    memory(1, 64, 0x200000, false);
    memory(2, 16, 0x300000, true);
    CHECK_EACH(RANGE(BAR, 0, 0, 16, 240), RANGE(BAR, 1, 0, 16, 240), RANGE(BAR, 2, 0, 16, 240),
               EACH_OF(HOST, 1, 0x200000, 0), RANGE(BAR, 3, 0, 1, 1));
}

Test(assign_live, ports_and_memory_do_not_overlap)
{
    memory(0, 32, 0x100000, false);
    io(1, 16, 0x20);
    io(5, 8, 0x38);
    CHECK_EACH(RANGE(BAR, 0, 0, 16, 240), RANGE(BAR, 1, 1, 8, 121), RANGE(BAR, 5, 1, 8, 121),
               RANGE(COMMAND, 0, 0, 1, 3));
}

Test(assign_live, the_rom_yields_to_a_bar)
{
    memory(5, 4096, 0x100000, false);
    memory(VPT_PCI_ROM, 2048, 0x200000, false);
    registers.bar[5] = 0x2000;
    CHECK_EACH(RANGE(BAR, VPT_PCI_ROM, 1, 0x800, 0x3801));
}

/* ---- The call ---- */

Test(assign_live, too_small_an_array_is_not_overrun)
{
    memory(0, 128, 0x100000, false);
    memory(1, 64, 0x200000, false);
    registers.bar[0] = 0x1080;
    registers.bar[1] = 0x1000;
    traps[0] = (struct vpt_assign_trap){ .bar = 0, .offset = 40, .size = 1 };
    layout.trap_count = 1;
    assert_same(vpt_assign_live(&layout, &registers, NULL, 0), 4);
    for (size_t capacity = 0; capacity < 4; capacity++) {
        memset(pieces, 0xee, sizeof(pieces));
        assert_same(vpt_assign_live(&layout, &registers, pieces, capacity), 4);
        assert_same(pieces[capacity].size, UINT64_C(0xeeeeeeeeeeeeeeee));
    }
}

Test(assign_live, nothing_is_live_without_a_layout_registers_or_the_traps_that_are_counted)
{
    memory(0, 128, 0x100000, false);
    registers.bar[0] = 0x1080;
    assert_same(vpt_assign_live(NULL, &registers, pieces, PIECES), 0);
    assert_same(vpt_assign_live(&layout, NULL, pieces, PIECES), 0);
    assert_same(vpt_assign_live(&layout, &registers, NULL, PIECES), 1);
    layout.traps = NULL;
    assert_same(vpt_assign_live(&layout, &registers, pieces, PIECES), 1);
    layout.trap_count = 1;
    assert_same(vpt_assign_live(&layout, &registers, pieces, PIECES), 0);
}
