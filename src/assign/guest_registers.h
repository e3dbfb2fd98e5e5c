/* SPDX-License-Identifier: MIT */
/* What the guest's registers say now (guest_registers.c). */
#ifndef VPT_SRC_ASSIGN_GUEST_REGISTERS_H
#define VPT_SRC_ASSIGN_GUEST_REGISTERS_H

#include "shadow.h"

#define ASSIGN_PM_CONTROL    4u /* offset in the capability */
#define ASSIGN_PM_STATE_MASK 0x3u

/* The bits of the command register that decide whether BARs are decoded. */
#define ASSIGN_DECODE ((uint32_t)VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

/* Bits of the word with the interrupt line: not 0 if the function has a pin. */
#define ASSIGN_INTERRUPT_PIN 0xff00u

/*
 * Returns the guest's command register as far as it has an effect. Outside D0 no memory or I/O access reaches a
 * function, and the function makes no access, sends no message and does not assert INTx (PCI Power Management 1.2,
 * section 5.4).
 */
uint32_t vpt_assign_in_effect(const struct vpt_assign_device *device);

/*
 * Reads the registers that decide what is live. Outside D0 the command register reads 0, so the power state always
 * reads D0.
 */
void vpt_assign_registers_read(const struct vpt_assign_device *device, struct vpt_assign_registers *registers);

/* Gives a BAR's register in the shadow the bits that no write changes. */
void vpt_assign_bar_normalise(struct vpt_assign_device *device, unsigned index);

#endif
