/* SPDX-License-Identifier: MIT */
/*
 * Numbers in the simulated device's memory: little-endian for a modern device, the host CPU's own order (`native`)
 * for the rings, requests and configuration of a legacy one. Spelled out by shifts, so that it holds on any host.
 */
#ifndef VPT_TESTS_MOCK_ORDER_H
#define VPT_TESTS_MOCK_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t mock_load(const void *at, unsigned width, bool native)
{
    const uint8_t *bytes = at;
    const uint16_t probe = 1;
    bool little = !native || *(const uint8_t *)&probe == 1;
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)bytes[i] << (8u * (little ? i : width - 1u - i));
    }
    return value;
}

static inline void mock_store(void *at, unsigned width, uint64_t value, bool native)
{
    uint8_t *bytes = at;
    const uint16_t probe = 1;
    bool little = !native || *(const uint8_t *)&probe == 1;

    for (unsigned i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8u * (little ? i : width - 1u - i)));
    }
}

#endif
