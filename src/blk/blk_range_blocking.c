/* SPDX-License-Identifier: MIT */
/* Blocking helpers for ranges of sectors. They have a file of their own, since many kernels link none of them. */
#include "blk_internal.h"

static enum vpt_status carry_out_range(struct vpt_blk_queue *queue, enum vpt_blk_operation operation,
                                       struct vpt_blk_range range, uint64_t count)
{
    const struct vpt_blk_request request = { .operation = operation, .range_count = 1, .ranges = &range };
    enum vpt_status status = queue != NULL ? vpt_requests_ready(&queue->requests) : VPT_CALLER_ARGUMENT;
    const struct vpt_blk_limits *limits;

    if (status == VPT_OK) {
        status = vpt_blk_check_extent(&blk_of(&queue->requests)->info, operation, range.sector, count, range.unmap);
    }
    if (status != VPT_OK) {
        return status;
    }
    limits = vpt_blk_limits_of(&blk_of(&queue->requests)->info, operation);
    while (count != 0 && status == VPT_OK) {
        range.sectors = count < limits->sectors ? (uint32_t)count : limits->sectors;
        status = vpt_blk_transact(queue, &request);
        range.sector += range.sectors;
        count -= range.sectors;
    }
    return status;
}

enum vpt_status vpt_blk_discard(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count)
{
    return carry_out_range(queue, VPT_BLK_DISCARD, (struct vpt_blk_range){ sector, 0, false }, count);
}

enum vpt_status vpt_blk_write_zeroes(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count, bool unmap)
{
    return carry_out_range(queue, VPT_BLK_WRITE_ZEROES, (struct vpt_blk_range){ sector, 0, unmap }, count);
}

enum vpt_status vpt_blk_secure_erase(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count)
{
    return carry_out_range(queue, VPT_BLK_SECURE_ERASE, (struct vpt_blk_range){ sector, 0, false }, count);
}
