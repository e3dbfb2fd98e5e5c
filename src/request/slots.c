/* SPDX-License-Identifier: MIT */
/*
 * Slots on a split virtqueue. Each slot has its own table. Without tables it has a fixed run of descriptors: the first
 * one is in the ring at the number of the slot, and the others come after the first ones of all slots. So the used id
 * is the number of the slot. Header, reply and their lengths are written once, at set-up. A submission writes where its
 * data is, and writes links only if the slot's last request had another shape.
 */
#include "slots.h"

#include "../queue/in_order.h"
#include "../transport/transport_ops.h"
#include "sequential_slots.h"
#include "split_slots.h"

static struct vpt_requests *requests_of(struct vpt_queue *queue)
{
    return VPT_CONTAINER_OF(queue, struct vpt_requests, queue);
}

/* Returns how many slots fit in the ring, if each needs `each` of its entries. */
static uint32_t slots_of(uint32_t wanted, uint32_t size, uint32_t each)
{
    uint32_t slots = 0;

    while (slots < wanted && (slots + 1u) * each <= size) {
        slots++;
    }
    return slots;
}

/* Requests may be as long as the ring (SPLIT-INDIR-3). They are in tables, unless more slots fit without tables. */
static enum vpt_status plan_slots(struct vpt_queue *queue, const struct vpt_queue_wish *wish, uint64_t *private_bytes,
                                  uint64_t *slot_bytes)
{
    struct vpt_requests *requests = requests_of(queue);
    uint32_t size = queue->mask + 1u;
    uint32_t fixed = slot_fixed_descriptors(requests->kind);
    uint32_t run = wish->segments < size ? wish->segments : size;
    uint32_t tables = wish->tables < wish->requests ? wish->tables : wish->requests;

    if (run < fixed || (run == fixed && requests->segments_made != 0)) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    queue->slot_count = slots_of(wish->requests, size, run);
    queue->tables_made = 0;
    queue->table_segments = 0;
    if (run > 1u && tables >= queue->slot_count && vpt_features_has(&queue->device->features, VPT_F_INDIRECT_DESC)) {
        queue->slot_count = slots_of(tables, size, 1);
        queue->tables_made = (uint16_t)queue->slot_count;
        queue->table_segments = (uint16_t)run;
    }
    requests->run = run;
    requests->segments_made = run - fixed;
    *private_bytes = VPT_REQUESTS_PRIVATE_SIZE(queue->slot_count);
    *slot_bytes = (uint64_t)queue->slot_count * requests->slot_size;
    return VPT_OK;
}

static void write_descriptor(bool order, struct split_descriptor *descriptor, uint64_t address, uint32_t length,
                             uint32_t flags)
{
    vpt_store64(&descriptor->address, vpt_order64(order, address));
    vpt_store32(&descriptor->length, vpt_order32(order, length));
    vpt_store32(&descriptor->flags, split_flags(order, flags, 0));
}

/* Where there is no reply, its place is behind a single segment. */
static void prepare_slot(struct vpt_requests *requests, uint32_t slot)
{
    const struct vpt_requests_kind *kind = requests->kind;
    struct vpt_queue *queue = &requests->queue;
    struct split_descriptor *descriptor = slot_first(requests, slot);
    struct vpt_request_place *place = &requests->places[slot];
    uint64_t address = slot_address(requests, slot);
    bool order = queue->device_order;
    uint32_t index;

    if (queue->table_segments != 0) {
        uint32_t bytes = requests->run * (uint32_t)sizeof(struct split_descriptor);

        write_descriptor(order, slot_descriptor(queue->descriptors, slot),
                         queue->areas[VPT_AREA_TABLES].memory.device_address + (uint64_t)slot * bytes, bytes,
                         DESCRIPTOR_INDIRECT);
    }
    if (kind->header != 0) {
        write_descriptor(order, descriptor, address, kind->header, 0);
        descriptor = slot_rest(requests, slot, descriptor, &index);
        index += VPT_FOR_SPEED && kind->reply == 0 ? 1u : requests->run - 2u;
        descriptor += index;
        place->reply = descriptor;
        place->index = (uint16_t)index;
    } else if (VPT_FOR_SPEED) {
        place->reply = descriptor + 1;
    }
    if (kind->reply != 0) {
        write_descriptor(order, descriptor, address + kind->header, kind->reply, DESCRIPTOR_WRITE);
    }
    slot_set_shape(place, SHAPE_NONE);
    queue->slots[slot].count = 0;
    queue->slots[slot].tail = (uint16_t)(slot + 1u < queue->slot_count ? slot + 1u : 0u);
}

