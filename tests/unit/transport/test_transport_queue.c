/* SPDX-License-Identifier: MIT */
/* Setting up a queue on every transport: in which order, what is refused, what is left of one that did not start. */
#include "disk.h"
#include "plain.h"

#include <string.h>

TestSuite(transport_queue, .timeout = 120);

#define QUEUE_INDEX 2u
#define PAGE        4096u

struct step {
    bool write;
    unsigned width;
    uint32_t offset;
};

static const struct step mmio_legacy[] = {
    { true, 4, R_QUEUE_SELECT }, { false, 4, R_QUEUE_PFN }, { false, 4, R_QUEUE_MAXIMUM }, { true, 4, R_QUEUE_SELECT },
    { true, 4, R_QUEUE_SIZE },   { true, 4, R_PAGE_SIZE },  { true, 4, R_QUEUE_SELECT },   { true, 4, R_QUEUE_ALIGN },
    { true, 4, R_QUEUE_PFN },    { false, 4, R_QUEUE_PFN },
};
static const struct step mmio_modern[] = {
    { true, 4, R_QUEUE_SELECT },     { false, 4, R_QUEUE_READY },   { false, 4, R_QUEUE_MAXIMUM },
    { true, 4, R_QUEUE_SELECT },     { true, 4, R_QUEUE_SIZE },     { true, 4, R_QUEUE_SELECT },
    { true, 4, R_QUEUE_DESC },       { true, 4, R_QUEUE_DESC + 4 }, { true, 4, R_QUEUE_DRIVER },
    { true, 4, R_QUEUE_DRIVER + 4 }, { true, 4, R_QUEUE_DEVICE },   { true, 4, R_QUEUE_DEVICE + 4 },
    { true, 4, R_QUEUE_READY },      { false, 4, R_QUEUE_READY },
};
static const struct step pci_legacy[] = {
    { true, 2, H_QUEUE_SELECT },  { false, 4, H_QUEUE_ADDRESS }, { false, 2, H_QUEUE_SIZE },
    { true, 2, H_QUEUE_SELECT },  { false, 2, H_QUEUE_SIZE },    { true, 2, H_QUEUE_SELECT },
    { true, 4, H_QUEUE_ADDRESS }, { false, 4, H_QUEUE_ADDRESS },
};
static const struct step pci_modern[] = {
    { true, 2, C_QUEUE_SELECT },     { false, 2, C_QUEUE_ENABLE },  { false, 2, C_QUEUE_SIZE },
    { true, 2, C_QUEUE_SELECT },     { true, 2, C_QUEUE_SIZE },     { false, 2, C_QUEUE_SIZE },
    { true, 2, C_QUEUE_SELECT },     { false, 2, C_NOTIFY_OFFSET }, { true, 2, C_QUEUE_SELECT },
    { true, 4, C_QUEUE_DESC },       { true, 4, C_QUEUE_DESC + 4 }, { true, 4, C_QUEUE_DRIVER },
    { true, 4, C_QUEUE_DRIVER + 4 }, { true, 4, C_QUEUE_DEVICE },   { true, 4, C_QUEUE_DEVICE + 4 },
    { true, 2, C_QUEUE_ENABLE },     { false, 2, C_QUEUE_ENABLE },
};

static void assert_steps(const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mock_pci_access *access = machine_access_at(i);

        cr_assert(access != NULL && access->structure == machine_registers()->structure);
        cr_assert(access->write == steps[i].write && access->offset == steps[i].offset &&
                      access->width == steps[i].width,
                  "access %zu is of 0x%x", i, (unsigned)access->offset);
    }
    cr_assert(machine_access_at(count) == NULL);
}

static void init(enum machine_kind kind, uint32_t maximum)
{
    disk_init_on(kind, &(const struct mock_pci_machine_options){
                           .machine = { .queues = QUEUE_INDEX + 1, .queue_maximum = maximum } });
    machine_trace();
}

