/* SPDX-License-Identifier: MIT */
/* One queue is reset, and set up again, while the device and its other queue work. */
#include <string.h>

#include "hand.h"

TestSuite(queue_reset, .timeout = 60);

static struct vpt_queue queue;

#define SIZE   16u
#define NEVER  UINT32_MAX
#define PLACES 2u /* virtio-mmio and PCI */

static struct vpt_queue queues[2]; /* the first one is reset */

static const enum machine_kind places[PLACES] = { MACHINE_MMIO_2, MACHINE_PCI_MODERN };

static void set_up(void)
{
    for (uint16_t i = 0; i < COUNT_OF(queues); i++) {
        const struct vpt_queue_config config = {
            .index = i, .size = SIZE, .indirect_tables = SIZE, .indirect_segments = 4
        };

        assert_status(vpt_queue_init(&queues[i], machine.device, &config), VPT_OK);
    }
}

/* Negotiated, with both queues if `vectors` is 0: otherwise the caller sets them up. */
static void negotiate(enum machine_kind kind, const struct variant *variant, uint16_t vectors)
{
    struct mock_pci_machine_options options = { .vectors = vectors, .machine.queues = 2 };

    vpt_features_add(&options.machine.offer, VPT_F_RING_RESET);
    plain_machine_on(kind, variant, &options);
    assert_status(machine_probe(), VPT_OK);
    if (vectors != 0) {
        vectors_on();
    }
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
}

static void start(enum machine_kind kind, const struct variant *variant)
{
    negotiate(kind, variant, 0);
    set_up();
    assert_status(vpt_device_start(machine.device), VPT_OK);
}

/* Requests go through a queue; those that the other one has stay where they are. */
static void assert_works(struct vpt_queue *queue)
{
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    for (unsigned i = 0; i < 5; i++) {
        queue_send(queue, 7);
        queue_take(queue, 7);
        assert_status(vpt_queue_pop(queue, NULL, NULL), VPT_EMPTY);
    }
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
}

static unsigned linked(const struct vpt_queue *queue)
{
    unsigned count = 0;

    for (const struct vpt_queue *i = machine.device->queues; i != NULL && count < 9; i = i->next) {
        count += i == queue ? 1u : 0u;
    }
    return count;
}

/* Ends the device; nothing was done against a rule, and all memory comes back. */
static void end(void)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(queues); i++) {
        while (vpt_queue_drain(&queues[i], NULL) == VPT_OK) {
        }
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
    machine_close();
    machine_finish();
}

/* Eight requests, tokens 0 to 7: the last two are not published, the first two are used and not popped. */
static void fill_up(void)
{
    queue_send(&queues[0], 6);
    assert_same(mock_device_run(machine.model, 2), 2);
    assert_status(queue_add(&queues[0], 1, 2, 6), VPT_OK);
    assert_status(queue_add(&queues[0], 0, 1, 7), VPT_OK);
}

/* Each of them comes back once: `used` of them as they were used, the others because of the reset. */
static void assert_back(unsigned used)
{
    uint32_t tokens = 0;

    for (unsigned i = 0; i < used; i++) {
        tokens |= 1u << queue_pop(&queues[0]);
    }
    assert_same(tokens, (1u << used) - 1u);
    assert_status(vpt_queue_pop(&queues[0], NULL, NULL), VPT_EMPTY);
    assert_same(queue_drain(&queues[0]), 0xffu & ~tokens);
    assert_status(vpt_queue_status(&queues[0]), VPT_CANCELLED);
}

/* A device that is still busy with the reset may use more buffers. */
VARIANT_TEST(queue_reset, VQRESET_1_PCI_COMMON_7_MMIO_REG_14_a_reset_is_waited_for_and_each_request_comes_back_once)
{
    static const uint32_t reads[] = { 0, 1, 3, 900 };

    for (size_t i = 0; i < PLACES * COUNT_OF(reads); i++) {
        uint32_t slow = reads[i / PLACES];
        uint64_t resets;

        if (variant->version == 1) {
            continue;
        }
        start(places[i % PLACES], variant);
        resets = machine.model->resets;
        machine.model->queue_reset_reads = slow;
        fill_up();
        assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        assert_same(machine.hal->waits[VPT_WAIT_QUEUE], slow != 0 ? slow - 1u : 0u);
        cr_assert(!machine.model->queues[0].enabled && vpt_queue_has_used(&queues[0]));
        assert_status(vpt_queue_notify(&queues[0]), VPT_CALLER_STATE);
        assert_status(vpt_queue_kick(&queues[0]), VPT_CALLER_STATE);
        assert_works(&queues[1]);
        assert_back(slow < 4u ? 2u + slow : 6u);
        assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
        assert_works(&queues[0]);
        assert_works(&queues[1]);
        assert_same(machine.model->resets, resets);
        end();
    }
}

