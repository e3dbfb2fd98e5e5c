/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_BLK_INTERNAL_H
#define VPT_SRC_BLK_INTERNAL_H

#include <vpt/blk.h>

#include "../access.h"
#include "../request/slots.h"

#define BLK_STATUS_OK          0u
#define BLK_STATUS_IOERR       1u
#define BLK_STATUS_UNSUPP      2u
#define BLK_STATUS_NOT_WRITTEN 0xffu

/* Offsets in the configuration (section 5.2.4). */
#define BLK_CONFIG_CAPACITY  0u
#define BLK_CONFIG_WRITEBACK 32u

VPT_STATIC_ASSERT(sizeof(struct vpt_blk_slot) == 32, "a multiple of 16");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct vpt_blk_slot, sector) == 8, "section 5.2.6");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct vpt_blk_slot, status) == 16, "the header is 16 bytes");

VPT_STATIC_ASSERT(sizeof(struct vpt_blk_range_record) == 16, "section 5.2.6");

/* Returns the disk of a queue that is set up. */
static inline struct vpt_blk *blk_of(const struct vpt_requests *requests)
{
    return VPT_CONTAINER_OF(requests->driver, struct vpt_blk, driver);
}

/* Checks that `bytes` from `sector` on are whole sectors and within the device. */
static inline enum vpt_status blk_check_range(const struct vpt_blk_info *info, uint64_t sector, uint64_t bytes)
{
    if ((bytes & (VPT_BLK_SECTOR_SIZE - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    return sector <= info->capacity && bytes / VPT_BLK_SECTOR_SIZE <= info->capacity - sector ? VPT_OK
                                                                                              : VPT_CALLER_RANGE;
}

/* Returns the unit in which a transfer is cut: some devices fail requests that end within a block. */
static inline uint32_t blk_granule(const struct vpt_blk_info *info, uint64_t sector, uint64_t bytes)
{
    bool whole = ((sector * VPT_BLK_SECTOR_SIZE | bytes) & (info->block_size - 1u)) == 0;

    return whole && info->block_size <= VPT_REQUEST_BYTES_MAX ? info->block_size : VPT_BLK_SECTOR_SIZE;
}

/* ---- Ranges: called through vpt_blk.range_ops, so that only kernels that use them link them ---- */

struct vpt_blk_range_ops {
    /* Reads the limits, for vpt_blk_ranges_init() and each bring-up after it. */
    enum vpt_status (*read_limits)(struct vpt_device *device, struct vpt_blk_info *info);

    /*
     * Checks the ranges of a request, writes them into the slot of the next one, and returns this data as a segment.
     * VPT_UNSUPPORTED_REQUEST: the operation has no ranges.
     */
    enum vpt_status (*prepare)(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request,
                               struct vpt_segment *records);
};

/* Returns the limits of an operation, or NULL if it has no ranges. */
const struct vpt_blk_limits *vpt_blk_limits_of(const struct vpt_blk_info *info, enum vpt_blk_operation operation);

/* Checks whether an operation may be carried out on these sectors, however many they are. */
enum vpt_status vpt_blk_check_extent(const struct vpt_blk_info *info, enum vpt_blk_operation operation, uint64_t sector,
                                     uint64_t count, bool unmap);

/* ---- Blocking ---- */

/* Submits a request to an idle queue and waits for its completion, or resets the device. */
enum vpt_status vpt_blk_transact(struct vpt_blk_queue *queue, const struct vpt_blk_request *request);

#endif
