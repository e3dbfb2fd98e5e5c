/* SPDX-License-Identifier: MIT */
#include "mock_pci_machine.h"

#include <string.h>

#include <vpt/transport.h>

#define VENDOR_VIRTIO 0x1af4u
#define SUBSYSTEM     0x1100u /* vendor, as QEMU has it */
#define MSIX_BAR_SIZE 0x10000u
#define PENDING       0x8000u

/* Where memory BARs may be: below 4 GiB, and above. */
#define LOW_APERTURE  UINT64_C(0xe0000000)
#define HIGH_APERTURE UINT64_C(0x8e0000000)
#define APERTURE_SIZE 0x4000000u

static bool has_legacy(const struct mock_pci_machine_options *options)
{
    return options->legacy || options->transitional;
}

static bool has_modern(const struct mock_pci_machine_options *options)
{
    return !options->legacy || options->transitional;
}

/* What a function of a type says of itself: a transitional device's ID, and the class. */
struct identity {
    uint32_t type;
    uint16_t device;
    uint32_t class_code;
};

static struct identity identity_of(uint32_t type)
{
    static const struct identity identities[] = { { VPT_DEVICE_TYPE_NETWORK, 0x1000, 0x020000 },
                                                  { VPT_DEVICE_TYPE_ENTROPY, 0x1005, 0x00ff00 },
                                                  { VPT_DEVICE_TYPE_CONSOLE, 0x1003, 0x078000 },
                                                  { VPT_DEVICE_TYPE_BALLOON, 0x1002, 0x00ff00 } };
    struct identity identity = { type, 0x1001, 0x010000 };

    for (unsigned i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
        identity = identities[i].type == type ? identities[i] : identity;
    }
    return identity;
}

/* A device that may be transitional says its type in the subsystem (LEG-PCIDISC-2). */
static void make_function(struct mock_pci_machine *machine, const struct mock_pci_machine_options *options)
{
    uint16_t type = (uint16_t)machine->device.backend->type;
    struct identity identity = identity_of(type);
    struct mock_pci_ids ids = {
        .vendor = VENDOR_VIRTIO, .subsystem_vendor = SUBSYSTEM, .class_code = identity.class_code, .interrupt_pin = 1
    };

    ids.device = has_legacy(options) ? identity.device : (uint16_t)(0x1040u + type);
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
    struct mock_device *device = &machine->device;
    bool done = mock_machine_make_type(&options->machine, device, &machine->blk);

    if (has_modern(options)) {
        mock_pci_front_offer(&machine->front, MOCK_PCI_MODERN, mock_machine_offered(device, false, &options->machine));
    }
    if (has_legacy(options)) {
        mock_pci_front_offer(&machine->front, MOCK_PCI_LEGACY, mock_machine_offered(device, true, &options->machine));
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
            machine->bars.bar[i] = (struct vpt_pci_bar){ .address = mock_pci_bar_address(&machine->function, i),
                                                         .size = bar->size,
                                                         .kind = bar->io ? VPT_PCI_BAR_IO : VPT_PCI_BAR_MEMORY,
                                                         .is_64bit = bar->is_64bit };
        }
    }
}

bool mock_pci_machine_init(struct mock_pci_machine *machine, const struct mock_pci_machine_options *wishes)
{
    struct mock_pci_machine_options options = { 0 };

    if (wishes != NULL) {
        options = *wishes;
    }
    if (options.machine.profile != NULL && options.machine.profile->header_in_memory) {
        options.header_in_memory = true;
    }
    memset(machine, 0, sizeof(*machine));
    mock_machine_begin(&options.machine, &machine->hal, &machine->device, &machine->blk);
    mock_pci_bus_init(&machine->bus, &machine->hal);
    (void)mock_pci_bus_aperture(&machine->bus, LOW_APERTURE, APERTURE_SIZE);
    (void)mock_pci_bus_aperture(&machine->bus, HIGH_APERTURE, APERTURE_SIZE);
    make_function(machine, &options);
    make_interfaces(machine, &options);
    mock_pci_bus_add(&machine->bus, &machine->function, 0, 3, 5, 0);
    mock_pci_front_init(&machine->front, &machine->device, &machine->function);
    describe_bars(machine);
    if (!vpt_features_has(&options.machine.offer, VPT_F_ACCESS_PLATFORM)) {
        machine->hal.access_platform = MOCK_EXPECT_CLEAR;
    }
    machine->port = &machine->bus.port;
    machine->address.port = machine->port;
    machine->address.address = machine->function.address;
    return make_device(machine, &options);
}

unsigned mock_pci_machine_finish(struct mock_pci_machine *machine)
{
    mock_pci_function_finish(&machine->function);
    return mock_machine_end(&machine->hal, &machine->device, &machine->blk);
}
