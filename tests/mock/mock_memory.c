/* SPDX-License-Identifier: MIT */
#include "mock_memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vpt/port.h>

void mock_memory_init(struct mock_memory *memory, struct mock_violations *violations)
{
    memset(memory, 0, sizeof(*memory));
    memory->violations = violations;
}

void mock_memory_finish(struct mock_memory *memory)
{
    free(memory->regions);
    memory->regions = NULL;
    memory->count = 0;
    memory->capacity = 0;
    memory->last = 0;
}

/* The index of the first region that starts above `address`. */
static size_t above(const struct mock_memory *memory, uint64_t address)
{
    size_t low = 0;
    size_t high = memory->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memory->regions[middle].address > address) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static bool contains(const struct mock_region *region, uint64_t address)
{
    return address >= region->address && address - region->address < region->size;
}

static bool grow(struct mock_memory *memory)
{
    size_t capacity = memory->capacity == 0 ? 64 : memory->capacity * 2;
    struct mock_region *regions = realloc(memory->regions, capacity * sizeof(*regions));

    if (regions == NULL) {
        return false;
    }
    memory->regions = regions;
    memory->capacity = capacity;
    return true;
}

bool mock_memory_insert(struct mock_memory *memory, const struct mock_region *region)
{
    size_t at = above(memory, region->address);

    if (region->size == 0 || region->size - 1 > UINT64_MAX - region->address) {
        return false;
    }
    if (at > 0 && contains(&memory->regions[at - 1], region->address)) {
        return false;
    }
    if (at < memory->count && memory->regions[at].address - region->address < region->size) {
        return false;
    }
    if (memory->count == memory->capacity && !grow(memory)) {
        return false;
    }
    memmove(&memory->regions[at + 1], &memory->regions[at], (memory->count - at) * sizeof(*region));
    memory->regions[at] = *region;
    memory->count++;
    return true;
}

struct mock_region *mock_memory_find(struct mock_memory *memory, uint64_t address)
{
    size_t at;

    if (memory->last < memory->count && contains(&memory->regions[memory->last], address)) {
        return &memory->regions[memory->last];
    }
    at = above(memory, address);
    if (at == 0 || !contains(&memory->regions[at - 1], address)) {
        return NULL;
    }
    memory->last = at - 1;
    return &memory->regions[at - 1];
}

void mock_memory_remove(struct mock_memory *memory, struct mock_region *region)
{
    size_t at = (size_t)(region - memory->regions);

    memory->count--;
    memmove(&memory->regions[at], &memory->regions[at + 1], (memory->count - at) * sizeof(*region));
}

size_t mock_memory_live(const struct mock_memory *memory, enum mock_region_kind kind)
{
    size_t live = 0;

    for (size_t i = 0; i < memory->count; i++) {
        if (memory->regions[i].kind == kind) {
            live++;
        }
    }
    return live;
}

static bool translates(const struct mock_region *region)
{
    return region->access_platform || (region->flags & VPT_DMA_ACCESS_PLATFORM) != 0 ||
           region->kind == MOCK_REGION_REGISTERED;
}

/* The device goes where it was sent: a lie may have sent it astray, or else the driver has. */
#define OUT_OF_REACH(memory, ...)                                                     \
    ((memory)->violations->misled ? mock_violation((memory)->violations, __VA_ARGS__) \
                                  : mock_breach((memory)->violations, __VA_ARGS__))

void mock_memory_given_back(struct mock_memory *memory, const struct mock_region *region, const char *what)
{
    for (unsigned i = 0; i < memory->holder_count; i++) {
        if (memory->holders[i].holds(memory->holders[i].ctx, region)) {
            OUT_OF_REACH(memory, "%s of 0x%" PRIx64 ", which the device may still use", what, region->address);
            return;
        }
    }
}

uint8_t *mock_memory_reach(struct mock_memory *memory, uint64_t address, size_t size, bool write, const char *what)
{
    struct mock_region *region = mock_memory_find(memory, address);
    size_t offset;

    if (region == NULL) {
        OUT_OF_REACH(memory, "%s at 0x%" PRIx64 ": nothing is allocated or shared there", what, address);
        return NULL;
    }
    offset = (size_t)(address - region->address);
    if (size > region->size - offset) {
        OUT_OF_REACH(memory, "%s at 0x%" PRIx64 ": %zu bytes, but only %zu are there", what, address, size,
                     region->size - offset);
        return NULL;
    }
    if (region->kind == MOCK_REGION_PRIVATE) {
        OUT_OF_REACH(memory, "%s at 0x%" PRIx64 ": memory that was asked for as private", what, address);
        return NULL;
    }
    if (memory->translated && !translates(region)) {
        OUT_OF_REACH(memory, "%s at 0x%" PRIx64 ": ACCESS_PLATFORM, but no address of the IOMMU's", what, address);
        return NULL;
    }
    if (write && !region->device_writes) {
        OUT_OF_REACH(memory, "%s at 0x%" PRIx64 ": shared for reading, but to be written", what, address);
        return NULL;
    }
    return &region->bytes[offset];
}
