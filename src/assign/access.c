/* SPDX-License-Identifier: MIT */
/* A guest's accesses to what its hypervisor traps, passed on to the host. */
#include "assign/internal.h"

/* Of an access's width; of one that no access has, all there are. No shift of 64 bits: some targets call for it. */
static uint64_t all_ones(unsigned width)
{
    return width - 1u < 4u && width != 3u ? PCI_ABSENT32 >> (32u - 8u * width) : PCI_ADDRESS_LAST;
}

static bool width_known(enum vpt_assign_space space, unsigned width)
{
    unsigned most = space == VPT_ASSIGN_MEMORY ? 8 : space == VPT_ASSIGN_IO ? 4 : 0;

    return width - 1u < most && (width & (width - 1u)) == 0;
}

/* Where an access goes. */
struct target {
    uint64_t host;
    uint64_t offset; /* in the BAR */
    uint8_t bar;     /* above all BARs: none's */
};

static enum vpt_status locate(const struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                              unsigned width, struct target *target)
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
    target->host = region->host + offset;
    target->bar = region->bar;
    target->offset = region->bar < ASSIGN_BARS ? target->host - device->layout.bar[region->bar].address : 0;
    if ((target->host & (width - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    return device->vanished ? VPT_DEVICE_GONE : VPT_OK;
}

/* Without such an access nothing is done. */
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

static enum vpt_status access(struct vpt_assign_device *device, bool write, enum vpt_assign_space space,
                              uint64_t guest, unsigned width, uint64_t *value)
{
    enum vpt_status status;
    struct target target;

    if (device == NULL || !width_known(space, width)) {
        return VPT_CALLER_ARGUMENT;
    }
    status = locate(device, space, guest, width, &target);
    if (status != VPT_OK) {
        return status;
    }
    status = vpt_assign_msix_access(device, write, target.bar, target.offset, width, value);
    if (status != VPT_EMPTY) {
        return status;
    }
    return space == VPT_ASSIGN_IO
               ? access_io(device->host, write, (uint16_t)(target.host & PCI_ABSENT16), width, value)
               : access_memory(device->host, write, target.host, width, value);
}

enum vpt_status vpt_assign_access_read(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                       unsigned width, uint64_t *value)
{
    uint64_t answer = PCI_ADDRESS_LAST;
    enum vpt_status status;

    if (value == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = access(device, false, space, guest, width, &answer);
    *value = (status == VPT_OK ? answer : PCI_ADDRESS_LAST) & all_ones(width);
    return status;
}

enum vpt_status vpt_assign_access_write(struct vpt_assign_device *device, enum vpt_assign_space space,
                                        uint64_t guest, unsigned width, uint64_t value)
{
    value &= all_ones(width);
    return access(device, true, space, guest, width, &value);
}
