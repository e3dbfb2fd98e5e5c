/* SPDX-License-Identifier: MIT */
/*
 * How popping and polling find what the device has used. A build for speed has copies of the common part in them; in a
 * build for small code popping and batches call vpt_queue_look().
 */
#ifndef VPT_SRC_QUEUE_LOOK_H
#define VPT_SRC_QUEUE_LOOK_H

#include "split.h"

/*
 * Looks at the ring of any queue, once a batch was taken if there is IN_ORDER. VPT_OK: the next element of the ring is
 * a used one. With IN_ORDER the next batch has vpt_queue.batch_left buffers on a packed ring, and on a split one
 * in_order_element() says which is its last. VPT_EMPTY. Otherwise it is why the queue has stopped.
 */
enum vpt_status vpt_queue_look(struct vpt_queue *queue);

/* split_look() returns this when the caller should look again after a strong fence. */
#define QUEUE_LOOK_AGAIN VPT_RESOURCE_FULL

/*
 * Reads the used index, and checks that it does not claim more than was published. The caller passes every status but
 * VPT_OK to queue_end_look(). QUEUE_LOOK_AGAIN is returned only once, since the queue is armed then.
 */
VPT_INLINE_FOR_SPEED enum vpt_status split_look(struct vpt_queue *queue)
{
    enum vpt_status status = queue_alive(queue);
    uint16_t last = (uint16_t)queue->last_used;
    uint16_t seen;

    if (status != VPT_OK) {
        return status;
    }
    seen = split_load_used_index(queue);
    if (seen == last && queue_has(queue, VPT_F_EVENT_IDX) && queue->notifications && queue->armed != last) {
        /* Nothing is left: ask for a notification of the next buffer, then look again, as one may just have come. */
        split_arm(queue, last);
        if (VPT_FOR_SPEED && VPT_UNLIKELY(queue->strong)) {
            return QUEUE_LOOK_AGAIN;
        }
        queue_fence(queue);
        seen = split_load_used_index(queue);
    }
    if (seen == last) {
        return VPT_EMPTY;
    }
    if ((uint16_t)(seen - last) > queue->published - queue->last_used) {
        return VPT_FOR_SPEED ? VPT_DEVICE_USED_INDEX : vpt_queue_lie(queue, VPT_DEVICE_USED_INDEX);
    }
    vpt_barrier_loads(queue->strong);
    queue->used_seen = queue->last_used + (uint16_t)(seen - last);
    return VPT_OK;
}

/* Makes the fence, or ends a queue whose device has lied. Returns whether to look again. */
VPT_COLD bool end_look(struct vpt_queue *queue, enum vpt_status status)
{
    if (status == QUEUE_LOOK_AGAIN && queue->dead == VPT_OK) {
        vpt_queue_fence(queue);
        return true;
    }
    if (status == VPT_DEVICE_USED_INDEX && queue->dead == VPT_OK) {
        (void)vpt_queue_lie(queue, status);
    }
    return false;
}

/* Ends a look that was not VPT_OK. Returns whether to look again. For small code split_look() does all by itself. */
VPT_INLINE bool queue_end_look(struct vpt_queue *queue, enum vpt_status status)
{
    return VPT_FOR_SPEED && end_look(queue, status);
}

#endif
