/* SPDX-License-Identifier: MIT */
/* Which way a device interrupts, by vectors, the line or not at all; and what is left of it that will not reset. */
#include "disk.h"

#include <stdio.h>
#include <string.h>

TestSuite(virtio_pci_vectors, .timeout = 120);

#define QUEUES 3u

static const struct mock_pci_machine_options options = {
    .vectors = 8,
    .machine = { .queues = QUEUES, .queue_maximum = 16, .blk = { .capacity = 64 } },
};

static struct vpt_queue queues[QUEUES];

/* Probed, MSI-X on, negotiated. */
static void vectors_init(enum machine_kind kind)
{
    disk_probe_pci(kind, &options);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
}

/* Sets up the queues and starts the device. */
static void start_queues(void)
{
    for (uint16_t i = 0; i < QUEUES; i++) {
        struct vpt_queue_config config = { .index = i };

        assert_status(vpt_queue_init(&queues[i], machine.device, &config), VPT_OK);
    }
    assert_status(vpt_device_start(machine.device), VPT_OK);
}

static void release_queues(void)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        void *token;

        while (vpt_queue_drain(&queues[i], &token) == VPT_OK) {
        }
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
}

static void vectors_end(void)
{
    vectors_off();
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    release_queues();
    disk_end();
}

/* One request that the device uses at once: a read of sector 0. */
static void request(struct vpt_queue *queue)
{
    struct vpt_segment segments[3] = { { machine.data.device_address, 16 },
                                       { machine.data.device_address + 0x1000, SECTOR },
                                       { machine.data.device_address + 0x2000, 1 } };

    memset(machine_bytes(0), 0, 16);
    (void)vpt_queue_notifications_on(queue);
    assert_status(vpt_queue_add(queue, segments, 1, 2, queue), VPT_OK);
    assert_status(vpt_queue_kick(queue), VPT_OK);
    assert_status(vpt_queue_pop(queue, NULL, NULL), VPT_OK);
}

static struct vpt_interrupts ask(enum vpt_interrupt_mode mode, uint16_t first, uint16_t vectors)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = QUEUES, .first = first, .vectors = vectors };

    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    return interrupts;
}

static void assert_plan(const struct vpt_interrupts *interrupts, enum vpt_interrupt_mode mode, uint16_t configuration,
                        uint16_t queue, uint16_t step)
{
    cr_assert(interrupts->mode == mode, "mode %d, not %d", (int)interrupts->mode, (int)mode);
    cr_assert(interrupts->configuration == configuration && interrupts->queue == queue, "entries %u and %u",
              interrupts->configuration, interrupts->queue);
    cr_assert(queue == VPT_NO_VECTOR || interrupts->step == step);
}

/* Every interrupt comes by the message that the plan says, and by no other and no line. */
static void check_messages(const struct vpt_interrupts *interrupts)
{
    unsigned expected[8] = { 0 };
    unsigned sent = 0;

    for (uint16_t i = 0; i < QUEUES; i++) {
        unsigned entry = (unsigned)interrupts->queue + i * (unsigned)interrupts->step;

        request(&queues[i]);
        cr_assert(entry < 8);
        expected[entry]++;
        sent++;
        for (uint16_t n = 0; n < 8; n++) {
            cr_assert(vectors_messages(n) == expected[n], "entry %u sent %u messages", n, vectors_messages(n));
        }
    }
    mock_device_configuration_changed(machine.model);
    expected[interrupts->configuration]++;
    cr_assert(vectors_messages(interrupts->configuration) == expected[interrupts->configuration]);
    cr_assert(machine.on_pci.function.msix->message_count == sent + 1);
    cr_assert(!mock_pci_intx(&machine.on_pci.function) && machine.on_pci.function.msix->dropped == 0);
    machine_trace();
    cr_assert(vpt_device_interrupt(machine.device) == (VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION));
    cr_assert(machine.on_pci.front.access_count == 0); /* PCI-ISR-1 */
}

