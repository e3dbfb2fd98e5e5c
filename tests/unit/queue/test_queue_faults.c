/* SPDX-License-Identifier: MIT */
/* Devices that lie in the used ring, lose requests, fail or vanish. */
#include <stdio.h>

#include "hand.h"

static struct vpt_queue queue;

#define SIZE 16u

/* Every call on a dead queue says what killed it, and the device is left alone. */
static void assert_dead(struct vpt_queue *dead, enum vpt_status reason)
{
    void *token = dead;
    uint32_t written = 99;

    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_queue_pop(dead, &token, &written), reason);
        assert_status(queue_add(dead, 1, 0, 0), reason);
        assert_status(queue_add(dead, 1, 1, 0), reason);
        assert_status(queue_add(dead, 0, 0, 0), reason);
        vpt_queue_publish(dead);
        cr_assert(!vpt_queue_kick_prepare(dead));
        assert_status(vpt_queue_kick(dead), reason);
        assert_status(vpt_queue_notify(dead), reason);
        assert_status(vpt_queue_status(dead), reason);
        cr_assert(vpt_queue_has_used(dead), "the pop has something to say");
        cr_assert(!vpt_queue_notifications_on(dead), "a loop that turns them on must end");
    }
    assert_status(vpt_queue_drain(dead, &token), VPT_CALLER_STATE);
    assert_status(vpt_queue_release(dead), VPT_CALLER_STATE);
    cr_assert(token == dead && written == 99);
}

/* The next pop finds a lie, and the queue is dead until a reset, after which these requests come back. */
static void assert_lie(const char *row, enum vpt_status reason, uint32_t in_flight)
{
    cr_assert(vpt_queue_has_used(&hand.queue), "whoever sleeps until there is something to pop learns of it");
    assert_status_of(row, vpt_queue_pop(&hand.queue, NULL, NULL), reason);
    assert_dead(&hand.queue, reason);
    assert_status(vpt_device_reset(hand.device), VPT_OK);
    assert_same_of(row, queue_drain(&hand.queue), in_flight);
    assert_status(vpt_queue_status(&hand.queue), VPT_CANCELLED);
    hand_set(R_QUEUE_READY, 0);
    hand_set(R_QUEUE_PFN, 0);
    assert_status(vpt_device_negotiate(hand.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_restart(&hand.queue), VPT_OK);
    assert_status(vpt_device_start(hand.device), VPT_OK);
    hand.taken = 0;
    hand.index = 0;
    hand_publish(40);
    assert_same(hand.index, 40);
    assert_status(vpt_queue_status(&hand.queue), VPT_OK);
}

/* ---- Lies ---- */

/* Of seven requests three are popped, three more are published: an index four ahead of those is one too many. */
static void start_with_seven(const struct variant *variant)
{
    hand_open(variant, 0, 32);
    for (uintptr_t i = 0; i < 7; i++) {
        assert_status(queue_add(&hand.queue, 2, 1, i), VPT_OK);
        if (i == 5) {
            vpt_queue_publish(&hand.queue);
        }
    }
    for (uintptr_t i = 0; i < 3; i++) {
        hand_use(hand_take(), 8);
        assert_same(queue_pop(&hand.queue), i);
    }
}

VARIANT_TEST(queue_faults, a_used_id_of_no_published_request_kills_the_queue)
{
    static const uint32_t ids[] = { 32,      33,      0x100,      0x8000,     0xffff,    0x10000,
                                    0x10003, 0x10009, 0x80000003, 0xffff0009, 0xffffffff };

    for (unsigned i = 0; i < COUNT_OF(ids) + 4; i++) {
        static const uint16_t places[] = { 0, 1, 2, 6 }; /* those that came back, and the one that was not published */
        char row[32];

        start_with_seven(variant);
        hand_use(i < COUNT_OF(ids) ? ids[i] : hand_head(places[i - COUNT_OF(ids)]), 8);
        (void)snprintf(row, sizeof(row), "number %u:", i);
        assert_lie(row, VPT_DEVICE_USED_ID, 0x78);
    }
}

VARIANT_TEST(queue_faults, a_used_index_that_is_ahead_or_goes_back_kills_the_queue)
{
    static const int distances[] = { 4, 5, 16, 32, 33, 0x7fff, 0x8000, 0xfff0, -1, -2, -3, -100 };

    for (size_t i = 0; i < COUNT_OF(distances); i++) {
        char row[32];

        start_with_seven(variant);
        hand_show((uint16_t)(hand.index + distances[i]));
        (void)snprintf(row, sizeof(row), "by %d:", distances[i]);
        assert_lie(row, VPT_DEVICE_USED_INDEX, 0x78);
    }
}

/* Devices report the data of a write, or all-ones, and have done the request: never more than was writable is told. */
VARIANT_TEST(queue_faults, D_LVQ_1_a_used_length_above_what_is_writable_is_clamped)
{
    static const uint32_t lengths[] = { 0, 1, 7, 8, 9, 24, 72, 0x10000, 0x80000000u, 0xffffffffu };

    hand_open(variant, 0, SIZE);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        for (unsigned writable = 0; writable < 2; writable++) {
            uint32_t written = 99;

            assert_status(queue_add(&hand.queue, 2, writable, 0), VPT_OK);
            vpt_queue_publish(&hand.queue);
            hand_use(hand_take(), lengths[i]);
            assert_status(vpt_queue_pop(&hand.queue, NULL, &written), VPT_OK);
            assert_same(written, lengths[i] < 8 * writable ? lengths[i] : 8 * writable);
        }
    }
}

