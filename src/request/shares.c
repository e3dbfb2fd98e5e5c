/* SPDX-License-Identifier: MIT */
/* A caller's buffer, shared with the device piece by piece for one request. */
#include <vpt/request.h>

#include "../log.h"
#include "slots.h"

static bool access_platform(const struct vpt_requests *requests)
{
    return vpt_features_has(&requests->driver->features, VPT_F_ACCESS_PLATFORM);
}

static void unshare_last(const struct vpt_requests *requests, struct vpt_shares *shares)
{
    const struct vpt_port *port = requests->driver->device->port;
    uint32_t last = shares->count - 1u;

    shares->count = (uint16_t)last;
    shares->bytes -= shares->segments[last].length;
    port->unshare(port->ctx, shares->buffers[last], &shares->shared[last], shares->direction,
                  access_platform(requests));
}

/* Shares the next piece, or as much of it as the port covers. */
static enum vpt_status share_next(const struct vpt_requests *requests, struct vpt_shares *shares, uint8_t *buffer,
                                  size_t size)
{
    const struct vpt_port *port = requests->driver->device->port;
    struct vpt_shared *shared = &shares->shared[shares->count];
    enum vpt_status status;

    if (size > requests->segment_max) {
        size = requests->segment_max;
    }
    if (size > VPT_REQUEST_BYTES_MAX - shares->bytes) {
        size = VPT_REQUEST_BYTES_MAX - shares->bytes;
    }
    shares->buffers[shares->count] = buffer;
    status = port->share(port->ctx, buffer, size, shares->direction, access_platform(requests), shared);
    if (status == VPT_OK && shared->size == 0) {
        port->unshare(port->ctx, buffer, shared, shares->direction, access_platform(requests));
        return VPT_RESOURCE_SEGMENTS;
    }
    if (status == VPT_OK) {
        shares->segments[shares->count].address = shared->device_address;
        shares->segments[shares->count].length = (uint32_t)(shared->size < size ? shared->size : size);
        shares->bytes += shares->segments[shares->count].length;
        shares->count++;
    }
    return status;
}

/* Ends the sharing of the last `excess` bytes. */
static void trim(const struct vpt_requests *requests, struct vpt_shares *shares, size_t excess)
{
    while (excess != 0 && shares->count != 0) {
        struct vpt_segment *last = &shares->segments[shares->count - 1u];

        if (last->length > excess) {
            last->length -= (uint32_t)excess;
            shares->bytes -= excess;
            excess = 0;
        } else {
            excess -= last->length;
            unshare_last(requests, shares);
        }
    }
}

enum vpt_status vpt_shares_begin(const struct vpt_requests *requests, struct vpt_shares *shares,
                                 enum vpt_direction direction, void *buffer, size_t size, size_t granule)
{
    uint32_t limit = requests->segments < VPT_SHARES_MAX ? requests->segments : VPT_SHARES_MAX;
    enum vpt_status status = VPT_OK;
    const struct vpt_port *port;

    if (requests->driver == NULL) {
        return VPT_CALLER_STATE;
    }
    port = requests->driver->device->port;
    if (port->share == NULL || port->unshare == NULL) {
        return vpt_log_missing(port, "share, unshare");
    }
    shares->count = 0;
    shares->bytes = 0;
    shares->direction = direction;
    /* If a piece cannot be shared after others were, the request ends before it, with what is shared. */
    while (status == VPT_OK && shares->count < limit && shares->bytes < size && shares->bytes < VPT_REQUEST_BYTES_MAX) {
        status = share_next(requests, shares, (uint8_t *)buffer + shares->bytes, size - shares->bytes);
    }
    if (shares->bytes != size) {
        trim(requests, shares, shares->bytes & (granule - 1u));
    }
    if (shares->count == 0) {
        status = status != VPT_OK ? status : VPT_RESOURCE_SEGMENTS;
        return vpt_log_memory(port, VPT_LOG_WARNING, "share", status, size);
    }
    return VPT_OK;
}

void vpt_shares_end(const struct vpt_requests *requests, struct vpt_shares *shares)
{
    while (shares->count != 0) {
        unshare_last(requests, shares);
    }
}
