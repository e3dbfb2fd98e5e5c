/* SPDX-License-Identifier: MIT */
#include "mock_blk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"

#define HEADER_SIZE 16u

#define RANGE_SIZE  16u
#define RANGE_UNMAP 1u

#define TYPE_IN           0u
#define TYPE_OUT          1u
#define TYPE_FLUSH        4u
#define TYPE_FLUSH_OUT    5u /* legacy */
#define TYPE_GET_ID       8u
#define TYPE_DISCARD      11u
#define TYPE_WRITE_ZEROES 13u
#define TYPE_SECURE_ERASE 14u

#define STATUS_OK     0u
#define STATUS_IOERR  1u
#define STATUS_UNSUPP 2u

#define F_SIZE_MAX     1u
#define F_SEG_MAX      2u
#define F_GEOMETRY     4u
#define F_RO           5u
#define F_BLK_SIZE     6u
#define F_FLUSH        9u
#define F_TOPOLOGY     10u
#define F_CONFIG_WCE   11u
#define F_MQ           12u
#define F_DISCARD      13u
#define F_WRITE_ZEROES 14u
#define F_SECURE_ERASE 16u
#define F_ZONED        17u

#define FIELD(constant, offset, width, feature, name) \
    { (name), (offset), (width), (feature), (offset) == MOCK_BLK_WRITEBACK },
static const struct mock_config_field fields[] = { MOCK_BLK_FIELDS(FIELD) };

/* A request being looked at. */
struct request {
    struct mock_blk *blk;
    struct mock_device *device;
    const struct mock_element *element;
    struct mock_blk_record *record;
    uint64_t out_bytes; /* data that the device reads ... */
    uint64_t in_bytes;  /* ... and room for data that it writes */
    uint32_t used;      /* bytes written from the beginning of the writable part on */
};

static bool require(const struct request *request, bool holds, const char *complaint)
{
    return mock_require(request->device->violations, holds,
                        "blk request %" PRIu64 " (type %" PRIu32 ", sector %" PRIu64 "): %s", request->blk->requests,
                        request->record->type, request->record->sector, complaint);
}

static bool has(const struct mock_device *device, unsigned feature)
{
    return vpt_features_has(&device->accepted, feature);
}

/* Without ANY_LAYOUT a legacy device expects header and status in descriptors of their own (LEG-BLKFRAME-1). */
static bool framed(const struct mock_device *device, const struct mock_element *element)
{
    const struct mock_segment *first = element->segments;
    const struct mock_segment *last = &first[element->readable + element->writable - 1u];

    return element->readable_bytes >= HEADER_SIZE && element->writable_bytes != 0 &&
           (!device->legacy || has(device, VPT_F_ANY_LAYOUT) || (first->length == HEADER_SIZE && last->length == 1));
}

/* Counts the segments that hold data, beside the bytes of the header and the status byte. */
static void check_limits(struct request *request)
{
    const struct mock_element *element = request->element;
    const struct mock_blk_options *options = &request->blk->options;
    uint32_t *segments = &request->record->segments;
    uint64_t header = HEADER_SIZE;

    for (uint32_t i = 0; i < element->readable + element->writable; i++) {
        uint64_t length = element->segments[i].length;
        uint64_t skipped = header < length ? header : length;

        header -= skipped;
        length -= skipped + (i + 1u == element->readable + element->writable ? 1u : 0u);
        *segments += length != 0 ? 1u : 0u;
        require(request, !has(request->device, F_SIZE_MAX) || length <= options->size_max, "a segment above size_max");
    }
    require(request, !has(request->device, F_SEG_MAX) || *segments <= options->seg_max, "more segments than seg_max");
}

static uint8_t status_of(bool success)
{
    return (uint8_t)(success ? STATUS_OK : STATUS_IOERR);
}

static bool within(uint64_t sector, uint64_t sectors, uint64_t capacity)
{
    return sectors <= capacity && sector <= capacity - sectors;
}

