/* SPDX-License-Identifier: MIT */
/* The regions of a guest's address space that a device has: one sorted array, the record of what is mapped. */
#include "assign/internal.h"

/* ---- Looking up ---- */

/* The order of regions: by space, then by where they begin. */
static bool before(const struct vpt_assign_region *region, enum vpt_assign_space space, uint64_t guest)
{
    return region->space < space || (region->space == space && region->guest <= guest);
}

void vpt_assign_region_insert(struct vpt_assign_region *regions, size_t count, const struct vpt_assign_region *region)
{
    while (count > 0 && !before(&regions[count - 1u], region->space, region->guest)) {
        regions[count] = regions[count - 1u];
        count--;
    }
    regions[count] = *region;
}

/* How many regions begin at this byte or before it: the last of them is the only one that the byte can be in. */
static unsigned begun(const struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest)
{
    unsigned first = 0;
    unsigned last = device->region_count;

    while (first < last) {
        unsigned middle = (first + last) / 2u;

        if (before(&device->regions[middle], space, guest)) {
            first = middle + 1u;
        } else {
            last = middle;
        }
    }
    return first;
}

/* Whether a byte of `space` is in a region. */
static bool holds(const struct vpt_assign_region *region, enum vpt_assign_space space, uint64_t guest)
{
    /* Below the region, the difference wraps to more than there is above its first byte. */
    return region->space == space && guest - region->guest < region->size;
}

const struct vpt_assign_region *vpt_assign_region_find(const struct vpt_assign_device *device,
                                                       enum vpt_assign_space space, uint64_t guest)
{
    unsigned at = device != NULL ? begun(device, space, guest) : 0;

    return at > 0 && holds(&device->regions[at - 1u], space, guest) ? &device->regions[at - 1u] : NULL;
}

/* ---- Entering and striking out ---- */

/* Whether it is the hypervisor's own, not of a BAR. */
static bool is_own(const struct vpt_assign_region *region)
{
    return region->bar == VPT_ASSIGN_NO_BAR || region->bar == VPT_ASSIGN_RESERVED;
}

enum vpt_status vpt_assign_region_map(struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    unsigned at = begun(device, region->space, region->guest);
    const struct vpt_assign_region *there = at > 0 ? &device->regions[at - 1u] : NULL;
    enum vpt_status status = VPT_OK;

    if (there != NULL && holds(there, region->space, region->guest)) {
        return is_own(region) || there->bar != region->bar || there->guest != region->guest ? VPT_REFUSED : VPT_OK;
    }
    if (at < device->region_count && holds(region, device->regions[at].space, device->regions[at].guest)) {
        return VPT_REFUSED;
    }
    if (device->region_count >= device->region_capacity) {
        return VPT_RESOURCE_FULL;
    }
    if (region->bar != VPT_ASSIGN_RESERVED) {
        status = device->guest->map(device->guest->ctx, region);
    }
    if (status == VPT_OK) {
        vpt_assign_region_insert(device->regions, device->region_count, region);
        device->region_count++;
    }
    return status;
}

enum vpt_status vpt_assign_region_unmap(struct vpt_assign_device *device, unsigned index)
{
    enum vpt_status status = VPT_OK;

    if (device->regions[index].bar != VPT_ASSIGN_RESERVED) {
        status = device->guest->unmap(device->guest->ctx, &device->regions[index]);
    }
    if (status == VPT_OK) {
        device->region_count--;
        for (unsigned i = index; i < device->region_count; i++) {
            device->regions[i] = device->regions[i + 1u];
        }
    }
    /* A refusal is map()'s to say, and would pass for its answer. */
    return status == VPT_REFUSED ? VPT_CALLER_ARGUMENT : status;
}

/* ---- The hypervisor's own ---- */

static enum vpt_status check(const struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    bool io = region->space == VPT_ASSIGN_IO;
    bool reserved = region->bar == VPT_ASSIGN_RESERVED;
    uint64_t last = io ? PCI_ABSENT16 : PCI_ADDRESS_LAST;
    uint64_t low_bits = io ? PCI_ABSENT16 : device->layout.page_size - 1u;
    uint64_t lengths = io ? 0 : region->guest | region->size;
    uint64_t highest = reserved || region->guest > region->host ? region->guest : region->host;

    if (region->size == 0 || (!io && region->space != VPT_ASSIGN_MEMORY) || !is_own(region)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (highest > last || region->size - 1u > last - highest) {
        return VPT_CALLER_RANGE;
    }
    if (!reserved && !region->trapped && (((region->guest ^ region->host) | lengths) & low_bits) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    return VPT_OK;
}

enum vpt_status vpt_assign_region_add(struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    enum vpt_status status;
    unsigned own = 0;

    if (device == NULL || region == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!device->owned) {
        return VPT_CALLER_STATE;
    }
    if (device->degraded) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    status = check(device, region);
    if (status != VPT_OK) {
        return status;
    }
    for (unsigned i = 0; i < device->region_count; i++) {
        own += is_own(&device->regions[i]) ? 1u : 0u;
    }
    if (own + VPT_ASSIGN_REGIONS(device->layout.trap_count) >= device->region_capacity) {
        return VPT_RESOURCE_FULL;
    }
    return vpt_assign_region_map(device, region);
}

enum vpt_status vpt_assign_region_remove(struct vpt_assign_device *device, enum vpt_assign_space space,
                                         uint64_t guest)
{
    const struct vpt_assign_region *region = vpt_assign_region_find(device, space, guest);

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (region == NULL || region->guest != guest || !is_own(region)) {
        return VPT_CALLER_RANGE;
    }
    return device->degraded ? VPT_DEVICE_ASSIGN_DEGRADED
                            : vpt_assign_region_unmap(device, (unsigned)(region - device->regions));
}
