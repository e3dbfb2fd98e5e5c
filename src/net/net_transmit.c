/* SPDX-License-Identifier: MIT */
/* Transmit queues (VirtIO 1.4, section 5.1.6.2). */
#include "../request/slot_batch.h"
#include "net_internal.h"

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
                                                &kinds[net->info.header == NET_HEADER], 0, config);
}

/* Checks the length of a whole frame, and the checksum's place. */
VPT_INLINE_FOR_SPEED enum vpt_status check_frame(const struct vpt_net_info *info, const struct vpt_request *frame,
                                                 const struct vpt_net_checksum *checksum)
{
    uint64_t bytes = 0;
    uint32_t i;

    for (i = 0; i < frame->readable; i++) {
        bytes += frame->segments[i].length;
    }
    if (VPT_UNLIKELY(bytes > info->transmit_max)) {
        return VPT_CALLER_TOO_LONG;
    }
    if (VPT_UNLIKELY(bytes == 0 || frame->writable != 0)) {
        return VPT_CALLER_ARGUMENT;
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
 * num_buffers is 0 (NET-TX-2). A slot has 16 bytes, so the last word is there even if the header ends in it.
 */
VPT_INLINE_FOR_SPEED void write_frame_header(const struct vpt_requests *requests, uint32_t slot,
                                             const struct vpt_net_checksum *checksum)
{
    uint8_t *header = slot_shared(requests, slot);
    bool order = requests->queue.device_order;
    uint16_t start = 0;
    uint16_t offset = 0;
    uint32_t flags = 0;

    if (checksum != NULL && checksum->start != 0) {
        start = checksum->start;
        offset = checksum->offset;
        flags = NET_FLAG_NEEDS_CHECKSUM;
    }
    vpt_store32(header, vpt_order32(true, flags)); /* the first byte, whatever the byte order */
    vpt_store32(header + 4, vpt_order32(order, vpt_pair(order, 0, start)));
    vpt_store32(header + 8, vpt_order32(order, vpt_pair(order, offset, 0)));
}

static const struct vpt_net_checksum *checksum_at(const struct vpt_net_checksum *checksums, uint32_t n)
{
    return checksums != NULL ? checksums + n : NULL;
}

/* Submits frames of one segment in the fast way, up to one that does not go that way. Returns how many. */
VPT_INLINE_FOR_SPEED uint32_t transmit_fast(struct vpt_requests *requests, const struct vpt_request *frames,
                                            const struct vpt_net_checksum *checksums, uint32_t from, uint32_t count)
{
    const struct vpt_net_info *info = &net_of(requests)->info;
    const uint32_t begin = from;
    struct slot_batch batch;
    uint32_t end = from + slot_batch_begin(&batch, requests, count - from);

    for (; from != end; from++) {
        const struct vpt_request *frame = &frames[from];
        const struct vpt_net_checksum *checksum = checksum_at(checksums, from);

        if (frame->readable != 1 || check_frame(info, frame, checksum) != VPT_OK) {
            break;
        }
        write_frame_header(requests, batch.head, checksum);
        if (!slot_batch_add(&batch, requests->queue.device_order, frame->segments->address, frame->segments->length,
                            false, 0, frame->token)) {
            break;
        }
    }
    slot_batch_end(&batch, requests, from - begin);
    return from - begin;
}

enum vpt_status vpt_net_transmit_batch(struct vpt_net_transmitq *queue, const struct vpt_request *frames,
                                       const struct vpt_net_checksum *checksums, uint32_t count, uint32_t *done)
{
    struct vpt_requests *requests = &queue->requests;
    enum vpt_status status = VPT_OK;

    *done = 0;
    while (*done < count && status == VPT_OK) {
        const struct vpt_request *frame;

        if (VPT_FOR_SPEED && requests->queue.free_count != 0) {
            *done += transmit_fast(requests, frames, checksums, *done, count);
            if (*done == count) {
                break;
            }
        }
        frame = &frames[*done];
        if (requests->queue.free_count == 0) {
            return vpt_slots_refuse(requests, frame->readable);
        }
        status = check_frame(&net_of(requests)->info, frame, checksum_at(checksums, *done));
        if (status == VPT_OK) {
            write_frame_header(requests, requests->queue.free_head, checksum_at(checksums, *done));
            status = vpt_requests_submit(requests, frame->segments, frame->readable, 0, frame->token);
        }
        *done += status == VPT_OK ? 1u : 0u;
    }
    return status;
}

enum vpt_status vpt_net_transmit(struct vpt_net_transmitq *queue, const struct vpt_segment *segments, uint16_t count,
                                 const struct vpt_net_checksum *checksum, void *token)
{
    struct vpt_request frame = { .segments = segments, .token = token, .readable = count };
    uint32_t done;

    return vpt_net_transmit_batch(queue, &frame, checksum, 1, &done);
}
