/* SPDX-License-Identifier: MIT */
/* What is told of each step, and the end of the program where something is not as it must be. */
#ifndef EXAMPLE_ASSIGN_TABLE_H
#define EXAMPLE_ASSIGN_TABLE_H

#include <stdbool.h>

#include <vpt/assign.h>

/* How one function is assigned at the moment: what is printed of it. */
struct table_function {
    const char *name;
    enum vpt_assign_interrupt_mode mode;
    const struct vpt_assign_region *regions;
    unsigned count;
};

/* Prints the head of the table. */
void table_begin(void);

/* A step begins: who does it ("A", "B", "host"), and what. */
void table_step(const char *who, const char *action);

/* It has ended, and this is the resulting map; what is as it was after the step before is not printed again. */
void table_result(const struct table_function *functions, unsigned count);

/* Steps so far. */
unsigned table_steps(void);

/* Says which step has failed, and why, and ends the program with 1. QEMU ends with it. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same unless `condition` holds. */
#define require(condition, ...) ((condition) ? (void)0 : fail(__VA_ARGS__))

/* The same unless a call has come to `expected`; `what` is the call in words. */
void require_status(enum vpt_status status, enum vpt_status expected, const char *what);
void require_ok(enum vpt_status status, const char *what);

#endif
