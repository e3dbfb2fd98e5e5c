/* SPDX-License-Identifier: MIT */
/* Giving receive buffers to the device, several at once (VirtIO 1.4, section 5.1.6.3). */
#include "../request/slots.h"
#include "net_internal.h"

#define CHUNK       (VPT_FOR_SPEED ? 16u : 1u) /* buffers that are worked on together */
#define BUFFER_MOST 0x7fffffffu
#define ALIGNMENT   4u /* so that each field of the header is aligned */

struct chunk {
    struct vpt_request requests[CHUNK];
    struct vpt_segment segments[CHUNK][2];
};

/* Makes the request for a buffer. The header has a descriptor of its own if the device expects that (LEG-NETFRAME-1). */
VPT_INLINE_FOR_SPEED void make_request(const struct vpt_net_receiveq *queue, void *address, uint64_t device_address,
                                       uint32_t size, struct chunk *chunk, uint32_t i)
{
    struct vpt_segment *segments = chunk->segments[i];
    struct vpt_request *request = &chunk->requests[i];

    segments[0].address = device_address;
    segments[0].length = size;
    request->segments = segments;
    request->token = address;
    request->readable = 0;
    request->writable = 1;
    if (VPT_UNLIKELY(queue->split)) {
        uint32_t header = net_of(&queue->requests)->info.header;

        segments[0].length = header;
        segments[1].address = device_address + header;
        segments[1].length = size - header;
        request->writable = 2;
    }
}

/* Makes the request for one of the library's buffers. Returns false if it is none. */
VPT_INLINE_FOR_SPEED bool make_own(const struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames, uint32_t n,
                                   struct chunk *chunk, uint32_t i)
{
    const struct vpt_queue *ring = &queue->requests.queue;
    const struct vpt_memory *memory = &ring->areas[VPT_AREA_SLOTS].memory;
    uintptr_t offset = (uintptr_t)n * queue->buffer_size;

    if (frames != NULL) {
        offset = (uintptr_t)frames[n].buffer - (uintptr_t)memory->address;
        if (VPT_UNLIKELY(offset >= (uintptr_t)ring->slot_count * queue->buffer_size)) {
            return false;
        }
    }
    make_request(queue, (uint8_t *)memory->address + offset, memory->device_address + offset, queue->buffer_size, chunk,
                 i);
    return true;
}

/* Makes the request for a buffer of the caller's. Returns false if the device cannot receive into it. */
VPT_INLINE_FOR_SPEED bool make_posted(const struct vpt_net_receiveq *queue, const struct vpt_memory *buffer,
                                      struct chunk *chunk, uint32_t i)
{
    if (VPT_UNLIKELY(buffer->size < net_buffer_least(&net_of(&queue->requests)->info) || buffer->size > BUFFER_MOST ||
                     ((uintptr_t)buffer->address & (ALIGNMENT - 1u)) != 0)) {
        return false;
    }
    make_request(queue, buffer->address, buffer->device_address, (uint32_t)buffer->size, chunk, i);
    return true;
}

enum vpt_status vpt_net_give(struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames,
                             const struct vpt_memory *buffers, uint32_t count, uint32_t *done)
{
    struct vpt_requests *requests = &queue->requests;
    enum vpt_status status = requests->driver != NULL ? VPT_OK : VPT_CALLER_STATE;
    enum vpt_status refused = VPT_OK;
    enum vpt_status kicked;
    struct chunk chunk;

    *done = 0;
    while (*done < count && status == VPT_OK && refused == VPT_OK) {
        uint32_t made;
        uint32_t taken;

        for (made = 0; made < CHUNK && *done + made < count; made++) {
            uint32_t n = *done + made;

            if (buffers == NULL ? !make_own(queue, frames, n, &chunk, made)
                                : !make_posted(queue, &buffers[n], &chunk, made)) {
                refused = buffers == NULL ? VPT_CALLER_ARGUMENT : VPT_CALLER_MEMORY;
                break;
            }
        }
        status = vpt_requests_submit_batch(requests, chunk.requests, made, &taken);
        *done += taken;
    }
    kicked = vpt_requests_kick(requests); /* also shows what was given before one was refused */
    status = status != VPT_OK ? status : refused;
    return status != VPT_OK ? status : kicked;
}
