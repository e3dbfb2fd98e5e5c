/* SPDX-License-Identifier: MIT */
/* A block device's bring-up and configuration (VirtIO 1.4, sections 5.2.3 to 5.2.5). */
#include "blk/internal.h"

/* The members of vpt_blk_info, in the order of the table below. */
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
    INFO_COUNT
};

/* A field is read only if its feature is there (CONFIG-2); else it has the default. */
static const struct {
    struct vpt_config_field field;
    uint32_t feature; /* as a bit of word 0; 0: the field is always there */
    uint32_t otherwise;
} table[INFO_COUNT] = {
    [INFO_CAPACITY] = { { 0, 8 }, 0, 0 },
    [INFO_SIZE_MAX] = { { 8, 4 }, 1u << VPT_BLK_F_SIZE_MAX, 0xffffffffu },
    [INFO_SEG_MAX] = { { 12, 4 }, 1u << VPT_BLK_F_SEG_MAX, 0xffffffffu },
    [INFO_CYLINDERS] = { { 16, 2 }, 1u << VPT_BLK_F_GEOMETRY, 0 },
    [INFO_HEADS] = { { 18, 1 }, 1u << VPT_BLK_F_GEOMETRY, 0 },
    [INFO_SECTORS] = { { 19, 1 }, 1u << VPT_BLK_F_GEOMETRY, 0 },
    [INFO_BLOCK_SIZE] = { { 20, 4 }, 1u << VPT_BLK_F_BLK_SIZE, VPT_BLK_SECTOR_SIZE },
    [INFO_PHYSICAL_BLOCK_EXPONENT] = { { 24, 1 }, 1u << VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_ALIGNMENT_OFFSET] = { { 25, 1 }, 1u << VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_MINIMUM_IO_SIZE] = { { 26, 2 }, 1u << VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_OPTIMAL_IO_SIZE] = { { 28, 4 }, 1u << VPT_BLK_F_TOPOLOGY, 0 },
};

static enum vpt_status read_fields(struct vpt_device *device, uint64_t values[INFO_COUNT])
{
    struct vpt_config_field fields[INFO_COUNT];
    unsigned i;

    for (i = 0; i < INFO_COUNT; i++) {
        bool present = (device->features.word[0] & table[i].feature) == table[i].feature;

        fields[i] = table[i].field;
        fields[i].width = present ? fields[i].width : (uint8_t)0;
        values[i] = present ? 0u : table[i].otherwise;
    }
    return vpt_device_config_fields(device, fields, INFO_COUNT, values);
}

static void fill_info(const struct vpt_device *device, const uint64_t values[INFO_COUNT], struct vpt_blk_info *info)
{
    info->capacity = values[INFO_CAPACITY];
    info->read_only = vpt_features_has(&device->features, VPT_BLK_F_RO);
    info->flush = vpt_features_has(&device->features, VPT_BLK_F_FLUSH);
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

    if (size < VPT_BLK_SECTOR_SIZE || (size & (size - 1u)) != 0) {
        return VPT_DEVICE_CONFIG;
    }
    if (info->physical_block_exponent > 31u || size > 0xffffffffu >> info->physical_block_exponent) {
        return VPT_DEVICE_CONFIG;
    }
    return (uint64_t)info->size_max * info->seg_max >= VPT_BLK_SECTOR_SIZE ? VPT_OK : VPT_DEVICE_CONFIG;
}

static enum vpt_status read_info(struct vpt_blk *blk)
{
    uint64_t values[INFO_COUNT];
    enum vpt_status status = read_fields(blk->device, values);

    if (status != VPT_OK) {
        return status;
    }
    fill_info(blk->device, values, &blk->info);
    return check_info(&blk->info);
}

enum vpt_status vpt_blk_init(struct vpt_blk *blk, struct vpt_device *device, const struct vpt_features *refused)
{
    static const struct vpt_features wanted = {
        { (1u << VPT_BLK_F_SIZE_MAX) | (1u << VPT_BLK_F_SEG_MAX) | (1u << VPT_BLK_F_GEOMETRY) | (1u << VPT_BLK_F_RO) |
          (1u << VPT_BLK_F_BLK_SIZE) | (1u << VPT_BLK_F_FLUSH) | (1u << VPT_BLK_F_TOPOLOGY) }
    };
    enum vpt_status status;

    if (blk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(blk, sizeof(*blk));
    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->type != VPT_DEVICE_TYPE_BLOCK) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    status = vpt_device_negotiate(device, NULL, &wanted, refused);
    if (status == VPT_OK) {
        blk->device = device;
        status = read_info(blk);
        /* A device that is gone reads as an impossible one, or as one with all features. */
        if (vpt_device_check(device) == VPT_DEVICE_GONE) {
            status = VPT_DEVICE_GONE;
        }
        if (status != VPT_OK) {
            vpt_device_fail(device);
        }
    }
    if (status != VPT_OK) {
        vpt_zero(blk, sizeof(*blk));
    }
    return status;
}

enum vpt_status vpt_blk_start(struct vpt_blk *blk)
{
    if (blk == NULL || blk->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return vpt_device_start(blk->device);
}

enum vpt_status vpt_blk_check_range(const struct vpt_blk *blk, uint64_t sector, uint64_t bytes)
{
    if ((bytes & (VPT_BLK_SECTOR_SIZE - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (sector > blk->info.capacity || bytes / VPT_BLK_SECTOR_SIZE > blk->info.capacity - sector) {
        return VPT_CALLER_RANGE;
    }
    return VPT_OK;
}
