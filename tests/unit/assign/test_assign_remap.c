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

/* A function with a pin, 8 messages of MSI and `vectors` of MSI-X, and an empty array. */
static void set_up(unsigned vectors)
{
    signal_make(&(struct signal_function){ .pin = true, .msi = true, .messages = 3, .vectors = vectors });
    signal_open();
    assert_status(vpt_assign_remap_init(&remap, entries, CAPACITY), VPT_OK);
}

static void add(uint32_t host_vector, unsigned vector, uint32_t target)
{
    assert_status(vpt_assign_remap_add(&remap, host_vector, &signals.device, (uint16_t)vector, target), VPT_OK);
}

static void expect_none(uint32_t host_vector)
{
    struct vpt_assign_interrupt found;

    assert_status(vpt_assign_remap_find(&remap, host_vector, &found), VPT_EMPTY);
}

/* Finds an interrupt and delivers it. */
static enum vpt_status arrive(uint32_t host_vector)
{
    struct vpt_assign_interrupt found;
    enum vpt_status status = vpt_assign_remap_find(&remap, host_vector, &found);

    return status == VPT_OK ? vpt_assign_deliver(&found) : status;
}

/* ---- Refusals ---- */

Test(assign_remap, calls_without_an_array_a_device_or_a_result_are_refused)
{
    static struct vpt_assign_device closed;
    struct vpt_assign_interrupt found = { .device = NULL };

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
    assert_status(vpt_assign_deliver(&found), VPT_CALLER_ARGUMENT);
    found.device = &closed;
    assert_status(vpt_assign_deliver(&found), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_remap_add(&remap, 40, &signals.device, 0, 0), VPT_CALLER_STATE);
    expect_none(40);
}

Test(assign_remap, an_array_that_could_not_be_made_is_one_of_no_entries)
{
    static const uint32_t bad[] = { 0, CAPACITY + 1, UINT32_MAX, 1 };

    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        memset(&remap, 0xff, sizeof(remap));
        assert_status(vpt_assign_remap_init(&remap, bad[i] == 1 ? NULL : entries, bad[i]), VPT_CALLER_ARGUMENT);
        cr_assert(remap.entries == NULL && remap.capacity == 0);
        expect_none(0);
        assert_status(vpt_assign_remap_remove(&remap, 0), VPT_CALLER_RANGE);
    }
}

Test(assign_remap, an_array_has_as_many_entries_as_it_was_made_for)
{
    static const uint32_t beyond[] = { 1000, CAPACITY, UINT32_MAX };

    set_up(4);
    memset(entries, 0xff, sizeof(entries));
    assert_status(vpt_assign_remap_init(&remap, entries, 1000), VPT_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        expect_none(i);
    }
    add(999, 0, 0);
    for (unsigned i = 0; i < COUNT_OF(beyond); i++) {
        expect_none(beyond[i]);
        assert_status(vpt_assign_remap_add(&remap, beyond[i], &signals.device, 0, 0), VPT_CALLER_RANGE);
        assert_status(vpt_assign_remap_remove(&remap, beyond[i]), VPT_CALLER_RANGE);
        assert_status(vpt_assign_remap_activate(&remap, beyond[i], true), VPT_CALLER_RANGE);
    }
    assert_same(((uint8_t *)&entries[1000])[0], 0xff);
}

static const struct signal_function functions[] = {
    { .pin = true },
    { .pin = false },
    { .pin = true, .msi = true, .messages = 0 },
    { .pin = true, .msi = true, .messages = 1 },
    { .pin = true, .msi = true, .messages = 4 },
    { .pin = true, .msi = true, .messages = 5 },
    { .pin = false, .msi = true, .messages = 2, .vectors = 3 },
    { .pin = true, .msi = true, .messages = 2, .vectors = 5 },
    { .pin = true, .msi = true, .messages = 3, .vectors = 2048 },
};

