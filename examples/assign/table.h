/* SPDX-License-Identifier: MIT */
/* Prints each step, and ends the program at a failure. */
#ifndef EXAMPLE_ASSIGN_TABLE_H
#define EXAMPLE_ASSIGN_TABLE_H

#include <stdbool.h>

#include <vpt/assign.h>

/* The printed state of an assigned function. */
struct table_function {
    const char *name;
    enum vpt_assign_interrupt_mode mode;
    const struct vpt_assign_region *regions;
    unsigned count;
};

/* Prints the table's header. */
void table_begin(void);

/* Begins a step: who does it ("A", "B", "host"), and what. */
void table_step(const char *who, const char *action);

/* Ends the step and prints the resulting map, except for lines that are the same as after the step before. */
void table_result(const struct table_function *functions, unsigned count);

/* Number of steps so far. */
unsigned table_steps(void);

/* Prints which step failed, and why, and ends the program with 1. QEMU ends with it. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* fail() unless `condition` holds. */
#define require(condition, ...) ((condition) ? (void)0 : fail(__VA_ARGS__))

/* fail() unless `status` is `expected`; `what` names the call. */
void require_status(enum vpt_status status, enum vpt_status expected, const char *what);
void require_ok(enum vpt_status status, const char *what);

#endif
