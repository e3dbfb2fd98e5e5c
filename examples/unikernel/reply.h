/* SPDX-License-Identifier: MIT */
/* The answer to an HTTP request: a status and a body that is written piece by piece. */
#ifndef UNIKERNEL_REPLY_H
#define UNIKERNEL_REPLY_H

#include <stdint.h>

#include "text.h"

struct reply {
    unsigned status;
    const char *type;     /* of the body */
    const char *location; /* NULL: none */
    const char *allow;    /* methods, for status 405 */
    char *bytes;          /* the body; the creator sets this and `max` */
    size_t size;
    size_t max;
    bool overflow; /* it did not fit */
};

/* Begins the body anew. `type` may be NULL if it stays empty. */
void reply_begin(struct reply *reply, unsigned status, const char *type);

void reply_words(struct reply *reply, const char *words);
void reply_text(struct reply *reply, struct text text);
void reply_number(struct reply *reply, uint64_t value);

/* A text within HTML, or in an attribute; as part of an address; as a string of JSON, with its quotation marks. */
void reply_html(struct reply *reply, struct text text);
void reply_address(struct reply *reply, struct text text);
void reply_json(struct reply *reply, struct text text);

/* Writes the head of the answer into `reply`, whose status, type and so on are those of `body`. */
void reply_head(struct reply *reply, const struct reply *body, bool keep);

#endif
