/* SPDX-License-Identifier: MIT */
/* The device's registers, common to both transports, its threads, virtio-mmio, and the port. */
#define _POSIX_C_SOURCE 200809L
#include "threads_simulated.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOT_SIZE 0x200u
#define SLOT      UINT64_C(0x0a000000) /* mappings are device addresses, not pointers */
#define SECONDS   30                   /* without progress */

struct simulated simulated;

static uint8_t pages[128u * 4096u] __attribute__((aligned(4096)));
static size_t pages_taken; /* under the device's lock */
static time_t last_progress;

/* ---- Waiting ---- */

void simulated_progress(void)
{
    SET(last_progress, time(NULL));
}

void simulated_yield(void)
{
    if (time(NULL) - GET(last_progress) > SECONDS) {
        printf("FAIL\tthreads\tno progress for %d s: a notification was lost\n", SECONDS);
        (void)fflush(stdout);
        _Exit(1);
    }
    (void)sched_yield();
}

/* ---- Registers ---- */

uint32_t simulated_offered(uint32_t select)
{
    return select < 2u ? simulated.offered[select] : 0;
}

void simulated_accept(uint32_t select, uint32_t value)
{
    if (select < 2u) {
        simulated.accepted[select] = value;
    }
}

struct simulated_queue *simulated_selected(void)
{
    return simulated.queue_select < QUEUES ? &simulated.queues[simulated.queue_select] : NULL;
}

void simulated_set_half(uint64_t *whole, bool high, uint32_t value)
{
    *whole = high ? (*whole & UINT32_MAX) | (uint64_t)value << 32 : (*whole & ~(uint64_t)UINT32_MAX) | value;
}

static bool all_still(void)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        if (__atomic_load_n(&simulated.queues[i].live, __ATOMIC_ACQUIRE)) {
            return false;
        }
    }
    return true;
}

/* Any CPU may read the status while another one resets. The store publishes the reset's effects. */
static uint8_t get_status(void)
{
    return __atomic_load_n(&simulated.status, __ATOMIC_ACQUIRE);
}

static void set_status(uint8_t value)
{
    __atomic_store_n(&simulated.status, value, __ATOMIC_RELEASE);
}

static void finish_reset(void)
{
    simulated.accepted[0] = 0;
    simulated.accepted[1] = 0;
    simulated.configuration_vector = VPT_NO_VECTOR;
    for (unsigned i = 0; i < QUEUES; i++) {
        simulated.queues[i].enabled = false;
        simulated.queues[i].size = QUEUE_SIZE;
        simulated.queues[i].vector = VPT_NO_VECTOR;
        SET(simulated.queues[i].kicked, false);
    }
    SET(simulated.interrupt_status, 0);
    set_status(0);
}

/* A reset is complete when no thread touches memory any more; the first reader that sees this finishes it. */
uint8_t simulated_read_status(void)
{
    if (GET(simulated.resetting) && all_still() && __atomic_exchange_n(&simulated.resetting, false, __ATOMIC_ACQUIRE)) {
        finish_reset();
    }
    return get_status();
}

void simulated_write_status(uint8_t value)
{
    if (value == 0) {
        SET(simulated.quiet, true);
        __atomic_store_n(&simulated.resetting, true, __ATOMIC_RELEASE);
        return;
    }
    if ((value & ~get_status() & VPT_STATUS_DRIVER_OK) != 0) {
        SET(simulated.quiet, false);
        for (unsigned i = 0; i < QUEUES; i++) {
            __atomic_store_n(&simulated.queues[i].live, simulated.queues[i].enabled, __ATOMIC_RELEASE);
        }
    }
    set_status(value);
}

void simulated_kick(uint32_t index)
{
    ADD(simulated.kicks, 1u);
    if (index < QUEUES) {
        SET(simulated.queues[index].kicked, true);
    }
}

/* The capacity, no limits, and num_queues. */
uint32_t simulated_read_disk_config(size_t offset, unsigned width)
{
    static const uint8_t config[64] = { [0] = (uint8_t)SECTORS, [1] = SECTORS >> 8, [34] = QUEUES };
    uint32_t value = 0;

    for (unsigned i = 0; i < width && offset + i < sizeof(config); i++) {
        value |= (uint32_t)config[offset + i] << (8u * i);
    }
    return value;
}

void simulated_configuration_changed(void)
{
    if (simulated.front == FRONT_MMIO) {
        (void)__atomic_fetch_or(&simulated.interrupt_status, VPT_INTERRUPT_CONFIGURATION, ORDER);
    } else if (simulated.configuration_vector < VECTORS) {
        SET(simulated.fired[simulated.configuration_vector], true);
    }
}

bool simulated_message(unsigned vector)
{
    return TAKE(simulated.fired[vector], false);
}

/* ---- virtio-mmio 2 ---- */

static uint32_t read_queue(const struct simulated_queue *queue, size_t offset)
{
    if (queue == NULL) {
        return 0;
    }
    return offset == 0x034 ? QUEUE_SIZE : queue->enabled;
}

