/* SPDX-License-Identifier: MIT */
/* A virtqueue's set-up and end; what happens between them is in the ring format's own file. */
#include <vpt/queue.h>

#include "queue/internal.h"
#include "queue/memory.h"
#include "queue/split.h"
#include "transport/transport.h"

/* The members of struct vpt_queue_memory, and their places in vpt_queue.areas. */
enum area { RINGS, DRIVER_AREA, DEVICE_AREA, INDIRECT, PRIVATE_STATE, AREAS };

VPT_STATIC_ASSERT(sizeof(struct vpt_queue_memory) == AREAS * sizeof(struct vpt_memory), "one for one");
VPT_STATIC_ASSERT(VPT_QUEUE_AREAS == AREAS, "one for one");

enum vpt_status vpt_queue_find(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    enum vpt_status status;

    if (!vpt_device_in_setup(device)) {
        return VPT_CALLER_STATE;
    }
    status = device->ops->queue_maximum(device, index, maximum);
    if (status != VPT_OK) {
        return status;
    }
    if (*maximum == 0) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return *maximum > VPT_QUEUE_SIZE_MAX ? VPT_DEVICE_QUEUE_SIZE : VPT_OK;
}

/* The largest size that neither the caller's wish nor the device's maximum is below. */
static enum vpt_status choose_size(struct vpt_queue *queue, const struct vpt_queue_config *config)
{
    uint32_t size = config->size != 0 ? config->size : VPT_QUEUE_SIZE_MAX;
    uint32_t maximum = 0;
    enum vpt_status status;

