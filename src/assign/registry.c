/* SPDX-License-Identifier: MIT */
/* Who has which device, and where all of them are. */
#include "assign_internal.h"

#include <vpt/assign_dma.h>

/* ---- The registry ---- */

struct vpt_assign_device *vpt_assign_registry_find(const struct vpt_assign_registry *registry,
                                                   const struct vpt_pci_address *address)
{
    struct vpt_assign_device *device = registry != NULL && address != NULL ? registry->first : NULL;

    while (device != NULL &&
           (device->address.segment != address->segment || device->address.bus != address->bus ||
            device->address.device != address->device || device->address.function != address->function)) {
        device = device->next;
    }
    return device;
}

struct vpt_assign_device *vpt_assign_registry_next(const struct vpt_assign_registry *registry,
                                                   const struct vpt_assign_device *device)
{
    if (registry == NULL) {
        return NULL;
    }
    return device == NULL ? registry->first : device->next;
}

struct vpt_assign_device *vpt_assign_registry_next_owned(const struct vpt_assign_registry *registry, uint64_t owner,
                                                         const struct vpt_assign_device *device)
{
    struct vpt_assign_device *next = vpt_assign_registry_next(registry, device);

    while (next != NULL && (!next->owned || next->owner != owner)) {
        next = next->next;
    }
    return next;
}

enum vpt_status vpt_assign_registry_add(struct vpt_assign_registry *registry, struct vpt_assign_device *device)
{
    if (registry == NULL || device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->registry != NULL) {
        return VPT_CALLER_STATE;
    }
    if (device->owned) {
        return VPT_CALLER_OWNED;
    }
    if (vpt_assign_registry_find(registry, &device->address) != NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    device->registry = registry;
    device->next = registry->first;
    registry->first = device;
    return VPT_OK;
}

enum vpt_status vpt_assign_registry_remove(struct vpt_assign_device *device)
{
    struct vpt_assign_device **link;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->registry == NULL) {
        return VPT_CALLER_STATE;
    }
    if (device->owned) {
        return VPT_CALLER_OWNED;
    }
    link = &device->registry->first;
    while (*link != NULL && *link != device) {
        link = &(*link)->next;
    }
    if (*link == device) {
        *link = device->next;
    }
    device->registry = NULL;
    device->next = NULL;
    return VPT_OK;
}

/* ---- Owners ---- */

/*
 * Whether this owner may have a device, as far as others of its group go. VPT_CALLER_OWNED: somebody else has one.
 * VPT_DEVICE_STUCK: nobody has one that could not be reset. It may still do what its last owner has told it to do to
 * the others.
 */
static enum vpt_status check_group(const struct vpt_assign_device *device, uint64_t owner)
{
    const struct vpt_assign_device *other =
        device->group != 0 ? vpt_assign_registry_next(device->registry, NULL) : NULL;
    enum vpt_status status = VPT_OK;

    for (; other != NULL; other = other->next) {
        if (other->group != device->group || other == device) {
            continue;
        }
        if (other->owned && other->owner != owner) {
            return VPT_CALLER_OWNED;
        }
        if (!other->owned && other->reset_needed) {
            status = VPT_DEVICE_STUCK;
        }
    }
    return status;
}

void vpt_assign_power_on(struct vpt_assign_device *device)
{
    vpt_assign_compose(device);
    device->placed = (struct vpt_assign_placement){ 0 };
    device->refused = 0;
    vpt_assign_msix_reset(device);
}

static void disown(struct vpt_assign_device *device)
{
    device->owned = false;
    device->owner = 0;
    device->guest = NULL;
}

enum vpt_status vpt_assign_acquire(struct vpt_assign_device *device, uint64_t owner,
                                   const struct vpt_assign_guest *guest)
{
    enum vpt_status status;

    if (device == NULL || device->host == NULL || guest == NULL || guest->map == NULL || guest->unmap == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = device->owned ? VPT_CALLER_OWNED : check_group(device, owner);
    if (status != VPT_OK) {
        return status;
    }
    if (device->group != 0 && device->registry == NULL) {
        return VPT_CALLER_STATE;
    }
    /* Firmware, or who had it last, may have left it on. */
    status = vpt_assign_command(device, VPT_PCI_COMMAND_BUS_MASTER, 0);
    if (status == VPT_OK && device->reset_needed) {
        status = VPT_DEVICE_STUCK;
    }
    if (status != VPT_OK) {
        return status;
    }
    /* The open, or the last release, has left it as at power-on. */
    device->guest = guest;
    device->owner = owner;
    device->owned = true;
    status = vpt_assign_interrupts_follow(device);
    if (status != VPT_OK) {
        /* interrupts() may have made entries for host vectors before it failed. */
        (void)vpt_assign_interrupts_off(device);
        disown(device);
    }
    return status;
}

enum vpt_status vpt_assign_quiet(struct vpt_assign_device *device, bool all)
{
    enum vpt_status status = vpt_assign_interrupts_off(device);

    return vpt_pci_first_error(status, vpt_assign_unmap(device, NULL, all));
}

/* What has to be gone before the function is anyone else's, in this order. */
static enum vpt_status quiesce(struct vpt_assign_device *device)
{
    enum vpt_status status = vpt_assign_command(device, VPT_PCI_COMMAND_BUS_MASTER, 0);

    if (status != VPT_OK && status != VPT_DEVICE_GONE) {
        return status;
    }
    /* Some mappings may be gone from here on that the registers still ask for. */
    device->degraded = true;
    status = vpt_assign_quiet(device, true);
    if (status == VPT_OK && device->dma != NULL) {
        status = vpt_assign_dma_detach(device);
    }
    return status;
}

enum vpt_status vpt_assign_release(struct vpt_assign_device *device)
{
    enum vpt_status status;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!device->owned) {
        return VPT_OK;
    }
    status = quiesce(device);
    if (status != VPT_OK) {
        return status;
    }
    if (!device->vanished) {
        status = vpt_assign_reset_host(device);
        /* Without a way, its registers at least are as they were. */
        status =
            status == VPT_UNSUPPORTED_DEVICE ? vpt_assign_restore(device, device->config_size, PCI_ABSENT16) : VPT_OK;
    }
    if (status != VPT_OK && status != VPT_DEVICE_GONE) {
        return status;
    }
    disown(device);
    device->degraded = false;
    vpt_assign_power_on(device);
    return VPT_OK;
}
