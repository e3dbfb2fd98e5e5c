/* SPDX-License-Identifier: MIT */
/* Structures of registers in BARs, of memory or of I/O ports (VirtIO 1.4, section 4.1.4). */
#include "../access.h"
#include "../log.h"
#include "../pci/pci_internal.h"
#include "../register_access.h"
#include "pci_structure.h"

static bool has_service(const struct vpt_port *port, bool io)
{
    return io ? port->io_read != NULL && port->io_write != NULL : port->mmio_map != NULL && port->mmio_unmap != NULL;
}

enum vpt_status vpt_structure_place(const struct vpt_virtio_pci *pci, const struct vpt_structure_claim *claim,
                                    struct vpt_pci_structure *structure)
{
    const struct vpt_pci_bar *bar;
    enum vpt_status status;
    bool io;

    if (claim->bar >= VPT_PCI_BARS_MAX) {
        return VPT_DEVICE_CAPABILITY_BAR;
    }
    bar = &pci->bars.bar[claim->bar];
    status = vpt_pci_bar_check(pci->device.port, &pci->bars, claim->bar);
    if (status != VPT_OK) {
        return status;
    }
    if (claim->length < claim->needed || claim->length > bar->size || claim->offset > bar->size - claim->length) {
        return VPT_DEVICE_CAPABILITY_RANGE;
    }
    if (((bar->address + claim->offset) & (claim->alignment - 1u)) != 0) {
        return VPT_DEVICE_CAPABILITY_ALIGNMENT;
    }
    io = bar->kind == VPT_PCI_BAR_IO;
    if (!has_service(pci->device.port, io)) {
        return vpt_log_missing(pci->device.port, io ? "io_read, io_write" : "mmio_map, mmio_unmap");
    }
    structure->address = bar->address + claim->offset;
    structure->length = claim->length;
    structure->mapping = NULL;
    structure->io = io;
    return VPT_OK;
}

enum vpt_status vpt_structure_map(const struct vpt_port *port, struct vpt_pci_structure *structure, uint32_t size)
{
    void *mapping = NULL;
    enum vpt_status status;

    if (structure->length > size) {
        structure->length = size;
    }
    if (structure->io || structure->length == 0) {
        return VPT_OK;
    }
    status = port->mmio_map(port->ctx, structure->address, (size_t)structure->length, VPT_MAP_REGISTERS, &mapping);
    if (status != VPT_OK) {
        return vpt_log_memory(port, VPT_LOG_WARNING, "mmio_map", status, (size_t)structure->length);
    }
    structure->mapping = mapping;
    return status;
}

void vpt_structure_unmap(const struct vpt_port *port, struct vpt_pci_structure *structure)
{
    if (structure->mapping != NULL) {
        port->mmio_unmap(port->ctx, structure->mapping, (size_t)structure->length);
    }
    vpt_zero(structure, sizeof(*structure));
}

uint32_t vpt_structure_read(const struct vpt_device *device, const struct vpt_pci_structure *structure, uint32_t offset,
                            unsigned width)
{
    const struct vpt_port *port = device->port;
    uint32_t value;

    if (structure->mapping != NULL) {
        return vpt_register_read(port, structure->mapping, offset, width);
    }
    value = port->io_read(port->ctx, (uint16_t)(structure->address + offset), width);
    vpt_barrier_register_read();
    return value;
}

void vpt_structure_write(const struct vpt_device *device, const struct vpt_pci_structure *structure, uint32_t offset,
                         unsigned width, uint32_t value)
{
    const struct vpt_port *port = device->port;

    if (structure->mapping != NULL) {
        vpt_register_write(port, structure->mapping, offset, width, value);
        return;
    }
    vpt_barrier_doorbell();
    port->io_write(port->ctx, (uint16_t)(structure->address + offset), width, value);
}
