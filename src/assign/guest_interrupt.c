/* SPDX-License-Identifier: MIT */
/* A guest's interrupts: which kind the guest has enabled, the level of INTx, raising and delivery. */
#include "guest_interrupt.h"

#include <vpt/assign_remap.h>

#include "guest_registers.h"
#include "message.h"
#include "remap.h"

/* The enable bits, in the first words of the capabilities. */
#define MSIX_ENABLE (1u << 31)
#define MSI_ENABLE  (1u << 16)

/* Returns the first word of a capability, or 0 if there is none. */
static uint32_t control_of(const struct vpt_assign_device *device, uint16_t capability)
{
    return capability != 0 ? vpt_assign_shadow32(device, capability) : 0;
}

/* ---- INTx ---- */

static enum vpt_status mask_host(const struct vpt_assign_device *device, bool masked)
{
    const struct vpt_assign_host *host = device->host;

    return host->intx_mask == NULL ? VPT_OK : host->intx_mask(host->ctx, masked);
}

/* Tells the guest the level of INTx if it has changed. */
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

/* Masks the host's INTx even if it is asserted already, since somebody has unmasked it there. */
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

/* Returns the mode that the guest's registers say, and how many messages it has. */
static enum vpt_assign_interrupt_mode mode_of(const struct vpt_assign_device *device, unsigned *count)
{
    uint32_t msi;

    if ((control_of(device, device->msix) & MSIX_ENABLE) != 0) {
        *count = device->vector_count;
        return VPT_ASSIGN_INTERRUPT_MSIX;
    }
    msi = control_of(device, device->msi);
    if ((msi & MSI_ENABLE) != 0) {
        *count = vpt_assign_msi_messages(msi);
        return VPT_ASSIGN_INTERRUPT_MSI;
    }
    *count = 0;
    return (vpt_assign_shadow32(device, PCI_INTERRUPT_LINE) & ASSIGN_INTERRUPT_PIN) != 0 ? VPT_ASSIGN_INTERRUPT_INTX
                                                                                         : VPT_ASSIGN_INTERRUPT_NONE;
}

/*
 * Unmasks the host's INTx first, even if the guest has not handled an interrupt yet. If interrupts() then fails, a
 * device that still asserts INTx interrupts again, which masks INTx again.
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
    vpt_assign_msi_show_pending(device);
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
    vpt_assign_msi_show_pending(device);
    vpt_assign_msix_reset(device);
    device->generation++;
    vpt_assign_remap_forget(device);
    return status;
}

/* ---- Raising and delivery ---- */

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

enum vpt_status vpt_assign_deliver(const struct vpt_assign_interrupt *interrupt)
{
    if (interrupt == NULL || interrupt->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (interrupt->device->generation != interrupt->generation) {
        return VPT_EMPTY;
    }
    return vpt_assign_raise(interrupt->device, interrupt->vector);
}
