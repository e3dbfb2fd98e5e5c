/* SPDX-License-Identifier: MIT */
/* A block device's bring-up and configuration (VirtIO 1.4, sections 5.2.3 to 5.2.5). */
#include "../transport/transport.h"
#include "internal.h"

/* What is read of the configuration, in the order of the table below. */
enum info_field {
    INFO_CAPACITY,
    INFO_SIZE_MAX,
    INFO_SEG_MAX,
    INFO_CYLINDERS,
    INFO_HEADS,
    INFO_SECTORS,
    INFO_BLOCK_SIZE,
    INFO_PHYSICAL_BLOCK_EXPONENT,
    INFO_ALIGNMENT_OFFSET,
    INFO_MINIMUM_IO_SIZE,
    INFO_OPTIMAL_IO_SIZE,
    INFO_WRITEBACK,
    INFO_QUEUES,
    INFO_COUNT
};

#define NO_LIMIT 0xffffffffu

#define F_ZONED                 17u
#define CONFIG_ZONE_MODEL       92u
#define ZONE_MODEL_HOST_MANAGED 1u

static const struct vpt_config_field fields[INFO_COUNT] = {
    [INFO_CAPACITY] = { BLK_CONFIG_CAPACITY, 8, 0, 0 },
    [INFO_SIZE_MAX] = { 8, 4, VPT_CONFIG_WITH(VPT_BLK_F_SIZE_MAX), NO_LIMIT },
    [INFO_SEG_MAX] = { 12, 4, VPT_CONFIG_WITH(VPT_BLK_F_SEG_MAX), 1 },
    [INFO_CYLINDERS] = { 16, 2, VPT_CONFIG_WITH(VPT_BLK_F_GEOMETRY), 0 },
    [INFO_HEADS] = { 18, 1, VPT_CONFIG_WITH(VPT_BLK_F_GEOMETRY), 0 },
    [INFO_SECTORS] = { 19, 1, VPT_CONFIG_WITH(VPT_BLK_F_GEOMETRY), 0 },
    [INFO_BLOCK_SIZE] = { 20, 4, VPT_CONFIG_WITH(VPT_BLK_F_BLK_SIZE), VPT_BLK_SECTOR_SIZE },
    [INFO_PHYSICAL_BLOCK_EXPONENT] = { 24, 1, VPT_CONFIG_WITH(VPT_BLK_F_TOPOLOGY), 0 },
    [INFO_ALIGNMENT_OFFSET] = { 25, 1, VPT_CONFIG_WITH(VPT_BLK_F_TOPOLOGY), 0 },
    [INFO_MINIMUM_IO_SIZE] = { 26, 2, VPT_CONFIG_WITH(VPT_BLK_F_TOPOLOGY), 0 },
    [INFO_OPTIMAL_IO_SIZE] = { 28, 4, VPT_CONFIG_WITH(VPT_BLK_F_TOPOLOGY), 0 },
    [INFO_WRITEBACK] = { BLK_CONFIG_WRITEBACK, 1, VPT_CONFIG_WITH(VPT_BLK_F_CONFIG_WCE), 0 },
    [INFO_QUEUES] = { 34, 2, VPT_CONFIG_WITH(VPT_BLK_F_MQ), 1 },
};

static void fill_info(const struct vpt_device *device, const uint64_t values[INFO_COUNT], struct vpt_blk_info *info)
{
    info->capacity = values[INFO_CAPACITY];
    info->read_only = vpt_features_has(&device->features, VPT_BLK_F_RO);
    info->flush = vpt_features_has(&device->features, VPT_BLK_F_FLUSH);
    info->write_back_switch = vpt_features_has(&device->features, VPT_BLK_F_CONFIG_WCE);
    /* BLK-INIT-2, BLK-INIT-3 */
    info->write_back = info->write_back_switch ? values[INFO_WRITEBACK] != 0 : info->flush;
    info->queues = (uint16_t)values[INFO_QUEUES];
    info->block_size = (uint32_t)values[INFO_BLOCK_SIZE];
    info->size_max = (uint32_t)values[INFO_SIZE_MAX];
    /* Some devices say 0, and still take one (they could do nothing otherwise). */
    info->seg_max = values[INFO_SEG_MAX] != 0 ? (uint32_t)values[INFO_SEG_MAX] : 1u;
    info->cylinders = (uint16_t)values[INFO_CYLINDERS];
    info->heads = (uint8_t)values[INFO_HEADS];
    info->sectors = (uint8_t)values[INFO_SECTORS];
    info->physical_block_exponent = (uint8_t)values[INFO_PHYSICAL_BLOCK_EXPONENT];
    info->alignment_offset = (uint8_t)values[INFO_ALIGNMENT_OFFSET];
    info->minimum_io_size = (uint16_t)values[INFO_MINIMUM_IO_SIZE];
    info->optimal_io_size = (uint32_t)values[INFO_OPTIMAL_IO_SIZE];
}

