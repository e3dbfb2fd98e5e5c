/* SPDX-License-Identifier: MIT */
/* Blocking helpers on top of the asynchronous requests: share, split, wait. */
#include "../log.h"
#include "../transport/transport.h"
#include "../transport/wait.h"
#include "internal.h"

/* A request's data in at most this many pieces: what lies on the stack. */
#define PIECES 8u

/* What devices are used to: they rarely say what they take at most, and a wait is for one request. */
#define REQUEST_BYTES_MAX 0x100000u

struct piece {
    void *buffer;
    struct vpt_shared shared;
};

/* The part of a transfer that goes into one request. */
struct gathered {
    struct piece pieces[PIECES];
    struct vpt_segment segments[PIECES];
    uint16_t count;
    size_t bytes;
};

/* A whole transfer; `sector` and `buffer` advance with it. */
struct transfer {
    enum vpt_blk_operation operation;
    uint64_t sector;
    uint8_t *buffer;
    size_t size;    /* bytes left */
    size_t granule; /* bytes that requests end at multiples of; a power of two, or 0: the transfer is one request */
};

static bool access_platform(const struct vpt_blk_queue *queue)
{
    return (queue->areas[0].flags & VPT_DMA_ACCESS_PLATFORM) != 0;
}

static enum vpt_direction direction_of(const struct transfer *transfer)
{
    return transfer->operation == VPT_BLK_WRITE ? VPT_DEVICE_READS : VPT_DEVICE_WRITES;
}

static void unshare_last(struct vpt_blk_queue *queue, const struct transfer *transfer, struct gathered *gathered)
{
    const struct vpt_port *port = queue->device->port;
    struct piece *piece = &gathered->pieces[gathered->count - 1u];

    gathered->count--;
    gathered->bytes -= gathered->segments[gathered->count].length;
    port->unshare(port->ctx, piece->buffer, &piece->shared, direction_of(transfer), access_platform(queue));
}

static void unshare_all(struct vpt_blk_queue *queue, const struct transfer *transfer, struct gathered *gathered)
{
    uint32_t i;

    for (i = 0; i < PIECES && gathered->count != 0; i++) {
        unshare_last(queue, transfer, gathered);
    }
}

/* Shares the next piece of the buffer, or as much of it as the port covers. */
static enum vpt_status share_next(struct vpt_blk_queue *queue, const struct transfer *transfer,
                                  struct gathered *gathered)
{
    const struct vpt_port *port = queue->device->port;
    struct piece *piece = &gathered->pieces[gathered->count];
    size_t size = transfer->size - gathered->bytes;
    enum vpt_status status;

    if (size > queue->blk->info.size_max) {
        size = queue->blk->info.size_max;
    }
    if (size > REQUEST_BYTES_MAX - gathered->bytes) {
        size = REQUEST_BYTES_MAX - gathered->bytes;
    }
    piece->buffer = transfer->buffer + gathered->bytes;
    status = port->share(port->ctx, piece->buffer, size, direction_of(transfer), access_platform(queue),
                         &piece->shared);
    if (status != VPT_OK) {
        return status;
    }
    gathered->segments[gathered->count].address = piece->shared.device_address;
    gathered->segments[gathered->count].length = (uint32_t)(piece->shared.size < size ? piece->shared.size : size);
    gathered->bytes += gathered->segments[gathered->count].length;
    gathered->count++;
    return VPT_OK;
}

/* Takes back from the end what is more than a whole number of granules, where the transfer goes on. */
static void trim(struct vpt_blk_queue *queue, const struct transfer *transfer, struct gathered *gathered)
{
    size_t excess = gathered->bytes == transfer->size ? 0 : gathered->bytes & (transfer->granule - 1u);
    uint32_t i;

    for (i = 0; i < PIECES && excess != 0 && gathered->count != 0; i++) {
        struct vpt_segment *last = &gathered->segments[gathered->count - 1u];

        if (last->length > excess) {
            last->length -= (uint32_t)excess;
            gathered->bytes -= excess;
            excess = 0;
        } else {
            excess -= last->length;
            unshare_last(queue, transfer, gathered);
        }
    }
}

/*
 * Shares as much of the transfer as one request takes. A share that fails after others were made ends the request
 * there: what is shared goes first, and the port has room again.
 */
static enum vpt_status gather(struct vpt_blk_queue *queue, const struct transfer *transfer, struct gathered *gathered)
{
    uint32_t limit = queue->segments < PIECES ? queue->segments : PIECES;
    enum vpt_status status = VPT_OK;

    gathered->count = 0;
    gathered->bytes = 0;
    while (status == VPT_OK && gathered->count < limit && gathered->bytes < transfer->size &&
           gathered->bytes < REQUEST_BYTES_MAX) {
        status = share_next(queue, transfer, gathered);
    }
    trim(queue, transfer, gathered);
    if (gathered->count == 0) {
        return status != VPT_OK ? status : VPT_RESOURCE_SEGMENTS;
    }
    return VPT_OK;
}

/* The device may still write to the buffer: a reset takes it out of its hands, before anything is given back. */
static enum vpt_status give_up(struct vpt_blk_queue *queue, enum vpt_status why)
{
    struct vpt_blk_completion completion;
    enum vpt_status status = vpt_device_reset(queue->device);

