/* SPDX-License-Identifier: MIT */
/* Structures of registers in BARs (pci_structure.c). */
#ifndef VPT_SRC_TRANSPORT_PCI_STRUCTURE_H
#define VPT_SRC_TRANSPORT_PCI_STRUCTURE_H

#include <vpt/virtio_pci.h>

/* Where a structure is said to be, and what it takes for it to be used. */
struct vpt_structure_claim {
    uint32_t bar; /* number, as the device says it */
    uint64_t offset;
    uint64_t length;
    uint32_t needed;    /* bytes that are used at least */
    uint32_t alignment; /* a power of two */
};

/* Checks a claim against the BARs and the port, and sets *structure if all is well; nothing is mapped yet. */
enum vpt_status vpt_structure_place(const struct vpt_virtio_pci *pci, const struct vpt_structure_claim *claim,
                                    struct vpt_pci_structure *structure);

/* Makes its first `size` bytes reachable, all of it if it is shorter; its length becomes that. None: does nothing. */
enum vpt_status vpt_structure_map(const struct vpt_port *port, struct vpt_pci_structure *structure, uint32_t size);
void vpt_structure_unmap(const struct vpt_port *port, struct vpt_pci_structure *structure);

/* Accesses within the length, aligned, of exactly that width. */
uint32_t vpt_structure_read(const struct vpt_device *device, const struct vpt_pci_structure *structure, uint32_t offset,
                            unsigned width);
void vpt_structure_write(const struct vpt_device *device, const struct vpt_pci_structure *structure, uint32_t offset,
                         unsigned width, uint32_t value);

#endif
