/* SPDX-License-Identifier: MIT */
/* Setting a queue up again after a reset of its device or of the queue alone, in the same memory. */
#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "queue_memory.h"
#include "queue_common.h"

/* Finds the largest size that the queue may have now. */
static enum vpt_status find_maximum(const struct vpt_queue *queue, uint32_t *maximum)
{
    if (!queue_reset_alone(queue)) {
        return vpt_queue_find(queue->device, queue->index, maximum);
    }
    return vpt_running(queue->device) ? queue_read_maximum(queue->device, queue->index, maximum) : VPT_CALLER_STATE;
}

/* Checks whether the device still has a queue that fits this one's memory. */
static enum vpt_status check_fit(const struct vpt_queue *queue)
{
    uint32_t size = queue->mask + 1u;
    uint32_t maximum = 0;
    enum vpt_status status = find_maximum(queue, &maximum);

    if (status != VPT_OK) {
        return status;
    }
    if (maximum < size || vpt_queue_size_within(queue->device, size) != size ||
        vpt_device_queue_size(queue->device, queue->index, size) != size) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    if (device_packed(queue->device) &&
        (((uintptr_t)queue->available | queue->areas[VPT_AREA_DRIVER].memory.device_address) & 3u) != 0) {
        return VPT_DEVICE_FEATURES; /* PACKED-LAYOUT-1: of the driver area a split ring asks less */
    }
    return queue->areas[VPT_AREA_RINGS].flags == vpt_memory_flags(queue->device) ? VPT_OK : VPT_DEVICE_FEATURES;
}

/* Zeroes the members that vpt_queue_init() zeroes and the queue has changed since. */
static void forget(struct vpt_queue *queue)
{
    vpt_zero(&queue->doorbell, sizeof(queue->doorbell));
    queue->direct = NULL;
    queue->free_head = 0;
    queue->table_head = 0;
    queue->unpublished = 0;
    queue->available_index = 0;
    queue->published = 0;
    queue->entry = 0;
    queue->last_used = 0;
    queue->used_seen = 0;
    queue->armed = 0;
    queue->unkicked = 0;
    queue->kicks = 0;
    queue->drained = 0;
    queue->dead = VPT_OK;
}

enum vpt_status vpt_queue_begin_again(struct vpt_queue *queue)
{
    /* VQREEN-1: the vector, too. After a reset of the device vpt_device_choose_interrupts() assigns it. */
    uint16_t vector = queue_reset_alone(queue) ? queue->vector : VPT_NO_VECTOR;
    enum vpt_status status = vpt_queue_prepare(queue);

    if (status == VPT_OK) {
        status = vpt_device_queue_vector_assign(queue->device, queue->index, vector);
    }
    if (status == VPT_OK) {
        status = vpt_queue_enable(queue);
    }
    if (status != VPT_OK) {
        (void)vpt_queue_kill(queue, status);
    }
    return status;
}

enum vpt_status vpt_queue_restart(struct vpt_queue *queue)
{
    enum vpt_status status = vpt_queue_ended(queue);

    if (status != VPT_CANCELLED) {
        return status;
    }
    if (vpt_queue_in_flight(queue) != 0) {
        return VPT_CALLER_BUSY;
    }
    status = check_fit(queue);
    if (status == VPT_OK) {
        vpt_queue_leave_doorbell(queue);
        forget(queue);
        status = vpt_queue_begin_again(queue);
    }
    return status == VPT_OK ? status : vpt_device_refused(queue->device, "queue restart", status);
}
