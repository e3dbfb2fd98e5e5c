/* SPDX-License-Identifier: MIT */
/* The functions of a C library that lwIP calls, beside those of ../kernel/string.c. */
#include "lwip/string.h"

void *memmove(void *destination, const void *source, size_t size)
{
    unsigned char *to = destination;
    const unsigned char *from = source;

    if (to <= from) {
        for (size_t i = 0; i < size; i++) {
            to[i] = from[i];
        }
    } else {
        for (size_t i = size; i-- > 0;) {
            to[i] = from[i];
        }
    }
    return destination;
}

int memcmp(const void *first, const void *second, size_t size)
{
    const unsigned char *a = first;
    const unsigned char *b = second;

    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t size = 0;

    while (text[size] != '\0') {
        size++;
    }
    return size;
}
