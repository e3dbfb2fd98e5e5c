/* SPDX-License-Identifier: MIT */
/* Which way a device interrupts, by vectors, the line or not at all; and what is left of it that will not reset. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_vectors, .timeout = 120);

#define QUEUES  3u
#define ENTRIES 8u

#define PER_QUEUE VPT_INTERRUPTS_PER_QUEUE
#define SHARED    VPT_INTERRUPTS_SHARED
#define LINE      VPT_INTERRUPTS_LINE
#define POLLING   VPT_INTERRUPTS_POLLING
#define NONE      VPT_NO_VECTOR

static struct vpt_queue queues[QUEUES];

/* Probed, MSI-X on, negotiated. */
static void init_with(enum machine_kind kind, uint16_t entries)
{
    const struct mock_pci_machine_options options = {
        .vectors = entries, .machine = { .queues = QUEUES, .queue_maximum = 16, .blk = { .capacity = 64 } }
    };

    disk_probe_on(kind, &options);
    vectors_on();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
}

static void start_queues(void)
{
    for (uint16_t i = 0; i < QUEUES; i++) {
        assert_status(vpt_queue_init(&queues[i], machine.device, &(struct vpt_queue_config){ .index = i }), VPT_OK);
    }
    assert_status(vpt_device_start(machine.device), VPT_OK);
}

static void release_queues(void)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < QUEUES; i++) {
        assert_status(vpt_queue_drain(&queues[i], NULL), VPT_EMPTY);
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
}

static bool line_off(void)
{
    return (pci_command() & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0;
}

static void end(void)
{
    release_queues();
    disk_stop();
    cr_assert(!line_off(), "the line stays off for who comes next");
    machine_finish();
}

/* One request that the device uses at once: a read of sector 0. */
static void request(struct vpt_queue *queue)
{
    struct vpt_segment segments[] = { machine_segment(0, 16), machine_segment(0x1000, SECTOR),
                                      machine_segment(0x2000, 1) };

    memset(machine_bytes(0), 0, 16);
    (void)vpt_queue_notifications_on(queue);
    assert_status(vpt_queue_add(queue, segments, 1, 2, queue), VPT_OK);
    assert_status(vpt_queue_kick(queue), VPT_OK);
    assert_status(vpt_queue_pop(queue, NULL, NULL), VPT_OK);
}

static struct vpt_interrupts choose(enum vpt_interrupt_mode mode, uint16_t first, uint16_t vectors,
                                    enum vpt_status expected)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = QUEUES, .first = first, .vectors = vectors };

    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), expected);
    return interrupts;
}

static void assert_plan(const char *row, struct vpt_interrupts got, enum vpt_interrupt_mode mode,
                        uint16_t configuration, uint16_t queue, uint16_t step)
{
    assert_same_of(row, got.mode, mode);
    assert_same_of(row, got.configuration, configuration);
    assert_same_of(row, got.queue, queue);
    assert_same_of(row, queue == NONE ? 0 : got.step, step);
}

/* Every interrupt comes by the message that the plan says, and by no other and no line. */
static void check_messages(const struct vpt_interrupts *interrupts)
{
    const struct mock_pci_msix *msix = machine.on_pci.function.msix;
    unsigned before = msix->message_count;
    unsigned expected[ENTRIES];

    for (uint16_t n = 0; n < ENTRIES; n++) {
        expected[n] = vectors_messages(n);
    }
    for (uint16_t i = 0; i <= QUEUES; i++) {
        unsigned entry = (unsigned)interrupts->queue + i * (unsigned)interrupts->step;

        if (i < QUEUES) {
            request(&queues[i]);
        } else {
            entry = interrupts->configuration;
            mock_device_configuration_changed(machine.model);
        }
        cr_assert(entry < ENTRIES);
        expected[entry]++;
        for (uint16_t n = 0; n < ENTRIES; n++) {
            assert_same(vectors_messages(n), expected[n]);
        }
    }
    assert_same(msix->message_count - before, QUEUES + 1);
    cr_assert(!mock_pci_intx(&machine.on_pci.function) && msix->dropped == 0);
    machine_trace();
    assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION);
    assert_same(machine.on_pci.front.access_count, 0); /* PCI-ISR-1 */
}