/*
 * A driver may go up to the largest capacity that it can have read. The device fails what is past the disk's end or,
 * after a resize, past the capacity.
 */
static bool sectors_valid(const struct request *request, uint64_t sector, uint64_t sectors)
{
    const struct mock_blk *blk = request->blk;

    return require(request, within(sector, sectors, blk->most_sectors), "past the capacity") &&
           within(sector, sectors, blk->options.capacity) &&
           within(sector, sectors, mock_config_get(&blk->device->config, MOCK_BLK_CAPACITY, 8));
}

static bool transfer_valid(const struct request *request, uint64_t bytes)
{
    return require(request, bytes != 0 && bytes % MOCK_BLK_SECTOR == 0, "no whole number of sectors") &&
           sectors_valid(request, request->record->sector, bytes / MOCK_BLK_SECTOR);
}

/* Whether writes go into a volatile cache (BLK-INIT-2, BLK-INIT-3). */
static bool caching(const struct mock_blk *blk)
{
    return has(blk->device, F_CONFIG_WCE) ? mock_config_get(&blk->device->config, MOCK_BLK_WRITEBACK, 1) != 0
                                          : has(blk->device, F_FLUSH);
}

static uint8_t handle_in(struct request *request)
{
    struct mock_blk *blk = request->blk;
    const uint8_t *from;

    require(request, request->out_bytes == 0, "data to be read by the device in a read");
    if (!transfer_valid(request, request->in_bytes)) {
        return STATUS_IOERR;
    }
    blk->reads++;
    if (mock_fault_fires(&request->device->faults, MOCK_FAULT_DATA_MISSING, NULL)) {
        return STATUS_OK;
    }
    from = blk->disk + request->record->sector * MOCK_BLK_SECTOR;
    request->used = (uint32_t)mock_element_write(request->device, request->element, 0, from, (size_t)request->in_bytes);
    return status_of(request->used == request->in_bytes);
}

static uint8_t handle_out(struct request *request)
{
    struct mock_blk *blk = request->blk;
    size_t done;
    uint8_t *to;

    require(request, request->in_bytes == 0, "data to be written by the device in a write");
    if (!transfer_valid(request, request->out_bytes) || blk->options.read_only) {
        return STATUS_IOERR;
    }
    blk->writes++;
    blk->unflushed += caching(blk) ? 1u : 0u;
    to = blk->disk + request->record->sector * MOCK_BLK_SECTOR;
    done = mock_element_read(request->device, request->element, HEADER_SIZE, to, (size_t)request->out_bytes);
    return status_of(done == request->out_bytes);
}

static uint8_t handle_flush(struct request *request)
{
    require(request, request->record->sector == 0 && request->in_bytes == 0 && request->out_bytes == 0,
            "a flush with a sector or data");
    if (!require(request, has(request->device, F_FLUSH), "a flush without the feature")) {
        return STATUS_UNSUPP;
    }
    request->blk->flushes++;
    request->blk->unflushed = 0;
    return STATUS_OK;
}

static uint8_t handle_get_id(struct request *request)
{
    const char *id = request->blk->options.id;
    char field[MOCK_BLK_ID_SIZE] = { 0 };

    if (!require(request, request->in_bytes == MOCK_BLK_ID_SIZE && request->out_bytes == 0,
                 "a get-id whose data is not 20 bytes")) {
        return STATUS_IOERR;
    }
    for (unsigned i = 0; i < MOCK_BLK_ID_SIZE && id[i] != '\0'; i++) {
        field[i] = id[i];
    }
    request->blk->get_ids++;
    request->used = (uint32_t)mock_element_write(request->device, request->element, 0, field, sizeof(field));
    return STATUS_OK;
}

/* An operation on ranges. */
struct range_operation {
    uint32_t type;
    unsigned feature;
    const struct mock_blk_limits *limits;
    bool unmap; /* whether that flag is known */
    uint8_t content;
    uint64_t *count; /* of sectors */
};

