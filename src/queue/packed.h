/* SPDX-License-Identifier: MIT */
/* The packed virtqueue's structures as the device sees them (VirtIO 1.4, section 2.8). */
#ifndef VPT_SRC_QUEUE_PACKED_H
#define VPT_SRC_QUEUE_PACKED_H

#include "split.h"

/*
 * Flags beside DESCRIPTOR_NEXT, DESCRIPTOR_WRITE and DESCRIPTOR_INDIRECT. While the wrap counter is 1, an available
 * descriptor has the first of them, and a used one has both; while it is 0, an available one has the second, and a used
 * one has none.
 */
#define PACKED_AVAILABLE 0x0080u
#define PACKED_USED      0x8000u
#define PACKED_BOTH      (PACKED_AVAILABLE | PACKED_USED)

/* The wrap counter in the 16 bits that stand for an entry (sections 2.8.14 and 4.1.5.2). */
#define PACKED_EVENT_WRAP 0x8000u

/* The word that a descriptor's id and flags are. */
#define PACKED_WORD(id, flags) ((uint32_t)(id) | (uint32_t)(flags) << 16)

struct packed_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t id;
    uint16_t flags;
};

/* What the driver (in the driver area) and the device (in the device area) say about notifications. */
struct packed_event {
    uint16_t entry; /* with its wrap counter */
    uint16_t flags;
};

#define PACKED_EVENT_ENABLE     0u
#define PACKED_EVENT_DISABLE    1u
#define PACKED_EVENT_DESCRIPTOR 2u /* with EVENT_IDX: once the descriptor at `entry` is available, or used */

VPT_STATIC_ASSERT(sizeof(struct packed_descriptor) == sizeof(struct split_descriptor), "tables have the same size");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct packed_descriptor, length) == 8, "section 2.8.13");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct packed_descriptor, id) == 12, "section 2.8.13");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct packed_descriptor, flags) == 14, "section 2.8.13");
VPT_STATIC_ASSERT(sizeof(struct packed_event) == 4, "section 2.8.14");

static inline struct packed_descriptor *packed_ring(const struct vpt_queue *queue)
{
    return (struct packed_descriptor *)queue->descriptors;
}

/* Whether the descriptor whose turn it is was used. Never in a queue that has stopped. */
VPT_INLINE bool packed_is_used(const struct vpt_queue *queue, const struct packed_descriptor *descriptor)
{
    return !queue_without_ring(queue) &&
           (vpt_order16(true, vpt_load16(&descriptor->flags)) & PACKED_BOTH) == VPT_READ_ONCE(queue->used_flags);
}

VPT_INLINE bool packed_has_used(const struct vpt_queue *queue)
{
    return packed_is_used(queue, packed_ring(queue) + VPT_READ_ONCE(queue->used_entry));
}

/* Writes the ring and the driver area as they are at the beginning. */
void vpt_packed_prepare(struct vpt_queue *queue);

/* Shows the device what was added since the last call: at least one request. Returns how many descriptors these are. */
uint32_t vpt_packed_show(struct vpt_queue *queue);

/* Whether the device wants to be notified of the last `unkicked` descriptors that it was shown. */
bool vpt_packed_wants_kick(const struct vpt_queue *queue, uint32_t unkicked);

/* Turns used buffer notifications on or off. */
void vpt_packed_notifications(struct vpt_queue *queue, bool on);

/* Ends a look that has found nothing used: VPT_EMPTY, why the queue has stopped, or VPT_OK after a second look. */
enum vpt_status vpt_packed_look(struct vpt_queue *queue);

#endif
