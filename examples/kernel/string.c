/* SPDX-License-Identifier: MIT */
/* All functions of a C library that vpt and the compiler call. */
#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t size);
void *memset(void *destination, int byte, size_t size);

void *memcpy(void *restrict destination, const void *restrict source, size_t size)
{
    unsigned char *to = destination;
    const unsigned char *from = source;

    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
    }
    return destination;
}

void *memset(void *destination, int byte, size_t size)
{
    unsigned char *to = destination;

    for (size_t i = 0; i < size; i++) {
        to[i] = (unsigned char)byte;
    }
    return destination;
}
