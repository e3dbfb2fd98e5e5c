/* SPDX-License-Identifier: MIT */
/* BARs and what is mapped for them: what the files of this room share beyond <vpt/assign.h>. */
#ifndef VPT_SRC_ASSIGN_MAPPING_H
#define VPT_SRC_ASSIGN_MAPPING_H

#include <vpt/assign.h>

#define ASSIGN_BARS (VPT_PCI_BARS_MAX + 1u)

/* ---- live.c: functions of their arguments alone ---- */

static inline bool vpt_assign_is_live(const struct vpt_assign_placement *placement, unsigned index)
{
    return placement->address[index] != 0;
}

void vpt_assign_place(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                      struct vpt_assign_placement *placement);

/* The piece that begins at `offset` (below its size) of a BAR that is live at `address`. */
void vpt_assign_piece(const struct vpt_assign_layout *layout, unsigned index, uint64_t address, uint64_t offset,
                      struct vpt_assign_region *piece);

/*
 * What a BAR's register (index 0 to 5, or VPT_PCI_ROM) holds after `value` was written to all of it: its kind's bits
 * are read-only, address bits below the size are 0, and an unimplemented one is 0.
 */
uint32_t vpt_assign_bar_value(const struct vpt_assign_layout *layout, unsigned index, uint32_t value);

/* Whether a function can have this BAR: its kind and size, and nothing in the register after it if it has 64 bits. */
bool vpt_assign_bar_valid(const struct vpt_pci_bar bars[ASSIGN_BARS], unsigned index);

/* ---- region.c: the books ---- */

/* Puts a region where it belongs among `count` sorted ones; there is room for one more. */
void vpt_assign_region_insert(struct vpt_assign_region *regions, size_t count, const struct vpt_assign_region *region);

/* Whether as many bytes as a region has (at least 1), from `first` on, are in its space. */
bool vpt_assign_region_within(const struct vpt_assign_region *region, uint64_t first);

/*
 * Calls map() and enters the region, unless it is there: pieces of one BAR that begin at one address are the same.
 * VPT_REFUSED: it overlaps one; VPT_RESOURCE_FULL; errors of map().
 */
enum vpt_status vpt_assign_region_map(struct vpt_assign_device *device, const struct vpt_assign_region *region);

/* Calls unmap() and strikes out the region at `index`, below region_count. Errors of unmap(). */
enum vpt_status vpt_assign_region_unmap(struct vpt_assign_device *device, unsigned index);

/* ---- follow.c ---- */

/*
 * The guest's command register as far as it has an effect: outside D0 a function is not reached by memory and ports,
 * makes no access and no message, and does not assert INTx (PCI Power Management 1.2, section 5.4).
 */
uint32_t vpt_assign_in_effect(const struct vpt_assign_device *device);

/* The registers of the shadow that decide what is live: the command register as it has an effect, in D0. */
void vpt_assign_registers_read(const struct vpt_assign_device *device, struct vpt_assign_registers *registers);

/* No BAR is live there, or for now. */
void vpt_assign_not_live(struct vpt_assign_placement *placement, unsigned index);

/*
 * Unmaps the regions of BARs that are not where `keep` (NULL: nowhere) has them, and with `all` the hypervisor's own
 * too. Goes on after a failure, and returns the first.
 */
enum vpt_status vpt_assign_unmap(struct vpt_assign_device *device, const struct vpt_assign_placement *keep, bool all);

/* Gives a BAR in the shadow the bits that no write changes. */
void vpt_assign_bar_normalise(struct vpt_assign_device *device, unsigned index);

/*
 * Called after one register of the shadow that mappings depend on has changed (the 4 bytes from `base`: the command
 * register, a BAR, the ROM, or the power state: bits 0 and 1 of the power management capability's byte 4), and before
 * the host sees any of that write. Normalises the BAR, and brings the mappings of an owned device in line.
 * VPT_OK. VPT_REFUSED: done, but a BAR is where the hypervisor has no place for it, and unmapped; it has refused, or
 * its map() has failed while the register is a BAR's or the ROM's. Any other: a hook failed and mappings are as before
 * (VPT_DEVICE_ASSIGN_DEGRADED: or that could not be): the caller puts the register back, and omits what else the write
 * would have done.
 */
enum vpt_status vpt_assign_follow(struct vpt_assign_device *device, unsigned base);

#endif
