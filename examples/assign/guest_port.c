/* SPDX-License-Identifier: MIT */
/* The port of a guest's code: each call is an access by the guest, or concerns its memory. */
#include "guest.h"
#include "table.h"

#define LATCH_ENABLE 0x80000000u
#define DATA_PORT    0xcfcu

static uint32_t all_ones(unsigned width)
{
    return UINT32_MAX >> (32u - 8u * width);
}

/* ---- Configuration space ---- */

/* Decodes an access by the guest's instructions into function and register. */
static enum vpt_status decode(struct guest *guest, const struct vpt_pci_address *address, uint16_t offset,
                              unsigned width, struct vpt_pci_target *target)
{
    uint32_t function = (uint32_t)address->bus << 8 | (uint32_t)address->device << 3 | address->function;

    if (guest->by_memory) {
        return vpt_pci_decode_memory(0, 0, 255, (uint64_t)function << 12 | offset, width, target);
    }
    if (offset >= VPT_PCI_CONFIG_SIZE) {
        return VPT_CALLER_RANGE;
    }
    guest->latch = LATCH_ENABLE | function << 8 | (offset & 0xfcu);
    return vpt_pci_decode_ports(guest->latch, (uint16_t)(DATA_PORT + (offset & 3u)), width, target);
}

/* The guest's device that an access names, or NULL. */
static struct vpt_assign_device *device_of(struct guest *guest, const struct vpt_pci_address *address, uint16_t offset,
                                           unsigned width, struct vpt_pci_target *target)
{
    struct vpt_assign_device *device = NULL;

    guest->configured++;
    if (decode(guest, address, offset, width, target) == VPT_OK) {
        device = vpt_assign_registry_find(&guest->host->registry, &target->address);
    }
    return device != NULL && device->owned && device->owner == guest->owner ? device : NULL;
}

static enum vpt_status config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    struct guest *guest = ctx;
    struct vpt_pci_target target;
    struct vpt_assign_device *device = device_of(guest, address, offset, width, &target);

    *value = all_ones(width);
    if (device != NULL) {
        require_ok(vpt_assign_config_read(device, target.offset, target.width, value), "reading configuration space");
    }
    return VPT_OK;
}

/* The guest gets no status, as from hardware. */
static enum vpt_status config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value)
{
    struct guest *guest = ctx;
    struct vpt_pci_target target;
    struct vpt_assign_device *device = device_of(guest, address, offset, width, &target);

    if (device != NULL) {
        guest->answer = vpt_assign_config_write(device, target.offset, target.width, value);
        require(guest->answer == VPT_OK || guest->answer == VPT_REFUSED, "writing configuration space: %s",
                vpt_status_str(guest->answer));
    }
    return VPT_OK;
}

/* ---- The rest of the port ---- */

static uint32_t io_read(void *ctx, uint16_t io_port, unsigned width)
{
    uint32_t value = 0;

    guest_access(ctx, false, VPT_ASSIGN_IO, io_port, width, &value);
    return value;
}

static void io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    guest_access(ctx, true, VPT_ASSIGN_IO, io_port, width, &value);
}

/* A mapping's handle is the guest's physical address. */
static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    (void)ctx;
    (void)size;
    (void)intent;
    *mapping = (void *)(uintptr_t)physical;
    return (uint64_t)(uintptr_t)*mapping == physical ? VPT_OK : VPT_RESOURCE_ADDRESS;
}

static void mmio_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    (void)mapping;
    (void)size;
}

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    uint32_t value = 0;

    guest_access(ctx, false, VPT_ASSIGN_MEMORY, (uintptr_t)mapping + offset, width, &value);
    return value;
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    guest_access(ctx, true, VPT_ASSIGN_MEMORY, (uintptr_t)mapping + offset, width, &value);
}

/* Devices reach the guest's memory at guest addresses, so nothing is copied. */
static enum vpt_status share(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared)
{
    const struct guest *guest = ctx;

    (void)direction;
    (void)access_platform;
    for (unsigned i = 0; i < GUEST_MEMORIES; i++) {
        const struct guest_memory *memory = &guest->memory[i];
        uint64_t offset = (uintptr_t)buffer - (uintptr_t)memory->host.address;

        if (offset < memory->size) {
            shared->device_address = memory->address + offset;
            shared->size = size < memory->size - offset ? size : memory->size - (size_t)offset;
            return VPT_OK;
        }
    }
    return VPT_CALLER_RANGE;
}

static void unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform)
{
    (void)ctx;
    (void)buffer;
    (void)shared;
    (void)direction;
    (void)access_platform;
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    const struct vpt_port *port = ((const struct guest *)ctx)->host->port;

    return port->keep_waiting(port->ctx, what, iteration);
}

void guest_port_init(struct guest *guest)
{
    guest->context.pool = &guest->pool;
    guest->port = (struct vpt_port){
        .ctx = guest,
        .dma_allocate = vpt_page_pool_dma_allocate,
        .dma_free = vpt_page_pool_dma_free,
        .io_read = io_read,
        .io_write = io_write,
        .config_read = config_read,
        .config_write = config_write,
        .mmio_map = mmio_map,
        .mmio_unmap = mmio_unmap,
        .mmio_read = mmio_read,
        .mmio_write = mmio_write,
        .share = share,
        .unshare = unshare,
        .keep_waiting = keep_waiting,
    };
}
