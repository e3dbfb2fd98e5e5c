/* SPDX-License-Identifier: MIT */
/* Queues that send short messages from their slots; and taking back what nobody has a token for. */
#include "slots.h"

#include "../access.h"
#include "../transport/transport_ops.h"

void vpt_slots_copy_in(uint8_t *slot, const void *bytes, size_t size)
{
    const uint8_t *next = (const uint8_t *)bytes;
    size_t i;

    for (i = 0; i < size && ((uintptr_t)(slot + i) & 3u) != 0; i++) {
        vpt_store8(slot + i, next[i]);
    }
    for (; size - i >= 4u; i += 4u) {
        uint32_t word;

        vpt_copy(&word, next + i, sizeof(word));
        vpt_store32(slot + i, word);
    }
    for (; i < size; i++) {
        vpt_store8(slot + i, next[i]);
    }
}

enum vpt_status vpt_slots_send(struct vpt_requests *requests, const void *bytes, uint32_t size)
{
    uint8_t *slot = (uint8_t *)slot_next(requests);
    struct vpt_segment segment;

    segment.address = vpt_requests_next_address(requests);
    segment.length = size;
    if (slot != NULL) {
        vpt_slots_copy_in(slot, bytes, size);
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
