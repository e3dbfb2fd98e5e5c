/* SPDX-License-Identifier: MIT */
/* Free-form requests: what those of all layouts have in common. */
#ifndef VPT_SRC_QUEUE_GENERAL_H
#define VPT_SRC_QUEUE_GENERAL_H

#include "layout.h"

/*
 * Lengths are summed up as length - 1, so that an empty segment counts as 4 GiB less a byte, and one test finds both.
 */
static inline bool general_too_long(uint64_t sum, uint32_t count)
{
    return sum > 0xffffffffu - count;
}

/* Returns why a request of so many segments finds no room. */
enum vpt_status vpt_general_refuse(const struct vpt_queue *queue, uint32_t count);

/* Do what vpt_queue_add() does, on a packed virtqueue: as a chain, or in a table. There is a table that is long enough. */
enum vpt_status vpt_packed_add_chain(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                     uint32_t writable, void *token);
enum vpt_status vpt_packed_add_table(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                     uint32_t writable, void *token);

#endif
