/* SPDX-License-Identifier: MIT */
/*
 * The device on another CPU: a thread that looks at the rings only after a kick, and a driver that pops only after an
 * interrupt. A notification that gets lost in a race, for want of a barrier or of a second look, stops both.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "hand.h"

#define ROUNDS  140000u
#define SIZE    16u
#define BATCH   7u
#define SPINS   500u /* before a waiting thread gives its CPU away */
#define SECONDS 20   /* without any progress */

/* What is lost ends a test sooner; where others have the CPUs, and with a sanitizer, the rounds take minutes. */
TestSuite(queue_threads, .timeout = 600);

static bool stopped;      /* set by the driver at its end */
static bool stalled;      /* a wait took too long */
static bool interrupting; /* the line that the device raises */

static bool kicked(void)
{
    uint32_t *doorbell = (uint32_t *)(void *)&hand.registers[R_NOTIFY];

    return __atomic_exchange_n(doorbell, HAND_NO_KICK, __ATOMIC_SEQ_CST) != HAND_NO_KICK;
}

static bool raised(void)
{
    return __atomic_exchange_n(&interrupting, false, __ATOMIC_SEQ_CST);
}

static bool over(void)
{
    return __atomic_load_n(&stopped, __ATOMIC_ACQUIRE) || __atomic_load_n(&stalled, __ATOMIC_ACQUIRE);
}

/* Lets a few nanoseconds pass, so that the two threads meet at each of their steps some time. */
static void linger(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    for (uint32_t i = (*state >> 16) % 64u; i != 0; i--) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }
}

/* Waits for a signal, or the end, or too long. False unless it came. */
static bool wait_for(bool (*signal)(void))
{
    time_t limit = time(NULL) + SECONDS;

    for (uint32_t i = 0; !signal(); i++) {
        if (i % SPINS != SPINS - 1) {
            continue;
        }
        if (over()) {
            return false;
        }
        if (time(NULL) > limit) {
            __atomic_store_n(&stalled, true, __ATOMIC_RELEASE);
            return false;
        }
        (void)sched_yield();
    }
    return true;
}

/* ---- The device ---- */

static uint16_t signalled; /* the used index at the last decision */
static uint32_t device_pace;
static uint32_t driver_pace;

static void interrupt_if_wanted(void)
{
    bool wanted;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    wanted = (hand_available_flags() & 1u) == 0;
    if (hand_event_idx()) {
        wanted = (uint16_t)(hand.index - hand_used_event() - 1u) < (uint16_t)(hand.index - signalled);
    }
    signalled = hand.index;
    if (wanted) {
        __atomic_store_n(&interrupting, true, __ATOMIC_SEQ_CST);
    }
}

/* Uses what is there, an interrupt decision each; false if that was nothing. */
static bool use_available(void)
{
    bool any = false;

    while (hand_available_index() != hand.taken) {
        uint16_t head = hand_take();

        linger(&device_pace);
        hand_use(head, 4);
        interrupt_if_wanted();
        any = true;
    }
    return any;
}

/* Says whether kicks are wanted: for the next one if there is no more, else not. */
static void want_kicks(bool wanted)
{
    if (!hand_event_idx()) {
        hand_used_flags(wanted ? 0 : 1);
    } else if (wanted) {
        hand_available_event(hand.taken);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void *run_device(void *unused)
{
    (void)unused;
    while (wait_for(kicked)) {
        do {
            want_kicks(false);
            (void)use_available();
            want_kicks(true);
        } while (use_available());
    }
    return NULL;
}

/* ---- The driver ---- */

/* Pops what is there; the requests still out. */
static uint32_t pop_all(uint32_t out)
{
    uint32_t written = 0;
    enum vpt_status status;

    while ((status = vpt_queue_pop(&hand.queue, NULL, &written)) == VPT_OK) {
        cr_assert(written == 4 && out != 0);
        out--;
        linger(&driver_pace);
    }
    assert_status(status, VPT_EMPTY);
    return out;
}

/* Waits for `out` requests by interrupts, left on all the time or turned off while it pops. */
static bool await(uint32_t out, bool off_while_popping)
{
    for (;;) {
        if (off_while_popping) {
            vpt_queue_notifications_off(&hand.queue);
        }
        out = pop_all(out);
        if (out == 0) {
            return true;
        }
        if (off_while_popping && vpt_queue_notifications_on(&hand.queue)) {
            continue;
        }
        if (!wait_for(raised)) {
            return false;
        }
    }
}

static void run_driver(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t batch = 1 + round % BATCH;

        for (uint32_t i = 0; i < batch; i++) {
            hand_add(NULL, true, 4);
        }
        linger(&driver_pace);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        if (!await(batch, (round & 64u) != 0)) {
            break;
        }
        if ((round & 127u) == 127u) {
            (void)vpt_queue_notifications_on(&hand.queue);
        }
    }
}

static void run_both(const struct variant *variant, uint32_t word_1)
{
    pthread_t device;

    hand_open(variant, word_1, SIZE);
    cr_assert(pthread_create(&device, NULL, run_device, NULL) == 0);
    run_driver();
    __atomic_store_n(&stopped, true, __ATOMIC_RELEASE);
    cr_assert(pthread_join(device, NULL) == 0);
    cr_assert(!stalled, "a notification was lost after %u buffers", (unsigned)hand.index);
    cr_assert(hand.index == (uint16_t)(ROUNDS / BATCH * (BATCH * (BATCH + 1u) / 2u)), "%u", (unsigned)hand.index);
}

Test(queue_threads, SPLIT_KICK_1_no_notification_is_lost_by_event_index)
{
    run_both(&version_2, 0);
}

Test(queue_threads, SPLIT_KICK_1_no_notification_is_lost_by_flags)
{
    run_both(&(struct variant){ 2, true, false, false, false }, 0);
}

Test(queue_threads, RSVFEAT_7_no_notification_is_lost_with_strong_barriers)
{
    run_both(&version_2, 1u << (VPT_F_ORDER_PLATFORM - 32u));
}
