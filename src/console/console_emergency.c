/* SPDX-License-Identifier: MIT */
/* Printing by the configuration space alone (VirtIO 1.4, section 5.3.6.1). */
#include "console_internal.h"

#define CONFIG_EMERGENCY 8u

enum vpt_status vpt_console_emergency(struct vpt_device *device, const void *bytes, size_t size)
{
    const uint8_t *byte = (const uint8_t *)bytes;

    if (device == NULL || (bytes == NULL && size != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->type != VPT_DEVICE_TYPE_CONSOLE) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if ((device->status & VPT_STATUS_SUSPEND) != 0) {
        return VPT_CALLER_STATE; /* SUSPEND-5 */
    }
    vpt_device_put(device, VPT_REGISTER_DEVICE_FEATURES_SEL, 0);
    if ((vpt_device_get(device, VPT_REGISTER_DEVICE_FEATURES) & 1u << VPT_CONSOLE_F_EMERG_WRITE) == 0) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    if (device->config_size < CONFIG_EMERGENCY + 4u) {
        return VPT_DEVICE_CONFIG;
    }
    for (; size != 0; size--) {
        device->ops->write(device, VPT_REGISTER_CONFIG + CONFIG_EMERGENCY, 4, vpt_order32(vpt_legacy(device), *byte));
        byte++;
    }
    return VPT_OK;
}
