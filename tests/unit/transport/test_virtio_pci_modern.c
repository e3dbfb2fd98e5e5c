/* SPDX-License-Identifier: MIT */
/* The modern interface: the order of bring-up, register widths, queues, doorbells, configuration. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_modern, .timeout = 120);

/* ---- Probe and close ---- */

MODERN_TEST(virtio_pci_modern, PCI_DISC_1_a_probe_tells_what_the_device_is)
{
    disk_probe_pci(variant->kind, NULL);
    cr_assert(machine.device->type == VPT_DEVICE_TYPE_BLOCK && machine.device->vendor == 0x1100);
    cr_assert(!vpt_device_legacy(machine.device) && strcmp(vpt_device_transport(machine.device), "virtio-pci") == 0);
    cr_assert(machine.on_pci.front.access_count == 0 && !vpt_device_gone(machine.device));
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}

PCI_TEST(virtio_pci_modern, a_closed_function_masters_no_bus_and_has_no_mapping)
{
    disk_start_pci(variant->kind, NULL);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) != 0);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    vpt_virtio_pci_close(&machine.pci);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    cr_assert(mock_hal_live_mappings(machine.hal) == 0);
    cr_assert(all_zero(&machine.pci, sizeof(machine.pci)));
    machine.on_pci.function.config_writes = 0;
    vpt_virtio_pci_close(&machine.pci);
    cr_assert(machine.on_pci.function.config_writes == 0);
    machine_finish();
}

/* ---- The order of things ---- */

PCI_TEST(virtio_pci_modern, INIT_1_bus_mastering_comes_after_the_reset_and_before_acknowledge)
{
    bool legacy = machine_kind_legacy(variant->kind);
    enum mock_pci_structure structure = legacy ? MOCK_PCI_HEADER : MOCK_PCI_COMMON;
    uint32_t status = legacy ? H_STATUS : C_STATUS;
    uint64_t mastering;

    disk_start_pci(variant->kind, NULL);
    mastering = pci_command_sequence(VPT_PCI_COMMAND_BUS_MASTER, true);
    cr_assert(pci_status_write(0)->value == 0 && pci_status_write(0)->sequence < mastering);
    cr_assert(machine_access(structure, false, status, 0)->value == 0);
    cr_assert(machine_access(structure, false, status, 0)->sequence < mastering);
    cr_assert(pci_status_write(1)->value == 1 && pci_status_write(1)->sequence > mastering);
    cr_assert(pci_status_write(2)->value == 3);
    cr_assert(pci_status_write(3)->value == (legacy ? 7 : 11));
    cr_assert(legacy || pci_status_write(4)->value == 15);
    cr_assert(machine_traced(structure, true, status) == (legacy ? 4 : 5));
    disk_end();
}

PCI_TEST(virtio_pci_modern, a_function_that_cannot_master_the_bus_is_not_brought_up)
{
    bool legacy = machine_kind_legacy(variant->kind);

    disk_probe_pci(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, VPT_PCI_COMMAND_BUS_MASTER);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_PCI_COMMAND);
    cr_assert(machine_traced(legacy ? MOCK_PCI_HEADER : MOCK_PCI_COMMON, true, legacy ? H_STATUS : C_STATUS) == 2);
    cr_assert(pci_status_write(1)->value == VPT_STATUS_FAILED);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    disk_end();
}

PCI_TEST(virtio_pci_modern, an_error_of_the_port_at_bus_mastering_arrives)
{
    disk_probe_pci(variant->kind, NULL);
    mock_trigger_set(&machine.on_pci.bus.fail_write, 1, 1);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), machine.on_pci.bus.fail_status);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 2, 1); /* the first one is the reset's */
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), machine.on_pci.bus.fail_status);
    disk_end();
}

struct expected {
    bool write;
    uint32_t offset;
    unsigned width;
};

static const struct expected set_up[] = {
    { true, C_QUEUE_SELECT, 2 },     { false, C_QUEUE_ENABLE, 2 },  { false, C_QUEUE_SIZE, 2 },
    { true, C_QUEUE_SELECT, 2 },     { true, C_QUEUE_SIZE, 2 },     { false, C_QUEUE_SIZE, 2 },
    { true, C_QUEUE_SELECT, 2 },     { false, C_NOTIFY_OFFSET, 2 }, { true, C_QUEUE_SELECT, 2 },
    { true, C_QUEUE_DESC, 4 },       { true, C_QUEUE_DESC + 4, 4 }, { true, C_QUEUE_DRIVER, 4 },
    { true, C_QUEUE_DRIVER + 4, 4 }, { true, C_QUEUE_DEVICE, 4 },   { true, C_QUEUE_DEVICE + 4, 4 },
    { true, C_QUEUE_ENABLE, 2 },     { false, C_QUEUE_ENABLE, 2 },
};

