/* SPDX-License-Identifier: MIT */
/* What is explored. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "explorer.h"

#define START 65535u /* at the end of a split ring's indexes, and of an odd number of laps of a packed ring's entries */

#define KINDS 4u

/* Each is explored on a split and on a packed ring, with and without EVENT_IDX. */
static const struct scenario scenarios[] = {
    { .name = "from the beginning", .requests = 2 },
    { .name = "three requests", .requests = 3, .start = START },
    { .name = "lists", .requests = 2, .start = START, .segments = 2 },
    { .name = "switching", .requests = 2, .start = START, .switching = true },
    { .name = "steps", .requests = 2, .start = START, .steps = true },
    { .name = "resetting", .requests = 3, .depth = 1, .switching = true, .resetting = true },
    { .name = "line", .requests = 2, .start = START, .line = true },
    { .name = "slots", .requests = 2, .start = START, .slots = true, .switching = true },
    { .name = "in order", .requests = 2, .start = START, .in_order = true, .switching = true },
    { .name = "slots in order", .requests = 2, .start = START, .slots = true, .in_order = true, .switching = true },
    { .name = "weak", .requests = 2, .start = START, .machine = MACHINE_WEAK },
    { .name = "weak and switching",
      .requests = 2,
      .depth = 1,
      .start = START,
      .machine = MACHINE_WEAK,
      .switching = true },
    { .name = "platform", .requests = 2, .start = START, .machine = MACHINE_PLATFORM },
    { .name = "emulated", .requests = 2, .start = START, .machine = MACHINE_TCG, .switching = true },
};

/* Usage: explorer [--trace] [PATTERN...]: explores the scenarios whose names match one, as fnmatch() says. */
static bool wanted(const char *name, char *const *patterns)
{
    bool any = *patterns == NULL;

    for (; *patterns != NULL; patterns++) {
        any |= fnmatch(*patterns, name, 0) == 0;
    }
    return any;
}

static bool explore(struct scenario which, char *const *patterns, bool trace)
{
    char name[80];
    unsigned long states = 0;
    const char *found;

    (void)snprintf(name, sizeof(name), "%s, %s, %s", which.packed ? "packed" : "split",
                   which.event_idx ? "EVENT_IDX" : "flags", which.name);
    if (!wanted(name, patterns)) {
        return true;
    }
    which.depth = which.depth != 0 ? which.depth : 2u;
    which.size = which.segments > 1u ? 4u : 2u;
    found = explorer_run(&which, &states, trace);
    printf("%s\t%s\t%lu states%s%s\n", found == NULL ? "PASS" : "FAIL", name, states, found == NULL ? "" : "\t",
           found == NULL ? "" : found);
    (void)fflush(stdout);
    return found == NULL;
}

int main(int count, char **arguments)
{
    bool trace = count > 1 && strcmp(arguments[1], "--trace") == 0;
    char *const *patterns = arguments + (trace ? 2 : 1);

    driver_keep();
    device_keep();
    for (unsigned i = 0; i < KINDS * sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        struct scenario which = scenarios[i / KINDS];

        which.packed = i % KINDS >= 2u;
        which.event_idx = i % 2u != 0;
        if (!explore(which, patterns, trace)) {
            return 1; /* the next ones take long, and say no more */
        }
    }
    return 0;
}
