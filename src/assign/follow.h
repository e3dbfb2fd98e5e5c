/* SPDX-License-Identifier: MIT */
/* The mappings follow the guest's registers (follow.c). */
#ifndef VPT_SRC_ASSIGN_FOLLOW_H
#define VPT_SRC_ASSIGN_FOLLOW_H

#include <vpt/assign.h>

/* Says that a BAR is not live. */
void vpt_assign_not_live(struct vpt_assign_placement *placement, unsigned index);

/*
 * Unmaps the regions of all BARs that are not where `keep` has them (NULL: of all BARs). With `all` it also unmaps the
 * regions that the hypervisor has added. Goes on after an error, and returns the first one.
 */
enum vpt_status vpt_assign_unmap(struct vpt_assign_device *device, const struct vpt_assign_placement *keep, bool all);

/*
 * Called after a guest's write has changed one register of the shadow that mappings depend on, before the host sees any
 * of this write. The register is in the 4 bytes from `base`: the command register, a BAR, the ROM, or the power state
 * (bits 0 and 1 of byte 4 of the power management capability). Normalises the BAR. If the device has an owner, maps and
 * unmaps what has changed.
 *
 * returns:
 * VPT_OK
 * VPT_REFUSED: done, but a BAR is unmapped, because the hypervisor has no place for it: map() has refused, or has
 *     failed after a write to the register of a BAR or of the ROM
 * errors of hooks: mappings are as before; the caller puts the register back, and drops the rest of the write
 * VPT_DEVICE_ASSIGN_DEGRADED: the same, but mappings could not be put back
 */
enum vpt_status vpt_assign_follow(struct vpt_assign_device *device, unsigned base);

#endif
