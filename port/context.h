/* SPDX-License-Identifier: MIT */
/*
 * What the ready-made port functions find behind a port's `ctx`: a struct vpt_port_context, or a struct of the kernel's
 * own whose first member is one. Each file uses only its own members. A zeroed context means an identity map, without a
 * page pool and without PCI.
 *
 *     static struct vpt_page_pool pool;
 *     static struct vpt_port_context context = {
 *         .pool = &pool,
 *         .cf8_io_read = vpt_x86_io_read,
 *         .cf8_io_write = vpt_x86_io_write,
 *     };
 *     static const struct vpt_port port = {
 *         .ctx = &context,
 *         .dma_allocate = vpt_page_pool_dma_allocate,
 *         .dma_free = vpt_page_pool_dma_free,
 *         .io_read = vpt_x86_io_read,
 *         .io_write = vpt_x86_io_write,
 *         .config_read = vpt_cf8_config_read,
 *         .config_write = vpt_cf8_config_write,
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
    uint64_t map_offset; /* virtual address minus physical address, modulo 2^64; 0: identity */
    uint64_t map_last;   /* the last physical address in the map; 0: all that a pointer can reach */

    /* cf8.c: io_read() and io_write() as in struct vpt_port, called with this context. */
    uint32_t (*cf8_io_read)(void *ctx, uint16_t io_port, unsigned width);
    void (*cf8_io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);
    void (*cf8_lock)(void *ctx);   /* around each access; NULL: nothing else can use the pair in between */
    void (*cf8_unlock)(void *ctx); /* NULL if cf8_lock is */

    /* ecam.c: one host bridge's configuration space. */
    void *ecam; /* the mapping of bus ecam_first_bus; NULL: there are no functions */
    uint16_t ecam_segment;
    uint8_t ecam_first_bus;
    uint8_t ecam_last_bus; /* last bus; each bus has 1 MiB of the mapping */

    /* io_window.c: I/O ports as memory. */
    void *io_window;       /* the mapping of port 0 */
    size_t io_window_size; /* size in bytes, which is the number of ports; 0: none */
};

#endif
