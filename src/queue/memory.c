/* SPDX-License-Identifier: MIT */
#include "queue/memory.h"

#include "access.h"

static enum vpt_status check(const struct vpt_memory *memory, const struct vpt_memory_need *need)
{
    bool shared = (need->flags & VPT_DMA_PRIVATE) == 0;

    if (memory->address == NULL || memory->size < need->size ||
        ((uintptr_t)memory->address & (need->alignment - 1u)) != 0) {
        return VPT_CALLER_MEMORY;
    }
    if (shared && (memory->device_address & (need->alignment - 1u)) != 0) {
        return VPT_CALLER_MEMORY;
    }
    if (shared && (memory->device_address > need->limit ||
                   (uint64_t)need->size - 1u > need->limit - memory->device_address)) {
        return VPT_RESOURCE_ADDRESS;
    }
    return VPT_OK;
}

enum vpt_status vpt_memory_take(const struct vpt_port *port, const struct vpt_memory_need *need,
                                struct vpt_memory *memory, bool *owned)
{
    *owned = false;
    if (memory->address == NULL) {
        enum vpt_status status = VPT_UNSUPPORTED_PORT;

        if (port->dma_allocate != NULL && port->dma_free != NULL) {
            status = port->dma_allocate(port->ctx, need->size, need->alignment, need->limit, need->flags, memory);
        }
        if (status != VPT_OK) {
            return status;
        }
        *owned = true;
    }
    return check(memory, need);
}

uint32_t vpt_memory_flags(const struct vpt_device *device)
{
    return vpt_features_has(&device->features, VPT_F_ACCESS_PLATFORM) ? VPT_DMA_ACCESS_PLATFORM : 0u;
}
