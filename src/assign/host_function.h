/* SPDX-License-Identifier: MIT */
/* Accesses to the host's function (host_function.c). */
#ifndef VPT_SRC_ASSIGN_HOST_FUNCTION_H
#define VPT_SRC_ASSIGN_HOST_FUNCTION_H

#include <vpt/assign.h>

/* All bits of an access of 1, 2 or 4 bytes. */
static inline uint32_t vpt_assign_width_mask(unsigned width)
{
    return 0xffffffffu >> (32u - 8u * width);
}

/*
 * Reads the host's configuration space. If it reads all-ones, the command register decides whether the function still
 * answers (VPT_DEVICE_GONE). *value is all-ones after an error.
 */
enum vpt_status vpt_assign_host_read(struct vpt_assign_device *device, unsigned offset, unsigned width,
                                     uint32_t *value);

/*
 * Writes the bits `allowed` (not 0) of the word at `base`, in one access of at least `width` (1 or 2) bytes. Other bits
 * stay as the host has them, or are written as 0 if a 1 would do something (`acts`). Calls audit() if `audited`.
 */
enum vpt_status vpt_assign_host_write(struct vpt_assign_device *device, unsigned base, uint32_t allowed, unsigned width,
                                      uint32_t value, uint32_t acts, bool audited);

/*
 * Sets the bits `mask` of the host's command register to those of `value`, if they differ. A caller that takes a device
 * from a guest turns bus mastering off first, because the memory that the device reaches may get another owner.
 *
 * returns:
 * VPT_OK
 * VPT_DEVICE_GONE: device->vanished was set, or is now, since the command and status registers read all-ones; a
 *     function that answers although device->vanished is set gets the write
 * errors of the host
 */
enum vpt_status vpt_assign_command(struct vpt_assign_device *device, uint32_t mask, uint32_t value);

/*
 * Called before BARs become live, and after a guest's write to the command register or the power state. Sets the bits
 * `mask` (bus mastering, or 0) of the host's command register to the guest's. Restores the function's header if no BAR
 * was live before (`first`). Also restores it if the guest decodes a space that the host decoded at the open and does
 * not decode now, because somebody else may have reset the function. Returns what vpt_assign_command() does.
 */
enum vpt_status vpt_assign_host_follow(struct vpt_assign_device *device, uint32_t mask, bool first);

/* Whether the host's function still answers. */
static inline enum vpt_status vpt_assign_present(struct vpt_assign_device *device)
{
    return vpt_assign_command(device, 0, 0);
}

/*
 * Writes to the host's function, up to offset `end` (a multiple of 4), what it held at the open and has lost: bits that
 * a guest may write and bits that a reset takes away, but none that does something when it is written. BARs are not
 * decoded meanwhile. The last write is for the bits `command` of the command register; bus mastering stays off. Ends at
 * the first error.
 */
enum vpt_status vpt_assign_restore(struct vpt_assign_device *device, unsigned end, uint32_t command);

#endif
