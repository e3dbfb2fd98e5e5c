/* SPDX-License-Identifier: MIT */
#include "devices.h"

#include "step.h"

static const char *type_name(uint32_t type)
{
    switch (type) {
    case VPT_DEVICE_TYPE_NETWORK:
        return "network card";
    case VPT_DEVICE_TYPE_BLOCK:
        return "block device";
    case VPT_DEVICE_TYPE_CONSOLE:
        return "console";
    case VPT_DEVICE_TYPE_ENTROPY:
        return "entropy source";
    case VPT_DEVICE_TYPE_SCSI:
        return "SCSI host";
    case VPT_DEVICE_TYPE_9P:
        return "9P transport";
    case VPT_DEVICE_TYPE_GPU:
        return "GPU device";
    case VPT_DEVICE_TYPE_INPUT:
        return "input device";
    case VPT_DEVICE_TYPE_SOCKET:
        return "socket device";
    case VPT_DEVICE_TYPE_SOUND:
        return "sound device";
    default:
        return "device of a type without a name here";
    }
}

static uint64_t address_of(const struct device_place *place)
{
    return place->bus->first + (uint64_t)place->index * place->bus->stride;
}

static enum vpt_status open_slot(struct device *device, const struct vpt_port *port, const struct device_place *place)
{
    size_t size = place->bus->stride;
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

enum vpt_status device_open(struct device *device, const struct vpt_port *port, const struct device_place *place)
{
    switch (place->bus->kind) {
    case MACHINE_MMIO_SLOTS:
        return open_slot(device, port, place);
    default:
        return VPT_UNSUPPORTED_DEVICE;
    }
}

void device_close(struct device *device)
{
    const struct vpt_port *port = device->virtio->port;

    port->mmio_unmap(port->ctx, device->mmio.mapping, device->mmio.size);
}

static void describe(const struct device *device, const struct device_place *place)
{
    const struct vpt_device *virtio = device->virtio;

    print("at 0x%llx: %s by %s\n", (unsigned long long)address_of(place), type_name(virtio->type),
          vpt_device_transport(virtio));
    print("@device %llx %u %s\n", (unsigned long long)address_of(place), (unsigned)virtio->type,
          vpt_device_legacy(virtio) ? "legacy" : "modern");
}

static bool find_on_bus(const struct vpt_port *port, const struct machine_bus *bus, struct device_place *disk)
{
    unsigned empty = 0;

    for (uint32_t i = 0; i < bus->count; i++) {
        const struct device_place place = {bus, i};
        struct device device;
        enum vpt_status status = device_open(&device, port, &place);

        if (status == VPT_EMPTY_SLOT) {
            empty++;
            continue;
        }
        if (!step("probe", status)) {
            return false;
        }
        describe(&device, &place);
        if (device.virtio->type == VPT_DEVICE_TYPE_BLOCK && disk->bus == NULL) {
            *disk = place;
        }
        device_close(&device);
    }
    print("%u slots, %u empty\n@empty %u\n", (unsigned)bus->count, empty, empty);
    return true;
}

bool devices_find_disk(const struct vpt_port *port, struct device_place *disk)
{
    disk->bus = NULL;
    for (size_t i = 0; i < machine.bus_count; i++) {
        if (!find_on_bus(port, &machine.buses[i], disk)) {
            return false;
        }
    }
    if (disk->bus == NULL) {
        print("FAILED: no block device\n");
    }
    return disk->bus != NULL;
}
