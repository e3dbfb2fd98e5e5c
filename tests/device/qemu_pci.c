/* SPDX-License-Identifier: MIT */
/* virtio-pci, legacy and modern, on QEMU's pc, q35, aarch64 virt and riscv64 virt, with the block driver. */
#include "qemu_function.h"

#include <string.h>

TestSuite(device_pci, .timeout = 120);

#define ANY    VPT_VIRTIO_PCI_ANY
#define MODERN VPT_VIRTIO_PCI_MODERN
#define LEGACY VPT_VIRTIO_PCI_LEGACY

#define RINGS(machine, kind, interface, properties)                              \
    { machine, kind, interface, { false, false }, false, false, properties },    \
        { machine, kind, interface, { true, false }, false, false, properties }, \
        { machine, kind, interface, { false, true }, false, false, properties }, \
    {                                                                            \
        machine, kind, interface, { true, true }, false, false, properties       \
    }

#define BOTH(machine, kind, interface)                             \
    {                                                              \
        machine, kind, interface, { true, true }, false, false, "" \
    }

/* Both interfaces of a transitional device on each machine, with all combinations of ring features. */
static struct function_variant variants[] = {
    RINGS(VPT_QTEST_PC, TRANSITIONAL, ANY, ""),
    RINGS(VPT_QTEST_PC, TRANSITIONAL, LEGACY, ""),
    RINGS(VPT_QTEST_Q35, TRANSITIONAL, ANY, ""),
    RINGS(VPT_QTEST_Q35, TRANSITIONAL, LEGACY, ""),
    RINGS(VPT_QTEST_AARCH64_VIRT, TRANSITIONAL, ANY, ""),
    RINGS(VPT_QTEST_AARCH64_VIRT, TRANSITIONAL, LEGACY, ""),
    RINGS(VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, ANY, ""),
    RINGS(VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, LEGACY, ""),
    RINGS(VPT_QTEST_PC, TRANSITIONAL, ANY, "packed=on"),
    RINGS(VPT_QTEST_Q35, TRANSITIONAL, ANY, "packed=on"),
    RINGS(VPT_QTEST_AARCH64_VIRT, TRANSITIONAL, ANY, "packed=on"),
    RINGS(VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, ANY, "packed=on"),
};

/* Each kind of device on each machine by each of its interfaces, and with other options of QEMU. */
static struct function_variant devices[] = {
    BOTH(VPT_QTEST_PC, LEGACY_ONLY, ANY),
    BOTH(VPT_QTEST_PC, LEGACY_ONLY, LEGACY),
    BOTH(VPT_QTEST_PC, TRANSITIONAL, MODERN),
    BOTH(VPT_QTEST_PC, TRANSITIONAL, LEGACY),
    BOTH(VPT_QTEST_PC, MODERN_ONLY, ANY),
    BOTH(VPT_QTEST_Q35, LEGACY_ONLY, ANY),
    BOTH(VPT_QTEST_Q35, TRANSITIONAL, LEGACY),
    BOTH(VPT_QTEST_Q35, MODERN_ONLY, MODERN),
    BOTH(VPT_QTEST_AARCH64_VIRT, LEGACY_ONLY, ANY),
    BOTH(VPT_QTEST_AARCH64_VIRT, TRANSITIONAL, LEGACY),
    BOTH(VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, ANY),
    BOTH(VPT_QTEST_RISCV64_VIRT, LEGACY_ONLY, ANY),
    BOTH(VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, LEGACY),
    BOTH(VPT_QTEST_RISCV64_VIRT, MODERN_ONLY, ANY),
    { VPT_QTEST_Q35, MODERN_ONLY, ANY, { true, true }, true, false, "" },
    { VPT_QTEST_Q35, TRANSITIONAL, LEGACY, { true, true }, true, false, "" },
    { VPT_QTEST_PC, MODERN_ONLY, ANY, { true, true }, false, false, "page-per-vq=on" },
    { VPT_QTEST_PC, MODERN_ONLY, ANY, { true, true }, false, false, "modern-pio-notify=on" },
    { VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, ANY, { true, true }, false, false, "page-per-vq=on" },
    { VPT_QTEST_RISCV64_VIRT, MODERN_ONLY, ANY, { true, true }, false, false, "modern-pio-notify=on" },
    { VPT_QTEST_Q35, MODERN_ONLY, ANY, { true, true }, false, true, "iommu_platform=on" },
    { VPT_QTEST_Q35, MODERN_ONLY, ANY, { false, false }, true, true, "iommu_platform=on" },
    { VPT_QTEST_Q35, MODERN_ONLY, ANY, { true, false }, false, true, "iommu_platform=on,page-per-vq=on" },
    { VPT_QTEST_PC, TRANSITIONAL, LEGACY, { true, true }, false, false, "packed=on" },
    { VPT_QTEST_PC, MODERN_ONLY, ANY, { true, true }, false, false, "packed=on,page-per-vq=on" },
    { VPT_QTEST_Q35, MODERN_ONLY, ANY, { false, false }, false, true, "packed=on,iommu_platform=on" },
    { VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, ANY, { true, true }, false, false, "packed=on" },
    { VPT_QTEST_RISCV64_VIRT, MODERN_ONLY, ANY, { false, true }, false, false, "packed=on" },
};

