/* SPDX-License-Identifier: MIT */
/* Set-up and end of a virtqueue. The data path is in general_add.c, general_pop.c, kick.c and src/request/. */
#include <vpt/queue.h>

#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "packed.h"
#include "queue_memory.h"
#include "split.h"

#define QUEUES_MAX 0x10000u /* of a device: an index has 16 bits */

enum vpt_status vpt_queue_find(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    if (!vpt_device_in_setup(device)) {
        return VPT_CALLER_STATE;
    }
    return queue_read_maximum(device, index, maximum);
}

/* Finds the doorbell, so that a kick is one store, or one call of the port. */
static enum vpt_status take_doorbell(struct vpt_queue *queue)
{
    struct vpt_doorbell *doorbell = &queue->doorbell;
    enum vpt_status status = queue->device->ops->queue_doorbell(queue->device, queue->index, doorbell);

    if (status == VPT_OK && doorbell->mapping != NULL && queue->device->port->mmio_write == NULL) {
        queue->direct = (uint8_t *)doorbell->mapping + doorbell->offset;
    }
    return status;
}

enum vpt_status vpt_queue_prepare(struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    queue->features[0] = device->features.word[0];
    queue->features[1] = device->features.word[1];
    queue->emulated = device->port->emulated || vpt_cpu_is_tcg(vpt_cpuid_hypervisor());
    queue->strong = queue->emulated || vpt_features_has(&device->features, VPT_F_ORDER_PLATFORM);
    queue->device_order = !vpt_legacy(device);
    queue->notifications = true;
    queue->form->prepare(queue);
    /* SPLIT-ASUPP-1 */
    vpt_queue_zero(queue->available, VPT_QUEUE_DRIVER_AREA_SIZE(queue->mask + 1u));
    vpt_queue_zero(queue->used, VPT_QUEUE_DEVICE_AREA_SIZE(queue->mask + 1u));
    if (queue_packed(queue)) {
        vpt_packed_prepare(queue);
    }
    return take_doorbell(queue);
}

static enum vpt_status take_all(struct vpt_queue *queue, struct vpt_queue_wish *wish)
{
    uint32_t maximum = 0;
    enum vpt_status status;

    if (!device_packed(queue->device) && (wish->size & (wish->size - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_queue_find(queue->device, queue->index, &maximum);
    if (status == VPT_OK) {
        status = queue_check_given(queue, wish);
    }
    if (status != VPT_OK) {
        return status;
    }
    queue_plan_size(wish, maximum);
    status = vpt_queue_take_memory(queue, wish);
    if (status == VPT_OK) {
        status = vpt_queue_prepare(queue);
    }
    if (status != VPT_OK) {
        /* On PCI the maximum reads as the size that was written last, but the next try needs the device's maximum. */
        (void)vpt_device_queue_size(queue->device, queue->index, maximum);
    }
    return status;
}

enum vpt_status vpt_queue_enable(struct vpt_queue *queue)
{
    struct vpt_device *device = queue->device;

    queue->resets = device->resets;
    queue->next = device->queues;
    device->queues = queue;
    return vpt_device_queue_enable(device, queue->index, queue->areas);
}

/* If a device is gone, its queues may have been released without a reset, so its list is not read. */
bool vpt_queue_in_use(const struct vpt_device *device, const struct vpt_queue *queue)
{
    const struct vpt_queue *other = vpt_gone(device) ? NULL : device->queues;
    uint32_t left;

    for (left = QUEUES_MAX; left != 0 && other != NULL && other != queue; left--) {
        other = other->next;
    }
    return other == queue;
}

enum vpt_status vpt_queue_set_up(struct vpt_queue *queue, struct vpt_device *device, struct vpt_queue_wish *wish,
                                 const struct vpt_queue_form *form)
{
    enum vpt_status status;

    queue->device = device;
    queue->form = form;
    queue->index = wish->index;
    status = take_all(queue, wish);
    if (status == VPT_OK) {
        status = vpt_queue_enable(queue);
        if (status == VPT_OK) {
            return status;
        }
        device->queues = queue->next; /* no queue was set up since */
        /* PCI has no other way to stop a queue, and a device that does not start a queue has to be reset anyway. */
        if (vpt_device_reset(device) == VPT_DEVICE_STUCK) {
            status = VPT_DEVICE_STUCK;
        }
    }
    if (status != VPT_DEVICE_STUCK) {
        vpt_queue_give_back(queue);
    } else {
        vpt_queue_leave_doorbell(queue);
    }
    vpt_zero(queue, sizeof(*queue));
    return vpt_device_refused(device, "queue set-up", status);
}

enum vpt_status vpt_queue_ended(const struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    if (queue->slots == NULL) {
        return VPT_CALLER_STATE;
    }
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (VPT_READ_ONCE(device->stuck)) {
        return VPT_DEVICE_STUCK;
    }
    return queue->resets == VPT_READ_ONCE(device->resets) ? VPT_CALLER_STATE : VPT_CANCELLED;
}

uint32_t vpt_queue_in_flight(const struct vpt_queue *queue)
{
    uint32_t count = 0;
    uint32_t i;

    for (i = 0; i < queue->slot_count; i++) {
        count += queue->slots[i].count != 0 ? 1u : 0u;
    }
    return count;
}

enum vpt_status vpt_queue_drain(struct vpt_queue *queue, void **token)
{
    enum vpt_status status = vpt_queue_ended(queue);

    if (status == VPT_CALLER_STATE) {
        return status;
    }
    (void)vpt_queue_kill(queue, status);
    while (queue->drained < queue->slot_count) {
        struct vpt_queue_slot *slot = &queue->slots[queue->drained++];

        if (slot->count != 0) {
            slot->count = 0;
            if (token != NULL) {
                *token = slot->token;
            }
            return VPT_OK;
        }
    }
    return VPT_EMPTY;
}

enum vpt_status vpt_queue_release(struct vpt_queue *queue)
{
    enum vpt_status status = vpt_queue_ended(queue);

    if (queue->slots == NULL) {
        return VPT_OK;
    }
    if (status == VPT_CALLER_STATE || status == VPT_DEVICE_STUCK) {
        return status;
    }
    vpt_queue_give_back(queue);
    vpt_zero(queue, sizeof(*queue));
    return VPT_OK;
}

enum vpt_status vpt_queue_status(const struct vpt_queue *queue)
{
    return queue->dead;
}

uint32_t vpt_queue_kicks(const struct vpt_queue *queue)
{
    return queue->kicks;
}

uint32_t vpt_queue_size(const struct vpt_queue *queue)
{
    return queue->slots != NULL ? queue->mask + 1u : 0;
}
