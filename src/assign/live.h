/* SPDX-License-Identifier: MIT */
/* Which BARs are live, and what is mapped for them: pure functions (live.c). */
#ifndef VPT_SRC_ASSIGN_LIVE_H
#define VPT_SRC_ASSIGN_LIVE_H

#include "shadow.h"

static inline bool vpt_assign_is_live(const struct vpt_assign_placement *placement, unsigned index)
{
    return placement->address[index] != 0;
}

void vpt_assign_place(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                      struct vpt_assign_placement *placement);

/* Fills in the piece that begins at `offset` (below the BAR's size) of a BAR that is live at `address`. */
void vpt_assign_piece(const struct vpt_assign_layout *layout, unsigned index, uint64_t address, uint64_t offset,
                      struct vpt_assign_region *piece);

/*
 * Returns what a BAR's register (index 0 to 5, or VPT_PCI_ROM) holds after `value` was written to all of it. The bits
 * that say the BAR's kind are read-only, address bits below the size are 0, and an unimplemented BAR's register is 0.
 */
uint32_t vpt_assign_bar_value(const struct vpt_assign_layout *layout, unsigned index, uint32_t value);

/*
 * Whether a function can have this BAR: its kind and size are possible, and the register after a BAR of 64 bits is no
 * BAR.
 */
bool vpt_assign_bar_valid(const struct vpt_pci_bar bars[ASSIGN_BARS], unsigned index);

#endif
