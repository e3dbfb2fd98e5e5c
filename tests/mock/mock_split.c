/* SPDX-License-Identifier: MIT */
#include "mock_split.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mock_internal.h"
#include "mock_order.h"

#define DESCRIPTOR_SIZE 16u
#define FLAG_NEXT       0x1u
#define FLAG_WRITE      0x2u
#define FLAG_INDIRECT   0x4u

#define AVAILABLE_NO_INTERRUPT 0x1u
#define USED_NO_NOTIFY         0x1u

/* Offsets within the driver area and the device area. */
#define RING_FLAGS 0u
#define RING_INDEX 2u
#define RING_FIRST 4u

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* A chain being walked. */
struct walk {
    struct mock_device *device;
    struct mock_queue *queue;
    struct mock_element *element;
    uint64_t table;   /* device address of the table that the walk is in ... */
    uint32_t entries; /* ... and how many descriptors it has */
    bool indirect;
    uint64_t bytes;
};

size_t mock_split_area_size(const struct mock_queue *queue, enum mock_queue_area area)
{
    switch (area) {
    case MOCK_DESCRIPTOR_AREA: return DESCRIPTOR_SIZE * (size_t)queue->size;
    case MOCK_DRIVER_AREA: return RING_FIRST + 2u * (size_t)queue->size + 2u;
    default: return RING_FIRST + 8u * (size_t)queue->size + 2u;
    }
}

uint8_t *mock_split_area(struct mock_device *device, const struct mock_queue *queue, enum mock_queue_area which)
{
    static const char *const names[MOCK_QUEUE_AREAS] = { "descriptor area", "driver area", "device area" };

    return mock_memory_reach(device->memory, queue->area[which], mock_split_area_size(queue, which),
                             which == MOCK_DEVICE_AREA, names[which]);
}

static bool has(const struct mock_device *device, unsigned feature)
{
    return vpt_features_has(&device->accepted, feature);
}

static uint16_t load16(const struct mock_device *device, const uint8_t *at)
{
    return (uint16_t)mock_load(at, 2, device->legacy);
}

static bool broken(struct mock_queue *queue)
{
    queue->broken = true;
    return false;
}

/* On first use. */
static void check_zeroed(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *used = mock_split_area(device, queue, MOCK_DEVICE_AREA);

    queue->checked = true;
    mock_require(device->violations,
                 used == NULL || (load16(device, used + RING_FLAGS) == 0 && load16(device, used + RING_INDEX) == 0),
                 "queue %u: the used ring's flags or index were not zeroed", queue->index);
}

static void check_available_flags(struct mock_device *device, const struct mock_queue *queue, uint16_t flags)
{
    mock_require(device->violations, flags <= (has(device, VPT_F_EVENT_IDX) ? 0 : AVAILABLE_NO_INTERRUPT),
                 "queue %u: available flags are 0x%x", queue->index, flags);
}

static bool descriptor_at(struct walk *walk, uint16_t index, struct descriptor *descriptor)
{
    struct mock_element *element = walk->element;
    struct mock_descriptor_copy *copy;
    uint64_t address = walk->table + (uint64_t)index * DESCRIPTOR_SIZE;
    const uint8_t *bytes = mock_memory_reach(walk->device->memory, address, DESCRIPTOR_SIZE, false, "descriptor");

    if (bytes == NULL) {
        return false;
    }
    element->descriptors = mock_grow(element->descriptors, element->descriptor_count, sizeof(*copy));
    copy = &element->descriptors[element->descriptor_count++];
    copy->address = address;
    memcpy(copy->bytes, bytes, DESCRIPTOR_SIZE);
    descriptor->address = mock_load(copy->bytes, 8, walk->device->legacy);
    descriptor->length = (uint32_t)mock_load(copy->bytes + 8, 4, walk->device->legacy);
    descriptor->flags = load16(walk->device, copy->bytes + 12);
    descriptor->next = load16(walk->device, copy->bytes + 14);
    return true;
}

static bool require(const struct walk *walk, bool holds, const char *complaint)
{
    return mock_require(walk->device->violations, holds, "queue %u, chain %u: %s", walk->queue->index,
                        walk->element->head, complaint);
}

