/* SPDX-License-Identifier: MIT */
/*
 * Slots on queues whose descriptors are used in the order of the ring: packed ones, and split ones with IN_ORDER. Each
 * slot has its own table. Without tables its requests are chains of neighbours in the ring. A table begins with the
 * header's descriptor, which those of the data and of the reply follow. A request of the same shape as the slot's last
 * one writes only where its data is, and the descriptor of the ring that points to the table.
 */
#include "sequential_slots.h"

#include "../queue/in_order.h"
#include "../queue/sequential.h"
#include "split_slots.h"

static struct packed_descriptor *table_of(const struct vpt_requests *requests, uint32_t slot)
{
    return (struct packed_descriptor *)requests->queue.areas[VPT_AREA_TABLES].memory.address +
           (size_t)slot * requests->run;
}

void vpt_sequential_prepare_slot(struct vpt_requests *requests, uint32_t slot)
{
    struct vpt_queue *queue = &requests->queue;

    /* Here it is the descriptor of the first data segment. */
    requests->places[slot].reply =
        queue->table_segments != 0 ? table_of(requests, slot) + (requests->kind->header != 0 ? 1u : 0u) : NULL;
    requests->places[slot].shape = SHAPE_NONE;
    queue->slots[slot].count = 0;
    queue->slots[slot].tail = (uint16_t)(slot + 1u < queue->slot_count ? slot + 1u : 0u);
}

/*
 * Adds the request of the next slot: `entries` descriptors of the ring, all written except the first one's flags if the
 * ring is packed.
 */
VPT_INLINE void commit_slot(struct vpt_requests *requests, uint32_t word, uint32_t entries, uint32_t writable,
                            void *token)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t id = queue->free_head;
    struct vpt_queue_slot *slot = &queue->slots[id];

    slot->token = token;
    slot->writable = writable;
    slot->count = (uint16_t)entries;
    queue->free_head = slot->tail;
    queue->free_count--;
    if (queue_packed(queue)) {
        packed_commit(queue, word, entries);
        return;
    }
    /* The device names a request by its first descriptor. */
    requests->places[id].index = (uint16_t)queue->entry;
    vpt_store16(&split_available_ring(queue)->ring[queue->available_index & queue->mask],
                vpt_order16(true, (uint16_t)queue->entry));
    queue->available_index++;
    queue->entry = (queue->entry + entries) & queue->mask;
}

/* Adds the request that is in the slot's table: `count` descriptors. */
VPT_INLINE enum vpt_status commit_table(struct vpt_requests *requests, uint32_t count, uint32_t writable, void *token)
{
    struct vpt_queue *queue = &requests->queue;
    struct packed_descriptor *descriptor = packed_ring(queue) + queue->entry;
    uint64_t offset = (uint64_t)queue->free_head * requests->run * sizeof(*descriptor);

    vpt_store64(&descriptor->address, vpt_order64(true, queue->areas[VPT_AREA_TABLES].memory.device_address + offset));
    vpt_store32(&descriptor->length, vpt_order32(true, count * (uint32_t)sizeof(*descriptor)));
    if (!queue_packed(queue)) {
        vpt_store32(&descriptor->id, vpt_order32(true, DESCRIPTOR_INDIRECT));
    }
    commit_slot(requests, queue->available_word | PACKED_WORD(queue->free_head, DESCRIPTOR_INDIRECT), 1, writable,
                token);
    return VPT_OK;
}

static void put_reply(const struct vpt_requests *requests, struct sequential_writer *writer,
                      const struct vpt_segment *reply)
{
    vpt_sequential_put(&requests->queue, writer, reply, requests->kind->reply != 0 ? 1u : 0u, DESCRIPTOR_WRITE);
}

/* Writes a request's descriptors in the order in which the device reads them. */
static void put_all(const struct vpt_requests *requests, struct sequential_writer *writer,
                    const struct vpt_segment *segments, uint32_t readable, uint32_t writable)
{
    const struct vpt_requests_kind *kind = requests->kind;
    const struct vpt_queue *queue = &requests->queue;
    struct vpt_segment header = { slot_address(requests, queue->free_head), kind->header };
    struct vpt_segment reply = { header.address + kind->header, kind->reply };

    vpt_sequential_put(queue, writer, &header, kind->header != 0 ? 1u : 0u, 0);
    vpt_sequential_put(queue, writer, segments, readable, 0);
    if (kind->reply_first) {
        put_reply(requests, writer, &reply);
    }
    vpt_sequential_put(queue, writer, segments + readable, writable, DESCRIPTOR_WRITE);
    if (!kind->reply_first) {
        put_reply(requests, writer, &reply);
    }
}

