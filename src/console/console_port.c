/* SPDX-License-Identifier: MIT */
/* Bytes to and from the host (VirtIO 1.4, section 5.3.6). */
#include "console_internal.h"

void vpt_console_begin(struct vpt_console_port *port, bool alone, bool sized)
{
    vpt_zero(&port->state, sized ? VPT_OFFSET_OF(struct vpt_console_state, columns) : sizeof(port->state));
    port->state.present = alone;
    port->state.is_console = alone;
    port->state.host_open = alone;
    port->state.open = alone;
}

enum vpt_status vpt_console_write(struct vpt_console_port *port, const void *bytes, size_t size, size_t *written)
{
    const uint8_t *next = (const uint8_t *)bytes;
    enum vpt_status status = VPT_OK;
    enum vpt_status kicked;
    size_t ignored;

    written = written != NULL ? written : &ignored;
    *written = 0;
    if (port == NULL || (bytes == NULL && size != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!VPT_READ_ONCE(port->state.present)) {
        return VPT_CALLER_STATE;
    }
    vpt_slots_take_back(&port->queues.out);
    while (*written < size && status == VPT_OK) {
        size_t part = size - *written < VPT_CONSOLE_CHUNK ? size - *written : VPT_CONSOLE_CHUNK;

        status = vpt_slots_send(&port->queues.out, next + *written, (uint32_t)part); /* CON-OP-2 */
        *written += status == VPT_OK ? part : 0;
    }
    kicked = vpt_requests_kick(&port->queues.out);
    return kicked != VPT_OK ? kicked : status;
}

enum vpt_status vpt_console_read(struct vpt_console_port *port, void *buffer, size_t size, size_t *length)
{
    enum vpt_status status = VPT_OK;
    uint32_t part;

    if (port == NULL || buffer == NULL || length == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *length = 0;
    if (port->taken == port->received) {
        uint32_t received = 0;

        status = vpt_receive(&port->queues.in, port->chunk, sizeof(port->chunk), &received);
        port->received = status == VPT_OK ? received : 0;
        port->taken = 0;
    }
    part = port->received - port->taken;
    part = size < part ? (uint32_t)size : part;
    vpt_copy(buffer, port->chunk + port->taken, part);
    port->taken += part;
    *length = part;
    return status;
}
