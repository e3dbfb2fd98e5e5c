/* SPDX-License-Identifier: MIT */
/*
 * The format of the store's disk (README.md has the picture): two headers, two areas, records. Numbers are
 * little-endian. These functions work on bytes in memory; store.c and others read and write the disk.
 */
#ifndef UNIKERNEL_FORMAT_H
#define UNIKERNEL_FORMAT_H

#include <stdint.h>

#include "text.h"

#define FORMAT_SECTOR 512u

/* In sectors. Each header has 4 KiB to itself, so that no physical block holds both headers. */
#define FORMAT_HEADER_SECTORS 8u
#define FORMAT_AREAS_FIRST    (2u * FORMAT_HEADER_SECTORS)
#define FORMAT_UNIT_MAX       8u
#define FORMAT_AREA_MIN       16u
#define FORMAT_AREA_MAX       8192u /* 4 MiB */
#define FORMAT_RECORD_MAX     8u

#define FORMAT_KEY_MAX   64u
#define FORMAT_VALUE_MAX 2000u

/*
 * ---- Headers: slot n (0 or 1) says that area n is the store, unless the header with the higher generation differs
 * ----
 */

struct header {
    uint64_t generation;     /* bit 0 is the slot's number */
    uint64_t first_sequence; /* sequence number of the area's first record */
    uint32_t area_sectors;   /* size of each area */
    uint32_t unit;           /* sectors, a power of two: records start at multiples of it */
};

enum header_state {
    HEADER_VALID,
    HEADER_BLANK, /* nothing but zeros */
    HEADER_BROKEN
};

/* `sector` has FORMAT_SECTOR bytes. */
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

/* Size of a record in sectors, padding included. */
uint32_t record_sectors(size_t key_size, size_t value_size, uint32_t unit);

/* Fills this many sectors of `bytes`, which must not overlap the key or the value. */
void record_encode(const struct record *record, uint8_t *bytes, uint32_t sectors);

/* Changes the sequence number of a valid encoded record. */
void record_renumber(uint8_t *bytes, uint64_t sequence);

/* Decodes the record at `bytes`; its texts point into `bytes`. False: there is no whole record in `size` bytes. */
bool record_decode(struct record *record, const uint8_t *bytes, size_t size);

#endif
