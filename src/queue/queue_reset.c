/* SPDX-License-Identifier: MIT */
/* The reset of a queue whose device goes on, and another set-up of it (VirtIO 1.4, section 2.6.1). */
#include "../log.h"
#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "queue_memory.h"
#include "queue_common.h"

/* Takes the queue out of the device's list, so that its memory may be given back while the device runs. */
static void unlink_queue(struct vpt_queue *queue)
{
    struct vpt_queue **link = &queue->device->queues;

    while (*link != NULL && *link != queue) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = queue->next;
    }
}

/* Whether the device was told to reset the queue, and has not said that it has. */
static bool resetting(const struct vpt_queue *queue)
{
    return queue->dead == VPT_DEVICE_TIMEOUT || queue->dead == VPT_DEVICE_NEEDS_RESET;
}

enum vpt_status vpt_queue_reset(struct vpt_queue *queue)
{
    struct vpt_device *device = queue->device;
    enum vpt_status status = queue->slots != NULL ? vpt_queue_ended(queue) : VPT_CANCELLED;

    if (status != VPT_CALLER_STATE) {
        return status == VPT_CANCELLED ? VPT_CALLER_STATE : status;
    }
    if (!queue_has(queue, VPT_F_RING_RESET)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    if (!vpt_running(device)) {
        return VPT_CALLER_STATE;
    }
    if (!resetting(queue)) {
        queue->vector = vpt_device_queue_vector(device, queue->index);
    }
    status = vpt_device_queue_reset(device, queue->index, resetting(queue));
    if (status == VPT_OK) {
        unlink_queue(queue);
        queue_mark_reset(queue);
        return status;
    }
    status = vpt_device_refused(device, "queue reset", status);
    if (status != VPT_DEVICE_CAPABILITY_RANGE && status != VPT_DEVICE_QUEUE_STATE) {
        (void)vpt_queue_kill(queue, status);
    }
    return status;
}

static enum vpt_status take_memory(struct vpt_queue *queue, struct vpt_queue_wish *wish)
{
    struct vpt_device *device = queue->device;
    uint32_t maximum = 0;
    enum vpt_status status;

    if (!vpt_running(device)) {
        return VPT_CALLER_STATE;
    }
    if (!device_packed(device) && (wish->size & (wish->size - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = queue_check_given(queue, wish);
    if (status == VPT_OK) {
        status = queue_read_maximum(device, queue->index, &maximum);
    }
    if (status == VPT_OK) {
        queue_plan_size(wish, maximum);
        status = vpt_queue_take_memory(queue, wish);
        if (status != VPT_OK) {
            vpt_queue_give_back(queue);
            /* On PCI the maximum reads as the size that was written last, but the next try needs the device's. */
            (void)vpt_device_queue_size(device, queue->index, maximum);
        }
    }
    return status;
}

enum vpt_status vpt_queue_replace(struct vpt_queue *queue, struct vpt_queue *old, struct vpt_queue_wish *wish)
{
    enum vpt_status status;

    queue->device = old->device;
    queue->form = old->form;
    queue->index = old->index;
    queue->vector = old->vector;
    status = take_memory(queue, wish);
    if (status == VPT_OK) {
        vpt_queue_give_back(old);
        queue_mark_reset(queue);
        status = vpt_queue_begin_again(queue);
    }
    return status == VPT_OK ? status : vpt_device_refused(queue->device, "queue resize", status);
}
