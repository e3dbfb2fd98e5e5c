/* SPDX-License-Identifier: MIT */
/* The page: a form for one key, the list of keys, the counters. It needs no script, and fits a phone. */
#include "web.h"

#define HTML "text/html; charset=utf-8"

#define KEYS_PER_PAGE 50u

static const char top[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\"><title>Keys and values</title>\n<style>\n"
    "body{font:16px/1.4 sans-serif;max-width:40em;margin:0 auto;padding:0 1em 2em;color:#222}\n"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.5em}\n"
    "label{display:block;margin:.5em 0}input{font:inherit;width:100%;box-sizing:border-box;padding:.4em}\n"
    "button{font:inherit;padding:.5em 1.2em;margin-right:.5em}\n"
    "ul{padding:0;list-style:none}li{border-bottom:1px solid #ddd;overflow-wrap:anywhere}\n"
    "li a{display:block;padding:.5em 0}table{border-collapse:collapse;width:100%}\n"
    "td{border-bottom:1px solid #ddd;padding:.2em 0}td+td{text-align:right}\n"
    ".error{background:#fdd;padding:.5em}\n</style></head><body>\n<h1>Keys and values</h1>\n";

/* What a page shows beside the keys. */
struct view {
    struct text key; /* in the form */
    struct text value;
    const char *error; /* NULL: none */
    uint32_t page;     /* of the list, from 0 */
};

static void write_form(struct reply *reply, const struct view *view)
{
    if (view->error != NULL) {
        reply_words(reply, "<p class=\"error\">");
        reply_words(reply, view->error);
        reply_words(reply, "</p>\n");
    }
    reply_words(reply, "<form method=\"post\" action=\"/\">\n"
                       "<label>Key <input name=\"key\" maxlength=\"64\" required autocapitalize=\"none\" value=\"");
    reply_html(reply, view->key);
    reply_words(reply, "\"></label>\n<label>Value <input name=\"value\" maxlength=\"2000\" value=\"");
    reply_html(reply, view->value);
    reply_words(reply, "\"></label>\n<button name=\"action\" value=\"save\">Save</button>"
                       "<button name=\"action\" value=\"remove\">Remove</button>\n</form>\n");
}

static void write_link(struct reply *reply, uint32_t page, const char *words)
{
    reply_words(reply, "<a href=\"/?page=");
    reply_number(reply, page);
    reply_words(reply, "\">");
    reply_words(reply, words);
    reply_words(reply, "</a> ");
}

static void write_keys(struct reply *reply, const struct store *store, uint32_t page)
{
    uint32_t first = page * KEYS_PER_PAGE;
    uint32_t end = store->count < first + KEYS_PER_PAGE ? store->count : first + KEYS_PER_PAGE;

    reply_words(reply, "<h2>");
    reply_number(reply, store->count);
    reply_words(reply, store->count == 1u ? " key</h2>\n<ul>\n" : " keys</h2>\n<ul>\n");
    for (uint32_t i = first; i < end; i++) {
        struct text key = { store->entries[i].key, store->entries[i].key_size };

        reply_words(reply, "<li><a href=\"/?key=");
        reply_address(reply, key);
        reply_words(reply, "\">");
        reply_html(reply, key);
        reply_words(reply, "</a></li>\n");
    }
    reply_words(reply, "</ul>\n<p>");
    if (page != 0) {
        write_link(reply, page - 1u, "Previous keys");
    }
    if (end < store->count) {
        write_link(reply, page + 1u, "Next keys");
    }
    reply_words(reply, "</p>\n");
}

static void write_counters(struct reply *reply, const struct web *web)
{
    struct web_counter counters[WEB_COUNTERS_MAX];
    unsigned count = web->counters(counters);

    reply_words(reply, "<h2>Devices</h2>\n<table>\n");
    for (unsigned i = 0; i < count; i++) {
        reply_words(reply, "<tr><td>");
        reply_words(reply, counters[i].name);
        reply_words(reply, "</td><td>");
        reply_number(reply, counters[i].value);
        reply_words(reply, "</td></tr>\n");
    }
    reply_words(reply, "</table>\n</body></html>\n");
}

