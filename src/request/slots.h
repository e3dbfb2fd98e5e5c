/* SPDX-License-Identifier: MIT */
/* Requests with slots on a ring; what the ring's format decides is behind these names. */
#ifndef VPT_SRC_REQUEST_SLOTS_H
#define VPT_SRC_REQUEST_SLOTS_H

#include <vpt/request.h>

#include "../queue/queue_internal.h"

/* A split virtqueue whose slots own their descriptors. Its queues are members of struct vpt_requests. */
extern const struct vpt_queue_form vpt_split_slots;

/* Of data in one request that the library cuts: what devices are used to, which rarely say what they take at most. */
#define VPT_REQUEST_BYTES_MAX 0x100000u

/* Bytes of header and reply at most, and of a slot. */
#define SLOT_FIXED_MAX 0xffffu
#define SLOT_SIZE_MAX  0x80000000u

/* Descriptors of a slot beside those of its data. */
static inline uint32_t slot_fixed_descriptors(const struct vpt_requests_kind *kind)
{
    return (kind->header != 0 ? 1u : 0u) + (kind->reply != 0 ? 1u : 0u);
}

/* What the device sees of a slot; not of one of no bytes, which has no memory. */
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

static inline void *slot_next(const struct vpt_requests *requests)
{
    return requests->queue.free_count != 0 ? slot_or_null(requests, requests->queue.free_head) : NULL;
}

/* Why the slots refuse a request of so many segments. */
enum vpt_status vpt_slots_refuse(const struct vpt_requests *requests, uint32_t count);

/* Whether the device names a request that it has not been shown yet: one of those added since the last publish. */
bool vpt_slots_unpublished(const struct vpt_queue *queue, uint32_t id);

/* Nothing was found. After a reset what was in flight comes back, each once. */
enum vpt_status vpt_slots_drain(struct vpt_requests *requests, enum vpt_status why, struct vpt_completion *completion);

/* Every slot is free or in flight; a dead queue has taken the free ones out of reach. */
static inline uint32_t slots_in_flight(const struct vpt_requests *requests)
{
    const struct vpt_queue *queue = &requests->queue;

    return queue->dead == VPT_OK ? queue->slot_count - queue->free_count : vpt_queue_in_flight(queue);
}

/*
 * vpt_requests_submit() of what most requests are: a header, data of one direction, a reply behind it. A slot is free.
 */
enum vpt_status vpt_requests_submit_framed(struct vpt_requests *requests, const struct vpt_segment *segments,
                                           uint32_t count, bool writable, void *token);

/* The limits of a bring-up: the slots', then the driver's. */
void vpt_requests_fit(struct vpt_requests *requests);

/*
 * The end of a bring-up in one call, whose queues were set up with this status: starts the device. On failure it is
 * reset, and the driver released and zeroed; VPT_DEVICE_STUCK: that could not be done.
 */
enum vpt_status vpt_driver_open(struct vpt_driver *driver, enum vpt_status status);

/* Resets, negotiates and lets the driver read the configuration; on failure the device is FAILED. */
enum vpt_status vpt_driver_bring_up(struct vpt_driver *driver, const struct vpt_features *wanted,
                                    const struct vpt_feature_choice *choice);

#endif
