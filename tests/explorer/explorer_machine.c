/* SPDX-License-Identifier: MIT */
/* The machine that both sides run on: coroutines, buffers of stores, and loads of old values. */
#define _GNU_SOURCE
#include "explorer_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

const struct scenario *scenario;

struct machine_state world;
uint8_t stacks[SIDES][STACK_SIZE] __attribute__((aligned(64)));
bool tracing;

static jmp_buf scheduler;
static enum side current;
static unsigned chosen;

static const char *const side_names[SIDES] = { "driver", "device" };

static struct agent *me(void)
{
    return &world.agents[current];
}

static bool weak(void)
{
    return scenario->machine == MACHINE_WEAK || scenario->machine == MACHINE_PLATFORM;
}

/* ---- Coroutines ---- */

/* The frame of the caller is all of the stack that is in use. */
static __attribute__((noinline)) void leave(struct agent *agent)
{
    agent->low = __builtin_frame_address(0);
    _longjmp(scheduler, 1);
}

/* Returns what the scheduler has chosen, once it lets this side go on. */
static __attribute__((noinline)) unsigned yield(enum operation_kind kind, unsigned count, const void *address,
                                                const char *what)
{
    struct agent *agent = me();

    agent->operation.kind = kind;
    agent->operation.count = count;
    agent->operation.address = address;
    agent->operation.what = what;
    if (_setjmp(agent->context) == 0) {
        leave(agent);
    }
    return chosen;
}

void machine_resume(enum side side, unsigned choice)
{
    if (tracing && world.agents[side].operation.what != NULL) {
        printf("    %s %s\n", side_names[side], world.agents[side].operation.what);
    }
    current = side;
    chosen = choice;
    if (_setjmp(scheduler) == 0) {
        _longjmp(world.agents[side].context, 1);
    }
}

static void start(enum side side, void (*body)(void))
{
    static ucontext_t context;

    current = side;
    (void)getcontext(&context);
    context.uc_stack.ss_sp = stacks[side];
    context.uc_stack.ss_size = STACK_SIZE;
    context.uc_link = NULL;
    makecontext(&context, body, 0);
    if (_setjmp(scheduler) == 0) {
        (void)setcontext(&context);
    }
}

/* ---- Stores and loads ---- */

/* Returns which of `size` bytes at `address` are among `other_size` bytes at `other`, as a mask. */
static uint32_t overlap(const uint8_t *address, uint32_t size, const uint8_t *other, uint32_t other_size)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < size; i++) {
        if (address + i >= other && address + i < other + other_size) {
            mask |= 1u << i;
        }
    }
    return mask;
}

static bool in_own_buffer(const struct agent *agent, const uint8_t *address, uint32_t size)
{
    for (uint32_t i = 0; i < agent->store_count; i++) {
        const struct pending_store *store = &agent->stores[i];

        if (store->address != NULL && overlap(address, size, store->address, store->size) != 0) {
            return true;
        }
    }
    return false;
}

static bool is_stale(const struct stale *stale, const uint8_t *address, uint32_t size)
{
    return (overlap(stale->address, stale->size, address, size) & stale->mask) != 0;
}

/* Returns how many values a load may return: the newest one, and older ones that no barrier has made old. */
static unsigned count_values(const struct agent *agent, const uint8_t *address, uint32_t size)
{
    unsigned count = 1;

    if (!in_own_buffer(agent, address, size)) {
        for (uint32_t i = 0; i < agent->stale_count; i++) {
            count += is_stale(&agent->stale[i], address, size) ? 1u : 0u;
        }
    }
    return count;
}

static void remove_stale(struct agent *agent, uint32_t index)
{
    agent->stale_count--;
    memmove(&agent->stale[index], &agent->stale[index + 1u], (agent->stale_count - index) * sizeof(struct stale));
}

/* From now on this side sees the oldest `count` stores that it did not have to see, as far as they overlap. */
static void forget_stale(struct agent *agent, uint32_t count, const uint8_t *address, uint32_t size)
{
    for (uint32_t i = count; i-- != 0;) {
        struct stale *stale = &agent->stale[i];

        stale->mask &= ~overlap(stale->address, stale->size, address, size);
        if (stale->mask == 0) {
            remove_stale(agent, i);
        }
    }
}

/* Loads the value before the last `back` stores of the other side. */
static uint64_t load_value(struct agent *agent, const uint8_t *address, uint32_t size, unsigned back)
{
    uint8_t bytes[8] = { 0 };
    uint64_t value = 0;
    uint32_t i = agent->stale_count;

    memcpy(bytes, address, size);
    while (i != 0 && back != 0) {
        const struct stale *stale = &agent->stale[--i];

        if (is_stale(stale, address, size)) {
            back--;
            for (uint32_t n = 0; n < stale->size; n++) {
                const uint8_t *at = stale->address + n;

                if ((stale->mask >> n & 1u) != 0 && at >= address && at < address + size) {
                    bytes[at - address] = stale->old[n];
                }
            }
        }
    }
    forget_stale(agent, i, address, size);
    for (i = 0; i < agent->store_count; i++) {
        const struct pending_store *store = &agent->stores[i];

        for (uint32_t n = 0; n < store->size; n++) {
            const uint8_t *at = store->address + n;

            if (at >= address && at < address + size) {
                bytes[at - address] = (uint8_t)(store->value >> (8u * n));
            }
        }
    }
    memcpy(&value, bytes, sizeof(value));
    return value;
}

