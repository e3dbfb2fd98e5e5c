/* SPDX-License-Identifier: MIT */
/* Requests with slots on a ring, whatever its format. */
#ifndef VPT_SRC_REQUEST_SLOTS_H
#define VPT_SRC_REQUEST_SLOTS_H

#include <vpt/request.h>

#include "../queue/queue_internal.h"
#include "slot.h"

/* A split virtqueue whose slots own their descriptors. Its queues are members of struct vpt_requests. */
extern const struct vpt_queue_form vpt_slots_form;

static inline void *slot_next(const struct vpt_requests *requests)
{
    return requests->queue.free_count != 0 ? slot_or_null(requests, requests->queue.free_head) : NULL;
}

/* Returns why a request of `count` segments cannot be submitted. */
enum vpt_status vpt_slots_refuse(const struct vpt_requests *requests, uint32_t count);

/* Called when nothing was used. After a reset it returns each request in flight once. */
enum vpt_status vpt_slots_drain(struct vpt_requests *requests, enum vpt_status why, struct vpt_completion *completion);

/* With IN_ORDER: begins the next batch, if the device has used one. VPT_EMPTY, or why the queue has stopped. */
enum vpt_status vpt_slots_begin_batch(struct vpt_requests *requests);

/* Returns how many slots are in flight, which is all that are not free. In a dead queue, free_count is always 0. */
static inline uint32_t slots_in_flight(const struct vpt_requests *requests)
{
    const struct vpt_queue *queue = &requests->queue;

    return queue->dead == VPT_OK ? queue->slot_count - queue->free_count : vpt_queue_in_flight(queue);
}

/* Submits a request that has a header, data of one direction, then a reply, as most have. A slot is free. */
enum vpt_status vpt_requests_submit_framed(struct vpt_requests *requests, const struct vpt_segment *segments,
                                           uint32_t count, bool writable, void *token);

/* Copies what a device has written. Reads each byte once, so that the caller gets what it checks. */
void vpt_slots_copy_out(uint8_t *buffer, const uint8_t *slot, size_t size);

/* Copies to a slot. Returns what is behind it there. */
uint8_t *vpt_slots_copy_in(uint8_t *slot, const void *bytes, uint32_t size);

/*
 * Copies a message into a slot, which has room for it, and submits the slot as a segment that the device reads.
 * VPT_RESOURCE_FULL: no slot is free.
 */
enum vpt_status vpt_slots_send(struct vpt_requests *requests, const void *bytes, uint32_t size);

/* Takes a request back. VPT_EMPTY if more waiting may help; else why it cannot. `*iteration` is 0 at first. */
enum vpt_status vpt_slots_wait_once(struct vpt_requests *requests, struct vpt_completion *completion,
                                    uint32_t *iteration);

/* Takes back what the device has used, or what a reset has ended, where no caller waits for it. */
void vpt_slots_take_back(struct vpt_requests *requests);

/* Does so on each queue of a driver. VPT_CALLER_STATE: the device is running or suspended; nothing was done. */
enum vpt_status vpt_driver_drain(struct vpt_driver *driver);

/*
 * Gives the requests of a blocking helper up: resets the device and takes them back. Returns `why`, or VPT_DEVICE_STUCK
 * or VPT_DEVICE_GONE.
 */
enum vpt_status vpt_slots_give_up(struct vpt_requests *requests, enum vpt_status why);

/* Sets the limits at a bring-up: those of the slots, then the driver's. */
void vpt_requests_fit(struct vpt_requests *requests);

/*
 * Ends a bring-up in one call; `status` is that of the queues' set-up. Starts the device. On an error resets it, and
 * releases and zeroes the driver. VPT_DEVICE_STUCK: the reset has failed, and nothing was released.
 */
enum vpt_status vpt_driver_open(struct vpt_driver *driver, enum vpt_status status);

/* Checks that the device is as the driver's bring-up has left it, or started. `driver` may be NULL. */
enum vpt_status vpt_driver_negotiated(const struct vpt_driver *driver);

/* Resets and negotiates, and lets the driver read the configuration. After an error the device is FAILED. */
enum vpt_status vpt_driver_bring_up(struct vpt_driver *driver, const struct vpt_features *wanted,
                                    const struct vpt_feature_choice *choice);

#endif
