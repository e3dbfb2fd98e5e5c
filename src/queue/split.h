/* SPDX-License-Identifier: MIT */
/* The split virtqueue's structures as the device sees them (VirtIO 1.4, section 2.7). */
#ifndef VPT_SRC_QUEUE_SPLIT_H
#define VPT_SRC_QUEUE_SPLIT_H

#include "queue_common.h"

#define DESCRIPTOR_NEXT     1u
#define DESCRIPTOR_WRITE    2u
#define DESCRIPTOR_INDIRECT 4u

#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY         1u

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

/* Returns the word with a descriptor's flags and the number of the next one. */
VPT_INLINE uint32_t split_flags(bool device_order, uint32_t flags, uint32_t next)
{
    return vpt_order32(device_order, vpt_pair(device_order, (uint16_t)flags, (uint16_t)next));
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
