/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_BLK_INTERNAL_H
#define VPT_SRC_BLK_INTERNAL_H

#include <vpt/blk.h>

#include "access.h"

#define BLK_STATUS_OK          0u
#define BLK_STATUS_IOERR       1u
#define BLK_STATUS_UNSUPP      2u
#define BLK_STATUS_NOT_WRITTEN 0xffu

VPT_STATIC_ASSERT(sizeof(struct vpt_blk_slot_shared) == 32, "a multiple of 16");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct vpt_blk_slot_shared, sector) == 8, "section 5.2.6");
VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct vpt_blk_slot_shared, status) == 16, "the header is 16 bytes");

/* Whether `bytes` from `sector` on are whole sectors and lie inside the device. */
enum vpt_status vpt_blk_check_range(const struct vpt_blk *blk, uint64_t sector, uint64_t bytes);

#endif
