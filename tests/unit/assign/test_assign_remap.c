/* SPDX-License-Identifier: MIT */
/* Where the host's interrupts go, also while that is being changed. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "assign_signal.h"

TestSuite(assign_remap, .timeout = 60);

#define CAPACITY 65536u

static struct vpt_assign_remap remap;
static struct vpt_assign_remap_entry entries[CAPACITY];

#define TABLE   0x1000u
#define PENDING 0x9000u

/* A function with a pin, 8 messages of MSI and `vectors` of MSI-X, and an empty array. */
static void set_up(unsigned vectors)
{
    signal_start();
    signal_bar(0, 0x10000);
    signal_msi(3, false, false);
    signal_msix(vectors, 0, TABLE, 0, PENDING);
    signal_open();
    assert_status(vpt_assign_remap_init(&remap, entries, CAPACITY), VPT_OK);
}

static void add(uint32_t host_vector, unsigned vector, uint32_t target)
{
    assert_status(vpt_assign_remap_add(&remap, host_vector, &signals.device, (uint16_t)vector, target), VPT_OK);
}

static void expect_found(uint32_t host_vector, unsigned vector, uint32_t target)
{
    struct vpt_assign_interrupt found;

    memset(&found, 0x5a, sizeof(found));
    assert_status(vpt_assign_remap_find(&remap, host_vector, &found), VPT_OK);
    cr_assert(found.device == &signals.device && found.vector == vector && found.target == target);
    cr_assert(found.generation == signals.device.generation);
}

static void expect_none(uint32_t host_vector)
{
    struct vpt_assign_interrupt found;

    assert_status(vpt_assign_remap_find(&remap, host_vector, &found), VPT_EMPTY);
}

/* ---- The array ---- */