MODERN_TEST(virtio_pci_modern, PCI_COMMON_4_a_queue_is_set_up_before_it_is_enabled)
{
    struct mock_pci_machine_options options = { .machine.queues = 3 };
    struct vpt_queue_config config = { .index = 2, .size = 32 };
    const struct mock_queue *queue;
    struct vpt_queue driven;

    disk_init_pci(variant->kind, &options);
    queue = &machine.model->queues[2];
    machine_trace();
    assert_status(vpt_queue_init(&driven, machine.device, &config), VPT_OK);
    cr_assert(machine.on_pci.front.access_count == COUNT_OF(set_up), "%u accesses", machine.on_pci.front.access_count);
    for (size_t i = 0; i < COUNT_OF(set_up); i++) {
        const struct mock_pci_access *access = &machine.on_pci.front.accesses[i];

        cr_assert(access->structure == MOCK_PCI_COMMON && access->write == set_up[i].write &&
                      access->offset == set_up[i].offset && access->width == set_up[i].width,
                  "access %zu", i);
    }
    cr_assert(machine_access(MOCK_PCI_COMMON, true, C_QUEUE_SELECT, 0)->value == 2);
    cr_assert(machine_access(MOCK_PCI_COMMON, true, C_QUEUE_SIZE, 0)->value == 32);
    cr_assert(machine_access(MOCK_PCI_COMMON, true, C_QUEUE_ENABLE, 0)->value == 1);
    cr_assert(queue->enabled && queue->size == 32 && queue->area[MOCK_DESCRIPTOR_AREA] > UINT32_MAX);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_queue_release(&driven), VPT_OK);
    disk_end();
}

/* Some devices go on with their maximum, whatever is written: then the rings are made for that. */
MODERN_TEST(virtio_pci_modern, a_size_that_is_not_taken_is_found_out)
{
    static _Alignas(16) uint8_t rings[VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT)];
    static const struct {
        uint32_t maximum;
        uint16_t wanted;
        size_t given; /* bytes of ring memory from the caller; 0: from the port */
        uint32_t size;
        enum vpt_status status;
    } cases[] = {
        { 64, 0, 0, 64, VPT_OK },
        { 64, 16, 0, 64, VPT_OK },
        { 64, 16, sizeof(rings), 64, VPT_OK },
        { 64, 16, VPT_QUEUE_RINGS_SIZE(16, VPT_QUEUE_RINGS_ALIGNMENT), 0, VPT_CALLER_MEMORY },
        { 1024, 0, 0, 1024, VPT_OK },
        { 48, 16, 0, 0, VPT_DEVICE_QUEUE_SIZE },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mock_pci_machine_options options = { .machine.queue_maximum = cases[i].maximum };
        struct vpt_requests_config config = { .requests = 4, .size = cases[i].wanted };
        enum vpt_status status;

        disk_init_pci(variant->kind, &options);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SIZE_IGNORED, 1, 0, 0);
        if (cases[i].given != 0) {
            config.memory.rings = mock_hal_register_anywhere(machine.hal, rings, cases[i].given, true);
        }
        status = vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config);
        cr_assert(status == cases[i].status, "case %zu: %s", i, vpt_status_str(status));
        cr_assert(vpt_queue_size(&disk.queue->requests.queue) == cases[i].size);
        if (status == VPT_OK) {
            cr_assert(machine.model->queues[0].size == cases[i].size);
            assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
            for (unsigned k = 0; k < 3 * cases[i].size; k++) {
                assert_status(disk_read_sector(2), VPT_OK);
            }
        }
        disk_end();
    }
}

