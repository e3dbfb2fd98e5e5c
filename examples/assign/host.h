/* SPDX-License-Identifier: MIT */
/*
 * The physical machine, and the hypervisor's work for it: a q35 with a virtio disk and a network controller (e1000e),
 * each behind its own root port, an IOMMU, and interrupts that arrive in memory, one dword for each vector.
 */
#ifndef EXAMPLE_ASSIGN_HOST_H
#define EXAMPLE_ASSIGN_HOST_H

#include <assign_port.h>
#include <assign_vectors.h>
#include <qtest.h>
#include <vpt/assign_dma.h>
#include <vpt/assign_remap.h>

#include "iommu.h"

#define HOST_VECTORS   64u
#define HOST_FUNCTIONS 2u

enum host_index { DISK, NETWORK };

/*
 * The IOMMU lets functions send their messages to this window, so no guest may have memory there. (A PC has its
 * interrupt controllers there; this machine has a page of memory that the host polls.)
 */
#define HOST_MESSAGES      UINT64_C(0xfee00000)
#define HOST_MESSAGES_SIZE UINT64_C(0x200000)
#define HOST_MESSAGES_AT   UINT64_C(0xfef00000) /* the window's first MiB is not memory on a PC */

/* A physical function. */
struct host_function {
    struct vpt_assign_port_host access; /* must be first: the library's hooks get a pointer to it */
    const char *name;
    struct host *host;
    struct vpt_pci_function physical;
    struct vpt_pci_function root_port; /* above this function */
    struct vpt_pci_bars bars;
    struct iommu_domain domain;
    struct vpt_assign_device device;
    struct vpt_assign_vectors vectors;
    uint32_t line;      /* interrupt line of its INTx */
    bool reset_by_port; /* needs a reset of the whole bus behind its root port */
    unsigned resets;    /* resets of the bus */
};

struct host {
    struct vpt_qtest *qtest;
    const struct vpt_port *port;
    struct iommu iommu;
    struct vpt_assign_iommu iommu_hooks;
    struct vpt_memory message_page; /* one dword for each vector */
    struct vpt_assign_registry registry;
    struct vpt_assign_remap remap;
    struct vpt_assign_remap_entry entries[HOST_VECTORS];
    struct host_function functions[HOST_FUNCTIONS];
    int image;
    unsigned delivered; /* number of interrupts */
    unsigned unknown;   /* interrupts that belonged to no function */
};

#define HOST_DISK_SIZE 0x100000u /* bytes */

/* Starts the machine, gives its functions addresses, and opens them as assignable devices. */
void host_start(struct host *host);

/* Closes everything, and asserts that nothing remains. */
void host_stop(struct host *host);

/* Waits at least this long. */
void host_pause(uint32_t microseconds);

/* The byte that the disk holds at `position` at the start. */
uint8_t host_disk_byte(uint64_t position);

/* Reads the disk's image, not through the disk. */
void host_image_read(const struct host *host, uint64_t position, void *bytes, size_t size);

/* Reads a register of a physical function's configuration space. */
uint32_t host_config(const struct host_function *function, uint16_t offset, unsigned width);

/* ---- host_interrupts.c ---- */

/* Gives a function vectors of the machine: for its messages, and the one after them for INTx. */
void host_vectors_init(struct host_function *function, uint32_t first);

/* Hooks that set how a function interrupts. */
enum vpt_status host_interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count);
enum vpt_status host_intx_mask(void *ctx, bool masked);

/* Takes an interrupt that has arrived, and finds its owner; false: none. Returns each interrupt once. */
bool host_next_interrupt(struct host *host, struct vpt_assign_interrupt *interrupt);

/* Delivers the interrupts that have arrived, as an interrupt handler does. */
void host_deliver(struct host *host);

#endif