/* Marks a descriptor of the ring's own table as in flight. */
static bool claim(const struct walk *walk, uint16_t index)
{
    uint8_t *state = &walk->queue->in_flight[index];

    if (!require(walk, *state == MOCK_DESCRIPTOR_FREE, "uses a descriptor that is in flight or loops")) {
        return false;
    }
    *state = index == walk->element->head ? MOCK_DESCRIPTOR_HEAD : MOCK_DESCRIPTOR_MEMBER;
    return true;
}

static bool table_valid(const struct walk *walk, const struct descriptor *descriptor)
{
    uint32_t length = descriptor->length;

    return require(walk, has(walk->device, VPT_F_INDIRECT_DESC), "INDIRECT without the feature") &&
           require(walk, !walk->indirect, "INDIRECT within an indirect table") &&
           require(walk, (descriptor->flags & FLAG_NEXT) == 0, "INDIRECT and NEXT on one descriptor") &&
           require(walk, length != 0 && length % DESCRIPTOR_SIZE == 0,
                   "an indirect table of no whole number of descriptors") &&
           require(walk, length / DESCRIPTOR_SIZE <= walk->queue->size, "an indirect table longer than the queue");
}

static bool enter_table(struct walk *walk, const struct descriptor *descriptor)
{
    if (!table_valid(walk, descriptor)) {
        return false;
    }
    walk->table = descriptor->address;
    walk->entries = descriptor->length / DESCRIPTOR_SIZE;
    walk->indirect = true;
    walk->element->indirect = true;
    return true;
}

static bool add_segment(struct walk *walk, const struct descriptor *descriptor)
{
    struct mock_element *element = walk->element;
    bool write = (descriptor->flags & FLAG_WRITE) != 0;
    uint32_t count = element->readable + element->writable;

    walk->bytes += descriptor->length;
    if (!require(walk, count != walk->queue->size, "longer than the queue") ||
        !require(walk, descriptor->length != 0, "an empty segment") ||
        !require(walk, write || element->writable == 0, "a readable segment after a writable one") ||
        !require(walk, walk->bytes <= UINT64_C(0x100000000), "more than 4 GiB") ||
        mock_memory_reach(walk->device->memory, descriptor->address, descriptor->length, write, "segment") == NULL) {
        return false;
    }
    element->segments = mock_grow(element->segments, count, sizeof(*element->segments));
    element->segments[count] = (struct mock_segment){ descriptor->address, descriptor->length };
    if (write) {
        element->writable++;
        element->writable_bytes += descriptor->length;
    } else {
        element->readable++;
        element->readable_bytes += descriptor->length;
    }
    return true;
}

static bool next_valid(const struct walk *walk, const struct descriptor *descriptor, uint16_t index)
{
    bool in_order = has(walk->device, VPT_F_IN_ORDER);

    return require(walk, descriptor->next < walk->entries, "next is outside its table") &&
           require(walk, !in_order || descriptor->next == (index + 1u) % walk->entries,
                   "IN_ORDER, and next is not the following descriptor");
}

static bool walk_chain(struct walk *walk)
{
    uint16_t index = walk->element->head;
    struct descriptor descriptor;

    /* As many segments as the queue has entries, and the descriptor that leads to an indirect table. */
    for (uint32_t i = 0; i <= walk->queue->size; i++) {
        if ((!walk->indirect && !claim(walk, index)) || !descriptor_at(walk, index, &descriptor) ||
            !require(walk, (descriptor.flags & ~(FLAG_NEXT | FLAG_WRITE | FLAG_INDIRECT)) == 0,
                     "unknown descriptor flags")) {
            return false;
        }
        if ((descriptor.flags & FLAG_INDIRECT) != 0) {
            if (!enter_table(walk, &descriptor)) {
                return false;
            }
            index = 0;
            continue;
        }
        if (!add_segment(walk, &descriptor)) {
            return false;
        }
        if ((descriptor.flags & FLAG_NEXT) == 0) {
            return true;
        }
        if (!next_valid(walk, &descriptor, index)) {
            return false;
        }
        index = descriptor.next;
    }
    return require(walk, false, "loops, or is longer than the queue");
}

static bool take(struct mock_device *device, struct mock_queue *queue, uint16_t head, struct mock_element *element)
{
    struct walk walk = {
        .device = device,
        .queue = queue,
        .element = element,
        .table = queue->area[MOCK_DESCRIPTOR_AREA],
        .entries = queue->size,
    };

    memset(element, 0, sizeof(*element));
    element->head = head;
    if (!walk_chain(&walk)) {
        mock_element_finish(element);
        return broken(queue);
    }
    queue->indirect_elements += element->indirect ? 1u : 0u;
    return true;
}

