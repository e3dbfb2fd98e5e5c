/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of an assigned device, as bytes that any host reads the same: to be put aside with the guest, and
 * given to the same device later, or to one just like it elsewhere. What the device itself holds (its registers behind
 * the BARs, its queues) is not in there: that is its driver's, or the hypervisor's business.
 */
#ifndef VPT_ASSIGN_SNAPSHOT_H
#define VPT_ASSIGN_SNAPSHOT_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* Bytes of an image. */
#define VPT_ASSIGN_SNAPSHOT_SIZE(config_size, vectors) \
    (20u + VPT_AS(size_t, config_size) + VPT_ASSIGN_VECTORS_SIZE(vectors))

/* The same for an open device; 0: it is none. Any context. */
size_t vpt_assign_snapshot_size(const struct vpt_assign_device *device);

/*
 * Writes an image of an owned device: its configuration space as the guest reads it, the MSI-X table, interrupts that
 * are pending, BARs that the guest has put where the hypervisor has no place. Changes nothing. The hypervisor stops the
 * guest, and the device, before.
 * VPT_CALLER_MEMORY: `size` is below vpt_assign_snapshot_size(). VPT_CALLER_STATE: no owner. VPT_CALLER_ARGUMENT.
 * VPT_DEVICE_GONE, errors of the host.
 */
enum vpt_status vpt_assign_snapshot_save(struct vpt_assign_device *device, void *image, size_t size);

/*
 * Gives an image to a device that has just been acquired: as if its guest had written all of that, so that nothing gets
 * to the host that a guest could not write, and with the same calls of hooks. What is pending and not masked is
 * delivered. `image` is looked at as a whole first.
 * VPT_CALLER_IMAGE: it is damaged, or is that of a device that looks otherwise to its guest's driver: ids, class, kinds
 * and sizes of BARs, places of capabilities and all of them that never changes, so how many messages there are and
 * where the MSI-X table is. Serial numbers, and the contents of capabilities that the tables do not know, are not
 * compared; VPT_UNSUPPORTED_VERSION: a later version of this library has made it. VPT_CALLER_STATE: no owner, or the
 * guest has enabled something already. VPT_CALLER_ARGUMENT. With these nothing has changed.
 * VPT_REFUSED: done, but the hypervisor has no place for a BAR. Errors of hooks and of the host: some of it is done,
 * and the device is degraded: release it.
 */
enum vpt_status vpt_assign_snapshot_restore(struct vpt_assign_device *device, const void *image, size_t size);

VPT_END_DECLARATIONS

#endif
