/* SPDX-License-Identifier: MIT */
#include "emulated_function.h"

static bool outside(const struct vpt_emulated_function *function, uint16_t offset, unsigned width)
{
    return (width != 1 && width != 2 && width != 4) || offset >= function->size ||
           width > function->size - (unsigned)offset;
}

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    const struct vpt_emulated_function *function = ctx;

    if (outside(function, offset, width)) {
        return VPT_CALLER_RANGE;
    }
    *value = 0;
    for (unsigned i = 0; i < width; i++) {
        *value |= (uint32_t)function->config[offset + i] << 8 * i;
    }
    return VPT_OK;
}

static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    const struct vpt_emulated_function *function = ctx;

    if (outside(function, offset, width)) {
        return VPT_CALLER_RANGE;
    }
    for (unsigned i = 0; i < width; i++) {
        uint8_t *byte = &function->config[offset + i];
        unsigned writable = function->writable == NULL ? 0 : function->writable[offset + i];
        unsigned clear = function->clear == NULL ? 0 : function->clear[offset + i];
        unsigned written = value >> 8 * i & 0xff;

        *byte = (uint8_t)(((*byte & ~writable) | (written & writable)) & ~(written & clear));
    }
    return VPT_OK;
}

static enum vpt_status access(const struct vpt_emulated_function *function, bool write, enum vpt_assign_space space,
                              uint64_t address, unsigned width, uint64_t *value)
{
    return function->access == NULL ? VPT_UNSUPPORTED_PORT
                                    : function->access(function->ctx, write, space, address, width, value);
}

static enum vpt_status memory_read(void *ctx, uint64_t address, unsigned width, uint64_t *value)
{
    return access(ctx, false, VPT_ASSIGN_MEMORY, address, width, value);
}

static enum vpt_status memory_write(void *ctx, uint64_t address, unsigned width, uint64_t value)
{
    return access(ctx, true, VPT_ASSIGN_MEMORY, address, width, &value);
}

static enum vpt_status io_read(void *ctx, uint16_t io_port, unsigned width, uint32_t *value)
{
    uint64_t wide = ~(uint64_t)0;
    enum vpt_status status = access(ctx, false, VPT_ASSIGN_IO, io_port, width, &wide);

    *value = (uint32_t)(wide & 0xffffffff);
    return status;
}

static enum vpt_status io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    uint64_t wide = value;

    return access(ctx, true, VPT_ASSIGN_IO, io_port, width, &wide);
}

static void start(const struct vpt_emulated_function *function)
{
    for (unsigned i = 0; i < function->size; i++) {
        function->config[i] = function->initial[i];
    }
}

static enum vpt_status reset(void *ctx, enum vpt_assign_reset_method method)
{
    const struct vpt_emulated_function *function = ctx;

    if (method != VPT_ASSIGN_RESET_DEVICE) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    start(function);
    if (function->reset != NULL) {
        function->reset(function->ctx);
    }
    return VPT_OK;
}

/* An emulated function needs no delays. */
static void delay(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    (void)microseconds;
}

enum vpt_status vpt_emulated_init(struct vpt_emulated_function *function)
{
    if (function == NULL || function->config == NULL || function->initial == NULL ||
        (function->size != VPT_PCI_CONFIG_SIZE && function->size != VPT_PCI_EXTENDED_CONFIG_SIZE)) {
        return VPT_CALLER_ARGUMENT;
    }
    function->host = (struct vpt_assign_host){
        .ctx = function,
        .config_read = config_read,
        .config_write = config_write,
        .memory_read = memory_read,
        .memory_write = memory_write,
        .io_read = io_read,
        .io_write = io_write,
        .reset = reset,
        .delay = delay,
    };
    start(function);
    return VPT_OK;
}
