/* SPDX-License-Identifier: MIT */
/* What a device does on its own at a moment that the test names. */
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
            if (mock_lies_random(&device->lies, number) % candidates == 0) {
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
        *size = mock_split_area_size(queue, which);
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
    size_t count = lie->bytes != 0 ? lie->bytes : 1u + mock_lies_random(&device->lies, number) % SCRIBBLE_MAX;
    size_t at;

    if (bytes == NULL || device->vanished) {
        return;
    }
    count = count < size ? count : size;
    at = mock_lies_random(&device->lies, number) % (size - count + 1u);
    for (size_t i = 0; i < count; i++) {
        bytes[at + i] = lie->content != NULL ? ((const uint8_t *)lie->content)[i]
                                             : (uint8_t)(mock_lies_random(&device->lies, number) >> 11);
    }
}

/* ---- Deeds ---- */

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

void mock_deed(struct mock_device *device, unsigned number)
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
