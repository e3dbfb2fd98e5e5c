/* SPDX-License-Identifier: MIT */
/* Texts: bytes that the caller owns, without a terminating zero. */
#ifndef UNIKERNEL_TEXT_H
#define UNIKERNEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *bytes;
    size_t size;
};

bool text_equal(struct text a, struct text b);

/* Whether the text is this word; and whether it is, in letters of any case. */
bool text_is(struct text text, const char *word);
bool text_is_any_case(struct text text, const char *word);

/* Whether all characters are ASCII, from the space to the tilde. */
bool text_printable(struct text text);

/*
 * Returns what comes before the first `separator`, and removes both from *rest. Without a separator that is all, and
 * *rest is empty, with `bytes` NULL.
 */
struct text text_cut(struct text *rest, char separator);

/* Removes spaces and tabs from both ends. */
struct text text_trim(struct text text);

#endif
