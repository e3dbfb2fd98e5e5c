/* SPDX-License-Identifier: MIT */
/* Prints each step. fail() prints which step failed, and why, and ends the program with 1; QEMU ends with it. */
#ifndef EXAMPLE_ASSIGN_TABLE_H
#define EXAMPLE_ASSIGN_TABLE_H

#include <stdbool.h>

#include <vpt/assign.h>

#include "require.h"

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

#endif