MACHINE_TEST(transport_queue, D_MMIO_1_D_LMMIO_7_PCI_COMMON_4_D_LPCI_1_a_queue_is_set_up_before_it_is_enabled)
{
    struct vpt_queue_config config = { .index = QUEUE_INDEX, .size = 32 };
    const struct machine_registers *registers;
    const struct mock_queue *queue;
    struct vpt_queue driven;
    uint64_t address;

    init(variant->kind, machine_kind_on_pci(variant->kind) && machine_kind_legacy(variant->kind) ? 32 : 256);
    queue = &machine.model->queues[QUEUE_INDEX];
    registers = machine_registers();
    assert_status(vpt_queue_init(&driven, machine.device, &config), VPT_OK);
    if (machine_on_pci()) {
        assert_steps(machine.model->legacy ? pci_legacy : pci_modern,
                     machine.model->legacy ? COUNT_OF(pci_legacy) : COUNT_OF(pci_modern));
    } else {
        assert_steps(machine.model->legacy ? mmio_legacy : mmio_modern,
                     machine.model->legacy ? COUNT_OF(mmio_legacy) : COUNT_OF(mmio_modern));
    }
    for (size_t i = 0; i < machine_writes(registers->queue_select); i++) {
        assert_same(machine_write(registers->queue_select, i)->value, QUEUE_INDEX);
    }
    address = machine_write(registers->queue_address, 0)->value;
    if (machine.model->legacy) {
        address *= PAGE;
        cr_assert(!machine_on_pci() || queue->area[MOCK_DEVICE_AREA] % PAGE == 0);
    } else {
        address |= (uint64_t)machine_write(registers->queue_address + 4, 0)->value << 32;
        assert_same(machine_write(registers->queue_size, 0)->value, 32);
        assert_same(machine_write(registers->queue_enable, 0)->value, 1);
    }
    assert_same(address, queue->area[MOCK_DESCRIPTOR_AREA]);
    cr_assert(queue->enabled && queue->size == 32 && address > UINT32_MAX);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_queue_release(&driven), VPT_OK);
    disk_end();
}

/* ---- What is refused ---- */

/* It leaves nothing behind, and nothing that would keep a later bring-up from working. */
MACHINE_TEST(transport_queue, D_MMIO_1_D_PCI_1_LEG_VQLAYOUT_1_PCI_COMMON_6_a_queue_that_cannot_be_used_is_refused)
{
    static const struct {
        const char *what;
        enum mock_fault fault;
        uint64_t argument;
        bool legacy_pci; /* only there: elsewhere the size may be another one */
        enum vpt_status expected;
    } refusals[] = {
        { "no queue", MOCK_FAULT_QUEUE_ABSENT, 0, false, VPT_UNSUPPORTED_QUEUE },
        { "in use", MOCK_FAULT_QUEUE_IN_USE, 0, false, VPT_DEVICE_QUEUE_STATE },
        { "not ready", MOCK_FAULT_QUEUE_NOT_READY, 0, false, VPT_DEVICE_QUEUE_STATE },
        { "a maximum of 32769", MOCK_FAULT_QUEUE_MAXIMUM, 32769, false, VPT_DEVICE_QUEUE_SIZE },
        { "a maximum of 65535", MOCK_FAULT_QUEUE_MAXIMUM, 65535, false, VPT_DEVICE_QUEUE_SIZE },
        { "a size of 3", MOCK_FAULT_QUEUE_MAXIMUM, 3, true, VPT_DEVICE_QUEUE_SIZE },
        { "a size of 48", MOCK_FAULT_QUEUE_MAXIMUM, 48, true, VPT_DEVICE_QUEUE_SIZE },
        { "a size of 255", MOCK_FAULT_QUEUE_MAXIMUM, 255, true, VPT_DEVICE_QUEUE_SIZE },
        { "a size of 257", MOCK_FAULT_QUEUE_MAXIMUM, 257, true, VPT_DEVICE_QUEUE_SIZE },
    };

    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        bool started = refusals[i].fault == MOCK_FAULT_QUEUE_NOT_READY;
        uint64_t resets;

        init(variant->kind, 0);
        if (refusals[i].legacy_pci && !(machine_on_pci() && machine.model->legacy)) {
            disk_end();
            continue;
        }
        resets = machine.model->resets;
        mock_fault_set(&machine.model->faults, refusals[i].fault, 1, 0, refusals[i].argument);
        memset(disk.queue, 0xa5, sizeof(disk.queue[0]));
        assert_status_of(refusals[i].what, vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), refusals[i].expected);
        cr_assert(mock_fault_fired(&machine.model->faults, refusals[i].fault) != 0);
        cr_assert(all_zero(disk.queue, sizeof(disk.queue)) && !machine.model->queues[0].enabled);
        assert_same_of(refusals[i].what, mock_hal_live_allocations(machine.hal), 0);
        assert_same_of(refusals[i].what, machine_writes(machine_registers()->queue_enable) != 0, started);
        assert_same_of(refusals[i].what, machine.model->resets - resets, started ? 1 : 0);
        assert_status(vpt_driver_start(&disk.blk.driver), started ? VPT_CALLER_STATE : VPT_OK);
        mock_fault_clear(&machine.model->faults, refusals[i].fault);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        disk_work_and_end();
    }
}

