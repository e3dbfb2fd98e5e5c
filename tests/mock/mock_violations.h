/* SPDX-License-Identifier: MIT */
/*
 * Where the simulated machine writes down what the driver did against a rule. Nothing stops at a violation: a test
 * asserts at its end that there was none, and shows the messages if there was.
 *
 * Once the device has told a lie (lies.h) it may take for the driver's mistake what is a consequence of the lie: such
 * violations are excused, that is counted apart. No lie excuses a breach: an access outside what was mapped, memory
 * given back twice, or given back while the device still uses it.
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
    bool lied;        /* violations are excused from now on; set by lies, cleared by mock_violations_clear() ... */
    bool misled;      /* ... even where the device reaches memory in vain: a lie has sent it there */
    char message[MOCK_VIOLATION_MESSAGES][MOCK_VIOLATION_LENGTH];
};

__attribute__((format(printf, 2, 3))) void mock_violation(struct mock_violations *violations, const char *format, ...);

/* The same for what no lie excuses. */
__attribute__((format(printf, 2, 3))) void mock_breach(struct mock_violations *violations, const char *format, ...);

/* One line for each message kept. */
void mock_violations_print(const struct mock_violations *violations, FILE *file);

/* Whether a kept message contains `text`: for tests that provoke a violation. */
int mock_violations_mention(const struct mock_violations *violations, const char *text);

/* Forgets all of them, and the lies: for tests that have seen the one they provoked. */
void mock_violations_clear(struct mock_violations *violations);

#endif
