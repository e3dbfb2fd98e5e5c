/* SPDX-License-Identifier: MIT */
/* Who has which device: acquiring, releasing, and the devices of one group. */
#include <vpt/assign_dma.h>

#include "compose.h"
#include "follow.h"
#include "guest_interrupt.h"
#include "host_function.h"
#include "reset.h"
#include "shadow.h"

/*
 * Whether this owner may have a device, as far as the other devices of its group are concerned.
 *
 * returns:
 * VPT_OK
 * VPT_CALLER_OWNED: one of them has another owner
 * VPT_DEVICE_STUCK: one of them has no owner and could not be reset: it may still do what its last owner has told it
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
    /* Firmware or the last owner may have left bus mastering on. */
    status = vpt_assign_command(device, VPT_PCI_COMMAND_BUS_MASTER, 0);
    if (status == VPT_OK && device->reset_needed) {
        status = VPT_DEVICE_STUCK;
    }
    if (status != VPT_OK) {
        return status;
    }
    /* The open or the last release has left the device as it is at power-on. */
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

/* Takes away, in this order, all that must be gone before the function gets another owner. */
static enum vpt_status quiesce_for_release(struct vpt_assign_device *device)
{
    enum vpt_status status = vpt_assign_command(device, VPT_PCI_COMMAND_BUS_MASTER, 0);

    if (status != VPT_OK && status != VPT_DEVICE_GONE) {
        return status;
    }
    /* From here on, mappings that the registers still ask for may be missing. */
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
    status = quiesce_for_release(device);
    if (status != VPT_OK) {
        return status;
    }
    if (!device->vanished) {
        status = vpt_assign_reset_host(device);
        /* If there is no way to reset the function, at least its registers are restored. */
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
