/* SPDX-License-Identifier: MIT */
/* Queues that give all their slots to the device, which fills one when it has something to report. */
#include "slots.h"

#include "../access.h"

void vpt_slots_copy_out(uint8_t *buffer, const uint8_t *slot, size_t size)
{
    size_t i;

    for (i = 0; i < size && ((uintptr_t)(slot + i) & 3u) != 0; i++) {
        buffer[i] = vpt_load8(slot + i);
    }
    for (; size - i >= 4u; i += 4u) {
        uint32_t word = vpt_load32(slot + i);

        vpt_copy(buffer + i, &word, sizeof(word));
    }
    for (; i < size; i++) {
        buffer[i] = vpt_load8(slot + i);
    }
}

static enum vpt_status give(struct vpt_requests *requests)
{
    return vpt_requests_submit(requests, NULL, 0, 0, slot_next(requests));
}

enum vpt_status vpt_receive_start(struct vpt_requests *requests)
{
    enum vpt_status status = VPT_OK;

    while (requests->queue.free_count != 0 && status == VPT_OK) {
        status = give(requests);
    }
    return status == VPT_OK ? vpt_requests_kick(requests) : status;
}

enum vpt_status vpt_receive(struct vpt_requests *requests, void *buffer, size_t size, uint32_t *length)
{
    struct vpt_completion completion;
    enum vpt_status status = vpt_requests_poll(requests, &completion);

    if (status == VPT_EMPTY) {
        (void)vpt_requests_kick(requests); /* shows the device the slots that it got back */
    }
    if (status != VPT_OK) {
        return status;
    }
    *length = completion.length;
    vpt_slots_copy_out((uint8_t *)buffer, (const uint8_t *)completion.token, size < *length ? size : *length);
    status = give(requests); /* a dead queue has no slot to give */
    return completion.status != VPT_OK ? completion.status : status;
}
