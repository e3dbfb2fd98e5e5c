/* SPDX-License-Identifier: MIT */
#include "web.h"

#define JSON "application/json"

/* ---- Keys and values ---- */

void web_entry_init(struct web_entry *entry)
{
    entry->key = (struct http_decoded){ entry->key_bytes, 0, sizeof(entry->key_bytes) };
    entry->value = (struct http_decoded){ entry->value_bytes, 0, sizeof(entry->value_bytes) };
}

struct text web_key(const struct web_entry *entry)
{
    return (struct text){ entry->key_bytes, entry->key.size };
}

struct text web_value(const struct web_entry *entry)
{
    return (struct text){ entry->value_bytes, entry->value.size };
}

/* The rules of the commands on the serial line. */
bool web_key_good(const struct web_entry *entry)
{
    struct text key = web_key(entry);
    struct text rest = key;

    return key.size != 0 && text_printable(key) && text_cut(&rest, ' ').size == key.size;
}

bool web_value_good(const struct web_entry *entry)
{
    return text_printable(web_value(entry));
}

unsigned web_status(enum store_status status)
{
    switch (status) {
    case STORE_OK: return 200;
    case STORE_MISSING: return 404;
    case STORE_FULL:
    case STORE_TOO_MANY_KEYS: return 507;
    case STORE_TOO_LONG: return 400;
    default: return 503;
    }
}

const char *web_reason(enum store_status status)
{
    switch (status) {
    case STORE_OK: return "done";
    case STORE_MISSING: return "no such key";
    case STORE_FULL: return "the store is full";
    case STORE_TOO_MANY_KEYS: return "there are too many keys";
    case STORE_TOO_LONG: return "too long";
    case STORE_DISK: return "the disk failed";
    default: return "the disk has no store that can be used";
    }
}

/* ---- JSON ---- */

static void fail(struct reply *reply, unsigned status, const char *reason)
{
    reply_begin(reply, status, JSON);
    reply_words(reply, "{\"error\":\"");
    reply_words(reply, reason);
    reply_words(reply, "\"}\n");
}

static void refuse_method(struct reply *reply, const char *allow)
{
    fail(reply, 405, "this method is not for this address");
    reply->allow = allow;
}

static void list_keys(const struct web *web, struct reply *reply)
{
    const struct store *store = web->store;
    enum store_status status = store_open(web->store);

    if (status != STORE_OK) {
        fail(reply, web_status(status), web_reason(status));
        return;
    }
    reply_begin(reply, 200, JSON);
    reply_words(reply, "{\"keys\":[");
    for (uint32_t i = 0; i < store->count; i++) {
        reply_words(reply, i != 0 ? "," : "");
        reply_json(reply, (struct text){ store->entries[i].key, store->entries[i].key_size });
    }
    reply_words(reply, "]}\n");
}

static void list_counters(const struct web *web, struct reply *reply)
{
    struct web_counter counters[WEB_COUNTERS_MAX];
    unsigned count = web->counters(counters);

    reply_begin(reply, 200, JSON);
    reply_words(reply, "{");
    for (unsigned i = 0; i < count; i++) {
        reply_words(reply, i != 0 ? ",\"" : "\"");
        reply_words(reply, counters[i].name);
        reply_words(reply, "\":");
        reply_number(reply, counters[i].value);
    }
    reply_words(reply, "}\n");
}

static void get_key(const struct web *web, struct text key, struct reply *reply)
{
    struct text value;
    enum store_status status = store_get(web->store, key, &value);

    if (status != STORE_OK) {
        fail(reply, web_status(status), web_reason(status));
        return;
    }
    reply_begin(reply, 200, JSON);
    reply_words(reply, "{\"key\":");
    reply_json(reply, key);
    reply_words(reply, ",\"value\":");
    reply_json(reply, value);
    reply_words(reply, "}\n");
}

static void answer_change(enum store_status status, struct reply *reply)
{
    if (status == STORE_OK) {
        reply_begin(reply, 204, NULL);
    } else {
        fail(reply, web_status(status), web_reason(status));
    }
}

static void put_key(const struct web *web, struct web_entry *entry, struct text body, struct reply *reply)
{
    if (!http_json_member(body, "value", &entry->value) || !web_value_good(entry)) {
        fail(reply, 400, "the body is not {\\\"value\\\":\\\"up to 2000 printable ASCII characters\\\"}");
        return;
    }
    answer_change(store_put(web->store, web_key(entry), web_value(entry)), reply);
}

static void answer_key(const struct web *web, const struct http_request *request, struct text name, struct reply *reply)
{
    static struct web_entry entry;

    web_entry_init(&entry);
    if (!http_decode(name, false, &entry.key) || !web_key_good(&entry)) {
        fail(reply, 400, "a key has 1 to 64 printable ASCII characters without a space");
        return;
    }
    switch (request->method) {
    case HTTP_GET:
    case HTTP_HEAD: get_key(web, web_key(&entry), reply); break;
    case HTTP_PUT: put_key(web, &entry, request->body, reply); break;
    case HTTP_DELETE: answer_change(store_delete(web->store, web_key(&entry)), reply); break;
    default: refuse_method(reply, "GET, HEAD, PUT, DELETE"); break;
    }
}

/* ---- Addresses ---- */

static bool reads(const struct http_request *request)
{
    return request->method == HTTP_GET || request->method == HTTP_HEAD;
}

static void answer_page(const struct web *web, const struct http_request *request, struct reply *reply)
{
    if (reads(request)) {
        page_show(web, request, reply);
    } else if (request->method == HTTP_POST) {
        page_change(web, request, reply);
    } else {
        refuse_method(reply, "GET, HEAD, POST");
    }
}

static void answer_list(const struct web *web, const struct http_request *request, struct reply *reply,
                        void (*list)(const struct web *web, struct reply *reply))
{
    if (reads(request)) {
        list(web, reply);
    } else {
        refuse_method(reply, "GET, HEAD");
    }
}

void web_answer(const struct web *web, const struct http_request *request, struct reply *reply)
{
    struct text rest = request->path;
    struct text first;

    (void)text_cut(&rest, '/'); /* the path begins with it */
    first = text_cut(&rest, '/');
    if (first.size == 0 && rest.bytes == NULL) {
        answer_page(web, request, reply);
    } else if (text_is(first, "keys") && rest.bytes == NULL) {
        answer_list(web, request, reply, list_keys);
    } else if (text_is(first, "counters") && rest.bytes == NULL) {
        answer_list(web, request, reply, list_counters);
    } else if (text_is(first, "keys")) {
        answer_key(web, request, rest, reply);
    } else {
        fail(reply, 404, "no such address");
    }
    if (reply->overflow) {
        fail(reply, 500, "the answer is too long");
    }
}
