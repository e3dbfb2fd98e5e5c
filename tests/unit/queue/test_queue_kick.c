/* SPDX-License-Identifier: MIT */
/* Kicks: whether the device is told, and what. */
#include "hand.h"

/* Publishes one more and tells whether the library would kick. */
static bool add_and_decide(void)
{
    hand_add(NULL, true, 4);
    vpt_queue_publish(&hand.queue);
    return vpt_queue_kick_prepare(&hand.queue);
}

VARIANT_TEST(queue_kick, SPLIT_ASUPP_4_kicks_without_event_idx_follow_the_flag)
{
    struct variant plain = { variant->version, variant->indirect, false };

    hand_open(&plain, 0, 16);
    hand_available_event(0); /* without the feature it means nothing (SPLIT-ASUPP-2) */
    cr_assert(add_and_decide());
    cr_assert(!vpt_queue_kick_prepare(&hand.queue), "decided already");
    hand_available_event(0x8000);
    cr_assert(add_and_decide());
    hand_used_flags(1);
    cr_assert(!add_and_decide());
    hand_used_flags(0xfffe); /* undefined bits */
    cr_assert(add_and_decide());
    hand_used_flags(0xffff);
    cr_assert(!add_and_decide());
    hand_used_flags(0);
    cr_assert(!vpt_queue_kick_prepare(&hand.queue), "nothing new");
    cr_assert(add_and_decide());
}

VARIANT_TEST(queue_kick, SPLIT_ASUPP_5_kicks_with_event_idx_follow_the_event)
{
    struct variant with = { variant->version, variant->indirect, true };

    hand_open(&with, 0, 16);
    hand_used_flags(1);
    hand_available_event(0);
    cr_assert(add_and_decide(), "the first buffer is the one that was named");
    cr_assert(!add_and_decide());
    hand_available_event(3);
    cr_assert(!add_and_decide());
    cr_assert(add_and_decide());
    hand_available_event(4);
    cr_assert(add_and_decide());
    hand_available_event(6);
    hand_used_flags(0);
    cr_assert(!add_and_decide());
}

/* What the device asked for, by counting: whether the entry it names is among those published since. */
static bool named(uint64_t from, uint64_t to, uint16_t event)
{
    for (uint64_t i = from; i < to; i++) {
        if ((uint16_t)i == event) {
            return true;
        }
    }
    return false;
}

static uint32_t seed;

