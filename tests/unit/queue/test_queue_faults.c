/* SPDX-License-Identifier: MIT */
/* Devices that lie in the used ring, lose requests, fail or vanish. */
#include <string.h>

#include "hand.h"
#include "mock_order.h"

#define SIZE 16u

static struct vpt_queue queue;

/* Six requests of three segments each, a writable one among them; the first three complete by themselves. */
static void start_with_six(const struct variant *variant)
{
    struct vpt_segment segments[3];

    bench_start(variant, NULL, &queue, 32);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uintptr_t i = 0; i < 6; i++) {
        for (unsigned j = 0; j < 3; j++) {
            segments[j] = bench_segment((i * 3 + j) * 64, 64);
        }
        assert_status(vpt_queue_add(&queue, segments, 2, 1, (void *)(i + 1)), VPT_OK);
    }
    assert_status(vpt_queue_kick(&queue), VPT_OK);
}

/* Every call on a dead queue says what killed it, and the device is left alone. */
static void assert_dead(struct vpt_queue *dead, enum vpt_status reason)
{
    struct vpt_segment segments[2] = { { 0x1000, 16 }, { 0x2000, 16 } };
    void *token = dead;
    uint32_t written = 99;

    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_queue_pop(dead, &token, &written), reason);
        assert_status(vpt_queue_add(dead, segments, 1, 0, NULL), reason);
        assert_status(vpt_queue_add(dead, segments, 1, 1, NULL), reason);
        assert_status(vpt_queue_add(dead, segments, 0, 0, NULL), reason);
        vpt_queue_publish(dead);
        cr_assert(!vpt_queue_kick_prepare(dead));
        assert_status(vpt_queue_kick(dead), reason);
        assert_status(vpt_queue_notify(dead), reason);
        assert_status(vpt_queue_status(dead), reason);
        cr_assert(vpt_queue_has_used(dead)); /* the pop has something to say */
    }
    assert_status(vpt_queue_drain(dead, &token), VPT_CALLER_STATE);
    assert_status(vpt_queue_release(dead), VPT_CALLER_STATE);
    cr_assert(token == dead && written == 99);
}

/* After the reset every request that has not been popped comes back once; then a new queue works. */
static void assert_recovers(uint32_t popped, uint32_t requests)
{
    bool seen[32] = { false };
    uint32_t drained = 0;
    void *token = NULL;

    bench.machine.device.completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    while (vpt_queue_drain(&queue, &token) == VPT_OK) {
        uintptr_t number = (uintptr_t)token - 1;

        cr_assert(number < requests && !seen[number]);
        seen[number] = true;
        drained++;
    }
    cr_assert(popped + drained == requests, "%u and %u", (unsigned)popped, (unsigned)drained);
    assert_status(vpt_queue_status(&queue), VPT_CANCELLED);
    assert_status(vpt_queue_release(&queue), VPT_OK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    bench_queue(&queue, 16, 4, 4);
    for (unsigned i = 0; i < 40; i++) {
        struct vpt_segment segments[2] = { bench_segment(0, 16), bench_segment(16, 16) };

        assert_status(vpt_queue_add(&queue, segments, 1, 1, &queue), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_OK);
        cr_assert(token == &queue);
    }
    assert_status(vpt_queue_status(&queue), VPT_OK);
    bench_end(&queue);
}

/* A fault at the fourth used element or index: three requests come back first. */
static void lie(const struct variant *variant, enum mock_fault fault, uint64_t argument, enum vpt_status reason)
{
    uint32_t popped = 0;
    enum vpt_status status;

    start_with_six(variant);
    mock_fault_set(&bench.machine.device.faults, fault, 4, 1, argument);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(mock_device_run(&bench.machine.device, 1) == 1);
        status = vpt_queue_pop(&queue, NULL, NULL);
        popped += status == VPT_OK ? 1u : 0u;
    }
    cr_assert(mock_fault_fired(&bench.machine.device.faults, fault) == 1);
    cr_assert(popped == 3, "%u", (unsigned)popped);
    assert_status(status, reason);
    cr_assert(bench.machine.hal.log_count == 1 && bench.machine.hal.log[0].status == reason &&
              bench.machine.hal.log[0].level == VPT_LOG_ERROR);
    assert_dead(&queue, reason);
    cr_assert(bench.machine.hal.log_count == 1, "one line for one lie");
    assert_recovers(popped, 6);
}

VARIANT_TEST(queue_faults, a_used_id_out_of_range)
{
    static const uint64_t ids[] = { 0,       32,      33,      0x100,      0x8000,     0xffff,
                                    0x10000, 0x10003, 0x10009, 0x80000003, 0xffff0009, 0xffffffff };

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        lie(variant, MOCK_FAULT_USED_ID_RANGE, ids[i], VPT_DEVICE_USED_ID);
    }
}

