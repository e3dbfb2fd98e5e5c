/* SPDX-License-Identifier: MIT */
/* A queue before it is set up, before the device is started, and after a reset. */
#include <string.h>

#include "support.h"

static void *token_of(uintptr_t number)
{
    return (void *)(number + 1);
}

/* A zeroed object is not set up: nothing crashes, and whatever needs a queue says so. */
Test(queue_life, a_queue_that_is_not_set_up)
{
    struct vpt_segment segment = { 0x1000, 16 };
    struct vpt_queue queue;
    void *token = NULL;

    memset(&queue, 0, sizeof(queue));
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_add(&queue, &segment, 1, 0, NULL), VPT_CALLER_STATE);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_CALLER_STATE);
    vpt_queue_publish(&queue);
    cr_assert(!vpt_queue_kick_prepare(&queue));
    assert_status(vpt_queue_kick(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_CALLER_STATE);
    cr_assert(vpt_queue_has_used(&queue));
    cr_assert(!vpt_queue_notifications_on(&queue));
    vpt_queue_notifications_off(&queue);
    assert_status(vpt_queue_drain(&queue, &token), VPT_CALLER_STATE);
    assert_status(vpt_queue_status(&queue), VPT_OK);
    cr_assert(vpt_queue_size(&queue) == 0 && vpt_queue_kicks(&queue) == 0 && token == NULL);
    assert_status(vpt_queue_release(&queue), VPT_OK);
}

/* One that came too early has changed nothing: the one after DRIVER_OK still notifies. */
VARIANT_TEST(queue_life, INIT_6_no_kick_before_driver_ok)
{
    struct vpt_queue_config config = { .size = 16 };
    struct vpt_segment segment;
    struct vpt_queue queue;
    void *token = NULL;

    bench_negotiate(variant, NULL);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    segment = bench_segment(0, 8);
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, &queue), VPT_OK);
    vpt_queue_publish(&queue);
    cr_assert(vpt_queue_kick_prepare(&queue));
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_kick(&queue), VPT_CALLER_STATE);
    cr_assert(bench.machine.device.kicks == 0);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    cr_assert(bench.machine.device.kicks == 1);
    assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_OK);
    cr_assert(token == &queue);
    bench_end(&queue);
}

VARIANT_TEST(queue_life, CLEANUP_2_after_a_reset_each_request_comes_back_once)
{
    struct vpt_queue queue;
    struct vpt_segment segments[3];
    bool seen[9] = { false };
    unsigned count = 0;
    void *token = NULL;

    bench_start(variant, NULL, &queue, 32);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    bench.machine.device.completion.order = MOCK_ORDER_REVERSED;
    for (unsigned i = 0; i < 3; i++) {
        segments[i] = bench_segment(8u * i, 8);
    }
    for (uintptr_t i = 0; i < 9; i++) {
        if (i == 7) {
            assert_status(vpt_queue_kick(&queue), VPT_OK);
        }
        assert_status(vpt_queue_add(&queue, segments, 1, (uint16_t)(i % 3), token_of(i)), VPT_OK);
    }
    cr_assert(mock_device_run(&bench.machine.device, 4) == 4);
    assert_status(vpt_queue_drain(&queue, &token), VPT_CALLER_STATE);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_OK);
        seen[(uintptr_t)token - 1] = true;
        count++;
    }
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_kick(&queue), VPT_CALLER_STATE);
    while (vpt_queue_drain(&queue, &token) == VPT_OK) {
        cr_assert(!seen[(uintptr_t)token - 1]);
        seen[(uintptr_t)token - 1] = true;
        count++;
    }
    cr_assert(count == 9);
    assert_status(vpt_queue_drain(&queue, &token), VPT_EMPTY);
    assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_CANCELLED);
    assert_status(vpt_queue_add(&queue, segments, 1, 0, NULL), VPT_CANCELLED);
    assert_status(vpt_queue_kick(&queue), VPT_CANCELLED);
    assert_status(vpt_queue_status(&queue), VPT_CANCELLED);
    bench_end(&queue);
}

