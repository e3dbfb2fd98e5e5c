/* SPDX-License-Identifier: MIT */
/* A disk with large blocks that does not say how many segments it takes, and a kernel that sets requirements. */
#include <string.h>

#include "qemu_disk.h"
#include "qemu_place.h"

#define BLOCK 4096u

static uint8_t bytes[4u * BLOCK];
static uint8_t seen[4u * BLOCK];

/* The kernel shares page by page, and requires the IOMMU to be used if there is one. */
static enum vpt_status start(const struct place *place, bool required)
{
    struct fixture_options options = { .qtest.share_most = BLOCK };
    struct vpt_feature_choice choice = { .refused = { { 1u << VPT_BLK_F_SEG_MAX } } };

    if (required) {
        vpt_features_add(&choice.required, VPT_F_ACCESS_PLATFORM);
    }
    place_start_disk_on(place, "d0", ",logical_block_size=4096,physical_block_size=4096", &options);
    disk.device = placed.device;
    return vpt_blk_init(&disk.blk, disk.device, &choice);
}

PLACE_TEST(device_limits, scattered_blocks_go_one_by_one_where_SEG_MAX_is_missing)
{
    assert_status(start(place, place->iommu), VPT_OK);
    assert_that(disk.blk.info.block_size == BLOCK && disk.blk.info.seg_max == 1);
    fixture_check_ring(disk.device);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t sector = i * sizeof(bytes) / SECTOR;

        fill(bytes, sizeof(bytes), i);
        assert_status(vpt_blk_write(&disk.queue, sector, bytes, sizeof(bytes)), VPT_OK);
        image_read(sector * SECTOR, seen, sizeof(seen));
        assert_that(memcmp(bytes, seen, sizeof(bytes)) == 0);
        memset(seen, 0, sizeof(seen));
        assert_status(vpt_blk_read(&disk.queue, sector, seen, sizeof(seen)), VPT_OK);
        assert_that(memcmp(bytes, seen, sizeof(bytes)) == 0);
    }
    /* What the header documents about partial blocks. */
    assert_status(vpt_blk_read(&disk.queue, 1, seen, SECTOR), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_blk_read(&disk.queue, 0, seen, BLOCK), VPT_OK);
    place_end();
}

PLACE_TEST(device_limits, FEAT_4_a_device_without_a_required_feature_is_given_up)
{
    if (place->iommu) {
        return;
    }
    assert_status(start(place, true), VPT_UNSUPPORTED_FEATURE);
    assert_that((place_status() & VPT_STATUS_FAILED) != 0);
    place_finish();
}
