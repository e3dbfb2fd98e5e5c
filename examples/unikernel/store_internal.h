/* SPDX-License-Identifier: MIT */
/* What the store's files share. */
#ifndef UNIKERNEL_STORE_INTERNAL_H
#define UNIKERNEL_STORE_INTERNAL_H

#include "store.h"

/* ---- store.c ---- */

/* Closes the store, whose disk has failed with `cause`, and returns STORE_DISK. */
enum store_status store_failed(struct store *store, enum vpt_status cause);

static inline uint8_t *store_buffer(const struct store *store)
{
    return store->storage->buffer.address;
}

/* On the disk: of a generation's header and area. */
static inline uint64_t store_header_sector(uint64_t generation)
{
    return (generation & 1u) * FORMAT_HEADER_SECTORS;
}

static inline uint64_t store_area_sector(const struct header *header)
{
    return FORMAT_AREAS_FIRST + (header->generation & 1u) * (uint64_t)header->area_sectors;
}

/* ---- area.c: the disk in the store's pieces ---- */

/* Reads into the buffer what may be a record, and decodes it. False in *found: it is none. */
enum vpt_status area_read(struct store *store, uint32_t position, struct record *record, bool *found);

/* Encodes a record and writes it where `header` has its area; it is not durable yet. */
enum vpt_status area_write(struct store *store, const struct header *header, uint32_t position,
                           const struct record *record);

/* Zeroes an area from `position` on; it is not durable yet. */
enum vpt_status area_erase(struct store *store, const struct header *header, uint32_t position);

/* Writes a header, durably; and zeroes the one of a generation, durably. */
enum vpt_status area_write_header(struct store *store, const struct header *header);
enum vpt_status area_retire_header(struct store *store, uint64_t generation);

/* ---- index.c: the entries ---- */

struct store_entry *index_find(const struct store *store, struct text key);

/* What a record says becomes true of its key. False: the index is full. */
bool index_apply(struct store *store, const struct record *record, uint32_t position);

/* ---- compaction.c ---- */

/*
 * Carries `record` out by moving to the other area: writes there what is live but for the record's key, then the
 * record, if it is a put. STORE_FULL: that would not fit; nothing has been done.
 */
enum store_status store_compact(struct store *store, const struct record *record);

#endif