/* The device runs again with another queue of the same index: the old one is none of its. */
VARIANT_TEST(queue_life, CLEANUP_2_a_queue_of_an_earlier_life_is_left_out)
{
    struct vpt_segment segment;
    struct vpt_queue old;
    struct vpt_queue queue;
    void *token = NULL;

    bench_start(variant, NULL, &old, 16);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = bench_segment(0, 4);
    assert_status(vpt_queue_add(&old, &segment, 0, 1, &old), VPT_OK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    bench_queue(&queue, 16, 0, 0);
    assert_status(vpt_queue_notify(&old), VPT_CALLER_STATE);
    assert_status(vpt_queue_kick(&old), VPT_CALLER_STATE);
    cr_assert(bench.machine.device.kicks == 0);
    assert_status(vpt_queue_drain(&queue, &token), VPT_CALLER_STATE);
    assert_status(vpt_queue_release(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_drain(&old, &token), VPT_OK);
    cr_assert(token == &old);
    assert_status(vpt_queue_drain(&old, &token), VPT_EMPTY);
    assert_status(vpt_queue_release(&old), VPT_OK);
    bench_end(&queue);
}

/* Removed while its reset was stuck: what is not there uses no memory. */
VARIANT_TEST(queue_life, CLEANUP_2_a_stuck_device_that_vanishes)
{
    struct vpt_segment segment;
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = bench_segment(0, 4);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 1, 0);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_STUCK);
    assert_status(vpt_queue_release(&queue), VPT_DEVICE_STUCK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_check(bench.device), VPT_DEVICE_GONE);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_OK);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_EMPTY);
    assert_status(vpt_queue_status(&queue), VPT_DEVICE_GONE);
    assert_status(vpt_queue_release(&queue), VPT_OK);
    bench_finish();
}

/* A stuck reset: the requests come back, the buffers stay the device's, and a later reset settles it. */
VARIANT_TEST(queue_life, CLEANUP_2_requests_of_a_stuck_device)
{
    struct vpt_segment segment;
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = bench_segment(0, 4);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 1, 0);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_STUCK);
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_OK);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_EMPTY);
    assert_status(vpt_queue_status(&queue), VPT_DEVICE_STUCK);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_DEVICE_STUCK);
    assert_status(vpt_queue_release(&queue), VPT_DEVICE_STUCK);
    bench_end(&queue);
}

/* By its own negotiation a caller may do without tables that a queue has: requests become chains. */
VERSION_TEST(queue_life, a_queue_lives_on_without_its_indirect_tables)
{
    struct vpt_features refused = { { 0 } };
    struct vpt_segment segments[2];
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    vpt_features_add(&refused, VPT_F_INDIRECT_DESC);
    for (unsigned i = 0; i < 2; i++) {
        segments[i] = bench_segment(16 * i, 16);
    }
    for (unsigned life = 0; life < 2; life++) {
        assert_status(vpt_queue_add(&queue, segments, 1, 1, NULL), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
        cr_assert(bench_last()->indirect == (life == 0));
        if (life == 0) {
            assert_status(vpt_device_negotiate(bench.device, NULL, NULL, &refused), VPT_OK);
            assert_status(vpt_queue_restart(&queue), VPT_OK);
            assert_status(vpt_device_start(bench.device), VPT_OK);
        }
    }
    bench_end(&queue);
}

/* Who sleeps while there is nothing to take learns of a reset, and of a removal that somebody has noticed. */
VERSION_TEST(queue_life, has_used_is_true_while_a_poll_has_something_to_say)
{
    for (unsigned gone = 0; gone < 2; gone++) {
        struct vpt_segment segment;
        struct vpt_queue queue;

        bench_start(variant, NULL, &queue, 16);
        segment = bench_segment(0, 16);
        bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
        assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        cr_assert(!vpt_queue_has_used(&queue));
        if (gone == 1) {
            mock_device_vanish(&bench.machine.device);
            assert_status(vpt_device_check(bench.device), VPT_DEVICE_GONE);
        } else {
            assert_status(vpt_device_reset(bench.device), VPT_OK);
        }
        cr_assert(vpt_queue_has_used(&queue));
        assert_status(vpt_queue_drain(&queue, NULL), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        bench_finish();
    }
}
