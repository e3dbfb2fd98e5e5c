/* SPDX-License-Identifier: MIT */
/* The commands, one a line, and their answers, one a line each. See README.md. */
#ifndef UNIKERNEL_COMMAND_H
#define UNIKERNEL_COMMAND_H

#include "store.h"

/* The longest line that can be right: "put", a key, a value. */
#define COMMAND_LINE_MAX (5u + FORMAT_KEY_MAX + FORMAT_VALUE_MAX)

/* Where answers go. */
struct answer {
    void (*put)(void *ctx, char character);
    void *ctx;
};

/* Carries out a line, which comes without its end, and answers. False: it was "off". */
bool command_run(struct store *store, const char *line, size_t size, const struct answer *answer);

/* The answer to a line that was too long to be kept. */
void command_too_long(const struct answer *answer);

/* Opens the store and says on a line what came of it: "ready" and what "status" says, or why not. */
void command_begin(struct store *store, const struct answer *answer);

#endif
