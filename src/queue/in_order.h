/* SPDX-License-Identifier: MIT */
/*
 * Buffers that come back in the order in which they became available (VirtIO 1.4, sections 2.7.9 and 2.8.9). The device
 * may write one used element for several of them, a batch: it names the last one, and stands where that of the first
 * one would be.
 */
#ifndef VPT_SRC_QUEUE_IN_ORDER_H
#define VPT_SRC_QUEUE_IN_ORDER_H

#include "packed.h"

/* vpt_queue.batch_id when the next buffer begins a batch: no id has this value. */
#define IN_ORDER_NO_BATCH 0xffffffffu

/* Makes the first buffer the oldest one. */
static inline void in_order_prepare(struct vpt_queue *queue)
{
    if (queue_in_order(queue)) {
        queue->oldest = 0;
        queue->batch_id = IN_ORDER_NO_BATCH;
    }
}

/*
 * Looks at the ring once all buffers that are known to be used were taken. VPT_OK: the next ones, up to
 * vpt_queue.used_seen, are used. VPT_EMPTY: none is. Otherwise it is why the queue has stopped.
 */
enum vpt_status vpt_in_order_look(struct vpt_queue *queue);

/*
 * Finds how many bytes the device says it has written to the oldest buffer, whose id is `id`; it was used. The device
 * gives no length for the buffers before the last one of a batch: these count as written completely (D-SPLIT-5).
 * Returns false if the device has named a buffer that is not in the batch.
 */
VPT_INLINE bool in_order_length(struct vpt_queue *queue, uint32_t id, uint32_t *length)
{
    const struct split_used_element *element;

    /* On a packed ring vpt_in_order_look() has read the element. */
    if (!queue_packed(queue) && queue->batch_id == IN_ORDER_NO_BATCH) {
        element = &split_used_ring(queue)->ring[queue->last_used & queue->mask];
        queue->batch_id = vpt_order32(true, vpt_load32(&element->id));
        queue->batch_length = vpt_order32(true, vpt_load32(&element->length));
    }
    if (queue->batch_id == id) {
        queue->batch_id = IN_ORDER_NO_BATCH;
        *length = queue->batch_length;
        return true;
    }
    *length = 0xffffffffu;
    return queue->used_seen - queue->last_used > 1u;
}

#endif
