/* SPDX-License-Identifier: MIT */
/* A driver's device: one bring-up for its first start and each one after (VirtIO 1.4, section 3.1). */
#include "slots.h"

#include "../access.h"
#include "../log.h"
#include "../transport/transport.h"

static enum vpt_status call(enum vpt_status (*hook)(struct vpt_driver *driver), struct vpt_driver *driver)
{
    return hook != NULL ? hook(driver) : VPT_OK;
}

/* Of what is required nothing may have been left out, which is also what becomes of bits that no one here knows. */
static enum vpt_status check_required(const struct vpt_device *device, const struct vpt_features *required)
{
    unsigned word;

    for (word = 0; word < VPT_FEATURE_WORDS; word++) {
        if ((required->word[word] & ~device->features.word[word]) != 0) {
            return VPT_UNSUPPORTED_FEATURE;
        }
    }
    return VPT_OK;
}

enum vpt_status vpt_driver_bring_up(struct vpt_driver *driver, const struct vpt_features *wanted,
                                    const struct vpt_feature_choice *choice)
{
    struct vpt_device *device = driver->device;
    const struct vpt_features *refused = choice != NULL ? &choice->refused : NULL;
    enum vpt_status status = vpt_device_choose_features(device, &driver->kind->required, wanted, refused);

    if (status != VPT_OK) {
        return status;
    }
    if (choice != NULL) {
        status = check_required(device, &choice->required);
    }
    if (status == VPT_OK) {
        status = call(driver->kind->examine, driver);
    }
    if (status == VPT_OK) {
        status = vpt_device_accept_features(device);
    }
    if (status == VPT_OK) {
        status = call(driver->kind->configure, driver);
    }
    /* A device that is gone reads as an impossible one, or as one with all features. */
    if (vpt_device_check(device) == VPT_DEVICE_GONE) {
        status = VPT_DEVICE_GONE;
    }
    if (status != VPT_OK) {
        vpt_device_fail(device);
        (void)vpt_log(device->port, VPT_LOG_ERROR, "driver", status);
    }
    return status;
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
    } else {
        vpt_zero(driver, sizeof(*driver));
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
