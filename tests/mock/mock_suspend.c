/* SPDX-License-Identifier: MIT */
#include "mock_suspend.h"

#include <vpt/transport.h>

#include "mock_split.h"

/* What the driver has shown of each queue, so that more of it is noticed (SUSPEND-3). */
static void note_available(struct mock_device *device)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        struct mock_queue *queue = &device->queues[i];

        if (queue->enabled) {
            (void)mock_split_available_index(device, queue, &queue->suspended_index);
        }
    }
}

static void check_available(struct mock_device *device)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        struct mock_queue *queue = &device->queues[i];
        uint16_t index = 0;

        if (queue->enabled && mock_split_available_index(device, queue, &index) && index != queue->suspended_index) {
            mock_violation(device->violations, "queue %u: buffers exposed while suspended", queue->index);
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

static void begin(struct mock_device *device)
{
    if (!device->suspend_unseen) {
        /* On the way both bits are set, so that a driver has to wait for the right one to go. */
        device->status |= VPT_STATUS_SUSPEND | VPT_STATUS_DRIVER_OK;
    }
    device->suspend_left = device->suspend_reads;
    if (device->suspend_left == 0) {
        finish(device);
    }
}

static bool suspendable(struct mock_device *device)
{
    if (!vpt_features_has(&device->accepted, VPT_F_SUSPEND) || (device->status & VPT_STATUS_DRIVER_OK) == 0) {
        mock_violation(device->violations, "SUSPEND set while the status is 0x%02x, or without its feature",
                       device->status);
        return false;
    }
    return true;
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
        note_available(device);
        device->suspending = true;
        begin(device);
        return true;
    }
    if (suspended && (value & VPT_STATUS_DRIVER_OK) != 0) {
        check_available(device);
        device->resuming = true;
        begin(device);
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
    if (device->suspending || (device->status & VPT_STATUS_SUSPEND) != 0) {
        mock_violation(device->violations, "%s while suspended", what);
    }
}
