/* SPDX-License-Identifier: MIT */
/* Reading again what changes in a configuration while the device runs (VirtIO 1.4, section 2.5). */
#include "slots.h"

#include "../transport/transport_ops.h"

enum vpt_status vpt_driver_negotiated(const struct vpt_driver *driver)
{
    const uint8_t states = VPT_STATUS_DRIVER | VPT_STATUS_FAILED;

    if (driver == NULL || driver->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (vpt_gone(driver->device)) {
        return VPT_DEVICE_GONE;
    }
    return (driver->device->status & states) == VPT_STATUS_DRIVER ? VPT_OK : VPT_CALLER_STATE;
}

enum vpt_status vpt_driver_refresh(struct vpt_driver *driver, const struct vpt_config_field *fields, unsigned count,
                                   void *object)
{
    enum vpt_status status = vpt_driver_negotiated(driver);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_device_config_fields(driver->device, fields, count, object);
    /* A device that is gone reads as all-ones, or its configuration is unstable while it goes. */
    if (status == VPT_OK || status == VPT_DEVICE_CONFIG_UNSTABLE) {
        enum vpt_status found = vpt_device_check(driver->device);

        status = found != VPT_OK ? found : status;
    }
    return status;
}
