/* SPDX-License-Identifier: MIT */
#include "assign_port.h"

#include "register.h"

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    const struct vpt_assign_port_host *host = ctx;

    return vpt_pci_read(&host->function, offset, width, value);
}

static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    const struct vpt_assign_port_host *host = ctx;

    return vpt_pci_write(&host->function, offset, width, value);
}

static void access_register(const struct vpt_port *port, void *mapping, size_t offset, bool write, unsigned width,
                            uint64_t *value)
{
    uint8_t *address = (uint8_t *)mapping + offset;

    if (!write) {
        *value = port->mmio_read != NULL ? port->mmio_read(port->ctx, mapping, offset, width)
                                         : vpt_port_register_read(address, width);
    } else if (port->mmio_write != NULL) {
        port->mmio_write(port->ctx, mapping, offset, width, (uint32_t)(*value & 0xffffffff));
    } else {
        vpt_port_register_write(address, width, (uint32_t)(*value & 0xffffffff));
    }
}

/* Reads or writes the window that contains the access. */
static enum vpt_status access_window(const struct vpt_assign_port_host *host, bool write, uint64_t address,
                                     unsigned width, uint64_t *value)
{
    for (unsigned i = 0; i < host->windows && i < VPT_ASSIGN_PORT_WINDOWS; i++) {
        const struct vpt_assign_port_window *window = &host->window[i];
        uint64_t offset = address - window->address;

        /* Below the window `offset` wraps to a number that is too large. */
        if (width > 4u || window->size < width || offset > window->size - width) {
            continue;
        }
        access_register(host->function.port, window->mapping, (size_t)offset, write, width, value);
        return VPT_OK;
    }
    return VPT_UNSUPPORTED_PORT;
}

static enum vpt_status memory_read(void *ctx, uint64_t address, unsigned width, uint64_t *value)
{
    return access_window(ctx, false, address, width, value);
}

static enum vpt_status memory_write(void *ctx, uint64_t address, unsigned width, uint64_t value)
{
    return access_window(ctx, true, address, width, &value);
}

static enum vpt_status io_read(void *ctx, uint16_t io_port, unsigned width, uint32_t *value)
{
    const struct vpt_port *port = ((const struct vpt_assign_port_host *)ctx)->function.port;

    if (port->io_read == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    *value = port->io_read(port->ctx, io_port, width);
    return VPT_OK;
}

static enum vpt_status io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    const struct vpt_port *port = ((const struct vpt_assign_port_host *)ctx)->function.port;

    if (port->io_write == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    port->io_write(port->ctx, io_port, width, value);
    return VPT_OK;
}

enum vpt_status vpt_assign_port_init(struct vpt_assign_port_host *host, const struct vpt_pci_function *function)
{
    if (host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *host = (struct vpt_assign_port_host){ .windows = 0 };
    if (function == NULL || function->port == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    host->function = *function;
    host->host.ctx = host;
    host->host.config_read = config_read;
    host->host.config_write = config_write;
    host->host.memory_read = memory_read;
    host->host.memory_write = memory_write;
    host->host.io_read = io_read;
    host->host.io_write = io_write;
    return VPT_OK;
}

enum vpt_status vpt_assign_port_map(struct vpt_assign_port_host *host, uint64_t address, size_t size)
{
    const struct vpt_port *port;
    struct vpt_assign_port_window *window;
    enum vpt_status status;

    if (host == NULL || host->function.port == NULL || size == 0 || size - 1u > ~address) {
        return VPT_CALLER_ARGUMENT;
    }
    port = host->function.port;
    if (port->mmio_map == NULL || port->mmio_unmap == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    if (host->windows >= VPT_ASSIGN_PORT_WINDOWS) {
        return VPT_RESOURCE_FULL;
    }
    window = &host->window[host->windows];
    status = port->mmio_map(port->ctx, address, size, VPT_MAP_REGISTERS, &window->mapping);
    if (status != VPT_OK) {
        *window = (struct vpt_assign_port_window){ .size = 0 };
        return status;
    }
    window->address = address;
    window->size = size;
    host->windows++;
    return VPT_OK;
}

void vpt_assign_port_release(struct vpt_assign_port_host *host)
{
    if (host == NULL || host->function.port == NULL) {
        return;
    }
    for (unsigned i = 0; i < host->windows && i < VPT_ASSIGN_PORT_WINDOWS; i++) {
        const struct vpt_port *port = host->function.port;

        port->mmio_unmap(port->ctx, host->window[i].mapping, host->window[i].size);
    }
    *host = (struct vpt_assign_port_host){ .windows = 0 };
}