/* By the line, or, polled, not at all; no message is sent, and no vector is assigned. */
static void check_line(bool polled)
{
    unsigned sent = machine.on_pci.function.msix->message_count;

    assert_same(machine.on_pci.front.configuration.vector, MOCK_PCI_NO_VECTOR);
    for (unsigned i = 0; i <= QUEUES; i++) {
        if (i < QUEUES) {
            assert_same(machine.on_pci.front.queue[i].vector, MOCK_PCI_NO_VECTOR);
            request(&queues[i]);
        } else {
            mock_device_configuration_changed(machine.model);
        }
        assert_same(mock_pci_intx(&machine.on_pci.function), !polled);
        if (!polled) {
            assert_same(vpt_device_interrupt(machine.device),
                        i < QUEUES ? VPT_INTERRUPT_QUEUE : VPT_INTERRUPT_CONFIGURATION);
            cr_assert(!mock_pci_intx(&machine.on_pci.function));
        }
    }
    cr_assert(polled || !mock_pci_msix_enabled(&machine.on_pci.function));
    assert_same(machine.on_pci.function.msix->message_count, sent);
}

/* ---- What is asked for is what comes, and what cannot be had falls back ---- */

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
    { "the last vectors", false, false, PER_QUEUE, 4, 4, PER_QUEUE, 4, 5, 1 },
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

PCI_TEST(virtio_pci_vectors, PCI_MSIX_2_PCI_MSIX_5_PCI_MSIX_6_PCI_CFGCHG_1_interrupts_come_by_the_plan)
{
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct vpt_interrupts interrupts;

        init_with(variant->kind, ENTRIES);
        if (plans[i].polled) {
            (void)choose(POLLING, 0, 0, VPT_OK);
            cr_assert(line_off());
        }
        if (plans[i].polled || plans[i].without) {
            assert_status(vpt_pci_msix_enable(&machine.msix, !plans[i].without), VPT_OK);
            assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        }
        interrupts = choose(plans[i].asked, plans[i].first, plans[i].vectors, VPT_OK);
        assert_plan(plans[i].what, interrupts, plans[i].mode, plans[i].configuration, plans[i].queue, plans[i].step);
        assert_same_of(plans[i].what, line_off(), plans[i].mode == POLLING);
        start_queues();
        if (plans[i].mode >= SHARED) {
            check_messages(&interrupts);
        } else {
            check_line(plans[i].mode == POLLING);
        }
        end();
    }
}

MACHINE_TEST(virtio_pci_vectors, PCI_MSIX_6_a_device_without_vectors_has_the_line)
{
    for (enum vpt_interrupt_mode mode = POLLING; mode <= PER_QUEUE; mode++) {
        enum vpt_interrupt_mode expected = mode == POLLING ? POLLING : LINE;

        disk_init_on(variant->kind, NULL);
        assert_plan("", choose(mode, 0, 8, VPT_OK), expected, NONE, NONE, 0);
        disk_work();
        cr_assert(expected == POLLING || vpt_device_interrupt(machine.device) == VPT_INTERRUPT_QUEUE);
        disk_end();
    }
}

/* The device refuses its n-th assignment of a vector, and what follows, `times` times; 0: always. */
static void check_refused(enum machine_kind kind, uint32_t n, uint32_t times, enum vpt_interrupt_mode mode,
                          uint16_t queue)
{
    struct vpt_interrupts interrupts;

    init_with(kind, ENTRIES);
    assert_same(disk_capacity(), 64);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VECTOR_REFUSED, n, times, 0);
    interrupts = choose(PER_QUEUE, 0, 8, VPT_OK);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_VECTOR_REFUSED) != 0);
    assert_same(interrupts.mode, mode);
    assert_same(interrupts.queue, queue);
    assert_same(disk_capacity(), 64); /* on a legacy interface it has moved if MSI-X was turned off */
    start_queues();
    if (mode >= SHARED) {
        check_messages(&interrupts);
    } else {
        check_line(false);
    }
    end();
}

