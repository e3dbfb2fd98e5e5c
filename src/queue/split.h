/* SPDX-License-Identifier: MIT */
/* The split virtqueue's structures as the device sees them (VirtIO 1.4, section 2.7). */
#ifndef VPT_SRC_QUEUE_SPLIT_H
#define VPT_SRC_QUEUE_SPLIT_H

#include <vpt/queue.h>

#include "../access.h"

#define DESCRIPTOR_NEXT     1u
#define DESCRIPTOR_WRITE    2u
#define DESCRIPTOR_INDIRECT 4u

#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY         1u

/*
 * vpt_queue_slot.count is the number of descriptors of a chain, up to 32768, or from here on the number of the
 * indirect table that the request is in: then it has one descriptor.
 */
#define COUNT_TABLE_0 0x8001u
#define TABLES_MAX    (0x10000u - COUNT_TABLE_0)

struct split_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct split_available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[]; /* size entries, then used_event */
};

struct split_used_element {
    uint32_t id;
    uint32_t length;
};

struct split_used {
    uint16_t flags;
    uint16_t index;
    struct split_used_element ring[]; /* size entries, then avail_event (16 bits) */
};

VPT_STATIC_ASSERT(sizeof(struct split_descriptor) == 16, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_descriptor, length) == 8, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_descriptor, flags) == 12, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_descriptor, next) == 14, "section 2.7.5");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_available, ring) == 4, "section 2.7.6");
VPT_STATIC_ASSERT(sizeof(struct split_used_element) == 8, "section 2.7.8");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct split_used, ring) == 4, "section 2.7.8");

/* Links every descriptor and table into the free lists, and zeroes both rings (SPLIT-ASUPP-1). */
void vpt_split_prepare(struct vpt_queue *queue);

/* Ends the queue's life: from here on `status` is what its calls return. Returns it. */
enum vpt_status vpt_split_kill(struct vpt_queue *queue, enum vpt_status status);

#endif
