/* SPDX-License-Identifier: MIT */
/* Several ports: the control messages of a multiport device (VirtIO 1.4, section 5.3.6.2). */
#include "console_internal.h"

/* Sends a message and shows it to the device. A legacy device's fields are in the CPU's byte order (LEG-CONOP-1). */
static enum vpt_status tell(struct vpt_requests *out, uint32_t id, uint32_t event, uint32_t value)
{
    bool order = out->queue.device_order;
    struct {
        uint32_t id;
        uint16_t event;
        uint16_t value;
    } message;
    enum vpt_status status;

    message.id = vpt_order32(order, id);
    message.event = vpt_order16(order, (uint16_t)event);
    message.value = vpt_order16(order, (uint16_t)value);
    status = vpt_slots_send(out, &message, CONSOLE_MESSAGE_BYTES);
    return status == VPT_OK ? vpt_requests_kick(out) : status;
}

enum vpt_status vpt_console_announce(struct vpt_requests *out)
{
    return tell(out, 0xffffffffu, CONSOLE_DEVICE_READY, 1);
}

/*
 * Does what a message of `length` bytes says of a port. Returns the number of its event, or VPT_CONSOLE_IGNORED if it
 * has no meaning.
 */
static uint32_t follow(struct vpt_console_port *port, struct console_message *message, bool order, uint32_t length)
{
    uint32_t event = vpt_order16(order, message->event);
    uint32_t more = length - CONSOLE_MESSAGE_BYTES;
    bool on = message->value != 0;

    if (event != VPT_CONSOLE_ADDED && !port->state.present) {
        return VPT_CONSOLE_IGNORED;
    }
    switch (event) {
    case VPT_CONSOLE_ADDED:
    case VPT_CONSOLE_REMOVED:
        vpt_console_begin(port, false, message->id == 0); /* port 0 may have its size by the configuration */
        VPT_WRITE_ONCE(port->state.present, event == VPT_CONSOLE_ADDED);
        break;
    case VPT_CONSOLE_NOMINATED:
        port->state.is_console = true;
        port->state.open = true;
        break;
    case VPT_CONSOLE_RESIZED:
        if (more < sizeof(message->more.size)) {
            return VPT_CONSOLE_IGNORED;
        }
        port->state.columns = vpt_order16(order, message->more.size[0]);
        port->state.rows = vpt_order16(order, message->more.size[1]);
        break;
    case VPT_CONSOLE_HOST_OPEN: port->state.host_open = on; break;
    case VPT_CONSOLE_NAMED:
        vpt_copy(port->state.name, message->more.name, more);
        port->state.name[more] = '\0';
        break;
    default: return VPT_CONSOLE_IGNORED;
    }
    return event;
}

/* Follows a message, fills *event, and answers the two kinds of messages that have an answer. */
static enum vpt_status take_message(struct vpt_console *console, struct console_message *message, uint32_t length,
                                    struct vpt_console_event *event)
{
    struct vpt_requests *out = &console->control.out;
    bool order = out->queue.device_order;
    uint32_t kind = VPT_CONSOLE_IGNORED;
    uint32_t id;

    event->kind = VPT_CONSOLE_IGNORED;
    event->id = 0;
    event->port = NULL;
    if (length < CONSOLE_MESSAGE_BYTES) {
        return VPT_OK;
    }
    length = length < sizeof(*message) ? length : (uint32_t)sizeof(*message) - 1u;
    id = vpt_order32(order, message->id);
    event->id = id;
    if (id < console->port_count) {
        event->port = &console->ports[id];
        kind = follow(event->port, message, order, length);
        event->kind = (enum vpt_console_event_kind)kind;
    }
    if (vpt_order16(order, message->event) == VPT_CONSOLE_ADDED) {
        return tell(out, id, CONSOLE_PORT_READY, kind == VPT_CONSOLE_ADDED ? 1 : 0);
    }
    return kind == VPT_CONSOLE_NOMINATED ? tell(out, id, VPT_CONSOLE_HOST_OPEN, 1) : VPT_OK; /* CON-MP-2 */
}

enum vpt_status vpt_console_poll(struct vpt_console *console, struct vpt_console_event *event)
{
    struct vpt_console_queues *control;
    struct console_message message;
    enum vpt_status status;
    uint32_t length = 0;

    if (console == NULL || event == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    control = &console->control;
    vpt_slots_take_back(&control->out);
    /* A message that cannot be answered stays where it is, also while the device is suspended (SUSPEND-3). */
    if (console->driver.device != NULL && (console->driver.device->status & VPT_STATUS_SUSPEND) != 0) {
        return VPT_CALLER_STATE;
    }
    if (vpt_requests_free(&control->out) == 0 && vpt_slots_refuse(&control->out, 0) == VPT_RESOURCE_FULL) {
        return VPT_RESOURCE_FULL;
    }
    status = vpt_receive(&control->in, &message, sizeof(message) - 1u, &length);
    if (status == VPT_OK) {
        /* The device gets the slot back before the answer, upon which it may send more messages. */
        status = vpt_requests_kick(&control->in);
    }
    if (status == VPT_OK) {
        status = take_message(console, &message, length, event);
    }
    return status;
}

enum vpt_status vpt_console_set_open(struct vpt_console_port *port, bool open)
{
    struct vpt_console *console;
    enum vpt_status status;
    uint32_t index;

    if (port == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!port->state.present || port->queues.in.driver == NULL) {
        return VPT_CALLER_STATE;
    }
    console = console_of(&port->queues.in);
    if (!vpt_features_has(&console->driver.features, VPT_CONSOLE_F_MULTIPORT)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    vpt_slots_take_back(&console->control.out);
    index = port->queues.in.queue.index;
    status = tell(&console->control.out, index != 0 ? index / 2u - 1u : 0, VPT_CONSOLE_HOST_OPEN, open ? 1 : 0);
    if (status == VPT_OK) {
        port->state.open = open;
    }
    return status;
}
