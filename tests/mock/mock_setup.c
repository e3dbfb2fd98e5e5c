/* SPDX-License-Identifier: MIT */
/* How a driver sets up a device's queues. */
#include <inttypes.h>
#include <stdlib.h>

#include <vpt/transport.h>

#include "mock_internal.h"
#include "mock_ring.h"

struct mock_queue *mock_device_queue(struct mock_device *device, uint32_t index)
{
    if (device->far_index != 0 && index == device->far_index) {
        return &device->queues[MOCK_QUEUES_MAX - 1u];
    }
    if (index >= device->queue_count || index >= MOCK_QUEUES_MAX || device->queues[index].maximum == 0) {
        return NULL;
    }
    return &device->queues[index];
}

uint16_t mock_device_queue_index(const struct mock_device *device, const struct mock_queue *queue)
{
    bool far_one = device->far_index != 0 && queue == &device->queues[MOCK_QUEUES_MAX - 1u];

    return far_one ? device->far_index : queue->index;
}

/* ---- The reset of one queue (VirtIO 1.4, section 2.6.1) ---- */

static void end_queue_reset(struct mock_device *device, struct mock_queue *queue)
{
    mock_queue_reset(queue);
    queue->was_reset = true;
    if (device->front_end != NULL) {
        device->front_end->queue_reset(device->front_end_ctx, queue);
    }
}

void mock_device_queue_reset(struct mock_device *device, struct mock_queue *queue, uint32_t value)
{
    struct mock_violations *violations = device->violations;

    mock_device_written(device, "queue reset");
    mock_suspend_check(device, "a queue reset");
    if (!mock_require(violations, value == 1 && vpt_features_has(&device->accepted, VPT_F_RING_RESET),
                      "queue reset takes 1, and only with RING_RESET negotiated") ||
        !mock_require(violations, (device->status & VPT_STATUS_DRIVER_OK) != 0, "queue reset before DRIVER_OK") ||
        !mock_require(violations, queue->enabled && queue->resetting == 0,
                      "queue %u reset while it is not enabled, or is being reset", queue->index)) {
        return;
    }
    if (device->queue_reset_ignored) {
        return;
    }
    queue->resetting = device->queue_reset_reads;
    if (queue->resetting == 0) {
        end_queue_reset(device, queue);
    }
}

uint32_t mock_device_queue_resetting(struct mock_device *device, struct mock_queue *queue)
{
    mock_require(device->violations, vpt_features_has(&device->accepted, VPT_F_RING_RESET),
                 "queue reset read without RING_RESET negotiated");
    if (queue->resetting == 0) {
        return 0;
    }
    mock_device_complete_one(device, queue);
    if (queue->resetting != UINT32_MAX && --queue->resetting == 0) {
        end_queue_reset(device, queue);
        return 0;
    }
    return 1;
}

/* ---- Set-up ---- */

uint32_t mock_device_queue_maximum(struct mock_device *device, struct mock_queue *queue)
{
    struct mock_faults *faults = &device->faults;
    uint64_t argument = 0;
    uint32_t maximum = queue->maximum;
    uint32_t halvings;

    if (mock_fault_fires(faults, MOCK_FAULT_QUEUE_ABSENT, NULL)) {
        maximum = 0;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_QUEUE_SHRINKING, NULL)) {
        halvings = mock_fault_fired(faults, MOCK_FAULT_QUEUE_SHRINKING) - 1u;
        maximum = halvings < 32u ? maximum >> halvings : 0;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_QUEUE_MAXIMUM, &argument)) {
        maximum = (uint32_t)argument;
    }
    queue->shown_maximum = maximum;
    return maximum;
}

uint32_t mock_device_queue_resize(struct mock_device *device, struct mock_queue *queue, uint32_t size)
{
    queue->size = mock_fault_fires(&device->faults, MOCK_FAULT_QUEUE_SIZE_IGNORED, NULL) ? queue->maximum : size;
    return queue->size;
}

