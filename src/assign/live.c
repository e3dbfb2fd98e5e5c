/* SPDX-License-Identifier: MIT */
/* Which BARs of a function are live in a guest: pure functions. */
#include "live.h"

#include "region.h"

#define IO_PORTS 0x10000u

/* The smallest sizes that the read-only bits of the registers allow (PCI 3.0, sections 6.2.5.1 and 6.2.5.2). */
#define IO_SIZE_MIN     4u
#define MEMORY_SIZE_MIN 16u
#define ROM_SIZE_MIN    2048u

/* ---- Registers ---- */

uint32_t vpt_assign_bar_value(const struct vpt_assign_layout *layout, unsigned index, uint32_t value)
{
    const struct vpt_pci_bar *bar = &layout->bar[index];
    uint32_t flags = 0;

    if (bar->size == 0) {
        /* The register is not a BAR's, or is the upper half of the BAR before it. */
        return index > 0 && bar[-1].is_64bit ? value & (uint32_t)((0u - bar[-1].size) >> 32) : 0;
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
    return (value & (uint32_t)((0u - bar->size) & PCI_ABSENT32)) | flags;
}

/*
 * Returns the lowest address that a BAR cannot contain. For memory this is the last byte, because a register whose BAR
 * would end there is being sized. An I/O BAR may have the last port: its register has 32 bits, so that a BAR that is
 * being sized ends far above all ports.
 */
static uint64_t space_end(const struct vpt_pci_bar *bar)
{
    if (bar->kind == VPT_PCI_BAR_IO) {
        return IO_PORTS;
    }
    return bar->is_64bit ? PCI_ADDRESS_LAST : PCI_FOUR_GIB - 1u;
}

bool vpt_assign_bar_valid(const struct vpt_pci_bar bars[ASSIGN_BARS], unsigned index)
{
    const struct vpt_pci_bar *bar = &bars[index];
    uint64_t least = index == VPT_PCI_ROM ? ROM_SIZE_MIN : MEMORY_SIZE_MIN;

    if (bar->kind == VPT_PCI_BAR_IO) {
        least = IO_SIZE_MIN;
    }
    if (bar->size < least || bar->size >= space_end(bar) || (bar->is_64bit && bar->below_1mib)) {
        return false;
    }
    return vpt_pci_bar_well_formed(bars, VPT_PCI_BARS_MAX, index);
}

/* ---- Placement ---- */

/* Returns a BAR's address, a multiple of its size, or 0 if it has none. */
static uint64_t address_of(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                           unsigned index)
{
    const struct vpt_pci_bar *bar = &layout->bar[index];
    uint64_t address = registers->bar[index];

    if (index == VPT_PCI_ROM) {
        address = (address & PCI_ROM_ENABLE) != 0 ? address : 0;
    } else if (bar->is_64bit) {
        address |= (uint64_t)registers->bar[index + 1u] << 32;
    }
    return address & (0u - bar->size);
}

/*
 * Whether BAR `index` can be at an address. A BAR at 0 has no address yet, and one at the end of its space is being
 * sized. It must not overlap a live BAR with a lower number; if two BARs overlap, the larger contains the smaller.
 */
static bool is_placeable(const struct vpt_assign_layout *layout, const struct vpt_assign_placement *placement,
                         unsigned index, uint64_t address)
{
    const struct vpt_pci_bar *bar = &layout->bar[index];

    if (address == 0 || (address | (bar->size - 1u)) >= space_end(bar)) {
        return false;
    }
    for (unsigned i = 0; i < index; i++) {
        const struct vpt_pci_bar *other = &layout->bar[i];

        if (vpt_assign_is_live(placement, i) && other->kind == bar->kind &&
            ((address ^ placement->address[i]) & (0u - other->size) & (0u - bar->size)) == 0) {
            return false;
        }
    }
    return true;
}

void vpt_assign_place(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                      struct vpt_assign_placement *placement)
{
    unsigned command = registers->power_state == 0 ? registers->command : 0;

    placement->live = 0;
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        const struct vpt_pci_bar *bar = &layout->bar[i];
        unsigned enable = bar->kind == VPT_PCI_BAR_IO ? VPT_PCI_COMMAND_IO : VPT_PCI_COMMAND_MEMORY;
        uint64_t address;

        placement->address[i] = 0;
        if ((command & enable) == 0 || !vpt_pci_bar_assigned(bar)) {
            continue;
        }
        address = address_of(layout, registers, i);
        if (is_placeable(layout, placement, i, address)) {
            placement->address[i] = address;
            placement->live = (uint8_t)(placement->live | 1u << i);
        }
    }
}

