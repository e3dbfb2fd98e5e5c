/* SPDX-License-Identifier: MIT */
/* Request queues of a block device: set-up and asynchronous requests (VirtIO 1.4, section 5.2.6). */
#include "../request/slots.h"
#include "../transport/transport_ops.h"
#include "blk_internal.h"

#define HEADER_BYTES VPT_OFFSET_OF(struct vpt_blk_slot, status)

/* Only the status byte says whether a request succeeded: the used length may be too small on any device. */
static enum vpt_status blk_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length;
    switch (vpt_load8(&((const struct vpt_blk_slot *)slot)->status)) {
    case BLK_STATUS_OK: return VPT_OK;
    case BLK_STATUS_IOERR: return VPT_DEVICE_IO_ERROR;
    case BLK_STATUS_UNSUPP: return VPT_UNSUPPORTED_REQUEST;
    default: return VPT_DEVICE_REQUEST_STATUS;
    }
}

/*
 * Limits the data segments of requests to the number that the device says it accepts, or else to the number that every
 * device accepts.
 */
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

enum vpt_status vpt_blk_queue_init(struct vpt_blk_queue *queue, struct vpt_blk *blk, uint16_t index,
                                   const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = {
        .header = HEADER_BYTES, .reply = 1, .result = blk_result, .fit = fit
    };

    if (queue == NULL || blk == NULL || blk->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index >= blk->info.queues) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(&queue->requests, &blk->driver, index, &kind,
                             (uint32_t)VPT_BLK_SLOTS_SIZE(1u, blk->ranges), config);
}

/* Checks a read or a write. Segments are checked when they are written. */
VPT_INLINE_FOR_SPEED enum vpt_status
check_transfer(const struct vpt_blk_info *info, const struct vpt_blk_request *request, uint32_t count, uint64_t bytes)
{
    if (VPT_UNLIKELY(count == 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (VPT_UNLIKELY(request->operation == VPT_BLK_WRITE && info->read_only)) {
        return VPT_CALLER_READ_ONLY;
    }
    return blk_check_range(info, request->sector, bytes);
}

/* Submits a checked request, with its header and a status byte that only the device can make valid. */
VPT_INLINE_FOR_SPEED enum vpt_status submit_checked(struct vpt_requests *requests, const struct vpt_segment *segments,
                                                    uint32_t count, bool writable, void *token,
                                                    const struct vpt_blk_request *request)
{
    struct vpt_blk_slot *slot = (struct vpt_blk_slot *)(void *)slot_shared(requests, requests->queue.free_head);
    bool order = requests->queue.device_order;

    vpt_store32(&slot->type, vpt_order32(order, (uint32_t)request->operation));
    vpt_store64(&slot->sector, vpt_order64(order, request->sector));
    vpt_store8(&slot->status, BLK_STATUS_NOT_WRITTEN);
    return vpt_requests_submit_framed(requests, segments, count, writable, token);
}

/* Checks whether the device accepts a flush, or a get-id with this number of bytes. */
static enum vpt_status check_other(const struct vpt_blk_info *info, const struct vpt_blk_request *request,
                                   uint64_t bytes)
{
    bool flush = request->operation == VPT_BLK_FLUSH;

    if (request->sector != 0 || (flush ? request->segment_count != 0 : bytes == 0)) {
        return VPT_CALLER_ARGUMENT; /* BLK-OP-4, BLK-OP-5 */
    }
    if (flush) {
        return info->flush ? VPT_OK : VPT_UNSUPPORTED_REQUEST;
    }
    return bytes == VPT_BLK_ID_SIZE ? VPT_OK : VPT_CALLER_ALIGNMENT;
}

/* Submits any operation. `bytes` is the sum of its segments; if it has ranges, these become its data. */
VPT_COLD enum vpt_status submit_any(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token,
                                    uint64_t bytes)
{
    const struct vpt_blk *blk = blk_of(&queue->requests);
    const struct vpt_segment *segments = request->segments;
    uint32_t count = segments != NULL ? request->segment_count : 0u;
    bool written = request->operation != VPT_BLK_WRITE; /* the device writes the data */
    enum vpt_status status = VPT_UNSUPPORTED_REQUEST;
    struct vpt_segment records;

    if (request->operation <= VPT_BLK_WRITE) {
        status = check_transfer(&blk->info, request, count, bytes);
    } else if (request->operation == VPT_BLK_FLUSH || request->operation == VPT_BLK_GET_ID) {
        status = check_other(&blk->info, request, bytes);
    } else if (blk->range_ops != NULL) {
        status = blk->range_ops->prepare(queue, request, &records);
        segments = &records;
        count = 1;
        written = false;
    }
    return status == VPT_OK ? submit_checked(&queue->requests, segments, count, written, token, request) : status;
}

enum vpt_status vpt_blk_submit(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token)
{
    const struct vpt_segment *segments = request->segments;
    enum vpt_blk_operation operation = request->operation;
    uint32_t count = segments != NULL ? request->segment_count : 0u;
    enum vpt_status status;
    uint64_t bytes = 0;
    uint32_t i;

    if (VPT_UNLIKELY(queue->requests.queue.free_count == 0)) {
        return vpt_slots_refuse(&queue->requests, 0);
    }
    for (i = 0; i < count; i++) {
        bytes += segments[i].length;
    }
    if (!VPT_FOR_SPEED || VPT_UNLIKELY(operation > VPT_BLK_WRITE)) {
        return submit_any(queue, request, token, bytes);
    }
    status = check_transfer(&blk_of(&queue->requests)->info, request, count, bytes);
    if (VPT_UNLIKELY(status != VPT_OK)) {
        return status;
    }
    return submit_checked(&queue->requests, segments, count, operation == VPT_BLK_READ, token, request);
}
