/* SPDX-License-Identifier: MIT */
/* The interrupts of a guest's device (guest_interrupt.c). */
#ifndef VPT_SRC_ASSIGN_GUEST_INTERRUPT_H
#define VPT_SRC_ASSIGN_GUEST_INTERRUPT_H

#include <vpt/assign.h>

/*
 * Called if the device has an owner, after bits of the shadow that interrupts depend on have changed: interrupt disable
 * or bus mastering in the command register, the power state, MSI's control register or mask bits, MSI-X's control
 * register. Tells the host if the mode has changed, delivers messages that are pending and no longer masked, and tells
 * the guest the level of INTx.
 *
 * returns:
 * VPT_OK: done, even if message() has failed, since the message stays pending
 * VPT_DEVICE_ASSIGN_DEGRADED, errors of interrupts() and intx_mask(): nothing has changed, and the caller puts the
 *     registers back
 */
enum vpt_status vpt_assign_interrupts_follow(struct vpt_assign_device *device);

/*
 * Ends interrupts, when an owner gives the device back and at a reset: the host sends none, INTx is not asserted,
 * nothing is pending, entries for the host's vectors are removed, the generation changes, and the MSI-X table is as at
 * power-on. After an error of interrupts() or intx_mask() the host may still interrupt, but all else is done.
 */
enum vpt_status vpt_assign_interrupts_off(struct vpt_assign_device *device);

#endif
