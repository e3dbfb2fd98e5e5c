/* SPDX-License-Identifier: MIT */
/* How a virtio disk behind PCI interrupts: by its INTx line, seen at the interrupt controller, or by MSI-X messages. */
#include "function.h"

TestSuite(device_pci_interrupts, .timeout = 60);

#define VECTORS 2u /* that QEMU gives a disk with one queue */

static struct function_variant variants[] = {
    { VPT_QTEST_PC, LEGACY_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_PC, TRANSITIONAL, VPT_VIRTIO_PCI_LEGACY, { false, false }, false, false, "addr=5" },
    { VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=6" },
    { VPT_QTEST_Q35, TRANSITIONAL, VPT_VIRTIO_PCI_LEGACY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_Q35, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, false }, true, false, "addr=7" },
    { VPT_QTEST_AARCH64_VIRT, LEGACY_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, VPT_VIRTIO_PCI_LEGACY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_RISCV64_VIRT, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=6" },
    { VPT_QTEST_Q35, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, true, "addr=5,iommu_platform=on" },
};

#define VARIANT_TEST(name)                                                                                          \
    ParameterizedTestParameters(device_pci_interrupts, name)                                                        \
    {                                                                                                               \
        return cr_make_param_array(struct function_variant, variants, COUNT_OF(variants));                          \
    }                                                                                                               \
    ParameterizedTest(const struct function_variant *variant, device_pci_interrupts, name)

static struct vpt_pci_msix msix;
static struct vpt_qtest_mailbox mailboxes[VECTORS];

/* ---- Steps ---- */

static uint32_t line(void)
{
    return vpt_qtest_intx_line(fixture.qtest, function.function.address.device, function.identity.interrupt_pin);
}

/* As vpt_blk_init() and so on, with the interrupts decided in between. */
static struct vpt_interrupts start_disk(enum vpt_interrupt_mode mode, uint16_t first, uint16_t vectors)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = 1, .first = first, .vectors = vectors };

    disk.device = &function.pci.device;
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    assert_status(vpt_device_interrupts(disk.device, &interrupts), VPT_OK);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_blk_start(&disk.blk), VPT_OK);
    assert_that(disk.blk.info.capacity == DISK_SECTORS); /* wherever the configuration is now */
    disk_data(SECTOR);
    return interrupts;
}

static void start_lines(const struct function_variant *variant)
{
    function_start(variant);
    fixture_intercept();
    assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
}

