/* SPDX-License-Identifier: MIT */
/* The legacy interface, and the choice between both. */
#include "virtio_pci_support.h"

#include <string.h>

TestSuite(virtio_pci_legacy, .timeout = 120);

/* ---- Probe ---- */

LEGACY_TEST(virtio_pci_legacy, LEG_PCIDISC_2_the_type_is_the_subsystems)
{
    card_machine(variant->kind, NULL);
    mock_pci_set(&card.machine.function, 0x2e, 2, 18);
    assert_status(card_try_probe(VPT_VIRTIO_PCI_LEGACY), VPT_OK);
    cr_assert(card.device->type == 18 && card.device->vendor == 0x1100);
    cr_assert(vpt_device_legacy(card.device));
    cr_assert(strcmp(vpt_device_transport(card.device), "virtio-pci legacy") == 0);
    cr_assert(card.machine.front.access_count == 0);
    /* The registers and the ISR status. */
    cr_assert(mock_hal_live_mappings(&card.machine.hal) == (variant->kind == CARD_LEGACY_MEMORY ? 2u : 0u));
    vpt_virtio_pci_close(&card.pci);
    card_finish();
}

static void assert_refused(enum vpt_virtio_pci_interface interface, enum vpt_status expected)
{
    memset(&card.pci, 0xa5, sizeof(card.pci));
    assert_status(card_try_probe(interface), expected);
    cr_assert(all_zero(&card.pci, sizeof(card.pci)));
    cr_assert(card.machine.front.access_count == 0 && card.machine.function.config_writes == 0);
    cr_assert(mock_hal_live_mappings(&card.machine.hal) == 0);
}

Test(virtio_pci_legacy, LEG_PCILAYOUT_1_the_header_is_in_bar_0)
{
    card_machine(CARD_LEGACY, NULL);
    card.machine.bars.bar[0].kind = VPT_PCI_BAR_NONE;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    card.machine.bars.bar[0].kind = VPT_PCI_BAR_BROKEN;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    cr_assert(strcmp(card.machine.hal.log[1].subject, "BAR 0") == 0);
    cr_assert(card.machine.hal.log[1].status == VPT_DEVICE_PCI_BAR);
    card.machine.bars.bar[0].kind = VPT_PCI_BAR_IO;
    card.machine.bars.bar[0].address = 0;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_CALLER_BAR);
    card.machine.bars.bar[0].address = 0x1c100;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_CALLER_BAR);
    card.machine.bars.bar[0].address = MOCK_PCI_IO_PORT;
    card.machine.bars.bar[0].size = 0;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_CALLER_BAR);
    card.machine.bars.bar[0].size = 16;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    card.machine.bars.bar[0].size = 128;
    card.machine.bus.port.io_write = NULL;
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_PORT);
    card_finish();
}

LEGACY_TEST(virtio_pci_legacy, a_port_with_the_functions_for_its_kind_of_bar_is_enough)
{
    card_machine(variant->kind, NULL);
    if (variant->kind == CARD_LEGACY_MEMORY) {
        card.machine.bus.port.io_read = NULL;
        card.machine.bus.port.io_write = NULL;
        assert_status(card_bring_up(variant->kind), VPT_OK);
        assert_status(card_read_sector(1), VPT_OK);
        card_stop();
    }
    card.machine.bus.port.mmio_map = NULL;
    card.machine.bus.port.mmio_unmap = NULL;
    card.machine.bus.port.mmio_read = NULL;
    card.machine.bus.port.mmio_write = NULL;
    if (variant->kind == CARD_LEGACY_MEMORY) {
        card.machine.function.config_writes = 0;
        card_trace();
        assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_PORT);
        card_finish();
        return;
    }
    assert_status(card_bring_up(variant->kind), VPT_OK);
    assert_status(card_read_sector(1), VPT_OK);
    card_end();
}

/* ---- Which interface ---- */

Test(virtio_pci_legacy, LEG_PCIDETECT_2_a_transitional_device_is_driven_by_its_modern_interface)
{
    card_machine(CARD_TRANSITIONAL_MODERN, NULL);
    assert_status(card_try_probe(VPT_VIRTIO_PCI_ANY), VPT_OK);
    cr_assert(!vpt_device_legacy(card.device));
    vpt_virtio_pci_close(&card.pci);
    assert_status(card_try_probe(VPT_VIRTIO_PCI_MODERN), VPT_OK);
    cr_assert(!vpt_device_legacy(card.device));
    vpt_virtio_pci_close(&card.pci);
    assert_status(card_try_probe(VPT_VIRTIO_PCI_LEGACY), VPT_OK);
    cr_assert(vpt_device_legacy(card.device));
    vpt_virtio_pci_close(&card.pci);
    card_finish();
}

