/* SPDX-License-Identifier: MIT */
/*
 * The kernel that docs/porting.md calls: the page's code is compiled into porting.h, and runs here on the stub's slot.
 * The PCI part is only compiled. Exits with 0, or with the line that failed.
 */
#include "porting.h"

#include "embedding_device.h"

#define POOL_PAGES 32u

static _Alignas(4096) unsigned char pool[POOL_PAGES][PAGE_SIZE];
static size_t next_page;
static size_t pages_live;
static uint64_t milliseconds;
static unsigned wakes;
static unsigned completions;
static _Alignas(4) struct stub_device stub;
static _Alignas(PAGE_SIZE) unsigned char buffer[3 * PAGE_SIZE];

void *kernel_allocate_pages(size_t count, uint64_t last_physical)
{
    void *address = pool[next_page];

    if (count > POOL_PAGES - next_page || last_physical < (uintptr_t)pool + sizeof(pool) - 1u) {
        return NULL;
    }
    next_page += count;
    pages_live += count;
    return address;
}

void kernel_free_pages(void *address, size_t count)
{
    (void)address;
    pages_live -= count;
}

uint64_t kernel_physical_of(const void *address)
{
    return (uintptr_t)address;
}

void *kernel_map_registers(uint64_t physical, size_t size)
{
    (void)size;
    return (void *)(uintptr_t)physical;
}

void kernel_unmap(void *address, size_t size)
{
    (void)address;
    (void)size;
}

uint64_t kernel_milliseconds(void)
{
    return milliseconds;
}

/* The device works while the CPU waits. */
void kernel_relax(void)
{
    milliseconds++;
    stub_device_serve(&stub);
}

uint32_t kernel_pci_read(uint8_t bus, uint8_t slot, uint8_t function, uint16_t offset, unsigned width)
{
    (void)bus;
    (void)slot;
    (void)function;
    (void)offset;
    return width == 4 ? 0xffffffffu : (1u << (8u * width)) - 1u;
}

void kernel_pci_write(uint8_t bus, uint8_t slot, uint8_t function, uint16_t offset, unsigned width, uint32_t value)
{
    (void)bus;
    (void)slot;
    (void)function;
    (void)offset;
    (void)width;
    (void)value;
}

void kernel_lock(void *lock)
{
    (void)lock;
}

void kernel_unlock(void *lock)
{
    (void)lock;
}

void kernel_wake(void *waiters)
{
    (void)waiters;
    wakes++;
}

void kernel_log(const char *subject, const char *text, size_t bytes)
{
    (void)bytes;
    (void)subject;
    (void)text;
}

#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

static void complete(void *token, enum vpt_status status)
{
    completions += token == &stub && status == VPT_OK;
}

static int try_early(void)
{
    stub_device_plug(&stub, 1u << VPT_F_INDIRECT_DESC | 1u << VPT_F_EVENT_IDX);
    EXPECT(early_start(stub.registers) == VPT_OK);
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(early_read(i, buffer) == VPT_OK);
        EXPECT(buffer[0] == i && buffer[VPT_BLK_SECTOR_SIZE - 1u] == i);
    }
    EXPECT(vpt_device_reset(&mmio.device) == VPT_OK);
    EXPECT(vpt_driver_release(&blk.driver) == VPT_OK);
    return 0;
}

static int start_whole_port(void)
{
    stub_device_plug(&stub, 1u << VPT_F_INDIRECT_DESC | 1u << VPT_F_EVENT_IDX);
    EXPECT(vpt_mmio_probe(&mmio, &kernel_port, stub.registers, sizeof(stub.registers)) == VPT_OK);
    EXPECT(vpt_blk_open(&blk, &queue, &mmio.device) == VPT_OK);
    EXPECT(pages_live > 0);
    return 0;
}

static int try_interrupt(void)
{
    const struct vpt_segment segment = { kernel_physical_of(buffer), VPT_BLK_SECTOR_SIZE };
    const struct vpt_blk_request request = {
        .operation = VPT_BLK_READ, .sector = 1, .segments = &segment, .segment_count = 1
    };

    EXPECT(vpt_blk_submit(&queue, &request, &stub) == VPT_OK && vpt_requests_kick(&queue.requests) == VPT_OK);
    stub_device_serve(&stub);
    EXPECT(!disk_interrupt(&mmio.device) && wakes == 0);
    stub.registers[0x60] = 1; /* InterruptStatus: a used buffer */
    EXPECT(disk_interrupt(&mmio.device) && wakes == 1);
    EXPECT(stub.registers[0x64] == 1);
    disk_work(complete);
    EXPECT(completions == 1);
    return 0;
}

/* The handler without threads: it completes requests itself, and learns that a device has failed. */
static int try_interrupt_without_threads(void)
{
    const struct vpt_segment segment = { kernel_physical_of(buffer), VPT_BLK_SECTOR_SIZE };
    const struct vpt_blk_request request = {
        .operation = VPT_BLK_READ, .sector = 2, .segments = &segment, .segment_count = 1
    };

    for (unsigned i = 0; i < 3; i++) {
        EXPECT(vpt_blk_submit(&queue, &request, &stub) == VPT_OK);
    }
    EXPECT(vpt_requests_kick(&queue.requests) == VPT_OK);
    stub_device_serve(&stub);
    stub.registers[0x60] = 3; /* InterruptStatus: also the configuration, which is unchanged */
    EXPECT(disk_interrupt_and_work(&mmio.device, complete) == VPT_EMPTY);
    EXPECT(completions == 4);
    stub.registers[0x60] = 2;
    stub.registers[0x70] |= VPT_STATUS_DEVICE_NEEDS_RESET;
    EXPECT(disk_interrupt_and_work(&mmio.device, complete) == VPT_DEVICE_NEEDS_RESET);
    stub.registers[0x70] &= (unsigned char)~VPT_STATUS_DEVICE_NEEDS_RESET;
    EXPECT(vpt_device_check(&mmio.device) == VPT_OK && completions == 4);
    return 0;
}

int main(void)
{
    const struct vpt_pci_address nowhere = { 0, 0, 1, 0 };
    const struct vpt_pci_bars bars = { .bar[4] = { .kind = VPT_PCI_BAR_MEMORY } };
    int line = try_early();

    line = line != 0 ? line : start_whole_port();
    if (line != 0) {
        return line;
    }
    /* Without SEG_MAX a request has one segment, so that no page may end within a sector. */
    EXPECT(vpt_blk_read(&queue, 3, buffer + VPT_BLK_SECTOR_SIZE, 16 * VPT_BLK_SECTOR_SIZE) == VPT_OK);
    for (unsigned i = 0; i < 16 * VPT_BLK_SECTOR_SIZE; i++) {
        EXPECT(buffer[VPT_BLK_SECTOR_SIZE + i] == 3 + i / VPT_BLK_SECTOR_SIZE);
    }
    EXPECT((line = try_interrupt()) == 0);
    EXPECT((line = try_interrupt_without_threads()) == 0);
    EXPECT(vpt_device_reset(&mmio.device) == VPT_OK && vpt_driver_release(&blk.driver) == VPT_OK);
    EXPECT(seed(&mmio.device, buffer, 1) == VPT_UNSUPPORTED_DEVICE); /* type: a disk */
    EXPECT(pages_live == 0 && stub.errors == 0);
    EXPECT(pci_start(nowhere, 0xe0000000u, 0x4000) == VPT_EMPTY_SLOT);
    EXPECT(pci_interrupts(&bars, 0, 0x40) != VPT_OK);
    return 0;
}