struct range {
    uint64_t sector;
    uint32_t sectors;
    uint32_t flags;
};

static struct range read_range(const struct request *request, uint64_t index)
{
    bool native = request->device->legacy;
    uint8_t bytes[RANGE_SIZE];

    (void)mock_element_read(request->device, request->element, HEADER_SIZE + (size_t)index * RANGE_SIZE, bytes,
                            sizeof(bytes));
    return (struct range){ mock_load(bytes, 8, native), (uint32_t)mock_load(bytes + 8, 4, native),
                           (uint32_t)mock_load(bytes + 12, 4, native) };
}

static uint8_t check_range(struct request *request, const struct range_operation *operation, const struct range *range)
{
    struct mock_blk *blk = request->blk;
    uint32_t alignment = operation->limits->alignment;
    uint64_t end = range->sector + range->sectors;
    bool unmap = (range->flags & RANGE_UNMAP) != 0;

    if (!require(request, (range->flags & ~RANGE_UNMAP) == 0, "an unknown flag") ||
        !require(request, !unmap || operation->unmap, "unmap is not for this operation")) {
        return STATUS_UNSUPP;
    }
    require(request, !unmap || blk->options.write_zeroes_unmap, "unmap, which the device may not do");
    if (!require(request, range->sectors != 0, "an empty range") ||
        !require(request, range->sectors <= operation->limits->sectors, "a range of too many sectors") ||
        !sectors_valid(request, range->sector, range->sectors)) {
        return STATUS_IOERR;
    }
    if (alignment > 1 &&
        (range->sector % alignment != 0 ||
         (end % alignment != 0 && end != mock_config_get(&blk->device->config, MOCK_BLK_CAPACITY, 8)))) {
        blk->unaligned++;
    }
    return STATUS_OK;
}

static bool check_range_request(struct request *request, const struct range_operation *operation)
{
    if (!require(request, has(request->device, operation->feature), "an operation without its feature")) {
        return false;
    }
    require(request, request->in_bytes == 0 && request->record->sector == 0,
            "ranges with a sector, or with data to be written by the device");
    return require(request, request->out_bytes != 0 && request->out_bytes % RANGE_SIZE == 0,
                   "no whole number of ranges") &&
           require(request, request->out_bytes / RANGE_SIZE <= operation->limits->ranges, "too many ranges");
}

/* All ranges are checked before any is carried out: one that is wrong fails the request. */
static uint8_t handle_ranges(struct request *request, const struct range_operation *operation)
{
    struct mock_blk *blk = request->blk;
    uint64_t count = request->out_bytes / RANGE_SIZE;
    uint8_t status = STATUS_OK;

    if (!check_range_request(request, operation)) {
        return STATUS_UNSUPP;
    }
    request->record->ranges = (uint32_t)count;
    for (uint64_t i = 0; i < count && status == STATUS_OK; i++) {
        struct range range = read_range(request, i);

        if (i == 0) {
            request->record->range_sector = range.sector;
            request->record->range_sectors = range.sectors;
            request->record->unmap = (range.flags & RANGE_UNMAP) != 0;
        }
        status = check_range(request, operation, &range);
    }
    if (status != STATUS_OK || blk->options.read_only) {
        return status != STATUS_OK ? status : STATUS_IOERR;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct range range = read_range(request, i);

        memset(blk->disk + range.sector * MOCK_BLK_SECTOR, operation->content, (size_t)range.sectors * MOCK_BLK_SECTOR);
        *operation->count += range.sectors;
        blk->unmapped += (range.flags & RANGE_UNMAP) != 0 ? range.sectors : 0u;
    }
    blk->unflushed += caching(blk) ? 1u : 0u;
    return STATUS_OK;
}

