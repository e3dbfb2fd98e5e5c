/* SPDX-License-Identifier: MIT */
/* Free-form requests on a packed virtqueue: chains of neighbours in the ring, or indirect tables. */
#include "packed.h"

#include "general.h"
#include "queue_internal.h"

/* Descriptors while they are written, into the ring or into a table. */
struct writer {
    struct packed_descriptor *base;
    uint32_t entry;
    uint32_t held;       /* entry whose flags are not written, since they show the request to the device */
    uint32_t held_flags; /* what they are to be */
    uint32_t id;
    uint32_t flags; /* of each descriptor but for its direction, and NEXT of the last one */
    uint32_t left;
    uint64_t sum; /* of length - 1 */
};

static void put(const struct vpt_queue *queue, struct writer *writer, const struct vpt_segment *segments,
                uint32_t count, uint32_t direction)
{
    const struct vpt_segment *end = segments + count;
    bool order = queue->device_order;

    for (; segments != end; segments++) {
        struct packed_descriptor *descriptor = writer->base + writer->entry;
        uint32_t length = segments->length;
        uint32_t flags = writer->flags | direction;

        writer->left--;
        if (writer->left == 0) {
            flags &= ~DESCRIPTOR_NEXT;
        }
        vpt_store64(&descriptor->address, vpt_order64(order, segments->address));
        vpt_store32(&descriptor->length, vpt_order32(order, length));
        writer->sum += length - 1u;
        if (writer->entry == writer->held) {
            writer->held_flags = flags;
        } else {
            vpt_store32(&descriptor->id, packed_word(order, writer->id, flags));
        }
        writer->entry++;
        if (writer->entry > queue->mask) {
            writer->entry = 0;
            writer->flags ^= PACKED_BOTH;
        }
    }
}

/* Readable segments, then writable ones. Returns how many bytes are writable; *sound: whether the lengths can be. */
static uint32_t put_both(const struct vpt_queue *queue, struct writer *writer, const struct vpt_segment *segments,
                         uint32_t readable, uint32_t writable, bool *sound)
{
    uint64_t readable_sum;

    put(queue, writer, segments, readable, 0);
    readable_sum = writer->sum;
    put(queue, writer, segments + readable, writable, DESCRIPTOR_WRITE);
    *sound = !general_too_long(writer->sum, readable + writable);
    return (uint32_t)(writer->sum - readable_sum) + writable;
}

/* The request is written: it takes the id, and `entries` of the ring. `count` as in vpt_queue_slot. */
VPT_INLINE_FOR_SPEED void commit(struct vpt_queue *queue, uint32_t id, uint32_t flags, uint32_t entries, uint32_t count,
                                 uint32_t writable, void *token)
{
    struct vpt_queue_slot *slot = &queue->slots[id];

    slot->token = token;
    slot->writable = writable;
    slot->tail = (uint16_t)id;
    slot->count = (uint16_t)count;
    queue->free_head = queue->links[id];
    queue->free_count -= entries;
    /* Nobody needs the link of an id in flight: unpublished requests are listed by it. */
    queue->links[id] = (uint16_t)queue->last_added;
    queue->last_added = id;
    packed_commit(queue, id, flags, entries);
}

/*
 * A request that is refused has marked the descriptors behind its first one as available. The next request may be
 * shorter, and the device would take them for more requests: they get the flags of the lap before.
 */
VPT_COLD enum vpt_status refuse_written(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t count)
{
    uint32_t flags = queue->available_flags == PACKED_AVAILABLE ? 0u : PACKED_BOTH;
    uint32_t entry = queue->entry;
    uint32_t i;

    for (i = 0; i < count; i++) {
        vpt_store16(&(packed_ring(queue) + entry)->flags, vpt_order16(queue->device_order, (uint16_t)flags));
        entry++;
        if (entry > queue->mask) {
            entry = 0;
            flags ^= PACKED_BOTH;
        }
    }
    return vpt_split_refuse(segments, count);
}