/* Submits a request of any shape. */
VPT_COLD enum vpt_status submit_any(struct vpt_requests *requests, const struct vpt_segment *segments,
                                    uint32_t readable, uint32_t writable, void *token)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t count = slot_fixed_descriptors(requests->kind) + readable + writable;
    uint64_t bytes = requests->kind->reply;
    struct sequential_writer writer;
    enum vpt_status status;
    uint64_t read = 0;

    if (readable + writable > requests->segments) {
        return VPT_CALLER_TOO_LONG;
    }
    if (count == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_sequential_measure(segments, readable, requests->segment_max, &read);
    if (status == VPT_OK) {
        status = vpt_sequential_measure(segments + readable, writable, requests->segment_max, &bytes);
    }
    if (status != VPT_OK || read + bytes > SLOT_BYTES_MAX) {
        return status != VPT_OK ? status : VPT_CALLER_TOO_LONG;
    }
    if (queue->table_segments != 0) {
        sequential_begin_table(queue, &writer, count, table_of(requests, queue->free_head));
        put_all(requests, &writer, segments, readable, writable);
        /* The next request may be written faster if all data follows the header and has one direction. */
        requests->places[queue->free_head].shape =
            writable != 0 && (readable != 0 || requests->kind->reply_first) ? SHAPE_NONE : readable | writable << 16;
        return commit_table(requests, count, (uint32_t)bytes, token);
    }
    sequential_begin(queue, &writer, count);
    put_all(requests, &writer, segments, readable, writable);
    commit_slot(requests,
                packed_first_word(queue, count, requests->kind->header + readable == 0 ? DESCRIPTOR_WRITE : 0u), count,
                (uint32_t)bytes, token);
    return VPT_OK;
}

enum vpt_status vpt_sequential_submit(struct vpt_requests *requests, const struct vpt_segment *segments,
                                      uint32_t readable, uint32_t writable, void *token)
{
    const struct vpt_requests_kind *kind = requests->kind;
    uint32_t slot = requests->queue.free_head;
    struct packed_descriptor *descriptor;
    uint32_t count = readable + writable;
    uint64_t bytes = 0;
    uint32_t left;

    /* Only a slot with a table has a shape. */
    if (!VPT_FOR_SPEED || VPT_UNLIKELY((readable | writable << 16) != requests->places[slot].shape) ||
        count > requests->segments) {
        return submit_any(requests, segments, readable, writable, token);
    }
    descriptor = (struct packed_descriptor *)requests->places[slot].reply;
    for (left = count; left != 0; left--) {
        uint32_t length = segments->length;

        if (VPT_UNLIKELY(length - 1u >= requests->segment_max)) {
            return length == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
        }
        vpt_store64(&descriptor->address, vpt_order64(true, segments->address));
        vpt_store32(&descriptor->length, vpt_order32(true, length));
        bytes += length;
        descriptor++;
        segments++;
    }
    if (VPT_UNLIKELY(bytes > SLOT_BYTES_MAX)) {
        return VPT_CALLER_TOO_LONG;
    }
    return commit_table(requests, count + slot_fixed_descriptors(kind),
                        (writable != 0 ? (uint32_t)bytes : 0u) + kind->reply, token);
}

/* Gives back the request in slot `id`. */
VPT_INLINE enum vpt_status complete(struct vpt_requests *requests, uint32_t id, uint32_t length,
                                    struct vpt_completion *completion)
{
    struct vpt_queue *queue = &requests->queue;
    struct vpt_queue_slot *slot = &queue->slots[id];

    if (queue_packed(queue)) {
        packed_advance_used(queue, slot->count);
    }
    slot->count = 0;
    if (queue_in_order(queue)) {
        VPT_WRITE_ONCE(queue->last_used, queue->last_used + 1u);
        queue->oldest = slot->tail;
        queue->free_count++;
    } else {
        slot_release(queue, id);
    }
    return slot_complete(requests, id, length, completion);
}

VPT_OUT_OF_LINE enum vpt_status poll_in_order(struct vpt_requests *requests, struct vpt_completion *completion)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t id = queue->oldest;
    uint32_t length;

    if (queue->last_used == queue->used_seen) {
        enum vpt_status status = vpt_in_order_look(queue);

        if (status != VPT_OK) {
            return vpt_slots_drain(requests, status, completion);
        }
    }
    if (!in_order_length(queue, queue_packed(queue) ? id : requests->places[id].index, &length)) {
        return vpt_slots_drain(requests, vpt_split_lie(queue, VPT_DEVICE_USED_ID), completion);
    }
    return complete(requests, id, length, completion);
}

enum vpt_status vpt_sequential_poll(struct vpt_requests *requests, struct vpt_completion *completion)
{
    struct vpt_queue *queue = &requests->queue;
    const struct packed_descriptor *descriptor;
    uint32_t length;
    uint32_t id;

    if (queue_in_order(queue)) {
        return poll_in_order(requests, completion);
    }
    if (!packed_has_used(queue)) {
        enum vpt_status status = vpt_packed_look(queue);

        if (status != VPT_OK) {
            return vpt_slots_drain(requests, status, completion);
        }
    }
    vpt_barrier_loads(queue->strong);
    descriptor = packed_ring(queue) + queue->used_entry;
    id = vpt_order16(true, vpt_load16(&descriptor->id));
    length = vpt_order32(true, vpt_load32(&descriptor->length));
    if (VPT_UNLIKELY(!slot_published(queue, id))) {
        return vpt_slots_drain(requests, vpt_split_lie(queue, VPT_DEVICE_USED_ID), completion);
    }
    return complete(requests, id, length, completion);
}
