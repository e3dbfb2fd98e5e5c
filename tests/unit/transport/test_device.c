/* SPDX-License-Identifier: MIT */
/* The life of a device: reset, start, failure, interrupts, shared memory, and its end. */
#include "hand.h"

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
    cr_assert(mock_device_pending(machine.model) == 0);
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

VERSION_TEST(device, RESET_1_waits_until_the_status_reads_0)
{
    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 1, 50);
    machine_trace();
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    cr_assert(mmio_traced(false, R_STATUS) == 50);
    cr_assert(machine.hal->waits[VPT_WAIT_RESET] == 49);
    cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
    machine_finish();
}

VERSION_TEST(device, a_reset_that_never_ends_is_stuck_within_bounds)
{
    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    cr_assert(machine.hal->waits[VPT_WAIT_RESET] == machine.hal->wait_budget[VPT_WAIT_RESET] + 1u);
    cr_assert(machine.device->stuck && machine.device->resets == 1 && !vpt_device_gone(machine.device));
    cr_assert(machine.hal->log_count == 1 && machine.hal->log[0].level == VPT_LOG_ERROR &&
              machine.hal->log[0].status == VPT_DEVICE_STUCK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_STUCK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    cr_assert(!machine.device->stuck && machine.device->resets == 2);
    machine_finish();
}

VERSION_TEST(device, a_reset_is_bounded_without_keep_waiting)
{
    uint64_t reads;

    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    machine.hal->port.keep_waiting = NULL;
    reads = machine.hal->register_reads;
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    cr_assert(machine.hal->register_reads - reads == VPT_WAIT_RESET_READS);
    machine_finish();
}

VERSION_TEST(device, a_reset_that_takes_longer_than_the_wait_may_be_tried_again)
{
    plain_negotiate(variant, NULL);
    machine.hal->wait_budget[VPT_WAIT_RESET] = 10;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 1, 15);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_STUCK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    machine_finish();
}

/* ---- Start, failure, check ---- */

VERSION_TEST(device, INIT_1_start_has_its_place)
{
    plain_probe(variant, NULL);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    cr_assert(machine.model->status == 0);
    machine_finish();
}

VERSION_TEST(device, STATUS_2_failing_drops_no_bit)
{
    plain_negotiate(variant, NULL);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_trace();
    vpt_device_fail(machine.device);
    cr_assert(mmio_value(true, R_STATUS, 0) == (variant->version == 1 ? 0x87 : 0x8f));
    machine_finish();
}

VERSION_TEST(device, STATUS_4_a_device_that_needs_a_reset_says_so)
{
    plain_negotiate(variant, NULL);
    assert_status(vpt_device_check(machine.device), VPT_OK);
    mock_device_needs_reset(machine.model);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_check(machine.device), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

/* ---- Interrupts ---- */

VERSION_TEST(device, MMIO_IRQ_1_interrupts_are_read_and_acknowledged)
{
    plain_negotiate(variant, NULL);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    for (uint32_t bits = 0; bits < 4; bits++) {
        machine.model->interrupt_status = bits;
        machine_trace();
        cr_assert(vpt_device_interrupt(machine.device) == bits);
        cr_assert(mmio_traced(false, R_IRQ_STATUS) == 1);
        cr_assert(mmio_traced(true, R_IRQ_ACK) == (bits != 0 ? 1u : 0u));
        cr_assert(!mock_device_interrupting(machine.model));
        cr_assert(vpt_device_interrupt(machine.device) == 0);
    }
    cr_assert(VPT_INTERRUPT_QUEUE == 1 && VPT_INTERRUPT_CONFIGURATION == 2);
    machine_finish();
}

VERSION_TEST(device, MMIO_REG_12_unknown_interrupt_bits_mean_nothing)
{
    plain_negotiate(variant, NULL);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_INTERRUPT_UNKNOWN, 1, 0, 0);
    machine_trace();
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    cr_assert(mmio_traced(true, R_IRQ_ACK) == 0);
    machine.model->interrupt_status = VPT_INTERRUPT_CONFIGURATION;
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
    cr_assert(mmio_value(true, R_IRQ_ACK, 0) == VPT_INTERRUPT_CONFIGURATION);
    machine_finish();
}