/* What a set-up writes is forgotten by the device: the mock refuses a queue that lacks any of it. */
VARIANT_TEST(queue_reset, VQREEN_1_PCI_COMMON_8_MMIO_REG_15_a_queue_is_set_up_again_without_allocations)
{
    for (size_t i = 0; i < PLACES && variant->version == 2; i++) {
        uint64_t allocations;

        start(places[i], variant);
        allocations = machine.hal->allocations + machine.hal->private_allocations;
        for (unsigned turn = 0; turn < 3; turn++) {
            unsigned which = turn % 2; /* the last one in the device's list is the first one */

            queue_send(&queues[which], 5);
            assert_status(vpt_queue_reset(&queues[which]), VPT_OK);
            assert_same(linked(&queues[which]), 0);
            assert_same(linked(&queues[1 - which]), 1);
            assert_status(vpt_queue_restart(&queues[which]), VPT_CALLER_BUSY);
            assert_same(queue_drain(&queues[which]), 0x1f);
            assert_status(vpt_queue_restart(&queues[which]), VPT_OK);
            assert_same(linked(&queues[which]), 1);
            assert_works(&queues[0]);
            assert_works(&queues[1]);
        }
        assert_same(machine.hal->allocations + machine.hal->private_allocations, allocations);
        end();
    }
}

/* ---- What a reset comes to ---- */

VARIANT_TEST(queue_reset, without_the_feature_nothing_is_done)
{
    struct mock_machine_options options = { .queues = 2 };

    plain_start(variant, &options, &queue, SIZE);
    queue_send(&queue, 1);
    machine_trace();
    assert_status(vpt_queue_reset(&queue), VPT_UNSUPPORTED_FEATURE);
    assert_same(machine.trace_count, 0);
    queue_take(&queue, 1);
    plain_end(&queue);
}

enum state { NOT_SET_UP, NOT_STARTED, RESET_ALONE, RESET_WITH_DEVICE, FAILED, SUSPENDED, GONE, STUCK, STATES };

static enum vpt_status enter(enum state state)
{
    switch (state) {
    case NOT_SET_UP: memset(&queues[0], 0, sizeof(queues[0])); return VPT_CALLER_STATE;
    case NOT_STARTED: return VPT_CALLER_STATE;
    case RESET_ALONE: assert_status(vpt_queue_reset(&queues[0]), VPT_OK); return VPT_CALLER_STATE;
    case RESET_WITH_DEVICE: assert_status(vpt_device_reset(machine.device), VPT_OK); return VPT_CALLER_STATE;
    case FAILED: vpt_device_fail(machine.device); return VPT_CALLER_STATE;
    case SUSPENDED: assert_status(vpt_device_suspend(machine.device), VPT_OK); return VPT_CALLER_STATE;
    case GONE:
        mock_device_vanish(machine.model);
        assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
        return VPT_DEVICE_GONE;
    default:
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 1, 0);
        assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
        return VPT_DEVICE_STUCK;
    }
}

VARIANT_TEST(queue_reset, only_a_queue_that_the_device_works_on_is_reset)
{
    for (enum state state = NOT_SET_UP; state < STATES && variant->version == 2; state++) {
        struct mock_machine_options options = { .queues = 2 };
        enum vpt_status expected;

        memset(queues, 0, sizeof(queues));
        vpt_features_add(&options.offer, VPT_F_RING_RESET);
        vpt_features_add(&options.offer, VPT_F_SUSPEND);
        plain_negotiate(variant, &options);
        if (state != NOT_SET_UP) {
            set_up();
        }
        if (state != NOT_STARTED) {
            assert_status(vpt_device_start(machine.device), VPT_OK);
        }
        expected = enter(state);
        machine_trace();
        assert_status(vpt_queue_reset(&queues[0]), expected);
        assert_same(machine.trace_count, 0);
        if (state == GONE) {
            mock_violations_clear(&machine.hal->violations);
            assert_status(vpt_queue_release(&queues[0]), VPT_OK);
            assert_status(vpt_queue_release(&queues[1]), VPT_OK);
            machine_finish();
        } else {
            end();
        }
    }
}

