/* SPDX-License-Identifier: MIT */
/* The memory of a queue: how much it needs, where it comes from, and what to do if there is not enough. */
#include "queue_memory.h"

#include "../log.h"
#include "../transport/transport_ops.h"
#include "queue_common.h"

VPT_STATIC_ASSERT(sizeof(struct vpt_queue_memory) == VPT_AREAS * sizeof(struct vpt_memory), "one for one");

/* The names are for the log. An entry has eight bytes, so that finding it needs no multiplication. */
static const struct {
    uint8_t alignment;
    char name[7];
} kinds[VPT_AREAS] = {
    [VPT_AREA_RINGS] = { VPT_QUEUE_RINGS_ALIGNMENT, "rings" },
    [VPT_AREA_DRIVER] = { 2, "avail" },
    [VPT_AREA_DEVICE] = { 4, "used" },
    [VPT_AREA_TABLES] = { 16, "tables" },
    [VPT_AREA_STATE] = { 8, "state" },
    [VPT_AREA_SLOTS] = { 16, "slots" },
};

/* Some devices ignore the size that is asked for and use their maximum: the rings get the size that the device says. */
static enum vpt_status take_size(struct vpt_queue *queue, uint32_t wanted)
{
    uint32_t taken = vpt_device_queue_size(queue->device, queue->index, wanted);
    uint32_t size = vpt_queue_size_within(queue->device, taken);

    if (size == 0 || size != taken) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    queue->mask = size - 1u;
    return VPT_OK;
}

/* Returns the bytes of each area. 0: the area is not needed. */
static enum vpt_status measure(struct vpt_queue *queue, const struct vpt_queue_wish *wish, uint64_t bytes[VPT_AREAS])
{
    size_t size = (size_t)queue->mask + 1u;
    size_t alignment = vpt_used_alignment(queue->device);
    enum vpt_status status = queue->form->plan(queue, wish, &bytes[VPT_AREA_STATE], &bytes[VPT_AREA_SLOTS]);

    bytes[VPT_AREA_RINGS] = wish->pieces ? VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size) : VPT_QUEUE_RINGS_SIZE(size, alignment);
    bytes[VPT_AREA_DRIVER] = wish->pieces ? VPT_QUEUE_DRIVER_AREA_SIZE(size) : 0;
    bytes[VPT_AREA_DEVICE] = wish->pieces ? VPT_QUEUE_DEVICE_AREA_SIZE(size) : 0;
    bytes[VPT_AREA_TABLES] = (uint64_t)queue->tables_made * queue->table_segments * sizeof(struct split_descriptor);
    return status;
}

static enum vpt_status check_area(const struct vpt_area *area, size_t size, size_t alignment, uint64_t limit)
{
    const struct vpt_memory *memory = &area->memory;
    /* No device uses the device address of private memory: 0 passes all checks. */
    uint64_t address = area->flags != VPT_DMA_PRIVATE ? memory->device_address : 0;

    if (memory->address == NULL || memory->size < size ||
        (((uintptr_t)memory->address | address) & (alignment - 1u)) != 0) {
        return VPT_CALLER_MEMORY;
    }
    return address <= limit && size - 1u <= limit - address ? VPT_OK : VPT_RESOURCE_ADDRESS;
}

/* Takes one area: the memory that the caller has handed over, or memory from the port if its address is NULL. */
VPT_OUT_OF_LINE enum vpt_status take_area(const struct vpt_device *device, struct vpt_area *area, unsigned number,
                                          uint64_t bytes)
{
    const struct vpt_port *port = device->port;
    size_t alignment = kinds[number].alignment;
    uint64_t limit = ~(uint64_t)0;
    size_t size = (size_t)bytes;
    enum vpt_status status = VPT_OK;

    if (size != bytes) {
        return VPT_CALLER_TOO_LONG;
    }
    if (device_packed(device) && number == VPT_AREA_DRIVER) {
        alignment = 4; /* PACKED-LAYOUT-1 */
    }
    if (vpt_legacy(device) && number == VPT_AREA_RINGS) {
        alignment = device->ops->legacy->ring_alignment;
        limit = device->ops->legacy->ring_limit;
    }
    area->flags = number == VPT_AREA_STATE ? VPT_DMA_PRIVATE : vpt_memory_flags(device);
    if (area->memory.address == NULL) {
        status = VPT_UNSUPPORTED_PORT;
        if (port->dma_allocate != NULL) {
            status = port->dma_allocate(port->ctx, size, alignment, limit, area->flags, &area->memory);
        }
        area->owned = status == VPT_OK;
    }
    if (status == VPT_OK) {
        status = check_area(area, size, alignment, limit);
    }
    if (status == VPT_OK && limit != ~(uint64_t)0 && area->memory.device_address < alignment) {
        status = VPT_RESOURCE_ADDRESS; /* page number 0 tells a legacy device that there is no queue */
    }
    return status == VPT_OK ? status : vpt_log_memory(port, VPT_LOG_WARNING, kinds[number].name, status, size);
}

