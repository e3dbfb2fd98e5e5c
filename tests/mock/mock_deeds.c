/* SPDX-License-Identifier: MIT */
/* What a device does of its own accord at a moment that the test names. */
#include "mock_internal.h"

#include <limits.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_device.h"
#include "mock_split.h"

#define SCRIBBLE_MAX 16u

uint32_t mock_lies_random(struct mock_lies *lies, unsigned number)
{
    uint32_t *state = &lies->random[number];

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* ---- Scribbling ---- */

/* Whether the device may write there, for the area in question. */
static bool scribbled_on(const struct mock_region *region, enum mock_scribble_area area)
{
    if (!region->device_writes || region->kind == MOCK_REGION_PRIVATE) {
        return false;
    }
    if (area == MOCK_SCRIBBLE_ALLOCATIONS) {
        return region->kind == MOCK_REGION_ALLOCATION;
    }
    return area != MOCK_SCRIBBLE_SHARES || region->kind == MOCK_REGION_SHARE;
}

/* One region of those that count, each as likely as any other; NULL: there is none. */
static struct mock_region *draw_region(struct mock_device *device, unsigned number, enum mock_scribble_area area)
{
    struct mock_memory *memory = device->memory;
    struct mock_region *drawn = NULL;
    uint32_t candidates = 0;

    for (size_t i = 0; i < memory->count; i++) {
        if (scribbled_on(&memory->regions[i], area)) {
            candidates++;
            if (mock_lies_random(&device->lies, number) % candidates == 0) {
                drawn = &memory->regions[i];
            }
        }
    }
    return drawn;
}

/* The bytes to write to, *size of them. */
static uint8_t *draw_room(struct mock_device *device, unsigned number, size_t *size)
{
    enum mock_scribble_area area = device->lies.lie[number].area;
    const struct mock_queue *queue = &device->queues[0];
    struct mock_region *region;

    if (area >= MOCK_SCRIBBLE_DESCRIPTORS && area <= MOCK_SCRIBBLE_DEVICE_AREA && queue->enabled) {
        unsigned which = (unsigned)area - MOCK_SCRIBBLE_DESCRIPTORS;

        region = mock_memory_find(device->memory, queue->area[which]);
        *size = mock_split_area_size(queue, (enum mock_queue_area)which);
        if (region != NULL && *size <= region->size - (size_t)(queue->area[which] - region->address)) {
            return region->bytes + (size_t)(queue->area[which] - region->address);
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
    uint8_t *room = draw_room(device, number, &size);
    size_t bytes = lie->bytes != 0 ? lie->bytes : 1u + mock_lies_random(&device->lies, number) % SCRIBBLE_MAX;
    size_t at;

    if (room == NULL || device->vanished) {
        return;
    }
    bytes = bytes < size ? bytes : size;
    at = mock_lies_random(&device->lies, number) % (size - bytes + 1u);
    for (size_t i = 0; i < bytes; i++) {
        room[at + i] = lie->content != NULL ? ((const uint8_t *)lie->content)[i]
                                            : (uint8_t)(mock_lies_random(&device->lies, number) >> 11);
    }
}

/* ---- Deeds ---- */

static void do_now(struct mock_device *device, unsigned number)
{
    switch (device->lies.lie[number].how) {
    case MOCK_LIE_VANISH: mock_device_vanish(device); break;
    case MOCK_LIE_STOP: device->stopped = true; break;
    case MOCK_LIE_NEEDS_RESET: mock_device_needs_reset(device); break;
    case MOCK_LIE_NEEDS_RESET_QUIET: device->status |= VPT_STATUS_DEVICE_NEEDS_RESET; break;
    case MOCK_LIE_CONFIGURATION:
        if (device->backend->change_configuration != NULL) {
            device->backend->change_configuration(device->backend_ctx);
        }
        break;
    case MOCK_LIE_GENERATION: device->config.generation++; break;
    case MOCK_LIE_INTERRUPT: mock_device_interrupt(device, &device->queues[0]); break;
    case MOCK_LIE_INTERRUPT_CONFIGURATION: mock_device_configuration_changed(device); break;
    default: scribble(device, number); break;
    }
}

/* Those that must not come while the device is in the midst of a queue. */
static void do_between(struct mock_device *device, enum mock_lie_how how)
{
    switch (how) {
    case MOCK_LIE_RETURN: mock_device_return(device); break;
    case MOCK_LIE_RESET: mock_device_reset(device); break;
    case MOCK_LIE_COMPLETE: (void)mock_device_run(device, UINT_MAX); break;
    default: mock_device_look(device); break;
    }
}

static bool waits(enum mock_lie_how how)
{
    return how == MOCK_LIE_RETURN || how == MOCK_LIE_RESET || how == MOCK_LIE_COMPLETE || how == MOCK_LIE_LOOK;
}

void mock_deed(struct mock_device *device, unsigned number)
{
    enum mock_lie_how how = device->lies.lie[number].how;

    if (!waits(how)) {
        do_now(device, number);
    } else if (device->working != 0) {
        device->lies.postponed |= UINT32_C(1) << number;
    } else {
        do_between(device, how);
    }
}

void mock_lies_catch_up(struct mock_device *device)
{
    uint32_t postponed = device->lies.postponed;

    device->lies.postponed = 0;
    for (unsigned i = 0; i < device->lies.count; i++) {
        if ((postponed >> i & 1u) != 0) {
            do_between(device, device->lies.lie[i].how);
        }
    }
}