/* The rings of a queue that did not start are the device's until it is reset, or out of its reach. */
MACHINE_TEST(transport_queue, CLEANUP_2_a_queue_that_did_not_start_and_a_reset_that_does_not_finish)
{
    for (unsigned stuck = 0; stuck < 2; stuck++) {
        size_t mappings;
        bool kept;

        init(variant->kind, 0);
        kept = !machine_on_pci() || stuck == 1;
        mappings = mock_hal_live_mappings(machine.hal);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 0, 0);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, stuck, 0, 0);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL),
                      kept ? VPT_DEVICE_STUCK : VPT_DEVICE_QUEUE_STATE);
        cr_assert(all_zero(disk.queue, sizeof(disk.queue)) && machine.hal->violations.count == 0);
        assert_same(mock_hal_live_allocations(machine.hal) != 0, kept);
        assert_same(mock_hal_live_mappings(machine.hal), mappings);
        if (!machine_on_pci()) {
            mock_hal_abandon(machine.hal);
            machine_finish();
            return;
        }
        assert_same((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) != 0, kept);
        if (kept) {
            assert_status(vpt_virtio_pci_close(&machine.pci), VPT_DEVICE_STUCK);
            cr_assert(machine.pci.device.ops != NULL && mock_hal_live_mappings(machine.hal) == mappings);
        } else {
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
            disk_end();
        }
    }
}

/* ---- Sizes ---- */

static _Alignas(PAGE) uint8_t rings[0x8000];

/* Some devices go on with their maximum, whatever is written: then the rings are made for that. */
MODERN_TEST(transport_queue, a_size_that_is_not_taken_is_found_out)
{
    static const struct {
        uint32_t maximum;
        uint16_t wanted;
        size_t given; /* bytes of ring memory from the caller; 0: from the port */
        uint32_t size;
        enum vpt_status status;
    } cases[] = {
        { 64, 0, 0, 64, VPT_OK },
        { 64, 16, 0, 64, VPT_OK },
        { 64, 16, VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT), 64, VPT_OK },
        { 64, 16, VPT_QUEUE_RINGS_SIZE(16, VPT_QUEUE_RINGS_ALIGNMENT), 0, VPT_CALLER_MEMORY },
        { 1024, 0, 0, 1024, VPT_OK },
        { 48, 16, 0, 0, VPT_DEVICE_QUEUE_SIZE },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vpt_requests_config config = { .requests = 4, .size = cases[i].wanted };

        init(variant->kind, cases[i].maximum);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SIZE_IGNORED, 1, 0, 0);
        if (cases[i].given != 0) {
            config.memory.rings = mock_hal_register_anywhere(machine.hal, rings, cases[i].given, true);
        }
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), cases[i].status);
        assert_same(vpt_queue_size(&disk.queue->requests.queue), cases[i].size);
        if (cases[i].status == VPT_OK) {
            assert_same(machine.model->queues[0].size, cases[i].size);
            assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
            for (unsigned k = 0; k < 3 * cases[i].size; k++) {
                assert_status(disk_read_sector(2), VPT_OK);
            }
        }
        disk_end();
    }
}

