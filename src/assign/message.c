/* SPDX-License-Identifier: MIT */
/* One message of MSI or MSI-X: what it writes, whether it is masked, and whether it is pending. */
#include "message.h"

#include "guest_registers.h"

/* The control registers, in the first words of their capabilities. */
#define MSIX_FUNCTION_MASK (1u << 30)
#define MSI_64_BIT_SHIFT   23u
#define MSI_MASKABLE       (1u << 24)

/* Words of MSI's capability. With addresses of 64 bits the data and what follows lie one word further on. */
#define MSI_ADDRESS_LOW  1u
#define MSI_ADDRESS_HIGH 2u
#define MSI_DATA         2u
#define MSI_MASK         3u
#define MSI_PENDING      4u

/* What a vector's message is, and its state. */
struct message {
    uint64_t address;
    uint32_t data;
    uint32_t *pending; /* the word with its pending bit */
    uint32_t bit;
    uint32_t masked; /* not 0: it is masked */
};

static void msix_message(struct vpt_assign_device *device, unsigned vector, struct message *message)
{
    struct vpt_assign_vector *entry = &device->vectors[vector];

    message->address = (uint64_t)entry->address_high << 32 | entry->address_low;
    message->data = entry->data;
    message->pending = &entry->control;
    message->bit = ASSIGN_VECTOR_PENDING;
    message->masked =
        (vpt_assign_shadow32(device, device->msix) & MSIX_FUNCTION_MASK) | (entry->control & ASSIGN_VECTOR_MASKED);
}

static void msi_message(struct vpt_assign_device *device, unsigned vector, struct message *message)
{
    const uint32_t *word = &device->shadow[device->msi / 4u];
    unsigned shift = word[0] >> MSI_64_BIT_SHIFT & 1u;
    uint32_t data = word[MSI_DATA + shift] & PCI_ABSENT16;

    message->address = word[MSI_ADDRESS_LOW];
    if (shift != 0) {
        message->address |= (uint64_t)word[MSI_ADDRESS_HIGH] << 32;
    }
    message->data = vpt_assign_merge(data, vector, vpt_assign_msi_messages(word[0]) - 1u);
    message->pending = &device->msi_pending;
    message->bit = 1u << (vector & 31u);
    message->masked = (word[0] & MSI_MASKABLE) != 0 ? word[MSI_MASK + shift] & message->bit : 0;
}

void vpt_assign_msi_show_pending(struct vpt_assign_device *device)
{
    uint32_t *word = &device->shadow[device->msi / 4u];

    if (device->msi != 0 && (word[0] & MSI_MASKABLE) != 0) {
        word[MSI_PENDING + (word[0] >> MSI_64_BIT_SHIFT & 1u)] = device->msi_pending;
    }
}

enum vpt_status vpt_assign_message(struct vpt_assign_device *device, unsigned vector, bool raised)
{
    const struct vpt_assign_guest *guest = device->guest;
    enum vpt_status status = VPT_OK;
    struct message message;

    if (device->mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        msix_message(device, vector, &message);
    } else {
        msi_message(device, vector, &message);
    }
    if (raised) {
        *message.pending |= message.bit;
    }
    if ((*message.pending & message.bit) != 0) {
        device->raised = true;
        /* A message is a write to memory, so the function has to be in D0 and a bus master. */
        if (message.masked == 0 && (vpt_assign_in_effect(device) & VPT_PCI_COMMAND_BUS_MASTER) != 0) {
            status = guest->message == NULL ? VPT_UNSUPPORTED_PORT
                                            : guest->message(guest->ctx, message.address, message.data);
            if (status == VPT_OK) {
                *message.pending &= ~message.bit;
            }
        }
    }
    vpt_assign_msi_show_pending(device);
    return status;
}

void vpt_assign_msix_reset(struct vpt_assign_device *device)
{
    static const struct vpt_assign_vector masked = { 0, 0, 0, ASSIGN_VECTOR_MASKED };

    for (unsigned i = 0; i < device->vector_count; i++) {
        device->vectors[i] = masked;
    }
}