VARIANT_TEST(queue_faults, STATUS_4_a_device_that_needs_a_reset)
{
    plain_start(variant, NULL, &queue, 32);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine.model->completion.batch = 0;
    queue_send(&queue, 6);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_NEEDS_RESET, 3, 1, 0);
    assert_same(mock_device_run(machine.model, 6), 2);
    queue_take(&queue, 2);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert((vpt_device_interrupt(machine.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_same(queue_drain(&queue), 0x3c);
    plain_end(&queue);
}

/* The device uses one of six requests, and names the fifth: five are used, if no index in the ring says otherwise. */
VARIANT_TEST(queue_faults, D_SPLIT_4_D_PACKED_11_a_batch_ends_with_a_request_that_is_used)
{
    plain_start(variant, NULL, &queue, 32);
    machine.model->completion = (struct mock_completion){ .mode = MOCK_COMPLETE_BY_RUN };
    queue_send(&queue, 6);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 4);
    assert_same(mock_device_run(machine.model, 1), 1);
    if (variant->in_order && !variant->packed) {
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_DEVICE_USED_ID);
    } else {
        queue_take(&queue, variant->in_order ? 5 : 1);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
    }
    plain_end(&queue);
}

/* Used exactly what was published is no lie; one more is, whatever the indexes are. */
VARIANT_TEST(queue_faults, the_used_index_may_reach_what_was_published)
{
    hand_open(variant, 0, SIZE);
    for (uint32_t i = 0; i < 65536 / SIZE + 3; i++) {
        hand_offer(SIZE);
        for (unsigned j = 0; j < SIZE; j++) {
            hand_element(hand_take(), 8);
        }
        hand_show(hand.index);
        queue_take(&hand.queue, SIZE);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
    }
    hand_show((uint16_t)(hand.index + 1u));
    assert_lie("", VPT_DEVICE_USED_INDEX, 0);
}

/* The id of a descriptor in the middle of a chain heads no request. */
VERSION_TEST(queue_faults, the_id_of_a_member_of_a_chain)
{
    struct variant plain = { variant->version, false, true, false, false };

    for (unsigned which = 1; which < 3; which++) {
        uint16_t member;

        hand_open(&plain, 0, SIZE);
        hand_publish(20); /* so that every slot has been in use */
        assert_status(queue_add(&hand.queue, 0, 3, 0), VPT_OK);
        vpt_queue_publish(&hand.queue);
        member = hand_take();
        for (unsigned i = 0; i < which; i++) {
            member = hand_descriptor(member).next;
        }
        hand_use(member, 8);
        assert_lie("", VPT_DEVICE_USED_ID, 1);
    }
}

