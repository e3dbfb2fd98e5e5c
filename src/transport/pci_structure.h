/* SPDX-License-Identifier: MIT */
/* Structures of registers in BARs (pci_structure.c). */
#ifndef VPT_SRC_TRANSPORT_PCI_STRUCTURE_H
#define VPT_SRC_TRANSPORT_PCI_STRUCTURE_H

#include <vpt/virtio_pci.h>

/* Where a structure is, as the device says, and what is needed to use it. */
struct vpt_structure_claim {
    uint32_t bar; /* the number that the device gives */
    uint64_t offset;
    uint64_t length;
    uint32_t needed;    /* bytes that are used, at least */
    uint32_t alignment; /* a power of two */
};

/* Checks a claim against the BARs and the port, and sets *structure if it can be used. Maps nothing yet. */
enum vpt_status vpt_structure_place(const struct vpt_virtio_pci *pci, const struct vpt_structure_claim *claim,
                                    struct vpt_pci_structure *structure);

/*
 * Maps the first `size` bytes, or the whole structure if it is shorter, and sets its length to the mapped bytes. Does
 * nothing if there is no structure.
 */
enum vpt_status vpt_structure_map(const struct vpt_port *port, struct vpt_pci_structure *structure, uint32_t size);
void vpt_structure_unmap(const struct vpt_port *port, struct vpt_pci_structure *structure);

/* Make one access of exactly this width. It is aligned and within the structure. */
uint32_t vpt_structure_read(const struct vpt_device *device, const struct vpt_pci_structure *structure, uint32_t offset,
                            unsigned width);
void vpt_structure_write(const struct vpt_device *device, const struct vpt_pci_structure *structure, uint32_t offset,
                         unsigned width, uint32_t value);

#endif
