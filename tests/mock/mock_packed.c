/* SPDX-License-Identifier: MIT */
/* The packed ring (VirtIO 1.4, section 2.8). */
#include "mock_ring.h"

#include "mock_order.h"

#define FLAG_AVAILABLE 0x80u
#define FLAG_USED      0x8000u

#define EVENT_ENABLE     0u
#define EVENT_DISABLE    1u
#define EVENT_DESCRIPTOR 2u
#define EVENT_WRAP       0x8000u

/*
 * The device counts entries from the queue's enabling on. The entry of a count is its remainder by the size, and the
 * wrap counter is 1 on every other lap, beginning with the first.
 */
static uint32_t entry_of(const struct mock_queue *queue, uint64_t count)
{
    return (uint32_t)(count % queue->size);
}

static bool wrap_of(const struct mock_queue *queue, uint64_t count)
{
    return count / queue->size % 2u == 0;
}

static uint16_t event_of(const struct mock_queue *queue, uint64_t count)
{
    return (uint16_t)(entry_of(queue, count) | (wrap_of(queue, count) ? EVENT_WRAP : 0u));
}

static bool available_flags(const struct mock_queue *queue, uint64_t count, uint16_t flags)
{
    return ((flags & FLAG_AVAILABLE) != 0) == wrap_of(queue, count) &&
           ((flags & FLAG_USED) != 0) != wrap_of(queue, count);
}

static size_t area_size(const struct mock_queue *queue, enum mock_queue_area area)
{
    return area == MOCK_DESCRIPTOR_AREA ? DESCRIPTOR_SIZE * (size_t)queue->size : 4u;
}

static bool zeroed(struct mock_device *device, const struct mock_queue *queue)
{
    const uint8_t *event = mock_ring_area(device, queue, MOCK_DEVICE_AREA);

    return event == NULL || mock_load(event, 4, false) == 0;
}

/* ---- Taking buffers ---- */

static bool waiting(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *ring = mock_ring_area(device, queue, MOCK_DESCRIPTOR_AREA);
    const uint8_t *at;

    if (ring == NULL) {
        queue->broken = true;
        return false;
    }
    at = ring + entry_of(queue, queue->available_count) * DESCRIPTOR_SIZE;
    if (queue->available_count - queue->used_count == queue->size ||
        !available_flags(queue, queue->available_count, mock_ring_load16(device, at + 14u))) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return true;
}

static bool walk_table(struct mock_walk *walk, const struct mock_descriptor *head)
{
    struct mock_descriptor descriptor;

    if (!mock_walk_table(walk, head)) {
        return false;
    }
    walk->element->indirect = true;
    for (uint32_t i = 0; i < head->length / DESCRIPTOR_SIZE; i++) {
        if (!mock_walk_read(walk, head->address + (uint64_t)i * DESCRIPTOR_SIZE, &descriptor) ||
            !mock_walk_require(walk, (descriptor.flags & ~DESCRIPTOR_WRITE) == 0,
                               "a flag other than WRITE in an indirect table") ||
            !mock_walk_segment(walk, &descriptor)) {
            return false;
        }
    }
    return true;
}

/* Marks the id as in flight. The specification allows any; this device has room for as many as there are entries. */
static bool claim(const struct mock_walk *walk)
{
    uint8_t *in_flight = walk->queue->in_flight;
    uint16_t id = walk->element->head;

    if (!mock_walk_require(walk, id < walk->queue->size, "an id above the size of the queue") ||
        !mock_walk_require(walk, in_flight[id] == MOCK_DESCRIPTOR_FREE, "an id that is in flight")) {
        return false;
    }
    in_flight[id] = MOCK_DESCRIPTOR_HEAD;
    return true;
}

static bool walk(struct mock_walk *walk)
{
    struct mock_queue *queue = walk->queue;
    struct mock_descriptor descriptor;
    uint64_t count = queue->available_count;

    do {
        uint64_t address = queue->area[MOCK_DESCRIPTOR_AREA] + entry_of(queue, count) * (uint64_t)DESCRIPTOR_SIZE;

        if (!mock_walk_require(walk, count - queue->used_count < queue->size, "longer than what is free of the ring") ||
            !mock_walk_read(walk, address, &descriptor) ||
            !mock_walk_require(walk, available_flags(queue, count, descriptor.flags),
                               "NEXT leads to a descriptor that is not available") ||
            !mock_walk_require(walk,
                               (descriptor.flags & ~(FLAG_AVAILABLE | FLAG_USED | DESCRIPTOR_NEXT | DESCRIPTOR_WRITE |
                                                     DESCRIPTOR_INDIRECT)) == 0,
                               "unknown descriptor flags")) {
            return false;
        }
        if ((descriptor.flags & DESCRIPTOR_INDIRECT) == 0
                ? !mock_walk_segment(walk, &descriptor)
                : !mock_walk_require(walk, count == queue->available_count, "INDIRECT within a list") ||
                      !walk_table(walk, &descriptor)) {
            return false;
        }
        walk->element->head = descriptor.last;
        count++;
    } while ((descriptor.flags & DESCRIPTOR_NEXT) != 0);
    walk->element->entries = (uint32_t)(count - queue->available_count);
    queue->available_count = count;
    return claim(walk);
}

