/* SPDX-License-Identifier: MIT */
/* The interfaces of virtio-pci: bring-up and bus mastering, features, doorbells, configuration, the line. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci, .timeout = 120);

/* ---- Bring-up ---- */

PCI_TEST(virtio_pci, PCI_DISC_1_LEG_PCIDISC_2_a_probe_tells_what_the_device_is)
{
    bool legacy = machine_kind_legacy(variant->kind);

    disk_machine_on(variant->kind, NULL);
    if (legacy) {
        mock_pci_set(&machine.on_pci.function, 0x2e, 2, 18);
    }
    assert_status(machine_probe(), VPT_OK);
    assert_same(machine.device->type, legacy ? 18 : VPT_DEVICE_TYPE_BLOCK);
    assert_same(machine.device->vendor, 0x1100);
    assert_same(vpt_device_legacy(machine.device), legacy);
    cr_assert(strcmp(vpt_device_transport(machine.device), legacy ? "virtio-pci legacy" : "virtio-pci") == 0);
    cr_assert(machine.on_pci.front.access_count == 0 && !vpt_device_gone(machine.device));
    if (legacy) { /* the registers and the ISR status are mapped if they are in memory */
        assert_same(mock_hal_live_mappings(machine.hal), variant->kind == MACHINE_PCI_LEGACY_MEMORY ? 2 : 0);
    }
    machine_end();
}

PCI_TEST(virtio_pci, a_closed_function_masters_no_bus_and_has_no_mapping)
{
    uint64_t writes;

    disk_start_on(variant->kind, NULL);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) != 0);
    disk_stop(); /* which closes it, and looks at the bit */
    assert_same(mock_hal_live_mappings(machine.hal), 0);
    writes = machine.on_pci.function.config_writes;
    assert_status(vpt_virtio_pci_close(&machine.pci), VPT_OK);
    assert_status(vpt_virtio_pci_close(NULL), VPT_OK);
    assert_same(machine.on_pci.function.config_writes, writes);
    machine_finish();
}

/* Features are accessed between DRIVER and what comes next. On PCI the bus is mastered right after the reset. */
MACHINE_TEST(virtio_pci, INIT_1_LEG_INIT_1_the_status_grows_step_by_step)
{
    static const uint32_t statuses[2][5] = { { 0, 1, 3, 11, 15 }, { 0, 1, 3, 7 } };
    const struct machine_registers *registers;
    unsigned legacy = machine_kind_legacy(variant->kind) ? 1 : 0;
    uint64_t mastering = machine_kind_on_pci(variant->kind) ? 1 : 0;

    disk_machine_on(variant->kind, NULL);
    machine_trace();
    assert_status(disk_bring_up(NULL), VPT_OK);
    registers = machine_registers();
    mastering = mastering != 0 ? pci_command_sequence(VPT_PCI_COMMAND_BUS_MASTER, true) : 0;
    assert_same(machine_writes(registers->status), 5 - legacy);
    for (unsigned i = 0; i < 5 - legacy; i++) {
        assert_same(machine_write(registers->status, i)->value, statuses[legacy][i]);
        assert_same(machine_write(registers->status, i)->sequence > mastering, i != 0 && mastering != 0);
    }
    assert_same(machine_access(registers->structure, false, registers->status, 0)->value, 0);
    cr_assert(mastering == 0 ||
              machine_access(registers->structure, false, registers->status, 0)->sequence < mastering);
    for (size_t i = 0; machine_access_at(i) != NULL; i++) {
        const struct mock_pci_access *access = machine_access_at(i);

        if (access->structure == registers->structure &&
            (access->offset == registers->offered || access->offset == registers->accepted)) {
            cr_assert(access > machine_write(registers->status, 2) && access < machine_write(registers->status, 3));
        }
    }
    disk_end();
}

PCI_TEST(virtio_pci, a_function_that_cannot_master_the_bus_is_not_brought_up)
{
    disk_probe_on(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, VPT_PCI_COMMAND_BUS_MASTER);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_PCI_COMMAND);
    assert_same(machine_writes(machine_registers()->status), 2);
    assert_same(machine_write(machine_registers()->status, 1)->value, VPT_STATUS_FAILED);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK);
    mock_trigger_set(&machine.on_pci.bus.fail_write, 1, 1);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), machine.on_pci.bus.fail_status);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 2, 1); /* the first one is the reset's */
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), machine.on_pci.bus.fail_status);
    disk_end();
}

