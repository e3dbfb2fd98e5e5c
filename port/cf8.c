/* SPDX-License-Identifier: MIT */
#include "cf8.h"

#define ADDRESS_PORT 0xcf8u
#define DATA_PORT    0xcfcu

#define ADDRESS_ENABLE 0x80000000u

static bool reachable(const struct vpt_pci_address *address, uint16_t offset)
{
    return address->segment == 0 && address->device < 32u && address->function < 8u && offset < 256u;
}

/* Selects the dword that holds `offset` for the data port. */
static void select_dword(const struct vpt_port_context *context, void *ctx, const struct vpt_pci_address *address,
                         uint16_t offset)
{
    context->cf8_io_write(ctx, ADDRESS_PORT, 4,
                          ADDRESS_ENABLE | (uint32_t)address->bus << 16 | (uint32_t)address->device << 11 |
                              (uint32_t)address->function << 8 | (offset & 0xfcu));
}

static uint16_t data_port(uint16_t offset)
{
    return (uint16_t)(DATA_PORT + (offset & 3u));
}

static void lock(const struct vpt_port_context *context, void *ctx)
{
    if (context->cf8_lock != NULL) {
        context->cf8_lock(ctx);
    }
}

static void unlock(const struct vpt_port_context *context, void *ctx)
{
    if (context->cf8_unlock != NULL) {
        context->cf8_unlock(ctx);
    }
}

enum vpt_status vpt_cf8_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t *value)
{
    const struct vpt_port_context *context = ctx;

    if (context->cf8_io_read == NULL || context->cf8_io_write == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    if (!reachable(address, offset)) {
        *value = 0xffffffffu >> (32u - 8u * width);
        return VPT_OK;
    }
    lock(context, ctx);
    select_dword(context, ctx, address, offset);
    *value = context->cf8_io_read(ctx, data_port(offset), width);
    unlock(context, ctx);
    return VPT_OK;
}

enum vpt_status vpt_cf8_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t value)
{
    const struct vpt_port_context *context = ctx;

    if (context->cf8_io_read == NULL || context->cf8_io_write == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    if (reachable(address, offset)) {
        lock(context, ctx);
        select_dword(context, ctx, address, offset);
        context->cf8_io_write(ctx, data_port(offset), width, value);
        unlock(context, ctx);
    }
    return VPT_OK;
}
