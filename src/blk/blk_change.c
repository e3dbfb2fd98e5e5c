/* SPDX-License-Identifier: MIT */
/* What may change while a block device runs: the driver may switch the write cache, and the device its capacity. */
#include "../transport/transport_ops.h"
#include "blk_internal.h"

/* Checks that the device is as vpt_blk_init() has left it, or started. */
static enum vpt_status check_negotiated(const struct vpt_blk *blk)
{
    const uint8_t states = VPT_STATUS_DRIVER | VPT_STATUS_FAILED;

    if (blk == NULL || blk->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (vpt_gone(blk->driver.device)) {
        return VPT_DEVICE_GONE;
    }
    return (blk->driver.device->status & states) == VPT_STATUS_DRIVER ? VPT_OK : VPT_CALLER_STATE;
}

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
    enum vpt_status status = check_negotiated(blk);

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
    enum vpt_status status = check_negotiated(blk);
    uint64_t capacity = 0;

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_device_config_fields(blk->driver.device, &field, 1, &capacity);
    /* A device that is gone reads as one with the largest capacity, or its configuration is unstable while it goes. */
    if (status == VPT_OK || status == VPT_DEVICE_CONFIG_UNSTABLE) {
        enum vpt_status found = vpt_device_check(blk->driver.device);

        status = found != VPT_OK ? found : status;
    }
    if (status == VPT_OK) {
        blk->info.capacity = capacity;
    }
    return status;
}
