/* SPDX-License-Identifier: MIT */
/* Which interface of virtio-pci a function is driven by, and what the legacy one needs of the port. */
#include "disk.h"

TestSuite(virtio_pci_choice, .timeout = 120);

#define ANY    VPT_VIRTIO_PCI_ANY
#define MODERN VPT_VIRTIO_PCI_MODERN
#define LEGACY VPT_VIRTIO_PCI_LEGACY

LEGACY_TEST(virtio_pci_choice, a_port_with_the_functions_for_its_kind_of_bar_is_enough)
{
    bool memory = variant->kind == MACHINE_PCI_LEGACY_MEMORY;

    disk_machine_on(variant->kind, NULL);
    if (memory) {
        machine.port->io_read = NULL;
        machine.port->io_write = NULL;
    } else {
        machine.port->mmio_map = NULL;
        machine.port->mmio_unmap = NULL;
        machine.port->mmio_read = NULL;
        machine.port->mmio_write = NULL;
    }
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_stop();
    if (memory) {
        machine.port->mmio_map = NULL;
    } else {
        machine.port->io_write = NULL;
    }
    pci_refuse("", LEGACY, VPT_UNSUPPORTED_PORT);
    machine_finish();
}

/* ---- Which interface ---- */

Test(virtio_pci_choice, LEG_PCIDETECT_2_LEG_PCIDETECT_3_a_function_is_driven_by_the_interface_that_is_wanted_and_there)
{
    static const struct {
        enum machine_kind kind;
        enum vpt_virtio_pci_interface wanted;
        enum vpt_status expected;
        bool legacy;
    } choices[] = {
        { MACHINE_PCI_TRANSITIONAL_MODERN, ANY, VPT_OK, false },
        { MACHINE_PCI_TRANSITIONAL_MODERN, MODERN, VPT_OK, false },
        { MACHINE_PCI_TRANSITIONAL_MODERN, LEGACY, VPT_OK, true },
        { MACHINE_PCI_LEGACY, ANY, VPT_OK, true },
        { MACHINE_PCI_LEGACY, MODERN, VPT_UNSUPPORTED_INTERFACE, false },
        { MACHINE_PCI_MODERN, LEGACY, VPT_UNSUPPORTED_INTERFACE, false },
    };

    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        disk_machine_on(choices[i].kind, NULL);
        if (choices[i].expected == VPT_OK) {
            assert_status(machine_probe_by(choices[i].wanted), VPT_OK);
            assert_same(vpt_device_legacy(machine.device), choices[i].legacy);
            machine_end();
        } else {
            pci_refuse("", choices[i].wanted, choices[i].expected);
            machine_finish();
        }
    }
}

/* A modern interface that cannot be used is as good as none, unless it is the one that is wanted. */
static void stand_in(enum vpt_status expected)
{
    pci_refuse("", MODERN, expected);
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(vpt_device_legacy(machine.device));
    assert_status(disk_read_sector(1), VPT_OK);
}

Test(virtio_pci_choice, LEG_PCIDETECT_3_the_legacy_interface_stands_in_for_a_broken_modern_one)
{
    static const unsigned needed[] = { 1, 3, 4 }; /* the device configuration, 2, is optional */

    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        struct mock_pci_layout layout = mock_pci_usual_layout;
        struct mock_pci_machine_options options = { .transitional = true, .layout = &layout };

        layout.capability[needed[i]].bar = 6;
        layout.capability[needed[i]].unusable = true;
        disk_machine_on(MACHINE_PCI_AS_TOLD, &options);
        stand_in(VPT_DEVICE_CAPABILITY_BAR);
        disk_stop();
        machine.on_pci.bars.bar[0].kind = VPT_PCI_BAR_NONE;
        pci_refuse("", ANY, VPT_DEVICE_CAPABILITY_BAR);
        machine_finish();
    }
}

Test(virtio_pci_choice, the_legacy_interface_stands_in_where_the_modern_one_cannot_be_mapped)
{
    for (unsigned n = 0; n < 3; n++) {
        disk_machine_on(MACHINE_PCI_TRANSITIONAL_MODERN, NULL);
        machine_fail_map(n);
        pci_refuse("", MODERN, MAP_FAILED_STATUS);
        machine_fail_map(n);
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(vpt_device_legacy(machine.device) && mock_hal_live_mappings(machine.hal) == 0);
        assert_status(disk_read_sector(1), VPT_OK);
        disk_end();
    }
}

Test(virtio_pci_choice, a_function_of_a_transitional_identity_may_have_no_legacy_interface)
{
    disk_machine_on(MACHINE_PCI_AS_TOLD, &(const struct mock_pci_machine_options){ .device_id = 0x1001 });
    mock_pci_set(&machine.on_pci.function, 0x2e, 2, 2);
    pci_refuse("", LEGACY, VPT_DEVICE_PCI_BAR);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}
