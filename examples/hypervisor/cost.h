/* SPDX-License-Identifier: MIT */
/*
 * What exits cost, in instructions of the hypervisor: with QEMU's option -icount shift=0 the time-stamp counter counts
 * instructions. A span is the work for one exit; its parts are the library's (vpt_assign_*() without the hypervisor's
 * hooks, but with the accesses of port/), or the example's own.
 */
#ifndef HYPERVISOR_COST_H
#define HYPERVISOR_COST_H

#include <stdbool.h>
#include <stdint.h>

enum cost_kind {
    COST_NOTHING, /* not counted */
    COST_CONFIG_READ,
    COST_CONFIG_WRITE,
    COST_TRAPPED_READ,
    COST_TRAPPED_WRITE,
    COST_EMULATED,
    COST_ABSENT,
    COST_APIC,
    COST_PIC,
    COST_PORT,
    COST_HALT,
    COST_INTERRUPT,
    COST_OTHER,
    COST_EXITS, /* from here on: interrupts that the machine takes */
    COST_MESSAGE = COST_EXITS,
    COST_LINE,
    COST_TICK,
    COST_KINDS
};

struct cost_span {
    enum cost_kind kind;
    bool stopped; /* instructions do not count */
    bool library; /* instructions are the library's */
    uint64_t since;
    uint64_t counted;
    uint64_t of_library;
    uint64_t stood; /* while it was stopped */
};

/* Measures what measuring costs. SVM is on. */
void cost_start(void);

void cost_begin(enum cost_kind kind);
void cost_end(void);

/* Says what the span is. */
void cost_is(enum cost_kind kind);

/* What comes between these two does not count: the guest. */
void cost_stop(void);
void cost_go(void);

/* Between these two there may be other spans. */
struct cost_span cost_leave(void);
void cost_return(const struct cost_span *left);

/* Says whose the instructions from now on are. Returns whose they were. */
bool cost_library(bool library);

/* Prints a table. */
void cost_print(void);

#endif
