/* SPDX-License-Identifier: MIT */
/* What looks like a removed device, a kernel's slip with BARs, and interrupts that there are none of. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_trust, .timeout = 120);

#define DECODING      (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)
#define INTERRUPT_PIN 0x3du

static const struct mock_pci_machine_options with_vectors = { .vectors = 4 };

/* ---- All-ones from a function that is there ---- */

/*
 * Its BARs do not decode any more: it can still reach memory, so it is cut off before anything is given back. A port
 * that cannot read configuration space at that moment does not make it a removed one either.
 */
PCI_TEST(virtio_pci_trust, CLEANUP_2_registers_that_read_all_ones_are_no_removed_device)
{
    disk_start_on(variant->kind, NULL);
    assert_status(vpt_pci_command(&machine.on_pci.address, 0, DECODING), VPT_OK);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 1, 1);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert(machine.on_pci.bus.fail_read.fired == 1 && !vpt_device_gone(machine.device));
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
    cr_assert(!vpt_device_gone(machine.device) && (pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "no BAR decodes"));
    mock_violations_clear(&machine.hal->violations);
    assert_status(vpt_pci_command(&machine.on_pci.address, DECODING, 0), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    disk_work_and_end();
}

/* ---- BARs as the kernel says they are ---- */

#define HIGH   UINT64_C(0x8e0000000) /* where BAR 4 of a modern function is */
#define MEMORY VPT_PCI_BAR_MEMORY
#define IO     VPT_PCI_BAR_IO

/* What a kernel says of the BAR that is needed, and what a probe comes to. */
static const struct slip {
    const char *what;
    enum machine_kind kind;
    unsigned index;
    uint64_t address;
    uint64_t size;
    enum vpt_pci_bar_kind as; /* I/O or memory */
    enum vpt_status expected;
} slips[] = {
    { "half a BAR off", MACHINE_PCI_MODERN, 4, HIGH + 0x2000, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "ends with memory", MACHINE_PCI_MODERN, 4, UINT64_MAX - 0x1fff, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "past memory", MACHINE_PCI_MODERN, 4, UINT64_MAX - 0xfff, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "by a byte past it", MACHINE_PCI_MODERN, 4, UINT64_MAX - 0x3ffe, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "no power of two", MACHINE_PCI_MODERN, 4, HIGH, 0x4800, MEMORY, VPT_CALLER_BAR },
    { "everything", MACHINE_PCI_MODERN, 4, HIGH, UINT64_MAX, MEMORY, VPT_CALLER_BAR },
    { "unassigned", MACHINE_PCI_MODERN, 4, 0, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "no size", MACHINE_PCI_MODERN, 4, HIGH, 0, MEMORY, VPT_CALLER_BAR },
    { "broken", MACHINE_PCI_MODERN, 4, HIGH, 0x4000, VPT_PCI_BAR_BROKEN, VPT_DEVICE_PCI_BAR },
    { "64 bits", MACHINE_PCI_MODERN, 4, HIGH | 4, 0x4000, MEMORY, VPT_CALLER_BAR }, /* flags of the register */
    { "prefetchable", MACHINE_PCI_MODERN, 4, HIGH | 8, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "both", MACHINE_PCI_MODERN, 4, HIGH | 12, 0x4000, MEMORY, VPT_CALLER_BAR },
    { "the flag of I/O", MACHINE_PCI_MODERN_IO, 2, 0xd201, 0x100, IO, VPT_CALLER_BAR },
    { "no I/O ports", MACHINE_PCI_MODERN_IO, 2, 0x10000, 0x100, IO, VPT_CALLER_BAR },
    { "partly none", MACHINE_PCI_MODERN_IO, 2, 0xff04, 0x100, IO, VPT_CALLER_BAR },
    { "the flag of I/O", MACHINE_PCI_LEGACY, 0, MOCK_PCI_IO_PORT | 1, 128, IO, VPT_CALLER_BAR },
    { "half a BAR off", MACHINE_PCI_LEGACY, 0, 0xc140, 128, IO, VPT_CALLER_BAR },
    { "partly no I/O ports", MACHINE_PCI_LEGACY, 0, 0xffc0, 128, IO, VPT_CALLER_BAR },
    { "no I/O ports", MACHINE_PCI_LEGACY, 0, 0x10000, 128, IO, VPT_CALLER_BAR },
    { "far from I/O ports", MACHINE_PCI_LEGACY, 0, 0x1c100, 128, IO, VPT_CALLER_BAR },
    { "unassigned", MACHINE_PCI_LEGACY, 0, 0, 128, IO, VPT_CALLER_BAR },
    { "no size", MACHINE_PCI_LEGACY, 0, MOCK_PCI_IO_PORT, 0, IO, VPT_CALLER_BAR },
    { "small", MACHINE_PCI_LEGACY, 0, MOCK_PCI_IO_PORT, 16, IO, VPT_DEVICE_PCI_BAR },
    { "none", MACHINE_PCI_LEGACY, 0, 0, 0, VPT_PCI_BAR_NONE, VPT_DEVICE_PCI_BAR },
    { "broken", MACHINE_PCI_LEGACY, 0, 0, 0, VPT_PCI_BAR_BROKEN, VPT_DEVICE_PCI_BAR },
    { "half a BAR off", MACHINE_PCI_LEGACY_MEMORY, 0, 0xe0110040, 128, MEMORY, VPT_CALLER_BAR },
};