/* QEMU's virtio-mmio offers the feature and has no such register. */
VARIANT_TEST(queue_reset, a_reset_that_the_device_ignores_changes_nothing)
{
    for (size_t i = 0; i < PLACES && variant->version == 2; i++) {
        start(places[i], variant);
        machine.model->queue_reset_ignored = true;
        fill_up();
        assert_status(vpt_queue_reset(&queues[0]), VPT_DEVICE_QUEUE_STATE);
        assert_status(vpt_queue_status(&queues[0]), VPT_OK);
        assert_status(vpt_queue_drain(&queues[0], NULL), VPT_CALLER_STATE);
        assert_status(vpt_queue_kick(&queues[0]), VPT_OK);
        assert_same(mock_device_run(machine.model, 6), 6);
        queue_take(&queues[0], 8);
        assert_works(&queues[0]);
        assert_works(&queues[1]);
        assert_same(linked(&queues[0]), 1);
        end();
    }
}

static void assert_stopped(enum vpt_status why)
{
    assert_status(vpt_queue_status(&queues[0]), why);
    assert_status(queue_add(&queues[0], 0, 1, 9), why);
    assert_status(vpt_queue_kick(&queues[0]), why);
    assert_status(vpt_queue_pop(&queues[0], NULL, NULL), why);
    assert_status(vpt_queue_drain(&queues[0], NULL), VPT_CALLER_STATE);
    assert_status(vpt_queue_release(&queues[0]), VPT_CALLER_STATE);
    assert_status(vpt_queue_restart(&queues[0]), VPT_CALLER_STATE);
}

/* The memory is the device's until a later call finds the end, or the device is reset. */
VARIANT_TEST(queue_reset, VQRESET_1_a_reset_that_does_not_end_stops_the_queue)
{
    for (size_t i = 0; i < 2 * PLACES && variant->version == 2; i++) {
        start(places[i % PLACES], variant);
        machine.model->queue_reset_reads = NEVER;
        fill_up();
        assert_status(vpt_queue_reset(&queues[0]), VPT_DEVICE_TIMEOUT);
        assert_same(machine.hal->waits[VPT_WAIT_QUEUE], machine.hal->wait_budget[VPT_WAIT_QUEUE] + 1u);
        assert_stopped(VPT_DEVICE_TIMEOUT);
        assert_works(&queues[1]);
        if (i < PLACES) {
            assert_status(vpt_queue_reset(&queues[0]), VPT_DEVICE_TIMEOUT);
            machine.model->queues[0].resetting = 3;
            assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        } else {
            assert_status(vpt_device_reset(machine.device), VPT_OK);
        }
        assert_same(queue_drain(&queues[0]), 0xff);
        end();
    }
}

VARIANT_TEST(queue_reset, a_device_that_fails_or_goes_meanwhile_is_not_waited_for)
{
    for (size_t i = 0; i < 2 * PLACES && variant->version == 2; i++) {
        bool goes = i >= PLACES;

        start(places[i % PLACES], variant);
        machine.model->queue_reset_reads = NEVER;
        fill_up();
        if (goes) {
            mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 5, 0, 0);
        } else {
            mock_device_needs_reset(machine.model);
        }
        assert_status(vpt_queue_reset(&queues[0]), goes ? VPT_DEVICE_GONE : VPT_DEVICE_NEEDS_RESET);
        cr_assert(machine.hal->waits[VPT_WAIT_QUEUE] <= 2);
        if (goes) {
            mock_violations_clear(&machine.hal->violations);
            assert_same(queue_drain(&queues[0]), 0xff);
            mock_device_return(machine.model);
            assert_status(vpt_queue_release(&queues[0]), VPT_OK);
            assert_status(vpt_queue_release(&queues[1]), VPT_OK);
            machine_close();
            machine_finish();
        } else {
            assert_stopped(VPT_DEVICE_NEEDS_RESET);
            assert_status(vpt_queue_reset(&queues[0]), VPT_DEVICE_NEEDS_RESET);
            end();
        }
    }
}

