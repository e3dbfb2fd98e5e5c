/* SPDX-License-Identifier: MIT */
#include "storage.h"

/* Number of interrupts without a completion after which the device is given up. */
#define WAKEUPS_IN_VAIN 1000u

enum vpt_status storage_up(struct storage *storage)
{
    static const struct vpt_requests_config config = { .requests = 1, .segments = 1 };
    enum vpt_status status;

    if (storage->up) {
        return storage->stuck ? VPT_DEVICE_STUCK : VPT_OK;
    }
    status = vpt_blk_init(&storage->blk, storage->device, NULL);
    if (status == VPT_OK) {
        status = vpt_blk_queue_init(&storage->queue, &storage->blk, 0, &config);
    }
    if (status != VPT_OK) {
        return status;
    }
    storage->up = true;
    return vpt_driver_start(&storage->blk.driver);
}

void storage_down(struct storage *storage)
{
    struct vpt_completion completion;

    if (!storage->up) {
        return;
    }
    (void)vpt_device_reset(storage->device);
    (void)vpt_requests_poll(&storage->queue.requests, &completion); /* at most one request */
    storage->up = vpt_requests_release(&storage->queue.requests) != VPT_OK;
    storage->stuck = storage->up;
}

/*
 * Polls until the queue is empty, because only then does the device interrupt for the next request. Returns the
 * request's status, or VPT_EMPTY if no request had completed.
 */
static enum vpt_status drain(struct storage *storage)
{
    struct vpt_completion completion = { .status = VPT_EMPTY };
    enum vpt_status status;

    do {
        status = vpt_requests_poll(&storage->queue.requests, &completion);
    } while (status == VPT_OK); /* at most one request completes */
    return status == VPT_EMPTY ? completion.status : status;
}

static enum vpt_status await(struct storage *storage)
{
    for (unsigned i = 0; i < WAKEUPS_IN_VAIN; i++) {
        enum vpt_status status;

        if (!storage->wait(storage->ctx)) {
            return VPT_DEVICE_TIMEOUT;
        }
        storage->wakeups++;
        status = drain(storage);
        if (status != VPT_EMPTY) {
            return status;
        }
    }
    return VPT_DEVICE_TIMEOUT;
}

static enum vpt_status carry_out(struct storage *storage, const struct vpt_blk_request *request)
{
    enum vpt_status status = vpt_blk_submit(&storage->queue, request, NULL);

    if (status == VPT_OK) {
        status = vpt_requests_kick(&storage->queue.requests);
    }
    storage->requests++;
    return status == VPT_OK ? await(storage) : status;
}

static enum vpt_status transfer(struct storage *storage, enum vpt_blk_operation operation, uint64_t sector,
                                uint32_t sectors)
{
    const struct vpt_segment segment = { storage->buffer.device_address, sectors * VPT_BLK_SECTOR_SIZE };
    const struct vpt_blk_request request = {
        .operation = operation,
        .sector = sector,
        .segments = &segment,
        .segment_count = 1,
    };

    return carry_out(storage, &request);
}

enum vpt_status storage_read(struct storage *storage, uint64_t sector, uint32_t sectors)
{
    return transfer(storage, VPT_BLK_READ, sector, sectors);
}

enum vpt_status storage_write(struct storage *storage, uint64_t sector, uint32_t sectors)
{
    return transfer(storage, VPT_BLK_WRITE, sector, sectors);
}

enum vpt_status storage_flush(struct storage *storage)
{
    static const struct vpt_blk_request request = { .operation = VPT_BLK_FLUSH };

    if (!storage->blk.info.flush) {
        return vpt_blk_flush(&storage->queue); /* VPT_OK if no flush is needed, else an error */
    }
    return carry_out(storage, &request);
}