Test(assign_remap, arguments)
{
    static struct vpt_assign_device closed;
    struct vpt_assign_interrupt found;

    set_up(4);
    assert_status(vpt_assign_remap_init(NULL, entries, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_add(NULL, 0, &signals.device, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_add(&remap, 0, NULL, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_add(&remap, 0, &closed, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_activate(NULL, 0, true), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_remove(NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_find(NULL, 0, &found), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_remap_find(&remap, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_deliver(NULL), VPT_CALLER_ARGUMENT);
    memset(&found, 0, sizeof(found));
    assert_status(vpt_assign_deliver(&found), VPT_CALLER_ARGUMENT);
    found.device = &closed;
    assert_status(vpt_assign_deliver(&found), VPT_CALLER_ARGUMENT);
}

Test(assign_remap, a_failed_init_leaves_zero)
{
    static const uint32_t bad[] = { 0, CAPACITY + 1, UINT32_MAX };

    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        memset(&remap, 0xff, sizeof(remap));
        assert_status(vpt_assign_remap_init(&remap, entries, bad[i]), VPT_CALLER_ARGUMENT);
        cr_assert(remap.entries == NULL && remap.capacity == 0);
        expect_none(0);
        assert_status(vpt_assign_remap_remove(&remap, 0), VPT_CALLER_RANGE);
    }
    memset(&remap, 0xff, sizeof(remap));
    assert_status(vpt_assign_remap_init(&remap, NULL, 1), VPT_CALLER_ARGUMENT);
    cr_assert(remap.entries == NULL && remap.capacity == 0);
}

/* Whatever the memory held before. */
Test(assign_remap, is_empty_at_first)
{
    memset(entries, 0xff, sizeof(entries));
    assert_status(vpt_assign_remap_init(&remap, entries, 1000), VPT_OK);
    for (uint32_t i = 0; i < 1010; i++) {
        expect_none(i);
        assert_status(vpt_assign_remap_remove(&remap, i), i < 1000 ? VPT_EMPTY : VPT_CALLER_RANGE);
        assert_status(vpt_assign_remap_activate(&remap, i, true), i < 1000 ? VPT_EMPTY : VPT_CALLER_RANGE);
    }
    cr_assert(((uint8_t *)&entries[1000])[0] == 0xff);
}

Test(assign_remap, any_vector_of_the_host)
{
    static const uint32_t some[] = { 0, 1, 32, 255, 256, 4095, 65534, 65535 };

    set_up(2048);
    for (unsigned i = 0; i < COUNT_OF(some); i++) {
        add(some[i], 2047 - i, 70 * i);
    }
    for (uint32_t i = 0, next = 0; i < CAPACITY; i++) {
        if (next < COUNT_OF(some) && i == some[next]) {
            expect_found(i, 2047 - next, 70 * next);
            next++;
        } else {
            expect_none(i);
        }
    }
    expect_none(CAPACITY);
    expect_none(UINT32_MAX);
    assert_status(vpt_assign_remap_add(&remap, CAPACITY, &signals.device, 0, 0), VPT_CALLER_RANGE);
    assert_status(vpt_assign_remap_add(&remap, UINT32_MAX, &signals.device, 0, 0), VPT_CALLER_RANGE);
}

Test(assign_remap, one_entry_for_each)
{
    set_up(4);
    add(40, 1, 100);
    assert_status(vpt_assign_remap_add(&remap, 40, &signals.device, 2, 200), VPT_CALLER_OWNED);
    expect_found(40, 1, 100);
    assert_status(vpt_assign_remap_activate(&remap, 40, false), VPT_OK);
    assert_status(vpt_assign_remap_add(&remap, 40, &signals.device, 2, 200), VPT_CALLER_OWNED);
    assert_status(vpt_assign_remap_remove(&remap, 40), VPT_OK);
    add(40, 2, 200);
    expect_found(40, 2, 200);
    add(41, 2, 300);
    expect_found(41, 2, 300);
}

Test(assign_remap, an_inactive_entry_is_not_found)
{
    set_up(4);
    add(40, 1, 100);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_assign_remap_activate(&remap, 40, false), VPT_OK);
        assert_status(vpt_assign_remap_activate(&remap, 40, false), VPT_OK);
        expect_none(40);
        assert_status(vpt_assign_remap_activate(&remap, 40, true), VPT_OK);
        expect_found(40, 1, 100);
    }
    assert_status(vpt_assign_remap_remove(&remap, 40), VPT_OK);
    expect_none(40);
    assert_status(vpt_assign_remap_remove(&remap, 40), VPT_EMPTY);
    assert_status(vpt_assign_remap_activate(&remap, 40, true), VPT_EMPTY);
    expect_none(40);
}

/* ---- What the function has ---- */

static enum vpt_status try(unsigned vector)
{
    enum vpt_status status = vpt_assign_remap_add(&remap, 7, &signals.device, (uint16_t)vector, 0);

    if (status == VPT_OK) {
        assert_status(vpt_assign_remap_remove(&remap, 7), VPT_OK);
    }
    return status;
}

static void expect_vectors(unsigned messages, bool pin)
{
    signal_open();
    assert_status(vpt_assign_remap_init(&remap, entries, 8), VPT_OK);
    for (unsigned i = 0; i < VPT_ASSIGN_INTX; i++) {
        assert_status(try(i), i < messages ? VPT_OK : VPT_CALLER_RANGE);
    }
    assert_status(try(VPT_ASSIGN_INTX), pin ? VPT_OK : VPT_CALLER_RANGE);
}

Test(assign_remap, vectors_that_the_function_has)
{
    signal_start();
    expect_vectors(0, true);
    signal_start();
    signals.config[0x3d] = 0;
    expect_vectors(0, false);
    for (unsigned log2 = 0; log2 <= 5; log2++) {
        signal_start();
        signal_msi(log2, false, false);
        expect_vectors(1u << log2, true);
    }
    signal_start();
    signal_bar(0, 0x10000);
    signal_msi(2, false, false);
    signal_msix(3, 0, TABLE, 0, PENDING);
    expect_vectors(4, true);
    signal_start();
    signal_bar(0, 0x10000);
    signal_msi(2, false, false);
    signal_msix(2048, 0, TABLE, 0, PENDING);
    expect_vectors(2048, true);
}

Test(assign_remap, a_device_without_an_owner_has_none)
{
    set_up(4);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_remap_add(&remap, 40, &signals.device, 0, 0), VPT_CALLER_STATE);
    expect_none(40);
}

Test(assign_remap, entries_in_one_array)
{
    static struct vpt_assign_remap_entry more[4];
    struct vpt_assign_remap other;

    set_up(4);
    assert_status(vpt_assign_remap_init(&other, more, 4), VPT_OK);
    add(2, 0, 0);
    assert_status(vpt_assign_remap_add(&other, 2, &signals.device, 1, 0), VPT_CALLER_STATE);
    assert_status(vpt_assign_remap_remove(&other, 2), VPT_EMPTY);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    assert_status(vpt_assign_remap_add(&other, 2, &signals.device, 1, 0), VPT_OK);
    expect_none(2);
}

/* ---- From the host's vector to the guest ---- */

static void enable_all(unsigned vectors)
{
    for (unsigned i = 0; i < vectors; i++) {
        signal_store(0, TABLE + 16 * i, 8, 0xfee00000u + 16 * i);
        signal_store(0, TABLE + 16 * i + 8, 8, i);
    }
    signal_msix_control(MSIX_ENABLE);
    signals.logged = 0;
}

Test(assign_remap, delivers)
{
    struct vpt_assign_interrupt found;

    set_up(16);
    enable_all(16);
    for (unsigned i = 0; i < 16; i++) {
        add(1000 * i + 35, i, i);
    }
    for (unsigned i = 0; i < 16; i++) {
        assert_status(vpt_assign_remap_find(&remap, 1000 * i + 35, &found), VPT_OK);
        assert_status(vpt_assign_deliver(&found), VPT_OK);
        EXPECT({ MESSAGE, 0xfee00000u + 16 * i, i });
    }
    signals.fail_at = signals.calls + 1;
    assert_status(vpt_assign_deliver(&found), SIGNAL_FAILURE);
    EXPECT({ MESSAGE, 0xfee000f0u, 15 });
    signal_msix_control(0);
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    add(9, VPT_ASSIGN_INTX, 0);
    signals.logged = 0;
    assert_status(vpt_assign_remap_find(&remap, 9, &found), VPT_OK);
    assert_status(vpt_assign_deliver(&found), VPT_OK);
    EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
}

/* What was found before a release is nothing after it, also if the next owner has all the same entries. */
Test(assign_remap, a_release_makes_all_stale)
{
    struct vpt_assign_interrupt found;

    set_up(4);
    enable_all(4);
    add(50, 3, 1);
    assert_status(vpt_assign_remap_find(&remap, 50, &found), VPT_OK);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    expect_none(50);
    signals.logged = 0;
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    signal_write(4, 2, 6);
    enable_all(4);
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    add(50, 3, 1);
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    EXPECT_NOTHING();
    assert_status(vpt_assign_remap_find(&remap, 50, &found), VPT_OK);
    assert_status(vpt_assign_deliver(&found), VPT_OK);
    EXPECT({ MESSAGE, 0xfee00030u, 3 });
}

/* A reset too, of which the owner stays. */
static enum vpt_status reset(void *ctx, enum vpt_assign_reset_method method)
{
    (void)ctx;
    return method == VPT_ASSIGN_RESET_DEVICE ? VPT_OK : VPT_UNSUPPORTED_DEVICE;
}

static void delay(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    (void)microseconds;
}

Test(assign_remap, a_reset_makes_all_stale)
{
    struct vpt_assign_interrupt found;

    set_up(4);
    signals.host.reset = reset;
    signals.host.delay = delay;
    enable_all(4);
    add(50, 3, 1);
    add(51, VPT_ASSIGN_INTX, 1);
    assert_status(vpt_assign_remap_find(&remap, 51, &found), VPT_OK);
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    assert_status(vpt_assign_reset(&signals.device), VPT_OK);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
    expect_none(50);
    expect_none(51);
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    EXPECT_NOTHING();
    add(51, VPT_ASSIGN_INTX, 1);
    assert_status(vpt_assign_remap_find(&remap, 51, &found), VPT_OK);
    assert_status(vpt_assign_deliver(&found), VPT_OK);
    signals.logged = 0;
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    signal_write(4, 2, 2);
    enable_all(4);
    assert_status(vpt_assign_deliver(&found), VPT_EMPTY);
    EXPECT_NOTHING();
}

/* Nobody is told of interrupts for nobody. */
Test(assign_remap, a_reset_without_an_owner)
{
    set_up(4);
    signals.host.reset = reset;
    signals.host.delay = delay;
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    signals.logged = 0;
    assert_status(vpt_assign_reset(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}

#define OTHERS 2u

/* A release takes the entries of its device, active or not, and of no other, in whatever order they came and went. */
Test(assign_remap, a_release_takes_its_own_entries)
{
    static _Alignas(8) uint64_t storage[OTHERS][1024];
    static struct vpt_assign_device others[OTHERS];
    static struct vpt_assign_device *owner[64];
    static bool inactive[64];
    struct vpt_assign_device *const devices[] = { &signals.device, &others[0], &others[1] };
    uint32_t seed = 1;

    set_up(4);
    for (unsigned i = 0; i < OTHERS; i++) {
        signals.setup.storage = storage[i];
        signals.setup.storage_size = sizeof(storage[i]);
        assert_status(vpt_assign_open(&others[i], &signals.setup), VPT_OK);
        assert_status(vpt_assign_acquire(&others[i], 1, &signals.guest), VPT_OK);
    }
    for (unsigned step = 0; step < 20000; step++) {
        struct vpt_assign_device *device;
        uint32_t vector;

        seed = seed * 1664525u + 1013904223u;
        device = devices[(seed >> 28) % COUNT_OF(devices)];
        vector = seed >> 8 & 63;
        if ((seed >> 14 & 63) == 0) {
            for (unsigned i = 0; i < 64; i++) {
                owner[i] = owner[i] == device ? NULL : owner[i];
            }
            assert_status(vpt_assign_release(device), VPT_OK);
            assert_status(vpt_assign_acquire(device, 1, &signals.guest), VPT_OK);
        } else if ((seed >> 20 & 3) == 0) {
            assert_status(vpt_assign_remap_remove(&remap, vector), owner[vector] != NULL ? VPT_OK : VPT_EMPTY);
            owner[vector] = NULL;
        } else if ((seed >> 20 & 3) == 1) {
            inactive[vector] = !inactive[vector];
            assert_status(vpt_assign_remap_activate(&remap, vector, !inactive[vector]),
                          owner[vector] != NULL ? VPT_OK : VPT_EMPTY);
        } else {
            assert_status(vpt_assign_remap_add(&remap, vector, device, (uint16_t)(vector & 3), vector),
                          owner[vector] != NULL ? VPT_CALLER_OWNED : VPT_OK);
            inactive[vector] = owner[vector] != NULL && inactive[vector];
            owner[vector] = owner[vector] != NULL ? owner[vector] : device;
        }
        for (uint32_t i = 0; i < 64; i++) {
            struct vpt_assign_interrupt found = { .device = NULL };
            bool expected = owner[i] != NULL && !inactive[i];

            assert_status(vpt_assign_remap_find(&remap, i, &found), expected ? VPT_OK : VPT_EMPTY);
            cr_assert(!expected || (found.device == owner[i] && found.vector == (i & 3) && found.target == i));
        }
        signals.logged = 0;
    }
}

/* The host's interrupts() is where a hypervisor makes entries. */
static enum vpt_status route(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    (void)ctx;
    for (uint32_t i = 0; i < 8; i++) {
        (void)vpt_assign_remap_remove(&remap, 100 + i);
    }
    if (mode == VPT_ASSIGN_INTERRUPT_INTX) {
        return vpt_assign_remap_add(&remap, 100, &signals.device, VPT_ASSIGN_INTX, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        enum vpt_status status = vpt_assign_remap_add(&remap, 100 + i, &signals.device, (uint16_t)i, i);

        if (status != VPT_OK) {
            return status;
        }
    }
    return VPT_OK;
}

static unsigned routed(void)
{
    struct vpt_assign_interrupt found;
    unsigned count = 0;

    while (vpt_assign_remap_find(&remap, 100 + count, &found) == VPT_OK) {
        assert_status(vpt_assign_deliver(&found), VPT_OK);
        count++;
    }
    return count;
}

Test(assign_remap, entries_made_by_the_host_as_it_is_told)
{
    set_up(4);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    signals.host.interrupts = route;
    assert_status(vpt_assign_acquire(&signals.device, 3, &signals.guest), VPT_OK);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    signal_write(4, 2, 2);
    cr_assert(routed() == 1);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(3));
    cr_assert(routed() == 8);
    enable_all(4);
    cr_assert(routed() == 4);
    signal_msix_control(0);
    signal_msi_control(0);
    cr_assert(routed() == 1);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    cr_assert(routed() == 0);
}

static enum vpt_status route_and_fail(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    assert_status(route(ctx, mode, count), VPT_OK);
    return SIGNAL_FAILURE;
}

/* Of an owner who did not come to be nothing is left. */
Test(assign_remap, a_host_that_makes_entries_and_fails)
{
    struct vpt_assign_interrupt found;

    set_up(4);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    signals.host.interrupts = route_and_fail;
    assert_status(vpt_assign_acquire(&signals.device, 3, &signals.guest), SIGNAL_FAILURE);
    expect_none(100);
    signals.host.interrupts = route;
    assert_status(vpt_assign_acquire(&signals.device, 3, &signals.guest), VPT_OK);
    assert_status(vpt_assign_remap_find(&remap, 100, &found), VPT_OK);
    assert_status(vpt_assign_deliver(&found), VPT_OK);
}

/* ---- Beside changes ---- */

#define HOT     3u /* host vectors that change all the time */
#define CHANGES 2000000u
#define SECRET  0x9e3779b9u

static struct vpt_assign_device *movers[2];
static bool stopped;
static uint32_t torn;
static uint32_t seen;

/* What there is in an entry follows from the target; the generation says whose it is. */
static uint16_t vector_for(uint32_t target)
{
    return (uint16_t)((target * SECRET >> 16) & 2047u);
}

/* Whether an interrupt that was found is of one piece. */
static bool is_whole(const struct vpt_assign_interrupt *found)
{
    return found->vector == vector_for(found->target) && found->device == movers[found->target & 1u] &&
           found->generation == (found->target & 1u);
}

static void *look(void *unused)
{
    struct vpt_assign_interrupt found;
    uint32_t bad = 0;
    uint32_t good = 0;

    (void)unused;
    for (uint32_t i = 0; !__atomic_load_n(&stopped, __ATOMIC_ACQUIRE); i++) {
        if (vpt_assign_remap_find(&remap, i % HOT, &found) == VPT_OK) {
            bad += !is_whole(&found);
            good++;
        }
    }
    (void)__atomic_fetch_add(&torn, bad, __ATOMIC_SEQ_CST);
    (void)__atomic_fetch_add(&seen, good, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Gives a host's vector to what `i` says. */
static bool change(uint32_t i)
{
    uint32_t at = (i * SECRET >> 20) % HOT;

    return vpt_assign_remap_remove(&remap, at) != VPT_CALLER_RANGE &&
           vpt_assign_remap_add(&remap, at, movers[i & 1u], vector_for(i), i) == VPT_OK &&
           ((i & 4u) == 0 || (vpt_assign_remap_activate(&remap, at, false) == VPT_OK &&
                              vpt_assign_remap_activate(&remap, at, true) == VPT_OK));
}

/* Two devices, whose generations tell them apart. */
static void set_up_movers(void)
{
    static _Alignas(8) uint64_t storage[8192];
    static struct vpt_assign_device other;

    set_up(2048);
    signals.setup.storage = storage;
    signals.setup.storage_size = sizeof(storage);
    assert_status(vpt_assign_open(&other, &signals.setup), VPT_OK);
    assert_status(vpt_assign_acquire(&other, 1, &signals.guest), VPT_OK);
    movers[0] = &signals.device;
    movers[1] = &other;
    movers[0]->generation = 0;
    movers[1]->generation = 1;
}

Test(assign_remap, a_find_beside_changes_is_of_one_piece)
{
    pthread_t readers[2];

    set_up_movers();
    stopped = false;
    for (unsigned i = 0; i < COUNT_OF(readers); i++) {
        cr_assert(pthread_create(&readers[i], NULL, look, NULL) == 0);
    }
    for (uint32_t i = 0; i < CHANGES; i++) {
        cr_assert(change(i));
    }
    __atomic_store_n(&stopped, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < COUNT_OF(readers); i++) {
        cr_assert(pthread_join(readers[i], NULL) == 0);
    }
    cr_assert(torn == 0, "%u of %u", torn, seen);
    cr_assert(seen > 1000);
}

/* ---- Amid changes: an interrupt on the same CPU, which a signal stands for ---- */

#define SIGNALS 20000u
#define SECONDS 10

static volatile sig_atomic_t handled;
static volatile sig_atomic_t handled_found;
static volatile sig_atomic_t handled_bad;

static void find_amid(int number)
{
    struct vpt_assign_interrupt found;

    (void)number;
    for (uint32_t i = 0; i < HOT; i++) {
        if (vpt_assign_remap_find(&remap, i, &found) == VPT_OK) {
            handled_bad += !is_whole(&found);
            handled_found += 1;
        }
    }
    handled += 1;
}

/* The other way round: what is being looked at changes. */
static void change_amid(int number)
{
    static uint32_t i;

    (void)number;
    for (uint32_t n = 0; n < 4u * HOT; n++) {
        handled_bad += !change(i++);
    }
    handled += 1;
}

static void interrupt_often(void (*handler)(int number))
{
    struct itimerval often = { { 0, 20 }, { 0, 20 } };
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    cr_assert(sigaction(SIGALRM, &action, NULL) == 0);
    cr_assert(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

static void interrupt_no_more(void)
{
    static const struct itimerval never;

    cr_assert(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

Test(assign_remap, a_find_amid_a_change_is_of_one_piece)
{
    time_t limit = time(NULL) + SECONDS;

    set_up_movers();
    interrupt_often(find_amid);
    for (uint32_t i = 0; handled < (sig_atomic_t)SIGNALS && (i % 1024u != 0 || time(NULL) < limit); i++) {
        cr_assert(change(i));
    }
    interrupt_no_more();
    cr_assert(handled_bad == 0, "%d of %d", (int)handled_bad, (int)handled_found);
    cr_assert(handled_found > 100);
}

Test(assign_remap, a_change_amid_a_find_is_noticed)
{
    time_t limit = time(NULL) + SECONDS;
    struct vpt_assign_interrupt found;
    uint32_t good = 0;

    set_up_movers();
    interrupt_often(change_amid);
    for (uint32_t i = 0; handled < (sig_atomic_t)SIGNALS && (i % 1024u != 0 || time(NULL) < limit); i++) {
        if (vpt_assign_remap_find(&remap, i % HOT, &found) == VPT_OK) {
            cr_assert(is_whole(&found));
            good++;
        }
    }
    interrupt_no_more();
    cr_assert(handled_bad == 0 && handled > 100 && good > 1000);
}