static uint8_t handle_range_type(struct request *request)
{
    struct mock_blk *blk = request->blk;
    const struct mock_blk_options *options = &blk->options;
    const struct range_operation operations[] = {
        { TYPE_DISCARD, F_DISCARD, &options->discard, false, MOCK_BLK_DISCARDED, &blk->discarded },
        { TYPE_WRITE_ZEROES, F_WRITE_ZEROES, &options->write_zeroes, true, 0, &blk->zeroed },
        { TYPE_SECURE_ERASE, F_SECURE_ERASE, &options->secure_erase, false, MOCK_BLK_ERASED, &blk->erased },
    };
    unsigned i = 0;

    while (operations[i].type != request->record->type) {
        i++;
    }
    return handle_ranges(request, &operations[i]);
}

static uint8_t carry_out(struct request *request)
{
    struct mock_faults *faults = &request->device->faults;
    uint64_t most = 0;

    if (mock_fault_fires(faults, MOCK_FAULT_SEGMENTS, &most) && request->record->segments > most) {
        return STATUS_IOERR;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_IO_ERROR, NULL)) {
        return STATUS_IOERR;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_UNSUPPORTED, NULL)) {
        return STATUS_UNSUPP;
    }
    switch (request->record->type) {
    case TYPE_IN: return handle_in(request);
    case TYPE_OUT: return handle_out(request);
    case TYPE_FLUSH: return handle_flush(request);
    case TYPE_FLUSH_OUT: return request->device->legacy ? handle_flush(request) : (uint8_t)STATUS_UNSUPP;
    case TYPE_GET_ID: return handle_get_id(request);
    case TYPE_DISCARD:
    case TYPE_WRITE_ZEROES:
    case TYPE_SECURE_ERASE: return handle_range_type(request);
    default: return STATUS_UNSUPP;
    }
}

/* The status byte is the last one of the writable part. */
static void answer(struct request *request, uint8_t status)
{
    struct mock_faults *faults = &request->device->faults;
    uint64_t argument = 0;

    request->blk->failures += status != STATUS_OK ? 1u : 0u;
    if (mock_fault_fires(faults, MOCK_FAULT_STATUS_MISSING, NULL)) {
        return;
    }
    if (mock_fault_fires(faults, MOCK_FAULT_STATUS_UNKNOWN, &argument)) {
        status = argument != 0 ? (uint8_t)argument : 0x7f;
    }
    request->record->status = status;
    if (mock_element_write(request->device, request->element, request->in_bytes, &status, 1) == 1 &&
        request->used == request->in_bytes) {
        request->used++;
    }
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_blk *blk = backend;
    struct request request = { .blk = blk, .device = blk->device, .element = element };
    uint8_t header[HEADER_SIZE];

    request.record = &blk->log[blk->requests % MOCK_BLK_LOG];
    *request.record = (struct mock_blk_record){ .status = 0xff, .queue = queue->index, .indirect = element->indirect };
    if (!require(&request,
                 framed(blk->device, element) &&
                     mock_element_read(blk->device, element, 0, header, sizeof(header)) == sizeof(header),
                 "not framed as a request")) {
        mock_device_needs_reset(blk->device);
        blk->requests++;
        return 0;
    }
    request.out_bytes = element->readable_bytes - HEADER_SIZE;
    request.in_bytes = element->writable_bytes - 1u;
    request.record->type = (uint32_t)mock_load(header, 4, blk->device->legacy);
    request.record->sector = mock_load(header + 8, 8, blk->device->legacy);
    request.record->bytes = request.out_bytes + request.in_bytes;
    require(&request, mock_load(header + 4, 4, false) == 0, "the reserved field is not 0");
    require(&request, mock_config_get(&blk->device->config, MOCK_BLK_WRITEBACK, 1) <= 1,
            "writeback is neither 0 nor 1");
    check_limits(&request);
    answer(&request, carry_out(&request));
    blk->requests++;
    return request.used;
}

static void offer(struct mock_device *device, unsigned feature, bool offered)
{
    if (offered) {
        vpt_features_add(&device->offered, feature);
    }
}

