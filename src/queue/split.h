/* SPDX-License-Identifier: MIT */
/* The split virtqueue's structures as the device sees them (VirtIO 1.4, section 2.7). */
#ifndef VPT_SRC_QUEUE_SPLIT_H
#define VPT_SRC_QUEUE_SPLIT_H

#include "layout.h"

#define DESCRIPTOR_NEXT     1u
#define DESCRIPTOR_WRITE    2u
#define DESCRIPTOR_INDIRECT 4u

#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY         1u

/*
 * vpt_queue_slot.count is the number of descriptors of a chain, up to 32768. From this value on, the request is in an
 * indirect table, whose number is added to this value, and has one descriptor.
 */
#define COUNT_TABLE_0 0x8001u
#define TABLES_MAX    (0x10000u - COUNT_TABLE_0)

/* vpt_queue.used_flags of a packed queue that has stopped: no descriptor has them. */
#define PACKED_NEVER 1u

struct split_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct split_available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[]; /* size entries, then used_event */
};

struct split_used_element {
    uint32_t id;
    uint32_t length;
};

struct split_used {
    uint16_t flags;
    uint16_t index;
    struct split_used_element ring[]; /* size entries, then avail_event (16 bits) */
};

VPT_STATIC_ASSERT(sizeof(struct split_descriptor) == 16, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_descriptor, length) == 8, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_descriptor, flags) == 12, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_descriptor, next) == 14, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_available, ring) == 4, "section 2.7.6");
VPT_STATIC_ASSERT(sizeof(struct split_used_element) == 8, "section 2.7.8");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_used, ring) == 4, "section 2.7.8");

static inline struct split_available *split_available_ring(const struct vpt_queue *queue)
{
    return (struct split_available *)queue->available;
}

static inline struct split_used *split_used_ring(const struct vpt_queue *queue)
{
    return (struct split_used *)queue->used;
}

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
static inline enum vpt_status split_alive(const struct vpt_queue *queue)
{
    return queue->slots != NULL ? VPT_READ_ONCE(queue->dead) : VPT_CALLER_STATE;
}

/* Returns the word with a descriptor's flags and the number of the next one. */
VPT_INLINE uint32_t split_flags(bool device_order, uint32_t flags, uint32_t next)
{
    return vpt_order32(device_order, vpt_pair(device_order, (uint16_t)flags, (uint16_t)next));
}

/* Zeroes an even number of bytes that are shared with the device: memset() may fault on uncached memory. */
void vpt_split_zero(void *area, size_t bytes);

/* Ends the queue: from here on its calls return `status`. Returns `status`. */
enum vpt_status vpt_split_kill(struct vpt_queue *queue, enum vpt_status status);

/* Does what vpt_split_kill() does, because the device has lied, and logs this. */
enum vpt_status vpt_split_lie(struct vpt_queue *queue, enum vpt_status status);

/* Returns why these segments cannot be added: one is empty, or they are too long, alone or together. */
enum vpt_status vpt_split_refuse(const struct vpt_segment *segments, uint32_t count);

/*
 * Lengths are summed up as length - 1, so that an empty segment counts as 4 GiB less a byte, and one test finds both.
 */
static inline bool general_too_long(uint64_t sum, uint32_t count)
{
    return sum > 0xffffffffu - count;
}

/* Returns why a request of so many segments finds no room. */
enum vpt_status vpt_general_refuse(const struct vpt_queue *queue, uint32_t count);

/* split_look() in look.h returns this when the caller should look again after a strong fence. */
#define SPLIT_LOOK_AGAIN VPT_RESOURCE_FULL

/*
 * Ends a look that was not VPT_OK: makes the fence, or ends a queue whose device has lied. Returns whether to look
 * again. In a build for small code split_look() does this itself.
 */
bool vpt_split_end_look(struct vpt_queue *queue, enum vpt_status status);

static inline bool split_end_look(struct vpt_queue *queue, enum vpt_status status)
{
    return VPT_FOR_SPEED && vpt_split_end_look(queue, status);
}

/* Orders stores of what the device is told before loads of what the device wants or has done. */
void vpt_split_fence(const struct vpt_queue *queue);

VPT_INLINE void split_fence(const struct vpt_queue *queue)
{
    if (VPT_FOR_SPEED && !VPT_UNLIKELY(queue->strong)) {
        vpt_barrier_full();
    } else {
        vpt_split_fence(queue);
    }
}

static inline uint16_t *split_used_event(const struct vpt_queue *queue)
{
    return &split_available_ring(queue)->ring[queue->mask + 1u];
}

/* With EVENT_IDX: asks for a notification when the device has used the buffer with this index. */
static inline void split_arm(struct vpt_queue *queue, uint16_t event)
{
    queue->armed = event;
    vpt_store16(split_used_event(queue), vpt_order16(queue->device_order, event));
}

VPT_INLINE uint16_t split_load_used_index(const struct vpt_queue *queue)
{
    return vpt_order16(queue->device_order, vpt_load16(&split_used_ring(queue)->index));
}

#endif
