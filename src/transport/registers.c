/* SPDX-License-Identifier: MIT */
/* Accesses to registers that all transports have (VirtIO 1.4, sections 4.1.4.3 and 4.2.2). */
#include "transport_ops.h"

uint32_t vpt_device_get(struct vpt_device *device, enum vpt_register place)
{
    return device->ops->read(device, place, 4);
}

void vpt_device_put(struct vpt_device *device, enum vpt_register place, uint32_t value)
{
    device->ops->write(device, place, 4, value);
}

VPT_OUT_OF_LINE uint64_t get_pair(struct vpt_device *device, enum vpt_register place)
{
    uint32_t low = vpt_device_get(device, place);

    return ((uint64_t)vpt_device_get(device, (enum vpt_register)(place + 4u)) << 32) | low;
}

VPT_OUT_OF_LINE void put_pair(struct vpt_device *device, enum vpt_register place, uint64_t value)
{
    vpt_device_put(device, place, (uint32_t)value);
    vpt_device_put(device, (enum vpt_register)(place + 4u), (uint32_t)(value >> 32));
}

/* ---- Queues ---- */

enum vpt_status vpt_device_queue_maximum(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    vpt_device_put(device, VPT_REGISTER_QUEUE_SEL, index);
    if (vpt_device_get(device, VPT_REGISTER_QUEUE_READY) != 0) {
        return VPT_DEVICE_QUEUE_STATE;
    }
    *maximum = vpt_device_get(device, VPT_REGISTER_QUEUE_SIZE_MAX);
    return VPT_OK;
}

uint32_t vpt_device_queue_size(struct vpt_device *device, uint16_t index, uint32_t size)
{
    vpt_device_put(device, VPT_REGISTER_QUEUE_SEL, index);
    vpt_device_put(device, VPT_REGISTER_QUEUE_SIZE, size);
    return device->ops->size_reads ? vpt_device_get(device, VPT_REGISTER_QUEUE_SIZE_MAX) : size;
}

enum vpt_status vpt_device_queue_enable(struct vpt_device *device, uint16_t index, const struct vpt_area *areas)
{
    if (vpt_legacy(device)) {
        return device->ops->legacy->queue_enable(device, index, areas);
    }
    vpt_device_put(device, VPT_REGISTER_QUEUE_SEL, index);
    put_pair(device, VPT_REGISTER_QUEUE_DESC, areas[VPT_AREA_RINGS].memory.device_address);
    put_pair(device, VPT_REGISTER_QUEUE_DRIVER, areas[VPT_AREA_DRIVER].memory.device_address);
    put_pair(device, VPT_REGISTER_QUEUE_DEVICE, areas[VPT_AREA_DEVICE].memory.device_address);
    vpt_device_put(device, VPT_REGISTER_QUEUE_READY, 1);
    return vpt_device_get(device, VPT_REGISTER_QUEUE_READY) == 1u ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

/* ---- Calls that few kernels use ---- */

uint32_t vpt_device_interrupt(struct vpt_device *device)
{
    uint32_t all = vpt_gone(device) ? 0 : vpt_device_get(device, VPT_REGISTER_INTERRUPT_STATUS);
    uint32_t defined = all & (VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION);

    if (all == 0xffffffffu || defined == 0) {
        return 0;
    }
    vpt_device_put(device, VPT_REGISTER_INTERRUPT_ACK, defined);
    return defined;
}

enum vpt_status vpt_device_shared_memory(struct vpt_device *device, uint8_t id, struct vpt_shared_memory_region *region)
{
    enum vpt_status status = VPT_OK;

    if (region == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (vpt_legacy(device)) {
        return VPT_UNSUPPORTED_REQUEST;
    }
    if (device->ops->pci != NULL) {
        status = device->ops->pci->shared_memory(device, id, region);
    } else {
        vpt_device_put(device, VPT_REGISTER_SHM_SEL, id);
        region->length = get_pair(device, VPT_REGISTER_SHM_LEN);
        region->base = get_pair(device, VPT_REGISTER_SHM_BASE);
    }
    if (status != VPT_OK) {
        return status;
    }
    return region->length != 0 && region->length != ~(uint64_t)0 && region->length - 1u <= ~(uint64_t)0 - region->base
               ? VPT_OK
               : VPT_UNSUPPORTED_REQUEST;
}
