/* SPDX-License-Identifier: MIT */
/* The regions of a guest's address space that a device has: one sorted array, which records what is mapped. */
#include "region.h"

#include "shadow.h"

/* ---- Looking up ---- */

/* Regions are sorted by space, then by address. */
static bool begins_before(const struct vpt_assign_region *region, enum vpt_assign_space space, uint64_t guest)
{
    return region->space < space || (region->space == space && region->guest <= guest);
}

void vpt_assign_region_insert(struct vpt_assign_region *regions, size_t count, const struct vpt_assign_region *region)
{
    struct vpt_assign_region *at = &regions[count];

    while (at > regions && !begins_before(at - 1, region->space, region->guest)) {
        at[0] = at[-1];
        at--;
    }
    *at = *region;
}

/* Returns how many regions begin at this byte or before it. Only the last of these regions can contain the byte. */
static unsigned count_begun(const struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest)
{
    unsigned first = 0;
    unsigned last = device->region_count;

    while (first < last) {
        unsigned middle = (first + last) / 2u;

        if (begins_before(&device->regions[middle], space, guest)) {
            first = middle + 1u;
        } else {
            last = middle;
        }
    }
    return first;
}

const struct vpt_assign_region *vpt_assign_region_find(const struct vpt_assign_device *device,
                                                       enum vpt_assign_space space, uint64_t guest)
{
    unsigned at = device != NULL ? count_begun(device, space, guest) : 0;
    const struct vpt_assign_region *region;

    if (at == 0) {
        return NULL;
    }
    region = &device->regions[at - 1u];
    return region->space == space && guest - region->guest < region->size ? region : NULL;
}

/* ---- Mapping and unmapping ---- */

/* Whether the hypervisor has added the region, so that it belongs to no BAR. */
static bool is_own(const struct vpt_assign_region *region)
{
    return region->bar == VPT_ASSIGN_NO_BAR || region->bar == VPT_ASSIGN_RESERVED;
}

enum vpt_status vpt_assign_region_map(struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    /* If any region overlaps this one, so does the last region that begins before this one ends. */
    unsigned at = count_begun(device, region->space, region->guest + (region->size - 1u));
    enum vpt_status status = VPT_OK;

    if (at > 0) {
        const struct vpt_assign_region *there = &device->regions[at - 1u];

        if (there->space == region->space && there->guest + (there->size - 1u) >= region->guest) {
            return is_own(region) || there->bar != region->bar || there->guest != region->guest ? VPT_REFUSED : VPT_OK;
        }
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
    struct vpt_assign_region *region = &device->regions[index];
    enum vpt_status status = VPT_OK;

    if (region->bar != VPT_ASSIGN_RESERVED) {
        status = device->guest->unmap(device->guest->ctx, region);
    }
    if (status == VPT_OK) {
        device->region_count--;
        for (; region < &device->regions[device->region_count]; region++) {
            region[0] = region[1];
        }
    }
    /* VPT_REFUSED would look like an answer of map() to callers. */
    return status == VPT_REFUSED ? VPT_CALLER_ARGUMENT : status;
}

/* ---- Regions that the hypervisor adds ---- */

bool vpt_assign_region_within(const struct vpt_assign_region *region, uint64_t first)
{
    uint64_t last = region->space == VPT_ASSIGN_IO ? PCI_ABSENT16 : PCI_ADDRESS_LAST;

    return first <= last && region->size - 1u <= last - first;
}

static bool is_aligned(const struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    if (region->space == VPT_ASSIGN_IO) {
        return region->guest == region->host;
    }
    return ((region->guest | region->host | region->size) & (device->layout.page_size - 1u)) == 0;
}

static enum vpt_status check_region(const struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    bool reserved = region->bar == VPT_ASSIGN_RESERVED;

    if (region->size == 0 || (region->space != VPT_ASSIGN_IO && region->space != VPT_ASSIGN_MEMORY) ||
        !is_own(region)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!vpt_assign_region_within(region, region->guest) ||
        (!reserved && !vpt_assign_region_within(region, region->host))) {
        return VPT_CALLER_RANGE;
    }
    return reserved || region->trapped || is_aligned(device, region) ? VPT_OK : VPT_CALLER_ALIGNMENT;
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
    status = check_region(device, region);
    if (status != VPT_OK) {
        return status;
    }
    for (unsigned i = device->region_count; i > 0; i--) {
        own += is_own(&device->regions[i - 1u]) ? 1u : 0u;
    }
    if (own >= device->own_regions) {
        return VPT_RESOURCE_FULL;
    }
    return vpt_assign_region_map(device, region);
}

enum vpt_status vpt_assign_region_remove(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest)
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
