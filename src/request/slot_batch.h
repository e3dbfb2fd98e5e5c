/* SPDX-License-Identifier: MIT */
/*
 * Several requests of one data segment, submitted in a loop of the caller's own, so that a driver needs no array of
 * requests. What this refuses goes through vpt_requests_submit(): with a packed ring or IN_ORDER, and in a build for
 * small code, this is all.
 */
#ifndef VPT_SRC_REQUEST_SLOT_BATCH_H
#define VPT_SRC_REQUEST_SLOT_BATCH_H

#include "slots.h"
#include "split_slots.h"

/* What is read once, and changes while requests are submitted. */
struct slot_batch {
    struct split_available *available;
    struct vpt_queue_slot *slots;
    const struct vpt_request_place *places;
    uint32_t mask;
    uint32_t index;
    uint32_t head; /* the slot that the next request takes */
    bool order;
};

/* Returns how many of `count` requests there is room for. */
VPT_INLINE uint32_t slot_batch_begin(struct slot_batch *batch, const struct vpt_requests *requests, uint32_t count)
{
    const struct vpt_queue *queue = &requests->queue;

    batch->available = split_available_ring(queue);
    batch->slots = queue->slots;
    batch->places = requests->places;
    batch->mask = queue->mask;
    batch->index = queue->available_index;
    batch->head = queue->free_head;
    batch->order = queue->device_order;
    if (!VPT_FOR_SPEED || queue_sequential(queue)) {
        return 0;
    }
    return count < queue->free_count ? count : queue->free_count;
}

/*
 * Submits a request of one segment, whose length is not 0, and of `reply` further bytes that the device may write.
 * Returns false if the slot's last request had another shape.
 */
VPT_INLINE bool slot_batch_add(struct slot_batch *batch, uint64_t address, uint32_t length, bool writable,
                               uint32_t reply, void *token)
{
    uint32_t head = batch->head;
    const struct vpt_request_place *place = &batch->places[head];
    struct vpt_queue_slot *slot = &batch->slots[head];
    struct split_descriptor *descriptor;

    if (VPT_UNLIKELY(place->shape != slot_shape(1, writable))) {
        return false;
    }
    descriptor = (struct split_descriptor *)place->reply - 1;
    vpt_store64(&descriptor->address, vpt_order64(batch->order, address));
    vpt_store32(&descriptor->length, vpt_order32(batch->order, length));
    vpt_store16(&batch->available->ring[batch->index & batch->mask], vpt_order16(batch->order, (uint16_t)head));
    batch->index++;
    slot->token = token;
    slot->writable = (writable ? length : 0u) + reply;
    slot->count = 1;
    batch->head = slot->tail;
    return true;
}

/* Makes what was submitted the queue's: `count` requests. */
VPT_INLINE void slot_batch_end(const struct slot_batch *batch, struct vpt_requests *requests, uint32_t count)
{
    struct vpt_queue *queue = &requests->queue;

    queue->free_head = batch->head;
    queue->available_index = batch->index;
    queue->free_count -= count;
}

#endif
