/* SPDX-License-Identifier: MIT */
#include "devices.h"

#include "bus.h"
#include "step.h"

static const char *type_name(uint32_t type)
{
    switch (type) {
    case VPT_DEVICE_TYPE_NETWORK: return "network card";
    case VPT_DEVICE_TYPE_BLOCK: return "block device";
    case VPT_DEVICE_TYPE_CONSOLE: return "console";
    case VPT_DEVICE_TYPE_ENTROPY: return "entropy source";
    case VPT_DEVICE_TYPE_BALLOON: return "memory balloon";
    case VPT_DEVICE_TYPE_SCSI: return "SCSI host";
    case VPT_DEVICE_TYPE_9P: return "9P transport";
    case VPT_DEVICE_TYPE_GPU: return "GPU device";
    case VPT_DEVICE_TYPE_INPUT: return "input device";
    case VPT_DEVICE_TYPE_SOCKET: return "socket device";
    case VPT_DEVICE_TYPE_SOUND: return "sound device";
    case VPT_DEVICE_TYPE_FS: return "file system";
    default: return "device of a type without a name here";
    }
}

enum vpt_status device_open(struct device *device, const struct vpt_port *port, const struct device_place *place)
{
    device->bus = place->bus;
    switch (place->bus->kind) {
    case MACHINE_MMIO_SLOTS: return slot_open(device, port, place);
    default: return function_open(device, port, place, VPT_VIRTIO_PCI_ANY);
    }
}

void device_close(struct device *device)
{
    switch (device->bus->kind) {
    case MACHINE_MMIO_SLOTS: slot_close(device); break;
    default: function_close(device); break;
    }
}

/* ---- Search ---- */

struct search {
    const struct vpt_port *port;
    struct devices *devices;
};

static void print_place(const struct device_place *place)
{
    (place->bus->kind == MACHINE_MMIO_SLOTS ? slot_print : function_print)(place);
}

static const char *interface_name(const struct device *device)
{
    return vpt_device_legacy(device->virtio) ? "legacy" : "modern";
}

static bool has_interface(const struct vpt_port *port, const struct device_place *place,
                          enum vpt_virtio_pci_interface interface)
{
    struct device device;

    if (function_open(&device, port, place, interface) != VPT_OK) {
        return false;
    }
    function_close(&device);
    return true;
}

static bool transitional(const struct vpt_port *port, const struct device_place *place)
{
    return place->bus->kind == MACHINE_PCI && has_interface(port, place, VPT_VIRTIO_PCI_LEGACY) &&
           has_interface(port, place, VPT_VIRTIO_PCI_MODERN);
}

static void remember(struct devices *devices, uint32_t type, const struct device_place *place)
{
    if (type < DEVICES_TYPES && devices->first[type].bus == NULL) {
        devices->first[type] = *place;
    }
    for (unsigned i = 0; i < DEVICES_INPUTS_MAX && type == VPT_DEVICE_TYPE_INPUT; i++) {
        if (devices->inputs[i].bus == NULL) {
            devices->inputs[i] = *place;
            return;
        }
    }
}

static bool visit(void *ctx, const struct device_place *place)
{
    struct search *search = ctx;
    bool both = transitional(search->port, place);
    struct device device;

    if (!step("probe", device_open(&device, search->port, place))) {
        return false;
    }
    print_place(place);
    print(": %s by %s%s\n@device ", type_name(device.virtio->type), vpt_device_transport(device.virtio),
          both ? ", transitional" : "");
    print_place(place);
    print(" %u %s %s\n", (unsigned)device.virtio->type, interface_name(&device),
          both ? "transitional" : interface_name(&device));
    remember(search->devices, device.virtio->type, place);
    device_close(&device);
    return true;
}

bool devices_find(const struct vpt_port *port, struct devices *devices)
{
    struct search search = { .port = port, .devices = devices };

    *devices = (struct devices){ 0 };
    for (size_t i = 0; i < machine.bus_count; i++) {
        const struct machine_bus *bus = &machine.buses[i];
        bool good = bus->kind == MACHINE_MMIO_SLOTS ? slots_search(bus, port, visit, &search)
                                                    : functions_search(bus, port, visit, &search);

        if (!good) {
            return false;
        }
    }
    return true;
}
