/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <console.h>
#include <direct.h>
#include <ecam.h>
#include <page_pool.h>
#include <register.h>
#include <require.h>
#include <vpt/transport.h>
#include <vpt/virtio_pci.h>
#include <x86_io.h>

#include "chips.h"

#define ECAM 0xb0000000u /* where firmware puts it */

#define POOL_SIZE    (1024u * VPT_PAGE_POOL_PAGE_SIZE)
#define STORAGE_SIZE 32768u

#define MESSAGE_VECTORS 0x40u
#define WAITS           1000000u

static _Alignas(4096) unsigned char pool_memory[POOL_SIZE];
static _Alignas(8) unsigned char storage[HOST_FUNCTIONS_MAX][STORAGE_SIZE];
static struct vpt_page_pool pool;
static struct vpt_port_context context = { .pool = &pool, .ecam_last_bus = 255 };

/* ---- The port: all memory is mapped at its physical address ---- */

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    return vpt_port_register_read((const volatile unsigned char *)mapping + offset, width);
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    vpt_port_register_write((volatile unsigned char *)mapping + offset, width, value);
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)what;
    return iteration < WAITS;
}

static void start_port(struct host *host)
{
    const struct vpt_memory memory = { pool_memory, (uintptr_t)pool_memory, POOL_SIZE };

    context.ecam = (void *)(uintptr_t)ECAM;
    require_ok(vpt_page_pool_init(&pool, &memory), "the pool of pages");
    host->port = (struct vpt_port){
        .ctx = &context,
        .dma_allocate = vpt_page_pool_dma_allocate,
        .dma_free = vpt_page_pool_dma_free,
        .io_read = vpt_x86_io_read,
        .io_write = vpt_x86_io_write,
        .config_read = vpt_ecam_config_read,
        .config_write = vpt_ecam_config_write,
        .mmio_map = vpt_direct_mmio_map,
        .mmio_unmap = vpt_direct_mmio_unmap,
        .mmio_read = mmio_read,
        .mmio_write = mmio_write,
        .keep_waiting = keep_waiting,
    };
}

/* ---- Hooks ---- */

static void delay(void *ctx, uint32_t microseconds)
{
    const struct host_function *function = ctx;

    function->host->wait(chips_clock() + (uint64_t)microseconds * 1000u);
}

static struct host_function *find(struct host *host, const struct vpt_pci_address *address)
{
    for (unsigned i = 0; i < host->function_count; i++) {
        if (host->functions[i].physical.address.bus == address->bus) {
            return &host->functions[i]; /* each is alone on its bus */
        }
    }
    return NULL;
}

/* A function that the hypervisor emulates is not found, and has no DMA. */
static enum vpt_status map_memory(void *ctx, const struct vpt_pci_address *address,
                                  const struct vpt_assign_dma_range *range)
{
    struct host_function *function = find(ctx, address);

    if (function != NULL) {
        iommu_map(&function->domain, range->guest, range->host, range->size, range->read_only);
    }
    return VPT_OK;
}

static enum vpt_status unmap_memory(void *ctx, const struct vpt_pci_address *address,
                                    const struct vpt_assign_dma_range *range)
{
    struct host_function *function = find(ctx, address);

    if (function != NULL) {
        iommu_unmap(&function->domain, range->guest, range->host, range->size);
    }
    return VPT_OK;
}

/* ---- Start ---- */

static const char *type_name(uint32_t type)
{
    switch (type) {
    case VPT_DEVICE_TYPE_NETWORK: return "network";
    case VPT_DEVICE_TYPE_BLOCK: return "disk";
    case VPT_DEVICE_TYPE_CONSOLE: return "console";
    case VPT_DEVICE_TYPE_ENTROPY: return "entropy";
    case VPT_DEVICE_TYPE_INPUT: return "keyboard";
    default: return "device";
    }
}

/* Any BAR may have trapped registers: the MSI-X table, or a guest's page that does not begin as the host's does. */
static void map_bars(struct host_function *function)
{
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        const struct vpt_pci_bar *bar = &function->bars.bar[i];

        if (bar->kind == VPT_PCI_BAR_MEMORY && bar->address != 0) {
            require_ok(vpt_assign_port_map(&function->access, bar->address, (size_t)bar->size), "trapped registers");
        }
    }
}

