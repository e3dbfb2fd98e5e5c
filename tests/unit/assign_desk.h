/* SPDX-License-Identifier: MIT */
/*
 * A hypervisor's desk for tests of what is mapped: a host's function with given BARs, a guest whose address space is a
 * list, and hooks that can fail or refuse. What breaks the rules of the hooks is counted.
 */
#ifndef VPT_TESTS_ASSIGN_DESK_H
#define VPT_TESTS_ASSIGN_DESK_H

#include "support.h"

#include <vpt/assign.h>

#define DESK_REGIONS 64u
#define DESK_TRAPS   4u
#define DESK_BARS    (VPT_PCI_BARS_MAX + 1u)

/* What a hook that is made to fail returns. */
#define DESK_FAILURE ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 7))

/* Of the function. */
#define DESK_PM     0x40u
#define DESK_PMCSR  0x44u
#define DESK_VENDOR 0x50u /* a capability whose body guests write at the host */
#define DESK_BAR(n) (uint16_t)((n) == VPT_PCI_ROM ? 0x30u : 0x10u + 4u * (n))

struct desk {
    /* The host. */
    uint8_t config[256];
    bool removed;
    bool config_fails;
    unsigned config_writes;
    uint64_t accessed; /* address of the last access to memory or I/O */
    unsigned access_width;
    uint64_t access_value; /* what was written, or will be read */
    unsigned accesses;
    bool access_io;
    bool access_fails;
    struct vpt_assign_host host;

    /* The guest. */
    struct vpt_assign_region mapped[DESK_REGIONS];
    unsigned mapped_count;
    unsigned calls;      /* of hooks */
    unsigned fail_first; /* number of the first call that fails, from 1; 0: none does */
    unsigned fail_last;
    unsigned failed;
    unsigned failed_maps;    /* of these */
    uint32_t unmapped;       /* bit n: the last map() of BAR n failed */
    enum vpt_status failure; /* what they return */
    uint64_t refuse_first;   /* map() refuses what touches these addresses, of memory or I/O; none while last is 0 */
    uint64_t refuse_last;
    unsigned violations; /* map() over something, unmap() of nothing, an empty region */
    struct vpt_assign_guest guest;

    /* The device. */
    struct vpt_pci_bars bars;
    struct vpt_assign_trap traps[DESK_TRAPS];
    struct vpt_assign_config setup;
    struct vpt_assign_device device;
    _Alignas(8) uint64_t storage[2048];
};

extern struct desk desk;

/* A function without BARs, and a configuration for it; desk.bars and desk.traps may be filled in then. */
void desk_start(void);

void desk_memory(unsigned index, uint64_t size, uint64_t host, bool is_64bit);
void desk_io(unsigned index, uint64_t size, uint64_t host);
void desk_trap(uint8_t bar, uint64_t offset, uint64_t size);

/* One of each: mapped in three pieces, ports, 8 GiB, less than a page, a ROM. */
void desk_one_of_each(void);

/* Opens the device and gives it to owner 1. */
void desk_open(void);

/* One of each, open, with addresses in the BARs but the ROM's; nothing is decoded. */
void desk_place_one_of_each(void);

/* A guest's accesses that are to succeed. */
void desk_write(uint16_t offset, unsigned width, uint32_t value);
uint32_t desk_read(uint16_t offset, unsigned width);

/* Lets the n-th to the m-th hook call from now fail. */
void desk_fail(unsigned first, unsigned last);

/*
 * Asserts that the guest has what vpt_assign_live() says for the registers that it reads, without the BARs that it
 * refuses, beside `own` regions that are no BAR's; that the device's books say the same; and no violation.
 */
void desk_check(unsigned own);

/* How many regions of a BAR the guest has. */
unsigned desk_mapped(unsigned bar);

/* The region of the guest at an address, or NULL. */
const struct vpt_assign_region *desk_find(enum vpt_assign_space space, uint64_t guest);

#endif
