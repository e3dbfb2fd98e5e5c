/* SPDX-License-Identifier: MIT */
/* A guest's mappings follow what it writes to its registers: each write is one transaction. */
#include "assign/internal.h"

/* ---- Registers ---- */

void vpt_assign_registers_read(const struct vpt_assign_device *device, struct vpt_assign_registers *registers)
{
    registers->command = vpt_assign_shadow16(device, PCI_COMMAND) & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
    registers->power_state = (uint8_t)vpt_assign_power_state(device);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        registers->bar[i] = vpt_assign_shadow32(device, vpt_assign_bar_offset(i));
    }
}

void vpt_assign_bar_normalise(struct vpt_assign_device *device, unsigned index)
{
    uint16_t offset = vpt_assign_bar_offset(index);

    vpt_assign_shadow_set32(device, offset,
                            vpt_assign_bar_value(&device->layout, index, vpt_assign_shadow32(device, offset)));
}

/* ---- Mappings ---- */

void vpt_assign_not_live(struct vpt_assign_placement *placement, unsigned index)
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

        if (bar < ASSIGN_BARS && (!vpt_assign_is_live(placement, bar) ||
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
    enum vpt_status status = VPT_OK;
    struct vpt_assign_region piece;

    for (uint64_t offset = 0; offset < size && status == VPT_OK; offset += piece.size) {
        vpt_assign_piece(&device->layout, bar, address, offset, &piece);
        status = vpt_assign_region_map(device, &piece);
    }
    return status;
}

/* As it was. What the hypervisor gave before it may refuse now: that is a failure too. */
static enum vpt_status roll_back(struct vpt_assign_device *device, const struct vpt_assign_placement *from)
{
    enum vpt_status status = clear(device, from);

    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if (vpt_assign_is_live(from, i)) {
            status = vpt_pci_first_error(status, fill(device, i, from->address[i]));
        }
    }
    return status;
}

/*
 * Unmaps first, since a BAR may come to lie where another was. What is placed is mapped already; takes out of `to` what
 * is refused.
 */
static enum vpt_status apply(struct vpt_assign_device *device, struct vpt_assign_placement *to)
{
    enum vpt_status status = clear(device, to);

    for (unsigned i = 0; i < ASSIGN_BARS && status == VPT_OK; i++) {
        if (to->address[i] != device->placed.address[i] && vpt_assign_is_live(to, i)) {
            status = fill(device, i, to->address[i]);
        }
        if (status == VPT_REFUSED) {
            vpt_assign_not_live(to, i);
            status = clear(device, to);
        }
    }
    return status;
}

/* ---- The transaction ---- */

static enum vpt_status change(struct vpt_assign_device *device, struct vpt_assign_placement *to)
{
    uint8_t live = to->live;
    /* What was reset behind the host's back must not be decoded where it is not. */
    enum vpt_status status = device->placed.live == 0 && live != 0 ? vpt_assign_bars_restore(device) : VPT_OK;

    if (status != VPT_OK) {
        return status;
    }
    status = apply(device, to);
    if (status == VPT_OK) {
        device->placed = *to;
        device->refused = (uint8_t)(live & ~(unsigned)to->live);
        return device->refused != 0 ? VPT_REFUSED : VPT_OK;
    }
    if (roll_back(device, &device->placed) != VPT_OK) {
        device->degraded = true;
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    return status;
}

static bool same(const struct vpt_assign_placement *a, const struct vpt_assign_placement *b)
{
    /* What is not live has address 0, what is has another. */
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        if (a->address[i] != b->address[i]) {
            return false;
        }
    }
    return true;
}

enum vpt_status vpt_assign_follow(struct vpt_assign_device *device, uint16_t base)
{
    struct vpt_assign_registers registers;
    struct vpt_assign_placement to;

    if (device->degraded) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    if (base == PCI_ROM_ADDRESS) {
        vpt_assign_bar_normalise(device, VPT_PCI_ROM);
    } else if (base >= PCI_BAR_0 && base < PCI_BAR_0 + 4u * VPT_PCI_BARS_MAX) {
        vpt_assign_bar_normalise(device, (base - PCI_BAR_0) / 4u);
    }
    vpt_assign_registers_read(device, &registers);
    vpt_assign_place(&device->layout, &registers, &to);
    return device->refused == 0 && same(&device->placed, &to) ? VPT_OK : change(device, &to);
}
