/* SPDX-License-Identifier: MIT */
/*
 * Guest RAM and its allocation: whole pages, first fit, with a pattern behind the requested bytes, so that the free
 * call detects a write behind the end. Private memory is the host's heap.
 */
#define _GNU_SOURCE

#include "qtest_internal.h"
#include "qtest_iommu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RESERVED_SIZE 0x400000u /* at each end of RAM, for QEMU's code and device trees */
#define GUARD         0x5au     /* pattern behind an allocation */
#define FREED         0xddu     /* pattern in free pages */
#define GUARD_PRIVATE 64u       /* bytes of pattern behind private memory */

/* ---- RAM ---- */

enum vpt_status vpt_qtest_memory_init(struct vpt_qtest *qtest)
{
    size_t size = qtest->options.ram_size;
    size_t usable = size - 2u * RESERVED_SIZE - (qtest->options.iommu ? IOMMU_TABLES_SIZE(size) : 0);
    void *ram = MAP_FAILED;

    qtest->first_page = RESERVED_SIZE / PAGE_SIZE;
    qtest->pages = (uint32_t)(usable / PAGE_SIZE);
    qtest->taken = calloc(qtest->pages, 1);
    qtest->ram_file = memfd_create("vpt_qtest ram", MFD_CLOEXEC);
    if (qtest->taken != NULL && qtest->ram_file >= 0 && ftruncate(qtest->ram_file, (off_t)size) == 0) {
        ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, qtest->ram_file, 0);
    }
    if (ram == MAP_FAILED) {
        return vpt_qtest_fail(qtest, VPT_QTEST_SYSTEM, "no memory for the machine");
    }
    qtest->ram = ram;
    if (!qtest->details->parking_bios) {
        memcpy(qtest->ram + qtest->details->parking_offset, qtest->details->parking_code,
               sizeof(qtest->details->parking_code));
    }
    return VPT_OK;
}

void vpt_qtest_memory_finish(struct vpt_qtest *qtest)
{
    while (qtest->records != NULL) {
        if (qtest->records->kind == RECORD_PRIVATE) {
            free(qtest->records->address);
        }
        vpt_qtest_record_remove(qtest, qtest->records);
    }
    if (qtest->ram != NULL) {
        (void)munmap(qtest->ram, qtest->options.ram_size);
    }
    if (qtest->ram_file >= 0) {
        (void)close(qtest->ram_file);
    }
    free(qtest->taken);
}

void *vpt_qtest_ram(struct vpt_qtest *qtest, uint64_t physical, size_t size)
{
    uint64_t offset = physical - qtest->details->machine.ram_base;
    uint64_t ram_size = qtest->options.ram_size;

    if (qtest->ram == NULL || size == 0 || offset >= ram_size || size > ram_size - offset) {
        return NULL;
    }
    return qtest->ram + offset;
}

/* ---- Records ---- */

struct record *vpt_qtest_record_add(struct vpt_qtest *qtest, enum record_kind kind)
{
    struct record *record = calloc(1, sizeof(*record));

    if (record != NULL) {
        record->kind = kind;
        record->next = qtest->records;
        qtest->records = record;
    }
    return record;
}

struct record *vpt_qtest_record_find(struct vpt_qtest *qtest, enum record_kind kind, const void *address,
                                     uint64_t device_address)
{
    struct record *record = qtest->records;

    while (record != NULL && (record->kind != kind || (address != NULL && record->address != address) ||
                              (device_address != 0 && record->device_address != device_address))) {
        record = record->next;
    }
    return record;
}

void vpt_qtest_record_remove(struct vpt_qtest *qtest, struct record *record)
{
    struct record **link = &qtest->records;

    while (*link != NULL && *link != record) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = record->next;
        free(record);
    }
}

uint32_t vpt_qtest_record_count(const struct vpt_qtest *qtest, enum record_kind kind)
{
    uint32_t count = 0;

    for (const struct record *record = qtest->records; record != NULL; record = record->next) {
        count += record->kind == kind;
    }
    return count;
}

/* ---- Pages ---- */

static uint32_t pages_of(size_t size)
{
    return (uint32_t)((size + PAGE_SIZE - 1u) / PAGE_SIZE);
}

/* The first of `count` contiguous free pages, or UINT32_MAX. */
static uint32_t find_pages(const struct vpt_qtest *qtest, uint32_t count)
{
    uint32_t row = 0;

    for (uint32_t page = 0; page < qtest->pages; page++) {
        row = qtest->taken[page] != 0 ? 0 : row + 1u;
        if (row == count) {
            return page + 1u - count;
        }
    }
    return UINT32_MAX;
}

/* Offset in RAM of an allocatable page. */
static uint64_t page_offset(const struct vpt_qtest *qtest, uint32_t page)
{
    return ((uint64_t)qtest->first_page + page) * PAGE_SIZE;
}