    if ((size & (size - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_queue_find(queue->device, config->index, &maximum);
    if (status != VPT_OK) {
        return status;
    }
    if (vpt_size_fixed(queue->device)) {
        size = VPT_QUEUE_SIZE_MAX;
    }
    while (size > maximum) {
        size >>= 1;
    }
    queue->mask = (uint16_t)(size - 1u);
    return size == maximum || !vpt_size_fixed(queue->device) ? VPT_OK : VPT_DEVICE_QUEUE_SIZE;
}

static uint16_t at_most(uint16_t value, uint32_t limit)
{
    return value < limit ? value : (uint16_t)limit;
}

/* A request never has more entries than the queue, in a table neither (SPLIT-INDIR-3). */
static void choose_tables(struct vpt_queue *queue, const struct vpt_queue_config *config)
{
    uint32_t size = (uint32_t)queue->mask + 1u;

    if (config->indirect_segments >= 2u && vpt_features_has(&queue->device->features, VPT_F_INDIRECT_DESC)) {
        queue->tables_made = at_most(at_most(config->indirect_tables, size), TABLES_MAX);
        queue->table_segments = at_most(config->indirect_segments, size);
    }
}

/* Bytes of each area; 0: not needed, or part of the rings. A legacy interface takes the rings in one piece only. */
static enum vpt_status measure_areas(const struct vpt_queue *queue, const struct vpt_queue_memory *given,
                                     size_t bytes[AREAS])
{
    size_t size = (size_t)queue->mask + 1u;
    uint64_t indirect = (uint64_t)queue->tables_made * queue->table_segments * sizeof(struct split_descriptor);

    bytes[RINGS] = VPT_QUEUE_RINGS_SIZE(size, (size_t)queue->device->ops->used_alignment);
    bytes[DRIVER_AREA] = 0;
    bytes[DEVICE_AREA] = 0;
    if (given->driver_area.address != NULL || given->device_area.address != NULL) {
        if (vpt_legacy(queue->device) || given->rings.address == NULL || given->driver_area.address == NULL ||
            given->device_area.address == NULL) {
            return VPT_CALLER_MEMORY;
        }
        bytes[RINGS] = VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size);
        bytes[DRIVER_AREA] = VPT_QUEUE_DRIVER_AREA_SIZE(size);
        bytes[DEVICE_AREA] = VPT_QUEUE_DEVICE_AREA_SIZE(size);
    }
    bytes[INDIRECT] = (size_t)indirect;
    bytes[PRIVATE_STATE] = VPT_QUEUE_PRIVATE_SIZE(size, queue->tables_made);
    return bytes[INDIRECT] == indirect ? VPT_OK : VPT_CALLER_TOO_LONG;
}

static enum vpt_status take_areas(struct vpt_queue *queue, const struct vpt_queue_memory *given,
                                  const size_t bytes[AREAS])
{
    static const uint8_t alignments[AREAS] = { [DRIVER_AREA] = 2, [DEVICE_AREA] = 4, [INDIRECT] = 16,
                                               [PRIVATE_STATE] = 8 };
    struct vpt_device *device = queue->device;
    const struct vpt_memory *memory = (const struct vpt_memory *)(const void *)given;
    enum vpt_status status = VPT_OK;
    struct vpt_area_need need;
    unsigned i;

    need.alignment = device->ops->ring_alignment;
    need.limit = device->ops->ring_limit;
    need.flags = vpt_memory_flags(device);
    for (i = 0; i < AREAS; i++) {
        queue->areas[i].memory = memory[i];
    }
    for (i = 0; i < AREAS && status == VPT_OK; i++) {
        need.size = bytes[i];
        if (i != RINGS) {
            need.alignment = alignments[i];
        }
        if (i > DEVICE_AREA) {
            need.limit = ~(uint64_t)0;
        }
        if (i == PRIVATE_STATE) {
            need.flags = VPT_DMA_PRIVATE;
        }
        if (need.size != 0) {
            status = vpt_area_take(device->port, &need, &queue->areas[i]);
        }
    }
    return status;
}

void vpt_queue_leave_doorbell(const struct vpt_queue *queue)
{
    const struct vpt_port *port = queue->device->port;
    const struct vpt_doorbell *doorbell = &queue->doorbell;

    if (doorbell->own_mapping) {
        port->mmio_unmap(port->ctx, doorbell->mapping, doorbell->width);
    }
}

static void give_back(struct vpt_queue *queue)
{
    vpt_queue_leave_doorbell(queue);
    vpt_areas_give_back(queue->device->port, queue->areas, AREAS);
}

/* An area that lies in the rings, `offset` bytes from their start. */
static void place(struct vpt_queue *queue, enum area area, size_t offset)
{
    const struct vpt_memory *rings = &queue->areas[RINGS].memory;

    queue->areas[area].memory.address = (uint8_t *)rings->address + offset;
    queue->areas[area].memory.device_address = rings->device_address + offset;
}

static void use_areas(struct vpt_queue *queue, const size_t bytes[AREAS])
{
    size_t size = (size_t)queue->mask + 1u;

    if (bytes[DRIVER_AREA] == 0) {
        place(queue, DRIVER_AREA, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size));
        place(queue, DEVICE_AREA, bytes[RINGS] - VPT_QUEUE_DEVICE_AREA_SIZE(size));
    }
    queue->descriptors = queue->areas[RINGS].memory.address;
    queue->available = queue->areas[DRIVER_AREA].memory.address;
    queue->used = queue->areas[DEVICE_AREA].memory.address;
    queue->tables = queue->areas[INDIRECT].memory.address;
    queue->tables_address = queue->areas[INDIRECT].memory.device_address;
    queue->slots = (struct vpt_queue_slot *)queue->areas[PRIVATE_STATE].memory.address;
    queue->links = (uint16_t *)(void *)(queue->slots + size);
    queue->table_links = queue->links + size;
}

/* Resolves the doorbell, so that a kick is one store, or one call of the port. */
static enum vpt_status take_doorbell(struct vpt_queue *queue)
{
    struct vpt_doorbell *doorbell = &queue->doorbell;
    enum vpt_status status = queue->device->ops->queue_doorbell(queue->device, queue->index, doorbell);

    if (status == VPT_OK && doorbell->mapping != NULL && queue->device->port->mmio_write == NULL) {
        queue->direct = (uint8_t *)doorbell->mapping + doorbell->offset;
    }
    return status;
}

enum vpt_status vpt_queue_prepare(struct vpt_queue *queue)
{
    const struct vpt_features *features = &queue->device->features;

    queue->event_idx = vpt_features_has(features, VPT_F_EVENT_IDX);
    queue->strong = vpt_features_has(features, VPT_F_ORDER_PLATFORM);
    queue->notification_data = vpt_features_has(features, VPT_F_NOTIFICATION_DATA);
    queue->device_order = !vpt_legacy(queue->device);
    queue->notifications = true;
    queue->table_count = vpt_features_has(features, VPT_F_INDIRECT_DESC) ? queue->tables_made : (uint16_t)0;
    vpt_split_prepare(queue);
    return take_doorbell(queue);
}

static enum vpt_status set_up(struct vpt_queue *queue, const struct vpt_queue_config *config)
{
    size_t bytes[AREAS];
    enum vpt_status status = choose_size(queue, config);

