/* SPDX-License-Identifier: MIT */
/* A second set-up of a queue object that the device works with is refused; memory of any content is not. */
#include <string.h>

#include "rig.h"

TestSuite(queue_twice, .timeout = 60);

/* Neither set-up of either virtqueue on the first object, at whatever point, changes a byte of it. */
static void assert_refused(void)
{
    const struct vpt_queue_config config = { .size = 16 };
    struct vpt_blk_queue before = rig.queue[0];

    for (uint16_t index = 0; index < RIG_QUEUES; index++) {
        struct vpt_queue_config other = config;

        other.index = index;
        assert_status(vpt_blk_queue_init(&rig.queue[0], &rig.blk, index, NULL), VPT_CALLER_STATE);
        assert_status(vpt_queue_init(&rig.queue[0].requests.queue, rig.device, &other), VPT_CALLER_STATE);
        assert_status(vpt_queue_init(&rig.queue[0].requests.queue, rig.device, NULL), VPT_CALLER_STATE);
    }
    cr_assert(memcmp(&before, &rig.queue[0], sizeof(before)) == 0);
}

/* The first object, whatever it holds, for virtqueue 0; and that it takes no second one until the next reset. */
static void set_up(uint8_t content)
{
    memset(rig.queue, content, sizeof(rig.queue));
    assert_status(vpt_blk_queue_init(&rig.queue[0], &rig.blk, 0, NULL), VPT_OK);
    assert_refused();
    assert_status(vpt_blk_queue_init(&rig.queue[1], &rig.blk, 1, NULL), VPT_OK);
    assert_refused();
    assert_status(vpt_driver_start(&rig.blk.driver), VPT_OK);
    assert_refused();
    rig_assert_works(content);
    assert_refused();
}

static void negotiate(enum rig_kind kind)
{
    rig_start(kind, NULL);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        assert_status(vpt_requests_release(&rig.queue[i].requests), VPT_OK);
    }
    assert_status(vpt_blk_init(&rig.blk, rig.device, NULL), VPT_OK);
}

RIG_TEST(queue_twice, an_object_in_use_is_refused_and_works_on)
{
    negotiate(variant->kind);
    set_up(0xa5);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_restart(), VPT_OK);
    assert_refused();
    rig_assert_works(3);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_device_reset(rig.device), VPT_OK);
        assert_status(vpt_requests_release(&rig.queue[0].requests), VPT_OK);
        assert_status(vpt_requests_release(&rig.queue[1].requests), VPT_OK);
        assert_status(vpt_blk_init(&rig.blk, rig.device, NULL), VPT_OK);
        set_up((uint8_t)(i * 0x7fu));
    }
    rig_end();
}

/* What was not set up in the end, in whichever of its steps, is not in use. */
RIG_TEST(queue_twice, an_object_whose_set_up_failed_is_free)
{
    static const enum mock_fault faults[] = { MOCK_FAULT_QUEUE_IN_USE, MOCK_FAULT_QUEUE_NOT_READY };

    negotiate(variant->kind);
    for (unsigned i = 0; i < COUNT_OF(faults); i++) {
        mock_fault_set(&rig.model->faults, faults[i], 1, 1, 0);
        assert_status(vpt_blk_queue_init(&rig.queue[0], &rig.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
        cr_assert(all_zero(&rig.queue[0], sizeof(rig.queue[0])));
        mock_fault_clear(&rig.model->faults, faults[i]);
        assert_status(vpt_blk_init(&rig.blk, rig.device, NULL), VPT_OK);
    }
    rig.model->queues[0].maximum = 2; /* the ring is set up, but holds no request */
    assert_status(vpt_blk_queue_init(&rig.queue[0], &rig.blk, 0, NULL), VPT_DEVICE_QUEUE_SIZE);
    rig.model->queues[0].maximum = 256;
    if (!rig_is_pci()) {
        set_up(0x5a); /* where the queue can be stopped by itself */
        assert_status(vpt_device_reset(rig.device), VPT_OK);
        assert_status(vpt_requests_release(&rig.queue[0].requests), VPT_OK);
        assert_status(vpt_requests_release(&rig.queue[1].requests), VPT_OK);
    }
    assert_status(vpt_blk_init(&rig.blk, rig.device, NULL), VPT_OK);
    set_up(0x5a);
    rig_end();
}

/* The queues of a device that is gone are released without a reset: nobody looks at those objects again. */
RIG_TEST(queue_twice, a_device_that_is_gone_remembers_no_object)
{
    struct vpt_blk_queue fresh;

    rig_start(variant->kind, NULL);
    rig_pull_out();
    assert_status(vpt_device_check(rig.device), VPT_DEVICE_GONE);
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        assert_status(vpt_requests_release(&rig.queue[i].requests), VPT_OK);
    }
    memset(rig.queue, 0xa5, sizeof(rig.queue));
    assert_status(vpt_blk_queue_init(&fresh, &rig.blk, 0, NULL), VPT_CALLER_STATE);
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        assert_status(vpt_blk_queue_init(&rig.queue[i], &rig.blk, 0, NULL), VPT_CALLER_STATE);
        cr_assert(all_zero(&rig.queue[i], sizeof(rig.queue[i])));
    }
    rig_release();
    rig_finish();
}
