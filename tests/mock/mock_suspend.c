/* SPDX-License-Identifier: MIT */
#include "mock_internal.h"

#include <vpt/transport.h>

#include "mock_split.h"

/* A suspend notes the available index of each queue; a resume checks that none has moved (SUSPEND-3). */
static void compare_available(struct mock_device *device)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        struct mock_queue *queue = &device->queues[i];
        uint16_t index = 0;

        if (queue->enabled && mock_split_available_index(device, queue, &index)) {
            mock_require(device->violations, device->suspending || index == queue->suspended_index,
                         "queue %u: buffers exposed while suspended", queue->index);
            queue->suspended_index = index;
        }
    }
}

static void finish(struct mock_device *device)
{
    const uint8_t came = device->suspending ? VPT_STATUS_SUSPEND : VPT_STATUS_DRIVER_OK;
    const uint8_t went = device->suspending ? VPT_STATUS_DRIVER_OK : VPT_STATUS_SUSPEND;

    device->status = (uint8_t)((device->status | came) & ~went);
    device->suspending = false;
    device->resuming = false;
}

static void begin(struct mock_device *device, bool suspend)
{
    device->suspending = suspend;
    device->resuming = !suspend;
    compare_available(device);
    if (!device->suspend_unseen) {
        /* Until it is done both bits are set, so that a driver has to wait for the right one to be cleared. */
        device->status |= VPT_STATUS_SUSPEND | VPT_STATUS_DRIVER_OK;
    }
    device->suspend_left = device->suspend_reads;
    if (device->suspend_left == 0) {
        finish(device);
    }
}

static bool suspendable(struct mock_device *device)
{
    return mock_require(device->violations,
                        vpt_features_has(&device->accepted, VPT_F_SUSPEND) &&
                            (device->status & VPT_STATUS_DRIVER_OK) != 0,
                        "SUSPEND set while the status is 0x%02x, or without its feature", device->status);
}

bool mock_suspend_requested(struct mock_device *device, uint8_t value)
{
    bool suspended = (device->status & VPT_STATUS_SUSPEND) != 0;

    if (device->suspending || device->resuming) {
        mock_violation(device->violations, "status 0x%02x written before the device has suspended itself or resumed",
                       value);
        return true;
    }
    if (!suspended && (value & VPT_STATUS_SUSPEND) != 0 && suspendable(device)) {
        begin(device, true);
        return true;
    }
    if (suspended && (value & VPT_STATUS_DRIVER_OK) != 0) {
        begin(device, false);
        return true;
    }
    return false;
}

void mock_suspend_tick(struct mock_device *device)
{
    bool under_way = device->suspending || device->resuming;

    if (under_way && device->suspend_left != UINT32_MAX && device->suspend_left-- <= 1u) {
        finish(device);
    }
}

void mock_suspend_check(struct mock_device *device, const char *what)
{
    mock_require(device->violations, !device->suspending && (device->status & VPT_STATUS_SUSPEND) == 0,
                 "%s while suspended", what);
}
