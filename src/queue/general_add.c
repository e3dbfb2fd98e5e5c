/* SPDX-License-Identifier: MIT */
/*
 * Adding free-form requests: as chains of descriptors of the ring, or in indirect tables. Chains of a split ring follow
 * a free list, those of a packed one are neighbours. A build for speed has a function for each kind of request, and
 * adds chains that pass the end of a packed ring by add_any(), by which a build for small code adds all of them.
 */
#include "queue_internal.h"
#include "sequential.h"

/*
 * Lengths are summed up as length - 1, so that an empty segment counts as 4 GiB less a byte, and one test finds both.
 */
static inline bool general_too_long(uint64_t sum, uint32_t count)
{
    return sum > 0xffffffffu - count;
}

/* Returns why a request of so many segments finds no room. */
VPT_COLD enum vpt_status refuse_for_room(const struct vpt_queue *queue, uint32_t count)
{
    enum vpt_status status = queue_alive(queue);

    if (status != VPT_OK) {
        return status;
    }
    if (count == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    return count > queue->mask + 1u ? VPT_CALLER_TOO_LONG : VPT_RESOURCE_FULL;
}

/* Lets a descriptor of the ring point to the next table, with `count` entries. Returns the table. */
VPT_INLINE void *point_at_table(const struct vpt_queue *queue, void *descriptor, uint32_t count)
{
    const struct vpt_memory *tables = &queue->areas[VPT_AREA_TABLES].memory;
    struct split_descriptor *pointer = (struct split_descriptor *)descriptor;
    size_t offset = (size_t)queue->table_head * queue->table_segments * sizeof(*pointer);
    bool order = queue->device_order;

    vpt_store64(&pointer->address, vpt_order64(order, tables->device_address + offset));
    vpt_store32(&pointer->length, vpt_order32(order, count * (uint32_t)sizeof(*pointer)));
    return (uint8_t *)tables->address + offset;
}

/*
 * Adds a request of any kind. One that is too long for a table becomes a chain, and a single segment takes one
 * descriptor with or without a table.
 */
VPT_OUT_OF_LINE enum vpt_status add_any(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                        uint32_t writable, void *token)
{
    const struct sequential_part parts[2] = { { segments, readable, 0 },
                                              { segments + readable, writable, DESCRIPTOR_WRITE } };
    uint32_t count = readable + writable;
    bool in_table = queue->table_count != 0 && count > 1u && count <= queue->table_segments;
    uint32_t entries = in_table ? 1u : count;
    struct vpt_queue_slot *slot = &queue->slots[queue->free_head];
    struct sequential_writer writer;
    uint64_t bytes[2] = { 0, 0 };
    enum vpt_status status;
    uint32_t first;

    if (entries - 1u >= queue->free_count) {
        return refuse_for_room(queue, count);
    }
    status = vpt_sequential_measure(parts, 0xffffffffu, bytes);
    /* There is room; the last test is for the static analyser. */
    if (status != VPT_OK || bytes[0] + bytes[1] > 0xffffffffu || entries > queue->mask + 1u) {
        return status != VPT_OK ? status : VPT_CALLER_TOO_LONG;
    }
    slot->token = token;
    slot->writable = (uint32_t)bytes[1];
    slot->count = (uint16_t)count;
    queue->free_count -= entries;
    first = queue_packed(queue) ? queue->entry : queue->free_head;
    if (in_table) {
        struct packed_descriptor *descriptor = packed_ring(queue) + first;

        slot->count = (uint16_t)(COUNT_TABLE_0 + queue->table_head);
        sequential_begin_table(queue_packed(queue), &writer, count, point_at_table(queue, descriptor, count));
        if (!queue_packed(queue)) {
            vpt_store32(&descriptor->id, split_flags(queue->device_order, DESCRIPTOR_INDIRECT, 0));
        }
        writer.first_word = queue->available_word | PACKED_WORD(queue->free_head, DESCRIPTOR_INDIRECT);
        queue->table_head = queue->table_links[queue->table_head];
        queue->table_count--;
    } else {
        sequential_begin(queue, queue_packed(queue), &writer, count);
        writer.entry = first;
        writer.links = queue->links;
    }
    vpt_sequential_put(queue, &writer, parts, 2);
    if (queue_packed(queue)) {
        queue->free_head = slot->tail;
        packed_commit(queue, writer.first_word, entries);
        return VPT_OK;
    }
    if (in_table) {
        writer.last = queue->free_head;
        writer.entry = queue->links[writer.last];
    }
    slot->tail = (uint16_t)writer.last;
    vpt_store16(&split_available_ring(queue)->ring[queue->available_index & queue->mask],
                vpt_order16(queue->device_order, (uint16_t)queue->free_head));
    queue->free_head = writer.entry;
    queue->available_index++;
    return VPT_OK;
}

/* Writes token and ring entry before the request is known to be valid: nobody reads them until the commit. */
VPT_INLINE void prepare_commit(struct vpt_queue *queue, uint32_t head, void *token)
{
    queue->slots[head].token = token;
    vpt_store16(&split_available_ring(queue)->ring[queue->available_index & queue->mask],
                vpt_order16(queue->device_order, (uint16_t)head));
}

/* Adds the request to those that the next publish shows the device. */
VPT_INLINE void commit(struct vpt_queue *queue, uint32_t head, uint32_t last, uint32_t count, uint32_t writable)
{
    struct vpt_queue_slot *slot = &queue->slots[head];

    slot->writable = writable;
    slot->tail = (uint16_t)last;
    slot->count = (uint16_t)count;
    queue->available_index++;
}

/* A request whose descriptors are being written. The device does not see it until it is committed. */
struct chain {
    struct split_descriptor *last; /* the last one that was written */
    uint32_t last_index;
    uint32_t next; /* index of the next one */
    uint64_t sum;  /* of length - 1 */
};

/* Writes descriptors of one direction along the free list, each linked to the next. */
VPT_INLINE void put_chain(const struct vpt_queue *queue, struct chain *chain, const struct vpt_segment *segments,
                          const struct vpt_segment *end, uint32_t flags)
{
    struct split_descriptor *descriptors = (struct split_descriptor *)queue->descriptors;
    const uint16_t *links = queue->links;
    bool order = queue->device_order;

    while (segments != end) {
        uint32_t length = segments->length;
        struct split_descriptor *descriptor = descriptors + chain->next;

        chain->last = descriptor;
        chain->last_index = chain->next;
        chain->next = links[chain->next];
        vpt_store64(&descriptor->address, vpt_order64(order, segments->address));
        vpt_store32(&descriptor->length, vpt_order32(order, length));
        vpt_store32(&descriptor->flags, split_flags(order, flags | DESCRIPTOR_NEXT, chain->next));
        chain->sum += length - 1u;
        segments++;
    }
}

/* A table whose entries are being written, in order. */
struct table {
    struct split_descriptor *next;
    uint32_t word; /* flags and link of the next entry */
    uint64_t sum;  /* of length - 1 */
};

VPT_INLINE void put_table(bool order, struct table *table, const struct vpt_segment *segments,
                          const struct vpt_segment *end)
{
    for (; segments != end; segments++) {
        uint32_t length = segments->length;

        vpt_store64(&table->next->address, vpt_order64(order, segments->address));
        vpt_store32(&table->next->length, vpt_order32(order, length));
        vpt_store32(&table->next->flags, vpt_order32(order, table->word));
        table->word += vpt_pair(order, 0, 1);
        table->next++;
        table->sum += length - 1u;
    }
}

/* Adds a request in an indirect table, to which one descriptor of the ring points. */
VPT_OUT_OF_LINE enum vpt_status add_table(struct vpt_queue *queue, const struct vpt_segment *segments,
                                          uint32_t readable, uint32_t writable, void *token)
{
    const struct vpt_segment *first_writable = segments + readable;
    uint32_t count = readable + writable;
    uint32_t index = queue->table_head;
    uint32_t head = queue->free_head;
    bool order = queue->device_order;
    struct split_descriptor *descriptor = (struct split_descriptor *)queue->descriptors + head;
    struct table table = { point_at_table(queue, descriptor, count), vpt_pair(order, DESCRIPTOR_NEXT, 1), 0 };
    uint64_t readable_sum;

    vpt_store32(&descriptor->flags, split_flags(order, DESCRIPTOR_INDIRECT, 0));
    prepare_commit(queue, head, token);
    put_table(order, &table, segments, first_writable);
    readable_sum = table.sum;
    table.word |= vpt_pair(order, DESCRIPTOR_WRITE, 0);
    put_table(order, &table, first_writable, first_writable + writable);
    if (VPT_UNLIKELY(general_too_long(table.sum, count))) {
        return vpt_queue_refuse(segments, count);
    }
    vpt_store32(&table.next[-1].flags, split_flags(order, writable != 0 ? DESCRIPTOR_WRITE : 0u, 0));
    queue->table_head = queue->table_links[index];
    queue->table_count--;
    queue->free_head = queue->links[head];
    queue->free_count--;
    commit(queue, head, head, COUNT_TABLE_0 + index, (uint32_t)(table.sum - readable_sum) + writable);
    return VPT_OK;
}

/* Adds a request as a chain of descriptors of the ring. */
VPT_OUT_OF_LINE enum vpt_status add_chain(struct vpt_queue *queue, const struct vpt_segment *segments,
                                          uint32_t readable, uint32_t writable, void *token)
{
    const struct vpt_segment *first_writable;
    uint32_t count = readable + writable;
    uint32_t head = queue->free_head;
    struct chain chain = { NULL, 0, head, 0 };
    uint64_t readable_sum;

    if (VPT_UNLIKELY(count - 1u >= queue->free_count)) {
        return refuse_for_room(queue, count);
    }
    first_writable = segments + readable;
    prepare_commit(queue, head, token);
    put_chain(queue, &chain, segments, first_writable, 0);
    readable_sum = chain.sum;
    put_chain(queue, &chain, first_writable, first_writable + writable, DESCRIPTOR_WRITE);
    if (VPT_UNLIKELY(general_too_long(chain.sum, count))) {
        return vpt_queue_refuse(segments, count);
    }
    vpt_store32(&chain.last->flags, split_flags(queue->device_order, writable != 0 ? DESCRIPTOR_WRITE : 0u, 0));
    queue->free_head = chain.next;
    queue->free_count -= count;
    commit(queue, head, chain.last_index, count, (uint32_t)(chain.sum - readable_sum) + writable);
    return VPT_OK;
}

/* Takes the id, whose token is set, and `entries` of the ring. `count` as in vpt_queue_slot. */
VPT_INLINE enum vpt_status commit_packed(struct vpt_queue *queue, uint32_t word, uint32_t entries, uint32_t count,
                                         uint32_t writable)
{
    struct vpt_queue_slot *slot = &queue->slots[queue->free_head];

    slot->writable = writable;
    slot->count = (uint16_t)count;
    queue->free_head = slot->tail;
    queue->free_count -= entries;
    packed_commit(queue, word, entries);
    return VPT_OK;
}

VPT_INLINE enum vpt_status commit_packed_table(struct vpt_queue *queue, uint32_t writable)
{
    uint32_t table = queue->table_head;

    queue->table_head = queue->table_links[table];
    queue->table_count--;
    return commit_packed(queue, queue->available_word | PACKED_WORD(queue->free_head, DESCRIPTOR_INDIRECT), 1,
                         COUNT_TABLE_0 + table, writable);
}

/* Descriptors of neighbours while they are written. */
struct neighbours {
    struct packed_descriptor *next;
    uint32_t word; /* id and flags */
    uint64_t sum;  /* of length - 1 */
};

/* Writes neighbours of one direction. */
VPT_INLINE void put_neighbours(struct neighbours *neighbours, const struct vpt_segment *segments,
                               const struct vpt_segment *end)
{
    while (segments != end) {
        uint32_t length = segments->length;

        vpt_store64(&neighbours->next->address, vpt_order64(true, segments->address));
        vpt_store32(&neighbours->next->length, vpt_order32(true, length));
        vpt_store32(&neighbours->next->id, vpt_order32(true, neighbours->word));
        neighbours->sum += length - 1u;
        neighbours->next++;
        segments++;
    }
}

/*
 * The descriptors behind the first one of a request that is refused are marked as available. The next request may be
 * shorter, and the device would take them for further requests: they get the flags of the lap before.
 */
VPT_COLD enum vpt_status refuse_written(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t count)
{
    uint32_t flags = queue->available_word == PACKED_WORD(0, PACKED_AVAILABLE) ? 0u : PACKED_BOTH;
    uint32_t i;

    for (i = 1; i < count; i++) {
        vpt_store16(&(packed_ring(queue) + queue->entry + i)->flags, vpt_order16(true, (uint16_t)flags));
    }
    return vpt_queue_refuse(segments, count);
}

VPT_OUT_OF_LINE enum vpt_status packed_add_table(struct vpt_queue *queue, const struct vpt_segment *segments,
                                                 uint32_t readable, uint32_t writable, void *token)
{
    const struct vpt_segment *first_writable = segments + readable;
    struct neighbours table = { NULL, 0, 0 };
    uint64_t readable_sum;

    queue->slots[queue->free_head].token = token;
    table.next =
        (struct packed_descriptor *)point_at_table(queue, packed_ring(queue) + queue->entry, readable + writable);
    put_neighbours(&table, segments, first_writable);
    readable_sum = table.sum;
    table.word = PACKED_WORD(0, DESCRIPTOR_WRITE);
    put_neighbours(&table, first_writable, first_writable + writable);
    if (VPT_UNLIKELY(general_too_long(table.sum, readable + writable))) {
        return vpt_queue_refuse(segments, readable + writable);
    }
    return commit_packed_table(queue, (uint32_t)(table.sum - readable_sum) + writable);
}

VPT_OUT_OF_LINE enum vpt_status packed_add_chain(struct vpt_queue *queue, const struct vpt_segment *segments,
                                                 uint32_t readable, uint32_t writable, void *token)
{
    struct packed_descriptor *first;
    const struct vpt_segment *end;
    uint32_t last = readable + writable - 1u;
    uint32_t id = queue->free_head;
    uint32_t word = id | queue->available_word | PACKED_WORD(0, DESCRIPTOR_NEXT);
    struct neighbours chain = { NULL, word, 0 };
    uint64_t readable_sum = 0;

    if (VPT_UNLIKELY(last >= queue->free_count)) {
        return refuse_for_room(queue, last + 1u);
    }
    if (VPT_UNLIKELY(queue->entry + last > queue->mask)) {
        return add_any(queue, segments, readable, writable, token);
    }
    first = packed_ring(queue) + queue->entry;
    chain.next = first + 1;
    end = segments + readable;
    queue->slots[id].token = token;
    vpt_store64(&first->address, vpt_order64(true, segments->address));
    vpt_store32(&first->length, vpt_order32(true, segments->length));
    chain.sum = segments->length - 1u;
    segments++;
    if (readable != 0) {
        put_neighbours(&chain, segments, end);
        readable_sum = chain.sum;
        segments = end;
    } else {
        word |= PACKED_WORD(0, DESCRIPTOR_WRITE);
    }
    if (writable != 0) {
        chain.word |= PACKED_WORD(0, DESCRIPTOR_WRITE);
        put_neighbours(&chain, segments, end + writable);
    }
    if (VPT_UNLIKELY(general_too_long(chain.sum, last + 1u))) {
        return refuse_written(queue, end - readable, last + 1u);
    }
    if (last == 0) {
        word &= ~PACKED_WORD(0, DESCRIPTOR_NEXT);
    } else {
        vpt_store32(&chain.next[-1].id, vpt_order32(true, chain.word & ~PACKED_WORD(0, DESCRIPTOR_NEXT)));
    }
    return commit_packed(queue, word, last + 1u, last + 1u, (uint32_t)(chain.sum - readable_sum) + writable);
}

/* Adds a request while there are tables. A single segment takes one descriptor with or without a table. */
VPT_OUT_OF_LINE enum vpt_status add_either(struct vpt_queue *queue, const struct vpt_segment *segments,
                                           uint32_t readable, uint32_t writable, void *token)
{
    uint32_t count = readable + writable;

    if (queue->free_count != 0 && count > 1u && count <= queue->table_segments) {
        return queue_packed(queue) ? packed_add_table(queue, segments, readable, writable, token)
                                   : add_table(queue, segments, readable, writable, token);
    }
    return queue_packed(queue) ? packed_add_chain(queue, segments, readable, writable, token)
                               : add_chain(queue, segments, readable, writable, token);
}

enum vpt_status vpt_queue_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint16_t readable,
                              uint16_t writable, void *token)
{
    if (!VPT_FOR_SPEED) {
        return add_any(queue, segments, readable, writable, token);
    }
    if (queue->table_count != 0) {
        return add_either(queue, segments, readable, writable, token);
    }
    return queue_packed(queue) ? packed_add_chain(queue, segments, readable, writable, token)
                               : add_chain(queue, segments, readable, writable, token);
}

uint32_t vpt_queue_free(const struct vpt_queue *queue)
{
    return queue->free_count;
}
