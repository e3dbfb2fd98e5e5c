/* SPDX-License-Identifier: MIT */
/*
 * What the ready-made port functions find behind a port's `ctx`: a struct vpt_port_context, or a struct of the
 * kernel's own whose first member is one. Each file uses its own members only; a zeroed context is an identity
 * map without a page pool.
 *
 *     static struct vpt_page_pool pool;
 *     static struct vpt_port_context context = { .pool = &pool };
 *     static const struct vpt_port port = {
 *         .ctx = &context,
 *         .dma_allocate = vpt_page_pool_dma_allocate,
 *         .dma_free = vpt_page_pool_dma_free,
 *         .mmio_map = vpt_direct_mmio_map,
 *         .mmio_unmap = vpt_direct_mmio_unmap,
 *         .share = vpt_direct_share,
 *         .unshare = vpt_direct_unshare,
 *     };
 */
#ifndef VPT_PORT_CONTEXT_H
#define VPT_PORT_CONTEXT_H

#include <vpt/port.h>

struct vpt_page_pool;

struct vpt_port_context {
    /* page_pool.c */
    struct vpt_page_pool *pool;

    /* direct.c: the kernel's linear map of physical memory and registers. */
    uint64_t map_offset; /* what a virtual address is above its physical one, modulo 2^64; 0: identity */
    uint64_t map_last;   /* last physical address in the map; 0: whatever a pointer can reach */
};

#endif