Test(queue_reset, a_port_that_does_not_limit_the_wait_has_the_documented_number_of_reads)
{
    start(MACHINE_MMIO_2, &version_2);
    machine.model->queue_reset_reads = VPT_WAIT_QUEUE_READS - 1u;
    machine.port->keep_waiting = NULL;
    assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
    assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
    machine.model->queue_reset_reads = VPT_WAIT_QUEUE_READS + 1u;
    assert_status(vpt_queue_reset(&queues[0]), VPT_DEVICE_TIMEOUT);
    end();
}

/* A queue whose device has lied is the one that needs it most. */
VARIANT_TEST(queue_reset, a_queue_that_a_lie_has_stopped_is_reset_alone)
{
    for (size_t i = 0; i < PLACES && variant->version == 2; i++) {
        uint64_t resets;

        start(places[i], variant);
        resets = machine.model->resets;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, SIZE + 3u);
        queue_send(&queues[0], 5);
        assert_same(mock_device_run(machine.model, 1), 1);
        assert_status(vpt_queue_pop(&queues[0], NULL, NULL), VPT_DEVICE_USED_ID);
        assert_works(&queues[1]);
        assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        assert_same(queue_drain(&queues[0]), 0x1f);
        assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
        assert_works(&queues[0]);
        assert_same(machine.model->resets, resets);
        end();
    }
}

/* ---- The device is reset, too ---- */

VARIANT_TEST(queue_reset, a_reset_of_the_device_takes_the_place_of_the_queues_own)
{
    for (size_t i = 0; i < 2 * PLACES && variant->version == 2; i++) {
        start(places[i % PLACES], variant);
        queue_send(&queues[0], 5);
        assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        if (i < PLACES) {
            assert_same(queue_drain(&queues[0]), 0x1f);
        }
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_queue_restart(&queues[0]), i < PLACES ? VPT_CALLER_STATE : VPT_CALLER_BUSY);
        assert_same(queue_drain(&queues[0]), i < PLACES ? 0 : 0x1f);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        machine_trace();
        assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
        cr_assert(!machine_on_pci() || machine_traced(MOCK_PCI_COMMON, true, C_QUEUE_VECTOR) == 0);
        assert_status(vpt_queue_restart(&queues[1]), VPT_OK);
        assert_status(vpt_device_start(machine.device), VPT_OK);
        assert_same(linked(&queues[0]), 1);
        assert_works(&queues[0]);
        assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
        assert_works(&queues[0]);
        end();
    }
}

/* ---- Restarts that fail ---- */

static const struct failure {
    const char *what;
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status status;
} failures[] = {
    { "it is not enabled", MOCK_FAULT_QUEUE_NOT_READY, 0, VPT_DEVICE_QUEUE_STATE },
    { "it is enabled already", MOCK_FAULT_QUEUE_IN_USE, 0, VPT_DEVICE_QUEUE_STATE },
    { "it is smaller now", MOCK_FAULT_QUEUE_MAXIMUM, SIZE / 2u, VPT_DEVICE_QUEUE_SIZE },
    { "it does not exist any more", MOCK_FAULT_QUEUE_ABSENT, 0, VPT_UNSUPPORTED_QUEUE },
};

VARIANT_TEST(queue_reset, a_restart_that_fails_may_be_tried_again)
{
    for (size_t i = 0; i < PLACES * COUNT_OF(failures) && variant->version == 2; i++) {
        const struct failure *failure = &failures[i / PLACES];

        start(places[i % PLACES], variant);
        assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        mock_fault_set(&machine.model->faults, failure->fault, 1, 1, failure->argument);
        assert_status_of(failure->what, vpt_queue_restart(&queues[0]), failure->status);
        assert_same(mock_fault_fired(&machine.model->faults, failure->fault), 1);
        assert_works(&queues[1]);
        if (failure->fault == MOCK_FAULT_QUEUE_NOT_READY) { /* the device may use it by now */
            assert_status(queue_add(&queues[0], 0, 1, 1), VPT_DEVICE_QUEUE_STATE);
            assert_status(vpt_queue_release(&queues[0]), VPT_CALLER_STATE);
            assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
        }
        assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
        assert_works(&queues[0]);
        end();
    }
}

