/* SPDX-License-Identifier: MIT */
/*
 * The key-value store: what has been put, or deleted, with STORE_OK is so after any loss of power. See README.md for
 * how it lies on the disk, and why.
 *
 * After STORE_DISK whether the change was made is unknown: the next call looks at the disk anew, and from then on what
 * it found there is so.
 */
#ifndef UNIKERNEL_STORE_H
#define UNIKERNEL_STORE_H

#include "format.h"
#include "storage.h"

enum store_status {
    STORE_OK,
    STORE_MISSING,       /* no such key */
    STORE_FULL,          /* it does not fit, whatever is cleared away */
    STORE_TOO_MANY_KEYS, /* the index is full, of a put or of what was found on the disk */
    STORE_DISK,          /* the disk has failed; store->cause says how */
    STORE_NONE,          /* there is no store on the disk, but something else, or what is left of one */
    STORE_DAMAGED,       /* a record is no longer what was written */
    STORE_UNFIT,         /* the disk is too small, or smaller than when the store was made, or has too large blocks */
    STORE_THERE,         /* of store_format(): there is one */
    STORE_TOO_LONG       /* of store_put(): the key or the value, or the key is empty */
};

/* A key, and where its value is. */
struct store_entry {
    uint32_t position; /* in sectors, in the area */
    uint16_t value_size;
    uint8_t key_size;
    char key[FORMAT_KEY_MAX];
};

/* Whoever makes one sets the first three members, and zeroes the others. */
struct store {
    struct storage *storage;
    struct store_entry *entries;
    uint32_t entries_max;

    /* To be read while it is open. */
    bool open;
    uint32_t count;       /* of entries, in no order */
    uint32_t end;         /* in sectors, in the area: where the next record goes */
    uint64_t sequence;    /* the next record's */
    struct header header; /* of the area in use */

    /* How the last opening went. */
    uint32_t recovered; /* records found */
    bool torn;          /* after them there is something that is no record */

    enum vpt_status cause; /* of the last STORE_DISK */
};

/*
 * Looks at the disk, unless that has been done: brings it up, finds the area, replays its records. A blank disk becomes
 * an empty store. Every call below does this first.
 */
enum store_status store_open(struct store *store);

/* Makes an empty store of a disk that has none, or a damaged one: whatever is on it is lost. */
enum store_status store_format(struct store *store);

/* A key of 1 to FORMAT_KEY_MAX bytes, and a value of at most FORMAT_VALUE_MAX. */
enum store_status store_put(struct store *store, struct text key, struct text value);
enum store_status store_delete(struct store *store, struct text key);

/* *value is valid until the next call. */
enum store_status store_get(struct store *store, struct text key, struct text *value);

#endif
