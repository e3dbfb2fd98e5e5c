/* SPDX-License-Identifier: MIT */
/* All functions that the library needs to link: the two that compilers call on their own. */
#include <vpt/types.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t size);
void *memset(void *destination, int byte, size_t size);

void *memcpy(void *restrict destination, const void *restrict source, size_t size)
{
    /* Volatile: otherwise a compiler turns this loop into a call of memcpy. */
    volatile unsigned char *to = destination;
    const unsigned char *from = source;

    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
    }
    return destination;
}

void *memset(void *destination, int byte, size_t size)
{
    volatile unsigned char *to = destination;

    for (size_t i = 0; i < size; i++) {
        to[i] = (unsigned char)byte;
    }
    return destination;
}

#ifdef __arm__
void __aeabi_memcpy(void *destination, const void *source, size_t size);
void __aeabi_memcpy4(void *destination, const void *source, size_t size);
void __aeabi_memcpy8(void *destination, const void *source, size_t size);
void __aeabi_memset(void *destination, size_t size, int byte);
void __aeabi_memset4(void *destination, size_t size, int byte);
void __aeabi_memset8(void *destination, size_t size, int byte);
void __aeabi_memclr(void *destination, size_t size);
void __aeabi_memclr4(void *destination, size_t size);
void __aeabi_memclr8(void *destination, size_t size);

#define ALIASES(name, parameters, call) \
    void __aeabi_##name parameters      \
    {                                   \
        call;                           \
    }                                   \
    void __aeabi_##name##4 parameters   \
    {                                   \
        call;                           \
    }                                   \
    void __aeabi_##name##8 parameters   \
    {                                   \
        call;                           \
    }

ALIASES(memcpy, (void *destination, const void *source, size_t size), memcpy(destination, source, size))
ALIASES(memset, (void *destination, size_t size, int byte), memset(destination, byte, size))
ALIASES(memclr, (void *destination, size_t size), memset(destination, 0, size))
#endif
