/* SPDX-License-Identifier: MIT */
/* Entropy device: one queue, requests that the device only writes to (VirtIO 1.4, section 5.4). */
#include <vpt/entropy.h>

#include "../access.h"
#include "../request/slots.h"

static enum vpt_status entropy_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)slot;
    return length != 0 ? VPT_OK : VPT_DEVICE_IO_ERROR;
}

enum vpt_status vpt_entropy_init(struct vpt_entropy *entropy, struct vpt_device *device,
                                 const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_ENTROPY };

    if (entropy == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(entropy, sizeof(*entropy));
    return vpt_driver_init(&entropy->driver, device, &kind, choice);
}

enum vpt_status vpt_entropy_queue_init(struct vpt_entropy *entropy, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = { .requests = 8, .segments = 1, .result = entropy_result };

    return entropy != NULL ? vpt_requests_init(&entropy->requests, &entropy->driver, 0, &kind, 0, config)
                           : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_entropy_open(struct vpt_entropy *entropy, struct vpt_device *device)
{
    enum vpt_status status = vpt_entropy_init(entropy, device, NULL);

    if (status == VPT_OK) {
        status = vpt_driver_open(&entropy->driver, vpt_entropy_queue_init(entropy, NULL));
    }
    return status;
}

enum vpt_status vpt_entropy_submit(struct vpt_entropy *entropy, const struct vpt_segment *segments, uint16_t count,
                                   void *token)
{
    return vpt_requests_submit(&entropy->requests, segments, 0, count, token);
}

/* Makes one request for the beginning of the buffer. */
static enum vpt_status read_some(struct vpt_requests *requests, void *buffer, size_t size, uint32_t *length)
{
    struct vpt_completion completion;
    struct vpt_shares shares;
    enum vpt_status status = vpt_shares_begin(requests, &shares, VPT_DEVICE_WRITES, buffer, size, 1);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_requests_submit(requests, shares.segments, 0, shares.count, NULL);
    if (status == VPT_OK) {
        status = vpt_requests_wait(requests, &completion);
    }
    if (status != VPT_DEVICE_STUCK) {
        vpt_shares_end(requests, &shares);
    }
    *length = status == VPT_OK ? completion.length : 0;
    return status == VPT_OK ? completion.status : status;
}

enum vpt_status vpt_entropy_read(struct vpt_entropy *entropy, void *buffer, size_t size, size_t *filled)
{
    enum vpt_status status;
    uint32_t empty = 0;
    size_t ignored;

    filled = filled != NULL ? filled : &ignored;
    *filled = 0;
    if (entropy == NULL || (buffer == NULL && size != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_requests_ready(&entropy->requests);
    while (status == VPT_OK && *filled < size) {
        uint32_t length = 0;

        status = read_some(&entropy->requests, (uint8_t *)buffer + *filled, size - *filled, &length);
        *filled += length;
        empty = length != 0 ? 0 : empty + 1u;
        if (status == VPT_DEVICE_IO_ERROR && empty < VPT_ENTROPY_EMPTY_ANSWERS) {
            status = VPT_OK;
        }
    }
    return status;
}
