/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_CONSOLE_INTERNAL_H
#define VPT_SRC_CONSOLE_INTERNAL_H

#include <vpt/console.h>

#include "../access.h"
#include "../request/slots.h"
#include "../transport/transport_ops.h"

/* Events of control messages that only the driver sends (section 5.3.6.2). */
#define CONSOLE_DEVICE_READY 0u
#define CONSOLE_PORT_READY   3u

/* A control message. Only an event PORT_NAME has a name, and only RESIZE has a size. */
struct console_message {
    uint32_t id;
    uint16_t event;
    uint16_t value;
    union {
        uint16_t size[2]; /* columns, rows */
        char name[VPT_CONSOLE_NAME_MAX + 1u];
    } more;
};

#define CONSOLE_MESSAGE_BYTES 8u /* of a message without name and size */

VPT_STATIC_ASSERT(sizeof(struct console_message) == 64, "as a kernel's author was told");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct console_message, more) == CONSOLE_MESSAGE_BYTES, "section 5.3.6.2");

/* Returns the console of a queue that is set up. */
static inline struct vpt_console *console_of(const struct vpt_requests *requests)
{
    return VPT_CONTAINER_OF(requests->driver, struct vpt_console, driver);
}

/* ---- One port (console_port.c) ---- */

/*
 * Forgets what the device has said of a port. `alone`: it is the only one, and is open from the start. `sized`: its
 * size stays.
 */
void vpt_console_begin(struct vpt_console_port *port, bool alone, bool sized);

/* ---- Control messages (console_control.c) ---- */

/* Tells the device, after each start, that messages about ports may come (CON-MP-1). `out` is the control queue. */
enum vpt_status vpt_console_announce(struct vpt_requests *out);

#endif
