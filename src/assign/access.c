/* SPDX-License-Identifier: MIT */
/* A guest's accesses to what its hypervisor traps, passed on to the host. */
#include "assign/internal.h"

/* Of an access's width; of one that no access has, all there are. No shift by a variable: some targets call for it. */
static uint64_t all_ones(unsigned width)
{
    if (width == 1 || width == 2) {
        return width == 1 ? 0xffu : PCI_ABSENT16;
    }
    return width == 4 ? PCI_ABSENT32 : PCI_ADDRESS_LAST;
}

static bool width_known(enum vpt_assign_space space, unsigned width)
{
    if (space != VPT_ASSIGN_MEMORY && space != VPT_ASSIGN_IO) {
        return false;
    }
    return width == 1 || width == 2 || width == 4 || (width == 8 && space == VPT_ASSIGN_MEMORY);
}

/* Where an access goes on the host. */
static enum vpt_status locate(const struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                              unsigned width, uint64_t *host)
{
    const struct vpt_assign_region *region = vpt_assign_region_find(device, space, guest);
    uint64_t offset;

    if (region == NULL || region->bar == VPT_ASSIGN_RESERVED) {
        return VPT_CALLER_RANGE;
    }
    offset = guest - region->guest;
    if (width - 1u >= region->size - offset) {
        return VPT_CALLER_RANGE;
    }
    *host = region->host + offset;
    if ((*host & (width - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    return device->vanished ? VPT_DEVICE_GONE : VPT_OK;
}

static enum vpt_status read_memory(const struct vpt_assign_host *host, uint64_t address, unsigned width,
                                   uint64_t *value)
{
    return host->memory_read == NULL ? VPT_UNSUPPORTED_PORT : host->memory_read(host->ctx, address, width, value);
}

static enum vpt_status read_io(const struct vpt_assign_host *host, uint16_t io_port, unsigned width, uint64_t *value)
{
    uint32_t answer = PCI_ABSENT32;
    enum vpt_status status;

    if (host->io_read == NULL) {
        return VPT_UNSUPPORTED_PORT;
    }
    status = host->io_read(host->ctx, io_port, width, &answer);
    *value = answer;
    return status;
}

enum vpt_status vpt_assign_access_read(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                       unsigned width, uint64_t *value)
{
    uint64_t answer = PCI_ADDRESS_LAST;
    enum vpt_status status;
    uint64_t host;

    if (value == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *value = all_ones(width);
    if (device == NULL || !width_known(space, width)) {
        return VPT_CALLER_ARGUMENT;
    }
    status = locate(device, space, guest, width, &host);
    if (status != VPT_OK) {
        return status;
    }
    if (space == VPT_ASSIGN_IO) {
        status = read_io(device->host, (uint16_t)(host & PCI_ABSENT16), width, &answer);
    } else {
        status = read_memory(device->host, host, width, &answer);
    }
    if (status == VPT_OK) {
        *value = answer & all_ones(width);
    }
    return status;
}

enum vpt_status vpt_assign_access_write(struct vpt_assign_device *device, enum vpt_assign_space space,
                                        uint64_t guest, unsigned width, uint64_t value)
{
    enum vpt_status status;
    uint64_t address;

    if (device == NULL || !width_known(space, width)) {
        return VPT_CALLER_ARGUMENT;
    }
    status = locate(device, space, guest, width, &address);
    if (status != VPT_OK) {
        return status;
    }
    value &= all_ones(width);
    if (space == VPT_ASSIGN_IO) {
        return device->host->io_write == NULL
                   ? VPT_UNSUPPORTED_PORT
                   : device->host->io_write(device->host->ctx, (uint16_t)(address & PCI_ABSENT16), width,
                                            (uint32_t)value);
    }
    return device->host->memory_write == NULL
               ? VPT_UNSUPPORTED_PORT
               : device->host->memory_write(device->host->ctx, address, width, value);
}
