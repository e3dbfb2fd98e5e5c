/* SPDX-License-Identifier: MIT */
/* Requests with slots on queues whose descriptors are used in the order of the ring. */
#ifndef VPT_SRC_REQUEST_SEQUENTIAL_SLOTS_H
#define VPT_SRC_REQUEST_SEQUENTIAL_SLOTS_H

#include "slots.h"

/* Prepares a slot, which has descriptors of its own only in its table. */
void vpt_sequential_prepare_slot(struct vpt_requests *requests, uint32_t slot);

/* Does what vpt_requests_submit() does; a slot is free. */
enum vpt_status vpt_sequential_submit(struct vpt_requests *requests, const struct vpt_segment *segments,
                                      uint32_t readable, uint32_t writable, void *token);

/* With IN_ORDER: begins the next batch, if the device has used one. VPT_EMPTY, or why the queue has stopped. */
enum vpt_status vpt_slots_begin_batch(struct vpt_requests *requests);

/* Submit requests, or take them back, as long as there is nothing unusual about them. They return how many. */
uint32_t vpt_sequential_submit_alike(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count);
uint32_t vpt_sequential_take_seen(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count);

#endif
