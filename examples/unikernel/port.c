/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <page_pool.h>
#include <vpt/mmio.h>

#include "machine.h"

static _Alignas(VPT_PAGE_POOL_PAGE_SIZE) unsigned char memory[16u * VPT_PAGE_POOL_PAGE_SIZE];
static struct vpt_page_pool pool;
static struct vpt_port_context context = { .pool = &pool };
static struct vpt_mmio mmio;

/*
 * Memory and registers are mapped at their physical addresses, and the store shares nothing, so this is the whole port.
 */
static struct vpt_port port = {
    .ctx = &context,
    .dma_allocate = vpt_page_pool_dma_allocate,
    .dma_free = vpt_page_pool_dma_free,
};

struct vpt_device *port_find_disk(unsigned *line)
{
    const struct vpt_memory all = { memory, (uintptr_t)memory, sizeof(memory) };
    const struct machine_slots *slots = &machine.buses[0].slots;

    port.emulated = machine.emulated;
    if (machine.buses[0].kind != MACHINE_MMIO_SLOTS || vpt_page_pool_init(&pool, &all) != VPT_OK) {
        return NULL;
    }
    for (unsigned i = 0; i < slots->count; i++) {
        void *slot = (void *)(uintptr_t)(slots->first + (uint64_t)i * slots->stride);

        if (vpt_mmio_probe(&mmio, &port, slot, slots->stride) == VPT_OK && mmio.device.type == VPT_DEVICE_TYPE_BLOCK) {
            *line = slots->first_line + i;
            return &mmio.device;
        }
    }
    return NULL;
}