/* Numbers that a caller will shift by, mask with or divide by. */
static enum vpt_status check_info(const struct vpt_blk_info *info)
{
    uint32_t size = info->block_size;

    if (size < VPT_BLK_SECTOR_SIZE || (size & (size - 1u)) != 0 || info->queues == 0) {
        return VPT_DEVICE_CONFIG;
    }
    if (info->physical_block_exponent > 31u || size > 0xffffffffu >> info->physical_block_exponent) {
        return VPT_DEVICE_CONFIG;
    }
    return (uint64_t)info->size_max * info->seg_max >= VPT_BLK_SECTOR_SIZE ? VPT_OK : VPT_DEVICE_CONFIG;
}

/* Zones are not handled: what has nothing else is given up before its features are accepted (BLK-INIT-8). */
static enum vpt_status examine(struct vpt_driver *driver)
{
    struct vpt_device *device = driver->device;
    uint32_t model = 0;
    enum vpt_status status = VPT_OK;

    /* No legacy interface has the bit (section 5.2.5). */
    if (!vpt_legacy(device) && vpt_features_has(&device->offered, F_ZONED)) {
        status = vpt_device_config_read(device, CONFIG_ZONE_MODEL, 1, &model);
    }
    if (status == VPT_CALLER_RANGE) {
        return VPT_DEVICE_CONFIG;
    }
    return model == ZONE_MODEL_HOST_MANAGED ? VPT_UNSUPPORTED_DEVICE : status;
}

/* What calls after vpt_blk_init() had added to the bring-up before. */
static enum vpt_status repeat(struct vpt_blk *blk, bool write_back)
{
    enum vpt_status status = blk->range_ops != NULL ? blk->range_ops->init(blk, blk->ranges) : VPT_OK;

    /* Do not turn on a write cache that cannot be flushed; it was on only because the device came up that way. */
    if (status == VPT_OK && blk->set_write_back != NULL && blk->info.write_back_switch &&
        blk->info.write_back != write_back && (!write_back || blk->info.flush)) {
        status = blk->set_write_back(blk, write_back);
    }
    return status;
}

/* A queue that was set up in an earlier bring-up is one that the device still has. */
static enum vpt_status check_queues(const struct vpt_driver *driver, uint16_t queues)
{
    const struct vpt_requests *queue = driver->first;

    while (queue != NULL && queue->queue.index < queues) {
        queue = queue->next;
    }
    return queue == NULL ? VPT_OK : VPT_UNSUPPORTED_QUEUE;
}

static enum vpt_status configure(struct vpt_driver *driver)
{
    struct vpt_blk *blk = VPT_CONTAINER_OF(driver, struct vpt_blk, driver);
    struct vpt_blk_info before = blk->info;
    uint64_t values[INFO_COUNT];
    enum vpt_status status = vpt_device_config_fields(driver->device, fields, INFO_COUNT, values);

    if (status != VPT_OK) {
        return status;
    }
    vpt_zero(&blk->info, sizeof(blk->info));
    fill_info(driver->device, values, &blk->info);
    status = check_info(&blk->info);
    if (status == VPT_OK) {
        status = check_queues(driver, blk->info.queues);
    }
    if (status == VPT_OK) {
        status = repeat(blk, before.write_back);
    }
    if (status != VPT_OK) {
        blk->info = before;
    }
    return status;
}

enum vpt_status vpt_blk_init(struct vpt_blk *blk, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = {
        .type = VPT_DEVICE_TYPE_BLOCK,
        .wanted = { { (1u << VPT_BLK_F_SIZE_MAX) | (1u << VPT_BLK_F_SEG_MAX) | (1u << VPT_BLK_F_GEOMETRY) |
                      (1u << VPT_BLK_F_RO) | (1u << VPT_BLK_F_BLK_SIZE) | (1u << VPT_BLK_F_FLUSH) |
                      (1u << VPT_BLK_F_TOPOLOGY) | (1u << VPT_BLK_F_CONFIG_WCE) | (1u << VPT_BLK_F_MQ) |
                      (1u << VPT_BLK_F_DISCARD) | (1u << VPT_BLK_F_WRITE_ZEROES) |
                      (1u << VPT_BLK_F_SECURE_ERASE) } },
        .examine = examine,
        .configure = configure
    };
    enum vpt_status status;

    if (blk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(blk, sizeof(*blk));
    status = vpt_driver_init(&blk->driver, device, &kind, choice);
    if (status != VPT_OK) {
        vpt_zero(blk, sizeof(*blk));
    }
    return status;
}
