/* SPDX-License-Identifier: MIT */
/* A virtqueue's set-up and end; what happens between them is in the files of the ring's format. */
#include <vpt/queue.h>

#include "../transport/transport.h"
#include "internal.h"
#include "memory.h"
#include "split.h"

#define QUEUES_MAX 0x10000u /* of a device: an index has 16 bits */

/* The places in vpt_queue.areas: the members of struct vpt_queue_memory. */
enum area { RINGS, DRIVER_AREA, DEVICE_AREA, INDIRECT, PRIVATE_STATE, SLOTS, AREAS };

VPT_STATIC_ASSERT(sizeof(struct vpt_queue_memory) == AREAS * sizeof(struct vpt_memory), "one for one");
VPT_STATIC_ASSERT(VPT_QUEUE_AREAS == AREAS, "one for one");

/* Entries, where the caller names no size and memory is short: at least. */
#define DEFAULT_SIZE_MIN 8u

/* How a queue is tried to be set up. Where the port is short of memory, each try asks for less than the one before. */
struct attempt {
    struct vpt_queue_wish wish; /* `size`: that the device is asked for */
    uint32_t least;  /* entries that are worth a try */
    bool pieces;     /* the rings are in three */
};

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
    queue->mask = size - 1u;
    return VPT_OK;
}

/* Bytes of each area; 0: not needed. */
static enum vpt_status measure(struct vpt_queue *queue, const struct attempt *attempt, uint64_t bytes[AREAS])
{
    size_t size = (size_t)queue->mask + 1u;
    enum vpt_status status =
        queue->form->plan(queue, &attempt->wish, &bytes[PRIVATE_STATE], &bytes[SLOTS]);

    bytes[RINGS] = attempt->pieces ? VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size)
                                   : VPT_QUEUE_RINGS_SIZE(size, (size_t)queue->device->ops->used_alignment);
    bytes[DRIVER_AREA] = attempt->pieces ? VPT_QUEUE_DRIVER_AREA_SIZE(size) : 0;
    bytes[DEVICE_AREA] = attempt->pieces ? VPT_QUEUE_DEVICE_AREA_SIZE(size) : 0;
    bytes[INDIRECT] = (uint64_t)queue->tables_made * queue->table_segments * sizeof(struct split_descriptor);
    return status;
}

static enum vpt_status take_area(struct vpt_queue *queue, unsigned area, uint64_t bytes)
{
    static const uint8_t alignments[AREAS] = { [DRIVER_AREA] = 2, [DEVICE_AREA] = 4, [INDIRECT] = 16,
                                               [PRIVATE_STATE] = 8, [SLOTS] = 16 };
    static const char names[AREAS][sizeof(VPT_AREA_FUNCTION "private state")] = {
        [RINGS] = VPT_AREA_FUNCTION "rings",
        [DRIVER_AREA] = VPT_AREA_FUNCTION "driver area",
        [DEVICE_AREA] = VPT_AREA_FUNCTION "device area",
        [INDIRECT] = VPT_AREA_FUNCTION "indirect",
        [PRIVATE_STATE] = VPT_AREA_FUNCTION "private state",
        [SLOTS] = VPT_AREA_FUNCTION "slots",
    };
    const struct vpt_device *device = queue->device;
    struct vpt_area_need need;

    need.name = names[area];
    need.size = (size_t)bytes;
    need.alignment = area == RINGS ? device->ops->ring_alignment : alignments[area];
    need.limit = area <= DEVICE_AREA ? device->ops->ring_limit : ~(uint64_t)0;
    need.flags = area == PRIVATE_STATE ? VPT_DMA_PRIVATE : vpt_memory_flags(device);
    return need.size == bytes ? vpt_area_take(device->port, &need, &queue->areas[area]) : VPT_CALLER_TOO_LONG;
}

/*
 * Takes the areas one after the other. `*missing`: the one that there is no memory for, else AREAS. Within its only caller
 * it is more code.
 */
VPT_OUT_OF_LINE enum vpt_status take_areas(struct vpt_queue *queue, const struct attempt *attempt, unsigned *missing)
{
    const struct vpt_memory *given = (const struct vpt_memory *)(const void *)attempt->wish.memory;
    uint64_t bytes[AREAS];
    enum vpt_status status = measure(queue, attempt, bytes);
    unsigned area;

    *missing = AREAS;
    for (area = RINGS; status == VPT_OK && area < AREAS; area++) {
        queue->areas[area].memory = given[area];
        status = bytes[area] != 0 ? take_area(queue, area, bytes[area]) : VPT_OK;
        if (status != VPT_OK && queue->areas[area].memory.address == NULL) {
            *missing = area;
        }
    }
    return status;
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

/* An area that lies in the rings, `offset` bytes from their start. */
static void place(struct vpt_queue *queue, unsigned area, size_t offset)
{
    const struct vpt_memory *rings = &queue->areas[RINGS].memory;

    queue->areas[area].memory.address = (uint8_t *)rings->address + offset;
    queue->areas[area].memory.device_address = rings->device_address + offset;
}

static void use_areas(struct vpt_queue *queue, bool pieces)
{
    size_t size = (size_t)queue->mask + 1u;

    if (!pieces) {
        place(queue, DRIVER_AREA, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size));
        place(queue, DEVICE_AREA, VPT_QUEUE_RINGS_SIZE(size, (size_t)queue->device->ops->used_alignment) -
                                      VPT_QUEUE_DEVICE_AREA_SIZE(size));
    }
    queue->descriptors = queue->areas[RINGS].memory.address;
    queue->available = queue->areas[DRIVER_AREA].memory.address;
    queue->used = queue->areas[DEVICE_AREA].memory.address;
    queue->tables = queue->areas[INDIRECT].memory.address;
    queue->tables_address = queue->areas[INDIRECT].memory.device_address;
    queue->slots = (struct vpt_queue_slot *)queue->areas[PRIVATE_STATE].memory.address;
}

