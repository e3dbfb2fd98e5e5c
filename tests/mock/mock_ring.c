/* SPDX-License-Identifier: MIT */
#include "mock_ring.h"

#include <stdlib.h>
#include <string.h>

#include "mock_internal.h"
#include "mock_order.h"

size_t mock_ring_area_size(const struct mock_queue *queue, enum mock_queue_area area)
{
    return queue->layout->area_size(queue, area);
}

uint8_t *mock_ring_area(struct mock_device *device, const struct mock_queue *queue, enum mock_queue_area which)
{
    static const char *const names[MOCK_QUEUE_AREAS] = { "descriptor area", "driver area", "device area" };
    bool written = which == MOCK_DEVICE_AREA || (which == MOCK_DESCRIPTOR_AREA && queue->layout == &mock_packed_layout);

    return mock_memory_reach(device->memory, queue->area[which], mock_ring_area_size(queue, which), written,
                             names[which]);
}

bool mock_ring_has(const struct mock_device *device, unsigned feature)
{
    return vpt_features_has(&device->accepted, feature);
}

uint16_t mock_ring_load16(const struct mock_device *device, const uint8_t *at)
{
    return (uint16_t)mock_load(at, 2, device->legacy);
}

/* ---- Taking buffers ---- */

bool mock_walk_require(const struct mock_walk *walk, bool holds, const char *complaint)
{
    return mock_require(walk->device->violations, holds, "queue %u, chain %u: %s", walk->queue->index,
                        walk->element->head, complaint);
}

bool mock_walk_read(struct mock_walk *walk, uint64_t address, struct mock_descriptor *descriptor)
{
    struct mock_element *element = walk->element;
    struct mock_descriptor_copy *copy;
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
    if (walk->queue->layout == &mock_packed_layout) {
        descriptor->last = mock_ring_load16(walk->device, copy->bytes + 12);
        descriptor->flags = mock_ring_load16(walk->device, copy->bytes + 14);
    } else {
        descriptor->flags = mock_ring_load16(walk->device, copy->bytes + 12);
        descriptor->last = mock_ring_load16(walk->device, copy->bytes + 14);
    }
    return true;
}

bool mock_walk_table(const struct mock_walk *walk, const struct mock_descriptor *descriptor)
{
    uint32_t length = descriptor->length;

    return mock_walk_require(walk, mock_ring_has(walk->device, VPT_F_INDIRECT_DESC), "INDIRECT without the feature") &&
           mock_walk_require(walk, !walk->element->indirect, "INDIRECT within an indirect table") &&
           mock_walk_require(walk, (descriptor->flags & DESCRIPTOR_NEXT) == 0, "INDIRECT and NEXT on one descriptor") &&
           mock_walk_require(walk, length != 0 && length % DESCRIPTOR_SIZE == 0,
                             "an indirect table of no whole number of descriptors") &&
           mock_walk_require(walk, length / DESCRIPTOR_SIZE <= walk->queue->size,
                             "an indirect table longer than the queue");
}

bool mock_walk_segment(struct mock_walk *walk, const struct mock_descriptor *descriptor)
{
    struct mock_element *element = walk->element;
    bool write = (descriptor->flags & DESCRIPTOR_WRITE) != 0;
    uint32_t count = element->readable + element->writable;

    walk->bytes += descriptor->length;
    if (!mock_walk_require(walk, count != walk->queue->size, "longer than the queue") ||
        !mock_walk_require(walk, descriptor->length != 0, "an empty segment") ||
        !mock_walk_require(walk, write || element->writable == 0, "a readable segment after a writable one") ||
        !mock_walk_require(walk, walk->bytes <= UINT64_C(0x100000000), "more than 4 GiB") ||
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

/* On first use. */
static void check_zeroed(struct mock_device *device, struct mock_queue *queue)
{
    queue->checked = true;
    mock_require(device->violations, queue->layout->zeroed(device, queue),
                 "queue %u: what the device writes was not zeroed", queue->index);
}

bool mock_ring_fetch(struct mock_device *device, struct mock_queue *queue, struct mock_element *element)
{
    struct mock_walk walk = { .device = device, .queue = queue, .element = element };

    if (!queue->checked) {
        check_zeroed(device, queue);
    }
    if (!queue->layout->waiting(device, queue)) {
        return false;
    }
    memset(element, 0, sizeof(*element));
    if (!queue->layout->walk(&walk)) {
        mock_element_finish(element);
        queue->broken = true;
        return false;
    }
    queue->indirect_elements += element->indirect ? 1u : 0u;
    queue->last_available++;
    return true;
}

bool mock_ring_available(struct mock_device *device, const struct mock_queue *queue, uint16_t *available)
{
    return queue->layout->available(device, queue, available);
}

/* ---- Returning buffers ---- */

static void check_unchanged(struct mock_device *device, const struct mock_queue *queue,
                            const struct mock_element *element)
{
    /* The device itself writes to the entries of a packed ring. */
    uint32_t first = queue->layout == &mock_packed_layout && !element->indirect ? element->descriptor_count
                     : queue->layout == &mock_packed_layout                     ? 1u
                                                                                : 0u;

    for (uint32_t i = first; i < element->descriptor_count; i++) {
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

static uint32_t free_id(const struct mock_queue *queue, const struct mock_element *element)
{
    for (uint32_t id = queue->size; id-- > 0;) {
        if (id != element->head && queue->in_flight[id] != MOCK_DESCRIPTOR_HEAD) {
            return id;
        }
    }
    return queue->size;
}

unsigned mock_ring_distort(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                           uint32_t *id, uint32_t *length)
{
    struct mock_faults *faults = &device->faults;
    uint64_t argument = 0;
    unsigned times = 1;

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
            times = 2;
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
    return times;
}

void mock_ring_put(struct mock_device *device, const struct mock_queue *queue, enum mock_ring_field field, uint8_t *at,
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

void mock_ring_push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                    uint32_t length)
{
    uint32_t id = element->head;
    unsigned times;

    check_unchanged(device, queue, element);
    times = mock_ring_distort(device, queue, element, &id, &length);
    queue->layout->release(queue, element);
    queue->last_id = element->head;
    queue->used_any = true;
    queue->layout->push(device, queue, element, id, length, times);
    queue->skipped = 0;
    queue->skipped_entries = 0;
}

void mock_ring_skip(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element)
{
    check_unchanged(device, queue, element);
    queue->layout->release(queue, element);
    queue->skipped++;
    queue->skipped_entries += element->entries;
}

/* ---- Notifications ---- */

bool mock_ring_interrupts(struct mock_device *device, struct mock_queue *queue)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return queue->layout->interrupts(device, queue);
}

void mock_ring_want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy)
{
    queue->busy = busy;
    queue->layout->want_kicks(device, queue, busy);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
