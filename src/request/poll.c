/* SPDX-License-Identifier: MIT */
/* How requests with slots come back, on virtqueues of each layout. */
#include "slots.h"

#include "../queue/in_order.h"
#include "../queue/look.h"
#include "../queue/sequential.h"

enum vpt_status vpt_slots_drain(struct vpt_requests *requests, enum vpt_status why, struct vpt_completion *completion)
{
    struct vpt_queue *queue = &requests->queue;
    void *token = NULL;
    enum vpt_status status;

    if (!queue_sequential(queue) && queue_end_look(queue, why)) {
        return vpt_requests_poll(requests, completion);
    }
    status = vpt_queue_drain(queue, &token);
    if (status == VPT_OK) {
        completion->token = token;
        completion->length = 0;
        completion->status = queue->dead;
    }
    return status == VPT_CALLER_STATE ? why : status;
}

/* Fills the completion of a request that has left its slot; `length` is what the device says. Returns VPT_OK. */
VPT_INLINE_FOR_SPEED enum vpt_status complete(const struct vpt_requests *requests, uint32_t id, uint32_t length,
                                              struct vpt_completion *completion)
{
    const struct vpt_queue_slot *slot = &requests->queue.slots[id];

    length = length < slot->writable ? length : slot->writable;
    completion->token = slot->token;
    completion->length = length;
    completion->status =
        requests->kind->result == NULL ? VPT_OK : requests->kind->result(requests, slot_or_null(requests, id), length);
    return VPT_OK;
}

/* Polls a queue whose device names each request that it has used. */
VPT_INLINE_FOR_SPEED enum vpt_status poll_named(struct vpt_requests *requests, struct vpt_completion *completion,
                                                bool packed)
{
    struct vpt_queue *queue = &requests->queue;
    enum vpt_status status = VPT_OK;
    struct vpt_queue_slot *slot;
    bool published;
    uint32_t length;
    uint32_t id;

    if (packed && !packed_has_used(queue)) {
        status = vpt_packed_look(queue);
    } else if (!packed && queue->last_used == queue->used_seen) {
        status = split_look(queue);
    }
    if (VPT_UNLIKELY(status != VPT_OK)) {
        return vpt_slots_drain(requests, status, completion);
    }
    if (packed) {
        const struct packed_descriptor *descriptor = packed_ring(queue) + queue->used_entry;

        vpt_barrier_loads(queue->strong);
        id = vpt_order16(true, vpt_load16(&descriptor->id));
        length = vpt_order32(true, vpt_load32(&descriptor->length));
    } else {
        const struct split_used_element *element = &split_used_ring(queue)->ring[queue->last_used & queue->mask];

        id = vpt_order32(queue->device_order, vpt_load32(&element->id));
        length = vpt_order32(queue->device_order, vpt_load32(&element->length));
    }
    published = queue->available_index == queue->published;
    if (VPT_UNLIKELY(id >= queue->slot_count || queue->slots[id].count == 0 ||
                     (!published && !queue_step_aside(queue, id, NULL)))) {
        return vpt_slots_drain(requests, vpt_queue_lie(queue, VPT_DEVICE_USED_ID), completion);
    }
    slot = &queue->slots[id];
    if (packed) {
        packed_advance_used(queue, slot->count);
    } else {
        VPT_WRITE_ONCE(queue->last_used, queue->last_used + 1u);
        if (published) {
            queue->unpublished = id;
        }
    }
    slot->count = 0;
    slot->tail = (uint16_t)queue->free_head;
    queue->free_head = id;
    queue->free_count++;
    return complete(requests, id, length, completion);
}

/* Returns how many requests of a split ring are in the next batch; 0: the device names one that it cannot have used. */
static uint32_t count_slots(struct vpt_requests *requests)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t last = in_order_element(queue);
    uint32_t most = queue->used_seen - queue->last_used;
    uint32_t slot = queue->oldest;
    uint32_t count;

    for (count = 1; count <= most; count++) {
        if (requests->places[slot].index == last) {
            return count;
        }
        slot = queue->slots[slot].tail;
    }
    return 0;
}

enum vpt_status vpt_slots_begin_batch(struct vpt_requests *requests)
{
    struct vpt_queue *queue = &requests->queue;
    enum vpt_status status = vpt_queue_look(queue);

    return status == VPT_OK && !queue_packed(queue) ? in_order_begin(queue, count_slots(requests)) : status;
}

VPT_OUT_OF_LINE enum vpt_status poll_in_order(struct vpt_requests *requests, struct vpt_completion *completion)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t id = queue->oldest;
    struct vpt_queue_slot *slot = &queue->slots[id];

    if (queue->batch_left == 0) {
        enum vpt_status status = vpt_slots_begin_batch(requests);

        if (status != VPT_OK) {
            return vpt_slots_drain(requests, status, completion);
        }
    }
    if (queue_packed(queue)) {
        packed_advance_used(queue, slot->count);
    }
    queue->oldest = slot->tail;
    slot->count = 0;
    queue->free_count++;
    return complete(requests, id, in_order_next(queue), completion);
}

VPT_OUT_OF_LINE enum vpt_status poll_sequential(struct vpt_requests *requests, struct vpt_completion *completion)
{
    return queue_in_order(&requests->queue) ? poll_in_order(requests, completion)
                                            : poll_named(requests, completion, true);
}

VPT_OUT_OF_LINE enum vpt_status poll_split(struct vpt_requests *requests, struct vpt_completion *completion)
{
    return poll_named(requests, completion, false);
}

enum vpt_status vpt_requests_poll(struct vpt_requests *requests, struct vpt_completion *completion)
{
    const struct vpt_queue *queue = &requests->queue;

    if (!VPT_FOR_SPEED) {
        return queue_in_order(queue) ? poll_in_order(requests, completion)
                                     : poll_named(requests, completion, queue_packed(queue));
    }
    return queue_sequential(queue) ? poll_sequential(requests, completion) : poll_split(requests, completion);
}