MODERN_TEST(virtio_pci, PCI_COMMON_5_a_reset_is_waited_for)
{
    for (uint32_t reads = 1; reads <= 900; reads = reads * 3 + 1) {
        disk_machine_on(variant->kind, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 0, reads);
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(machine_traced(MOCK_PCI_COMMON, false, C_STATUS) >= reads);
        disk_end();
    }
}

Test(virtio_pci, FEAT_3_the_transports_own_feature_is_accepted_on_pci)
{
    static const unsigned handled[] = {
        VPT_F_INDIRECT_DESC,  VPT_F_EVENT_IDX,         VPT_F_VERSION_1,         VPT_F_RING_PACKED, VPT_F_IN_ORDER,
        VPT_F_ORDER_PLATFORM, VPT_F_NOTIFICATION_DATA, VPT_F_NOTIF_CONFIG_DATA, VPT_F_RING_RESET,  VPT_F_SUSPEND
    };
    struct mock_pci_layout layout = machine_io_layout;
    struct mock_pci_machine_options options = { .layout = &layout,
                                                .machine.offer = { { 0xff000000u, 0x0003f9ffu, 0, 0 } } };
    struct vpt_features expected = { { 0 } };

    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        vpt_features_add(&expected, handled[i]);
    }
    vpt_features_add(&options.machine.withhold, VPT_F_ACCESS_PLATFORM);
    vpt_features_add(&options.machine.withhold, VPT_F_ANY_LAYOUT);
    layout.capability[0].size = 0x40;
    disk_probe_on(MACHINE_PCI_AS_TOLD, &options);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    for (unsigned word = 0; word < VPT_FEATURE_WORDS; word++) {
        assert_same(machine.model->accepted.word[word], expected.word[word]);
    }
    disk_end();
}

LEGACY_TEST(virtio_pci, LEG_PCILAYOUT_6_there_are_32_features_and_bit_30_is_left)
{
    struct mock_pci_machine_options options = { .machine.offer = { { 0, 0xffffffffu, 0xffffffffu, 0 } } };

    disk_init_on(variant->kind, &options);
    cr_assert(vpt_features_has(&machine.device->offered, MOCK_BAD_FEATURE));
    cr_assert(!vpt_features_has(&machine.device->features, MOCK_BAD_FEATURE));
    cr_assert(vpt_features_has(&machine.device->features, VPT_F_ANY_LAYOUT));
    for (unsigned word = 1; word < VPT_FEATURE_WORDS; word++) {
        cr_assert(machine.device->offered.word[word] == 0 && machine.device->features.word[word] == 0);
    }
    assert_same(machine_traced(MOCK_PCI_HEADER, false, H_DEVICE_FEATURES), 1);
    assert_same(machine_writes(H_DRIVER_FEATURES), 1);
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

/* A negotiated disk whose doorbells are so, of memory or I/O ports. */
static void init_with_bell(const struct bell *bell, bool io, uint16_t queues)
{
    struct mock_pci_layout layout = {
        .bar = { [2] = { .size = 0x4000, .address = io ? 0x4000u : 0xe0000000u, .io = io },
                 [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } },
        .count = 4,
        .capability = {
            { .type = MOCK_PCI_NOTIFY, .bar = 2, .offset = bell->start, .size = bell->length,
              .multiplier = bell->multiplier },
            { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0, .size = 0x40 },
            { .type = MOCK_PCI_ISR, .bar = 4, .offset = 0x1000, .size = 1 },
            { .type = MOCK_PCI_DEVICE, .bar = 4, .offset = 0x2000, .size = 0x3c },
        },
    };
    struct mock_pci_machine_options options = { .layout = &layout, .machine.queues = queues };

    if (bell->data) {
        vpt_features_add(&options.machine.offer, VPT_F_NOTIFICATION_DATA);
    }
    if (bell->config_data) {
        vpt_features_add(&options.machine.offer, VPT_F_NOTIF_CONFIG_DATA);
    }
    disk_machine_on(MACHINE_PCI_AS_TOLD, &options);
    machine.on_pci.modern.notify_offset[0] = bell->notify_offset;
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
}

static void check_bell(const struct bell *bell, bool io)
{
    const struct mock_pci_access *kick;

    init_with_bell(bell, io, 1);
    if (bell->expected == VPT_OK) {
        disk_work();
        kick = machine_access(MOCK_PCI_NOTIFY, true, bell->notify_offset * bell->multiplier, 0);
        assert_same(kick->width, bell->data ? 4 : 2);
        assert_same(kick->value & 0xffffu, bell->config_data ? machine.on_pci.modern.notify_data[0] : 0);
        assert_same(kick->value >> 16, bell->data ? 1 : 0); /* the available index after one request */
        assert_same(machine.model->kicks, 2);
    } else {
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), bell->expected);
        cr_assert(mock_hal_live_allocations(machine.hal) == 0 && !machine.model->queues[0].enabled);
        assert_same(machine_writes(C_QUEUE_ENABLE), 0);
    }
    disk_end();
}

