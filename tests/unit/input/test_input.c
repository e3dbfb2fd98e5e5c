/* SPDX-License-Identifier: MIT */
/* The input driver's events both ways, its bring-up and its end. */
#include "keyboard.h"

#define KEY_MSG(n) VPT_INPUT_LED, (uint16_t)(n), (int)(n)

/* ---- Events ---- */

/* INPUT-OP-2: the device would notice a buffer that is too small. */
STARTED_INPUT_TEST(input, INPUT_OP_2_D_INPUT_1_D_INPUT_7_events_come_once_and_in_order)
{
    assert_no_input();
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t count = i * 13u % INPUT_EVENTS;

        input_report(count);
        input_take(count);
    }
    mock_input_happens(&input_model, 0xffff, 0x8000, 0x80000000u);
    mock_input_happens(&input_model, VPT_INPUT_REL, 8, 0xffffffffu);
    assert_no_input(); /* the report has no end yet */
    mock_input_happens(&input_model, VPT_INPUT_SYN, 0, 0);
    assert_input(0xffff, 0x8000, INT32_MIN);
    assert_input(VPT_INPUT_REL, 8, -1);
    assert_input(VPT_INPUT_SYN, 0, 0);
    assert_same(input_model.dropped, 0);
}

/* Every buffer was used, so the device gets each one back by a kick. */
STARTED_INPUT_TEST(input, INPUT_OP_1_a_buffer_goes_back_at_once)
{
    const struct mock_queue *queue;
    struct vpt_input_event event;

    queue = &machine.model->queues[0];
    assert_same(queue->pending_count, INPUT_EVENTS);
    input_report(INPUT_EVENTS - 1u);
    assert_same(queue->pending_count, 0);
    for (uint32_t i = 1; i <= INPUT_EVENTS; i++) {
        assert_status(vpt_input_poll(&input, &event), VPT_OK);
        mock_device_look(machine.model); /* kicks may be suppressed while it has some */
        assert_same(queue->pending_count, i);
        cr_assert(queue->kicks != 0);
    }
    assert_no_input();
}

STARTED_INPUT_TEST(input, D_INPUT_8_a_report_that_does_not_fit_is_lost_as_a_whole)
{
    struct vpt_input_event event;

    for (uint32_t round = 0; round < 3; round++) {
        uint64_t dropped = input_model.dropped;

        input_report(INPUT_EVENTS);
        assert_same(input_model.dropped, dropped + INPUT_EVENTS + 1u);
        assert_no_input();
        input_report(INPUT_EVENTS - 2u); /* one buffer is left */
        input_report(1);
        assert_same(input_model.dropped, dropped + INPUT_EVENTS + 3u);
        for (uint32_t i = 1; i < INPUT_EVENTS; i++) {
            assert_status(vpt_input_poll(&input, &event), VPT_OK);
        }
        assert_no_input();
        assert_input_works();
    }
}

/* What an earlier event has left in the buffer is not taken for this one. */
STARTED_INPUT_TEST(input, an_event_that_is_cut_is_passed_over)
{
    machine.model->completion.batch = 0; /* nothing is said of the length of all but the last of a batch */
    input_report(INPUT_EVENTS - 1u);
    input_take(INPUT_EVENTS - 1u);
    for (uint32_t most = 1; most < 8; most++) {
        input_model.most = most;
        input_report(most * 9u % (INPUT_EVENTS - 1u));
        assert_no_input();
        input_report(0);
        input_model.most = 0;
        input_report(0);
        input_take(0);
        assert_input_works();
    }
    assert_same(input_model.dropped, 0);
}

/* More buffers without an event than the queue has: the call ends, the next one goes on. */
STARTED_INPUT_TEST(input, a_flood_of_cut_events_ends)
{
    struct vpt_input_event event = { 1, 2, 3 };

    machine.model->completion.batch = 0;
    input_model.most = 7;
    input_report(INPUT_EVENTS - 1u);
    assert_status(vpt_input_poll(&input, &event), VPT_DEVICE_REQUEST_STATUS);
    cr_assert(event.type == 1 && event.code == 2 && event.value == 3);
    assert_no_input();
    input_model.most = 0;
    assert_input_works();
}

/* A used length of 0, and one that is above what was writable. */
INPUT_TEST(input, lengths_that_are_lies)
{
    static const uint64_t lengths[] = { 0, 7, 9, UINT32_MAX };

    for (unsigned i = 0; i < COUNT_OF(lengths); i++) {
        const struct mock_lie lie = LENGTH_LIE(lengths[i]);

        input_start(variant);
        machine.model->completion.batch = 0;
        (void)mock_lie_set(&machine.model->lies, &lie);
        input_report(2);
        if (lengths[i] < 8) {
            assert_no_input();
        } else {
            input_take(2);
        }
        cr_assert(mock_lie_fired(&machine.model->lies, 0) != 0);
        mock_lies_clear(machine.model);
        assert_input_works();
        input_end();
    }
}

