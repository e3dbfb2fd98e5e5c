/* SPDX-License-Identifier: MIT */
/* Request queues of a block device: set-up, asynchronous requests (VirtIO 1.4, section 5.2.6). */
#include "../request/slots.h"
#include "../transport/transport.h"
#include "internal.h"

#define HEADER_BYTES VPT_OFFSET_OF(struct vpt_blk_slot, status)

/* Success is the status byte alone: the used length may be too small on any device. */
static enum vpt_status result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length;
    switch (vpt_load8(&((const struct vpt_blk_slot *)slot)->status)) {
    case BLK_STATUS_OK:
        return VPT_OK;
    case BLK_STATUS_IOERR:
        return VPT_DEVICE_IO_ERROR;
    case BLK_STATUS_UNSUPP:
        return VPT_UNSUPPORTED_REQUEST;
    default:
        return VPT_DEVICE_REQUEST_STATUS;
    }
}

/* No more data segments in a request than the device says that it takes. Where it does not say, what every one takes. */
static void fit(struct vpt_requests *requests)
{
    const struct vpt_blk *blk = blk_of(requests);
    bool limited = vpt_features_has(&blk->driver.features, VPT_BLK_F_SEG_MAX);

    if (requests->segments == 0) {
        requests->segments = limited ? VPT_REQUESTS_DEFAULT_SEGMENTS : 1u;
    }
    if (limited && requests->segments > blk->info.seg_max) {
        requests->segments = blk->info.seg_max;
    }
    requests->segment_max = blk->info.size_max;
}

/* Records are taken only for what the device has. */
static uint16_t plan_ranges(const struct vpt_blk *blk)
{
    const struct vpt_blk_info *info = &blk->info;
    uint32_t most = info->discard.ranges;

    most = most > info->write_zeroes.ranges ? most : info->write_zeroes.ranges;
    most = most > info->secure_erase.ranges ? most : info->secure_erase.ranges;
    return blk->ranges < most ? blk->ranges : (uint16_t)most;
}

enum vpt_status vpt_blk_queue_init(struct vpt_blk_queue *queue, struct vpt_blk *blk, uint16_t index,
                                   const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = { .header = HEADER_BYTES, .reply = 1, .result = result, .fit = fit };

    if (queue == NULL || blk == NULL || blk->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index >= blk->info.queues) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(&queue->requests, &blk->driver, index, &kind,
                             (uint32_t)VPT_BLK_SLOTS_SIZE(1u, plan_ranges(blk)), config);
}

static enum vpt_status check_flush(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    if (request->segment_count != 0 || request->sector != 0) {
        return VPT_CALLER_ARGUMENT; /* BLK-OP-4, BLK-OP-5 */
    }
    return blk_of(&queue->requests)->info.flush ? VPT_OK : VPT_UNSUPPORTED_REQUEST;
}

/* What each operation allows; segments are looked at by themselves when they are written. */
VPT_INLINE_FOR_SPEED enum vpt_status check_transfer(const struct vpt_blk_queue *queue,
                                                    const struct vpt_blk_request *request)
{
    const struct vpt_blk_info *info = &blk_of(&queue->requests)->info;
    uint64_t bytes = 0;
    uint32_t i;

    if (VPT_UNLIKELY(request->segment_count == 0 || request->segments == NULL)) {
        return VPT_CALLER_ARGUMENT;
    }
    for (i = 0; i < request->segment_count; i++) {
        bytes += request->segments[i].length;
    }
    if (VPT_UNLIKELY(request->operation == VPT_BLK_GET_ID)) {
        if (request->sector != 0) {
            return VPT_CALLER_ARGUMENT;
        }
        return bytes == VPT_BLK_ID_SIZE ? VPT_OK : VPT_CALLER_ALIGNMENT;
    }
    if (VPT_UNLIKELY(request->operation == VPT_BLK_WRITE && info->read_only)) {
        return VPT_CALLER_READ_ONLY;
    }
    return blk_check_range(info, request->sector, bytes);
}

/* The header, and a status byte that only the device can make valid. */
VPT_INLINE_FOR_SPEED void fill_slot(const struct vpt_requests *requests, const struct vpt_blk_request *request)
{
    struct vpt_blk_slot *slot = (struct vpt_blk_slot *)(void *)slot_shared(requests, requests->queue.free_head);
    bool order = requests->queue.device_order;

    vpt_store32(&slot->type, vpt_order32(order, (uint32_t)request->operation));
    vpt_store64(&slot->sector, vpt_order64(order, request->sector));
    vpt_store8(&slot->status, BLK_STATUS_NOT_WRITTEN);
}

/* Anything but a read or a write. */
VPT_COLD enum vpt_status submit_other(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token)
{
    const struct vpt_blk_range_ops *range_ops = blk_of(&queue->requests)->range_ops;
    bool ranges = false;
    enum vpt_status status;

    if (request->operation == VPT_BLK_FLUSH) {
        status = check_flush(queue, request);
    } else if (request->operation == VPT_BLK_GET_ID) {
        status = check_transfer(queue, request);
    } else {
        ranges = range_ops != NULL;
        status = ranges ? range_ops->check(queue, request) : VPT_UNSUPPORTED_REQUEST;
    }
    if (status != VPT_OK) {
        return status;
    }
    fill_slot(&queue->requests, request);
    return ranges ? range_ops->submit(queue, request, token)
                  : vpt_requests_submit_framed(&queue->requests, request->segments, request->segment_count, true, token);
}

enum vpt_status vpt_blk_submit(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token)
{
    const struct vpt_segment *segments = request->segments;
    enum vpt_blk_operation operation = request->operation;
    uint32_t count = request->segment_count;
    enum vpt_status status;

    if (VPT_UNLIKELY(queue->requests.queue.free_count == 0)) {
        return vpt_slots_refuse(&queue->requests, 0);
    }
    if (VPT_UNLIKELY(operation > VPT_BLK_WRITE)) {
        return submit_other(queue, request, token);
    }
    status = check_transfer(queue, request);
    if (VPT_UNLIKELY(status != VPT_OK)) {
        return status;
    }
    fill_slot(&queue->requests, request);
    return vpt_requests_submit_framed(&queue->requests, segments, count, operation == VPT_BLK_READ, token);
}
