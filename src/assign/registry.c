/* SPDX-License-Identifier: MIT */
/* The list of all devices. */
#include <vpt/assign.h>

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
