/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include "queue_internal.h"
#include "split.h"

/* Returns the largest size of a queue that is not above `maximum`, or 0 for 0; of a split ring a power of two. */
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
 * Chooses the queue's size, which is at most wish->size, and takes memory for it: what the caller hands over, or else
 * memory from the port. If memory is short, asks for less, and reduces *wish. After an error, the caller must give back
 * what was taken.
 */
enum vpt_status vpt_queue_take_memory(struct vpt_queue *queue, struct vpt_queue_wish *wish);

/* Gives the port's memory back, even if not all was taken, and unmaps the doorbell. */
void vpt_queue_give_back(struct vpt_queue *queue);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
static inline uint32_t vpt_memory_flags(const struct vpt_device *device)
{
    return vpt_features_has(&device->features, VPT_F_ACCESS_PLATFORM) ? VPT_DMA_ACCESS_PLATFORM : 0u;
}

#endif
