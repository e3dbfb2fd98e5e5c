/* SPDX-License-Identifier: MIT */
/* Waiting for a queue to be idle, as a kernel does before it resets, suspends or unplugs a disk. */
#include "rig.h"

TestSuite(quiesce, .timeout = 60);

static void note(void *ctx, const struct vpt_completion *completion)
{
    ptrdiff_t request = (unsigned *)completion->token - rig.back;

    cr_assert(ctx == &rig);
    cr_assert(request >= 0 && request < (ptrdiff_t)RIG_REQUESTS);
    rig.back[request]++;
    rig.status[request] = completion->status;
}

static enum vpt_status quiesce_all(void)
{
    enum vpt_status result = VPT_OK;

    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        enum vpt_status status = vpt_requests_quiesce(&rig.queue[i].requests, note, &rig);

        result = status != VPT_OK ? status : result;
    }
    return result;
}

RIG_TEST(quiesce, every_request_in_flight_is_waited_for_and_handed_over)
{
    rig_start(variant->kind, NULL);
    rig.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    rig.model->completion.delay = 7;
    rig_submit(0, RIG_REQUESTS);
    assert_status(quiesce_all(), VPT_OK);
    rig_assert_back(0, RIG_REQUESTS, VPT_OK);
    assert_status(quiesce_all(), VPT_OK);
    rig_assert_back(0, RIG_REQUESTS, VPT_OK);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, RIG_REQUESTS, VPT_OK);
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(1);
    rig_end();
}

/* What was submitted and not kicked is not forgotten. */
RIG_TEST(quiesce, requests_that_the_device_was_not_told_of_are_carried_out)
{
    struct vpt_segment segment;
    struct vpt_blk_request request = { .operation = VPT_BLK_READ, .sector = 3, .segment_count = 1 };

    rig_start(variant->kind, NULL);
    segment = (struct vpt_segment){ rig.data.device_address, SECTOR };
    request.segments = &segment;
    assert_status(vpt_blk_submit(&rig.queue[1], &request, &rig.back[0]), VPT_OK);
    assert_status(vpt_requests_quiesce(&rig.queue[1].requests, NULL, NULL), VPT_OK);
    cr_assert(rig.model->queues[1].completions == 1);
    assert_status(rig_poll(), VPT_EMPTY);
    cr_assert(rig.back[0] == 0);
    rig_end();
}

RIG_TEST(quiesce, a_request_that_does_not_come_back_is_not_waited_for_for_ever)
{
    rig_start(variant->kind, NULL);
    rig.hal->wait_budget[VPT_WAIT_REQUEST] = 100;
    rig.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    rig.model->completion.delay = 3;
    mock_fault_set(&rig.model->faults, MOCK_FAULT_COMPLETION_LOST, 4, 1, 0);
    rig_submit(0, 12);
    assert_status(quiesce_all(), VPT_DEVICE_TIMEOUT);
    cr_assert(mock_fault_fired(&rig.model->faults, MOCK_FAULT_COMPLETION_LOST) == 1);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    for (unsigned i = 0; i < 12; i++) {
        cr_assert(rig.back[i] == 1, "request %u: %u", i, rig.back[i]);
    }
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(2);
    rig_end();
}

/* One request each time that the driver has waited for so long. */
#define PACE 8u

static unsigned ticks;

static void complete_one_now_and_then(void *ctx)
{
    (void)ctx;
    ticks++;
    if (ticks % PACE == 0) {
        (void)mock_device_run(rig.model, 1);
    }
}

/* As long as requests keep coming back, the wait is one of each, however many there are. */
RIG_TEST(quiesce, the_wait_is_bounded_for_each_request_not_for_their_sum)
{
    rig_start(variant->kind, NULL);
    rig.hal->wait_budget[VPT_WAIT_REQUEST] = 2 * PACE;
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    mock_hal_add_ticker(rig.hal, complete_one_now_and_then, NULL);
    rig_submit(0, RIG_REQUESTS);
    assert_status(vpt_requests_quiesce(&rig.queue[0].requests, note, &rig), VPT_OK);
    assert_status(vpt_requests_quiesce(&rig.queue[1].requests, note, &rig), VPT_OK);
    rig_assert_back(0, RIG_REQUESTS, VPT_OK);
    cr_assert(ticks > RIG_REQUESTS / 2 * PACE);
    rig_end();
}

RIG_TEST(quiesce, a_device_that_fails_or_goes_meanwhile_is_named)
{
    rig_start(variant->kind, NULL);
    rig.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    rig_submit(0, 8);
    mock_device_needs_reset(rig.model);
    assert_status(quiesce_all(), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, 8, VPT_CANCELLED);
    rig_forget();
    assert_status(rig_restart(), VPT_OK);
    rig_submit(0, 8);
    rig_pull_out();
    assert_status(vpt_requests_quiesce(&rig.queue[0].requests, note, &rig), VPT_DEVICE_GONE);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, 8, VPT_DEVICE_GONE);
    rig_release();
    rig_plug_in();
    rig_finish();
}

RIG_TEST(quiesce, a_dead_queue_and_missing_arguments_are_refused)
{
    struct vpt_blk_queue unused = { 0 };

    rig_start(variant->kind, NULL);
    assert_status(vpt_requests_quiesce(NULL, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_quiesce(&unused.requests, NULL, NULL), VPT_CALLER_ARGUMENT);
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    rig_submit(0, 4);
    mock_fault_set(&rig.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    cr_assert(mock_device_run(rig.model, 1) == 1);
    assert_status(vpt_requests_quiesce(&rig.queue[0].requests, note, &rig), VPT_DEVICE_USED_ID);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(vpt_requests_quiesce(&rig.queue[1].requests, note, &rig), VPT_CALLER_STATE);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_assert_back(0, 4, VPT_CANCELLED);
    rig_release();
    rig_finish();
}