bool mock_split_available_index(struct mock_device *device, const struct mock_queue *queue, uint16_t *index)
{
    const uint8_t *available = mock_split_area(device, queue, MOCK_DRIVER_AREA);

    if (available == NULL) {
        return false;
    }
    *index = load16(device, available + RING_INDEX);
    return true;
}

bool mock_split_fetch(struct mock_device *device, struct mock_queue *queue, struct mock_element *element)
{
    const uint8_t *available = mock_split_area(device, queue, MOCK_DRIVER_AREA);
    uint16_t waiting;
    uint16_t head;

    if (!queue->checked) {
        check_zeroed(device, queue);
    }
    if (available == NULL) {
        return broken(queue);
    }
    check_available_flags(device, queue, load16(device, available + RING_FLAGS));
    waiting = (uint16_t)(load16(device, available + RING_INDEX) - queue->last_available);
    if (waiting == 0) {
        return false;
    }
    head = load16(device, available + RING_FIRST + 2u * (queue->last_available % queue->size));
    if (!mock_require(device->violations, waiting <= queue->size, "queue %u: the available index is %u ahead",
                      queue->index, waiting) ||
        !mock_require(device->violations, head < queue->size, "queue %u: head %u is outside the table", queue->index,
                      head)) {
        return broken(queue);
    }
    if (!take(device, queue, head, element)) {
        return false;
    }
    queue->last_available++;
    return true;
}

static void check_unchanged(struct mock_device *device, const struct mock_queue *queue,
                            const struct mock_element *element)
{
    for (uint32_t i = 0; i < element->descriptor_count; i++) {
        const struct mock_descriptor_copy *copy = &element->descriptors[i];
        const uint8_t *bytes =
            mock_memory_reach(device->memory, copy->address, DESCRIPTOR_SIZE, false, "descriptor in flight");

        if (!mock_require(device->violations, bytes == NULL || memcmp(bytes, copy->bytes, DESCRIPTOR_SIZE) == 0,
                          "queue %u, chain %u: a descriptor was changed while in flight", queue->index,
                          element->head)) {
            return;
        }
    }
}

/* The descriptors of a buffer are no longer in flight. */
static void release(struct mock_queue *queue, const struct mock_element *element)
{
    for (uint32_t i = 0; i < element->descriptor_count; i++) {
        uint64_t offset = element->descriptors[i].address - queue->area[MOCK_DESCRIPTOR_AREA];

        if (offset < mock_split_area_size(queue, MOCK_DESCRIPTOR_AREA)) {
            queue->in_flight[offset / DESCRIPTOR_SIZE] = MOCK_DESCRIPTOR_FREE;
        }
    }
}

/* A descriptor that heads no chain in flight other than `element`'s own. */
static uint32_t free_id(const struct mock_queue *queue, const struct mock_element *element)
{
    for (uint32_t id = queue->size; id-- > 0;) {
        if (id != element->head && queue->in_flight[id] != MOCK_DESCRIPTOR_HEAD) {
            return id;
        }
    }
    return queue->size;
}

/* What faults make of a used element. *times: how often it is stored. */
static void distort_used(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                         uint32_t *id, uint32_t *length, unsigned *times)
{
    struct mock_faults *faults = &device->faults;
    uint64_t argument = 0;

    if (mock_fault_fires(faults, MOCK_FAULT_USED_ID_RANGE, &argument)) {
        *id = argument != 0 ? (uint32_t)argument : queue->size;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_USED_ID_FREE, NULL)) {
        *id = free_id(queue, element);
    }
    if (mock_fault_fires(faults, MOCK_FAULT_USED_ID_TWICE, NULL)) {
        if (queue->used_any && queue->in_flight[queue->last_id] == MOCK_DESCRIPTOR_FREE) {
            *id = queue->last_id;
        } else {
            *times = 2;
        }
    }
    if (mock_fault_fires(faults, MOCK_FAULT_USED_LENGTH, &argument)) {
        argument = element->writable_bytes + (argument != 0 ? argument : 1u);
        *length = argument < UINT32_MAX ? (uint32_t)argument : UINT32_MAX;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_USED_LENGTH_ALL, NULL)) {
        *length = (uint32_t)(element->readable_bytes + element->writable_bytes);
    }
    if (mock_fault_fires(faults, MOCK_FAULT_USED_LENGTH_SHORT, NULL)) {
        *length = 0;
    }
}

