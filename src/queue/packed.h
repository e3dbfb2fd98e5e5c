/* SPDX-License-Identifier: MIT */
/* The packed virtqueue's structures as the device sees them (VirtIO 1.4, section 2.8). */
#ifndef VPT_SRC_QUEUE_PACKED_H
#define VPT_SRC_QUEUE_PACKED_H

#include "split.h"

/*
 * Flags beside DESCRIPTOR_NEXT, DESCRIPTOR_WRITE and DESCRIPTOR_INDIRECT. With the wrap counter at 1 an available
 * descriptor has the first of them, and a used one both; with the wrap counter at 0 an available one has the second, and
 * a used one none.
 */
#define PACKED_AVAILABLE 0x0080u
#define PACKED_USED      0x8000u
#define PACKED_BOTH      (PACKED_AVAILABLE | PACKED_USED)

/* vpt_queue.used_flags of a queue that is dead: no descriptor has them. */
#define PACKED_NEVER 1u

/* The wrap counter in the 16 bits that stand for an entry (sections 2.8.14 and 4.1.5.2). */
#define PACKED_EVENT_WRAP 0x8000u

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

static inline struct packed_event *packed_driver_event(const struct vpt_queue *queue)
{
    return (struct packed_event *)queue->available;
}

static inline const struct packed_event *packed_device_event(const struct vpt_queue *queue)
{
    return (const struct packed_event *)queue->used;
}

/* Id and flags of a descriptor as the one word that holds both. */
VPT_INLINE uint32_t packed_word(bool device_order, uint32_t id, uint32_t flags)
{
    return vpt_order32(device_order, vpt_pair(device_order, (uint16_t)id, (uint16_t)flags));
}

/*
 * The request whose first descriptor is in place, but for its id and its flags, is complete: `entries` descriptors. It is
 * shown to the device now, unless the device has seen everything before this request: then vpt_queue_publish() stores
 * the flags, and the device sees nothing until then.
 */
VPT_INLINE void packed_commit(struct vpt_queue *queue, uint32_t id, uint32_t flags, uint32_t entries)
{
    uint32_t entry = queue->entry;
    struct packed_descriptor *first = packed_ring(queue) + entry;
    uint32_t index = queue->available_index;
    bool order = queue->device_order;

    if (index == queue->published) {
        vpt_store16(&first->id, vpt_order16(order, (uint16_t)id));
        queue->held_entry = entry;
        queue->held_flags = (uint16_t)flags;
    } else {
        vpt_store32(&first->id, packed_word(order, id, flags));
    }
    queue->available_index = index + 1u;
    entry += entries;
    if (entry > queue->mask) {
        entry -= queue->mask + 1u;
        queue->available_flags ^= PACKED_BOTH;
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
    VPT_WRITE_ONCE(queue->last_used, queue->last_used + 1u);
}

/* Whether the device has used the request whose turn it is to show. Never on a dead queue. */
VPT_INLINE bool packed_has_used(const struct vpt_queue *queue)
{
    const struct packed_descriptor *descriptor = packed_ring(queue) + VPT_READ_ONCE(queue->used_entry);
    uint32_t flags = vpt_order16(queue->device_order, vpt_load16(&descriptor->flags));

    return (flags & PACKED_BOTH) == VPT_READ_ONCE(queue->used_flags);
}

/* The slow rest of a look that found nothing: why, or VPT_OK after a second look. */
enum vpt_status vpt_packed_look(struct vpt_queue *queue);

/* Fills the rings of a queue whose requests are prepared. */
void vpt_packed_prepare(struct vpt_queue *queue);

/* Stores the flags that packed_hold() has kept back; returns the descriptors that the device sees now. */
uint32_t vpt_packed_show(struct vpt_queue *queue);

/* Whether the device wants to be notified of the last `unkicked` descriptors that it was shown. */
bool vpt_packed_wants_kick(const struct vpt_queue *queue, uint32_t unkicked);

void vpt_packed_notifications(struct vpt_queue *queue, bool on);

/* vpt_queue_add() and vpt_queue_pop(). */
enum vpt_status vpt_packed_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint32_t readable,
                               uint32_t writable, void *token);
enum vpt_status vpt_packed_pop(struct vpt_queue *queue, void **token, uint32_t *written);

#endif
