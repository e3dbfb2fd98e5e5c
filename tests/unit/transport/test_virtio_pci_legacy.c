/* SPDX-License-Identifier: MIT */
/* The legacy interface, and the choice between both. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_legacy, .timeout = 120);

/* ---- Probe ---- */

LEGACY_TEST(virtio_pci_legacy, LEG_PCIDISC_2_the_type_is_the_subsystems)
{
    disk_machine_pci(variant->kind, NULL);
    mock_pci_set(&machine.on_pci.function, 0x2e, 2, 18);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_LEGACY), VPT_OK);
    cr_assert(machine.device->type == 18 && machine.device->vendor == 0x1100);
    cr_assert(vpt_device_legacy(machine.device));
    cr_assert(strcmp(vpt_device_transport(machine.device), "virtio-pci legacy") == 0);
    cr_assert(machine.on_pci.front.access_count == 0);
    /* The registers and the ISR status. */
    cr_assert(mock_hal_live_mappings(machine.hal) == (variant->kind == MACHINE_PCI_LEGACY_MEMORY ? 2u : 0u));
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}

static void assert_refused(enum vpt_virtio_pci_interface interface, enum vpt_status expected)
{
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(machine_probe_by(interface), expected);
    cr_assert(all_zero(&machine.pci, sizeof(machine.pci)));
    cr_assert(machine.on_pci.front.access_count == 0 && machine.on_pci.function.config_writes == 0);
    cr_assert(mock_hal_live_mappings(machine.hal) == 0);
}

Test(virtio_pci_legacy, LEG_PCILAYOUT_1_the_header_is_in_bar_0)
{
    disk_machine_pci(MACHINE_PCI_LEGACY, NULL);
    machine.on_pci.bars.bar[0].kind = VPT_PCI_BAR_NONE;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    machine.on_pci.bars.bar[0].kind = VPT_PCI_BAR_BROKEN;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    cr_assert(strcmp(machine.hal->log[1].subject, "BAR 0") == 0);
    cr_assert(machine.hal->log[1].status == VPT_DEVICE_PCI_BAR);
    machine.on_pci.bars.bar[0].kind = VPT_PCI_BAR_IO;
    machine.on_pci.bars.bar[0].address = 0;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_CALLER_BAR);
    machine.on_pci.bars.bar[0].address = 0x1c100;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_CALLER_BAR);
    machine.on_pci.bars.bar[0].address = MOCK_PCI_IO_PORT;
    machine.on_pci.bars.bar[0].size = 0;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_CALLER_BAR);
    machine.on_pci.bars.bar[0].size = 16;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    machine.on_pci.bars.bar[0].size = 128;
    machine.on_pci.bus.port.io_write = NULL;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_PORT);
    machine_finish();
}

LEGACY_TEST(virtio_pci_legacy, a_port_with_the_functions_for_its_kind_of_bar_is_enough)
{
    disk_machine_pci(variant->kind, NULL);
    if (variant->kind == MACHINE_PCI_LEGACY_MEMORY) {
        machine.on_pci.bus.port.io_read = NULL;
        machine.on_pci.bus.port.io_write = NULL;
        assert_status(disk_bring_up(NULL), VPT_OK);
        assert_status(disk_read_sector(1), VPT_OK);
        disk_stop();
    }
    machine.on_pci.bus.port.mmio_map = NULL;
    machine.on_pci.bus.port.mmio_unmap = NULL;
    machine.on_pci.bus.port.mmio_read = NULL;
    machine.on_pci.bus.port.mmio_write = NULL;
    if (variant->kind == MACHINE_PCI_LEGACY_MEMORY) {
        machine.on_pci.function.config_writes = 0;
        machine_trace();
        assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_PORT);
        machine_finish();
        return;
    }
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* ---- Which interface ---- */

