/* SPDX-License-Identifier: MIT */
/*
 * Numbers in the simulated device's memory: little-endian for a modern device, the host CPU's own order (`native`)
 * for the rings, requests and configuration of a legacy one. Written with shifts, so that it holds on any host.
 */
#ifndef VPT_TESTS_MOCK_ORDER_H
#define VPT_TESTS_MOCK_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* By how many bits byte `i` of a number is shifted. */
static inline unsigned mock_byte_shift(unsigned i, unsigned width, bool native)
{
    const uint16_t probe = 1;
    bool little = !native || *(const uint8_t *)&probe == 1;

    return 8u * (little ? i : width - 1u - i);
}

static inline uint64_t mock_load(const void *at, unsigned width, bool native)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)((const uint8_t *)at)[i] << mock_byte_shift(i, width, native);
    }
    return value;
}

static inline void mock_store(void *at, unsigned width, uint64_t value, bool native)
{
    for (unsigned i = 0; i < width; i++) {
        ((uint8_t *)at)[i] = (uint8_t)(value >> mock_byte_shift(i, width, native));
    }
}

/* What an access of `width` bytes reads where nobody answers. */
static inline uint32_t mock_ones(unsigned width)
{
    return width >= 4 ? UINT32_MAX : (UINT32_C(1) << (8u * width)) - 1u;
}

#endif