/* A device that took a size in its first life and does not in the next would write behind the rings. */
MODERN_TEST(virtio_pci_modern, a_restart_keeps_the_size_or_fails)
{
    const struct vpt_requests_config config = { .requests = 4, .size = 16 };

    disk_init_pci(variant->kind, NULL);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        bool ignored = i == 1;

        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SIZE_IGNORED, ignored ? 1 : 0, 0, 0);
        assert_status(vpt_driver_restart(&disk.blk.driver, NULL), ignored ? VPT_DEVICE_QUEUE_SIZE : VPT_OK);
        cr_assert(machine.model->queues[0].enabled == !ignored);
    }
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

/* The register is the maximum's too: after a failure it reads as the device's again. */
MODERN_TEST(virtio_pci_modern, a_set_up_that_failed_leaves_the_maximum_alone)
{
    const struct vpt_requests_config small = { .size = 16 };

    disk_init_pci(variant->kind, NULL);
    mock_trigger_set(&machine.hal->fail_allocation, 3, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &small), VPT_RESOURCE_MEMORY);
    mock_trigger_set(&machine.hal->fail_allocation, 0, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 256);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

MODERN_TEST(virtio_pci_modern, PCI_COMMON_5_a_reset_is_waited_for)
{
    for (uint32_t reads = 1; reads <= 900; reads = reads * 3 + 1) {
        disk_machine_pci(variant->kind, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 0, reads);
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(machine_traced(MOCK_PCI_COMMON, false, C_STATUS) >= reads);
        assert_status(disk_read_sector(2), VPT_OK);
        disk_end();
    }
}

/* ---- Features ---- */

Test(virtio_pci_modern, FEAT_3_the_transports_own_feature_is_accepted_on_pci)
{
    static const unsigned handled[] = { VPT_F_INDIRECT_DESC,  VPT_F_EVENT_IDX,         VPT_F_VERSION_1,
                                        VPT_F_ORDER_PLATFORM, VPT_F_NOTIFICATION_DATA, VPT_F_NOTIF_CONFIG_DATA,
                                        VPT_F_SUSPEND };
    struct mock_pci_machine_options options = { .machine.offer = { { 0xff000000u, 0x0003f9ffu, 0, 0 } } };
    struct mock_pci_layout layout = machine_io_layout;

    vpt_features_add(&options.machine.withhold, VPT_F_ACCESS_PLATFORM);
    vpt_features_add(&options.machine.withhold, VPT_F_ANY_LAYOUT);
    layout.capability[0].size = 0x40;
    options.layout = &layout;
    disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    for (unsigned bit = 0; bit < 128; bit++) {
        bool expected = false;

        for (size_t i = 0; i < COUNT_OF(handled); i++) {
            expected = expected || handled[i] == bit;
        }
        cr_assert(vpt_features_has(&machine.model->accepted, bit) == expected, "feature %u", bit);
    }
    disk_end();
}

/* ---- Queues ---- */

static void refuse_queue(enum machine_kind kind, enum mock_fault fault, uint64_t argument, enum vpt_status expected)
{
    disk_init_pci(kind, NULL);
    mock_fault_set(&machine.model->faults, fault, 1, 0, argument);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), expected);
    cr_assert(mock_fault_fired(&machine.model->faults, fault) != 0);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)) && !machine.model->queues[0].enabled);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    disk_end();
}

MODERN_TEST(virtio_pci_modern, D_PCI_1_a_queue_of_no_or_an_impossible_size_or_in_use_is_not_touched)
{
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_ABSENT, 0, VPT_UNSUPPORTED_QUEUE);
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_IN_USE, 0, VPT_DEVICE_QUEUE_STATE);
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_MAXIMUM, 32769, VPT_DEVICE_QUEUE_SIZE);
    refuse_queue(variant->kind, MOCK_FAULT_QUEUE_MAXIMUM, 65535, VPT_DEVICE_QUEUE_SIZE);
}

MODERN_TEST(virtio_pci_modern, PCI_COMMON_3_a_maximum_that_is_no_power_of_two_is_rounded_down)
{
    struct mock_pci_machine_options options = { .machine.queue_maximum = 100 };

    disk_start_pci(variant->kind, &options);
    cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 64);
    cr_assert(machine_access(MOCK_PCI_COMMON, true, C_QUEUE_SIZE, 0)->value == 64);
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

MODERN_TEST(virtio_pci_modern, the_maximum_is_read_once)
{
    disk_machine_pci(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SHRINKING, 1, 0, 0);
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_QUEUE_SHRINKING) == 1);
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

