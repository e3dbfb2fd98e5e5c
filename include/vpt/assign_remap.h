/* SPDX-License-Identifier: MIT */
/*
 * Which guest's interrupt each interrupt of the host is: an array, indexed by the host's vector. The array is the
 * caller's. Calls that change it need a lock of its own; vpt_assign_remap_find() needs none.
 */
#ifndef VPT_ASSIGN_REMAP_H
#define VPT_ASSIGN_REMAP_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* What one vector of the host stands for. Private. */
struct vpt_assign_remap_entry {
    uint32_t state; /* changes whenever another member does; bit 0: active, bit 1: in use */
    uint32_t generation;
    uint32_t target;
    uint16_t vector;
    struct vpt_assign_device *device;
    struct vpt_assign_remap_entry *next;  /* the next one in use of the same device */
    struct vpt_assign_remap_entry **link; /* the pointer to this one */
};

/* Private. */
struct vpt_assign_remap {
    struct vpt_assign_remap_entry *entries;
    uint32_t capacity;
};

/* What an interrupt of the host stands for. */
struct vpt_assign_interrupt {
    struct vpt_assign_device *device;
    uint32_t generation; /* of the device's owners and resets */
    uint16_t vector;     /* the function's: the number of a message, or VPT_ASSIGN_INTX */
    uint32_t target;     /* the caller's, for example a virtual CPU */
};

/*
 * Makes an array of `capacity` (1 to 65536) entries, for host vectors 0 to capacity - 1. The array is the object's
 * until nothing uses it.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the capacity is none of these; *remap is zeroed.
 *
 * Context: any; lock: array.
 */
enum vpt_status vpt_assign_remap_init(struct vpt_assign_remap *remap, struct vpt_assign_remap_entry *entries,
                                      uint32_t capacity);

/*
 * Makes an entry: from now on the host's vector stands for this vector of a device that has an owner. The entry is
 * active. `target` is for the caller. All entries of a device are in one array, until the device loses them: with its
 * owner, and by a reset. The host's interrupts() may call this while the caller holds the device's lock; the release
 * and the reset of a device that has entries need the array's lock.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `remap` is NULL, or the device is not open.
 * VPT_CALLER_RANGE: the array has no such host vector, or the function no such vector.
 * VPT_CALLER_OWNED: the host's vector has an entry.
 * VPT_CALLER_STATE: the device has no owner, or its entries are in another array.
 *
 * Context: any; lock: device, array.
 */
enum vpt_status vpt_assign_remap_add(struct vpt_assign_remap *remap, uint32_t host_vector,
                                     struct vpt_assign_device *device, uint16_t vector, uint32_t target);

/*
 * Sets whether vpt_assign_remap_find() finds an entry.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the host's vector has no entry.
 * VPT_CALLER_ARGUMENT: `remap` is NULL.
 * VPT_CALLER_RANGE: the array has no such host vector.
 *
 * Context: any; lock: array.
 */
enum vpt_status vpt_assign_remap_activate(struct vpt_assign_remap *remap, uint32_t host_vector, bool active);

/*
 * Removes an entry. The host's interrupts() may call this.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the host's vector has no entry.
 * VPT_CALLER_ARGUMENT: `remap` is NULL.
 * VPT_CALLER_RANGE: the array has no such host vector.
 *
 * Context: any; lock: array.
 */
enum vpt_status vpt_assign_remap_remove(struct vpt_assign_remap *remap, uint32_t host_vector);

/*
 * Finds what an interrupt of the host stands for. It may be called at the same time as any other call; an entry that is
 * being changed is not found. What was found of a device must be delivered or dropped before the device is closed.
 *
 * Returns
 * VPT_OK: *interrupt is filled.
 * VPT_EMPTY: the interrupt is no guest's; *interrupt is left alone.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 *
 * Context: any; lock: none.
 */
enum vpt_status vpt_assign_remap_find(const struct vpt_assign_remap *remap, uint32_t host_vector,
                                      struct vpt_assign_interrupt *interrupt);

/*
 * Raises the interrupt that was found.
 *
 * Returns
 * VPT_EMPTY: the owner that the interrupt was for has gone, or the device was reset; or what vpt_assign_raise() says.
 * VPT_CALLER_ARGUMENT: `interrupt` or its device is NULL.
 * what vpt_assign_raise() returns.
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_deliver(const struct vpt_assign_interrupt *interrupt);

VPT_END_DECLARATIONS

#endif
