/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <inttypes.h>

#define DECODING (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

#define WINDOW_SIZE    0x400000u
#define IO_WINDOW_SIZE 0x1000u

static const struct {
    uint16_t vendor;
    uint16_t device;
} identities[HOST_FUNCTIONS] = { [DISK] = { VPT_PCI_VENDOR_VIRTIO, 0x1042 }, [NETWORK] = { 0x8086, 0x10d3 } };

/* ---- Finding ---- */

struct search {
    struct scenario *scenario;
    unsigned found[HOST_FUNCTIONS];
    unsigned others;
};

static bool visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    struct search *search = ctx;
    unsigned i = 0;

    while (i < HOST_FUNCTIONS &&
           (identity->vendor_id != identities[i].vendor || identity->device_id != identities[i].device)) {
        i++;
    }
    if (i == HOST_FUNCTIONS) {
        search->others++;
        return true;
    }
    search->found[i]++;
    if (i == DISK) {
        search->scenario->disk.function = *function;
    } else {
        search->scenario->network.function = *function;
    }
    return true;
}

void find_functions(struct scenario *scenario)
{
    struct guest *guest = scenario->present;
    struct search search = { .scenario = scenario };

    guest_step(scenario,
               guest->by_memory ? "finds its functions by memory (ECAM)" : "finds its functions by ports cf8 and cfc");
    scenario->disk = (struct disk){ .guest = guest };
    scenario->network = (struct network){ .guest = guest };
    require_ok(vpt_pci_enumerate(&guest->port, 0, 0, 255, visit, &search), "looking at all buses");
    require(search.found[DISK] == 1 && search.found[NETWORK] == 1 && search.others == 0,
            "%u disks, %u network controllers and %u others are there", search.found[DISK], search.found[NETWORK],
            search.others);
    require(scenario->disk.function.address.device == 5 && scenario->network.function.address.device == 6,
            "the functions are not where they are to be found");
    step_done(scenario);
}

/* ---- BARs ---- */

static void compare_sizes(const struct vpt_pci_bars *bars, const struct host_function *function)
{
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        const struct vpt_pci_bar *bar = &bars->bar[i];
        const struct vpt_pci_bar *physical = &function->bars.bar[i];

        require(bar->kind == physical->kind && bar->size == physical->size && bar->is_64bit == physical->is_64bit &&
                    bar->prefetchable == physical->prefetchable,
                "BAR %u of the %s is another for the guest, of 0x%" PRIx64 " bytes", i, function->name, bar->size);
        require(bar->address == 0, "BAR %u of the %s has an address already, 0x%" PRIx64, i, function->name,
                bar->address);
    }
}

void size_bars(struct scenario *scenario)
{
    guest_step(scenario, "sizes the BARs");
    require_ok(vpt_pci_bars_size(&scenario->disk.function, &scenario->disk.bars), "sizing the disk's BARs");
    require_ok(vpt_pci_bars_size(&scenario->network.function, &scenario->network.bars), "sizing the network's BARs");
    compare_sizes(&scenario->disk.bars, &scenario->host.functions[DISK]);
    compare_sizes(&scenario->network.bars, &scenario->host.functions[NETWORK]);
    step_done(scenario);
}

void assign_bars(struct scenario *scenario, const struct find_windows *at)
{
    struct vpt_pci_window windows[] = {
        { .kind = VPT_PCI_BAR_IO, .next = at->io, .last = at->io + IO_WINDOW_SIZE - 1u },
        { .kind = VPT_PCI_BAR_MEMORY,
          .prefetchable = true,
          .next = at->memory64,
          .last = at->memory64 + WINDOW_SIZE - 1u,
          .full = at->memory64 == 0 },
        { .kind = VPT_PCI_BAR_MEMORY, .next = at->memory, .last = at->memory + WINDOW_SIZE - 1u },
    };

    guest_step(scenario, "gives the BARs addresses");
    require_ok(vpt_pci_bars_place(&scenario->disk.function, &scenario->disk.bars, VPT_PCI_ALL_BARS, windows, 3),
               "the disk's addresses");
    require_ok(vpt_pci_bars_place(&scenario->network.function, &scenario->network.bars, VPT_PCI_ALL_BARS, windows, 3),
               "the network controller's addresses");
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        require(scenario->present->devices[i].region_count == 0, "something is mapped that is not decoded");
    }
    step_done(scenario);
}

/* All BARs are mapped, each piece to the host address of its BAR. */
static void check_mapped(const struct guest_device *device, const struct vpt_pci_bars *bars)
{
    uint64_t mapped[VPT_PCI_BARS_MAX] = { 0 };

    for (unsigned i = 0; i < device->region_count; i++) {
        const struct vpt_assign_region *region = &device->regions[i];
        const struct vpt_pci_bar *physical = &device->function->bars.bar[region->bar];

        require(region->guest - bars->bar[region->bar].address == region->host - physical->address,
                "0x%" PRIx64 " is mapped to 0x%" PRIx64, region->guest, region->host);
        mapped[region->bar] += region->size;
    }
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        require(mapped[i] == bars->bar[i].size, "0x%" PRIx64 " bytes of BAR %u of the %s are mapped", mapped[i], i,
                device->function->name);
    }
}

void decode_bars(struct scenario *scenario)
{
    struct guest *guest = scenario->present;

    guest_step(scenario, "turns decoding and bus mastering on");
    require_ok(vpt_pci_command(&scenario->disk.function, DECODING | VPT_PCI_COMMAND_BUS_MASTER, 0), "the disk");
    require_ok(vpt_pci_command(&scenario->network.function, DECODING | VPT_PCI_COMMAND_BUS_MASTER, 0), "the network");
    check_mapped(&guest->devices[DISK], &scenario->disk.bars);
    check_mapped(&guest->devices[NETWORK], &scenario->network.bars);
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        require((host_config(&scenario->host.functions[i], 4, 2) & VPT_PCI_COMMAND_BUS_MASTER) != 0,
                "the host's function is no bus master");
    }
    step_done(scenario);
}
