/* SPDX-License-Identifier: MIT */
/* Resets of the host's function (reset.c). */
#ifndef VPT_SRC_ASSIGN_RESET_H
#define VPT_SRC_ASSIGN_RESET_H

#include <vpt/assign.h>

/*
 * Nothing of the function reaches the guest any more: turns interrupts off and unmaps BARs, and with `all` also the
 * regions that the hypervisor has added. Does both in any case, and returns the first error.
 */
enum vpt_status vpt_assign_quiet(struct vpt_assign_device *device, bool all);

/*
 * Resets the host's function alone, in a way that concerns no other function, and restores its configuration as it was
 * at the open: BARs before they are decoded again, bus mastering off. If the device has an owner and is not degraded the
 * extended space is not restored. Bus mastering is off already.
 *
 * returns:
 * VPT_OK
 * VPT_UNSUPPORTED_DEVICE: there is no way to reset it, and nothing was done
 * VPT_DEVICE_STUCK, VPT_DEVICE_GONE, errors of the host: the reset has failed, and device->reset_needed is set
 */
enum vpt_status vpt_assign_reset_host(struct vpt_assign_device *device);

/*
 * A guest's function level reset: vpt_assign_reset(), but the guest's payload size stays (PCI Express, section 6.6.2).
 */
enum vpt_status vpt_assign_reset_function(struct vpt_assign_device *device);

#endif