/* The BAR that is needed is named; what is wrong with others is nobody's concern. */
Test(virtio_pci_trust, LEG_PCILAYOUT_1_bars_that_cannot_be_where_they_are_said_to_be_are_refused)
{
    for (size_t i = 0; i < COUNT_OF(slips); i++) {
        const struct slip *slip = &slips[i];
        const struct mock_log_record *line = machine.on_pci.hal.log;
        bool legacy = machine_kind_legacy(slip->kind);
        char name[] = "BAR 0";

        name[4] = (char)('0' + slip->index);
        disk_machine_on(slip->kind, NULL);
        machine.on_pci.bars.bar[slip->index] =
            (struct vpt_pci_bar){ .kind = slip->as, .address = slip->address, .size = slip->size };
        pci_refuse(slip->what, legacy ? VPT_VIRTIO_PCI_LEGACY : VPT_VIRTIO_PCI_MODERN, slip->expected);
        if (slip->expected == VPT_CALLER_BAR || slip->as == VPT_PCI_BAR_BROKEN) {
            assert_status_of(slip->what, line->status, slip->expected);
            assert_same_of(slip->what, line->level, VPT_LOG_WARNING);
            cr_assert(strcmp(line->subject, name) == 0, "%s: %s", slip->what, line->subject);
        }
        machine_finish();
        disk_machine_on(slip->kind, NULL);
        machine.on_pci.bars.bar[5] =
            (struct vpt_pci_bar){ .kind = MEMORY, .address = slip->address | 1, .size = slip->size };
        machine.on_pci.bars.bar[legacy ? 3 : 1].kind = VPT_PCI_BAR_BROKEN;
        assert_status_of(slip->what, machine_probe(), VPT_OK);
        assert_same_of(slip->what, machine.hal->log_count, 0);
        machine_end();
    }
}

PCI_TEST(virtio_pci_trust, flags_in_the_bar_of_the_vectors_are_noticed_before_anything_is_written)
{
    disk_machine_on(variant->kind, &with_vectors);
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
    disk_machine_on(variant->kind, &with_vectors);
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

    disk_probe_on(variant->kind, &with_vectors);
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

/* The configuration stays where it is as long as nobody knows better. */
LEGACY_TEST(virtio_pci_trust, LEG_PCILAYOUT_4_an_error_of_the_port_does_not_move_the_configuration)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 2 };

    disk_probe_on(variant->kind, &with_vectors);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_same(disk_capacity(), disk.blk.info.capacity);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 1, 1);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), machine.on_pci.bus.fail_status);
    assert_same(disk_capacity(), disk.blk.info.capacity);
    disk_end();
}
