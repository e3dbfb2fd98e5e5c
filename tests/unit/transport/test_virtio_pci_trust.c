/* SPDX-License-Identifier: MIT */
/* What looks like a removed device, a kernel's slip with BARs, and interrupts that there are none of. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_trust, .timeout = 120);

#define DECODING      (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)
#define INTERRUPT_PIN 0x3du

static const struct mock_pci_machine_options with_vectors = { .vectors = 4 };

/* ---- All-ones from a function that is there ---- */

static void start_and_stop_decoding(enum machine_kind kind)
{
    disk_start_pci(kind, NULL);
    assert_status(vpt_pci_command(&machine.on_pci.address, 0, DECODING), VPT_OK);
}

/* Accesses that nothing answered are what these tests are about. */
static void decode_again(void)
{
    cr_assert(mock_violations_mention(&machine.hal->violations, "no BAR decodes"));
    mock_violations_clear(&machine.hal->violations);
    assert_status(vpt_pci_command(&machine.on_pci.address, DECODING, 0), VPT_OK);
}

/* Its BARs do not decode any more: it can still reach memory, so it is cut off before anything is given back. */
PCI_TEST(virtio_pci_trust, CLEANUP_2_registers_that_read_all_ones_are_no_removed_device)
{
    start_and_stop_decoding(variant->kind);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
    cr_assert(!vpt_device_gone(machine.device) && (pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    decode_again();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    disk_work_and_end();
}

/* A port that cannot read configuration space at that moment does not make it a removed one either. */
PCI_TEST(virtio_pci_trust, a_failing_port_is_no_removed_device)
{
    start_and_stop_decoding(variant->kind);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 1, 1);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert(machine.on_pci.bus.fail_read.fired == 1 && !vpt_device_gone(machine.device));
    decode_again();
    disk_end();
}

/* ---- BARs as the kernel says they are ---- */

Test(virtio_pci_trust, addresses_with_the_flags_of_the_register_are_a_callers_mistake)
{
    static const struct {
        enum machine_kind kind;
        enum vpt_virtio_pci_interface interface;
        uint64_t flags;
    } slips[] = {
        { MACHINE_PCI_MODERN, VPT_VIRTIO_PCI_MODERN, 0x4 }, { MACHINE_PCI_MODERN, VPT_VIRTIO_PCI_MODERN, 0x8 },
        { MACHINE_PCI_MODERN, VPT_VIRTIO_PCI_MODERN, 0xc }, { MACHINE_PCI_MODERN_IO, VPT_VIRTIO_PCI_MODERN, 0x1 },
        { MACHINE_PCI_LEGACY, VPT_VIRTIO_PCI_LEGACY, 0x1 },
    };

    for (size_t i = 0; i < COUNT_OF(slips); i++) {
        disk_machine_pci(slips[i].kind, &with_vectors);
        for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
            bool io = machine.on_pci.bars.bar[bar].kind == VPT_PCI_BAR_IO;

            machine.on_pci.bars.bar[bar].address |= io == (slips[i].flags == 1) ? slips[i].flags : 0;
        }
        pci_refuse("", slips[i].interface, VPT_CALLER_BAR);
        machine_finish();
    }
}

/* The BAR that is needed is named; what is wrong with others is nobody's concern. */
Test(virtio_pci_trust, bars_that_cannot_be_where_they_are_said_to_be)
{
    static const struct {
        enum machine_kind kind;
        unsigned index; /* of the BAR that is needed */
        uint64_t address;
        uint64_t size;
    } wrong[] = {
        { MACHINE_PCI_MODERN, 4, UINT64_C(0x8e0002000), 0x4000 },
        { MACHINE_PCI_MODERN, 4, UINT64_C(0xffffffffffffe000), 0x4000 },
        { MACHINE_PCI_MODERN, 4, UINT64_C(0xfffffffffffff000), 0x4000 },
        { MACHINE_PCI_MODERN, 4, UINT64_C(0x8e0000000), 0x4800 },
        { MACHINE_PCI_MODERN, 4, UINT64_C(0x8e0000000), UINT64_MAX },
        { MACHINE_PCI_MODERN, 4, 0, 0x4000 },
        { MACHINE_PCI_LEGACY, 0, 0xc140, 128 },
        { MACHINE_PCI_LEGACY, 0, 0xffc0, 128 },
        { MACHINE_PCI_LEGACY, 0, 0x10000, 128 },
        { MACHINE_PCI_LEGACY_MEMORY, 0, 0xe0110040, 128 },
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct vpt_pci_bar *bar = machine.on_pci.bars.bar;
        char name[] = "BAR 0";

        name[4] = (char)('0' + wrong[i].index);
        disk_machine_pci(wrong[i].kind, NULL);
        bar[wrong[i].index].address = wrong[i].address;
        bar[wrong[i].index].size = wrong[i].size;
        pci_refuse(name, VPT_VIRTIO_PCI_ANY, VPT_CALLER_BAR);
        assert_same(machine.hal->log[0].level, VPT_LOG_WARNING);
        assert_status(machine.hal->log[0].status, VPT_CALLER_BAR);
        cr_assert(strcmp(machine.hal->log[0].subject, name) == 0, "%zu: %s", i, machine.hal->log[0].subject);
        machine_finish();
        disk_machine_pci(wrong[i].kind, NULL);
        bar[5] =
            (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .address = wrong[i].address | 1, .size = wrong[i].size };
        bar[3].kind = VPT_PCI_BAR_BROKEN;
        assert_status(machine_probe(), VPT_OK);
        assert_same(machine.hal->log_count, 0);
        machine_end();
    }
}

