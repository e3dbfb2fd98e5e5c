/* SPDX-License-Identifier: MIT */
/* Suspending a device, which keeps its state while the machine sleeps (VirtIO 1.4, section 3.4). */
#include "../log.h"
#include "transport_ops.h"
#include "wait.h"

#define STATES (VPT_STATUS_SUSPEND | VPT_STATUS_DRIVER_OK)

/* Waits until the status has only `wanted` of the bits STATES. A status of 0 means that the device lost its state. */
static enum vpt_status await(struct vpt_device *device, uint8_t wanted)
{
    uint32_t iteration = 0;
    enum vpt_status result = VPT_DEVICE_TIMEOUT;
    uint32_t status;

    do {
        status = vpt_device_read_status(device);
        if (vpt_gone(device)) {
            return VPT_DEVICE_GONE;
        }
        if ((status & VPT_STATUS_DEVICE_NEEDS_RESET) != 0 || status == 0) {
            result = VPT_DEVICE_NEEDS_RESET;
        } else if ((status & STATES) == wanted) {
            return VPT_OK;
        }
    } while (result == VPT_DEVICE_TIMEOUT && vpt_keep_waiting(device->port, VPT_WAIT_SUSPEND, &iteration));
    return vpt_log(device->port, VPT_LOG_ERROR, "suspend", result);
}

enum vpt_status vpt_device_suspend(struct vpt_device *device)
{
    enum vpt_status status;

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (!vpt_running(device)) {
        return VPT_CALLER_STATE; /* SUSPEND-1 */
    }
    if (!vpt_features_has(&device->features, VPT_F_SUSPEND)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    status = vpt_device_check(device);
    if (status != VPT_OK) {
        return status;
    }
    VPT_WRITE_ONCE(device->status, (uint8_t)(device->status | VPT_STATUS_SUSPEND));
    device->resuming = false;
    vpt_device_put(device, VPT_REGISTER_STATUS, device->status);
    status = await(device, VPT_STATUS_SUSPEND); /* SUSPEND-2 */
    if (status == VPT_OK) {
        VPT_WRITE_ONCE(device->status,
                       (uint8_t)(device->status & ~VPT_STATUS_DRIVER_OK)); /* as in the device's own register */
    }
    return status;
}

enum vpt_status vpt_device_resume(struct vpt_device *device)
{
    enum vpt_status status;

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if ((device->status & VPT_STATUS_SUSPEND) == 0) {
        return VPT_CALLER_STATE;
    }
    /* The status is written only once: if the device has resumed, the same value would suspend it again. */
    if (!device->resuming) {
        status = await(device, VPT_STATUS_SUSPEND); /* it may still be suspending */
        if (status != VPT_OK) {
            return status;
        }
        device->resuming = true;
        VPT_WRITE_ONCE(device->status, (uint8_t)(device->status & ~VPT_STATUS_DRIVER_OK));
        vpt_device_put(device, VPT_REGISTER_STATUS, (uint8_t)(device->status | VPT_STATUS_DRIVER_OK)); /* STATUS-2 */
    }
    status = await(device, VPT_STATUS_DRIVER_OK); /* SUSPEND-6 */
    if (status == VPT_OK) {
        VPT_WRITE_ONCE(device->status, (uint8_t)((device->status | VPT_STATUS_DRIVER_OK) & ~VPT_STATUS_SUSPEND));
    }
    return status;
}