static void check_line(void)
{
    unsigned sent = machine.on_pci.function.msix->message_count;

    cr_assert(!mock_pci_msix_enabled(&machine.on_pci.function));
    for (unsigned i = 0; i < QUEUES; i++) {
        request(&queues[i]);
        cr_assert(mock_pci_intx(&machine.on_pci.function));
        cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_QUEUE);
        cr_assert(!mock_pci_intx(&machine.on_pci.function));
    }
    mock_device_configuration_changed(machine.model);
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
    cr_assert(machine.on_pci.function.msix->message_count == sent);
}

static void check_silence(void)
{
    for (unsigned n = 0; n < QUEUES; n++) {
        request(&queues[n]);
        cr_assert(!mock_pci_intx(&machine.on_pci.function));
    }
    mock_device_configuration_changed(machine.model);
    cr_assert(!mock_pci_intx(&machine.on_pci.function) && machine.on_pci.function.msix->message_count == 0);
}

/* ---- What is asked for is what comes, and what cannot be had falls back ---- */

#define PER_QUEUE VPT_INTERRUPTS_PER_QUEUE
#define SHARED    VPT_INTERRUPTS_SHARED
#define LINE      VPT_INTERRUPTS_LINE
#define POLLING   VPT_INTERRUPTS_POLLING
#define NONE      VPT_NO_VECTOR

static const struct {
    const char *what;
    bool without; /* MSI-X is off */
    bool polled;  /* it was polled before */
    enum vpt_interrupt_mode asked;
    uint16_t first;
    uint16_t vectors;
    enum vpt_interrupt_mode mode; /* and the rest of what comes of it */
    uint16_t configuration;
    uint16_t queue;
    uint16_t step;
} plans[] = {
    { "every queue has a vector", false, false, PER_QUEUE, 2, QUEUES + 1, PER_QUEUE, 2, 3, 1 },
    { "two vectors are shared", false, false, SHARED, 6, 2, SHARED, 6, 7, 0 },
    { "one vector is for everything", false, false, SHARED, 5, 1, SHARED, 5, 5, 0 },
    { "too few for the queues", false, false, PER_QUEUE, 1, QUEUES, SHARED, 1, 2, 0 },
    { "two are too few", false, false, PER_QUEUE, 1, 2, SHARED, 1, 2, 0 },
    { "one is too few", false, false, PER_QUEUE, 1, 1, SHARED, 1, 1, 0 },
    { "the line is used with MSI-X off", false, false, LINE, 0, 8, LINE, NONE, NONE, 0 },
    { "no vectors to share", false, false, SHARED, 0, 0, LINE, NONE, NONE, 0 },
    { "no vectors at all", false, false, PER_QUEUE, 0, 0, LINE, NONE, NONE, 0 },
    { "MSI-X that is off leaves the line", true, false, PER_QUEUE, 0, 8, LINE, NONE, NONE, 0 },
    { "after polling the line comes back", false, true, LINE, 0, 0, LINE, NONE, NONE, 0 },
    { "polling has no interrupt", false, false, POLLING, 0, 8, POLLING, NONE, NONE, 0 },
    { "nor with MSI-X off", true, false, POLLING, 0, 8, POLLING, NONE, NONE, 0 },
};

