/* SPDX-License-Identifier: MIT */
/*
 * Which device and vector each of the host's vectors is for. One writer at a time changes entries, while any number of
 * readers look at them.
 */
#include "remap.h"

#include <vpt/assign_remap.h>

#include "guest_registers.h"

/* The state of an entry. Each use of the entry changes the bits from SEQUENCE on. An active entry is in use. */
#define ACTIVE   0x1u
#define IN_USE   0x2u
#define BOTH     (ACTIVE | IN_USE)
#define SEQUENCE 0x4u

#define CAPACITY_MAX 65536u

enum vpt_status vpt_assign_remap_init(struct vpt_assign_remap *remap, struct vpt_assign_remap_entry *entries,
                                      uint32_t capacity)
{
    if (remap == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *remap = (struct vpt_assign_remap){ .capacity = 0 };
    if (entries == NULL || capacity - 1u >= CAPACITY_MAX) {
        return VPT_CALLER_ARGUMENT;
    }
    remap->entries = entries;
    remap->capacity = capacity;
    vpt_zero(entries, sizeof(*entries) * capacity);
    return VPT_OK;
}

/* Whether the function has this vector, whatever the guest has enabled. */
static bool has_vector(const struct vpt_assign_device *device, unsigned vector)
{
    if (vector == VPT_ASSIGN_INTX) {
        return (vpt_assign_shadow32(device, PCI_INTERRUPT_LINE) & ASSIGN_INTERRUPT_PIN) != 0;
    }
    if (device->msi != 0 && vector >> (vpt_assign_shadow32(device, device->msi) >> 17 & 0x7u) == 0) {
        return true;
    }
    return vector < device->vector_count;
}

/* VPT_OK: the entry of the host's vector is in use. VPT_EMPTY: it is not. */
static enum vpt_status look_up_entry(const struct vpt_assign_remap *remap, uint32_t host_vector)
{
    if (remap == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (host_vector >= remap->capacity) {
        return VPT_CALLER_RANGE;
    }
    return (remap->entries[host_vector].state & IN_USE) != 0 ? VPT_OK : VPT_EMPTY;
}

enum vpt_status vpt_assign_remap_add(struct vpt_assign_remap *remap, uint32_t host_vector,
                                     struct vpt_assign_device *device, uint16_t vector, uint32_t target)
{
    enum vpt_status status = look_up_entry(remap, host_vector);
    struct vpt_assign_remap_entry *entry;

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (status != VPT_EMPTY) {
        return status == VPT_OK ? VPT_CALLER_OWNED : status;
    }
    if (!device->owned || (device->remap != NULL && device->remap != remap)) {
        return VPT_CALLER_STATE;
    }
    if (!has_vector(device, vector)) {
        return VPT_CALLER_RANGE;
    }
    device->remap = remap;
    entry = &remap->entries[host_vector];
    entry->next = device->entries;
    entry->link = &device->entries;
    device->entries = entry;
    if (entry->next != NULL) {
        entry->next->link = &entry->next;
    }
    /*
     * A reader that loaded `state` before this change sees a different `state` when it checks again, and drops what it
     * read.
     */
    vpt_barrier_stores(false);
    VPT_WRITE_ONCE(entry->generation, device->generation);
    VPT_WRITE_ONCE(entry->target, target);
    VPT_WRITE_ONCE(entry->vector, vector);
    VPT_WRITE_ONCE(entry->device, device);
    vpt_barrier_stores(false);
    VPT_WRITE_ONCE(entry->state, (entry->state | BOTH) + SEQUENCE);
    return VPT_OK;
}

enum vpt_status vpt_assign_remap_activate(struct vpt_assign_remap *remap, uint32_t host_vector, bool active)
{
    enum vpt_status status = look_up_entry(remap, host_vector);

    if (status == VPT_OK) {
        struct vpt_assign_remap_entry *entry = &remap->entries[host_vector];

        VPT_WRITE_ONCE(entry->state, vpt_assign_merge(entry->state, active ? ACTIVE : 0, ACTIVE));
    }
    return status;
}

/* Removes an entry that is in use. */
static void remove_entry(struct vpt_assign_remap_entry *entry)
{
    VPT_WRITE_ONCE(entry->state, entry->state & ~BOTH);
    *entry->link = entry->next;
    if (entry->next != NULL) {
        entry->next->link = entry->link;
    }
}

enum vpt_status vpt_assign_remap_remove(struct vpt_assign_remap *remap, uint32_t host_vector)
{
    enum vpt_status status = look_up_entry(remap, host_vector);

    if (status == VPT_OK) {
        remove_entry(&remap->entries[host_vector]);
    }
    return status;
}

void vpt_assign_remap_forget(struct vpt_assign_device *device)
{
    /* A guest may reset in a loop, so this looks only at the entries of the device, not at the whole array. */
    while (device->entries != NULL) {
        remove_entry(device->entries);
    }
    device->remap = NULL;
}

enum vpt_status vpt_assign_remap_find(const struct vpt_assign_remap *remap, uint32_t host_vector,
                                      struct vpt_assign_interrupt *interrupt)
{
    const struct vpt_assign_remap_entry *entry;
    struct vpt_assign_interrupt found;
    uint32_t state;

    if (remap == NULL || interrupt == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (host_vector >= remap->capacity) {
        return VPT_EMPTY;
    }
    entry = &remap->entries[host_vector];
    state = VPT_READ_ONCE(entry->state);
    if ((state & ACTIVE) == 0) {
        return VPT_EMPTY;
    }
    vpt_barrier_loads(false);
    found.device = VPT_READ_ONCE(entry->device);
    found.generation = VPT_READ_ONCE(entry->generation);
    found.target = VPT_READ_ONCE(entry->target);
    found.vector = VPT_READ_ONCE(entry->vector);
    vpt_barrier_loads(false);
    if (VPT_READ_ONCE(entry->state) != state) {
        return VPT_EMPTY;
    }
    *interrupt = found;
    return VPT_OK;
}
