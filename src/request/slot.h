/* SPDX-License-Identifier: MIT */
/* The part of a slot that the device sees. */
#ifndef VPT_SRC_REQUEST_SLOT_H
#define VPT_SRC_REQUEST_SLOT_H

#include <vpt/request.h>

/* The most data of a request if the library cuts. Devices rarely say what they accept, but are used to this size. */
#define VPT_REQUEST_BYTES_MAX 0x100000u

/* The most bytes of header and reply, and of a slot. */
#define SLOT_FIXED_MAX 0xffffu
#define SLOT_SIZE_MAX  0x80000000u

/* Returns how many descriptors of a slot are not for data. */
static inline uint32_t slot_fixed_descriptors(const struct vpt_requests_kind *kind)
{
    return (kind->header != 0 ? 1u : 0u) + (kind->reply != 0 ? 1u : 0u);
}

/* Returns the part of a slot that the device sees. Not for slots without such bytes, which have no memory. */
static inline uint8_t *slot_shared(const struct vpt_requests *requests, uint32_t slot)
{
    const struct vpt_memory *memory = &requests->queue.areas[VPT_AREA_SLOTS].memory;

    return (uint8_t *)memory->address + (size_t)slot * requests->slot_size;
}

static inline uint8_t *slot_or_null(const struct vpt_requests *requests, uint32_t slot)
{
    return requests->slot_size != 0 ? slot_shared(requests, slot) : NULL;
}

static inline uint64_t slot_address(const struct vpt_requests *requests, uint32_t slot)
{
    return requests->queue.areas[VPT_AREA_SLOTS].memory.device_address + (uint64_t)slot * requests->slot_size;
}

#endif
