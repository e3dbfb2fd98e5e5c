/* SPDX-License-Identifier: MIT */
/* The data written to the disk: computed from a seed and the sector number alone. */
#ifndef KERNEL_PATTERN_H
#define KERNEL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void pattern_fill(unsigned char *buffer, uint64_t seed, uint64_t sector, size_t sectors);

/* Fills with bytes that differ from every pattern, so that a read that changes nothing is noticed. */
void pattern_poison(unsigned char *buffer, size_t sectors);

/* Whether the buffer holds the pattern; if not, prints where it differs. */
bool pattern_check(const unsigned char *buffer, uint64_t seed, uint64_t sector, size_t sectors);

/* FNV-1a, 64 bits. */
uint64_t pattern_checksum(const unsigned char *buffer, size_t bytes);

/* The first eight bytes, as a little-endian number. */
uint64_t pattern_first_word(const unsigned char *buffer);

#endif
