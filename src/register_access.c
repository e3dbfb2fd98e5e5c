/* SPDX-License-Identifier: MIT */
#include "register_access.h"

#include "access.h"

static uint32_t load(const volatile void *address, unsigned width)
{
    switch (width) {
    case 1: return vpt_register_load8(address);
    case 2: return vpt_order16(true, (uint16_t)vpt_register_load16(address));
    default: return vpt_order32(true, vpt_register_load32(address));
    }
}

static void store_register(volatile void *address, unsigned width, uint32_t value)
{
    switch (width) {
    case 1: vpt_register_store8(address, value); break;
    case 2: vpt_register_store16(address, vpt_order16(true, (uint16_t)value)); break;
    default: vpt_register_store32(address, vpt_order32(true, value)); break;
    }
}

uint32_t vpt_register_read(const struct vpt_port *port, void *mapping, size_t offset, unsigned width)
{
    uint32_t value;

    if (port->mmio_read != NULL) {
        value = port->mmio_read(port->ctx, mapping, offset, width);
    } else {
        value = load((const uint8_t *)mapping + offset, width);
    }
    vpt_barrier_register_read();
    return value;
}

void vpt_register_write(const struct vpt_port *port, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    vpt_barrier_doorbell();
    if (port->mmio_write != NULL) {
        port->mmio_write(port->ctx, mapping, offset, width, value);
    } else {
        store_register((uint8_t *)mapping + offset, width, value);
    }
}
