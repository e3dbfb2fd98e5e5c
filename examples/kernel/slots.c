/* SPDX-License-Identifier: MIT */
/* virtio-mmio slots. */
#include "bus.h"
#include "step.h"

static uint64_t address_of(const struct device_place *place)
{
    return place->bus->slots.first + (uint64_t)place->slot * place->bus->slots.stride;
}

void slot_print(const struct device_place *place)
{
    print("mmio %llx", (unsigned long long)address_of(place));
}

enum vpt_status slot_open(struct device *device, const struct vpt_port *port, const struct device_place *place)
{
    size_t size = place->bus->slots.stride;
    void *mapping;
    enum vpt_status status = port->mmio_map(port->ctx, address_of(place), size, VPT_MAP_REGISTERS, &mapping);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_mmio_probe(&device->mmio, port, mapping, size);
    if (status != VPT_OK) {
        port->mmio_unmap(port->ctx, mapping, size);
    }
    device->virtio = &device->mmio.device;
    return status;
}

void slot_close(struct device *device)
{
    const struct vpt_port *port = device->virtio->port;

    port->mmio_unmap(port->ctx, device->mmio.mapping, VPT_MMIO_REGISTERS_SIZE + device->virtio->config_size);
}

bool slots_search(const struct machine_bus *bus, const struct vpt_port *port, bus_visit *visit, void *ctx)
{
    unsigned empty = 0;

    for (uint32_t i = 0; i < bus->slots.count; i++) {
        const struct device_place place = { .bus = bus, .slot = i };
        struct device device;
        enum vpt_status status = slot_open(&device, port, &place);

        if (status == VPT_EMPTY_SLOT) {
            empty++;
            continue;
        }
        if (!step("probe a slot", status)) {
            return false;
        }
        slot_close(&device);
        if (!visit(ctx, &place)) {
            return false;
        }
    }
    print("%u slots, %u empty\n@slots %u %u\n", (unsigned)bus->slots.count, empty, (unsigned)bus->slots.count, empty);
    return true;
}
