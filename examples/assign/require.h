/* SPDX-License-Identifier: MIT */
/* What ends the program at a failure. Each program that uses this has a fail() of its own. */
#ifndef EXAMPLE_ASSIGN_REQUIRE_H
#define EXAMPLE_ASSIGN_REQUIRE_H

#include <vpt/status.h>

/* Says why, and ends the program. The format may have %s, %u, %x, %llu and %llx. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* fail() unless `condition` holds. */
#define require(condition, ...) ((condition) ? (void)0 : fail(__VA_ARGS__))

/* fail() unless `status` is `expected`; `what` names the call. */
void require_status(enum vpt_status status, enum vpt_status expected, const char *what);
void require_ok(enum vpt_status status, const char *what);

#endif
