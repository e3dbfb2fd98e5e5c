/* SPDX-License-Identifier: MIT */
/* Writes the descriptors of a request, whatever the layout. */
#include "sequential.h"

enum vpt_status vpt_sequential_measure(const struct sequential_part parts[2], uint32_t most, uint64_t bytes[2])
{
    uint32_t part;
    uint32_t i;

    for (part = 0; part < 2u; part++) {
        for (i = 0; i < parts[part].count; i++) {
            uint32_t length = parts[part].segments[i].length;

            if (length - 1u >= most) {
                return length == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
            }
            bytes[part] += length;
        }
    }
    return VPT_OK;
}

static void put_one(const struct vpt_queue *queue, struct sequential_writer *writer, const struct vpt_segment *segment,
                    uint32_t direction)
{
    struct packed_descriptor *descriptor = writer->base + writer->entry;
    uint32_t flags = writer->flags | direction;
    bool order = queue->device_order;
    uint32_t next;
    uint32_t word;

    writer->last = writer->entry;
    next = writer->links != NULL ? writer->links[writer->entry] : writer->entry + 1u;
    if (next > queue->mask) {
        next = 0;
    }
    writer->entry = next;
    writer->left--;
    if (writer->left == 0) {
        flags &= ~DESCRIPTOR_NEXT;
        next = 0;
    }
    vpt_store64(&descriptor->address, vpt_order64(order, segment->address));
    vpt_store32(&descriptor->length, vpt_order32(order, segment->length));
    if (!queue_packed(queue)) {
        word = split_flags(order, flags, next);
    } else {
        if (writer->entry == 0) {
            writer->flags ^= PACKED_BOTH;
        }
        word = PACKED_WORD(queue->free_head, flags);
        if (descriptor == packed_ring(queue) + queue->entry) {
            writer->first_word = word;
            return;
        }
        word = vpt_order32(order, word);
    }
    vpt_store32(&descriptor->id, word);
}

void vpt_sequential_put(const struct vpt_queue *queue, struct sequential_writer *writer,
                        const struct sequential_part *parts, uint32_t count)
{
    for (; count != 0; count--) {
        const struct vpt_segment *segment = parts->segments;
        uint32_t left = parts->count;

        for (; left != 0; left--) {
            put_one(queue, writer, segment, parts->direction);
            segment++;
        }
        parts++;
    }
}
