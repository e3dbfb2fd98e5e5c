/* SPDX-License-Identifier: MIT */
/* A guest's nested page table: which of its physical addresses reach which of the machine's. */
#ifndef HYPERVISOR_NESTED_H
#define HYPERVISOR_NESTED_H

#include <vpt/port.h>

#define NESTED_PAGE       4096u
#define NESTED_LARGE_PAGE 0x200000u
#define NESTED_LAST       ((UINT64_C(1) << 48) - 1u)

struct nested {
    const struct vpt_port *port; /* for the tables */
    uint64_t top;                /* address of the top table */
    unsigned tables;             /* number of tables below */
};

/* Makes an empty table. */
enum vpt_status nested_init(struct nested *nested, const struct vpt_port *port);

/*
 * Maps whole pages, in large ones where they fit; nothing is mapped there yet. The caller flushes the CPU's caches.
 *
 * Returns
 * VPT_OK
 * an error of the port: nothing is mapped.
 */
enum vpt_status nested_map(struct nested *nested, uint64_t guest, uint64_t host, uint64_t size);

/* Unmaps what was mapped with the same arguments, and frees tables that are empty then. */
void nested_unmap(struct nested *nested, uint64_t guest, uint64_t host, uint64_t size);

#endif