/* There is no other way to stop it than a reset of the device: queue_enable takes no 0. */
MODERN_TEST(virtio_pci_modern, PCI_COMMON_6_a_queue_that_did_not_start_ends_in_a_reset)
{
    uint64_t resets;

    disk_init_pci(variant->kind, NULL);
    resets = machine.model->resets;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 0, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
    cr_assert(machine.model->resets == resets + 1u && !machine.model->queues[0].enabled);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_CALLER_STATE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

/* If that reset does not finish either, the rings are out of the device's reach all the same: they are given back. */
MODERN_TEST(virtio_pci_modern, CLEANUP_2_a_queue_that_did_not_start_and_a_reset_that_does_not_finish)
{
    disk_init_pci(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 0, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    disk_end();
}

/* ---- Doorbells ---- */

struct bell {
    uint32_t multiplier;
    uint16_t notify_offset;
    uint32_t length;  /* of the structure */
    uint32_t start;   /* of the structure in its BAR */
    bool data;        /* NOTIFICATION_DATA */
    bool config_data; /* NOTIF_CONFIG_DATA */
    enum vpt_status expected;
};

static const struct bell bells[] = {
    { 4, 0, 4, 0x3000, false, false, VPT_OK },
    { 4, 7, 32, 0x3000, false, false, VPT_OK },
    { 4, 7, 30, 0x3000, false, false, VPT_OK }, /* two bytes are all that a doorbell needs */
    { 4, 7, 29, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 4, 7, 28, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 4, 8, 30, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 2, 3, 8, 0x3000, false, false, VPT_OK },
    { 2, 3, 8, 0x3002, false, false, VPT_OK },
    { 2, 0xffff, 0x1000, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 0, 0xffff, 2, 0x3ffe, false, false, VPT_OK }, /* one doorbell for all */
    { 4096, 2, 0x3000, 0x1000, false, false, VPT_OK },
    { 4096, 3, 0x3000, 0x1000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 0x10000, 0xffff, 0x1000, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 0x80000000u, 2, 0x1000, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET }, /* 0, if it wrapped */
    { 0x20000000u, 8, 0x1000, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 0xfffffffeu, 0xffff, 0x1000, 0x3000, false, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 6, 1, 8, 0x3000, false, false, VPT_OK },
    { 4, 1, 8, 0x3000, true, false, VPT_OK },
    { 0, 9, 4, 0x3ffc, true, false, VPT_OK },
    { 4, 1, 6, 0x3000, true, false, VPT_DEVICE_NOTIFY_OFFSET },  /* half of it is outside */
    { 2, 1, 16, 0x3000, true, false, VPT_DEVICE_NOTIFY_OFFSET }, /* four bytes at an odd place */
    { 2, 1, 16, 0x3002, true, false, VPT_OK },
    { 4, 0, 2, 0x3000, true, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 4, 0, 3, 0x3000, true, false, VPT_DEVICE_NOTIFY_OFFSET },
    { 4, 1, 8, 0x3000, false, true, VPT_OK },
    { 0, 1, 2, 0x3000, false, true, VPT_OK },
    { 4, 1, 8, 0x3000, true, true, VPT_OK },
};

static void bell_machine(const struct bell *bell, bool io)
{
    struct mock_pci_layout layout = {
        .bar = { [2] = { .size = 0x4000, .address = io ? 0x4000u : 0xe0000000u, .io = io },
                 [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } },
        .count = 4,
        .capability = {
            { .type = MOCK_PCI_NOTIFY, .bar = 2 },
            { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0, .size = 0x40 },
            { .type = MOCK_PCI_ISR, .bar = 4, .offset = 0x1000, .size = 1 },
            { .type = MOCK_PCI_DEVICE, .bar = 4, .offset = 0x2000, .size = 0x3c },
        },
    };
    struct mock_pci_machine_options options = { .layout = &layout };

    layout.capability[0].offset = bell->start;
    layout.capability[0].size = bell->length;
    layout.capability[0].multiplier = bell->multiplier;
    if (bell->data) {
        vpt_features_add(&options.machine.offer, VPT_F_NOTIFICATION_DATA);
    }
    if (bell->config_data) {
        vpt_features_add(&options.machine.offer, VPT_F_NOTIF_CONFIG_DATA);
    }
    disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
    machine.on_pci.modern.notify_offset[0] = bell->notify_offset;
}

static void check_bell(const struct bell *bell, bool io)
{
    const struct mock_pci_access *kick;

    bell_machine(bell, io);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), bell->expected);
    if (bell->expected == VPT_OK) {
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        assert_status(disk_write_sector(1, 9), VPT_OK);
        assert_status(disk_read_sector(2), VPT_OK);
        kick = machine_access(MOCK_PCI_NOTIFY, true, bell->notify_offset * bell->multiplier, 0);
        cr_assert(kick->width == (bell->data ? 4 : 2));
        cr_assert((kick->value & 0xffffu) == (bell->config_data ? machine.on_pci.modern.notify_data[0] : 0));
        cr_assert((kick->value >> 16) == (bell->data ? 1 : 0)); /* the available index after one request */
        cr_assert(machine.model->kicks == 2);
    } else {
        cr_assert(mock_hal_live_allocations(machine.hal) == 0 && !machine.model->queues[0].enabled);
        cr_assert(machine_traced(MOCK_PCI_COMMON, true, C_QUEUE_ENABLE) == 0);
    }
    disk_end();
}

