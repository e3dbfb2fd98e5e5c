/* SPDX-License-Identifier: MIT */
/* What is done with a device as a whole: reset, start, failure, interrupts, shared memory, and its end. */
#include "plain.h"

static void start(const struct variant *variant)
{
    plain_negotiate(variant, NULL);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_trace();
}

/* From its first opportunity on, so many times; 0: for good. */
static void fault(enum mock_fault fault, uint32_t times, uint64_t argument)
{
    mock_fault_set(&machine.model->faults, fault, 1, times, argument);
}

/* ---- Reset ---- */

VERSION_TEST(device, RESET_1_from_whatever_firmware_left)
{
    struct vpt_mmio firmware;
    struct vpt_queue queue;
    struct vpt_segment segment;

    plain_start(variant, NULL, &queue, 16);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = machine_segment(0, 64);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(vpt_mmio_probe(&firmware, machine.port, machine.on_mmio.mapping, machine.on_mmio.size), VPT_OK);
    assert_status(vpt_device_reset(&firmware.device), VPT_OK);
    cr_assert(machine.model->status == 0 && !machine.model->queues[0].enabled);
    assert_same(mock_device_pending(machine.model), 0);
    assert_status(vpt_device_negotiate(&firmware.device, NULL, NULL, NULL), VPT_OK);
    plain_end(&queue);
}

VERSION_TEST(device, RESET_1_every_status_is_left_behind)
{
    static const uint8_t left[] = { 0x00, 0x01, 0x03, 0x0b, 0x0f, 0x07, 0x4f, 0x8f, 0xc0, 0x80, 0xff };

    for (size_t i = 0; i < COUNT_OF(left); i++) {
        plain_probe(variant, NULL);
        machine.model->status = left[i];
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        cr_assert(machine.model->status == 0 && machine.model->resets == 1);
        cr_assert(machine.device->resets == 1 && machine.device->status == 0 && !machine.device->stuck);
        machine_finish();
    }
}

#define STARTED_DEVICE_TEST(suite, name) \
    STARTED_TEST(struct variant, VERSION_TEST, start(variant), machine_finish(), suite, name)

STARTED_DEVICE_TEST(device, RESET_1_waits_until_the_status_reads_0)
{
    fault(MOCK_FAULT_RESET_SLOW, 1, 50);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_same(mmio_traced(false, R_STATUS), 50);
    assert_same(machine.hal->waits[VPT_WAIT_RESET], 49);
    cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
    machine.hal->wait_budget[VPT_WAIT_RESET] = 10; /* a reset that takes longer may be tried again */
    fault(MOCK_FAULT_RESET_SLOW, 1, 15);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
}

