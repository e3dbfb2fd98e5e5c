/* SPDX-License-Identifier: MIT */
/*
 * Slots on a packed virtqueue. The id of a request is its slot. A slot has a table of its own, or where there are no
 * tables its requests are chains of neighbours in the ring. A table begins with the header's descriptor, which never
 * changes; those of the data follow it, and the reply's follows them. A request of the shape of the slot's last one
 * writes only where its data is, and the descriptor of the ring that points to the table.
 */
#include "packed_slots.h"

#include "../queue/packed.h"
#include "split_slots.h"

static struct packed_descriptor *table_of(const struct vpt_requests *requests, uint32_t slot)
{
    return (struct packed_descriptor *)requests->queue.areas[VPT_AREA_TABLES].memory.address +
           (size_t)slot * requests->run;
}

void vpt_packed_prepare_slot(struct vpt_requests *requests, uint32_t slot)
{
    struct vpt_queue *queue = &requests->queue;

    requests->places[slot].reply = queue->table_segments != 0 ? table_of(requests, slot) : NULL;
    requests->places[slot].index = requests->kind->header != 0 ? 1u : 0u;
    requests->places[slot].shape = SHAPE_NONE;
    queue->slots[slot].count = 0;
    queue->slots[slot].tail = (uint16_t)(slot + 1u < queue->slot_count ? slot + 1u : 0u);
}

/* Takes the slot for a request whose first descriptor in the ring is written but for its id and these flags. */
VPT_INLINE void commit_slot(struct vpt_requests *requests, uint32_t flags, uint32_t entries, uint32_t writable,
                            void *token)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t id = queue->free_head;
    struct vpt_queue_slot *slot = &queue->slots[id];

    queue->free_head = slot->tail;
    queue->free_count--;
    slot->token = token;
    slot->writable = writable;
    slot->count = (uint16_t)entries;
    /* Nobody needs the link of a slot in flight: unpublished requests are listed by it. */
    slot->tail = (uint16_t)queue->last_added;
    queue->last_added = id;
    packed_commit(queue, id, flags, entries);
}

/* The request is in the slot's table: `count` descriptors. */
VPT_INLINE void commit_table(struct vpt_requests *requests, uint32_t count, uint32_t writable, void *token)
{
    struct vpt_queue *queue = &requests->queue;
    struct packed_descriptor *descriptor = packed_ring(queue) + queue->entry;
    uint64_t offset = (uint64_t)queue->free_head * requests->run * sizeof(*descriptor);
    bool order = queue->device_order;

    vpt_store64(&descriptor->address, vpt_order64(order, queue->areas[VPT_AREA_TABLES].memory.device_address + offset));
    vpt_store32(&descriptor->length, vpt_order32(order, count * (uint32_t)sizeof(*descriptor)));
    commit_slot(requests, queue->available_flags | DESCRIPTOR_INDIRECT, 1, writable, token);
}

/* Descriptors while they are written, into the ring or into a table. */
struct writer {
    struct packed_descriptor *base;
    uint32_t entry;
    uint32_t held;       /* entry whose flags are not written, since they show the request to the device */
    uint32_t held_flags; /* what they are to be */
    uint32_t flags;      /* of each descriptor but for its direction, and NEXT of the last one */
    uint32_t left;       /* descriptors */
};

#define NO_ENTRY 0xffffffffu

static void put(const struct vpt_queue *queue, struct writer *writer, uint64_t address, uint32_t length,
                uint32_t direction)
{
    struct packed_descriptor *descriptor = writer->base + writer->entry;
    uint32_t flags = writer->flags | direction;
    bool order = queue->device_order;

    writer->left--;
    if (writer->left == 0) {
        flags &= ~DESCRIPTOR_NEXT;
    }
    vpt_store64(&descriptor->address, vpt_order64(order, address));
    vpt_store32(&descriptor->length, vpt_order32(order, length));
    if (writer->entry == writer->held) {
        writer->held_flags = flags;
    } else {
        vpt_store32(&descriptor->id, packed_word(order, queue->free_head, flags));
    }
    writer->entry++;
    if (writer->entry > queue->mask) {
        writer->entry = 0;
        writer->flags ^= PACKED_BOTH;
    }
}

static void put_data(const struct vpt_queue *queue, struct writer *writer, const struct vpt_segment *segments,
                     uint32_t count, uint32_t direction)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        put(queue, writer, segments[i].address, segments[i].length, direction);
    }
}

/* A slot's descriptors, in the order in which the device reads them. */
static void put_all(const struct vpt_requests *requests, struct writer *writer, const struct vpt_segment *segments,
                    uint32_t readable, uint32_t writable)
{
    const struct vpt_requests_kind *kind = requests->kind;
    const struct vpt_queue *queue = &requests->queue;
    uint64_t address = slot_address(requests, queue->free_head);

    if (kind->header != 0) {
        put(queue, writer, address, kind->header, 0);
    }
    put_data(queue, writer, segments, readable, 0);
    if (kind->reply != 0 && kind->reply_first) {
        put(queue, writer, address + kind->header, kind->reply, DESCRIPTOR_WRITE);
    }
    put_data(queue, writer, segments + readable, writable, DESCRIPTOR_WRITE);
    if (kind->reply != 0 && !kind->reply_first) {
        put(queue, writer, address + kind->header, kind->reply, DESCRIPTOR_WRITE);
    }
}

