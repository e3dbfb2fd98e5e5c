/* SPDX-License-Identifier: MIT */
/* The search through all states of the machine, depth first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer_machine.h"

#define STACK_DIRTY 0x400u /* bytes below the stack in use that a step may have written */
#define OBJECTS_MAX 8u
#define STEPS_MAX   (2u * STORES_MAX + 64u)

static struct {
    void *address;
    size_t size;
} objects[OBJECTS_MAX];
static unsigned object_count;

void explorer_keep(void *object, size_t size)
{
    objects[object_count].address = object;
    objects[object_count++].size = size;
}

/* ---- States, saved and recognised ---- */

struct state {
    size_t room;
    size_t length; /* a multiple of eight, as all pieces are */
    uint8_t *bytes;
};

/* Calls `use` for each piece of the state. */
static void each_piece(void (*use)(void *piece, size_t size))
{
    for (unsigned i = 0; i < object_count; i++) {
        use(objects[i].address, objects[i].size);
    }
    for (unsigned i = 0; i < SIDES; i++) {
        struct agent *agent = &world.agents[i];

        use(agent, offsetof(struct agent, stores)); /* the first, since it says how large the others are */
        use(agent->stores, agent->store_count * sizeof(agent->stores[0]));
        use(agent->stale, agent->stale_count * sizeof(agent->stale[0]));
        use(agent->low, (size_t)(stacks[i] + STACK_SIZE - agent->low));
    }
}

static uint8_t *cursor;
static size_t length;

static void measure_piece(void *piece, size_t size)
{
    (void)piece;
    length += size;
}

static void save_piece(void *piece, size_t size)
{
    memcpy(cursor, piece, size);
    cursor += size;
}

static void restore_piece(void *piece, size_t size)
{
    memcpy(piece, cursor, size);
    cursor += size;
}

static void save(struct state *state)
{
    length = 0;
    each_piece(measure_piece);
    if (length > state->room) {
        state->room = length + 0x400u;
        state->bytes = realloc(state->bytes, state->room);
        if (state->bytes == NULL) {
            abort();
        }
    }
    cursor = state->bytes;
    each_piece(save_piece);
    state->length = length;
}

/* What is below the stacks in use is zeroed, so that what is left there by another path makes no difference. */
static void restore(const struct state *state)
{
    cursor = state->bytes;
    each_piece(restore_piece);
    for (unsigned i = 0; i < SIDES; i++) {
        memset(world.agents[i].low - STACK_DIRTY, 0, STACK_DIRTY);
    }
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product =
        (unsigned __int128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xd6e8feb86659fd93));

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct state *state)
{
    const uint64_t *words = (const uint64_t *)(const void *)state->bytes;
    uint64_t lanes[4] = { 1, 2, 3, 4 };
    size_t count = state->length / 8u;

    for (; count >= 8u; count -= 8u, words += 8) {
        for (unsigned i = 0; i < 4u; i++) {
            lanes[i] = mix(lanes[i] ^ words[2u * i], lanes[i] + words[2u * i + 1u]);
        }
    }
    for (; count != 0; count--, words++) {
        lanes[0] = mix(lanes[0], *words);
    }
    return mix(mix(lanes[0], lanes[1]), mix(lanes[2], lanes[3]));
}

static uint64_t *seen;
static size_t seen_size;
static size_t seen_count;

static void insert(uint64_t key)
{
    size_t at = (size_t)key & (seen_size - 1u);

    while (seen[at] != 0) {
        at = (at + 1u) & (seen_size - 1u);
    }
    seen[at] = key;
    seen_count++;
}

static void grow(void)
{
    uint64_t *old = seen;
    size_t old_size = seen_size;

    seen_size = old_size != 0 ? 2u * old_size : 1u << 16;
    seen = calloc(seen_size, sizeof(*seen));
    if (seen == NULL) {
        abort();
    }
    seen_count = 0;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] != 0) {
            insert(old[i]);
        }
    }
    free(old);
}

