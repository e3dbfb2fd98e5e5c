/* SPDX-License-Identifier: MIT */
#include "store_internal.h"

enum store_status store_failed(struct store *store, enum vpt_status cause)
{
    store->open = false;
    store->cause = cause;
    storage_down(store->storage);
    return STORE_DISK;
}

/* ---- Opening ---- */

/* Computes the area's size and unit for this disk; false if the disk cannot be used. */
static bool plan(const struct vpt_blk_info *info, struct header *header)
{
    uint64_t block = (uint64_t)info->block_size << info->physical_block_exponent;
    uint64_t room = info->capacity < FORMAT_AREAS_FIRST ? 0 : (info->capacity - FORMAT_AREAS_FIRST) / 2u;

    if (block > FORMAT_UNIT_MAX * FORMAT_SECTOR || info->alignment_offset != 0 || info->read_only) {
        return false;
    }
    room = room < FORMAT_AREA_MAX ? room : FORMAT_AREA_MAX;
    header->unit = (uint32_t)block / FORMAT_SECTOR;
    header->area_sectors = (uint32_t)room - (uint32_t)room % header->unit;
    return header->area_sectors >= FORMAT_AREA_MIN;
}

/*
 * Finds the valid header with the higher generation; *other is the state of the other slot. STORE_MISSING: both are
 * blank.
 */
static enum store_status find_header(struct store *store, enum header_state *other)
{
    enum header_state states[2];
    struct header headers[2];
    unsigned which;

    for (unsigned slot = 0; slot < 2u; slot++) {
        enum vpt_status status = storage_read(store->storage, store_header_sector(slot), FORMAT_HEADER_SECTORS);

        if (status != VPT_OK) {
            return store_failed(store, status);
        }
        states[slot] = header_decode(&headers[slot], store_buffer(store), slot);
    }
    if (states[0] != HEADER_VALID && states[1] != HEADER_VALID) {
        return states[0] == HEADER_BLANK && states[1] == HEADER_BLANK ? STORE_MISSING : STORE_NONE;
    }
    which = states[0] != HEADER_VALID || (states[1] == HEADER_VALID && headers[1].generation > headers[0].generation)
                ? 1u
                : 0u;
    store->header = headers[which];
    *other = states[1u - which];
    return STORE_OK;
}

/* Whether the disk still fits the store's header. */
static bool suitable(const struct store *store, const struct header *planned)
{
    const struct header *header = &store->header;

    return header->unit >= planned->unit && header->area_sectors <= planned->area_sectors;
}

/*
 * Each record was durable before the next was written. So after the end of the log there may be a torn write, but no
 * whole record: a whole record there means that the end is damage.
 */
static enum store_status look_beyond(struct store *store)
{
    uint32_t area_sectors = store->header.area_sectors;

    for (uint32_t position = store->end; position < area_sectors;) {
        uint32_t left = area_sectors - position;
        uint32_t sectors = left < STORAGE_BUFFER_SECTORS ? left : STORAGE_BUFFER_SECTORS;
        uint32_t starts = left == sectors ? sectors : sectors - FORMAT_RECORD_MAX; /* of whole records */
        enum vpt_status status = storage_read(store->storage, store_area_sector(&store->header) + position, sectors);

        if (status != VPT_OK) {
            return store_failed(store, status);
        }
        for (uint32_t i = 0; i < starts; i += store->header.unit) {
            struct record record;

            if (record_decode(&record, store_buffer(store) + i * FORMAT_SECTOR, (sectors - i) * FORMAT_SECTOR)) {
                return STORE_DAMAGED;
            }
        }
        position += starts;
    }
    return STORE_OK;
}

/* Applies records up to the first position without a valid one. There the log ends, perhaps with a torn write. */
static enum store_status replay(struct store *store)
{
    const struct header *header = &store->header;

    store->count = 0;
    store->end = 0;
    store->sequence = header->first_sequence;
    store->recovered = 0;
    store->torn = false;
    while (store->end < header->area_sectors) {
        struct record record;
        bool found;
        enum vpt_status status = area_read(store, store->end, &record, &found);

        if (status != VPT_OK) {
            return store_failed(store, status);
        }
        if (!found || record.sequence != store->sequence) {
            struct header unused;

            store->torn = header_decode(&unused, store_buffer(store), 0) != HEADER_BLANK;
            return STORE_OK;
        }
        if (!index_apply(store, &record, store->end)) {
            return STORE_TOO_MANY_KEYS;
        }
        store->end += record_sectors(record.key.size, record.value.size, header->unit);
        store->sequence++;
        store->recovered++;
    }
    return STORE_OK;
}

/*
 * The last record may be neither answered nor durable. It will now be read, so make it durable. Erase the header of an
 * older state, which must not become valid when this one can no longer be read.
 */
