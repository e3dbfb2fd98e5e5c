/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of an assigned device, as bytes that are the same on any host. They are stored with the guest, and
 * given later to the same device, or to one that is just like it on another host. What the device itself holds (its
 * registers behind the BARs, its queues) is not included: the driver or the hypervisor must save that.
 */
#ifndef VPT_ASSIGN_SNAPSHOT_H
#define VPT_ASSIGN_SNAPSHOT_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* Bytes of an image. */
#define VPT_ASSIGN_SNAPSHOT_SIZE(config_size, vectors) \
    (20u + VPT_AS(size_t, config_size) + VPT_ASSIGN_VECTORS_SIZE(vectors))

/*
 * Returns the bytes of an image of an open device, or 0 if it is not open.
 *
 * Context: any; lock: device.
 */
size_t vpt_assign_snapshot_size(const struct vpt_assign_device *device);

/*
 * Writes an image of a device that has an owner: its configuration space as the guest reads it, the MSI-X table,
 * pending interrupts, and BARs at addresses that map() refused. It changes nothing. The hypervisor must have stopped
 * the guest and the device.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open, or `image` is NULL.
 * VPT_CALLER_MEMORY: `size` is below vpt_assign_snapshot_size().
 * VPT_CALLER_STATE: the device has no owner.
 * VPT_DEVICE_GONE: the function has vanished.
 * an error of the host.
 *
 * Context: any; lock: device; calls: config_read.
 */
enum vpt_status vpt_assign_snapshot_save(struct vpt_assign_device *device, void *image, size_t size);

/*
 * Gives an image to a device that has just been acquired, as if its guest had written all of it: the host gets nothing
 * that a guest could not write, and the same hooks are called. Interrupts that are pending and not masked are
 * delivered. The whole image is checked before anything is changed.
 *
 * An image is of a device that looks the same to its guest's driver if these are the same: ids, class, kinds and sizes
 * of BARs, places of capabilities, and all of a capability that never changes, for example the number of messages and
 * where the MSI-X table is. Serial numbers, and the contents of capabilities that the tables do not know, are not
 * compared.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open, or `image` is NULL; nothing was changed.
 * VPT_CALLER_IMAGE: the image is damaged, or is of a device that looks different; nothing was changed.
 * VPT_CALLER_STATE: the device has no owner, or its guest has enabled something; nothing was changed.
 * VPT_UNSUPPORTED_VERSION: a later version of this library made the image; nothing was changed.
 * VPT_REFUSED: the image is restored, but map() refused the address of a BAR.
 * VPT_DEVICE_GONE: the function has vanished; parts are restored, and the device is degraded: release it.
 * VPT_DEVICE_ASSIGN_DEGRADED: undoing an error failed; parts are restored, and the device is degraded: release it.
 * an error of a hook or of the host; parts are restored, and the device is degraded: release it.
 *
 * Context: any; lock: device; calls: configuration.
 */
enum vpt_status vpt_assign_snapshot_restore(struct vpt_assign_device *device, const void *image, size_t size);

VPT_END_DECLARATIONS

#endif
