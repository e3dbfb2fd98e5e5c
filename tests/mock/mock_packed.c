/* SPDX-License-Identifier: MIT */
#include "mock_packed.h"

#include <stdlib.h>
#include <string.h>

#include "mock_order.h"

#define DESCRIPTOR_SIZE 16u
#define FLAG_NEXT       0x1u
#define FLAG_WRITE      0x2u
#define FLAG_INDIRECT   0x4u
#define FLAG_AVAILABLE  0x80u
#define FLAG_USED       0x8000u

#define EVENT_ENABLE     0u
#define EVENT_DISABLE    1u
#define EVENT_DESCRIPTOR 2u
#define EVENT_WRAP       0x8000u

/*
 * The device counts entries from the queue's enabling on. The entry of a count is its remainder by the size, and the
 * wrap counter is 1 on each other lap, beginning with the first.
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

size_t mock_packed_area_size(const struct mock_queue *queue, enum mock_queue_area area)
{
    return area == MOCK_DESCRIPTOR_AREA ? DESCRIPTOR_SIZE * (size_t)queue->size : 4u;
}

static uint8_t *area(struct mock_device *device, const struct mock_queue *queue, enum mock_queue_area which)
{
    static const char *const names[MOCK_QUEUE_AREAS] = { "descriptor area", "driver area", "device area" };

    return mock_memory_reach(device->memory, queue->area[which], mock_packed_area_size(queue, which),
                             which != MOCK_DRIVER_AREA, names[which]);
}

static bool has(const struct mock_device *device, unsigned feature)
{
    return vpt_features_has(&device->accepted, feature);
}

static bool broken(struct mock_queue *queue)
{
    queue->broken = true;
    return false;
}

/* ---- Taking buffers ---- */

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t id;
    uint16_t flags;
};

/* A list being walked. */
struct walk {
    struct mock_device *device;
    struct mock_queue *queue;
    struct mock_element *element;
    uint64_t bytes;
};

static bool complain(const struct walk *walk, const char *what)
{
    mock_violation(walk->device->violations, "queue %u, list at entry %u: %s", walk->queue->index,
                   entry_of(walk->queue, walk->queue->available_count), what);
    return false;
}

static void decode(const uint8_t *bytes, struct descriptor *descriptor)
{
    descriptor->address = mock_load(bytes, 8, false);
    descriptor->length = (uint32_t)mock_load(bytes + 8, 4, false);
    descriptor->id = (uint16_t)mock_load(bytes + 12, 2, false);
    descriptor->flags = (uint16_t)mock_load(bytes + 14, 2, false);
}

static bool read_descriptor(const struct walk *walk, uint64_t address, struct descriptor *descriptor)
{
    struct mock_element *element = walk->element;
    struct mock_descriptor_copy *copy = &element->descriptors[element->descriptor_count];
    const uint8_t *bytes = mock_memory_reach(walk->device->memory, address, DESCRIPTOR_SIZE, false, "descriptor");

    if (bytes == NULL) {
        return false;
    }
    copy->address = address;
    memcpy(copy->bytes, bytes, DESCRIPTOR_SIZE);
    element->descriptor_count++;
    decode(copy->bytes, descriptor);
    return true;
}

static bool add_segment(struct walk *walk, const struct descriptor *descriptor)
{
    struct mock_element *element = walk->element;
    bool write = (descriptor->flags & FLAG_WRITE) != 0;

    if (element->readable + element->writable == walk->queue->size) {
        return complain(walk, "longer than the queue");
    }
    if (descriptor->length == 0) {
        return complain(walk, "an empty segment");
    }
    if (!write && element->writable != 0) {
        return complain(walk, "a readable segment after a writable one");
    }
    walk->bytes += descriptor->length;
    if (walk->bytes > UINT64_C(0x100000000)) {
        return complain(walk, "more than 4 GiB");
    }
    if (mock_memory_reach(walk->device->memory, descriptor->address, descriptor->length, write, "segment") == NULL) {
        return false;
    }
    element->segments[element->readable + element->writable] =
        (struct mock_segment){ descriptor->address, descriptor->length };
    *(write ? &element->writable : &element->readable) += 1u;
    *(write ? &element->writable_bytes : &element->readable_bytes) += descriptor->length;
    return true;
}

static bool walk_table(struct walk *walk, const struct descriptor *head)
{
    if (!has(walk->device, VPT_F_INDIRECT_DESC)) {
        return complain(walk, "INDIRECT without the feature");
    }
    if ((head->flags & FLAG_NEXT) != 0) {
        return complain(walk, "INDIRECT and NEXT on one descriptor");
    }
    if (head->length == 0 || head->length % DESCRIPTOR_SIZE != 0 ||
        head->length / DESCRIPTOR_SIZE > walk->queue->size) {
        return complain(walk, "an indirect table of a length that cannot be");
    }
    walk->element->indirect = true;
    for (uint32_t i = 0; i < head->length / DESCRIPTOR_SIZE; i++) {
        struct descriptor descriptor;

        if (!read_descriptor(walk, head->address + (uint64_t)i * DESCRIPTOR_SIZE, &descriptor)) {
            return false;
        }
        if ((descriptor.flags & ~FLAG_WRITE) != 0) {
            return complain(walk, "a flag other than WRITE in an indirect table");
        }
        if (!add_segment(walk, &descriptor)) {
            return false;
        }
    }
    return true;
}

