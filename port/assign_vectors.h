/* SPDX-License-Identifier: MIT */
/*
 * The machine's vectors for a physical function that is assigned: what a host's interrupts() and intx_mask() have to do
 * (<vpt/assign.h>). Each message of the function has a vector of the machine, and so has its INTx; for each there is an
 * entry in a remap array (<vpt/assign_remap.h>).
 */
#ifndef VPT_ASSIGN_VECTORS_H
#define VPT_ASSIGN_VECTORS_H

#include <vpt/assign_remap.h>

VPT_BEGIN_DECLARATIONS

/* What a function writes so that the machine is interrupted. */
struct vpt_assign_vectors_message {
    uint64_t address;
    uint32_t data;
    uint32_t target; /* of the entry in the remap array */
};

/*
 * The caller sets the members above the line before the device is acquired; it may read those below it. INTx must be
 * disabled in the function's command register when the device is opened, because a reset and a release restore that.
 */
struct vpt_assign_vectors {
    struct vpt_assign_remap *remap;
    struct vpt_assign_device *device;
    const struct vpt_pci_function *function;
    const struct vpt_pci_bars *bars; /* of the function; only for MSI-X */
    uint32_t first;                  /* message n is the machine's vector `first` + n */
    uint16_t count;                  /* of vectors for messages */
    uint32_t intx;                   /* the vector that stands for INTx, whatever line of the machine it is */
    void *ctx;
    /* Says what raises a vector of the machine. NULL: the function cannot have messages. */
    void (*message)(void *ctx, uint32_t vector, struct vpt_assign_vectors_message *message);
    /* ---- */
    enum vpt_assign_interrupt_mode mode;
    bool masked;       /* INTx, by vpt_assign_vectors_mask() */
    uint16_t messages; /* that the function has now */
    struct vpt_pci_msix msix;
};

/*
 * Does the work of interrupts(): the function interrupts in this way from now on, and no longer in another one. INTx is
 * disabled in its command register in every other mode. After an error it interrupts as before, as far as this can be
 * done.
 *
 * Returns
 * VPT_OK
 * VPT_RESOURCE_FULL: there are fewer vectors than messages.
 * VPT_UNSUPPORTED_PORT: there is no message(), or MSI has more than one message.
 * what vpt_pci_command(), vpt_assign_remap_add(), vpt_pci_msix_init() and the calls after it, and vpt_pci_msi_enable()
 * return.
 */
enum vpt_status vpt_assign_vectors_set(struct vpt_assign_vectors *vectors, enum vpt_assign_interrupt_mode mode,
                                       uint16_t count);

/*
 * Does the work of intx_mask(), in the function's command register, because functions may share a line of the machine.
 *
 * Returns
 * what vpt_pci_command() returns.
 */
enum vpt_status vpt_assign_vectors_mask(struct vpt_assign_vectors *vectors, bool masked);

VPT_END_DECLARATIONS

#endif
