/* SPDX-License-Identifier: MIT */
/* Interrupts on their way to a guest: what the files about them share. */
#ifndef VPT_SRC_ASSIGN_INTERRUPT_H
#define VPT_SRC_ASSIGN_INTERRUPT_H

#include <vpt/assign.h>

/* Of the word with the interrupt line: not 0 where the function has a pin. */
#define ASSIGN_INTERRUPT_PIN 0xff00u

/*
 * Looks at a message (below message_count) that has been raised now, or may be unmasked now: it is delivered if it is
 * pending and not masked, and is not pending any more then. VPT_UNSUPPORTED_PORT, errors of message(): it is pending
 * still.
 */
enum vpt_status vpt_assign_message(struct vpt_assign_device *device, unsigned vector, bool raised);

#endif
