/* SPDX-License-Identifier: MIT */
/* A queue before it is set up, before the device is started, and after a reset. */
#include <string.h>

#include "hand.h"

static struct vpt_queue queue;

/* A zeroed object is not set up: nothing crashes, and whatever needs a queue says so. */
Test(queue_life, a_queue_that_is_not_set_up)
{
    void *token = NULL;

    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(queue_add(&queue, 1, 0, 0), VPT_CALLER_STATE);
    assert_status(queue_add(&queue, 0, 1, 0), VPT_CALLER_STATE);
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

    plain_negotiate(variant, NULL);
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(queue_add(&queue, 0, 1, 7), VPT_OK);
    vpt_queue_publish(&queue);
    cr_assert(vpt_queue_kick_prepare(&queue));
    assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_kick(&queue), VPT_CALLER_STATE);
    assert_same(machine.model->kicks, 0);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_same(machine.model->kicks, 1);
    assert_same(queue_pop(&queue), 7);
    plain_end(&queue);
}

/* Of nine requests the device was shown seven and used four, of which two are popped. Returns the tokens of those. */
static uint32_t start_with_nine(const struct variant *variant)
{
    uint32_t popped = 0;

    plain_start(variant, NULL, &queue, 32);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine.model->completion.order = MOCK_ORDER_REVERSED;
    for (unsigned i = 0; i < 9; i++) {
        if (i == 7) {
            assert_status(vpt_queue_kick(&queue), VPT_OK);
        }
        assert_status(queue_add(&queue, 1, i % 3, i), VPT_OK);
    }
    assert_same(mock_device_run(machine.model, 4), 4);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_CALLER_STATE);
    for (unsigned i = 0; i < 2; i++) {
        popped |= 1u << queue_pop(&queue);
    }
    return popped;
}

/* If the reset is stuck the buffers stay the device's, until a later one settles it or the device is removed. */
VARIANT_TEST(queue_life, CLEANUP_2_after_a_reset_each_request_comes_back_once)
{
    static const struct {
        enum vpt_status reset;
        enum vpt_status why; /* the queue is over */
    } rows[] = {
        { VPT_OK, VPT_CANCELLED },
        { VPT_DEVICE_STUCK, VPT_DEVICE_STUCK },
        { VPT_DEVICE_STUCK, VPT_DEVICE_GONE },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t popped = start_with_nine(variant);

        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, rows[i].reset == VPT_OK ? 2 : 1, 1, 0);
        assert_status(vpt_device_reset(machine.device), rows[i].reset);
        assert_status(vpt_queue_notify(&queue), VPT_CALLER_STATE);
        assert_status(vpt_queue_kick(&queue), VPT_CALLER_STATE);
        if (rows[i].why == VPT_DEVICE_GONE) {
            assert_status(vpt_queue_release(&queue), VPT_DEVICE_STUCK);
            mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
            assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
            assert_status(vpt_queue_notify(&queue), VPT_DEVICE_GONE);
            assert_status(vpt_queue_kick(&queue), VPT_DEVICE_GONE);
        }
        assert_same(queue_drain(&queue), 0x1ffu & ~popped);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), rows[i].why);
        assert_status(queue_add(&queue, 1, 0, 0), rows[i].why);
        assert_status(vpt_queue_kick(&queue), rows[i].why);
        assert_status(vpt_queue_status(&queue), rows[i].why);
        if (rows[i].why == VPT_DEVICE_STUCK) {
            assert_status(vpt_queue_release(&queue), VPT_DEVICE_STUCK);
            assert_status(vpt_device_reset(machine.device), VPT_OK);
        }
        assert_status(vpt_queue_release(&queue), VPT_OK);
        machine_finish();
    }
}

/* The device runs again with another queue of the same index: the old one is none of its. */
VARIANT_TEST(queue_life, CLEANUP_2_a_queue_from_before_a_reset_is_left_out)
{
    struct vpt_queue old;

    plain_start(variant, NULL, &old, 16);
    assert_status(queue_add(&old, 0, 1, 3), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    plain_queue(&queue, 16, 0, 0);
    assert_status(vpt_queue_notify(&old), VPT_CALLER_STATE);
    assert_status(vpt_queue_kick(&old), VPT_CALLER_STATE);
    assert_same(machine.model->kicks, 0);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_CALLER_STATE);
    assert_status(vpt_queue_release(&queue), VPT_CALLER_STATE);
    assert_same(queue_drain(&old), 1u << 3);
    assert_status(vpt_queue_release(&old), VPT_OK);
    plain_end(&queue);
}

/* By its own negotiation a caller may do without tables that a queue has: requests become chains. */
VERSION_TEST(queue_life, a_queue_works_on_without_its_indirect_tables)
{
    struct vpt_features refused = { { 0 } };

    vpt_features_add(&refused, VPT_F_INDIRECT_DESC);
    plain_start(variant, NULL, &queue, 16);
    for (unsigned tables = 2; tables-- != 0;) {
        assert_status(queue_add(&queue, 1, 1, 0), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        queue_take(&queue, 1);
        assert_same(plain_last()->indirect, tables);
        if (tables != 0) {
            assert_status(vpt_device_negotiate(machine.device, NULL, NULL, &refused), VPT_OK);
            assert_status(vpt_queue_restart(&queue), VPT_OK);
            assert_status(vpt_device_start(machine.device), VPT_OK);
        }
    }
    plain_end(&queue);
}

/* Who sleeps while there is nothing to take learns of a reset, and of a removal that somebody has noticed. */
VARIANT_TEST(queue_life, has_used_is_true_while_a_pop_has_something_to_say)
{
    for (unsigned gone = 0; gone < 2; gone++) {
        plain_start(variant, NULL, &queue, 16);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        queue_send(&queue, 2);
        cr_assert(!vpt_queue_has_used(&queue));
        assert_same(mock_device_run(machine.model, 1), 1);
        cr_assert(vpt_queue_has_used(&queue));
        queue_take(&queue, 1);
        cr_assert(!vpt_queue_has_used(&queue));
        if (gone != 0) {
            mock_device_vanish(machine.model);
            assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
        } else {
            assert_status(vpt_device_reset(machine.device), VPT_OK);
        }
        cr_assert(vpt_queue_has_used(&queue));
        assert_same(queue_drain(&queue), 2);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        machine_finish();
    }
}
