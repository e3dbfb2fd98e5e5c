/* SPDX-License-Identifier: MIT */
/* The regions of a guest's address space that a device has: one sorted array, the record of what is mapped. */
#include "assign/internal.h"

/* ---- Looking up ---- */

uint16_t vpt_assign_region_index(const struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest)
{
    uint16_t first = 0;
    uint16_t last = device->region_count;

    while (first < last) {
        uint16_t middle = (uint16_t)(first + (last - first) / 2);
        const struct vpt_assign_region *region = &device->regions[middle];

        if (region->space < space || (region->space == space && region->guest < guest)) {
            first = (uint16_t)(middle + 1);
        } else {
            last = middle;
        }
    }
    return first;
}

/* Whether a byte of `space` is in a region. */
static bool holds(const struct vpt_assign_region *region, enum vpt_assign_space space, uint64_t guest)
{
    return region->space == space && guest >= region->guest && guest - region->guest < region->size;
}

const struct vpt_assign_region *vpt_assign_region_find(const struct vpt_assign_device *device,
                                                       enum vpt_assign_space space, uint64_t guest)
{
    uint16_t at;

    if (device == NULL) {
        return NULL;
    }
    at = vpt_assign_region_index(device, space, guest);
    if (at < device->region_count && holds(&device->regions[at], space, guest)) {
        return &device->regions[at];
    }
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
    uint16_t at = vpt_assign_region_index(device, region->space, region->guest);
    enum vpt_status status = VPT_OK;

    if (at < device->region_count && holds(region, device->regions[at].space, device->regions[at].guest)) {
        return is_own(region) || device->regions[at].bar != region->bar ? VPT_REFUSED : VPT_OK;
    }
    if (at > 0 && holds(&device->regions[at - 1u], region->space, region->guest)) {
        return VPT_REFUSED;
    }
    if (device->region_count >= device->region_capacity) {
        return VPT_RESOURCE_FULL;
    }
    if (region->bar != VPT_ASSIGN_RESERVED) {
        status = device->guest->map(device->guest->ctx, region);
    }
    if (status != VPT_OK) {
        return status;
    }
    for (uint16_t i = device->region_count; i > at; i--) {
        device->regions[i] = device->regions[i - 1u];
    }
    device->regions[at] = *region;
    device->region_count++;
    return VPT_OK;
}

enum vpt_status vpt_assign_region_unmap(struct vpt_assign_device *device, uint16_t index)
{
    enum vpt_status status = VPT_OK;

    if (device->regions[index].bar != VPT_ASSIGN_RESERVED) {
        status = device->guest->unmap(device->guest->ctx, &device->regions[index]);
    }
    if (status != VPT_OK) {
        /* That is map()'s to say, and would pass for its answer. */
        return status == VPT_REFUSED ? VPT_CALLER_ARGUMENT : status;
    }
    device->region_count--;
    for (uint16_t i = index; i < device->region_count; i++) {
        device->regions[i] = device->regions[i + 1u];
    }
    return VPT_OK;
}

/* ---- The hypervisor's own ---- */

static enum vpt_status check(const struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    bool io = region->space == VPT_ASSIGN_IO;
    uint64_t last = io ? PCI_ABSENT16 : PCI_ADDRESS_LAST;
    uint64_t low_bits = io ? PCI_ABSENT16 : device->layout.page_size - 1u;
    uint64_t lengths = io ? 0 : region->guest | region->size;
    bool reserved = region->bar == VPT_ASSIGN_RESERVED;

    if (region->size == 0 || (!io && region->space != VPT_ASSIGN_MEMORY) || !is_own(region)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (region->guest > last || region->size - 1u > last - region->guest) {
        return VPT_CALLER_RANGE;
    }
    if (!reserved && (region->host > last || region->size - 1u > last - region->host)) {
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
    uint16_t at;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    at = vpt_assign_region_index(device, space, guest);
    if (at >= device->region_count || !is_own(&device->regions[at]) || device->regions[at].space != space ||
        device->regions[at].guest != guest) {
        return VPT_CALLER_RANGE;
    }
    return device->degraded ? VPT_DEVICE_ASSIGN_DEGRADED : vpt_assign_region_unmap(device, at);
}
