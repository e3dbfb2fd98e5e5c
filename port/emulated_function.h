/* SPDX-License-Identifier: MIT */
/*
 * A PCI function that a hypervisor makes up itself, as a host of <vpt/assign.h>: its configuration space is bytes in
 * memory with masks, and its registers are the hypervisor's functions. The same books then serve emulated devices and
 * physical ones.
 *
 * Bit 2 of the command register, if it is writable, says whether the device may access its guest's memory. Messages
 * that are raised while it is 0 wait.
 *
 * A BAR of n bytes is a register whose address bits from n on are writable; the hypervisor puts an address into it that
 * means something to `access`, before the device is opened: one without is never live.
 */
#ifndef VPT_EMULATED_FUNCTION_H
#define VPT_EMULATED_FUNCTION_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* All of it is the caller's; vpt_emulated_init() fills in `host`, and takes the rest as it is. */
struct vpt_emulated_function {
    struct vpt_assign_host host; /* for struct vpt_assign_config; intx_mask and interrupts may be set afterwards */
    uint8_t *config;             /* `size` bytes, as the space is read */
    const uint8_t *initial;      /* `size` bytes: the same after a reset */
    const uint8_t *writable;     /* `size` bytes: bits that a write changes; NULL: none */
    const uint8_t *clear;        /* `size` bytes: bits that a written 1 clears; NULL: none */
    uint16_t size;               /* 256 or 4096 */
    void *ctx;                   /* for these two: */

    /*
     * An access of a guest's to a BAR, at the host's address. Width 1, 2, 4; of memory 8 too. NULL: as one that fails.
     */
    enum vpt_status (*access)(void *ctx, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                              uint64_t *value);

    /* The device behind forgets all that it has done; its configuration space is as at first already. May be NULL. */
    void (*reset)(void *ctx);
};

/* The initial configuration, and `host`. VPT_CALLER_ARGUMENT. The object stays where it is: host.ctx points to it. */
enum vpt_status vpt_emulated_init(struct vpt_emulated_function *function);

VPT_END_DECLARATIONS

#endif
