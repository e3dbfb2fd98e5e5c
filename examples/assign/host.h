/* SPDX-License-Identifier: MIT */
/*
 * The physical machine, and what a hypervisor has to do for it: a q35 with a virtio disk and a network controller
 * (e1000e), each behind a root port of its own, an IOMMU, and interrupts that arrive in memory, a dword a vector.
 */
#ifndef EXAMPLE_ASSIGN_HOST_H
#define EXAMPLE_ASSIGN_HOST_H

#include <assign_port.h>
#include <vpt/assign_dma.h>
#include <vpt/assign_remap.h>

#include "iommu.h"

#define HOST_VECTORS   64u /* of the host */
#define HOST_FUNCTIONS 2u

enum host_index { DISK, NETWORK };

/*
 * Where the IOMMU lets functions send their messages: a window in every guest's addresses that no memory of a guest
 * may be in. (A PC has its interrupt controllers there; this one has a page of memory that the host looks at.)
 */
#define HOST_MESSAGES      UINT64_C(0xfee00000)
#define HOST_MESSAGES_SIZE UINT64_C(0x200000)
#define HOST_MESSAGES_AT   UINT64_C(0xfef00000) /* the first MiB of it is no memory on a PC */

/* A physical function. */
struct host_function {
    struct vpt_assign_port_host access; /* first: it is what the library's hooks are given */
    const char *name;
    struct host *host;
    struct vpt_pci_function physical;
    struct vpt_pci_function root_port; /* that it is behind */
    struct vpt_pci_bars bars;
    struct vpt_pci_msix msix; /* while it interrupts by that */
    struct iommu_domain domain;
    struct vpt_assign_device device;
    enum vpt_assign_interrupt_mode mode;
    uint16_t messages;     /* that it may send in this mode */
    uint32_t first_vector; /* of the host, for its messages and then for INTx */
    uint32_t line;         /* that its INTx arrives at */
    bool masked;           /* its INTx */
    bool reset_by_port;    /* a reset of its own is no use: all that is behind its root port is reset */
    unsigned resets;       /* of this kind */
};

struct host {
    struct vpt_qtest *qtest;
    const struct vpt_port *port;
    struct iommu iommu;
    struct vpt_assign_iommu iommu_hooks;
    struct vpt_memory message_page; /* a dword a vector */
    struct vpt_assign_registry registry;
    struct vpt_assign_remap remap;
    struct vpt_assign_remap_entry entries[HOST_VECTORS];
    struct host_function functions[HOST_FUNCTIONS];
    int image;
    unsigned delivered; /* interrupts */
    unsigned unknown;   /* that were nobody's */
};

#define HOST_DISK_SIZE 0x100000u /* bytes */

/* Starts the machine, gives its functions addresses, and opens them as devices that guests can have. */
void host_start(struct host *host);

/* Closes all, and asserts that nothing is left of it. */
void host_stop(struct host *host);

/* Waits so long at least. */
void host_pause(uint32_t microseconds);

/* What byte `position` of the disk holds at the start. */
uint8_t host_disk_byte(uint64_t position);

/* Reads the disk's image, beside the disk. */
void host_image_read(const struct host *host, uint64_t position, void *bytes, size_t size);

/* A register of a physical function's configuration space. */
uint32_t host_config(const struct host_function *function, uint16_t offset, unsigned width);

/* ---- host_interrupts.c ---- */

/* The hooks by which a function is told how to interrupt. */
enum vpt_status host_interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count);
enum vpt_status host_intx_mask(void *ctx, bool masked);

/* An interrupt that has arrived, and whose it is; false: none. Each is given once. */
bool host_next_interrupt(struct host *host, struct vpt_assign_interrupt *interrupt);

/* Delivers what has arrived, as an interrupt handler does. */
void host_deliver(struct host *host);

#endif
