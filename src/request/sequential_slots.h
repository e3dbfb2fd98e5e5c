/* SPDX-License-Identifier: MIT */
/* Requests with slots on queues whose descriptors are used in the order of the ring. */
#ifndef VPT_SRC_REQUEST_SEQUENTIAL_SLOTS_H
#define VPT_SRC_REQUEST_SEQUENTIAL_SLOTS_H

#include <vpt/request.h>

/* Prepares a slot, which has descriptors of its own only in its table. */
void vpt_sequential_prepare_slot(struct vpt_requests *requests, uint32_t slot);

/* Does what vpt_requests_submit() does; a slot is free. */
enum vpt_status vpt_sequential_submit(struct vpt_requests *requests, const struct vpt_segment *segments,
                                      uint32_t readable, uint32_t writable, void *token);

#endif
