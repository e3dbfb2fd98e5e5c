/* SPDX-License-Identifier: MIT */
#include "input.h"

#include "step.h"

#define LINE_MAX 80u
#define ATTEMPTS 50000000u

/* Codes of keys; the digits from 1 to 9, then 0, follow each other. */
#define KEY_1    2u
#define KEY_0    11u
#define LED_CAPS 1u

static bool read_axes(struct input *input)
{
    for (uint8_t i = 0; i < INPUT_AXES; i++) {
        struct vpt_input_axis axis = { 0 };
        enum vpt_status status = vpt_input_get_axis(&input->driver, i, &axis);
        bool good = axis.minimum == 0 && axis.maximum > 0 && axis.maximum <= 0xffff;

        input->most[i] = status == VPT_OK ? (uint32_t)axis.maximum : 0;
        if (status != VPT_EMPTY &&
            (!step("read an axis", status) || !step("use an axis", good ? VPT_OK : VPT_UNSUPPORTED_DEVICE))) {
            return false;
        }
    }
    return true;
}

bool input_open(struct input *input, const struct vpt_port *port, const struct device_place *place)
{
    return step("open an input device", device_open(&input->device, port, place)) &&
           step("bring it up", vpt_input_open(&input->driver, input->device.virtio)) && read_axes(input);
}

bool input_close(struct input *input)
{
    if (!step("reset an input device", vpt_device_reset(input->device.virtio)) ||
        !step("take its buffers back", vpt_input_drain(&input->driver)) ||
        !step("release it", vpt_driver_release(&input->driver.driver))) {
        return false;
    }
    device_close(&input->device);
    return true;
}

char input_digit(uint16_t code)
{
    return code >= KEY_1 && code <= KEY_0 ? "1234567890"[code - KEY_1] : '?';
}

/* Takes the next key that is pressed. Other events, and types that this kernel does not know, are dropped. */
static enum vpt_status next_key(struct vpt_input *input, uint16_t *code)
{
    for (uint32_t i = 0; i < ATTEMPTS; i++) {
        struct vpt_input_event event;
        enum vpt_status status = vpt_input_poll(input, &event);

        if (status != VPT_OK && status != VPT_EMPTY) {
            return status;
        }
        if (status == VPT_OK && event.type == VPT_INPUT_KEY && event.value == 1) {
            *code = event.code;
            return VPT_OK;
        }
    }
    return VPT_DEVICE_TIMEOUT;
}

static bool read_line(struct vpt_input *input, char line[LINE_MAX])
{
    uint16_t code = 0;
    uint32_t used;

    for (used = 0; used < LINE_MAX - 1u && code != INPUT_KEY_ENTER; used++) {
        if (!step("wait for a key", next_key(input, &code))) {
            return false;
        }
        line[used] = input_digit(code);
    }
    line[used - 1u] = '\0'; /* in place of Enter */
    return true;
}

static bool listen(struct vpt_input *input)
{
    char name[VPT_INPUT_BYTES_MAX + 1u];
    struct vpt_input_bits bits;
    char line[LINE_MAX];

    if (!step("read the name", vpt_input_get_text(input, VPT_INPUT_NAME, name, sizeof(name))) ||
        !step("read which keys there are", vpt_input_get_codes(input, VPT_INPUT_KEY, &bits)) ||
        !step("find the key Enter", vpt_input_has(&bits, INPUT_KEY_ENTER) ? VPT_OK : VPT_UNSUPPORTED_DEVICE) ||
        !step("turn an LED on", vpt_input_send(input, VPT_INPUT_LED, LED_CAPS, 1)) ||
        !step("wait until it is on", vpt_requests_quiesce(&input->status, NULL, NULL))) {
        return false;
    }
    print("keyboard: %s\n@listens\n", name);
    if (!read_line(input, line)) {
        return false;
    }
    print("@typed %s\n", line);
    return true;
}

bool input_listen(const struct vpt_port *port, const struct device_place *place)
{
    static struct input keyboard;

    return input_open(&keyboard, port, place) && listen(&keyboard.driver) && input_close(&keyboard);
}
