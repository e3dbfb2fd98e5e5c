/* SPDX-License-Identifier: MIT */
/* What the two PCI transports do the same way: registers, bus mastering, MSI-X and the line. */
#include "pci_function.h"

#define MSIX_CONTROL        2u /* offset in the capability */
#define MSIX_CONTROL_ENABLE 0x8000u
#define MSIX_CONTROL_SIZE   0x07ffu /* the number of entries less one */

bool vpt_pci_function_removed(const struct vpt_pci_function *function)
{
    uint32_t vendor = 0;

    return vpt_pci_read(function, 0, 2, &vendor) == VPT_OK && (vendor == 0xffffu || vendor == 0);
}

bool vpt_pci_removed(struct vpt_device *device, uint32_t status)
{
    return (status == 0xffu || status == 0) && vpt_pci_function_removed(&vpt_pci_of(device)->function);
}

/* Reading the ISR status acknowledges the interrupt. With MSI-X it has no meaning and is not read (PCI-ISR-1). */
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

/* If the function is gone, the device is gone, too. */
static enum vpt_status noticed(struct vpt_device *device, enum vpt_status status)
{
    if (status == VPT_DEVICE_GONE) {
        VPT_WRITE_ONCE(device->gone, true);
    }
    return status;
}

/* In a legacy interface, turning MSI-X on or off moves the configuration. */
static void move_config(struct vpt_virtio_pci *pci)
{
#ifndef VPT_WITHOUT_LEGACY
    if (vpt_legacy(&pci->device)) {
        pci->device.config_size = (size_t)(pci->common.length - vpt_pci_legacy_config(pci));
    }
#else
    (void)pci;
#endif
}

/* Reads MSI-X's message control. The kernel turns MSI-X on, not the transport. */
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
    return status == VPT_DEVICE_PCI_COMMAND ? VPT_OK : status; /* functions of PCI before 2.3 lack the bit */
}
