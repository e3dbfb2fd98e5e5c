/* SPDX-License-Identifier: MIT */
/* virtio over PCI: which function it is, which interface it gets, and what both interfaces do the same way. */
#include "../log.h"
#include "pci_function.h"

#define MSIX_CONTROL        2u /* offset in the capability */
#define MSIX_CONTROL_ENABLE 0x8000u
#define MSIX_CONTROL_SIZE   0x07ffu /* entries, less one */

/*
 * All-ones, or zeroes on some machines, is what is read where nothing answers. It is also what a device may say that
 * lies or has been reset, or one whose BAR does not decode: only a function that is not in configuration space either
 * has been removed, and reaches no memory any more.
 */
static bool removed(const struct vpt_pci_function *function)
{
    uint32_t vendor = 0;

    return vpt_pci_read(function, 0, 2, &vendor) == VPT_OK && (vendor == 0xffffu || vendor == 0);
}

bool vpt_pci_removed(struct vpt_device *device, uint32_t status)
{
    return (status == 0xffu || status == 0) && removed(&vpt_pci_of(device)->function);
}

/* Reading the ISR status acknowledges; with MSI-X it says nothing and is left alone (PCI-ISR-1). */
static uint32_t read_interrupt(struct vpt_device *device)
{
    const struct vpt_virtio_pci *pci = vpt_pci_of(device);
    uint32_t status;

    if (VPT_READ_ONCE(pci->vectors)) {
        return VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION;
    }
    status = vpt_structure_read(device, &pci->isr, 0, 1) & 0xffu;
    return status != 0xffu ? status : 0;
}

uint32_t vpt_pci_register_read(struct vpt_device *device, const uint8_t *places, uint32_t place)
{
    uint32_t found = places[place / 4u];
    unsigned width = 1u << (found % 4u);

    if (place == VPT_REGISTER_INTERRUPT_STATUS) {
        return read_interrupt(device);
    }
    return vpt_structure_read(device, &vpt_pci_of(device)->common, found / 4u, width) &
           (0xffffffffu >> (32u - 8u * width));
}

void vpt_pci_register_write(struct vpt_device *device, const uint8_t *places, uint32_t place, uint32_t value)
{
    uint32_t found = places[place / 4u];

    if (found != 0) {
        vpt_structure_write(device, &vpt_pci_of(device)->common, found / 4u, 1u << (found % 4u), value);
    }
}

/* A function that is gone takes the device with it. */
static enum vpt_status noticed(struct vpt_device *device, enum vpt_status status)
{
    if (status == VPT_DEVICE_GONE) {
        VPT_WRITE_ONCE(device->gone, true);
    }
    return status;
}

/* MSI-X moves a legacy device's configuration. */
static void move_config(struct vpt_virtio_pci *pci)
{
#ifndef VPT_WITHOUT_LEGACY
    if (vpt_legacy(&pci->device)) {
        vpt_pci_move_legacy_config(pci);
    }
#else
    (void)pci;
#endif
}

/* Reads MSI-X's message control, which is not the transport's own to set: a kernel turns MSI-X on. */
static enum vpt_status read_control(struct vpt_virtio_pci *pci, uint32_t *control)
{
    enum vpt_status status = VPT_OK;

    *control = 0;
    if (pci->msix != 0) {
        status = vpt_pci_read(&pci->function, (uint16_t)(pci->msix + MSIX_CONTROL), 2, control);
        if (status == VPT_OK && *control == 0xffffu) {
            status = VPT_DEVICE_GONE; /* reserved bits are 0 */
        }
    }
    if (status == VPT_OK) {
        VPT_WRITE_ONCE(pci->vectors, (*control & MSIX_CONTROL_ENABLE) != 0);
        move_config(pci);
    }
    return noticed(&pci->device, status);
}

enum vpt_status vpt_pci_bus_master(struct vpt_device *device, bool on)
{
    struct vpt_virtio_pci *pci = vpt_pci_of(device);
    uint16_t set = on ? VPT_PCI_COMMAND_BUS_MASTER : 0u;
    uint16_t clear = on ? 0u : VPT_PCI_COMMAND_BUS_MASTER;
    enum vpt_status status = VPT_OK;
    uint32_t control;

    if (on) {
        status = read_control(pci, &control); /* a kernel may have turned MSI-X on or off since the last reset */
    }
    return status == VPT_OK ? noticed(device, vpt_pci_command(&pci->function, set, clear)) : status;
}

enum vpt_status vpt_pci_vectors(struct vpt_device *device, uint32_t *count)
{
    struct vpt_virtio_pci *pci = vpt_pci_of(device);
    uint32_t control;
    enum vpt_status status = read_control(pci, &control);

    *count = status == VPT_OK && pci->vectors ? (control & MSIX_CONTROL_SIZE) + 1u : 0u;
    return status;
}

bool vpt_pci_write_vector(struct vpt_device *device, uint32_t offset, uint16_t vector)
{
    const struct vpt_pci_structure *common = &vpt_pci_of(device)->common;

    vpt_structure_write(device, common, offset, 2, vector);
    return (vpt_structure_read(device, common, offset, 2) & 0xffffu) == vector;
}

static enum vpt_status msix_off(struct vpt_virtio_pci *pci)
{
    uint32_t control;
    enum vpt_status status = read_control(pci, &control);

    if (status != VPT_OK || !pci->vectors) {
        return status;
    }
    status = vpt_pci_write(&pci->function, (uint16_t)(pci->msix + MSIX_CONTROL), 2, control & ~MSIX_CONTROL_ENABLE);
    if (status == VPT_OK) {
        status = read_control(pci, &control);
    }
    return status == VPT_OK && pci->vectors ? VPT_DEVICE_PCI_MSIX : status;
}

enum vpt_status vpt_pci_line(struct vpt_device *device, bool on)
{
    struct vpt_virtio_pci *pci = vpt_pci_of(device);
    enum vpt_status status;

    if (on) {
        status = msix_off(pci);
        if (status != VPT_OK) {
            return status;
        }
        return pci->interrupt_pin != 0
                   ? noticed(device, vpt_pci_command(&pci->function, 0, VPT_PCI_COMMAND_INTERRUPT_DISABLE))
                   : VPT_UNSUPPORTED_REQUEST;
    }
    status = noticed(device, vpt_pci_command(&pci->function, VPT_PCI_COMMAND_INTERRUPT_DISABLE, 0));
    return status == VPT_DEVICE_PCI_COMMAND ? VPT_OK : status; /* functions before PCI 2.3 lack the bit */
}

/* ---- Probe and close ---- */

/* The revision plays no part (PCI-DISC-3). */
static enum vpt_status identify(struct vpt_virtio_pci *pci, bool *transitional)
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

/* *unusable: the device has no modern interface, or none within this kernel's reach; other failures may pass. */
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

/* The modern interface first; a function without one, or with none that can be used, may have a legacy one. */
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

/* Lets the BARs answer that the structures are in. */
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

/* What looks like nonsense may come of a function that was removed meanwhile. */
static enum vpt_status explain(const struct vpt_pci_function *function, enum vpt_status status)
{
    return vpt_status_group(status) == VPT_GROUP_DEVICE && removed(function) ? VPT_DEVICE_GONE : status;
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
    status = identify(pci, &transitional);
    if (status == VPT_OK) {
        status = open_interface(pci, transitional, interface);
    }
    if (status == VPT_OK) {
        status = turn_decoding_on(pci);
        if (status == VPT_OK) {
            return status;
        }
    }
    status = explain(&pci->function, status);
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
