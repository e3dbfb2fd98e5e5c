/* SPDX-License-Identifier: MIT */
/* When lies fire, how they distort an access, and what the device does on its own. */
#include "mock_lies.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_internal.h"
#include "mock_order.h"
#include "mock_ring.h"

/* The widest field. */
#define FIELD_MAX 8u

#define SCRIBBLE_MAX 16u

/* The names are in the order of the enumerations. */
const char *mock_space_name(enum mock_space space)
{
    static const char *const names[MOCK_SPACES] = {
        "any", "register", "configuration", "PCI configuration", "MSI-X", "ring", "data", "tick", "completion",
    };

    return names[space];
}

const char *mock_lie_name(enum mock_lie_how how)
{
    static const char *const names[MOCK_LIE_HOWS] = {
        "truth",    "value",  "xor",           "add",        "random",      "drop",
        "vanish",   "return", "reset",         "stop",       "needs-reset", "needs-reset-quiet",
        "complete", "look",   "configuration", "generation", "interrupt",   "interrupt-configuration",
        "scribble",
    };

    return names[how];
}

static bool distorts(const struct mock_lie *lie)
{
    return lie->how >= MOCK_LIE_VALUE && lie->how <= MOCK_LIE_DROP;
}

static bool is_moment(enum mock_space space)
{
    return space == MOCK_SPACE_TICK || space == MOCK_SPACE_COMPLETION;
}

unsigned mock_lie_set(struct mock_lies *lies, const struct mock_lie *lie)
{
    unsigned number = lies->count;

    if (number == MOCK_LIES_MAX || (unsigned)lie->space >= MOCK_SPACES || (unsigned)lie->how >= MOCK_LIE_HOWS ||
        lie->width > FIELD_MAX || (is_moment(lie->space) && distorts(lie))) {
        abort();
    }
    lies->lie[number] = *lie;
    lies->random[number] = (uint32_t)(lie->value ^ lie->value >> 32) * 2654435761u + 1u;
    mock_trigger_set(&lies->trigger[number], lie->first, lie->times);
    lies->count++;
    return number;
}

uint32_t mock_lie_fired(const struct mock_lies *lies, unsigned number)
{
    return lies->trigger[number].fired;
}

void mock_lies_clear(struct mock_device *device)
{
    memset(&device->lies, 0, sizeof(device->lies));
    device->stopped = false;
}