/* The descriptors of a list in the ring, each of which has to be available. */
static bool walk_list(struct walk *walk)
{
    struct mock_queue *queue = walk->queue;
    struct descriptor descriptor;

    do {
        uint64_t count = queue->available_count + walk->element->entries;
        uint16_t available = wrap_of(queue, count) ? FLAG_AVAILABLE : FLAG_USED;

        if (count - queue->used_count >= queue->size) {
            return complain(walk, "longer than what is free of the ring");
        }
        if (!read_descriptor(walk, queue->area[MOCK_DESCRIPTOR_AREA] + entry_of(queue, count) * DESCRIPTOR_SIZE,
                             &descriptor)) {
            return false;
        }
        walk->element->entries++;
        if ((descriptor.flags & (FLAG_AVAILABLE | FLAG_USED)) != available) {
            return complain(walk, "NEXT leads to a descriptor that is not available");
        }
        if ((descriptor.flags & ~(FLAG_AVAILABLE | FLAG_USED | FLAG_NEXT | FLAG_WRITE | FLAG_INDIRECT)) != 0) {
            return complain(walk, "unknown descriptor flags");
        }
        if ((descriptor.flags & FLAG_INDIRECT) != 0) {
            if (walk->element->entries != 1) {
                return complain(walk, "INDIRECT within a list");
            }
            walk->element->head = descriptor.id;
            return walk_table(walk, &descriptor);
        }
        if (!add_segment(walk, &descriptor)) {
            return false;
        }
    } while ((descriptor.flags & FLAG_NEXT) != 0);
    walk->element->head = descriptor.id;
    return true;
}

/* Marks the buffer id as the device's. */
static bool claim(const struct walk *walk)
{
    struct mock_queue *queue = walk->queue;

    if (walk->element->head >= queue->size) {
        return complain(walk, "an id above the size of the queue, which the specification allows and this device does not");
    }
    if (queue->in_flight[walk->element->head] != MOCK_DESCRIPTOR_FREE) {
        return complain(walk, "an id that is in flight");
    }
    queue->in_flight[walk->element->head] = MOCK_DESCRIPTOR_HEAD;
    return true;
}

static bool is_available(struct mock_device *device, struct mock_queue *queue, bool *available)
{
    const uint8_t *ring = area(device, queue, MOCK_DESCRIPTOR_AREA);
    uint32_t entry = entry_of(queue, queue->available_count);
    bool wrap = wrap_of(queue, queue->available_count);
    uint16_t flags;

    if (ring == NULL) {
        return false;
    }
    flags = (uint16_t)mock_load(ring + entry * DESCRIPTOR_SIZE + 14u, 2, false);
    *available = ((flags & FLAG_AVAILABLE) != 0) == wrap && ((flags & FLAG_USED) != 0) != wrap;
    return true;
}

/* On first use: what the driver has to have zeroed, but for what is available by now. */
static void check_fresh(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *event = area(device, queue, MOCK_DEVICE_AREA);

    queue->checked = true;
    if (event != NULL && mock_load(event, 4, false) != 0) {
        mock_violation(device->violations, "queue %u: the device's event structure was not zeroed", queue->index);
    }
}

static void check_event_flags(struct mock_device *device, const struct mock_queue *queue, uint16_t flags)
{
    if (flags > (has(device, VPT_F_EVENT_IDX) ? EVENT_DESCRIPTOR : EVENT_DISABLE)) {
        mock_violation(device->violations, "queue %u: the driver's event flags are 0x%x", queue->index, flags);
    }
}

bool mock_packed_fetch(struct mock_device *device, struct mock_queue *queue, struct mock_element *element)
{
    struct walk walk = { .device = device, .queue = queue, .element = element };
    bool available;

    if (!queue->checked) {
        check_fresh(device, queue);
    }
    if (!is_available(device, queue, &available)) {
        return broken(queue);
    }
    if (!available || queue->available_count - queue->used_count == queue->size) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    memset(element, 0, sizeof(*element));
    element->segments = malloc((size_t)queue->size * sizeof(*element->segments));
    element->descriptors = malloc(((size_t)queue->size + 1u) * sizeof(*element->descriptors));
    if (element->segments == NULL || element->descriptors == NULL || !walk_list(&walk) || !claim(&walk)) {
        mock_element_finish(element);
        return broken(queue);
    }
    mock_element_shrink(element);
    queue->indirect_elements += element->indirect ? 1u : 0u;
    queue->available_count += element->entries;
    queue->last_available++;
    return true;
}