/* A chain that may go past the end of the ring. */
VPT_COLD enum vpt_status add_wrapping(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                      uint32_t writable, void *token)
{
    uint32_t count = readable + writable;
    uint32_t id = queue->free_head;
    struct writer writer = { packed_ring(queue), queue->entry, queue->entry, 0, id, 0, count, 0 };
    bool sound;

    writer.flags = queue->available_flags | DESCRIPTOR_NEXT;
    writable = put_both(queue, &writer, segments, readable, writable, &sound);
    if (VPT_UNLIKELY(!sound)) {
        return refuse_written(queue, segments, count);
    }
    commit(queue, id, writer.held_flags, count, count, writable, token);
    return VPT_OK;
}

/* Neighbours from `descriptor` on, all with this id and these flags. */
VPT_INLINE_FOR_SPEED struct packed_descriptor *put_neighbours(bool order, struct packed_descriptor *descriptor,
                                                              const struct vpt_segment *segments,
                                                              const struct vpt_segment *end, uint32_t word,
                                                              uint64_t *sum)
{
    for (; segments != end; segments++) {
        uint32_t length = segments->length;

        vpt_store64(&descriptor->address, vpt_order64(order, segments->address));
        vpt_store32(&descriptor->length, vpt_order32(order, length));
        vpt_store32(&descriptor->id, vpt_order32(order, word));
        *sum += length - 1u;
        descriptor++;
    }
    return descriptor;
}

VPT_OUT_OF_LINE enum vpt_status add_chain(struct vpt_queue *queue, const struct vpt_segment *segments,
                                          uint32_t readable, uint32_t writable, void *token)
{
    struct packed_descriptor *descriptor = packed_ring(queue) + queue->entry;
    const struct vpt_segment *first_writable = segments + readable;
    uint32_t count = readable + writable;
    uint32_t id = queue->free_head;
    uint32_t flags = queue->available_flags | DESCRIPTOR_NEXT;
    bool order = queue->device_order;
    uint64_t readable_sum = 0;
    uint64_t sum;
    uint32_t word;

    if (VPT_UNLIKELY(count - 1u >= queue->free_count)) {
        return vpt_general_refuse(queue, count);
    }
    if (!VPT_FOR_SPEED || VPT_UNLIKELY(queue->entry + count > queue->mask + 1u)) {
        return add_wrapping(queue, segments, readable, writable, token);
    }
    vpt_store64(&descriptor->address, vpt_order64(order, segments->address));
    vpt_store32(&descriptor->length, vpt_order32(order, segments->length));
    sum = segments->length - 1u;
    word = vpt_pair(order, (uint16_t)id, (uint16_t)flags);
    segments++;
    descriptor++;
    if (readable != 0) {
        descriptor = put_neighbours(order, descriptor, segments, first_writable, word, &sum);
        segments = first_writable;
        readable_sum = sum;
    } else {
        flags |= DESCRIPTOR_WRITE;
    }
    if (writable != 0) {
        word |= vpt_pair(order, 0, DESCRIPTOR_WRITE);
        descriptor = put_neighbours(order, descriptor, segments, first_writable + writable, word, &sum);
    }
    if (VPT_UNLIKELY(general_too_long(sum, count))) {
        return refuse_written(queue, first_writable - readable, count);
    }
    if (count == 1u) {
        flags &= ~DESCRIPTOR_NEXT;
    } else {
        vpt_store32(&descriptor[-1].id, vpt_order32(order, word & ~vpt_pair(order, 0, DESCRIPTOR_NEXT)));
    }
    commit(queue, id, flags, count, count, (uint32_t)(sum - readable_sum) + writable, token);
    return VPT_OK;
}