static uint32_t pick(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

#define BATCH_MAX 1024u

/* Events near the index, at the edges of what was published, and anywhere. */
static uint16_t pick_event(uint64_t from, uint64_t to)
{
    switch (pick(6)) {
    case 0: return (uint16_t)from;
    case 1: return (uint16_t)(from - 1u);
    case 2: return (uint16_t)(to - 1u);
    case 3: return (uint16_t)to;
    case 4: return (uint16_t)(from + pick((uint32_t)(to - from) + 1u));
    default: return (uint16_t)pick(65536);
    }
}

/*
 * Runs `requests` through in batches of `batch` (0: of random sizes) and compares every decision with what the device
 * asked for. The batch is published in pieces, of which only the last decides.
 */
static void compare_decisions(uint32_t requests, uint32_t batch)
{
    uint64_t published = 0;
    uint32_t kicks = 0;
    uint32_t decisions = 0;

    while (published < requests) {
        uint64_t from = published;
        uint64_t to = from + (batch != 0 ? batch : 1u + pick(BATCH_MAX));
        uint16_t event = pick_event(from, to);

        hand_available_event(event);
        while (published < to) {
            hand_add(NULL, false, 4);
            published++;
            if (pick(3) == 0 || published == to) {
                vpt_queue_publish(&hand.queue);
            }
        }
        cr_assert(vpt_queue_kick_prepare(&hand.queue) == named(from, to, event), "batch [%llu, %llu), event %u",
                  (unsigned long long)from, (unsigned long long)to, event);
        decisions++;
        kicks += named(from, to, event) ? 1u : 0u;
        hand_take_all();
    }
    cr_assert(kicks != 0 && kicks != decisions, "%u of %u", (unsigned)kicks, (unsigned)decisions);
}

VERSION_TEST(queue_kick, SPLIT_ASUPP_6_every_decision_over_three_wraps)
{
    static const uint32_t batches[] = { 1, 2, 3, 7, 32, 64, 255, 256, 257, 1000, 1024, 0 };

    for (size_t i = 0; i < COUNT_OF(batches); i += test_stride()) {
        seed = (uint32_t)i + 1;
        hand_open(variant, 0, BATCH_MAX);
        compare_decisions(3 * 65536 + 5000, batches[i]);
    }
}

/* The device always asks for the next one, as one that has caught up does: each batch is kicked. */
VERSION_TEST(queue_kick, SPLIT_ASUPP_6_a_device_that_keeps_up_is_kicked_each_time)
{
    hand_open(variant, 0, 64);
    for (uint32_t published = 0; published < 3 * 65536 + 100;) {
        uint32_t batch = 1 + published % 33;

        hand_available_event((uint16_t)published);
        for (uint32_t i = 0; i < batch; i++) {
            hand_add(NULL, false, 4);
        }
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        cr_assert(hand_kicked() == 0, "at %u", (unsigned)published);
        published += batch;
        hand_take_all();
    }
}

/* The device has asked for one far behind, and does not again: kicked once a round of 65536, when it is passed. */
VERSION_TEST(queue_kick, SPLIT_ASUPP_7_a_device_that_is_busy_is_left_alone)
{
    unsigned kicks = 0;

    hand_open(variant, 0, 64);
    hand_available_event(0xfff0);
    for (uint32_t published = 0; published < 3 * 65536; published++) {
        hand_add(NULL, false, 4);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        if (hand_kicked() != HAND_NO_KICK) {
            cr_assert((uint16_t)published == 0xfff0);
            kicks++;
        }
        hand_take_all();
    }
    cr_assert(kicks == 3);
}

/* From 65536 on every event is among them; just below, all but one. */
VERSION_TEST(queue_kick, SPLIT_ASUPP_6_more_published_than_an_index_can_count)
{
    static const uint32_t counts[] = { 65534, 65535, 65536, 65537, 70000, 131071, 131072, 131073, 200000 };

    for (size_t i = 0; i < COUNT_OF(counts); i += test_stride()) {
        uint64_t from = 0;

        hand_open(variant, 0, 256);
        for (unsigned round = 0; round < 4; round++) {
            uint64_t to = from + counts[i];
            static const uint16_t offsets[] = { 0, 0xffff, 0xfffe, 0x8000 };
            uint16_t event = (uint16_t)(from + offsets[round]);

            hand_available_event(event);
            hand_publish(counts[i]);
            cr_assert(vpt_queue_kick_prepare(&hand.queue) == named(from, to, event), "%u in round %u",
                      (unsigned)counts[i], round);
            from = to;
            /* The count starts over. */
            hand_available_event((uint16_t)(from + 1u));
            cr_assert(!add_and_decide());
            hand_take_all();
            from++;
        }
    }
}

/* The same over the mock, which looks at a ring when it is kicked only: a lost kick is a request that stays. */
VARIANT_TEST(queue_kick, SPLIT_ASUPP_3_kicks_are_neither_lost_nor_wasted)
{
    struct vpt_segment segment;
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 64);
    segment = bench_segment(0, 4);
    for (uint32_t i = 0; i < 70000;) {
        uint32_t batch = 1 + i % 64;

        for (uint32_t j = 0; j < batch; j++) {
            assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
        }
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        for (uint32_t j = 0; j < batch; j++) {
            assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
        }
        i += batch;
    }
    cr_assert(bench.machine.device.queues[0].idle_kicks == 0);
    bench_end(&queue);
}

VARIANT_TEST(queue_kick, SPLIT_ASUPP_3_a_busy_device_is_not_kicked)
{
    struct vpt_segment segment;
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = bench_segment(0, 4);
    for (unsigned i = 0; i < 5; i++) {
        assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
    }
    cr_assert(bench.machine.device.kicks == 1);
    cr_assert(mock_device_run(&bench.machine.device, 5) == 5);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    cr_assert(bench.machine.device.kicks == 2);
    bench_end(&queue);
}

