/* SPDX-License-Identifier: MIT */
/* Register accesses: each is one command of exactly the requested width. */
#include "qtest_internal.h"

#include <inttypes.h>

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define CONFIG_ENABLE  0x80000000u

#define Q35_PCIEXBAR        0x60u
#define Q35_PCIEXBAR_ENABLE 0x1u /* length field 0: 256 MiB */

static bool width_fits(uint64_t address, unsigned width)
{
    return (width == 1 || width == 2 || width == 4) && (address & (width - 1u)) == 0;
}

/* The protocol's letter for a width: 'b', 'w' or 'l'. */
static char letter(unsigned width)
{
    return width == 1 ? 'b' : width == 2 ? 'w' : 'l';
}

static uint32_t mask(unsigned width)
{
    return ALL_ONES >> (32u - 8u * width);
}

/* ---- Physical memory ---- */

uint32_t vpt_qtest_read(struct vpt_qtest *qtest, uint64_t physical, unsigned width)
{
    uint64_t value = 0;

    if (!width_fits(physical, width)) {
        vpt_qtest_misuse(qtest, "a read of %u bytes at 0x%" PRIx64, width, physical);
        return ALL_ONES;
    }
    if (vpt_qtest_command(qtest, &value, "read%c 0x%" PRIx64, letter(width), physical) != VPT_OK) {
        return mask(width);
    }
    return (uint32_t)value & mask(width);
}

void vpt_qtest_write(struct vpt_qtest *qtest, uint64_t physical, unsigned width, uint32_t value)
{
    if (!width_fits(physical, width)) {
        vpt_qtest_misuse(qtest, "a write of %u bytes at 0x%" PRIx64, width, physical);
        return;
    }
    (void)vpt_qtest_command(qtest, NULL, "write%c 0x%" PRIx64 " 0x%" PRIx32, letter(width), physical,
                            value & mask(width));
}

/* ---- I/O ports ---- */

uint32_t vpt_qtest_io_read(void *ctx, uint16_t io_port, unsigned width)
{
    struct vpt_qtest *qtest = ctx;
    uint64_t value = 0;

    if (!qtest->details->ports) {
        return vpt_qtest_read(qtest, qtest->details->machine.io_window + io_port, width);
    }
    if (!width_fits(io_port, width)) {
        vpt_qtest_misuse(qtest, "a read of %u bytes at port 0x%x", width, io_port);
        return ALL_ONES;
    }
    if (vpt_qtest_command(qtest, &value, "in%c 0x%x", letter(width), io_port) != VPT_OK) {
        return mask(width);
    }
    return (uint32_t)value & mask(width);
}

void vpt_qtest_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    struct vpt_qtest *qtest = ctx;

    if (!qtest->details->ports) {
        vpt_qtest_write(qtest, qtest->details->machine.io_window + io_port, width, value);
    } else if (!width_fits(io_port, width)) {
        vpt_qtest_misuse(qtest, "a write of %u bytes at port 0x%x", width, io_port);
    } else {
        (void)vpt_qtest_command(qtest, NULL, "out%c 0x%x 0x%" PRIx32, letter(width), io_port, value & mask(width));
    }
}

/* ---- PCI configuration ---- */

static bool uses_ecam(const struct vpt_qtest *qtest)
{
    return !qtest->details->ports || qtest->options.ecam;
}

/* VPT_EMPTY: the address reaches nothing; it reads all-ones. */
static enum vpt_status check_config(struct vpt_qtest *qtest, const struct vpt_pci_address *address, uint16_t offset,
                                    unsigned width)
{
    if (!width_fits(offset, width) || offset >= 4096u || address->device > 31u || address->function > 7u) {
        vpt_qtest_misuse(qtest, "a configuration access of %u bytes at 0x%x", width, offset);
        return VPT_CALLER_ARGUMENT;
    }
    return address->segment != 0 || (offset >= 256u && !uses_ecam(qtest)) ? VPT_EMPTY : VPT_OK;
}

static uint64_t ecam_address(const struct vpt_qtest *qtest, const struct vpt_pci_address *address, uint16_t offset)
{
    return qtest->details->machine.ecam.base + ((uint64_t)address->bus << 20) + ((uint64_t)address->device << 15) +
           ((uint64_t)address->function << 12) + offset;
}

static void select_config(struct vpt_qtest *qtest, const struct vpt_pci_address *address, uint16_t offset)
{
    uint32_t function =
        (uint32_t)address->bus << 16 | (uint32_t)address->device << 11 | (uint32_t)address->function << 8;

    vpt_qtest_io_write(qtest, CONFIG_ADDRESS, 4, CONFIG_ENABLE | function | (offset & 0xfcu));
}

