/* SPDX-License-Identifier: MIT */
/* Free-form requests on a packed virtqueue: chains of neighbours in the ring, or indirect tables. */
#include "packed_general.h"
#include "queue_internal.h"
#include "sequential.h"

/* Takes the id, whose token is set, and `entries` of the ring. `count` as in vpt_queue_slot. */
VPT_INLINE_FOR_SPEED enum vpt_status commit_packed(struct vpt_queue *queue, uint32_t word, uint32_t entries,
                                                   uint32_t count, uint32_t writable)
{
    struct vpt_queue_slot *slot = &queue->slots[queue->free_head];

    slot->writable = writable;
    slot->count = (uint16_t)count;
    queue->free_head = slot->tail;
    queue->free_count -= entries;
    packed_commit(queue, word, entries);
    return VPT_OK;
}

/* Returns the next table, and lets the next descriptor of the ring point to it. */
VPT_INLINE_FOR_SPEED struct packed_descriptor *begin_table(const struct vpt_queue *queue, uint32_t count)
{
    const struct vpt_memory *tables = &queue->areas[VPT_AREA_TABLES].memory;
    size_t offset = (size_t)queue->table_head * queue->table_segments;
    struct packed_descriptor *descriptor = packed_ring(queue) + queue->entry;

    vpt_store64(&descriptor->address, vpt_order64(true, tables->device_address + offset * sizeof(*descriptor)));
    vpt_store32(&descriptor->length, vpt_order32(true, count * (uint32_t)sizeof(*descriptor)));
    return (struct packed_descriptor *)tables->address + offset;
}

VPT_INLINE_FOR_SPEED enum vpt_status commit_packed_table(struct vpt_queue *queue, uint32_t writable)
{
    uint32_t table = queue->table_head;

    queue->table_head = queue->table_links[table];
    queue->table_count--;
    return commit_packed(queue, queue->available_word | PACKED_WORD(queue->free_head, DESCRIPTOR_INDIRECT), 1,
                         COUNT_TABLE_0 + table, writable);
}

/* Adds any request: in a table or as a chain, which may go past the end of the ring. */
VPT_COLD enum vpt_status add_any(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                 uint32_t writable, void *token, bool table)
{
    const struct sequential_part parts[2] = { { segments, readable, 0 },
                                              { segments + readable, writable, DESCRIPTOR_WRITE } };
    struct sequential_writer writer;
    uint32_t count = readable + writable;
    uint64_t bytes[2] = { 0, 0 };

    /* There is room; the last test is for the static analyser. */
    if (vpt_sequential_measure(parts, 0xffffffffu, bytes) != VPT_OK || bytes[0] + bytes[1] > 0xffffffffu ||
        count > queue->mask + 1u) {
        return vpt_queue_refuse(segments, count);
    }
    queue->slots[queue->free_head].token = token;
    if (table) {
        sequential_begin_table(queue, &writer, count, begin_table(queue, count));
    } else {
        sequential_begin(queue, &writer, count);
    }
    vpt_sequential_put(queue, &writer, parts, 2);
    if (table) {
        return commit_packed_table(queue, (uint32_t)bytes[1]);
    }
    return commit_packed(queue, packed_first_word(queue, count, readable == 0 ? DESCRIPTOR_WRITE : 0u), count, count,
                         (uint32_t)bytes[1]);
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

enum vpt_status vpt_packed_add_table(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                     uint32_t writable, void *token)
{
    const struct vpt_segment *first_writable = segments + readable;
    struct neighbours table = { NULL, 0, 0 };
    uint64_t readable_sum;

    if (!VPT_FOR_SPEED) {
        return add_any(queue, segments, readable, writable, token, true);
    }
    queue->slots[queue->free_head].token = token;
    table.next = begin_table(queue, readable + writable);
    put_neighbours(&table, segments, first_writable);
    readable_sum = table.sum;
    table.word = PACKED_WORD(0, DESCRIPTOR_WRITE);
    put_neighbours(&table, first_writable, first_writable + writable);
    if (VPT_UNLIKELY(general_too_long(table.sum, readable + writable))) {
        return vpt_queue_refuse(segments, readable + writable);
    }
    return commit_packed_table(queue, (uint32_t)(table.sum - readable_sum) + writable);
}

enum vpt_status vpt_packed_add_chain(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                     uint32_t writable, void *token)
{
    struct packed_descriptor *first;
    const struct vpt_segment *end;
    uint32_t last = readable + writable - 1u;
    uint32_t id = queue->free_head;
    uint32_t word = id | queue->available_word | PACKED_WORD(0, DESCRIPTOR_NEXT);
    struct neighbours chain = { NULL, word, 0 };
    uint64_t readable_sum = 0;

    if (VPT_UNLIKELY(last >= queue->free_count)) {
        return vpt_general_refuse(queue, last + 1u);
    }
    if (!VPT_FOR_SPEED || VPT_UNLIKELY(queue->entry + last > queue->mask)) {
        return add_any(queue, segments, readable, writable, token, false);
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
