/* SPDX-License-Identifier: MIT */
/* A virtqueue's set-up and end; what happens between them is in the ring format's own file. */
#include <vpt/queue.h>

#include "../transport/transport.h"
#include "internal.h"
#include "memory.h"
#include "split.h"

#define QUEUES_MAX 0x10000u /* of a device: an index has 16 bits */

/*
 * The places in vpt_queue.areas: the members of struct vpt_queue_memory, then what is apart from the private state only
 * where the port has no piece for both.
 */
enum area { RINGS, DRIVER_AREA, DEVICE_AREA, INDIRECT, PRIVATE_STATE, LINKS, AREAS };

VPT_STATIC_ASSERT(sizeof(struct vpt_queue_memory) == LINKS * sizeof(struct vpt_memory), "one for one");
VPT_STATIC_ASSERT(VPT_QUEUE_AREAS == AREAS, "one for one");

/* Entries, where the caller names no size: at most, and at least where memory is short. */
#define DEFAULT_SIZE_MAX 256u
#define DEFAULT_SIZE_MIN 8u

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

/* The largest power of two that is above neither. `size` is one. */
static uint32_t size_within(uint32_t size, uint32_t maximum)
{
    while (size > maximum) {
        size >>= 1;
    }
    return size;
}

/* Some devices ignore what is asked for and go on with their maximum: the rings are made for the size they have. */
static enum vpt_status take_size(struct vpt_queue *queue, uint32_t wanted)
{
    uint32_t taken = queue->device->ops->queue_size(queue->device, queue->index, wanted);
    uint32_t size = size_within(VPT_QUEUE_SIZE_MAX, taken);

    if (size == 0 || size != taken) {
        return VPT_DEVICE_QUEUE_SIZE;
    }
    queue->mask = (uint16_t)(size - 1u);
    return VPT_OK;
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

static enum vpt_status take_area(struct vpt_queue *queue, enum area area, size_t size)
{
    static const uint8_t alignments[AREAS] = { [DRIVER_AREA] = 2, [DEVICE_AREA] = 4, [INDIRECT] = 16,
                                               [PRIVATE_STATE] = 8, [LINKS] = 2 };
    static const char names[AREAS][sizeof(VPT_AREA_FUNCTION "private state")] = {
        [RINGS] = VPT_AREA_FUNCTION "rings",
        [DRIVER_AREA] = VPT_AREA_FUNCTION "driver area",
        [DEVICE_AREA] = VPT_AREA_FUNCTION "device area",
        [INDIRECT] = VPT_AREA_FUNCTION "indirect",
        [PRIVATE_STATE] = VPT_AREA_FUNCTION "private state",
        [LINKS] = VPT_AREA_FUNCTION "links",
    };
    const struct vpt_device *device = queue->device;
    struct vpt_area_need need;

    need.name = names[area];
    need.size = size;
    need.alignment = area == RINGS ? device->ops->ring_alignment : alignments[area];
    need.limit = area <= DEVICE_AREA ? device->ops->ring_limit : ~(uint64_t)0;
    need.flags = area >= PRIVATE_STATE ? VPT_DMA_PRIVATE : vpt_memory_flags(device);
    return vpt_area_take(device->port, &need, &queue->areas[area]);
}

/* Whether an area that was not taken is missing: nobody has memory for it. Else what there is does not fit. */
static bool missing(const struct vpt_queue *queue, enum area area)
{
    return queue->areas[area].memory.address == NULL;
}

/* An area that lies in the rings, `offset` bytes from their start. */
static void place(struct vpt_queue *queue, enum area area, size_t offset)
{
    const struct vpt_memory *rings = &queue->areas[RINGS].memory;

    queue->areas[area].memory.address = (uint8_t *)rings->address + offset;
    queue->areas[area].memory.device_address = rings->device_address + offset;
}

/* In one piece, or in three: where the caller has three, or nobody has one. A legacy interface takes one only. */
static enum vpt_status take_rings(struct vpt_queue *queue)
{
    size_t size = (size_t)queue->mask + 1u;
    size_t whole = VPT_QUEUE_RINGS_SIZE(size, (size_t)queue->device->ops->used_alignment);
    enum vpt_status status = VPT_CALLER_MEMORY;

