/* SPDX-License-Identifier: MIT */
/* Requests with slots on a packed virtqueue. */
#ifndef VPT_SRC_REQUEST_PACKED_SLOTS_H
#define VPT_SRC_REQUEST_PACKED_SLOTS_H

#include "slots.h"

/* Writes what stays the same in a slot's table. */
void vpt_packed_prepare_slot(struct vpt_requests *requests, uint32_t slot);

/* vpt_requests_submit() where a slot is free, and vpt_requests_poll(). */
enum vpt_status vpt_packed_submit(struct vpt_requests *requests, const struct vpt_segment *segments, uint32_t readable,
                                  uint32_t writable, void *token);
enum vpt_status vpt_packed_poll(struct vpt_requests *requests, struct vpt_completion *completion);

/* As in batch.c: how many were submitted, or came back, without anything out of the ordinary. */
uint32_t vpt_packed_submit_alike(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count);
uint32_t vpt_packed_take_seen(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count);

#endif