STARTED_INPUT_TEST(input, an_event_interrupts_once_all_were_taken)
{
    const struct mock_queue *queue;

    queue = &machine.model->queues[0];
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t before = queue->interrupts;

        input_report(3);
        assert_same(queue->interrupts, before + 1u);
        cr_assert((vpt_device_interrupt(machine.device) & VPT_INTERRUPT_QUEUE) != 0);
        input_take(3);
    }
}

/* ---- Messages ---- */

/* INPUT-OP-3: the device would notice one that is too short. */
STARTED_INPUT_TEST(input, INPUT_OP_3_what_is_sent_arrives)
{
    for (int i = 0; i < 3 * (int)INPUT_MESSAGES; i++) {
        assert_status(vpt_input_send(&input, VPT_INPUT_LED, (uint16_t)(i % 3), i - 20), VPT_OK);
    }
    assert_same(input_model.sent_count, 3u * INPUT_MESSAGES);
    for (uint32_t i = 0; i < 3u * INPUT_MESSAGES; i++) {
        const struct mock_input_event *sent = &input_model.sent[i];

        cr_assert(sent->type == VPT_INPUT_LED && sent->code == i % 3u && sent->value == i - 20u);
    }
    assert_input_works();
}

/* The device takes its time: what does not fit is the caller's to try again. */
STARTED_INPUT_TEST(input, a_device_that_takes_no_messages)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uint32_t i = 0; i < INPUT_MESSAGES; i++) {
        assert_status(vpt_input_send(&input, KEY_MSG(i)), VPT_OK);
    }
    assert_status(vpt_input_send(&input, KEY_MSG(99)), VPT_RESOURCE_FULL);
    assert_same(input_model.sent_count, 0);
    machine.model->completion.batch = 0;
    (void)mock_device_run(machine.model, 2);
    assert_same(input_model.sent_count, 2);
    assert_status(vpt_input_send(&input, KEY_MSG(INPUT_MESSAGES)), VPT_OK);
    assert_status(vpt_input_send(&input, KEY_MSG(INPUT_MESSAGES + 1u)), VPT_OK);
    assert_status(vpt_input_send(&input, KEY_MSG(99)), VPT_RESOURCE_FULL);
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    assert_status(vpt_requests_quiesce(&input.status, NULL, NULL), VPT_OK);
    assert_same(input_model.sent_count, INPUT_MESSAGES + 2u);
    for (uint32_t i = 0; i < input_model.sent_count; i++) {
        assert_same(input_model.sent[i].code, i);
    }
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_input_works();
}

INPUT_TEST(input, the_status_queue_can_be_left_out)
{
    input_probe(variant);
    machine.model->queue_count = 3; /* one that the driver knows nothing of */
    machine.model->queues[2].maximum = 64;
    assert_status(vpt_input_init(&input, machine.device, NULL), VPT_OK);
    assert_status(vpt_input_queue_init(&input, 0, NULL), VPT_OK);
    assert_status(vpt_input_queue_init(&input, 2, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_driver_start(&input.driver), VPT_OK);
    input_report(5);
    input_take(5);
    assert_status(vpt_input_send(&input, KEY_MSG(1)), VPT_CALLER_STATE);
    input_end();
}

STARTED_INPUT_TEST(input, arguments_that_are_none)
{
    struct vpt_input_event event;

    assert_status(vpt_input_poll(NULL, &event), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_poll(&input, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_poll(&(struct vpt_input){ .driver.device = NULL }, &event), VPT_CALLER_STATE);
    assert_status(vpt_input_send(NULL, KEY_MSG(1)), VPT_CALLER_ARGUMENT);
    assert_input_works();
}

/* ---- Bring-up and its end ---- */

/* Takes each buffer back, once, with this status. */
static void assert_each_comes_back(enum vpt_status status)
{
    struct vpt_input_event event;

    for (uint32_t i = 0; i < INPUT_EVENTS; i++) {
        assert_status(vpt_input_poll(&input, &event), status);
    }
    assert_no_input();
    assert_status(vpt_input_drain(&input), VPT_OK);
}

STARTED_INPUT_TEST(input, CLEANUP_2_a_poll_takes_the_buffers_of_a_device_that_was_reset)
{
    input_report(3);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    /* What was used before the reset has come. */
    for (uint32_t i = 0; i < 4; i++) {
        struct vpt_input_event event;

        assert_status(vpt_input_poll(&input, &event), VPT_OK);
        cr_assert(event.type == (i < 3 ? VPT_INPUT_KEY : VPT_INPUT_SYN));
    }
    assert_each_comes_back(VPT_CANCELLED);
    assert_status(vpt_driver_restart(&input.driver, NULL), VPT_OK);
    assert_input_works();
}
