/* SPDX-License-Identifier: MIT */
/*
 * Slots on queues whose descriptors are used in the order of the ring: packed ones, and split ones with IN_ORDER. Each
 * slot has its own table. Without tables its requests are chains of neighbours in the ring. A table begins with the
 * header's descriptor, which those of the data and of the reply follow. A request of the same shape as the slot's last
 * one writes only where its data is, and the descriptor of the ring that points to the table.
 */
#include "sequential_slots.h"

#include "../queue/sequential.h"
#include "slot.h"
#include "split_slots.h"

static struct packed_descriptor *table_of(const struct vpt_requests *requests, uint32_t slot)
{
    return (struct packed_descriptor *)requests->queue.areas[VPT_AREA_TABLES].memory.address +
           (size_t)slot * requests->run;
}

void vpt_sequential_prepare_slot(struct vpt_requests *requests, uint32_t slot)
{
    struct vpt_queue *queue = &requests->queue;

    if (VPT_FOR_SPEED) {
        /* Here it is the descriptor of the first data segment. */
        requests->places[slot].reply =
            queue->table_segments != 0 ? table_of(requests, slot) + (requests->kind->header != 0 ? 1u : 0u) : NULL;
        requests->places[slot].shape = SHAPE_NONE;
    }
    queue->slots[slot].count = 0;
    queue->slots[slot].tail = (uint16_t)(slot + 1u < queue->slot_count ? slot + 1u : 0u);
}

/*
 * Adds the request of the next slot: `entries` descriptors of the ring, all written, but for id and flags of the first
 * one if the ring is packed: `word`.
 */
VPT_INLINE_FOR_SPEED void commit_slot(struct vpt_requests *requests, uint32_t word, uint32_t entries, uint32_t writable,
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
    if (sequential_packed(queue)) {
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
VPT_INLINE_FOR_SPEED enum vpt_status commit_slot_table(struct vpt_requests *requests, uint32_t count, uint32_t writable,
                                                       void *token)
{
    struct vpt_queue *queue = &requests->queue;
    struct packed_descriptor *descriptor = packed_ring(queue) + queue->entry;
    uint64_t offset = (uint64_t)queue->free_head * requests->run * sizeof(*descriptor);

    vpt_store64(&descriptor->address, vpt_order64(true, queue->areas[VPT_AREA_TABLES].memory.device_address + offset));
    vpt_store32(&descriptor->length, vpt_order32(true, count * (uint32_t)sizeof(*descriptor)));
    if (!sequential_packed(queue)) {
        vpt_store32(&descriptor->id, vpt_order32(true, DESCRIPTOR_INDIRECT));
    }
    commit_slot(requests, queue->available_word | PACKED_WORD(queue->free_head, DESCRIPTOR_INDIRECT), 1, writable,
                token);
    return VPT_OK;
}

/* Submits a request of any shape. */
VPT_COLD enum vpt_status submit_shape(struct vpt_requests *requests, const struct vpt_segment *segments,
                                      uint32_t readable, uint32_t writable, void *token)
{
    const struct vpt_requests_kind *kind = requests->kind;
    struct vpt_queue *queue = &requests->queue;
    struct vpt_segment header = { slot_address(requests, queue->free_head), kind->header };
    struct vpt_segment reply = { header.address + kind->header, kind->reply };
    struct sequential_part parts[] = { { &header, header.length != 0 ? 1u : 0u, 0 },
                                       { segments, readable, 0 },
                                       { writable != 0 ? segments + readable : NULL, writable, DESCRIPTOR_WRITE },
                                       { &reply, reply.length != 0 ? 1u : 0u, DESCRIPTOR_WRITE } };
    uint32_t count = parts[0].count + readable + writable + parts[3].count;
    uint64_t bytes[2] = { 0, kind->reply };
    struct sequential_writer writer;
    enum vpt_status status;

    if (readable + writable > requests->segments) {
        return VPT_CALLER_TOO_LONG;
    }
    if (count == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_sequential_measure(&parts[1], requests->segment_max, bytes);
    if (status != VPT_OK || bytes[0] + bytes[1] > SLOT_BYTES_MAX) {
        return status != VPT_OK ? status : VPT_CALLER_TOO_LONG;
    }
    if (kind->reply_first) {
        struct sequential_part last = parts[2];

        parts[2] = parts[3];
        parts[3] = last;
    }
    if (queue->table_segments != 0) {
        sequential_begin_table(sequential_packed(queue), &writer, count, table_of(requests, queue->free_head));
        vpt_sequential_put(queue, &writer, parts, 4);
        /* The next request may be written faster if all data follows the header and has one direction. */
        slot_set_shape(&requests->places[queue->free_head],
                       writable != 0 && (readable != 0 || kind->reply_first) ? SHAPE_NONE : readable | writable << 16);
        return commit_slot_table(requests, count, (uint32_t)bytes[1], token);
    }
    sequential_begin(queue, sequential_packed(queue), &writer, count);
    vpt_sequential_put(queue, &writer, parts, 4);
    commit_slot(requests, writer.first_word, count, (uint32_t)bytes[1], token);
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
        return submit_shape(requests, segments, readable, writable, token);
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
    return commit_slot_table(requests, count + slot_fixed_descriptors(kind),
                             (writable != 0 ? (uint32_t)bytes : 0u) + kind->reply, token);
}
