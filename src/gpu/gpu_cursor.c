/* SPDX-License-Identifier: MIT */
/* Cursors (VirtIO 1.4, section 5.7.6.10). As Linux does, nothing is left for the device to write (D-GPU-14). */
#include "gpu_internal.h"

static enum vpt_status send(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body)
{
    enum vpt_status status;

    if (body->word[0] >= gpu->scanouts) {
        return VPT_CALLER_RANGE;
    }
    vpt_slots_take_back(&gpu->cursor);
    status = vpt_gpu_submit(gpu, command, body, NULL); /* D-GPU-13 */
    return status == VPT_OK ? vpt_requests_kick(&gpu->cursor) : status;
}

enum vpt_status vpt_gpu_update_cursor(struct vpt_gpu *gpu, uint32_t scanout, const struct vpt_gpu_resource *resource,
                                      uint32_t x, uint32_t y, uint32_t hot_x, uint32_t hot_y)
{
    struct gpu_body body = { { scanout, x, y, 0, 0, hot_x, hot_y } };
    enum vpt_status status = VPT_OK;

    if (gpu == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (resource != NULL) {
        status = vpt_gpu_check_resource(resource, gpu);
        if (status == VPT_OK && (resource->width != VPT_GPU_CURSOR_SIZE || resource->height != VPT_GPU_CURSOR_SIZE ||
                                 hot_x >= VPT_GPU_CURSOR_SIZE || hot_y >= VPT_GPU_CURSOR_SIZE)) {
            status = VPT_CALLER_RANGE; /* OUT-GPU-3 */
        }
        body.word[4] = resource->id;
    }
    return status == VPT_OK ? send(gpu, GPU_UPDATE_CURSOR, &body) : status;
}

enum vpt_status vpt_gpu_move_cursor(struct vpt_gpu *gpu, uint32_t scanout, uint32_t x, uint32_t y)
{
    const struct gpu_body body = { { scanout, x, y } };

    return gpu != NULL ? send(gpu, GPU_MOVE_CURSOR, &body) : VPT_CALLER_ARGUMENT;
}
