/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_BLK_INTERNAL_H
#define VPT_SRC_BLK_INTERNAL_H

#include <vpt/blk.h>

#include "../access.h"
#include "../queue/internal.h"

#define BLK_STATUS_OK          0u
#define BLK_STATUS_IOERR       1u
#define BLK_STATUS_UNSUPP      2u
#define BLK_STATUS_NOT_WRITTEN 0xffu

/* Offsets in the configuration (section 5.2.4). */
#define BLK_CONFIG_CAPACITY  0u
#define BLK_CONFIG_WRITEBACK 32u

VPT_STATIC_ASSERT(sizeof(struct vpt_blk_slot_shared) == 32, "a multiple of 16");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct vpt_blk_slot_shared, sector) == 8, "section 5.2.6");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct vpt_blk_slot_shared, status) == 16, "the header is 16 bytes");

VPT_STATIC_ASSERT(sizeof(struct vpt_blk_range_record) == 16, "section 5.2.6");

/*
 * Resets, negotiates and reads the configuration into a zeroed *info; on failure the device is FAILED and *info
 * anything.
 */
enum vpt_status vpt_blk_bring_up(struct vpt_device *device, const struct vpt_features *required,
                                 const struct vpt_features *wanted, const struct vpt_features *refused,
                                 struct vpt_blk_info *info);

/* No more data segments in a request than the device says that it takes. */
uint16_t vpt_blk_cap_segments(const struct vpt_blk *blk, uint16_t segments);

/* Whether `bytes` from `sector` on are whole sectors and lie inside the device. */
enum vpt_status vpt_blk_check_range(const struct vpt_blk *blk, uint64_t sector, uint64_t bytes);

/* ---- Ranges: reached through vpt_blk.ranges, so that only kernels that ask for them link them ---- */

struct vpt_blk_range_ops {
    /* vpt_blk_ranges_init(), for the next life of a device that it was called for. */
    enum vpt_status (*init)(struct vpt_blk *blk);

    /* Whether a request may be submitted; VPT_UNSUPPORTED_REQUEST for an operation that has no ranges. */
    enum vpt_status (*check)(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request);

    /* Writes the records of a checked request into the memory of slot `index`; they become the frame's data. */
    void (*fill)(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, uint16_t index,
                 struct vpt_queue_frame *frame);
};

/* What an operation takes; NULL: it has no ranges. */
const struct vpt_blk_limits *vpt_blk_limits_of(const struct vpt_blk_info *info, enum vpt_blk_operation operation);

/* Whether an operation may be carried out on such sectors, however many they are. */
enum vpt_status vpt_blk_check_extent(const struct vpt_blk_info *info, enum vpt_blk_operation operation,
                                     uint64_t sector, uint64_t count, bool unmap);

/* ---- Blocking ---- */

/* Whether a blocking helper may use the queue. */
enum vpt_status vpt_blk_check_ready(const struct vpt_blk_queue *queue);

/* Submits a request to an idle queue and waits for its completion, or resets the device. */
enum vpt_status vpt_blk_transact(struct vpt_blk_queue *queue, const struct vpt_blk_request *request);

#endif
