/* SPDX-License-Identifier: MIT */
/* virtio-mmio, versions 1 and 2 (VirtIO 1.4, section 4.2). */
#include <vpt/mmio.h>
#include <vpt/queue.h>

#include "../access.h"
#include "../register.h"
#include "transport.h"
#include "wait.h"

#define MAGIC 0x74726976u /* "virt" */

enum mmio_register {
    REGISTER_MAGIC_VALUE = 0x000,
    REGISTER_VERSION = 0x004,
    REGISTER_DEVICE_ID = 0x008,
    REGISTER_VENDOR_ID = 0x00c,
    REGISTER_DEVICE_FEATURES = 0x010,
    REGISTER_DEVICE_FEATURES_SEL = 0x014,
    REGISTER_DRIVER_FEATURES = 0x020,
    REGISTER_DRIVER_FEATURES_SEL = 0x024,
    REGISTER_GUEST_PAGE_SIZE = 0x028, /* version 1 */
    REGISTER_QUEUE_SEL = 0x030,
    REGISTER_QUEUE_SIZE_MAX = 0x034,
    REGISTER_QUEUE_SIZE = 0x038,
    REGISTER_QUEUE_ALIGN = 0x03c, /* version 1 */
    REGISTER_QUEUE_PFN = 0x040,   /* version 1 */
    REGISTER_QUEUE_READY = 0x044,
    REGISTER_QUEUE_NOTIFY = 0x050,
    REGISTER_INTERRUPT_STATUS = 0x060,
    REGISTER_INTERRUPT_ACK = 0x064,
    REGISTER_STATUS = 0x070,
    REGISTER_QUEUE_DESC = 0x080, /* low half, the high one behind it; likewise the next two */
    REGISTER_QUEUE_DRIVER = 0x090,
    REGISTER_QUEUE_DEVICE = 0x0a0,
    REGISTER_SHM_SEL = 0x0ac,
    REGISTER_SHM_LEN = 0x0b0,
    REGISTER_SHM_BASE = 0x0b8,
    REGISTER_CONFIG_GENERATION = 0x0fc,
    REGISTER_CONFIG = 0x100
};

static struct vpt_mmio *mmio_of(struct vpt_device *device)
{
    return VPT_CONTAINER_OF(device, struct vpt_mmio, device);
}

static uint32_t read_register(struct vpt_device *device, size_t offset)
{
    return vpt_register_read(device->port, mmio_of(device)->mapping, offset, 4);
}

static void write_register(struct vpt_device *device, size_t offset, uint32_t value)
{
    vpt_register_write(device->port, mmio_of(device)->mapping, offset, 4, value);
}

static void write_register_pair(struct vpt_device *device, size_t offset, uint64_t value)
{
    write_register(device, offset, (uint32_t)value);
    write_register(device, offset + 4u, (uint32_t)(value >> 32));
}

static uint64_t read_register_pair(struct vpt_device *device, size_t offset)
{
    uint32_t low = read_register(device, offset);

    return ((uint64_t)read_register(device, offset + 4u) << 32) | low;
}

static uint32_t status_read(struct vpt_device *device)
{
    return read_register(device, REGISTER_STATUS);
}

static void status_write(struct vpt_device *device, uint8_t status)
{
    write_register(device, REGISTER_STATUS, status);
}

static void order(struct vpt_device *device)
{
    (void)read_register(device, REGISTER_STATUS);
}

static uint32_t features_read(struct vpt_device *device, unsigned word)
{
    write_register(device, REGISTER_DEVICE_FEATURES_SEL, word);
    return read_register(device, REGISTER_DEVICE_FEATURES);
}

static void features_write(struct vpt_device *device, unsigned word, uint32_t value)
{
    write_register(device, REGISTER_DRIVER_FEATURES_SEL, word);
    write_register(device, REGISTER_DRIVER_FEATURES, value);
}

/* `enabled` is the register that reads 0 while the queue is not in use: QueueReady, or QueuePFN. */
static enum vpt_status queue_select(struct vpt_device *device, uint16_t index, size_t enabled, uint32_t *maximum)
{
    write_register(device, REGISTER_QUEUE_SEL, index);
    if (read_register(device, enabled) != 0) {
        return VPT_DEVICE_QUEUE_STATE;
    }
    *maximum = read_register(device, REGISTER_QUEUE_SIZE_MAX);
    return VPT_OK;
}