enum vpt_status vpt_qtest_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t *value)
{
    struct vpt_qtest *qtest = ctx;
    enum vpt_status status = check_config(qtest, address, offset, width);

    *value = ALL_ONES;
    if (status != VPT_OK) {
        *value = status == VPT_EMPTY ? mask(width) : ALL_ONES;
        return status == VPT_EMPTY ? VPT_OK : status;
    }
    if (uses_ecam(qtest)) {
        *value = vpt_qtest_read(qtest, ecam_address(qtest, address, offset), width);
    } else {
        select_config(qtest, address, offset);
        *value = vpt_qtest_io_read(qtest, (uint16_t)(CONFIG_DATA + (offset & 3u)), width);
    }
    return qtest->failure;
}

enum vpt_status vpt_qtest_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                       unsigned width, uint32_t value)
{
    struct vpt_qtest *qtest = ctx;
    enum vpt_status status = check_config(qtest, address, offset, width);

    if (status != VPT_OK) {
        return status == VPT_EMPTY ? VPT_OK : status;
    }
    if (uses_ecam(qtest)) {
        vpt_qtest_write(qtest, ecam_address(qtest, address, offset), width, value);
    } else {
        select_config(qtest, address, offset);
        vpt_qtest_io_write(qtest, (uint16_t)(CONFIG_DATA + (offset & 3u)), width, value);
    }
    return qtest->failure;
}

enum vpt_status vpt_qtest_ecam_enable(struct vpt_qtest *qtest)
{
    uint64_t value = qtest->details->machine.ecam.base | Q35_PCIEXBAR_ENABLE;

    /* Uses ports, because ECAM is still off; writes the upper half first, because the lower half enables it. */
    vpt_qtest_io_write(qtest, CONFIG_ADDRESS, 4, CONFIG_ENABLE | (Q35_PCIEXBAR + 4u));
    vpt_qtest_io_write(qtest, CONFIG_DATA, 4, (uint32_t)(value >> 32));
    vpt_qtest_io_write(qtest, CONFIG_ADDRESS, 4, CONFIG_ENABLE | Q35_PCIEXBAR);
    vpt_qtest_io_write(qtest, CONFIG_DATA, 4, (uint32_t)value);
    return qtest->failure;
}

/* ---- MMIO ---- */

enum vpt_status vpt_qtest_mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping)
{
    struct vpt_qtest *qtest = ctx;
    struct record *record;

    (void)intent;
    if (size == 0 || size - 1u > UINT64_MAX - physical) {
        vpt_qtest_misuse(qtest, "a mapping of %zu bytes at 0x%" PRIx64, size, physical);
        return VPT_CALLER_ARGUMENT;
    }
    record = vpt_qtest_record_add(qtest, RECORD_MAPPING);
    if (record == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    record->address = record;
    record->device_address = physical;
    record->size = size;
    *mapping = record;
    return VPT_OK;
}

static struct record *find_mapping(struct vpt_qtest *qtest, const void *mapping)
{
    return mapping == NULL ? NULL : vpt_qtest_record_find(qtest, RECORD_MAPPING, mapping, 0);
}

void vpt_qtest_mmio_unmap(void *ctx, void *mapping, size_t size)
{
    struct vpt_qtest *qtest = ctx;
    struct record *record = find_mapping(qtest, mapping);

    if (record == NULL || record->size != size) {
        vpt_qtest_misuse(qtest, "%zu bytes are unmapped that were not mapped so", size);
        return;
    }
    vpt_qtest_record_remove(qtest, record);
}

/* The mapping, if it contains the whole access. */
static const struct record *check_mmio(struct vpt_qtest *qtest, const void *mapping, size_t offset, unsigned width)
{
    const struct record *record = find_mapping(qtest, mapping);

    if (record == NULL || !width_fits(offset, width) || offset >= record->size || width > record->size - offset) {
        vpt_qtest_misuse(qtest, "an access of %u bytes at offset 0x%zx, outside its mapping", width, offset);
        return NULL;
    }
    return record;
}

uint32_t vpt_qtest_mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    const struct record *record = check_mmio(ctx, mapping, offset, width);

    return record == NULL ? ALL_ONES : vpt_qtest_read(ctx, record->device_address + offset, width);
}

void vpt_qtest_mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    const struct record *record = check_mmio(ctx, mapping, offset, width);

    if (record != NULL) {
        vpt_qtest_write(ctx, record->device_address + offset, width, value);
    }
}
