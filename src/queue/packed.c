/* SPDX-License-Identifier: MIT */
/* The packed virtqueue's ring (VirtIO 1.4, section 2.8): its beginning, what is shown, and notifications both ways. */
#include "packed.h"

#include "queue_internal.h"

static struct packed_event *driver_event(const struct vpt_queue *queue)
{
    return (struct packed_event *)queue->available;
}

static void store_event(uint16_t *where, uint32_t value)
{
    vpt_store16(where, vpt_order16(true, (uint16_t)value));
}

static uint32_t load_event(const uint16_t *where)
{
    return vpt_order16(true, vpt_load16(where));
}

/* With EVENT_IDX: asks for a notification of the descriptor whose turn it is. Returns whether this is a new request. */
static bool ask_for_next(struct vpt_queue *queue)
{
    uint32_t event = queue->used_entry | (queue->used_flags == PACKED_BOTH ? PACKED_EVENT_WRAP : 0u);

    if (queue->armed == event) {
        return false;
    }
    queue->armed = (uint16_t)event;
    store_event(&driver_event(queue)->entry, event);
    return true;
}

void vpt_packed_notifications(struct vpt_queue *queue, bool on)
{
    uint32_t flags = PACKED_EVENT_DISABLE;

    if (on) {
        flags = PACKED_EVENT_ENABLE;
        if (queue_has(queue, VPT_F_EVENT_IDX)) {
            (void)ask_for_next(queue);
            vpt_barrier_stores(queue->strong);
            flags = PACKED_EVENT_DESCRIPTOR;
        }
    }
    store_event(&driver_event(queue)->flags, flags);
}

void vpt_packed_prepare(struct vpt_queue *queue)
{
    vpt_queue_zero(queue->descriptors, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(queue->mask + 1u));
    queue->used_entry = 0;
    queue->available_word = PACKED_WORD(0, PACKED_AVAILABLE);
    queue->used_flags = PACKED_BOTH;
    queue->shown = PACKED_EVENT_WRAP;
    vpt_packed_notifications(queue, true);
}

uint32_t vpt_packed_show(struct vpt_queue *queue)
{
    uint32_t shown = queue->entry - queue->held_entry;
    bool wrap_counter = queue->available_word == PACKED_WORD(0, PACKED_AVAILABLE);

    vpt_store32(&(packed_ring(queue) + queue->held_entry)->id, vpt_order32(true, queue->held_word));
    queue->shown = (uint16_t)(queue->entry | (wrap_counter ? PACKED_EVENT_WRAP : 0u));
    return queue->entry > queue->held_entry ? shown : shown + queue->mask + 1u;
}

/* An entry's number within two laps, since the wrap counter tells no more of them apart. */
static uint32_t within_two_laps(uint32_t event, uint32_t size)
{
    uint32_t entry = event & (PACKED_EVENT_WRAP - 1u);

    return (event & PACKED_EVENT_WRAP) != 0 ? entry : entry + size;
}

bool vpt_packed_wants_kick(const struct vpt_queue *queue, uint32_t unkicked)
{
    const struct packed_event *event = (const struct packed_event *)queue->used;
    uint32_t flags = load_event(&event->flags);
    uint32_t size = queue->mask + 1u;
    uint32_t ahead;

    if (flags != PACKED_EVENT_DESCRIPTOR || !queue_has(queue, VPT_F_EVENT_IDX)) {
        return flags != PACKED_EVENT_DISABLE;
    }
    vpt_barrier_loads(queue->strong);
    ahead = within_two_laps(queue->shown, size) - within_two_laps(load_event(&event->entry), size);
    if (ahead > 2u * size) {
        ahead += 2u * size;
    }
    return ahead - 1u < unkicked;
}

enum vpt_status vpt_packed_look(struct vpt_queue *queue)
{
    enum vpt_status status = queue_alive(queue);

    if (status != VPT_OK || !queue->notifications || !queue_has(queue, VPT_F_EVENT_IDX) || !ask_for_next(queue)) {
        return status == VPT_OK ? VPT_EMPTY : status;
    }
    queue_fence(queue);
    return packed_has_used(queue) ? VPT_OK : VPT_EMPTY;
}
