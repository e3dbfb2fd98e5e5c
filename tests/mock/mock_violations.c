/* SPDX-License-Identifier: MIT */
#include "mock_violations.h"

#include <stdarg.h>
#include <string.h>

bool mock_rule(struct mock_violations *violations, bool holds, bool excusable, const char *format, ...)
{
    va_list arguments;

    if (holds) {
        return true;
    }
    if (excusable && violations->lied) {
        violations->excused++;
        return false;
    }
    if (violations->count < MOCK_VIOLATION_MESSAGES) {
        va_start(arguments, format);
        (void)vsnprintf(violations->message[violations->count], MOCK_VIOLATION_LENGTH, format, arguments);
        va_end(arguments);
    }
    violations->count++;
    return false;
}

static unsigned kept(const struct mock_violations *violations)
{
    return violations->count < MOCK_VIOLATION_MESSAGES ? violations->count : MOCK_VIOLATION_MESSAGES;
}

void mock_violations_print(const struct mock_violations *violations, FILE *file)
{
    for (unsigned i = 0; i < kept(violations); i++) {
        (void)fprintf(file, "violation: %s\n", violations->message[i]);
    }
    if (violations->count > kept(violations)) {
        (void)fprintf(file, "violation: and %u more\n", violations->count - kept(violations));
    }
}

int mock_violations_mention(const struct mock_violations *violations, const char *text)
{
    for (unsigned i = 0; i < kept(violations); i++) {
        if (strstr(violations->message[i], text) != NULL) {
            return 1;
        }
    }
    return 0;
}

void mock_violations_clear(struct mock_violations *violations)
{
    memset(violations, 0, sizeof(*violations));
}
