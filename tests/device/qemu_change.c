/* SPDX-License-Identifier: MIT */
/* A disk that changes its size while the driver runs, by QEMU's block_resize. */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_change, .timeout = 60);

#define LARGE_SIZE    (2u * DISK_SIZE)
#define SMALL_SIZE    (DISK_SIZE / 2u)
#define LARGE_SECTORS (LARGE_SIZE / SECTOR)
#define SMALL_SECTORS (SMALL_SIZE / SECTOR)

static uint8_t bytes[8 * SECTOR];
static uint8_t seen[8 * SECTOR];

/* On return the image has the new size, and the device knows it. */
static void resize(uint32_t size)
{
    assert_status(
        vpt_qtest_qmp(fixture.qtest, "{'execute': 'block_resize', 'arguments': {'node-name': 'd0', 'size': %u}}", size),
        VPT_OK);
    fixture.image_size = size;
}

/* Waits for the configuration interrupt, and asserts that it is the only one. */
static void resize_and_hear(uint32_t size)
{
    uint32_t raises;

    (void)vpt_device_interrupt(placed.device); /* left by earlier requests */
    assert_that(!vpt_qtest_line_high(fixture.qtest, place_line()));
    raises = vpt_qtest_line_raises(fixture.qtest, place_line());
    resize(size);
    assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_qtest_line_high(fixture.qtest, place_line()));
    assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_that(!vpt_qtest_line_high(fixture.qtest, place_line()));
    assert_that(vpt_device_interrupt(placed.device) == 0);
}

static void start(const struct place *place)
{
    place_start_disk(place);
    place_intercept();
    disk_start(placed.device, NULL, NULL);
}

static void check_sectors(uint64_t sector, uint32_t seed)
{
    fill(bytes, sizeof(bytes), seed);
    assert_status(vpt_blk_write(&disk.queue, sector, bytes, sizeof(bytes)), VPT_OK);
    image_read(sector * SECTOR, seen, sizeof(seen));
    assert_that(memcmp(bytes, seen, sizeof(bytes)) == 0);
    memset(seen, 0, sizeof(seen));
    assert_status(vpt_blk_read(&disk.queue, sector, seen, sizeof(seen)), VPT_OK);
    assert_that(memcmp(bytes, seen, sizeof(bytes)) == 0);
}

PLACE_TEST(device_change, BLK_OP_1_a_disk_that_has_grown_is_used_to_its_new_end)
{
    start(place);
    resize_and_hear(LARGE_SIZE);
    assert_that(disk.blk.info.capacity == DISK_SECTORS); /* unchanged until vpt_blk_refresh() */
    assert_status(vpt_blk_read(&disk.queue, DISK_SECTORS, seen, SECTOR), VPT_CALLER_RANGE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    assert_that(disk.blk.info.capacity == LARGE_SECTORS);
    check_sectors(DISK_SECTORS - 4u, 1);
    check_sectors(LARGE_SECTORS - 8u, 2);
    assert_status(vpt_blk_read(&disk.queue, LARGE_SECTORS - 1u, seen, 2 * SECTOR), VPT_CALLER_RANGE);
    place_end();
}

/* The device sees two requests only after it has shrunk: one then lies past its end. */
PLACE_TEST(device_change, BLK_OP_2_what_lies_past_the_end_of_a_disk_that_has_shrunk_is_refused)
{
    void *token = NULL;

    start(place);
    disk_data(2 * SECTOR);
    assert_status(disk_submit(VPT_BLK_READ, SMALL_SECTORS, 0, SECTOR, &bytes[0]), VPT_OK);
    assert_status(disk_submit(VPT_BLK_READ, SMALL_SECTORS - 1u, SECTOR, SECTOR, &bytes[1]), VPT_OK);
    resize_and_hear(SMALL_SIZE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    assert_that(disk.blk.info.capacity == SMALL_SECTORS);
    assert_status(disk_submit(VPT_BLK_READ, SMALL_SECTORS, 0, SECTOR, NULL), VPT_CALLER_RANGE);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    for (unsigned i = 0; i < 2; i++) {
        enum vpt_status status = disk_complete(&token);

        assert_that(token == &bytes[0] || token == &bytes[1]);
        assert_status(status, token == &bytes[0] ? VPT_DEVICE_IO_ERROR : VPT_OK);
    }
    assert_that(disk_bytes(SECTOR)[0] == 0x11);
    assert_that(requests_in_flight(&disk.queue.requests) == 0);
    check_sectors(SMALL_SECTORS - 8u, 3);
    resize_and_hear(DISK_SIZE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    check_sectors(DISK_SECTORS - 8u, 4);
    place_end();
}

/* A change while the driver is stopped is not lost: bring-up reads the configuration again. */
PLACE_TEST(device_change, bring_up_finds_the_new_size)
{
    start(place);
    assert_that(disk_stop() == 0);
    resize(LARGE_SIZE);
    disk_start(placed.device, NULL, NULL); /* compares the capacity with the image */
    check_sectors(LARGE_SECTORS - 8u, 5);
    place_end();
}
