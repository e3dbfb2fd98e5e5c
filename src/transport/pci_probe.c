/* SPDX-License-Identifier: MIT */
/* virtio over PCI: whether a function is a virtio device, and which of its interfaces is used. */
#include "../log.h"
#include "pci_function.h"

/* The revision does not matter (PCI-DISC-3). */
static enum vpt_status identify_device(struct vpt_virtio_pci *pci, bool *transitional)
{
    struct vpt_device *device = &pci->device;
    struct vpt_pci_identity identity;
    enum vpt_status status = vpt_pci_identify(&pci->function, &identity);

    if (status != VPT_OK) {
        return status;
    }
    if (identity.vendor_id != VPT_PCI_VENDOR_VIRTIO) {
        return VPT_UNSUPPORTED_VENDOR;
    }
    *transitional = identity.device_id <= VPT_PCI_DEVICE_TRANSITIONAL_LAST;
    device->type = *transitional ? identity.subsystem_id : identity.device_id - VPT_PCI_DEVICE_MODERN_FIRST;
    device->vendor = identity.subsystem_vendor_id;
    pci->interrupt_pin = identity.interrupt_pin;
    pci->interrupt_line = identity.interrupt_line;
    return identity.header_type == 0 && identity.device_id >= VPT_PCI_DEVICE_TRANSITIONAL_FIRST &&
                   identity.device_id <= VPT_PCI_DEVICE_MODERN_LAST && device->type != 0
               ? VPT_OK
               : VPT_UNSUPPORTED_FUNCTION;
}

static void forget_structures(struct vpt_virtio_pci *pci)
{
    const struct vpt_port *port = pci->device.port;

    vpt_structure_unmap(port, &pci->common);
    vpt_structure_unmap(port, &pci->notify);
    vpt_structure_unmap(port, &pci->isr);
    vpt_structure_unmap(port, &pci->config);
    pci->msix = 0;
}

static enum vpt_status open_legacy(struct vpt_virtio_pci *pci)
{
#ifdef VPT_WITHOUT_LEGACY
    (void)pci;
    return VPT_UNSUPPORTED_INTERFACE;
#else
    return vpt_pci_open_legacy(pci);
#endif
}

/* Sets *unusable if there is no modern interface or this kernel cannot reach it. Other errors may be temporary. */
static enum vpt_status open_modern(struct vpt_virtio_pci *pci, bool *unusable)
{
    enum vpt_status status = vpt_pci_find_modern(pci);

    if (status != VPT_OK) {
        *unusable =
            vpt_status_group(status) == VPT_GROUP_DEVICE || status == VPT_CALLER_BAR || status == VPT_UNSUPPORTED_PORT;
        return status;
    }
    *unusable = true;
    return vpt_pci_map_modern(pci);
}

/* Tries the modern interface first. If it cannot be used, the function may have a legacy interface. */
static enum vpt_status open_interface(struct vpt_virtio_pci *pci, bool transitional,
                                      enum vpt_virtio_pci_interface interface)
{
    bool unusable;
    enum vpt_status modern;
    enum vpt_status legacy;

    if (interface == VPT_VIRTIO_PCI_LEGACY) {
        return transitional ? open_legacy(pci) : VPT_UNSUPPORTED_INTERFACE;
    }
    modern = open_modern(pci, &unusable);
    if (modern == VPT_OK || !transitional || !unusable) {
        return modern;
    }
    forget_structures(pci);
    if (interface == VPT_VIRTIO_PCI_MODERN) {
        return modern == VPT_DEVICE_NO_COMMON ? VPT_UNSUPPORTED_INTERFACE : modern;
    }
    if (modern != VPT_DEVICE_NO_COMMON) {
        (void)vpt_log(pci->device.port, VPT_LOG_WARNING, "modern interface", modern);
    }
    legacy = open_legacy(pci);
    return legacy == VPT_OK || modern == VPT_DEVICE_NO_COMMON ? legacy : modern;
}

/* Turns on decoding of the BARs that the structures are in. */
static enum vpt_status turn_decoding_on(struct vpt_virtio_pci *pci)
{
    const struct vpt_pci_structure *const structures[] = { &pci->common, &pci->notify, &pci->isr, &pci->config };
    uint16_t command = 0;
    unsigned i;

    for (i = 0; i < sizeof(structures) / sizeof(structures[0]); i++) {
        if (structures[i]->length != 0) {
            command |= structures[i]->io ? VPT_PCI_COMMAND_IO : VPT_PCI_COMMAND_MEMORY;
        }
    }
    return vpt_pci_command(&pci->function, command, 0);
}

/* If a device seems to be wrong, it may have been removed meanwhile. */
static enum vpt_status gone_if_removed(const struct vpt_pci_function *function, enum vpt_status status)
{
    return vpt_status_group(status) == VPT_GROUP_DEVICE && vpt_pci_function_removed(function) ? VPT_DEVICE_GONE
                                                                                              : status;
}

enum vpt_status vpt_virtio_pci_probe(struct vpt_virtio_pci *pci, const struct vpt_pci_function *function,
                                     const struct vpt_pci_bars *bars, enum vpt_virtio_pci_interface interface)
{
    bool transitional = false;
    enum vpt_status status;

    if (pci == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(pci, sizeof(*pci));
    if (function == NULL || function->port == NULL || bars == NULL || (unsigned)interface > VPT_VIRTIO_PCI_LEGACY) {
        return VPT_CALLER_ARGUMENT;
    }
    pci->function = *function;
    pci->bars = *bars;
    pci->device.port = function->port;
    status = identify_device(pci, &transitional);
    if (status == VPT_OK) {
        status = open_interface(pci, transitional, interface);
    }
    if (status == VPT_OK) {
        status = turn_decoding_on(pci);
        if (status == VPT_OK) {
            return status;
        }
    }
    status = gone_if_removed(&pci->function, status);
    forget_structures(pci);
    vpt_zero(pci, sizeof(*pci));
    return status;
}

enum vpt_status vpt_virtio_pci_close(struct vpt_virtio_pci *pci)
{
    enum vpt_status status;

    if (pci == NULL || pci->device.ops == NULL) {
        return VPT_OK;
    }
    if (vpt_stuck(&pci->device)) {
        return VPT_DEVICE_STUCK;
    }
    status = vpt_pci_command(&pci->function, 0, VPT_PCI_COMMAND_BUS_MASTER | VPT_PCI_COMMAND_INTERRUPT_DISABLE);
    forget_structures(pci);
    vpt_zero(pci, sizeof(*pci));
    return status;
}
