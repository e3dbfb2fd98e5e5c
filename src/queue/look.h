/* SPDX-License-Identifier: MIT */
/* How popping and polling find what the device has used. A build for speed has a copy in each of them. */
#ifndef VPT_SRC_QUEUE_LOOK_H
#define VPT_SRC_QUEUE_LOOK_H

#include "split.h"

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

#endif
