/* SPDX-License-Identifier: MIT */
/* A virtqueue's set-up and end; what happens between them is in the ring format's own file. */
#include <vpt/queue.h>

#include "queue/internal.h"
#include "queue/memory.h"
#include "queue/split.h"
#include "transport/transport.h"
#include "transport/wait.h"

/* The members of struct vpt_queue_memory, and their places in vpt_queue.memory. */
enum area { RINGS, DRIVER_AREA, DEVICE_AREA, INDIRECT, PRIVATE_STATE, AREAS };

VPT_STATIC_ASSERT(sizeof(struct vpt_queue_memory) == sizeof(((struct vpt_queue *)0)->memory), "one for one");
VPT_STATIC_ASSERT(VPT_QUEUE_AREAS == AREAS, "one for one");

/* What the negotiated features and the device's maximum leave of the caller's wishes. */
struct plan {
    uint16_t size;
    uint16_t tables;
    uint16_t table_segments;
    size_t bytes[AREAS]; /* 0: not needed, or part of the rings */
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
    plan->bytes[INDIRECT] = (size_t)bytes;
    return plan->bytes[INDIRECT] == bytes ? VPT_OK : VPT_CALLER_TOO_LONG;
}

/* Bytes of each area. A legacy interface takes the rings in one piece only. */
static enum vpt_status plan_areas(const struct vpt_device *device, const struct vpt_queue_memory *given,
                                  struct plan *plan)
{
    bool separate = given->driver_area.address != NULL || given->device_area.address != NULL;

    plan->bytes[RINGS] = VPT_QUEUE_RINGS_SIZE(plan->size, (size_t)device->ops->ring_alignment);
    if (separate) {
        plan->bytes[RINGS] = VPT_QUEUE_DESCRIPTOR_AREA_SIZE(plan->size);
        plan->bytes[DRIVER_AREA] = VPT_QUEUE_DRIVER_AREA_SIZE(plan->size);
        plan->bytes[DEVICE_AREA] = VPT_QUEUE_DEVICE_AREA_SIZE(plan->size);
    }
    plan->bytes[PRIVATE_STATE] = VPT_QUEUE_PRIVATE_SIZE(plan->size, plan->tables);
    return separate && (vpt_legacy(device) || given->rings.address == NULL || given->driver_area.address == NULL ||
                        given->device_area.address == NULL)
               ? VPT_CALLER_MEMORY
               : VPT_OK;
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
    if (status == VPT_OK) {
        status = plan_tables(device, config, plan);
    }
    return status == VPT_OK ? plan_areas(device, &config->memory, plan) : status;
}

static enum vpt_status take_areas(struct vpt_queue *queue, const struct plan *plan)
{
    static const uint8_t alignments[AREAS] = { [DRIVER_AREA] = 2, [DEVICE_AREA] = 4, [INDIRECT] = 16,
                                               [PRIVATE_STATE] = 8 };
    const struct vpt_transport_ops *ops = queue->device->ops;
    unsigned i;

    for (i = 0; i < AREAS; i++) {
        struct vpt_memory_need need;
        bool owned = false;
        enum vpt_status status;

        if (plan->bytes[i] == 0) {
            continue;
        }
        need.size = plan->bytes[i];
        need.alignment = i == RINGS ? ops->ring_alignment : alignments[i];
        need.limit = i <= DEVICE_AREA ? ops->ring_limit : ~(uint64_t)0;
        need.flags = i == PRIVATE_STATE ? VPT_DMA_PRIVATE : queue->memory_flags;
        status = vpt_memory_take(queue->device->port, &need, &queue->memory[i], &owned);
        queue->owned |= (uint8_t)((unsigned)owned << i);
        if (status != VPT_OK) {
            return status;
        }
    }
    return VPT_OK;
}

static void give_back(struct vpt_queue *queue)
{
    const struct vpt_port *port = queue->device->port;
    unsigned i;

    for (i = 0; i < AREAS; i++) {
        if ((queue->owned >> i & 1u) != 0) {
            port->dma_free(port->ctx, &queue->memory[i], i == PRIVATE_STATE ? VPT_DMA_PRIVATE : queue->memory_flags);
        }
    }
}

/* Where the driver and the device area lie in rings of one piece. */
static void place_areas(struct vpt_queue *queue, const struct plan *plan)
{
    struct vpt_memory *memory = queue->memory;
    size_t driver = VPT_QUEUE_DESCRIPTOR_AREA_SIZE(plan->size);
    size_t device = plan->bytes[RINGS] - VPT_QUEUE_DEVICE_AREA_SIZE(plan->size);

    if (plan->bytes[DRIVER_AREA] == 0) {
        memory[DRIVER_AREA].address = (uint8_t *)memory[RINGS].address + driver;
        memory[DRIVER_AREA].device_address = memory[RINGS].device_address + driver;
        memory[DEVICE_AREA].address = (uint8_t *)memory[RINGS].address + device;
        memory[DEVICE_AREA].device_address = memory[RINGS].device_address + device;
    }
}

static void use_areas(struct vpt_queue *queue, const struct plan *plan)
{
    const struct vpt_memory *memory = queue->memory;

    queue->descriptors = memory[RINGS].address;
    queue->available = memory[DRIVER_AREA].address;
    queue->used = memory[DEVICE_AREA].address;
    queue->tables = memory[INDIRECT].address;
    queue->tables_address = memory[INDIRECT].device_address;
    queue->table_segments = plan->table_segments;
    vpt_zero(memory[PRIVATE_STATE].address, plan->bytes[PRIVATE_STATE]);
    queue->slots = (struct vpt_queue_slot *)memory[PRIVATE_STATE].address;
    queue->links = (uint16_t *)(void *)(queue->slots + plan->size);
    queue->table_links = queue->links + plan->size;
}

static void take_features(struct vpt_queue *queue)
{
    const struct vpt_features *features = &queue->device->features;

    queue->event_idx = vpt_features_has(features, VPT_F_EVENT_IDX);
    queue->strong = vpt_features_has(features, VPT_F_ORDER_PLATFORM);
    queue->notification_data = vpt_features_has(features, VPT_F_NOTIFICATION_DATA);
    queue->device_order = !vpt_legacy(queue->device);
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

static enum vpt_status set_up(struct vpt_queue *queue, const struct vpt_queue_config *config)
{
    struct plan plan;
    enum vpt_status status = make_plan(queue->device, config, &plan);

    if (status != VPT_OK) {
        return status;
    }
    vpt_copy(queue->memory, &config->memory, sizeof(queue->memory));
    status = take_areas(queue, &plan);
    if (status != VPT_OK) {
        return status;
    }
    place_areas(queue, &plan);
    use_areas(queue, &plan);
    queue->index = config->index;
    queue->mask = (uint16_t)(plan.size - 1u);
    queue->resets = queue->device->resets;
    take_features(queue);
    take_doorbell(queue);
    vpt_split_prepare(queue, plan.tables);
    return VPT_OK;
}

static enum vpt_status enable(struct vpt_queue *queue)
{
    struct vpt_queue_areas areas;

    areas.size = (uint16_t)vpt_queue_size(queue);
    areas.descriptors = queue->memory[RINGS].device_address;
    areas.driver = queue->memory[DRIVER_AREA].device_address;
    areas.device = queue->memory[DEVICE_AREA].device_address;
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
    queue->memory_flags = vpt_memory_flags(device);
    status = set_up(queue, config);
    if (status != VPT_OK) {
        give_back(queue);
        vpt_zero(queue, sizeof(*queue));
    } else {
        status = enable(queue);
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