PARAMETER_TEST(struct signal_function,
               cr_make_param_array(struct signal_function, (void *)functions, COUNT_OF(functions)), assign_remap,
               an_entry_has_a_vector_that_the_function_can_have)
{
    unsigned messages = variant->msi ? 1u << variant->messages : 0;

    signal_make(variant);
    signal_open();
    assert_status(vpt_assign_remap_init(&remap, entries, 8), VPT_OK);
    for (unsigned i = 0; i <= VPT_ASSIGN_INTX; i++) {
        bool has = i == VPT_ASSIGN_INTX ? variant->pin : i < messages || i < variant->vectors;

        assert_status(vpt_assign_remap_add(&remap, 7, &signals.device, (uint16_t)i, 0),
                      has ? VPT_OK : VPT_CALLER_RANGE);
        (void)vpt_assign_remap_remove(&remap, 7);
    }
}

Test(assign_remap, a_device_has_entries_in_one_array_until_it_is_released)
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

Test(assign_remap, a_reset_turns_messages_off_and_tells_the_host_if_there_is_an_owner)
{
    set_up(4);
    signal_enable_vectors(4);
    assert_status(vpt_assign_reset(&signals.device), VPT_OK);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    signals.logged = 0;
    assert_status(vpt_assign_reset(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}

/* The host's interrupts() is where a hypervisor makes entries. */
static enum vpt_status route(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    (void)ctx;
    for (uint32_t i = 0; i < 8; i++) {
        (void)vpt_assign_remap_remove(&remap, 100 + i);
    }
    if (mode == VPT_ASSIGN_INTERRUPT_INTX) {
        add(100, VPT_ASSIGN_INTX, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        add(100 + i, i, i);
    }
    return VPT_OK;
}

static enum vpt_status route_and_fail(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    (void)route(ctx, mode, count);
    return SIGNAL_FAILURE;
}

/* Each entry that was made leads to its vector. */
static void expect_routed(unsigned count)
{
    signals.logged = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_status(arrive(100 + i), VPT_OK);
    }
    expect_none(100 + count);
}

Test(assign_remap, the_host_makes_entries_as_it_is_told_and_interrupts_reach_the_guest)
{
    set_up(4);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    signals.function.host.interrupts = route_and_fail;
    assert_status(vpt_assign_acquire(&signals.device, 3, &signals.guest), SIGNAL_FAILURE);
    expect_routed(0);
    signals.function.host.interrupts = route;
    assert_status(vpt_assign_acquire(&signals.device, 3, &signals.guest), VPT_OK);
    signal_decode();
    expect_routed(1);
    EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(3));
    expect_routed(8);
    signal_enable_vectors(4);
    expect_routed(4);
    EXPECT({ MESSAGE, SIGNAL_ADDRESS(0), SIGNAL_DATA(0) }, { MESSAGE, SIGNAL_ADDRESS(1), SIGNAL_DATA(1) },
           { MESSAGE, SIGNAL_ADDRESS(2), SIGNAL_DATA(2) }, { MESSAGE, SIGNAL_ADDRESS(3), SIGNAL_DATA(3) });
    signals.fail_at = signals.calls + 1;
    assert_status(arrive(103), SIGNAL_FAILURE);
    signals.function.host.interrupts = NULL;
    signal_msi_control(0);
    signal_msix_control(0);
    assert_status(arrive(103), VPT_EMPTY);
    signals.function.host.interrupts = route;
    signal_msi_control(MSI_ENABLE);
    expect_routed(1);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    expect_routed(0);
}

/* ---- Random changes beside a model ---- */

#define MODELLED 64u

static struct vpt_assign_device others[2];
static struct vpt_assign_device *const devices[] = { &signals.device, &others[0], &others[1] };

static struct entry {
    const struct vpt_assign_device *device; /* NULL: there is none */
    uint16_t vector;
    bool active;
} model[MODELLED];

/* An interrupt that was found some time ago. */
static struct vpt_assign_interrupt held;
static bool held_is_stale;

/* From one end of the array to the other. */
static uint32_t host_vector(unsigned n)
{
    return n * (CAPACITY - 1) / (MODELLED - 1);
}

static void open_others(void)
{
    static _Alignas(8) uint64_t storage[COUNT_OF(others)][8192];

    for (unsigned i = 0; i < COUNT_OF(others); i++) {
        signals.setup.storage = storage[i];
        assert_status(vpt_assign_open(&others[i], &signals.setup), VPT_OK);
        assert_status(vpt_assign_acquire(&others[i], 1, &signals.guest), VPT_OK);
    }
}

/* A reset takes entries as a release does, though the owner stays. */
static void release_or_reset(struct vpt_assign_device *device)
{
    for (unsigned n = 0; n < MODELLED; n++) {
        model[n].device = model[n].device == device ? NULL : model[n].device;
    }
    held_is_stale = held_is_stale || held.device == device;
    if (signal_pick(2) == 0) {
        assert_status(vpt_assign_reset(device), VPT_OK);
    } else {
        assert_status(vpt_assign_release(device), VPT_OK);
        assert_status(vpt_assign_acquire(device, 1, &signals.guest), VPT_OK);
    }
}

static void change_entry(unsigned n, struct vpt_assign_device *device)
{
    struct entry *entry = &model[n];
    enum vpt_status status = entry->device != NULL ? VPT_OK : VPT_EMPTY;
    uint16_t vector = (uint16_t)(signal_pick(4) == 0 ? VPT_ASSIGN_INTX : signal_pick(4));

    switch (signal_pick(4)) {
    case 0:
        assert_status(vpt_assign_remap_remove(&remap, host_vector(n)), status);
        entry->device = NULL;
        break;
    case 1:
        entry->active = signal_pick(2) != 0;
        assert_status(vpt_assign_remap_activate(&remap, host_vector(n), entry->active), status);
        break;
    default:
        assert_status(vpt_assign_remap_add(&remap, host_vector(n), device, vector, n),
                      status == VPT_OK ? VPT_CALLER_OWNED : VPT_OK);
        *entry = status == VPT_OK ? *entry : (struct entry){ device, vector, true };
        break;
    }
}

static void compare(unsigned n)
{
    struct vpt_assign_interrupt found;
    const struct entry *entry = &model[n];
    bool expected = entry->device != NULL && entry->active;

    assert_status(vpt_assign_remap_find(&remap, host_vector(n), &found), expected ? VPT_OK : VPT_EMPTY);
    expect_none(host_vector(n) + 1);
    if (expected) {
        cr_assert(found.device == entry->device);
        assert_same(found.vector, entry->vector);
        assert_same(found.target, n);
        assert_same(found.generation, entry->device->generation);
        if (signal_pick(1000) == 0) {
            held = found;
            held_is_stale = false;
        }
    }
}

/* What was found before a release or a reset is nothing after it. Messages are not enabled. */
Test(assign_remap, what_is_found_and_delivered_is_what_the_model_says)
{
    set_up(4);
    open_others();
    for (unsigned step = 0; step < 20000; step++) {
        struct vpt_assign_device *device = devices[signal_pick(COUNT_OF(devices))];

        if (signal_pick(64) == 0) {
            release_or_reset(device);
        } else {
            change_entry(signal_pick(MODELLED), device);
        }
        for (unsigned n = 0; n < MODELLED; n++) {
            compare(n);
        }
        if (held.device != NULL) {
            assert_status(vpt_assign_deliver(&held),
                          !held_is_stale && held.vector == VPT_ASSIGN_INTX ? VPT_OK : VPT_EMPTY);
        }
        signals.logged = 0;
    }
}

/* ---- While entries change ---- */

#define HOT     3u /* host vectors that change all the time */
#define CHANGES 2000000u
#define SECRET  0x9e3779b9u
#define SIGNALS 20000
#define SECONDS 10

static struct vpt_assign_device *const movers[] = { &signals.device, &others[0] };
static bool stopped;
static uint32_t refused; /* of what is never refused */
static uint32_t whole;
static uint32_t torn;
static volatile sig_atomic_t handled;

/* What there is in an entry follows from the target. */
static uint16_t vector_for(uint32_t target)
{
    return (uint16_t)((target * SECRET >> 16) & 2047u);
}

static void find_one(uint32_t i)
{
    struct vpt_assign_interrupt found;

    if (vpt_assign_remap_find(&remap, i % HOT, &found) == VPT_OK) {
        bool is_whole = found.vector == vector_for(found.target) && found.device == movers[found.target & 1u] &&
                        found.generation == (found.target & 1u);

        (void)__atomic_fetch_add(is_whole ? &whole : &torn, 1, __ATOMIC_RELAXED);
    }
}

static void change_one(uint32_t i)
{
    uint32_t at = (i * SECRET >> 20) % HOT;

    refused += vpt_assign_remap_remove(&remap, at) == VPT_CALLER_RANGE;
    refused += vpt_assign_remap_add(&remap, at, movers[i & 1u], vector_for(i), i) != VPT_OK;
    if ((i & 4u) != 0) {
        refused += vpt_assign_remap_activate(&remap, at, false) != VPT_OK;
        refused += vpt_assign_remap_activate(&remap, at, true) != VPT_OK;
    }
}

static void check_finds(void)
{
    assert_same(refused, 0);
    assert_same(torn, 0);
    cr_assert(whole > 1000, "%u", whole);
}

static void *find_until_stopped(void *unused)
{
    for (uint32_t i = 0; !__atomic_load_n(&stopped, __ATOMIC_ACQUIRE); i++) {
        find_one(i);
    }
    return unused;
}

/* Two devices, whose generations tell them apart. */
static void set_up_movers(void)
{
    set_up(2048);
    open_others();
    movers[0]->generation = 0;
    movers[1]->generation = 1;
}

Test(assign_remap, a_find_beside_changes_is_of_one_piece)
{
    pthread_t readers[2];

    set_up_movers();
    for (unsigned i = 0; i < COUNT_OF(readers); i++) {
        assert_same(pthread_create(&readers[i], NULL, find_until_stopped, NULL), 0);
    }
    for (uint32_t i = 0; i < CHANGES; i++) {
        change_one(i);
    }
    __atomic_store_n(&stopped, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < COUNT_OF(readers); i++) {
        assert_same(pthread_join(readers[i], NULL), 0);
    }
    check_finds();
}

/* A signal stands for an interrupt on the same CPU, which does several steps of the other kind. */
static void (*step_of_handler)(uint32_t i);

static void handle(int number)
{
    static uint32_t i;

    (void)number;
    for (uint32_t n = 0; n < 4u * HOT; n++) {
        step_of_handler(i++);
    }
    handled += 1;
}

static void set_timer(suseconds_t interval)
{
    struct itimerval timer = { { 0, interval }, { 0, interval } };

    assert_same(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void change_and_find(void (*step)(uint32_t i), void (*amid)(uint32_t i))
{
    struct sigaction action = { .sa_handler = handle };
    time_t limit = time(NULL) + SECONDS;

    set_up_movers();
    step_of_handler = amid;
    assert_same(sigaction(SIGALRM, &action, NULL), 0);
    set_timer(20);
    for (uint32_t i = 0; handled < SIGNALS && (i % 1024u != 0 || time(NULL) < limit); i++) {
        step(i);
    }
    set_timer(0);
    check_finds();
    cr_assert(handled > 100, "%d signals", (int)handled);
}

Test(assign_remap, a_find_amid_a_change_is_of_one_piece)
{
    change_and_find(change_one, find_one);
}

Test(assign_remap, a_change_amid_a_find_is_noticed)
{
    change_and_find(find_one, change_one);
}