/* Sets the address of an area that is part of the rings, `offset` bytes from their start. */
static void *place_in_rings(struct vpt_queue *queue, unsigned area, size_t offset)
{
    const struct vpt_memory *rings = &queue->areas[VPT_AREA_RINGS].memory;

    queue->areas[area].memory.device_address = rings->device_address + offset;
    return (uint8_t *)rings->address + offset;
}

static void use_areas(struct vpt_queue *queue, const uint64_t bytes[VPT_AREAS])
{
    size_t size = (size_t)queue->mask + 1u;

    queue->descriptors = queue->areas[VPT_AREA_RINGS].memory.address;
    queue->available = queue->areas[VPT_AREA_DRIVER].memory.address;
    queue->used = queue->areas[VPT_AREA_DEVICE].memory.address;
    queue->slots = (struct vpt_queue_slot *)queue->areas[VPT_AREA_STATE].memory.address;
    if (bytes[VPT_AREA_DRIVER] == 0) {
        queue->available = place_in_rings(queue, VPT_AREA_DRIVER, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size));
        queue->used =
            place_in_rings(queue, VPT_AREA_DEVICE, (size_t)bytes[VPT_AREA_RINGS] - VPT_QUEUE_DEVICE_AREA_SIZE(size));
    }
}

/*
 * Reduces what is asked for, after an attempt that lacked memory for this area: fewer tables, down to none; fewer
 * slots; rings in three pieces. Halves the ring last, because not all devices accept a smaller ring than their maximum,
 * and never if the caller has named its size. Returns false if nothing can be reduced.
 */
static bool reduce(const struct vpt_queue *queue, unsigned area, struct vpt_queue_wish *wish)
{
    if (area == VPT_AREA_TABLES) {
        wish->tables = queue->tables_made / 2u;
        return true;
    }
    if (wish->requests != 0 && area > VPT_AREA_TABLES && queue->slot_count > 1u) {
        wish->requests = queue->slot_count / 2u;
        return true;
    }
    if (area == VPT_AREA_RINGS && !wish->pieces && !vpt_legacy(queue->device)) {
        wish->pieces = true;
        return true;
    }
    if (wish->size <= wish->least || wish->size <= queue->mask) {
        return false;
    }
    wish->size >>= 1;
    wish->pieces = wish->memory->driver_area.address != NULL;
    return true;
}

enum vpt_status vpt_queue_take_memory(struct vpt_queue *queue, struct vpt_queue_wish *wish)
{
    const struct vpt_memory *given = (const struct vpt_memory *)(const void *)wish->memory;
    uint64_t bytes[VPT_AREAS];
    enum vpt_status status;
    unsigned area;

    do {
        vpt_queue_give_back(queue);
        status = take_size(queue, wish->size);
        if (status == VPT_OK) {
            status = measure(queue, wish, bytes);
        }
        for (area = VPT_AREA_RINGS; status == VPT_OK && area < VPT_AREAS; area++) {
            queue->areas[area].memory = given[area];
            status = bytes[area] != 0 ? take_area(queue->device, &queue->areas[area], area, bytes[area]) : VPT_OK;
        }
        if (status == VPT_OK) {
            use_areas(queue, bytes);
            return status;
        }
    } while (area-- != 0 && queue->areas[area].memory.address == NULL && reduce(queue, area, wish));
    return status;
}

void vpt_queue_give_back(struct vpt_queue *queue)
{
    const struct vpt_port *port = queue->device->port;
    struct vpt_area *area;

    for (area = queue->areas; area != queue->areas + VPT_AREAS; area++) {
        if (area->owned) {
            area->owned = false;
            if (port->dma_free != NULL) {
                port->dma_free(port->ctx, &area->memory, area->flags);
            }
        }
    }
    vpt_queue_leave_doorbell(queue);
}
