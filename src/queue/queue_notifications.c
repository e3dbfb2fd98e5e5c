/* SPDX-License-Identifier: MIT */
/* Whether a queue has used buffers, and whether the device is to notify of them (VirtIO 1.4, section 2.7.7). */
#include "packed.h"
#include "queue_internal.h"
#include "split.h"

static bool has_used(const struct vpt_queue *queue)
{
    if (queue_in_order(queue) && VPT_READ_ONCE(queue->batch_left) != 0) {
        return true;
    }
    return queue_packed(queue) ? packed_has_used(queue)
                               : split_load_used_index(queue) != (uint16_t)VPT_READ_ONCE(queue->last_used);
}

bool vpt_queue_has_used(const struct vpt_queue *queue)
{
    return queue_alive(queue) != VPT_OK || vpt_queue_ended(queue) != VPT_CALLER_STATE || has_used(queue);
}

void vpt_queue_notifications_off(struct vpt_queue *queue)
{
    queue->notifications = false;
    if (queue->slots == NULL) {
        return;
    }
    if (queue_packed(queue)) {
        vpt_packed_notifications(queue, false);
    } else if (queue_has(queue, VPT_F_EVENT_IDX)) {
        /* The flag must stay 0 (SPLIT-USUPP-3). The event is the index that is as far ahead as possible. */
        split_arm(queue, (uint16_t)(queue->last_used - 1u));
    } else {
        vpt_store16(&split_available_ring(queue)->flags, vpt_order16(queue->device_order, AVAILABLE_NO_INTERRUPT));
    }
}

bool vpt_queue_notifications_on(struct vpt_queue *queue)
{
    queue->notifications = true;
    if (queue->slots == NULL) {
        return false;
    }
    if (queue_packed(queue)) {
        vpt_packed_notifications(queue, true);
    } else if (queue_has(queue, VPT_F_EVENT_IDX)) {
        split_arm(queue, (uint16_t)queue->last_used);
    } else {
        vpt_store16(&split_available_ring(queue)->flags, 0);
    }
    queue_fence(queue);
    return queue_alive(queue) == VPT_OK && vpt_queue_has_used(queue);
}
