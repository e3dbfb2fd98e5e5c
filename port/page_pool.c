/* SPDX-License-Identifier: MIT */
#include "page_pool.h"

#define PAGE_SIZE VPT_PAGE_POOL_PAGE_SIZE

static bool taken(const struct vpt_page_pool *pool, uint32_t page)
{
    return ((pool->taken[page / 32u] >> (page % 32u)) & 1u) != 0;
}

static void mark(struct vpt_page_pool *pool, uint32_t first, uint32_t count, bool take)
{
    for (uint32_t page = first; page < first + count; page++) {
        uint32_t bit = (uint32_t)1u << (page % 32u);

        if (take) {
            pool->taken[page / 32u] |= bit;
        } else {
            pool->taken[page / 32u] &= ~bit;
        }
    }
}

/* Pages that `size` bytes take, or 0 for a size that no pool holds. */
static uint32_t pages_of(size_t size)
{
    size_t pages = size == 0 ? 0 : (size - 1u) / PAGE_SIZE + 1u;

    return pages <= VPT_PAGE_POOL_PAGES_MAX ? (uint32_t)pages : 0;
}

/* Volatile: the pool may be mapped uncached, where a compiler's or a kernel's memset() is not allowed. */
static void zero(unsigned char *address, size_t size)
{
    volatile uint32_t *words = (volatile uint32_t *)(void *)address;

    for (size_t i = 0; i < size / sizeof(*words); i++) {
        words[i] = 0;
    }
}

static bool suits(const struct vpt_page_pool *pool, uint32_t first, size_t size, size_t alignment, uint64_t limit)
{
    size_t offset = (size_t)first * PAGE_SIZE;
    uint64_t device_address = pool->device_address + offset;
    uint64_t both = device_address | (uint64_t)(uintptr_t)(pool->base + offset);

    return (both & (uint64_t)(alignment - 1u)) == 0 && device_address <= limit && size - 1u <= limit - device_address;
}

static uint32_t free_pages_from(const struct vpt_page_pool *pool, uint32_t first, uint32_t wanted)
{
    uint32_t count = 0;

    while (count < wanted && !taken(pool, first + count)) {
        count++;
    }
    return count;
}

enum vpt_status vpt_page_pool_init(struct vpt_page_pool *pool, const struct vpt_memory *memory)
{
    uint64_t both = memory->device_address | (uint64_t)(uintptr_t)memory->address;
    size_t pages = memory->size / PAGE_SIZE;

    pool->base = NULL;
    pool->device_address = 0;
    pool->pages = 0;
    for (uint32_t i = 0; i < VPT_PAGE_POOL_PAGES_MAX / 32u; i++) {
        pool->taken[i] = 0;
    }
    if (memory->address == NULL || pages == 0 || both % PAGE_SIZE != 0 ||
        (uint64_t)(memory->size - 1u) > ~(uint64_t)0 - memory->device_address) {
        return VPT_CALLER_MEMORY;
    }
    pool->base = memory->address;
    pool->device_address = memory->device_address;
    pool->pages = pages < VPT_PAGE_POOL_PAGES_MAX ? (uint32_t)pages : VPT_PAGE_POOL_PAGES_MAX;
    return VPT_OK;
}

enum vpt_status vpt_page_pool_dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                           struct vpt_memory *memory)
{
    struct vpt_page_pool *pool = ((struct vpt_port_context *)ctx)->pool;
    uint32_t count = pages_of(size);

    (void)flags;
    if (count == 0 || count > pool->pages) {
        return VPT_RESOURCE_MEMORY;
    }
    for (uint32_t first = 0; first <= pool->pages - count; first++) {
        uint32_t run = free_pages_from(pool, first, count);

        if (run < count) {
            first += run; /* the page after the run is in use: no run up to it fits */
            continue;
        }
        if (suits(pool, first, size, alignment, limit)) {
            mark(pool, first, count, true);
            memory->address = pool->base + (size_t)first * PAGE_SIZE;
            memory->device_address = pool->device_address + (uint64_t)first * PAGE_SIZE;
            memory->size = size;
            zero(memory->address, (size_t)count * PAGE_SIZE);
            return VPT_OK;
        }
    }
    return VPT_RESOURCE_MEMORY;
}

void vpt_page_pool_dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    struct vpt_page_pool *pool = ((struct vpt_port_context *)ctx)->pool;
    uint64_t offset = memory->device_address - pool->device_address; /* wraps to a large number below the pool */
    uint32_t count = pages_of(memory->size);

    (void)flags;
    if (offset % PAGE_SIZE == 0 && count <= pool->pages && offset / PAGE_SIZE <= pool->pages - count) {
        mark(pool, (uint32_t)(offset / PAGE_SIZE), count, false);
    }
}
