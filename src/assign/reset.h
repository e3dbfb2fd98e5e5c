/* SPDX-License-Identifier: MIT */
/* Resets of the host's function (reset.c). */
#ifndef VPT_SRC_ASSIGN_RESET_H
#define VPT_SRC_ASSIGN_RESET_H

#include <vpt/assign.h>

/*
 * Ends all that reaches the guest from the function: turns interrupts off and unmaps BARs, and with `all` also the
 * regions that the hypervisor has added. Goes on after an error, and returns the first one.
 */
enum vpt_status vpt_assign_quiet(struct vpt_assign_device *device, bool all);

/*
 * Resets the host's function, and no other one, and restores its configuration as it was at the open. BARs are restored
 * before they are decoded. The extended space is not restored if the device has an owner and is not degraded. The
 * caller has turned bus mastering off, and it stays off.
 *
 * returns:
 * VPT_OK
 * VPT_UNSUPPORTED_DEVICE: there is no way to reset it, and nothing was done
 * VPT_DEVICE_STUCK, VPT_DEVICE_GONE, errors of the host: the reset has failed, and device->reset_needed is set
 */
enum vpt_status vpt_assign_reset_host(struct vpt_assign_device *device);

/*
 * Makes a guest's function level reset: calls vpt_assign_reset(), but keeps the guest's payload size (PCI Express,
 * section 6.6.2).
 */
enum vpt_status vpt_assign_reset_function(struct vpt_assign_device *device);

#endif