    /* The request itself, then the end of the queue: it may have completed just before the reset. */
    if (vpt_blk_poll(queue, &completion) == VPT_OK) {
        (void)vpt_blk_poll(queue, &completion);
    }
    if (status == VPT_DEVICE_STUCK || status == VPT_DEVICE_GONE) {
        return status;
    }
    return vpt_log(queue->device->port, VPT_LOG_ERROR, "request", why);
}

static enum vpt_status wait(struct vpt_blk_queue *queue)
{
    struct vpt_device *device = queue->device;
    struct vpt_blk_completion completion;
    uint32_t iteration = 0;
    enum vpt_status status;

    do {
        status = vpt_blk_poll(queue, &completion);
        if (status == VPT_OK) {
            return completion.status;
        }
    } while (status == VPT_EMPTY && vpt_keep_waiting(device->port, VPT_WAIT_REQUEST, &iteration));
    if (status == VPT_EMPTY) {
        status = vpt_device_check(device);
    }
    return give_up(queue, status == VPT_OK ? VPT_DEVICE_TIMEOUT : status);
}

enum vpt_status vpt_blk_transact(struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    enum vpt_status status = vpt_blk_submit(queue, request, NULL);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_blk_kick(queue);
    return status == VPT_OK ? wait(queue) : give_up(queue, status);
}

enum vpt_status vpt_blk_check_ready(const struct vpt_blk_queue *queue)
{
    const struct vpt_device *device;

    if (queue == NULL || queue->blk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    device = queue->device;
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (vpt_queue_status(&queue->queue) != VPT_OK) {
        return vpt_queue_status(&queue->queue);
    }
    if (!vpt_running(device) || device->resets != queue->queue.resets) {
        return VPT_CALLER_STATE;
    }
    return queue->in_flight == 0 ? VPT_OK : VPT_CALLER_BUSY;
}

static enum vpt_status carry_out(struct vpt_blk_queue *queue, struct transfer *transfer)
{
    const struct vpt_port *port = queue->device->port;
    enum vpt_status status = VPT_OK;
    struct gathered gathered;

    if (port->share == NULL || port->unshare == NULL) {
        return vpt_log_missing(port, "share, unshare");
    }
    while (transfer->size != 0 && status == VPT_OK) {
        struct vpt_blk_request request = { .operation = transfer->operation, .sector = transfer->sector };
        size_t bytes;

        status = gather(queue, transfer, &gathered);
        if (status != VPT_OK) {
            return vpt_log_memory(port, VPT_LOG_WARNING, "share", status, transfer->size);
        }
        bytes = gathered.bytes;
        request.segments = gathered.segments;
        request.segment_count = gathered.count;
        status = vpt_blk_transact(queue, &request);
        if (status == VPT_DEVICE_STUCK) {
            return status;
        }
        unshare_all(queue, transfer, &gathered);
        transfer->buffer += bytes;
        transfer->sector += bytes / VPT_BLK_SECTOR_SIZE;
        transfer->size -= bytes;
    }
    return status;
}

static enum vpt_status read_or_write(struct vpt_blk_queue *queue, enum vpt_blk_operation operation, uint64_t sector,
                                     void *buffer, size_t size)
{
    struct transfer transfer = { operation, sector, (uint8_t *)buffer, size, VPT_BLK_SECTOR_SIZE };
    enum vpt_status status = vpt_blk_check_ready(queue);
    uint32_t block_size;

    if (status != VPT_OK) {
        return status;
    }
    if (buffer == NULL && size != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (operation == VPT_BLK_WRITE && queue->blk->info.read_only) {
        return VPT_CALLER_READ_ONLY;
    }
    block_size = queue->blk->info.block_size;
    /* Whole blocks stay whole: some devices fail requests that end inside one. */
    if (((sector * VPT_BLK_SECTOR_SIZE | size) & (block_size - 1u)) == 0) {
        transfer.granule = block_size;
    }
    status = vpt_blk_check_range(queue->blk, sector, size);
    return status == VPT_OK ? carry_out(queue, &transfer) : status;
}

enum vpt_status vpt_blk_read(struct vpt_blk_queue *queue, uint64_t sector, void *buffer, size_t size)
{
    return read_or_write(queue, VPT_BLK_READ, sector, buffer, size);
}

enum vpt_status vpt_blk_write(struct vpt_blk_queue *queue, uint64_t sector, const void *buffer, size_t size)
{
    return read_or_write(queue, VPT_BLK_WRITE, sector, vpt_unconst(buffer), size);
}

enum vpt_status vpt_blk_flush(struct vpt_blk_queue *queue)
{
    static const struct vpt_blk_request request = { .operation = VPT_BLK_FLUSH };
    enum vpt_status status = vpt_blk_check_ready(queue);

    if (status != VPT_OK) {
        return status;
    }
    if (!queue->blk->info.flush) {
        return queue->blk->info.write_back ? VPT_UNSUPPORTED_REQUEST : VPT_OK;
    }
    return vpt_blk_transact(queue, &request);
}

enum vpt_status vpt_blk_get_id(struct vpt_blk_queue *queue, char id[VPT_BLK_ID_SIZE + 1u])
{
    struct transfer transfer = { VPT_BLK_GET_ID, 0, (uint8_t *)id, VPT_BLK_ID_SIZE, 0 };
    enum vpt_status status = id != NULL ? vpt_blk_check_ready(queue) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        vpt_zero(id, VPT_BLK_ID_SIZE + 1u);
        status = carry_out(queue, &transfer);
    }
    return status;
}
