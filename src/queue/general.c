/* SPDX-License-Identifier: MIT */
/* Free-form requests on a split virtqueue: chains along a free list of descriptors, or indirect tables. */
#include "packed_general.h"

#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "in_order.h"

static uint16_t at_most(uint32_t value, uint32_t limit)
{
    return (uint16_t)(value < limit ? value : limit);
}

/* A request has at most as many entries as the queue, even in a table (SPLIT-INDIR-3). */
static enum vpt_status plan_general(struct vpt_queue *queue, const struct vpt_queue_wish *wish, uint64_t *private_bytes,
                                    uint64_t *slot_bytes)
{
    uint32_t size = queue->mask + 1u;

    queue->slot_count = size;
    if (wish->segments >= 2u && vpt_features_has(&queue->device->features, VPT_F_INDIRECT_DESC)) {
        queue->tables_made = at_most(at_most(wish->tables, size), TABLES_MAX);
        queue->table_segments = at_most(wish->segments, size);
    }
    *private_bytes = VPT_QUEUE_PRIVATE_SIZE(size, queue->tables_made);
    *slot_bytes = 0;
    return VPT_OK;
}

/* Links each entry to the next one, and the last to the first. */
static void link_all(uint16_t *links, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        links[i] = (uint16_t)(i + 1u < count ? i + 1u : 0u);
    }
}

static void prepare_general(struct vpt_queue *queue)
{
    uint32_t i;

    queue->links = (uint16_t *)(void *)(queue->slots + queue->slot_count);
    queue->table_links = queue->links + queue->slot_count;
    for (i = 0; i < queue->slot_count; i++) {
        queue->slots[i].count = 0;
        queue->slots[i].tail = (uint16_t)(i + 1u < queue->slot_count ? i + 1u : 0u); /* the next id of a packed ring */
    }
    link_all(queue->links, queue->slot_count);
    queue->table_count = queue_has(queue, VPT_F_INDIRECT_DESC) ? queue->tables_made : 0u;
    link_all(queue->table_links, queue->table_count);
    queue->free_count = queue->slot_count;
    in_order_prepare(queue);
}

enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config)
{
    static const struct vpt_queue_form form = { plan_general, prepare_general };
    struct vpt_queue_wish wish;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device != NULL && vpt_queue_in_use(device, queue)) {
        return VPT_CALLER_STATE;
    }
    vpt_zero(queue, sizeof(*queue));
    if (device == NULL || config == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    wish.memory = &config->memory;
    wish.size = config->size;
    wish.most = VPT_QUEUE_DEFAULT_SIZE_MAX;
    wish.requests = 0;
    wish.tables = config->indirect_tables;
    wish.segments = config->indirect_segments;
    wish.index = config->index;
    return vpt_queue_set_up(queue, device, &wish, &form);
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
VPT_INLINE_FOR_SPEED void put_chain(const struct vpt_queue *queue, struct chain *chain,
                                    const struct vpt_segment *segments, const struct vpt_segment *end, uint32_t flags)
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

VPT_INLINE_FOR_SPEED void put_table(bool order, struct table *table, const struct vpt_segment *segments,
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

/* Makes descriptor `head` point to table number `index` with `count` entries, and returns the table. */
VPT_INLINE_FOR_SPEED struct split_descriptor *point_at_table(const struct vpt_queue *queue, uint32_t head,
                                                             uint32_t index, uint32_t count)
{
    struct split_descriptor *descriptor = (struct split_descriptor *)queue->descriptors + head;
    const struct vpt_memory *tables = &queue->areas[VPT_AREA_TABLES].memory;
    size_t offset = (size_t)index * queue->table_segments;
    bool order = queue->device_order;

    vpt_store64(&descriptor->address,
                vpt_order64(order, tables->device_address + offset * sizeof(struct split_descriptor)));
    vpt_store32(&descriptor->length, vpt_order32(order, count * (uint32_t)sizeof(struct split_descriptor)));
    vpt_store32(&descriptor->flags, split_flags(order, DESCRIPTOR_INDIRECT, 0));
    return (struct split_descriptor *)tables->address + offset;
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
    struct table table = { point_at_table(queue, head, index, count), vpt_pair(order, DESCRIPTOR_NEXT, 1), 0 };
    uint64_t readable_sum;

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
        return vpt_general_refuse(queue, count);
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

/* Adds a request while there are tables. A single segment takes one descriptor with or without a table. */
VPT_OUT_OF_LINE enum vpt_status add_either(struct vpt_queue *queue, const struct vpt_segment *segments,
                                           uint32_t readable, uint32_t writable, void *token)
{
    uint32_t count = readable + writable;

    if (queue->free_count != 0 && count > 1u && count <= queue->table_segments) {
        return queue_packed(queue) ? vpt_packed_add_table(queue, segments, readable, writable, token)
                                   : add_table(queue, segments, readable, writable, token);
    }
    return queue_packed(queue) ? vpt_packed_add_chain(queue, segments, readable, writable, token)
                               : add_chain(queue, segments, readable, writable, token);
}

enum vpt_status vpt_queue_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint16_t readable,
                              uint16_t writable, void *token)
{
    if (queue->table_count != 0) {
        return add_either(queue, segments, readable, writable, token);
    }
    return queue_packed(queue) ? vpt_packed_add_chain(queue, segments, readable, writable, token)
                               : add_chain(queue, segments, readable, writable, token);
}

uint32_t vpt_queue_free(const struct vpt_queue *queue)
{
    return queue->free_count;
}
