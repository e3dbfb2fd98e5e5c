/* SPDX-License-Identifier: MIT */
/*
 * The machine's IOMMU: an intel-iommu (VT-d) with a page table for each function. A function without one reaches no
 * memory. Pages of 4096 bytes, and of 2 MiB where they fit; addresses below 512 GiB.
 */
#ifndef EXAMPLE_ASSIGN_IOMMU_H
#define EXAMPLE_ASSIGN_IOMMU_H

#include <vpt/port.h>

#define IOMMU_PAGE       4096u
#define IOMMU_LARGE_PAGE 0x200000u
#define IOMMU_TABLES_MAX 64u

struct iommu {
    const struct vpt_port *port;
    void *registers;                            /* mapping */
    struct vpt_memory tables[IOMMU_TABLES_MAX]; /* all allocated tables; the first is the root */
    unsigned table_count;
    uint16_t domains;
    size_t iotlb; /* offsets of registers */
    size_t faults;
};

/* The memory that one function reaches. */
struct iommu_domain {
    struct iommu *iommu;
    uint64_t top;   /* address of its top-level table */
    unsigned pages; /* mapped, of 4096 bytes */
};

/* A refused access. */
struct iommu_fault {
    struct vpt_pci_address function;
    uint64_t page; /* address as the function used it, rounded down to a page */
};

/* Turns translation on. No function reaches memory yet. The port has dma_allocate(), mmio_map() and mmio_read(). */
void iommu_start(struct iommu *iommu, const struct vpt_port *port);

/* Frees all tables. No function may access memory any more. */
void iommu_stop(struct iommu *iommu);

/* Gives a domain to the function with this physical address. */
void iommu_domain_init(struct iommu_domain *domain, struct iommu *iommu, const struct vpt_pci_address *function);

/*
 * The range must be unmapped before a map, and mapped as a whole before an unmap. Unmapping returns after the IOMMU's
 * caches have dropped it.
 */
void iommu_map(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size, bool read_only);
void iommu_unmap(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size);

/* Takes the first access that was refused since the last call; false: none. */
bool iommu_take_fault(struct iommu *iommu, struct iommu_fault *fault);

#endif
