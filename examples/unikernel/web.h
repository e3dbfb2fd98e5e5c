/* SPDX-License-Identifier: MIT */
/* What is served by HTTP: the page (page.c) and the JSON interface. See README.md. */
#ifndef UNIKERNEL_WEB_H
#define UNIKERNEL_WEB_H

#include "http.h"
#include "reply.h"
#include "store.h"

/* A number that the page shows. */
struct web_counter {
    const char *name;
    uint64_t value;
};

#define WEB_COUNTERS_MAX 16u

struct web {
    struct store *store;
    /* Fills the array, and returns how many counters there are. */
    unsigned (*counters)(struct web_counter counters[WEB_COUNTERS_MAX]);
};

/* Enough for a list of 1024 of the longest keys, each of whose characters needs two. */
#define WEB_REPLY_MAX (144u * 1024u)

/*
 * Carries a request out, and fills *reply. What changes the store is durable when this returns, or the status says that
 * it failed.
 */
void web_answer(const struct web *web, const struct http_request *request, struct reply *reply);

/* ---- Shared by web.c and page.c ---- */

/* A key and a value from a request, decoded into memory of their own. */
struct web_entry {
    char key_bytes[FORMAT_KEY_MAX];
    char value_bytes[FORMAT_VALUE_MAX];
    struct http_decoded key;
    struct http_decoded value;
};

void web_entry_init(struct web_entry *entry);
struct text web_key(const struct web_entry *entry);
struct text web_value(const struct web_entry *entry);

/* Whether the store's rules allow the key; and the value. */
bool web_key_good(const struct web_entry *entry);
bool web_value_good(const struct web_entry *entry);

/* The status code of what the store returned, and its words. */
unsigned web_status(enum store_status status);
const char *web_reason(enum store_status status);

/* The page: GET shows it, POST makes a change and leads to it. */
void page_show(const struct web *web, const struct http_request *request, struct reply *reply);
void page_change(const struct web *web, const struct http_request *request, struct reply *reply);

#endif
