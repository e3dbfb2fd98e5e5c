/* SPDX-License-Identifier: MIT */
/* A machine's sleep: a PCI function loses its BARs, its command register and the MSI-X table, and gets them back. */
#include "disk.h"

#include <string.h>

TestSuite(sleeping, .timeout = 60);

#define DECODING (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

static const struct vpt_pci_function *const function = &machine.on_pci.address;

static struct vpt_pci_bars bars;
static uint32_t registers_before[VPT_PCI_BARS_MAX];

static void read_registers(uint32_t registers[VPT_PCI_BARS_MAX])
{
    for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        assert_status(vpt_pci_read(function, (uint16_t)(0x10u + 4u * bar), 4, &registers[bar]), VPT_OK);
    }
}

/* The registers of a device that is reset are remembered. */
static void remember(void)
{
    assert_status(vpt_pci_bars_read(function, &bars), VPT_OK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    read_registers(registers_before);
}

static void lose(void)
{
    assert_status(vpt_pci_write(function, 0x04, 2, 0), VPT_OK);
    for (uint16_t bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        assert_status(vpt_pci_write(function, (uint16_t)(0x10u + 4u * bar), 4, 0), VPT_OK);
    }
}

static void assert_registers(void)
{
    uint32_t registers[VPT_PCI_BARS_MAX];

    read_registers(registers);
    for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        assert_same(registers[bar], registers_before[bar]);
    }
}

static void restore_and_end(void)
{
    assert_status(vpt_pci_bars_restore(function, &bars), VPT_OK);
    assert_registers();
    pair_restart_and_end();
}

PCI_TEST(sleeping, base_address_registers_are_restored_with_the_decoding_they_need)
{
    pair_start(variant->kind, NULL);
    remember();
    lose();
    restore_and_end();
}

PCI_TEST(sleeping, vectors_work_again_after_a_sleep)
{
    static const struct mock_pci_machine_options options = { .vectors = 2, .machine = { .blk = { .flush = true } } };
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 2 };
    unsigned messages;

    if (variant->kind == MACHINE_PCI_MODERN_SCATTERED) {
        return; /* the BAR of its table is taken */
    }
    disk_probe_on(variant->kind, &options);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    disk_work();
    assert_status(vpt_requests_quiesce(&disk.queue->requests, NULL, NULL), VPT_OK);
    remember();
    vectors_off();
    lose();
    assert_status(vpt_pci_bars_restore(function, &bars), VPT_OK);
    vectors_on();
    assert_status(vpt_driver_restart(&disk.blk.driver, &interrupts), VPT_OK);
    cr_assert(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE && interrupts.queue == 1);
    messages = vectors_messages(1);
    assert_status(disk_write_sector(2, 9), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    cr_assert(vectors_messages(1) > messages && vectors_messages(0) == 0);
    disk_end();
}

/* One kind of decoding that does not come on is no reason to leave the other one on. */
Test(sleeping, decoding_that_comes_on_by_halves_is_turned_off_again)
{
    disk_start_on(MACHINE_PCI_MODERN_SCATTERED, NULL);
    remember();
    lose();
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 1, VPT_PCI_COMMAND_IO);
    assert_status(vpt_pci_bars_restore(function, &bars), VPT_DEVICE_PCI_COMMAND);
    assert_same(mock_fault_fired(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK), 1);
    assert_same(pci_command() & DECODING, 0);
    assert_status(vpt_pci_bars_restore(function, &bars), VPT_OK);
    disk_end();
}

/* A header that turns out to be another one has no register for a BAR: nothing is written where something else is. */
Test(sleeping, a_header_of_another_type_is_not_written_to)
{
    static const uint8_t types[] = { 0x01, 0x02, 0x7f };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct mock_lie lie = { .space = MOCK_SPACE_PCI_CONFIGURATION,
                                .offset = 0x0e,
                                .width = 1,
                                .access = MOCK_READS,
                                .how = MOCK_LIE_VALUE,
                                .value = types[i],
                                .first = 1 };

        pair_start(MACHINE_PCI_MODERN, NULL);
        remember();
        (void)mock_lie_set(&machine.model->lies, &lie);
        assert_status(vpt_pci_bars_restore(function, &bars), VPT_DEVICE_PCI_BAR);
        mock_lies_clear(machine.model);
        assert_registers();
        restore_and_end();
    }
}

static void move_bars(uint64_t distance)
{
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        bars.bar[i].address += bars.bar[i].kind != VPT_PCI_BAR_NONE && bars.bar[i].address != 0 ? distance : 0;
    }
}

Test(sleeping, registers_that_do_not_take_their_addresses_back_leave_decoding_off)
{
    pair_start(MACHINE_PCI_MODERN, NULL);
    remember();
    assert_status(vpt_pci_bars_restore(function, NULL), VPT_CALLER_ARGUMENT);
    move_bars(0x10);
    assert_status(vpt_pci_bars_restore(function, &bars), VPT_DEVICE_PCI_BAR);
    assert_same(pci_command() & DECODING, 0);
    move_bars(UINT64_C(0) - 0x10);
    restore_and_end();
}