/* MSI-X on, each entry with its mailbox. */
static void program_vectors(void)
{
    assert_status(vpt_pci_command(&function.function, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    assert_status(vpt_pci_msix_init(&msix, &function.function, &function.bars), VPT_OK);
    assert_that(msix.entries == VECTORS);
    for (uint16_t i = 0; i < VECTORS; i++) {
        assert_status(vpt_pci_msix_program(&msix, i, mailboxes[i].address, 0x51u + i), VPT_OK);
        assert_status(vpt_pci_msix_mask(&msix, i, false), VPT_OK);
    }
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
}

static void start_vectors(const struct function_variant *variant)
{
    function_start(variant);
    for (uint16_t i = 0; i < VECTORS; i++) {
        assert_status(vpt_qtest_mailbox_open(fixture.qtest, &mailboxes[i]), VPT_OK);
    }
    program_vectors();
}

static void end_vectors(void)
{
    assert_that(disk_stop() == 0);
    vpt_pci_msix_release(&msix);
    for (uint16_t i = 0; i < VECTORS; i++) {
        assert_that(vpt_qtest_mailbox_peek(&mailboxes[i]) == 0);
        vpt_qtest_mailbox_close(fixture.qtest, &mailboxes[i]);
    }
    function_finish();
}

static void submit(void)
{
    assert_status(disk_submit(VPT_BLK_READ, 9, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_blk_kick(&disk.queue), VPT_OK);
}

/* To the end, which arms the next interrupt. */
static void complete(void)
{
    struct vpt_blk_completion completion;

    assert_status(disk_complete(NULL), VPT_OK);
    assert_status(vpt_blk_poll(&disk.queue, &completion), VPT_EMPTY);
}

static void expect_line(void)
{
    uint32_t raises = vpt_qtest_line_raises(fixture.qtest, line());

    submit();
    assert_status(vpt_qtest_wait_line(fixture.qtest, line(), raises, FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_device_interrupt(disk.device) == VPT_INTERRUPT_QUEUE);
    assert_that(!vpt_qtest_line_high(fixture.qtest, line()));
    assert_that(vpt_device_interrupt(disk.device) == 0);
    complete();
}

static void expect_message(uint16_t entry)
{
    submit();
    assert_status(vpt_qtest_mailbox_wait(fixture.qtest, &mailboxes[entry], FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_qtest_mailbox_take(&mailboxes[entry]) == 0x51u + entry);
    assert_that(vpt_device_interrupt(disk.device) == (VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION));
    complete();
}

/* ---- The line ---- */

VARIANT_TEST(D_PCI_4_a_completion_raises_the_line_and_reading_the_isr_lowers_it)
{
    struct vpt_interrupts interrupts;

    start_lines(variant);
    interrupts = start_disk(VPT_INTERRUPTS_LINE, 0, 0);
    assert_that(interrupts.mode == VPT_INTERRUPTS_LINE && interrupts.queue == VPT_NO_VECTOR);
    expect_line();
    expect_line();
    function_end();
}

VARIANT_TEST(a_polled_device_leaves_its_line_low)
{
    start_lines(variant);
    assert_that(start_disk(VPT_INTERRUPTS_POLLING, 0, 0).mode == VPT_INTERRUPTS_POLLING);
    assert_that((function_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0);
    for (unsigned i = 0; i < 3; i++) {
        submit();
        complete();
    }
    assert_that(vpt_qtest_line_raises(fixture.qtest, line()) == 0);
    assert_that(disk_stop() == 0);
    assert_that(start_disk(VPT_INTERRUPTS_LINE, 0, 0).mode == VPT_INTERRUPTS_LINE);
    expect_line();
    function_end();
}

VARIANT_TEST(vectors_that_were_not_turned_on_become_the_line)
{
    start_lines(variant);
    assert_that(start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS).mode == VPT_INTERRUPTS_LINE);
    expect_line();
    function_end();
}

/* ---- Messages ---- */

VARIANT_TEST(PCI_MSIX_5_a_queue_has_a_vector_of_its_own)
{
    struct vpt_interrupts interrupts;

    start_vectors(variant);
    interrupts = start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS);
    assert_that(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE);
    assert_that(interrupts.configuration == 0 && interrupts.queue == 1 && interrupts.step == 1);
    expect_message(1);
    expect_message(1);
    end_vectors();
}

/* Resizes the disk, of which the entry's message tells. The other entry stays silent. */
static void expect_change(uint16_t entry, uint32_t size)
{
    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'block_resize', 'arguments': {'node-name': 'd0', 'size': %u}}", size),
                  VPT_OK);
    fixture.image_size = size;
    assert_status(vpt_qtest_mailbox_wait(fixture.qtest, &mailboxes[entry], FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_qtest_mailbox_take(&mailboxes[entry]) == 0x51u + entry);
    assert_that((vpt_device_interrupt(disk.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    assert_that(disk.blk.info.capacity == size / SECTOR);
}

VARIANT_TEST(a_change_of_the_configuration_has_a_vector_of_its_own)
{
    start_vectors(variant);
    (void)start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS);
    expect_change(0, DISK_SIZE / 2u);
    expect_message(1);
    expect_change(0, DISK_SIZE);
    assert_that(vpt_qtest_mailbox_peek(&mailboxes[1]) == 0);
    end_vectors();
}

VARIANT_TEST(a_change_of_the_configuration_comes_by_the_vector_that_serves_for_all)
{
    start_vectors(variant);
    (void)start_disk(VPT_INTERRUPTS_SHARED, 1, 1);
    expect_change(1, 2u * DISK_SIZE);
    expect_message(1);
    end_vectors();
}

VARIANT_TEST(PCI_MSIX_6_one_vector_serves_for_all)
{
    struct vpt_interrupts interrupts;

    start_vectors(variant);
    interrupts = start_disk(VPT_INTERRUPTS_PER_QUEUE, 1, 1);
    assert_that(interrupts.mode == VPT_INTERRUPTS_SHARED);
    assert_that(interrupts.configuration == 1 && interrupts.queue == 1 && interrupts.step == 0);
    expect_message(1);
    expect_message(1);
    end_vectors();
}

VARIANT_TEST(PCI_MSIX_4_no_vector_past_the_table_is_programmed)
{
    struct vpt_interrupts interrupts = { VPT_INTERRUPTS_PER_QUEUE, 1, 1, VECTORS, 0, 0, 0 };

    start_vectors(variant);
    assert_status(vpt_blk_init(&disk.blk, &function.pci.device, NULL), VPT_OK);
    assert_status(vpt_device_interrupts(&function.pci.device, &interrupts), VPT_CALLER_RANGE);
    (void)start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS);
    expect_message(1);
    end_vectors();
}

VARIANT_TEST(LEG_PCILAYOUT_4_the_line_after_vectors_finds_the_configuration_again)
{
    start_vectors(variant);
    fixture_intercept();
    assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
    (void)start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS);
    expect_message(1);
    assert_that(vpt_qtest_line_raises(fixture.qtest, line()) == 0);
    assert_that(disk_stop() == 0);
    assert_that(start_disk(VPT_INTERRUPTS_LINE, 0, 0).mode == VPT_INTERRUPTS_LINE);
    expect_line();
    end_vectors();
}

VARIANT_TEST(a_masked_vector_stays_pending_until_it_is_unmasked)
{
    bool pending = true;

    start_vectors(variant);
    (void)start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS);
    assert_status(vpt_pci_msix_mask(&msix, 1, true), VPT_OK);
    assert_status(vpt_pci_msix_pending(&msix, 1, &pending), VPT_OK);
    assert_that(!pending);
    submit();
    complete();
    for (uint32_t i = 0; !pending; i++) {
        assert_that(fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i));
        assert_status(vpt_pci_msix_pending(&msix, 1, &pending), VPT_OK);
    }
    assert_that(vpt_qtest_mailbox_peek(&mailboxes[1]) == 0);
    assert_status(vpt_pci_msix_mask(&msix, 1, false), VPT_OK);
    assert_status(vpt_qtest_mailbox_wait(fixture.qtest, &mailboxes[1], FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_qtest_mailbox_take(&mailboxes[1]) == 0x52u);
    end_vectors();
}

/* ---- After the machine's sleep ---- */

/* Where neither the IOMMU nor the place of configuration space is forgotten too. */
static struct function_variant sleepers[] = {
    { VPT_QTEST_PC, LEGACY_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=6" },
    { VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5" },
    { VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, VPT_VIRTIO_PCI_LEGACY, { true, true }, false, false, "addr=5" },
};

ParameterizedTestParameters(device_pci_interrupts, vectors_work_again_after_the_machine_has_slept)
{
    return cr_make_param_array(struct function_variant, sleepers, COUNT_OF(sleepers));
}

ParameterizedTest(const struct function_variant *variant, device_pci_interrupts,
                  vectors_work_again_after_the_machine_has_slept)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = VECTORS };

    start_vectors(variant);
    (void)start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS);
    expect_message(1);
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    vpt_pci_msix_release(&msix);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'system_reset'}"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESET", NULL, FIXTURE_WAIT), VPT_OK);
    assert_that((function_command() & VPT_PCI_COMMAND_MEMORY) == 0);
    assert_status(vpt_pci_bars_restore(&function.function, &function.bars), VPT_OK);
    program_vectors();
    assert_status(vpt_blk_restart(&disk.blk), VPT_OK);
    assert_status(vpt_device_interrupts(disk.device, &interrupts), VPT_OK);
    assert_that(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE);
    assert_status(vpt_blk_queue_restart(&disk.queue), VPT_OK);
    assert_status(vpt_blk_start(&disk.blk), VPT_OK);
    expect_message(1);
    expect_change(0, DISK_SIZE / 2u);
    end_vectors();
}

/* ---- A device without MSI-X ---- */

Test(device_pci_interrupts, PCI_MSIX_2_a_device_without_vectors_has_the_line)
{
    static const struct function_variant variant = {
        VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5,vectors=0"
    };

    start_lines(&variant);
    assert_status(vpt_pci_msix_init(&msix, &function.function, &function.bars), VPT_EMPTY);
    assert_that(start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS).mode == VPT_INTERRUPTS_LINE);
    expect_line();
    function_end();
}
