/* SPDX-License-Identifier: MIT */
#include "http.h"

static bool append(struct http_decoded *decoded, char character)
{
    if (decoded->size == decoded->max) {
        return false;
    }
    decoded->bytes[decoded->size++] = character;
    return true;
}

/* Returns -1 for what is no hexadecimal number of `digits` digits. */
static int hexadecimal(const char *at, unsigned digits)
{
    int value = 0;

    for (unsigned i = 0; i < digits; i++) {
        char digit = at[i];

        if (digit >= '0' && digit <= '9') {
            value = value * 16 + (digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            value = value * 16 + (digit - 'a' + 10);
        } else if (digit >= 'A' && digit <= 'F') {
            value = value * 16 + (digit - 'A' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* ---- Forms ---- */

bool http_decode(struct text text, bool form, struct http_decoded *decoded)
{
    for (size_t i = 0; i < text.size; i++) {
        char character = text.bytes[i];

        if (character == '%') {
            int value = text.size - i > 2u ? hexadecimal(text.bytes + i + 1u, 2) : -1;

            if (value < 0) {
                return false;
            }
            character = (char)value;
            i += 2u;
        } else if (form && character == '+') {
            character = ' ';
        }
        if (!append(decoded, character)) {
            return false;
        }
    }
    return true;
}

bool http_field(struct text form, const char *name, struct http_decoded *decoded, bool *found)
{
    *found = false;
    while (form.size != 0) {
        struct text value = text_cut(&form, '&');

        if (text_is(text_cut(&value, '='), name)) {
            *found = true;
            return http_decode(value, true, decoded);
        }
    }
    return true;
}

/* ---- JSON ---- */

static void skip_blanks(struct text *json)
{
    while (json->size != 0 &&
           (json->bytes[0] == ' ' || json->bytes[0] == '\t' || json->bytes[0] == '\r' || json->bytes[0] == '\n')) {
        json->bytes++;
        json->size--;
    }
}

/* Takes the next character if it is this one, with the blanks before it. */
static bool skip(struct text *json, char character)
{
    skip_blanks(json);
    if (json->size == 0 || json->bytes[0] != character) {
        return false;
    }
    json->bytes++;
    json->size--;
    return true;
}

/* Takes the rest of an escape sequence, after its backslash. Of \u only ASCII characters are taken. */
static bool take_escape(struct text *json, struct http_decoded *decoded)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter = json->size != 0 ? json->bytes[0] : '\0';
    int value;

    for (unsigned i = 0; i < sizeof(escapes) - 1u; i++) {
        if (letter == escapes[i]) {
            json->bytes++;
            json->size--;
            return append(decoded, meanings[i]);
        }
    }
    value = letter == 'u' && json->size > 4u ? hexadecimal(json->bytes + 1, 4) : -1;
    if (value < 0 || value > 0x7f) {
        return false;
    }
    json->bytes += 5;
    json->size -= 5u;
    return append(decoded, (char)value);
}

static bool take_string(struct text *json, struct http_decoded *decoded)
{
    if (!skip(json, '"')) {
        return false;
    }
    while (json->size != 0) {
        char character = json->bytes[0];

        json->bytes++;
        json->size--;
        if (character == '"') {
            return true;
        }
        if ((unsigned char)character < ' ') {
            return false;
        }
        if (!(character == '\\' ? take_escape(json, decoded) : append(decoded, character))) {
            return false;
        }
    }
    return false;
}

bool http_json_member(struct text json, const char *name, struct http_decoded *decoded)
{
    char bytes[16];
    struct http_decoded member = { bytes, 0, sizeof(bytes) };
    bool good = skip(&json, '{') && take_string(&json, &member) && text_is((struct text){ bytes, member.size }, name) &&
                skip(&json, ':') && take_string(&json, decoded) && skip(&json, '}');

    skip_blanks(&json);
    return good && json.size == 0;
}