/* A device that took a size in its first life and does not in the next would write behind the rings. */
MODERN_TEST(transport_queue, a_restart_keeps_the_size_or_fails)
{
    const struct vpt_requests_config config = { .requests = 4, .size = 16 };

    init(variant->kind, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        bool ignored = i == 1;

        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SIZE_IGNORED, ignored ? 1 : 0, 0, 0);
        assert_status(vpt_driver_restart(&disk.blk.driver, NULL), ignored ? VPT_DEVICE_QUEUE_SIZE : VPT_OK);
        assert_same(machine.model->queues[0].enabled, !ignored);
    }
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

/* The size register is the maximum's too: after a failure it reads as the device's again. */
MODERN_TEST(transport_queue, PCI_COMMON_3_the_maximum_is_read_once_rounded_down_and_outlasts_a_failure)
{
    const struct vpt_requests_config small = { .size = 16 };

    init(variant->kind, 100);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SHRINKING, 1, 0, 0);
    disk_work();
    assert_same(mock_fault_fired(&machine.model->faults, MOCK_FAULT_QUEUE_SHRINKING), 1);
    assert_same(vpt_queue_size(&disk.queue->requests.queue), 64);
    assert_same(machine_write(C_QUEUE_SIZE, 0)->value, 64);
    disk_end();

    init(variant->kind, 100);
    mock_trigger_set(&machine.hal->fail_allocation, 3, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &small), VPT_RESOURCE_MEMORY);
    mock_trigger_set(&machine.hal->fail_allocation, 0, 0);
    disk_work();
    assert_same(vpt_queue_size(&disk.queue->requests.queue), 64);
    disk_end();
}

LEGACY_TEST(transport_queue, D_LPCI_2_the_size_is_the_devices_whatever_is_wanted)
{
    static const uint16_t wanted[] = { 0, 2, 16, 128, 256, 32768 };

    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct vpt_requests_config config = { .size = wanted[i] };

        init(variant->kind, 128);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_OK);
        assert_same(vpt_queue_size(&disk.queue->requests.queue), 128);
        assert_same(machine.model->queues[0].size, 128);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        assert_status(disk_read_sector(1), VPT_OK);
        disk_end();
    }
}

/* ---- Memory of a legacy interface on PCI ---- */

/*
 * QEMU takes page number 0 for a reset of the whole device. Whatever a driver does then, what it and the device take
 * for negotiated must be the same.
 */
LEGACY_TEST(transport_queue, a_queue_that_was_stopped_by_a_reset_leaves_no_half_negotiated_device)
{
    enum vpt_status status;

    init(variant->kind, 0);
    machine.on_pci.legacy.zero_resets = true;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
    assert_same(mock_fault_fired(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY), 1);
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

#define BEYOND UINT64_C(0x100000000000) /* 32 bits of 4 KiB pages: 16 TiB */

LEGACY_TEST(transport_queue, D_LPCI_1_rings_above_16_tib_are_refused)
{
    init(variant->kind, 0);
    machine.hal->base = BEYOND - PAGE;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    cr_assert(machine.model->queues[0].area[MOCK_DESCRIPTOR_AREA] < BEYOND - 4 * PAGE);
    disk_end();

    init(variant->kind, 0);
    machine.hal->base = BEYOND;
    machine.hal->ignore_limit = true;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_RESOURCE_ADDRESS);
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    assert_same(machine_writes(H_QUEUE_ADDRESS), 0);
    disk_end();
}

