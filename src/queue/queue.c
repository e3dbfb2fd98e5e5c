/* SPDX-License-Identifier: MIT */
/* A virtqueue's set-up and end; what happens between them is in the ring format's own file. */
#include <vpt/queue.h>

#include "queue/internal.h"
#include "queue/memory.h"
#include "queue/split.h"
#include "transport/transport.h"
#include "transport/wait.h"

#define OWNED_RINGS    1u
#define OWNED_INDIRECT 2u
#define OWNED_PRIVATE  4u

/* What the negotiated features and the device's maximum leave of the caller's wishes. */
struct plan {
    uint16_t size;
    uint16_t tables;
    uint16_t table_segments;
    size_t indirect_size; /* bytes */
};

static bool power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1u)) == 0;
}

static enum vpt_status plan_size(const struct vpt_queue_config *config, uint32_t maximum, struct plan *plan)
{
    uint32_t size = VPT_QUEUE_SIZE_MAX;

    if (maximum == 0) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    if (maximum > VPT_QUEUE_SIZE_MAX) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    if (config->size != 0) {
        size = config->size;
    }
    while (size > maximum) {
        size >>= 1;
    }
    plan->size = (uint16_t)size;
    return VPT_OK;
}

/* A request never has more entries than the queue, in a table neither (SPLIT-INDIR-3). */
static enum vpt_status plan_tables(const struct vpt_device *device, const struct vpt_queue_config *config,
                                   struct plan *plan)
{
    uint64_t bytes;

    if (config->indirect_segments < 2u || !vpt_features_has(&device->features, VPT_F_INDIRECT_DESC)) {
        return VPT_OK;
    }
    plan->tables = config->indirect_tables < plan->size ? config->indirect_tables : plan->size;
    if (plan->tables > TABLES_MAX) {
        plan->tables = TABLES_MAX;
    }
    plan->table_segments = config->indirect_segments < plan->size ? config->indirect_segments : plan->size;
    bytes = (uint64_t)plan->tables * plan->table_segments * sizeof(struct split_descriptor);
    plan->indirect_size = (size_t)bytes;
    return plan->indirect_size == bytes ? VPT_OK : VPT_CALLER_TOO_LONG;
}

static enum vpt_status make_plan(struct vpt_device *device, const struct vpt_queue_config *config, struct plan *plan)
{
    uint32_t maximum = 0;
    enum vpt_status status;

    vpt_zero(plan, sizeof(*plan));
    if (config->size != 0 && (!power_of_two(config->size) || config->size > VPT_QUEUE_SIZE_MAX)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!vpt_device_in_setup(device)) {
        return VPT_CALLER_STATE;
    }
    status = device->ops->queue_maximum(device, config->index, &maximum);
    if (status == VPT_OK) {
        status = plan_size(config, maximum, plan);
    }
    return status == VPT_OK ? plan_tables(device, config, plan) : status;
}

static enum vpt_status take(struct vpt_queue *queue, const struct vpt_memory *given,
                            const struct vpt_memory_need *need, struct vpt_memory *memory, uint8_t owner)
{
    bool owned = false;
    enum vpt_status status = vpt_memory_take(queue->device->port, given, need, memory, &owned);

    if (owned) {
        queue->owned = (uint8_t)(queue->owned | owner);
    }
    return status;
}

/* All three areas in one piece. */
static enum vpt_status take_rings(struct vpt_queue *queue, const struct vpt_queue_memory *given, uint16_t size,
                                  struct vpt_queue_areas *areas)
{
    const struct vpt_transport_ops *ops = queue->device->ops;
    struct vpt_memory *rings = &queue->memory.rings;
    struct vpt_memory_need need = { VPT_QUEUE_RINGS_SIZE(size, (size_t)ops->ring_alignment), ops->ring_alignment,
                                    ops->ring_limit, queue->memory_flags };
    size_t driver = VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size);
    size_t device = need.size - VPT_QUEUE_DEVICE_AREA_SIZE(size);
    enum vpt_status status = take(queue, &given->rings, &need, rings, OWNED_RINGS);

    if (status != VPT_OK) {
        return status;
    }
    queue->descriptors = rings->address;
    queue->available = (uint8_t *)rings->address + driver;
    queue->used = (uint8_t *)rings->address + device;
    areas->descriptors = rings->device_address;
    areas->driver = rings->device_address + driver;
    areas->device = rings->device_address + device;
    return VPT_OK;
}

