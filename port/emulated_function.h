/* SPDX-License-Identifier: MIT */
/*
 * A PCI function that a hypervisor emulates, as a host of <vpt/assign.h>: its configuration space is bytes in memory
 * with masks, and its registers are the hypervisor's functions. So the same calls serve emulated and physical devices.
 *
 * Bit 2 of the command register, if it is writable, says whether the device may access its guest's memory. Messages
 * that are raised while it is 0 stay pending.
 *
 * A BAR of n bytes is a register whose address bits from n on are writable. Before the device is opened the hypervisor
 * writes an address into it, which `access` gets back; a BAR without an address is never live.
 */
#ifndef VPT_EMULATED_FUNCTION_H
#define VPT_EMULATED_FUNCTION_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* All members are the caller's, except for `host`, which vpt_emulated_init() fills in. */
struct vpt_emulated_function {
    struct vpt_assign_host
        host;                /* for struct vpt_assign_config; the caller may set intx_mask and interrupts afterwards */
    uint8_t *config;         /* `size` bytes: current values of the space */
    const uint8_t *initial;  /* `size` bytes: values after a reset */
    const uint8_t *writable; /* `size` bytes: bits that a write changes; NULL: none */
    const uint8_t *clear;    /* `size` bytes: bits that a written 1 clears; NULL: none */
    uint16_t size;           /* 256 or 4096 */
    void *ctx;               /* first argument of `access` and `reset` */

    /*
     * A guest's access to a BAR, at the host's address. The width is 1, 2 or 4; for memory also 8. NULL: accesses fail.
     */
    enum vpt_status (*access)(void *ctx, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                              uint64_t *value);

    /* Resets the device, after its configuration space was reset. May be NULL. */
    void (*reset)(void *ctx);
};

/*
 * Fills in the configuration space and `host`. The object must stay where it is, because host.ctx points to it.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the size is neither 256 nor 4096.
 */
enum vpt_status vpt_emulated_init(struct vpt_emulated_function *function);

VPT_END_DECLARATIONS

#endif
