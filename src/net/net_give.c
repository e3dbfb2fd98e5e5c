/* SPDX-License-Identifier: MIT */
/* Giving receive buffers to the device, several at once (VirtIO 1.4, section 5.1.6.3). */
#include "../request/slot_batch.h"
#include "net_internal.h"

#define BUFFER_MOST 0x7fffffffu
#define ALIGNMENT   4u /* so that each field of the header is aligned */

/* Where buffers are from. */
struct source {
    const struct vpt_memory *buffers;   /* the caller's; NULL: the library's */
    const struct vpt_net_frame *frames; /* those of the library's */
    const struct vpt_memory *memory;    /* of all of the library's ... */
    uintptr_t memory_size;              /* ... as much of it as they take */
    uint32_t size;                      /* of each of these; of the caller's the smallest that one may be */
};

/* Describes buffer n. Returns false if it cannot be given. */
VPT_INLINE_FOR_SPEED bool describe_buffer(const struct source *source, bool posted, uint32_t n,
                                          struct vpt_memory *buffer)
{
    uintptr_t offset;

    if (posted) {
        *buffer = source->buffers[n];
        return buffer->size >= source->size && buffer->size <= BUFFER_MOST &&
               ((uintptr_t)buffer->address & (ALIGNMENT - 1u)) == 0;
    }
    offset = (uintptr_t)source->frames[n].buffer - (uintptr_t)source->memory->address;
    buffer->address = source->frames[n].buffer;
    buffer->device_address = source->memory->device_address + offset;
    buffer->size = source->size;
    return offset < source->memory_size;
}

/* The header has a descriptor of its own if the device expects that (LEG-NETFRAME-1). */
enum vpt_status vpt_net_give_one(struct vpt_net_receiveq *queue, const struct vpt_memory *buffer)
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

/* Gives buffers in the fast way, as many as go that way. Returns how many. */
VPT_INLINE_FOR_SPEED uint32_t give_fast(struct vpt_requests *requests, const struct source *source, bool posted,
                                        uint32_t from, uint32_t count)
{
    const uint32_t begin = from;
    struct slot_batch batch;
    uint32_t end = from + slot_batch_begin(&batch, requests, count - from);
    struct vpt_memory buffer;

    while (from != end && describe_buffer(source, posted, from, &buffer) &&
           slot_batch_add(&batch, requests->queue.device_order, buffer.device_address, (uint32_t)buffer.size, true, 0,
                          buffer.address)) {
        from++;
    }
    slot_batch_end(&batch, requests, from - begin);
    return from - begin;
}

enum vpt_status vpt_net_give(struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames,
                             const struct vpt_memory *buffers, uint32_t count, uint32_t *done)
{
    struct vpt_requests *requests = &queue->requests;
    struct source source = { buffers, frames, &requests->queue.areas[VPT_AREA_SLOTS].memory, 0, queue->buffer_size };
    enum vpt_status status = VPT_OK;
    enum vpt_status kicked;

    *done = 0;
    if (requests->driver == NULL) {
        return VPT_CALLER_STATE;
    }
    source.memory_size = (uintptr_t)requests->queue.slot_count * queue->buffer_size;
    if (buffers != NULL) {
        source.size = net_buffer_least(&net_of(requests)->info);
    }
    while (*done < count && status == VPT_OK) {
        struct vpt_memory buffer;

        if (VPT_FOR_SPEED) {
            *done += buffers != NULL ? give_fast(requests, &source, true, *done, count)
                                     : give_fast(requests, &source, false, *done, count);
            if (*done == count) {
                break;
            }
        }
        status = buffers != NULL ? VPT_CALLER_MEMORY : VPT_CALLER_ARGUMENT;
        if (describe_buffer(&source, buffers != NULL, *done, &buffer)) {
            status = vpt_net_give_one(queue, &buffer);
        }
        *done += status == VPT_OK ? 1u : 0u;
    }
    kicked = vpt_requests_kick(requests); /* also shows what was given before one was refused */
    return status == VPT_OK ? kicked : status;
}