/* A field that is 0 is not offered. */
static void offer_field(struct mock_device *device, unsigned feature, unsigned offset, unsigned width, uint32_t value)
{
    mock_config_set(&device->config, offset, width, value);
    offer(device, feature, value != 0);
}

static void offer_operation(struct mock_device *device, unsigned feature, unsigned offset,
                            const struct mock_blk_limits *limits)
{
    offer_field(device, feature, offset + MOCK_BLK_RANGE_SECTORS, 4, limits->sectors);
    mock_config_set(&device->config, offset + MOCK_BLK_RANGE_COUNT, 4, limits->ranges);
}

static void offer_all(struct mock_device *device, const struct mock_blk_options *options)
{
    struct mock_config *config = &device->config;

    mock_config_init(config, fields, sizeof(fields) / sizeof(fields[0]), device->legacy);
    mock_config_set(config, MOCK_BLK_CAPACITY, 8, options->capacity);
    offer_field(device, F_SIZE_MAX, MOCK_BLK_SIZE_MAX, 4, options->size_max);
    offer_field(device, F_SEG_MAX, MOCK_BLK_SEG_MAX, 4, options->seg_max);
    offer_field(device, F_GEOMETRY, MOCK_BLK_CYLINDERS, 2, options->cylinders);
    mock_config_set(config, MOCK_BLK_HEADS, 1, options->heads);
    mock_config_set(config, MOCK_BLK_SECTORS, 1, options->sectors);
    offer_field(device, F_BLK_SIZE, MOCK_BLK_BLK_SIZE, 4, options->block_size);
    offer(device, F_TOPOLOGY, options->topology);
    mock_config_set(config, MOCK_BLK_PHYSICAL_EXPONENT, 1, options->physical_exponent);
    mock_config_set(config, MOCK_BLK_ALIGNMENT_OFFSET, 1, options->alignment_offset);
    mock_config_set(config, MOCK_BLK_MIN_IO_SIZE, 2, options->min_io_size);
    mock_config_set(config, MOCK_BLK_OPT_IO_SIZE, 4, options->opt_io_size);
    offer(device, F_RO, options->read_only);
    offer(device, F_FLUSH, options->flush);
    offer(device, F_CONFIG_WCE, options->cache_switch);
    mock_config_set(config, MOCK_BLK_WRITEBACK, 1, options->write_back ? 1 : 0);
    offer(device, F_MQ, options->multi_queue);
    mock_config_set(config, MOCK_BLK_NUM_QUEUES, 2, device->queue_count);
    offer_operation(device, F_DISCARD, MOCK_BLK_DISCARD, &options->discard);
    mock_config_set(config, MOCK_BLK_DISCARD + MOCK_BLK_RANGE_ALIGNMENT, 4, options->discard.alignment);
    offer_operation(device, F_WRITE_ZEROES, MOCK_BLK_WRITE_ZEROES, &options->write_zeroes);
    mock_config_set(config, MOCK_BLK_WRITE_ZEROES + MOCK_BLK_RANGE_ALIGNMENT, 1, options->write_zeroes_unmap ? 1 : 0);
    offer_operation(device, F_SECURE_ERASE, MOCK_BLK_SECURE_ERASE, &options->secure_erase);
    mock_config_set(config, MOCK_BLK_SECURE_ERASE + MOCK_BLK_RANGE_ALIGNMENT, 4, options->secure_erase.alignment);
    offer(device, F_ZONED, options->zoned);
    mock_config_set(config, MOCK_BLK_ZONE_MODEL, 1, options->zone_model);
    memset(config->changed, 0, sizeof(config->changed));
}

/* `writeback` counts as changed until the driver has read it. */
static void reset(void *backend)
{
    struct mock_blk *blk = backend;

    blk->device->config.changed[MOCK_BLK_WRITEBACK] = blk->options.cache_switch && !blk->device->legacy;
}