static void prepare_slots(struct vpt_queue *queue)
{
    struct vpt_requests *requests = requests_of(queue);
    uint32_t slot;

    requests->places = (struct vpt_request_place *)(void *)(queue->slots + queue->slot_count);
    vpt_queue_zero(queue->areas[VPT_AREA_SLOTS].memory.address, (size_t)queue->slot_count * requests->slot_size);
    for (slot = 0; slot < queue->slot_count; slot++) {
        if (queue_sequential(queue)) {
            vpt_sequential_prepare_slot(requests, slot);
        } else {
            prepare_slot(requests, slot);
        }
    }
    queue->free_count = queue->slot_count;
    in_order_prepare(queue);
}

const struct vpt_queue_form vpt_slots_form = { plan_slots, prepare_slots };

enum vpt_status vpt_slots_refuse(const struct vpt_requests *requests, uint32_t count)
{
    enum vpt_status status = queue_alive(&requests->queue);

    if (status != VPT_OK) {
        return status;
    }
    return count > requests->segments ? VPT_CALLER_TOO_LONG : VPT_RESOURCE_FULL;
}

/* ---- Submission ---- */

/* Writes where a segment is, and its length, which it adds to `*bytes`. */
VPT_INLINE enum vpt_status write_segment(const struct vpt_requests *requests, struct split_descriptor *descriptor,
                                         const struct vpt_segment *segment, uint64_t *bytes)
{
    bool order = requests->queue.device_order;
    uint32_t length = segment->length;

    if (VPT_UNLIKELY(length - 1u >= requests->segment_max)) {
        return length == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
    }
    vpt_store64(&descriptor->address, vpt_order64(order, segment->address));
    vpt_store32(&descriptor->length, vpt_order32(order, length));
    *bytes += length;
    return VPT_OK;
}

/* Writes the slot's links for a request and submits it, or refuses it if it is too long. */
VPT_COLD enum vpt_status submit_relinked(struct vpt_requests *requests, const struct vpt_segment *segments,
                                         uint32_t count, bool writable, void *token)
{
    uint32_t slot = requests->queue.free_head;
    struct vpt_request_place *place = &requests->places[slot];
    uint32_t flags = writable ? DESCRIPTOR_NEXT | DESCRIPTOR_WRITE : DESCRIPTOR_NEXT;
    bool order = requests->queue.device_order;
    struct split_descriptor *descriptor;
    uint64_t bytes = 0;
    uint32_t index;
    uint32_t i;

    if (count > requests->segments) {
        return VPT_CALLER_TOO_LONG;
    }
    descriptor = (struct split_descriptor *)place->reply - count;
    index = place->index - count;
    slot_set_shape(place, SHAPE_NONE);
    vpt_store32(&slot_first(requests, slot)->flags, split_flags(order, DESCRIPTOR_NEXT, index));
    for (i = 0; i < count; i++) {
        enum vpt_status status = write_segment(requests, descriptor, &segments[i], &bytes);

        if (status != VPT_OK) {
            return status;
        }
        index++;
        vpt_store32(&descriptor->flags, split_flags(order, flags, index));
        descriptor++;
    }
    if (bytes > SLOT_BYTES_MAX) {
        return VPT_CALLER_TOO_LONG;
    }
    slot_set_shape(place, slot_shape(count, writable));
    slot_prepare_commit(requests, slot, token);
    slot_commit(requests, slot, (writable ? (uint32_t)bytes : 0u) + requests->kind->reply);
    return VPT_OK;
}

/*
 * Submits header, data of one direction and reply. The links of the slot's last request are kept if this request had
 * the same number of segments and the same direction.
 */
enum vpt_status vpt_requests_submit_framed(struct vpt_requests *requests, const struct vpt_segment *segments,
                                           uint32_t count, bool writable, void *token)
{
    uint32_t slot = requests->queue.free_head;
    const struct vpt_request_place *place = &requests->places[slot];
    struct split_descriptor *descriptor;
    uint64_t bytes = 0;

    if (queue_sequential(&requests->queue)) {
        return vpt_sequential_submit(requests, segments, writable ? 0 : count, writable ? count : 0, token);
    }
    /* A slot's shape never has more segments than are allowed; the first test is for the static analyser. */
    if (!VPT_FOR_SPEED || VPT_UNLIKELY(count > requests->segments || slot_shape(count, writable) != place->shape)) {
        return submit_relinked(requests, segments, count, writable, token);
    }
    slot_prepare_commit(requests, slot, token);
    descriptor = (struct split_descriptor *)place->reply - count;
    for (; count != 0; count--) {
        enum vpt_status status = write_segment(requests, descriptor, segments, &bytes);

        if (VPT_UNLIKELY(status != VPT_OK)) {
            return status;
        }
        descriptor++;
        segments++;
    }
    if (VPT_UNLIKELY(bytes > SLOT_BYTES_MAX)) {
        return VPT_CALLER_TOO_LONG;
    }
    slot_commit(requests, slot, (writable ? (uint32_t)bytes : 0u) + requests->kind->reply);
    return VPT_OK;
}