/* The caller hands three pieces over; a legacy interface takes one only. */
static bool given_pieces(const struct vpt_queue_memory *memory)
{
    return memory->driver_area.address != NULL || memory->device_area.address != NULL;
}

static enum vpt_status check_given(const struct vpt_queue *queue, const struct vpt_queue_memory *memory)
{
    if (given_pieces(memory) && (vpt_legacy(queue->device) || memory->rings.address == NULL ||
                                 memory->driver_area.address == NULL || memory->device_area.address == NULL)) {
        return VPT_CALLER_MEMORY;
    }
    return VPT_OK;
}

/*
 * Less than what the last attempt lacked memory for: fewer tables, down to chains; fewer slots; rings in three pieces.
 * Half the ring, unless the caller has named its size, comes last, since not all devices take a ring that is smaller
 * than their maximum. False: there is nothing less.
 */
static bool reduce(const struct vpt_queue *queue, unsigned area, struct attempt *attempt)
{
    if (area == INDIRECT) {
        attempt->wish.tables = queue->tables_made / 2u;
        return true;
    }
    if (attempt->wish.requests != 0 && area > INDIRECT && queue->slot_count > 1u) {
        attempt->wish.requests = queue->slot_count / 2u;
        return true;
    }
    if (area == RINGS && !attempt->pieces && !vpt_legacy(queue->device)) {
        attempt->pieces = true;
        return true;
    }
    if (attempt->wish.size <= attempt->least || attempt->wish.size <= queue->mask) {
        return false;
    }
    attempt->wish.size >>= 1;
    attempt->pieces = given_pieces(attempt->wish.memory);
    return true;
}

static enum vpt_status take_memory(struct vpt_queue *queue, struct attempt *attempt)
{
    enum vpt_status status;
    unsigned missing;

    do {
        status = take_size(queue, attempt->wish.size);
        if (status != VPT_OK) {
            return status;
        }
        status = take_areas(queue, attempt, &missing);
        if (status == VPT_OK) {
            use_areas(queue, attempt->pieces);
            return status;
        }
        give_areas_back(queue);
    } while (missing != AREAS && reduce(queue, missing, attempt));
    return status;
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
    queue->form->prepare(queue);
    vpt_split_zero_rings(queue);
    return take_doorbell(queue);
}

static enum vpt_status take_all(struct vpt_queue *queue, const struct vpt_queue_wish *wish)
{
    struct attempt attempt = { *wish, DEFAULT_SIZE_MIN, given_pieces(wish->memory) };
    uint32_t maximum = 0;
    enum vpt_status status;

    if ((wish->size & (wish->size - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_queue_find(queue->device, wish->index, &maximum);
    if (status == VPT_OK) {
        status = check_given(queue, wish->memory);
    }
    if (status != VPT_OK) {
        return status;
    }
    queue->index = wish->index;
    attempt.wish.size = size_within(wish->size != 0 ? wish->size : wish->most, maximum);
    if (wish->size != 0) {
        attempt.least = attempt.wish.size;
    }
    status = take_memory(queue, &attempt);
    if (status == VPT_OK) {
        status = vpt_queue_prepare(queue);
    }
    if (status != VPT_OK) {
        /* On PCI the maximum reads as the size that was written last: the next try must find the device's own. */
        (void)queue->device->ops->queue_size(queue->device, wish->index, size_within(VPT_QUEUE_SIZE_MAX, maximum));
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

/* Undoes an enabling that failed: the device lets go of the queue, or keeps its memory (VPT_DEVICE_STUCK). */
static enum vpt_status retract(struct vpt_queue *queue)
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

enum vpt_status vpt_queue_set_up(struct vpt_queue *queue, struct vpt_device *device,
                                 const struct vpt_queue_wish *wish, const struct vpt_queue_form *form)
{
    enum vpt_status status;

    queue->device = device;
    queue->form = form;
    status = take_all(queue, wish);
    if (status != VPT_OK) {
        give_back(queue);
    } else {
        status = vpt_queue_enable(queue);
        if (status == VPT_OK) {
            return status;
        }
        if (retract(queue) == VPT_DEVICE_STUCK) {
            status = VPT_DEVICE_STUCK;
        }
    }
    vpt_zero(queue, sizeof(*queue));
    return vpt_device_refused(device, "queue set-up", status);
}

bool vpt_queue_with_device(const struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    return queue->resets == VPT_READ_ONCE(device->resets) && !VPT_READ_ONCE(device->stuck) && !vpt_gone(device);
}

enum vpt_status vpt_queue_end_status(const struct vpt_queue *queue)
{
    if (vpt_gone(queue->device)) {
        return VPT_DEVICE_GONE;
    }
    return vpt_stuck(queue->device) ? VPT_DEVICE_STUCK : VPT_CANCELLED;
}

uint32_t vpt_queue_in_flight(const struct vpt_queue *queue)
{
    uint32_t count = 0;
    uint32_t i;

    for (i = 0; i < queue->slot_count; i++) {
        count += queue->slots[i].count != 0 ? 1u : 0u;
    }
    return count;
}

enum vpt_status vpt_queue_drain(struct vpt_queue *queue, void **token)
{
    if (queue->slots == NULL || vpt_queue_with_device(queue)) {
        return VPT_CALLER_STATE;
    }
    (void)vpt_split_kill(queue, vpt_queue_end_status(queue));
    while (queue->drained < queue->slot_count) {
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
    return queue->slots != NULL ? queue->mask + 1u : 0;
}