/* A store into the used ring, which a lie may distort. */
static void put(struct mock_device *device, const struct mock_queue *queue, enum mock_ring_field field, uint8_t *at,
                unsigned width, uint32_t value)
{
    struct mock_access access = {
        .space = MOCK_SPACE_RING,
        .offset = MOCK_RING_OF(queue->index, field),
        .width = width,
        .native = device->legacy,
    };
    uint8_t bytes[4];

    mock_store(bytes, width, value, device->legacy);
    mock_access_store(device, &access, at, bytes);
}

static void store_used_index(struct mock_device *device, const struct mock_queue *queue, uint8_t *used)
{
    struct mock_faults *faults = &device->faults;
    uint64_t argument = 0;
    uint16_t shown = queue->used_index;

    if (mock_fault_fires(faults, MOCK_FAULT_USED_INDEX_AHEAD, &argument)) {
        shown = (uint16_t)(shown + (argument != 0 ? argument : 1u));
    }
    if (mock_fault_fires(faults, MOCK_FAULT_USED_INDEX_BACK, &argument)) {
        shown = (uint16_t)(shown - 1u - (argument != 0 ? argument : 1u));
    }
    put(device, queue, MOCK_RING_USED_INDEX, used + RING_INDEX, 2, shown);
}

void mock_split_push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                     uint32_t length)
{
    uint8_t *used = mock_split_area(device, queue, MOCK_DEVICE_AREA);
    uint32_t id = element->head;
    unsigned times = 1;

    check_unchanged(device, queue, element);
    distort_used(device, queue, element, &id, &length, &times);
    release(queue, element);
    queue->last_id = element->head;
    queue->used_any = true;
    if (used == NULL) {
        queue->broken = true;
        return;
    }
    for (unsigned i = 0; i < times; i++) {
        uint8_t *entry = used + RING_FIRST + 8u * (queue->used_index % queue->size);

        put(device, queue, MOCK_RING_USED_ID, entry, 4, id);
        put(device, queue, MOCK_RING_USED_LENGTH, entry + 4, 4, length);
        queue->used_index = (uint16_t)(queue->used_index + 1u);
    }
    /* The element is there before the index says so. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    store_used_index(device, queue, used);
}

bool mock_split_interrupts(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *available = mock_split_area(device, queue, MOCK_DRIVER_AREA);
    uint16_t before = queue->signalled;
    uint16_t flags;
    uint16_t event;

    if (available == NULL) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    flags = load16(device, available + RING_FLAGS);
    check_available_flags(device, queue, flags);
    queue->signalled = queue->used_index;
    if (has(device, VPT_F_NOTIFY_ON_EMPTY) && queue->pending_count == 0 &&
        load16(device, available + RING_INDEX) == queue->last_available) {
        return true;
    }
    if (!has(device, VPT_F_EVENT_IDX)) {
        return (flags & AVAILABLE_NO_INTERRUPT) == 0;
    }
    event = load16(device, available + RING_FIRST + 2u * queue->size);
    return (uint16_t)(queue->used_index - event - 1u) < (uint16_t)(queue->used_index - before);
}

void mock_split_want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy)
{
    uint8_t *used = mock_split_area(device, queue, MOCK_DEVICE_AREA);
    uint8_t *event;

    queue->busy = busy;
    if (used == NULL) {
        queue->broken = true;
        return;
    }
    event = used + RING_FIRST + 8u * (size_t)queue->size;
    if (!has(device, VPT_F_EVENT_IDX)) {
        put(device, queue, MOCK_RING_USED_FLAGS, used + RING_FLAGS, 2, busy ? USED_NO_NOTIFY : 0);
        /* Without the feature this word means nothing, and a driver must not read anything into it (SPLIT-ASUPP-2). */
        mock_store(event, 2, (uint16_t)(queue->last_available + 0x5a5au), device->legacy);
    } else if (!busy) {
        put(device, queue, MOCK_RING_AVAILABLE_EVENT, event, 2, queue->last_available);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
