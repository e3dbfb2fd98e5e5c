/* SPDX-License-Identifier: MIT */
/* Showing what has changed in a picture (VirtIO 1.4, section 5.7.6.8). */
#include "gpu_internal.h"

#define PIXEL_SIZE 4u

static enum vpt_status prepare_transfer(const struct vpt_gpu_resource *resource,
                                        const struct vpt_gpu_rectangle *rectangle, struct gpu_command *command)
{
    enum vpt_status status = vpt_gpu_check_rectangle(resource, rectangle);

    if (status != VPT_OK) {
        return status;
    }
    gpu_begin(command, GPU_TRANSFER, 8);
    gpu_write_rectangle(&command->body, rectangle);
    /* D-GPU-10. It is less than the picture's bytes, and so less than 4 GiB. */
    command->body.word[4] = (rectangle->y * resource->width + rectangle->x) * PIXEL_SIZE;
    command->body.word[6] = resource->id;
    return resource->attached ? VPT_OK : VPT_CALLER_STATE;
}

static enum vpt_status prepare_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle,
                                     struct gpu_command *command)
{
    enum vpt_status status = vpt_gpu_check_rectangle(resource, rectangle);

    if (status == VPT_OK) {
        gpu_begin(command, GPU_FLUSH, 6);
        gpu_write_rectangle(&command->body, rectangle);
        command->body.word[4] = resource->id;
    }
    return status;
}

enum vpt_status vpt_gpu_submit_transfer(const struct vpt_gpu_resource *resource,
                                        const struct vpt_gpu_rectangle *rectangle, void *token)
{
    struct gpu_command command;
    enum vpt_status status = prepare_transfer(resource, rectangle, &command);

    return status == VPT_OK ? vpt_gpu_submit(resource->gpu, &command, token) : status;
}

enum vpt_status vpt_gpu_submit_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle,
                                     void *token)
{
    struct gpu_command command;
    enum vpt_status status = prepare_flush(resource, rectangle, &command);

    return status == VPT_OK ? vpt_gpu_submit(resource->gpu, &command, token) : status;
}

enum vpt_status vpt_gpu_transfer(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle)
{
    struct gpu_command command;
    enum vpt_status status = prepare_transfer(resource, rectangle, &command);

    return status == VPT_OK ? vpt_gpu_carry_out(resource->gpu, &command, NULL) : status;
}

enum vpt_status vpt_gpu_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle)
{
    struct gpu_command command;
    enum vpt_status status = prepare_flush(resource, rectangle, &command);

    return status == VPT_OK ? vpt_gpu_carry_out(resource->gpu, &command, NULL) : status;
}