/* Deciding and notifying may be done apart, the latter without the queue's lock. */
VARIANT_TEST(queue_kick, a_kick_in_its_steps)
{
    hand_open(variant, 0, 16);
    cr_assert(!vpt_queue_kick_prepare(&hand.queue));
    hand_add(NULL, true, 4);
    cr_assert(!vpt_queue_kick_prepare(&hand.queue), "not published yet");
    vpt_queue_publish(&hand.queue);
    cr_assert(vpt_queue_kick_prepare(&hand.queue));
    cr_assert(hand_kicked() == HAND_NO_KICK);
    assert_status(vpt_queue_notify(&hand.queue), VPT_OK);
    cr_assert(hand_kicked() == 0 && vpt_queue_kicks(&hand.queue) == 1);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    cr_assert(hand_kicked() == HAND_NO_KICK && vpt_queue_kicks(&hand.queue) == 1);
    hand_available_event(1);
    hand_add(NULL, true, 4);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    cr_assert(hand_kicked() == 0 && vpt_queue_kicks(&hand.queue) == 2);
}

VARIANT_TEST(queue_kick, D_MMIO_2_a_kick_names_its_queue)
{
    static const uint16_t indexes[] = { 0, 1, 7, 255, 256, 65535 };

    for (size_t i = 0; i < COUNT_OF(indexes); i++) {
        hand_negotiate(variant, 0, 16);
        hand.config.index = indexes[i];
        assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
        assert_status(vpt_device_start(hand.device), VPT_OK);
        hand_add(NULL, true, 4);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        cr_assert(hand_kicked() == indexes[i]);
    }
}

/* ---- NOTIFICATION_DATA ---- */

#define WORD_1_NOTIFICATION_DATA (1u << (VPT_F_NOTIFICATION_DATA - 32u))
#define WORD_1_ORDER_PLATFORM    (1u << (VPT_F_ORDER_PLATFORM - 32u))

Test(queue_kick, D_NOTIFDATA_2_a_kick_tells_the_available_index)
{
    uint32_t published = 0;

    hand_negotiate(&version_2, WORD_1_NOTIFICATION_DATA, 16);
    hand.config.index = 5;
    assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
    assert_status(vpt_device_start(hand.device), VPT_OK);
    cr_assert(vpt_features_has(&hand.device->features, VPT_F_NOTIFICATION_DATA));
    while (published < 2 * 65536 + 100) {
        uint32_t batch = 1 + published % 13;

        hand_available_event((uint16_t)published);
        for (uint32_t i = 0; i < batch; i++) {
            hand_add(NULL, true, 4);
        }
        published += batch;
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        cr_assert(hand_kicked() == ((published << 16) | 5u), "at %u", (unsigned)published);
        hand_take_all();
    }
}

Test(queue_kick, D_NOTIFDATA_1_the_mock_agrees)
{
    struct mock_machine_options options = { .queues = 2 };
    struct vpt_queue_config config = { .index = 1, .size = 4 };
    struct vpt_segment segment;
    struct vpt_queue queue;

    vpt_features_add(&options.offer, VPT_F_NOTIFICATION_DATA);
    bench_negotiate(&version_2, &options);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    segment = bench_segment(0, 4);
    for (unsigned i = 0; i < 70000; i++) {
        assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    }
    cr_assert(bench.machine.device.kicks == 70000);
    bench_end(&queue);
}

/* Stronger barriers do the same. */
VARIANT_TEST(queue_kick, RSVFEAT_7_order_platform)
{
    struct mock_machine_options options = { 0 };
    struct vpt_segment segment;
    struct vpt_queue queue;

    if (variant->version == 2) {
        vpt_features_add(&options.offer, VPT_F_ORDER_PLATFORM);
    }
    bench_start(variant, &options, &queue, 16);
    cr_assert(vpt_features_has(&bench.device->features, VPT_F_ORDER_PLATFORM) == (variant->version == 2));
    segment = bench_segment(0, 4);
    for (unsigned i = 0; i < 100; i++) {
        assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    }
    bench_end(&queue);
}
