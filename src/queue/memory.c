/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include "../access.h"
#include "../log.h"

static enum vpt_status check(const struct vpt_memory *memory, const struct vpt_area_need *need)
{
    /* The device address of what no device sees means nothing: 0 suits every need. */
    uint64_t address = (need->flags & VPT_DMA_PRIVATE) == 0 ? memory->device_address : 0;

    if (memory->address == NULL || memory->size < need->size ||
        (((uintptr_t)memory->address | address) & (need->alignment - 1u)) != 0) {
        return VPT_CALLER_MEMORY;
    }
    return address <= need->limit && need->size - 1u <= need->limit - address ? VPT_OK : VPT_RESOURCE_ADDRESS;
}

enum vpt_status vpt_area_take(const struct vpt_port *port, const struct vpt_area_need *need, struct vpt_area *area)
{
    const char *name = need->name;
    enum vpt_status status = VPT_OK;

    area->flags = need->flags;
    if (area->memory.address != NULL) {
        name += sizeof(VPT_AREA_FUNCTION) - 1u;
    } else if (port->dma_allocate != NULL) {
        status = port->dma_allocate(port->ctx, need->size, need->alignment, need->limit, need->flags, &area->memory);
        area->owned = status == VPT_OK;
    } else {
        status = VPT_UNSUPPORTED_PORT;
    }
    if (status == VPT_OK) {
        status = check(&area->memory, need);
    }
    return status == VPT_OK ? status : vpt_log_memory(port, VPT_LOG_WARNING, name, status, need->size);
}

void vpt_areas_give_back(const struct vpt_port *port, const struct vpt_area *areas, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (areas[i].owned && port->dma_free != NULL) {
            port->dma_free(port->ctx, &areas[i].memory, areas[i].flags);
        }
    }
}

uint32_t vpt_memory_flags(const struct vpt_device *device)
{
    return vpt_features_has(&device->features, VPT_F_ACCESS_PLATFORM) ? VPT_DMA_ACCESS_PLATFORM : 0u;
}