VPT_OUT_OF_LINE enum vpt_status add_table(struct vpt_queue *queue, const struct vpt_segment *segments,
                                          uint32_t readable, uint32_t writable, void *token)
{
    const struct vpt_memory *tables = &queue->areas[VPT_AREA_TABLES].memory;
    const struct vpt_segment *first_writable = segments + readable;
    uint32_t table = queue->table_head;
    size_t offset = (size_t)table * queue->table_segments;
    struct packed_descriptor *descriptor = packed_ring(queue) + queue->entry;
    uint32_t count = readable + writable;
    bool order = queue->device_order;
    struct packed_descriptor *entry = (struct packed_descriptor *)tables->address + offset;
    uint64_t readable_sum;
    uint64_t sum = 0;

    vpt_store64(&descriptor->address, vpt_order64(order, tables->device_address + offset * sizeof(*descriptor)));
    vpt_store32(&descriptor->length, vpt_order32(order, count * (uint32_t)sizeof(*descriptor)));
    entry = put_neighbours(order, entry, segments, first_writable, 0, &sum);
    readable_sum = sum;
    (void)put_neighbours(order, entry, first_writable, first_writable + writable, vpt_pair(order, 0, DESCRIPTOR_WRITE),
                         &sum);
    if (VPT_UNLIKELY(general_too_long(sum, count))) {
        return vpt_split_refuse(segments, count);
    }
    queue->table_head = queue->table_links[table];
    queue->table_count--;
    commit(queue, queue->free_head, queue->available_flags | DESCRIPTOR_INDIRECT, 1, COUNT_TABLE_0 + table,
           (uint32_t)(sum - readable_sum) + writable, token);
    return VPT_OK;
}

enum vpt_status vpt_packed_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                               uint32_t writable, void *token)
{
    uint32_t count = readable + writable;

    if (queue->table_count != 0 && queue->free_count != 0 && count > 1u && count <= queue->table_segments) {
        return add_table(queue, segments, readable, writable, token);
    }
    return add_chain(queue, segments, readable, writable, token);
}

/* Takes back the request of this id, which is in flight. */
VPT_INLINE_FOR_SPEED enum vpt_status take_back(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token,
                                               uint32_t *written)
{
    struct vpt_queue_slot *slot = &queue->slots[id];
    uint32_t count = slot->count;

    if (token != NULL) {
        *token = slot->token;
    }
    if (written != NULL) {
        *written = length < slot->writable ? length : slot->writable;
    }
    if (count >= COUNT_TABLE_0) {
        count = general_release_table(queue, count - COUNT_TABLE_0);
    }
    slot->count = 0;
    queue->links[id] = (uint16_t)queue->free_head;
    queue->free_head = id;
    queue->free_count += count;
    packed_advance_used(queue, count);
    return VPT_OK;
}

/* The same while there are requests that the device has not been shown yet. */
VPT_COLD enum vpt_status take_back_published(struct vpt_queue *queue, uint32_t id, uint32_t length, void **token,
                                             uint32_t *written)
{
    return vpt_general_unpublished(queue, id) ? vpt_split_lie(queue, VPT_DEVICE_USED_ID)
                                              : take_back(queue, id, length, token, written);
}

VPT_COLD enum vpt_status pop_nothing(struct vpt_queue *queue, void **token, uint32_t *written)
{
    enum vpt_status status = vpt_packed_look(queue);

    return status == VPT_OK ? vpt_packed_pop(queue, token, written) : status;
}

/* Whatever calls a function ends it, so that the ordinary path saves no register. */
enum vpt_status vpt_packed_pop(struct vpt_queue *queue, void **token, uint32_t *written)
{
    const struct packed_descriptor *descriptor;
    uint32_t length;
    uint32_t id;

    if (!packed_has_used(queue)) {
        return pop_nothing(queue, token, written);
    }
    vpt_barrier_loads(queue->strong);
    descriptor = packed_ring(queue) + queue->used_entry;
    id = vpt_order16(queue->device_order, vpt_load16(&descriptor->id));
    length = vpt_order32(queue->device_order, vpt_load32(&descriptor->length));
    if (VPT_UNLIKELY(id > queue->mask || queue->slots[id].count == 0)) {
        return vpt_split_lie(queue, VPT_DEVICE_USED_ID);
    }
    if (VPT_UNLIKELY(queue->available_index != queue->published)) {
        return take_back_published(queue, id, length, token, written);
    }
    return take_back(queue, id, length, token, written);
}
