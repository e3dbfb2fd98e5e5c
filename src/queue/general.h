/* SPDX-License-Identifier: MIT */
/* What free-form requests have in common, whatever the layout of the ring. */
#ifndef VPT_SRC_QUEUE_GENERAL_H
#define VPT_SRC_QUEUE_GENERAL_H

#include <vpt/queue.h>

/*
 * Lengths are summed up as length - 1, so that an empty segment counts as 4 GiB less a byte, and one test finds both.
 */
static inline bool general_too_long(uint64_t sum, uint32_t count)
{
    return sum > 0xffffffffu - count;
}

/* Why a request of so many segments finds no room. */
enum vpt_status vpt_general_refuse(const struct vpt_queue *queue, uint32_t count);

/* Whether the device names a request that it has not been shown yet: one of those added since the last publish. */
bool vpt_general_unpublished(const struct vpt_queue *queue, uint32_t id);

/* Gives a table back. Returns how many descriptors of the ring its request has. */
static inline uint32_t general_release_table(struct vpt_queue *queue, uint32_t table)
{
    queue->table_links[table] = (uint16_t)queue->table_head;
    queue->table_head = table;
    queue->table_count++;
    return 1;
}

#endif
