/* SPDX-License-Identifier: MIT */
/* Giving receive buffers to the device, several at once (VirtIO 1.4, section 5.1.6.3). */
#include "../request/slot_batch.h"
#include "net_internal.h"

#define BUFFER_MOST 0x7fffffffu
#define ALIGNMENT   4u /* so that each field of the header is aligned */

/* Gives a buffer; its token is its address. */
static enum vpt_status give_one(struct vpt_requests *requests, const struct vpt_memory *buffer)
{
    const struct vpt_net_info *info = &net_of(requests)->info;
    struct vpt_segment segments[2];

    segments[0].address = buffer->device_address;
    segments[0].length = (uint32_t)buffer->size;
    if (info->split) {
        segments[0].length = info->header;
        segments[1].address = buffer->device_address + info->header;
        segments[1].length = (uint32_t)buffer->size - info->header;
    }
    return vpt_requests_submit(requests, segments, 0, info->split ? 2 : 1, buffer->address);
}

/* Describes the buffer of `size` bytes at an address in the library's memory. Returns false if there is none. */
VPT_INLINE_FOR_SPEED bool describe_own(const struct vpt_memory *own, uint32_t size, void *address,
                                       struct vpt_memory *buffer)
{
    uintptr_t offset = (uintptr_t)address - (uintptr_t)own->address;

    buffer->address = address;
    buffer->device_address = own->device_address + offset;
    buffer->size = size;
    return offset < own->size;
}

/* Whether the device can have a buffer of the caller's. */
VPT_INLINE bool check_posted(const struct vpt_memory *buffer, uint32_t least)
{
    return buffer->size >= least && buffer->size <= BUFFER_MOST && ((uintptr_t)buffer->address & (ALIGNMENT - 1u)) == 0;
}

/*
 * Gives buffers in the fast way, as many as go that way: those of `frames`, each of `size` bytes in `own`; or
 * `buffers`, each of `size` bytes at least. Returns how many.
 */
VPT_INLINE uint32_t give_fast(struct vpt_requests *requests, const struct vpt_net_frame *frames,
                              const struct vpt_memory *own, const struct vpt_memory *buffers, uint32_t size,
                              uint32_t count)
{
    struct slot_batch batch;
    uint32_t left = slot_batch_begin(&batch, requests, count);

    for (count = left; left != 0; left--) {
        struct vpt_memory buffer;

        if (frames != NULL) {
            if (!describe_own(own, size, frames->buffer, &buffer)) {
                break;
            }
            frames++;
        } else {
            buffer = *buffers;
            if (!check_posted(&buffer, size)) {
                break;
            }
            buffers++;
        }
        if (!slot_batch_add(&batch, buffer.device_address, (uint32_t)buffer.size, true, 0, buffer.address)) {
            break;
        }
    }
    slot_batch_end(&batch, requests, count - left);
    return count - left;
}

/* Shows the device what was given, also before one was refused. */
static enum vpt_status show(struct vpt_requests *requests, enum vpt_status status)
{
    enum vpt_status kicked = vpt_requests_kick(requests);

    return status == VPT_OK ? kicked : status;
}

/* At a start there are no `frames`: all buffers are given, in the order in which they lie. */
enum vpt_status vpt_net_recycle(struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames, uint32_t count)
{
    struct vpt_requests *requests = &queue->requests;
    struct vpt_memory own = requests->queue.areas[VPT_AREA_SLOTS].memory;
    void *next = own.address;
    enum vpt_status status = VPT_OK;

    /* Up to the first byte of the last buffer, as nothing behind it is one. */
    own.size = (size_t)(requests->queue.slot_count - 1u) * requests->slot_size + (requests->slot_size != 0 ? 1u : 0u);
    while (status == VPT_OK) {
        struct vpt_memory buffer;

        if (VPT_FOR_SPEED && frames != NULL) {
            uint32_t fast = give_fast(requests, frames, &own, NULL, requests->slot_size, count);

            count -= fast;
            frames += fast;
        }
        if (count == 0) {
            break;
        }
        count--;
        if (frames != NULL) {
            next = frames->buffer;
            frames++;
        }
        status = VPT_CALLER_ARGUMENT;
        if (describe_own(&own, requests->slot_size, next, &buffer)) {
            status = give_one(requests, &buffer);
            next = (uint8_t *)next + buffer.size;
        }
    }
    return show(requests, status);
}

enum vpt_status vpt_net_post(struct vpt_net_receiveq *queue, const struct vpt_memory *buffers, uint32_t count,
                             uint32_t *done)
{
    struct vpt_requests *requests = &queue->requests;
    enum vpt_status status = VPT_OK;
    uint32_t least;

    *done = 0;
    if (requests->slot_size != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (requests->driver == NULL) {
        return VPT_CALLER_STATE;
    }
    least = net_buffer_least(&net_of(requests)->info);
    while (status == VPT_OK) {
        if (VPT_FOR_SPEED) {
            *done += give_fast(requests, NULL, NULL, buffers + *done, least, count - *done);
        }
        if (*done == count) {
            break;
        }
        status = check_posted(&buffers[*done], least) ? give_one(requests, &buffers[*done]) : VPT_CALLER_MEMORY;
        *done += status == VPT_OK ? 1u : 0u;
    }
    return show(requests, status);
}
