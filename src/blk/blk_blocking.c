/* SPDX-License-Identifier: MIT */
/* Blocking helpers: they share the caller's buffer, cut it into requests, and wait for these. */
#include "blk_internal.h"

/* A whole transfer. `sector` and `buffer` advance. */
struct transfer {
    enum vpt_blk_operation operation;
    uint64_t sector;
    uint8_t *buffer;
    size_t size;    /* bytes left */
    size_t granule; /* requests end at multiples of this power of two; 0: the transfer is one request */
};

static enum vpt_status check_ready(const struct vpt_blk_queue *queue)
{
    return queue != NULL ? vpt_requests_ready(&queue->requests) : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_blk_transact(struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    struct vpt_completion completion;
    enum vpt_status status = vpt_blk_submit(queue, request, NULL);

    if (status == VPT_OK) {
        status = vpt_requests_wait(&queue->requests, &completion);
    }
    return status == VPT_OK ? completion.status : status;
}

/* Transfers as much as one request takes. */
static enum vpt_status carry_out_some(struct vpt_blk_queue *queue, struct transfer *transfer)
{
    enum vpt_direction direction = transfer->operation == VPT_BLK_WRITE ? VPT_DEVICE_READS : VPT_DEVICE_WRITES;
    struct vpt_blk_request request = { .operation = transfer->operation, .sector = transfer->sector };
    struct vpt_shares shares;
    enum vpt_status status =
        vpt_shares_begin(&queue->requests, &shares, direction, transfer->buffer, transfer->size, transfer->granule);
    size_t bytes;

    if (status != VPT_OK) {
        return status;
    }
    bytes = shares.bytes;
    request.segments = shares.segments;
    request.segment_count = shares.count;
    status = vpt_blk_transact(queue, &request);
    if (status != VPT_DEVICE_STUCK) {
        vpt_shares_end(&queue->requests, &shares);
    }
    transfer->buffer += bytes;
    transfer->sector += bytes / VPT_BLK_SECTOR_SIZE;
    transfer->size -= bytes;
    return status;
}

static enum vpt_status carry_out_transfer(struct vpt_blk_queue *queue, struct transfer *transfer)
{
    enum vpt_status status = VPT_OK;

    while (transfer->size != 0 && status == VPT_OK) {
        status = carry_out_some(queue, transfer);
    }
    return status;
}

static enum vpt_status read_or_write(struct vpt_blk_queue *queue, enum vpt_blk_operation operation, uint64_t sector,
                                     void *buffer, size_t size)
{
    struct transfer transfer = { operation, sector, (uint8_t *)buffer, size, VPT_BLK_SECTOR_SIZE };
    enum vpt_status status = check_ready(queue);

    if (status != VPT_OK) {
        return status;
    }
    if (buffer == NULL && size != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (operation == VPT_BLK_WRITE && blk_of(&queue->requests)->info.read_only) {
        return VPT_CALLER_READ_ONLY;
    }
    transfer.granule = blk_granule(&blk_of(&queue->requests)->info, sector, size);
    status = blk_check_range(&blk_of(&queue->requests)->info, sector, size);
    return status == VPT_OK ? carry_out_transfer(queue, &transfer) : status;
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
    enum vpt_status status = check_ready(queue);

    if (status != VPT_OK) {
        return status;
    }
    if (!blk_of(&queue->requests)->info.flush) {
        return blk_of(&queue->requests)->info.write_back ? VPT_UNSUPPORTED_REQUEST : VPT_OK;
    }
    return vpt_blk_transact(queue, &request);
}

enum vpt_status vpt_blk_get_id(struct vpt_blk_queue *queue, char id[VPT_BLK_ID_SIZE + 1u])
{
    struct transfer transfer = { VPT_BLK_GET_ID, 0, (uint8_t *)id, VPT_BLK_ID_SIZE, 0 };
    enum vpt_status status = id != NULL ? check_ready(queue) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        vpt_zero(id, VPT_BLK_ID_SIZE + 1u);
        status = carry_out_transfer(queue, &transfer);
    }
    return status;
}