uint32_t simulated_mmio_read(size_t offset, unsigned width)
{
    switch (offset) {
    case 0x000: return 0x74726976u;
    case 0x004: return 2;
    case 0x008: return VPT_DEVICE_TYPE_BLOCK;
    case 0x010: return simulated_offered(simulated.device_select);
    case 0x034:
    case 0x044: return read_queue(simulated_selected(), offset);
    case 0x060: return GET(simulated.interrupt_status);
    case 0x070: return simulated_read_status();
    default: return offset >= 0x100 ? simulated_read_disk_config(offset - 0x100u, width) : 0;
    }
}

static void write_queue(struct simulated_queue *queue, size_t offset, uint32_t value)
{
    if (queue == NULL) {
        return;
    }
    if (offset == 0x038) {
        queue->size = (uint16_t)value;
    } else if (offset == 0x044) {
        queue->enabled = value == 1u;
    } else if (offset >= 0x080 && offset <= 0x0a4) {
        simulated_set_half(&queue->areas[(offset - 0x080u) / 0x10u], (offset & 4u) != 0, value);
    }
}

void simulated_mmio_write(size_t offset, uint32_t value)
{
    switch (offset) {
    case 0x014: simulated.device_select = value; break;
    case 0x020: simulated_accept(simulated.driver_select, value); break;
    case 0x024: simulated.driver_select = value; break;
    case 0x030: simulated.queue_select = value; break;
    case 0x050: simulated_kick(value); break;
    case 0x064: (void)__atomic_fetch_and(&simulated.interrupt_status, ~value, ORDER); break;
    case 0x070: simulated_write_status((uint8_t)value); break;
    default: write_queue(simulated_selected(), offset, value); break;
    }
}

void *simulated_slot(void)
{
    return (void *)(uintptr_t)SLOT;
}

/* ---- The port ---- */

static uint32_t all_ones(unsigned width)
{
    return UINT32_MAX >> (32u - 8u * width);
}

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    if (GET(simulated.vanished)) {
        return all_ones(width);
    }
    if (mapping == simulated_slot()) {
        return simulated_mmio_read(offset, width);
    }
    return simulated_pci_read((uintptr_t)mapping + offset, width);
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    if (GET(simulated.vanished)) {
        return;
    }
    if (mapping == simulated_slot()) {
        simulated_mmio_write(offset, value);
    } else {
        simulated_pci_write((uintptr_t)mapping + offset, width, value);
    }
}

static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    (void)ctx;
    (void)size;
    (void)intent;
    *mapping = (void *)(uintptr_t)physical;
    return VPT_OK;
}

static void mmio_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    (void)mapping;
    (void)size;
}

/* Memory is never reused, so that late accesses by the device or a thread are detected. */
static enum vpt_status dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory)
{
    size_t start = (pages_taken + alignment - 1u) & ~(alignment - 1u);

    (void)ctx;
    (void)limit;
    (void)flags;
    if (size > sizeof(pages) || start > sizeof(pages) - size) {
        return VPT_RESOURCE_MEMORY;
    }
    pages_taken = start + size;
    memory->address = &pages[start];
    memory->device_address = (uintptr_t)&pages[start];
    memory->size = size;
    return VPT_OK;
}

static void dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    memset(memory->address, 0xa5, memory->size);
}

static enum vpt_status share(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared)
{
    (void)ctx;
    (void)direction;
    (void)access_platform;
    shared->device_address = (uintptr_t)buffer;
    shared->size = size;
    return VPT_OK;
}

static void unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform)
{
    (void)ctx;
    (void)buffer;
    (void)shared;
    (void)direction;
    (void)access_platform;
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)what;
    (void)iteration;
    simulated_yield(); /* may end the program */
    return true;
}

const struct vpt_port simulated_port = {
    .dma_allocate = dma_allocate,
    .dma_free = dma_free,
    .config_read = simulated_config_read,
    .config_write = simulated_config_write,
    .mmio_map = mmio_map,
    .mmio_unmap = mmio_unmap,
    .mmio_read = mmio_read,
    .mmio_write = mmio_write,
    .share = share,
    .unshare = unshare,
    .keep_waiting = keep_waiting,
};

/* ---- Start and end ---- */

static void *run(void *argument)
{
    struct simulated_queue *queue = argument;

    while (!GET(simulated.ending)) {
        if (__atomic_load_n(&queue->live, __ATOMIC_ACQUIRE)) {
            simulated_serve(queue);
            __atomic_store_n(&queue->live, false, __ATOMIC_RELEASE);
        } else {
            simulated_yield();
        }
    }
    return NULL;
}

void simulated_start(enum front front, uint32_t features)
{
    memset(&simulated, 0, sizeof(simulated));
    pages_taken = 0;
    memset(pages, 0, sizeof(pages));
    simulated_progress();
    simulated.front = front;
    simulated.offered[0] = features;
    simulated.offered[1] = 1u << (VPT_F_VERSION_1 - 32u);
    simulated.quiet = true;
    finish_reset();
    simulated_pci_init();
    for (unsigned i = 0; i < QUEUES; i++) {
        if (pthread_create(&simulated.queues[i].thread, NULL, run, &simulated.queues[i]) != 0) {
            abort();
        }
    }
}

void simulated_remove(void)
{
    SET(simulated.quiet, true);
    while (!all_still()) {
        simulated_yield();
    }
    SET(simulated.vanished, true);
}

void simulated_end(void)
{
    SET(simulated.ending, true);
    for (unsigned i = 0; i < QUEUES; i++) {
        (void)pthread_join(simulated.queues[i].thread, NULL);
    }
}
