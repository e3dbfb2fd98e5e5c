/* SPDX-License-Identifier: MIT */
#include "host.h"
#include "table.h"

#include <inttypes.h>

/* Registers of the IOMMU at its usual address (VT-d specification, chapter 10). */
#define REGISTERS      UINT64_C(0xfed90000)
#define CAPABILITY     0x08u
#define EXTENDED       0x10u
#define GLOBAL_COMMAND 0x18u
#define GLOBAL_STATUS  0x1cu
#define ROOT_TABLE     0x20u
#define CONTEXTS       0x28u
#define FAULT_STATUS   0x34u

#define GLOBAL_ROOT      (UINT32_C(1) << 30)
#define GLOBAL_TRANSLATE (UINT32_C(1) << 31)

/* Upper halves of 64-bit registers: start the command, for all entries. */
#define CONTEXTS_INVALIDATE (UINT32_C(1) << 31 | UINT32_C(1) << 29)
#define IOTLB_INVALIDATE    (UINT32_C(1) << 31 | UINT32_C(1) << 28)
#define INVALIDATING        (UINT32_C(1) << 31)

/* A fault record: address, source (bus, device, function) in the third dword, valid bit in the fourth. */
#define FAULT_SOURCE   8u
#define FAULT_VALID_AT 12u
#define FAULT_VALID    (UINT32_C(1) << 31)

/* Bits of table entries. */
#define ENTRY_PRESENT   UINT64_C(0x1)
#define ENTRY_READ      UINT64_C(0x1)
#define ENTRY_WRITE     UINT64_C(0x2)
#define ENTRY_ADDRESS   (~UINT64_C(0xfff))
#define CONTEXT_3_LEVEL UINT64_C(0x1) /* with 39 bits */
#define CONTEXT_DOMAIN  8u

#define LEVEL_BITS 9u
#define TOP_SHIFT  30u
#define PAGE_SHIFT 12u
#define LEVEL_MASK 0x1ffu

#define WAITS 30000u /* polls of one millisecond */

static uint64_t read64(const struct iommu *iommu, uint64_t address)
{
    return vpt_qtest_read(iommu->qtest, address, 4) | (uint64_t)vpt_qtest_read(iommu->qtest, address + 4u, 4) << 32;
}

static void write64(const struct iommu *iommu, uint64_t address, uint64_t value)
{
    vpt_qtest_write(iommu->qtest, address, 4, (uint32_t)value);
    vpt_qtest_write(iommu->qtest, address + 4u, 4, (uint32_t)(value >> 32));
}

static void wait_for(const struct iommu *iommu, uint64_t address, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; (vpt_qtest_read(iommu->qtest, address, 4) & mask) != value; i++) {
        require(i < WAITS, "the IOMMU does not answer");
        host_pause(1000);
    }
}

/* ---- Tables ---- */

static uint64_t *table_at(const struct iommu *iommu, uint64_t address)
{
    uint64_t *table = vpt_qtest_ram(iommu->qtest, address, IOMMU_PAGE);

    require(table != NULL, "a table of the IOMMU is not in memory");
    return table;
}

static uint64_t new_table(struct iommu *iommu)
{
    const struct vpt_port *port = vpt_qtest_port(iommu->qtest);
    struct vpt_memory *memory = &iommu->tables[iommu->table_count];

    require(iommu->table_count < IOMMU_TABLES_MAX, "too many tables of the IOMMU");
    require_ok(port->dma_allocate(port->ctx, IOMMU_PAGE, IOMMU_PAGE, UINT64_MAX, 0, memory), "a table of the IOMMU");
    iommu->table_count++;
    return memory->device_address;
}

