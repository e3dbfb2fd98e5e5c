/* SPDX-License-Identifier: MIT */
#include "text.h"

bool text_equal(struct text a, struct text b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (a.bytes[i] != b.bytes[i]) {
            return false;
        }
    }
    return true;
}

bool text_is(struct text text, const char *word)
{
    size_t i = 0;

    while (i < text.size && word[i] != '\0' && text.bytes[i] == word[i]) {
        i++;
    }
    return i == text.size && word[i] == '\0';
}

static char lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

bool text_is_any_case(struct text text, const char *word)
{
    size_t i = 0;

    while (i < text.size && word[i] != '\0' && lower(text.bytes[i]) == lower(word[i])) {
        i++;
    }
    return i == text.size && word[i] == '\0';
}

bool text_printable(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] < ' ' || text.bytes[i] > '~') {
            return false;
        }
    }
    return true;
}

struct text text_cut(struct text *rest, char separator)
{
    struct text first = *rest;

    for (size_t i = 0; i < first.size; i++) {
        if (first.bytes[i] == separator) {
            *rest = (struct text){ first.bytes + i + 1u, first.size - i - 1u };
            first.size = i;
            return first;
        }
    }
    *rest = (struct text){ NULL, 0 };
    return first;
}

static bool blank(char character)
{
    return character == ' ' || character == '\t';
}

struct text text_trim(struct text text)
{
    while (text.size != 0 && blank(text.bytes[0])) {
        text.bytes++;
        text.size--;
    }
    while (text.size != 0 && blank(text.bytes[text.size - 1u])) {
        text.size--;
    }
    return text;
}
