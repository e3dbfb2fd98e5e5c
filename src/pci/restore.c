/* SPDX-License-Identifier: MIT */
/* Restores base address registers, for a function that has lost them in the machine's sleep or by a reset. */
#include "pci_internal.h"

static uint16_t decoding_of(enum vpt_pci_bar_kind kind)
{
    return kind == VPT_PCI_BAR_IO ? VPT_PCI_COMMAND_IO : VPT_PCI_COMMAND_MEMORY;
}

/* Whether a header of this type has registers for all addresses that are to be written. */
static bool has_registers(const struct vpt_pci_bar_layout *layout, const struct vpt_pci_bars *bars)
{
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        const struct vpt_pci_bar *bar = &bars->bar[i];

        if (vpt_pci_bar_implemented(bar) && bar->address != 0 && i + (bar->is_64bit ? 1u : 0u) >= layout->count) {
            return false;
        }
    }
    return true;
}

/* Writes all addresses, and sets the decode bits that they need in *decoding. */
static enum vpt_status write_all(const struct vpt_pci_function *function, const struct vpt_pci_bar_layout *layout,
                                 const struct vpt_pci_bars *bars, uint16_t *decoding)
{
    enum vpt_status status = VPT_OK;

    for (unsigned i = 0; i < layout->count && i < VPT_PCI_BARS_MAX && status == VPT_OK; i++) {
        const struct vpt_pci_bar *bar = &bars->bar[i];

        if (vpt_pci_bar_implemented(bar) && bar->address != 0) {
            status = vpt_pci_bar_write(function, vpt_pci_bar_register(layout, i), i, bar, bar->address);
            *decoding |= decoding_of(bar->kind);
        }
    }
    return status;
}

enum vpt_status vpt_pci_bars_restore(const struct vpt_pci_function *function, const struct vpt_pci_bars *bars)
{
    struct vpt_pci_bar_layout layout;
    uint16_t decoding = 0;
    enum vpt_status status;

    if (bars == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_pci_bar_layout(function, &layout);
    if (status == VPT_OK) {
        status = vpt_pci_command(function, 0, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
    }
    if (status == VPT_OK && !has_registers(&layout, bars)) {
        status = VPT_DEVICE_PCI_BAR;
    }
    if (status == VPT_OK) {
        status = write_all(function, &layout, bars, &decoding);
    }
    if (status == VPT_OK) {
        status = vpt_pci_command(function, decoding, 0);
    }
    if (status != VPT_OK) {
        (void)vpt_pci_command(function, 0, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
    }
    return status;
}