/* The device may read the entry at any time. */
static void set_entry(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* The entry of a page; allocates missing tables. */
static uint64_t *find_page(const struct iommu_domain *domain, uint64_t address)
{
    uint64_t at = domain->top;

    for (unsigned shift = TOP_SHIFT; shift > PAGE_SHIFT; shift -= LEVEL_BITS) {
        uint64_t *entry = &table_at(domain->iommu, at)[address >> shift & LEVEL_MASK];

        if (*entry == 0) {
            set_entry(entry, new_table(domain->iommu) | ENTRY_READ | ENTRY_WRITE);
        }
        at = *entry & ENTRY_ADDRESS;
    }
    return &table_at(domain->iommu, at)[address >> PAGE_SHIFT & LEVEL_MASK];
}

void iommu_map(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size, bool read_only)
{
    for (uint64_t offset = 0; offset < size; offset += IOMMU_PAGE) {
        uint64_t *entry = find_page(domain, address + offset);

        require(*entry == 0, "page 0x%" PRIx64 " is mapped twice in the IOMMU", address + offset);
        set_entry(entry, (host + offset) | ENTRY_READ | (read_only ? 0 : ENTRY_WRITE));
        domain->pages++;
    }
}

static void invalidate_pages(const struct iommu *iommu)
{
    write64(iommu, iommu->iotlb, (uint64_t)IOTLB_INVALIDATE << 32);
    wait_for(iommu, iommu->iotlb + 4u, INVALIDATING, 0);
}

void iommu_unmap(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size)
{
    for (uint64_t offset = 0; offset < size; offset += IOMMU_PAGE) {
        uint64_t *entry = find_page(domain, address + offset);

        require((*entry & ENTRY_ADDRESS) == host + offset && *entry != 0,
                "page 0x%" PRIx64 " is unmapped from the IOMMU, but was not mapped so", address + offset);
        set_entry(entry, 0);
        domain->pages--;
    }
    invalidate_pages(domain->iommu);
}

/* ---- Start and end ---- */

static void global_command(const struct iommu *iommu, uint32_t bits, uint32_t done)
{
    vpt_qtest_write(iommu->qtest, REGISTERS + GLOBAL_COMMAND, 4, bits);
    wait_for(iommu, REGISTERS + GLOBAL_STATUS, done, done);
}

static void invalidate_contexts(const struct iommu *iommu)
{
    write64(iommu, REGISTERS + CONTEXTS, (uint64_t)CONTEXTS_INVALIDATE << 32);
    wait_for(iommu, REGISTERS + CONTEXTS + 4u, INVALIDATING, 0);
    invalidate_pages(iommu);
}

void iommu_start(struct iommu *iommu, struct vpt_qtest *qtest)
{
    iommu->qtest = qtest;
    iommu->iotlb = REGISTERS + (read64(iommu, REGISTERS + EXTENDED) >> 8 & 0x3ffu) * 16u + 8u;
    iommu->faults = REGISTERS + (read64(iommu, REGISTERS + CAPABILITY) >> 24 & 0x3ffu) * 16u;
    write64(iommu, REGISTERS + ROOT_TABLE, new_table(iommu));
    global_command(iommu, GLOBAL_ROOT, GLOBAL_ROOT);
    invalidate_contexts(iommu);
    global_command(iommu, GLOBAL_TRANSLATE, GLOBAL_TRANSLATE);
}

void iommu_stop(struct iommu *iommu)
{
    const struct vpt_port *port = vpt_qtest_port(iommu->qtest);

    vpt_qtest_write(iommu->qtest, REGISTERS + GLOBAL_COMMAND, 4, 0);
    while (iommu->table_count > 0) {
        port->dma_free(port->ctx, &iommu->tables[--iommu->table_count], 0);
    }
}

void iommu_domain_init(struct iommu_domain *domain, struct iommu *iommu, const struct vpt_pci_address *function)
{
    uint64_t *root = &table_at(iommu, iommu->tables[0].device_address)[2u * function->bus];
    unsigned place = 2u * (function->device * 8u + function->function);
    uint64_t *context;

    domain->iommu = iommu;
    domain->top = new_table(iommu);
    domain->pages = 0;
    if (*root == 0) {
        set_entry(root, new_table(iommu) | ENTRY_PRESENT);
    }
    context = &table_at(iommu, *root & ENTRY_ADDRESS)[place];
    set_entry(&context[1], CONTEXT_3_LEVEL | (uint64_t)++iommu->domains << CONTEXT_DOMAIN);
    set_entry(&context[0], domain->top | ENTRY_PRESENT);
    invalidate_contexts(iommu);
}

/* ---- Faults ---- */

bool iommu_take_fault(struct iommu *iommu, struct iommu_fault *fault)
{
    uint32_t source;

    if ((vpt_qtest_read(iommu->qtest, iommu->faults + FAULT_VALID_AT, 4) & FAULT_VALID) == 0) {
        return false;
    }
    source = vpt_qtest_read(iommu->qtest, iommu->faults + FAULT_SOURCE, 4);
    fault->page = read64(iommu, iommu->faults) & ENTRY_ADDRESS;
    fault->function = (struct vpt_pci_address){ .bus = (uint8_t)(source >> 8 & 0xffu),
                                                .device = (uint8_t)(source >> 3 & 0x1fu),
                                                .function = (uint8_t)(source & 0x7u) };
    vpt_qtest_write(iommu->qtest, iommu->faults + FAULT_VALID_AT, 4, FAULT_VALID);
    vpt_qtest_write(iommu->qtest, REGISTERS + FAULT_STATUS, 4, 0xffffffffu); /* and the overflow bit */
    return true;
}
