/* SPDX-License-Identifier: MIT */
/* The mappings follow what a guest writes to its registers: each write is one transaction. */
#include "follow.h"

#include "guest_registers.h"
#include "host_function.h"
#include "live.h"
#include "region.h"

/* ---- Mappings ---- */

void vpt_assign_not_live(struct vpt_assign_placement *placement, unsigned index)
{
    placement->live = (uint8_t)(placement->live & ~(1u << index));
    placement->address[index] = 0;
}

enum vpt_status vpt_assign_unmap(struct vpt_assign_device *device, const struct vpt_assign_placement *keep, bool all)
{
    enum vpt_status status = VPT_OK;

    for (unsigned i = device->region_count; i > 0; i--) {
        const struct vpt_assign_region *region = &device->regions[i - 1u];
        unsigned bar = region->bar;

        /*
         * A BAR's addresses are multiples of its size, so two of them overlap only if they are equal. The address 0,
         * which stands for a BAR that is not live, equals none.
         */
        bool goes = bar >= ASSIGN_BARS
                        ? all
                        : keep == NULL || region->guest - keep->address[bar] >= device->layout.bar[bar].size;

        if (goes) {
            status = vpt_pci_first_error(status, vpt_assign_region_unmap(device, i - 1u));
        }
    }
    return status;
}

/* Maps the pieces of a BAR that are not mapped yet, up to the first failure. If `address` is 0, the BAR is not live. */
static enum vpt_status map_bar(struct vpt_assign_device *device, unsigned bar, uint64_t address)
{
    uint64_t size = address != 0 ? device->layout.bar[bar].size : 0;
    enum vpt_status status = VPT_OK;
    struct vpt_assign_region piece;

    for (uint64_t offset = 0; offset < size && status == VPT_OK; offset += piece.size) {
        vpt_assign_piece(&device->layout, bar, address, offset, &piece);
        status = vpt_assign_region_map(device, &piece);
    }
    return status;
}

enum change_kind { FORWARD, PLACING, BACK };

/*
 * Unmaps first, since a BAR may move to where another one was. BARs that do not move stay mapped. Removes from `to` the
 * BARs that are refused.
 *
 * While a guest writes addresses (PLACING), a map() that fails counts as a refusal: the register may hold half of an
 * address, or the guest may be sizing the BAR, and has to read back what it has written. When mappings are put BACK
 * after a failure, all BARs are tried, and a refusal is a failure, because the hypervisor gave this place before.
 */
static enum vpt_status apply_placement(struct vpt_assign_device *device, struct vpt_assign_placement *to,
                                       enum change_kind kind)
{
    enum vpt_status result = vpt_assign_unmap(device, to, false);

    for (unsigned i = 0; i < ASSIGN_BARS && (kind == BACK || result == VPT_OK); i++) {
        enum vpt_status status = VPT_OK;

        if (kind == BACK || to->address[i] != device->placed.address[i]) {
            status = map_bar(device, i, to->address[i]);
        }
        if (status != VPT_OK && (kind == PLACING || (kind == FORWARD && status == VPT_REFUSED))) {
            vpt_assign_not_live(to, i);
            status = vpt_assign_unmap(device, to, false);
        }
        result = vpt_pci_first_error(result, status);
    }
    return result;
}

/* ---- The transaction ---- */

static enum vpt_status change_placement(struct vpt_assign_device *device, struct vpt_assign_placement *to,
                                        enum change_kind kind)
{
    uint8_t live = to->live;
    enum vpt_status status = VPT_OK;

    if (live != 0) {
        /*
         * After a write to the command register or the power state, bus mastering changes once mappings have followed.
         */
        uint32_t mask = kind == PLACING ? VPT_PCI_COMMAND_BUS_MASTER : 0;

        status = vpt_assign_host_follow(device, mask, device->placed.live == 0);
    }
    if (status != VPT_OK) {
        return status;
    }
    status = apply_placement(device, to, kind);
    if (status == VPT_OK) {
        device->placed = *to;
        device->refused = (uint8_t)(live & ~(unsigned)to->live);
        return device->refused != 0 ? VPT_REFUSED : VPT_OK;
    }
    if (apply_placement(device, &device->placed, BACK) != VPT_OK) {
        device->degraded = true;
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    return status;
}

enum vpt_status vpt_assign_follow(struct vpt_assign_device *device, unsigned base)
{
    /* Large if the register is not a BAR's. */
    unsigned bar = base == PCI_ROM_ADDRESS ? VPT_PCI_ROM : (base - PCI_BAR_0) / 4u;
    struct vpt_assign_registers registers;
    struct vpt_assign_placement to;

    if (device->degraded) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    if (bar < ASSIGN_BARS) {
        vpt_assign_bar_normalise(device, bar);
    }
    vpt_assign_registers_read(device, &registers);
    vpt_assign_place(&device->layout, &registers, &to);
    return change_placement(device, &to, bar < ASSIGN_BARS ? PLACING : FORWARD);
}
