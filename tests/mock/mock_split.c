/* SPDX-License-Identifier: MIT */
/* The split ring (VirtIO 1.4, section 2.7). */
#include "mock_ring.h"

#include "mock_order.h"

#define AVAILABLE_NO_INTERRUPT 0x1u
#define USED_NO_NOTIFY         0x1u

/* Offsets within the driver area and the device area. */
#define RING_FLAGS 0u
#define RING_INDEX 2u
#define RING_FIRST 4u

static size_t area_size(const struct mock_queue *queue, enum mock_queue_area area)
{
    switch (area) {
    case MOCK_DESCRIPTOR_AREA: return DESCRIPTOR_SIZE * (size_t)queue->size;
    case MOCK_DRIVER_AREA: return RING_FIRST + 2u * (size_t)queue->size + 2u;
    default: return RING_FIRST + 8u * (size_t)queue->size + 2u;
    }
}

static bool zeroed(struct mock_device *device, const struct mock_queue *queue)
{
    const uint8_t *used = mock_ring_area(device, queue, MOCK_DEVICE_AREA);

    return used == NULL ||
           (mock_ring_load16(device, used + RING_FLAGS) == 0 && mock_ring_load16(device, used + RING_INDEX) == 0);
}

/* ---- Taking buffers ---- */

static void check_available_flags(struct mock_device *device, const struct mock_queue *queue, uint16_t flags)
{
    mock_require(device->violations, flags <= (mock_ring_has(device, VPT_F_EVENT_IDX) ? 0 : AVAILABLE_NO_INTERRUPT),
                 "queue %u: available flags are 0x%x", queue->index, flags);
}

/* Marks a descriptor of the ring's own table as in flight. */
static bool claim(const struct mock_walk *walk, uint16_t index)
{
    uint8_t *state = &walk->queue->in_flight[index];

    if (!mock_walk_require(walk, *state == MOCK_DESCRIPTOR_FREE, "uses a descriptor that is in flight or loops")) {
        return false;
    }
    *state = index == walk->element->head ? MOCK_DESCRIPTOR_HEAD : MOCK_DESCRIPTOR_MEMBER;
    return true;
}

/* `entries`: of the table that the descriptor is in. */
static bool next_valid(const struct mock_walk *walk, const struct mock_descriptor *descriptor, uint16_t index,
                       uint32_t entries)
{
    bool in_order = mock_ring_has(walk->device, VPT_F_IN_ORDER);

    return mock_walk_require(walk, descriptor->last < entries, "next is outside its table") &&
           mock_walk_require(walk, !in_order || descriptor->last == (index + 1u) % entries,
                             "IN_ORDER, and next is not the following descriptor");
}

static bool walk(struct mock_walk *walk)
{
    const uint8_t *available = mock_ring_area(walk->device, walk->queue, MOCK_DRIVER_AREA);
    uint64_t table = walk->queue->area[MOCK_DESCRIPTOR_AREA];
    uint32_t entries = walk->queue->size;
    struct mock_descriptor descriptor;
    uint16_t index =
        mock_ring_load16(walk->device, available + RING_FIRST + 2u * (walk->queue->last_available % walk->queue->size));

    walk->element->head = index;
    if (!mock_require(walk->device->violations, index < walk->queue->size, "queue %u: head %u is outside the table",
                      walk->queue->index, index) ||
        !mock_walk_require(walk,
                           !mock_ring_has(walk->device, VPT_F_IN_ORDER) ||
                               index == walk->queue->available_count % walk->queue->size,
                           "IN_ORDER, and the chain does not begin behind the last one")) {
        return false;
    }
    /* As many segments as the queue has entries, and the descriptor that leads to an indirect table. */
    for (uint32_t i = 0; i <= walk->queue->size; i++) {
        if (!walk->element->indirect) {
            if (!claim(walk, index)) {
                return false;
            }
            walk->element->entries++;
            walk->queue->available_count++;
        }
        if (!mock_walk_read(walk, table + (uint64_t)index * DESCRIPTOR_SIZE, &descriptor) ||
            !mock_walk_require(walk,
                               (descriptor.flags & ~(DESCRIPTOR_NEXT | DESCRIPTOR_WRITE | DESCRIPTOR_INDIRECT)) == 0,
                               "unknown descriptor flags")) {
            return false;
        }
        if ((descriptor.flags & DESCRIPTOR_INDIRECT) != 0) {
            if (!mock_walk_table(walk, &descriptor)) {
                return false;
            }
            table = descriptor.address;
            entries = descriptor.length / DESCRIPTOR_SIZE;
            walk->element->indirect = true;
            index = 0;
            continue;
        }
        if (!mock_walk_segment(walk, &descriptor)) {
            return false;
        }
        if ((descriptor.flags & DESCRIPTOR_NEXT) == 0) {
            return true;
        }
        if (!next_valid(walk, &descriptor, index, entries)) {
            return false;
        }
        index = descriptor.last;
    }
    return mock_walk_require(walk, false, "loops, or is longer than the queue");
}