/* To the first entry that is not available. */
static bool available(struct mock_device *device, const struct mock_queue *queue, uint16_t *event)
{
    const uint8_t *ring = mock_ring_area(device, queue, MOCK_DESCRIPTOR_AREA);
    uint64_t count = queue->available_count;

    if (ring == NULL) {
        return false;
    }
    while (count - queue->used_count < queue->size &&
           available_flags(queue, count,
                           mock_ring_load16(device, ring + entry_of(queue, count) * DESCRIPTOR_SIZE + 14u))) {
        count++;
    }
    *event = event_of(queue, count);
    return true;
}

/* ---- Returning buffers ---- */

static void release(struct mock_queue *queue, const struct mock_element *element)
{
    queue->in_flight[element->head] = MOCK_DESCRIPTOR_FREE;
}

static void push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element, uint32_t id,
                 uint32_t length, unsigned times)
{
    uint8_t *ring = mock_ring_area(device, queue, MOCK_DESCRIPTOR_AREA);

    if (ring == NULL) {
        queue->broken = true;
        return;
    }
    for (unsigned i = 0; i < times; i++) {
        uint8_t *at = ring + entry_of(queue, queue->used_count) * DESCRIPTOR_SIZE;
        uint32_t flags = wrap_of(queue, queue->used_count) ? FLAG_AVAILABLE | FLAG_USED : 0u;

        mock_ring_put(device, queue, MOCK_RING_USED_LENGTH, at + 8, 4, length);
        mock_ring_put(device, queue, MOCK_RING_USED_ID, at + 12, 2, id);
        /* Id and length are there before the flags say so. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
        mock_ring_put(device, queue, MOCK_RING_USED_INDEX, at + 14, 2,
                      flags | (element->writable != 0 ? DESCRIPTOR_WRITE : 0u));
        queue->used_count += element->entries;
        queue->used_index++;
    }
    queue->used_count += queue->skipped_entries;
    queue->used_index = (uint16_t)(queue->used_index + queue->skipped);
}

/* ---- Notifications ---- */

/* Whether an entry, with its wrap counter, is one of those from one count up to another. */
static bool within(const struct mock_queue *queue, uint16_t event, uint64_t from, uint64_t to)
{
    for (uint64_t lap = from / queue->size; lap <= to / queue->size; lap++) {
        uint64_t count = lap * queue->size + (event & (EVENT_WRAP - 1u));

        if (count >= from && count < to && event_of(queue, count) == event) {
            return true;
        }
    }
    return false;
}

static bool interrupts(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *event = mock_ring_area(device, queue, MOCK_DRIVER_AREA);
    uint64_t before = queue->signalled_count;
    uint16_t flags;

    if (event == NULL) {
        return false;
    }
    flags = mock_ring_load16(device, event + 2);
    mock_require(device->violations,
                 flags <= (mock_ring_has(device, VPT_F_EVENT_IDX) ? EVENT_DESCRIPTOR : EVENT_DISABLE),
                 "queue %u: the driver's event flags are 0x%x", queue->index, flags);
    queue->signalled_count = queue->used_count;
    return flags == EVENT_DESCRIPTOR ? within(queue, mock_ring_load16(device, event), before, queue->used_count)
                                     : flags == EVENT_ENABLE;
}

static void want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy)
{
    uint8_t *event = mock_ring_area(device, queue, MOCK_DEVICE_AREA);
    uint16_t enable = mock_ring_has(device, VPT_F_EVENT_IDX) ? EVENT_DESCRIPTOR : EVENT_ENABLE;

    if (event == NULL) {
        queue->broken = true;
        return;
    }
    if (!busy) {
        mock_ring_put(device, queue, MOCK_RING_AVAILABLE_EVENT, event, 2, event_of(queue, queue->available_count));
        __atomic_thread_fence(__ATOMIC_RELEASE);
    }
    mock_ring_put(device, queue, MOCK_RING_USED_FLAGS, event + 2, 2, busy ? EVENT_DISABLE : enable);
}

const struct mock_layout_ops mock_packed_layout = { area_size, zeroed, waiting,    walk,      available,
                                                    release,   push,   interrupts, want_kicks };
