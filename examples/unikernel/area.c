/* SPDX-License-Identifier: MIT */
#include "store_internal.h"

static void clear_buffer(struct store *store, uint32_t sectors)
{
    uint8_t *buffer = store_buffer(store);

    for (size_t i = 0; i < (size_t)sectors * FORMAT_SECTOR; i++) {
        buffer[i] = 0;
    }
}

enum vpt_status area_read(struct store *store, uint32_t position, struct record *record, bool *found)
{
    uint32_t left = store->header.area_sectors - position;
    uint32_t sectors = left < FORMAT_RECORD_MAX ? left : FORMAT_RECORD_MAX;
    enum vpt_status status = storage_read(store->storage, store_area_sector(&store->header) + position, sectors);

    *found = status == VPT_OK && record_decode(record, store_buffer(store), (size_t)sectors * FORMAT_SECTOR);
    return status;
}

enum vpt_status area_write(struct store *store, const struct header *header, uint32_t position,
                           const struct record *record)
{
    uint32_t sectors = record_sectors(record->key.size, record->value.size, header->unit);

    record_encode(record, store_buffer(store), sectors);
    return storage_write(store->storage, store_area_sector(header) + position, sectors);
}

enum vpt_status area_erase(struct store *store, const struct header *header, uint32_t position)
{
    enum vpt_status status = VPT_OK;

    clear_buffer(store, STORAGE_BUFFER_SECTORS);
    while (status == VPT_OK && position < header->area_sectors) {
        uint32_t left = header->area_sectors - position;
        uint32_t sectors = left < STORAGE_BUFFER_SECTORS ? left : STORAGE_BUFFER_SECTORS;

        status = storage_write(store->storage, store_area_sector(header) + position, sectors);
        position += sectors;
    }
    return status;
}

static enum vpt_status write_durably(struct store *store, uint64_t sector)
{
    enum vpt_status status = storage_write(store->storage, sector, FORMAT_HEADER_SECTORS);

    return status == VPT_OK ? storage_flush(store->storage) : status;
}

enum vpt_status area_write_header(struct store *store, const struct header *header)
{
    clear_buffer(store, FORMAT_HEADER_SECTORS);
    header_encode(header, store_buffer(store));
    return write_durably(store, store_header_sector(header->generation));
}

enum vpt_status area_retire_header(struct store *store, uint64_t generation)
{
    clear_buffer(store, FORMAT_HEADER_SECTORS);
    return write_durably(store, store_header_sector(generation));
}
