/* SPDX-License-Identifier: MIT */
/* A function's interrupts on their way to a guest: of which kind they are, what is masked, what is pending. */
#include "assign_internal.h"
#include "guest_interrupt.h"

/* The control registers, in the first words of their capabilities. */
#define MSIX_FUNCTION_MASK (1u << 30)
#define MSIX_ENABLE        (1u << 31)
#define MSI_ENABLE         (1u << 16)
#define MSI_64_BIT_SHIFT   23u
#define MSI_MASKABLE       (1u << 24)

/* Words of MSI's capability; from the data on one more where the address has 64 bits. */
#define MSI_ADDRESS_LOW  1u
#define MSI_ADDRESS_HIGH 2u
#define MSI_DATA         2u
#define MSI_MASK         3u
#define MSI_PENDING      4u

/* What there is to know of one vector. */
struct message {
    uint64_t address;
    uint32_t data;
    uint32_t *pending; /* where it is remembered, and by which bit */
    uint32_t bit;
    uint32_t masked; /* 0: no */
};

/* The first word of a capability; 0: there is none. */
static uint32_t control_of(const struct vpt_assign_device *device, uint16_t capability)
{
    return capability != 0 ? vpt_assign_shadow32(device, capability) : 0;
}

/* How many messages MSI has, as the guest has enabled them. */
static unsigned msi_messages(uint32_t control)
{
    return 1u << (control >> 20 & 0x7u);
}

/* ---- Messages ---- */

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
    message->data = vpt_assign_merge(data, vector, msi_messages(word[0]) - 1u);
    message->pending = &device->msi_pending;
    message->bit = 1u << (vector & 31u);
    message->masked = (word[0] & MSI_MASKABLE) != 0 ? word[MSI_MASK + shift] & message->bit : 0;
}

/* The guest sees what is pending where MSI has a register for that. */
static void msi_show_pending(struct vpt_assign_device *device)
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
        /* A message is a write to memory, for which the function has to be bus master, in D0. */
        if (message.masked == 0 && (vpt_assign_in_effect(device) & VPT_PCI_COMMAND_BUS_MASTER) != 0) {
            status = guest->message == NULL ? VPT_UNSUPPORTED_PORT
                                            : guest->message(guest->ctx, message.address, message.data);
            if (status == VPT_OK) {
                *message.pending &= ~message.bit;
            }
        }
    }
    msi_show_pending(device);
    return status;
}

/* ---- INTx ---- */

static enum vpt_status mask_host(const struct vpt_assign_device *device, bool masked)
{
    const struct vpt_assign_host *host = device->host;

    return host->intx_mask == NULL ? VPT_OK : host->intx_mask(host->ctx, masked);
}

/* Tells the guest of another level. */
static void drive_line(struct vpt_assign_device *device)
{
    const struct vpt_assign_guest *guest = device->guest;
    bool level = device->intx_asserted && (vpt_assign_in_effect(device) & VPT_PCI_COMMAND_INTERRUPT_DISABLE) == 0;

    if (level != device->intx_level) {
        device->intx_level = level;
        if (guest->intx != NULL) {
            guest->intx(guest->ctx, level);
        }
    }
}

/* Where it is asserted already too: somebody has unmasked it at the host. */
static enum vpt_status raise_intx(struct vpt_assign_device *device)
{
    if (device->mode != VPT_ASSIGN_INTERRUPT_INTX) {
        return VPT_EMPTY;
    }
    device->intx_asserted = true;
    drive_line(device);
    return mask_host(device, true);
}

/* ---- Modes ---- */

/* As the registers say it. */
static enum vpt_assign_interrupt_mode mode_of(const struct vpt_assign_device *device, unsigned *count)
{
    uint32_t msi;

    if ((control_of(device, device->msix) & MSIX_ENABLE) != 0) {
        *count = device->vector_count;
        return VPT_ASSIGN_INTERRUPT_MSIX;
    }
    msi = control_of(device, device->msi);
    if ((msi & MSI_ENABLE) != 0) {
        *count = msi_messages(msi);
        return VPT_ASSIGN_INTERRUPT_MSI;
    }
    *count = 0;
    return (vpt_assign_shadow32(device, PCI_INTERRUPT_LINE) & ASSIGN_INTERRUPT_PIN) != 0 ? VPT_ASSIGN_INTERRUPT_INTX
                                                                                         : VPT_ASSIGN_INTERRUPT_NONE;
}

/*
 * The host's INTx is unmasked first, whether or not the guest has one to see to: after an error of interrupts() it
 * comes once more, and is masked again.
 */
static enum vpt_status set_mode(struct vpt_assign_device *device, enum vpt_assign_interrupt_mode mode, unsigned count)
{
    const struct vpt_assign_host *host = device->host;
    enum vpt_status status = VPT_OK;

    if (mode == device->mode && count == device->message_count) {
        return VPT_OK;
    }
    if (device->degraded && mode != VPT_ASSIGN_INTERRUPT_NONE) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    if (device->mode == VPT_ASSIGN_INTERRUPT_INTX) {
        status = mask_host(device, false);
    }
    if (status == VPT_OK && host->interrupts != NULL) {
        status = host->interrupts(host->ctx, mode, (uint16_t)count);
    }
    if (status == VPT_OK) {
        device->mode = mode;
        device->message_count = (uint16_t)count;
        device->intx_asserted = false;
    }
    return status;
}

enum vpt_status vpt_assign_interrupts_follow(struct vpt_assign_device *device)
{
    unsigned count;
    enum vpt_assign_interrupt_mode mode = mode_of(device, &count);
    enum vpt_status status = set_mode(device, mode, count);

    if (status != VPT_OK) {
        return status;
    }
    drive_line(device);
    msi_show_pending(device);
    device->raised = false;
    for (unsigned i = 0; i < device->message_count; i++) {
        (void)vpt_assign_message(device, i, false);
    }
    return VPT_OK;
}

enum vpt_status vpt_assign_interrupts_off(struct vpt_assign_device *device)
{
    enum vpt_status status = set_mode(device, VPT_ASSIGN_INTERRUPT_NONE, 0);

    device->intx_asserted = false;
    drive_line(device);
    device->msi_pending = 0;
    msi_show_pending(device);
    vpt_assign_msix_reset(device);
    device->generation++;
    vpt_assign_remap_forget(device);
    return status;
}

/* ---- Public ---- */

static enum vpt_status check_owned(const struct vpt_assign_device *device)
{
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return device->owned ? VPT_OK : VPT_CALLER_STATE;
}

enum vpt_status vpt_assign_raise(struct vpt_assign_device *device, uint16_t vector)
{
    enum vpt_status status = check_owned(device);

    if (status != VPT_OK) {
        return status;
    }
    if (vector == VPT_ASSIGN_INTX) {
        return raise_intx(device);
    }
    return vector < device->message_count ? vpt_assign_message(device, vector, true) : VPT_EMPTY;
}

enum vpt_status vpt_assign_end_of_interrupt(struct vpt_assign_device *device)
{
    enum vpt_status status = check_owned(device);

    if (status != VPT_OK) {
        return status;
    }
    if (!device->intx_asserted) {
        return VPT_EMPTY;
    }
    status = mask_host(device, false);
    if (status != VPT_OK) {
        return status;
    }
    device->intx_asserted = false;
    drive_line(device);
    return VPT_OK;
}
