/* SPDX-License-Identifier: MIT */
/* Requests on ranges of sectors: discard, write zeroes, secure erase (VirtIO 1.4, section 5.2.6). */
#include "../request/slots.h"
#include "../transport/transport_ops.h"
#include "blk_internal.h"

#define RECORD_UNMAP 1u

/* Returns `value` modulo `divisor`, which is not 0: targets of 32 bits cannot divide 64 bits. */
static uint32_t remainder_of(uint64_t value, uint32_t divisor)
{
    uint64_t rest = 0;
    unsigned i;

    for (i = 0; i < 64u; i++) {
        rest = (rest << 1) | (value >> 63);
        value <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
        }
    }
    return (uint32_t)rest;
}

const struct vpt_blk_limits *vpt_blk_limits_of(const struct vpt_blk_info *info, enum vpt_blk_operation operation)
{
    switch (operation) {
    case VPT_BLK_DISCARD: return &info->discard;
    case VPT_BLK_WRITE_ZEROES: return &info->write_zeroes;
    case VPT_BLK_SECURE_ERASE: return &info->secure_erase;
    default: return NULL;
    }
}

static enum vpt_status check_unmap(const struct vpt_blk_info *info, enum vpt_blk_operation operation)
{
    if (operation != VPT_BLK_WRITE_ZEROES) {
        return VPT_CALLER_ARGUMENT; /* BLK-OP-14 */
    }
    return info->write_zeroes_unmap ? VPT_OK : VPT_UNSUPPORTED_REQUEST;
}

/* The capacity need not be a multiple of the alignment, so a range may also end where the device ends. */
static bool aligned(const struct vpt_blk_info *info, uint32_t alignment, uint64_t sector, uint64_t count)
{
    return alignment == 1u || (remainder_of(sector, alignment) == 0 &&
                               (count == info->capacity - sector || remainder_of(count, alignment) == 0));
}