Test(virtio_pci, PCI_KICK_1_doorbells_are_where_the_device_says_or_refused)
{
    for (size_t i = 0; i < COUNT_OF(bells); i++) {
        check_bell(&bells[i], false);
        check_bell(&bells[i], true);
    }
}

/* Each queue of several rings its own doorbell, or by its own value the one that they share. */
static void kick_each_queue(uint16_t count)
{
    struct vpt_queue queues[4];

    for (uint16_t i = 0; i < count; i++) {
        struct vpt_queue_config config = { .index = i, .size = 8 };

        machine.model->queues[i].maximum = 8;
        machine.on_pci.modern.notify_offset[i] = (uint16_t)(count - 1 - i);
        assert_status(vpt_queue_init(&queues[i], machine.device, &config), VPT_OK);
    }
    assert_status(vpt_device_start(machine.device), VPT_OK);
    for (uint16_t i = 0; i < count; i++) {
        assert_status(vpt_queue_notify(&queues[i]), VPT_OK);
        cr_assert(machine.model->queues[i].kicks == 1 && machine.model->kicks == i + 1u);
        if (machine.model->legacy) {
            assert_same(machine_write(H_QUEUE_NOTIFY, i)->value, i);
            assert_same(machine_write(H_QUEUE_NOTIFY, i)->width, 2);
        }
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < count; i++) {
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
    disk_end();
}

Test(virtio_pci, D_PCI_3_every_queue_has_its_doorbell)
{
    static const uint32_t multipliers[] = { 0, 4, 256 };

    for (size_t i = 0; i < 2 * COUNT_OF(multipliers); i++) {
        const struct bell bell = { multipliers[i / 2], 0, 0x800, 0x3000, false, i % 2 == 1, VPT_OK };

        init_with_bell(&bell, false, 4);
        kick_each_queue(4);
    }
}

LEGACY_TEST(virtio_pci, PCI_KICK_3_a_kick_is_the_queues_index_in_two_bytes)
{
    struct mock_pci_machine_options options = { .machine.queues = 3, .machine.queue_maximum = 8 };

    disk_init_on(variant->kind, &options);
    kick_each_queue(3);
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

Test(virtio_pci, PCI_KICK_1_a_doorbell_within_reach_is_one_store_of_its_width)
{
    static const uint8_t kick[2][4] = { { 3, 0, 0xee, 0xee }, { 3, 0, 0, 0 } };
    struct vpt_queue_config config = { .index = 3, .size = 8 };
    struct vpt_queue queue;

    for (unsigned data = 0; data < 2; data++) {
        disk_machine_on(MACHINE_PCI_AS_TOLD, NULL);
        machine.port->mmio_map = map_plain;
        machine.port->mmio_unmap = unmap_plain;
        machine.port->mmio_read = NULL;
        machine.port->mmio_write = NULL;
        memset(plain, 0, sizeof(plain));
        memset(plain + 0x3000, 0xee, 0x1000);
        plain[C_DEVICE_FEATURE] = (uint8_t)(1u | data << 6); /* VERSION_1 and NOTIFICATION_DATA, in whichever word */
        plain[C_QUEUE_SIZE] = 8;
        plain[C_NOTIFY_OFFSET] = 5;
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        cr_assert(plain[C_QUEUE_SELECT] == 3 && plain[C_QUEUE_ENABLE] == 1 && plain[C_STATUS] == 0x0b);
        assert_status(vpt_device_start(machine.device), VPT_OK);
        assert_status(vpt_queue_notify(&queue), VPT_OK);
        cr_assert(memcmp(plain + 0x3000 + 5 * 4, kick[data], 4) == 0);
        cr_assert(all_bytes(plain + 0x3000, 20, 0xee) && all_bytes(plain + 0x3018, 0xfe8, 0xee));
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        machine_end();
    }
}

/* The field for it lies behind what every common configuration has. */
Test(virtio_pci, D_PCI_5_fields_of_a_feature_need_a_structure_that_has_them)
{
    for (uint32_t length = 0x38; length <= 0x40; length++) {
        struct mock_pci_layout layout = machine_io_layout;
        struct mock_pci_machine_options options = { .layout = &layout };

        layout.capability[0].size = length;
        vpt_features_add(&options.machine.offer, VPT_F_NOTIF_CONFIG_DATA);
        disk_init_on(MACHINE_PCI_AS_TOLD, &options);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL),
                      length < 0x3a ? VPT_DEVICE_CAPABILITY_RANGE : VPT_OK);
        disk_end();
    }
}