void host_open(struct host_function *function)
{
    struct vpt_assign_config config = { .host = &function->access.host,
                                        .address = function->physical.address,
                                        .config_size = VPT_PCI_EXTENDED_CONFIG_SIZE,
                                        .bars = &function->bars,
                                        .storage = storage[function - function->host->functions],
                                        .storage_size = STORAGE_SIZE,
                                        .regions = VPT_ASSIGN_REGIONS(0) };

    require_ok(vpt_assign_open(&function->device, &config), "opening a device");
    require_ok(vpt_assign_registry_add(&function->host->registry, &function->device), "registering a device");
}

void host_close(struct host_function *function)
{
    require_ok(vpt_assign_registry_remove(&function->device), "taking a device out of the registry");
    require_ok(vpt_assign_close(&function->device), "closing a device");
}

static void start_access(struct host_function *function)
{
    require_ok(vpt_assign_port_init(&function->access, &function->physical), "the host's side of a device");
    map_bars(function);
    function->access.host.interrupts = host_interrupts;
    function->access.host.intx_mask = host_intx_mask;
    function->access.host.delay = delay;
}

/* Firmware has given addresses to the BARs. Until a guest has the function, it interrupts nobody. */
static void start_function(struct host *host, const struct vpt_pci_function *physical, unsigned turn)
{
    unsigned index = host->function_count++;
    struct host_function *function = &host->functions[index];

    function->host = host;
    function->physical = *physical;
    host_vectors_init(function, MESSAGE_VECTORS + index * (HOST_MESSAGES_MAX + 1u));
    function->line = CHIPS_LINE_FIRST + 4u + turn % 4u;
    require_ok(vpt_pci_bars_size(physical, &function->bars), "sizing a function's BARs");
    require_ok(vpt_pci_command(physical,
                               VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_INTERRUPT_DISABLE,
                               VPT_PCI_COMMAND_BUS_MASTER),
               "a function's command register");
    iommu_domain_init(&function->domain, &host->iommu, &physical->address);
    start_access(function);
    host_open(function);
    function->name = type_name(function->device.type);
    chips_open_line(function->line);
}

static bool visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    struct host *host = ctx;
    unsigned turn = host->turn[function->address.bus] + (unsigned)function->address.device;

    host->turn[identity->secondary_bus] = (uint8_t)(identity->secondary_bus != 0 ? turn % 4u : 0);
    if (identity->vendor_id == VPT_PCI_VENDOR_VIRTIO) {
        require(host->function_count < HOST_FUNCTIONS_MAX, "there are too many functions");
        start_function(host, function, turn);
    }
    return true;
}

void host_start(struct host *host, void (*wait)(uint64_t end))
{
    host->wait = wait;
    start_port(host);
    iommu_start(&host->iommu, &host->port);
    host->iommu_hooks = (struct vpt_assign_iommu){ host, map_memory, unmap_memory };
    require_ok(vpt_assign_remap_init(&host->remap, host->entries, HOST_VECTORS), "the table of vectors");
    require_ok(vpt_pci_enumerate(&host->port, 0, 0, 255, visit, host), "looking for functions");
}

struct host_function *host_find(struct host *host, uint32_t type)
{
    for (unsigned i = 0; i < host->function_count; i++) {
        if (host->functions[i].device.type == type) {
            return &host->functions[i];
        }
    }
    return NULL;
}

struct host_function *host_free_function(struct host *host, uint32_t type)
{
    for (unsigned i = 0; i < host->function_count; i++) {
        if (host->functions[i].device.type == type && !host->functions[i].device.owned) {
            return &host->functions[i];
        }
    }
    fail("the machine has no %s that is free", type_name(type));
}

void host_look_for_faults(struct host *host)
{
    struct iommu_fault fault;

    while (iommu_take_fault(&host->iommu, &fault)) {
        host->refused++;
        print("host\trefuses 0x%llx to the function on bus %u\n", (unsigned long long)fault.page, fault.function.bus);
    }
}

/* ---- End ---- */

void host_stop(struct host *host)
{
    host_look_for_faults(host);
    for (unsigned i = 0; i < host->function_count; i++) {
        struct host_function *function = &host->functions[i];

        host_close(function);
        vpt_assign_port_release(&function->access);
        require(function->domain.pages == 0, "%u pages are still mapped in the IOMMU", function->domain.pages);
    }
    iommu_stop(&host->iommu);
}