/* Adds up what segments have; VPT_CALLER_ARGUMENT or VPT_CALLER_TOO_LONG: one is empty or longer than is allowed. */
static enum vpt_status measure(const struct vpt_requests *requests, const struct vpt_segment *segments, uint32_t count,
                               uint64_t *bytes)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (segments[i].length - 1u >= requests->segment_max) {
            return segments[i].length == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
        }
        *bytes += segments[i].length;
    }
    return VPT_OK;
}

/* A request of any shape. */
VPT_COLD enum vpt_status submit_any(struct vpt_requests *requests, const struct vpt_segment *segments,
                                    uint32_t readable, uint32_t writable, void *token)
{
    struct vpt_queue *queue = &requests->queue;
    uint32_t count = slot_fixed_descriptors(requests->kind) + readable + writable;
    struct writer writer = { packed_ring(queue), queue->entry, queue->entry, 0, 0, count };
    uint64_t bytes[2] = { 0, requests->kind->reply };
    enum vpt_status status;

    if (readable + writable > requests->segments) {
        return VPT_CALLER_TOO_LONG;
    }
    if (count == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = measure(requests, segments, readable, &bytes[0]);
    if (status == VPT_OK) {
        status = measure(requests, segments + readable, writable, &bytes[1]);
    }
    if (status == VPT_OK && bytes[0] + bytes[1] > SLOT_BYTES_MAX) {
        status = VPT_CALLER_TOO_LONG;
    }
    if (status != VPT_OK) {
        return status;
    }
    if (queue->table_segments != 0) {
        writer.base = table_of(requests, queue->free_head);
        writer.entry = 0;
        writer.held = NO_ENTRY;
        put_all(requests, &writer, segments, readable, writable);
        requests->places[queue->free_head].shape = slot_shape(readable, false) | slot_shape(writable, true);
        commit_table(requests, count, (uint32_t)bytes[1], token);
    } else {
        writer.flags = queue->available_flags | DESCRIPTOR_NEXT;
        put_all(requests, &writer, segments, readable, writable);
        commit_slot(requests, writer.held_flags, count, (uint32_t)bytes[1], token);
    }
    return VPT_OK;
}

enum vpt_status vpt_packed_submit(struct vpt_requests *requests, const struct vpt_segment *segments, uint32_t readable,
                                  uint32_t writable, void *token)
{
    const struct vpt_requests_kind *kind = requests->kind;
    const struct vpt_queue *queue = &requests->queue;
    uint32_t slot = queue->free_head;
    struct packed_descriptor *descriptor;
    uint32_t count = readable + writable;
    uint64_t bytes = 0;
    uint32_t i;

    /* Only a slot with a table has a shape. */
    if (!VPT_FOR_SPEED || VPT_UNLIKELY((readable | writable << 16) != requests->places[slot].shape) ||
        (readable != 0 && writable != 0) || kind->reply_first || count > requests->segments) {
        return submit_any(requests, segments, readable, writable, token);
    }
    descriptor = table_of(requests, slot) + (kind->header != 0 ? 1u : 0u);
    for (i = 0; i < count; i++) {
        uint32_t length = segments[i].length;

        if (VPT_UNLIKELY(length - 1u >= requests->segment_max)) {
            return length == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
        }
        vpt_store64(&descriptor->address, vpt_order64(queue->device_order, segments[i].address));
        vpt_store32(&descriptor->length, vpt_order32(queue->device_order, length));
        bytes += length;
        descriptor++;
    }
    if (VPT_UNLIKELY(bytes > SLOT_BYTES_MAX)) {
        return VPT_CALLER_TOO_LONG;
    }
    commit_table(requests, count + slot_fixed_descriptors(kind), (writable != 0 ? (uint32_t)bytes : 0u) + kind->reply,
                 token);
    return VPT_OK;
}

enum vpt_status vpt_packed_poll(struct vpt_requests *requests, struct vpt_completion *completion)
{
    struct vpt_queue *queue = &requests->queue;
    const struct packed_descriptor *descriptor;
    struct vpt_queue_slot *slot;
    uint32_t length;
    uint32_t id;

    if (!packed_has_used(queue)) {
        enum vpt_status status = vpt_packed_look(queue);

        if (status != VPT_OK) {
            return vpt_slots_drain(requests, status, completion);
        }
    }
    vpt_barrier_loads(queue->strong);
    descriptor = packed_ring(queue) + queue->used_entry;
    id = vpt_order16(queue->device_order, vpt_load16(&descriptor->id));
    length = vpt_order32(queue->device_order, vpt_load32(&descriptor->length));
    if (VPT_UNLIKELY(id >= queue->slot_count || queue->slots[id].count == 0 ||
                     (queue->available_index != queue->published && vpt_slots_unpublished(queue, id)))) {
        return vpt_slots_drain(requests, vpt_split_lie(queue, VPT_DEVICE_USED_ID), completion);
    }
    slot = &queue->slots[id];
    packed_advance_used(queue, slot->count);
    slot->count = 0;
    slot->tail = (uint16_t)queue->free_head;
    queue->free_head = id;
    queue->free_count++;
    length = length < slot->writable ? length : slot->writable;
    completion->token = slot->token;
    completion->length = length;
    completion->status =
        requests->kind->result == NULL ? VPT_OK : requests->kind->result(requests, slot_or_null(requests, id), length);
    return VPT_OK;
}
