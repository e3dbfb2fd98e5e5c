/* SPDX-License-Identifier: MIT */
/*
 * Compaction. The other area is complete and durable before its header is written, and that header is durable before
 * the old one is erased: at any moment at least one header leads to all data that has been answered with "ok".
 */
#include "store_internal.h"

/* The area that is being filled. */
struct target {
    struct header header;
    uint32_t end;
    uint64_t sequence;
};

static struct text key_of(const struct store_entry *entry)
{
    return (struct text){ entry->key, entry->key_size };
}

/* Whether the entry stays: an entry with the record's key does not. */
static bool lives(const struct store_entry *entry, const struct record *record)
{
    return !text_equal(key_of(entry), record->key);
}

static uint32_t sectors_of(const struct store_entry *entry, uint32_t unit)
{
    return record_sectors(entry->key_size, entry->value_size, unit);
}

static bool fits(const struct store *store, const struct record *record)
{
    uint32_t unit = store->header.unit;
    uint32_t sectors = 0;

    for (uint32_t i = 0; i < store->count; i++) {
        sectors += lives(&store->entries[i], record) ? sectors_of(&store->entries[i], unit) : 0;
    }
    if (record->type == RECORD_PUT) {
        sectors += record_sectors(record->key.size, record->value.size, unit);
    }
    return sectors <= store->header.area_sectors;
}

/* STORE_DAMAGED: the record on the disk is not the one in the index. */
static enum store_status copy(struct store *store, struct target *target, const struct store_entry *entry)
{
    uint32_t sectors = sectors_of(entry, target->header.unit);
    struct record record;
    bool found;
    enum vpt_status status = area_read(store, entry->position, &record, &found);

    if (status == VPT_OK) {
        if (!found || !text_equal(record.key, key_of(entry)) || record.value.size != entry->value_size) {
            return STORE_DAMAGED;
        }
        record_renumber(store_buffer(store), target->sequence);
        status = storage_write(store->storage, store_area_sector(&target->header) + target->end, sectors);
    }
    if (status != VPT_OK) {
        return store_failed(store, status);
    }
    target->end += sectors;
    target->sequence++;
    return STORE_OK;
}

static enum vpt_status add(struct store *store, struct target *target, const struct record *record)
{
    const struct record numbered = { record->type, target->sequence, record->key, record->value };
    enum vpt_status status = area_write(store, &target->header, target->end, &numbered);

    target->end += record_sectors(record->key.size, record->value.size, target->header.unit);
    target->sequence++;
    return status;
}

/*
 * Writes the entries that stay and the record, and zeroes the rest of the area, so that no record of an earlier use
 * follows.
 */
static enum store_status fill(struct store *store, struct target *target, const struct record *record)
{
    enum vpt_status status = VPT_OK;

    for (uint32_t i = 0; i < store->count; i++) {
        if (lives(&store->entries[i], record)) {
            enum store_status result = copy(store, target, &store->entries[i]);

            if (result != STORE_OK) {
                return result;
            }
        }
    }
    if (record->type == RECORD_PUT) {
        status = add(store, target, record);
    }
    if (status == VPT_OK) {
        status = area_erase(store, &target->header, target->end);
    }
    if (status == VPT_OK) {
        status = storage_flush(store->storage);
    }
    return status == VPT_OK ? STORE_OK : store_failed(store, status);
}

/* Updates the index after the move: entries were copied in its order. */
static void settle_index(struct store *store, const struct target *target, const struct record *record)
{
    uint32_t position = 0;

    for (uint32_t i = 0; i < store->count; i++) {
        if (lives(&store->entries[i], record)) {
            store->entries[i].position = position;
            position += sectors_of(&store->entries[i], target->header.unit);
        }
    }
    (void)index_apply(store, record, position);
}

enum store_status store_compact(struct store *store, const struct record *record)
{
    struct target target = { .header = store->header, .sequence = store->sequence };
    enum store_status result = fits(store, record) ? STORE_OK : STORE_FULL;
    enum vpt_status status;

    target.header.generation++;
    target.header.first_sequence = target.sequence;
    if (result == STORE_OK) {
        result = fill(store, &target, record);
    }
    if (result != STORE_OK) {
        return result;
    }
    /* The new header makes the other area, with the record, the valid one. */
    status = area_write_header(store, &target.header);
    if (status == VPT_OK) {
        status = area_retire_header(store, store->header.generation);
    }
    if (status != VPT_OK) {
        return store_failed(store, status);
    }
    settle_index(store, &target, record);
    store->header = target.header;
    store->end = target.end;
    store->sequence = target.sequence;
    return STORE_OK;
}
