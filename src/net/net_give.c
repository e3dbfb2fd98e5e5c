/* SPDX-License-Identifier: MIT */
/* Giving receive buffers to the device, several at once (VirtIO 1.4, section 5.1.6.3). */
#include "../request/slot_batch.h"
#include "net_internal.h"

#define BUFFER_MOST 0x7fffffffu
#define ALIGNMENT   4u /* so that each field of the header is aligned */

/* Gives a buffer; its token is its address. The header has a descriptor of its own if need be (LEG-NETFRAME-1). */
static enum vpt_status give_one(struct vpt_net_receiveq *queue, const struct vpt_memory *buffer)
{
    struct vpt_segment segments[2];
    uint32_t header = net_of(&queue->requests)->info.header;
    uint32_t size = (uint32_t)buffer->size;

    segments[0].address = buffer->device_address;
    segments[0].length = queue->split ? header : size;
    segments[1].address = buffer->device_address + header;
    segments[1].length = size - header;
    return vpt_requests_submit(&queue->requests, segments, 0, queue->split ? 2 : 1, buffer->address);
}

/* Describes the library's buffer at an address. Returns false if there is none. */
VPT_INLINE_FOR_SPEED bool describe_own(const struct vpt_net_receiveq *queue, void *address, struct vpt_memory *buffer)
{
    const struct vpt_memory *memory = &queue->requests.queue.areas[VPT_AREA_SLOTS].memory;
    uintptr_t offset = (uintptr_t)address - (uintptr_t)memory->address;

    buffer->address = address;
    buffer->device_address = memory->device_address + offset;
    buffer->size = queue->buffer_size;
    return offset < (uintptr_t)queue->requests.queue.slot_count * queue->buffer_size;
}

/* Whether the device can have a buffer of the caller's. */
VPT_INLINE_FOR_SPEED bool check_posted(const struct vpt_net_receiveq *queue, const struct vpt_memory *buffer)
{
    return buffer->size >= net_buffer_least(&net_of(&queue->requests)->info) && buffer->size <= BUFFER_MOST &&
           ((uintptr_t)buffer->address & (ALIGNMENT - 1u)) == 0;
}

/* Gives those of `frames` or `buffers` in the fast way, as many as go that way. Returns how many. */
VPT_INLINE uint32_t give_fast(struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames,
                              const struct vpt_memory *buffers, uint32_t from, uint32_t count)
{
    struct slot_batch batch;
    uint32_t end = from + slot_batch_begin(&batch, &queue->requests, count - from);
    uint32_t i;

    for (i = from; i != end; i++) {
        struct vpt_memory buffer;

        if (frames != NULL) {
            if (!describe_own(queue, frames[i].buffer, &buffer)) {
                break;
            }
        } else {
            buffer = buffers[i];
            if (!check_posted(queue, &buffer)) {
                break;
            }
        }
        if (!slot_batch_add(&batch, buffer.device_address, (uint32_t)buffer.size, true, 0, buffer.address)) {
            break;
        }
    }
    slot_batch_end(&batch, &queue->requests);
    return i - from;
}

/* Shows the device what was given, also before one was refused. */
static enum vpt_status show(struct vpt_net_receiveq *queue, enum vpt_status status)
{
    enum vpt_status kicked = vpt_requests_kick(&queue->requests);

    return status == VPT_OK ? kicked : status;
}

enum vpt_status vpt_net_recycle(struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames, uint32_t count)
{
    uint8_t *all = (uint8_t *)queue->requests.queue.areas[VPT_AREA_SLOTS].memory.address;
    enum vpt_status status = VPT_OK;
    uint32_t i;

    for (i = 0; status == VPT_OK; i++) {
        struct vpt_memory buffer;

        if (VPT_FOR_SPEED && frames != NULL) {
            i += give_fast(queue, frames, NULL, i, count);
        }
        if (i == count) {
            break;
        }
        status = VPT_CALLER_ARGUMENT;
        if (describe_own(queue, frames != NULL ? frames[i].buffer : all, &buffer)) {
            status = give_one(queue, &buffer);
            all += buffer.size;
        }
    }
    return show(queue, status);
}

enum vpt_status vpt_net_post(struct vpt_net_receiveq *queue, const struct vpt_memory *buffers, uint32_t count,
                             uint32_t *done)
{
    enum vpt_status status = VPT_OK;

    *done = 0;
    if (queue->buffer_size != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (queue->requests.driver == NULL) {
        return VPT_CALLER_STATE;
    }
    while (status == VPT_OK) {
        if (VPT_FOR_SPEED) {
            *done += give_fast(queue, NULL, buffers, *done, count);
        }
        if (*done == count) {
            break;
        }
        status = check_posted(queue, &buffers[*done]) ? give_one(queue, &buffers[*done]) : VPT_CALLER_MEMORY;
        *done += status == VPT_OK ? 1u : 0u;
    }
    return show(queue, status);
}
