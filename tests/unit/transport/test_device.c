/* SPDX-License-Identifier: MIT */
/* The life of a device: reset, start, failure, interrupts, shared memory, and its end. */
#include "hand.h"

/* ---- Reset ---- */

VERSION_TEST(device, RESET_1_from_whatever_firmware_left)
{
    struct vpt_mmio firmware;
    struct vpt_queue queue;
    struct vpt_segment segment;

    bench_start(variant, NULL, &queue, 16);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = bench_segment(0, 64);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(vpt_mmio_probe(&firmware, bench.machine.port, bench.machine.mapping, bench.machine.size), VPT_OK);
    assert_status(vpt_device_reset(&firmware.device), VPT_OK);
    cr_assert(bench.machine.device.status == 0 && !bench.machine.device.queues[0].enabled);
    cr_assert(mock_device_pending(&bench.machine.device) == 0);
    assert_status(vpt_device_negotiate(&firmware.device, NULL, NULL, NULL), VPT_OK);
    bench_end(&queue);
}

VERSION_TEST(device, RESET_1_every_status_is_left_behind)
{
    static const uint8_t left[] = { 0x00, 0x01, 0x03, 0x0b, 0x0f, 0x07, 0x4f, 0x8f, 0xc0, 0x80, 0xff };

    for (size_t i = 0; i < COUNT_OF(left); i++) {
        bench_probe(variant, NULL);
        bench.machine.device.status = left[i];
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        cr_assert(bench.machine.device.status == 0 && bench.machine.device.resets == 1);
        cr_assert(bench.device->resets == 1 && bench.device->status == 0 && !bench.device->stuck);
        bench_finish();
    }
}

VERSION_TEST(device, RESET_1_waits_until_the_status_reads_0)
{
    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_SLOW, 1, 1, 50);
    bench_trace();
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    cr_assert(bench_traced(false, R_STATUS) == 50);
    cr_assert(bench.machine.hal.waits[VPT_WAIT_RESET] == 49);
    cr_assert(all_zero(&bench.device->features, sizeof(bench.device->features)));
    bench_finish();
}

VERSION_TEST(device, a_reset_that_never_ends_is_stuck_within_bounds)
{
    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_STUCK);
    cr_assert(bench.machine.hal.waits[VPT_WAIT_RESET] == bench.machine.hal.wait_budget[VPT_WAIT_RESET] + 1u);
    cr_assert(bench.device->stuck && bench.device->resets == 1 && !vpt_device_gone(bench.device));
    cr_assert(bench.machine.hal.log_count == 1 && bench.machine.hal.log[0].level == VPT_LOG_ERROR &&
              bench.machine.hal.log[0].status == VPT_DEVICE_STUCK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_DEVICE_STUCK);
    assert_status(vpt_device_start(bench.device), VPT_CALLER_STATE);
    mock_fault_clear(&bench.machine.device.faults, MOCK_FAULT_RESET_NEVER);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    cr_assert(!bench.device->stuck && bench.device->resets == 2);
    bench_finish();
}

VERSION_TEST(device, a_reset_is_bounded_without_keep_waiting)
{
    uint64_t reads;

    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    bench.machine.hal.port.keep_waiting = NULL;
    reads = bench.machine.hal.register_reads;
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_STUCK);
    cr_assert(bench.machine.hal.register_reads - reads == VPT_WAIT_RESET_READS);
    bench_finish();
}

VERSION_TEST(device, a_reset_that_takes_longer_than_the_wait_may_be_tried_again)
{
    bench_negotiate(variant, NULL);
    bench.machine.hal.wait_budget[VPT_WAIT_RESET] = 10;
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_SLOW, 1, 1, 15);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_STUCK);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    bench_finish();
}

/* ---- Start, failure, check ---- */

VERSION_TEST(device, INIT_1_start_has_its_place)
{
    bench_probe(variant, NULL);
    assert_status(vpt_device_start(bench.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_CALLER_STATE);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_CALLER_STATE);
    cr_assert(bench.machine.device.status == 0);
    bench_finish();
}

VERSION_TEST(device, STATUS_2_failing_drops_no_bit)
{
    bench_negotiate(variant, NULL);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_trace();
    vpt_device_fail(bench.device);
    cr_assert(bench_traced_value(true, R_STATUS, 0) == (variant->version == 1 ? 0x87 : 0x8f));
    bench_finish();
}