#define VARIANT_TEST(name, table)                                                    \
    ParameterizedTestParameters(device_pci, name)                                    \
    {                                                                                \
        return cr_make_param_array(struct function_variant, table, COUNT_OF(table)); \
    }                                                                                \
    ParameterizedTest(const struct function_variant *variant, device_pci, name)

/* ---- The disk at work ---- */

VARIANT_TEST(LEG_PCIDETECT_2_what_is_written_is_in_the_image_by_either_interface, variants)
{
    function_start_disk(variant);
    disk_check_blocking();
    function_end();
}

VARIANT_TEST(many_requests_at_once_agree_with_a_model_of_the_disk, variants)
{
    function_start_disk(variant);
    disk_check_asynchronous();
    function_end();
}

VARIANT_TEST(BLK_OP_8_each_kind_of_device_flushes_says_its_id_and_keeps_data, devices)
{
    function_start_disk(variant);
    disk_check_flush_and_id();
    disk_check_blocking();
    function_end();
}

VARIANT_TEST(RESET_1_a_reset_takes_back_what_is_in_flight_and_the_disk_starts_again, devices)
{
    function_start_disk(variant);
    disk_check_reset_in_flight();
    for (unsigned i = 0; i < 3; i++) {
        disk_start(&function.pci.device, &variant->ring, NULL);
        disk_check_flush_and_id();
        assert_that(disk_stop() == 0);
    }
    disk_start(&function.pci.device, &variant->ring, NULL);
    disk_check_asynchronous();
    function_end();
}

VARIANT_TEST(buffers_may_be_shared_in_small_pieces, devices)
{
    struct vpt_port port;

    function_machine(variant, NULL);
    function_find();
    port = *fixture.port;
    function.function.port = &port;
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, variant->interface), VPT_OK);
    disk_start(&function.pci.device, &variant->ring, NULL);
    disk_check_flush_and_id();
    port.share = NULL; /* only calls that need share() fail */
    disk_check_asynchronous();
    assert_status(vpt_blk_write(&disk.queue, 0, &port, SECTOR), VPT_UNSUPPORTED_PORT);
    function_end();
}

/* ---- The function ---- */

VARIANT_TEST(PCI_DISC_1_identity_and_bars_are_those_of_the_kind, devices)
{
    const struct vpt_pci_bar *bar = function.bars.bar;
    bool modern = variant->kind == MODERN_ONLY;

    function_start(variant);
    assert_that(function.identity.device_id == (modern ? 0x1042 : 0x1001));
    assert_that(function.identity.revision_id == (modern ? 1 : 0) && function.identity.header_type == 0);
    assert_that(function.identity.interrupt_pin == 1 && function.pci.device.vendor != 0);
    if (variant->kind != MODERN_ONLY) {
        assert_that(bar[0].kind == VPT_PCI_BAR_IO && bar[0].size == 128 && bar[0].address != 0);
        assert_that(function.identity.subsystem_id == VPT_DEVICE_TYPE_BLOCK);
    }
    assert_that(bar[1].kind == VPT_PCI_BAR_MEMORY && bar[1].size == 4096 && !bar[1].is_64bit);
    if (variant->kind != LEGACY_ONLY) {
        assert_that(bar[4].kind == VPT_PCI_BAR_MEMORY && bar[4].is_64bit && bar[4].prefetchable);
        assert_that(bar[4].size >= 0x4000 && (bar[4].address & (bar[4].size - 1u)) == 0);
        assert_that(bar[5].kind == VPT_PCI_BAR_NONE);
    }
    function_finish();
}

