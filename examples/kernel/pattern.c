/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <vpt/blk.h>

#include "console.h"

#define SECTOR_WORDS (VPT_BLK_SECTOR_SIZE / 8u)

/* The finalizer of SplitMix64: every input bit affects every output bit. */
static uint64_t word(uint64_t seed, uint64_t number)
{
    uint64_t z = seed + (number + 1u) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void pattern_fill(unsigned char *buffer, uint64_t seed, uint64_t sector, size_t sectors)
{
    for (size_t i = 0; i < sectors * SECTOR_WORDS; i++) {
        uint64_t value = word(seed, sector * SECTOR_WORDS + i);

        for (unsigned byte = 0; byte < 8u; byte++) {
            buffer[i * 8u + byte] = (unsigned char)(value >> (8u * byte));
        }
    }
}

void pattern_poison(unsigned char *buffer, size_t sectors)
{
    for (size_t i = 0; i < sectors * VPT_BLK_SECTOR_SIZE; i++) {
        buffer[i] = 0xa5;
    }
}

bool pattern_check(const unsigned char *buffer, uint64_t seed, uint64_t sector, size_t sectors)
{
    for (size_t i = 0; i < sectors * SECTOR_WORDS; i++) {
        uint64_t found = pattern_first_word(buffer + i * 8u);
        uint64_t wanted = word(seed, sector * SECTOR_WORDS + i);

        if (found != wanted) {
            print("FAILED: sector %llu, byte %u: read %llx, not %llx\n",
                  (unsigned long long)(sector + i / SECTOR_WORDS), (unsigned)(i % SECTOR_WORDS * 8u),
                  (unsigned long long)found, (unsigned long long)wanted);
            return false;
        }
    }
    return true;
}

uint64_t pattern_checksum(const unsigned char *buffer, size_t bytes)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < bytes; i++) {
        sum = (sum ^ buffer[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

uint64_t pattern_first_word(const unsigned char *buffer)
{
    uint64_t value = 0;

    for (unsigned byte = 0; byte < 8u; byte++) {
        value |= (uint64_t)buffer[byte] << (8u * byte);
    }
    return value;
}
