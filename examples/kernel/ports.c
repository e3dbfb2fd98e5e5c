/* SPDX-License-Identifier: MIT */
#include "ports.h"

#include "console.h"
#include "direct.h"
#include "page_pool.h"

#define POOL_SIZE (64u * VPT_PAGE_POOL_PAGE_SIZE)

#define MMIO_QUEUE_NOTIFY 0x050u

#define WAIT_ATTEMPTS 50000000u

static _Alignas(4096) unsigned char pool_memory[POOL_SIZE];
static struct vpt_page_pool pool;

static void log_line(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status)
{
    (void)ctx;
    print("vpt: %s: %s: %s\n", level == VPT_LOG_ERROR ? "error" : "warning", subject, vpt_status_str(status));
}

/* ---- The ready-made one: all memory is mapped at its physical address ---- */

static struct vpt_port_context context = {.pool = &pool};

const struct vpt_port ports_ready_made = {
    .ctx = &context,
    .dma_allocate = vpt_page_pool_dma_allocate,
    .dma_free = vpt_page_pool_dma_free,
    .mmio_map = vpt_direct_mmio_map,
    .mmio_unmap = vpt_direct_mmio_unmap,
    .share = vpt_direct_share,
    .unshare = vpt_direct_unshare,
    .log = log_line,
};

enum vpt_status ports_init(void)
{
    const struct vpt_memory memory = {pool_memory, ports_device_address(pool_memory), sizeof(pool_memory)};

    return vpt_page_pool_init(&pool, &memory);
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

/* ---- The counting one ---- */

struct counting {
    struct vpt_port_context context; /* first: the ready-made functions find it there */
    struct ports_count count;
};

static struct counting counting;

struct ports_count ports_count(void)
{
    return counting.count;
}

/* On arm and aarch64 not left to the compiler: it may pick addressing modes that hypervisors cannot emulate. */
static uint32_t load(const volatile void *address, unsigned width)
{
#if defined(__aarch64__)
    uint32_t value;

    switch (width) {
    case 1:
        __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
        break;
    case 2:
        __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
        break;
    default:
        __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
        break;
    }
    return value;
#else
    switch (width) {
    case 1:
        return *(const volatile uint8_t *)address;
    case 2:
        return *(const volatile uint16_t *)address;
    default:
        return *(const volatile uint32_t *)address;
    }
#endif
}

static void store(volatile void *address, unsigned width, uint32_t value)
{
#if defined(__aarch64__)
    switch (width) {
    case 1:
        __asm__ volatile("strb %w0, [%1]" ::"r"(value), "r"(address) : "memory");
        break;
    case 2:
        __asm__ volatile("strh %w0, [%1]" ::"r"(value), "r"(address) : "memory");
        break;
    default:
        __asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
        break;
    }
#else
    switch (width) {
    case 1:
        *(volatile uint8_t *)address = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)address = (uint16_t)value;
        break;
    default:
        *(volatile uint32_t *)address = value;
        break;
    }
#endif
}

static uint32_t counting_mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    return load((const volatile unsigned char *)mapping + offset, width);
}

static void counting_mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    struct counting *self = ctx;

    self->count.register_accesses++;
    if (offset == MMIO_QUEUE_NOTIFY) {
        self->count.notifications++;
    }
    store((volatile unsigned char *)mapping + offset, width, value);
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

const struct vpt_port ports_counting = {
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
