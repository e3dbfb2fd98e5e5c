/* SPDX-License-Identifier: MIT */
/* The capabilities of a device: finding, listing, hiding and showing them. */
#include "assign_capability.h"

#include "compose.h"
#include "guest_registers.h"
#include "permission.h"

unsigned vpt_assign_find_capability(const struct vpt_assign_device *device, unsigned id, unsigned byte)
{
    for (unsigned at = PCI_CAPABILITIES_FIRST; at < VPT_PCI_CONFIG_SIZE - byte; at += 4u) {
        if ((device->classes[at] & ASSIGN_CLASS_HEAD) != 0 && (device->classes[at + 4u] & ASSIGN_CLASS_HEAD) == 0 &&
            vpt_assign_saved8(device, at) == id) {
            return at;
        }
    }
    return 0;
}

static bool is_hidden(const struct vpt_assign_device *device, unsigned offset)
{
    return (device->classes[offset] & ASSIGN_CLASS_ROW) == ROW_HIDDEN;
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
        if ((device->classes[offset] & ASSIGN_CLASS_HEAD) == 0) {
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

static enum vpt_status set_flag(struct vpt_assign_device *device, unsigned offset, unsigned flag)
{
    unsigned class;

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->owned) {
        return VPT_CALLER_OWNED;
    }
    class = offset < device->config_size ? device->classes[offset] : 0;
    if ((class & ASSIGN_CLASS_HEAD) == 0) {
        return VPT_EMPTY;
    }
    device->classes[offset] = (uint8_t)((class & ~(ASSIGN_CLASS_SHOW | ASSIGN_CLASS_HIDE)) | flag);
    vpt_assign_power_on(device);
    return flag == ASSIGN_CLASS_SHOW && is_hidden(device, offset) ? VPT_DEVICE_PCI_CAPABILITIES : VPT_OK;
}

enum vpt_status vpt_assign_hide(struct vpt_assign_device *device, uint16_t offset)
{
    return set_flag(device, offset, ASSIGN_CLASS_HIDE);
}

enum vpt_status vpt_assign_show(struct vpt_assign_device *device, uint16_t offset)
{
    return set_flag(device, offset, ASSIGN_CLASS_SHOW);
}
