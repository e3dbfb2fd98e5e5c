/* SPDX-License-Identifier: MIT */
/* What a GPU says of its displays (VirtIO 1.4, sections 5.7.4 and 5.7.6.8). */
#include "../transport/transport_ops.h"
#include "gpu_internal.h"

/* Offsets in the configuration (D-GPU-2), and the one event that there is. */
#define CONFIG_EVENTS_READ  0u
#define CONFIG_EVENTS_CLEAR 4u
#define EVENT_DISPLAY       1u

/*
 * Asks about a display. What is behind the answer's header is then at *data; what the device has not written there
 * is 0.
 */
static enum vpt_status ask_about(struct vpt_gpu *gpu, uint32_t command, uint32_t scanout, const uint8_t **data)
{
    const struct gpu_body body = { { scanout } };

    if (scanout >= gpu->scanouts) {
        return VPT_CALLER_RANGE;
    }
    *data = (const uint8_t *)slot_next(&gpu->control); /* if the queue is idle, a slot is free */
    if (*data != NULL) {
        *data += GPU_SLOT_ANSWER + GPU_HEADER;
    }
    return vpt_gpu_carry_out(gpu, command, &body);
}

enum vpt_status vpt_gpu_get_display(struct vpt_gpu *gpu, uint32_t scanout, struct vpt_gpu_display *display)
{
    const uint8_t *data = NULL;
    enum vpt_status status;

    if (gpu == NULL || display == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = ask_about(gpu, GPU_GET_DISPLAY_INFO, scanout, &data);
    if (status == VPT_OK) {
        data += scanout * GPU_DISPLAY_SIZE;
        display->rectangle.x = vpt_load_little32(data);
        display->rectangle.y = vpt_load_little32(data + 4);
        display->rectangle.width = vpt_load_little32(data + 8);
        display->rectangle.height = vpt_load_little32(data + 12);
        display->enabled = vpt_load_little32(data + 16) != 0;
        status = display->enabled ? VPT_OK : VPT_EMPTY;
    }
    return status;
}

enum vpt_status vpt_gpu_get_edid(struct vpt_gpu *gpu, uint32_t scanout, uint8_t *edid, uint32_t room, uint32_t *size)
{
    const uint8_t *data = NULL;
    enum vpt_status status;
    uint32_t bytes;

    if (gpu == NULL || size == NULL || (edid == NULL && room != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    *size = 0;
    if (!vpt_features_has(&gpu->driver.features, VPT_GPU_F_EDID)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    status = ask_about(gpu, GPU_GET_EDID, scanout, &data);
    if (status != VPT_OK) {
        return status;
    }
    bytes = vpt_load_little32(data);
    bytes = bytes < VPT_GPU_EDID_MAX ? bytes : VPT_GPU_EDID_MAX;
    *size = bytes < room ? bytes : room;
    vpt_slots_copy_out(edid, data + GPU_EDID_HEADER, *size);
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
