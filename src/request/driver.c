/* SPDX-License-Identifier: MIT */
/* Bring-up of a driver's device, the same for the first start and each later one (VirtIO 1.4, section 3.1). */
#include "slots.h"

#include "../access.h"
#include "../transport/transport_ops.h"

static enum vpt_status call(enum vpt_status (*hook)(struct vpt_driver *driver), struct vpt_driver *driver)
{
    return hook != NULL ? hook(driver) : VPT_OK;
}

enum vpt_status vpt_driver_bring_up(struct vpt_driver *driver, const struct vpt_features *wanted,
                                    const struct vpt_feature_choice *choice)
{
    struct vpt_device *device = driver->device;
    enum vpt_status status = vpt_device_reset(device);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_device_choose_features(device, &driver->kind->required, wanted, choice);
    if (status == VPT_OK) {
        status = call(driver->kind->examine, driver);
    }
    if (status == VPT_OK) {
        status = vpt_device_accept_features(device, choice);
    }
    if (status == VPT_OK) {
        status = call(driver->kind->configure, driver);
    }
    return vpt_device_settle(device, status);
}

enum vpt_status vpt_driver_init(struct vpt_driver *driver, struct vpt_device *device,
                                const struct vpt_driver_kind *kind, const struct vpt_feature_choice *choice)
{
    enum vpt_status status;

    vpt_zero(driver, sizeof(*driver));
    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->type != kind->type) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    driver->device = device;
    driver->kind = kind;
    status = vpt_driver_bring_up(driver, &kind->wanted, choice);
    if (status == VPT_OK) {
        driver->features = device->features;
    } else { /* nothing else was set */
        driver->device = NULL;
        driver->kind = NULL;
    }
    return status;
}

enum vpt_status vpt_driver_start(struct vpt_driver *driver)
{
    struct vpt_requests *queue;
    enum vpt_status status;

    if (driver == NULL || driver->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_device_start(driver->device);
    for (queue = driver->first; queue != NULL && status == VPT_OK; queue = queue->next) {
        if (queue->kind->started != NULL) {
            status = queue->kind->started(queue);
        }
    }
    return status;
}
