/* SPDX-License-Identifier: MIT */
/* Several requests in one call where descriptors are used in the order of the ring. batch.c is for all others. */
#include "sequential_batch.h"

#include "../queue/in_order.h"
#include "../queue/sequential.h"
#include "slots.h"
#include "split_slots.h"

/* Each of at most `count` requests has taken one descriptor; `entry` is behind the last. Returns how many there are. */
static uint32_t take_descriptors(struct vpt_queue *queue, uint32_t entry, uint32_t flags, uint32_t count)
{
    uint32_t done = entry - queue->entry;

    if (entry <= queue->entry) {
        done += queue->mask + 1u;
    }
    /* For the static analyser. */
    count = done < count ? done : count;
    queue->free_count -= count;
    queue->entry = entry;
    queue->available_word = flags & PACKED_WORD(0, PACKED_BOTH);
    queue->available_index += count;
    return count;
}

/* What is the same for all requests of a batch: each has its first one's shape, and its data in one segment. */
struct alike {
    uint64_t distance; /* from the address of a slot's data descriptor to the device address of the slot's table */
    uint32_t table_bytes;
    uint32_t most; /* of the data, in bytes */
    uint32_t reply;
    uint32_t shape;
    uint32_t length_mask; /* of the data's length: what the device may write, all or nothing */
};

/* The loop over the requests cannot read it from where it is: the compiler cannot know that no store changes it. */
VPT_INLINE struct alike alike_of(const struct vpt_requests *requests, const struct vpt_request *first)
{
    const struct vpt_memory *tables = &requests->queue.areas[VPT_AREA_TABLES].memory;
    const uint32_t size = (uint32_t)sizeof(struct packed_descriptor);

    return (struct alike){
        .distance = tables->device_address - (uintptr_t)tables->address - (requests->kind->header != 0 ? size : 0u),
        .table_bytes = (slot_fixed_descriptors(requests->kind) + 1u) * size,
        .most = requests->segment_max < SLOT_BYTES_MAX ? requests->segment_max : SLOT_BYTES_MAX,
        .reply = requests->kind->reply,
        .shape = slot_shape(1, first->writable != 0),
        .length_mask = first->writable != 0 ? 0xffffffffu : 0u,
    };
}

VPT_INLINE uint32_t submit_in_tables(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count,
                                     bool packed)
{
    struct vpt_queue *queue = &requests->queue;
    struct vpt_request_place *const places = requests->places;
    struct vpt_queue_slot *const slots = queue->slots;
    struct packed_descriptor *const ring = packed_ring(queue);
    const struct alike alike = alike_of(requests, batch);
    const struct vpt_request *const begin = batch;
    const struct vpt_request *const end = batch + count;
    struct packed_descriptor *descriptor = ring + queue->entry;
    const struct packed_descriptor *stop = ring + queue->mask; /* where there is more to do than going on */
    uint32_t flags = queue->available_word | PACKED_WORD(0, DESCRIPTOR_INDIRECT);
    uint32_t index = queue->available_index;
    uint32_t head = queue->free_head;

    if (packed && index == queue->published) {
        /* The first descriptor is not available before vpt_packed_show(). */
        queue->held_entry = queue->entry;
        queue->held_word = flags | head;
        flags ^= PACKED_WORD(0, PACKED_BOTH);
        stop = descriptor;
    }
    for (; batch != end; batch++) {
        struct vpt_queue_slot *slot = &slots[head];
        struct packed_descriptor *data = places[head].reply;
        uint32_t length;

        if (places[head].shape != alike.shape || (batch->readable | ((uint32_t)batch->writable << 16)) != alike.shape) {
            break;
        }
        length = batch->segments->length;
        if (length - 1u >= alike.most) {
            break;
        }
        vpt_store64(&descriptor->address, vpt_order64(true, alike.distance + (uintptr_t)data));
        vpt_store32(&descriptor->length, vpt_order32(true, alike.table_bytes));
        vpt_store64(&data->address, vpt_order64(true, batch->segments->address));
        vpt_store32(&data->length, vpt_order32(true, length));
        slot->token = batch->token;
        slot->writable = (length & alike.length_mask) + alike.reply;
        slot->count = 1;
        if (packed) {
            vpt_store32(&descriptor->id, vpt_order32(true, head | flags));
        } else {
            places[head].index = (uint16_t)(descriptor - ring);
            vpt_store32(&descriptor->id, vpt_order32(true, DESCRIPTOR_INDIRECT));
            vpt_store16(&split_available_ring(queue)->ring[index & queue->mask], vpt_order16(true, places[head].index));
            index++;
        }
        head = slot->tail;
        if (!VPT_UNLIKELY(descriptor >= stop)) {
            descriptor++;
            continue;
        }
        if (packed && batch == begin && index == queue->published) {
            flags ^= PACKED_WORD(0, PACKED_BOTH);
        }
        stop = ring + queue->mask;
        if (descriptor != stop) {
            descriptor++;
        } else {
            descriptor = ring;
            flags ^= PACKED_WORD(0, PACKED_BOTH);
        }
    }
    if (batch == begin) {
        return 0;
    }
    queue->free_head = head;
    return take_descriptors(queue, (uint32_t)(descriptor - ring), flags, count);
}

