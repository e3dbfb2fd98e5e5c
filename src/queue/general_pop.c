/* SPDX-License-Identifier: MIT */
/* How free-form requests come back, on virtqueues of each layout. */
#include "in_order.h"
#include "look.h"
#include "queue_internal.h"
#include "sequential.h"

/* Gives a table back. Returns how many descriptors of the ring its request has. */
VPT_INLINE uint32_t release_table(struct vpt_queue *queue, uint32_t table)
{
    queue->table_links[table] = (uint16_t)queue->table_head;
    queue->table_head = table;
    queue->table_count++;
    return 1;
}

/* Takes back request `id`, which is in flight. */
VPT_INLINE_FOR_SPEED enum vpt_status take(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token,
                                          uint32_t *written, bool packed, bool in_order)
{
    struct vpt_queue_slot *slot = &queue->slots[id];
    uint32_t count = slot->count;

    if (token != NULL) {
        *token = slot->token;
    }
    /* Some devices carry out the request and return a wrong number: they count the data of a write, or say all-ones. */
    if (written != NULL) {
        *written = length < slot->writable ? length : slot->writable;
    }
    if (count >= COUNT_TABLE_0) {
        count = release_table(queue, count - COUNT_TABLE_0);
    }
    if (packed) {
        packed_advance_used(queue, count);
    }
    if (!packed && !in_order) {
        VPT_WRITE_ONCE(queue->last_used, queue->last_used + 1u);
    }
    slot->count = 0;
    if (in_order) {
        queue->oldest = packed ? slot->tail : queue->links[slot->tail];
    } else {
        if (packed) {
            slot->tail = (uint16_t)queue->free_head;
        } else {
            queue->links[slot->tail] = (uint16_t)queue->free_head;
            queue->unpublished = id;
        }
        queue->free_head = id;
    }
    queue->free_count += count;
    return VPT_OK;
}

/* Does what take() does while there are requests that are not published. */
VPT_COLD enum vpt_status take_published(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token,
                                        uint32_t *written)
{
    bool packed = queue_packed(queue);
    uint32_t first = queue->unpublished;
    enum vpt_status status;

    if (!queue_step_aside(queue, id, packed ? NULL : queue->links)) {
        return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
    }
    status = take(queue, id, length, token, written, packed, false);
    queue->unpublished = first;
    return status;
}

/* A device that names a request which is not in flight has lied. */
VPT_INLINE enum vpt_status take_named(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token,
                                      uint32_t *written, bool packed)
{
    if (VPT_UNLIKELY(id > queue->mask || queue->slots[id].count == 0)) {
        return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
    }
    if (VPT_UNLIKELY(queue->available_index != queue->published)) {
        return take_published(queue, id, length, token, written);
    }
    return take(queue, id, length, token, written, packed, false);
}

VPT_COLD enum vpt_status pop_nothing(struct vpt_queue *queue, enum vpt_status why, void **token, uint32_t *written)
{
    return queue_end_look(queue, why) ? vpt_queue_pop(queue, token, written) : why;
}

VPT_COLD enum vpt_status pop_after_look(struct vpt_queue *queue, void **token, uint32_t *written)
{
    enum vpt_status status = vpt_packed_look(queue);

    return status == VPT_OK ? vpt_queue_pop(queue, token, written) : status;
}

/* How many buffers of a split ring are in the next batch; 0: the device names one that it cannot have used. */
static uint32_t count_batch(struct vpt_queue *queue)
{
    uint32_t last = in_order_element(queue);
    uint32_t most = queue->used_seen - queue->last_used;
    uint32_t head = queue->oldest;
    uint32_t count;

    for (count = 1; count <= most; count++) {
        if (head == last) {
            return count;
        }
        head = queue->links[queue->slots[head].tail];
    }
    return 0;
}

VPT_COLD enum vpt_status pop_batch(struct vpt_queue *queue, void **token, uint32_t *written)
{
    enum vpt_status status = vpt_in_order_look(queue);

    if (status == VPT_OK && !queue_packed(queue)) {
        status = in_order_begin(queue, count_batch(queue));
    }
    return status == VPT_OK ? vpt_queue_pop(queue, token, written) : status;
}

VPT_INLINE_FOR_SPEED enum vpt_status pop_in_order(struct vpt_queue *queue, void **token, uint32_t *written, bool packed)
{
    if (VPT_UNLIKELY(queue->batch_left == 0)) {
        return pop_batch(queue, token, written);
    }
    return take(queue, queue->oldest, in_order_next(queue), token, written, packed, true);
}

VPT_OUT_OF_LINE enum vpt_status pop_split_in_order(struct vpt_queue *queue, void **token, uint32_t *written)
{
    return pop_in_order(queue, token, written, false);
}

VPT_OUT_OF_LINE enum vpt_status pop_packed_in_order(struct vpt_queue *queue, void **token, uint32_t *written)
{
    return pop_in_order(queue, token, written, true);
}

VPT_OUT_OF_LINE enum vpt_status pop_sequential(struct vpt_queue *queue, void **token, uint32_t *written)
{
    const struct packed_descriptor *descriptor;

    if (queue_in_order(queue)) {
        return sequential_packed(queue) ? pop_packed_in_order(queue, token, written)
                                        : pop_split_in_order(queue, token, written);
    }
    descriptor = packed_ring(queue) + queue->used_entry;
    if (!packed_is_used(queue, descriptor)) {
        return pop_after_look(queue, token, written);
    }
    vpt_barrier_loads(queue->strong);
    return take_named(queue, vpt_order16(true, vpt_load16(&descriptor->id)),
                      vpt_order32(true, vpt_load32(&descriptor->length)), token, written, true);
}

/* All calls of functions are tail calls, so that the common path saves no register. */
enum vpt_status vpt_queue_pop(struct vpt_queue *queue, void **token, uint32_t *written)
{
    const struct split_used_element *element;
    bool order = queue->device_order;

    if (queue_sequential(queue)) {
        return pop_sequential(queue, token, written);
    }
    if (queue->last_used == queue->used_seen) {
        enum vpt_status status = split_look(queue);

        if (status != VPT_OK) {
            return pop_nothing(queue, status, token, written);
        }
    }
    element = &split_used_ring(queue)->ring[queue->last_used & queue->mask];
    return take_named(queue, vpt_order32(order, vpt_load32(&element->id)),
                      vpt_order32(order, vpt_load32(&element->length)), token, written, false);
}
