/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include <vpt/queue.h>

/* One piece of memory that a set-up needs. */
struct vpt_memory_need {
    size_t size;
    size_t alignment; /* a power of two */
    uint64_t limit;   /* highest device address */
    uint32_t flags;   /* VPT_DMA_* */
};

/*
 * Makes sure of memory for a need: *memory is what the caller handed over, or is taken from the port if that has a NULL
 * address. True in *owned tells the latter, also on failure. VPT_CALLER_MEMORY and VPT_RESOURCE_ADDRESS where it does
 * not fit, VPT_UNSUPPORTED_PORT.
 */
enum vpt_status vpt_memory_take(const struct vpt_port *port, const struct vpt_memory_need *need,
                                struct vpt_memory *memory, bool *owned);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
uint32_t vpt_memory_flags(const struct vpt_device *device);

#endif
