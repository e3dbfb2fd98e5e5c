/* SPDX-License-Identifier: MIT */
/* The kernel's two ports to the library. */
#ifndef KERNEL_PORTS_H
#define KERNEL_PORTS_H

#include <vpt/port.h>

/* Ready-made functions only: ring memory from a page pool, registers reached by the library itself. */
extern struct vpt_port ports_ready_made;

/*
 * No memory: rings are handed over by the caller. Every access to registers, I/O ports and PCI configuration, and
 * every share, goes through functions of the kernel's own, which count; and a share covers one page at most, as in a
 * kernel with scattered pages.
 */
extern struct vpt_port ports_counting;

/* What the counting port has seen. */
struct ports_count {
    uint32_t register_accesses;
    uint32_t register_writes; /* of these: to registers and I/O ports */
    uint32_t shares;          /* ever made */
    uint32_t unshares;        /* ever ended */
};

struct ports_count ports_count(void);

/* Sets the page pool up, and what reaches the machine's PCI. Once, before the ports are used. */
enum vpt_status ports_init(void);

/* Whether everything taken from the page pool has been given back. */
bool ports_pool_is_whole(void);

/* The device address of memory of this kernel. */
static inline uint64_t ports_device_address(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

#endif