enum vpt_status vpt_blk_check_extent(const struct vpt_blk_info *info, enum vpt_blk_operation operation, uint64_t sector,
                                     uint64_t count, bool unmap)
{
    const struct vpt_blk_limits *limits = vpt_blk_limits_of(info, operation);
    enum vpt_status status = VPT_OK;

    if (limits == NULL || limits->sectors == 0) {
        return VPT_UNSUPPORTED_REQUEST;
    }
    if (info->read_only) {
        return VPT_CALLER_READ_ONLY;
    }
    if (unmap) {
        status = check_unmap(info, operation);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (sector > info->capacity || count > info->capacity - sector) {
        return VPT_CALLER_RANGE;
    }
    return aligned(info, limits->alignment, sector, count) ? VPT_OK : VPT_CALLER_ALIGNMENT;
}

/* Returns how many ranges a slot can hold. */
static uint32_t records_of_slot(const struct vpt_blk_queue *queue)
{
    return (queue->requests.slot_size - (uint32_t)sizeof(struct vpt_blk_slot)) /
           (uint32_t)sizeof(struct vpt_blk_range_record);
}

static enum vpt_status check_ranges(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    const struct vpt_blk_info *info = &blk_of(&queue->requests)->info;
    const struct vpt_blk_limits *limits = vpt_blk_limits_of(info, request->operation);
    enum vpt_status status = vpt_blk_check_extent(info, request->operation, 0, 0, false);
    uint32_t i;

    if (status != VPT_OK || limits == NULL) {
        return status;
    }
    if (request->range_count == 0 || request->ranges == NULL || request->segment_count != 0 || request->sector != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (request->range_count > records_of_slot(queue) || request->range_count > limits->ranges) {
        return VPT_CALLER_TOO_LONG; /* BLK-OP-9, BLK-OP-10, BLK-OP-11 */
    }
    for (i = 0; i < request->range_count && status == VPT_OK; i++) {
        const struct vpt_blk_range *range = &request->ranges[i];

        if (range->sectors == 0) {
            return VPT_CALLER_ARGUMENT;
        }
        if (range->sectors > limits->sectors) {
            return VPT_CALLER_TOO_LONG;
        }
        status = vpt_blk_check_extent(info, request->operation, range->sector, range->sectors, range->unmap);
    }
    return status;
}

static enum vpt_status write_records(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request,
                                     struct vpt_segment *records)
{
    struct vpt_blk_slot *slot = (struct vpt_blk_slot *)slot_next(&queue->requests);
    struct vpt_blk_range_record *record = (struct vpt_blk_range_record *)(void *)(slot + 1);
    bool order = queue->requests.queue.device_order;
    enum vpt_status status = check_ranges(queue, request);
    uint32_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < request->range_count; i++) {
        const struct vpt_blk_range *range = &request->ranges[i];

        vpt_store64(&record[i].sector, vpt_order64(order, range->sector));
        vpt_store32(&record[i].sectors, vpt_order32(order, range->sectors));
        vpt_store32(&record[i].flags, vpt_order32(order, range->unmap ? RECORD_UNMAP : 0u));
    }
    records->address = vpt_requests_next_address(&queue->requests) + sizeof(*slot);
    records->length = i * (uint32_t)sizeof(struct vpt_blk_range_record);
    return VPT_OK;
}

/* ---- Init ---- */

/* Section 5.2.4. */
#define FIELD(offset, width, feature, member)                                                           \
    {                                                                                                   \
        offset, width, VPT_CONFIG_WITH(VPT_BLK_F_##feature), VPT_OFFSET_OF(struct vpt_blk_info, member) \
    }

/* Sets limits to 0 if no request could be made. The records of a request are one segment. */
static void fit_limits(struct vpt_blk_limits *limits, uint32_t size_max)
{
    uint32_t most = size_max / (uint32_t)sizeof(struct vpt_blk_range_record);

    if (limits->alignment == 0) {
        limits->alignment = 1;
    }
    limits->sectors -= remainder_of(limits->sectors, limits->alignment);
    if (limits->ranges > most) {
        limits->ranges = most;
    }
    if (limits->sectors == 0 || limits->ranges == 0) {
        vpt_zero(limits, sizeof(*limits));
    }
}

static enum vpt_status read_limits(struct vpt_device *device, struct vpt_blk_info *info)
{
    static const struct vpt_config_field fields[] = {
        FIELD(36, 4, DISCARD, discard.sectors),
        FIELD(40, 4, DISCARD, discard.ranges),
        FIELD(44, 4, DISCARD, discard.alignment),
        FIELD(48, 4, WRITE_ZEROES, write_zeroes.sectors),
        FIELD(52, 4, WRITE_ZEROES, write_zeroes.ranges),
        FIELD(56, 1, WRITE_ZEROES, write_zeroes_unmap),
        FIELD(60, 4, SECURE_ERASE, secure_erase.sectors),
        FIELD(64, 4, SECURE_ERASE, secure_erase.ranges),
        FIELD(68, 4, SECURE_ERASE, secure_erase.alignment),
    };
    enum vpt_status status;

    vpt_zero(&info->discard, sizeof(info->discard));
    vpt_zero(&info->write_zeroes, sizeof(info->write_zeroes));
    vpt_zero(&info->secure_erase, sizeof(info->secure_erase));
    status = vpt_device_config_fields(device, fields, sizeof(fields) / sizeof(fields[0]), info);
    fit_limits(&info->discard, info->size_max);
    fit_limits(&info->write_zeroes, info->size_max);
    fit_limits(&info->secure_erase, info->size_max);
    /* The device may write any byte, which need not be a bool. */
    info->write_zeroes_unmap = vpt_load8(&info->write_zeroes_unmap) != 0 && info->write_zeroes.sectors != 0;
    /* A device that is gone reads as one with the largest limits. */
    return vpt_device_check(device) == VPT_DEVICE_GONE ? VPT_DEVICE_GONE : status;
}

/* Returns how many ranges a request can have: what the kernel wants, but at most what the device takes. */
static uint16_t ranges_wanted(const struct vpt_blk_info *info, uint16_t ranges)
{
    uint32_t most = info->discard.ranges;

    most = most > info->write_zeroes.ranges ? most : info->write_zeroes.ranges;
    most = most > info->secure_erase.ranges ? most : info->secure_erase.ranges;
    ranges = ranges != 0 ? ranges : 1u;
    return ranges < most ? ranges : (uint16_t)most;
}

enum vpt_status vpt_blk_ranges_init(struct vpt_blk *blk, uint16_t ranges)
{
    static const struct vpt_blk_range_ops ops = { read_limits, write_records };
    struct vpt_blk_info info;
    enum vpt_status status;

    if (blk == NULL || blk->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!vpt_device_in_setup(blk->driver.device)) {
        return vpt_gone(blk->driver.device) ? VPT_DEVICE_GONE : VPT_CALLER_STATE;
    }
    info = blk->info;
    status = read_limits(blk->driver.device, &info);
    if (status == VPT_OK) {
        blk->info = info;
        blk->ranges = ranges_wanted(&info, ranges);
        blk->range_ops = &ops;
    }
    return status;
}