VARIANT_TEST(queue_faults, a_used_id_that_is_not_in_flight)
{
    lie(variant, MOCK_FAULT_USED_ID_FREE, 0, VPT_DEVICE_USED_ID);
    lie(variant, MOCK_FAULT_USED_ID_TWICE, 0, VPT_DEVICE_USED_ID);
}

VARIANT_TEST(queue_faults, a_used_index_that_is_ahead)
{
    static const uint64_t arguments[] = { 3, 4, 16, 32, 33, 0x7fff, 0x8000, 0xfff0 };

    /* Three of six are popped, one is used and two are in flight: three more than the truth is one too many. */
    for (size_t i = 0; i < COUNT_OF(arguments); i++) {
        lie(variant, MOCK_FAULT_USED_INDEX_AHEAD, arguments[i], VPT_DEVICE_USED_INDEX);
    }
}

VARIANT_TEST(queue_faults, a_used_index_that_goes_back)
{
    static const uint64_t arguments[] = { 1, 2, 3, 4, 100, 0x7fff };

    for (size_t i = 0; i < COUNT_OF(arguments); i++) {
        lie(variant, MOCK_FAULT_USED_INDEX_BACK, arguments[i], VPT_DEVICE_USED_INDEX);
    }
}

/* Devices report the data of a write, or all-ones, and have done the request: never more than was writable is told. */
VARIANT_TEST(queue_faults, D_LVQ_1_a_used_length_above_what_is_writable_is_clamped)
{
    static const struct {
        enum mock_fault fault;
        uint64_t argument;
    } cases[] = {
        { MOCK_FAULT_USED_LENGTH, 1 },           { MOCK_FAULT_USED_LENGTH, 64 },
        { MOCK_FAULT_USED_LENGTH, 0x10000 },     { MOCK_FAULT_USED_LENGTH, 0x80000000u - 64 },
        { MOCK_FAULT_USED_LENGTH, 0xffffffffu }, { MOCK_FAULT_USED_LENGTH_ALL, 0 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        start_with_six(variant);
        mock_fault_set(&bench.machine.device.faults, cases[i].fault, 1, 0, cases[i].argument);
        cr_assert(mock_device_run(&bench.machine.device, 6) == 6);
        cr_assert(mock_fault_fired(&bench.machine.device.faults, cases[i].fault) == 6);
        for (unsigned j = 0; j < 6; j++) {
            uint32_t written = 0;

            assert_status(vpt_queue_pop(&queue, NULL, &written), VPT_OK);
            cr_assert(written == 64, "case %zu: %u", i, (unsigned)written);
        }
        cr_assert(bench.machine.hal.log_count == 0);
        assert_recovers(6, 6);
    }
}

/* Nothing is writable, and the device claims a byte. */
VERSION_TEST(queue_faults, a_used_length_of_a_request_without_writable_bytes)
{
    static const uint32_t lengths[] = { 0, 1, 100, 0xffffffffu };

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        uint32_t written = 99;

        hand_open(variant, 0, SIZE);
        hand_add(&queue, false, 100);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        hand_use(hand_take(), lengths[i]);
        assert_status(vpt_queue_pop(&hand.queue, NULL, &written), VPT_OK);
        cr_assert(written == 0);
    }
}

/* ---- At the edges ---- */

/* Used exactly what was published is no lie; one more is, whatever the indexes are. */
VARIANT_TEST(queue_faults, the_used_index_may_reach_what_was_published)
{
    hand_open(variant, 0, SIZE);
    for (uint32_t i = 0; i < 65536 / SIZE + 3; i++) {
        for (unsigned j = 0; j < SIZE; j++) {
            hand_add(&queue, true, 8);
        }
        vpt_queue_publish(&hand.queue);
        for (unsigned j = 0; j < SIZE; j++) {
            hand_element(hand_take(), 8);
        }
        hand_show(hand.index);
        for (unsigned j = 0; j < SIZE; j++) {
            assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
        }
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
    }
    hand_show((uint16_t)(hand.index + 1u));
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_INDEX);
    assert_dead(&hand.queue, VPT_DEVICE_USED_INDEX);
}

/* Added is not published: the device cannot know of it. */
VARIANT_TEST(queue_faults, a_used_index_for_a_request_that_was_not_published)
{
    hand_open(variant, 0, SIZE);
    hand_add(&queue, true, 8);
    hand_use(0, 8);
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_INDEX);
}

