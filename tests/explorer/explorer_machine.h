/* SPDX-License-Identifier: MIT */
/* The machine's state, and its steps, for the search. */
#ifndef VPT_TESTS_EXPLORER_EXPLORER_MACHINE_H
#define VPT_TESTS_EXPLORER_EXPLORER_MACHINE_H

#include <setjmp.h>

#include "explorer.h"

enum operation_kind {
    OPERATION_CHOOSE,
    OPERATION_LOAD,
    OPERATION_STEP,
    OPERATION_FENCE,    /* waits until its stores are in memory */
    OPERATION_REGISTER, /* and its signals have arrived */
    OPERATION_WAIT,
    OPERATION_BEGIN,
    OPERATION_END
};

/* What a side is about to do. */
struct operation {
    enum operation_kind kind;
    unsigned count; /* of choices, or bytes of a load */
    const uint8_t *address;
    const char *what;
};

/* A store that is not yet in memory, or a signal. */
struct pending_store {
    uint8_t *address; /* NULL: a signal */
    uint64_t value;
    uint32_t size;
    uint32_t epoch; /* barriers between stores before it */
};

/* A store of the other side that this side need not see yet. */
struct stale {
    uint8_t *address;
    uint8_t old[8];
    uint32_t size;
    uint32_t mask; /* bytes that it need not see */
};

#define STORES_FULL 12u /* more than a side makes of two requests */
#define STORES_MAX  24u /* what it adds before it is stopped included */
#define STALE_MAX   32u
#define STALE_EACH  2u

struct agent {
    jmp_buf context;
    uint8_t *low; /* of the stack in use */
    struct operation operation;
    bool signal; /* has come, and is not taken */
    uint32_t epoch;
    uint32_t store_count;
    uint32_t stale_count;
    struct pending_store stores[STORES_MAX];
    struct stale stale[STALE_MAX];
};

/* All of the state, apart from the objects that are kept, and the stacks. */
struct machine_state {
    struct agent agents[SIDES];
    bool exploring; /* before that, stores reach the memory at once */
    const char *failure;
};

#define STACK_SIZE 0x10000u

extern struct machine_state world;
extern uint8_t stacks[SIDES][STACK_SIZE];
extern bool tracing;

/* Returns in how many ways this side can go on. */
unsigned machine_choices(enum side side);

/* Lets a side go on, until it is about to do what may go in several ways, or what the other side notices. */
void machine_resume(enum side side, unsigned choice);

/* Whether this store of a side may reach the memory before those that were made before it. */
bool machine_may_drain(enum side side, uint32_t index);
void machine_drain(enum side side, uint32_t index);

/* Starts both sides, and runs each in turn until it sleeps, up to explorer_begin(). Returns false if both sleep. */
bool machine_start(void);

#endif
