/* SPDX-License-Identifier: MIT */
/* What looks like a removed device, a kernel's slip with BARs, and interrupts that there are none of. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_trust, .timeout = 120);

#define DECODING      (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)
#define INTERRUPT_PIN 0x3du
#define MSIX_ENTRIES  4u

static const struct mock_pci_machine_options with_vectors = { .vectors = MSIX_ENTRIES };

/* ---- All-ones from a function that is there ---- */

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
    disk_start_pci(variant->kind, NULL);
    assert_status(vpt_pci_command(&machine.on_pci.address, 0, DECODING), VPT_OK);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
    cr_assert(!vpt_device_gone(machine.device));
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    decode_again();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(3), VPT_OK);
    disk_end();
}

/* A port that cannot read configuration space at that moment does not make it a removed one either. */
PCI_TEST(virtio_pci_trust, a_failing_port_is_no_removed_device)
{
    disk_start_pci(variant->kind, NULL);
    assert_status(vpt_pci_command(&machine.on_pci.address, 0, DECODING), VPT_OK);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 1, 1);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert(machine.on_pci.bus.fail_read.fired == 1 && !vpt_device_gone(machine.device));
    decode_again();
    disk_end();
}

/* ---- BARs as the register holds them ---- */

static void refuse_flags(enum machine_kind kind, uint64_t flag, enum vpt_pci_bar_kind of)
{
    disk_machine_pci(kind, &with_vectors);
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        if (machine.on_pci.bars.bar[i].kind == of) {
            machine.on_pci.bars.bar[i].address |= flag;
        }
    }
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(machine_probe_by(machine_kind_legacy(kind) ? VPT_VIRTIO_PCI_LEGACY : VPT_VIRTIO_PCI_MODERN),
                  VPT_CALLER_BAR);
    cr_assert(machine.pci.device.ops == NULL && mock_hal_live_mappings(machine.hal) == 0);
    machine_finish();
}

Test(virtio_pci_trust, addresses_with_the_flags_of_the_register_are_a_callers_mistake)
{
    static const uint64_t memory_flags[] = { 0x4, 0x8, 0xc };

    for (size_t i = 0; i < COUNT_OF(memory_flags); i++) {
        refuse_flags(MACHINE_PCI_MODERN, memory_flags[i], VPT_PCI_BAR_MEMORY);
    }
    refuse_flags(MACHINE_PCI_MODERN_IO, 1, VPT_PCI_BAR_IO);
    refuse_flags(MACHINE_PCI_LEGACY, 1, VPT_PCI_BAR_IO);
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
        const struct mock_log_record *line = &machine.on_pci.hal.log[0];
        struct vpt_pci_bars *bars = &machine.on_pci.bars;
        char name[] = "BAR 0";

        disk_machine_pci(wrong[i].kind, NULL);
        name[4] = (char)('0' + wrong[i].index);
        bars->bar[wrong[i].index].address = wrong[i].address;
        bars->bar[wrong[i].index].size = wrong[i].size;
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_CALLER_BAR);
        cr_assert(line->level == VPT_LOG_WARNING && line->status == VPT_CALLER_BAR, "%zu", i);
        cr_assert(strcmp(line->subject, name) == 0, "%zu: %s", i, line->subject);
        machine_finish();
        disk_machine_pci(wrong[i].kind, NULL);
        bars->bar[5] =
            (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .address = wrong[i].address | 1, .size = wrong[i].size };
        bars->bar[3].kind = VPT_PCI_BAR_BROKEN;
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        cr_assert(machine.hal->log_count == 0);
        vpt_virtio_pci_close(&machine.pci);
        machine_finish();
    }
}

PCI_TEST(virtio_pci_trust, flags_in_the_bar_of_the_vectors_are_noticed_before_anything_is_written)
{
    struct vpt_pci_msix msix;

    disk_machine_pci(variant->kind, &with_vectors);
    assert_status(vpt_pci_command(&machine.on_pci.address, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    machine.on_pci.bars.bar[MOCK_PCI_MSIX_BAR].address |= 0xc;
    assert_status(vpt_pci_msix_init(&msix, &machine.on_pci.address, &machine.on_pci.bars), VPT_CALLER_BAR);
    cr_assert(mock_hal_live_mappings(machine.hal) == 0 && msix.entries == 0);
    machine_finish();
}

/* ---- Interrupts ---- */

static struct vpt_interrupts ask(enum vpt_interrupt_mode mode, uint16_t vectors)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = 1, .vectors = vectors };

    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    return interrupts;
}

