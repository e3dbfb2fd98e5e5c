/* SPDX-License-Identifier: MIT */
/* A queue's size: what the caller wants, what the device has, and what comes of it. */
#include <stdio.h>

#include "hand.h"

static struct vpt_queue queue;

/* Every entry in use at once, and one request that takes all of them; used in reversed order. */
VARIANT_TEST(queue_size, D_SPLIT_1_every_size_filled)
{
    static struct vpt_segment segments[HAND_SIZE_MAX + 1];

    for (uint32_t i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = (struct vpt_segment){ 16u * i, 1 };
    }
    for (uint32_t size = 1; size <= HAND_SIZE_MAX; size *= 2) {
        uint16_t wanted = (uint16_t)size;

        hand_open(variant, 0, wanted);
        for (uintptr_t i = 0; i < size; i++) {
            hand_add((void *)(i + 1), true, 8);
        }
        assert_status(vpt_queue_add(&hand.queue, segments, 1, 0, NULL), VPT_RESOURCE_FULL);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        for (uint32_t i = 0; i < size; i++) {
            hand_element(size - 1 - i, 8);
        }
        hand_show(hand.index);
        for (uintptr_t i = size; i > 0; i--) {
            assert_same(queue_pop(&hand.queue), i);
        }
        hand.taken = hand.index;
        assert_status(vpt_queue_add(&hand.queue, segments, wanted, 1, NULL), VPT_CALLER_TOO_LONG);
        assert_status(vpt_queue_add(&hand.queue, segments, 0, wanted, (void *)(uintptr_t)size), VPT_OK);
        assert_status(vpt_queue_add(&hand.queue, segments, 1, 0, NULL),
                      variant->indirect && size > 1 && size <= HAND_SEGMENTS ? VPT_OK : VPT_RESOURCE_FULL);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        hand_use(hand_take(), size);
        assert_same(queue_pop(&hand.queue), size);
    }
}

/* The maximum is read once: each later reading is half of it. */
VERSION_TEST(queue_size, MMIO_REG_9_a_size_is_never_above_the_maximum)
{
    static const struct {
        uint32_t maximum;
        uint16_t wanted;
        uint32_t size;
    } cases[] = {
        { 256, 0, 256 },         { 256, 16, 16 },   { 64, 256, 64 },    { 64, 64, 64 },
        { 1, 256, 1 },           { 2, 0, 2 },       { 48, 0, 32 },      { 48, 64, 32 },
        { 48, 16, 16 },          { 3, 0, 2 },       { 32768, 0, 256 },  { 257, 0, 256 },
        { 255, 0, 128 },         { 32767, 0, 256 }, { 1023, 512, 512 }, { 32767, 32768, 16384 },
        { 32768, 32768, 32768 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mock_machine_options options = { .queue_maximum = cases[i].maximum };
        struct vpt_queue_config config = { .size = cases[i].wanted };
        char text[48];

        (void)snprintf(text, sizeof(text), "%u of %u:", cases[i].wanted, (unsigned)cases[i].maximum);
        plain_negotiate(variant, &options);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_SHRINKING, 1, 0, 0);
        machine_trace();
        assert_status_of(text, vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        assert_same_of(text, vpt_queue_size(&queue), cases[i].size);
        assert_same_of(text, machine.model->queues[0].size, cases[i].size);
        assert_same_of(text, mmio_traced(false, R_QUEUE_MAXIMUM), 1);
        plain_end(&queue);
    }
}

NEGOTIATED_TEST(queue_size, D_SPLIT_1_sizes_that_are_no_power_of_two_and_impossible_maximums_are_refused)
{
    static const uint16_t sizes[] = { 3, 5, 6, 7, 48, 255, 257, 32767, 32769, 49152, 65535 };
    static const uint32_t maximums[] = { 32769, 49152, 65535, 65536, 0x10040, 0x80000000u, 0xffffffffu };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        plain_refuse(&(struct vpt_queue_config){ .size = sizes[i] }, VPT_CALLER_ARGUMENT, true);
    }
    for (size_t i = 0; i < COUNT_OF(maximums); i++) {
        mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_MAXIMUM, 1, 0, maximums[i]);
        plain_refuse(&(struct vpt_queue_config){ .size = 16 }, VPT_DEVICE_QUEUE_SIZE, false);
    }
}

VERSION_TEST(queue_size, D_MMIO_1_a_queue_that_does_not_exist)
{
    static const uint16_t indexes[] = { 2, 3, 16, 255, 256, 65535, 1 };
    struct mock_machine_options options = { .queues = 2 };

    plain_negotiate(variant, &options);
    for (size_t i = 0; i < COUNT_OF(indexes); i++) {
        if (indexes[i] < options.queues) {
            mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_ABSENT, 1, 0, 0);
        }
        plain_refuse(&(struct vpt_queue_config){ .index = indexes[i] }, VPT_UNSUPPORTED_QUEUE, false);
        assert_same(mmio_value(true, R_QUEUE_SELECT, 0), indexes[i]);
    }
    machine_finish();
}

PROBED_TEST(queue_size, INIT_1_queues_are_set_up_between_negotiation_and_start)
{
    struct vpt_queue_config config = { .size = 16 };

    plain_refuse(&config, VPT_CALLER_STATE, true);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    plain_refuse(&config, VPT_CALLER_STATE, true);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    plain_refuse(&config, VPT_CALLER_STATE, true);
    assert_status(vpt_queue_init(NULL, machine.device, &config), VPT_CALLER_ARGUMENT);
    assert_status(vpt_queue_init(&queue, NULL, &config), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&queue, sizeof(queue)));
    plain_refuse(NULL, VPT_CALLER_ARGUMENT, true);
}
