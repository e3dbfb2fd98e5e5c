/* SPDX-License-Identifier: MIT */
/* virtio-mmio, versions 1 and 2 (VirtIO 1.4, section 4.2). */
#include <vpt/mmio.h>

#include "../access.h"
#include "../register_access.h"
#include "transport_ops.h"

#define MAGIC      0x74726976u /* "virt" */
#define CONFIG_MAX 0x7fffffffu /* bytes of configuration; offsets of registers have 32 bits */

/* Registers that enum vpt_register does not have. */
enum mmio_register {
    REGISTER_MAGIC_VALUE = 0x000,
    REGISTER_VERSION = 0x004,
    REGISTER_DEVICE_ID = 0x008,
    REGISTER_VENDOR_ID = 0x00c,
    REGISTER_GUEST_PAGE_SIZE = 0x028, /* this register and the next two: version 1 only */
    REGISTER_QUEUE_ALIGN = 0x03c,
    REGISTER_QUEUE_PFN = 0x040,
    REGISTER_QUEUE_NOTIFY = 0x050
};

static void *mapping_of(struct vpt_device *device)
{
    return VPT_CONTAINER_OF(device, struct vpt_mmio, device)->mapping;
}

static uint32_t mmio_read(struct vpt_device *device, uint32_t place, unsigned width)
{
    return vpt_register_read(device->port, mapping_of(device), place, width);
}

static void mmio_write(struct vpt_device *device, uint32_t place, unsigned width, uint32_t value)
{
    vpt_register_write(device->port, mapping_of(device), place, width, value);
}

static enum vpt_status mmio_doorbell(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell)
{
    doorbell->mapping = mapping_of(device);
    doorbell->offset = REGISTER_QUEUE_NOTIFY;
    doorbell->value = index;
    doorbell->width = 4;
    return VPT_OK;
}

static const struct vpt_transport_ops modern_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .queue_doorbell = mmio_doorbell,
    .handled = { VPT_HANDLED_0, VPT_HANDLED_1 },
};

#ifndef VPT_WITHOUT_LEGACY
/*
 * A legacy device counts ring addresses in pages of this size. The used ring need not begin at a page, so that a small
 * queue fits one page.
 */
#define LEGACY_PAGE_SHIFT 12u
#define LEGACY_PAGE_SIZE  (1u << LEGACY_PAGE_SHIFT)

static uint32_t legacy_place(uint32_t place)
{
    return place == VPT_REGISTER_QUEUE_READY ? (uint32_t)REGISTER_QUEUE_PFN : place;
}

static uint32_t read_legacy(struct vpt_device *device, uint32_t place, unsigned width)
{
    return mmio_read(device, legacy_place(place), width);
}

static void write_legacy(struct vpt_device *device, uint32_t place, unsigned width, uint32_t value)
{
    mmio_write(device, legacy_place(place), width, value);
}

/* The page size comes first, then the alignment, then the page number, which starts the queue. */
static enum vpt_status queue_enable_legacy(struct vpt_device *device, uint16_t index, const struct vpt_area *areas)
{
    uint32_t page = (uint32_t)(areas[VPT_AREA_RINGS].memory.device_address >> LEGACY_PAGE_SHIFT);

    mmio_write(device, REGISTER_GUEST_PAGE_SIZE, 4, LEGACY_PAGE_SIZE);
    mmio_write(device, VPT_REGISTER_QUEUE_SEL, 4, index);
    mmio_write(device, REGISTER_QUEUE_ALIGN, 4, VPT_QUEUE_RINGS_ALIGNMENT);
    mmio_write(device, REGISTER_QUEUE_PFN, 4, page);
    return mmio_read(device, REGISTER_QUEUE_PFN, 4) == page ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

static const struct vpt_legacy_ops legacy = {
    .ring_limit = ((uint64_t)1 << (32u + LEGACY_PAGE_SHIFT)) - 1u,
    .ring_alignment = LEGACY_PAGE_SIZE,
    .used_alignment = VPT_QUEUE_RINGS_ALIGNMENT,
    .queue_enable = queue_enable_legacy,
};

static const struct vpt_transport_ops legacy_ops = {
    .legacy = &legacy,
    .read = read_legacy,
    .write = write_legacy,
    .queue_doorbell = mmio_doorbell,
    .handled = { VPT_HANDLED_0 | VPT_HANDLED_0_LEGACY, 0 },
};
#endif

/* Returns the operations for a value of the Version register, or NULL if it is unknown. */
static const struct vpt_transport_ops *ops_of(uint32_t version)
{
#ifndef VPT_WITHOUT_LEGACY
    if (version == 1u) {
        return &legacy_ops;
    }
#endif
    return version == 2u ? &modern_ops : NULL;
}

VPT_OUT_OF_LINE uint32_t read_first(const struct vpt_port *port, void *mapping, size_t offset)
{
    return vpt_register_read(port, mapping, offset, 4);
}

/* Reads the magic value first, and nothing else if it is wrong. */
enum vpt_status vpt_mmio_probe(struct vpt_mmio *mmio, const struct vpt_port *port, void *mapping, size_t size)
{
    const struct vpt_transport_ops *ops;
    uint32_t type;

    if (mmio == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(mmio, sizeof(*mmio));
    if (port == NULL || mapping == NULL || size < VPT_MMIO_REGISTERS_SIZE) {
        return VPT_CALLER_ARGUMENT;
    }
    if (read_first(port, mapping, REGISTER_MAGIC_VALUE) != MAGIC) {
        return VPT_DEVICE_MAGIC;
    }
    ops = ops_of(read_first(port, mapping, REGISTER_VERSION));
    if (ops == NULL) {
        return VPT_UNSUPPORTED_VERSION;
    }
    type = read_first(port, mapping, REGISTER_DEVICE_ID);
    if (type == 0 || type == 0xffffffffu) {
        return type == 0 ? VPT_EMPTY_SLOT : VPT_DEVICE_GONE;
    }
    mmio->device.ops = ops;
    mmio->device.port = port;
    mmio->device.type = type;
    mmio->device.vendor = read_first(port, mapping, REGISTER_VENDOR_ID);
    size -= VPT_REGISTER_CONFIG;
    mmio->device.config_size = size < CONFIG_MAX ? size : CONFIG_MAX;
    mmio->mapping = mapping;
    return VPT_OK;
}
