/* SPDX-License-Identifier: MIT */
/* Devices on PCI, on a machine whose configuration space is memory. */
#include "port.h"

#include <direct.h>
#include <ecam.h>
#include <vpt/virtio_pci.h>

static struct vpt_virtio_pci functions[PORT_DEVICES];

struct search {
    const struct vpt_port *port;
    const struct machine_pci *pci;
    struct port_device *devices;
};

/* The device type by the id, also of a transitional device; 0 for what is no virtio device or of no use here. */
static uint32_t type_of(const struct vpt_pci_identity *identity)
{
    if (identity->vendor_id != VPT_PCI_VENDOR_VIRTIO) {
        return 0;
    }
    switch (identity->device_id) {
    case VPT_PCI_DEVICE_TRANSITIONAL_FIRST:
    case VPT_PCI_DEVICE_MODERN_FIRST + VPT_DEVICE_TYPE_NETWORK: return VPT_DEVICE_TYPE_NETWORK;
    case VPT_PCI_DEVICE_TRANSITIONAL_FIRST + 1u:
    case VPT_PCI_DEVICE_MODERN_FIRST + VPT_DEVICE_TYPE_BLOCK: return VPT_DEVICE_TYPE_BLOCK;
    default: return 0;
    }
}

/* Only bus 0 is looked at, so that a function's line depends on its own number alone. */
static bool visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    struct search *search = ctx;
    struct port_device *wanted = port_wanted(search->devices, type_of(identity));
    struct vpt_virtio_pci *found;
    struct vpt_pci_bars bars;

    if (wanted == NULL || function->address.bus != 0) {
        return true;
    }
    found = &functions[wanted - search->devices];
    if (vpt_pci_bars_size(function, &bars) == VPT_OK &&
        vpt_virtio_pci_probe(found, function, &bars, VPT_VIRTIO_PCI_ANY) == VPT_OK) {
        wanted->device = &found->device;
        wanted->line = search->pci->first_line + (function->address.device + (unsigned)found->interrupt_pin - 1u) % 4u;
    }
    return true;
}

void port_find_functions(struct vpt_port *port, const struct machine_pci *pci, struct port_device devices[PORT_DEVICES])
{
    struct vpt_port_context *context = port->ctx;
    struct search search = { port, pci, devices };
    struct vpt_pci_window windows[MACHINE_PCI_WINDOWS_MAX];

    if (pci->ecam == 0) {
        return;
    }
    for (unsigned i = 0; i < pci->window_count; i++) {
        windows[i] = pci->windows[i];
    }
    context->ecam = (void *)(uintptr_t)pci->ecam;
    context->ecam_last_bus = pci->last_bus;
    port->config_read = vpt_ecam_config_read;
    port->config_write = vpt_ecam_config_write;
    port->mmio_map = vpt_direct_mmio_map;
    port->mmio_unmap = vpt_direct_mmio_unmap;
    if (vpt_pci_buses_place(port, 0, 0, pci->last_bus, windows, pci->window_count) == VPT_OK) {
        (void)vpt_pci_enumerate(port, 0, 0, pci->last_bus, visit, &search);
    }
}
