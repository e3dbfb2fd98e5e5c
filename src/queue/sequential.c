/* SPDX-License-Identifier: MIT */
/* Descriptors in the order of the ring, of both layouts, in the ring and in tables. */
#include "sequential.h"

enum vpt_status vpt_sequential_measure(const struct vpt_segment *segments, uint32_t count, uint32_t most,
                                       uint64_t *bytes)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (segments[i].length - 1u >= most) {
            return segments[i].length == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
        }
        *bytes += segments[i].length;
    }
    return VPT_OK;
}

void vpt_sequential_put(const struct vpt_queue *queue, struct sequential_writer *writer,
                        const struct vpt_segment *segments, uint32_t count, uint32_t direction)
{
    bool packed = queue_packed(queue);

    for (; count != 0; count--) {
        struct packed_descriptor *descriptor = writer->base + writer->entry;
        uint32_t flags = writer->flags | direction;
        bool first = writer->entry == queue->entry && packed && !writer->table;

        writer->left--;
        if (writer->left == 0) {
            flags &= ~DESCRIPTOR_NEXT;
        }
        writer->entry++;
        if (writer->entry > queue->mask) {
            writer->entry = 0;
            writer->flags ^= packed ? PACKED_BOTH : 0u;
        }
        vpt_store64(&descriptor->address, vpt_order64(true, segments->address));
        vpt_store32(&descriptor->length, vpt_order32(true, segments->length));
        if (!first) {
            uint32_t word = packed ? PACKED_WORD(queue->free_head, flags) : PACKED_WORD(flags, writer->entry);

            vpt_store32(&descriptor->id, vpt_order32(true, word));
        }
        segments++;
    }
}
