/* SPDX-License-Identifier: MIT */
/* A disk behind PCI from end to end, by every interface: data, completion orders, faults, IOMMU, what firmware left. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_blk, .timeout = 120);

static const struct mock_pci_machine_options options = {
    .machine = { .blk = { .capacity = 64, .flush = true, .block_size = 512, .topology = true } },
};

static void arm(enum mock_fault fault, uint32_t first, uint32_t times)
{
    mock_fault_set(&machine.model->faults, fault, first, times, mock_fault_describe(fault)->argument);
}

static uint32_t fired(enum mock_fault fault)
{
    return mock_fault_fired(&machine.model->faults, fault);
}

/* ---- Data ---- */

PCI_TEST(virtio_pci_blk, blocking_requests_carry_the_data_they_should)
{
    static uint8_t bytes[32 * SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];

    disk_start_pci(variant->kind, &options);
    cr_assert(disk.blk.info.capacity == 64 && disk.blk.info.block_size == 512);
    for (uint32_t i = 0; i < 64; i++) {
        assert_status(disk_write_sector(i, i * 7u + 1u), VPT_OK);
    }
    for (uint32_t i = 0; i < 64; i++) {
        assert_status(disk_read_sector(63 - i), VPT_OK);
    }
    fill(disk_content(32), sizeof(bytes), 99);
    assert_status(vpt_blk_read(disk.queue, 32, bytes, sizeof(bytes)), VPT_OK);
    cr_assert(filled(bytes, sizeof(bytes), 99));
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    assert_status(vpt_blk_get_id(disk.queue, id), VPT_OK);
    cr_assert(strcmp(id, "mock disk") == 0);
    cr_assert(machine.blk->flushes == 1 && machine.blk->get_ids == 1);
    disk_end();
}

#define TOGETHER 24u

static void complete_all(const unsigned *tokens, unsigned *order)
{
    struct vpt_completion completion;
    unsigned seen[TOGETHER] = { 0 };

    for (unsigned i = 0; i < TOGETHER; i++) {
        ptrdiff_t which;

        assert_status(vpt_requests_poll(&disk.queue->requests, &completion), VPT_OK);
        assert_status(completion.status, VPT_OK);
        which = (const unsigned *)completion.token - tokens;
        cr_assert(which >= 0 && which < (ptrdiff_t)TOGETHER && seen[which]++ == 0);
        order[i] = (unsigned)which;
    }
    assert_status(vpt_requests_poll(&disk.queue->requests, &completion), VPT_EMPTY);
}

