/* SPDX-License-Identifier: MIT */
/*
 * The machine's IOMMU: an intel-iommu (VT-d) with a page table for each function. A function that was given none
 * reaches nothing. Whole pages of 4096 bytes, addresses below 512 GiB.
 */
#ifndef EXAMPLE_ASSIGN_IOMMU_H
#define EXAMPLE_ASSIGN_IOMMU_H

#include <qtest.h>

#define IOMMU_PAGE       4096u
#define IOMMU_TABLES_MAX 64u

struct iommu {
    struct vpt_qtest *qtest;
    struct vpt_memory tables[IOMMU_TABLES_MAX]; /* all that were allocated; the first is the root */
    unsigned table_count;
    uint16_t domains;
    uint64_t iotlb; /* addresses of registers */
    uint64_t faults;
};

/* What one function reaches. */
struct iommu_domain {
    struct iommu *iommu;
    uint64_t top;   /* address of the first of its tables */
    unsigned pages; /* that are mapped */
};

/* An access that was refused. */
struct iommu_fault {
    struct vpt_pci_address function;
    uint64_t page; /* as the function has addressed it */
};

/* Turns translation on, with nothing mapped for any function. */
void iommu_start(struct iommu *iommu, struct vpt_qtest *qtest);

/* Gives the memory of all tables back; no function accesses memory any more. */
void iommu_stop(struct iommu *iommu);

/* Gives a function, by its physical address, a domain. */
void iommu_domain_init(struct iommu_domain *domain, struct iommu *iommu, const struct vpt_pci_address *function);

/* What is mapped must not be yet, what is unmapped must be so. Unmapping returns when nothing of it is cached. */
void iommu_map(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size, bool read_only);
void iommu_unmap(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size);

/* The first access that was refused since the last call; false: none. */
bool iommu_take_fault(struct iommu *iommu, struct iommu_fault *fault);

#endif
