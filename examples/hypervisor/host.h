/* SPDX-License-Identifier: MIT */
/* The machine: its port, its IOMMU, and the virtio functions that guests can have. */
#ifndef HYPERVISOR_HOST_H
#define HYPERVISOR_HOST_H

#include <assign_port.h>
#include <assign_vectors.h>
#include <iommu.h>
#include <vpt/assign_dma.h>
#include <vpt/assign_remap.h>

#define HOST_FUNCTIONS_MAX 12u
#define HOST_MESSAGES_MAX  8u /* of a function */
#define HOST_VECTORS       256u

/* A physical function. */
struct host_function {
    struct vpt_assign_port_host access; /* must be first: the library's hooks get a pointer to it */
    const char *name;
    struct host *host;
    struct vpt_pci_function physical;
    struct vpt_pci_bars bars;
    struct iommu_domain domain;
    struct vpt_assign_device device;
    struct vpt_assign_vectors vectors;
    unsigned line; /* of the I/O APIC, for INTx */
};

struct host {
    void (*wait)(uint64_t end); /* what is done until the clock is there */
    struct vpt_port port;
    struct iommu iommu;
    struct vpt_assign_iommu iommu_hooks;
    struct vpt_assign_registry registry;
    struct vpt_assign_remap remap;
    struct vpt_assign_remap_entry entries[HOST_VECTORS];
    struct host_function functions[HOST_FUNCTIONS_MAX];
    unsigned function_count;
    uint8_t turn[256];  /* for each bus: sum of the device numbers of the bridges above */
    unsigned delivered; /* number of interrupts */
    unsigned unknown;   /* interrupts that belonged to no function */
    unsigned refused;   /* accesses to memory that the IOMMU has refused, as far as it has kept them */
};

/*
 * Finds the virtio functions, and opens them as assignable devices. While the library waits for a function it calls
 * wait(), which may run guests: the library's locks are those of devices, and each guest has devices of its own.
 */
void host_start(struct host *host, void (*wait)(uint64_t end));

/* Closes everything, and asserts that nothing remains. */
void host_stop(struct host *host);

/* Closes a device that no guest has, and opens it again. */
void host_close(struct host_function *function);
void host_open(struct host_function *function);

/* Counts the accesses that the IOMMU has refused. */
void host_look_for_faults(struct host *host);

/* The first function of this type (VPT_DEVICE_TYPE_*); and the first that no guest has, which there must be. */
struct host_function *host_find(struct host *host, uint32_t type);
struct host_function *host_free_function(struct host *host, uint32_t type);

/* ---- host_interrupts.c ---- */

/* Gives a function vectors of the machine: for its messages, and the one after them for INTx. */
void host_vectors_init(struct host_function *function, uint32_t first);

/* Hooks that set how a function interrupts. */
enum vpt_status host_interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count);
enum vpt_status host_intx_mask(void *ctx, bool masked);

/* Takes an interrupt of the machine: a vector for messages, or a line. */
void host_take_message(struct host *host, uint32_t vector);
void host_take_line(struct host *host, unsigned line);

#endif