/* Writes and reads mixed, in flight together, completed in the given order. */
static void run_together(enum mock_completion_order order_wanted, uint32_t seed)
{
    static unsigned tokens[TOGETHER];
    unsigned order[TOGETHER];

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine.model->completion.order = order_wanted;
    machine.model->completion.seed = seed;
    for (unsigned i = 0; i < TOGETHER; i++) {
        bool write = i % 2 == 0;

        fill(write ? machine_bytes(i * SECTOR) : disk_content(i), SECTOR, seed + i);
        assert_status(disk_submit_one(write ? VPT_BLK_WRITE : VPT_BLK_READ, i, i * SECTOR, SECTOR, &tokens[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    cr_assert(mock_device_run(machine.model, UINT32_MAX) == TOGETHER);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    complete_all(tokens, order);
    for (unsigned i = 0; i < TOGETHER; i++) {
        cr_assert(filled(machine_bytes(i * SECTOR), SECTOR, seed + i) && filled(disk_content(i), SECTOR, seed + i));
        cr_assert(order_wanted != MOCK_ORDER_ARRIVAL || order[i] == i);
        cr_assert(order_wanted != MOCK_ORDER_REVERSED || order[i] == TOGETHER - 1u - i);
    }
}

/* ---- With and without the optional ring features, by the doorbell forms that modern devices have ---- */

static void run_with(enum machine_kind kind, const unsigned *offered, size_t offered_count, const unsigned *withheld,
                     size_t withheld_count)
{
    struct mock_pci_machine_options with = options;

    for (size_t i = 0; i < offered_count; i++) {
        vpt_features_add(&with.machine.offer, offered[i]);
    }
    for (size_t i = 0; i < withheld_count; i++) {
        vpt_features_add(&with.machine.withhold, withheld[i]);
    }
    disk_start_pci(kind, &with);
    for (size_t i = 0; i < offered_count; i++) {
        cr_assert(vpt_features_has(&machine.device->features, offered[i]), "feature %u", offered[i]);
    }
    run_together(MOCK_ORDER_SHUFFLED, 5);
    assert_status(disk_read_sector(40), VPT_OK);
    disk_end();
}

PCI_TEST(virtio_pci_blk, every_combination_of_ring_features_works)
{
    static const unsigned ring[] = { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX };

    run_with(variant->kind, NULL, 0, ring, 0);
    run_with(variant->kind, NULL, 0, ring, 1);
    run_with(variant->kind, NULL, 0, ring + 1, 1);
    run_with(variant->kind, NULL, 0, ring, 2);
}

/* ---- ACCESS_PLATFORM ---- */

/* Each address in a ring that was not asked for with it would be a violation: the simulated IOMMU knows no other. */
MODERN_TEST(virtio_pci_blk, RSVFEAT_6_access_platform_reaches_every_allocation_and_share)
{
    struct mock_pci_machine_options with = options;

    vpt_features_add(&with.machine.offer, VPT_F_ACCESS_PLATFORM);
    disk_machine_pci(variant->kind, &with);
    machine.hal->access_platform = MOCK_EXPECT_SET;
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(vpt_features_has(&machine.device->features, VPT_F_ACCESS_PLATFORM));
    cr_assert(machine.hal->memory.translated);
    cr_assert(machine.hal->allocations - machine.hal->private_allocations >= 3); /* rings, tables, slots */
    for (uint32_t i = 0; i < 16; i++) {
        assert_status(disk_write_sector(i, i), VPT_OK);
        assert_status(disk_read_sector(i), VPT_OK);
    }
    run_together(MOCK_ORDER_REVERSED, 3);
    cr_assert(machine.model->queues[0].indirect_elements != 0);
    cr_assert(machine.hal->shares >= 32 && machine.hal->shares == machine.hal->unshares);
    disk_end();
}

/* A reset takes the feature away; what was shared with it is unshared with it all the same. */
MODERN_TEST(virtio_pci_blk, RSVFEAT_6_a_share_ends_as_it_began_after_a_reset)
{
    static uint8_t bytes[4 * SECTOR];
    struct mock_pci_machine_options with = options;

    vpt_features_add(&with.machine.offer, VPT_F_ACCESS_PLATFORM);
    disk_machine_pci(variant->kind, &with);
    machine.hal->access_platform = MOCK_EXPECT_SET;
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
    assert_status(disk_bring_up(NULL), VPT_OK);
    arm(MOCK_FAULT_COMPLETION_LOST, 1, 1);
    assert_status(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)), VPT_DEVICE_TIMEOUT);
    cr_assert(machine.hal->shares != 0 && machine.hal->shares == machine.hal->unshares);
    disk_end();
}

/* Without the feature the flag would take an address from an IOMMU that does not stand before this device. */
PCI_TEST(virtio_pci_blk, RSVFEAT_7_without_access_platform_addresses_are_physical)
{
    disk_machine_pci(variant->kind, &options);
    machine.hal->access_platform = MOCK_EXPECT_CLEAR;
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(3), VPT_OK);
    cr_assert(!machine.hal->memory.translated);
    disk_end();
}

/* ---- What firmware left running ---- */

/* Firmware's own driver: any status, a live queue in memory that the kernel knows nothing of, bus mastering on. */
static uint8_t leftover_memory[0x4000];

static void leave_running(bool legacy, uint16_t size)
{
    struct mock_device *device = machine.model;
    struct mock_queue *queue = &device->queues[0];
    struct vpt_memory memory =
        mock_hal_register(machine.hal, leftover_memory, sizeof(leftover_memory), 0x7000000, true);

    cr_assert(memory.address != NULL);
    memset(leftover_memory, 0, sizeof(leftover_memory));
    device->status = legacy ? 0x07 : 0x0f;
    device->features_ok_seen = true;
    queue->shown_maximum = 256;
    queue->size = size;
    queue->area[MOCK_DESCRIPTOR_AREA] = memory.device_address;
    queue->area[MOCK_DRIVER_AREA] = memory.device_address + 0x1000;
    queue->area[MOCK_DEVICE_AREA] = memory.device_address + 0x2000;
    mock_device_queue_enable(device, queue);
    cr_assert(queue->enabled);
    mock_pci_front_command(&machine.on_pci.front, 0x0007);
}

PCI_TEST(virtio_pci_blk, INIT_1_a_device_that_firmware_left_running_is_taken_over)
{
    bool legacy = machine_kind_legacy(variant->kind);

    for (unsigned times = 0; times < 2; times++) {
        disk_machine_pci(variant->kind, &options);
        leave_running(legacy, 64);
        if (times == 1) {
            mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 1, 30);
        }
        assert_status(machine_probe_by(variant->kind == MACHINE_PCI_TRANSITIONAL_LEGACY ? VPT_VIRTIO_PCI_LEGACY
                                                                                        : VPT_VIRTIO_PCI_ANY),
                      VPT_OK);
        cr_assert(machine.on_pci.front.access_count == 0 && machine.model->queues[0].enabled);
        cr_assert(pci_command() == 0x0007);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        cr_assert(!machine.model->queues[0].enabled);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        for (uint32_t i = 0; i < 8; i++) {
            assert_status(disk_write_sector(i, i), VPT_OK);
            assert_status(disk_read_sector(i), VPT_OK);
        }
        cr_assert(all_zero(leftover_memory + 0x2000, 0x1000)); /* nothing was written to the old used ring */
        disk_end();
    }
}

