/* SPDX-License-Identifier: MIT */
/* A disk with one queue and defaults. */
#include "../request/slots.h"
#include "blk_internal.h"

enum vpt_status vpt_blk_open(struct vpt_blk *blk, struct vpt_blk_queue *queue, struct vpt_device *device)
{
    enum vpt_status status;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(queue, sizeof(*queue));
    status = vpt_blk_init(blk, device, NULL);
    if (status == VPT_OK) {
        status = vpt_driver_open(&blk->driver, vpt_blk_queue_init(queue, blk, 0, NULL));
        if (status != VPT_OK && blk->driver.device == NULL) {
            vpt_zero(blk, sizeof(*blk));
        }
    }
    return status;
}
