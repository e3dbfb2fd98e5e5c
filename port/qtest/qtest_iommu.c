/* SPDX-License-Identifier: MIT */
/*
 * VT-d as QEMU's intel-iommu implements it: registers at a fixed address, second-level tables of three levels (39
 * bits), one context for every function of every bus.
 *
 * Tables in RAM, one page each: root, contexts, top, middle, then one leaf table for every 2 MiB of RAM.
 */
#include "qtest_iommu.h"

#include <string.h>

#define REGISTERS      UINT64_C(0xfed90000)
#define CAPABILITY     0x08u
#define EXTENDED       0x10u
#define GLOBAL_COMMAND 0x18u
#define GLOBAL_STATUS  0x1cu
#define ROOT_ADDRESS   0x20u
#define CONTEXT        0x28u

#define COMMAND_ROOT      (UINT32_C(1) << 30)
#define COMMAND_TRANSLATE (UINT32_C(1) << 31)

/* Bits of the upper halves of 64-bit registers. */
#define CONTEXT_INVALIDATE (UINT32_C(1) << 31)
#define CONTEXT_GLOBAL     (UINT32_C(1) << 29)
#define IOTLB_INVALIDATE   (UINT32_C(1) << 31)
#define IOTLB_GLOBAL       (UINT32_C(1) << 28)
#define FAULT_RECORD_VALID (UINT32_C(1) << 31)
#define FAULT_RECORD_UPPER 12u

#define ENTRY_PRESENT UINT64_C(0x1)
#define ENTRY_READ    UINT64_C(0x1)
#define ENTRY_WRITE   UINT64_C(0x2)

#define CONTEXT_39_BITS UINT64_C(0x1)
#define CONTEXT_DOMAIN  UINT64_C(0x100) /* domain 1 */

#define REGISTER_TIMEOUT 2000u /* milliseconds */

enum table { TABLE_ROOT, TABLE_CONTEXTS, TABLE_TOP, TABLE_MIDDLE, TABLE_LEAVES };

static uint64_t *table(const struct iommu *iommu, uint64_t number)
{
    return (uint64_t *)(void *)(iommu->tables + number * PAGE_SIZE);
}

static uint64_t table_address(const struct iommu *iommu, uint64_t number)
{
    return iommu->tables_physical + number * PAGE_SIZE;
}

/* The device may read the entry at any time, so this is one store, after all earlier ones. */
static void set_entry(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static uint64_t read_pair(struct vpt_qtest *qtest, uint64_t physical)
{
    uint64_t low = vpt_qtest_read(qtest, physical, 4);

    return low | (uint64_t)vpt_qtest_read(qtest, physical + 4u, 4) << 32;
}

/* Waits until the bits `which` of a register are all set, or all clear. */
static enum vpt_status wait_register(struct vpt_qtest *qtest, uint64_t physical, uint32_t which, bool set)
{
    uint64_t deadline = vpt_qtest_now() + REGISTER_TIMEOUT;

    while ((vpt_qtest_read(qtest, physical, 4) & which) != (set ? which : 0)) {
        if (qtest->failure != VPT_OK) {
            return qtest->failure;
        }
        if (vpt_qtest_now() >= deadline) {
            return vpt_qtest_fail(qtest, VPT_QTEST_TIMEOUT, "the IOMMU does not do what it is told");
        }
    }
    return qtest->failure;
}

/* ---- Tables ---- */

static void build_tables(struct iommu *iommu, uint32_t ram_size)
{
    uint64_t *root = table(iommu, TABLE_ROOT);
    uint64_t *contexts = table(iommu, TABLE_CONTEXTS);
    uint32_t leaves = (ram_size + 0x1fffffu) >> 21;

    memset(iommu->tables, 0, IOMMU_TABLES_SIZE(ram_size));
    for (unsigned i = 0; i < 256u; i++) {
        root[2u * i] = table_address(iommu, TABLE_CONTEXTS) | ENTRY_PRESENT;
        contexts[2u * i] = table_address(iommu, TABLE_TOP) | ENTRY_PRESENT;
        contexts[2u * i + 1u] = CONTEXT_DOMAIN | CONTEXT_39_BITS;
    }
    table(iommu, TABLE_TOP)[VPT_QTEST_IOVA_BASE >> 30] = table_address(iommu, TABLE_MIDDLE) | ENTRY_READ | ENTRY_WRITE;
    for (uint32_t i = 0; i < leaves; i++) {
        table(iommu, TABLE_MIDDLE)[i] = table_address(iommu, TABLE_LEAVES + i) | ENTRY_READ | ENTRY_WRITE;
    }
}

/* The leaf tables are contiguous. */
static uint64_t *leaf(const struct iommu *iommu, uint64_t offset)
{
    return table(iommu, TABLE_LEAVES) + offset / PAGE_SIZE;
}

void vpt_qtest_iommu_map(struct vpt_qtest *qtest, uint64_t offset, uint32_t pages, bool writable)
{
    uint64_t physical = qtest->details->machine.ram_base + offset;
    uint64_t access = writable ? ENTRY_READ | ENTRY_WRITE : ENTRY_READ;

    /* Entries that are not present are not cached (caching mode is off), so nothing needs to be invalidated. */
    for (uint32_t i = 0; i < pages; i++) {
        set_entry(leaf(&qtest->iommu, offset) + i, (physical + (uint64_t)i * PAGE_SIZE) | access);
    }
}

static void invalidate_iotlb(struct vpt_qtest *qtest)
{
    vpt_qtest_write(qtest, qtest->iommu.iotlb, 4, 0);
    vpt_qtest_write(qtest, qtest->iommu.iotlb + 4u, 4, IOTLB_INVALIDATE | IOTLB_GLOBAL);
    (void)wait_register(qtest, qtest->iommu.iotlb + 4u, IOTLB_INVALIDATE, false);
}

void vpt_qtest_iommu_unmap(struct vpt_qtest *qtest, uint64_t offset, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        set_entry(leaf(&qtest->iommu, offset) + i, 0);
    }
    invalidate_iotlb(qtest);
}

