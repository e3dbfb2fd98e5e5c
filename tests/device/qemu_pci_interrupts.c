/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a virtio disk behind PCI: by its INTx line, observed at the interrupt controller, or by MSI-X messages.
 */
#include "qemu_function.h"

#include <string.h>

TestSuite(device_pci_interrupts, .timeout = 60);

#define VECTORS 2u            /* table entries of a disk with one queue in QEMU */
#define QUEUES  4u            /* queues of the other disk */
#define ENTRIES (QUEUES + 1u) /* table entries of that disk */

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
    { VPT_QTEST_Q35, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=5,packed=on" },
    { VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, false }, false, false, "addr=5,packed=on" },
};

/* Machines for several queues; the monitor needs the id. */
static struct function_variant several[] = {
    { VPT_QTEST_PC,
      MODERN_ONLY,
      VPT_VIRTIO_PCI_ANY,
      { true, true },
      false,
      false,
      "addr=6,num-queues=4,vectors=5,id=disk" },
    { VPT_QTEST_PC,
      MODERN_ONLY,
      VPT_VIRTIO_PCI_ANY,
      { true, true },
      false,
      false,
      "addr=6,num-queues=4,vectors=5,id=disk,packed=on" },
    { VPT_QTEST_PC,
      LEGACY_ONLY,
      VPT_VIRTIO_PCI_ANY,
      { true, true },
      false,
      false,
      "addr=5,num-queues=4,vectors=5,id=disk" },
    { VPT_QTEST_Q35,
      MODERN_ONLY,
      VPT_VIRTIO_PCI_ANY,
      { true, true },
      true,
      false,
      "addr=7,num-queues=4,vectors=5,id=disk" },
};

#define TEST_OF(list, name)                                                        \
    ParameterizedTestParameters(device_pci_interrupts, name)                       \
    {                                                                              \
        return cr_make_param_array(struct function_variant, list, COUNT_OF(list)); \
    }                                                                              \
    ParameterizedTest(const struct function_variant *variant, device_pci_interrupts, name)

#define VARIANT_TEST(name) TEST_OF(variants, name)

static struct vpt_pci_msix msix;
static uint16_t entries; /* entries of the MSI-X table */
static struct vpt_qtest_mailbox mailboxes[ENTRIES];

/* ---- Steps ---- */

static uint32_t line(void)
{
    return vpt_qtest_intx_line(fixture.qtest, function.function.address.device, function.identity.interrupt_pin);
}

/* Starts the disk step by step, and chooses its interrupts in between. */
static struct vpt_interrupts start_disk(enum vpt_interrupt_mode mode, uint16_t first, uint16_t vectors)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = 1, .first = first, .vectors = vectors };

    disk.device = &function.pci.device;
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    assert_status(vpt_device_choose_interrupts(disk.device, &interrupts), VPT_OK);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_that(disk.blk.info.capacity == DISK_SECTORS); /* MSI-X moves the legacy configuration */
    disk_data(SECTOR);
    return interrupts;
}

static void start_lines(const struct function_variant *variant)
{
    function_start(variant);
    fixture_intercept();
    assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
}

