/* SPDX-License-Identifier: MIT */
/* virtio-pci, legacy: a block of registers in BAR 0, usually of I/O ports (VirtIO 1.4, section 4.1.4.10). */
#include "pci_function.h"

#ifndef VPT_WITHOUT_LEGACY

enum legacy_register {
    LEGACY_DEVICE_FEATURES = 0,
    LEGACY_DRIVER_FEATURES = 4,
    LEGACY_QUEUE_ADDRESS = 8, /* a page number */
    LEGACY_QUEUE_SIZE = 12,
    LEGACY_QUEUE_SELECT = 14,
    LEGACY_QUEUE_NOTIFY = 16,
    LEGACY_DEVICE_STATUS = 18,
    LEGACY_ISR_STATUS = 19,
    /* The next two exist only while MSI-X is on. */
    LEGACY_CONFIG_VECTOR = 20,
    LEGACY_QUEUE_VECTOR = 22
};

#define LEGACY_PAGE_SHIFT 12u
#define LEGACY_PAGE_SIZE  (1u << LEGACY_PAGE_SHIFT)

/* How many bytes of a memory BAR are mapped: the header, and more configuration than any device has. */
#define LEGACY_MAPPED 4096u

static uint32_t read_header(struct vpt_device *device, uint32_t offset, unsigned width)
{
    return vpt_structure_read(device, &vpt_pci_of(device)->common, offset, width);
}

static void write_header(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    vpt_structure_write(device, &vpt_pci_of(device)->common, offset, width, value);
}

/*
 * A legacy device has one word of features (D-LPCI-3). The size of a queue is its maximum, and cannot be written
 * (D-LPCI-2).
 */
static const uint8_t places[VPT_PCI_REGISTERS] = {
    [VPT_PCI_REGISTER(DEVICE_FEATURES)] = VPT_PCI_PLACE(LEGACY_DEVICE_FEATURES, 4),
    [VPT_PCI_REGISTER(DRIVER_FEATURES)] = VPT_PCI_PLACE(LEGACY_DRIVER_FEATURES, 4),
    [VPT_PCI_REGISTER(STATUS)] = VPT_PCI_PLACE(LEGACY_DEVICE_STATUS, 1),
    [VPT_PCI_REGISTER(QUEUE_SEL)] = VPT_PCI_PLACE(LEGACY_QUEUE_SELECT, 2),
    [VPT_PCI_REGISTER(QUEUE_SIZE_MAX)] = VPT_PCI_PLACE(LEGACY_QUEUE_SIZE, 2),
    [VPT_PCI_REGISTER(QUEUE_READY)] = VPT_PCI_PLACE(LEGACY_QUEUE_ADDRESS, 4),
};

/*
 * Returns where in the structure a place in the configuration is. If MSI-X has moved the place out of the structure, it
 * returns the first place.
 */
static uint32_t config_place(struct vpt_device *device, uint32_t place, unsigned width)
{
    const struct vpt_virtio_pci *pci = vpt_pci_of(device);
    uint32_t offset = place - VPT_REGISTER_CONFIG + vpt_pci_legacy_config(pci);

    return offset <= pci->common.length - width ? offset : VPT_PCI_LEGACY_CONFIG;
}

static uint32_t legacy_read(struct vpt_device *device, uint32_t place, unsigned width)
{
    return place < VPT_REGISTER_CONFIG ? vpt_pci_register_read(device, places, place)
                                       : read_header(device, config_place(device, place, width), width);
}

static void legacy_write(struct vpt_device *device, uint32_t place, unsigned width, uint32_t value)
{
    if (place < VPT_REGISTER_CONFIG) {
        vpt_pci_register_write(device, places, place, value);
    } else {
        write_header(device, config_place(device, place, width), width, value);
    }
}

static enum vpt_status legacy_enable(struct vpt_device *device, uint16_t index, const struct vpt_area *areas)
{
    uint32_t page = (uint32_t)(areas[VPT_AREA_RINGS].memory.device_address >> LEGACY_PAGE_SHIFT);

    write_header(device, LEGACY_QUEUE_SELECT, 2, index);
    write_header(device, LEGACY_QUEUE_ADDRESS, 4, page);
    return read_header(device, LEGACY_QUEUE_ADDRESS, 4) == page ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

static enum vpt_status legacy_doorbell(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell)
{
    const struct vpt_pci_structure *header = &vpt_pci_of(device)->common;

    doorbell->mapping = header->mapping;
    doorbell->offset = LEGACY_QUEUE_NOTIFY + (header->io ? (size_t)header->address : 0);
    doorbell->value = index;
    doorbell->width = 2;
    return VPT_OK;
}

static bool legacy_vector(struct vpt_device *device, uint32_t queue, uint16_t vector)
{
    if (queue == VPT_VECTOR_CONFIGURATION) {
        return vpt_pci_write_vector(device, LEGACY_CONFIG_VECTOR, vector);
    }
    write_header(device, LEGACY_QUEUE_SELECT, 2, queue);
    return vpt_pci_write_vector(device, LEGACY_QUEUE_VECTOR, vector);
}

static const struct vpt_legacy_ops legacy = {
    .ring_limit = ((uint64_t)1 << (32u + LEGACY_PAGE_SHIFT)) - 1u,
    .ring_alignment = LEGACY_PAGE_SIZE,
    .used_alignment = VPT_QUEUE_LEGACY_RINGS_ALIGNMENT,
    .queue_enable = legacy_enable,
};

static const struct vpt_pci_ops pci_ops = {
    .removed = vpt_pci_removed,
    .bus_master = vpt_pci_bus_master,
    .vectors = vpt_pci_vectors,
    .vector_assign = legacy_vector,
    .line = vpt_pci_line,
};

static const struct vpt_transport_ops legacy_ops = {
    .legacy = &legacy,
    .pci = &pci_ops,
    .read = legacy_read,
    .write = legacy_write,
    .queue_doorbell = legacy_doorbell,
    .handled = { VPT_HANDLED_0 | VPT_HANDLED_0_LEGACY, 0 },
    .size_reads = true,
};

enum vpt_status vpt_pci_open_legacy(struct vpt_virtio_pci *pci)
{
    const struct vpt_structure_claim header = { 0, 0, pci->bars.bar[0].size, VPT_PCI_LEGACY_CONFIG_MSIX, 4 };
    const struct vpt_port *port = pci->device.port;
    enum vpt_status status = vpt_structure_place(pci, &header, &pci->common);

    if (status != VPT_OK) {
        return status == VPT_DEVICE_CAPABILITY_RANGE ? VPT_DEVICE_PCI_BAR : status;
    }
    pci->isr = pci->common;
    pci->isr.address += LEGACY_ISR_STATUS;
    status = vpt_pci_find_capability(&pci->function, VPT_PCI_CAPABILITY_MSIX, &pci->msix);
    if (status != VPT_OK) {
        pci->msix = 0;
    }
    if (status == VPT_OK || status == VPT_EMPTY || status == VPT_DEVICE_PCI_CAPABILITIES) {
        status = vpt_structure_map(port, &pci->common, LEGACY_MAPPED);
    }
    if (status == VPT_OK) {
        status = vpt_structure_map(port, &pci->isr, 1);
    }
    pci->device.config_size = (size_t)(pci->common.length - vpt_pci_legacy_config(pci));
    pci->device.ops = &legacy_ops;
    return status;
}

#endif
