/* SPDX-License-Identifier: MIT */
/*
 * dma_allocate() and dma_free() from one piece of memory that the kernel sets aside, for kernels without a page
 * allocator, or before it runs. An allocation takes the first free pages that fit; a pool is for the memory of a few
 * queues, and is not a heap.
 *
 * The kernel states the device addresses of the piece. So a pool serves devices behind an IOMMU only if these are
 * translated addresses that all of them share.
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
 * Makes a pool of `memory`, which is the pool's from then on. An incomplete last page, and all pages beyond
 * VPT_PAGE_POOL_PAGES_MAX, stay unused.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_MEMORY: there is less than a page, an address of either kind is no multiple of VPT_PAGE_POOL_PAGE_SIZE, or
 *     device addresses wrap; *pool is an empty pool.
 */
enum vpt_status vpt_page_pool_init(struct vpt_page_pool *pool, const struct vpt_memory *memory);

/*
 * For struct vpt_port; `ctx` is a struct vpt_port_context with a pool. The flags make no difference. A kernel that sets
 * devices up on several CPUs at once needs a lock of its own around both functions.
 *
 * Returns
 * VPT_OK
 * VPT_RESOURCE_MEMORY: there are no free pages below `limit`.
 */
enum vpt_status vpt_page_pool_dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                           struct vpt_memory *memory);
void vpt_page_pool_dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags);

VPT_END_DECLARATIONS

#endif
