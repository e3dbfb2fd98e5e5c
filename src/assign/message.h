/* SPDX-License-Identifier: MIT */
/* One message of MSI or MSI-X, and the MSI-X table in memory (message.c). */
#ifndef VPT_SRC_ASSIGN_MESSAGE_H
#define VPT_SRC_ASSIGN_MESSAGE_H

#include "shadow.h"

/* Bits of a vector's control. */
#define ASSIGN_VECTOR_MASKED  0x1u
#define ASSIGN_VECTOR_PENDING 0x2u

/* Returns how many messages of MSI the guest has enabled in the capability's first word. */
static inline unsigned vpt_assign_msi_messages(uint32_t control)
{
    return 1u << (control >> 20 & 0x7u);
}

/* The MSI-X table as words, 4 for each entry. */
static inline uint32_t *vpt_assign_msix_words(const struct vpt_assign_device *device)
{
    return (uint32_t *)(void *)device->vectors;
}

/*
 * Called for a message (below message_count) that is raised now, or that may have been unmasked: delivers it if it is
 * pending and not masked. VPT_UNSUPPORTED_PORT, errors of message(): the message is still pending.
 */
enum vpt_status vpt_assign_message(struct vpt_assign_device *device, unsigned vector, bool raised);

/* Copies MSI's pending bits to the register in which the guest sees them, if the capability has this register. */
void vpt_assign_msi_show_pending(struct vpt_assign_device *device);

/* Resets the MSI-X table to power-on: all vectors are masked, none is pending. */
void vpt_assign_msix_reset(struct vpt_assign_device *device);

#endif
