/* SPDX-License-Identifier: MIT */
/*
 * Receive queues (VirtIO 1.4, sections 5.1.6.3 and 5.1.6.4). A buffer begins with the header, and any slot may have any
 * buffer: so buffers may be kept while others go back to the device.
 */
#include "../request/slots.h"
#include "net_internal.h"

#define VLAN_TAG_SIZE 4u
#define COMPLETIONS   (VPT_FOR_SPEED ? 16u : 1u) /* that are worked on together */

/* ---- Set-up ---- */

/* Gives all of the library's buffers to the device. */
static enum vpt_status give_all(struct vpt_requests *requests)
{
    struct vpt_net_receiveq *queue = VPT_CONTAINER_OF(requests, struct vpt_net_receiveq, requests);

    return vpt_net_recycle(queue, NULL, requests->slot_size != 0 ? requests->queue.slot_count : 0);
}

static void fit_buffers(struct vpt_requests *requests)
{
    requests->segments = net_of(requests)->info.split ? 2 : 1;
}

enum vpt_status vpt_net_receiveq_init(struct vpt_net_receiveq *queue, struct vpt_net *net, uint16_t pair,
                                      uint32_t buffer_size, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = { .fit = fit_buffers, .started = give_all };
    enum vpt_status status = net_check_pair(queue, net, pair);

    if (status != VPT_OK) {
        return status;
    }
    if (buffer_size == 0) {
        buffer_size = net->info.header + VPT_NET_ETHERNET_SIZE + VLAN_TAG_SIZE + net->info.mtu;
    }
    if (buffer_size < net_buffer_least(&net->info)) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_requests_init(&queue->requests, &net->driver, (uint16_t)(2u * pair), &kind,
                               buffer_size != VPT_NET_POSTED ? buffer_size : 0, config);
    if (status != VPT_CALLER_STATE) { /* else the queue may be in use */
        queue->left = 0;
    }
    return status;
}

/* ---- Receiving ---- */

/* Reads the checksum fields, each once. Returns false if they cannot be. */
static bool read_checksum(const uint8_t *header, bool order, struct vpt_net_frame *frame)
{
    uint32_t flags = vpt_load8(header + NET_HEADER_FLAGS);

    if ((flags & NET_FLAG_NEEDS_CHECKSUM) != 0) { /* else the two fields mean nothing (NET-RX-4) */
        uint16_t start = vpt_order16(order, vpt_load16(header + NET_HEADER_CHECKSUM_START));
        uint16_t offset = vpt_order16(order, vpt_load16(header + NET_HEADER_CHECKSUM_OFFSET));

        frame->checksum = VPT_NET_CHECKSUM_PARTIAL;
        frame->partial.start = start;
        frame->partial.offset = offset;
        return (uint32_t)start + offset + 2u <= frame->length;
    }
    if ((flags & NET_FLAG_DATA_VALID) != 0) {
        frame->checksum = VPT_NET_CHECKSUM_VALID;
    }
    return true;
}

/*
 * Reads what the header in the first buffer of a frame says. num_buffers is read only if it was negotiated, because
 * devices leave it as it was otherwise. `present`: this buffer and those that the device had beside it. Returns false
 * if the device says something impossible.
 */
static bool read_frame_header(struct vpt_net_receiveq *queue, struct vpt_net_frame *frame, uint32_t present)
{
    const struct vpt_net_info *info = &net_of(&queue->requests)->info;
    const uint8_t *header = (const uint8_t *)frame->buffer;
    bool order = queue->requests.queue.device_order;

    if (info->checksum_receive && !read_checksum(header, order, frame)) {
        return false;
    }
    if (info->merge) {
        uint32_t more = vpt_order16(order, vpt_load16(header + NET_HEADER_BUFFERS)) - 1u;

        if (more >= present) {
            return false;
        }
        queue->left = (uint16_t)more;
        frame->left = (uint16_t)more;
    }
    return true;
}

/* Says what came in a buffer that is not the first one of a frame, or holds none. */
VPT_COLD void describe_other(struct vpt_net_receiveq *queue, struct vpt_net_frame *frame, uint32_t length)
{
    if (frame->status == VPT_OK && queue->left != 0) {
        frame->continued = true;
        queue->left--;
    } else {
        frame->status = frame->status != VPT_OK ? frame->status : VPT_DEVICE_REQUEST_STATUS;
        queue->left = 0;
        length = 0;
    }
    frame->length = length;
    frame->bytes = frame->buffer;
    frame->left = queue->left;
}

/* Says what came in each of `count` buffers, at least one. `plain`: headers say nothing. */
VPT_INLINE_FOR_SPEED void describe_frames(struct vpt_net_receiveq *queue, const struct vpt_completion *completion,
                                          uint32_t count, struct vpt_net_frame *frame, bool plain)
{
    const struct vpt_queue *ring = &queue->requests.queue;
    const uint32_t header = net_of(&queue->requests)->info.header;
    const uint32_t beside = ring->slot_count - ring->free_count; /* buffers that the device has beside these */

    do {
        uint8_t *buffer = (uint8_t *)completion->token;
        uint32_t length = completion->length;
        enum vpt_status status = completion->status;

        frame->buffer = buffer;
        frame->length = length - header;
        frame->left = 0;
        frame->checksum = VPT_NET_CHECKSUM_NONE;
        frame->continued = false;
        frame->bytes = buffer + header;
        frame->status = status;
        if (VPT_UNLIKELY(status != VPT_OK || length < header) ||
            (!plain && (queue->left != 0 || !read_frame_header(queue, frame, beside + count)))) {
            describe_other(queue, frame, length);
        }
        completion++;
        frame++;
        count--;
    } while (VPT_FOR_SPEED && count != 0);
}

/* Takes up to `count` completions; `*done` is how many. A build for small code takes one. */
VPT_INLINE_FOR_SPEED enum vpt_status poll_some(struct vpt_requests *requests, struct vpt_completion *completions,
                                               uint32_t count, uint32_t *done)
{
    enum vpt_status status;

    if (VPT_FOR_SPEED) {
        return vpt_requests_poll_batch(requests, completions, count < COMPLETIONS ? count : COMPLETIONS, done);
    }
    status = vpt_requests_poll(requests, completions);
    *done = status == VPT_OK ? 1 : 0;
    return status;
}

static bool is_plain(const struct vpt_net_receiveq *queue)
{
    const struct vpt_net_info *info = &net_of(&queue->requests)->info;

    return !info->merge && !info->checksum_receive;
}

enum vpt_status vpt_net_receive(struct vpt_net_receiveq *queue, struct vpt_net_frame *frames, uint32_t count,
                                uint32_t *done)
{
    struct vpt_completion completions[COMPLETIONS];
    enum vpt_status status = VPT_OK;

    *done = 0;
    while (status == VPT_OK && *done < count) {
        uint32_t taken;

        status = poll_some(&queue->requests, completions, count - *done, &taken);
        if (VPT_FOR_SPEED && taken != 0 && is_plain(queue)) {
            describe_frames(queue, completions, taken, &frames[*done], true);
        } else if (taken != 0) { /* else the queue may not be set up */
            describe_frames(queue, completions, taken, &frames[*done], false);
        }
        *done += taken;
    }
    return status;
}
