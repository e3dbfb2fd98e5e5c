/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <page_pool.h>
#include <vpt/mmio.h>

#define PAGES 128u

static _Alignas(VPT_PAGE_POOL_PAGE_SIZE) unsigned char memory[PAGES * VPT_PAGE_POOL_PAGE_SIZE];
static struct vpt_page_pool pool;
static struct vpt_port_context context = { .pool = &pool };
static struct vpt_mmio mmio[PORT_DEVICES];

/*
 * Memory and registers are mapped at their physical addresses, and nothing is shared, so this is the whole port for
 * virtio-mmio.
 */
static struct vpt_port port = {
    .ctx = &context,
    .dma_allocate = vpt_page_pool_dma_allocate,
    .dma_free = vpt_page_pool_dma_free,
};

static void find_in_slots(const struct machine_slots *slots, struct port_device devices[PORT_DEVICES])
{
    for (unsigned i = 0; i < slots->count; i++) {
        void *slot = (void *)(uintptr_t)(slots->first + (uint64_t)i * slots->stride);
        struct port_device *wanted;
        struct vpt_mmio found;

        if (vpt_mmio_probe(&found, &port, slot, slots->stride) != VPT_OK) {
            continue;
        }
        wanted = port_wanted(devices, found.device.type);
        if (wanted != NULL) {
            mmio[wanted - devices] = found;
            wanted->device = &mmio[wanted - devices].device;
            wanted->line = slots->first_line + i;
        }
    }
}

void port_find(struct port_device devices[PORT_DEVICES])
{
    const struct vpt_memory all = { memory, (uintptr_t)memory, sizeof(memory) };

    port.emulated = machine.emulated;
    if (vpt_page_pool_init(&pool, &all) != VPT_OK) {
        return;
    }
    for (size_t i = 0; i < machine.bus_count; i++) {
        if (machine.buses[i].kind == MACHINE_MMIO_SLOTS) {
            find_in_slots(&machine.buses[i].slots, devices);
        } else {
            port_find_functions(&port, &machine.buses[i].pci, devices);
        }
    }
}