Test(virtio_pci_legacy, LEG_PCIDETECT_3_without_capabilities_it_is_the_legacy_one)
{
    card_machine(CARD_LEGACY, NULL);
    assert_status(card_try_probe(VPT_VIRTIO_PCI_ANY), VPT_OK);
    cr_assert(vpt_device_legacy(card.device));
    vpt_virtio_pci_close(&card.pci);
    card.machine.function.config_writes = 0;
    assert_refused(VPT_VIRTIO_PCI_MODERN, VPT_UNSUPPORTED_INTERFACE);
    card_finish();
    card_machine(CARD_MODERN, NULL);
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_INTERFACE);
    card_finish();
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
        card_plain(&options);
        assert_refused(VPT_VIRTIO_PCI_MODERN, VPT_DEVICE_CAPABILITY_BAR);
        assert_status(card_bring_up(CARD_TRANSITIONAL_MODERN), VPT_OK);
        cr_assert(vpt_device_legacy(card.device));
        assert_status(card_read_sector(1), VPT_OK);
        card_stop();
        card.machine.bars.bar[0].kind = VPT_PCI_BAR_NONE;
        card.machine.function.config_writes = 0;
        card_trace();
        assert_refused(VPT_VIRTIO_PCI_ANY, VPT_DEVICE_CAPABILITY_BAR);
        card_finish();
    }
}

Test(virtio_pci_legacy, a_function_of_a_transitional_identity_may_have_no_legacy_interface)
{
    struct mock_pci_machine_options options = { .device_id = 0x1001 };

    card_plain(&options);
    mock_pci_set(&card.machine.function, 0x2e, 2, 2);
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_DEVICE_PCI_BAR);
    assert_status(card_bring_up(CARD_MODERN), VPT_OK);
    assert_status(card_read_sector(1), VPT_OK);
    card_end();
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
        card_machine(CARD_TRANSITIONAL_MODERN, NULL);
        plain_map = card.machine.bus.port.mmio_map;
        card.machine.bus.port.mmio_map = failing_map;
        maps_left = n;
        assert_refused(VPT_VIRTIO_PCI_MODERN, VPT_RESOURCE_MEMORY);
        maps_left = n;
        assert_status(card_bring_up(CARD_TRANSITIONAL_MODERN), VPT_OK);
        cr_assert(vpt_device_legacy(card.device) && mock_hal_live_mappings(&card.machine.hal) == 0);
        assert_status(card_read_sector(1), VPT_OK);
        card_end();
    }
}

/* ---- Features ---- */

LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_6_there_are_32_features_and_bit_30_is_left)
{
    struct mock_pci_machine_options options = { .machine.offer = { { 0, 0xffffffffu, 0xffffffffu, 0 } } };

    card_init(variant->kind, &options);
    cr_assert(vpt_features_has(&card.device->offered, MOCK_BAD_FEATURE));
    cr_assert(!vpt_features_has(&card.device->features, MOCK_BAD_FEATURE));
    cr_assert(vpt_features_has(&card.device->features, VPT_F_ANY_LAYOUT));
    for (unsigned word = 1; word < VPT_FEATURE_WORDS; word++) {
        cr_assert(card.device->offered.word[word] == 0 && card.device->features.word[word] == 0);
    }
    cr_assert(card_traced(MOCK_PCI_HEADER, false, H_DEVICE_FEATURES) == 1);
    cr_assert(card_traced(MOCK_PCI_HEADER, true, H_DRIVER_FEATURES) == 1);
    card_end();
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
    const struct mock_queue *queue = &card.machine.device.queues[1];
    struct vpt_queue driven;

    card_init(variant->kind, &options);
    card_trace();
    assert_status(vpt_queue_init(&driven, card.device, &config), VPT_OK);
    cr_assert(card.machine.front.access_count == COUNT_OF(set_up));
    for (size_t i = 0; i < COUNT_OF(set_up); i++) {
        const struct mock_pci_access *access = &card.machine.front.accesses[i];

        cr_assert(access->structure == MOCK_PCI_HEADER && access->write == set_up[i].write &&
                      access->offset == set_up[i].offset && access->width == set_up[i].width,
                  "access %zu", i);
    }
    cr_assert(card_access(MOCK_PCI_HEADER, true, H_QUEUE_SELECT, 0)->value == 1);
    cr_assert((uint64_t)card_access(MOCK_PCI_HEADER, true, H_QUEUE_ADDRESS, 0)->value << 12 ==
              queue->area[MOCK_DESCRIPTOR_AREA]);
    cr_assert(queue->enabled && queue->area[MOCK_DESCRIPTOR_AREA] > UINT32_MAX);
    cr_assert(queue->area[MOCK_DEVICE_AREA] % 4096 == 0);
    assert_status(vpt_device_reset(card.device), VPT_OK);
    assert_status(vpt_queue_release(&driven), VPT_OK);
    card_end();
}

