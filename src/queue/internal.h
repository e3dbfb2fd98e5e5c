/* SPDX-License-Identifier: MIT */
/* What drivers inside the library use of a queue beside its public calls. */
#ifndef VPT_SRC_QUEUE_INTERNAL_H
#define VPT_SRC_QUEUE_INTERNAL_H

#include <vpt/queue.h>

/* The shape of most requests: a header that the device reads, data, and a trailer that it writes. */
struct vpt_queue_frame {
    struct vpt_segment header;
    struct vpt_segment trailer;
    const struct vpt_segment *data;
    uint16_t data_count;
    bool data_writable;
};

/* vpt_queue_add() of a frame, without an array that holds all of it. */
enum vpt_status vpt_queue_add_framed(struct vpt_queue *queue, const struct vpt_queue_frame *frame, void *token);

/*
 * Undoes vpt_queue_init() before the device is started: the device lets go of the queue, the port gets its memory
 * back, *queue is zeroed. VPT_DEVICE_STUCK: the device could not be made to, so that it keeps the memory.
 */
enum vpt_status vpt_queue_retract(struct vpt_queue *queue);

/* ---- The steps of a set-up ---- */

/* Whether `queue`, which may be any memory, is one that the device has been given since its last reset. */
bool vpt_queue_in_use(const struct vpt_device *device, const struct vpt_queue *queue);

/* Whether queue `index` can be set up now, and the device's maximum size of it. */
enum vpt_status vpt_queue_find(struct vpt_device *device, uint16_t index, uint32_t *maximum);

/* Fills the rings and the private state for the features that are negotiated, and resolves the doorbell. */
enum vpt_status vpt_queue_prepare(struct vpt_queue *queue);

/* Gives the queue to the device: whatever this returns, it is the device's until a reset or a retreat. */
enum vpt_status vpt_queue_enable(struct vpt_queue *queue);

/* Unmaps what vpt_queue_prepare() has resolved. */
void vpt_queue_leave_doorbell(const struct vpt_queue *queue);

/* Whether the device may still use the queue, as far as is known. */
bool vpt_queue_with_device(const struct vpt_queue *queue);

/* Why requests in flight come back after a reset: VPT_CANCELLED, VPT_DEVICE_STUCK or VPT_DEVICE_GONE. */
enum vpt_status vpt_queue_end_status(const struct vpt_queue *queue);

#endif
