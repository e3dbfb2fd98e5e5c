/* SPDX-License-Identifier: MIT */
/*
 * What the store's disk looks like (README.md has the picture): two headers, two areas, records. Numbers are
 * little-endian. Everything here works on bytes in memory; who reads and writes them is store.c and its kin.
 */
#ifndef UNIKERNEL_FORMAT_H
#define UNIKERNEL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_SECTOR 512u

/* In sectors. A header has 4 KiB to itself: no common physical block holds both. */
#define FORMAT_HEADER_SECTORS 8u
#define FORMAT_AREAS_FIRST    (2u * FORMAT_HEADER_SECTORS)
#define FORMAT_UNIT_MAX       8u
#define FORMAT_AREA_MIN       16u
#define FORMAT_AREA_MAX       8192u /* 4 MiB */
#define FORMAT_RECORD_MAX     8u

#define FORMAT_KEY_MAX   64u
#define FORMAT_VALUE_MAX 2000u

/* Some bytes that somebody else keeps. */
struct text {
    const char *bytes;
    size_t size;
};

bool text_equal(struct text a, struct text b);

/* ---- Headers: slot n (0 or 1) says that area n is the store, unless the other does with a higher generation ---- */

struct header {
    uint64_t generation;     /* its lowest bit is the slot's number */
    uint64_t first_sequence; /* of the area's first record */
    uint32_t area_sectors;   /* of each area */
    uint32_t unit;           /* in sectors, a power of two: where records start */
};

enum header_state {
    HEADER_VALID,
    HEADER_BLANK, /* nothing but zeros */
    HEADER_BROKEN
};

/* Of one sector. */
void header_encode(const struct header *header, uint8_t *sector);
enum header_state header_decode(struct header *header, const uint8_t *sector, unsigned slot);

/* ---- Records ---- */

enum record_type {
    RECORD_PUT = 1,
    RECORD_DELETE = 2 /* has no value */
};

struct record {
    enum record_type type;
    uint64_t sequence;
    struct text key;
    struct text value;
};

/* How many sectors a record takes, padding included. */
uint32_t record_sectors(size_t key_size, size_t value_size, uint32_t unit);

/* Fills so many sectors. The key and the value may not lie there. */
void record_encode(const struct record *record, uint8_t *bytes, uint32_t sectors);

/* Gives a record that has been decoded from there another number. */
void record_renumber(uint8_t *bytes, uint64_t sequence);

/* False: `size` bytes do not begin with a whole record. Else its texts lie in `bytes`. */
bool record_decode(struct record *record, const uint8_t *bytes, size_t size);

#endif