/* Turns MSI-X on; each entry sends to its mailbox. */
static void program_vectors(void)
{
    assert_status(vpt_pci_command(&function.function, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    assert_status(vpt_pci_msix_init(&msix, &function.function, &function.bars), VPT_OK);
    assert_that(msix.entries == entries);
    for (uint16_t i = 0; i < entries; i++) {
        assert_status(vpt_pci_msix_program(&msix, i, mailboxes[i].address, 0x51u + i), VPT_OK);
        assert_status(vpt_pci_msix_mask(&msix, i, false), VPT_OK);
    }
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
}

static void start_table(const struct function_variant *variant, uint16_t size)
{
    function_start(variant);
    entries = size;
    for (uint16_t i = 0; i < entries; i++) {
        assert_status(vpt_qtest_mailbox_open(fixture.qtest, &mailboxes[i]), VPT_OK);
    }
    program_vectors();
}

static void start_vectors(const struct function_variant *variant)
{
    start_table(variant, VECTORS);
}

/* Call after disk_stop(). Asserts that every message was taken. */
static void end_table(void)
{
    vpt_pci_msix_release(&msix);
    for (uint16_t i = 0; i < entries; i++) {
        assert_that(vpt_qtest_mailbox_peek(&mailboxes[i]) == 0);
        vpt_qtest_mailbox_close(fixture.qtest, &mailboxes[i]);
    }
    function_finish();
}

static void end_vectors(void)
{
    assert_that(disk_stop() == 0);
    end_table();
}

static void submit(void)
{
    assert_status(disk_submit(VPT_BLK_READ, 9, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
}

/* Polls until empty, which arms the next interrupt. */
static void complete(void)
{
    struct vpt_completion completion;

    assert_status(disk_complete(NULL), VPT_OK);
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
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

/* Resizes the disk; `entry` must send a message, and the other entry none. */
static void expect_change(uint16_t entry, uint32_t size)
{
    assert_status(
        vpt_qtest_qmp(fixture.qtest, "{'execute': 'block_resize', 'arguments': {'node-name': 'd0', 'size': %u}}", size),
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
    assert_status(vpt_device_choose_interrupts(&function.pci.device, &interrupts), VPT_CALLER_RANGE);
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

/* ---- Several queues ---- */

static struct vpt_blk_queue more[QUEUES - 1u];
static uint32_t seeds[QUEUES]; /* seed of each queue's sector */
static uint32_t last_seed;

static struct vpt_blk_queue *queue_of(uint16_t index)
{
    return index == 0 ? &disk.queue : &more[index - 1u];
}

static struct vpt_interrupts start_queues(enum vpt_interrupt_mode mode, uint16_t first, uint16_t vectors)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = QUEUES, .first = first, .vectors = vectors };

    disk.device = &function.pci.device;
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    assert_that(disk.blk.info.queues == QUEUES);
    assert_status(vpt_device_choose_interrupts(disk.device, &interrupts), VPT_OK);
    for (uint16_t i = 0; i < QUEUES; i++) {
        assert_status(vpt_blk_queue_init(queue_of(i), &disk.blk, i, NULL), VPT_OK);
    }
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    disk_data(QUEUES * SECTOR);
    return interrupts;
}

static void stop_queues(void)
{
    assert_that(disk_stop() == 0);
    for (uint16_t i = 1; i < QUEUES; i++) {
        assert_status(vpt_requests_release(&queue_of(i)->requests), VPT_OK);
    }
}

/* Each queue has its own sector of the disk and of the data. */
static uint64_t sector_of(uint16_t index)
{
    return 300u + 17u * index;
}

static bool carried(uint16_t index)
{
    uint8_t bytes[SECTOR];

    image_read(sector_of(index) * SECTOR, bytes, SECTOR);
    return filled(bytes, SECTOR, seeds[index]) && filled(disk_bytes(index * SECTOR), SECTOR, seeds[index]);
}

/* Reads or writes a sector with contents that are new to the disk and to the data. */
static void submit_on(uint16_t index, enum vpt_blk_operation operation)
{
    struct vpt_segment segment = disk_segment(index * SECTOR, SECTOR);
    struct vpt_blk_request request = { operation, sector_of(index), &segment, 1, 0, NULL };
    uint8_t bytes[SECTOR];

    seeds[index] = ++last_seed;
    fill(bytes, SECTOR, seeds[index]);
    if (operation == VPT_BLK_READ) {
        image_write(sector_of(index) * SECTOR, bytes, SECTOR);
    } else {
        memcpy(disk_bytes(index * SECTOR), bytes, SECTOR);
    }
    assert_that(!carried(index));
    assert_status(vpt_blk_submit(queue_of(index), &request, &seeds[index]), VPT_OK);
    assert_status(vpt_requests_kick(&queue_of(index)->requests), VPT_OK);
}

/* Takes the completion that the message announced, and arms the next interrupt. */
static void complete_on(uint16_t index)
{
    struct vpt_completion completion = { 0 };

    assert_status(vpt_requests_poll(&queue_of(index)->requests, &completion), VPT_OK);
    assert_status(completion.status, VPT_OK);
    assert_that(completion.token == &seeds[index] && carried(index));
    assert_status(vpt_requests_poll(&queue_of(index)->requests, &completion), VPT_EMPTY);
}

static void take_message(uint16_t entry)
{
    assert_status(vpt_qtest_mailbox_wait(fixture.qtest, &mailboxes[entry], FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_qtest_mailbox_take(&mailboxes[entry]) == 0x51u + entry);
}

static void expect_silence(void)
{
    for (uint16_t i = 0; i < entries; i++) {
        assert_that(vpt_qtest_mailbox_peek(&mailboxes[i]) == 0);
    }
}

/* A read and a write on one queue send messages by this vector only. */
static void expect_message_on(uint16_t index, uint16_t entry)
{
    static const enum vpt_blk_operation operations[] = { VPT_BLK_READ, VPT_BLK_WRITE };

    for (unsigned i = 0; i < COUNT_OF(operations); i++) {
        submit_on(index, operations[i]);
        take_message(entry);
        expect_silence();
        complete_on(index);
    }
}

/* Makes QEMU hold back all but the first request, for minutes; or releases the held requests. */
static void hold(bool on)
{
    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'block_set_io_throttle', 'arguments': {"
                                "'id': '/machine/peripheral/disk/virtio-backend', 'bps': %u, 'bps_rd': 0, "
                                "'bps_wr': 0, 'iops': 0, 'iops_rd': 0, 'iops_wr': 0}}",
                                on ? 1u : 0u),
                  VPT_OK);
}

/* Submits a request on each queue; none completes before all are in flight. `entry` is queue 0's. */
static void submit_on_all(uint16_t entry)
{
    struct vpt_completion completion;

    hold(true);
    submit_on(0, VPT_BLK_READ);
    take_message(entry);
    complete_on(0);
    for (uint16_t i = 0; i < QUEUES; i++) {
        submit_on(i, i % 2u == 0 ? VPT_BLK_WRITE : VPT_BLK_READ);
    }
    for (uint16_t i = 0; i < QUEUES; i++) {
        assert_status(vpt_requests_poll(&queue_of(i)->requests, &completion), VPT_EMPTY);
        assert_that(requests_in_flight(&queue_of(i)->requests) == 1 && !carried(i));
    }
    expect_silence();
    hold(false);
}

TEST_OF(several, PCI_MSIX_5_each_of_several_queues_has_a_vector_of_its_own)
{
    struct vpt_interrupts interrupts;

    start_table(variant, ENTRIES);
    interrupts = start_queues(VPT_INTERRUPTS_PER_QUEUE, 0, ENTRIES);
    assert_that(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE);
    assert_that(interrupts.configuration == 0 && interrupts.queue == 1 && interrupts.step == 1);
    for (uint16_t i = 0; i < QUEUES; i++) {
        expect_message_on(i, (uint16_t)(1u + i));
    }
    expect_change(0, DISK_SIZE / 2u);
    expect_silence();
    for (uint16_t i = QUEUES; i > 0; i--) {
        expect_message_on((uint16_t)(i - 1u), i);
    }
    stop_queues();
    end_table();
}

TEST_OF(several, several_queues_at_once_each_have_their_own_message)
{
    start_table(variant, ENTRIES);
    assert_that(start_queues(VPT_INTERRUPTS_PER_QUEUE, 0, ENTRIES).mode == VPT_INTERRUPTS_PER_QUEUE);
    for (unsigned round = 0; round < 3; round++) {
        submit_on_all(1);
        for (uint16_t i = 0; i < QUEUES; i++) {
            take_message((uint16_t)(1u + i));
        }
        expect_silence();
        for (uint16_t i = 0; i < QUEUES; i++) {
            complete_on(i);
        }
    }
    stop_queues();
    end_table();
}

/* Waits for the shared message, which may cover several queues, and may repeat for completions already taken. */
static void complete_on_all(uint16_t entry)
{
    unsigned missing = QUEUES;

    while (missing != 0) {
        take_message(entry);
        for (uint16_t i = 0; i < QUEUES; i++) {
            struct vpt_completion completion;

            if (vpt_requests_poll(&queue_of(i)->requests, &completion) == VPT_OK) {
                assert_status(completion.status, VPT_OK);
                assert_that(completion.token == &seeds[i] && carried(i));
                assert_status(vpt_requests_poll(&queue_of(i)->requests, &completion), VPT_EMPTY);
                missing--;
            }
        }
    }
}

TEST_OF(several, several_queues_share_a_vector_beside_the_configuration)
{
    struct vpt_interrupts interrupts;
    uint32_t late;

    start_table(variant, ENTRIES);
    interrupts = start_queues(VPT_INTERRUPTS_SHARED, 2, 2);
    assert_that(interrupts.mode == VPT_INTERRUPTS_SHARED);
    assert_that(interrupts.configuration == 2 && interrupts.queue == 3 && interrupts.step == 0);
    for (uint16_t i = 0; i < QUEUES; i++) {
        expect_message_on(i, 3);
    }
    expect_change(2, DISK_SIZE / 2u);
    expect_silence();
    submit_on_all(3);
    complete_on_all(3);
    stop_queues();
    late = vpt_qtest_mailbox_take(&mailboxes[3]);
    assert_that(late == 0 || late == 0x51u + 3u);
    end_table();
}

TEST_OF(several, PCI_MSIX_6_several_queues_with_too_few_vectors_share_one)
{
    struct vpt_interrupts interrupts;

    start_table(variant, ENTRIES);
    interrupts = start_queues(VPT_INTERRUPTS_PER_QUEUE, 0, QUEUES); /* the configuration has no entry */
    assert_that(interrupts.mode == VPT_INTERRUPTS_SHARED);
    assert_that(interrupts.configuration == 0 && interrupts.queue == 1 && interrupts.step == 0);
    for (uint16_t i = 0; i < QUEUES; i++) {
        expect_message_on(i, 1);
    }
    stop_queues();
    end_table();
}

/* ---- After system reset ---- */

/* Machines whose reset clears neither the IOMMU nor the place of configuration space. */
static struct function_variant sleepers[] = {
    { VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "addr=6,packed=on" },
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
    assert_status(vpt_driver_restart(&disk.blk.driver, &interrupts), VPT_OK);
    assert_that(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE);
    expect_message(1);
    expect_change(0, DISK_SIZE / 2u);
    end_vectors();
}

/* ---- A device without MSI-X ---- */

Test(device_pci_interrupts, PCI_MSIX_2_a_device_without_vectors_has_the_line)
{
    static const struct function_variant variant = { VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true },
                                                     false,        false,       "addr=5,vectors=0" };

    start_lines(&variant);
    assert_status(vpt_pci_msix_init(&msix, &function.function, &function.bars), VPT_EMPTY);
    assert_that(start_disk(VPT_INTERRUPTS_PER_QUEUE, 0, VECTORS).mode == VPT_INTERRUPTS_LINE);
    expect_line();
    function_end();
}
