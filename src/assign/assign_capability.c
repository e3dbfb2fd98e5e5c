/* SPDX-License-Identifier: MIT */
/* The capabilities of a device: finding, listing, hiding and showing them. */
#include "assign_capability.h"

#include "compose.h"
#include "guest_registers.h"
#include "permission.h"

unsigned vpt_assign_find_capability(const struct vpt_assign_device *device, unsigned id, unsigned byte)
{
    for (unsigned at = PCI_CAPABILITIES_FIRST; at < VPT_PCI_CONFIG_SIZE - byte; at += 4u) {
        if (vpt_assign_is_capability(device, at) && !vpt_assign_is_capability(device, at + 4u) &&
            vpt_assign_saved8(device, at) == id) {
            return at;
        }
    }
    return 0;
}

static bool is_hidden(const struct vpt_assign_device *device, unsigned offset)
{
    return vpt_assign_row_number(device, offset) == ROW_HIDDEN;
}

enum vpt_status vpt_assign_capability_at(const struct vpt_assign_device *device, uint16_t index,
                                         struct vpt_assign_capability *capability)
{
    unsigned left = index;

    if (device == NULL || device->host == NULL || capability == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    capability->id = 0;
    capability->offset = 0;
    capability->hidden = false;
    for (unsigned offset = 0; offset < device->config_size; offset += 4u) {
        if (!vpt_assign_is_capability(device, offset)) {
            continue;
        }
        if (left == 0) {
            unsigned bits = offset < PCI_CAPABILITIES_EXTENDED ? PCI_ABSENT8 : PCI_ABSENT16;

            capability->id = (uint16_t)(vpt_assign_saved32(device, offset) & bits);
            capability->offset = (uint16_t)offset;
            capability->hidden = is_hidden(device, offset);
            return VPT_OK;
        }
        left--;
    }
    return VPT_EMPTY;
}

static enum vpt_status mark_capability(struct vpt_assign_device *device, unsigned offset, unsigned mark)
{
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->owned) {
        return VPT_CALLER_OWNED;
    }
    if (offset >= device->config_size || !vpt_assign_is_capability(device, offset)) {
        return VPT_EMPTY;
    }
    vpt_assign_set_class(device, offset, ROW_READ_ONLY, MARK_CAPABILITY | mark);
    vpt_assign_power_on(device);
    return mark == MARK_SHOW && is_hidden(device, offset) ? VPT_DEVICE_PCI_CAPABILITIES : VPT_OK;
}

enum vpt_status vpt_assign_hide(struct vpt_assign_device *device, uint16_t offset)
{
    return mark_capability(device, offset, MARK_HIDE);
}

enum vpt_status vpt_assign_show(struct vpt_assign_device *device, uint16_t offset)
{
    return mark_capability(device, offset, MARK_SHOW);
}
