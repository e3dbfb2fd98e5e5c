/* SPDX-License-Identifier: MIT */
/*
 * Requests of every shape on a split virtqueue. slots.c has the fast path for data of one direction between header and
 * reply; the rest is here.
 */
#include "sequential_slots.h"
#include "slots.h"
#include "split_slots.h"

/* A request of any other shape while it is written. */
struct chain {
    bool order;
    struct split_descriptor *first;  /* of the slot */
    struct split_descriptor *second; /* and the following ones */
    uint32_t index;                  /* number of the second */
    uint32_t used;                   /* how many from the second on have data */
    struct split_descriptor *last;   /* NULL: nothing was written yet */
    uint32_t flags;                  /* of the last descriptor, without NEXT */
    uint64_t bytes[2];               /* readable, writable */
};

/* Links the last descriptor to this one, which becomes the last. */
static void append(struct chain *chain, struct split_descriptor *descriptor, uint32_t index, uint32_t flags)
{
    if (chain->last != NULL) {
        vpt_store32(&chain->last->flags, split_flags(chain->order, chain->flags | DESCRIPTOR_NEXT, index));
    }
    chain->last = descriptor;
    chain->flags = flags;
}

/* Appends data of one direction. Returns false if a segment is empty, or longer than `most`. */
static bool append_data(struct chain *chain, const struct vpt_segment *segments, uint32_t count, uint32_t flags,
                        uint32_t most)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct split_descriptor *descriptor = chain->first;

        if (segments[i].length - 1u >= most) {
            return false;
        }
        if (chain->last != NULL) {
            descriptor = chain->second + chain->used;
            chain->used++;
        }
        append(chain, descriptor, chain->index + chain->used - 1u, flags);
        vpt_store64(&descriptor->address, vpt_order64(chain->order, segments[i].address));
        vpt_store32(&descriptor->length, vpt_order32(chain->order, segments[i].length));
        chain->bytes[flags != 0] += segments[i].length;
    }
    return true;
}

/* Begins a request in a slot, with its header if it has one. */
static void begin_chain(struct vpt_requests *requests, uint32_t slot, struct chain *chain)
{
    vpt_zero(chain, sizeof(*chain));
    chain->order = requests->queue.device_order;
    chain->first = slot_first(requests, slot);
    chain->second = slot_rest(requests, slot, chain->first, &chain->index);
    chain->second += chain->index;
    chain->bytes[1] = requests->kind->reply;
    slot_set_shape(&requests->places[slot], SHAPE_NONE); /* its links change */
    if (requests->kind->header != 0) {
        append(chain, chain->first, 0, 0);
    }
}

static void append_reply(struct chain *chain, const struct vpt_requests *requests)
{
    uint32_t place = requests->run - 2u;

    if (requests->kind->header == 0) {
        append(chain, chain->first, 0, DESCRIPTOR_WRITE);
    } else {
        append(chain, chain->second + place, chain->index + place, DESCRIPTOR_WRITE);
    }
}

/* Submits data of both directions, requests without a header or a reply, or with a reply before the written data. */
VPT_COLD enum vpt_status submit_other(struct vpt_requests *requests, const struct vpt_segment *segments,
                                      uint32_t readable, uint32_t writable, void *token)
{
    uint32_t slot = requests->queue.free_head;
    struct chain chain;
    bool reply_first;

    if (readable + writable > requests->segments) {
        return VPT_CALLER_TOO_LONG;
    }
    reply_first = requests->kind->reply_first;
    begin_chain(requests, slot, &chain);
    if (!append_data(&chain, segments, readable, 0, requests->segment_max)) {
        return vpt_queue_refuse(segments, readable);
    }
    if (requests->kind->reply != 0 && reply_first) {
        append_reply(&chain, requests);
    }
    if (writable != 0 && !append_data(&chain, segments + readable, writable, DESCRIPTOR_WRITE, requests->segment_max)) {
        return vpt_queue_refuse(segments + readable, writable);
    }
    if (requests->kind->reply != 0 && !reply_first) {
        append_reply(&chain, requests);
    }
    if (chain.last == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (chain.bytes[0] + chain.bytes[1] > SLOT_BYTES_MAX) {
        return VPT_CALLER_TOO_LONG;
    }
    vpt_store32(&chain.last->flags, split_flags(chain.order, chain.flags, 0));
    if (requests->kind->reply == 0 && readable + writable == 1u) {
        /* As if there were a reply behind the segment: the next request of this shape only writes where its data is. */
        slot_set_shape(&requests->places[slot], slot_shape(1, writable != 0));
    }
    slot_prepare_commit(requests, slot, token);
    slot_commit(requests, slot, (uint32_t)chain.bytes[1]);
    return VPT_OK;
}

enum vpt_status vpt_requests_submit(struct vpt_requests *requests, const struct vpt_segment *segments,
                                    uint16_t readable, uint16_t writable, void *token)
{
    if (VPT_UNLIKELY(requests->queue.free_count == 0)) {
        return vpt_slots_refuse(requests, (uint32_t)readable + writable);
    }
    if (queue_sequential(&requests->queue)) {
        return vpt_sequential_submit(requests, segments, readable, writable, token);
    }
    if (slot_framed(requests->kind) && (readable == 0 || writable == 0)) {
        return vpt_requests_submit_framed(requests, segments, (uint32_t)readable + writable, readable == 0, token);
    }
    return submit_other(requests, segments, readable, writable, token);
}
