/* SPDX-License-Identifier: MIT */
/* The kernel's two ports to the library. */
#ifndef KERNEL_PORTS_H
#define KERNEL_PORTS_H

#include <vpt/port.h>

/* Ready-made functions only: ring memory from a page pool, registers reached by the library itself. */
extern struct vpt_port ports_ready_made;

/*
 * No memory: the caller provides the rings. Functions of the kernel count every access to registers, I/O ports and PCI
 * configuration, and every share. A share covers at most one page, as in a kernel with scattered pages.
 */
extern struct vpt_port ports_counting;

/* Counts of the counting port. */
struct ports_count {
    uint32_t register_accesses;
    uint32_t register_writes; /* of these: to registers and I/O ports */
    uint32_t shares;          /* in total */
    uint32_t unshares;        /* in total */
};

struct ports_count ports_count(void);

/* Sets up the page pool and the PCI functions of the machine. Call once, before the ports are used. */
enum vpt_status ports_init(void);

/* Whether all memory of the page pool has been freed. */
bool ports_pool_is_whole(void);

/* The device address of the kernel's memory. */
static inline uint64_t ports_device_address(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

#endif