VARIANT_TEST(bus_mastering_waits_for_the_reset, devices)
{
    function_start(variant);
    assert_that((function_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    assert_that((function_command() & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) != 0);
    disk_start(&function.pci.device, &variant->ring, NULL);
    assert_that((function_command() & VPT_PCI_COMMAND_BUS_MASTER) != 0);
    function_end();
}

VARIANT_TEST(LEG_VQLAYOUT_1_the_queue_has_the_size_that_the_device_dictates_or_the_driver_wants, devices)
{
    static const struct vpt_requests_config config = { .requests = 4, .segments = 4, .size = 32 };

    function_start(variant);
    disk_start(&function.pci.device, &variant->ring, &config);
    assert_that(vpt_queue_size(&disk.queue.requests.queue) == (vpt_device_legacy(&function.pci.device) ? 256 : 32));
    disk_check_flush_and_id();
    function_end();
}

VARIANT_TEST(LEG_RSVFEAT_4_bit_30_stays_unaccepted_and_any_layout_is_taken, devices)
{
    const struct vpt_device *device = &function.pci.device;

    function_start_disk(variant);
    if (vpt_device_legacy(device)) {
        assert_that(vpt_features_has(&device->offered, 30) && !vpt_features_has(&device->features, 30));
        assert_that(vpt_features_has(&device->features, VPT_F_ANY_LAYOUT) ==
                    vpt_features_has(&device->offered, VPT_F_ANY_LAYOUT));
        assert_that(vpt_features_has(&device->offered, VPT_F_ANY_LAYOUT) == (variant->kind == TRANSITIONAL));
    } else {
        assert_that(!vpt_features_has(&device->features, 30));
    }
    function_end();
}

VARIANT_TEST(PCI_CAP_2_the_first_notification_structure_is_the_one, devices)
{
    bool by_port = strstr(variant->properties, "modern-pio-notify") != NULL;

    function_start_disk(variant);
    if (!vpt_device_legacy(&function.pci.device)) {
        assert_that(function.pci.notify.io == by_port);
        assert_that((disk.queue.requests.queue.doorbell.mapping == NULL) == by_port);
    }
    disk_check_flush_and_id();
    assert_that(vpt_queue_kicks(&disk.queue.requests.queue) != 0);
    function_end();
}

VARIANT_TEST(INIT_1_a_device_that_was_left_running_is_taken_over, devices)
{
    static struct disk before;
    static struct vpt_virtio_pci pci_before;

    function_start_disk(variant);
    disk_check_flush_and_id();
    before = disk;
    pci_before = function.pci;
    memset(&disk, 0, sizeof(disk));
    assert_that((function_command() & VPT_PCI_COMMAND_BUS_MASTER) != 0);
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, variant->interface), VPT_OK);
    disk_start(&function.pci.device, &variant->ring, NULL);
    disk_check_blocking();
    assert_that(disk_stop() == 0);
    vpt_virtio_pci_close(&function.pci);
    /* Releases what the driver before forgot to release. */
    function.pci = pci_before;
    disk = before;
    assert_status(vpt_device_reset(&function.pci.device), VPT_OK);
    function_end();
}

/* ---- Missing interfaces ---- */

static void refused(const struct function_variant *variant, enum vpt_virtio_pci_interface interface)
{
    function_machine(variant, NULL);
    function_find();
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, interface),
                  VPT_UNSUPPORTED_INTERFACE);
    assert_that(function.pci.device.ops == NULL);
    fixture_finish();
}

Test(device_pci, LEG_PCIDETECT_5_a_legacy_device_has_no_modern_interface)
{
    const struct function_variant variant = BOTH(VPT_QTEST_PC, LEGACY_ONLY, ANY);

    refused(&variant, MODERN);
}

Test(device_pci, LEG_PCIDETECT_4_a_modern_device_has_no_legacy_interface)
{
    const struct function_variant variant = BOTH(VPT_QTEST_PC, MODERN_ONLY, ANY);

    refused(&variant, LEGACY);
}

Test(device_pci, a_bar_that_was_not_assigned_is_refused)
{
    const struct function_variant variant = BOTH(VPT_QTEST_PC, MODERN_ONLY, ANY);

    function_machine(&variant, NULL);
    function_find();
    function.bars.bar[4].address = 0;
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, ANY), VPT_CALLER_BAR);
    fixture_finish();
}

/* ---- Bridges and functions ---- */

