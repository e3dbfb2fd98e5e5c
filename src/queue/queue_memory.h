/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include "queue_internal.h"
#include "split.h"

/* The largest size of a queue that is not above `maximum`; 0 for 0. Of split rings it is a power of two. */
static inline uint32_t vpt_queue_size_within(const struct vpt_device *device, uint32_t maximum)
{
    uint32_t size = VPT_QUEUE_SIZE_MAX;

    if (device_packed(device) && maximum <= size) {
        return maximum;
    }
    while (size > maximum) {
        size >>= 1;
    }
    return size;
}

/*
 * Chooses the queue's size, which is at most wish->size, and takes memory for it: what the caller hands over, else the
 * port's. Where that is short, less is asked for, and *wish says what is left of it.
 * Returns VPT_OK, or why not: what was taken is then to be given back.
 */
enum vpt_status vpt_queue_take_memory(struct vpt_queue *queue, struct vpt_queue_wish *wish);

/* Gives the port back what it gave and takes back: memory, also where not all was taken, and the doorbell's mapping. */
void vpt_queue_give_back(struct vpt_queue *queue);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
static inline uint32_t vpt_memory_flags(const struct vpt_device *device)
{
    return vpt_features_has(&device->features, VPT_F_ACCESS_PLATFORM) ? VPT_DMA_ACCESS_PLATFORM : 0u;
}

#endif
