/* SPDX-License-Identifier: MIT */
/* Interrupts of the physical functions: how functions are programmed, and how interrupts arrive. */
#include "chips.h"
#include "cost.h"
#include "host.h"

#define STATUS           0x06u
#define STATUS_INTERRUPT 0x08u

static uint32_t intx_vector(const struct host_function *function)
{
    return function->first_vector + HOST_MESSAGES_MAX;
}

/* ---- Modes ---- */

static void turn_off(struct host_function *function)
{
    struct vpt_assign_remap *remap = &function->host->remap;

    for (uint32_t i = 0; i <= HOST_MESSAGES_MAX; i++) {
        (void)vpt_assign_remap_remove(remap, function->first_vector + i); /* there may be none */
    }
    if (function->mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        vpt_pci_msix_release(&function->msix);
    }
    function->messages = 0;
    function->mode = VPT_ASSIGN_INTERRUPT_NONE;
}

static enum vpt_status turn_message_on(struct host_function *function, uint16_t number)
{
    uint32_t vector = function->first_vector + number;
    enum vpt_status status = vpt_assign_remap_add(&function->host->remap, vector, &function->device, number, 0);

    if (status == VPT_OK) {
        status = vpt_pci_msix_program(&function->msix, number, chips_message_address(), vector);
    }
    return status != VPT_OK ? status : vpt_pci_msix_mask(&function->msix, number, false);
}

static enum vpt_status turn_messages_on(struct host_function *function, uint16_t count)
{
    enum vpt_status status = vpt_pci_msix_init(&function->msix, &function->physical, &function->bars);

    if (status == VPT_OK && count > HOST_MESSAGES_MAX) {
        status = VPT_RESOURCE_FULL;
    }
    for (uint16_t i = 0; i < count && status == VPT_OK; i++) {
        status = turn_message_on(function, i);
        function->messages = (uint16_t)(i + 1u);
    }
    return status != VPT_OK ? status : vpt_pci_msix_enable(&function->msix, true);
}

static enum vpt_status set_mode(struct host_function *function, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    enum vpt_status status;

    turn_off(function);
    status = host_intx_mask(function, mode != VPT_ASSIGN_INTERRUPT_INTX);
    if (status != VPT_OK) {
        return status;
    }
    function->mode = mode;
    switch (mode) {
    case VPT_ASSIGN_INTERRUPT_MSIX: return turn_messages_on(function, count);
    case VPT_ASSIGN_INTERRUPT_MSI: return VPT_UNSUPPORTED_PORT; /* no virtio function of QEMU has it */
    case VPT_ASSIGN_INTERRUPT_INTX:
        return vpt_assign_remap_add(&function->host->remap, intx_vector(function), &function->device, VPT_ASSIGN_INTX,
                                    0);
    case VPT_ASSIGN_INTERRUPT_NONE: break;
    }
    return VPT_OK;
}

enum vpt_status host_interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    bool before = cost_library(false);
    enum vpt_status status = set_mode(ctx, mode, count);

    (void)cost_library(before);
    return status;
}

/* Masks in the function's command register, because the line may be shared. */
enum vpt_status host_intx_mask(void *ctx, bool masked)
{
    struct host_function *function = ctx;
    uint16_t bit = VPT_PCI_COMMAND_INTERRUPT_DISABLE;
    bool before = cost_library(false);
    enum vpt_status status = vpt_pci_command(&function->physical, masked ? bit : 0, masked ? 0 : bit);

    function->masked = masked;
    (void)cost_library(before);
    return status;
}

/* ---- Arrival ---- */

void host_take_message(struct host *host, uint32_t vector)
{
    struct vpt_assign_interrupt interrupt;
    bool before = cost_library(true);

    if (vpt_assign_remap_find(&host->remap, vector, &interrupt) == VPT_OK) {
        host->delivered++;
        (void)vpt_assign_deliver(&interrupt); /* VPT_EMPTY: the guest has lost the device meanwhile */
    } else {
        host->unknown++;
    }
    (void)cost_library(before);
}

static bool interrupts(const struct host_function *function)
{
    uint32_t status = 0;

    return function->mode == VPT_ASSIGN_INTERRUPT_INTX && !function->masked &&
           vpt_pci_read(&function->physical, STATUS, 2, &status) == VPT_OK && (status & STATUS_INTERRUPT) != 0;
}

/* Functions may share a line: each that interrupts is masked by its delivery. */
void host_take_line(struct host *host, unsigned line)
{
    for (unsigned i = 0; i < host->function_count; i++) {
        const struct host_function *function = &host->functions[i];

        if (function->line == line && interrupts(function)) {
            host_take_message(host, intx_vector(function));
        }
    }
}
