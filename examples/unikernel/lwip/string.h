/* SPDX-License-Identifier: MIT */
/* What lwIP uses of <string.h>. The two of the compiler are in ../../kernel/string.c, the others in ../libc.c. */
#ifndef UNIKERNEL_STRING_H
#define UNIKERNEL_STRING_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t size);
void *memset(void *destination, int byte, size_t size);
void *memmove(void *destination, const void *source, size_t size);
int memcmp(const void *first, const void *second, size_t size);
size_t strlen(const char *text);

#endif
