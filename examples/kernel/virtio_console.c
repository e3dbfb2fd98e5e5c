/* SPDX-License-Identifier: MIT */
#include "virtio_console.h"

#include <vpt/console.h>

#include "step.h"

#define LINE_MAX 80u
#define ATTEMPTS 50000000u

static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        length++;
    }
    return length;
}

static bool say(struct vpt_console_port *console, const char *text)
{
    return step("print on the console", vpt_console_write(console, text, length_of(text), NULL));
}

/* Reads up to the end of a line, which is left out. */
static bool hear(struct vpt_console_port *console, char line[LINE_MAX])
{
    size_t used = 0;

    for (uint32_t i = 0; i < ATTEMPTS && used < LINE_MAX - 1u; i++) {
        size_t length = 0;
        enum vpt_status status = vpt_console_read(console, &line[used], 1, &length);

        if (status != VPT_EMPTY && !step("read from the console", status)) {
            return false;
        }
        if (length != 0 && line[used] == '\n') {
            line[used] = '\0';
            return true;
        }
        used += length;
    }
    return step("wait for a line", VPT_DEVICE_TIMEOUT);
}

static bool talk(struct vpt_console_port *console)
{
    char line[LINE_MAX];

    if (!say(console, machine.architecture) || !say(console, " ") || !say(console, machine.name) ||
        !say(console, " listens\n") || !hear(console, line) || !say(console, "heard ") || !say(console, line) ||
        !say(console, "\n") ||
        !step("wait until it is printed", vpt_requests_quiesce(&console->queues.out, NULL, NULL))) {
        return false;
    }
    print("console: printed a line, read one, and printed it back\n@console %s\n", line);
    return true;
}

bool virtio_console_talk(const struct vpt_port *port, const struct device_place *place)
{
    static const char emergency[] = "emergency\n";
    static struct vpt_console console;
    static struct vpt_console_port port_0;
    struct device device;

    if (!step("open the console", device_open(&device, port, place)) ||
        !step("print in an emergency", vpt_console_emergency(device.virtio, emergency, sizeof(emergency) - 1u)) ||
        !step("bring the console up", vpt_console_open(&console, &port_0, 1, device.virtio)) || !talk(&port_0) ||
        !step("reset the console", vpt_device_reset(device.virtio)) ||
        !step("take its buffers back", vpt_console_drain(&console)) ||
        !step("release the console", vpt_driver_release(&console.driver))) {
        return false;
    }
    device_close(&device);
    return true;
}
