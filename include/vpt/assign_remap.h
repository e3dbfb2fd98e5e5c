/* SPDX-License-Identifier: MIT */
/*
 * Where the host's interrupts go: an array, indexed by the host's vector, of what each stands for in which guest. The
 * array is the caller's; one lock of its own is taken by the calls that change it, and vpt_assign_remap_find() takes
 * none.
 */
#ifndef VPT_ASSIGN_REMAP_H
#define VPT_ASSIGN_REMAP_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* What one host vector stands for. Private. */
struct vpt_assign_remap_entry {
    uint32_t state; /* changes with each change of the others; bit 0: active, bit 1: in use */
    uint32_t generation;
    uint32_t target;
    uint16_t vector;
    struct vpt_assign_device *device;
    struct vpt_assign_remap_entry *next;  /* in use, of the same device */
    struct vpt_assign_remap_entry **link; /* to this one */
};

/* Private. */
struct vpt_assign_remap {
    struct vpt_assign_remap_entry *entries;
    uint32_t capacity;
};

/* What an interrupt of the host is. */
struct vpt_assign_interrupt {
    struct vpt_assign_device *device;
    uint32_t generation; /* of the device's owners and resets */
    uint16_t vector;     /* of the function: a message's number, or VPT_ASSIGN_INTX */
    uint32_t target;     /* as the caller has given it: a virtual CPU */
};

/*
 * Makes one of `capacity` (1 to 65536) entries: host vectors 0 to capacity - 1. The array is the object's until nothing
 * uses it. VPT_CALLER_ARGUMENT, and *remap is zeroed.
 */
enum vpt_status vpt_assign_remap_init(struct vpt_assign_remap *remap, struct vpt_assign_remap_entry *entries,
                                      uint32_t capacity);

/*
 * From now on the host's vector is this one of a device that has an owner; `target` is for the caller. It is active.
 * All entries of a device are in one array from the first one on, until it loses them: with its owner, and by a reset.
 * Takes the device's lock too, and may be called by the host's interrupts(), which has it; the end of an owner and the
 * reset of a device that has entries take the array's.
 * VPT_CALLER_RANGE: the array has no such host vector, or the function no such vector. VPT_CALLER_OWNED: the host's
 * vector has an entry. VPT_CALLER_STATE: no owner, or the device's entries are in another array. VPT_CALLER_ARGUMENT.
 */
enum vpt_status vpt_assign_remap_add(struct vpt_assign_remap *remap, uint32_t host_vector,
                                     struct vpt_assign_device *device, uint16_t vector, uint32_t target);

/* Lets an entry be found, or not. VPT_CALLER_RANGE, VPT_EMPTY: there is none. VPT_CALLER_ARGUMENT. */
enum vpt_status vpt_assign_remap_activate(struct vpt_assign_remap *remap, uint32_t host_vector, bool active);

/* Takes it out. As before; may be called by the host's interrupts(), as vpt_assign_remap_add(). */
enum vpt_status vpt_assign_remap_remove(struct vpt_assign_remap *remap, uint32_t host_vector);

/*
 * What an interrupt of the host is. Any context, no lock, beside any other call: an entry that is being changed is not
 * found. A device must not be closed before what was found of it before its release has been delivered, or dropped.
 * VPT_EMPTY: nothing of a guest's; *interrupt is left alone. VPT_CALLER_ARGUMENT.
 */
enum vpt_status vpt_assign_remap_find(const struct vpt_assign_remap *remap, uint32_t host_vector,
                                      struct vpt_assign_interrupt *interrupt);

/*
 * Raises what was found, with the device's lock. VPT_EMPTY also: the owner that it was for has gone, or the device was
 * reset. As vpt_assign_raise().
 */
enum vpt_status vpt_assign_deliver(const struct vpt_assign_interrupt *interrupt);

VPT_END_DECLARATIONS

#endif