LEGACY_TEST(virtio_pci_legacy, D_LPCI_2_the_size_is_the_devices_whatever_is_wanted)
{
    static const uint16_t wanted[] = { 0, 2, 16, 128, 256, 32768 };

    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct vpt_requests_config config = { .size = wanted[i] };

        card_init(variant->kind, &(const struct mock_pci_machine_options){ .machine.queue_maximum = 128 });
        assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, &config), VPT_OK);
        cr_assert(vpt_queue_size(&card.queue.requests.queue) == 128 && card.machine.device.queues[0].size == 128);
        assert_status(vpt_driver_start(&card.blk.driver), VPT_OK);
        assert_status(card_read_sector(1), VPT_OK);
        card_end();
    }
}

static void refuse_queue(enum card_kind kind, enum mock_fault fault, uint64_t argument, enum vpt_status expected)
{
    card_init(kind, NULL);
    card_trace();
    mock_fault_set(&card.machine.device.faults, fault, 1, 0, argument);
    assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, NULL), expected);
    cr_assert(mock_fault_fired(&card.machine.device.faults, fault) != 0);
    cr_assert(all_zero(&card.queue, sizeof(card.queue)) && !card.machine.device.queues[0].enabled);
    cr_assert(mock_hal_live_allocations(&card.machine.hal) == 0);
    cr_assert(fault == MOCK_FAULT_QUEUE_NOT_READY || card_traced(MOCK_PCI_HEADER, true, H_QUEUE_ADDRESS) == 0);
    card_end();
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

    card_init(variant->kind, NULL);
    card.machine.legacy.zero_resets = true;
    mock_fault_set(&card.machine.device.faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
    cr_assert(mock_fault_fired(&card.machine.device.faults, MOCK_FAULT_QUEUE_NOT_READY) == 1);
    status = vpt_blk_queue_init(&card.queue, &card.blk, 0, NULL);
    cr_assert(status == VPT_CALLER_STATE || card.machine.device.status == 3, "the driver goes on (%s) at status 0x%x",
              vpt_status_str(status), card.machine.device.status);
    if (status == VPT_CALLER_STATE) {
        assert_status(vpt_blk_init(&card.blk, card.device, NULL), VPT_OK);
        assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, NULL), VPT_OK);
    }
    assert_status(vpt_driver_start(&card.blk.driver), VPT_OK);
    assert_status(card_read_sector(1), VPT_OK);
    card_end();
}

/* 32 bits of 4 KiB pages: 16 TiB. */
LEGACY_TEST(virtio_pci_legacy, D_LPCI_1_rings_above_16_tib_are_refused)
{
    struct vpt_requests_config config = { 0 };

    card_init(variant->kind, NULL);
    card.machine.hal.base = UINT64_C(0x100000000000) - 0x1000;
    assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, &config), VPT_OK);
    cr_assert(card.machine.device.queues[0].area[MOCK_DESCRIPTOR_AREA] < UINT64_C(0x100000000000) - 0x4000);
    card_end();

    card_init(variant->kind, NULL);
    card.machine.hal.base = UINT64_C(0x100000000000);
    card.machine.hal.ignore_limit = true;
    assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, &config), VPT_RESOURCE_ADDRESS);
    cr_assert(mock_hal_live_allocations(&card.machine.hal) == 0);
    cr_assert(card_traced(MOCK_PCI_HEADER, true, H_QUEUE_ADDRESS) == 0);
    card_end();
}

static _Alignas(4096) uint8_t own_rings[0x8000];

