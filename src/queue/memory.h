/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include <vpt/queue.h>

/* What one area of a set-up has to be. */
struct vpt_area_need {
    size_t size;
    size_t alignment; /* a power of two */
    uint64_t limit;   /* highest device address */
    uint32_t flags;   /* VPT_DMA_PRIVATE, or vpt_memory_flags() */
};

/*
 * Makes sure of an area of a zeroed object, whose memory is what the caller handed over: it is taken from the port if
 * that has a NULL address. VPT_CALLER_MEMORY and VPT_RESOURCE_ADDRESS where it does not fit, VPT_UNSUPPORTED_PORT.
 */
enum vpt_status vpt_area_take(const struct vpt_port *port, const struct vpt_area_need *need, struct vpt_area *area);

/* Gives the port back what it gave, also where not all of the areas were taken. */
void vpt_areas_give_back(const struct vpt_port *port, const struct vpt_area *areas, unsigned count);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
uint32_t vpt_memory_flags(const struct vpt_device *device);

#endif
