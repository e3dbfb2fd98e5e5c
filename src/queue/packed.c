/* SPDX-License-Identifier: MIT */
/* The packed virtqueue's ring (VirtIO 1.4, section 2.8): its beginning, what is shown, and notifications both ways. */
#include "packed.h"

#include "queue_internal.h"

/* With EVENT_IDX: the device notifies when it has used the request whose turn it is to show. */
static void arm(struct vpt_queue *queue)
{
    queue->armed = (uint16_t)(queue->used_entry | (queue->used_flags == PACKED_BOTH ? PACKED_EVENT_WRAP : 0u));
    vpt_store16(&packed_driver_event(queue)->entry, vpt_order16(queue->device_order, queue->armed));
}

static void store_event_flags(struct vpt_queue *queue, uint16_t flags)
{
    vpt_store16(&packed_driver_event(queue)->flags, vpt_order16(queue->device_order, flags));
}

void vpt_packed_notifications(struct vpt_queue *queue, bool on)
{
    if (!on) {
        store_event_flags(queue, PACKED_EVENT_DISABLE);
    } else if (split_has(queue, VPT_F_EVENT_IDX)) {
        arm(queue);
        vpt_barrier_stores(queue->strong);
        store_event_flags(queue, PACKED_EVENT_DESCRIPTOR);
    } else {
        store_event_flags(queue, PACKED_EVENT_ENABLE);
    }
}

void vpt_packed_prepare(struct vpt_queue *queue)
{
    vpt_split_zero(queue->descriptors, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(queue->mask + 1u));
    queue->entry = 0;
    queue->used_entry = 0;
    queue->available_flags = PACKED_AVAILABLE;
    queue->used_flags = PACKED_BOTH;
    vpt_packed_notifications(queue, true);
}

uint32_t vpt_packed_show(struct vpt_queue *queue)
{
    uint32_t shown = queue->entry - queue->held_entry;

    vpt_store16(&(packed_ring(queue) + queue->held_entry)->flags, vpt_order16(queue->device_order, queue->held_flags));
    queue->shown = (uint16_t)(queue->entry | (queue->available_flags == PACKED_AVAILABLE ? PACKED_EVENT_WRAP : 0u));
    return queue->entry > queue->held_entry ? shown : shown + queue->mask + 1u;
}

/* An entry's number within two laps, since the wrap counter tells no more of them apart. */
static uint32_t within_two_laps(const struct vpt_queue *queue, uint32_t event)
{
    uint32_t entry = event & (PACKED_EVENT_WRAP - 1u);

    return (event & PACKED_EVENT_WRAP) != 0 ? entry : entry + queue->mask + 1u;
}

bool vpt_packed_wants_kick(const struct vpt_queue *queue, uint32_t unkicked)
{
    bool order = queue->device_order;
    uint32_t flags = vpt_order16(order, vpt_load16(&packed_device_event(queue)->flags));
    uint32_t ahead;

    if (flags != PACKED_EVENT_DESCRIPTOR || !split_has(queue, VPT_F_EVENT_IDX)) {
        return flags != PACKED_EVENT_DISABLE;
    }
    vpt_barrier_loads(queue->strong);
    ahead = within_two_laps(queue, queue->shown) -
            within_two_laps(queue, vpt_order16(order, vpt_load16(&packed_device_event(queue)->entry)));
    if (ahead > 2u * (queue->mask + 1u)) {
        ahead += 2u * (queue->mask + 1u);
    }
    return ahead - 1u < unkicked;
}

enum vpt_status vpt_packed_look(struct vpt_queue *queue)
{
    enum vpt_status status = split_alive(queue);

    if (status != VPT_OK) {
        return status;
    }
    if (queue->notifications && split_has(queue, VPT_F_EVENT_IDX)) {
        uint16_t armed = queue->armed;

        arm(queue);
        if (armed != queue->armed) {
            split_fence(queue);
            if (packed_has_used(queue)) {
                return VPT_OK;
            }
        }
    }
    return VPT_EMPTY;
}