bool mock_packed_available(struct mock_device *device, const struct mock_queue *queue, uint16_t *event)
{
    uint64_t count = queue->available_count;
    const uint8_t *ring = area(device, queue, MOCK_DESCRIPTOR_AREA);

    if (ring == NULL) {
        return false;
    }
    /* What is available: to the first descriptor that is not. */
    while (count - queue->used_count < queue->size) {
        uint16_t flags = (uint16_t)mock_load(ring + entry_of(queue, count) * DESCRIPTOR_SIZE + 14u, 2, false);

        if (((flags & FLAG_AVAILABLE) != 0) != wrap_of(queue, count) ||
            ((flags & FLAG_USED) != 0) == wrap_of(queue, count)) {
            break;
        }
        count++;
    }
    *event = event_of(queue, count);
    return true;
}

/* ---- Returning buffers ---- */

static void check_unchanged(struct mock_device *device, const struct mock_queue *queue,
                            const struct mock_element *element)
{
    /* The device itself may have used the entries of the ring by now; those of a table are the driver's alone. */
    for (uint32_t i = element->indirect ? 1u : element->descriptor_count; i < element->descriptor_count; i++) {
        const struct mock_descriptor_copy *copy = &element->descriptors[i];
        const uint8_t *bytes =
            mock_memory_reach(device->memory, copy->address, DESCRIPTOR_SIZE, false, "descriptor in flight");

        if (bytes != NULL && memcmp(bytes, copy->bytes, DESCRIPTOR_SIZE) != 0) {
            mock_violation(device->violations, "queue %u, id %u: a descriptor was changed while in flight",
                           queue->index, element->head);
            return;
        }
    }
}

void mock_packed_release(struct mock_queue *queue, const struct mock_element *element)
{
    queue->in_flight[element->head] = MOCK_DESCRIPTOR_FREE;
}

/* A store into the ring, where a lie may get at it. */
static void put(struct mock_device *device, const struct mock_queue *queue, enum mock_ring_field field, uint8_t *at,
                unsigned width, uint32_t value)
{
    struct mock_access access = {
        .space = MOCK_SPACE_RING,
        .offset = MOCK_RING_OF(queue->index, field),
        .width = width,
    };
    uint8_t bytes[4];

    mock_store(bytes, width, value, false);
    mock_access_store(device, &access, at, bytes);
}

void mock_packed_push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                      uint32_t length, uint32_t skipped)
{
    uint8_t *ring = area(device, queue, MOCK_DESCRIPTOR_AREA);
    uint32_t id = element->head;
    unsigned times = 1;

    check_unchanged(device, queue, element);
    mock_used_element(device, queue, element, &id, &length, &times);
    mock_packed_release(queue, element);
    queue->last_id = element->head;
    queue->used_any = true;
    if (ring == NULL) {
        queue->broken = true;
        return;
    }
    for (unsigned i = 0; i < times; i++) {
        uint8_t *at = ring + entry_of(queue, queue->used_count) * DESCRIPTOR_SIZE;
        uint32_t flags = wrap_of(queue, queue->used_count) ? FLAG_AVAILABLE | FLAG_USED : 0u;

        flags |= element->writable != 0 ? FLAG_WRITE : 0u;
        put(device, queue, MOCK_RING_USED_LENGTH, at + 8, 4, length);
        put(device, queue, MOCK_RING_USED_ID, at + 12, 2, id);
        /* The id and the length are there before the flags say so. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
        put(device, queue, MOCK_RING_USED_INDEX, at + 14, 2, flags);
        queue->used_count += element->entries + skipped;
    }
}

/* ---- Notifications ---- */

/* Whether an entry, with its wrap counter, is one of those from one count up to another. */
static bool within(const struct mock_queue *queue, uint16_t event, uint64_t from, uint64_t to)
{
    uint32_t entry = event & (EVENT_WRAP - 1u);

    for (uint64_t lap = from / queue->size; entry < queue->size && lap <= to / queue->size; lap++) {
        uint64_t count = lap * queue->size + entry;

        if (count >= from && count < to && wrap_of(queue, count) == ((event & EVENT_WRAP) != 0)) {
            return true;
        }
    }
    return false;
}

bool mock_packed_interrupts(struct mock_device *device, struct mock_queue *queue)
{
    const uint8_t *event = area(device, queue, MOCK_DRIVER_AREA);
    uint64_t before = queue->signalled_count;
    uint16_t flags;

    if (event == NULL) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    flags = (uint16_t)mock_load(event + 2, 2, false);
    check_event_flags(device, queue, flags);
    queue->signalled_count = queue->used_count;
    if (flags == EVENT_DESCRIPTOR) {
        return within(queue, (uint16_t)mock_load(event, 2, false), before, queue->used_count);
    }
    return flags == EVENT_ENABLE;
}

void mock_packed_want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy)
{
    uint8_t *event = area(device, queue, MOCK_DEVICE_AREA);

    queue->busy = busy;
    if (event == NULL) {
        queue->broken = true;
        return;
    }
    if (!busy) {
        put(device, queue, MOCK_RING_AVAILABLE_EVENT, event, 2, event_of(queue, queue->available_count));
        __atomic_thread_fence(__ATOMIC_RELEASE);
    }
    put(device, queue, MOCK_RING_USED_FLAGS, event + 2, 2,
        busy ? EVENT_DISABLE : has(device, VPT_F_EVENT_IDX) ? EVENT_DESCRIPTOR : EVENT_ENABLE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