STARTED_DEVICE_TEST(device, a_reset_that_never_ends_is_stuck_within_bounds)
{
    uint64_t reads;

    fault(MOCK_FAULT_RESET_NEVER, 0, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    assert_same(machine.hal->waits[VPT_WAIT_RESET], machine.hal->wait_budget[VPT_WAIT_RESET] + 1u);
    cr_assert(machine.device->stuck && machine.device->resets == 1 && !vpt_device_gone(machine.device));
    assert_same(machine.hal->log_count, 1);
    assert_same(machine.hal->log[0].level, VPT_LOG_ERROR);
    assert_status(machine.hal->log[0].status, VPT_DEVICE_STUCK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_STUCK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    machine.port->keep_waiting = NULL;
    reads = machine.hal->register_reads;
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    assert_same(machine.hal->register_reads - reads, VPT_WAIT_RESET_READS);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    cr_assert(!machine.device->stuck && machine.device->resets == 2);
}

/* ---- Start, failure, check ---- */

PROBED_TEST(device, INIT_1_start_has_its_place)
{
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_same(machine.model->status, 0);
}

STARTED_DEVICE_TEST(device, STATUS_2_failing_drops_no_bit)
{
    vpt_device_fail(machine.device);
    assert_same(mmio_value(true, R_STATUS, 0), variant->version == 1 ? 0x87 : 0x8f);
}

NEGOTIATED_TEST(device, STATUS_4_a_device_that_needs_a_reset_says_so)
{
    assert_status(vpt_device_check(machine.device), VPT_OK);
    mock_device_needs_reset(machine.model);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_check(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
}

/* ---- Interrupts ---- */

VERSION_TEST(device, MMIO_IRQ_1_MMIO_REG_12_interrupts_are_read_and_what_is_known_acknowledged)
{
    cr_assert(VPT_INTERRUPT_QUEUE == 1 && VPT_INTERRUPT_CONFIGURATION == 2);
    start(variant);
    for (uint32_t bits = 0; bits < 8; bits++) {
        machine.model->interrupt_status = bits % 4;
        if (bits == VPT_INTERRUPT_CONFIGURATION) {
            mock_device_configuration_changed(machine.model);
        }
        fault(MOCK_FAULT_INTERRUPT_UNKNOWN, bits < 4 ? 1 : 0, 0);
        if (bits < 4) {
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_INTERRUPT_UNKNOWN);
        }
        machine_trace();
        assert_same(vpt_device_interrupt(machine.device), bits % 4);
        assert_same(mmio_traced(false, R_IRQ_STATUS), 1);
        assert_same(mmio_traced(true, R_IRQ_ACK), bits % 4 != 0 ? 1 : 0);
        assert_same(bits % 4 != 0 ? mmio_value(true, R_IRQ_ACK, 0) : 0, bits % 4);
        cr_assert(!mock_device_interrupting(machine.model));
        assert_same(vpt_device_interrupt(machine.device), 0);
    }
    machine_finish();
}

/* ---- Gone ---- */

STARTED_DEVICE_TEST(device, vanishing_at_an_interrupt_at_the_start_or_during_a_reset_is_noticed_at_once)
{
    fault(MOCK_FAULT_VANISH, 1, 0);
    assert_same(vpt_device_interrupt(machine.device), 0);
    assert_same(mmio_traced(true, R_IRQ_ACK), 0);
    machine_finish();
    plain_negotiate(variant, NULL);
    fault(MOCK_FAULT_VANISH, 1, 0);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_GONE);
    machine_finish();
    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 2, 1, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(machine.device) && machine.device->resets == 1);
    assert_same(machine.hal->waits[VPT_WAIT_RESET], 0);
}

/* ---- Shared memory ---- */

NEGOTIATED_TEST(device, D_MMIO_3_D_LMMIO_10_shared_memory_regions_are_within_64_bits_and_not_on_a_legacy_interface)
{
    static const struct {
        struct mock_shared_region region;
        enum vpt_status expected;
    } cases[] = {
        { { true, UINT64_C(0x123456789000), UINT64_C(0x200000000) }, VPT_OK },
        { { true, UINT64_MAX - 0xfff, 0x1000 }, VPT_OK },
        { { true, 0x1000, 0 }, VPT_UNSUPPORTED_REQUEST },
        { { true, UINT64_MAX - 0xfff, 0x1001 }, VPT_UNSUPPORTED_REQUEST },
        { { true, 0, UINT64_MAX }, VPT_UNSUPPORTED_REQUEST },
    };
    struct vpt_shared_memory_region region;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum vpt_status expected = variant->version == 1 ? VPT_UNSUPPORTED_REQUEST : cases[i].expected;

        machine.model->regions[1] = cases[i].region;
        assert_status(vpt_device_shared_memory(machine.device, 1, &region), expected);
        if (expected == VPT_OK) {
            assert_same(region.base, cases[i].region.base);
            assert_same(region.length, cases[i].region.length);
        }
    }
    assert_status(vpt_device_shared_memory(machine.device, 255, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(machine.device, 1, NULL), VPT_CALLER_ARGUMENT);
}