static void check_plan(enum machine_kind kind, size_t row)
{
    struct vpt_interrupts interrupts;

    vectors_init(kind);
    if (plans[row].polled) {
        (void)ask(POLLING, 0, 0);
        cr_assert((pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0);
    }
    if (plans[row].polled || plans[row].without) {
        assert_status(vpt_pci_msix_enable(&machine.msix, !plans[row].without), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    }
    interrupts = ask(plans[row].asked, plans[row].first, plans[row].vectors);
    assert_plan(&interrupts, plans[row].mode, plans[row].configuration, plans[row].queue, plans[row].step);
    cr_assert(((pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0) == (plans[row].mode == POLLING));
    start_queues();
    if (plans[row].mode == POLLING) {
        check_silence();
    } else if (plans[row].mode == LINE) {
        check_line();
    } else {
        check_messages(&interrupts);
    }
    vectors_end();
}

PCI_TEST(virtio_pci_vectors, PCI_MSIX_2_PCI_MSIX_5_PCI_MSIX_6_PCI_CFGCHG_1_interrupts_come_by_the_plan)
{
    for (size_t row = 0; row < COUNT_OF(plans); row++) {
        (void)fprintf(stderr, "%s\n", plans[row].what);
        check_plan(variant->kind, row);
    }
}

/* Nothing was said of interrupts: no vector is assigned, and nothing of the function is changed. */
PCI_TEST(virtio_pci_vectors, without_a_word_no_vector_is_used)
{
    vectors_init(variant->kind);
    start_queues();
    request(&queues[0]);
    cr_assert(mock_pci_msix_enabled(&machine.on_pci.function) && machine.on_pci.function.msix->message_count == 0);
    vectors_end();
}

PCI_TEST(virtio_pci_vectors, PCI_MSIX_6_a_function_without_msi_x_has_the_line)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = 8 };

    disk_init_pci(variant->kind, NULL);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    assert_plan(&interrupts, VPT_INTERRUPTS_LINE, VPT_NO_VECTOR, VPT_NO_VECTOR, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_QUEUE);
    disk_end();
}

VERSION_TEST(virtio_pci_vectors, a_transport_without_vectors_has_the_line)
{
    for (unsigned mode = VPT_INTERRUPTS_POLLING; mode <= VPT_INTERRUPTS_PER_QUEUE; mode++) {
        struct vpt_interrupts interrupts = { .mode = (enum vpt_interrupt_mode)mode, .queues = 1, .vectors = 2 };

        plain_negotiate(variant, NULL);
        assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
        assert_plan(&interrupts, mode == 0 ? VPT_INTERRUPTS_POLLING : VPT_INTERRUPTS_LINE, VPT_NO_VECTOR, VPT_NO_VECTOR,
                    0);
        machine_finish();
    }
}

/* What had been assigned before one was refused is taken back. */
static void assert_no_vectors(void)
{
    cr_assert(machine.on_pci.front.configuration.vector == MOCK_PCI_NO_VECTOR);
    for (unsigned i = 0; i < QUEUES; i++) {
        cr_assert(machine.on_pci.front.queue[i].vector == MOCK_PCI_NO_VECTOR, "queue %u", i);
    }
}

/* What the device comes to if its n-th assignment of a vector, and all that follow, is refused `times` times. */
static void check_refused(enum machine_kind kind, uint32_t n, uint32_t times, enum vpt_interrupt_mode mode,
                          uint16_t queue)
{
    struct vpt_interrupts interrupts;

    vectors_init(kind);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VECTOR_REFUSED, n, times, 0);
    interrupts = ask(VPT_INTERRUPTS_PER_QUEUE, 0, 8);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_VECTOR_REFUSED) != 0);
    cr_assert(interrupts.mode == mode, "refused %u from %u on: mode %d", times, n, (int)interrupts.mode);
    cr_assert(interrupts.queue == queue);
    start_queues();
    if (mode >= VPT_INTERRUPTS_SHARED) {
        check_messages(&interrupts);
    } else {
        assert_no_vectors();
        check_line();
    }
    vectors_end();
}

PCI_TEST(virtio_pci_vectors, PCI_MSIX_5_a_vector_that_the_device_does_not_take_is_noticed)
{
    for (uint32_t n = 1; n <= QUEUES + 1; n++) {
        check_refused(variant->kind, n, 1, VPT_INTERRUPTS_SHARED, 1);
        check_refused(variant->kind, n, 2, VPT_INTERRUPTS_SHARED, 0);
        check_refused(variant->kind, n, 0, VPT_INTERRUPTS_LINE, VPT_NO_VECTOR);
    }
}

/* On a legacy interface the configuration has moved with MSI-X. */
PCI_TEST(virtio_pci_vectors, LEG_PCILAYOUT_4_the_configuration_is_found_after_msi_x_is_turned_off)
{
    vectors_init(variant->kind);
    cr_assert(disk_capacity() == 64);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VECTOR_REFUSED, 1, 0, 0);
    (void)ask(VPT_INTERRUPTS_PER_QUEUE, 0, 8);
    cr_assert(!mock_pci_msix_enabled(&machine.on_pci.function));
    cr_assert(disk_capacity() == 64);
    start_queues();
    vectors_end();
}

