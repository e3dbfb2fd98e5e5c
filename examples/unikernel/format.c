/* SPDX-License-Identifier: MIT */
#include "format.h"

#include "crc32.h"

/* Offsets in a header, in bytes. The checksum covers all other fields. */
#define HEADER_MAGIC        0u
#define HEADER_VERSION      8u
#define HEADER_AREA_SECTORS 12u
#define HEADER_UNIT         16u
#define HEADER_GENERATION   24u
#define HEADER_SEQUENCE     32u
#define HEADER_CRC          40u
#define HEADER_SIZE         44u

#define HEADER_MAGIC_VALUE   0x65726f7473747076u /* "vptstore" */
#define HEADER_VERSION_VALUE 1u

/* Offsets in a record. No key or value can hold the first byte, so no value looks like a record. */
#define RECORD_MAGIC      0u
#define RECORD_CRC        4u
#define RECORD_SEQUENCE   8u /* the checksum covers the bytes from here on */
#define RECORD_TYPE       16u
#define RECORD_KEY_SIZE   17u
#define RECORD_VALUE_SIZE 18u
#define RECORD_TEXTS      20u /* the key, then the value */

#define RECORD_MAGIC_VALUE 0x636552ffu

static uint64_t load(const uint8_t *bytes, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = width; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void store(uint8_t *bytes, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> 8u * i);
    }
}

static void clear(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = 0;
    }
}

/* ---- Headers ---- */

void header_encode(const struct header *header, uint8_t *sector)
{
    clear(sector, FORMAT_SECTOR);
    store(sector + HEADER_MAGIC, 8, HEADER_MAGIC_VALUE);
    store(sector + HEADER_VERSION, 4, HEADER_VERSION_VALUE);
    store(sector + HEADER_AREA_SECTORS, 4, header->area_sectors);
    store(sector + HEADER_UNIT, 4, header->unit);
    store(sector + HEADER_GENERATION, 8, header->generation);
    store(sector + HEADER_SEQUENCE, 8, header->first_sequence);
    store(sector + HEADER_CRC, 4, store_crc32(sector, HEADER_CRC));
}

static bool header_sane(const struct header *header, unsigned slot)
{
    uint32_t unit = header->unit;

    return (header->generation & 1u) == slot && unit >= 1u && unit <= FORMAT_UNIT_MAX && (unit & (unit - 1u)) == 0 &&
           header->area_sectors >= FORMAT_AREA_MIN && header->area_sectors <= FORMAT_AREA_MAX &&
           header->area_sectors % unit == 0;
}

enum header_state header_decode(struct header *header, const uint8_t *sector, unsigned slot)
{
    bool blank = true;

    for (size_t i = 0; i < FORMAT_SECTOR; i++) {
        blank = blank && sector[i] == 0;
    }
    if (blank) {
        return HEADER_BLANK;
    }
    if (load(sector + HEADER_MAGIC, 8) != HEADER_MAGIC_VALUE ||
        load(sector + HEADER_VERSION, 4) != HEADER_VERSION_VALUE ||
        load(sector + HEADER_CRC, 4) != store_crc32(sector, HEADER_CRC)) {
        return HEADER_BROKEN;
    }
    header->area_sectors = (uint32_t)load(sector + HEADER_AREA_SECTORS, 4);
    header->unit = (uint32_t)load(sector + HEADER_UNIT, 4);
    header->generation = load(sector + HEADER_GENERATION, 8);
    header->first_sequence = load(sector + HEADER_SEQUENCE, 8);
    return header_sane(header, slot) ? HEADER_VALID : HEADER_BROKEN;
}

/* ---- Records ---- */

uint32_t record_sectors(size_t key_size, size_t value_size, uint32_t unit)
{
    uint32_t sectors = (uint32_t)((RECORD_TEXTS + key_size + value_size + FORMAT_SECTOR - 1u) / FORMAT_SECTOR);

    return (sectors + unit - 1u) / unit * unit;
}

static size_t record_size(const uint8_t *bytes)
{
    return RECORD_TEXTS + (size_t)bytes[RECORD_KEY_SIZE] + (size_t)load(bytes + RECORD_VALUE_SIZE, 2);
}

static void seal(uint8_t *bytes)
{
    store(bytes + RECORD_CRC, 4, store_crc32(bytes + RECORD_SEQUENCE, record_size(bytes) - RECORD_SEQUENCE));
}

static void put_text(uint8_t *bytes, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        bytes[i] = (uint8_t)text.bytes[i];
    }
}

void record_encode(const struct record *record, uint8_t *bytes, uint32_t sectors)
{
    clear(bytes, (size_t)sectors * FORMAT_SECTOR);
    store(bytes + RECORD_MAGIC, 4, RECORD_MAGIC_VALUE);
    store(bytes + RECORD_SEQUENCE, 8, record->sequence);
    store(bytes + RECORD_TYPE, 1, record->type);
    store(bytes + RECORD_KEY_SIZE, 1, record->key.size);
    store(bytes + RECORD_VALUE_SIZE, 2, record->value.size);
    put_text(bytes + RECORD_TEXTS, record->key);
    put_text(bytes + RECORD_TEXTS + record->key.size, record->value);
    seal(bytes);
}

void record_renumber(uint8_t *bytes, uint64_t sequence)
{
    store(bytes + RECORD_SEQUENCE, 8, sequence);
    seal(bytes);
}

static bool record_sane(const struct record *record)
{
    return record->key.size >= 1u && record->key.size <= FORMAT_KEY_MAX && record->value.size <= FORMAT_VALUE_MAX &&
           (record->type == RECORD_PUT || (record->type == RECORD_DELETE && record->value.size == 0));
}

bool record_decode(struct record *record, const uint8_t *bytes, size_t size)
{
    size_t whole;

    if (size < RECORD_TEXTS || load(bytes + RECORD_MAGIC, 4) != RECORD_MAGIC_VALUE) {
        return false;
    }
    whole = record_size(bytes);
    if (whole > size || load(bytes + RECORD_CRC, 4) != store_crc32(bytes + RECORD_SEQUENCE, whole - RECORD_SEQUENCE)) {
        return false;
    }
    record->type = (enum record_type)bytes[RECORD_TYPE];
    record->sequence = load(bytes + RECORD_SEQUENCE, 8);
    record->key = (struct text){ (const char *)bytes + RECORD_TEXTS, bytes[RECORD_KEY_SIZE] };
    record->value = (struct text){ record->key.bytes + record->key.size, whole - RECORD_TEXTS - record->key.size };
    return record_sane(record);
}