static bool available_index(struct mock_device *device, const struct mock_queue *queue, uint16_t *index)
{
    const uint8_t *available = mock_ring_area(device, queue, MOCK_DRIVER_AREA);

    if (available == NULL) {
        return false;
    }
    *index = mock_ring_load16(device, available + RING_INDEX);
    return true;
}

static bool waiting(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *available = mock_ring_area(device, queue, MOCK_DRIVER_AREA);
    uint16_t count;

    if (available == NULL) {
        queue->broken = true;
        return false;
    }
    check_available_flags(device, queue, mock_ring_load16(device, available + RING_FLAGS));
    count = (uint16_t)(mock_ring_load16(device, available + RING_INDEX) - queue->last_available);
    if (!mock_require(device->violations, count <= queue->size, "queue %u: the available index is %u ahead",
                      queue->index, count)) {
        queue->broken = true;
        return false;
    }
    return count != 0;
}

/* ---- Returning buffers ---- */

static void release(struct mock_queue *queue, const struct mock_element *element)
{
    for (uint32_t i = 0; i < element->descriptor_count; i++) {
        uint64_t offset = element->descriptors[i].address - queue->area[MOCK_DESCRIPTOR_AREA];

        if (offset < area_size(queue, MOCK_DESCRIPTOR_AREA)) {
            queue->in_flight[offset / DESCRIPTOR_SIZE] = MOCK_DESCRIPTOR_FREE;
        }
    }
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
    mock_ring_put(device, queue, MOCK_RING_USED_INDEX, used + RING_INDEX, 2, shown);
}

static void push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element, uint32_t id,
                 uint32_t length, unsigned times)
{
    uint8_t *used = mock_ring_area(device, queue, MOCK_DEVICE_AREA);

    (void)element;
    if (used == NULL) {
        queue->broken = true;
        return;
    }
    for (unsigned i = 0; i < times; i++) {
        uint8_t *entry = used + RING_FIRST + 8u * (queue->used_index % queue->size);

        mock_ring_put(device, queue, MOCK_RING_USED_ID, entry, 4, id);
        mock_ring_put(device, queue, MOCK_RING_USED_LENGTH, entry + 4, 4, length);
        queue->used_index++;
    }
    queue->used_index = (uint16_t)(queue->used_index + queue->skipped);
    /* The element is there before the index says so. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    store_used_index(device, queue, used);
}

/* ---- Notifications ---- */

static bool interrupts(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *available = mock_ring_area(device, queue, MOCK_DRIVER_AREA);
    uint16_t before = queue->signalled;
    uint16_t flags;
    uint16_t event;

    if (available == NULL) {
        return false;
    }
    flags = mock_ring_load16(device, available + RING_FLAGS);
    check_available_flags(device, queue, flags);
    queue->signalled = queue->used_index;
    if (mock_ring_has(device, VPT_F_NOTIFY_ON_EMPTY) && queue->pending_count == 0 &&
        mock_ring_load16(device, available + RING_INDEX) == queue->last_available) {
        return true;
    }
    if (!mock_ring_has(device, VPT_F_EVENT_IDX)) {
        return (flags & AVAILABLE_NO_INTERRUPT) == 0;
    }
    event = mock_ring_load16(device, available + RING_FIRST + 2u * queue->size);
    return (uint16_t)(queue->used_index - event - 1u) < (uint16_t)(queue->used_index - before);
}

static void want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy)
{
    uint8_t *used = mock_ring_area(device, queue, MOCK_DEVICE_AREA);
    uint8_t *event;

    if (used == NULL) {
        queue->broken = true;
        return;
    }
    event = used + RING_FIRST + 8u * (size_t)queue->size;
    if (!mock_ring_has(device, VPT_F_EVENT_IDX)) {
        mock_ring_put(device, queue, MOCK_RING_USED_FLAGS, used + RING_FLAGS, 2, busy ? USED_NO_NOTIFY : 0);
        /* Without the feature this word means nothing, and a driver must not read anything into it (SPLIT-ASUPP-2). */
        mock_store(event, 2, (uint16_t)(queue->last_available + 0x5a5au), device->legacy);
    } else if (!busy) {
        mock_ring_put(device, queue, MOCK_RING_AVAILABLE_EVENT, event, 2, queue->last_available);
    }
}

const struct mock_layout_ops mock_split_layout = { area_size, zeroed, waiting,    walk,      available_index,
                                                   release,   push,   interrupts, want_kicks };