/* Of a size that is not the one wanted: the device's is what counts. */
Test(transport_queue, LEG_VQLAYOUT_1_memory_of_the_callers_own_is_measured_by_the_devices_size)
{
    static const size_t needed = 0x2000 + 6 + 8 * 256;
    static const struct {
        const char *what;
        uint64_t address;
        size_t missing; /* bytes */
        enum vpt_status expected;
    } memory[] = {
        { "enough", 0x1234000, 0, VPT_OK },
        { "a byte too few", 0x1234000, 1, VPT_CALLER_MEMORY },
        { "half a page off", 0x1234800, 0, VPT_CALLER_MEMORY },
        { "at the end of what can be told", BEYOND - 0x8000, 0, VPT_OK },
        { "partly beyond", BEYOND - 0x2000, 0, VPT_RESOURCE_ADDRESS },
        { "beyond", BEYOND, 0, VPT_RESOURCE_ADDRESS },
        { "far beyond", UINT64_C(0x1000000001000), 0, VPT_RESOURCE_ADDRESS },
        { "page number 0, which is no queue", 0, 0, VPT_RESOURCE_ADDRESS },
    };

    assert_same(VPT_QUEUE_RINGS_SIZE(256, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT), needed);
    for (size_t i = 0; i < COUNT_OF(memory); i++) {
        struct vpt_queue_config config = { .size = 16 };
        struct vpt_queue queue;

        init(MACHINE_PCI_LEGACY, 256);
        memset(rings, 0, sizeof(rings));
        config.memory.rings = mock_hal_register(machine.hal, rings, sizeof(rings), memory[i].address, true);
        cr_assert(config.memory.rings.address != NULL);
        config.memory.rings.size = needed - memory[i].missing;
        assert_status_of(memory[i].what, vpt_queue_init(&queue, machine.device, &config), memory[i].expected);
        if (memory[i].expected == VPT_OK) {
            assert_same(vpt_queue_size(&queue), 256);
            assert_same(machine.model->queues[0].area[MOCK_DEVICE_AREA], memory[i].address + 0x2000);
            assert_status(vpt_device_reset(machine.device), VPT_OK);
            assert_status(vpt_queue_release(&queue), VPT_OK);
        } else {
            cr_assert(all_zero(&queue, sizeof(queue)));
        }
        disk_end();
    }
}

/*
 * An administration queue has an index past the queues that the device counts. Where there is RING_RESET, it is reset,
 * too.
 */
TRANSPORT_TEST(transport_queue, a_queue_may_have_any_index_of_16_bits)
{
    static const uint16_t indexes[] = { 0x40, 65534, 65535 };

    for (size_t i = 0; i < COUNT_OF(indexes); i++) {
        const struct vpt_queue_config config = { .index = indexes[i] };
        const struct variant features = { 2, true, true, false, false };
        struct mock_pci_machine_options options = { .machine.queues = 2 };
        struct vpt_queue queue;

        if (!machine_kind_legacy(variant->kind)) {
            vpt_features_add(&options.machine.offer, VPT_F_RING_RESET);
        }
        plain_machine_on(variant->kind, &features, &options);
        machine.model->far_index = indexes[i];
        machine.model->queues[MOCK_QUEUES_MAX - 1u].maximum = 16;
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        assert_status(vpt_device_start(machine.device), VPT_OK);
        plain_go_round(&queue, 16);
        if (!machine_kind_legacy(variant->kind)) {
            assert_status(vpt_queue_reset(&queue), VPT_OK);
            assert_status(vpt_queue_restart(&queue), VPT_OK);
            plain_go_round(&queue, 16);
        }
        cr_assert(machine.model->queues[MOCK_QUEUES_MAX - 1u].completions != 0);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        machine_close();
        machine_finish();
    }
}
