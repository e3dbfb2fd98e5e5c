/* SPDX-License-Identifier: MIT */
/* A block device's bring-up and configuration (VirtIO 1.4, sections 5.2.3 to 5.2.5). */
#include "../log.h"
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

#define ALWAYS 0xffu /* a field that needs no feature */

#define NO_LIMIT 0xffffu

#define F_ZONED                 17u
#define CONFIG_ZONE_MODEL       92u
#define ZONE_MODEL_HOST_MANAGED 1u

/* A field is read only if its feature is there (CONFIG-2); else it has the default. */
static const struct {
    uint8_t offset;
    uint8_t width;
    uint8_t feature; /* a bit of word 0, or ALWAYS */
    uint16_t otherwise; /* NO_LIMIT: 0xffffffff */
} table[INFO_COUNT] = {
    [INFO_CAPACITY] = { BLK_CONFIG_CAPACITY, 8, ALWAYS, 0 },
    [INFO_SIZE_MAX] = { 8, 4, VPT_BLK_F_SIZE_MAX, NO_LIMIT },
    [INFO_SEG_MAX] = { 12, 4, VPT_BLK_F_SEG_MAX, 1 },
    [INFO_CYLINDERS] = { 16, 2, VPT_BLK_F_GEOMETRY, 0 },
    [INFO_HEADS] = { 18, 1, VPT_BLK_F_GEOMETRY, 0 },
    [INFO_SECTORS] = { 19, 1, VPT_BLK_F_GEOMETRY, 0 },
    [INFO_BLOCK_SIZE] = { 20, 4, VPT_BLK_F_BLK_SIZE, VPT_BLK_SECTOR_SIZE },
    [INFO_PHYSICAL_BLOCK_EXPONENT] = { 24, 1, VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_ALIGNMENT_OFFSET] = { 25, 1, VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_MINIMUM_IO_SIZE] = { 26, 2, VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_OPTIMAL_IO_SIZE] = { 28, 4, VPT_BLK_F_TOPOLOGY, 0 },
    [INFO_WRITEBACK] = { BLK_CONFIG_WRITEBACK, 1, VPT_BLK_F_CONFIG_WCE, 0 },
    [INFO_QUEUES] = { 34, 2, VPT_BLK_F_MQ, 1 },
};

static uint32_t default_of(unsigned i)
{
    return table[i].otherwise != NO_LIMIT ? table[i].otherwise : 0xffffffffu;
}

static enum vpt_status read_fields(struct vpt_device *device, uint64_t values[INFO_COUNT])
{
    uint32_t features = device->features.word[0];
    struct vpt_config_field fields[INFO_COUNT];
    unsigned i;

    for (i = 0; i < INFO_COUNT; i++) {
        uint32_t feature = table[i].feature;
        bool present = feature == ALWAYS || ((features >> (feature & 31u)) & 1u) != 0;

        fields[i].offset = table[i].offset;
        fields[i].width = present ? table[i].width : (uint8_t)0;
        values[i] = present ? (uint32_t)0 : default_of(i);
    }
    return vpt_device_config_fields(device, fields, INFO_COUNT, values);
}

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

/* A field that the device offers and that lies outside is the device's mistake. */
static enum vpt_status blame(enum vpt_status status)
{
    return status == VPT_CALLER_RANGE ? VPT_DEVICE_CONFIG : status;
}

/* Zones are not handled: what has nothing else is given up before its features are accepted (BLK-INIT-8). */
static enum vpt_status check_zones(struct vpt_device *device)
{
    uint32_t model = 0;
    enum vpt_status status = VPT_OK;

    /* No legacy interface has the bit (section 5.2.5). */
    if (!vpt_legacy(device) && vpt_features_has(&device->offered, F_ZONED)) {
        status = blame(vpt_device_config_read(device, CONFIG_ZONE_MODEL, 1, &model));
    }
    return model == ZONE_MODEL_HOST_MANAGED ? VPT_UNSUPPORTED_DEVICE : status;
}

/* Of what is required nothing may have been left out, which is also what becomes of bits that no one here knows. */
static enum vpt_status check_required(const struct vpt_device *device, const struct vpt_features *required)
{
    unsigned word;

    for (word = 0; required != NULL && word < VPT_FEATURE_WORDS; word++) {
        if ((required->word[word] & ~device->features.word[word]) != 0) {
            return VPT_UNSUPPORTED_FEATURE;
        }
    }
    return VPT_OK;
}

static enum vpt_status read_info(struct vpt_device *device, struct vpt_blk_info *info)
{
    uint64_t values[INFO_COUNT];
    enum vpt_status status = blame(read_fields(device, values));

    if (status != VPT_OK) {
        return status;
    }
    fill_info(device, values, info);
    return check_info(info);
}

enum vpt_status vpt_blk_bring_up(struct vpt_device *device, const struct vpt_features *required,
                                 const struct vpt_features *wanted, const struct vpt_features *refused,
                                 struct vpt_blk_info *info)
{
    enum vpt_status status = vpt_device_choose_features(device, NULL, wanted, refused);

    if (status != VPT_OK) {
        return status;
    }
    status = check_required(device, required);
    if (status == VPT_OK) {
        status = check_zones(device);
    }
    if (status == VPT_OK) {
        status = vpt_device_accept_features(device);
    }
    if (status == VPT_OK) {
        status = read_info(device, info);
    }
    /* A device that is gone reads as an impossible one, or as one with all features. */
    if (vpt_device_check(device) == VPT_DEVICE_GONE) {
        status = VPT_DEVICE_GONE;
    }
    if (status != VPT_OK) {
        vpt_device_fail(device);
        (void)vpt_log(device->port, VPT_LOG_ERROR, "block device", status);
    }
    return status;
}

enum vpt_status vpt_blk_init(struct vpt_blk *blk, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_features wanted = {
        { (1u << VPT_BLK_F_SIZE_MAX) | (1u << VPT_BLK_F_SEG_MAX) | (1u << VPT_BLK_F_GEOMETRY) | (1u << VPT_BLK_F_RO) |
          (1u << VPT_BLK_F_BLK_SIZE) | (1u << VPT_BLK_F_FLUSH) | (1u << VPT_BLK_F_TOPOLOGY) |
          (1u << VPT_BLK_F_CONFIG_WCE) | (1u << VPT_BLK_F_MQ) | (1u << VPT_BLK_F_DISCARD) |
          (1u << VPT_BLK_F_WRITE_ZEROES) | (1u << VPT_BLK_F_SECURE_ERASE) }
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
    status = vpt_blk_bring_up(device, choice != NULL ? &choice->required : NULL, &wanted,
                              choice != NULL ? &choice->refused : NULL, &blk->info);
    if (status == VPT_OK) {
        blk->device = device;
        blk->features = device->features;
    } else {
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
