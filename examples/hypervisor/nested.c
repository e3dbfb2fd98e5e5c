/* SPDX-License-Identifier: MIT */
#include "nested.h"

/* Nested accesses count as a user's. */
#define ENTRY_TABLE   0x7u
#define ENTRY_PAGE    0x7u
#define ENTRY_LARGE   0x80u
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define TOP_SHIFT   39u
#define LARGE_SHIFT 21u
#define PAGE_SHIFT  12u
#define LEVEL_BITS  9u
#define LEVEL_MASK  0x1ffu
#define ENTRIES     512u

/* Tables lie at their physical addresses. */
static uint64_t *table_at(uint64_t address)
{
    return (uint64_t *)(uintptr_t)(address & ENTRY_ADDRESS);
}

static enum vpt_status new_table(struct nested *nested, uint64_t *address)
{
    const struct vpt_port *port = nested->port;
    struct vpt_memory memory;
    enum vpt_status status =
        port->dma_allocate(port->ctx, NESTED_PAGE, NESTED_PAGE, UINT64_MAX, VPT_DMA_PRIVATE, &memory);

    *address = status == VPT_OK ? memory.device_address : 0;
    return status;
}

static void free_table(struct nested *nested, uint64_t address)
{
    const struct vpt_memory memory = { table_at(address), address & ENTRY_ADDRESS, NESTED_PAGE };

    nested->port->dma_free(nested->port->ctx, &memory, VPT_DMA_PRIVATE);
    nested->tables--;
}

enum vpt_status nested_init(struct nested *nested, const struct vpt_port *port)
{
    *nested = (struct nested){ .port = port };
    return new_table(nested, &nested->top);
}

static uint64_t page_size(uint64_t guest, uint64_t host, uint64_t size)
{
    return (guest | host) % NESTED_LARGE_PAGE == 0 && size >= NESTED_LARGE_PAGE ? NESTED_LARGE_PAGE : NESTED_PAGE;
}

static unsigned last_shift(uint64_t page)
{
    return page == NESTED_LARGE_PAGE ? LARGE_SHIFT : PAGE_SHIFT;
}

static enum vpt_status map_page(struct nested *nested, uint64_t guest, uint64_t host, uint64_t page)
{
    uint64_t *entry = &table_at(nested->top)[guest >> TOP_SHIFT & LEVEL_MASK];

    for (unsigned shift = TOP_SHIFT; shift > last_shift(page); shift -= LEVEL_BITS) {
        if (*entry == 0) {
            enum vpt_status status = new_table(nested, entry);

            if (status != VPT_OK) {
                return status;
            }
            *entry |= ENTRY_TABLE;
            nested->tables++;
        }
        entry = &table_at(*entry)[guest >> (shift - LEVEL_BITS) & LEVEL_MASK];
    }
    *entry = host | ENTRY_PAGE | (page == NESTED_LARGE_PAGE ? ENTRY_LARGE : 0);
    return VPT_OK;
}

static bool is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (table[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Also after a map that found no memory for a table half-way. */
static void unmap_page(struct nested *nested, uint64_t guest, uint64_t page)
{
    uint64_t *path[4] = { &table_at(nested->top)[guest >> TOP_SHIFT & LEVEL_MASK] };
    unsigned level = 0;

    for (unsigned shift = TOP_SHIFT; shift > last_shift(page) && *path[level] != 0; shift -= LEVEL_BITS) {
        path[level + 1u] = &table_at(*path[level])[guest >> (shift - LEVEL_BITS) & LEVEL_MASK];
        level++;
    }
    *path[level] = 0;
    while (level > 0 && is_empty(table_at(*path[level - 1u]))) {
        level--;
        free_table(nested, *path[level]);
        *path[level] = 0;
    }
}

void nested_unmap(struct nested *nested, uint64_t guest, uint64_t host, uint64_t size)
{
    uint64_t page;

    for (uint64_t offset = 0; offset < size; offset += page) {
        page = page_size(guest + offset, host + offset, size - offset);
        unmap_page(nested, guest + offset, page);
    }
}

enum vpt_status nested_map(struct nested *nested, uint64_t guest, uint64_t host, uint64_t size)
{
    enum vpt_status status = VPT_OK;
    uint64_t page;

    for (uint64_t offset = 0; offset < size && status == VPT_OK; offset += page) {
        page = page_size(guest + offset, host + offset, size - offset);
        status = map_page(nested, guest + offset, host + offset, page);
    }
    if (status != VPT_OK) {
        nested_unmap(nested, guest, host, size);
    }
    return status;
}
