/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <vpt/input.h>

#include "step.h"

#define LINE_MAX 80u
#define ATTEMPTS 50000000u

/* Codes of keys; the digits from 1 to 9, then 0, follow each other. */
#define KEY_1     2u
#define KEY_0     11u
#define KEY_ENTER 28u
#define LED_CAPS  1u

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

    for (used = 0; used < LINE_MAX - 1u && code != KEY_ENTER; used++) {
        if (!step("wait for a key", next_key(input, &code))) {
            return false;
        }
        line[used] = code >= KEY_1 && code <= KEY_0 ? "1234567890"[code - KEY_1] : '?';
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
        !step("find the key Enter", vpt_input_has(&bits, KEY_ENTER) ? VPT_OK : VPT_UNSUPPORTED_DEVICE) ||
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
    static struct vpt_input input;
    struct device device;

    if (!step("open the keyboard", device_open(&device, port, place)) ||
        !step("bring the keyboard up", vpt_input_open(&input, device.virtio)) || !listen(&input) ||
        !step("reset the keyboard", vpt_device_reset(device.virtio)) ||
        !step("take its buffers back", vpt_input_drain(&input)) ||
        !step("release the keyboard", vpt_driver_release(&input.driver))) {
        return false;
    }
    device_close(&device);
    return true;
}
