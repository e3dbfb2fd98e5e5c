/* SPDX-License-Identifier: MIT */
/* Slots on a split virtqueue, for submissions of each shape. */
#ifndef VPT_SRC_REQUEST_SPLIT_SLOTS_H
#define VPT_SRC_REQUEST_SPLIT_SLOTS_H

#include <vpt/request.h>

#include "../queue/split.h"

/* The most bytes of data: with a header and a reply they are less than 4 GiB. */
#define SLOT_BYTES_MAX 0xffff0000u

static inline struct split_descriptor *slot_descriptor(void *descriptors, uint32_t index)
{
    return (struct split_descriptor *)descriptors + index;
}

/* Returns the first descriptor of a slot: of its table, or the one in the ring that has the slot's number. */
static inline struct split_descriptor *slot_first(const struct vpt_requests *requests, uint32_t slot)
{
    const struct vpt_queue *queue = &requests->queue;

    if (queue->table_segments != 0) {
        return slot_descriptor(queue->areas[VPT_AREA_TABLES].memory.address, slot * requests->run);
    }
    return slot_descriptor(queue->descriptors, slot);
}

/*
 * Returns the array of descriptors in which `*index` is the number of the slot's second one. The slot's others follow.
 */
static inline struct split_descriptor *slot_rest(const struct vpt_requests *requests, uint32_t slot,
                                                 struct split_descriptor *first, uint32_t *index)
{
    const struct vpt_queue *queue = &requests->queue;

    if (queue->table_segments != 0) {
        *index = 1;
        return first;
    }
    *index = queue->slot_count + slot * (requests->run - 1u);
    return slot_descriptor(queue->descriptors, 0);
}

/* Whether requests have a header, and a reply behind the data. */
static inline bool slot_framed(const struct vpt_requests_kind *kind)
{
    return kind->header != 0 && kind->reply != 0 && !kind->reply_first;
}

/* A vpt_request_place.shape that no request has. A build for small code does not use shapes. */
#define SHAPE_NONE 0xffffffffu

static inline void slot_set_shape(struct vpt_request_place *place, uint32_t shape)
{
    if (VPT_FOR_SPEED) {
        place->shape = shape;
    }
}

static inline uint32_t slot_shape(uint32_t count, bool writable)
{
    return writable ? count << 16 : count;
}

/* Writes what can be written before the request is known to be valid: nobody reads it until the commit. */
VPT_INLINE void slot_prepare_commit(struct vpt_requests *requests, uint32_t head, void *token)
{
    struct vpt_queue *queue = &requests->queue;

    queue->slots[head].token = token;
    vpt_store16(&split_available_ring(queue)->ring[queue->available_index & queue->mask],
                vpt_order16(queue->device_order, (uint16_t)head));
}

/* Takes the slot, and adds the request to those that the next publish shows the device. */
VPT_INLINE void slot_commit(struct vpt_requests *requests, uint32_t head, uint32_t writable)
{
    struct vpt_queue *queue = &requests->queue;
    struct vpt_queue_slot *slot = &queue->slots[head];

    queue->free_head = slot->tail;
    queue->free_count--;
    slot->writable = writable;
    slot->count = 1;
    queue->available_index++;
}

#endif