PCI_TEST(virtio_pci_vectors, PCI_MSIX_5_LEG_PCILAYOUT_4_a_vector_that_the_device_does_not_take_is_noticed)
{
    for (uint32_t n = 1; n <= QUEUES + 1; n++) {
        check_refused(variant->kind, n, 1, SHARED, 1);
        check_refused(variant->kind, n, 2, SHARED, 0);
        check_refused(variant->kind, n, 0, LINE, NONE);
    }
}

/* ---- What is refused ---- */

PCI_TEST(virtio_pci_vectors, PCI_MSIX_4_entries_outside_the_table_are_refused)
{
    static const uint16_t outside[][2] = { { 0, 9 },      { 8, 1 },      { 7, 2 }, { 0xffff, 1 },
                                           { 1, 0xffff }, { 0xfff8, 9 }, { 5, 4 } };

    init_with(variant->kind, ENTRIES);
    machine_trace();
    for (size_t i = 0; i < COUNT_OF(outside); i++) {
        (void)choose(PER_QUEUE, outside[i][0], outside[i][1], VPT_CALLER_RANGE);
    }
    assert_same(machine.on_pci.front.access_count, 0);
    disk_end();
}

PCI_TEST(virtio_pci_vectors, PCI_MSIX_1_any_table_size_works)
{
    static const uint16_t sizes[] = { 1, 2, 3, 64, 65, 2047, 2048 };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint16_t last = (uint16_t)(sizes[i] - 1u);

        init_with(variant->kind, sizes[i]);
        (void)choose(PER_QUEUE, last, 2, VPT_CALLER_RANGE);
        assert_plan("", choose(PER_QUEUE, last, 1, VPT_OK), SHARED, last, last, 0);
        start_queues();
        request(&queues[1]);
        assert_same(vectors_messages(last), 1);
        end();
    }
}

/* A reset forgets the vectors, and so does the next negotiation, until they are asked for again. */
PCI_TEST(virtio_pci_vectors, interrupts_are_settled_between_each_negotiation_and_its_start)
{
    struct vpt_interrupts interrupts = { .mode = SHARED, .queues = QUEUES, .vectors = 1 };

    disk_probe_on(variant->kind,
                  &(const struct mock_pci_machine_options){ .vectors = ENTRIES, .machine.queues = QUEUES });
    vectors_on();
    (void)choose(SHARED, 0, 1, VPT_CALLER_STATE);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_device_choose_interrupts(machine.device, NULL), VPT_CALLER_ARGUMENT);
    (void)choose((enum vpt_interrupt_mode)4, 0, 1, VPT_CALLER_ARGUMENT);
    start_queues(); /* nothing was said of interrupts: no vector is used */
    request(&queues[0]);
    cr_assert(mock_pci_msix_enabled(&machine.on_pci.function) && machine.on_pci.function.msix->message_count == 0);
    release_queues();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    interrupts = choose(PER_QUEUE, 0, 8, VPT_OK);
    start_queues();
    (void)choose(LINE, 0, 1, VPT_CALLER_STATE);
    check_messages(&interrupts);
    release_queues();
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    interrupts = choose(SHARED, 3, 2, VPT_OK);
    start_queues();
    check_messages(&interrupts);
    end();
}

