/* SPDX-License-Identifier: MIT */
/* Transmit queues (VirtIO 1.4, section 5.1.6.2). */
#include "../request/slots.h"
#include "net_internal.h"

static void fit(struct vpt_requests *requests)
{
    requests->segment_max = net_of(requests)->info.transmit_max;
}

enum vpt_status vpt_net_transmitq_init(struct vpt_net_transmitq *queue, struct vpt_net *net, uint16_t pair,
                                       const struct vpt_requests_config *config)
{
    /* The header of sending is as long as that of receiving (NET-TX-1). */
    static const struct vpt_requests_kind kinds[2] = { { .header = NET_HEADER_LEGACY, .segments = 4, .fit = fit },
                                                       { .header = NET_HEADER, .segments = 4, .fit = fit } };
    enum vpt_status status = net_check_pair(queue, net, pair);

    return status != VPT_OK ? status
                            : vpt_requests_init(&queue->requests, &net->driver, (uint16_t)(2u * pair + 1u),
                                                &kinds[net->info.header == NET_HEADER], 0, config);
}

/* Checks what vpt_requests_submit() does not: the whole frame's length, and the checksum's place. */
VPT_INLINE_FOR_SPEED enum vpt_status check_frame(const struct vpt_net_info *info, const struct vpt_segment *segments,
                                                 uint32_t count, const struct vpt_net_checksum *checksum)
{
    uint64_t bytes = 0;
    uint32_t i;

    if (count == 1u && checksum == NULL) {
        return VPT_OK; /* requests->segment_max is the limit */
    }
    for (i = 0; i < count; i++) {
        bytes += segments[i].length;
    }
    if (bytes > info->transmit_max || count == 0) {
        return count == 0 ? VPT_CALLER_ARGUMENT : VPT_CALLER_TOO_LONG;
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
VPT_INLINE_FOR_SPEED void write_header(const struct vpt_requests *requests, uint32_t slot,
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

enum vpt_status vpt_net_transmit_batch(struct vpt_net_transmitq *queue, const struct vpt_request *frames,
                                       const struct vpt_net_checksum *checksums, uint32_t count, uint32_t *done)
{
    struct vpt_requests *requests = &queue->requests;
    uint32_t slot = requests->queue.free_head;
    enum vpt_status refused = VPT_OK;
    enum vpt_status status;
    uint32_t ready;

    /* The free slots are linked in the order in which they are taken. */
    for (ready = 0; ready < count && ready < requests->queue.free_count; ready++) {
        const struct vpt_request *frame = &frames[ready];
        const struct vpt_net_checksum *checksum = checksums != NULL ? &checksums[ready] : NULL;

        refused = frame->writable == 0
                      ? check_frame(&net_of(requests)->info, frame->segments, frame->readable, checksum)
                      : VPT_CALLER_ARGUMENT;
        if (refused != VPT_OK) {
            break;
        }
        write_header(requests, slot, checksum);
        slot = requests->queue.slots[slot].tail;
    }
    status = vpt_requests_submit_batch(requests, frames, ready, done);
    if (status != VPT_OK || ready == count) {
        return status;
    }
    return refused != VPT_OK ? refused : vpt_slots_refuse(requests, frames[ready].readable);
}

enum vpt_status vpt_net_transmit(struct vpt_net_transmitq *queue, const struct vpt_segment *segments, uint16_t count,
                                 const struct vpt_net_checksum *checksum, void *token)
{
    struct vpt_request frame = { .segments = segments, .token = token, .readable = count };
    uint32_t done;

    return vpt_net_transmit_batch(queue, &frame, checksum, 1, &done);
}
