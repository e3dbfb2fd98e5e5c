/* SPDX-License-Identifier: MIT */
/*
 * The device's view of memory: which device addresses are valid now, and what the device may do there. A device
 * address never equals the pointer behind it, and regions lie apart: a driver that mixes the two up, or runs past an
 * end, is noticed.
 */
#ifndef VPT_TESTS_MOCK_MEMORY_H
#define VPT_TESTS_MOCK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mock_violations.h"

enum mock_region_kind {
    MOCK_REGION_ALLOCATION, /* given by dma_allocate() */
    MOCK_REGION_PRIVATE,    /* the same with VPT_DMA_PRIVATE: no device may come here */
    MOCK_REGION_SHARE,      /* a bounce buffer, from share() to unshare() */
    MOCK_REGION_REGISTERED  /* the test's own memory */
};

struct mock_region {
    uint64_t address; /* of the first byte, as the device sees it */
    uint8_t *bytes;   /* the same byte, as the CPU sees it */
    size_t size;
    enum mock_region_kind kind;
    bool device_writes; /* the device may write here; reading is always allowed */
    bool access_platform;
    uint32_t flags;   /* of dma_allocate() */
    uint8_t *storage; /* what malloc() gave */
    void *buffer;     /* the caller's buffer behind a share */
};

/* A device, which may still use memory for its rings and for the buffers that it has taken. */
struct mock_holder {
    bool (*holds)(void *ctx, const struct mock_region *region);
    void *ctx;
};

#define MOCK_HOLDERS 4u

struct mock_memory {
    struct mock_region *regions; /* live ones, by rising address */
    size_t count;
    size_t last;     /* the region found last is likely to be asked for again */
    bool translated; /* the device is behind an IOMMU: it reaches only memory that was asked for with ACCESS_PLATFORM,
                        and what the test has registered */
    struct mock_violations *violations;
    unsigned holder_count;
    struct mock_holder holders[MOCK_HOLDERS];
};

void mock_memory_init(struct mock_memory *memory, struct mock_violations *violations);

/* Frees the list, not what the regions point to. */
void mock_memory_finish(struct mock_memory *memory);

/* Adds a live region; false if it overlaps another one, wraps, or there is no memory for the list. */
bool mock_memory_insert(struct mock_memory *memory, const struct mock_region *region);

/* The live region that contains `address`, or NULL. Valid until the next insert or remove. */
struct mock_region *mock_memory_find(struct mock_memory *memory, uint64_t address);

void mock_memory_remove(struct mock_memory *memory, struct mock_region *region);

bool mock_region_contains(const struct mock_region *region, uint64_t address);

/* A region is about to be given back: a breach that names `what`, if a device may still use it. */
void mock_memory_given_back(struct mock_memory *memory, const struct mock_region *region, const char *what);

/* Live regions of a kind. */
size_t mock_memory_live(const struct mock_memory *memory, enum mock_region_kind kind);

/*
 * The bytes behind [address, address + size), or NULL and a violation that names `what` if they are not all in one
 * live region that the device may reach (and, with `write`, write).
 */
uint8_t *mock_memory_reach(struct mock_memory *memory, uint64_t address, size_t size, bool write, const char *what);

#endif
