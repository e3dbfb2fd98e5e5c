/* SPDX-License-Identifier: MIT */
/* Messages of the 9P client: how each is written, sent, and answered. */
#include "9p_internal.h"

void vpt_9p_begin(struct p9_call *call, struct vpt_9p *p9, uint8_t type)
{
    vpt_zero(call, VPT_OFFSET_OF(struct p9_call, reply));
    call->p9 = p9;
    call->message.type = type;
    call->message.size = VPT_9P_HEADER;
    if (p9 == NULL) {
        call->status = VPT_CALLER_ARGUMENT;
        return;
    }
    call->status = vpt_requests_ready(&p9->requests);
    if (call->status == VPT_OK && type == P9_VERSION) {
        p9->resets = p9->requests.queue.resets - 1u; /* the session ends, even if no other one begins */
    } else if (call->status == VPT_OK && p9->resets != p9->requests.queue.resets) {
        call->status = VPT_CALLER_STATE;
    }
    call->slot = (uint8_t *)vpt_requests_next(&p9->requests); /* the queue is idle, so one is free */
}

void vpt_9p_add(struct p9_call *call, uint32_t width, uint64_t value)
{
    if (call->status == VPT_OK && width > VPT_9P_MESSAGE_MAX - call->message.size) {
        call->status = VPT_CALLER_TOO_LONG;
    }
    if (call->status == VPT_OK) {
        vpt_9p_put(call->slot + call->message.size, width, value);
        call->message.size += width;
    }
}

void vpt_9p_add_bytes(struct p9_call *call, const char *bytes, size_t length)
{
    size_t i;

    vpt_9p_add(call, 2, length);
    for (i = 0; i < length && call->status == VPT_OK; i++) {
        vpt_9p_add(call, 1, (uint8_t)bytes[i]);
    }
}

void vpt_9p_add_string(struct p9_call *call, const char *string)
{
    size_t length = 0;

    if (string == NULL) {
        call->status = VPT_CALLER_ARGUMENT;
        return;
    }
    while (length <= VPT_9P_MESSAGE_MAX && string[length] != '\0') {
        length++;
    }
    vpt_9p_add_bytes(call, string, length);
}

/* Takes the message back, or, without keeping anything, the one that asks the server to give it up. */
static void keep(void *ctx, const struct vpt_completion *completion)
{
    struct p9_call *call = (struct p9_call *)ctx;

    if (completion->token == call) {
        call->completion = *completion;
    }
}

/* Asks the server to give up the only message in flight, whose tag is in its slot. */
static enum vpt_status submit_flush(struct p9_call *call)
{
    struct vpt_9p_message flush = { .type = P9_FLUSH, .size = VPT_9P_HEADER + 2u };
    uint8_t *slot = (uint8_t *)vpt_requests_next(&call->p9->requests);

    if (slot == NULL) {
        return VPT_RESOURCE_FULL;
    }
    vpt_9p_put(slot + VPT_9P_HEADER, 2, vpt_9p_get(call->slot + P9_AT_TAG, 2));
    return vpt_9p_submit(call->p9, &flush, NULL);
}

/*
 * Waits until the message is back. If it has to be given up, its memory is the device's until the message itself comes
 * back, and its tag is in use until the server has said that it knows, so that both are waited for, in either order.
 */
static enum vpt_status wait_for(struct p9_call *call)
{
    struct vpt_requests *requests = &call->p9->requests;
    enum vpt_status status = vpt_requests_quiesce(requests, keep, call);

    if (status == VPT_DEVICE_TIMEOUT && submit_flush(call) == VPT_OK) {
        status = vpt_requests_quiesce(requests, keep, call);
        if (status == VPT_OK && call->completion.status == VPT_DEVICE_REQUEST_STATUS) {
            call->completion.status = VPT_CANCELLED;
        }
    }
    return status == VPT_OK ? call->completion.status : vpt_slots_give_up(requests, status);
}

enum vpt_status vpt_9p_finish(struct p9_call *call, uint32_t size)
{
    enum vpt_status status = call->status;

    if (status == VPT_OK) {
        status = vpt_9p_submit(call->p9, &call->message, call);
    }
    if (status == VPT_OK) {
        status = wait_for(call);
        vpt_slots_copy_out(call->reply, call->slot + VPT_9P_MESSAGE_MAX, sizeof(call->reply));
        call->size = (uint32_t)vpt_9p_get(call->reply, 4);
        call->first = (uint32_t)vpt_9p_get(call->reply + VPT_9P_HEADER, 4);
    }
    if (status == VPT_DEVICE_IO_ERROR) {
        call->p9->error = call->first;
    }
    if (status == VPT_OK && size != 0 && call->size != size) {
        status = VPT_DEVICE_REQUEST_STATUS;
    }
    call->status = status;
    return status;
}
