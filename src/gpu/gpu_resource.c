/* SPDX-License-Identifier: MIT */
/* Pictures, their memory, and the displays that show them (VirtIO 1.4, section 5.7.6.8). */
#include "gpu_internal.h"

enum vpt_status vpt_gpu_create(struct vpt_gpu *gpu, struct vpt_gpu_resource *resource, enum vpt_gpu_format format,
                               uint32_t width, uint32_t height)
{
    struct gpu_body body = { { 0, (uint32_t)format, width, height } };
    enum vpt_status status;

    if (gpu == NULL || resource == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(resource, sizeof(*resource));
    if ((uint64_t)width * height - 1u >= 0xffffffffu / GPU_PIXEL_SIZE) {
        return VPT_CALLER_RANGE;
    }
    gpu->resources++;
    gpu->resources += gpu->resources == 0 ? 1u : 0u; /* D-GPU-7 */
    body.word[0] = gpu->resources;
    status = vpt_gpu_carry_out(gpu, GPU_CREATE_2D, &body);
    if (status == VPT_OK) {
        resource->gpu = gpu;
        resource->id = body.word[0];
        resource->width = width;
        resource->height = height;
        resource->resets = gpu->control.queue.resets;
    }
    return status;
}

enum vpt_status vpt_gpu_unref(struct vpt_gpu_resource *resource)
{
    enum vpt_status status = vpt_gpu_check_resource(resource, NULL);

    if (status == VPT_OK) {
        const struct gpu_body body = { { resource->id } };

        status = vpt_gpu_carry_out(resource->gpu, GPU_UNREF, &body);
    }
    if (status == VPT_OK) {
        vpt_zero(resource, sizeof(*resource));
    }
    return status;
}

enum vpt_status vpt_gpu_set_scanout(struct vpt_gpu *gpu, uint32_t scanout, const struct vpt_gpu_resource *resource,
                                    const struct vpt_gpu_rectangle *rectangle)
{
    struct gpu_body body = { { 0 } };
    enum vpt_status status = VPT_OK;

    if (gpu == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (scanout >= gpu->scanouts) {
        return VPT_CALLER_RANGE;
    }
    if (resource != NULL) {
        status = vpt_gpu_begin(resource, gpu, rectangle, &body); /* D-GPU-9 */
        body.word[5] = resource->id;
    }
    body.word[4] = scanout;
    return status == VPT_OK ? vpt_gpu_carry_out(gpu, GPU_SET_SCANOUT, &body) : status;
}
