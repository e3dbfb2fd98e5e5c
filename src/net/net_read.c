/* SPDX-License-Identifier: MIT */
/* Frames copied out of the library's buffers. */
#include "../request/slots.h"
#include "net_internal.h"

/* Appends a part to the frame in the caller's buffer, as far as it has room. */
static void append_part(struct vpt_net_frame *frame, size_t size, const struct vpt_net_frame *part)
{
    size_t done = frame->length < size ? frame->length : size;

    size -= done;
    vpt_slots_copy_out((uint8_t *)frame->buffer + done, (const uint8_t *)part->bytes,
                       size < part->length ? size : part->length);
    frame->length += part->length;
}

enum vpt_status vpt_net_read(struct vpt_net_receiveq *queue, void *buffer, size_t size, struct vpt_net_frame *frame)
{
    enum vpt_status outcome = VPT_EMPTY; /* nothing was taken yet */
    struct vpt_net_frame part;

    if (queue->requests.driver != NULL && queue->requests.slot_size == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    do {
        uint32_t done;
        enum vpt_status status = vpt_net_receive(queue, &part, 1, &done);

        if (status != VPT_OK) {
            return outcome != VPT_EMPTY && status == VPT_EMPTY ? VPT_DEVICE_REQUEST_STATUS : status;
        }
        if (outcome == VPT_EMPTY) {
            *frame = part;
            frame->buffer = buffer;
            frame->bytes = buffer;
            frame->length = 0;
            frame->left = 0;
            outcome = part.continued ? VPT_DEVICE_REQUEST_STATUS : VPT_OK; /* the beginning was dropped */
        }
        outcome = part.status != VPT_OK ? part.status : outcome;
        append_part(frame, size, &part);
        /* What has come is read, although a dead queue does not take the buffer, and a suspended device not yet. */
        (void)vpt_net_recycle(queue, &part, 1);
    } while (part.left != 0);
    return outcome;
}