/* The texts of the view must not lie in the store's buffer: opening the store reads the disk. */
static void write_page(const struct web *web, struct reply *reply, unsigned status, const struct view *view)
{
    enum store_status opened = store_open(web->store);
    struct view shown = *view;

    if (opened != STORE_OK) {
        status = web_status(opened);
        shown.error = web_reason(opened);
    }
    if (shown.page > web->store->count / KEYS_PER_PAGE) {
        shown.page = 0;
    }
    reply_begin(reply, status, HTML);
    reply_words(reply, top);
    write_form(reply, &shown);
    if (opened == STORE_OK) {
        write_keys(reply, web->store, shown.page);
    }
    write_counters(reply, web);
}

/* A number of at most four digits; 0 for what is none. */
static uint32_t page_number(struct text query)
{
    char bytes[4];
    struct http_decoded digits = { bytes, 0, sizeof(bytes) };
    uint32_t number = 0;
    bool found;

    if (!http_field(query, "page", &digits, &found)) {
        return 0;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return 0;
        }
        number = number * 10u + (uint32_t)(bytes[i] - '0');
    }
    return number;
}

/* Fills the entry's value from the store. */
static enum store_status fetch(const struct web *web, struct web_entry *entry)
{
    struct text value;
    enum store_status status = store_get(web->store, web_key(entry), &value);

    for (size_t i = 0; status == STORE_OK && i < value.size; i++) {
        entry->value_bytes[i] = value.bytes[i]; /* there is room for the longest value */
        entry->value.size = i + 1u;
    }
    return status;
}

void page_show(const struct web *web, const struct http_request *request, struct reply *reply)
{
    static struct web_entry entry;
    struct view view = { .page = page_number(request->query) };
    enum store_status status = STORE_OK;
    bool found;

    web_entry_init(&entry);
    if (!http_field(request->query, "key", &entry.key, &found) || (found && !web_key_good(&entry))) {
        view.error = "This is no key.";
        write_page(web, reply, 400, &view);
        return;
    }
    if (found) {
        status = fetch(web, &entry);
    }
    view.key = web_key(&entry);
    view.value = web_value(&entry);
    view.error = status != STORE_OK ? web_reason(status) : NULL;
    write_page(web, reply, web_status(status), &view);
}

/* What the form asks for. */
struct change {
    bool whole; /* all fields are there and fit */
    bool removes;
};

static struct change read_change(struct text form, struct web_entry *entry)
{
    char bytes[8];
    struct http_decoded action = { bytes, 0, sizeof(bytes) };
    bool has_action;
    bool has_key;
    bool has_value;
    struct change change;

    change.whole = http_field(form, "action", &action, &has_action) && http_field(form, "key", &entry->key, &has_key) &&
                   http_field(form, "value", &entry->value, &has_value) && has_action && has_key;
    change.removes = text_is((struct text){ bytes, action.size }, "remove");
    change.whole =
        change.whole && (change.removes || (has_value && text_is((struct text){ bytes, action.size }, "save")));
    return change;
}

void page_change(const struct web *web, const struct http_request *request, struct reply *reply)
{
    static struct web_entry entry;
    enum store_status status;
    struct change change;
    struct view view = { .error = "A key has 1 to 64 printable ASCII characters without a space, a value up to 2000." };

    web_entry_init(&entry);
    change = read_change(request->body, &entry);
    view.key = web_key(&entry);
    view.value = web_value(&entry);
    if (!change.whole || !web_key_good(&entry) || !web_value_good(&entry)) {
        write_page(web, reply, 400, &view);
        return;
    }
    status = change.removes ? store_delete(web->store, web_key(&entry))
                            : store_put(web->store, web_key(&entry), web_value(&entry));
    if (status == STORE_OK) {
        reply_begin(reply, 303, NULL);
        reply->location = "/"; /* so that a reload does not repeat the change */
        return;
    }
    view.error = web_reason(status);
    write_page(web, reply, web_status(status), &view);
}
