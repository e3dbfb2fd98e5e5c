/* SPDX-License-Identifier: MIT */
/*
 * What the driver did against a rule. A violation stops nothing: a test asserts at its end that there was none.
 *
 * Once the device has told a lie (mock_lies.h), the driver may break a rule because of that lie: such violations are
 * counted as excused. No lie excuses a breach: an access outside what was mapped, or memory that is given back twice,
 * or while the device still uses it.
 */
#ifndef VPT_TESTS_MOCK_VIOLATIONS_H
#define VPT_TESTS_MOCK_VIOLATIONS_H

#include <stdbool.h>
#include <stdio.h>

#define MOCK_VIOLATION_MESSAGES 16u  /* the first ones are kept, the rest only counted */
#define MOCK_VIOLATION_LENGTH   160u /* characters, the end of the string included */

struct mock_violations {
    unsigned count;
    unsigned excused; /* not in `count`, and without a message */
    bool lied;        /* violations are excused from now on; set by lies, cleared by mock_violations_clear() */
    bool misled;      /* a lie may have sent the device to memory that is not there: that is excused, too */
    char message[MOCK_VIOLATION_MESSAGES][MOCK_VIOLATION_LENGTH];
};

/* Records a violation if a rule does not hold, unless a lie excuses it. Returns `holds`. */
__attribute__((format(printf, 4, 5))) bool mock_rule(struct mock_violations *violations, bool holds, bool excusable,
                                                     const char *format, ...);
#define mock_require(violations, holds, ...)        mock_rule((violations), (holds), true, __VA_ARGS__)
#define mock_require_always(violations, holds, ...) mock_rule((violations), (holds), false, __VA_ARGS__)

/* For code that has found out already that a rule is broken. */
#define mock_violation(violations, ...) ((void)mock_require(violations, false, __VA_ARGS__))
#define mock_breach(violations, ...)    ((void)mock_require_always(violations, false, __VA_ARGS__))

/* One line for each message kept. */
void mock_violations_print(const struct mock_violations *violations, FILE *file);

/* Whether a kept message contains `text`. */
int mock_violations_mention(const struct mock_violations *violations, const char *text);

/* Forgets all violations, and that the device has told a lie. */
void mock_violations_clear(struct mock_violations *violations);

#endif
