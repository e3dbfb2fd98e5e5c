/* SPDX-License-Identifier: MIT */
/* What queues of each layout do: fences, refusals, and their end. */
#include "queue_common.h"

#include "../log.h"
#include "../transport/transport_ops.h"

void vpt_queue_zero(void *area, size_t bytes)
{
    size_t offset;

    for (offset = 0; offset < bytes; offset += 2u) {
        vpt_store16((uint8_t *)area + offset, 0);
    }
}

enum vpt_status vpt_queue_kill(struct vpt_queue *queue, enum vpt_status status)
{
    VPT_WRITE_ONCE(queue->dead, status);
    /* If nothing is free and nothing used is left, the hot paths stop without a test of queue->dead. */
    queue->free_count = 0;
    queue->used_seen = queue->last_used;
    if (queue_in_order(queue)) {
        VPT_WRITE_ONCE(queue->batch_left, 0);
    }
    if (queue_packed(queue)) {
        VPT_WRITE_ONCE(queue->used_flags, PACKED_NEVER);
    }
    return status;
}

enum vpt_status vpt_queue_refuse(const struct vpt_segment *segments, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (segments[i].length == 0) {
            return VPT_CALLER_ARGUMENT;
        }
    }
    return VPT_CALLER_TOO_LONG;
}

void vpt_queue_fence(const struct vpt_queue *queue)
{
    if (!queue->strong) {
        vpt_barrier_full();
        return;
    }
    vpt_barrier_strong_full();
    if (queue->emulated) {
        (void)vpt_device_get(queue->device, VPT_REGISTER_STATUS);
    }
}

enum vpt_status vpt_queue_lie(struct vpt_queue *queue, enum vpt_status status)
{
    return vpt_log(queue->device->port, VPT_LOG_ERROR, "queue", vpt_queue_kill(queue, status));
}