Test(virtio_pci_legacy, LEG_PCIDETECT_2_a_transitional_device_is_driven_by_its_modern_interface)
{
    disk_machine_pci(MACHINE_PCI_TRANSITIONAL_MODERN, NULL);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    cr_assert(!vpt_device_legacy(machine.device));
    vpt_virtio_pci_close(&machine.pci);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_MODERN), VPT_OK);
    cr_assert(!vpt_device_legacy(machine.device));
    vpt_virtio_pci_close(&machine.pci);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_LEGACY), VPT_OK);
    cr_assert(vpt_device_legacy(machine.device));
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}

Test(virtio_pci_legacy, LEG_PCIDETECT_3_without_capabilities_it_is_the_legacy_one)
{
    disk_machine_pci(MACHINE_PCI_LEGACY, NULL);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    cr_assert(vpt_device_legacy(machine.device));
    vpt_virtio_pci_close(&machine.pci);
    machine.on_pci.function.config_writes = 0;
    assert_refused(VPT_VIRTIO_PCI_MODERN, VPT_UNSUPPORTED_INTERFACE);
    machine_finish();
    disk_machine_pci(MACHINE_PCI_MODERN, NULL);
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_INTERFACE);
    machine_finish();
}

/* A modern interface that cannot be used is as good as none, unless it is the one that is wanted. */
Test(virtio_pci_legacy, LEG_PCIDETECT_3_the_legacy_interface_stands_in_for_a_broken_modern_one)
{
    for (unsigned which = 1; which < 5; which++) {
        struct mock_pci_layout layout = mock_pci_usual_layout;
        struct mock_pci_machine_options options = { .transitional = true, .layout = &layout };

        if (which == 2) {
            continue; /* the device configuration is optional */
        }
        layout.capability[which].bar = 6;
        layout.capability[which].unusable = true;
        disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
        assert_refused(VPT_VIRTIO_PCI_MODERN, VPT_DEVICE_CAPABILITY_BAR);
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(vpt_device_legacy(machine.device));
        assert_status(disk_read_sector(1), VPT_OK);
        disk_stop();
        machine.on_pci.bars.bar[0].kind = VPT_PCI_BAR_NONE;
        machine.on_pci.function.config_writes = 0;
        machine_trace();
        assert_refused(VPT_VIRTIO_PCI_ANY, VPT_DEVICE_CAPABILITY_BAR);
        machine_finish();
    }
}

Test(virtio_pci_legacy, a_function_of_a_transitional_identity_may_have_no_legacy_interface)
{
    struct mock_pci_machine_options options = { .device_id = 0x1001 };

    disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
    mock_pci_set(&machine.on_pci.function, 0x2e, 2, 2);
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* Unless mappings could not be made: then it is undone what had been. */
static enum vpt_status (*plain_map)(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                    void **mapping);
static unsigned maps_left;

static enum vpt_status failing_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping)
{
    if (maps_left-- == 0) {
        *mapping = &maps_left; /* what a call leaves there that fails means nothing */
        return VPT_RESOURCE_MEMORY;
    }
    return plain_map(ctx, physical, size, intent, mapping);
}

Test(virtio_pci_legacy, the_legacy_interface_stands_in_where_the_modern_one_cannot_be_mapped)
{
    for (unsigned n = 0; n < 3; n++) {
        disk_machine_pci(MACHINE_PCI_TRANSITIONAL_MODERN, NULL);
        plain_map = machine.on_pci.bus.port.mmio_map;
        machine.on_pci.bus.port.mmio_map = failing_map;
        maps_left = n;
        assert_refused(VPT_VIRTIO_PCI_MODERN, VPT_RESOURCE_MEMORY);
        maps_left = n;
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(vpt_device_legacy(machine.device) && mock_hal_live_mappings(machine.hal) == 0);
        assert_status(disk_read_sector(1), VPT_OK);
        disk_end();
    }
}

/* ---- Features ---- */

LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_6_there_are_32_features_and_bit_30_is_left)
{
    struct mock_pci_machine_options options = { .machine.offer = { { 0, 0xffffffffu, 0xffffffffu, 0 } } };

    disk_init_pci(variant->kind, &options);
    cr_assert(vpt_features_has(&machine.device->offered, MOCK_BAD_FEATURE));
    cr_assert(!vpt_features_has(&machine.device->features, MOCK_BAD_FEATURE));
    cr_assert(vpt_features_has(&machine.device->features, VPT_F_ANY_LAYOUT));
    for (unsigned word = 1; word < VPT_FEATURE_WORDS; word++) {
        cr_assert(machine.device->offered.word[word] == 0 && machine.device->features.word[word] == 0);
    }
    cr_assert(machine_traced(MOCK_PCI_HEADER, false, H_DEVICE_FEATURES) == 1);
    cr_assert(machine_traced(MOCK_PCI_HEADER, true, H_DRIVER_FEATURES) == 1);
    disk_end();
}

/* ---- Queues ---- */

struct expected {
    bool write;
    uint32_t offset;
    unsigned width;
};

static const struct expected set_up[] = {
    { true, H_QUEUE_SELECT, 2 },  { false, H_QUEUE_ADDRESS, 4 }, { false, H_QUEUE_SIZE, 2 },
    { true, H_QUEUE_SELECT, 2 },  { false, H_QUEUE_SIZE, 2 },    { true, H_QUEUE_SELECT, 2 },
    { true, H_QUEUE_ADDRESS, 4 }, { false, H_QUEUE_ADDRESS, 4 },
};

LEGACY_TEST(virtio_pci_legacy, D_LPCI_1_a_queue_is_set_up_by_its_page_number)
{
    struct mock_pci_machine_options options = { .machine.queues = 2, .machine.queue_maximum = 128 };
    struct vpt_queue_config config = { .index = 1 };
    const struct mock_queue *queue;
    struct vpt_queue driven;

    disk_init_pci(variant->kind, &options);
    queue = &machine.model->queues[1];
    machine_trace();
    assert_status(vpt_queue_init(&driven, machine.device, &config), VPT_OK);
    cr_assert(machine.on_pci.front.access_count == COUNT_OF(set_up));
    for (size_t i = 0; i < COUNT_OF(set_up); i++) {
        const struct mock_pci_access *access = &machine.on_pci.front.accesses[i];

        cr_assert(access->structure == MOCK_PCI_HEADER && access->write == set_up[i].write &&
                      access->offset == set_up[i].offset && access->width == set_up[i].width,
                  "access %zu", i);
    }
    cr_assert(machine_access(MOCK_PCI_HEADER, true, H_QUEUE_SELECT, 0)->value == 1);
    cr_assert((uint64_t)machine_access(MOCK_PCI_HEADER, true, H_QUEUE_ADDRESS, 0)->value << 12 ==
              queue->area[MOCK_DESCRIPTOR_AREA]);
    cr_assert(queue->enabled && queue->area[MOCK_DESCRIPTOR_AREA] > UINT32_MAX);
    cr_assert(queue->area[MOCK_DEVICE_AREA] % 4096 == 0);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_queue_release(&driven), VPT_OK);
    disk_end();
}

LEGACY_TEST(virtio_pci_legacy, D_LPCI_2_the_size_is_the_devices_whatever_is_wanted)
{
    static const uint16_t wanted[] = { 0, 2, 16, 128, 256, 32768 };

    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct vpt_requests_config config = { .size = wanted[i] };

        disk_init_pci(variant->kind, &(const struct mock_pci_machine_options){ .machine.queue_maximum = 128 });
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_OK);
        cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 128 && machine.model->queues[0].size == 128);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        assert_status(disk_read_sector(1), VPT_OK);
        disk_end();
    }
}

static void refuse_queue(enum machine_kind kind, enum mock_fault fault, uint64_t argument, enum vpt_status expected)
{
    disk_init_pci(kind, NULL);
    machine_trace();
    mock_fault_set(&machine.model->faults, fault, 1, 0, argument);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), expected);
    cr_assert(mock_fault_fired(&machine.model->faults, fault) != 0);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)) && !machine.model->queues[0].enabled);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    cr_assert(fault == MOCK_FAULT_QUEUE_NOT_READY || machine_traced(MOCK_PCI_HEADER, true, H_QUEUE_ADDRESS) == 0);
    disk_end();
}

