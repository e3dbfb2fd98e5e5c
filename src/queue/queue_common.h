/* SPDX-License-Identifier: MIT */
/* What queues of each layout have in common. */
#ifndef VPT_SRC_QUEUE_QUEUE_COMMON_H
#define VPT_SRC_QUEUE_QUEUE_COMMON_H

#include "layout.h"

/*
 * vpt_queue_slot.count is the number of descriptors of a chain, up to 32768. From this value on, the request is in an
 * indirect table, whose number is added to this value, and has one descriptor.
 */
#define COUNT_TABLE_0 0x8001u
#define TABLES_MAX    (0x10000u - COUNT_TABLE_0)

/* vpt_queue.used_flags of a packed queue that has stopped: no descriptor has them. */
#define PACKED_NEVER 1u

/* Returns the head of the first request that is not published; there is one. */
static inline uint32_t queue_unpublished(const struct vpt_queue *queue)
{
    return queue_packed(queue) ? queue->held_word & 0xffffu : queue->unpublished;
}

/*
 * While there are requests that are not published, each one is followed by the next, and the last one by what is free.
 * Returns whether request `id` is none of them, so that the device can have used it. If so, it becomes what follows the
 * last one. `links`: where a request of several descriptors is linked from its last one, or NULL.
 */
VPT_INLINE bool queue_step_aside(struct vpt_queue *queue, uint32_t id, uint16_t *links)
{
    uint32_t left = queue->available_index - queue->published;
    uint32_t next = queue_unpublished(queue);
    uint16_t *link;

    do {
        if (next == id) {
            return false;
        }
        link = &queue->slots[next].tail;
        link = links != NULL ? &links[*link] : link;
        next = *link;
        left--;
    } while (left != 0);
    *link = (uint16_t)id;
    return true;
}

/* Returns VPT_CALLER_STATE if the queue is not set up, VPT_OK, or the status that ended it. */
static inline enum vpt_status queue_alive(const struct vpt_queue *queue)
{
    return queue->slots != NULL ? VPT_READ_ONCE(queue->dead) : VPT_CALLER_STATE;
}

/* Zeroes an even number of bytes that are shared with the device: memset() may fault on uncached memory. */
void vpt_queue_zero(void *area, size_t bytes);

/* Ends the queue: from here on its calls return `status`. Returns `status`. */
enum vpt_status vpt_queue_kill(struct vpt_queue *queue, enum vpt_status status);

/* Does what vpt_queue_kill() does, because the device has lied, and logs this. */
enum vpt_status vpt_queue_lie(struct vpt_queue *queue, enum vpt_status status);

/* Returns why these segments cannot be added: one is empty, or they are too long, alone or together. */
enum vpt_status vpt_queue_refuse(const struct vpt_segment *segments, uint32_t count);

/* Orders stores of what the device is told before loads of what the device wants or has done. */
void vpt_queue_fence(const struct vpt_queue *queue);

VPT_INLINE void queue_fence(const struct vpt_queue *queue)
{
    if (VPT_FOR_SPEED && !VPT_UNLIKELY(queue->strong)) {
        vpt_barrier_full();
    } else {
        vpt_queue_fence(queue);
    }
}

#endif
