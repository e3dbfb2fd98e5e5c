/* SPDX-License-Identifier: MIT */
/* BARs and what is mapped for them: what the files of this room share beyond <vpt/assign.h>. */
#ifndef VPT_SRC_ASSIGN_MAPPING_H
#define VPT_SRC_ASSIGN_MAPPING_H

#include <vpt/assign.h>

#define ASSIGN_BARS (VPT_PCI_BARS_MAX + 1u)

/* ---- live.c: functions of their arguments alone ---- */

/* Where each BAR is live in the guest. */
struct vpt_assign_placement {
    uint64_t address[ASSIGN_BARS];
    uint8_t live; /* bit n: bar[n] is, at address[n]; where it is not, that is 0 */
};

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

/* Whether a function can have such BARs: kinds, sizes, and nothing in the register after that of a 64-bit one. */
bool vpt_assign_bars_valid(const struct vpt_assign_bar bars[ASSIGN_BARS]);

/* ---- region.c: the books ---- */

/* How many regions begin before this byte: where one that begins there is, or would have to be, in the array. */
uint16_t vpt_assign_region_index(const struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest);

/* Calls map() and enters the region. VPT_REFUSED: it overlaps one; VPT_RESOURCE_FULL; errors of map(). */
enum vpt_status vpt_assign_region_map(struct vpt_assign_device *device, const struct vpt_assign_region *region);

/* Calls unmap() and strikes out the region at `index`, below region_count. Errors of unmap(). */
enum vpt_status vpt_assign_region_unmap(struct vpt_assign_device *device, uint16_t index);

/* ---- follow.c ---- */

/* The shadow's registers, as they are; of the command register the decode bits. */
void vpt_assign_registers_read(const struct vpt_assign_device *device, struct vpt_assign_registers *registers);

/* Where BARs are mapped, unless the device is degraded: those that `applied` makes live, but for refused ones. */
void vpt_assign_placed(const struct vpt_assign_device *device, struct vpt_assign_placement *placement);

/*
 * Called after one register of the shadow that mappings depend on has changed (the command register, a BAR, the ROM, the
 * power state: bits 0 and 1 of the power management capability's byte 4), and before the host sees any of that write.
 * Normalises the BARs, and brings the mappings in line. Of a device that nobody owns, whatever has changed: normalises
 * alone, and cannot fail.
 * VPT_OK. VPT_REFUSED: done, but a BAR is where the hypervisor has no place for it, and unmapped. Any other: a hook
 * failed and mappings are as before (VPT_DEVICE_ASSIGN_DEGRADED: or that could not be), and so is what the object keeps
 * of the registers: the caller puts the register back, and omits what else the write would have done.
 */
enum vpt_status vpt_assign_follow(struct vpt_assign_device *device);

#endif