/* ---- What it answers ---- */

PCI_TEST(virtio_pci_vectors, PCI_MSIX_4_entries_outside_the_table_are_refused)
{
    static const struct {
        uint16_t first;
        uint16_t vectors;
    } outside[] = { { 0, 9 }, { 8, 1 }, { 7, 2 }, { 0xffff, 1 }, { 1, 0xffff }, { 0xfff8, 9 }, { 5, 4 } };
    struct vpt_interrupts interrupts;

    vectors_init(variant->kind);
    machine_trace();
    for (size_t i = 0; i < COUNT_OF(outside); i++) {
        interrupts = (struct vpt_interrupts){
            .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = QUEUES, .first = outside[i].first, .vectors = outside[i].vectors
        };
        assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_CALLER_RANGE);
        cr_assert(machine.on_pci.front.access_count == 0);
    }
    interrupts = ask(VPT_INTERRUPTS_PER_QUEUE, 4, 4);
    assert_plan(&interrupts, VPT_INTERRUPTS_PER_QUEUE, 4, 5, 1);
    start_queues();
    check_messages(&interrupts);
    vectors_end();
}

PCI_TEST(virtio_pci_vectors, PCI_MSIX_1_any_table_size_works)
{
    static const uint16_t sizes[] = { 1, 2, 3, 64, 65, 2047, 2048 };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct mock_pci_machine_options sized = options;
        struct vpt_interrupts interrupts = {
            .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = QUEUES, .first = (uint16_t)(sizes[i] - 1u), .vectors = 2
        };

        sized.vectors = sizes[i];
        disk_probe_pci(variant->kind, &sized);
        vectors_on();
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_CALLER_RANGE);
        interrupts = ask(VPT_INTERRUPTS_PER_QUEUE, (uint16_t)(sizes[i] - 1u), 1);
        assert_plan(&interrupts, VPT_INTERRUPTS_SHARED, (uint16_t)(sizes[i] - 1u), (uint16_t)(sizes[i] - 1u), 0);
        start_queues();
        request(&queues[1]);
        cr_assert(vectors_messages((uint16_t)(sizes[i] - 1u)) == 1);
        vectors_end();
    }
}

PCI_TEST(virtio_pci_vectors, interrupts_are_settled_between_negotiation_and_start)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_SHARED, .queues = 1, .vectors = 1 };

    disk_probe_pci(variant->kind, &options);
    vectors_on();
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_CALLER_STATE);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_device_choose_interrupts(machine.device, NULL), VPT_CALLER_ARGUMENT);
    interrupts.mode = (enum vpt_interrupt_mode)4;
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_CALLER_ARGUMENT);
    (void)ask(VPT_INTERRUPTS_SHARED, 0, 1);
    start_queues();
    interrupts.mode = VPT_INTERRUPTS_LINE;
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_CALLER_STATE);
    vectors_end();
}

/* A reset forgets the vectors, and so does the next negotiation, until they are asked for again. */
PCI_TEST(virtio_pci_vectors, a_negotiation_forgets_the_vectors)
{
    struct vpt_interrupts interrupts;

    vectors_init(variant->kind);
    interrupts = ask(VPT_INTERRUPTS_PER_QUEUE, 0, 8);
    start_queues();
    check_messages(&interrupts);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    release_queues();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    machine.on_pci.function.msix->message_count = 0;
    interrupts = ask(VPT_INTERRUPTS_SHARED, 3, 2);
    start_queues();
    check_messages(&interrupts);
    vectors_end();
}

PCI_TEST(virtio_pci_vectors, msi_x_that_cannot_be_turned_off_is_reported)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_LINE, .queues = QUEUES };

    vectors_init(variant->kind);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_MSIX_STUCK, 1, 0, 0);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_DEVICE_PCI_MSIX);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_MSIX_STUCK);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    start_queues();
    check_line();
    vectors_end();
}

PCI_TEST(virtio_pci_vectors, a_line_that_cannot_be_turned_on_is_reported)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_LINE, .queues = QUEUES };

    vectors_init(variant->kind);
    (void)ask(VPT_INTERRUPTS_POLLING, 0, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, VPT_PCI_COMMAND_INTERRUPT_DISABLE);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_DEVICE_PCI_COMMAND);
    vectors_off();
    disk_end();
}

