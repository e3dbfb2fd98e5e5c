/* SPDX-License-Identifier: MIT */
/* Setting a queue up again after a reset of its device or of the queue alone, in the same memory. */
#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "queue_memory.h"
#include "queue_common.h"

/* Checks whether the device still has a queue that fits this one's memory. */
static enum vpt_status check_fit(const struct vpt_queue *queue)
{
    uint32_t size = queue->mask + 1u;
    uint32_t maximum = 0;
    enum vpt_status status = vpt_queue_find(queue->device, queue->index, queue_reset_alone(queue), &maximum);

    if (status != VPT_OK) {
        return status;
    }
    if (maximum < size || vpt_queue_size_within(queue->device, size) != size ||
        vpt_device_queue_size(queue->device, queue->index, size) != size) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    return queue->areas[VPT_AREA_RINGS].flags == vpt_memory_flags(queue->device) ? VPT_OK : VPT_DEVICE_FEATURES;
}

/* Zeroes the members that vpt_queue_init() zeroes and the queue has changed since. */
static void forget(struct vpt_queue *queue)
{
    const size_t first = VPT_OFFSET_OF(struct vpt_queue, features);

    vpt_zero((uint8_t *)queue + first, VPT_OFFSET_OF(struct vpt_queue, form) - first);
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
