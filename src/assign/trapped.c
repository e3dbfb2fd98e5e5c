/* SPDX-License-Identifier: MIT */
/* A guest's accesses to what its hypervisor traps, passed on to the host. */
#include "msix_table.h"
#include "region.h"
#include "shadow.h"

/*
 * Returns all-ones of an access's width, or 64 ones if no access has this width. Shifts 32 bits, because some targets
 * call a function to shift 64.
 */
static uint64_t all_ones(unsigned width)
{
    return width - 1u < 4u && width != 3u ? PCI_ABSENT32 >> (32u - 8u * width) : PCI_ADDRESS_LAST;
}

static bool width_known(enum vpt_assign_space space, unsigned width)
{
    if (space != VPT_ASSIGN_MEMORY && space != VPT_ASSIGN_IO) {
        return false;
    }
    return width - 1u < (space == VPT_ASSIGN_IO ? 4u : 8u) && (width & (width - 1u)) == 0;
}

/* Does nothing if the host has no such access. */
static enum vpt_status access_memory(const struct vpt_assign_host *host, bool write, uint64_t address, unsigned width,
                                     uint64_t *value)
{
    if (write ? host->memory_write == NULL : host->memory_read == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    return write ? host->memory_write(host->ctx, address, width, *value)
                 : host->memory_read(host->ctx, address, width, value);
}

static enum vpt_status access_io(const struct vpt_assign_host *host, bool write, uint16_t io_port, unsigned width,
                                 uint64_t *value)
{
    uint32_t word = (uint32_t)(*value & PCI_ABSENT32);
    enum vpt_status status;

    if (write ? host->io_write == NULL : host->io_read == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    status = write ? host->io_write(host->ctx, io_port, width, word) : host->io_read(host->ctx, io_port, width, &word);
    *value = word;
    return status;
}

/* *value has the access's width. After an error it may be anything. */
static enum vpt_status pass_on(struct vpt_assign_device *device, bool write, enum vpt_assign_space space,
                               uint64_t guest, unsigned width, uint64_t *value)
{
    const struct vpt_assign_region *region = vpt_assign_region_find(device, space, guest);
    enum vpt_status status;
    uint64_t place = 0; /* offset in the BAR */
    uint64_t address;

    if (region == NULL || region->bar == VPT_ASSIGN_RESERVED || width - 1u >= region->size - (guest - region->guest)) {
        return VPT_CALLER_RANGE;
    }
    address = region->host + (guest - region->guest);
    if ((address & (width - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (device->vanished) {
        return VPT_DEVICE_GONE;
    }
    if (region->bar < ASSIGN_BARS) {
        place = address - device->layout.bar[region->bar].address;
    }
    status = vpt_assign_msix_access(device, write, region->bar, place, width, value);
    if (status != VPT_EMPTY) {
        return status;
    }
    return space == VPT_ASSIGN_IO ? access_io(device->host, write, (uint16_t)(address & PCI_ABSENT16), width, value)
                                  : access_memory(device->host, write, address, width, value);
}

/* After an error *value is all-ones, after a write as well as after a read. */
static enum vpt_status access_guest(struct vpt_assign_device *device, bool write, enum vpt_assign_space space,
                                    uint64_t guest, unsigned width, uint64_t *value)
{
    uint64_t mask = all_ones(width);
    uint64_t bits = *value & mask;
    enum vpt_status status = VPT_CALLER_ARGUMENT;

    if (device != NULL && width_known(space, width)) {
        status = pass_on(device, write, space, guest, width, &bits);
    }
    *value = status == VPT_OK ? bits & mask : mask;
    return status;
}

enum vpt_status vpt_assign_access_read(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                       unsigned width, uint64_t *value)
{
    if (value == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *value = PCI_ADDRESS_LAST;
    return access_guest(device, false, space, guest, width, value);
}

enum vpt_status vpt_assign_access_write(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                        unsigned width, uint64_t value)
{
    return access_guest(device, true, space, guest, width, &value);
}