Test(virtio_pci_modern, PCI_KICK_1_doorbells_are_where_the_device_says_or_refused)
{
    for (size_t i = 0; i < COUNT_OF(bells); i++) {
        check_bell(&bells[i], false);
        check_bell(&bells[i], true);
    }
}

/* Each queue of several rings its own doorbell, or by its own value the one that they share. */
static void check_queues(uint32_t multiplier, bool config_data)
{
    const struct bell bell = { multiplier, 0, 0x800, 0x3000, false, config_data, VPT_OK };
    struct vpt_queue queues[4];

    bell_machine(&bell, false);
    machine.model->queue_count = 4;
    for (uint16_t i = 0; i < 4; i++) {
        struct vpt_queue_config config = { .index = i, .size = 8 };

        machine.model->queues[i].maximum = 8;
        machine.on_pci.modern.notify_offset[i] = (uint16_t)(3 - i);
        if (i == 0) {
            assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
            assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        }
        assert_status(vpt_queue_init(&queues[i], machine.device, &config), VPT_OK);
    }
    assert_status(vpt_device_start(machine.device), VPT_OK);
    for (uint16_t i = 0; i < 4; i++) {
        assert_status(vpt_queue_notify(&queues[i]), VPT_OK);
        cr_assert(machine.model->queues[i].kicks == 1 && machine.model->kicks == i + 1u);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
    disk_end();
}

Test(virtio_pci_modern, D_PCI_3_every_queue_has_its_doorbell)
{
    check_queues(0, false);
    check_queues(4, false);
    check_queues(256, false);
    check_queues(0, true);
    check_queues(4, true);
}

/*
 * Registers that are plain memory, which the library reaches by itself: what is written stays, and that is all the
 * device that a bring-up needs. The doorbell is one store of its width and leaves the bytes around it alone.
 */
static _Alignas(8) uint8_t plain[0x4000];

static enum vpt_status map_plain(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    (void)ctx;
    cr_assert(intent == VPT_MAP_REGISTERS && physical >= 0x8e0000000 && size <= 0x8e0004000 - physical);
    *mapping = plain + (physical - 0x8e0000000);
    return VPT_OK;
}

static void unmap_plain(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    cr_assert((uint8_t *)mapping >= plain && size <= (size_t)(plain + sizeof(plain) - (uint8_t *)mapping));
}

static void check_direct(bool data)
{
    static const uint8_t kick[2][4] = { { 3, 0, 0xee, 0xee }, { 3, 0, 0, 0 } };
    struct vpt_queue_config config = { .index = 3, .size = 8 };
    struct vpt_queue queue;

    disk_machine_pci(MACHINE_PCI_AS_TOLD, NULL);
    machine.on_pci.bus.port.mmio_map = map_plain;
    machine.on_pci.bus.port.mmio_unmap = unmap_plain;
    machine.on_pci.bus.port.mmio_read = NULL;
    machine.on_pci.bus.port.mmio_write = NULL;
    memset(plain, 0, sizeof(plain));
    memset(plain + 0x3000, 0xee, 0x1000);
    plain[C_DEVICE_FEATURE] = 1;                   /* VERSION_1, in whichever word */
    plain[C_DEVICE_FEATURE] |= data ? 1u << 6 : 0; /* NOTIFICATION_DATA */
    plain[C_QUEUE_SIZE] = 8;
    plain[C_NOTIFY_OFFSET] = 5;
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
    cr_assert(plain[C_QUEUE_SELECT] == 3 && plain[C_QUEUE_ENABLE] == 1 && plain[C_STATUS] == 0x0b);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_status(vpt_queue_notify(&queue), VPT_OK);
    cr_assert(memcmp(plain + 0x3000 + 5 * 4, kick[data ? 1 : 0], 4) == 0);
    for (size_t i = 0; i < 0x1000; i++) {
        cr_assert(plain[0x3000 + i] == 0xee || (i >= 20 && i < 24));
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_queue_release(&queue), VPT_OK);
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}

Test(virtio_pci_modern, PCI_KICK_1_a_doorbell_within_reach_is_one_store_of_its_width)
{
    check_direct(false);
    check_direct(true);
}

/* The field for it lies behind what every common configuration has. */
Test(virtio_pci_modern, D_PCI_5_fields_of_a_feature_need_a_structure_that_has_them)
{
    for (uint32_t length = 0x38; length <= 0x40; length++) {
        struct mock_pci_layout layout = machine_io_layout;
        struct mock_pci_machine_options options = { .layout = &layout };

        layout.capability[0].size = length;
        vpt_features_add(&options.machine.offer, VPT_F_NOTIF_CONFIG_DATA);
        disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL),
                      length < 0x3a ? VPT_DEVICE_CAPABILITY_RANGE : VPT_OK);
        disk_end();
    }
}

