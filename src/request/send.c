/* SPDX-License-Identifier: MIT */
/* Copies into slots; queues that send short messages from them; and taking back what nobody has a token for. */
#include "slots.h"

#include "../access.h"
#include "../transport/transport_ops.h"

uint8_t *vpt_slots_copy_in(uint8_t *slot, const void *bytes, uint32_t size)
{
    const uint8_t *next = (const uint8_t *)bytes;

    while (size != 0) {
        uint32_t step = ((uintptr_t)slot & 3u) == 0 && size >= 4u ? 4u : 1u;

        if (step != 1u) {
            uint32_t word;

            vpt_copy(&word, next, sizeof(word));
            vpt_store32(slot, word);
        } else {
            vpt_store8(slot, *next);
        }
        slot += step;
        next += step;
        size -= step;
    }
    return slot;
}

enum vpt_status vpt_slots_send(struct vpt_requests *requests, const void *bytes, uint32_t size)
{
    uint8_t *slot = (uint8_t *)slot_next(requests);
    struct vpt_segment segment;

    segment.address = vpt_requests_next_address(requests);
    segment.length = size;
    if (slot != NULL) {
        (void)vpt_slots_copy_in(slot, bytes, size);
    }
    return vpt_requests_submit(requests, &segment, 1, 0, NULL);
}

void vpt_slots_take_back(struct vpt_requests *requests)
{
    struct vpt_completion completion;

    while (vpt_requests_poll(requests, &completion) == VPT_OK) {
    }
}

enum vpt_status vpt_driver_drain(struct vpt_driver *driver)
{
    const struct vpt_device *device = driver->device;
    struct vpt_requests *queue;

    /* A suspended device keeps its buffers until it goes on. */
    if (device != NULL && !vpt_gone(device) && (device->status & VPT_STATUS_FAILED) == 0 &&
        (device->status & (VPT_STATUS_DRIVER_OK | VPT_STATUS_SUSPEND)) != 0) {
        return VPT_CALLER_STATE;
    }
    for (queue = driver->first; queue != NULL; queue = queue->next) {
        vpt_slots_take_back(queue);
    }
    return VPT_OK;
}
