/* SPDX-License-Identifier: MIT */
#include "iommu.h"
#include "require.h"

/* Registers of the IOMMU at its usual address (VT-d specification, chapter 10). */
#define REGISTERS      UINT64_C(0xfed90000)
#define REGISTERS_SIZE 4096u
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
#define ENTRY_LARGE     UINT64_C(0x80)
#define ENTRY_ADDRESS   (~UINT64_C(0xfff))
#define CONTEXT_3_LEVEL UINT64_C(0x1) /* with 39 bits */
#define CONTEXT_DOMAIN  8u

#define LEVEL_BITS  9u
#define TOP_SHIFT   30u
#define LARGE_SHIFT 21u
#define PAGE_SHIFT  12u
#define LEVEL_MASK  0x1ffu

static uint32_t read32(const struct iommu *iommu, size_t offset)
{
    return iommu->port->mmio_read(iommu->port->ctx, iommu->registers, offset, 4);
}

static void write32(const struct iommu *iommu, size_t offset, uint32_t value)
{
    iommu->port->mmio_write(iommu->port->ctx, iommu->registers, offset, 4, value);
}

static uint64_t read64(const struct iommu *iommu, size_t offset)
{
    return read32(iommu, offset) | (uint64_t)read32(iommu, offset + 4u) << 32;
}

static void write64(const struct iommu *iommu, size_t offset, uint64_t value)
{
    write32(iommu, offset, (uint32_t)value);
    write32(iommu, offset + 4u, (uint32_t)(value >> 32));
}

static void wait_for(const struct iommu *iommu, size_t offset, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; (read32(iommu, offset) & mask) != value; i++) {
        require(iommu->port->keep_waiting(iommu->port->ctx, VPT_WAIT_RESET, i), "the IOMMU does not answer");
    }
}

/* ---- Tables ---- */

static uint64_t *table_at(const struct iommu *iommu, uint64_t address)
{
    for (unsigned i = 0; i < iommu->table_count; i++) {
        if (iommu->tables[i].device_address == address) {
            return iommu->tables[i].address;
        }
    }
    fail("there is no table of the IOMMU at 0x%llx", (unsigned long long)address);
}

static uint64_t new_table(struct iommu *iommu)
{
    const struct vpt_port *port = iommu->port;
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

/* The size of the page that maps the next bytes of a range: depends on the range alone. */
static uint64_t page_size(uint64_t address, uint64_t host, uint64_t size)
{
    return (address | host) % IOMMU_LARGE_PAGE == 0 && size >= IOMMU_LARGE_PAGE ? IOMMU_LARGE_PAGE : IOMMU_PAGE;
}

/* The entry of a page of this size; allocates missing tables. */
static uint64_t *find_page(const struct iommu_domain *domain, uint64_t address, uint64_t size)
{
    unsigned last = size == IOMMU_LARGE_PAGE ? LARGE_SHIFT : PAGE_SHIFT;
    uint64_t at = domain->top;

    for (unsigned shift = TOP_SHIFT; shift > last; shift -= LEVEL_BITS) {
        uint64_t *entry = &table_at(domain->iommu, at)[address >> shift & LEVEL_MASK];

        if (*entry == 0) {
            set_entry(entry, new_table(domain->iommu) | ENTRY_READ | ENTRY_WRITE);
        }
        at = *entry & ENTRY_ADDRESS;
    }
    return &table_at(domain->iommu, at)[address >> last & LEVEL_MASK];
}

void iommu_map(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size, bool read_only)
{
    uint64_t page;

    for (uint64_t offset = 0; offset < size; offset += page) {
        uint64_t *entry;

        page = page_size(address + offset, host + offset, size - offset);
        entry = find_page(domain, address + offset, page);
        require(*entry == 0, "page 0x%llx is mapped twice in the IOMMU", (unsigned long long)(address + offset));
        set_entry(entry, (host + offset) | ENTRY_READ | (read_only ? 0 : ENTRY_WRITE) |
                             (page == IOMMU_LARGE_PAGE ? ENTRY_LARGE : 0));
        domain->pages += (unsigned)(page / IOMMU_PAGE);
    }
}

static void invalidate_pages(const struct iommu *iommu)
{
    write64(iommu, iommu->iotlb, (uint64_t)IOTLB_INVALIDATE << 32);
    wait_for(iommu, iommu->iotlb + 4u, INVALIDATING, 0);
}

void iommu_unmap(struct iommu_domain *domain, uint64_t address, uint64_t host, uint64_t size)
{
    uint64_t page;

    for (uint64_t offset = 0; offset < size; offset += page) {
        uint64_t *entry;

        page = page_size(address + offset, host + offset, size - offset);
        entry = find_page(domain, address + offset, page);
        require((*entry & ENTRY_ADDRESS) == host + offset && *entry != 0,
                "page 0x%llx is unmapped from the IOMMU, but was not mapped so",
                (unsigned long long)(address + offset));
        set_entry(entry, 0);
        domain->pages -= (unsigned)(page / IOMMU_PAGE);
    }
    invalidate_pages(domain->iommu);
}

/* ---- Start and end ---- */

static void global_command(const struct iommu *iommu, uint32_t bits, uint32_t done)
{
    write32(iommu, GLOBAL_COMMAND, bits);
    wait_for(iommu, GLOBAL_STATUS, done, done);
}

static void invalidate_contexts(const struct iommu *iommu)
{
    write64(iommu, CONTEXTS, (uint64_t)CONTEXTS_INVALIDATE << 32);
    wait_for(iommu, CONTEXTS + 4u, INVALIDATING, 0);
    invalidate_pages(iommu);
}

void iommu_start(struct iommu *iommu, const struct vpt_port *port)
{
    iommu->port = port;
    require_ok(port->mmio_map(port->ctx, REGISTERS, REGISTERS_SIZE, VPT_MAP_REGISTERS, &iommu->registers),
               "the IOMMU's registers");
    iommu->iotlb = (read64(iommu, EXTENDED) >> 8 & 0x3ffu) * 16u + 8u;
    iommu->faults = (read64(iommu, CAPABILITY) >> 24 & 0x3ffu) * 16u;
    write64(iommu, ROOT_TABLE, new_table(iommu));
    global_command(iommu, GLOBAL_ROOT, GLOBAL_ROOT);
    invalidate_contexts(iommu);
    global_command(iommu, GLOBAL_TRANSLATE, GLOBAL_TRANSLATE);
}

void iommu_stop(struct iommu *iommu)
{
    const struct vpt_port *port = iommu->port;

    write32(iommu, GLOBAL_COMMAND, 0);
    port->mmio_unmap(port->ctx, iommu->registers, REGISTERS_SIZE);
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

    if ((read32(iommu, iommu->faults + FAULT_VALID_AT) & FAULT_VALID) == 0) {
        return false;
    }
    source = read32(iommu, iommu->faults + FAULT_SOURCE);
    fault->page = read64(iommu, iommu->faults) & ENTRY_ADDRESS;
    fault->function = (struct vpt_pci_address){ .bus = (uint8_t)(source >> 8 & 0xffu),
                                                .device = (uint8_t)(source >> 3 & 0x1fu),
                                                .function = (uint8_t)(source & 0x7u) };
    write32(iommu, iommu->faults + FAULT_VALID_AT, FAULT_VALID);
    write32(iommu, FAULT_STATUS, 0xffffffffu); /* and the overflow bit */
    return true;
}
