/* SPDX-License-Identifier: MIT */
/*
 * dma_allocate() and dma_free() over one piece of memory that the kernel sets aside, for kernels without a page
 * allocator or before it runs. First fit by whole pages; a pool is a few queues' worth of memory, not a heap.
 *
 * Device addresses are the ones the kernel states for the piece, so a pool serves devices behind an IOMMU only if
 * they are translated addresses that all of them share.
 */
#ifndef VPT_PAGE_POOL_H
#define VPT_PAGE_POOL_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

#define VPT_PAGE_POOL_PAGE_SIZE 4096u
#define VPT_PAGE_POOL_PAGES_MAX 1024u

/* A pool, in the caller's memory. Private. */
struct vpt_page_pool {
    unsigned char *base;
    uint64_t device_address;
    uint32_t pages;
    uint32_t taken[VPT_PAGE_POOL_PAGES_MAX / 32u]; /* one bit a page */
};

/*
 * Makes a pool of `memory`, which is the pool's from then on; a broken last page and whatever lies beyond
 * VPT_PAGE_POOL_PAGES_MAX pages stay unused. VPT_CALLER_MEMORY: less than a page, an address of either kind that
 * is no multiple of VPT_PAGE_POOL_PAGE_SIZE, or device addresses that wrap; then *pool is an empty pool.
 */
enum vpt_status vpt_page_pool_init(struct vpt_page_pool *pool, const struct vpt_memory *memory);

/*
 * For struct vpt_port; `ctx` is a struct vpt_port_context with a pool. Flags make no difference. A kernel that sets
 * devices up on several CPUs at once holds a lock of its own around both. VPT_RESOURCE_MEMORY: no room below `limit`.
 */
enum vpt_status vpt_page_pool_dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                           struct vpt_memory *memory);
void vpt_page_pool_dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags);

VPT_END_DECLARATIONS

#endif