/* Each area by itself: the caller's memory, and not on a legacy interface. */
static enum vpt_status take_areas(struct vpt_queue *queue, const struct vpt_queue_memory *given, uint16_t size,
                                  struct vpt_queue_areas *areas)
{
    uint64_t limit = queue->device->ops->ring_limit;
    struct vpt_memory_need descriptors = { VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size), 16, limit, 0 };
    struct vpt_memory_need driver = { VPT_QUEUE_DRIVER_AREA_SIZE(size), 2, limit, 0 };
    struct vpt_memory_need device = { VPT_QUEUE_DEVICE_AREA_SIZE(size), 4, limit, 0 };
    enum vpt_status status = queue->device->ops->legacy ? VPT_CALLER_MEMORY : VPT_OK;

    if (status == VPT_OK) {
        status = vpt_memory_check(&given->rings, &descriptors);
    }
    if (status == VPT_OK) {
        status = vpt_memory_check(&given->driver_area, &driver);
    }
    if (status == VPT_OK) {
        status = vpt_memory_check(&given->device_area, &device);
    }
    if (status != VPT_OK) {
        return status;
    }
    queue->descriptors = given->rings.address;
    queue->available = given->driver_area.address;
    queue->used = given->device_area.address;
    areas->descriptors = given->rings.device_address;
    areas->driver = given->driver_area.device_address;
    areas->device = given->device_area.device_address;
    return VPT_OK;
}

static enum vpt_status take_tables(struct vpt_queue *queue, const struct vpt_queue_memory *given,
                                   const struct plan *plan)
{
    struct vpt_memory_need need = { plan->indirect_size, 16, ~(uint64_t)0, queue->memory_flags };
    enum vpt_status status;

    if (plan->indirect_size == 0) {
        return VPT_OK;
    }
    status = take(queue, &given->indirect, &need, &queue->memory.indirect, OWNED_INDIRECT);
    if (status == VPT_OK) {
        queue->tables = queue->memory.indirect.address;
        queue->tables_address = queue->memory.indirect.device_address;
        queue->table_segments = plan->table_segments;
    }
    return status;
}

static enum vpt_status take_private(struct vpt_queue *queue, const struct vpt_queue_memory *given,
                                    const struct plan *plan)
{
    struct vpt_memory_need need = { VPT_QUEUE_PRIVATE_SIZE(plan->size, plan->tables), 8, ~(uint64_t)0,
                                    VPT_DMA_PRIVATE };
    enum vpt_status status =
        take(queue, &given->private_state, &need, &queue->memory.private_state, OWNED_PRIVATE);

    if (status != VPT_OK) {
        return status;
    }
    vpt_zero(queue->memory.private_state.address, need.size);
    queue->slots = (struct vpt_queue_slot *)queue->memory.private_state.address;
    queue->links = (uint16_t *)(void *)(queue->slots + plan->size);
    queue->table_links = queue->links + plan->size;
    return VPT_OK;
}

static void give_back(struct vpt_queue *queue)
{
    const struct vpt_port *port = queue->device->port;

    if ((queue->owned & OWNED_RINGS) != 0) {
        port->dma_free(port->ctx, &queue->memory.rings, queue->memory_flags);
    }
    if ((queue->owned & OWNED_INDIRECT) != 0) {
        port->dma_free(port->ctx, &queue->memory.indirect, queue->memory_flags);
    }
    if ((queue->owned & OWNED_PRIVATE) != 0) {
        port->dma_free(port->ctx, &queue->memory.private_state, VPT_DMA_PRIVATE);
    }
}