Test(queue_reset, a_queue_is_not_set_up_again_while_the_device_does_not_run)
{
    start(MACHINE_MMIO_2, &version_2);
    assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
    vpt_device_fail(machine.device);
    machine_trace();
    assert_status(vpt_queue_restart(&queues[0]), VPT_CALLER_STATE);
    assert_same(machine.trace_count, 0);
    end();
}

Test(queue_reset, a_doorbell_that_cannot_be_mapped_is_no_end)
{
    start(MACHINE_PCI_MODERN, &version_2);
    assert_status(vpt_queue_reset(&queues[0]), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_NOTIFY_OFFSET, 1, 1, 0xffff);
    assert_status(vpt_queue_restart(&queues[0]), VPT_DEVICE_NOTIFY_OFFSET);
    assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
    assert_works(&queues[0]);
    end();
}

/* ---- PCI ---- */

/* A device forgets the vector of a queue that is reset. */
static void interrupt_by(enum vpt_interrupt_mode mode, unsigned which, uint16_t entry)
{
    struct vpt_interrupts interrupts = { .mode = mode, .queues = 2, .vectors = 4 };
    const struct mock_pci_vector *vector = &machine.on_pci.front.queue[which];
    struct vpt_queue *queue = &queues[which];
    unsigned before;

    negotiate(MACHINE_PCI_MODERN, &version_2, 4);
    assert_status(vpt_device_choose_interrupts(machine.device, &interrupts), VPT_OK);
    assert_same(interrupts.mode, mode);
    set_up();
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_status(vpt_queue_reset(queue), VPT_OK);
    assert_same(vector->vector, VPT_NO_VECTOR);
    if (entry != VPT_NO_VECTOR) {
        mock_fault_set(&machine.model->faults, MOCK_FAULT_VECTOR_REFUSED, 1, 1, 0);
        assert_status(vpt_queue_restart(queue), VPT_DEVICE_PCI_MSIX);
        cr_assert(!machine.model->queues[which].enabled);
    }
    assert_status(vpt_queue_restart(queue), VPT_OK);
    assert_same(vector->vector, entry);
    before = entry != VPT_NO_VECTOR ? vectors_messages(entry) : 0;
    queue_send(queue, 3);
    assert_same(mock_device_run(machine.model, 3), 3);
    cr_assert(entry == VPT_NO_VECTOR || vectors_messages(entry) == before + 1u);
    queue_take(queue, 3);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_queue_release(&queues[0]), VPT_OK);
    assert_status(vpt_queue_release(&queues[1]), VPT_OK);
    vectors_off();
    machine_close();
    machine_finish();
}

Test(queue_reset, VQREEN_1_a_queue_has_its_vector_again)
{
    interrupt_by(VPT_INTERRUPTS_PER_QUEUE, 0, 1);
    interrupt_by(VPT_INTERRUPTS_PER_QUEUE, 1, 2);
    interrupt_by(VPT_INTERRUPTS_SHARED, 1, 1);
    interrupt_by(VPT_INTERRUPTS_LINE, 0, VPT_NO_VECTOR);
}

Test(queue_reset, D_PCI_5_a_common_structure_may_be_too_short_for_the_register)
{
    for (uint32_t length = 0x38; length <= 0x40; length++) {
        struct mock_pci_layout layout = machine_io_layout;
        struct mock_pci_machine_options options = { .layout = &layout, .machine.queues = 2 };
        bool there = length >= 0x3c;

        layout.capability[0].size = length;
        vpt_features_add(&options.machine.offer, VPT_F_RING_RESET);
        plain_machine_on(MACHINE_PCI_AS_TOLD, &version_2, &options);
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        set_up();
        assert_status(vpt_device_start(machine.device), VPT_OK);
        assert_status(vpt_queue_reset(&queues[0]), there ? VPT_OK : VPT_DEVICE_CAPABILITY_RANGE);
        if (there) {
            assert_status(vpt_queue_restart(&queues[0]), VPT_OK);
        }
        assert_works(&queues[0]);
        end();
    }
}
