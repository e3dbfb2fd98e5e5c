/* SPDX-License-Identifier: MIT */
/*
 * Buffers that come back in the order in which they became available (VirtIO 1.4, sections 2.7.9 and 2.8.9). The device
 * may write one used element for several of them, a batch: it names the last one, and stands where that of the first
 * one would be.
 */
#ifndef VPT_SRC_QUEUE_IN_ORDER_H
#define VPT_SRC_QUEUE_IN_ORDER_H

#include "packed.h"

/* Makes the first buffer the oldest one. */
static inline void in_order_prepare(struct vpt_queue *queue)
{
    if (queue_in_order(queue)) {
        queue->oldest = 0;
        queue->batch_left = 0;
    }
}

/*
 * Returns the id of the last buffer of the next batch on a split ring, and keeps how many bytes the device says it has
 * written to it.
 */
static inline uint32_t in_order_element(struct vpt_queue *queue)
{
    const struct split_used_element *element = &split_used_ring(queue)->ring[queue->last_used & queue->mask];

    queue->batch_length = vpt_order32(true, vpt_load32(&element->length));
    return vpt_order32(true, vpt_load32(&element->id));
}

/* Begins a batch of `count` buffers; 0: the device has named none of those that it has used. */
static inline enum vpt_status in_order_begin(struct vpt_queue *queue, uint32_t count)
{
    if (count == 0) {
        return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
    }
    VPT_WRITE_ONCE(queue->batch_left, count);
    VPT_WRITE_ONCE(queue->last_used, queue->last_used + count);
    return VPT_OK;
}

/*
 * Takes the next buffer of a batch. Returns how many bytes the device says it has written to it. It says nothing of
 * those before the last one: they count as written completely (D-SPLIT-5).
 */
VPT_INLINE uint32_t in_order_next(struct vpt_queue *queue)
{
    uint32_t left = queue->batch_left - 1u;

    VPT_WRITE_ONCE(queue->batch_left, left);
    return left == 0 ? queue->batch_length : 0xffffffffu;
}

#endif
