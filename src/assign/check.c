/* SPDX-License-Identifier: MIT */
/* Whether a device's records agree with each other. No other file calls this one. */
#include "follow.h"
#include "guest_registers.h"
#include "live.h"
#include "region.h"

static bool region_in_order(const struct vpt_assign_region *region)
{
    return (region->space == VPT_ASSIGN_IO || region->space == VPT_ASSIGN_MEMORY) && region->size != 0 &&
           vpt_assign_region_within(region, region->guest);
}

/* Whether the first region ends before the second begins. region_in_order() holds for each. */
static bool is_before(const struct vpt_assign_region *region, const struct vpt_assign_region *next)
{
    return region->space < next->space ||
           (region->space == next->space && region->guest + (region->size - 1u) < next->guest);
}

/* Whether a region of a BAR is the piece that belongs there. */
static bool piece_in_order(const struct vpt_assign_device *device, const struct vpt_assign_region *region)
{
    uint64_t address = device->placed.address[region->bar];
    uint64_t offset = region->guest - address;
    struct vpt_assign_region piece;

    if (address == 0 || offset >= device->layout.bar[region->bar].size) {
        return false;
    }
    vpt_assign_piece(&device->layout, region->bar, address, offset, &piece);
    return region->host == piece.host && region->size == piece.size && region->space == piece.space &&
           region->trapped == piece.trapped;
}

/*
 * Whether BARs are mapped where the guest's registers say, and whether these registers hold values that their BARs can
 * have. Adds the sizes of the BARs that are live to *size.
 */
static bool registers_in_order(const struct vpt_assign_device *device, uint64_t *size)
{
    struct vpt_assign_registers registers;
    struct vpt_assign_placement wanted;

    vpt_assign_registers_read(device, &registers);
    vpt_assign_place(&device->layout, &registers, &wanted);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if (((unsigned)device->refused >> i & 1u) != 0) {
            vpt_assign_not_live(&wanted, i);
        }
        if (registers.bar[i] != vpt_assign_bar_value(&device->layout, i, registers.bar[i]) ||
            wanted.address[i] != device->placed.address[i]) {
            return false;
        }
        if (vpt_assign_is_live(&wanted, i)) {
            *size += device->layout.bar[i].size;
        }
    }
    return wanted.live == device->placed.live;
}

enum vpt_status vpt_assign_check(const struct vpt_assign_device *device)
{
    uint64_t missing = 0; /* bytes of live BARs */

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->region_count > device->region_capacity || (!device->owned && device->region_count != 0) ||
        !registers_in_order(device, &missing)) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    for (unsigned i = 0; i < device->region_count; i++) {
        const struct vpt_assign_region *region = &device->regions[i];

        if (!region_in_order(region) || (i > 0 && !is_before(region - 1, region)) ||
            (region->bar < ASSIGN_BARS && !piece_in_order(device, region))) {
            return VPT_DEVICE_ASSIGN_DEGRADED;
        }
        missing -= region->bar < ASSIGN_BARS ? region->size : 0;
    }
    /* The regions do not overlap and lie within their BARs: if the sums agree, nothing is missing. */
    return missing == 0 ? VPT_OK : VPT_DEVICE_ASSIGN_DEGRADED;
}
