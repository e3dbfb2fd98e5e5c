/* SPDX-License-Identifier: MIT */
/* A guest's mappings follow what it writes to its registers: each write is one transaction. */
#include "access.h"
#include "assign/internal.h"

#define DECODING (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

/* ---- Registers ---- */

void vpt_assign_registers_read(const struct vpt_assign_device *device, struct vpt_assign_registers *registers)
{
    vpt_zero(registers, sizeof(*registers));
    registers->command = vpt_assign_command_shadow(device) & DECODING;
    registers->power_state = (uint8_t)vpt_assign_power_state(device);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        registers->bar[i] = vpt_assign_bar_shadow(device, i);
    }
}

/* Gives the BARs in the shadow the bits that no write changes. */
static void normalise(struct vpt_assign_device *device, struct vpt_assign_registers *registers)
{
    vpt_assign_registers_read(device, registers);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        /* What was applied was normal. */
        if (registers->bar[i] != device->applied.bar[i] || !device->owned) {
            registers->bar[i] = vpt_assign_bar_value(&device->layout, i, registers->bar[i]);
            vpt_assign_bar_shadow_set(device, i, registers->bar[i]);
        }
    }
}

static bool same_registers(const struct vpt_assign_registers *a, const struct vpt_assign_registers *b)
{
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if (a->bar[i] != b->bar[i]) {
            return false;
        }
    }
    return a->command == b->command && a->power_state == b->power_state;
}

/* ---- Mappings ---- */

static bool is_live(const struct vpt_assign_placement *placement, unsigned index)
{
    return (placement->live >> index & 1u) != 0;
}

static void not_live(struct vpt_assign_placement *placement, unsigned index)
{
    placement->live = (uint8_t)(placement->live & ~(1u << index));
    placement->address[index] = 0;
}

/*
 * Unmaps what there is of BARs that is not where `placement` has them. Goes on after a failure, and returns the first.
 * A BAR's addresses are multiples of its size: two of them overlap only if they are one.
 */
static enum vpt_status clear(struct vpt_assign_device *device, const struct vpt_assign_placement *placement)
{
    enum vpt_status status = VPT_OK;

    for (uint16_t i = device->region_count; i > 0; i--) {
        const struct vpt_assign_region *region = &device->regions[i - 1u];
        unsigned bar = region->bar;

        if (bar < ASSIGN_BARS && (!is_live(placement, bar) || region->guest < placement->address[bar] ||
                                  region->guest - placement->address[bar] >= device->layout.bar[bar].size)) {
            status = vpt_pci_first_error(status, vpt_assign_region_unmap(device, (uint16_t)(i - 1u)));
        }
    }
    return status;
}

/* Maps what is not mapped of a BAR that is live at `address`, up to the first failure. */
static enum vpt_status fill(struct vpt_assign_device *device, unsigned bar, uint64_t address)
{
    uint64_t size = device->layout.bar[bar].size;
    struct vpt_assign_region piece;

    for (uint64_t offset = 0; offset < size; offset += piece.size) {
        const struct vpt_assign_region *there;
        enum vpt_status status;

        vpt_assign_piece(&device->layout, bar, address, offset, &piece);
        there = vpt_assign_region_find(device, piece.space, piece.guest);
        if (there != NULL && there->bar == bar) {
            continue;
        }
        status = vpt_assign_region_map(device, &piece);
        if (status != VPT_OK) {
            return status;
        }
    }
    return VPT_OK;
}

/* As it was. What the hypervisor gave before it may refuse now: that is a failure too. */
static enum vpt_status roll_back(struct vpt_assign_device *device, const struct vpt_assign_placement *from)
{
    enum vpt_status status = clear(device, from);

    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if (is_live(from, i)) {
            status = vpt_pci_first_error(status, fill(device, i, from->address[i]));
        }
    }
    return status;
}

/*
 * Unmaps first, since a BAR may come to lie where another was. What `from` has in the same place is mapped; takes out of
 * `to` what is refused.
 */
static enum vpt_status apply(struct vpt_assign_device *device, const struct vpt_assign_placement *from,
                             struct vpt_assign_placement *to)
{
    enum vpt_status status = clear(device, to);

    for (unsigned i = 0; i < ASSIGN_BARS && status == VPT_OK; i++) {
        if (to->address[i] != from->address[i] && is_live(to, i)) {
            status = fill(device, i, to->address[i]);
        }
        if (status == VPT_REFUSED) {
            not_live(to, i);
            status = clear(device, to);
        }
    }
    return status;
}

void vpt_assign_placed(const struct vpt_assign_device *device, struct vpt_assign_placement *placement)
{
    vpt_assign_place(&device->layout, &device->applied, placement);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if ((device->refused >> i & 1u) != 0) {
            not_live(placement, i);
        }
    }
}

/* ---- The transaction ---- */

static enum vpt_status change(struct vpt_assign_device *device, const struct vpt_assign_registers *wanted)
{
    struct vpt_assign_placement from;
    struct vpt_assign_placement to;
    enum vpt_status status;
    uint8_t live;

    vpt_assign_placed(device, &from);
    vpt_assign_place(&device->layout, wanted, &to);
    live = to.live;
    status = apply(device, &from, &to);
    if (status == VPT_OK) {
        device->applied = *wanted;
        device->refused = (uint8_t)(live & ~(unsigned)to.live);
        return device->refused != 0 ? VPT_REFUSED : VPT_OK;
    }
    if (roll_back(device, &from) != VPT_OK) {
        device->degraded = true;
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    return status;
}

enum vpt_status vpt_assign_follow(struct vpt_assign_device *device)
{
    struct vpt_assign_registers wanted;

    normalise(device, &wanted);
    if (!device->owned) {
        device->applied = wanted;
        device->refused = 0;
        return VPT_OK;
    }
    if (device->degraded) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    if (device->refused == 0 && same_registers(&device->applied, &wanted)) {
        return VPT_OK;
    }
    return change(device, &wanted);
}
