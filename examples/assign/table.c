/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTIONS_MAX 2u
#define REGIONS_MAX   32u

/* Start of each column. */
#define FUNCTION_COLUMN 55
#define MAP_COLUMN      75

/* Last printed state of a function. */
struct printed {
    enum vpt_assign_interrupt_mode mode;
    struct vpt_assign_region regions[REGIONS_MAX];
    unsigned count;
    bool valid;
};

static struct {
    unsigned steps;
    const char *who;
    const char *action;
    struct printed printed[FUNCTIONS_MAX];
} table;

/* Interrupt mode of each function. */
static const char *const modes[] = { "none", "INTx", "MSI", "MSI-X" };

void table_begin(void)
{
    (void)printf("%4s %-5s %-43s %-8s %-10s %s\n", "step", "who", "what is done", "function", "interrupts",
                 "in the guest");
}

void table_step(const char *who, const char *action)
{
    table.who = who;
    table.action = action;
    table.steps++;
}

unsigned table_steps(void)
{
    return table.steps;
}

/* ---- The map ---- */

static bool same_region(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->guest == b->guest && a->host == b->host && a->size == b->size && a->space == b->space &&
           a->bar == b->bar && a->trapped == b->trapped;
}

static bool same_map(const struct printed *printed, const struct table_function *function)
{
    bool same = printed->valid && printed->count == function->count;

    for (unsigned i = 0; same && i < function->count; i++) {
        same = same_region(&printed->regions[i], &function->regions[i]);
    }
    return same;
}

static void print_region(const struct vpt_assign_region *region)
{
    char range[40];
    bool io = region->space == VPT_ASSIGN_IO;

    (void)snprintf(range, sizeof(range), "%s%0*" PRIx64 "-%0*" PRIx64, io ? "ports " : "", io ? 4 : 8, region->guest,
                   io ? 4 : 8, region->guest + region->size - 1u);
    (void)printf("%-20s  %s %" PRIx64 ", BAR %u\n", range, region->trapped ? "trapped for" : "mapped to  ",
                 region->host, (unsigned)region->bar);
}

static void print_map(const struct table_function *function)
{
    if (function->count == 0) {
        (void)printf("nothing\n");
    }
    for (unsigned i = 0; i < function->count; i++) {
        (void)printf("%*s", i == 0 ? 0 : MAP_COLUMN, "");
        print_region(&function->regions[i]);
    }
}

/* Returns whether it printed anything. */
static bool print_function(struct printed *printed, const struct table_function *function, bool first)
{
    bool same = same_map(printed, function);

    if (same && printed->mode == function->mode) {
        return false;
    }
    (void)printf("%*s%-8s %-10s ", first ? 0 : FUNCTION_COLUMN, "", function->name, modes[function->mode]);
    if (same) {
        (void)printf("as before\n");
    } else {
        print_map(function);
    }
    require(function->count <= REGIONS_MAX, "there are too many regions to print");
    for (unsigned i = 0; i < function->count; i++) {
        printed->regions[i] = function->regions[i];
    }
    printed->count = function->count;
    printed->mode = function->mode;
    printed->valid = true;
    return true;
}

void table_result(const struct table_function *functions, unsigned count)
{
    bool first = true;

    (void)printf("%4u %-5s %-43s ", table.steps, table.who, table.action);
    for (unsigned i = 0; i < count && i < FUNCTIONS_MAX; i++) {
        if (print_function(&table.printed[i], &functions[i], first)) {
            first = false;
        }
    }
    if (first) {
        (void)printf("as before\n");
    }
    (void)fflush(stdout);
}

/* ---- Failures ---- */

void fail(const char *format, ...)
{
    va_list values;

    (void)fflush(stdout);
    (void)fprintf(stderr, "FAIL\tstep %u, %s %s: ", table.steps, table.who != NULL ? table.who : "host",
                  table.action != NULL ? table.action : "starts");
    va_start(values, format);
    (void)vfprintf(stderr, format, values);
    va_end(values);
    (void)fputc('\n', stderr);
    exit(1);
}

void require_status(enum vpt_status status, enum vpt_status expected, const char *what)
{
    require(status == expected, "%s: \"%s\" instead of \"%s\"", what, vpt_status_str(status), vpt_status_str(expected));
}

void require_ok(enum vpt_status status, const char *what)
{
    require_status(status, VPT_OK, what);
}
