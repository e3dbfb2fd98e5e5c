/* SPDX-License-Identifier: MIT */
#include "assign_vectors.h"

/* A function that interrupts in another way is kept from INTx, since nobody would handle that. */
static enum vpt_status allow_intx(const struct vpt_assign_vectors *vectors, bool allowed)
{
    uint16_t bit = VPT_PCI_COMMAND_INTERRUPT_DISABLE;

    return vpt_pci_command(vectors->function, allowed ? 0 : bit, allowed ? bit : 0);
}

static enum vpt_status follow_mask(const struct vpt_assign_vectors *vectors)
{
    return vectors->mode == VPT_ASSIGN_INTERRUPT_INTX ? allow_intx(vectors, !vectors->masked) : VPT_OK;
}

static void turn_off(struct vpt_assign_vectors *vectors)
{
    /* A reset has removed the entries already. */
    for (uint32_t i = 0; i < vectors->messages; i++) {
        (void)vpt_assign_remap_remove(vectors->remap, vectors->first + i);
    }
    switch (vectors->mode) {
    case VPT_ASSIGN_INTERRUPT_MSIX: vpt_pci_msix_release(&vectors->msix); break;
    case VPT_ASSIGN_INTERRUPT_MSI: (void)vpt_pci_msi_disable(vectors->function); break;
    case VPT_ASSIGN_INTERRUPT_INTX: (void)vpt_assign_remap_remove(vectors->remap, vectors->intx); break;
    case VPT_ASSIGN_INTERRUPT_NONE: break;
    }
    vectors->messages = 0;
}

static enum vpt_status add_message(struct vpt_assign_vectors *vectors, struct vpt_assign_vectors_message *message)
{
    uint16_t number = vectors->messages;
    uint32_t vector = vectors->first + number;
    enum vpt_status status;

    *message = (struct vpt_assign_vectors_message){ .target = 0 };
    vectors->message(vectors->ctx, vector, message);
    status = vpt_assign_remap_add(vectors->remap, vector, vectors->device, number, message->target);
    if (status == VPT_OK) {
        vectors->messages++;
    }
    return status;
}

static enum vpt_status turn_msix_on(struct vpt_assign_vectors *vectors, uint16_t count)
{
    enum vpt_status status = vpt_pci_msix_init(&vectors->msix, vectors->function, vectors->bars);

    for (uint16_t i = 0; i < count && status == VPT_OK; i++) {
        struct vpt_assign_vectors_message message;

        status = add_message(vectors, &message);
        if (status == VPT_OK) {
            status = vpt_pci_msix_program(&vectors->msix, i, message.address, message.data);
        }
        if (status == VPT_OK) {
            status = vpt_pci_msix_mask(&vectors->msix, i, false);
        }
    }
    return status != VPT_OK ? status : vpt_pci_msix_enable(&vectors->msix, true);
}

static enum vpt_status turn_msi_on(struct vpt_assign_vectors *vectors)
{
    struct vpt_assign_vectors_message message;
    enum vpt_status status = add_message(vectors, &message);

    return status != VPT_OK ? status : vpt_pci_msi_enable(vectors->function, message.address, message.data);
}

static enum vpt_status turn_on(struct vpt_assign_vectors *vectors, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    enum vpt_status status = VPT_OK;

    if (mode == VPT_ASSIGN_INTERRUPT_INTX) {
        status = vpt_assign_remap_add(vectors->remap, vectors->intx, vectors->device, VPT_ASSIGN_INTX, 0);
        vectors->mode = status == VPT_OK ? mode : VPT_ASSIGN_INTERRUPT_NONE;
        return status;
    }
    vectors->mode = mode;
    if (mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        return turn_msix_on(vectors, count);
    }
    return mode == VPT_ASSIGN_INTERRUPT_MSI ? turn_msi_on(vectors) : VPT_OK;
}

enum vpt_status vpt_assign_vectors_set(struct vpt_assign_vectors *vectors, enum vpt_assign_interrupt_mode mode,
                                       uint16_t count)
{
    enum vpt_assign_interrupt_mode before = vectors->mode;
    uint16_t messages = vectors->messages;
    enum vpt_status status;
    enum vpt_status followed;

    if (count > 0 && (vectors->message == NULL || (mode == VPT_ASSIGN_INTERRUPT_MSI && count > 1u))) {
        return VPT_UNSUPPORTED_PORT;
    }
    if (count > vectors->count) {
        return VPT_RESOURCE_FULL;
    }
    /* First, since INTx has no entry meanwhile. A function that is gone, or has no INTx, may not have the bit. */
    (void)allow_intx(vectors, false);
    turn_off(vectors);
    status = turn_on(vectors, mode, count);
    if (status != VPT_OK) {
        turn_off(vectors);
        (void)turn_on(vectors, before, messages);
    }
    followed = follow_mask(vectors);
    return status != VPT_OK ? status : followed;
}

enum vpt_status vpt_assign_vectors_mask(struct vpt_assign_vectors *vectors, bool masked)
{
    vectors->masked = masked;
    return follow_mask(vectors);
}
