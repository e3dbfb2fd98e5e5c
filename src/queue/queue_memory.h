/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_QUEUE_MEMORY_H
#define VPT_SRC_QUEUE_MEMORY_H

#include "../transport/transport_ops.h"
#include "queue_internal.h"
#include "split.h"

/* The fewest entries that a queue gets if the caller names no size and memory is short. */
#define QUEUE_DEFAULT_SIZE_MIN 8u

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

/* Returns the largest size that queue `index` may have; the queue is not enabled. */
static inline enum vpt_status queue_read_maximum(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    enum vpt_status status = vpt_device_queue_maximum(device, index, maximum);

    if (status != VPT_OK) {
        return status;
    }
    if (*maximum == 0) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    if (*maximum > VPT_QUEUE_SIZE_MAX) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    *maximum = vpt_queue_size_within(device, *maximum);
    return VPT_OK;
}

/* Checks that the caller gives all three pieces of the rings, or at most one. A legacy interface uses only one. */
static inline enum vpt_status queue_check_given(const struct vpt_queue *queue, struct vpt_queue_wish *wish)
{
    const struct vpt_queue_memory *memory = wish->memory;

    wish->pieces = memory->driver_area.address != NULL;
    if (!wish->pieces) {
        return memory->device_area.address == NULL ? VPT_OK : VPT_CALLER_MEMORY;
    }
    return !vpt_legacy(queue->device) && memory->rings.address != NULL && memory->device_area.address != NULL
               ? VPT_OK
               : VPT_CALLER_MEMORY;
}

/* Sets the size to ask for, and the fewest entries that will do. */
static inline void queue_plan_size(struct vpt_queue_wish *wish, uint32_t maximum)
{
    wish->least = wish->size;
    if (wish->size == 0) {
        wish->size = wish->most;
        wish->least = QUEUE_DEFAULT_SIZE_MIN;
    }
    if (wish->size > maximum) {
        wish->size = maximum;
    }
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
