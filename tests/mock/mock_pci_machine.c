/* SPDX-License-Identifier: MIT */
#include "mock_pci_machine.h"

#include <string.h>

#define VENDOR_VIRTIO 0x1af4u
#define SUBSYSTEM     0x1100u /* vendor, as QEMU has it */
#define MSIX_BAR_SIZE 0x10000u
#define PENDING       0x8000u

/* Where memory BARs may be: below 4 GiB, and above. */
#define LOW_APERTURE  UINT64_C(0xe0000000)
#define HIGH_APERTURE UINT64_C(0x8e0000000)
#define APERTURE_SIZE 0x4000000u

static const uint8_t modern_offer[] = { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX, VPT_F_VERSION_1 };

/* As QEMU's: the bit that must not be accepted is among them. */
static const uint8_t legacy_offer[] = { VPT_F_NOTIFY_ON_EMPTY, VPT_F_ANY_LAYOUT, VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX,
                                        MOCK_BAD_FEATURE };

/* A legacy interface has one word (D-LPCI-3). */
static void offer(struct mock_pci_interface *interface, const uint8_t *bits, size_t count, unsigned words,
                  const struct mock_pci_machine *machine, const struct mock_machine_options *options)
{
    for (size_t i = 0; i < count; i++) {
        vpt_features_add(&interface->offered, bits[i]);
    }
    for (unsigned i = 0; i < words; i++) {
        interface->offered.word[i] |= machine->device.offered.word[i] | options->offer.word[i];
        interface->offered.word[i] &= ~options->withhold.word[i];
    }
}

static bool has_legacy(const struct mock_pci_machine_options *options)
{
    return options->legacy || options->transitional;
}

static bool has_modern(const struct mock_pci_machine_options *options)
{
    return !options->legacy || options->transitional;
}

/* A device that may be transitional says its type in the subsystem (LEG-PCIDISC-2). */
static void make_function(struct mock_pci_machine *machine, const struct mock_pci_machine_options *options)
{
    uint16_t type = (uint16_t)machine->device.backend->type;
    bool is_entropy = options->machine.is_entropy;
    struct mock_pci_ids ids = { .vendor = VENDOR_VIRTIO,
                                .subsystem_vendor = SUBSYSTEM,
                                .class_code = is_entropy ? 0x00ff00 : 0x010000,
                                .interrupt_pin = 1 };

    ids.device = (uint16_t)(has_legacy(options) ? (is_entropy ? 0x1005u : 0x1001u) : 0x1040u + type);
    ids.device = options->device_id != 0 ? options->device_id : ids.device;
    ids.subsystem = has_legacy(options) ? type : 0x1100u;
    ids.revision = has_legacy(options) ? 0 : 1;
    mock_pci_function_init(&machine->function, &ids);
}

static void make_interfaces(struct mock_pci_machine *machine, const struct mock_pci_machine_options *options)
{
    const struct mock_pci_layout *layout = options->layout != NULL ? options->layout : &mock_pci_usual_layout;
    struct mock_pci_bar msix = { .size = MSIX_BAR_SIZE };

    if (has_legacy(options)) {
        mock_pci_legacy_init(&machine->legacy, &machine->front, &machine->function,
                             options->header_size != 0 ? options->header_size : MOCK_PCI_LEGACY_SIZE,
                             !options->header_in_memory,
                             options->header_in_memory ? MOCK_PCI_HEADER_ADDRESS : MOCK_PCI_IO_PORT);
    }
    if (options->vectors != 0) {
        mock_pci_bar_init(&machine->function, MOCK_PCI_MSIX_BAR, &msix);
        mock_pci_bar_assign(&machine->function, MOCK_PCI_MSIX_BAR, MOCK_PCI_MSIX_ADDRESS);
        mock_pci_msix_add(&machine->function, options->vectors, MOCK_PCI_MSIX_BAR, 0, MOCK_PCI_MSIX_BAR, PENDING);
    }
    if (has_modern(options)) {
        mock_pci_modern_init(&machine->modern, &machine->front, &machine->function, layout);
    }
}

static bool make_device(struct mock_pci_machine *machine, const struct mock_pci_machine_options *options)
{
    struct mock_pci_interface *interfaces = machine->front.interface;
    bool done = mock_machine_make_type(&options->machine, &machine->device, &machine->blk, &machine->entropy);

    if (has_modern(options)) {
        mock_pci_modern_start(&machine->modern);
        offer(&interfaces[MOCK_PCI_MODERN], modern_offer, sizeof(modern_offer), VPT_FEATURE_WORDS, machine,
              &options->machine);
    }
    if (has_legacy(options)) {
        mock_pci_legacy_start(&machine->legacy);
        offer(&interfaces[MOCK_PCI_LEGACY], legacy_offer, sizeof(legacy_offer), 1, machine, &options->machine);
    }
    mock_pci_front_start(&machine->front);
    return done;
}

/* What firmware or the kernel knows of the BARs. */
static void describe_bars(struct mock_pci_machine *machine)
{
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        const struct mock_pci_bar *bar = &machine->function.bars[i];

        if (bar->size != 0) {
            machine->bars.bar[i].address = mock_pci_bar_address(&machine->function, i);
            machine->bars.bar[i].size = bar->size;
            machine->bars.bar[i].kind = bar->io ? VPT_PCI_BAR_IO : VPT_PCI_BAR_MEMORY;
            machine->bars.bar[i].is_64bit = bar->is_64bit;
        }
    }
}

bool mock_pci_machine_init(struct mock_pci_machine *machine, const struct mock_pci_machine_options *wishes)
{
    struct mock_pci_machine_options all = { 0 };
    const struct mock_pci_machine_options *options = &all;
    struct mock_device *device = &machine->device;

    if (wishes != NULL) {
        all = *wishes;
    }
    memset(machine, 0, sizeof(*machine));
    mock_hal_init(&machine->hal);
    mock_pci_bus_init(&machine->bus, &machine->hal);
    (void)mock_pci_bus_aperture(&machine->bus, LOW_APERTURE, APERTURE_SIZE);
    (void)mock_pci_bus_aperture(&machine->bus, HIGH_APERTURE, APERTURE_SIZE);
    if (all.machine.profile != NULL && all.machine.profile->header_in_memory) {
        all.header_in_memory = true;
    }
    mock_machine_begin(&all.machine, &machine->hal, device, &machine->blk, &machine->entropy);
    make_function(machine, options);
    make_interfaces(machine, options);
    mock_pci_bus_add(&machine->bus, &machine->function, 0, 3, 5, 0);
    mock_pci_front_init(&machine->front, device, &machine->function);
    describe_bars(machine);
    mock_hal_add_ticker(&machine->hal, mock_device_tick, device);
    machine->hal.access_platform = MOCK_EXPECT_CLEAR;
    if (vpt_features_has(&options->machine.offer, VPT_F_ACCESS_PLATFORM)) {
        machine->hal.access_platform = MOCK_EXPECT_NOTHING;
    }
    machine->port = &machine->bus.port;
    machine->address.port = machine->port;
    machine->address.address = machine->function.address;
    return make_device(machine, options);
}

unsigned mock_pci_machine_finish(struct mock_pci_machine *machine)
{
    unsigned count = mock_hal_finish(&machine->hal);

    mock_device_finish(&machine->device);
    mock_blk_finish(&machine->blk);
    mock_pci_function_finish(&machine->function);
    mock_violations_print(&machine->hal.violations, stderr);
    return count;
}