uint64_t explorer_load(const void *address, unsigned size)
{
    unsigned back = 0;
    uint64_t value;

    if (world.exploring) {
        back = yield(OPERATION_LOAD, size, address, NULL);
    }
    value = load_value(me(), address, size, back);
    if (tracing && world.exploring) {
        printf("    %s loads %s: %llu%s\n", side_names[current], device_name_of(address), (unsigned long long)value,
               back != 0 ? ", which is old" : "");
    }
    return value;
}

/* A side is at most STALE_EACH stores to one place behind, since a loop that stores would have no end otherwise. */
static void limit_stale(struct agent *agent, const uint8_t *address)
{
    uint32_t left = STALE_EACH - 1u;

    for (uint32_t i = agent->stale_count; i-- != 0;) {
        if (agent->stale[i].address == address && left-- == 0) {
            remove_stale(agent, i);
            return;
        }
    }
}

/* This side need not see the store yet. */
static void add_stale(struct agent *agent, const struct pending_store *store)
{
    struct stale stale = { .address = store->address, .size = store->size };

    memcpy(stale.old, store->address, store->size);
    for (uint32_t i = 0; i < store->size; i++) {
        stale.mask |= (uint32_t)(stale.old[i] != (uint8_t)(store->value >> (8u * i))) << i;
    }
    if (stale.mask != 0) {
        limit_stale(agent, store->address);
        if (agent->stale_count == STALE_MAX) {
            abort();
        }
        agent->stale[agent->stale_count++] = stale;
    }
}

/* A store reaches the memory. */
static void commit(enum side side, const struct pending_store *store)
{
    struct agent *other = &world.agents[!side];

    if (store->address == NULL) {
        if (side == DEVICE) {
            device_interrupt();
        }
        other->signal = true;
        return;
    }
    if (weak() && world.exploring) {
        forget_stale(&world.agents[side], world.agents[side].stale_count, store->address, store->size);
        if (other->operation.kind != OPERATION_WAIT && other->operation.kind != OPERATION_FENCE) {
            add_stale(other, store);
        } /* else what it does next makes it see all stores */
    }
    memcpy(store->address, &store->value, store->size);
}

static void post(uint8_t *address, uint32_t size, uint64_t value)
{
    struct pending_store store = { address, value, size, me()->epoch };

    if (!world.exploring) {
        commit(current, &store);
        return;
    }
    if (me()->store_count == STORES_MAX) {
        abort();
    }
    me()->stores[me()->store_count++] = store;
}

/* Whether this side has stored this value there last, so that another store of it changes nothing. */
static bool is_repeated(const struct agent *agent, const uint8_t *address, uint32_t size, uint64_t value)
{
    for (uint32_t i = agent->store_count; i-- != 0;) {
        const struct pending_store *store = &agent->stores[i];

        if (store->address != NULL && overlap(address, size, store->address, store->size) != 0) {
            return store->address == address && store->size == size && store->value == value;
        }
    }
    return memcmp(address, &value, size) == 0;
}

void explorer_store(void *address, unsigned size, uint64_t value)
{
    value &= ~UINT64_C(0) >> (64u - 8u * size);
    if (tracing && world.exploring) {
        printf("    %s stores %s: %llu\n", side_names[current], device_name_of(address), (unsigned long long)value);
    }
    if (!is_repeated(me(), address, size, value)) {
        post(address, size, value);
    }
}

void explorer_signal(void)
{
    if (tracing && world.exploring) {
        printf("    %s\n", current == DRIVER ? "driver kicks" : "device interrupts");
    }
    post(NULL, 0, 0);
}

bool machine_may_drain(enum side side, uint32_t index)
{
    const struct agent *agent = &world.agents[side];
    const struct pending_store *store = &agent->stores[index];

    if (!weak()) {
        return index == 0;
    }
    for (uint32_t i = 0; i < index; i++) {
        const struct pending_store *before = &agent->stores[i];

        if (before->epoch != store->epoch || (before->address == NULL && store->address == NULL) ||
            (before->address != NULL && store->address != NULL &&
             overlap(before->address, before->size, store->address, store->size) != 0)) {
            return false;
        }
    }
    return true;
}

