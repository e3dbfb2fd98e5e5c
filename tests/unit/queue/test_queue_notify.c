/* SPDX-License-Identifier: MIT */
/* Used buffer notifications: off, on, and the moments in which one could get lost. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, sigaction() */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hand.h"

static struct vpt_queue queue;

VARIANT_TEST(queue_notify, SPLIT_USUPP_2_off_and_on)
{
    hand_open(variant, 0, 16);
    cr_assert(hand_interrupts(), "on after set-up");
    for (uint32_t i = 0; i < 70000; i++) {
        vpt_queue_notifications_off(&hand.queue);
        cr_assert(!hand_interrupts());
        hand_offer(1);
        hand_use(hand_take(), 0);
        cr_assert(!hand_interrupts());
        queue_take(&hand.queue, 1);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
        cr_assert(!hand_interrupts(), "an empty pop turns nothing on");
        cr_assert(!vpt_queue_notifications_on(&hand.queue));
        cr_assert(hand_interrupts());
        cr_assert(hand_available_flags() <= (variant->event_idx ? 0 : 1), "SPLIT-USUPP-1, SPLIT-USUPP-3");
    }
}

/* Off stays off for as long as the indexes allow: 65535 more buffers. */
VERSION_TEST(queue_notify, SPLIT_USUPP_4_off_lasts)
{
    hand_open(variant, 0, 256);
    hand_publish(1000);
    vpt_queue_notifications_off(&hand.queue);
    for (uint32_t i = 0; i < 65535; i++) {
        cr_assert(!hand_interrupts(), "after %u", (unsigned)i);
        hand_publish(1);
    }
}

VARIANT_TEST(queue_notify, OUT_SPLIT_4_used_between_the_last_pop_and_on)
{
    hand_open(variant, 0, 16);
    vpt_queue_notifications_off(&hand.queue);
    for (uint32_t i = 0; i < 70000; i++) {
        hand_offer(1);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
        hand_use(hand_take(), 0);
        cr_assert(vpt_queue_notifications_on(&hand.queue), "no notification follows: the caller has to know");
        queue_take(&hand.queue, 1);
        cr_assert(!vpt_queue_notifications_on(&hand.queue));
        vpt_queue_notifications_off(&hand.queue);
    }
}

/* While they are on, a pop that finds nothing has asked for the next one. */
VARIANT_TEST(queue_notify, SPLIT_USUPP_4_a_drained_queue_is_armed)
{
    hand_open(variant, 0, 16);
    for (uint32_t i = 0; i < 70000; i++) {
        uint32_t batch = 1 + i % 5;

        hand_offer(batch);
        for (uint32_t j = 0; j < batch; j++) {
            hand_use(hand_take(), 0);
        }
        queue_take(&hand.queue, batch);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
        cr_assert(hand_interrupts());
    }
}

/*
 * The device at the very moment of the store that arms: the driver area lies in a page of its own that the driver may
 * not write, and what handles the fault uses a buffer first. The device has seen the old event then and does not
 * interrupt, so that the driver has to find the buffer by itself.
 */
static uint8_t *armed_page;
static size_t armed_page_size;
static unsigned faults;

static void use_at_the_fault(int number)
{
    (void)number;
    faults++;
    (void)mprotect(armed_page, armed_page_size, PROT_READ | PROT_WRITE);
    hand_use(hand_take(), 4);
}

static void lock_armed_page(void)
{
    cr_assert(mprotect(armed_page, armed_page_size, PROT_READ) == 0);
}

static void open_with_a_page_for_the_driver_area(void)
{
    static _Alignas(16) uint8_t descriptors[VPT_QUEUE_DESCRIPTOR_AREA_SIZE(16)];
    static _Alignas(16) uint8_t used[VPT_QUEUE_DEVICE_AREA_SIZE(16)];
    struct sigaction action;

    armed_page_size = (size_t)sysconf(_SC_PAGESIZE);
    armed_page = mmap(NULL, armed_page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(armed_page != MAP_FAILED);
    hand_negotiate(&version_2, 0, 16);
    hand.config.memory.rings = (struct vpt_memory){ descriptors, 0x1000, sizeof(descriptors) };
    hand.config.memory.driver_area = (struct vpt_memory){ armed_page, 0x2000, armed_page_size };
    hand.config.memory.device_area = (struct vpt_memory){ used, 0x3000, sizeof(used) };
    hand.descriptors = descriptors;
    hand.available = armed_page;
    hand.used = used;
    assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
    assert_status(vpt_device_start(hand.device), VPT_OK);
    memset(&action, 0, sizeof(action));
    action.sa_handler = use_at_the_fault;
    cr_assert(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
}

Test(queue_notify, SPLIT_USUPP_4_used_while_it_is_armed)
{
    open_with_a_page_for_the_driver_area();
    for (unsigned i = 0; i < 100; i++) {
        hand_offer(2);
        hand_use(hand_take(), 4);
        queue_take(&hand.queue, 1);
        lock_armed_page();
        queue_take(&hand.queue, 1);
        assert_same(faults, i + 1);
    }
}

Test(queue_notify, D_SPLIT_6_used_while_notifications_are_turned_on)
{
    open_with_a_page_for_the_driver_area();
    for (unsigned i = 0; i < 100; i++) {
        vpt_queue_notifications_off(&hand.queue);
        hand_offer(1);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
        lock_armed_page();
        cr_assert(vpt_queue_notifications_on(&hand.queue));
        assert_same(faults, i + 1);
        queue_take(&hand.queue, 1);
    }
}

/*
 * With EVENT_IDX one interrupt stands for all that are used before the driver has drained; without, each has one. A
 * handler touches no queue, and an interrupt for nothing, which the device sends at each kick, does no harm.
 */
STARTED_QUEUE_TEST(queue_notify, SPLIT_USUPP_5_interrupts_of_a_device)
{
    uint64_t before;

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_INTERRUPT_SPURIOUS, 1, 0, 0);
    for (unsigned round = 0; round < 20; round++) {
        queue_send(&queue, 8);
        assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_QUEUE);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
        assert_same(vpt_device_interrupt(machine.device), 0);
        before = machine.model->interrupts;
        for (unsigned i = 0; i < 8; i++) {
            assert_same(mock_device_run(machine.model, 1), 1);
        }
        assert_same(machine.model->interrupts - before, variant->event_idx ? 1 : 8);
        assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_QUEUE);
        queue_take(&queue, 8);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
        assert_same(vpt_device_interrupt(machine.device), 0);
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_INTERRUPT_SPURIOUS);
    vpt_queue_notifications_off(&queue);
    before = machine.model->interrupts;
    for (unsigned i = 0; i < 500; i++) {
        queue_send(&queue, 1);
        assert_same(mock_device_run(machine.model, 1), 1);
        queue_take(&queue, 1);
    }
    assert_same(machine.model->interrupts, before);
}
