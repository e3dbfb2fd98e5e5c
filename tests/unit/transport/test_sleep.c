/* SPDX-License-Identifier: MIT */
/* A machine's sleep with MSI-X: the table, the BARs and the command register are lost, and set up again as before. */
#include "virtio_pci_support.h"

TestSuite(sleeping, .timeout = 60);

static void lose_registers(void)
{
    assert_status(vpt_pci_write(&card.machine.address, 0x04, 2, 0), VPT_OK);
    for (uint16_t bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        assert_status(vpt_pci_write(&card.machine.address, (uint16_t)(0x10u + 4u * bar), 4, 0), VPT_OK);
    }
}

CARD_TEST(sleeping, vectors_work_again_after_a_sleep)
{
    static const struct mock_pci_machine_options options = { .vectors = 2, .machine = { .blk = { .flush = true } } };
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 2 };
    struct vpt_pci_bars bars;
    unsigned messages;

    if (variant->kind == CARD_MODERN_SCATTERED) {
        return; /* the BAR of its table is taken */
    }
    card_probe(variant->kind, &options);
    card_vectors_on();
    assert_status(vpt_blk_init(&card.blk, card.device, NULL), VPT_OK);
    assert_status(vpt_device_choose_interrupts(card.device, &interrupts), VPT_OK);
    assert_status(vpt_blk_queue_init(&card.queue, &card.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&card.blk.driver), VPT_OK);
    assert_status(card_read_sector(1), VPT_OK);
    assert_status(vpt_requests_quiesce(&card.queue.requests, NULL, NULL), VPT_OK);
    assert_status(vpt_pci_bars_read(&card.machine.address, &bars), VPT_OK);
    assert_status(vpt_device_reset(card.device), VPT_OK);
    card_vectors_off();
    lose_registers();
    assert_status(vpt_pci_bars_restore(&card.machine.address, &bars), VPT_OK);
    card_vectors_on();
    assert_status(vpt_driver_restart(&card.blk.driver, &interrupts), VPT_OK);
    cr_assert(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE && interrupts.queue == 1);
    messages = card_messages(1);
    assert_status(card_write_sector(2, 9), VPT_OK);
    assert_status(card_read_sector(2), VPT_OK);
    cr_assert(card_messages(1) > messages && card_messages(0) == 0);
    assert_status(vpt_device_reset(card.device), VPT_OK);
    card_vectors_off();
    card_end();
}

/* One kind of decoding that does not come on is no reason to leave the other one on. */
Test(sleeping, decoding_that_comes_on_by_halves_is_turned_off_again)
{
    struct vpt_pci_bars bars;

    card_start(CARD_MODERN_SCATTERED, NULL);
    assert_status(vpt_pci_bars_read(&card.machine.address, &bars), VPT_OK);
    assert_status(vpt_device_reset(card.device), VPT_OK);
    lose_registers();
    mock_fault_set(&card.machine.device.faults, MOCK_FAULT_COMMAND_STUCK, 1, 1, VPT_PCI_COMMAND_IO);
    assert_status(vpt_pci_bars_restore(&card.machine.address, &bars), VPT_DEVICE_PCI_COMMAND);
    cr_assert(mock_fault_fired(&card.machine.device.faults, MOCK_FAULT_COMMAND_STUCK) == 1);
    cr_assert((card_command() & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) == 0, "0x%x", card_command());
    assert_status(vpt_pci_bars_restore(&card.machine.address, &bars), VPT_OK);
    card_end();
}