    if (missing(queue, DRIVER_AREA) && missing(queue, DEVICE_AREA)) {
        status = take_area(queue, RINGS, whole);
        if (status == VPT_OK) {
            place(queue, DRIVER_AREA, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size));
            place(queue, DEVICE_AREA, whole - VPT_QUEUE_DEVICE_AREA_SIZE(size));
            return status;
        }
        if (!missing(queue, RINGS)) {
            return status;
        }
    } else if (missing(queue, RINGS) || missing(queue, DRIVER_AREA) || missing(queue, DEVICE_AREA)) {
        return status;
    }
    if (!vpt_legacy(queue->device)) {
        status = take_area(queue, RINGS, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size));
        if (status == VPT_OK) {
            status = take_area(queue, DRIVER_AREA, VPT_QUEUE_DRIVER_AREA_SIZE(size));
        }
        if (status == VPT_OK) {
            status = take_area(queue, DEVICE_AREA, VPT_QUEUE_DEVICE_AREA_SIZE(size));
        }
    }
    return status;
}

/* In one piece, or in two where nobody has one: slots, and what links them and the tables. */
static enum vpt_status take_state(struct vpt_queue *queue)
{
    size_t size = (size_t)queue->mask + 1u;
    size_t slots = size * sizeof(struct vpt_queue_slot);
    size_t links = VPT_QUEUE_PRIVATE_SIZE(size, queue->tables_made) - slots;
    enum vpt_status status = take_area(queue, PRIVATE_STATE, slots + links);

    if (status != VPT_OK && missing(queue, PRIVATE_STATE)) {
        status = take_area(queue, PRIVATE_STATE, slots);
        if (status == VPT_OK) {
            status = take_area(queue, LINKS, links);
        }
    }
    return status;
}

/* As many tables as the port has memory for in one piece: requests that find none become chains. */
static enum vpt_status take_tables(struct vpt_queue *queue)
{
    uint64_t table = (uint64_t)queue->table_segments * sizeof(struct split_descriptor);
    enum vpt_status status = VPT_OK;

    while (queue->tables_made != 0) {
        size_t size = (size_t)(table * queue->tables_made);

        status = size == table * queue->tables_made ? take_area(queue, INDIRECT, size) : VPT_CALLER_TOO_LONG;
        if (status == VPT_OK || !missing(queue, INDIRECT)) {
            return status;
        }
        queue->tables_made >>= 1;
    }
    return VPT_OK;
}

static void give_areas_back(struct vpt_queue *queue)
{
    vpt_areas_give_back(queue->device->port, queue->areas, AREAS);
    vpt_zero(queue->areas, sizeof(queue->areas));
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
    give_areas_back(queue);
}

static void use_areas(struct vpt_queue *queue)
{
    uint32_t size = (uint32_t)queue->mask + 1u;

    queue->descriptors = queue->areas[RINGS].memory.address;
    queue->available = queue->areas[DRIVER_AREA].memory.address;
    queue->used = queue->areas[DEVICE_AREA].memory.address;
    queue->tables = queue->areas[INDIRECT].memory.address;
    queue->tables_address = queue->areas[INDIRECT].memory.device_address;
    queue->slots = (struct vpt_queue_slot *)queue->areas[PRIVATE_STATE].memory.address;
    queue->links = (uint16_t *)queue->areas[LINKS].memory.address;
    if (missing(queue, LINKS)) {
        queue->links = (uint16_t *)(void *)(queue->slots + size);
    }
    queue->table_links = queue->links + size;
}

/* All of it or nothing. */
static enum vpt_status take_areas(struct vpt_queue *queue, const struct vpt_queue_config *config)
{
    const struct vpt_memory *given = (const struct vpt_memory *)(const void *)&config->memory;
    enum vpt_status status;
    unsigned i;

    choose_tables(queue, config);
    for (i = 0; i < LINKS; i++) {
        queue->areas[i].memory = given[i];
    }
    status = take_rings(queue);
    if (status == VPT_OK) {
        status = take_state(queue);
    }
    if (status == VPT_OK) {
        status = take_tables(queue);
    }
    if (status != VPT_OK) {
        give_areas_back(queue);
    }
    return status;
}

