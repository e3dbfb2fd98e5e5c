/* SPDX-License-Identifier: MIT */
/* Transmit queues (VirtIO 1.4, section 5.1.6.2). */
#include "../request/slot_batch.h"
#include "net_internal.h"

#define SLOT_SIZE 16u /* a header in two words of 64 bits */

static void fit_frames(struct vpt_requests *requests)
{
    requests->segment_max = net_of(requests)->info.transmit_max;
}

enum vpt_status vpt_net_transmitq_init(struct vpt_net_transmitq *queue, struct vpt_net *net, uint16_t pair,
                                       const struct vpt_requests_config *config)
{
    /* The header of sending is as long as that of receiving (NET-TX-1). */
    static const struct vpt_requests_kind kinds[2] = {
        { .header = NET_HEADER_LEGACY, .segments = 4, .fit = fit_frames },
        { .header = NET_HEADER, .segments = 4, .fit = fit_frames }
    };
    enum vpt_status status = net_check_pair(queue, net, pair);

    return status != VPT_OK ? status
                            : vpt_requests_init(&queue->requests, &net->driver, (uint16_t)(2u * pair + 1u),
                                                &kinds[net->info.header == NET_HEADER], SLOT_SIZE, config);
}

/* Checks a frame of so many bytes. */
VPT_INLINE_FOR_SPEED enum vpt_status check_frame(const struct vpt_net_info *info, uint64_t bytes,
                                                 const struct vpt_net_checksum *checksum)
{
    if (VPT_UNLIKELY(bytes - 1u >= info->transmit_max)) {
        return bytes == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
    }
    if (checksum == NULL || checksum->start == 0) {
        return VPT_OK;
    }
    if (!info->checksum_transmit) {
        return VPT_UNSUPPORTED_REQUEST;
    }
    return checksum->start + (uint32_t)checksum->offset + 2u <= bytes ? VPT_OK : VPT_CALLER_RANGE;
}

/*
 * Writes the header into a slot, whose last frame may have had another one. There is no segmentation (NET-TX-21), and
 * num_buffers is 0 (NET-TX-2).
 */
VPT_INLINE_FOR_SPEED void write_frame_header(const struct vpt_requests *requests, uint32_t slot,
                                             const struct vpt_net_checksum *checksum)
{
    uint8_t *header = (uint8_t *)requests->queue.areas[VPT_AREA_SLOTS].memory.address + (size_t)slot * SLOT_SIZE;
    bool order = requests->queue.device_order;
    uint64_t first = 0;  /* up to the checksum's start */
    uint64_t second = 0; /* from its offset on */

    if (checksum != NULL && checksum->start != 0) {
        bool big = VPT_BIG_ENDIAN != 0 && !order;

        first = (uint64_t)NET_FLAG_NEEDS_CHECKSUM << (big ? 56 : 0) | (uint64_t)checksum->start << (big ? 0 : 48);
        second = (uint64_t)checksum->offset << (big ? 48 : 0);
    }
    vpt_store64(header, vpt_order64(order, first));
    vpt_store64(header + 8, vpt_order64(order, second));
}

enum vpt_status vpt_net_transmit(struct vpt_net_transmitq *queue, const struct vpt_segment *segments, uint16_t count,
                                 const struct vpt_net_checksum *checksum, void *token)
{
    struct vpt_requests *requests = &queue->requests;
    enum vpt_status status;
    uint64_t bytes = 0;
    uint32_t i;

    if (requests->queue.free_count == 0) {
        return vpt_slots_refuse(requests, count);
    }
    for (i = 0; i < count; i++) {
        bytes += segments[i].length;
    }
    status = check_frame(&net_of(requests)->info, bytes, checksum);
    if (status != VPT_OK) {
        return status;
    }
    write_frame_header(requests, requests->queue.free_head, checksum);
    return vpt_requests_submit(requests, segments, count, 0, token);
}

static const struct vpt_net_checksum *checksum_at(const struct vpt_net_checksum *checksums, uint32_t n)
{
    return checksums != NULL ? checksums + n : NULL;
}

/* Submits frames of one segment in the fast way, up to one that does not go that way. Returns how many. */
VPT_INLINE uint32_t transmit_fast(struct vpt_requests *requests, const struct vpt_request *frames,
                                  const struct vpt_net_checksum *checksums, uint32_t count)
{
    const struct vpt_request *frame = frames;
    const struct vpt_request *end;
    struct slot_batch batch;

    end = frame + slot_batch_begin(&batch, requests, count);
    for (; frame != end; frame++) {
        const struct vpt_segment *segment;
        uint32_t slot = batch.head;

        if (frame->readable != 1 || frame->writable != 0) {
            break;
        }
        segment = frame->segments;
        if (check_frame(&net_of(requests)->info, segment->length, checksums) != VPT_OK ||
            !slot_batch_add(&batch, segment->address, segment->length, false, 0, frame->token)) {
            break;
        }
        write_frame_header(requests, slot, checksums);
        checksums = checksums != NULL ? checksums + 1 : NULL;
    }
    count = (uint32_t)(frame - frames);
    slot_batch_end(&batch, requests, count);
    return count;
}

enum vpt_status vpt_net_transmit_batch(struct vpt_net_transmitq *queue, const struct vpt_request *frames,
                                       const struct vpt_net_checksum *checksums, uint32_t count, uint32_t *done)
{
    enum vpt_status status = VPT_OK;
    uint32_t i = 0;

    while (status == VPT_OK) {
        const struct vpt_request *frame;

        if (VPT_FOR_SPEED) {
            i += checksums != NULL ? transmit_fast(&queue->requests, frames + i, checksums + i, count - i)
                                   : transmit_fast(&queue->requests, frames + i, NULL, count - i);
        }
        if (i == count) {
            break;
        }
        frame = &frames[i];
        status = frame->writable == 0 ? vpt_net_transmit(queue, frame->segments, frame->readable,
                                                         checksum_at(checksums, i), frame->token)
                                      : VPT_CALLER_ARGUMENT;
        i += status == VPT_OK ? 1u : 0u;
    }
    *done = i;
    return status;
}