/* ---- Configuration ---- */

MODERN_TEST(virtio_pci, CONFIG_1_a_reading_is_of_one_moment)
{
    for (uint32_t times = 1; times < 20; times++) {
        disk_machine_on(variant->kind, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, times, 0);
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_same(disk.blk.info.capacity >> 32, disk.blk.info.capacity & 0xffffffffu);
        disk_end();
    }
}

static void read_config(uint32_t offset, unsigned width, bool inside)
{
    uint32_t value = 0;

    assert_status(vpt_device_config_read(machine.device, offset, width, &value), inside ? VPT_OK : VPT_CALLER_RANGE);
}

Test(virtio_pci, PCI_CAP_5_configuration_is_read_within_its_structure)
{
    static const uint32_t lengths[] = { 1, 7, 8, 0x20, 0x3c };

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct mock_pci_layout layout = mock_pci_usual_layout;

        layout.capability[2].size = lengths[i];
        disk_probe_on(MACHINE_PCI_AS_TOLD, &(const struct mock_pci_machine_options){ .layout = &layout });
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        read_config(lengths[i] & ~3u, 4, false);
        read_config(4, 4, lengths[i] >= 8);
        disk_end();
    }
}

LEGACY_TEST(virtio_pci, LEG_PCILAYOUT_5_the_configuration_ends_with_the_bar)
{
    disk_init_on(variant->kind, &(const struct mock_pci_machine_options){ .header_size = 32 });
    assert_same(disk_capacity(), 2048);
    read_config(12, 4, false);
    read_config(12, 1, false);
    read_config(0xffffffec, 4, false);
    disk_end();
}

/* The kernel turns MSI-X on or off after the probe, and before the negotiation; the mock knows only one place then. */
LEGACY_TEST(virtio_pci, LEG_PCILAYOUT_4_the_configuration_is_behind_the_header_which_msi_x_makes_longer)
{
    struct mock_pci_machine_options options = { .machine.blk = { .capacity = 64, .block_size = 4096 } };

    disk_init_on(variant->kind, &options);
    cr_assert(disk.blk.info.capacity == 64 && disk.blk.info.block_size == 4096);
    disk_end();
    options.vectors = 2;
    disk_probe_on(variant->kind, &options);
    vectors_on();
    for (unsigned on = 0; on < 5; on++) {
        assert_status(vpt_pci_msix_enable(&machine.msix, on % 2 == 1), VPT_OK);
        machine_trace();
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        cr_assert(disk.blk.info.capacity == 64 && disk.blk.info.block_size == 4096);
        assert_same(machine_traced(MOCK_PCI_HEADER, false, 20) == 0, on % 2 == 1);
        cr_assert(machine_traced(MOCK_PCI_HEADER, false, 24) != 0);
    }
    disk_end();
}

/* ---- Interrupts by the line ---- */

PCI_TEST(virtio_pci, D_PCI_4_reading_the_isr_acknowledges)
{
    bool legacy = machine_kind_legacy(variant->kind);

    disk_start_on(variant->kind, NULL);
    machine_trace();
    assert_same(vpt_device_interrupt(machine.device), 0);
    assert_same(machine_traced(legacy ? MOCK_PCI_HEADER : MOCK_PCI_ISR, false, legacy ? H_ISR : 0), 1);
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(mock_pci_intx(&machine.on_pci.function));
    assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_QUEUE);
    cr_assert(!mock_pci_intx(&machine.on_pci.function));
    assert_same(vpt_device_interrupt(machine.device), 0);
    mock_device_configuration_changed(machine.model);
    cr_assert(mock_pci_intx(&machine.on_pci.function));
    assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_CONFIGURATION);
    mock_device_configuration_changed(machine.model);
    cr_assert(!vpt_requests_notifications_on(&disk.queue->requests));
    assert_status(disk_read_sector(1), VPT_OK);
    assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_INTERRUPT_UNKNOWN, 1, 0, 0xfc);
    assert_same(vpt_device_interrupt(machine.device), 0);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_INTERRUPT_UNKNOWN);
    machine_pull_out(); /* all-ones are no interrupt */
    assert_same(vpt_device_interrupt(machine.device), 0);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_same(vpt_device_interrupt(machine.device), 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    pair_bury();
}
