/* SPDX-License-Identifier: MIT */
/* What of a function's BARs is live in a guest: functions of their arguments, without memory. */
#include "access.h"
#include "assign/internal.h"

#define IO_LAST ((uint64_t)0xffff)

/* Smallest sizes that the registers' read-only bits leave (PCI 3.0, sections 6.2.5.1 and 6.2.5.2). */
#define IO_SIZE_MIN     4u
#define MEMORY_SIZE_MIN 16u
#define ROM_SIZE_MIN    2048u

/* ---- Registers ---- */

/* A BAR whose upper half this register is, or NULL. */
static const struct vpt_assign_bar *lower_half(const struct vpt_assign_layout *layout, unsigned index)
{
    return index > 0 && index < VPT_PCI_BARS_MAX && layout->bar[index - 1u].is_64bit ? &layout->bar[index - 1u] : NULL;
}

uint32_t vpt_assign_bar_value(const struct vpt_assign_layout *layout, unsigned index, uint32_t value)
{
    const struct vpt_assign_bar *bar = &layout->bar[index];
    const struct vpt_assign_bar *lower = lower_half(layout, index);
    uint32_t flags = 0;

    if (lower != NULL) {
        return value & (uint32_t)(~(lower->size - 1u) >> 32);
    }
    if (bar->size == 0) {
        return 0;
    }
    if (index == VPT_PCI_ROM) {
        flags = value & PCI_ROM_ENABLE;
    } else if (bar->kind == VPT_PCI_BAR_IO) {
        flags = PCI_BAR_IO_SPACE;
    } else {
        flags |= bar->below_1mib ? PCI_BAR_TYPE_1MIB : 0;
        flags |= bar->is_64bit ? PCI_BAR_TYPE_64 : 0;
        flags |= bar->prefetchable ? PCI_BAR_PREFETCHABLE : 0;
    }
    return (value & (uint32_t)(~(bar->size - 1u) & PCI_ABSENT32)) | flags;
}

static bool bar_valid(const struct vpt_assign_bar *bar, unsigned index)
{
    bool io = bar->kind == VPT_PCI_BAR_IO;
    uint64_t least = index == VPT_PCI_ROM ? ROM_SIZE_MIN : io ? IO_SIZE_MIN : MEMORY_SIZE_MIN;
    uint64_t most = io ? IO_LAST : bar->is_64bit ? PCI_ADDRESS_LAST : PCI_FOUR_GIB - 1u;

    if (bar->size == 0) {
        return bar->kind == VPT_PCI_BAR_NONE && !bar->is_64bit;
    }
    if (bar->kind != VPT_PCI_BAR_MEMORY && (!io || bar->is_64bit || bar->below_1mib || bar->prefetchable)) {
        return false;
    }
    if (index >= VPT_PCI_BARS_MAX - 1u && bar->is_64bit) {
        return false;
    }
    return (!bar->is_64bit || !bar->below_1mib) && (index != VPT_PCI_ROM || !io) &&
           (bar->size & (bar->size - 1u)) == 0 && bar->size >= least && bar->size <= most;
}

bool vpt_assign_bars_valid(const struct vpt_assign_bar bars[ASSIGN_BARS])
{
    bool upper_half = false;

    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if (!bar_valid(&bars[i], i) || (upper_half && i < VPT_PCI_BARS_MAX && bars[i].size != 0)) {
            return false;
        }
        upper_half = bars[i].is_64bit;
    }
    return true;
}

/* ---- Placement ---- */

/* The last address of the space that a BAR's register reaches. */
static uint64_t space_last(const struct vpt_assign_bar *bar)
{
    if (bar->kind == VPT_PCI_BAR_IO) {
        return IO_LAST;
    }
    return bar->is_64bit ? PCI_ADDRESS_LAST : PCI_FOUR_GIB - 1u;
}

static bool decoded(const struct vpt_assign_bar *bar, unsigned index, const struct vpt_assign_registers *registers)
{
    uint16_t enable = bar->kind == VPT_PCI_BAR_IO ? VPT_PCI_COMMAND_IO : VPT_PCI_COMMAND_MEMORY;

    if (bar->kind == VPT_PCI_BAR_NONE || bar->size == 0 || registers->power_state != 0) {
        return false;
    }
    if (index == VPT_PCI_ROM && (registers->bar[index] & PCI_ROM_ENABLE) == 0) {
        return false;
    }
    return (registers->command & enable) != 0;
}

/* Whether the host has given the BAR an address where it fits. */
static bool present(const struct vpt_assign_bar *bar)
{
    uint64_t last = bar->kind == VPT_PCI_BAR_IO ? IO_LAST : PCI_ADDRESS_LAST;

    return bar->host != 0 && bar->host <= last && bar->size - 1u <= last - bar->host;
}

/*
 * A BAR that ends at the last byte of its space is one that is being sized, and one at 0 has no address yet; neither
 * has been put there.
 */
static bool inside(const struct vpt_assign_bar *bar, uint64_t address)
{
    uint64_t last = space_last(bar);

    return address != 0 && address <= last && bar->size - 1u < last - address;
}

static uint64_t address_of(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                           unsigned index)
{
    uint64_t address = registers->bar[index];

    if (layout->bar[index].is_64bit && index + 1u < VPT_PCI_BARS_MAX) {
        address |= (uint64_t)registers->bar[index + 1u] << 32;
    }
    return address & ~(layout->bar[index].size - 1u);
}