static enum store_status settle(struct store *store, enum header_state other)
{
    enum vpt_status status = storage_flush(store->storage);

    if (status == VPT_OK && other != HEADER_BLANK) {
        status = area_retire_header(store, store->header.generation + 1u);
    }
    if (status != VPT_OK) {
        return store_failed(store, status);
    }
    store->open = true;
    return STORE_OK;
}

static enum store_status make(struct store *store, const struct header *planned)
{
    enum header_state other = HEADER_BROKEN;
    enum vpt_status status;

    store->header = *planned;
    store->header.generation = 2;
    store->header.first_sequence = 1;
    status = area_erase(store, &store->header, 0);
    if (status == VPT_OK) {
        status = area_retire_header(store, store->header.generation + 1u);
    }
    if (status == VPT_OK) {
        status = area_write_header(store, &store->header);
    }
    return status == VPT_OK ? find_header(store, &other) : store_failed(store, status);
}

/* Brings the disk up, and checks its size and blocks. */
static enum store_status examine(struct store *store, struct header *planned)
{
    enum vpt_status status = storage_up(store->storage);

    if (status != VPT_OK) {
        return store_failed(store, status);
    }
    return plan(&store->storage->blk.info, planned) ? STORE_OK : STORE_UNFIT;
}

enum store_status store_open(struct store *store)
{
    enum header_state other = HEADER_BLANK;
    struct header planned = { 0 };
    enum store_status result;

    if (store->open) {
        return STORE_OK;
    }
    result = examine(store, &planned);
    if (result == STORE_OK) {
        result = find_header(store, &other);
    }
    if (result == STORE_MISSING) {
        result = make(store, &planned);
    }
    if (result == STORE_OK && !suitable(store, &planned)) {
        result = STORE_UNFIT;
    }
    if (result == STORE_OK) {
        result = replay(store);
    }
    if (result == STORE_OK) {
        result = look_beyond(store);
    }
    return result == STORE_OK ? settle(store, other) : result;
}

enum store_status store_format(struct store *store)
{
    struct header planned = { 0 };
    enum store_status result = store_open(store);

    if (result != STORE_NONE && result != STORE_DAMAGED) {
        return result == STORE_OK ? STORE_THERE : result;
    }
    result = examine(store, &planned);
    if (result == STORE_OK) {
        result = make(store, &planned);
    }
    return result == STORE_OK ? store_open(store) : result;
}

/* ---- Use ---- */

/* Appends the record, or compacts with it. The sectors that are written hold nothing that was answered with "ok". */
static enum store_status carry_out(struct store *store, const struct record *record)
{
    uint32_t sectors = record_sectors(record->key.size, record->value.size, store->header.unit);
    enum vpt_status status;

    if (sectors > store->header.area_sectors - store->end) {
        return store_compact(store, record);
    }
    status = area_write(store, &store->header, store->end, record);
    if (status == VPT_OK) {
        status = storage_flush(store->storage);
    }
    if (status != VPT_OK) {
        return store_failed(store, status);
    }
    (void)index_apply(store, record, store->end);
    store->end += sectors;
    store->sequence++;
    return STORE_OK;
}

enum store_status store_put(struct store *store, struct text key, struct text value)
{
    enum store_status result = store_open(store);
    const struct record record = { RECORD_PUT, store->sequence, key, value };

    if (result != STORE_OK) {
        return result;
    }
    if (key.size == 0 || key.size > FORMAT_KEY_MAX || value.size > FORMAT_VALUE_MAX) {
        return STORE_TOO_LONG;
    }
    if (store->count == store->entries_max && index_find(store, key) == NULL) {
        return STORE_TOO_MANY_KEYS;
    }
    return carry_out(store, &record);
}

enum store_status store_delete(struct store *store, struct text key)
{
    static const struct text nothing;
    enum store_status result = store_open(store);
    const struct record record = { RECORD_DELETE, store->sequence, key, nothing };

    if (result != STORE_OK) {
        return result;
    }
    return index_find(store, key) != NULL ? carry_out(store, &record) : STORE_MISSING;
}

enum store_status store_get(struct store *store, struct text key, struct text *value)
{
    enum store_status result = store_open(store);
    const struct store_entry *entry = result == STORE_OK ? index_find(store, key) : NULL;
    enum vpt_status status;
    struct record record;
    bool found;

    if (entry == NULL) {
        return result == STORE_OK ? STORE_MISSING : result;
    }
    status = area_read(store, entry->position, &record, &found);
    if (status != VPT_OK) {
        return store_failed(store, status);
    }
    if (!found || !text_equal(record.key, key)) {
        return STORE_DAMAGED;
    }
    *value = record.value;
    return STORE_OK;
}
