/* SPDX-License-Identifier: MIT */
/*
 * How free-form requests come back, on virtqueues of each layout. A build for speed has a copy of pop() and take() for
 * each layout and each order; a build for small code has one of each, which asks what the queue has.
 */
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

/*
 * Takes back request `id`, which is in flight. `published`: there are no requests that are not published, so that what
 * is free begins with the next one to publish.
 */
VPT_INLINE enum vpt_status take(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token, uint32_t *written,
                                bool packed, bool in_order, bool published)
{
    struct vpt_queue_slot *slot = &queue->slots[id];
    uint32_t count = slot->count;
    uint16_t *link;

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
    queue->free_count += count;
    if (packed) {
        packed_advance_used(queue, count);
    } else if (!in_order) {
        VPT_WRITE_ONCE(queue->last_used, queue->last_used + 1u);
    }
    slot->count = 0;
    link = packed ? &slot->tail : &queue->links[slot->tail];
    if (in_order) {
        queue->oldest = *link;
        return VPT_OK;
    }
    *link = (uint16_t)queue->free_head;
    if (!packed && published) {
        queue->unpublished = id;
    }
    queue->free_head = id;
    return VPT_OK;
}

/* Does what take() does while there are requests that are not published. */
VPT_COLD enum vpt_status take_published(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token,
                                        uint32_t *written)
{
    bool packed = queue_packed(queue);

    if (!queue_step_aside(queue, id, packed ? NULL : queue->links)) {
        return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
    }
    return take(queue, id, length, token, written, packed, false, false);
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

/* Looks for what the device has used, unless a batch is being taken. */
static enum vpt_status look_next(struct vpt_queue *queue)
{
    enum vpt_status status;

    if (queue_in_order(queue) && queue->batch_left != 0) {
        return VPT_OK;
    }
    status = vpt_queue_look(queue);
    return status == VPT_OK && queue_in_order(queue) && !queue_packed(queue) ? in_order_begin(queue, count_batch(queue))
                                                                             : status;
}

/*
 * The flags of a packed ring were read just now. A look that read them again could end without arming, and with a
 * device that changes them all the time pop and look would follow each other without an end.
 */
VPT_COLD enum vpt_status pop_after_look(struct vpt_queue *queue, void **token, uint32_t *written)
{
    enum vpt_status status = queue_in_order(queue) ? look_next(queue) : vpt_packed_look(queue);

    return status == VPT_OK ? vpt_queue_pop(queue, token, written) : status;
}

VPT_COLD enum vpt_status pop_nothing(struct vpt_queue *queue, enum vpt_status why, void **token, uint32_t *written)
{
    return queue_end_look(queue, why) ? vpt_queue_pop(queue, token, written) : why;
}

/*
 * Reads which request the device has used next, and how many bytes it says that it has written. Returns VPT_OK, or how
 * the pop ends. A device that names a request which is not in flight has lied.
 */
VPT_INLINE enum vpt_status pop(struct vpt_queue *queue, void **token, uint32_t *written, bool packed, bool in_order)
{
    bool order = queue->device_order;
    bool published = true;
    uint32_t length;
    uint32_t id;

    if (!VPT_FOR_SPEED) {
        enum vpt_status status = look_next(queue);

        if (status != VPT_OK) {
            return status;
        }
    }
    if (in_order) {
        if (VPT_FOR_SPEED && VPT_UNLIKELY(queue->batch_left == 0)) {
            return pop_after_look(queue, token, written);
        }
        id = queue->oldest;
        length = in_order_next(queue);
    } else {
        if (packed) {
            const struct packed_descriptor *descriptor = packed_ring(queue) + queue->used_entry;

            if (VPT_FOR_SPEED && !packed_is_used(queue, descriptor)) {
                return pop_after_look(queue, token, written);
            }
            vpt_barrier_loads(queue->strong);
            id = vpt_order16(true, vpt_load16(&descriptor->id));
            length = vpt_order32(true, vpt_load32(&descriptor->length));
        } else {
            const struct split_used_element *element;

            if (VPT_FOR_SPEED && queue->last_used == queue->used_seen) {
                enum vpt_status status = split_look(queue);

                if (status != VPT_OK) {
                    return pop_nothing(queue, status, token, written);
                }
            }
            element = &split_used_ring(queue)->ring[queue->last_used & queue->mask];
            id = vpt_order32(order, vpt_load32(&element->id));
            length = vpt_order32(order, vpt_load32(&element->length));
        }
        if (VPT_UNLIKELY(id > queue->mask || queue->slots[id].count == 0)) {
            return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
        }
        published = queue->available_index == queue->published;
        if (VPT_UNLIKELY(!published)) {
            if (VPT_FOR_SPEED) {
                return take_published(queue, id, length, token, written);
            }
            if (!queue_step_aside(queue, id, packed ? NULL : queue->links)) {
                return vpt_queue_lie(queue, VPT_DEVICE_USED_ID);
            }
        }
    }
    return take(queue, id, length, token, written, packed, in_order, published);
}

VPT_OUT_OF_LINE enum vpt_status pop_split_in_order(struct vpt_queue *queue, void **token, uint32_t *written)
{
    return pop(queue, token, written, false, true);
}

VPT_OUT_OF_LINE enum vpt_status pop_packed_in_order(struct vpt_queue *queue, void **token, uint32_t *written)
{
    return pop(queue, token, written, true, true);
}

VPT_OUT_OF_LINE enum vpt_status pop_sequential(struct vpt_queue *queue, void **token, uint32_t *written)
{
    if (queue_in_order(queue)) {
        return sequential_packed(queue) ? pop_packed_in_order(queue, token, written)
                                        : pop_split_in_order(queue, token, written);
    }
    return pop(queue, token, written, true, false);
}

enum vpt_status vpt_queue_pop(struct vpt_queue *queue, void **token, uint32_t *written)
{
    if (!VPT_FOR_SPEED) {
        return pop(queue, token, written, queue_packed(queue), queue_in_order(queue));
    }
    return queue_sequential(queue) ? pop_sequential(queue, token, written) : pop(queue, token, written, false, false);
}
