/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include <vpt/queue.h>

/* Before the name of an area: the function of the port that it is taken from. */
#define VPT_AREA_FUNCTION "dma_allocate: "

/* What one area of a set-up has to be. */
struct vpt_area_need {
    const char *name; /* for the log: VPT_AREA_FUNCTION and which area it is */
    size_t size;
    size_t alignment; /* a power of two */
    uint64_t limit;   /* highest device address */
    uint32_t flags;   /* VPT_DMA_PRIVATE, or vpt_memory_flags() */
};

/*
 * Makes sure of an area of a zeroed object, whose memory is what the caller handed over: it is taken from the port if
 * that has a NULL address. VPT_CALLER_MEMORY and VPT_RESOURCE_ADDRESS where it does not fit, VPT_UNSUPPORTED_PORT,
 * errors of dma_allocate(). A failure is logged, with the area's name and size.
 */
enum vpt_status vpt_area_take(const struct vpt_port *port, const struct vpt_area_need *need, struct vpt_area *area);

/* Gives the port back what it gave and takes back, also where not all of the areas were taken. */
void vpt_areas_give_back(const struct vpt_port *port, const struct vpt_area *areas, unsigned count);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
uint32_t vpt_memory_flags(const struct vpt_device *device);

#endif
