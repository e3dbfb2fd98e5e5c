/* SPDX-License-Identifier: MIT */
/* How any queue finds what the device has used, whatever its layout and order. */
#include "look.h"

#include "in_order.h"

/*
 * Ids on a packed ring are numbers of slots, which are taken and come back in the order of their numbers: so the id of
 * the last buffer of a batch says how many buffers the batch has.
 */
static enum vpt_status look_packed(struct vpt_queue *queue)
{
    const struct packed_descriptor *descriptor = packed_ring(queue) + queue->used_entry;
    uint32_t ahead;
    uint32_t id;

    vpt_barrier_loads(queue->strong);
    id = vpt_order16(true, vpt_load16(&descriptor->id));
    queue->batch_length = vpt_order32(true, vpt_load32(&descriptor->length));
    ahead = id >= queue->oldest ? id - queue->oldest : id + queue->slot_count - queue->oldest;
    if (id >= queue->slot_count || ahead >= queue->published - queue->last_used) {
        return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
    }
    return in_order_begin(queue, ahead + 1u);
}

enum vpt_status vpt_queue_look(struct vpt_queue *queue)
{
    enum vpt_status status = VPT_OK;

    if (queue_packed(queue)) {
        if (!packed_has_used(queue)) {
            status = vpt_packed_look(queue);
        }
        return status == VPT_OK && queue_in_order(queue) ? look_packed(queue) : status;
    }
    if (queue->last_used != queue->used_seen) {
        return VPT_OK;
    }
    status = split_look(queue);
    if (status != VPT_OK && queue_end_look(queue, status)) {
        status = split_look(queue);
        (void)queue_end_look(queue, status); /* the device may have lied only now */
    }
    return status;
}