uint32_t vpt_sequential_submit_alike(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count)
{
    const struct vpt_queue *queue = &requests->queue;

    count = count < queue->free_count ? count : queue->free_count;
    /* Without a free slot the queue may not be set up. */
    if (count == 0) {
        return 0;
    }
    return sequential_packed(queue) ? submit_in_tables(requests, batch, count, true)
                                    : submit_in_tables(requests, batch, count, false);
}

VPT_INLINE void fill(struct vpt_completion *completion, const struct vpt_queue_slot *slot, uint32_t length)
{
    completion->token = slot->token;
    completion->length = length < slot->writable ? length : slot->writable;
    completion->status = VPT_OK;
}

/* On a queue with IN_ORDER: the rest of a batch, of which the ring is read only once. */
static uint32_t take_in_order(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    struct vpt_queue *queue = &requests->queue;
    struct vpt_queue_slot *const slots = queue->slots;
    uint32_t entries = 0;
    uint32_t id = queue->oldest;
    uint32_t done;

    if (queue->batch_left == 0 && vpt_slots_begin_batch(requests) != VPT_OK) {
        return 0;
    }
    count = count < queue->batch_left ? count : queue->batch_left;
    for (done = 0; done < count; done++) {
        struct vpt_queue_slot *slot = &slots[id];

        fill(&completions[done], slot, 0xffffffffu);
        entries += slot->count;
        slot->count = 0;
        id = slot->tail;
    }
    if (sequential_packed(queue)) {
        packed_advance_used(queue, entries);
    }
    VPT_WRITE_ONCE(queue->batch_left, queue->batch_left - count);
    /* The second test is for the static analyser. */
    if (queue->batch_left == 0 && count != 0 && completions[count - 1u].length > queue->batch_length) {
        completions[count - 1u].length = queue->batch_length;
    }
    queue->oldest = id;
    queue->free_count += count;
    return count;
}

/* On a packed queue whose requests come back in any order. `count` is not 0. */
static uint32_t take_packed(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    struct vpt_queue *queue = &requests->queue;
    const struct packed_descriptor *const ring = packed_ring(queue);
    struct vpt_queue_slot *const slots = queue->slots;
    const struct vpt_completion *const begin = completions;
    const struct vpt_completion *const end = completions + count;
    const uint32_t slot_count = queue->slot_count;
    const uint32_t mask = queue->mask;
    const bool strong = queue->strong;
    uint32_t entry = queue->used_entry;
    uint32_t used = queue->used_flags;
    uint32_t head = queue->free_head;

    do {
        const struct packed_descriptor *descriptor = ring + entry;
        struct vpt_queue_slot *slot;
        uint32_t length;
        uint32_t id;

        if ((vpt_order16(true, vpt_load16(&descriptor->flags)) & PACKED_BOTH) != used) {
            break;
        }
        vpt_barrier_loads(strong);
        id = vpt_order16(true, vpt_load16(&descriptor->id));
        length = vpt_order32(true, vpt_load32(&descriptor->length));
        if (VPT_UNLIKELY(id >= slot_count || slots[id].count == 0)) {
            break;
        }
        slot = &slots[id];
        fill(completions, slot, length);
        entry += slot->count;
        slot->count = 0;
        slot->tail = (uint16_t)head;
        head = id;
        if (VPT_UNLIKELY(entry > mask)) {
            entry -= mask + 1u;
            used ^= PACKED_BOTH;
        }
        completions++;
    } while (completions != end);
    count = (uint32_t)(completions - begin);
    VPT_WRITE_ONCE(queue->used_entry, entry);
    VPT_WRITE_ONCE(queue->used_flags, used);
    queue->free_head = head;
    queue->free_count += count;
    return count;
}

uint32_t vpt_sequential_take_seen(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    const struct vpt_queue *queue = &requests->queue;

    if (queue_in_order(queue)) {
        return take_in_order(requests, completions, count);
    }
    if (queue->available_index != queue->published || queue_without_ring(queue)) {
        return 0;
    }
    return take_packed(requests, completions, count);
}
