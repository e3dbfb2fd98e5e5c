/* SPDX-License-Identifier: MIT */
/* Queues that send short messages from their slots; and taking back what nobody has a token for. */
#include "slots.h"

#include "../access.h"
#include "../transport/transport_ops.h"

enum vpt_status vpt_slots_send(struct vpt_requests *requests, const void *bytes, uint32_t size)
{
    const uint8_t *next = (const uint8_t *)bytes;
    uint8_t *slot = (uint8_t *)slot_next(requests);
    struct vpt_segment segment;
    uint32_t i;

    segment.address = vpt_requests_next_address(requests);
    segment.length = size;
    for (i = 0; i < size && slot != NULL; i++) {
        vpt_store8(slot + i, next[i]);
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
    struct vpt_requests *queue;

    if (driver->device != NULL && vpt_running(driver->device) && !vpt_gone(driver->device)) {
        return VPT_CALLER_STATE;
    }
    for (queue = driver->first; queue != NULL; queue = queue->next) {
        vpt_slots_take_back(queue);
    }
    return VPT_OK;
}