void machine_drain(enum side side, uint32_t index)
{
    struct agent *agent = &world.agents[side];
    struct pending_store store = agent->stores[index];
    uint32_t first;

    if (tracing) {
        printf("    %s reaches the %s\n",
               store.address == NULL ? (side == DRIVER ? "kick" : "interrupt") : device_name_of(store.address),
               store.address == NULL ? side_names[!side] : "memory");
    }
    agent->store_count--;
    memmove(&agent->stores[index], &agent->stores[index + 1u],
            (agent->store_count - index) * sizeof(struct pending_store));
    first = agent->store_count != 0 ? agent->stores[0].epoch : agent->epoch;
    for (uint32_t i = 0; i < agent->store_count; i++) {
        agent->stores[i].epoch -= first;
    }
    agent->epoch -= first;
    commit(side, &store);
}

/* ---- Barriers ---- */

void explorer_order_stores(void)
{
    if (weak() && me()->store_count != 0 && me()->stores[me()->store_count - 1u].epoch == me()->epoch) {
        me()->epoch++;
    }
}

void explorer_order_loads(void)
{
    me()->stale_count = 0;
}

void explorer_fence(void)
{
    if (world.exploring) {
        (void)yield(OPERATION_FENCE, 0, NULL, "passes a fence");
        explorer_order_loads();
    }
}

void explorer_weak_barrier(bool strong, void (*barrier)(void))
{
    if (scenario->machine == MACHINE_TCG ? barrier != explorer_fence
                                         : strong || scenario->machine != MACHINE_PLATFORM) {
        barrier();
    }
}

/* ---- What else the sides do ---- */

void explorer_wait(void)
{
    (void)yield(OPERATION_WAIT, 0, NULL, "wakes up");
    me()->signal = false;
    explorer_order_loads();
}

bool explorer_signalled(void)
{
    bool signal;

    if (world.exploring) {
        (void)yield(OPERATION_STEP, 0, NULL, "looks for a signal");
    }
    signal = me()->signal;
    me()->signal = false;
    if (signal) {
        explorer_order_loads();
    }
    return signal;
}

void explorer_register(bool drain_first, const char *what)
{
    if (world.exploring) {
        (void)yield(drain_first ? OPERATION_REGISTER : OPERATION_STEP, 0, NULL, what);
    }
}

unsigned explorer_choose(unsigned count)
{
    return world.exploring && count > 1u ? yield(OPERATION_CHOOSE, count, NULL, NULL) : 0;
}

void explorer_note(const char *what)
{
    if (tracing) {
        printf("%s %s\n", side_names[current], what);
    }
}

void explorer_fail(const char *why)
{
    world.failure = why;
    (void)yield(OPERATION_END, 0, NULL, why);
    abort();
}

void explorer_check(bool holds, const char *why)
{
    if (!holds) {
        explorer_fail(why);
    }
}

void explorer_begin(void)
{
    (void)yield(OPERATION_BEGIN, 0, NULL, "begins");
    world.exploring = true;
}

void explorer_end(void)
{
    (void)yield(OPERATION_END, 0, NULL, "ends");
    abort();
}

/* ---- For the search ---- */

static bool has_stores(const struct agent *agent)
{
    for (uint32_t i = 0; i < agent->store_count; i++) {
        if (agent->stores[i].address != NULL) {
            return true;
        }
    }
    return false;
}

unsigned machine_choices(enum side side)
{
    const struct agent *agent = &world.agents[side];

    if (agent->store_count > STORES_FULL) {
        return 0; /* until one has reached the memory, as on any machine */
    }
    switch (agent->operation.kind) {
    case OPERATION_CHOOSE: return agent->operation.count;
    case OPERATION_LOAD: return count_values(agent, agent->operation.address, agent->operation.count);
    case OPERATION_FENCE: return has_stores(agent) ? 0u : 1u;
    case OPERATION_REGISTER: return agent->store_count != 0 ? 0u : 1u;
    case OPERATION_WAIT: return (side == DRIVER && scenario->line ? device_line() : agent->signal) ? 1u : 0u;
    case OPERATION_END: return 0;
    default: return 1;
    }
}

/* ---- The beginning ---- */

static struct agent device_agent;
static uint8_t device_stack[STACK_SIZE];

void explorer_restart_device(void)
{
    struct agent *agent = &world.agents[DEVICE];

    while (agent->store_count != 0) {
        machine_drain(DEVICE, 0);
    }
    *agent = device_agent;
    memcpy(stacks[DEVICE], device_stack, STACK_SIZE);
}

bool machine_start(void)
{
    memset(&world, 0, sizeof(world));
    memset(stacks, 0, sizeof(stacks));
    start(DEVICE, device_main);
    device_agent = world.agents[DEVICE];
    memcpy(device_stack, stacks[DEVICE], STACK_SIZE);
    start(DRIVER, driver_main);
    while (world.agents[DRIVER].operation.kind != OPERATION_BEGIN || machine_choices(DEVICE) != 0) {
        enum side side = machine_choices(DEVICE) != 0 ? DEVICE : DRIVER;

        if (machine_choices(side) == 0) {
            return false;
        }
        machine_resume(side, 0);
    }
    return true;
}