/* Firmware used the legacy interface of a transitional device, the kernel takes the modern one; and the reverse. */
Test(virtio_pci_blk, LEG_PCIDETECT_2_a_transitional_device_changes_interfaces_by_a_reset)
{
    disk_machine_pci(MACHINE_PCI_TRANSITIONAL_MODERN, &options);
    for (unsigned i = 0; i < 6; i++) {
        bool legacy = i % 2 == 0;

        machine.kind = legacy ? MACHINE_PCI_TRANSITIONAL_LEGACY : MACHINE_PCI_TRANSITIONAL_MODERN;
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(vpt_device_legacy(machine.device) == legacy && machine.model->legacy == legacy);
        cr_assert(vpt_features_has(&machine.model->accepted, VPT_F_VERSION_1) == !legacy);
        assert_status(disk_write_sector(i, i), VPT_OK);
        assert_status(disk_read_sector(i + 8), VPT_OK);
        disk_stop();
    }
    machine_finish();
}

/* ---- Faults ---- */

static void check_recovers(void)
{
    for (unsigned i = 0; i < MOCK_FAULT_PCI_END; i++) {
        mock_fault_clear(&machine.model->faults, (enum mock_fault)i);
    }
    mock_pci_front_return(&machine.on_pci.front);
    if (machine.device->ops != NULL) {
        enum vpt_status status = vpt_device_reset(machine.device);

        cr_assert(status == VPT_OK || vpt_device_gone(machine.device), "%s", vpt_status_str(status));
    }
    if (vpt_queue_size(&disk.queue->requests.queue) != 0) {
        (void)disk_drain();
    }
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    vpt_virtio_pci_close(&machine.pci);
    cr_assert(mock_hal_live_shares(machine.hal) == 0);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    cr_assert(mock_hal_live_mappings(machine.hal) == 0);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(5), VPT_OK);
    disk_end();
}

static enum vpt_status bring_up_and_read(void)
{
    enum vpt_status status = disk_bring_up(NULL);

    if (status == VPT_OK) {
        status = vpt_blk_read(disk.queue, 9, machine_bytes(0), SECTOR);
    }
    if (status == VPT_OK) {
        (void)vpt_device_interrupt(machine.device);
    }
    return status;
}

static bool cannot_fire(enum machine_kind kind, enum mock_fault fault)
{
    if (fault == MOCK_FAULT_MSIX_STUCK || fault == MOCK_FAULT_VECTOR_REFUSED) {
        return true; /* needs MSI-X */
    }
    return machine_kind_legacy(kind) && (fault == MOCK_FAULT_NO_VERSION_1 || fault == MOCK_FAULT_FEATURES_REFUSED ||
                                         fault == MOCK_FAULT_NOTIFY_OFFSET || fault == MOCK_FAULT_QUEUE_SIZE_IGNORED);
}

static enum vpt_status expected_of(enum machine_kind kind, enum mock_fault fault)
{
    const struct mock_fault_description *description = mock_fault_describe(fault);

    if (description->pci != VPT_OK) {
        return description->pci;
    }
    if (fault == MOCK_FAULT_NOTIFY_OFFSET && kind == MACHINE_PCI_MODERN_SCATTERED) {
        return VPT_OK; /* its multiplier is 0 */
    }
    return machine_kind_legacy(kind) ? description->legacy : description->modern;
}

static bool as_expected(enum machine_kind kind, enum mock_fault fault, enum vpt_status status)
{
    if (fault == MOCK_FAULT_USED_ID_TWICE) {
        return status == VPT_DEVICE_USED_INDEX || status == VPT_DEVICE_USED_ID;
    }
    if (fault == MOCK_FAULT_QUEUE_MAXIMUM) {
        return status == VPT_UNSUPPORTED_QUEUE; /* 65536 does not fit the register */
    }
    return status == expected_of(kind, fault);
}

PCI_TEST(virtio_pci_blk, each_fault_is_reported_as_described_and_overcome)
{
    for (unsigned i = MOCK_FAULT_VANISH; i < MOCK_FAULT_PCI_END; i++) {
        enum mock_fault fault = (enum mock_fault)i;
        const char *name = mock_fault_describe(fault)->name;
        enum vpt_status status;

        disk_machine_pci(variant->kind, &options);
        fill(disk_content(9), SECTOR, i);
        arm(fault, 1, 0);
        status = bring_up_and_read();
        cr_assert(as_expected(variant->kind, fault, status), "%s: \"%s\"", name, vpt_status_str(status));
        cr_assert((fired(fault) != 0) != cannot_fire(variant->kind, fault), "%s did not happen", name);
        cr_assert(status != VPT_OK || fault == MOCK_FAULT_DATA_MISSING || filled(machine_bytes(0), SECTOR, i), "%s",
                  name);
        check_recovers();
    }
}
