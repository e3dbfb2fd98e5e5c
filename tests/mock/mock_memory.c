/* SPDX-License-Identifier: MIT */
#include "mock_memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vpt/port.h>

#include "mock_internal.h"

void *mock_grow(void *array, size_t count, size_t size)
{
    void *grown = array;

    /* The room doubles each time that the count reaches a power of two. */
    if ((count & (count - 1u)) == 0) {
        grown = realloc(array, (count != 0 ? 2u * count : 1u) * size);
    }
    if (grown == NULL) {
        abort();
    }
    return grown;
}

void mock_memory_init(struct mock_memory *memory, struct mock_violations *violations)
{
    memset(memory, 0, sizeof(*memory));
    memory->violations = violations;
}

void mock_memory_finish(struct mock_memory *memory)
{
    free(memory->regions);
    mock_memory_init(memory, memory->violations);
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

bool mock_region_contains(const struct mock_region *region, uint64_t address)
{
    return address >= region->address && address - region->address < region->size;
}

bool mock_memory_insert(struct mock_memory *memory, const struct mock_region *region)
{
    size_t at = above(memory, region->address);

    if (region->size == 0 || region->size - 1 > UINT64_MAX - region->address ||
        (at > 0 && mock_region_contains(&memory->regions[at - 1], region->address)) ||
        (at < memory->count && memory->regions[at].address - region->address < region->size)) {
        return false;
    }
    memory->regions = mock_grow(memory->regions, memory->count, sizeof(*region));
    memmove(&memory->regions[at + 1], &memory->regions[at], (memory->count - at) * sizeof(*region));
    memory->regions[at] = *region;
    memory->count++;
    return true;
}

struct mock_region *mock_memory_find(struct mock_memory *memory, uint64_t address)
{
    size_t at;

    if (memory->last < memory->count && mock_region_contains(&memory->regions[memory->last], address)) {
        return &memory->regions[memory->last];
    }
    at = above(memory, address);
    if (at == 0 || !mock_region_contains(&memory->regions[at - 1], address)) {
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
        live += memory->regions[i].kind == kind ? 1u : 0u;
    }
    return live;
}

static bool translates(const struct mock_region *region)
{
    return region->access_platform || (region->flags & VPT_DMA_ACCESS_PLATFORM) != 0 ||
           region->kind == MOCK_REGION_REGISTERED;
}

/* A breach, unless a lie may have sent the device to the wrong address. */
#define REQUIRE_REACH(memory, holds, ...) \
    mock_rule((memory)->violations, (holds), (memory)->violations->misled, __VA_ARGS__)

void mock_memory_given_back(struct mock_memory *memory, const struct mock_region *region, const char *what)
{
    for (unsigned i = 0; i < memory->holder_count; i++) {
        if (!REQUIRE_REACH(memory, !memory->holders[i].holds(memory->holders[i].ctx, region),
                           "%s of 0x%" PRIx64 ", which the device may still use", what, region->address)) {
            return;
        }
    }
}

uint8_t *mock_memory_reach(struct mock_memory *memory, uint64_t address, size_t size, bool write, const char *what)
{
    struct mock_region *region = mock_memory_find(memory, address);
    size_t offset = region != NULL ? (size_t)(address - region->address) : 0;
    const char *complaint = NULL;

    if (region == NULL) {
        complaint = "nothing is allocated or shared there";
    } else if (size > region->size - offset) {
        complaint = "past the end of what is there";
    } else if (region->kind == MOCK_REGION_PRIVATE) {
        complaint = "memory that was asked for as private";
    } else if (memory->translated && !translates(region)) {
        complaint = "ACCESS_PLATFORM, but no address of the IOMMU's";
    } else if (write && !region->device_writes) {
        complaint = "shared for reading, but to be written";
    }
    return REQUIRE_REACH(memory, complaint == NULL, "%s of %zu bytes at 0x%" PRIx64 ": %s", what, size, address,
                         complaint)
               ? &region->bytes[offset]
               : NULL;
}