/*
 * Called at FEATURES_OK, or by a legacy interface at DRIVER_OK. A legacy driver may read `writeback` at any time
 * (LEG-BLKINIT-2), and what it accepts does not change the cache mode (LEG-BLKINIT-3, LEG-BLKINIT-4).
 */
static bool features_valid(void *backend, const struct vpt_features *accepted)
{
    struct mock_blk *blk = backend;
    struct mock_config *config = &blk->device->config;

    if (blk->device->legacy) {
        return true;
    }
    mock_require(blk->device->violations, !blk->options.cache_switch || config->changed[MOCK_BLK_WRITEBACK],
                 "writeback read before FEATURES_OK");
    config->changed[MOCK_BLK_WRITEBACK] = false;
    if (vpt_features_has(accepted, F_CONFIG_WCE) && !vpt_features_has(accepted, F_FLUSH)) {
        mock_config_set(config, MOCK_BLK_WRITEBACK, 1, 0);
    }
    return true;
}

/* Both halves of each capacity are equal, so a value that was read while it changed has halves that differ. */
static void change_configuration(void *backend)
{
    struct mock_blk *blk = backend;
    uint64_t n = ++blk->changes;

    mock_blk_resize(blk, (n << 32) | n);
}

bool mock_blk_init(struct mock_blk *blk, struct mock_device *device, const struct mock_blk_options *options)
{
    memset(blk, 0, sizeof(*blk));
    blk->device = device;
    blk->options = *options;
    if (blk->options.capacity == 0) {
        blk->options.capacity = 2048;
    }
    if (blk->options.id == NULL) {
        blk->options.id = "mock disk";
    }
    blk->most_sectors = blk->options.capacity;
    blk->disk = calloc((size_t)blk->options.capacity, MOCK_BLK_SECTOR);
    if (blk->disk == NULL) {
        return false;
    }
    offer_all(device, &blk->options);
    reset(blk);
    if (blk->options.zoned && blk->options.zone_model == MOCK_BLK_ZONES_HOST_MANAGED) {
        mock_fault_set(&device->faults, MOCK_FAULT_FEATURES_REFUSED, 1, 0, 0);
    }
    return true;
}

void mock_blk_finish(struct mock_blk *blk)
{
    free(blk->disk);
    blk->disk = NULL;
}

const struct mock_blk_record *mock_blk_last(const struct mock_blk *blk)
{
    return blk->requests == 0 ? NULL : &blk->log[(blk->requests - 1u) % MOCK_BLK_LOG];
}

void mock_blk_resize(struct mock_blk *blk, uint64_t capacity)
{
    if (capacity > blk->most_sectors) {
        blk->most_sectors = capacity;
    }
    mock_config_set(&blk->device->config, MOCK_BLK_CAPACITY, 8, capacity);
    mock_device_configuration_changed(blk->device);
}

/* BARRIER and SCSI are legacy; LIFETIME and ZONED are features that this disk does not serve, but a driver may know. */
#define F_BARRIER          0u
#define F_SCSI             7u
#define F_DISCARD_TO_ZONED (0x1fu << F_DISCARD)
#define KNOWN_FEATURES                                                                                   \
    ((1u << F_BARRIER) | (1u << F_SIZE_MAX) | (1u << F_SEG_MAX) | (1u << F_GEOMETRY) | (1u << F_RO) |    \
     (1u << F_BLK_SIZE) | (1u << F_SCSI) | (1u << F_FLUSH) | (1u << F_TOPOLOGY) | (1u << F_CONFIG_WCE) | \
     (1u << F_MQ) | F_DISCARD_TO_ZONED)

const struct mock_backend mock_blk_backend = {
    .type = VPT_DEVICE_TYPE_BLOCK,
    .known = { { KNOWN_FEATURES, 0, 0, 0 } },
    .reset = reset,
    .features_valid = features_valid,
    .handle = handle,
    .change_configuration = change_configuration,
};