/* Whether the state was not seen before. Two states are taken for the same if 64 bits of their hash are. */
static bool is_new(const struct state *state)
{
    uint64_t hash = hash_of(state);
    size_t at;

    hash += hash == 0;
    if (2u * seen_count >= seen_size) {
        grow();
    }
    for (at = (size_t)hash & (seen_size - 1u); seen[at] != 0; at = (at + 1u) & (seen_size - 1u)) {
        if (seen[at] == hash) {
            return false;
        }
    }
    insert(hash);
    return true;
}

/* ---- The search ---- */

struct step {
    uint8_t side;
    bool drains;
    uint16_t choice;
};

struct level {
    struct state state;
    unsigned count;
    unsigned next;
    struct step steps[STEPS_MAX];
};

static struct level **levels;
static unsigned level_room;

static void add_choices(struct level *level, enum side side)
{
    unsigned count = machine_choices(side);

    for (unsigned i = 0; i < count; i++) {
        level->steps[level->count++] = (struct step){ (uint8_t)side, false, (uint16_t)i };
    }
}

/* Each side may go on, in each way that it can, and each store that may reach the memory may do so now. */
static void find_steps(struct level *level)
{
    level->count = 0;
    level->next = 0;
    if (world.failure != NULL || world.agents[DRIVER].operation.kind == OPERATION_END) {
        return;
    }
    for (unsigned side = 0; side < SIDES; side++) {
        add_choices(level, (enum side)side);
        for (uint32_t i = 0; i < world.agents[side].store_count; i++) {
            if (machine_may_drain((enum side)side, i)) {
                level->steps[level->count++] = (struct step){ (uint8_t)side, true, (uint16_t)i };
            }
        }
    }
}

static struct level *level_at(unsigned depth)
{
    if (depth == level_room) {
        level_room += 256u;
        levels = realloc(levels, level_room * sizeof(*levels));
        if (levels == NULL) {
            abort();
        }
        for (unsigned i = depth; i < level_room; i++) {
            levels[i] = calloc(1, sizeof(**levels));
        }
    }
    return levels[depth];
}

static void make(struct step step)
{
    if (step.drains) {
        machine_drain((enum side)step.side, step.choice);
    } else {
        machine_resume((enum side)step.side, step.choice);
    }
}

/* Why there is no way on: NULL if the driver has come to its end. */
static const char *verdict(void)
{
    if (world.failure != NULL) {
        return world.failure;
    }
    if (world.agents[DRIVER].operation.kind == OPERATION_END) {
        return NULL;
    }
    return driver_lost_interrupt() ? "lost interrupt" : "lost kick";
}

static void print_trace(unsigned depth)
{
    restore(&levels[0]->state);
    tracing = true;
    for (unsigned i = 0; i < depth; i++) {
        make(levels[i]->steps[levels[i]->next - 1u]);
    }
    tracing = false;
    (void)fflush(stdout);
}

static void swap(struct state *one, struct state *other)
{
    struct state state = *one;

    *one = *other;
    *other = state;
}

static const char *search(unsigned long *states, bool trace)
{
    struct state reached = { 0, 0, NULL };
    unsigned depth = 0;

    save(&level_at(0)->state);
    find_steps(levels[0]);
    (void)is_new(&levels[0]->state);
    for (;;) {
        struct level *level = levels[depth];

        if (level->next == level->count) {
            if (depth == 0) {
                *states = seen_count;
                return NULL;
            }
            depth--;
            continue;
        }
        restore(&level->state);
        make(level->steps[level->next++]);
        save(&reached);
        if (!is_new(&reached)) {
            continue;
        }
        level = level_at(++depth);
        find_steps(level);
        if (level->count == 0) {
            const char *found = verdict();

            if (found != NULL) {
                *states = seen_count;
                if (trace) {
                    print_trace(depth);
                }
                return found;
            }
            depth--;
            continue;
        }
        swap(&level->state, &reached);
    }
}

const char *explorer_run(const struct scenario *which, unsigned long *states, bool trace)
{
    scenario = which;
    for (unsigned i = 0; i < object_count; i++) {
        memset(objects[i].address, 0, objects[i].size);
    }
    free(seen);
    seen = NULL;
    seen_size = 0;
    grow();
    return machine_start() ? search(states, trace) : verdict();
}