LEGACY_TEST(virtio_pci_legacy, LEG_VQLAYOUT_1_a_size_that_is_no_power_of_two_cannot_be_used)
{
    static const uint32_t sizes[] = { 3, 48, 255, 257, 32769, 65535 };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        refuse_queue(variant->kind, MOCK_FAULT_QUEUE_MAXIMUM, sizes[i], VPT_DEVICE_QUEUE_SIZE);
    }
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_ABSENT, 0, VPT_UNSUPPORTED_QUEUE);
}

LEGACY_TEST(virtio_pci_legacy, a_queue_with_a_page_number_is_in_use)
{
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_IN_USE, 0, VPT_DEVICE_QUEUE_STATE);
}

LEGACY_TEST(virtio_pci_legacy, a_page_number_that_does_not_stay_is_reported)
{
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_NOT_READY, 0, VPT_DEVICE_QUEUE_STATE);
}

/*
 * QEMU takes page number 0 for a reset of the whole device. Whatever a driver does then, what it and the device take
 * for negotiated must be the same.
 */
LEGACY_TEST(virtio_pci_legacy, a_queue_that_was_stopped_by_a_reset_leaves_no_half_negotiated_device)
{
    enum vpt_status status;

    disk_init_pci(variant->kind, NULL);
    machine.on_pci.legacy.zero_resets = true;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY) == 1);
    status = vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL);
    cr_assert(status == VPT_CALLER_STATE || machine.model->status == 3, "the driver goes on (%s) at status 0x%x",
              vpt_status_str(status), machine.model->status);
    if (status == VPT_CALLER_STATE) {
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    }
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* 32 bits of 4 KiB pages: 16 TiB. */
LEGACY_TEST(virtio_pci_legacy, D_LPCI_1_rings_above_16_tib_are_refused)
{
    struct vpt_requests_config config = { 0 };

    disk_init_pci(variant->kind, NULL);
    machine.hal->base = UINT64_C(0x100000000000) - 0x1000;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_OK);
    cr_assert(machine.model->queues[0].area[MOCK_DESCRIPTOR_AREA] < UINT64_C(0x100000000000) - 0x4000);
    disk_end();

    disk_init_pci(variant->kind, NULL);
    machine.hal->base = UINT64_C(0x100000000000);
    machine.hal->ignore_limit = true;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_RESOURCE_ADDRESS);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    cr_assert(machine_traced(MOCK_PCI_HEADER, true, H_QUEUE_ADDRESS) == 0);
    disk_end();
}

static _Alignas(4096) uint8_t own_rings[0x8000];

static void own_memory(uint64_t address, size_t size, enum vpt_status expected)
{
    struct vpt_queue_config config = { .size = 16 };
    struct vpt_queue queue;

    disk_init_pci(MACHINE_PCI_LEGACY, &(const struct mock_pci_machine_options){ .machine.queue_maximum = 256 });
    memset(own_rings, 0, sizeof(own_rings));
    config.memory.rings = mock_hal_register(machine.hal, own_rings, sizeof(own_rings), address, true);
    cr_assert(config.memory.rings.address != NULL);
    config.memory.rings.size = size;
    assert_status(vpt_queue_init(&queue, machine.device, &config), expected);
    if (expected == VPT_OK) {
        cr_assert(vpt_queue_size(&queue) == 256);
        cr_assert(machine.model->queues[0].area[MOCK_DEVICE_AREA] == address + 0x2000);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
    } else {
        cr_assert(all_zero(&queue, sizeof(queue)));
    }
    disk_end();
}