/* Functions older than PCI 2.3 have no bit that turns the line off: whoever polls does not mind. */
PCI_TEST(virtio_pci_vectors, what_cannot_be_turned_off_or_on_is_reported_but_for_a_line_that_is_polled)
{
    static const struct {
        enum mock_fault fault;
        enum vpt_interrupt_mode before;
        enum vpt_interrupt_mode asked;
        enum vpt_status expected;
    } stuck[] = {
        { MOCK_FAULT_MSIX_STUCK, PER_QUEUE, LINE, VPT_DEVICE_PCI_MSIX },
        { MOCK_FAULT_COMMAND_STUCK, POLLING, LINE, VPT_DEVICE_PCI_COMMAND },
        { MOCK_FAULT_COMMAND_STUCK, PER_QUEUE, POLLING, VPT_OK },
    };

    for (size_t i = 0; i < COUNT_OF(stuck); i++) {
        init_with(variant->kind, ENTRIES);
        (void)choose(stuck[i].before, 0, 8, VPT_OK);
        mock_fault_set(&machine.model->faults, stuck[i].fault, 1, 0, VPT_PCI_COMMAND_INTERRUPT_DISABLE);
        (void)choose(stuck[i].asked, 0, 0, stuck[i].expected);
        cr_assert(mock_fault_fired(&machine.model->faults, stuck[i].fault) != 0);
        mock_fault_clear(&machine.model->faults, stuck[i].fault);
        assert_plan("", choose(stuck[i].asked, 0, 0, VPT_OK), stuck[i].asked, NONE, NONE, 0);
        start_queues();
        check_line(stuck[i].asked == POLLING);
        end();
    }
}

PCI_TEST(virtio_pci_vectors, errors_of_the_port_arrive)
{
    struct vpt_interrupts interrupts;
    bool failed = true;

    for (uint32_t n = 1; failed; n++) {
        enum vpt_status status;

        init_with(variant->kind, ENTRIES);
        interrupts = (struct vpt_interrupts){ .mode = LINE, .queues = QUEUES };
        mock_trigger_set(&machine.on_pci.bus.fail_read, n, 1);
        status = vpt_device_choose_interrupts(machine.device, &interrupts);
        failed = machine.on_pci.bus.fail_read.fired != 0;
        assert_status(status, failed ? machine.on_pci.bus.fail_status : VPT_OK);
        cr_assert(failed ? n < 20 : n > 2);
        mock_trigger_set(&machine.on_pci.bus.fail_read, 0, 0);
        disk_end();
    }
}

/* ---- A reset that does not finish ---- */

static const struct mock_pci_machine_options slow = {
    .machine = { .completion.mode = MOCK_COMPLETE_BY_TICK, .completion.delay = 100000, .blk = { .capacity = 64 } },
};

static void start_and_submit(enum machine_kind kind, unsigned count)
{
    disk_start_on(kind, &slow);
    for (unsigned i = 0; i < count; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, i, i * SECTOR, SECTOR, NULL), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    assert_same(mock_device_pending(machine.model), count);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
}

static void take(unsigned count, enum vpt_status expected)
{
    for (unsigned i = 0; i < count; i++) {
        assert_status(disk_poll_one(NULL), expected);
    }
    assert_same(disk_drain(), 0);
}

/* The device goes on, but its memory is out of reach: the requests come back, and their memory is the driver's. */
PCI_TEST(virtio_pci_vectors, RESET_1_a_reset_that_does_not_finish_ends_with_bus_mastering_off)
{
    start_and_submit(variant->kind, 9);
    memset(machine_bytes(0), 0x3c, MACHINE_DATA_SIZE);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    take(9, VPT_CANCELLED);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    for (unsigned i = 0; i < 200000; i++) {
        mock_hal_tick(machine.hal); /* by now it has tried to complete them */
    }
    cr_assert(all_bytes(machine_bytes(0), MACHINE_DATA_SIZE, 0x3c));
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_TIMEOUT);
    cr_assert((pci_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    disk_stop();
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* A bit that does not clear is as bad as a port that fails to clear it: nothing may be given back. */
PCI_TEST(virtio_pci_vectors, CLEANUP_2_a_device_that_cannot_be_cut_off_keeps_its_memory)
{
    for (unsigned port = 0; port < 2; port++) {
        size_t live;

        start_and_submit(variant->kind, 5);
        live = mock_hal_live_allocations(machine.hal);
        mock_trigger_set(&machine.on_pci.bus.fail_write, port, 1);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1 - port, 0, 0);
        assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
        take(5, VPT_DEVICE_STUCK);
        assert_status(vpt_requests_release(&disk.queue->requests), VPT_DEVICE_STUCK);
        assert_same(mock_hal_live_allocations(machine.hal), live);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK);
        assert_status(vpt_device_reset(machine.device), VPT_DEVICE_TIMEOUT);
        assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
        disk_end();
    }
}