    if (status != VPT_OK) {
        return status;
    }
    choose_tables(queue, config);
    status = measure_areas(queue, &config->memory, bytes);
    if (status == VPT_OK) {
        status = take_areas(queue, &config->memory, bytes);
    }
    if (status != VPT_OK) {
        return status;
    }
    use_areas(queue, bytes);
    queue->index = config->index;
    return vpt_queue_prepare(queue);
}

enum vpt_status vpt_queue_enable(struct vpt_queue *queue)
{
    struct vpt_queue_areas areas;

    queue->resets = queue->device->resets;
    areas.size = (uint16_t)(queue->mask + 1u);
    areas.descriptors = queue->areas[RINGS].memory.device_address;
    areas.driver = queue->areas[DRIVER_AREA].memory.device_address;
    areas.device = queue->areas[DEVICE_AREA].memory.device_address;
    return queue->device->ops->queue_enable(queue->device, queue->index, &areas);
}

enum vpt_status vpt_queue_retract(struct vpt_queue *queue)
{
    struct vpt_device *device = queue->device;
    enum vpt_status status = device->ops->queue_disable(device, queue->index);

    if (status != VPT_OK) {
        status = vpt_device_reset(device);
    }
    if (status != VPT_DEVICE_STUCK) {
        give_back(queue);
        status = VPT_OK;
    } else {
        vpt_queue_leave_doorbell(queue);
    }
    vpt_zero(queue, sizeof(*queue));
    return status;
}

enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config)
{
    enum vpt_status status;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(queue, sizeof(*queue));
    if (device == NULL || config == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    queue->device = device;
    status = set_up(queue, config);
    if (status != VPT_OK) {
        give_back(queue);
        vpt_zero(queue, sizeof(*queue));
    } else {
        status = vpt_queue_enable(queue);
        if (status != VPT_OK && vpt_queue_retract(queue) == VPT_DEVICE_STUCK) {
            status = VPT_DEVICE_STUCK;
        }
    }
    return status == VPT_OK ? status : vpt_device_refused(device, "queue set-up", status);
}

bool vpt_queue_with_device(const struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    return queue->resets == device->resets && !VPT_READ_ONCE(device->stuck) && !VPT_READ_ONCE(device->gone);
}

enum vpt_status vpt_queue_end_status(const struct vpt_queue *queue)
{
    if (VPT_READ_ONCE(queue->device->gone)) {
        return VPT_DEVICE_GONE;
    }
    return VPT_READ_ONCE(queue->device->stuck) ? VPT_DEVICE_STUCK : VPT_CANCELLED;
}

enum vpt_status vpt_queue_drain(struct vpt_queue *queue, void **token)
{
    if (queue->slots == NULL || vpt_queue_with_device(queue)) {
        return VPT_CALLER_STATE;
    }
    (void)vpt_split_kill(queue, vpt_queue_end_status(queue));
    while (queue->drained <= queue->mask) {
        struct vpt_queue_slot *slot = &queue->slots[queue->drained];

        queue->drained++;
        if (slot->count != 0) {
            slot->count = 0;
            if (token != NULL) {
                *token = slot->token;
            }
            return VPT_OK;
        }
    }
    return VPT_EMPTY;
}

enum vpt_status vpt_queue_release(struct vpt_queue *queue)
{
    if (queue->slots == NULL) {
        return VPT_OK;
    }
    if (vpt_queue_with_device(queue)) {
        return VPT_CALLER_STATE;
    }
    if (VPT_READ_ONCE(queue->device->stuck)) {
        return VPT_DEVICE_STUCK;
    }
    give_back(queue);
    vpt_zero(queue, sizeof(*queue));
    return VPT_OK;
}

enum vpt_status vpt_queue_status(const struct vpt_queue *queue)
{
    return queue->dead;
}

uint32_t vpt_queue_kicks(const struct vpt_queue *queue)
{
    return queue->kicks;
}

uint32_t vpt_queue_size(const struct vpt_queue *queue)
{
    return queue->slots != NULL ? (uint32_t)queue->mask + 1u : 0;
}
