/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "split.h"

/* Returns the largest size of a queue that is not above `maximum`, or 0 for 0; of a split ring a power of two. */
uint32_t vpt_queue_size_within(const struct vpt_device *device, uint32_t maximum);

/*
 * Checks whether queue `index` can be set up now, while the device runs or else in the device's set-up, and returns the
 * largest size up to the device's maximum.
 */
enum vpt_status vpt_queue_find(struct vpt_device *device, uint16_t index, bool running, uint32_t *maximum);

/*
 * Checks the wish and vpt_queue_find(), chooses the queue's size, which is at most wish->size, and takes memory for it:
 * what the caller hands over, or else memory from the port. If memory is short, asks for less, and reduces *wish.
 * wish->most becomes the device's maximum. After an error nothing is taken.
 */
enum vpt_status vpt_queue_take_memory(struct vpt_queue *queue, struct vpt_queue_wish *wish, bool running);

/* On PCI the maximum reads as the size that was written last, but the next try needs the device's maximum. */
static inline void queue_restore_size(const struct vpt_queue *queue, const struct vpt_queue_wish *wish)
{
    (void)vpt_device_queue_size(queue->device, queue->index, wish->most);
}

/* Gives the port's memory back, even if not all was taken, and unmaps the doorbell. */
void vpt_queue_give_back(struct vpt_queue *queue);

/* VPT_DMA_ACCESS_PLATFORM if the device's accesses are translated. */
static inline uint32_t vpt_memory_flags(const struct vpt_device *device)
{
    return vpt_features_has(&device->features, VPT_F_ACCESS_PLATFORM) ? VPT_DMA_ACCESS_PLATFORM : 0u;
}

#endif
