/* SPDX-License-Identifier: MIT */
/* Functions on PCI. */
#include "bus.h"
#include "step.h"

static void print_address(const struct vpt_pci_address *address)
{
    print("%x%x:%x%x.%u", address->bus >> 4u, address->bus & 0xfu, address->device >> 4u, address->device & 0xfu,
          (unsigned)address->function);
}

void function_print(const struct device_place *place)
{
    print("pci ");
    print_address(&place->function);
}

enum vpt_status function_open(struct device *device, const struct vpt_port *port, const struct device_place *place,
                              enum vpt_virtio_pci_interface interface)
{
    const struct vpt_pci_function function = { port, place->function };

    device->virtio = &device->pci.device;
    return vpt_virtio_pci_probe(&device->pci, &function, &place->bars, interface);
}

void function_close(struct device *device)
{
    vpt_virtio_pci_close(&device->pci);
}

/* ---- Search ---- */

struct search {
    const struct machine_bus *bus;
    bus_visit *visit;
    void *ctx;
    uint8_t turn[256]; /* for each bus: sum of the device numbers of the bridges above */
    unsigned functions;
    bool good;
};

static bool is_virtio(const struct vpt_pci_identity *identity)
{
    return identity->vendor_id == VPT_PCI_VENDOR_VIRTIO && identity->device_id >= VPT_PCI_DEVICE_TRANSITIONAL_FIRST &&
           identity->device_id <= VPT_PCI_DEVICE_MODERN_LAST;
}

static const char *kind_name(const struct vpt_pci_bar *bar)
{
    if (bar->kind == VPT_PCI_BAR_IO) {
        return "I/O";
    }
    return bar->is_64bit ? "64-bit memory" : "32-bit memory";
}

static void print_bars(const struct vpt_pci_bars *bars)
{
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        const struct vpt_pci_bar *bar = &bars->bar[i];

        if (bar->kind != VPT_PCI_BAR_NONE) {
            print("  BAR %u: %s%s, 0x%llx bytes at 0x%llx\n", i, kind_name(bar),
                  bar->prefetchable ? ", prefetchable" : "", (unsigned long long)bar->size,
                  (unsigned long long)bar->address);
        }
    }
}

/* Reads the BARs of a virtio function. */
static bool prepare(const struct vpt_pci_function *function, struct vpt_pci_bars *bars)
{
    if (!step("size the BARs", vpt_pci_bars_size(function, bars))) {
        return false;
    }
    print_bars(bars);
    return true;
}

static bool visit_function(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    struct search *search = ctx;
    unsigned turn = search->turn[function->address.bus] + (unsigned)function->address.device;
    struct device_place place = { .bus = search->bus, .function = function->address, .turn = turn };

    search->functions++;
    search->turn[identity->secondary_bus] = (uint8_t)(identity->secondary_bus != 0 ? turn % 4u : 0);
    print_address(&function->address);
    print(": vendor 0x%x, device 0x%x, class 0x%x\n", (unsigned)identity->vendor_id, (unsigned)identity->device_id,
          (unsigned)identity->class_code);
    if (is_virtio(identity)) {
        search->good = prepare(function, &place.bars) && search->visit(search->ctx, &place);
    }
    return search->good;
}

bool functions_search(const struct machine_bus *bus, const struct vpt_port *port, bus_visit *visit, void *ctx)
{
    const struct machine_pci *pci = &bus->pci;
    struct vpt_pci_window windows[MACHINE_PCI_WINDOWS_MAX];
    struct search search = { .bus = bus, .visit = visit, .ctx = ctx, .good = true };

    for (unsigned i = 0; i < pci->window_count; i++) {
        windows[i] = pci->windows[i];
    }
    if (pci->ecam != 0) {
        print("@configuration ecam %llx\n", (unsigned long long)pci->ecam);
    } else {
        print("@configuration cf8\n");
    }
    /* Firmware, where it has run, has done this. */
    if (pci->window_count != 0 && !step("number the buses and assign the BARs",
                                        vpt_pci_buses_place(port, 0, 0, 255, windows, pci->window_count))) {
        return false;
    }
    if (!step("enumerate", vpt_pci_enumerate(port, 0, 0, 255, visit_function, &search)) || !search.good) {
        return false;
    }
    print("%u functions\n@functions %u\n", search.functions, search.functions);
    return true;
}
