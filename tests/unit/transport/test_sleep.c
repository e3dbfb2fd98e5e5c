/* SPDX-License-Identifier: MIT */
/* A machine's sleep with MSI-X: the table, the BARs and the command register are lost, and set up again as before. */
#include "disk.h"

TestSuite(sleeping, .timeout = 60);

static void lose_registers(void)
{
    assert_status(vpt_pci_write(&machine.on_pci.address, 0x04, 2, 0), VPT_OK);
    for (uint16_t bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        assert_status(vpt_pci_write(&machine.on_pci.address, (uint16_t)(0x10u + 4u * bar), 4, 0), VPT_OK);
    }
}

PCI_TEST(sleeping, vectors_work_again_after_a_sleep)
{
    static const struct mock_pci_machine_options options = { .vectors = 2, .machine = { .blk = { .flush = true } } };
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 2 };
    struct vpt_pci_bars bars;
    unsigned messages;

    if (variant->kind == MACHINE_PCI_MODERN_SCATTERED) {
        return; /* the BAR of its table is taken */
    }
    disk_probe_pci(variant->kind, &options);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    assert_status(vpt_requests_quiesce(&disk.queue->requests, NULL, NULL), VPT_OK);
    assert_status(vpt_pci_bars_read(&machine.on_pci.address, &bars), VPT_OK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    vectors_off();
    lose_registers();
    assert_status(vpt_pci_bars_restore(&machine.on_pci.address, &bars), VPT_OK);
    vectors_on();
    assert_status(vpt_driver_restart(&disk.blk.driver, &interrupts), VPT_OK);
    cr_assert(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE && interrupts.queue == 1);
    messages = vectors_messages(1);
    assert_status(disk_write_sector(2, 9), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    cr_assert(vectors_messages(1) > messages && vectors_messages(0) == 0);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    vectors_off();
    disk_end();
}

/* One kind of decoding that does not come on is no reason to leave the other one on. */
Test(sleeping, decoding_that_comes_on_by_halves_is_turned_off_again)
{
    struct vpt_pci_bars bars;

    disk_start_pci(MACHINE_PCI_MODERN_SCATTERED, NULL);
    assert_status(vpt_pci_bars_read(&machine.on_pci.address, &bars), VPT_OK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    lose_registers();
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 1, VPT_PCI_COMMAND_IO);
    assert_status(vpt_pci_bars_restore(&machine.on_pci.address, &bars), VPT_DEVICE_PCI_COMMAND);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK) == 1);
    cr_assert((pci_command() & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) == 0, "0x%x", pci_command());
    assert_status(vpt_pci_bars_restore(&machine.on_pci.address, &bars), VPT_OK);
    disk_end();
}
