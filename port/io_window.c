/* SPDX-License-Identifier: MIT */
#include "io_window.h"

#include "register.h"

/* Where the port is mapped; NULL: it is not, or not whole. */
static volatile unsigned char *locate(const struct vpt_port_context *context, uint16_t io_port, unsigned width)
{
    if (width > context->io_window_size || io_port > context->io_window_size - width) {
        return NULL;
    }
    return (volatile unsigned char *)context->io_window + io_port;
}

uint32_t vpt_io_window_read(void *ctx, uint16_t io_port, unsigned width)
{
    const volatile void *place = locate(ctx, io_port, width);

    if (place == NULL) {
        return 0xffffffffu >> (32u - 8u * width);
    }
    return vpt_port_register_read(place, width);
}

void vpt_io_window_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    volatile void *place = locate(ctx, io_port, width);

    if (place != NULL) {
        vpt_port_register_write(place, width, value);
    }
}
