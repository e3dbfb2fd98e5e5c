/* SPDX-License-Identifier: MIT */
/* A disk behind PCI from end to end, by every interface: data, IOMMU, what firmware left. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_blk, .timeout = 120);

static const struct mock_pci_machine_options options = {
    .machine = { .blk = { .capacity = 64, .flush = true, .block_size = 512, .topology = true } },
};

static void write_and_read(unsigned count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_status(disk_write_sector(i, i * 7u + 1u), VPT_OK);
        assert_status(disk_read_sector(63 - i), VPT_OK);
    }
}

/* ---- Features ---- */

/*
 * By the doorbell forms that modern devices have. Without ACCESS_PLATFORM its flag would take an address from an IOMMU
 * that does not stand before this device.
 */
PCI_TEST(virtio_pci_blk, RSVFEAT_7_every_combination_of_ring_features_works_on_physical_addresses)
{
    for (unsigned set = 0; set < 4; set++) {
        pair_machine(variant->kind, NULL);
        machine_offer(VPT_F_INDIRECT_DESC, (set & 1) != 0);
        machine_offer(VPT_F_EVENT_IDX, (set & 2) != 0);
        machine.hal->access_platform = MOCK_EXPECT_CLEAR;
        assert_status(disk_bring_up(NULL), VPT_OK);
        assert_same(vpt_device_legacy(machine.device), machine_kind_legacy(variant->kind));
        assert_same(vpt_features_has(&machine.device->features, VPT_F_INDIRECT_DESC), set & 1);
        assert_same(vpt_features_has(&machine.device->features, VPT_F_EVENT_IDX), set >> 1);
        assert_same(disk.blk.info.capacity, 64);
        cr_assert(!machine.hal->memory.translated);
        pair_assert_works(5);
        disk_end();
    }
}

/* Each address in a ring that was not asked for with it would be a violation: the simulated IOMMU knows no other. */
MODERN_TEST(virtio_pci_blk, RSVFEAT_6_access_platform_reaches_every_allocation_and_share)
{
    struct vpt_features offer = { { 0 } };

    vpt_features_add(&offer, VPT_F_ACCESS_PLATFORM);
    pair_machine(variant->kind, &offer);
    machine.hal->access_platform = MOCK_EXPECT_SET;
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(vpt_features_has(&machine.device->features, VPT_F_ACCESS_PLATFORM));
    cr_assert(machine.hal->memory.translated);
    cr_assert(machine.hal->allocations - machine.hal->private_allocations >= 3); /* rings, tables, slots */
    pair_assert_works(3);
    cr_assert(machine.model->queues[0].indirect_elements != 0);
    cr_assert(machine.hal->shares != 0);
    assert_same(machine.hal->unshares, machine.hal->shares);
    disk_end();
}

/* ---- What firmware left running ---- */

/* Firmware's own driver: any status, a live queue in memory that the kernel knows nothing of, bus mastering on. */
static uint8_t leftover_memory[0x4000];

static void leave_running(bool legacy)
{
    struct mock_queue *queue = &machine.model->queues[0];
    struct vpt_memory memory =
        mock_hal_register(machine.hal, leftover_memory, sizeof(leftover_memory), 0x7000000, true);

    cr_assert(memory.address != NULL);
    memset(leftover_memory, 0, sizeof(leftover_memory));
    machine.model->status = legacy ? 0x07 : 0x0f;
    machine.model->features_ok_seen = true;
    queue->shown_maximum = 256;
    queue->size = 64;
    queue->area[MOCK_DESCRIPTOR_AREA] = memory.device_address;
    queue->area[MOCK_DRIVER_AREA] = memory.device_address + 0x1000;
    queue->area[MOCK_DEVICE_AREA] = memory.device_address + 0x2000;
    mock_device_queue_enable(machine.model, queue);
    cr_assert(queue->enabled);
    mock_pci_front_command(&machine.on_pci.front, 0x0007);
}

PCI_TEST(virtio_pci_blk, INIT_1_a_device_that_firmware_left_running_is_taken_over)
{
    for (unsigned slow = 0; slow < 2; slow++) {
        disk_machine_on(variant->kind, &options);
        leave_running(machine_kind_legacy(variant->kind));
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, slow, 1, 30);
        assert_status(machine_probe(), VPT_OK);
        cr_assert(machine.on_pci.front.access_count == 0 && machine.model->queues[0].enabled);
        assert_same(pci_command(), 0x0007);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        cr_assert(!machine.model->queues[0].enabled);
        disk_work();
        write_and_read(8);
        cr_assert(all_zero(leftover_memory + 0x2000, 0x1000)); /* nothing was written to the old used ring */
        disk_end();
    }
}

/* Firmware used the legacy interface of a transitional device, the kernel takes the modern one; and the reverse. */
Test(virtio_pci_blk, LEG_PCIDETECT_2_a_transitional_device_changes_interfaces_by_a_reset)
{
    disk_machine_on(MACHINE_PCI_TRANSITIONAL_MODERN, &options);
    for (unsigned i = 0; i < 6; i++) {
        bool legacy = i % 2 == 0;

        machine.kind = legacy ? MACHINE_PCI_TRANSITIONAL_LEGACY : MACHINE_PCI_TRANSITIONAL_MODERN;
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(vpt_device_legacy(machine.device) == legacy && machine.model->legacy == legacy);
        assert_same(vpt_features_has(&machine.model->accepted, VPT_F_VERSION_1), !legacy);
        write_and_read(8);
        disk_stop();
    }
    machine_finish();
}