/*
 * Where the port has no memory for it, half the ring, unless the caller has named the size. That comes last, since not
 * all devices take a ring that is smaller than their maximum.
 */
static enum vpt_status take_memory(struct vpt_queue *queue, const struct vpt_queue_config *config, uint32_t size)
{
    uint32_t least = config->size == 0 && size > DEFAULT_SIZE_MIN ? DEFAULT_SIZE_MIN : size;
    enum vpt_status status;

    for (;; size >>= 1) {
        status = take_size(queue, size);
        if (status == VPT_OK) {
            status = take_areas(queue, config);
        }
        if (status == VPT_OK || status == VPT_CALLER_MEMORY || size == least || size <= queue->mask) {
            return status;
        }
    }
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
    queue->emulated = queue->device->port->emulated || vpt_cpu_is_tcg(vpt_cpuid_hypervisor());
    queue->strong = queue->emulated || vpt_features_has(features, VPT_F_ORDER_PLATFORM);
    queue->notification_data = vpt_features_has(features, VPT_F_NOTIFICATION_DATA);
    queue->device_order = !vpt_legacy(queue->device);
    queue->notifications = true;
    queue->table_count = vpt_features_has(features, VPT_F_INDIRECT_DESC) ? queue->tables_made : (uint16_t)0;
    vpt_split_prepare(queue);
    return take_doorbell(queue);
}

static enum vpt_status set_up(struct vpt_queue *queue, const struct vpt_queue_config *config)
{
    uint32_t size = config->size != 0 ? config->size : DEFAULT_SIZE_MAX;
    uint32_t maximum = 0;
    enum vpt_status status;

    if ((size & (size - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_queue_find(queue->device, config->index, &maximum);
    if (status != VPT_OK) {
        return status;
    }
    queue->index = config->index;
    status = take_memory(queue, config, size_within(size, maximum));
    if (status == VPT_OK) {
        use_areas(queue);
        status = vpt_queue_prepare(queue);
    }
    if (status != VPT_OK) {
        /* On PCI the maximum reads as the size that was written last: the next try must find the device's own. */
        (void)queue->device->ops->queue_size(queue->device, config->index, size_within(VPT_QUEUE_SIZE_MAX, maximum));
    }
    return status;
}

enum vpt_status vpt_queue_enable(struct vpt_queue *queue)
{
    struct vpt_queue_areas areas;

    queue->resets = queue->device->resets;
    queue->next = queue->device->queues;
    queue->device->queues = queue;
    areas.descriptors = queue->areas[RINGS].memory.device_address;
    areas.driver = queue->areas[DRIVER_AREA].memory.device_address;
    areas.device = queue->areas[DEVICE_AREA].memory.device_address;
    return queue->device->ops->queue_enable(queue->device, queue->index, &areas);
}

enum vpt_status vpt_queue_retract(struct vpt_queue *queue)
{
    struct vpt_device *device = queue->device;
    enum vpt_status status = device->ops->queue_disable(device, queue->index);

    device->queues = queue->next; /* nothing was set up since */
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

/* A device that is gone may have had its queues released without a reset. */
bool vpt_queue_in_use(const struct vpt_device *device, const struct vpt_queue *queue)
{
    const struct vpt_queue *other = vpt_gone(device) ? NULL : device->queues;
    uint32_t left;

    for (left = QUEUES_MAX; left != 0 && other != NULL && other != queue; left--) {
        other = other->next;
    }
    return other == queue;
}

enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config)
{
    enum vpt_status status;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device != NULL && vpt_queue_in_use(device, queue)) {
        return VPT_CALLER_STATE;
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

    return queue->resets == device->resets && !VPT_READ_ONCE(device->stuck) && !vpt_gone(device);
}

enum vpt_status vpt_queue_end_status(const struct vpt_queue *queue)
{
    if (vpt_gone(queue->device)) {
        return VPT_DEVICE_GONE;
    }
    return vpt_stuck(queue->device) ? VPT_DEVICE_STUCK : VPT_CANCELLED;
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
    if (vpt_stuck(queue->device)) {
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