static enum vpt_status queue_maximum(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    return queue_select(device, index, REGISTER_QUEUE_READY, maximum);
}

/* The register is write-only: a device that ignores it is not found out. */
static uint32_t queue_size(struct vpt_device *device, uint16_t index, uint32_t size)
{
    write_register(device, REGISTER_QUEUE_SEL, index);
    write_register(device, REGISTER_QUEUE_SIZE, size);
    return size;
}

static enum vpt_status queue_enable(struct vpt_device *device, uint16_t index, const struct vpt_queue_areas *areas)
{
    write_register(device, REGISTER_QUEUE_SEL, index);
    write_register_pair(device, REGISTER_QUEUE_DESC, areas->descriptors);
    write_register_pair(device, REGISTER_QUEUE_DRIVER, areas->driver);
    write_register_pair(device, REGISTER_QUEUE_DEVICE, areas->device);
    write_register(device, REGISTER_QUEUE_READY, 1);
    return read_register(device, REGISTER_QUEUE_READY) == 1u ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

static enum vpt_status queue_stop(struct vpt_device *device, uint16_t index, size_t enabled)
{
    uint32_t iteration = 0;

    write_register(device, REGISTER_QUEUE_SEL, index);
    write_register(device, enabled, 0);
    while (read_register(device, enabled) != 0) {
        if (!vpt_keep_waiting(device->port, VPT_WAIT_QUEUE, &iteration)) {
            return VPT_DEVICE_QUEUE_STATE;
        }
    }
    return VPT_OK;
}

static enum vpt_status queue_disable(struct vpt_device *device, uint16_t index)
{
    return queue_stop(device, index, REGISTER_QUEUE_READY);
}

static enum vpt_status queue_doorbell(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell)
{
    doorbell->mapping = mmio_of(device)->mapping;
    doorbell->offset = REGISTER_QUEUE_NOTIFY;
    doorbell->value = index;
    doorbell->width = 4;
    return VPT_OK;
}

static uint32_t interrupt(struct vpt_device *device)
{
    uint32_t all = read_register(device, REGISTER_INTERRUPT_STATUS);
    uint32_t defined = all & (VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION);

    if (all == 0xffffffffu || defined == 0) {
        return 0;
    }
    write_register(device, REGISTER_INTERRUPT_ACK, defined);
    return defined;
}

static size_t config_size(struct vpt_device *device)
{
    return mmio_of(device)->size - REGISTER_CONFIG;
}

static uint32_t config_read(struct vpt_device *device, uint32_t offset, unsigned width)
{
    return vpt_register_read(device->port, mmio_of(device)->mapping, REGISTER_CONFIG + (size_t)offset, width);
}

static void config_write(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    vpt_register_write(device->port, mmio_of(device)->mapping, REGISTER_CONFIG + (size_t)offset, width, value);
}

static uint32_t config_generation(struct vpt_device *device)
{
    return read_register(device, REGISTER_CONFIG_GENERATION);
}

static enum vpt_status shared_memory(struct vpt_device *device, uint8_t id, struct vpt_shared_memory_region *region)
{
    write_register(device, REGISTER_SHM_SEL, id);
    region->length = read_register_pair(device, REGISTER_SHM_LEN);
    region->base = read_register_pair(device, REGISTER_SHM_BASE);
    return VPT_OK;
}

static const struct vpt_transport_ops modern_ops = {
    .name = "virtio-mmio",
    .ring_limit = ~(uint64_t)0,
    .ring_alignment = VPT_QUEUE_RINGS_ALIGNMENT,
    .used_alignment = VPT_QUEUE_RINGS_ALIGNMENT,
    .feature_words = VPT_FEATURE_WORDS,
    .legacy = false,
    .status_read = status_read,
    .status_write = status_write,
    .order = order,
    .features_read = features_read,
    .features_write = features_write,
    .queue_maximum = queue_maximum,
    .queue_size = queue_size,
    .queue_enable = queue_enable,
    .queue_disable = queue_disable,
    .queue_doorbell = queue_doorbell,
    .interrupt = interrupt,
    .config_size = config_size,
    .config_read = config_read,
    .config_write = config_write,
    .config_generation = config_generation,
    .shared_memory = shared_memory,
};

#ifndef VPT_WITHOUT_LEGACY
/*
 * The page size that a legacy device counts ring addresses in. The used ring in it need not begin a page, so that a
 * small queue fits one.
 */
#define LEGACY_PAGE_SHIFT 12u
#define LEGACY_PAGE_SIZE  (1u << LEGACY_PAGE_SHIFT)

static enum vpt_status queue_maximum_legacy(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    return queue_select(device, index, REGISTER_QUEUE_PFN, maximum);
}

/* The page size goes first, and the alignment before the page number, which is what starts the queue. */
static enum vpt_status queue_enable_legacy(struct vpt_device *device, uint16_t index,
                                           const struct vpt_queue_areas *areas)
{
    uint32_t page = (uint32_t)(areas->descriptors >> LEGACY_PAGE_SHIFT);

    if (page == 0) {
        return VPT_RESOURCE_ADDRESS; /* to the device it would say that there is no queue */
    }
    write_register(device, REGISTER_GUEST_PAGE_SIZE, LEGACY_PAGE_SIZE);
    write_register(device, REGISTER_QUEUE_SEL, index);
    write_register(device, REGISTER_QUEUE_ALIGN, VPT_QUEUE_RINGS_ALIGNMENT);
    write_register(device, REGISTER_QUEUE_PFN, page);
    return read_register(device, REGISTER_QUEUE_PFN) == page ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

static enum vpt_status queue_disable_legacy(struct vpt_device *device, uint16_t index)
{
    return queue_stop(device, index, REGISTER_QUEUE_PFN);
}

static const struct vpt_transport_ops legacy_ops = {
    .name = "virtio-mmio legacy",
    .ring_limit = ((uint64_t)1 << (32u + LEGACY_PAGE_SHIFT)) - 1u,
    .ring_alignment = LEGACY_PAGE_SIZE,
    .used_alignment = VPT_QUEUE_RINGS_ALIGNMENT,
    .feature_words = 1,
    .legacy = true,
    .status_read = status_read,
    .status_write = status_write,
    .order = order,
    .features_read = features_read,
    .features_write = features_write,
    .queue_maximum = queue_maximum_legacy,
    .queue_size = queue_size,
    .queue_enable = queue_enable_legacy,
    .queue_disable = queue_disable_legacy,
    .queue_doorbell = queue_doorbell,
    .interrupt = interrupt,
    .config_size = config_size,
    .config_read = config_read,
    .config_write = config_write,
    .config_generation = NULL,
    .shared_memory = NULL,
};

#define LEGACY_OPS (&legacy_ops)
#else
#define LEGACY_OPS NULL
#endif

/* Indexed by what the Version register reads. */
static const struct vpt_transport_ops *const versions[] = { NULL, LEGACY_OPS, &modern_ops };

/* Fills in what the registers say; the magic value first, and nothing further after one that is wrong. */
static enum vpt_status identify(struct vpt_device *device)
{
    uint32_t version;

    if (read_register(device, REGISTER_MAGIC_VALUE) != MAGIC) {
        return VPT_DEVICE_MAGIC;
    }
    version = read_register(device, REGISTER_VERSION);
    if (version >= sizeof(versions) / sizeof(versions[0]) || versions[version] == NULL) {
        return VPT_UNSUPPORTED_VERSION;
    }
    device->ops = versions[version];
    device->type = read_register(device, REGISTER_DEVICE_ID);
    if (device->type == 0) {
        return VPT_EMPTY_SLOT;
    }
    if (device->type == 0xffffffffu) {
        return VPT_DEVICE_GONE;
    }
    device->vendor = read_register(device, REGISTER_VENDOR_ID);
    return VPT_OK;
}

enum vpt_status vpt_mmio_probe(struct vpt_mmio *mmio, const struct vpt_port *port, void *mapping, size_t size)
{
    enum vpt_status status = VPT_CALLER_ARGUMENT;

    if (mmio == NULL) {
        return status;
    }
    vpt_zero(mmio, sizeof(*mmio));
    if (port != NULL && mapping != NULL && size >= VPT_MMIO_REGISTERS_SIZE) {
        mmio->device.port = port;
        mmio->mapping = mapping;
        mmio->size = size;
        status = identify(&mmio->device);
        if (status != VPT_OK) {
            vpt_zero(mmio, sizeof(*mmio));
        }
    }
    return status;
}