VERSION_TEST(device, STATUS_4_a_device_that_needs_a_reset_says_so)
{
    bench_negotiate(variant, NULL);
    assert_status(vpt_device_check(bench.device), VPT_OK);
    mock_device_needs_reset(&bench.machine.device);
    assert_status(vpt_device_check(bench.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_start(bench.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_check(bench.device), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_finish();
}

/* ---- Interrupts ---- */

VERSION_TEST(device, MMIO_IRQ_1_interrupts_are_read_and_acknowledged)
{
    bench_negotiate(variant, NULL);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    for (uint32_t bits = 0; bits < 4; bits++) {
        bench.machine.device.interrupt_status = bits;
        bench_trace();
        cr_assert(vpt_device_interrupt(bench.device) == bits);
        cr_assert(bench_traced(false, R_IRQ_STATUS) == 1);
        cr_assert(bench_traced(true, R_IRQ_ACK) == (bits != 0 ? 1u : 0u));
        cr_assert(!mock_device_interrupting(&bench.machine.device));
        cr_assert(vpt_device_interrupt(bench.device) == 0);
    }
    cr_assert(VPT_INTERRUPT_QUEUE == 1 && VPT_INTERRUPT_CONFIGURATION == 2);
    bench_finish();
}

VERSION_TEST(device, MMIO_REG_12_unknown_interrupt_bits_mean_nothing)
{
    bench_negotiate(variant, NULL);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_INTERRUPT_UNKNOWN, 1, 0, 0);
    bench_trace();
    cr_assert(vpt_device_interrupt(bench.device) == 0);
    cr_assert(bench_traced(true, R_IRQ_ACK) == 0);
    bench.machine.device.interrupt_status = VPT_INTERRUPT_CONFIGURATION;
    cr_assert(vpt_device_interrupt(bench.device) == VPT_INTERRUPT_CONFIGURATION);
    cr_assert(bench_traced_value(true, R_IRQ_ACK, 0) == VPT_INTERRUPT_CONFIGURATION);
    bench_finish();
}

VERSION_TEST(device, a_vanished_device_does_not_interrupt)
{
    bench_negotiate(variant, NULL);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    bench_trace();
    cr_assert(vpt_device_interrupt(bench.device) == 0);
    cr_assert(bench_traced(true, R_IRQ_ACK) == 0);
    bench_finish();
}

/* ---- Gone ---- */

VERSION_TEST(device, a_vanished_device_is_gone_for_every_call)
{
    static const struct vpt_config_field field = { .offset = MOCK_BLK_CAPACITY, .width = 8 };
    struct vpt_shared_memory_region region;
    uint32_t value = 0;
    uint64_t wide = 0;

    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    cr_assert(!vpt_device_gone(bench.device));
    assert_status(vpt_device_check(bench.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(bench.device));
    bench_trace();
    assert_status(vpt_device_check(bench.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_start(bench.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_read(bench.device, 0, 4, &value), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_write(bench.device, 32, 1, 0), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_fields(bench.device, &field, 1, &wide), VPT_DEVICE_GONE);
    assert_status(vpt_device_shared_memory(bench.device, 0, &region), VPT_DEVICE_GONE);
    vpt_device_fail(bench.device);
    cr_assert(vpt_device_interrupt(bench.device) == 0 && bench_traced(false, R_IRQ_STATUS) == 0);
    for (size_t i = 0; i < bench.trace_count; i++) {
        cr_assert(!bench.trace[i].write, "a device that is gone was written to");
    }
    bench_finish();
}

VERSION_TEST(device, vanishing_during_a_reset_is_noticed_at_once)
{
    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, 2, 1, 0);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(bench.device));
    cr_assert(bench.machine.hal.waits[VPT_WAIT_RESET] == 0);
    cr_assert(bench.device->resets == 1);
    bench_finish();
}

VERSION_TEST(device, vanishing_at_the_start_is_noticed)
{
    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_start(bench.device), VPT_DEVICE_GONE);
    bench_finish();
}

/* ---- Shared memory ---- */

Test(device, D_MMIO_3_shared_memory_regions)
{
    struct vpt_shared_memory_region region;
    struct mock_shared_region *regions = bench.machine.device.regions;

    bench_negotiate(&version_2, NULL);
    regions[1] = (struct mock_shared_region){ true, UINT64_C(0x123456789000), UINT64_C(0x200000000) };
    regions[2] = (struct mock_shared_region){ true, 0x1000, 0 };
    regions[3] = (struct mock_shared_region){ true, UINT64_MAX - 0xfff, 0x1001 };
    regions[0] = (struct mock_shared_region){ true, UINT64_MAX - 0xfff, 0x1000 };
    assert_status(vpt_device_shared_memory(bench.device, 1, &region), VPT_OK);
    cr_assert(region.base == UINT64_C(0x123456789000) && region.length == UINT64_C(0x200000000));
    assert_status(vpt_device_shared_memory(bench.device, 0, &region), VPT_OK);
    cr_assert(region.base == UINT64_MAX - 0xfff && region.length == 0x1000);
    assert_status(vpt_device_shared_memory(bench.device, 2, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(bench.device, 3, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(bench.device, 255, &region), VPT_UNSUPPORTED_REQUEST);
    regions[2] = (struct mock_shared_region){ true, 0, UINT64_MAX };
    assert_status(vpt_device_shared_memory(bench.device, 2, &region), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_device_shared_memory(bench.device, 1, NULL), VPT_CALLER_ARGUMENT);
    bench_finish();
}

Test(device, D_LMMIO_10_no_shared_memory_on_a_legacy_interface)
{
    struct vpt_shared_memory_region region;

    bench_negotiate(&version_1, NULL);
    assert_status(vpt_device_shared_memory(bench.device, 0, &region), VPT_UNSUPPORTED_REQUEST);
    bench_finish();
}
