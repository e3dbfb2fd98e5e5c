/* SPDX-License-Identifier: MIT */
/* What a GPU says of its displays (VirtIO 1.4, sections 5.7.4 and 5.7.6.8). */
#include "../transport/transport_ops.h"
#include "gpu_internal.h"

/* Offsets in the configuration (D-GPU-2), and the one event that there is. */
#define CONFIG_EVENTS_READ  0u
#define CONFIG_EVENTS_CLEAR 4u
#define EVENT_DISPLAY       1u

/* The answer about all displays (D-GPU-5), and the one with an EDID (D-GPU-6). */
#define DISPLAY_SIZE    24u
#define DISPLAY_ENABLED 16u
#define EDID_SIZE       GPU_HEADER
#define EDID_BYTES      (GPU_HEADER + 8u)

static uint32_t load(const uint8_t *at)
{
    return vpt_order32(true, vpt_load32(at));
}

enum vpt_status vpt_gpu_get_display(struct vpt_gpu *gpu, uint32_t scanout, struct vpt_gpu_display *display)
{
    struct gpu_command command;
    const uint8_t *answer = NULL;
    enum vpt_status status;

    if (gpu == NULL || display == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (scanout >= gpu->scanouts) {
        return VPT_CALLER_RANGE;
    }
    gpu_begin(&command, GPU_GET_DISPLAY_INFO, 0);
    command.answer_type = GPU_OK_DISPLAY_INFO;
    command.answer_size += VPT_GPU_SCANOUTS_MAX * DISPLAY_SIZE;
    status = vpt_gpu_carry_out(gpu, &command, &answer);
    if (status != VPT_OK) {
        return status;
    }
    answer += GPU_HEADER + scanout * DISPLAY_SIZE;
    display->rectangle.x = load(answer);
    display->rectangle.y = load(answer + 4);
    display->rectangle.width = load(answer + 8);
    display->rectangle.height = load(answer + 12);
    display->enabled = load(answer + DISPLAY_ENABLED) != 0;
    return display->enabled ? VPT_OK : VPT_EMPTY;
}

enum vpt_status vpt_gpu_get_edid(struct vpt_gpu *gpu, uint32_t scanout, uint8_t *edid, uint32_t room, uint32_t *size)
{
    struct gpu_command command;
    const uint8_t *answer = NULL;
    enum vpt_status status;
    uint32_t bytes;
    uint32_t i;

    if (gpu == NULL || size == NULL || (edid == NULL && room != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    *size = 0;
    if (!vpt_features_has(&gpu->driver.features, VPT_GPU_F_EDID)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    if (scanout >= gpu->scanouts) {
        return VPT_CALLER_RANGE;
    }
    gpu_begin(&command, GPU_GET_EDID, 2);
    command.body.word[0] = scanout;
    command.answer_type = GPU_OK_EDID;
    command.answer_size = EDID_BYTES + VPT_GPU_EDID_MAX;
    status = vpt_gpu_carry_out(gpu, &command, &answer);
    if (status != VPT_OK) {
        return status;
    }
    bytes = load(answer + EDID_SIZE);
    bytes = bytes < VPT_GPU_EDID_MAX ? bytes : VPT_GPU_EDID_MAX;
    for (i = 0; i < bytes && i < room; i++) {
        edid[i] = vpt_load8(answer + EDID_BYTES + i);
    }
    *size = i;
    return bytes != 0 ? VPT_OK : VPT_EMPTY;
}

enum vpt_status vpt_gpu_take_events(struct vpt_gpu *gpu, bool *changed)
{
    static const struct vpt_config_field field = { CONFIG_EVENTS_READ, 4, 0, 0 };
    enum vpt_status status;
    uint32_t events = 0;

    if (gpu == NULL || changed == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *changed = false;
    status = vpt_driver_refresh(&gpu->driver, &field, 1, &events);
    if (status == VPT_OK && (events & EVENT_DISPLAY) != 0) {
        *changed = true;
        /* OUT-GPU-1. It is cleared before the displays are read, so that another change is not lost. */
        status = vpt_device_config_write(gpu->driver.device, CONFIG_EVENTS_CLEAR, 4, EVENT_DISPLAY);
    }
    return status;
}
