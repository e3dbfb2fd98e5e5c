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
 * Memory for a need: what the caller handed over in `given`, or from the port if that has a NULL address; *owned
 * tells which. VPT_CALLER_MEMORY and VPT_RESOURCE_ADDRESS where it does not fit, VPT_UNSUPPORTED_PORT.
 */
enum vpt_status vpt_memory_take(const struct vpt_port *port, const struct vpt_memory *given,
                                const struct vpt_memory_need *need, struct vpt_memory *memory, bool *owned);

/* Whether memory fulfils a need: VPT_OK, VPT_CALLER_MEMORY or VPT_RESOURCE_ADDRESS. */
enum vpt_status vpt_memory_check(const struct vpt_memory *memory, const struct vpt_memory_need *need);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
uint32_t vpt_memory_flags(const struct vpt_device *device);

#endif