/* The next random number of a lie. */
static uint32_t random_of(struct mock_lies *lies, unsigned number)
{
    uint32_t *state = &lies->random[number];

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Whether the region belongs to the area, and the device may write there. */
static bool scribbled_on(const struct mock_region *region, enum mock_scribble_area area)
{
    return region->device_writes && region->kind != MOCK_REGION_PRIVATE &&
           (area != MOCK_SCRIBBLE_ALLOCATIONS || region->kind == MOCK_REGION_ALLOCATION) &&
           (area != MOCK_SCRIBBLE_SHARES || region->kind == MOCK_REGION_SHARE);
}

/* A region of the area, each as likely as any other; NULL: there is none. */
static struct mock_region *draw_region(struct mock_device *device, unsigned number, enum mock_scribble_area area)
{
    struct mock_memory *memory = device->memory;
    struct mock_region *drawn = NULL;
    uint32_t candidates = 0;

    for (size_t i = 0; i < memory->count; i++) {
        if (scribbled_on(&memory->regions[i], area)) {
            candidates++;
            if (random_of(&device->lies, number) % candidates == 0) {
                drawn = &memory->regions[i];
            }
        }
    }
    return drawn;
}

/* The bytes to write to, *size of them; NULL: there are none. */
static uint8_t *draw_bytes(struct mock_device *device, unsigned number, size_t *size)
{
    enum mock_scribble_area area = device->lies.lie[number].area;
    const struct mock_queue *queue = &device->queues[0];
    struct mock_region *region;

    if (area >= MOCK_SCRIBBLE_DESCRIPTORS && area <= MOCK_SCRIBBLE_DEVICE_AREA && queue->enabled) {
        enum mock_queue_area which = (enum mock_queue_area)(area - MOCK_SCRIBBLE_DESCRIPTORS);
        uint64_t address = queue->area[which];

        region = mock_memory_find(device->memory, address);
        *size = mock_ring_area_size(queue, which);
        if (region != NULL && *size <= region->size - (size_t)(address - region->address)) {
            return region->bytes + (size_t)(address - region->address);
        }
    }
    region = draw_region(device, number, area);
    *size = region != NULL ? region->size : 0;
    return region != NULL ? region->bytes : NULL;
}

static void scribble(struct mock_device *device, unsigned number)
{
    const struct mock_lie *lie = &device->lies.lie[number];
    size_t size = 0;
    uint8_t *bytes = draw_bytes(device, number, &size);
    size_t count = lie->bytes != 0 ? lie->bytes : 1u + random_of(&device->lies, number) % SCRIBBLE_MAX;
    size_t at;

    if (bytes == NULL || device->vanished) {
        return;
    }
    count = count < size ? count : size;
    at = random_of(&device->lies, number) % (size - count + 1u);
    for (size_t i = 0; i < count; i++) {
        bytes[at + i] = lie->content != NULL ? ((const uint8_t *)lie->content)[i]
                                             : (uint8_t)(random_of(&device->lies, number) >> 11);
    }
}

static void do_now(struct mock_device *device, unsigned number)
{
    switch (device->lies.lie[number].how) {
    case MOCK_LIE_RETURN: mock_device_return(device); break;
    case MOCK_LIE_RESET: mock_device_reset(device); break;
    case MOCK_LIE_COMPLETE: (void)mock_device_run(device, UINT_MAX); break;
    case MOCK_LIE_LOOK: mock_device_look(device); break;
    case MOCK_LIE_VANISH: mock_device_vanish(device); break;
    case MOCK_LIE_STOP: device->stopped = true; break;
    case MOCK_LIE_NEEDS_RESET: mock_device_needs_reset(device); break;
    case MOCK_LIE_NEEDS_RESET_QUIET: device->status |= VPT_STATUS_DEVICE_NEEDS_RESET; break;
    case MOCK_LIE_CONFIGURATION: mock_device_change_configuration(device); break;
    case MOCK_LIE_GENERATION: device->config.generation++; break;
    case MOCK_LIE_INTERRUPT: mock_device_interrupt(device, &device->queues[0]); break;
    case MOCK_LIE_INTERRUPT_CONFIGURATION: mock_device_configuration_changed(device); break;
    default: scribble(device, number); break;
    }
}

/* Does what lie `number` says, at once or as soon as the device is done with the queue that it works on. */
static void deed(struct mock_device *device, unsigned number)
{
    enum mock_lie_how how = device->lies.lie[number].how;
    bool waits = how == MOCK_LIE_RETURN || how == MOCK_LIE_RESET || how == MOCK_LIE_COMPLETE || how == MOCK_LIE_LOOK;

    /* These must not happen while the device works on a queue. */
    if (waits && device->working != 0) {
        device->lies.postponed |= UINT32_C(1) << number;
    } else {
        do_now(device, number);
    }
}

void mock_lies_catch_up(struct mock_device *device)
{
    uint32_t postponed = device->lies.postponed;

    device->lies.postponed = 0;
    for (unsigned i = 0; i < device->lies.count; i++) {
        if ((postponed >> i & 1u) != 0) {
            do_now(device, i);
        }
    }
}

/* Where the lie's field is in the access: from which byte on, and how many bytes; 0: it is not in it. */
static unsigned field_in(const struct mock_lie *lie, const struct mock_access *access, unsigned *first)
{
    unsigned whole = access->width < FIELD_MAX ? access->width : FIELD_MAX;
    uint64_t start = lie->offset > access->offset ? lie->offset : access->offset;
    uint64_t end = lie->offset + lie->width;

    *first = 0;
    if (lie->space == MOCK_SPACE_ANY || lie->offset == MOCK_ANYWHERE) {
        return whole;
    }
    if (lie->width == 0) {
        return lie->offset == access->offset ? whole : 0;
    }
    end = end < access->offset + access->width ? end : access->offset + access->width;
    if (start >= end) {
        return 0;
    }
    *first = (unsigned)(start - access->offset);
    return (unsigned)(end - start);
}

static bool concerns(const struct mock_lie *lie, const struct mock_access *access)
{
    unsigned direction = access->write ? MOCK_WRITES : MOCK_READS;
    unsigned first;

    if (is_moment(access->space)) {
        return lie->space == access->space;
    }
    return (lie->space == MOCK_SPACE_ANY || lie->space == access->space) &&
           (lie->access == 0 || (lie->access & direction) != 0) && field_in(lie, access, &first) != 0;
}

/* The driver may break rules because of the lie. */
static void excuse(struct mock_device *device, const struct mock_lie *lie, const struct mock_access *access)
{
    device->lies.fired++;
    device->lies.fired_in[access->space]++;
    device->lies.last = *access;
    device->violations->lied = true;
    /* The device has not got what the driver wrote, so the addresses that it uses may be wrong. */
    if ((distorts(lie) && access->space == MOCK_SPACE_REGISTER && access->write && !access->status) ||
        lie->how == MOCK_LIE_SCRIBBLE) {
        device->violations->misled = true;
    }
}

void mock_access_begin(struct mock_device *device, struct mock_access *access)
{
    struct mock_lies *lies = &device->lies;

    access->firing = 0;
    for (unsigned i = 0; i < lies->count; i++) {
        const struct mock_lie *lie = &lies->lie[i];

        if ((distorts(lie) && device->vanished) || !concerns(lie, access) || !mock_trigger_fires(&lies->trigger[i]) ||
            lie->how == MOCK_LIE_TRUTH) {
            continue;
        }
        excuse(device, lie, access);
        if (distorts(lie)) {
            access->firing |= UINT32_C(1) << i;
        } else {
            deed(device, i);
        }
    }
}

static uint64_t distorted(struct mock_lies *lies, unsigned number, uint64_t truth)
{
    const struct mock_lie *lie = &lies->lie[number];

    switch (lie->how) {
    case MOCK_LIE_VALUE: return lie->value;
    case MOCK_LIE_XOR: return truth ^ lie->value;
    case MOCK_LIE_ADD: return truth + lie->value;
    default: return (uint64_t)random_of(lies, number) << 32 | random_of(lies, number);
    }
}

/* The part of a number of `whole` bytes that the bytes from `first` on hold. */
static uint64_t part(uint64_t value, unsigned whole, unsigned first, unsigned width, bool native)
{
    uint8_t bytes[FIELD_MAX];

    mock_store(bytes, whole, value, native);
    return mock_load(bytes + first, width, native);
}

static bool fires(const struct mock_access *access, unsigned number)
{
    return (access->firing >> number & 1u) != 0;
}

static bool dropped(const struct mock_device *device, const struct mock_access *access)
{
    bool drops = false;

    for (unsigned i = 0; i < device->lies.count; i++) {
        drops = drops || (fires(access, i) && device->lies.lie[i].how == MOCK_LIE_DROP);
    }
    return drops;
}

/* Distorts the bytes that are accessed, in place. */
static void distort(struct mock_device *device, const struct mock_access *access, uint8_t *bytes)
{
    struct mock_lies *lies = &device->lies;

    for (unsigned i = 0; i < lies->count; i++) {
        const struct mock_lie *lie = &lies->lie[i];
        unsigned first;
        unsigned width = field_in(lie, access, &first);
        uint64_t value;

        if (!fires(access, i)) {
            continue;
        }
        value = distorted(lies, i, mock_load(bytes + first, width, access->native));
        if (lie->how == MOCK_LIE_VALUE && lie->offset < access->offset && lie->space != MOCK_SPACE_ANY) {
            value = part(value, lie->width, (unsigned)(access->offset - lie->offset), width, access->native);
        }
        mock_store(bytes + first, width, value, access->native);
    }
}

static uint32_t distorted_register(struct mock_device *device, const struct mock_access *access, uint32_t truth)
{
    uint8_t bytes[4];

    mock_store(bytes, access->width, truth, false);
    distort(device, access, bytes);
    return (uint32_t)mock_load(bytes, access->width, false);
}

uint32_t mock_access_read(struct mock_device *device, const struct mock_access *access, uint32_t truth)
{
    uint32_t value;

    if (access->firing == 0 || device->vanished) {
        return truth;
    }
    value = dropped(device, access) ? mock_ones(access->width) : distorted_register(device, access, truth);
    /*
     * A driver takes memory back when it reads that the device is gone, is reset or does not reach memory, and it makes
     * rings of the size that it reads.
     */
    if (access->layout || (access->status && value != truth && (value == 0 || (value & 0xffu) == 0xffu)) ||
        (access->space == MOCK_SPACE_PCI_CONFIGURATION && access->offset < 8u)) {
        device->violations->misled = true;
    }
    return value;
}

bool mock_access_write(struct mock_device *device, const struct mock_access *access, uint32_t *value)
{
    if (dropped(device, access)) {
        return false;
    }
    *value = distorted_register(device, access, *value);
    return true;
}

void mock_access_store(struct mock_device *device, struct mock_access *access, uint8_t *at, const uint8_t *bytes)
{
    mock_access_begin(device, access);
    if (device->vanished || dropped(device, access)) {
        return;
    }
    memcpy(at, bytes, access->width);
    distort(device, access, at);
}

void mock_access_moment(struct mock_device *device, enum mock_space space)
{
    struct mock_access access = { .space = space };

    mock_access_begin(device, &access);
}