/* Functions older than PCI 2.3 have no such bit: whoever polls does not mind. */
PCI_TEST(virtio_pci_vectors, a_line_that_cannot_be_turned_off_does_not_matter)
{
    struct vpt_interrupts interrupts;

    vectors_init(variant->kind);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, VPT_PCI_COMMAND_INTERRUPT_DISABLE);
    interrupts = ask(VPT_INTERRUPTS_POLLING, 0, 0);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK) == 1);
    assert_plan(&interrupts, VPT_INTERRUPTS_POLLING, VPT_NO_VECTOR, VPT_NO_VECTOR, 0);
    vectors_off();
    disk_end();
}

PCI_TEST(virtio_pci_vectors, errors_of_the_port_arrive)
{
    for (uint32_t n = 1;; n++) {
        struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_LINE, .queues = QUEUES };
        enum vpt_status status;

        cr_assert(n < 20);
        vectors_init(variant->kind);
        mock_trigger_set(&machine.on_pci.bus.fail_read, n, 1);
        status = vpt_device_choose_interrupts(machine.device, &interrupts);
        if (machine.on_pci.bus.fail_read.fired == 0) {
            assert_status(status, VPT_OK);
            cr_assert(n > 2);
            vectors_off();
            disk_end();
            return;
        }
        assert_status(status, machine.on_pci.bus.fail_status);
        vectors_off();
        disk_end();
    }
}

/* ---- A reset that does not finish ---- */

static const struct mock_pci_machine_options slow = {
    .machine = { .completion.mode = MOCK_COMPLETE_BY_TICK, .completion.delay = 100000, .blk = { .capacity = 64 } },
};

static void submit_some(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, i, i * SECTOR, SECTOR, NULL), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    cr_assert(mock_device_pending(machine.model) == count);
}

/* The device goes on, but its memory is out of reach: the requests come back, and their memory is the driver's. */
PCI_TEST(virtio_pci_vectors, RESET_1_a_reset_that_does_not_finish_ends_with_bus_mastering_off)
{
    struct vpt_completion completion;

    disk_start_pci(variant->kind, &slow);
    submit_some(9);
    memset(machine_bytes(0), 0x3c, MACHINE_DATA_SIZE);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    for (unsigned i = 0; i < 9; i++) {
        assert_status(vpt_requests_poll(&disk.queue->requests, &completion), VPT_OK);
        assert_status(completion.status, VPT_CANCELLED);
    }
    assert_status(vpt_requests_poll(&disk.queue->requests, &completion), VPT_EMPTY);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    for (unsigned i = 0; i < 200000; i++) {
        mock_hal_tick(machine.hal); /* by now it has tried to complete them */
    }
    cr_assert(all_bytes(machine_bytes(0), MACHINE_DATA_SIZE, 0x3c));
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_TIMEOUT);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    vpt_virtio_pci_close(&machine.pci);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* If the bit does not clear, nothing may be given back. */
PCI_TEST(virtio_pci_vectors, CLEANUP_2_a_device_that_cannot_be_cut_off_keeps_its_memory)
{
    struct vpt_completion completion;
    size_t live;

    disk_start_pci(variant->kind, &slow);
    submit_some(5);
    live = mock_hal_live_allocations(machine.hal);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK) != 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_status(vpt_requests_poll(&disk.queue->requests, &completion), VPT_OK);
        assert_status(completion.status, VPT_DEVICE_STUCK);
    }
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_DEVICE_STUCK);
    cr_assert(mock_hal_live_allocations(machine.hal) == live);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    disk_end();
}

/* A port that fails to clear it is as bad as a bit that stays. */
PCI_TEST(virtio_pci_vectors, CLEANUP_2_a_port_that_cannot_cut_the_device_off_leaves_it_its_memory)
{
    disk_start_pci(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    mock_trigger_set(&machine.on_pci.bus.fail_write, 1, 1);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_DEVICE_STUCK);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    disk_end();
}