/* ---- Registers ---- */

static enum vpt_status command(struct vpt_qtest *qtest, uint32_t turned_on, uint32_t bit)
{
    vpt_qtest_write(qtest, REGISTERS + GLOBAL_COMMAND, 4, turned_on | bit);
    return wait_register(qtest, REGISTERS + GLOBAL_STATUS, bit, true);
}

static enum vpt_status turn_on(struct vpt_qtest *qtest)
{
    uint64_t root = table_address(&qtest->iommu, TABLE_ROOT);
    enum vpt_status status;

    vpt_qtest_write(qtest, REGISTERS + ROOT_ADDRESS, 4, (uint32_t)root);
    vpt_qtest_write(qtest, REGISTERS + ROOT_ADDRESS + 4u, 4, (uint32_t)(root >> 32));
    status = command(qtest, 0, COMMAND_ROOT);
    if (status != VPT_OK) {
        return status;
    }
    vpt_qtest_write(qtest, REGISTERS + CONTEXT, 4, 0);
    vpt_qtest_write(qtest, REGISTERS + CONTEXT + 4u, 4, CONTEXT_INVALIDATE | CONTEXT_GLOBAL);
    status = wait_register(qtest, REGISTERS + CONTEXT + 4u, CONTEXT_INVALIDATE, false);
    if (status != VPT_OK) {
        return status;
    }
    invalidate_iotlb(qtest);
    return command(qtest, 0, COMMAND_TRANSLATE);
}

enum vpt_status vpt_qtest_iommu_init(struct vpt_qtest *qtest, size_t tables)
{
    struct iommu *iommu = &qtest->iommu;
    uint64_t capability = read_pair(qtest, REGISTERS + CAPABILITY);
    uint64_t extended = read_pair(qtest, REGISTERS + EXTENDED);
    enum vpt_status status;

    if (qtest->failure != VPT_OK) {
        return qtest->failure;
    }
    iommu->iotlb = REGISTERS + ((extended >> 8) & 0x3ffu) * 16u + 8u;
    iommu->faults = REGISTERS + ((capability >> 24) & 0x3ffu) * 16u;
    iommu->tables = qtest->ram + tables;
    iommu->tables_physical = qtest->details->machine.ram_base + tables;
    build_tables(iommu, qtest->options.ram_size);
    status = turn_on(qtest);
    if (status != VPT_OK) {
        iommu->tables = NULL;
    }
    return status;
}

bool vpt_qtest_iommu_on(const struct vpt_qtest *qtest)
{
    return qtest->iommu.tables != NULL;
}

bool vpt_qtest_iommu_fault(struct vpt_qtest *qtest, uint64_t *page)
{
    uint64_t record = qtest->iommu.faults;

    if (!vpt_qtest_iommu_on(qtest) || qtest->failure != VPT_OK ||
        (vpt_qtest_read(qtest, record + FAULT_RECORD_UPPER, 4) & FAULT_RECORD_VALID) == 0) {
        return false;
    }
    *page = read_pair(qtest, record) & ~UINT64_C(0xfff);
    vpt_qtest_write(qtest, record + FAULT_RECORD_UPPER, 4, FAULT_RECORD_VALID);
    return true;
}
