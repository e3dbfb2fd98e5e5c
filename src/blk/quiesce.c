/* SPDX-License-Identifier: MIT */
/* Waiting until a queue is idle. */
#include "../transport/wait.h"
#include "internal.h"

static enum vpt_status explain(struct vpt_device *device)
{
    enum vpt_status status = vpt_device_check(device);

    return status != VPT_OK ? status : VPT_DEVICE_TIMEOUT;
}

enum vpt_status vpt_blk_quiesce(struct vpt_blk_queue *queue, vpt_blk_complete *complete, void *ctx)
{
    struct vpt_blk_completion completion;
    uint32_t iteration = 0;
    enum vpt_status status;
    uint32_t left;

    if (queue == NULL || queue->blk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    left = queue->in_flight;
    status = left != 0 ? vpt_blk_kick(queue) : VPT_OK;
    while (left != 0 && status == VPT_OK) {
        status = vpt_blk_poll(queue, &completion);
        if (status == VPT_OK) {
            left--;
            iteration = 0;
            if (complete != NULL) {
                complete(ctx, &completion);
            }
        } else if (status == VPT_EMPTY) {
            bool again = vpt_keep_waiting(queue->device->port, VPT_WAIT_REQUEST, &iteration);

            status = again ? VPT_OK : explain(queue->device);
        }
    }
    return status;
}
