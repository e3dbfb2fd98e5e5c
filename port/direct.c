/* SPDX-License-Identifier: MIT */
#include "direct.h"

/*
 * Whether the map covers `size` bytes from `physical` on, and a pointer can hold their addresses from `virtual_address`
 * on.
 */
static bool mapped(const struct vpt_port_context *context, uint64_t physical, uint64_t virtual_address, size_t size)
{
    uint64_t last = context->map_last != 0 ? context->map_last : ~(uint64_t)0;
    uint64_t last_pointer = (uint64_t) ~(uintptr_t)0;

    return size != 0 && physical <= last && size - 1u <= last - physical && virtual_address <= last_pointer &&
           size - 1u <= last_pointer - virtual_address;
}

enum vpt_status vpt_direct_mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                    void **mapping)
{
    const struct vpt_port_context *context = ctx;
    uint64_t virtual_address = physical + context->map_offset;

    (void)intent;
    if (!mapped(context, physical, virtual_address, size)) {
        return VPT_DIRECT_NOT_MAPPED;
    }
    *mapping = (void *)(uintptr_t)virtual_address;
    return VPT_OK;
}

void vpt_direct_mmio_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    (void)mapping;
    (void)size;
}

enum vpt_status vpt_direct_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                 bool access_platform, struct vpt_shared *shared)
{
    const struct vpt_port_context *context = ctx;
    uint64_t virtual_address = (uint64_t)(uintptr_t)buffer;
    uint64_t physical = virtual_address - context->map_offset;

    (void)direction;
    (void)access_platform;
    if (!mapped(context, physical, virtual_address, size)) {
        return VPT_DIRECT_NOT_MAPPED;
    }
    shared->device_address = physical;
    shared->size = size;
    return VPT_OK;
}

void vpt_direct_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                        bool access_platform)
{
    (void)ctx;
    (void)buffer;
    (void)shared;
    (void)direction;
    (void)access_platform;
}
