/* SPDX-License-Identifier: MIT */
/* What may change while a block device runs: the driver may switch the write cache, and the device its capacity. */
#include "../transport/transport_ops.h"
#include "blk_internal.h"

/* Sets the write cache, and reads back into *info what the device does. */
static enum vpt_status set_write_back(struct vpt_device *device, struct vpt_blk_info *info, bool write_back)
{
    uint32_t taken = 0;
    enum vpt_status status = vpt_device_config_write(device, BLK_CONFIG_WRITEBACK, 1, write_back ? 1u : 0u);

    if (status == VPT_OK) {
        status = vpt_device_config_read(device, BLK_CONFIG_WRITEBACK, 1, &taken);
    }
    if (status == VPT_OK) {
        status = vpt_device_check(device);
    }
    if (status != VPT_OK) {
        return status;
    }
    info->write_back = taken != 0;
    return info->write_back == write_back ? VPT_OK : VPT_DEVICE_CONFIG;
}

/*
 * Whether to turn the cache on, or off. A write cache that cannot be flushed is not turned on; it was on only because
 * the device came up with it.
 */
static bool can_be(const struct vpt_blk_info *info, bool write_back)
{
    return info->write_back_switch && (!write_back || info->flush);
}

/* Called in the next bring-up: sets the cache as it was before. */
static enum vpt_status repeat(struct vpt_device *device, struct vpt_blk_info *info, bool write_back)
{
    return info->write_back != write_back && can_be(info, write_back) ? set_write_back(device, info, write_back)
                                                                      : VPT_OK;
}

enum vpt_status vpt_blk_set_write_back(struct vpt_blk *blk, bool write_back)
{
    enum vpt_status status = vpt_driver_negotiated(blk != NULL ? &blk->driver : NULL);

    if (status != VPT_OK) {
        return status;
    }
    blk->repeat_write_back = repeat;
    return can_be(&blk->info, write_back) ? set_write_back(blk->driver.device, &blk->info, write_back)
                                          : VPT_UNSUPPORTED_REQUEST;
}

enum vpt_status vpt_blk_refresh(struct vpt_blk *blk)
{
    static const struct vpt_config_field field = { BLK_CONFIG_CAPACITY, 8, 0, 0 };
    uint64_t capacity = 0;
    enum vpt_status status = vpt_driver_refresh(blk != NULL ? &blk->driver : NULL, &field, 1, &capacity);

    if (status == VPT_OK) {
        blk->info.capacity = capacity;
    }
    return status;
}
