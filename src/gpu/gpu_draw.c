/* SPDX-License-Identifier: MIT */
/* Showing what has changed in a picture (VirtIO 1.4, section 5.7.6.8). */
#include "gpu_internal.h"

static enum vpt_status draw(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle,
                            uint32_t command, bool wait, void *token)
{
    struct gpu_body body;
    enum vpt_status status = vpt_gpu_begin(resource, NULL, rectangle, &body);

    if (status != VPT_OK) {
        return status;
    }
    body.word[4] = resource->id;
    if (command == GPU_TRANSFER) {
        /* D-GPU-10. It is less than the picture's bytes, and so less than 4 GiB. */
        body.word[4] = (rectangle->y * resource->width + rectangle->x) * GPU_PIXEL_SIZE;
        body.word[6] = resource->id;
        if (!resource->attached) {
            return VPT_CALLER_STATE;
        }
    }
    return wait ? vpt_gpu_carry_out(resource->gpu, command, &body)
                : vpt_gpu_submit(resource->gpu, command, &body, token);
}

enum vpt_status vpt_gpu_submit_transfer(const struct vpt_gpu_resource *resource,
                                        const struct vpt_gpu_rectangle *rectangle, void *token)
{
    return draw(resource, rectangle, GPU_TRANSFER, false, token);
}

enum vpt_status vpt_gpu_submit_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle,
                                     void *token)
{
    return draw(resource, rectangle, GPU_FLUSH, false, token);
}

enum vpt_status vpt_gpu_transfer(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle)
{
    return draw(resource, rectangle, GPU_TRANSFER, true, NULL);
}

enum vpt_status vpt_gpu_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle)
{
    return draw(resource, rectangle, GPU_FLUSH, true, NULL);
}
