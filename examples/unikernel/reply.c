/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include "http.h"

void reply_begin(struct reply *reply, unsigned status, const char *type)
{
    reply->status = status;
    reply->type = type;
    reply->location = NULL;
    reply->allow = NULL;
    reply->size = 0;
    reply->overflow = false;
}

static void put(struct reply *reply, char character)
{
    if (reply->size == reply->max) {
        reply->overflow = true;
    } else {
        reply->bytes[reply->size++] = character;
    }
}

void reply_words(struct reply *reply, const char *words)
{
    for (; *words != '\0'; words++) {
        put(reply, *words);
    }
}

void reply_text(struct reply *reply, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        put(reply, text.bytes[i]);
    }
}

void reply_number(struct reply *reply, uint64_t value)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    reply_text(reply, (struct text){ digits + first, sizeof(digits) - first });
}

void reply_html(struct reply *reply, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.bytes[i]) {
        case '<': reply_words(reply, "&lt;"); break;
        case '>': reply_words(reply, "&gt;"); break;
        case '&': reply_words(reply, "&amp;"); break;
        case '"': reply_words(reply, "&quot;"); break;
        case '\'': reply_words(reply, "&#39;"); break;
        default: put(reply, text.bytes[i]); break;
        }
    }
}

static void put_hexadecimal(struct reply *reply, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    put(reply, digits[byte >> 4]);
    put(reply, digits[byte & 0xfu]);
}

void reply_address(struct reply *reply, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        char character = text.bytes[i];

        if ((character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
            (character >= 'a' && character <= 'z') || character == '-' || character == '.' || character == '_') {
            put(reply, character);
        } else {
            put(reply, '%');
            put_hexadecimal(reply, (unsigned char)character);
        }
    }
}

void reply_json(struct reply *reply, struct text text)
{
    put(reply, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char character = (unsigned char)text.bytes[i];

        if (character < ' ' || character > '~') {
            reply_words(reply, "\\u00");
            put_hexadecimal(reply, character);
            continue;
        }
        if (character == '"' || character == '\\') {
            put(reply, '\\');
        }
        put(reply, (char)character);
    }
    put(reply, '"');
}

static void field(struct reply *reply, const char *name, const char *value)
{
    if (value != NULL) {
        reply_words(reply, name);
        reply_words(reply, ": ");
        reply_words(reply, value);
        reply_words(reply, "\r\n");
    }
}

void reply_head(struct reply *reply, const struct reply *body, bool keep)
{
    reply_words(reply, "HTTP/1.1 ");
    reply_number(reply, body->status);
    reply_words(reply, " ");
    reply_words(reply, http_reason(body->status));
    reply_words(reply, "\r\n");
    field(reply, "Content-Type", body->type);
    field(reply, "Location", body->location);
    field(reply, "Allow", body->allow);
    field(reply, "Cache-Control", "no-store");
    field(reply, "Connection", keep ? "keep-alive" : "close");
    if (body->status != 204u) { /* which has no body by definition */
        reply_words(reply, "Content-Length: ");
        reply_number(reply, body->size);
        reply_words(reply, "\r\n");
    }
    reply_words(reply, "\r\n");
}
