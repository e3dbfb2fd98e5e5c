/* SPDX-License-Identifier: MIT */
#include "cost.h"

#include <console.h>
#include <require.h>

#include "svm.h"

struct row {
    uint64_t count;
    uint64_t least;
    uint64_t most;
    uint64_t sum;
    uint64_t of_library;
};

static const char *const names[COST_KINDS] = {
    [COST_CONFIG_READ] = "configuration read",
    [COST_CONFIG_WRITE] = "configuration write",
    [COST_TRAPPED_READ] = "trapped register of a BAR, read",
    [COST_TRAPPED_WRITE] = "trapped register of a BAR, write",
    [COST_EMULATED] = "register of an emulated function",
    [COST_ABSENT] = "access to what is not there",
    [COST_APIC] = "local APIC",
    [COST_PIC] = "PIC",
    [COST_PORT] = "other port",
    [COST_HALT] = "HLT",
    [COST_INTERRUPT] = "the machine's interrupt, but not its handling",
    [COST_OTHER] = "other exits",
    [COST_MESSAGE] = "handling of a message to a guest",
    [COST_LINE] = "handling of a line",
    [COST_TICK] = "handling of a tick",
};

static struct cost_span span;
static struct row rows[COST_KINDS];
static uint64_t measuring; /* instructions that two calls of this file count between them */
static uint64_t entering;  /* instructions of svm_enter(), between which the guest runs */

/* Counts what has passed since the last call. */
static void pass(void)
{
    uint64_t passed = svm_counter() - span.since - measuring;

    if (span.stopped) {
        span.stood += passed;
    } else {
        span.counted += passed;
        span.of_library += span.library ? passed : 0;
    }
    span.since = svm_counter();
}

/* The CPU does not enter a block that is zeroed, but it exits from it. */
void cost_start(void)
{
    static _Alignas(4096) struct svm_block none;
    static struct svm_registers registers;
    bool (*volatile probe)(bool library) = cost_library; /* called, as from other files */
    uint64_t left = 0;

    cost_begin(COST_NOTHING);
    (void)probe(true);
    (void)probe(false);
    measuring = span.of_library;
    svm_run(&none, &registers, &left);
    require((uint32_t)none.exit == SVM_EXIT_INVALID, "the CPU enters a control block that makes no sense");
    entering = span.stood;
}

void cost_begin(enum cost_kind kind)
{
    span = (struct cost_span){ .kind = kind, .since = svm_counter() };
}

void cost_end(void)
{
    struct row *row = &rows[span.kind];
    uint64_t cost;

    pass();
    cost = span.counted + (span.kind < COST_EXITS ? entering : 0);
    row->least = row->count == 0 || cost < row->least ? cost : row->least;
    row->most = cost > row->most ? cost : row->most;
    row->sum += cost;
    row->of_library += span.of_library;
    row->count++;
}

void cost_is(enum cost_kind kind)
{
    span.kind = kind;
}

void cost_stop(void)
{
    pass();
    span.stopped = true;
}

void cost_go(void)
{
    pass();
    span.stopped = false;
}

struct cost_span cost_leave(void)
{
    pass();
    return span;
}

void cost_return(const struct cost_span *left)
{
    span = *left;
    span.since = svm_counter();
}

bool cost_library(bool library)
{
    bool before = span.library;

    pass();
    span.library = library;
    return before;
}

void cost_print(void)
{
    print("cost\twhat\ttimes\tleast\tmean\tmost\tof the mean in the library\n");
    for (unsigned i = COST_NOTHING + 1u; i < COST_KINDS; i++) {
        const struct row *row = &rows[i];

        if (row->count != 0) {
            print("cost\t%s\t%llu\t%llu\t%llu\t%llu\t%llu\n", names[i], (unsigned long long)row->count,
                  (unsigned long long)row->least, (unsigned long long)(row->sum / row->count),
                  (unsigned long long)row->most, (unsigned long long)(row->of_library / row->count));
        }
    }
}
