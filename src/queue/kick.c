/* SPDX-License-Identifier: MIT */
/* How a virtqueue shows the device what was added, and notifies it (VirtIO 1.4, sections 2.7.13 and 2.8.21). */
#include "../transport/transport_ops.h"
#include "packed.h"
#include "queue_internal.h"

/*
 * If vpt_queue.unkicked has this value or a higher one, a kick is owed: the range test of the indexes then finds any
 * event.
 */
#define KICK_OWED 0x10000u

static const void *available_event(const struct vpt_queue *queue)
{
    return &split_used_ring(queue)->ring[queue->mask + 1u];
}

/*
 * Shows the device the requests up to this index. Returns by how much more than the number of requests this moves what
 * events are about, which is descriptors on a packed ring.
 */
VPT_INLINE_FOR_SPEED uint32_t publish(struct vpt_queue *queue, uint32_t index, bool packed)
{
    uint32_t added = index - queue->published;

    vpt_barrier_stores(queue->strong);
    queue->published = index;
    if (packed) {
        return added != 0 ? vpt_packed_show(queue) - added : 0u;
    }
    queue->unpublished = queue->free_head;
    vpt_store16(&split_available_ring(queue)->index, vpt_order16(queue->device_order, (uint16_t)index));
    return 0;
}

void vpt_queue_publish(struct vpt_queue *queue)
{
    uint32_t index = queue->available_index;
    uint32_t added = index - queue->published;

    /* SUSPEND-3: added buffers wait */
    if (added == 0 || queue->dead != VPT_OK || (queue->device->status & VPT_STATUS_SUSPEND) != 0) {
        return;
    }
    added += publish(queue, index, queue_packed(queue));
    if (queue->unkicked < KICK_OWED) {
        queue->unkicked += added;
    }
}

/* Whether the device wants a notification for the last `unkicked` buffers that were published. */
VPT_INLINE bool wants_kick(const struct vpt_queue *queue, uint32_t unkicked, bool packed)
{
    uint16_t event;

    queue_fence(queue);
    if (packed) {
        return vpt_packed_wants_kick(queue, unkicked);
    }
    if (!queue_has(queue, VPT_F_EVENT_IDX)) {
        return (vpt_order16(queue->device_order, vpt_load16(&split_used_ring(queue)->flags)) & USED_NO_NOTIFY) == 0;
    }
    event = vpt_order16(queue->device_order, vpt_load16(available_event(queue)));
    return (uint16_t)(queue->published - event - 1u) < unkicked;
}

/* A strong fence is a call. In a separate function it does not make the common path save registers. */
VPT_COLD bool wants_kick_strongly(const struct vpt_queue *queue, uint32_t unkicked)
{
    return wants_kick(queue, unkicked, queue_packed(queue));
}

bool vpt_queue_kick_prepare(struct vpt_queue *queue)
{
    uint32_t unkicked = queue->unkicked;

    if (unkicked == 0 || queue->dead != VPT_OK) {
        return false;
    }
    queue->unkicked = 0;
    if (VPT_FOR_SPEED && VPT_UNLIKELY(queue->strong)) {
        return wants_kick_strongly(queue, unkicked);
    }
    return wants_kick(queue, unkicked, queue_packed(queue));
}

/* Whether the device may be notified: it is running, and the queue belongs to it. */
VPT_INLINE enum vpt_status check_running(const struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    if (queue->slots == NULL) {
        return VPT_CALLER_STATE;
    }
    if (queue->dead != VPT_OK) {
        return queue->dead;
    }
    if (queue->resets != device->resets || !vpt_running(device)) {
        return vpt_gone(device) ? VPT_DEVICE_GONE : VPT_CALLER_STATE;
    }
    return VPT_OK;
}

/* Makes one store if the library can reach the doorbell's register itself, else one call of the port. */
VPT_INLINE void ring_doorbell(const struct vpt_queue *queue, uint32_t value)
{
    const struct vpt_doorbell *doorbell = &queue->doorbell;
    const struct vpt_port *port;

    vpt_barrier_doorbell();
    if (queue->direct != NULL) {
        if (doorbell->width == 4u) {
            vpt_register_store32(queue->direct, vpt_order32(true, value));
        } else {
            vpt_register_store16(queue->direct, vpt_order16(true, (uint16_t)value));
        }
        return;
    }
    port = queue->device->port;
    if (doorbell->mapping != NULL) {
        port->mmio_write(port->ctx, doorbell->mapping, doorbell->offset, doorbell->width, value);
    } else {
        port->io_write(port->ctx, (uint16_t)doorbell->offset, doorbell->width, value);
    }
}

void vpt_queue_leave_doorbell(const struct vpt_queue *queue)
{
    const struct vpt_port *port = queue->device->port;
    const struct vpt_doorbell *doorbell = &queue->doorbell;

    if (doorbell->own_mapping) {
        port->mmio_unmap(port->ctx, doorbell->mapping, doorbell->width);
    }
}

VPT_INLINE enum vpt_status notify(struct vpt_queue *queue)
{
    uint32_t value = queue->doorbell.value;

    if (queue_has(queue, VPT_F_NOTIFICATION_DATA)) {
        value |= (queue_packed(queue) ? (uint32_t)queue->shown : queue->published) << 16;
    }
    queue->kicks++;
    ring_doorbell(queue, value);
    return VPT_OK;
}

enum vpt_status vpt_queue_notify(struct vpt_queue *queue)
{
    enum vpt_status status = check_running(queue);

    if (status != VPT_OK) {
        queue->unkicked = queue->slots != NULL ? KICK_OWED : 0u;
        return status;
    }
    return notify(queue);
}

VPT_COLD enum vpt_status kick_strongly(struct vpt_queue *queue, uint32_t unkicked)
{
    return wants_kick_strongly(queue, unkicked) ? notify(queue) : VPT_OK;
}

/* Does not call vpt_queue_publish() or vpt_queue_kick_prepare(), so that the common path saves no register. */
VPT_INLINE_FOR_SPEED enum vpt_status kick(struct vpt_queue *queue, bool packed)
{
    enum vpt_status status = check_running(queue);
    uint32_t index = queue->available_index;
    uint32_t unkicked = queue->unkicked + index - queue->published;

    if (status != VPT_OK || unkicked == 0) {
        return status;
    }
    unkicked += publish(queue, index, packed);
    queue->unkicked = 0;
    if (VPT_FOR_SPEED && VPT_UNLIKELY(queue->strong)) {
        return kick_strongly(queue, unkicked);
    }
    return wants_kick(queue, unkicked, packed) ? notify(queue) : VPT_OK;
}

VPT_OUT_OF_LINE enum vpt_status kick_packed(struct vpt_queue *queue)
{
    return kick(queue, true);
}

enum vpt_status vpt_queue_kick(struct vpt_queue *queue)
{
    if (VPT_FOR_SPEED && queue_packed(queue)) {
        return kick_packed(queue);
    }
    return kick(queue, !VPT_FOR_SPEED && queue_packed(queue));
}
