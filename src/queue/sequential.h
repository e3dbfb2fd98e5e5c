/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a request, in the ring or in a table, of both layouts: neighbours, or along the links of a free list.
 */
#ifndef VPT_SRC_QUEUE_SEQUENTIAL_H
#define VPT_SRC_QUEUE_SEQUENTIAL_H

#include "packed.h"

/* Segments of a request that have one direction. */
struct sequential_part {
    const struct vpt_segment *segments;
    uint32_t count;
    uint32_t direction; /* DESCRIPTOR_WRITE, or 0 */
};

/*
 * Adds the lengths of the segments to bytes[0] for the readable part of data, which stands first, and to bytes[1] for
 * the writable one. A segment that is empty is VPT_CALLER_ARGUMENT, one above `most` bytes VPT_CALLER_TOO_LONG.
 */
enum vpt_status vpt_sequential_measure(const struct sequential_part parts[2], uint32_t most, uint64_t bytes[2]);

/* A request whose descriptors are being written, into the ring or into an indirect table. */
struct sequential_writer {
    struct packed_descriptor *base;
    const uint16_t *links; /* what follows each entry, if it is not its neighbour */
    uint32_t entry;        /* where the next one goes */
    uint32_t last;         /* where the last one went */
    uint32_t left;         /* how many are still to come */
    uint32_t flags;        /* of each but the last, without WRITE */
    uint32_t first_word;   /* id and flags of the first one in a packed ring, which packed_commit() takes */
};

/* Begins a request of `count` descriptors in the ring. */
static inline void sequential_begin(const struct vpt_queue *queue, bool packed, struct sequential_writer *writer,
                                    uint32_t count)
{
    writer->base = packed_ring(queue);
    writer->links = NULL;
    writer->entry = queue->entry;
    writer->left = count;
    writer->first_word = 0;
    writer->flags = DESCRIPTOR_NEXT;
    if (packed) {
        writer->flags |= queue->available_word >> 16;
    }
}

/* Begins a request of `count` descriptors in a table. */
static inline void sequential_begin_table(bool packed, struct sequential_writer *writer, uint32_t count, void *table)
{
    writer->base = (struct packed_descriptor *)table;
    writer->links = NULL;
    writer->entry = 0;
    writer->left = count;
    writer->flags = packed ? 0 : DESCRIPTOR_NEXT; /* PACKED-INDIR-2 */
}

/*
 * Writes the descriptors. The first one of a request in a packed ring does not get its id and flags: packed_commit()
 * sets them.
 */
void vpt_sequential_put(const struct vpt_queue *queue, struct sequential_writer *writer,
                        const struct sequential_part *parts, uint32_t count);

/*
 * Adds a request of `entries` descriptors, of which all is written but id and flags of the first one. They show the
 * request to the device. The first request after a publish gets them by vpt_packed_show(), and the device sees those
 * behind it only then.
 */
VPT_INLINE void packed_commit(struct vpt_queue *queue, uint32_t word, uint32_t entries)
{
    uint32_t entry = queue->entry;
    uint32_t index = queue->available_index;

    if (index == queue->published) {
        queue->held_entry = entry;
        queue->held_word = word;
    } else {
        vpt_store32(&(packed_ring(queue) + entry)->id, vpt_order32(true, word));
    }
    queue->available_index = index + 1u;
    entry += entries;
    if (entry > queue->mask) {
        entry -= queue->mask + 1u;
        queue->available_word ^= PACKED_WORD(0, PACKED_BOTH);
    }
    queue->entry = entry;
}

/* The used descriptor of a request of `entries` descriptors was taken. */
VPT_INLINE void packed_advance_used(struct vpt_queue *queue, uint32_t entries)
{
    uint32_t entry = queue->used_entry + entries;

    if (entry > queue->mask) {
        entry -= queue->mask + 1u;
        VPT_WRITE_ONCE(queue->used_flags, queue->used_flags ^ PACKED_BOTH);
    }
    VPT_WRITE_ONCE(queue->used_entry, entry);
}

#endif