/* ---- Pieces ---- */

VPT_STATIC_ASSERT((int)VPT_PCI_BAR_MEMORY == (int)VPT_ASSIGN_MEMORY && (int)VPT_PCI_BAR_IO == (int)VPT_ASSIGN_IO,
                  "a kind of BARs is a space");

static enum vpt_assign_space space_of(const struct vpt_pci_bar *bar)
{
    return (enum vpt_assign_space)bar->kind;
}

/*
 * Whether a BAR can be mapped at an address. Memory is mapped in pages, and a page that also holds something else would
 * show the guest another device. Ports are mapped one by one, but nothing translates their numbers.
 */
static bool is_mappable(const struct vpt_assign_layout *layout, const struct vpt_pci_bar *bar, uint64_t address)
{
    if (bar->kind == VPT_PCI_BAR_IO) {
        return bar->address == address;
    }
    return bar->size >= layout->page_size && ((bar->address ^ address) & (layout->page_size - 1u)) == 0;
}

/*
 * Whether the byte at `offset` of a BAR is in a trap; traps take whole pages. *end is where this trap ends, or where
 * the next one begins.
 */
static bool in_trap(const struct vpt_assign_layout *layout, unsigned index, uint64_t offset, uint64_t *end)
{
    const struct vpt_pci_bar *bar = &layout->bar[index];
    uint64_t low_bits = bar->kind == VPT_PCI_BAR_IO ? 0 : layout->page_size - 1u;

    *end = bar->size;
    for (unsigned i = 0; i < layout->trap_count; i++) {
        const struct vpt_assign_trap *trap = &layout->traps[i];
        uint64_t first = trap->offset & ~low_bits;
        uint64_t last = bar->size - 1u;

        if (trap->bar != index || trap->size == 0 || trap->offset > last) {
            continue;
        }
        if (trap->size - 1u < last - trap->offset) {
            last = (trap->offset + (trap->size - 1u)) | low_bits;
        }
        if (first <= offset && offset <= last) {
            *end = last + 1u;
            return true;
        }
        if (first > offset && first < *end) {
            *end = first;
        }
    }
    return false;
}

void vpt_assign_piece(const struct vpt_assign_layout *layout, unsigned index, uint64_t address, uint64_t offset,
                      struct vpt_assign_region *piece)
{
    const struct vpt_pci_bar *bar = &layout->bar[index];
    uint64_t end = bar->size;
    uint64_t trapped_to = end;

    piece->guest = address + offset;
    piece->host = bar->address + offset;
    piece->space = space_of(bar);
    piece->bar = (uint8_t)index;
    if (is_mappable(layout, bar, address)) {
        trapped_to = offset;
        /* Traps that touch each other become one piece. */
        for (unsigned i = 0; i <= layout->trap_count && in_trap(layout, index, trapped_to, &end); i++) {
            trapped_to = end;
        }
    }
    piece->trapped = trapped_to != offset;
    piece->size = (piece->trapped ? trapped_to : end) - offset;
}

/* ---- All pieces ---- */

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
        uint64_t size = vpt_assign_is_live(&placement, i) ? layout->bar[i].size : 0;

        for (uint64_t offset = 0; offset < size; offset += piece.size) {
            vpt_assign_piece(layout, i, placement.address[i], offset, &piece);
            if (count < capacity && pieces != NULL) {
                vpt_assign_region_insert(pieces, count, &piece);
            }
            count++;
        }
    }
    return count;
}