/* The index is right, but the element names one of the requests that the device has not been shown. */
VARIANT_TEST(queue_faults, the_id_of_a_request_that_was_not_published)
{
    const struct vpt_segment segments[] = { { 0x1000, 8 }, { 0x2000, 8 }, { 0x3000, 8 } };
    const uint16_t counts[] = { 1, 3, 2, 1, 3 };

    for (unsigned named = 0; named < 5; named++) {
        uint16_t heads[5];
        void *token = NULL;

        hand_open(variant, 0, 32);
        for (unsigned i = 0; i < 5; i++) {
            assert_status(vpt_queue_add(&hand.queue, segments, 0, counts[i], &heads[i]), VPT_OK);
            if (i == 1) {
                vpt_queue_publish(&hand.queue);
            }
            /* Where an entry of the available ring is, published or not. */
            heads[i] = (uint16_t)mock_load(hand.available + 4u + 2u * i, 2, hand.native);
        }
        hand_use(heads[named], 8);
        assert_status(vpt_queue_pop(&hand.queue, &token, NULL), named < 2 ? VPT_OK : VPT_DEVICE_USED_ID);
        cr_assert(token == (named < 2 ? &heads[named] : NULL));
        if (named < 2) {
            vpt_queue_publish(&hand.queue);
            hand_use(heads[4], 8);
            assert_status(vpt_queue_pop(&hand.queue, &token, NULL), VPT_OK);
            cr_assert(token == &heads[4]);
        } else {
            assert_dead(&hand.queue, VPT_DEVICE_USED_ID);
        }
    }
}

/* The id of a descriptor in the middle of a chain heads no request. */
VERSION_TEST(queue_faults, the_id_of_a_member_of_a_chain)
{
    struct variant plain = { variant->version, false, true };
    struct vpt_segment segments[3] = { { 0x1000, 8 }, { 0x2000, 8 }, { 0x3000, 8 } };
    uint16_t head;

    for (unsigned which = 1; which < 3; which++) {
        uint16_t member;

        hand_open(&plain, 0, SIZE);
        for (unsigned i = 0; i < 20; i++) { /* so that every slot has been in use */
            hand_add(&queue, true, 8);
            vpt_queue_publish(&hand.queue);
            hand_use(hand_take(), 8);
            assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
        }
        assert_status(vpt_queue_add(&hand.queue, segments, 0, 3, NULL), VPT_OK);
        vpt_queue_publish(&hand.queue);
        head = hand_take();
        member = hand_descriptor(head).next;
        if (which == 2) {
            member = hand_descriptor(member).next;
        }
        hand_use(member, 8);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_ID);
        assert_dead(&hand.queue, VPT_DEVICE_USED_ID);
    }
}

/* The element before a lie is good and comes first; the one behind it never does. */
VARIANT_TEST(queue_faults, what_was_used_before_a_lie_is_still_popped)
{
    void *token = NULL;

    hand_open(variant, 0, SIZE);
    for (uintptr_t i = 0; i < 3; i++) {
        hand_add((void *)(i + 1), true, 8);
    }
    vpt_queue_publish(&hand.queue);
    hand_element(hand_take(), 8);
    hand_element(SIZE, 8);
    hand_element(2, 8);
    hand_show(3);
    assert_status(vpt_queue_pop(&hand.queue, &token, NULL), VPT_OK);
    cr_assert(token == (void *)1);
    assert_status(vpt_queue_pop(&hand.queue, &token, NULL), VPT_DEVICE_USED_ID);
    assert_dead(&hand.queue, VPT_DEVICE_USED_ID);
}

/* The driver's own memory of a request counts, not what the device makes of the descriptors. */
VARIANT_TEST(queue_faults, a_device_that_scribbles_over_the_rings)
{
    struct vpt_segment segments[3] = { { 0x1000, 8 }, { 0x2000, 8 }, { 0x3000, 8 } };

    hand_open(variant, 0, SIZE);
    for (unsigned round = 0; round < 200; round++) {
        bool seen[5] = { false };
        uint16_t heads[5];

        for (uintptr_t i = 0; i < 5; i++) {
            assert_status(vpt_queue_add(&hand.queue, segments, 1, 2, (void *)(i + 1)), VPT_OK);
        }
        vpt_queue_publish(&hand.queue);
        for (unsigned i = 0; i < 5; i++) {
            heads[i] = hand_take();
        }
        memset(hand.descriptors, 0xee, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(SIZE));
        memset(hand.config.memory.indirect.address, 0xee, hand.config.memory.indirect.size);
        memset(hand.available + 4, 0xee, 2 * SIZE);
        for (unsigned i = 5; i-- > 0;) {
            hand_use(heads[i], 16);
        }
        for (unsigned i = 0; i < 5; i++) {
            void *token = NULL;
            uint32_t written = 0;

            assert_status(vpt_queue_pop(&hand.queue, &token, &written), VPT_OK);
            cr_assert(written == 16 && !seen[(uintptr_t)token - 1]);
            seen[(uintptr_t)token - 1] = true;
        }
    }
}