/* The element before a lie is good and comes first; the one behind it never does. */
VARIANT_TEST(queue_faults, what_was_used_before_a_lie_is_still_popped)
{
    hand_open(variant, 0, SIZE);
    hand_offer(2);
    hand_element(hand_take(), 8);
    hand_element(SIZE, 8);
    hand_use(hand_take(), 8);
    hand_show(2);
    queue_take(&hand.queue, 1);
    assert_lie("", VPT_DEVICE_USED_ID, 1);
}

/* The driver's own memory of a request counts, not what the device makes of the descriptors. */
VARIANT_TEST(queue_faults, a_device_that_scribbles_over_the_rings)
{
    hand_open(variant, 0, SIZE);
    for (unsigned round = 0; round < 200; round++) {
        uint16_t heads[5];

        for (uintptr_t i = 0; i < 5; i++) {
            assert_status(queue_add(&hand.queue, 1, 2, i), VPT_OK);
        }
        vpt_queue_publish(&hand.queue);
        for (unsigned i = 0; i < 5; i++) {
            heads[i] = hand_take();
        }
        hand_scribble();
        for (uintptr_t i = 5; i-- > 0;) {
            void *token = NULL;
            uint32_t written = 0;

            hand_use(heads[i], 16);
            assert_status(vpt_queue_pop(&hand.queue, &token, &written), VPT_OK);
            assert_same((uintptr_t)token, i);
            assert_same(written, 16);
        }
    }
}

/* A driver that has given the device up leaves it alone until a reset. */
VERSION_TEST(queue_faults, STATUS_3_after_FAILED_nothing_is_notified_or_configured)
{
    hand_open(variant, 0, SIZE);
    hand_add(NULL, true, 8);
    vpt_device_fail(hand.device);
    assert_status(vpt_queue_kick(&hand.queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_notify(&hand.queue), VPT_CALLER_STATE);
    assert_same(hand_kicked(), HAND_NO_KICK);
    assert_status(vpt_device_config_write(hand.device, 0, 4, 1), VPT_CALLER_STATE);
}

/* ---- Noise ---- */

static void make_noise(void)
{
    uint32_t ids[] = { random_below(SIZE), random_below(SIZE + 2), 0xffffffffu, random_below(65536) };
    uint32_t lengths[] = { 0, 8, random_below(10), 0xffffffffu };

    for (uint32_t i = 0; i < SIZE; i++) {
        hand.index = (uint16_t)i;
        hand_element(random_below(8) != 0 ? random_below(SIZE) : ids[random_below(4)],
                     random_below(8) != 0 ? 8 : lengths[random_below(4)]);
    }
    hand_show((uint16_t)(hand.queue.last_used + random_below(random_below(4) != 0 ? 3 : 65536)));
    hand_used_flags((uint16_t)random_below(65536));
    hand_available_event((uint16_t)random_below(65536));
}

/* Whatever the rings say, each request comes back once, by a pop or after the reset, and nothing else does. */
static void survive(const struct variant *variant)
{
    uint32_t in_flight = 0; /* a bit for each token */
    enum vpt_status status = VPT_OK;
    void *token = NULL;

    hand_open(variant, 0, SIZE);
    for (unsigned i = 0; i < 64 && status != VPT_RESOURCE_FULL; i++) {
        uintptr_t free = (uintptr_t)__builtin_ctz(~in_flight);

        status = queue_add(&hand.queue, random_below(2), 1, free);
        in_flight |= status == VPT_OK ? 1u << free : 0;
        (void)vpt_queue_kick(&hand.queue);
        make_noise();
        (void)vpt_queue_has_used(&hand.queue);
        while (random_below(3) != 0 && vpt_queue_pop(&hand.queue, &token, NULL) == VPT_OK) {
            cr_assert((uintptr_t)token < 32 && (in_flight & 1u << (uintptr_t)token) != 0);
            in_flight &= ~(1u << (uintptr_t)token);
        }
    }
    assert_status(vpt_device_reset(hand.device), VPT_OK);
    assert_same(queue_drain(&hand.queue), in_flight);
    assert_status(vpt_queue_release(&hand.queue), VPT_OK);
}

VARIANT_TEST(queue_faults, rings_full_of_noise)
{
    for (uint32_t i = 0; i < 5000; i++) {
        random_seed(i);
        survive(variant);
    }
}