/* Of a size that is not the one wanted: the device's is what counts. */
Test(virtio_pci_legacy, LEG_VQLAYOUT_1_memory_of_the_callers_own_is_measured_by_the_devices_size)
{
    size_t needed = VPT_QUEUE_RINGS_SIZE(256, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT);

    cr_assert(needed == 0x2000 + 6 + 8 * 256);
    own_memory(0x1234000, needed, VPT_OK);
    own_memory(0x1234000, needed - 1, VPT_CALLER_MEMORY);
    own_memory(0x1234800, needed, VPT_CALLER_MEMORY);
    own_memory(UINT64_C(0x100000000000) - 0x8000, needed, VPT_OK);
    own_memory(UINT64_C(0x100000000000) - 0x2000, needed, VPT_RESOURCE_ADDRESS);
    own_memory(UINT64_C(0x100000000000), needed, VPT_RESOURCE_ADDRESS);
    own_memory(UINT64_C(0x1000000001000), needed, VPT_RESOURCE_ADDRESS);
    own_memory(0, needed, VPT_RESOURCE_ADDRESS); /* page number 0 is no queue */
}

/* ---- Doorbells ---- */

LEGACY_TEST(virtio_pci_legacy, PCI_KICK_3_a_kick_is_the_queues_index_in_two_bytes)
{
    struct mock_pci_machine_options options = { .machine.queues = 3, .machine.queue_maximum = 16 };
    struct vpt_queue queues[3];

    disk_init_pci(variant->kind, &options);
    for (uint16_t i = 0; i < 3; i++) {
        struct vpt_queue_config config = { .index = i };

        assert_status(vpt_queue_init(&queues[i], machine.device, &config), VPT_OK);
    }
    assert_status(vpt_device_start(machine.device), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        const struct mock_pci_access *kick;

        assert_status(vpt_queue_notify(&queues[i]), VPT_OK);
        kick = machine_access(MOCK_PCI_HEADER, true, H_QUEUE_NOTIFY, i);
        cr_assert(kick->width == 2 && kick->value == i && machine.model->queues[i].kicks == 1);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
    disk_end();
}

/* ---- Configuration ---- */

/* Where it starts depends on MSI-X; the mock knows it only there (LEG-PCILAYOUT-4). */
LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_4_the_configuration_is_behind_the_header)
{
    struct mock_pci_machine_options options = { .machine.blk.capacity = 64, .machine.blk.block_size = 4096 };

    disk_init_pci(variant->kind, &options);
    cr_assert(disk.blk.info.capacity == 64 && disk.blk.info.block_size == 4096);
    cr_assert(machine_traced(MOCK_PCI_HEADER, false, 20) != 0 && machine_traced(MOCK_PCI_HEADER, false, 24) != 0);
    disk_end();
    options.vectors = 2;
    disk_init_pci(variant->kind, &options); /* which has MSI-X, but off */
    cr_assert(disk.blk.info.capacity == 64 && disk.blk.info.block_size == 4096);
    disk_end();
    disk_machine_pci(variant->kind, &options);
    vectors_on();
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_LEGACY), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    cr_assert(disk.blk.info.capacity == 64 && disk.blk.info.block_size == 4096);
    cr_assert(machine_traced(MOCK_PCI_HEADER, false, 20) == 0 && machine_traced(MOCK_PCI_HEADER, false, 24) != 0);
    vectors_off();
    disk_end();
}

/* The kernel turns it on or off after the probe, and before the negotiation. */
LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_4_what_counts_is_msi_x_at_the_negotiation)
{
    struct mock_pci_machine_options options = { .vectors = 2, .machine.blk.capacity = 64 };

    disk_probe_pci(variant->kind, &options);
    vectors_on();
    for (unsigned i = 0; i < 4; i++) {
        assert_status(vpt_pci_msix_enable(&machine.msix, i % 2 == 0), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        cr_assert(disk.blk.info.capacity == 64);
    }
    vectors_off();
    disk_end();
}

LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_5_the_configuration_ends_with_the_bar)
{
    struct mock_pci_machine_options options = { .header_size = 32 };
    uint32_t value = 0;

    disk_probe_pci(variant->kind, &options);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    cr_assert(disk_capacity() == 2048);
    assert_status(vpt_device_config_read(machine.device, 12, 4, &value), VPT_CALLER_RANGE);
    assert_status(vpt_device_config_read(machine.device, 12, 1, &value), VPT_CALLER_RANGE);
    assert_status(vpt_device_config_read(machine.device, 0xffffffec, 4, &value), VPT_CALLER_RANGE);
    disk_end();
}