/* ---- Noise ---- */

static uint32_t seed;

static uint32_t pick(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void make_noise(void)
{
    uint32_t ids[] = { pick(SIZE), pick(SIZE + 2), 0xffffffffu, pick(65536) };
    uint32_t lengths[] = { 0, 8, pick(10), 0xffffffffu };

    for (uint32_t i = 0; i < SIZE; i++) {
        hand.index = (uint16_t)i;
        hand_element(pick(8) != 0 ? pick(SIZE) : ids[pick(4)], pick(8) != 0 ? 8 : lengths[pick(4)]);
    }
    hand_show((uint16_t)(hand.queue.last_used + pick(pick(4) != 0 ? 3 : 65536)));
    hand_used_flags((uint16_t)pick(65536));
    hand_available_event((uint16_t)pick(65536));
}

/* Whatever the rings say, each request comes back once, by a pop or after the reset, and nothing else does. */
static void survive(const struct variant *variant)
{
    bool in_flight[64] = { false };
    uint32_t alive = 0;
    void *token = NULL;
    enum vpt_status status = VPT_OK;

    hand_open(variant, 0, SIZE);
    for (uintptr_t i = 0; i < 64 && status != VPT_RESOURCE_FULL; i++) {
        struct vpt_segment segments[2] = { { 0x1000, 8 }, { 0x2000, 8 } };

        status = vpt_queue_add(&hand.queue, segments, (uint16_t)pick(2), 1, (void *)(i + 1));
        in_flight[i] = status == VPT_OK;
        alive += in_flight[i] ? 1u : 0u;
        (void)vpt_queue_kick(&hand.queue);
        make_noise();
        (void)vpt_queue_has_used(&hand.queue);
        while (pick(3) != 0 && vpt_queue_pop(&hand.queue, &token, NULL) == VPT_OK) {
            cr_assert((uintptr_t)token <= 64 && in_flight[(uintptr_t)token - 1]);
            in_flight[(uintptr_t)token - 1] = false;
            alive--;
        }
    }
    assert_status(vpt_device_reset(hand.device), VPT_OK);
    while (vpt_queue_drain(&hand.queue, &token) == VPT_OK) {
        cr_assert((uintptr_t)token <= 64 && in_flight[(uintptr_t)token - 1]);
        in_flight[(uintptr_t)token - 1] = false;
        alive--;
    }
    cr_assert(alive == 0);
    assert_status(vpt_queue_release(&hand.queue), VPT_OK);
}

VARIANT_TEST(queue_faults, rings_full_of_noise)
{
    for (uint32_t i = 0; i < 5000; i++) {
        seed = i;
        survive(variant);
    }
}

/* ---- Requests that never come back ---- */

VARIANT_TEST(queue_faults, STATUS_4_a_device_that_needs_a_reset)
{
    start_with_six(variant);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_NEEDS_RESET, 3, 1, 0);
    cr_assert(mock_device_run(&bench.machine.device, 6) == 2);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
    assert_status(vpt_device_check(bench.device), VPT_DEVICE_NEEDS_RESET);
    cr_assert((vpt_device_interrupt(bench.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_recovers(2, 6);
}

/* Who sleeps until there is something to pop learns of the death; a loop that turns notifications on must end. */
VERSION_TEST(queue_faults, a_dead_queue_has_its_death_to_tell)
{
    hand_open(variant, 0, SIZE);
    hand_add((void *)1, true, 8);
    vpt_queue_publish(&hand.queue);
    hand_use(7, 8);
    cr_assert(vpt_queue_has_used(&hand.queue));
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_ID);
    cr_assert(vpt_queue_has_used(&hand.queue));
    cr_assert(!vpt_queue_notifications_on(&hand.queue));
}

/* A driver that has given the device up leaves it alone until a reset. */
VERSION_TEST(queue_faults, STATUS_3_after_FAILED_nothing_is_notified_or_configured)
{
    hand_open(variant, 0, SIZE);
    hand_add((void *)1, true, 8);
    vpt_device_fail(hand.device);
    assert_status(vpt_queue_kick(&hand.queue), VPT_CALLER_STATE);
    assert_status(vpt_queue_notify(&hand.queue), VPT_CALLER_STATE);
    cr_assert(hand_kicked() == HAND_NO_KICK);
    assert_status(vpt_device_config_write(hand.device, 0, 4, 1), VPT_CALLER_STATE);
}
