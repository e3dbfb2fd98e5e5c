/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_REQUEST_SEQUENTIAL_BATCH_H
#define VPT_SRC_REQUEST_SEQUENTIAL_BATCH_H

#include <vpt/request.h>

/* Submit requests, or take them back, as long as there is nothing unusual about them. They return how many. */
uint32_t vpt_sequential_submit_alike(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count);
uint32_t vpt_sequential_take_seen(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count);

#endif