/* ---- Configuration ---- */

MODERN_TEST(virtio_pci_modern, CONFIG_1_a_reading_is_of_one_moment)
{
    for (uint32_t times = 1; times < 20; times++) {
        disk_machine_pci(variant->kind, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, times, 0);
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        cr_assert((disk.blk.info.capacity >> 32) == (disk.blk.info.capacity & 0xffffffffu));
        disk_end();
    }
}

Test(virtio_pci_modern, PCI_CAP_5_configuration_is_read_within_its_structure)
{
    static const uint32_t lengths[] = { 1, 7, 8, 0x20, 0x3c };

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct mock_pci_layout layout = mock_pci_usual_layout;
        struct mock_pci_machine_options options = { .layout = &layout };
        uint32_t value = 0;

        layout.capability[2].size = lengths[i];
        disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_device_config_read(machine.device, lengths[i] & ~3u, 4, &value),
                      (lengths[i] & ~3u) + 4 <= lengths[i] ? VPT_OK : VPT_CALLER_RANGE);
        assert_status(vpt_device_config_read(machine.device, 4, 4, &value),
                      lengths[i] >= 8 ? VPT_OK : VPT_CALLER_RANGE);
        disk_end();
    }
}

/* ---- Interrupts by the line ---- */

PCI_TEST(virtio_pci_modern, D_PCI_4_reading_the_isr_acknowledges)
{
    bool legacy = machine_kind_legacy(variant->kind);
    enum mock_pci_structure structure = legacy ? MOCK_PCI_HEADER : MOCK_PCI_ISR;
    uint32_t offset = legacy ? H_ISR : 0;

    disk_start_pci(variant->kind, NULL);
    machine_trace();
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    cr_assert(machine_traced(structure, false, offset) == 1);
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(mock_pci_intx(&machine.on_pci.function));
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_QUEUE);
    cr_assert(!mock_pci_intx(&machine.on_pci.function));
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    mock_device_configuration_changed(machine.model);
    cr_assert(mock_pci_intx(&machine.on_pci.function));
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
    mock_device_configuration_changed(machine.model);
    cr_assert(!vpt_requests_notifications_on(&disk.queue->requests));
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(vpt_device_interrupt(machine.device) == (VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION));
    mock_fault_set(&machine.model->faults, MOCK_FAULT_INTERRUPT_UNKNOWN, 1, 0, 0xfc);
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    disk_end();
}

PCI_TEST(virtio_pci_modern, the_isr_of_a_device_that_is_gone_is_no_interrupt)
{
    disk_start_pci(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(machine.device) && vpt_device_interrupt(machine.device) == 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    vpt_virtio_pci_close(&machine.pci);
    cr_assert(mock_hal_live_mappings(machine.hal) == 0 && all_zero(&machine.pci, sizeof(machine.pci)));
    machine_finish();
}
