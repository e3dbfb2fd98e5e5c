/* SPDX-License-Identifier: MIT */
/* The port's memory: allocations at made-up device addresses, shares that bounce. */
#define _POSIX_C_SOURCE 200809L

#include "mock_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* AddressSanitizer finds writes past an allocation's end; without it, bytes with a pattern behind the allocation do. */
#if defined(__SANITIZE_ADDRESS__)
#define GUARD 0u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARD 0u
#endif
#endif
#ifndef GUARD
#define GUARD 64u
#endif
#define GUARD_BYTE 0xb5

/* Invalid device addresses between two regions. */
#define GAP 0x1230u

static void check_access_platform(struct mock_hal *hal, bool given, const char *what)
{
    mock_require(&hal->violations,
                 hal->access_platform == MOCK_EXPECT_NOTHING || given == (hal->access_platform == MOCK_EXPECT_SET),
                 "%s with access_platform %s", what, given ? "set" : "clear");
}

/* An odd multiple of `alignment`, so that nothing is better aligned than was asked for. */
static uint64_t align_exactly(uint64_t address, uint64_t alignment)
{
    uint64_t aligned = (address + alignment - 1u) & ~(alignment - 1u);

    return (aligned & alignment) != 0 ? aligned : aligned + alignment;
}

static bool place(uint64_t *next, size_t size, size_t alignment, uint64_t limit, uint64_t *address)
{
    uint64_t at = align_exactly(*next, alignment);

    if (at > limit || size - 1u > limit - at) {
        return false;
    }
    *address = at;
    *next = at + size + GAP;
    return true;
}

/* The next device address for `bytes`. Their offset in a page is kept, as a real mapping would. */
static uint64_t place_like(uint64_t *next, const void *bytes, size_t size)
{
    uint64_t address = ((*next + 0xfffu) & ~UINT64_C(0xfff)) + ((uintptr_t)bytes & 0xfffu);

    *next = address + size + GAP;
    return address;
}

/* Adds a region with zeroed memory of its own; false: there is none. */
static bool add(struct mock_hal *hal, struct mock_region *region, size_t alignment)
{
    size_t twice = 2u * alignment < sizeof(void *) ? sizeof(void *) : 2u * alignment;
    void *raw = NULL;

    if (posix_memalign(&raw, twice, alignment + region->size + GUARD) != 0) {
        return false;
    }
    region->storage = raw;
    region->bytes = region->storage + alignment;
    memset(region->bytes, 0, region->size);
    memset(region->bytes + region->size, GUARD_BYTE, GUARD);
    if (!mock_memory_insert(&hal->memory, region)) {
        free(raw);
        return false;
    }
    return true;
}

static void drop(struct mock_hal *hal, struct mock_region *region)
{
    free(region->storage);
    mock_memory_remove(&hal->memory, region);
}

static void check_guard(struct mock_hal *hal, const struct mock_region *region)
{
    bool intact = true;

    for (size_t i = region->size; i < region->size + GUARD; i++) {
        intact = intact && region->bytes[i] == GUARD_BYTE;
    }
    mock_require_always(&hal->violations, intact, "allocation of %zu bytes at 0x%" PRIx64 " was written past its end",
                        region->size, region->address);
}

static bool allocation_allowed(struct mock_hal *hal, size_t size, size_t alignment, uint32_t flags)
{
    bool valid = size != 0 && alignment != 0 && (alignment & (alignment - 1u)) == 0 && alignment <= 4096;

    if (!mock_require_always(&hal->violations, valid, "allocation of %zu bytes aligned to %zu", size, alignment) ||
        !mock_require_always(&hal->violations, (flags & ~(VPT_DMA_ACCESS_PLATFORM | VPT_DMA_PRIVATE)) == 0,
                             "allocation with unknown flags 0x%" PRIx32, flags)) {
        return false;
    }
    if ((flags & VPT_DMA_PRIVATE) == 0) {
        check_access_platform(hal, (flags & VPT_DMA_ACCESS_PLATFORM) != 0, "allocation");
    }
    return true;
}

#define ALLOCATED (1u << MOCK_REGION_ALLOCATION | 1u << MOCK_REGION_PRIVATE)
#define SHARED    (1u << MOCK_REGION_SHARE)

/* The region that is given back, one of `kinds`; NULL and a breach: there is none at this address. */
static struct mock_region *returned(struct mock_hal *hal, uint64_t address, unsigned kinds, const char *what,
                                    const char *taken)
{
    struct mock_region *region = mock_memory_find(&hal->memory, address);
    bool found = region != NULL && region->address == address && (kinds >> region->kind & 1u) != 0;

    (void)mock_require_always(&hal->violations, found, "%s of 0x%" PRIx64 ", which is not %s", what, address, taken);
    return found ? region : NULL;
}

static enum vpt_status dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_region region = { .size = size, .flags = flags, .device_writes = true };
    uint64_t asked = hal->ignore_limit ? UINT64_MAX : limit;

    if (!allocation_allowed(hal, size, alignment, flags)) {
        return VPT_RESOURCE_MEMORY;
    }
    if (mock_trigger_fires(&hal->fail_allocation) || (hal->allocate_most != 0 && size > hal->allocate_most)) {
        return hal->fail_allocation_status;
    }
    region.kind = (flags & VPT_DMA_PRIVATE) != 0 ? MOCK_REGION_PRIVATE : MOCK_REGION_ALLOCATION;
    if ((!place(&hal->base, size, alignment, asked, &region.address) &&
         !place(&hal->next_low, size, alignment, asked, &region.address)) ||
        !add(hal, &region, alignment)) {
        return VPT_RESOURCE_MEMORY;
    }
    hal->allocations++;
    hal->private_allocations += region.kind == MOCK_REGION_PRIVATE ? 1u : 0u;
    *memory = (struct vpt_memory){ region.bytes, region.address, size };
    return VPT_OK;
}

