/* SPDX-License-Identifier: MIT */
/*
 * The key-value store: a put or delete that returned STORE_OK survives any loss of power. README.md describes the
 * format on the disk and the reasons.
 *
 * After STORE_DISK it is unknown whether the change was made: the next call reads the disk again, and what it finds is
 * valid from then on.
 */
#ifndef UNIKERNEL_STORE_H
#define UNIKERNEL_STORE_H

#include "format.h"
#include "storage.h"

enum store_status {
    STORE_OK,
    STORE_MISSING,       /* no such key */
    STORE_FULL,          /* no room, even after compaction */
    STORE_TOO_MANY_KEYS, /* the index is full: at a put, or at opening */
    STORE_DISK,          /* the disk failed; see store->cause */
    STORE_NONE,          /* the disk holds no store but other data, or remains of a store */
    STORE_DAMAGED,       /* a record has changed since it was written */
    STORE_UNFIT,         /* the disk is too small, or smaller than at creation, or its blocks are too large */
    STORE_THERE,         /* store_format(): there is a store already */
    STORE_TOO_LONG       /* store_put(): the key or the value is too long, or the key is empty */
};

/* A key, and the position of its record. */
struct store_entry {
    uint32_t position; /* sectors from the area's start */
    uint16_t value_size;
    uint8_t key_size;
    char key[FORMAT_KEY_MAX];
};

/* The creator sets the first three members, and zeroes the others. */
struct store {
    struct storage *storage;
    struct store_entry *entries;
    uint32_t entries_max;

    /* Valid while the store is open. */
    bool open;
    uint32_t count;       /* number of entries, in no order */
    uint32_t end;         /* sectors from the area's start: position of the next record */
    uint64_t sequence;    /* number of the next record */
    struct header header; /* header of the area in use */

    /* Results of the last opening. */
    uint32_t recovered; /* records found */
    bool torn;          /* they are followed by data that is no record */

    enum vpt_status cause; /* cause of the last STORE_DISK */
};

/*
 * Opens the store unless it is open: brings the disk up, finds the area, replays its records. A blank disk becomes an
 * empty store. Every call below does this first.
 */
enum store_status store_open(struct store *store);

/* Makes an empty store on a disk that has none, or a damaged one. All data on the disk is lost. */
enum store_status store_format(struct store *store);

/* The key has 1 to FORMAT_KEY_MAX bytes, the value at most FORMAT_VALUE_MAX. */
enum store_status store_put(struct store *store, struct text key, struct text value);
enum store_status store_delete(struct store *store, struct text key);

/* *value is valid until the next call. */
enum store_status store_get(struct store *store, struct text key, struct text *value);

#endif
