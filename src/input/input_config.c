/* SPDX-License-Identifier: MIT */
/* What an input device says of itself, by the selectors of its configuration (VirtIO 1.4, section 5.8.4). */
#include <vpt/input.h>

#include "../access.h"
#include "../transport/transport_ops.h"
#include "../transport/wait.h"

/* Offsets in the configuration (D-INPUT-2). */
#define CONFIG_SELECT    0u
#define CONFIG_SUBSELECT 1u
#define CONFIG_SIZE      2u
#define CONFIG_DATA      8u

/* Selectors (D-INPUT-5); enum vpt_input_text has those of texts. */
#define SELECT_IDS        3u
#define SELECT_PROPERTIES 0x10u
#define SELECT_CODES      0x11u
#define SELECT_AXIS       0x12u

/*
 * Reads what is selected: numbers of `width` bytes, `bytes` in all at most, and zeroes behind what there is. VPT_EMPTY:
 * there is nothing.
 */
static enum vpt_status read_once(struct vpt_device *device, uint32_t width, void *to, uint32_t bytes)
{
    uint32_t size = 0;
    enum vpt_status status = vpt_device_config_read(device, CONFIG_SIZE, 1, &size); /* INPUT-INIT-3 */
    uint32_t at;

    vpt_zero(to, bytes);
    for (at = 0; status == VPT_OK && at + width <= size && at < bytes; at += width) {
        uint32_t value = 0;

        status = vpt_device_config_read(device, CONFIG_DATA + at, width, &value);
        vpt_copy((uint8_t *)to + at, (const uint8_t *)&value + (VPT_BIG_ENDIAN != 0 ? 4u - width : 0), width);
    }
    return status == VPT_OK && size < width ? VPT_EMPTY : status;
}

/* Reads it again until all of it is of one moment (CONFIG-1). */
static enum vpt_status read_selected(struct vpt_device *device, uint32_t width, void *to, uint32_t bytes)
{
    uint32_t iteration = 0;

    do {
        uint32_t before = vpt_device_get(device, VPT_REGISTER_CONFIG_GENERATION);
        enum vpt_status status = read_once(device, width, to, bytes);

        if ((status != VPT_OK && status != VPT_EMPTY) ||
            vpt_device_get(device, VPT_REGISTER_CONFIG_GENERATION) == before) {
            return status;
        }
    } while (vpt_keep_waiting(device->port, VPT_WAIT_CONFIGURATION, &iteration));
    return vpt_log(device->port, VPT_LOG_ERROR, "configuration", VPT_DEVICE_CONFIG_UNSTABLE);
}

/* Selects, and reads. `bytes` is a multiple of `width`, and at most VPT_INPUT_BYTES_MAX. */
static enum vpt_status ask(struct vpt_input *input, uint32_t select, uint32_t subselect, uint32_t width, void *to,
                           uint32_t bytes)
{
    struct vpt_device *device;
    enum vpt_status status;
    enum vpt_status found;

    if (input == NULL || input->driver.device == NULL || to == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    device = input->driver.device;
    status = vpt_device_config_write(device, CONFIG_SELECT, 1, select); /* INPUT-INIT-1 */
    if (status == VPT_OK) {
        status = vpt_device_config_write(device, CONFIG_SUBSELECT, 1, subselect);
    }
    if (status == VPT_OK) {
        status = read_selected(device, width, to, bytes);
        /* A device that is gone reads as all-ones, or its configuration is unstable while it goes. */
        found = vpt_device_check(device);
        status = found != VPT_OK ? found : status;
    }
    return status == VPT_CALLER_RANGE ? VPT_DEVICE_CONFIG : status;
}

enum vpt_status vpt_input_get_text(struct vpt_input *input, enum vpt_input_text which, char *text, size_t size)
{
    uint32_t bytes = size <= VPT_INPUT_BYTES_MAX ? (uint32_t)size - 1u : VPT_INPUT_BYTES_MAX;

    if (text == NULL || size == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    text[0] = '\0';
    text[bytes] = '\0'; /* the device's text may have none, or one before (D-INPUT-4) */
    return ask(input, (uint32_t)which, 0, 1, text, bytes);
}

enum vpt_status vpt_input_get_ids(struct vpt_input *input, struct vpt_input_ids *ids)
{
    return ask(input, SELECT_IDS, 0, sizeof(ids->bus), ids, sizeof(*ids));
}

enum vpt_status vpt_input_get_properties(struct vpt_input *input, struct vpt_input_bits *bits)
{
    return ask(input, SELECT_PROPERTIES, 0, 1, bits, sizeof(*bits));
}

enum vpt_status vpt_input_get_codes(struct vpt_input *input, uint8_t type, struct vpt_input_bits *bits)
{
    return ask(input, SELECT_CODES, type, 1, bits, sizeof(*bits));
}

enum vpt_status vpt_input_get_axis(struct vpt_input *input, uint8_t code, struct vpt_input_axis *axis)
{
    return ask(input, SELECT_AXIS, code, sizeof(axis->minimum), axis, sizeof(*axis));
}
