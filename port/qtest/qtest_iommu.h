/* SPDX-License-Identifier: MIT */
/*
 * An intel-iommu (VT-d, without interrupt remapping) that translates for every function: mapped RAM appears at
 * VPT_QTEST_IOVA_BASE plus its offset in RAM, all other accesses are refused. Pages of 4096 bytes.
 */
#ifndef VPT_QTEST_IOMMU_H
#define VPT_QTEST_IOMMU_H

#include "qtest_internal.h"

/* Size of the tables in RAM in bytes, a multiple of 4096. */
#define IOMMU_TABLES_SIZE(ram_size) ((4u + ((size_t)(ram_size) + 0x1fffffu) / 0x200000u) * PAGE_SIZE)

/* Builds empty tables in RAM at offset `tables` and turns translation on. */
enum vpt_status vpt_qtest_iommu_init(struct vpt_qtest *qtest, size_t tables);

/* Whether translation is on. */
bool vpt_qtest_iommu_on(const struct vpt_qtest *qtest);

/* Maps `pages` pages from an offset in RAM. */
void vpt_qtest_iommu_map(struct vpt_qtest *qtest, uint64_t offset, uint32_t pages, bool writable);

/* Unmaps pages. On return no device can use a cached translation of them. */
void vpt_qtest_iommu_unmap(struct vpt_qtest *qtest, uint64_t offset, uint32_t pages);

#endif
