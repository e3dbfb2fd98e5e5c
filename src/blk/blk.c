/* SPDX-License-Identifier: MIT */
/* A block device's bring-up and configuration (VirtIO 1.4, sections 5.2.3 to 5.2.5). */
#include "../transport/transport_ops.h"
#include "blk_internal.h"

#define NO_LIMIT 0xffffffffu

#define F_ZONED                 17u
#define CONFIG_ZONE_MODEL       92u
#define ZONE_MODEL_HOST_MANAGED 1u

/* A field, and the member of struct vpt_blk_info that it is read into. */
#define FIELD(offset, width, feature, member)                                                           \
    {                                                                                                   \
        offset, width, VPT_CONFIG_WITH(VPT_BLK_F_##feature), VPT_OFFSET_OF(struct vpt_blk_info, member) \
    }

/* Reads the configuration. If a field is missing, its member gets the default value. */
static enum vpt_status read_info(struct vpt_device *device, struct vpt_blk_info *info)
{
    static const struct vpt_config_field fields[] = {
        { BLK_CONFIG_CAPACITY, 8, 0, VPT_OFFSET_OF(struct vpt_blk_info, capacity) },
        FIELD(8, 4, SIZE_MAX, size_max),
        FIELD(12, 4, SEG_MAX, seg_max),
        FIELD(16, 2, GEOMETRY, cylinders),
        FIELD(18, 1, GEOMETRY, heads),
        FIELD(19, 1, GEOMETRY, sectors),
        FIELD(20, 4, BLK_SIZE, block_size),
        FIELD(24, 1, TOPOLOGY, physical_block_exponent),
        FIELD(25, 1, TOPOLOGY, alignment_offset),
        FIELD(26, 2, TOPOLOGY, minimum_io_size),
        FIELD(28, 4, TOPOLOGY, optimal_io_size),
        FIELD(BLK_CONFIG_WRITEBACK, 1, CONFIG_WCE, write_back),
        FIELD(34, 2, MQ, queues),
    };
    enum vpt_status status;

    vpt_zero(info, sizeof(*info));
    info->size_max = NO_LIMIT;
    info->seg_max = 1;
    info->block_size = VPT_BLK_SECTOR_SIZE;
    info->queues = 1;
    info->read_only = vpt_features_has(&device->features, VPT_BLK_F_RO);
    info->write_back_switch = vpt_features_has(&device->features, VPT_BLK_F_CONFIG_WCE);
    info->flush = vpt_features_has(&device->features, VPT_BLK_F_FLUSH);
    info->write_back = info->flush; /* BLK-INIT-2, BLK-INIT-3 */
    status = vpt_device_config_fields(device, fields, sizeof(fields) / sizeof(fields[0]), info);
    info->write_back = vpt_load8(&info->write_back) != 0; /* the device may write any byte, which need not be a bool */
    if (info->seg_max == 0) {
        info->seg_max = 1; /* some devices say 0 and still take one, since otherwise they could do nothing */
    }
    return status;
}

VPT_STATIC_ASSERT(sizeof(bool) == 1, "the write cache's field is read into one");

/* Checks the numbers that callers shift by, mask with or divide by. */
static enum vpt_status check_info(const struct vpt_blk_info *info)
{
    uint32_t size = info->block_size;
    uint32_t exponent = info->physical_block_exponent;

    /* This difference equals the "or" only for powers of two. The usual test makes clang count bits. */
    if (size < VPT_BLK_SECTOR_SIZE || (size | (size - 1u)) != 2u * size - 1u || info->queues == 0) {
        return VPT_DEVICE_CONFIG;
    }
    if (exponent > 31u || size > 0xffffffffu >> exponent) {
        return VPT_DEVICE_CONFIG;
    }
    return (uint64_t)info->size_max * info->seg_max >= VPT_BLK_SECTOR_SIZE ? VPT_OK : VPT_DEVICE_CONFIG;
}

/* Zones are not supported. A device with nothing else is refused before its features are accepted (BLK-INIT-8). */
static enum vpt_status examine(struct vpt_driver *driver)
{
    static const struct vpt_config_field field = { CONFIG_ZONE_MODEL, 1, 0, 0 };
    struct vpt_device *device = driver->device;
    enum vpt_status status = VPT_OK;
    uint8_t model = 0;

    /* Legacy interfaces do not have the bit (section 5.2.5). */
    if (!vpt_legacy(device) && vpt_features_has(&device->offered, F_ZONED)) {
        status = vpt_device_config_fields(device, &field, 1, &model);
    }
    return model == ZONE_MODEL_HOST_MANAGED ? VPT_UNSUPPORTED_DEVICE : status;
}

/* Checks that the device still has the queues that were set up in an earlier bring-up. */
static enum vpt_status check_queues(const struct vpt_driver *driver, uint16_t queues)
{
    const struct vpt_requests *queue = driver->first;

    while (queue != NULL && queue->queue.index < queues) {
        queue = queue->next;
    }
    return queue == NULL ? VPT_OK : VPT_UNSUPPORTED_QUEUE;
}

static enum vpt_status configure_blk(struct vpt_driver *driver)
{
    struct vpt_blk *blk = VPT_CONTAINER_OF(driver, struct vpt_blk, driver);
    struct vpt_blk_info info;
    enum vpt_status status = read_info(driver->device, &info);

    if (status == VPT_OK) {
        status = check_info(&info);
    }
    if (status == VPT_OK) {
        status = check_queues(driver, info.queues);
    }
    /* Repeats what calls after vpt_blk_init() have added to earlier bring-ups. */
    if (status == VPT_OK && blk->range_ops != NULL) {
        status = blk->range_ops->read_limits(driver->device, &info);
    }
    if (status == VPT_OK && blk->repeat_write_back != NULL) {
        status = blk->repeat_write_back(driver->device, &info, blk->info.write_back);
    }
    if (status == VPT_OK) {
        blk->info = info;
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
                      (1u << VPT_BLK_F_DISCARD) | (1u << VPT_BLK_F_WRITE_ZEROES) | (1u << VPT_BLK_F_SECURE_ERASE) } },
        .examine = examine,
        .configure = configure_blk
    };
    enum vpt_status status;

    if (blk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(blk, sizeof(*blk));
    status = vpt_driver_init(&blk->driver, device, &kind, choice);
    if (status != VPT_OK) {
        vpt_zero(&blk->info, sizeof(blk->info)); /* nothing else may have been set */
    }
    return status;
}