enum vpt_status vpt_qtest_pages_take(struct vpt_qtest *qtest, struct record *record, uint64_t limit, bool translated,
                                     bool writable)
{
    uint64_t base = translated ? VPT_QTEST_IOVA_BASE : qtest->details->machine.ram_base;
    uint32_t count;
    uint32_t page;
    uint64_t offset;

    if (qtest->ram == NULL || record->size > qtest->options.ram_size) {
        return VPT_RESOURCE_MEMORY;
    }
    count = pages_of(record->size);
    page = find_pages(qtest, count);
    offset = page_offset(qtest, page);
    if (page == UINT32_MAX || base + offset > limit || record->size - 1u > limit - (base + offset)) {
        return VPT_RESOURCE_MEMORY;
    }
    memset(qtest->taken + page, 1, count);
    record->first_page = page;
    record->address = qtest->ram + offset;
    record->device_address = base + offset;
    record->translated = translated;
    memset(record->address, 0, record->size);
    memset((unsigned char *)record->address + record->size, GUARD, (size_t)count * PAGE_SIZE - record->size);
    if (translated) {
        vpt_qtest_iommu_map(qtest, offset, count, writable);
    }
    return VPT_OK;
}

static void check_guard(struct vpt_qtest *qtest, const struct record *record, size_t size)
{
    const unsigned char *bytes = record->address;

    for (size_t i = record->size; i < size; i++) {
        if (bytes[i] != GUARD) {
            vpt_qtest_misuse(qtest, "memory of %zu bytes was written to at byte %zu", record->size, i);
            return;
        }
    }
}

void vpt_qtest_pages_release(struct vpt_qtest *qtest, struct record *record)
{
    uint32_t count = pages_of(record->size);

    if (record->translated) {
        vpt_qtest_iommu_unmap(qtest, page_offset(qtest, record->first_page), count);
    }
    check_guard(qtest, record, (size_t)count * PAGE_SIZE);
    memset(record->address, FREED, (size_t)count * PAGE_SIZE);
    memset(qtest->taken + record->first_page, 0, count);
}

/* ---- The port's functions ---- */

static enum vpt_status allocate_private(struct record *record)
{
    unsigned char *bytes = NULL;

    if (record->size < SIZE_MAX - PAGE_SIZE - GUARD_PRIVATE) {
        /* aligned_alloc() takes only multiples of the alignment. */
        bytes = aligned_alloc(PAGE_SIZE, (record->size + GUARD_PRIVATE + PAGE_SIZE - 1u) & ~(size_t)(PAGE_SIZE - 1u));
    }
    if (bytes == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    memset(bytes, 0, record->size);
    memset(bytes + record->size, GUARD, GUARD_PRIVATE);
    record->address = bytes;
    return VPT_OK;
}

enum vpt_status vpt_qtest_dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                       struct vpt_memory *memory)
{
    struct vpt_qtest *qtest = ctx;
    bool is_private = (flags & VPT_DMA_PRIVATE) != 0;
    struct record *record;
    enum vpt_status status;

    if (size == 0 || alignment == 0 || alignment > PAGE_SIZE || (alignment & (alignment - 1u)) != 0) {
        vpt_qtest_misuse(qtest, "%zu bytes at a multiple of %zu were asked for", size, alignment);
        return VPT_CALLER_ARGUMENT;
    }
    record = vpt_qtest_record_add(qtest, is_private ? RECORD_PRIVATE : RECORD_ALLOCATION);
    if (record == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    record->size = size;
    record->flags = flags;
    if (is_private) {
        status = allocate_private(record);
    } else {
        status = vpt_qtest_pages_take(qtest, record, limit,
                                      vpt_qtest_iommu_on(qtest) && (flags & VPT_DMA_ACCESS_PLATFORM) != 0, true);
    }
    if (status != VPT_OK) {
        vpt_qtest_record_remove(qtest, record);
        return status;
    }
    *memory = (struct vpt_memory){ record->address, record->device_address, size };
    return VPT_OK;
}

void vpt_qtest_dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    struct vpt_qtest *qtest = ctx;
    bool is_private = (flags & VPT_DMA_PRIVATE) != 0;
    struct record *record = NULL;

    if (memory->address != NULL) {
        record = vpt_qtest_record_find(qtest, is_private ? RECORD_PRIVATE : RECORD_ALLOCATION, memory->address, 0);
    }
    if (record == NULL || record->device_address != memory->device_address || record->size != memory->size ||
        record->flags != flags) {
        vpt_qtest_misuse(qtest, "memory of %zu bytes is freed that was not allocated so", memory->size);
        return;
    }
    if (is_private) {
        check_guard(qtest, record, record->size + GUARD_PRIVATE);
        free(record->address);
    } else {
        vpt_qtest_pages_release(qtest, record);
    }
    vpt_qtest_record_remove(qtest, record);
}