static void own_memory(uint64_t address, size_t size, enum vpt_status expected)
{
    struct vpt_queue_config config = { .size = 16 };
    struct vpt_queue queue;

    card_init(CARD_LEGACY, &(const struct mock_pci_machine_options){ .machine.queue_maximum = 256 });
    memset(own_rings, 0, sizeof(own_rings));
    config.memory.rings = mock_hal_register(&card.machine.hal, own_rings, sizeof(own_rings), address, true);
    cr_assert(config.memory.rings.address != NULL);
    config.memory.rings.size = size;
    assert_status(vpt_queue_init(&queue, card.device, &config), expected);
    if (expected == VPT_OK) {
        cr_assert(vpt_queue_size(&queue) == 256);
        cr_assert(card.machine.device.queues[0].area[MOCK_DEVICE_AREA] == address + 0x2000);
        assert_status(vpt_device_reset(card.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
    } else {
        cr_assert(all_zero(&queue, sizeof(queue)));
    }
    card_end();
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

    card_init(variant->kind, &options);
    for (uint16_t i = 0; i < 3; i++) {
        struct vpt_queue_config config = { .index = i };

        assert_status(vpt_queue_init(&queues[i], card.device, &config), VPT_OK);
    }
    assert_status(vpt_device_start(card.device), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        const struct mock_pci_access *kick;

        assert_status(vpt_queue_notify(&queues[i]), VPT_OK);
        kick = card_access(MOCK_PCI_HEADER, true, H_QUEUE_NOTIFY, i);
        cr_assert(kick->width == 2 && kick->value == i && card.machine.device.queues[i].kicks == 1);
    }
    assert_status(vpt_device_reset(card.device), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
    card_end();
}

/* ---- Configuration ---- */

/* Where it starts depends on MSI-X; the mock knows it only there (LEG-PCILAYOUT-4). */
LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_4_the_configuration_is_behind_the_header)
{
    struct mock_pci_machine_options options = { .machine.blk.capacity = 64, .machine.blk.block_size = 4096 };

    card_init(variant->kind, &options);
    cr_assert(card.blk.info.capacity == 64 && card.blk.info.block_size == 4096);
    cr_assert(card_traced(MOCK_PCI_HEADER, false, 20) != 0 && card_traced(MOCK_PCI_HEADER, false, 24) != 0);
    card_end();
    options.vectors = 2;
    card_init(variant->kind, &options); /* which has MSI-X, but off */
    cr_assert(card.blk.info.capacity == 64 && card.blk.info.block_size == 4096);
    card_end();
    card_machine(variant->kind, &options);
    card_vectors_on();
    assert_status(card_try_probe(VPT_VIRTIO_PCI_LEGACY), VPT_OK);
    assert_status(vpt_blk_init(&card.blk, card.device, NULL), VPT_OK);
    cr_assert(card.blk.info.capacity == 64 && card.blk.info.block_size == 4096);
    cr_assert(card_traced(MOCK_PCI_HEADER, false, 20) == 0 && card_traced(MOCK_PCI_HEADER, false, 24) != 0);
    card_vectors_off();
    card_end();
}

/* The kernel turns it on or off after the probe, and before the negotiation. */
LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_4_what_counts_is_msi_x_at_the_negotiation)
{
    struct mock_pci_machine_options options = { .vectors = 2, .machine.blk.capacity = 64 };

    card_probe(variant->kind, &options);
    card_vectors_on();
    for (unsigned i = 0; i < 4; i++) {
        assert_status(vpt_pci_msix_enable(&card.msix, i % 2 == 0), VPT_OK);
        assert_status(vpt_blk_init(&card.blk, card.device, NULL), VPT_OK);
        cr_assert(card.blk.info.capacity == 64);
    }
    card_vectors_off();
    card_end();
}

LEGACY_TEST(virtio_pci_legacy, LEG_PCILAYOUT_5_the_configuration_ends_with_the_bar)
{
    struct mock_pci_machine_options options = { .header_size = 32 };
    uint32_t value = 0;

    card_probe(variant->kind, &options);
    assert_status(vpt_device_negotiate(card.device, NULL, NULL, NULL), VPT_OK);
    cr_assert(card_capacity() == 2048);
    assert_status(vpt_device_config_read(card.device, 12, 4, &value), VPT_CALLER_RANGE);
    assert_status(vpt_device_config_read(card.device, 12, 1, &value), VPT_CALLER_RANGE);
    assert_status(vpt_device_config_read(card.device, 0xffffffec, 4, &value), VPT_CALLER_RANGE);
    card_end();
}
