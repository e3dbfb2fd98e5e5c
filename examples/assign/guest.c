/* SPDX-License-Identifier: MIT */
#include "guest.h"
#include "table.h"

#include <string.h>

static const size_t memory_sizes[GUEST_MEMORIES] = { 0x40000, 0x20000, 0x1000 };

/* ---- Interrupts ---- */

static enum vpt_status message(void *ctx, uint64_t address, uint32_t data)
{
    struct guest_device *device = ctx;

    require(device->message_count < GUEST_MESSAGES_MAX, "the %s sends messages without end", device->function->name);
    device->messages[device->message_count++] = (struct guest_message){ address, data };
    return VPT_OK;
}

static void intx(void *ctx, bool asserted)
{
    struct guest_device *device = ctx;

    device->line = asserted;
}

unsigned guest_take_messages(struct guest *guest, enum host_index index, unsigned milliseconds,
                             struct guest_message *first)
{
    struct guest_device *device = &guest->devices[index];
    unsigned count;

    for (unsigned i = 0; i < 10u * milliseconds && device->message_count == 0; i++) {
        host_deliver(guest->host);
        host_pause(100);
    }
    /* A register read completes only after the function's earlier writes and messages have arrived. */
    (void)host_config(device->function, 0, 4);
    host_deliver(guest->host);
    count = device->message_count;
    *first = device->messages[0];
    device->message_count = 0;
    return count;
}

/* ---- Start and end ---- */

static void allocate(struct guest *guest, unsigned index, uint64_t address)
{
    const struct vpt_port *port = guest->host->port;
    struct guest_memory *memory = &guest->memory[index];

    memory->address = address;
    memory->size = memory_sizes[index];
    require_ok(port->dma_allocate(port->ctx, memory->size, IOMMU_PAGE, UINT64_MAX, 0, &memory->host),
               "memory for a guest");
}

void guest_start(struct guest *guest, struct host *host, const struct guest_layout *layout)
{
    struct vpt_memory rings;

    memset(guest, 0, sizeof(*guest));
    guest->name = layout->name;
    guest->owner = layout->owner;
    guest->by_memory = layout->by_memory;
    guest->host = host;
    for (unsigned i = GUEST_MEMORIES; i > 0; i--) {
        allocate(guest, i - 1u, layout->memory[i - 1u]);
    }
    rings = guest->memory[GUEST_RINGS].host;
    rings.device_address = guest->memory[GUEST_RINGS].address;
    require_ok(vpt_page_pool_init(&guest->pool, &rings), "a guest's pages");
    guest_port_init(guest);
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        struct guest_device *device = &guest->devices[i];

        device->guest = guest;
        device->function = &host->functions[i];
        device->hooks = (struct vpt_assign_guest){ device, guest_map, guest_unmap, message, intx };
    }
}

void guest_stop(struct guest *guest)
{
    const struct vpt_port *port = guest->host->port;

    for (unsigned i = 0; i < GUEST_MEMORIES; i++) {
        port->dma_free(port->ctx, &guest->memory[i].host, 0);
    }
}

/* Its memory, and the window of messages, which must not overlap memory. */
static void make_space(struct guest *guest)
{
    const struct vpt_assign_dma_range window = { .guest = HOST_MESSAGES, .size = HOST_MESSAGES_SIZE, .reserved = true };
    struct vpt_assign_dma_range wrong = { .guest = HOST_MESSAGES_AT, .size = IOMMU_PAGE };

    require_ok(vpt_assign_dma_init(&guest->dma, &guest->host->iommu_hooks, guest->ranges, GUEST_RANGES, IOMMU_PAGE),
               "a guest's space");
    require_ok(vpt_assign_dma_map(&guest->dma, &window), "reserving the window of messages");
    for (unsigned i = 0; i < GUEST_MEMORIES; i++) {
        const struct guest_memory *memory = &guest->memory[i];
        const struct vpt_assign_dma_range range = { .guest = memory->address,
                                                    .host = memory->host.device_address,
                                                    .size = memory->size,
                                                    .read_only = i == GUEST_CONSTANT };

        require_ok(vpt_assign_dma_map(&guest->dma, &range), "adding a guest's memory");
        wrong.host = range.host;
    }
    require_status(vpt_assign_dma_map(&guest->dma, &wrong), VPT_REFUSED, "memory where messages are sent to");
}

void guest_acquire(struct guest *guest)
{
    make_space(guest);
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        struct guest_device *device = &guest->devices[i];

        require_ok(vpt_assign_acquire(&device->function->device, guest->owner, &device->hooks), "acquiring a device");
        require_ok(vpt_assign_dma_attach(&guest->dma, &device->function->device), "attaching a device");
    }
}

void guest_release(struct guest *guest)
{
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        struct guest_device *device = &guest->devices[i];

        require_ok(vpt_assign_release(&device->function->device), "releasing a device");
        require(device->region_count == 0 && !device->line, "something of the %s is left to a guest that is gone",
                device->function->name);
    }
}

struct vpt_pci_function guest_function(struct guest *guest, enum host_index index)
{
    return (struct vpt_pci_function){ &guest->port, guest->devices[index].function->device.address };
}

void *guest_bytes(struct guest *guest, enum guest_memory_index index)
{
    return guest->memory[index].host.address;
}
