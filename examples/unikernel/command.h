/* SPDX-License-Identifier: MIT */
/* The commands, one a line, each with an answer of one line. See README.md. */
#ifndef UNIKERNEL_COMMAND_H
#define UNIKERNEL_COMMAND_H

#include "store.h"

/* The longest valid line: "put", a key, a value. */
#define COMMAND_LINE_MAX (5u + FORMAT_KEY_MAX + FORMAT_VALUE_MAX)

/* Receives the answers. */
struct answer {
    void (*put)(void *ctx, char character);
    void *ctx;
};

/* Executes a line, given without its line end, and answers. False: the command was "off". */
bool command_run(struct store *store, const char *line, size_t size, const struct answer *answer);

/* Answers a line that was too long for the buffer. */
void command_too_long(const struct answer *answer);

/* Opens the store and prints a line: "ready" and the numbers of "status", or the error. */
void command_begin(struct store *store, const struct answer *answer);

#endif
