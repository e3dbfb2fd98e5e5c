/* SPDX-License-Identifier: MIT */
#include "embedding_device.h"

#define VERSION_1     0x1u /* in features word 1; plain memory gives it for word 0 too */
#define EVENT_IDX     0x20000000u
#define QUEUE_MAXIMUM 256u
#define DESC_NEXT     1u
#define DESC_WRITE    2u
#define DESC_INDIRECT 4u
#define SEGMENTS_MAX  64u
#define REQUEST_READ  0u
#define REQUEST_WRITE 1u
#define HEADER_SIZE   16u

enum {
    MAGIC = 0x00,
    VERSION = 0x04,
    DEVICE_ID = 0x08,
    FEATURES = 0x10,
    QUEUE_MAX = 0x34,
    QUEUE_SIZE = 0x38,
    QUEUE_DESC = 0x80,
    QUEUE_DRIVER = 0x90,
    QUEUE_DEVICE = 0xa0,
    CONFIG = 0x100,
    CONFIG_SEG_MAX = 0x10c
};

struct segment {
    unsigned char *bytes;
    uint32_t length;
    bool writable;
};

/* Little-endian numbers, byte by byte, for any byte order and alignment. */
static uint64_t get(const volatile unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i > 0; i--) {
        value = value << 8 | at[i - 1u];
    }
    return value;
}

static void put(volatile unsigned char *at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(value >> (8u * i));
    }
}

static unsigned char *area(const struct stub_device *device, unsigned offset)
{
    return (unsigned char *)(uintptr_t)get(device->registers + offset, 8);
}

void stub_device_plug(struct stub_device *device, uint32_t features)
{
    for (unsigned i = 0; i < STUB_SLOT_SIZE; i++) {
        device->registers[i] = 0;
    }
    for (unsigned i = 0; i < sizeof(device->disk); i++) {
        device->disk[i] = (unsigned char)(i / STUB_SECTOR);
    }
    device->taken = 0;
    device->served = 0;
    device->errors = 0;
    put(device->registers + MAGIC, 4, 0x74726976);
    put(device->registers + VERSION, 4, 2);
    put(device->registers + DEVICE_ID, 4, 2);
    put(device->registers + FEATURES, 4, features | VERSION_1);
    put(device->registers + QUEUE_MAX, 4, QUEUE_MAXIMUM);
    put(device->registers + CONFIG, 8, STUB_DISK_SECTORS);
    put(device->registers + CONFIG_SEG_MAX, 4, SEGMENTS_MAX - 2u);
}

/* ---- Requests ---- */

static unsigned gather(const unsigned char *table, uint64_t index, struct segment *segments)
{
    for (unsigned count = 0; count < SEGMENTS_MAX;) {
        const unsigned char *descriptor = table + 16u * index;
        uint64_t flags = get(descriptor + 12, 2);

        if ((flags & DESC_INDIRECT) != 0) {
            table = (const unsigned char *)(uintptr_t)get(descriptor, 8);
            index = 0;
            continue;
        }
        segments[count].bytes = (unsigned char *)(uintptr_t)get(descriptor, 8);
        segments[count].length = (uint32_t)get(descriptor + 8, 4);
        segments[count].writable = (flags & DESC_WRITE) != 0;
        count++;
        if ((flags & DESC_NEXT) == 0) {
            return count;
        }
        index = get(descriptor + 14, 2);
    }
    return 0;
}

/* Copies one data segment from or to the disk; false: wrong direction, or out of range. */
static bool transfer(struct stub_device *device, const struct segment *segment, bool read, uint64_t offset)
{
    if (segment->writable != read || offset > sizeof(device->disk) || segment->length > sizeof(device->disk) - offset) {
        return false;
    }
    for (uint32_t i = 0; i < segment->length; i++) {
        if (read) {
            segment->bytes[i] = device->disk[offset + i];
        } else {
            device->disk[offset + i] = segment->bytes[i];
        }
    }
    return true;
}

/* Executes a chain of header, data and status. Returns the bytes written. */
static uint32_t carry_out(struct stub_device *device, const struct segment *segments, unsigned count)
{
    bool good = count >= 3 && segments[0].length == HEADER_SIZE && segments[count - 1u].length == 1 &&
                segments[count - 1u].writable;
    uint64_t type = good ? get(segments[0].bytes, 4) : 0;
    uint64_t offset = good ? get(segments[0].bytes + 8, 8) * STUB_SECTOR : 0;
    uint32_t written = 1;

    good = good && (type == REQUEST_READ || type == REQUEST_WRITE);
    for (unsigned i = 1; good && i + 1u < count; i++) {
        good = transfer(device, &segments[i], type == REQUEST_READ, offset);
        offset += segments[i].length;
        written += type == REQUEST_READ ? segments[i].length : 0;
    }
    device->served++;
    if (!good) {
        device->errors++;
        return 0;
    }
    put(segments[count - 1u].bytes, 1, 0);
    return written;
}

void stub_device_serve(struct stub_device *device)
{
    unsigned char *available = area(device, QUEUE_DRIVER);
    unsigned char *used = area(device, QUEUE_DEVICE);
    uint64_t size = get(device->registers + QUEUE_SIZE, 4);
    struct segment segments[SEGMENTS_MAX];

    while ((uint16_t)get(available + 2, 2) != device->taken) {
        uint64_t place = device->taken % size;
        uint64_t head = get(available + 4u + 2u * place, 2);
        unsigned count = gather(area(device, QUEUE_DESC), head, segments);

        put(used + 4u + 8u * place, 4, head);
        put(used + 8u + 8u * place, 4, carry_out(device, segments, count));
        device->taken++;
        put(used + 2, 2, device->taken);
    }
    if ((get(device->registers + FEATURES, 4) & EVENT_IDX) != 0) {
        put(used + 4u + 8u * size, 2, device->taken);
    }
}