VERSION_TEST(device, a_vanished_device_does_not_interrupt)
{
    plain_negotiate(variant, NULL);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
    machine_trace();
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    cr_assert(mmio_traced(true, R_IRQ_ACK) == 0);
    machine_finish();
}

/* ---- Gone ---- */

VERSION_TEST(device, a_vanished_device_is_gone_for_every_call)
{
    static const struct vpt_config_field field = { .offset = MOCK_BLK_CAPACITY, .width = 8 };
    struct vpt_shared_memory_region region;
    uint32_t value = 0;
    uint64_t wide = 0;

    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
    cr_assert(!vpt_device_gone(machine.device));
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(machine.device));
    machine_trace();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_read(machine.device, 0, 4, &value), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_write(machine.device, 32, 1, 0), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_fields(machine.device, &field, 1, &wide), VPT_DEVICE_GONE);
    assert_status(vpt_device_shared_memory(machine.device, 0, &region), VPT_DEVICE_GONE);
    vpt_device_fail(machine.device);
    cr_assert(vpt_device_interrupt(machine.device) == 0 && mmio_traced(false, R_IRQ_STATUS) == 0);
    for (size_t i = 0; i < machine.trace_count; i++) {
        cr_assert(!machine.trace[i].write, "a device that is gone was written to");
    }
    machine_finish();
}

VERSION_TEST(device, vanishing_during_a_reset_is_noticed_at_once)
{
    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 2, 1, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(machine.device));
    cr_assert(machine.hal->waits[VPT_WAIT_RESET] == 0);
    cr_assert(machine.device->resets == 1);
    machine_finish();
}

VERSION_TEST(device, vanishing_at_the_start_is_noticed)
{
    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_start(machine.device), VPT_DEVICE_GONE);
    machine_finish();
}

/* ---- Shared memory ---- */

Test(device, D_MMIO_3_shared_memory_regions)
{
    struct vpt_shared_memory_region region;
    struct mock_shared_region *regions;

    plain_negotiate(&version_2, NULL);
    regions = machine.model->regions;
    regions[1] = (struct mock_shared_region){ true, UINT64_C(0x123456789000), UINT64_C(0x200000000) };
    regions[2] = (struct mock_shared_region){ true, 0x1000, 0 };
    regions[3] = (struct mock_shared_region){ true, UINT64_MAX - 0xfff, 0x1001 };
    regions[0] = (struct mock_shared_region){ true, UINT64_MAX - 0xfff, 0x1000 };
    assert_status(vpt_device_shared_memory(machine.device, 1, &region), VPT_OK);
    cr_assert(region.base == UINT64_C(0x123456789000) && region.length == UINT64_C(0x200000000));
    assert_status(vpt_device_shared_memory(machine.device, 0, &region), VPT_OK);
    cr_assert(region.base == UINT64_MAX - 0xfff && region.length == 0x1000);
    assert_status(vpt_device_shared_memory(machine.device, 2, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(machine.device, 3, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(machine.device, 255, &region), VPT_UNSUPPORTED_REQUEST);
    regions[2] = (struct mock_shared_region){ true, 0, UINT64_MAX };
    assert_status(vpt_device_shared_memory(machine.device, 2, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(machine.device, 1, NULL), VPT_CALLER_ARGUMENT);
    machine_finish();
}

Test(device, D_LMMIO_10_no_shared_memory_on_a_legacy_interface)
{
    struct vpt_shared_memory_region region;

    plain_negotiate(&version_1, NULL);
    assert_status(vpt_device_shared_memory(machine.device, 0, &region), VPT_UNSUPPORTED_REQUEST);
    machine_finish();
}
