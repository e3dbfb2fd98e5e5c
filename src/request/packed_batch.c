/* SPDX-License-Identifier: MIT */
/* Several requests in one call on a packed virtqueue, as batch.c has them for a split one. */
#include "packed_slots.h"

#include "../queue/packed.h"
#include "split_slots.h"

uint32_t vpt_packed_submit_alike(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count)
{
    struct vpt_queue *queue = &requests->queue;
    /* What the loop needs is read once, since the compiler cannot know that no store changes it. */
    const struct vpt_request_place *const places = requests->places;
    struct vpt_queue_slot *const slots = queue->slots;
    struct packed_descriptor *ring = packed_ring(queue);
    const struct packed_descriptor *const ring_end = ring + queue->mask;
    const uint32_t table_bytes = requests->run * (uint32_t)sizeof(*ring);
    const uint32_t shape = slot_shape(1, batch->writable != 0);
    const uint32_t length_mask = batch->writable != 0 ? 0xffffffffu : 0u;
    const bool order = queue->device_order;
    uint32_t head = queue->free_head;
    uint32_t last_added = queue->last_added;
    uint32_t flags = queue->available_flags | DESCRIPTOR_INDIRECT;
    uint64_t address;
    uint32_t segment_max;
    uint32_t header;
    uint32_t reply;
    uint32_t done;

    /* The first one that the device has not been shown is not for here; and without a free slot nothing may be set up. */
    if (queue->available_index == queue->published || queue->free_count == 0) {
        return 0;
    }
    address =
        queue->areas[VPT_AREA_TABLES].memory.device_address - (uintptr_t)queue->areas[VPT_AREA_TABLES].memory.address;
    segment_max = requests->segment_max < SLOT_BYTES_MAX ? requests->segment_max : SLOT_BYTES_MAX;
    header = requests->kind->header != 0 ? 1u : 0u;
    reply = requests->kind->reply;
    count = count < queue->free_count ? count : queue->free_count;
    ring += queue->entry;
    for (done = 0; done < count; done++) {
        struct vpt_queue_slot *slot = &slots[head];
        struct packed_descriptor *table = places[head].reply;
        uint32_t length;
        uint32_t next;

        if (places[head].shape != shape || (batch->readable | ((uint32_t)batch->writable << 16)) != shape) {
            break;
        }
        length = batch->segments->length;
        if (length - 1u >= segment_max) {
            break;
        }
        vpt_store64(&ring->address, vpt_order64(order, address + (uintptr_t)table));
        vpt_store32(&ring->length, vpt_order32(order, table_bytes));
        vpt_store32(&ring->id, packed_word(order, head, flags));
        table += header;
        vpt_store64(&table->address, vpt_order64(order, batch->segments->address));
        vpt_store32(&table->length, vpt_order32(order, length));
        slot->token = batch->token;
        slot->writable = (length & length_mask) + reply;
        slot->count = 1;
        next = slot->tail;
        slot->tail = (uint16_t)last_added;
        last_added = head;
        head = next;
        batch++;
        if (ring == ring_end) {
            ring = packed_ring(queue);
            flags ^= PACKED_BOTH;
        } else {
            ring++;
        }
    }
    queue->free_head = head;
    queue->last_added = last_added;
    queue->entry = (uint32_t)(ring - packed_ring(queue));
    queue->available_flags = flags & PACKED_BOTH;
    queue->available_index += done;
    queue->free_count -= done;
    return done;
}

uint32_t vpt_packed_take_seen(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    struct vpt_queue *queue = &requests->queue;
    const struct packed_descriptor *ring = packed_ring(queue);
    uint32_t head = queue->free_head;
    uint32_t entry = queue->used_entry;
    uint32_t used = queue->used_flags;
    const uint32_t mask = queue->mask;
    const uint32_t slot_count = queue->slot_count;
    struct vpt_queue_slot *const slots = queue->slots;
    const bool strong = queue->strong;
    bool order = queue->device_order;
    uint32_t done;

    if (queue->available_index != queue->published) {
        return 0;
    }
    for (done = 0; done < count; done++) {
        const struct packed_descriptor *descriptor = ring + entry;
        struct vpt_queue_slot *slot;
        uint32_t length;
        uint32_t id;

        if ((vpt_order16(order, vpt_load16(&descriptor->flags)) & PACKED_BOTH) != used) {
            break;
        }
        vpt_barrier_loads(strong);
        id = vpt_order16(order, vpt_load16(&descriptor->id));
        length = vpt_order32(order, vpt_load32(&descriptor->length));
        if (VPT_UNLIKELY(id >= slot_count || slots[id].count == 0)) {
            break;
        }
        slot = &slots[id];
        completions[done].token = slot->token;
        completions[done].length = length < slot->writable ? length : slot->writable;
        completions[done].status = VPT_OK;
        entry += slot->count;
        if (entry > mask) {
            entry -= mask + 1u;
            used ^= PACKED_BOTH;
        }
        slot->count = 0;
        slot->tail = (uint16_t)head;
        head = id;
    }
    VPT_WRITE_ONCE(queue->used_entry, entry);
    VPT_WRITE_ONCE(queue->used_flags, used);
    VPT_WRITE_ONCE(queue->last_used, queue->last_used + done);
    queue->free_head = head;
    queue->free_count += done;
    return done;
}
