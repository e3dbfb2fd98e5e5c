/* SPDX-License-Identifier: MIT */
/* What the two PCI transports share. */
#ifndef VPT_SRC_TRANSPORT_PCI_FUNCTION_H
#define VPT_SRC_TRANSPORT_PCI_FUNCTION_H

#include <vpt/virtio_pci.h>

#include "../access.h"
#include "pci_structure.h"
#include "transport_ops.h"

static inline struct vpt_virtio_pci *vpt_pci_of(struct vpt_device *device)
{
    return VPT_CONTAINER_OF(device, struct vpt_virtio_pci, device);
}

/* ---- Interfaces: these functions find the structures, map them, and set device.ops ---- */

enum vpt_status vpt_pci_find_modern(struct vpt_virtio_pci *pci);
enum vpt_status vpt_pci_map_modern(struct vpt_virtio_pci *pci);
enum vpt_status vpt_pci_open_legacy(struct vpt_virtio_pci *pci);

/*
 * The offset of the device-specific configuration in a legacy interface. Two registers come before it while MSI-X is
 * on.
 */
#define VPT_PCI_LEGACY_CONFIG      20u
#define VPT_PCI_LEGACY_CONFIG_MSIX 24u

static inline uint32_t vpt_pci_legacy_config(const struct vpt_virtio_pci *pci)
{
    return pci->vectors ? VPT_PCI_LEGACY_CONFIG_MSIX : VPT_PCI_LEGACY_CONFIG;
}

/* ---- What both interfaces do the same way (pci_function.c) ---- */

/*
 * Whether the function was removed. If nothing answers, a read gives all-ones, or zeroes on some machines. But so does
 * a device that lies, was reset, or has a BAR that is not decoded. So a function was removed only if configuration
 * space does not have it either; then it reaches no memory any more.
 */
bool vpt_pci_function_removed(const struct vpt_pci_function *function);

/*
 * Each interface has a table of where its first structure has the registers: the entry at VPT_PCI_REGISTER(name) is
 * VPT_PCI_PLACE(offset, width). 0: the interface lacks the register, and a write to it is dropped.
 */
#define VPT_PCI_REGISTERS            (VPT_REGISTER_CONFIG / 4u)
#define VPT_PCI_REGISTER(name)       (VPT_REGISTER_##name / 4u)
#define VPT_PCI_PLACE(offset, width) ((offset)*4u + (width) / 2u)

/* Where the register for the reset of one queue ends: a common structure that is shorter lacks it. */
#define VPT_PCI_QUEUE_RESET_END 0x3cu

uint32_t vpt_pci_register_read(struct vpt_device *device, const uint8_t *places, uint32_t place);
void vpt_pci_register_write(struct vpt_device *device, const uint8_t *places, uint32_t place, uint32_t value);
bool vpt_pci_removed(struct vpt_device *device, uint32_t status);
enum vpt_status vpt_pci_bus_master(struct vpt_device *device, bool on);
enum vpt_status vpt_pci_vectors(struct vpt_device *device, uint32_t *count);
enum vpt_status vpt_pci_line(struct vpt_device *device, bool on);

/* Writes a vector register in the common structure and reads back whether the device has taken it (PCI-MSIX-5). */
bool vpt_pci_write_vector(struct vpt_device *device, uint32_t offset, uint16_t vector);

#endif