static bool count(void *ctx, const struct vpt_pci_function *found, const struct vpt_pci_identity *identity)
{
    unsigned *counts = ctx;

    if (identity->vendor_id == VPT_PCI_VENDOR_VIRTIO) {
        counts[found->address.function]++;
    }
    return true;
}

Test(device_pci, every_function_of_a_device_is_found)
{
    static const struct function_variant variant = { VPT_QTEST_PC, MODERN_ONLY, ANY,       { true, true },
                                                     false,        false,       "addr=5.1" };
    static const char *const more[] = { "-device", "virtio-rng-pci,addr=5.0,multifunction=on",
                                        "-device", "virtio-rng-pci,addr=5.7",
                                        "-device", "virtio-rng-pci,addr=9",
                                        NULL };
    unsigned counts[8] = { 0 };

    function_machine(&variant, more);
    assert_status(vpt_pci_enumerate(fixture.port, 0, 0, 255, count, counts), VPT_OK);
    assert_that(counts[0] == 2 && counts[1] == 1 && counts[7] == 1);
    function_find();
    assert_that(function.function.address.device == 5 && function.function.address.function == 1);
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, ANY), VPT_OK);
    disk_start(&function.pci.device, NULL, NULL);
    disk_check_blocking();
    function_end();
}

/* No firmware has run. The disk is behind one bridge, or behind several of different kinds. */
#define PORT   "pcie-root-port,id=outer,addr=3,chassis=1"
#define SECOND "-device", "pcie-root-port,addr=4,chassis=2"
static const struct {
    const char *bridges[8];
    const char *properties;
    unsigned bus; /* expected bus of the disk */
} topologies[] = {
    { { "-device", PORT }, "bus=outer", 1 },
    { { SECOND, "-device", PORT }, "bus=outer", 1 },
    { { "-device", PORT, "-device", "pcie-pci-bridge,id=pci,bus=outer" }, "bus=pci,addr=2", 2 },
    { { "-device", PORT, "-device", "x3130-upstream,id=up,bus=outer", "-device",
        "xio3130-downstream,id=down,bus=up,chassis=3" },
      "bus=down",
      3 },
    { { "-device", "pci-bridge,id=pci,addr=3,chassis_nr=1" }, "bus=pci,addr=2", 1 },
    { { "-device", "pci-bridge,id=first,addr=3,chassis_nr=1", "-device",
        "pci-bridge,id=pci,bus=first,addr=7,chassis_nr=2" },
      "bus=pci,addr=2",
      2 },
};

struct behind {
    enum vpt_qtest_machine_type machine;
    bool ecam;
    bool legacy;
    unsigned topology;
};

ParameterizedTestParameters(device_pci, a_disk_behind_bridges)
{
    static const struct behind machines[] = { { .machine = VPT_QTEST_Q35 },
                                              { .machine = VPT_QTEST_Q35, .ecam = true },
                                              { .machine = VPT_QTEST_AARCH64_VIRT },
                                              { .machine = VPT_QTEST_RISCV64_VIRT } };
    static struct behind all[2 * COUNT_OF(machines) * COUNT_OF(topologies)];

    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        all[i] = machines[i / 2u % COUNT_OF(machines)];
        all[i].legacy = i % 2u != 0;
        all[i].topology = i / 2u / (unsigned)COUNT_OF(machines);
    }
    return cr_make_param_array(struct behind, all, COUNT_OF(all));
}

ParameterizedTest(const struct behind *behind, device_pci, a_disk_behind_bridges)
{
    struct function_variant variant = {
        behind->machine, behind->legacy ? LEGACY_ONLY : MODERN_ONLY, ANY, { true, true }, behind->ecam, false, ""
    };
    const char *more[9] = { NULL };
    unsigned counts[8] = { 0 };

    for (unsigned i = 0; i < 8; i++) {
        more[i] = topologies[behind->topology].bridges[i];
    }
    (void)strcpy(variant.properties, topologies[behind->topology].properties);
    function_machine(&variant, more);
    assert_status(vpt_pci_enumerate(fixture.port, 0, 0, 255, count, counts), VPT_OK);
    assert_that(counts[0] == 0);
    function_find();
    assert_that(function.function.address.bus == topologies[behind->topology].bus);
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, ANY), VPT_OK);
    disk_start(&function.pci.device, NULL, NULL);
    disk_check_blocking();
    disk_check_asynchronous();
    function_end();
}