/* Whether BAR `index` at `address` shares a byte with one before it that is live. */
static bool covered(const struct vpt_assign_layout *layout, const struct vpt_assign_placement *placement,
                    unsigned index, uint64_t address)
{
    const struct vpt_assign_bar *bar = &layout->bar[index];

    for (unsigned i = 0; i < index; i++) {
        uint64_t other = placement->address[i];

        if ((placement->live >> i & 1u) == 0 || layout->bar[i].kind != bar->kind) {
            continue;
        }
        if (other < address ? address - other < layout->bar[i].size : other - address < bar->size) {
            return true;
        }
    }
    return false;
}

void vpt_assign_place(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                      struct vpt_assign_placement *placement)
{
    vpt_zero(placement, sizeof(*placement));
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        const struct vpt_assign_bar *bar = &layout->bar[i];
        uint64_t address;

        if (!decoded(bar, i, registers) || !present(bar)) {
            continue;
        }
        address = address_of(layout, registers, i);
        if (inside(bar, address) && !covered(layout, placement, i, address)) {
            placement->address[i] = address;
            placement->live = (uint8_t)(placement->live | 1u << i);
        }
    }
}

/* ---- Pieces ---- */

/*
 * Memory is mapped in pages, and a page that is not the BAR's alone would show the guest a neighbour of the device.
 * Ports are given to a guest one by one, but nothing translates their numbers.
 */
static bool mappable(const struct vpt_assign_layout *layout, const struct vpt_assign_bar *bar, uint64_t address)
{
    if (bar->kind == VPT_PCI_BAR_IO) {
        return bar->host == address;
    }
    return bar->size >= layout->page_size && ((bar->host ^ address) & (layout->page_size - 1u)) == 0;
}

/* A trap's first and last byte, widened to whole pages. False: it is none of this BAR. */
static bool trap_range(const struct vpt_assign_layout *layout, unsigned number, unsigned index, uint64_t *first,
                       uint64_t *last)
{
    const struct vpt_assign_trap *trap = &layout->traps[number];
    const struct vpt_assign_bar *bar = &layout->bar[index];
    uint64_t low_bits = bar->kind == VPT_PCI_BAR_IO ? 0 : layout->page_size - 1u;

    if (trap->bar != index || trap->size == 0 || trap->offset >= bar->size) {
        return false;
    }
    *first = trap->offset & ~low_bits;
    *last = bar->size - 1u;
    if (trap->size - 1u < *last - trap->offset) {
        *last = (trap->offset + (trap->size - 1u)) | low_bits;
    }
    return true;
}

/* Where the mapped piece that holds `offset` ends, or 0 if `offset` is trapped. */
static uint64_t mapped_end(const struct vpt_assign_layout *layout, unsigned index, uint64_t offset)
{
    uint64_t end = layout->bar[index].size;

    for (unsigned i = 0; i < layout->trap_count; i++) {
        uint64_t first;
        uint64_t last;

        if (!trap_range(layout, i, index, &first, &last) || last < offset) {
            continue;
        }
        if (first <= offset) {
            return 0;
        }
        end = first < end ? first : end;
    }
    return end;
}

/* Where the trapped piece that holds `offset` ends: each round adds a trap at least, or is the last. */
static uint64_t trapped_end(const struct vpt_assign_layout *layout, unsigned index, uint64_t offset)
{
    uint64_t end = offset;
    uint64_t before = layout->bar[index].size;

    for (unsigned round = 0; round <= layout->trap_count && end != before; round++) {
        before = end;
        for (unsigned i = 0; i < layout->trap_count; i++) {
            uint64_t first;
            uint64_t last;

            if (trap_range(layout, i, index, &first, &last) && first <= end && last >= end) {
                end = last + 1u;
            }
        }
    }
    return end;
}

void vpt_assign_piece(const struct vpt_assign_layout *layout, unsigned index, uint64_t address, uint64_t offset,
                      struct vpt_assign_region *piece)
{
    const struct vpt_assign_bar *bar = &layout->bar[index];
    uint64_t end = bar->size;

    vpt_zero(piece, sizeof(*piece));
    piece->trapped = !mappable(layout, bar, address);
    if (!piece->trapped) {
        end = mapped_end(layout, index, offset);
        if (end == 0) {
            piece->trapped = true;
            end = trapped_end(layout, index, offset);
        }
    }
    piece->guest = address + offset;
    piece->host = bar->host + offset;
    piece->size = end - offset;
    piece->space = bar->kind == VPT_PCI_BAR_IO ? VPT_ASSIGN_IO : VPT_ASSIGN_MEMORY;
    piece->bar = (uint8_t)index;
}

/* ---- All of it ---- */

static bool before(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->space != b->space ? a->space < b->space : a->guest < b->guest;
}

/* Puts a piece where it belongs among `count` sorted ones. */
static void insert(struct vpt_assign_region *pieces, size_t count, const struct vpt_assign_region *piece)
{
    size_t at = count;

    while (at > 0 && before(piece, &pieces[at - 1u])) {
        pieces[at] = pieces[at - 1u];
        at--;
    }
    pieces[at] = *piece;
}

size_t vpt_assign_live(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                       struct vpt_assign_region *pieces, size_t capacity)
{
    struct vpt_assign_placement placement;
    size_t count = 0;

    if (layout == NULL || registers == NULL || (layout->traps == NULL && layout->trap_count != 0)) {
        return 0;
    }
    vpt_assign_place(layout, registers, &placement);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        struct vpt_assign_region piece;
        uint64_t size = ((unsigned)placement.live >> i & 1u) != 0 ? layout->bar[i].size : 0;

        for (uint64_t offset = 0; offset < size; offset += piece.size) {
            vpt_assign_piece(layout, i, placement.address[i], offset, &piece);
            if (count < capacity && pieces != NULL) {
                insert(pieces, count, &piece);
            }
            count++;
        }
    }
    return count;
}