bool mock_device_queue_ready(struct mock_device *device, struct mock_queue *queue)
{
    if (!queue->enabled) {
        return mock_fault_fires(&device->faults, MOCK_FAULT_QUEUE_IN_USE, NULL);
    }
    return !mock_fault_fires(&device->faults, MOCK_FAULT_QUEUE_NOT_READY, NULL);
}

bool mock_device_queue_writable(struct mock_device *device, const struct mock_queue *queue, const char *what)
{
    unsigned needed = device->legacy ? VPT_STATUS_DRIVER : VPT_STATUS_FEATURES_OK;

    struct mock_violations *violations = device->violations;

    mock_device_written(device, what);
    if (!mock_require(violations, (device->status & needed) != 0, "%s written while the status is 0x%02x", what,
                      device->status)) {
        return false;
    }
    mock_require(violations, device->legacy || device->features_ok_seen, "%s written before FEATURES_OK was read back",
                 what);
    mock_require(violations, device->legacy || (device->status & VPT_STATUS_DRIVER_OK) == 0 || queue->was_reset,
                 "%s written after DRIVER_OK", what);
    return mock_require(violations, !queue->enabled, "%s written while queue %u is in use", what, queue->index);
}

static bool size_valid(struct mock_device *device, const struct mock_queue *queue)
{
    bool possible = queue->size != 0 && queue->size <= 32768u &&
                    (queue->layout == &mock_packed_layout || (queue->size & (queue->size - 1u)) == 0);

    return mock_require(device->violations, possible, "queue %u enabled with size %" PRIu32, queue->index,
                        queue->size) &&
           mock_require(device->violations, queue->shown_maximum != 0, "queue %u enabled, but its maximum was not read",
                        queue->index) &&
           mock_require(device->violations, queue->size <= queue->shown_maximum,
                        "queue %u enabled with size %" PRIu32 " above %" PRIu32, queue->index, queue->size,
                        queue->shown_maximum);
}

static bool areas_valid(struct mock_device *device, const struct mock_queue *queue)
{
    const unsigned alignment[MOCK_QUEUE_AREAS] = { 16, queue->layout == &mock_packed_layout ? 4u : 2u, 4 };

    for (unsigned i = 0; i < MOCK_QUEUE_AREAS; i++) {
        if (!mock_require(device->violations, queue->area[i] % alignment[i] == 0,
                          "queue %u: area %u at 0x%" PRIx64 " is misaligned", queue->index, i, queue->area[i]) ||
            mock_ring_area(device, queue, (enum mock_queue_area)i) == NULL) {
            return false;
        }
    }
    return true;
}

void mock_device_queue_enable(struct mock_device *device, struct mock_queue *queue)
{
    queue->layout = mock_ring_has(device, VPT_F_RING_PACKED) ? &mock_packed_layout : &mock_split_layout;
    if (!size_valid(device, queue) || !areas_valid(device, queue)) {
        return;
    }
    free(queue->in_flight);
    queue->in_flight = calloc(queue->size, 1);
    queue->enabled = queue->in_flight != NULL;
}

void mock_device_queue_enable_legacy(struct mock_device *device, struct mock_queue *queue, uint64_t address,
                                     uint32_t alignment)
{
    uint64_t end;

    queue->layout = &mock_split_layout;
    queue->area[MOCK_DESCRIPTOR_AREA] = address;
    queue->area[MOCK_DRIVER_AREA] = address + mock_ring_area_size(queue, MOCK_DESCRIPTOR_AREA);
    end = queue->area[MOCK_DRIVER_AREA] + mock_ring_area_size(queue, MOCK_DRIVER_AREA);
    queue->area[MOCK_DEVICE_AREA] = (end + alignment - 1u) & ~((uint64_t)alignment - 1u);
    mock_device_queue_enable(device, queue);
}

void mock_device_queue_disable(struct mock_device *device, struct mock_queue *queue)
{
    mock_device_written(device, "queue stop");
    mock_queue_reset(queue);
}