PCI_TEST(virtio_pci_trust, flags_in_the_bar_of_the_vectors_are_noticed_before_anything_is_written)
{
    disk_machine_pci(variant->kind, &with_vectors);
    assert_status(vpt_pci_command(&machine.on_pci.address, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    machine.on_pci.bars.bar[MOCK_PCI_MSIX_BAR].address |= 0xc;
    assert_status(vpt_pci_msix_init(&machine.msix, &machine.on_pci.address, &machine.on_pci.bars), VPT_CALLER_BAR);
    cr_assert(mock_hal_live_mappings(machine.hal) == 0 && machine.msix.entries == 0);
    machine_finish();
}

/* ---- Interrupts ---- */

static void choose(enum vpt_interrupt_mode mode, uint16_t vectors, enum vpt_interrupt_mode expected)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = 1, .vectors = vectors };

    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    assert_same(interrupts.mode, expected);
    cr_assert(expected != VPT_INTERRUPTS_POLLING || interrupts.queue == VPT_NO_VECTOR);
}

/* As functions of SR-IOV are: whoever asked for the line would wait for ever. */
PCI_TEST(virtio_pci_trust, a_function_without_a_pin_has_to_be_polled)
{
    disk_machine_pci(variant->kind, &with_vectors);
    mock_pci_set(&machine.on_pci.function, INTERRUPT_PIN, 1, 0);
    assert_status(machine_probe(), VPT_OK);
    assert_same(machine.pci.interrupt_pin, 0);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    choose(VPT_INTERRUPTS_LINE, 0, VPT_INTERRUPTS_POLLING);
    choose(VPT_INTERRUPTS_PER_QUEUE, 2, VPT_INTERRUPTS_POLLING);
    disk_end();
}

PCI_TEST(virtio_pci_trust, who_polls_after_all_takes_the_vectors_back)
{
    bool legacy = machine_kind_legacy(variant->kind);
    const uint32_t vectors[] = { legacy ? H_QUEUE_VECTOR : C_QUEUE_VECTOR, legacy ? H_CONFIG_VECTOR : C_CONFIG_VECTOR };

    disk_probe_pci(variant->kind, &with_vectors);
    assert_same(machine.pci.interrupt_pin, 1);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    choose(VPT_INTERRUPTS_PER_QUEUE, 2, VPT_INTERRUPTS_PER_QUEUE);
    machine_trace();
    choose(VPT_INTERRUPTS_POLLING, 0, VPT_INTERRUPTS_POLLING);
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        assert_same(machine_writes(vectors[i]), 1);
        assert_same(machine_write(vectors[i], 0)->value, VPT_NO_VECTOR);
    }
    disk_end();
}

PCI_TEST(virtio_pci_trust, a_closed_function_leaves_the_line_on_for_who_comes_next)
{
    disk_init_pci(variant->kind, NULL);
    choose(VPT_INTERRUPTS_POLLING, 0, VPT_INTERRUPTS_POLLING);
    cr_assert((pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0);
    disk_stop();
    cr_assert((pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) == 0);
    machine_finish();
}

/* The configuration stays where it is as long as nobody knows better. */
LEGACY_TEST(virtio_pci_trust, LEG_PCILAYOUT_4_an_error_of_the_port_does_not_move_the_configuration)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 2 };

    disk_probe_pci(variant->kind, &with_vectors);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_same(disk_capacity(), disk.blk.info.capacity);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 1, 1);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), machine.on_pci.bus.fail_status);
    assert_same(disk_capacity(), disk.blk.info.capacity);
    disk_end();
}

/* The modern interface is there; that the port could not read it once is no reason to take the other one. */
Test(virtio_pci_trust, an_error_of_the_port_is_no_reason_for_the_legacy_interface)
{
    bool failed = true;

    for (uint32_t n = 1; failed; n++) {
        enum vpt_status status;

        disk_machine_pci(MACHINE_PCI_TRANSITIONAL_MODERN, NULL);
        mock_trigger_set(&machine.on_pci.bus.fail_read, n, 1);
        status = machine_probe();
        failed = machine.on_pci.bus.fail_read.fired != 0;
        assert_status(status, failed ? machine.on_pci.bus.fail_status : VPT_OK);
        cr_assert(n < 300);
        mock_trigger_set(&machine.on_pci.bus.fail_read, 0, 0);
        assert_status(vpt_virtio_pci_close(&machine.pci), VPT_OK);
        machine_finish();
    }
}
