/* SPDX-License-Identifier: MIT */
/* Shared by the store's files. */
#ifndef UNIKERNEL_STORE_INTERNAL_H
#define UNIKERNEL_STORE_INTERNAL_H

#include "store.h"

/* ---- store.c ---- */

/* Closes the store because its disk failed with `cause`, and returns STORE_DISK. */
enum store_status store_failed(struct store *store, enum vpt_status cause);

static inline uint8_t *store_buffer(const struct store *store)
{
    return store->storage->buffer.address;
}

/* Sector numbers on the disk: a generation's header, and a header's area. */
static inline uint64_t store_header_sector(uint64_t generation)
{
    return (generation & 1u) * FORMAT_HEADER_SECTORS;
}

static inline uint64_t store_area_sector(const struct header *header)
{
    return FORMAT_AREAS_FIRST + (header->generation & 1u) * (uint64_t)header->area_sectors;
}

/* ---- area.c: areas and headers on the disk ---- */

/* Reads into the buffer, and decodes the record there. *found is false if there is none. */
enum vpt_status area_read(struct store *store, uint32_t position, struct record *record, bool *found);

/* Encodes a record and writes it to `header`'s area. It is not durable yet. */
enum vpt_status area_write(struct store *store, const struct header *header, uint32_t position,
                           const struct record *record);

/* Zeroes an area from `position` on. This is not durable yet. */
enum vpt_status area_erase(struct store *store, const struct header *header, uint32_t position);

/* Writes a header; and zeroes a generation's header. Both are durable on return. */
enum vpt_status area_write_header(struct store *store, const struct header *header);
enum vpt_status area_retire_header(struct store *store, uint64_t generation);

/* ---- index.c: the entries ---- */

struct store_entry *index_find(const struct store *store, struct text key);

/* Applies a record to its key. False: the index is full. */
bool index_apply(struct store *store, const struct record *record, uint32_t position);

/* ---- compaction.c ---- */

/*
 * Executes `record` by moving to the other area: copies all entries except the one with the record's key, then writes
 * the record if it is a put. STORE_FULL: no room; nothing has been done.
 */
enum store_status store_compact(struct store *store, const struct record *record);

#endif