static void dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_region *region = returned(hal, memory->device_address, ALLOCATED, "free", "allocated");

    if (region == NULL ||
        !mock_require_always(&hal->violations,
                             region->bytes == memory->address && region->size == memory->size && region->flags == flags,
                             "free of 0x%" PRIx64 " with other values than were allocated", region->address)) {
        return;
    }
    check_guard(hal, region);
    mock_memory_given_back(&hal->memory, region, "free");
    drop(hal, region);
    hal->frees++;
}

static size_t share_size(const struct mock_hal *hal, const void *buffer, size_t size)
{
    if (hal->share_page != 0) {
        size_t rest = hal->share_page - (size_t)((uintptr_t)buffer % hal->share_page);

        size = size < rest ? size : rest;
    }
    return hal->share_most != 0 && size > hal->share_most ? hal->share_most : size;
}

static enum vpt_status share(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_region region = { .kind = MOCK_REGION_SHARE, .access_platform = access_platform, .buffer = buffer };

    if (!mock_require_always(&hal->violations,
                             buffer != NULL && size != 0 &&
                                 (direction == VPT_DEVICE_READS || direction == VPT_DEVICE_WRITES),
                             "share of %zu bytes at %p, direction %d", size, buffer, (int)direction)) {
        return VPT_RESOURCE_MEMORY;
    }
    check_access_platform(hal, access_platform, "share");
    if (mock_trigger_fires(&hal->fail_share)) {
        return hal->fail_share_status;
    }
    region.size = share_size(hal, buffer, size);
    region.device_writes = direction == VPT_DEVICE_WRITES;
    region.address = place_like(&hal->next_share, buffer, region.size);
    if (!add(hal, &region, 1)) {
        return VPT_RESOURCE_MEMORY;
    }
    memcpy(region.bytes, buffer, region.size);
    hal->shares++;
    *shared = (struct vpt_shared){ region.address, region.size };
    return VPT_OK;
}

static void unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_region *region = returned(hal, shared->device_address, SHARED, "unshare", "shared");
    bool write = direction == VPT_DEVICE_WRITES;

    if (region == NULL ||
        !mock_require_always(&hal->violations,
                             region->buffer == buffer && region->size == shared->size &&
                                 region->access_platform == access_platform && region->device_writes == write,
                             "unshare of 0x%" PRIx64 " with other values than were shared", region->address)) {
        return;
    }
    mock_memory_given_back(&hal->memory, region, "unshare");
    if (region->device_writes) {
        memcpy(buffer, region->bytes, region->size);
    }
    drop(hal, region);
    hal->unshares++;
}

void mock_hal_memory_init(struct mock_hal *hal)
{
    hal->port.dma_allocate = dma_allocate;
    hal->port.dma_free = dma_free;
    hal->port.share = share;
    hal->port.unshare = unshare;
    hal->base = MOCK_HAL_BASE;
    hal->next_low = MOCK_HAL_LOW_BASE;
    hal->next_share = MOCK_HAL_SHARE_BASE;
    hal->fail_allocation_status = VPT_RESOURCE_MEMORY;
    hal->fail_share_status = (enum vpt_status)(VPT_PORT_ERROR_FIRST + 7);
}

void mock_hal_memory_finish(struct mock_hal *hal)
{
    for (size_t i = 0; i < hal->memory.count; i++) {
        struct mock_region *region = &hal->memory.regions[i];

        if (region->kind == MOCK_REGION_REGISTERED) {
            continue;
        }
        check_guard(hal, region);
        mock_breach(&hal->violations, "leak: %s of %zu bytes at 0x%" PRIx64,
                    region->kind == MOCK_REGION_SHARE ? "share" : "allocation", region->size, region->address);
        free(region->storage);
    }
    mock_memory_finish(&hal->memory);
}

size_t mock_hal_live_allocations(const struct mock_hal *hal)
{
    return mock_memory_live(&hal->memory, MOCK_REGION_ALLOCATION) + mock_memory_live(&hal->memory, MOCK_REGION_PRIVATE);
}

size_t mock_hal_live_shares(const struct mock_hal *hal)
{
    return mock_memory_live(&hal->memory, MOCK_REGION_SHARE);
}

void mock_hal_abandon(struct mock_hal *hal)
{
    for (size_t i = hal->memory.count; i-- > 0;) {
        struct mock_region *region = &hal->memory.regions[i];

        if (region->kind != MOCK_REGION_REGISTERED) {
            drop(hal, region);
        }
    }
}

struct vpt_memory mock_hal_register(struct mock_hal *hal, void *bytes, size_t size, uint64_t device_address,
                                    bool device_writes)
{
    struct mock_region region = {
        .address = device_address,
        .bytes = bytes,
        .size = size,
        .kind = MOCK_REGION_REGISTERED,
        .device_writes = device_writes,
    };

    return mock_memory_insert(&hal->memory, &region) ? (struct vpt_memory){ bytes, device_address, size }
                                                     : (struct vpt_memory){ NULL, 0, 0 };
}

struct vpt_memory mock_hal_register_anywhere(struct mock_hal *hal, void *bytes, size_t size, bool device_writes)
{
    return mock_hal_register(hal, bytes, size, place_like(&hal->base, bytes, size), device_writes);
}

void mock_hal_unregister(struct mock_hal *hal, const struct vpt_memory *memory)
{
    struct mock_region *region =
        returned(hal, memory->device_address, 1u << MOCK_REGION_REGISTERED, "unregistering", "registered");

    if (region != NULL) {
        mock_memory_remove(&hal->memory, region);
    }
}
