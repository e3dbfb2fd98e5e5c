/* SPDX-License-Identifier: MIT */
/* A second set-up of a queue object that the device works with is refused; memory of any content is not. */
#include <string.h>

#include "disk.h"

TestSuite(queue_twice, .timeout = 60);

/* Neither set-up of either virtqueue on the first object, at whatever point, changes a byte of it. */
static void assert_refused(void)
{
    const struct vpt_queue_config config = { .size = 16 };
    struct vpt_blk_queue before = disk.queue[0];

    for (uint16_t index = 0; index < DISK_QUEUES; index++) {
        struct vpt_queue_config other = config;

        other.index = index;
        assert_status(vpt_blk_queue_init(&disk.queue[0], &disk.blk, index, NULL), VPT_CALLER_STATE);
        assert_status(vpt_queue_init(&disk.queue[0].requests.queue, machine.device, &other), VPT_CALLER_STATE);
        assert_status(vpt_queue_init(&disk.queue[0].requests.queue, machine.device, NULL), VPT_CALLER_STATE);
    }
    cr_assert(memcmp(&before, &disk.queue[0], sizeof(before)) == 0);
}

/* The first object, whatever it holds, for virtqueue 0; and that it takes no second one until the next reset. */
static void set_up(uint8_t content)
{
    memset(disk.queue, content, sizeof(disk.queue));
    assert_status(vpt_blk_queue_init(&disk.queue[0], &disk.blk, 0, NULL), VPT_OK);
    assert_refused();
    assert_status(vpt_blk_queue_init(&disk.queue[1], &disk.blk, 1, NULL), VPT_OK);
    assert_refused();
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_refused();
    pair_assert_works(content);
    assert_refused();
}

static void negotiate(enum machine_kind kind)
{
    pair_start(kind, NULL);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        assert_status(vpt_requests_release(&disk.queue[i].requests), VPT_OK);
    }
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
}

TRANSPORT_TEST(queue_twice, an_object_in_use_is_refused_and_works_on)
{
    negotiate(variant->kind);
    set_up(0xa5);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    assert_refused();
    pair_assert_works(3);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_requests_release(&disk.queue[0].requests), VPT_OK);
        assert_status(vpt_requests_release(&disk.queue[1].requests), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        set_up((uint8_t)(i * 0x7fu));
    }
    disk_end();
}

/* What was not set up in the end, in whichever of its steps, is not in use. */
TRANSPORT_TEST(queue_twice, an_object_whose_set_up_failed_is_free)
{
    static const enum mock_fault faults[] = { MOCK_FAULT_QUEUE_IN_USE, MOCK_FAULT_QUEUE_NOT_READY };

    negotiate(variant->kind);
    for (unsigned i = 0; i < COUNT_OF(faults); i++) {
        mock_fault_set(&machine.model->faults, faults[i], 1, 1, 0);
        assert_status(vpt_blk_queue_init(&disk.queue[0], &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
        cr_assert(all_zero(&disk.queue[0], sizeof(disk.queue[0])));
        mock_fault_clear(&machine.model->faults, faults[i]);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    }
    machine.model->queues[0].maximum = 2; /* the ring is set up, but holds no request */
    assert_status(vpt_blk_queue_init(&disk.queue[0], &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_SIZE);
    machine.model->queues[0].maximum = 256;
    if (!machine_on_pci()) {
        set_up(0x5a); /* where the queue can be stopped by itself */
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_requests_release(&disk.queue[0].requests), VPT_OK);
        assert_status(vpt_requests_release(&disk.queue[1].requests), VPT_OK);
    }
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    set_up(0x5a);
    disk_end();
}

/* The queues of a device that is gone are released without a reset: nobody looks at those objects again. */
TRANSPORT_TEST(queue_twice, a_device_that_is_gone_remembers_no_object)
{
    struct vpt_blk_queue fresh;

    pair_start(variant->kind, NULL);
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        assert_status(vpt_requests_release(&disk.queue[i].requests), VPT_OK);
    }
    memset(disk.queue, 0xa5, sizeof(disk.queue));
    assert_status(vpt_blk_queue_init(&fresh, &disk.blk, 0, NULL), VPT_CALLER_STATE);
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        assert_status(vpt_blk_queue_init(&disk.queue[i], &disk.blk, 0, NULL), VPT_CALLER_STATE);
        cr_assert(all_zero(&disk.queue[i], sizeof(disk.queue[i])));
    }
    disk_release();
    machine_finish();
}