static void take_features(struct vpt_queue *queue)
{
    const struct vpt_features *features = &queue->device->features;

    queue->event_idx = vpt_features_has(features, VPT_F_EVENT_IDX);
    queue->strong = vpt_features_has(features, VPT_F_ORDER_PLATFORM);
    queue->notification_data = vpt_features_has(features, VPT_F_NOTIFICATION_DATA);
    queue->device_order = !queue->device->ops->legacy;
    queue->notifications = true;
}

/* Resolves the doorbell, so that a kick is one store, or one call where the port has its own MMIO. */
static void take_doorbell(struct vpt_queue *queue)
{
    struct vpt_doorbell doorbell;

    queue->device->ops->queue_doorbell(queue->device, queue->index, &doorbell);
    queue->doorbell_mapping = doorbell.mapping;
    queue->doorbell_offset = doorbell.offset;
    if (queue->device->port->mmio_write == NULL) {
        queue->doorbell = (uint8_t *)doorbell.mapping + doorbell.offset;
    }
}

static enum vpt_status set_up(struct vpt_queue *queue, const struct vpt_queue_config *config,
                              struct vpt_queue_areas *areas)
{
    bool separate = config->memory.driver_area.address != NULL || config->memory.device_area.address != NULL;
    struct plan plan;
    enum vpt_status status = make_plan(queue->device, config, &plan);

    if (status != VPT_OK) {
        return status;
    }
    areas->size = plan.size;
    status = separate ? take_areas(queue, &config->memory, plan.size, areas)
                      : take_rings(queue, &config->memory, plan.size, areas);
    if (status == VPT_OK) {
        status = take_tables(queue, &config->memory, &plan);
    }
    if (status == VPT_OK) {
        status = take_private(queue, &config->memory, &plan);
    }
    if (status != VPT_OK) {
        return status;
    }
    queue->index = config->index;
    queue->mask = (uint16_t)(plan.size - 1u);
    queue->resets = queue->device->resets;
    take_features(queue);
    take_doorbell(queue);
    vpt_split_prepare(queue, plan.tables);
    return VPT_OK;
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
    }
    vpt_zero(queue, sizeof(*queue));
    return status;
}

enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config)
{
    struct vpt_queue_areas areas;
    enum vpt_status status;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(queue, sizeof(*queue));
    if (device == NULL || config == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    queue->device = device;
    queue->memory_flags = vpt_memory_flags(device);
    status = set_up(queue, config, &areas);
    if (status != VPT_OK) {
        give_back(queue);
        vpt_zero(queue, sizeof(*queue));
    } else {
        status = device->ops->queue_enable(device, queue->index, &areas);
        if (status != VPT_OK && vpt_queue_retract(queue) == VPT_DEVICE_STUCK) {
            status = VPT_DEVICE_STUCK;
        }
    }
    if (vpt_status_group(status) == VPT_GROUP_DEVICE && vpt_device_check(device) == VPT_DEVICE_GONE) {
        status = VPT_DEVICE_GONE;
    }
    return status == VPT_OK ? status : vpt_log(device->port, VPT_LOG_WARNING, "queue set-up", status);
}

/* Whether the device may still use the queue, as far as is known. */
static bool with_device(const struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    return queue->resets == device->resets && !device->stuck && !device->gone;
}

enum vpt_status vpt_queue_end_status(const struct vpt_queue *queue)
{
    if (queue->device->gone) {
        return VPT_DEVICE_GONE;
    }
    return queue->device->stuck ? VPT_DEVICE_STUCK : VPT_CANCELLED;
}

enum vpt_status vpt_queue_drain(struct vpt_queue *queue, void **token)
{
    if (queue->slots == NULL || with_device(queue)) {
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
    if (with_device(queue)) {
        return VPT_CALLER_STATE;
    }
    if (queue->device->stuck) {
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
