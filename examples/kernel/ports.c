/* SPDX-License-Identifier: MIT */
#include "ports.h"

#include "cf8.h"
#include "console.h"
#include "direct.h"
#include "ecam.h"
#include "machine.h"
#include "page_pool.h"
#include "register.h"

#define POOL_SIZE (64u * VPT_PAGE_POOL_PAGE_SIZE)

#define WAIT_ATTEMPTS 50000000u

static _Alignas(4096) unsigned char pool_memory[POOL_SIZE];
static struct vpt_page_pool pool;

static void log_line(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes)
{
    (void)ctx;
    print("vpt: %s: %s: %s, %llu bytes\n", level == VPT_LOG_ERROR ? "error" : "warning", subject,
          vpt_status_str(status), (unsigned long long)bytes);
}

/* ---- The ready-made port: all memory is mapped at its physical address ---- */

static struct vpt_port_context context = { .pool = &pool };

struct vpt_port ports_ready_made = {
    .ctx = &context,
    .dma_allocate = vpt_page_pool_dma_allocate,
    .dma_free = vpt_page_pool_dma_free,
    .mmio_map = vpt_direct_mmio_map,
    .mmio_unmap = vpt_direct_mmio_unmap,
    .share = vpt_direct_share,
    .unshare = vpt_direct_unshare,
    .log = log_line,
};

/* Registers are mapped at their physical addresses. */
static void *mapped(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

/* The machine decides which ready-made functions reach PCI. */
static void reach_pci(const struct machine_pci *pci)
{
    context.io_window = mapped(pci->io_window);
    context.io_window_size = pci->io_window_size;
    ports_ready_made.io_read = pci->io_read;
    ports_ready_made.io_write = pci->io_write;
    if (pci->ecam != 0) {
        context.ecam = mapped(pci->ecam);
        context.ecam_last_bus = pci->last_bus;
        ports_ready_made.config_read = vpt_ecam_config_read;
        ports_ready_made.config_write = vpt_ecam_config_write;
    } else {
        context.cf8_io_read = pci->io_read;
        context.cf8_io_write = pci->io_write;
        ports_ready_made.config_read = vpt_cf8_config_read;
        ports_ready_made.config_write = vpt_cf8_config_write;
    }
}

bool ports_pool_is_whole(void)
{
    struct vpt_memory all;

    if (vpt_page_pool_dma_allocate(&context, POOL_SIZE, 1, UINT64_MAX, 0, &all) != VPT_OK) {
        return false;
    }
    vpt_page_pool_dma_free(&context, &all, 0);
    return true;
}

/* ---- The counting port ---- */

struct counting {
    struct vpt_port_context context; /* must be first: the ready-made functions cast ctx to it */
    struct ports_count count;
};

static struct counting counting;

struct ports_count ports_count(void)
{
    return counting.count;
}

static enum vpt_status counting_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                            unsigned width, uint32_t *value)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    return ports_ready_made.config_read(ctx, address, offset, width, value);
}

static enum vpt_status counting_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                             unsigned width, uint32_t value)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    return ports_ready_made.config_write(ctx, address, offset, width, value);
}

static uint32_t counting_io_read(void *ctx, uint16_t io_port, unsigned width)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    return ports_ready_made.io_read(ctx, io_port, width);
}

static void counting_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    self->count.register_writes++;
    ports_ready_made.io_write(ctx, io_port, width, value);
}

static uint32_t counting_mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    return vpt_port_register_read((const volatile unsigned char *)mapping + offset, width);
}

static void counting_mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    self->count.register_writes++;
    vpt_port_register_write((volatile unsigned char *)mapping + offset, width, value);
}

static enum vpt_status counting_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                      bool access_platform, struct vpt_shared *shared)
{
    struct counting *self = ctx;
    size_t room = VPT_PAGE_POOL_PAGE_SIZE - (uintptr_t)buffer % VPT_PAGE_POOL_PAGE_SIZE;

    self->count.shares++;
    return vpt_direct_share(ctx, buffer, size < room ? size : room, direction, access_platform, shared);
}

static void counting_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                             bool access_platform)
{
    struct counting *self = ctx;

    self->count.unshares++;
    vpt_direct_unshare(ctx, buffer, shared, direction, access_platform);
}

static bool counting_keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)what;
    return iteration < WAIT_ATTEMPTS;
}

struct vpt_port ports_counting = {
    .ctx = &counting,
    .mmio_map = vpt_direct_mmio_map,
    .mmio_unmap = vpt_direct_mmio_unmap,
    .mmio_read = counting_mmio_read,
    .mmio_write = counting_mmio_write,
    .share = counting_share,
    .unshare = counting_unshare,
    .keep_waiting = counting_keep_waiting,
    .log = log_line,
};

/* ---- Both ports ---- */

enum vpt_status ports_init(void)
{
    const struct vpt_memory memory = { pool_memory, ports_device_address(pool_memory), sizeof(pool_memory) };

    context.map_last = machine.map_last;
    ports_ready_made.emulated = machine.emulated;
    ports_counting.emulated = machine.emulated;
    for (size_t i = 0; i < machine.bus_count; i++) {
        if (machine.buses[i].kind == MACHINE_PCI) {
            reach_pci(&machine.buses[i].pci);
            ports_counting.config_read = counting_config_read;
            ports_counting.config_write = counting_config_write;
            ports_counting.io_read = counting_io_read;
            ports_counting.io_write = counting_io_write;
        }
    }
    counting.context = context;
    return vpt_page_pool_init(&pool, &memory);
}
