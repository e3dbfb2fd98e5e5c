/* SPDX-License-Identifier: MIT */
/* Whether a device's books are in order. Nothing else needs this file. */
#include "assign/internal.h"

/* A region by itself, and after the one before it. */
static bool region_in_order(const struct vpt_assign_region *region, const struct vpt_assign_region *before)
{
    uint64_t last = region->space == VPT_ASSIGN_IO ? PCI_ABSENT16 : PCI_ADDRESS_LAST;

    if (region->space != VPT_ASSIGN_IO && region->space != VPT_ASSIGN_MEMORY) {
        return false;
    }
    if (region->size == 0 || region->guest > last || region->size - 1u > last - region->guest) {
        return false;
    }
    if (before == NULL || before->space != region->space) {
        return before == NULL || before->space < region->space;
    }
    return before->guest < region->guest && region->guest - before->guest >= before->size;
}

static bool same(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->guest == b->guest && a->host == b->host && a->size == b->size && a->space == b->space &&
           a->bar == b->bar && a->trapped == b->trapped;
}

/* How many pieces there are of a live BAR; 0: one is missing, or is another. */
static unsigned pieces_of(const struct vpt_assign_device *device, unsigned index, uint64_t address)
{
    uint64_t size = device->layout.bar[index].size;
    struct vpt_assign_region piece;
    unsigned count = 0;

    for (uint64_t offset = 0; offset < size; offset += piece.size) {
        const struct vpt_assign_region *there;

        vpt_assign_piece(&device->layout, index, address, offset, &piece);
        there = vpt_assign_region_find(device, piece.space, piece.guest);
        if (there == NULL || !same(there, &piece)) {
            return 0;
        }
        count++;
    }
    return count;
}

/* Each live BAR is mapped, and nothing else of a BAR is. */
static bool bars_in_order(const struct vpt_assign_device *device)
{
    const struct vpt_assign_placement *placement = &device->placed;
    unsigned expected = 0;
    unsigned got = 0;

    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        unsigned pieces = 1;

        if (vpt_assign_is_live(placement, i)) {
            pieces = device->owned ? pieces_of(device, i, placement->address[i]) : 0;
            expected += pieces;
        }
        if (pieces == 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < device->region_count; i++) {
        got += device->regions[i].bar < ASSIGN_BARS ? 1u : 0u;
    }
    return got == expected;
}

/* BARs are placed where the guest's registers have them, and each of these is one that its BAR can have. */
static bool registers_in_order(const struct vpt_assign_device *device)
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
    }
    return wanted.live == device->placed.live;
}

enum vpt_status vpt_assign_check(const struct vpt_assign_device *device)
{
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->region_count > device->region_capacity || (!device->owned && device->region_count != 0)) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    for (unsigned i = 0; i < device->region_count; i++) {
        if (!region_in_order(&device->regions[i], i > 0 ? &device->regions[i - 1u] : NULL)) {
            return VPT_DEVICE_ASSIGN_DEGRADED;
        }
    }
    return registers_in_order(device) && bars_in_order(device) ? VPT_OK : VPT_DEVICE_ASSIGN_DEGRADED;
}
