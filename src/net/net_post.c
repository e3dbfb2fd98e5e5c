/* SPDX-License-Identifier: MIT */
/* Receive buffers of the caller's (VirtIO 1.4, section 5.1.6.3). */
#include "net_internal.h"

enum vpt_status vpt_net_post(struct vpt_net_receiveq *queue, const struct vpt_memory *buffers, uint32_t count,
                             uint32_t *done)
{
    *done = 0;
    return queue->buffer_size == 0 ? vpt_net_give(queue, NULL, buffers, count, done) : VPT_CALLER_ARGUMENT;
}