/* As functions of SR-IOV are: whoever asked for the line would wait for ever. */
PCI_TEST(virtio_pci_trust, a_function_without_a_pin_has_to_be_polled)
{
    struct vpt_interrupts interrupts;

    disk_machine_pci(variant->kind, &with_vectors);
    mock_pci_set(&machine.on_pci.function, INTERRUPT_PIN, 1, 0);
    assert_status(machine_probe_by(machine_kind_legacy(variant->kind) ? VPT_VIRTIO_PCI_LEGACY : VPT_VIRTIO_PCI_ANY),
                  VPT_OK);
    machine.device = &machine.pci.device;
    cr_assert(machine.pci.interrupt_pin == 0);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    interrupts = ask(VPT_INTERRUPTS_LINE, 0);
    cr_assert(interrupts.mode == VPT_INTERRUPTS_POLLING && interrupts.queue == VPT_NO_VECTOR);
    cr_assert(ask(VPT_INTERRUPTS_PER_QUEUE, 2).mode == VPT_INTERRUPTS_POLLING);
    disk_end();
}

PCI_TEST(virtio_pci_trust, who_polls_after_all_takes_the_vectors_back)
{
    bool legacy = machine_kind_legacy(variant->kind);
    enum mock_pci_structure structure = legacy ? MOCK_PCI_HEADER : MOCK_PCI_COMMON;
    size_t writes;

    disk_probe_pci(variant->kind, &with_vectors);
    cr_assert(machine.pci.interrupt_pin == 1);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    cr_assert(ask(VPT_INTERRUPTS_PER_QUEUE, 2).mode == VPT_INTERRUPTS_PER_QUEUE);
    machine_trace();
    cr_assert(ask(VPT_INTERRUPTS_POLLING, 0).mode == VPT_INTERRUPTS_POLLING);
    writes = machine_traced(structure, true, legacy ? H_QUEUE_VECTOR : C_QUEUE_VECTOR);
    cr_assert(writes == 1 && machine_traced(structure, true, legacy ? H_CONFIG_VECTOR : C_CONFIG_VECTOR) == 1);
    cr_assert(machine_access(structure, true, legacy ? H_QUEUE_VECTOR : C_QUEUE_VECTOR, 0)->value == VPT_NO_VECTOR);
    cr_assert(machine_access(structure, true, legacy ? H_CONFIG_VECTOR : C_CONFIG_VECTOR, 0)->value == VPT_NO_VECTOR);
    vectors_off();
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    disk_end();
}

PCI_TEST(virtio_pci_trust, a_closed_function_leaves_the_line_on_for_who_comes_next)
{
    disk_init_pci(variant->kind, NULL);
    cr_assert(ask(VPT_INTERRUPTS_POLLING, 0).mode == VPT_INTERRUPTS_POLLING);
    cr_assert((pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_virtio_pci_close(&machine.pci), VPT_OK);
    cr_assert((pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) == 0);
    assert_status(vpt_virtio_pci_close(&machine.pci), VPT_OK);
    assert_status(vpt_virtio_pci_close(NULL), VPT_OK);
    machine_finish();
}

/* The configuration stays where it is as long as nobody knows better. */
LEGACY_TEST(virtio_pci_trust, LEG_PCILAYOUT_4_an_error_of_the_port_does_not_move_the_configuration)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 2 };

    disk_probe_pci(variant->kind, &with_vectors);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    cr_assert(disk_capacity() == disk.blk.info.capacity);
    mock_trigger_set(&machine.on_pci.bus.fail_read, 1, 1);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), machine.on_pci.bus.fail_status);
    cr_assert(disk_capacity() == disk.blk.info.capacity);
    vectors_off();
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    disk_end();
}

/* ---- Failures on the way ---- */

/* The modern interface is there; that the port could not read it once is no reason to take the other one. */
Test(virtio_pci_trust, an_error_of_the_port_is_no_reason_for_the_legacy_interface)
{
    for (uint32_t n = 1;; n++) {
        enum vpt_status status;

        cr_assert(n < 300);
        disk_machine_pci(MACHINE_PCI_TRANSITIONAL_MODERN, NULL);
        mock_trigger_set(&machine.on_pci.bus.fail_read, n, 1);
        status = machine_probe_by(VPT_VIRTIO_PCI_ANY);
        if (machine.on_pci.bus.fail_read.fired == 0) {
            mock_trigger_set(&machine.on_pci.bus.fail_read, 0, 0);
            assert_status(status, VPT_OK);
            assert_status(vpt_virtio_pci_close(&machine.pci), VPT_OK);
            machine_finish();
            return;
        }
        assert_status(status, machine.on_pci.bus.fail_status);
        machine_finish();
    }
}

/* A mapping can be undone whatever the device does; only the rings stay its own. */
MODERN_TEST(virtio_pci_trust, CLEANUP_2_a_doorbell_is_unmapped_though_the_rings_stay_the_devices)
{
    size_t mappings;
    size_t allocations;

    disk_init_pci(variant->kind, NULL);
    mappings = mock_hal_live_mappings(machine.hal);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 0, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_STUCK);
    allocations = mock_hal_live_allocations(machine.hal);
    cr_assert(allocations != 0 && mock_hal_live_mappings(machine.hal) == mappings);
    assert_status(vpt_virtio_pci_close(&machine.pci), VPT_DEVICE_STUCK);
    cr_assert(machine.pci.device.ops != NULL && mock_hal_live_mappings(machine.hal) == mappings);
}
