/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_PACKED_GENERAL_H
#define VPT_SRC_QUEUE_PACKED_GENERAL_H

#include <vpt/queue.h>

/* Do what vpt_queue_add() does, on a packed virtqueue: as a chain, or in a table that is long enough. */
enum vpt_status vpt_packed_add_chain(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                     uint32_t writable, void *token);
enum vpt_status vpt_packed_add_table(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                                     uint32_t writable, void *token);

#endif
