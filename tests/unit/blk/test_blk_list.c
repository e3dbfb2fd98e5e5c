/* SPDX-License-Identifier: MIT */
/* Lists of segments that are cut into requests. */
#include "disk.h"

#include <string.h>

#define PIECES 16u

/* The lengths of a list, what the device and the caller have room for, and the requests that come of it. */
static const struct {
    const char *what;
    uint32_t block_size, size_max, seg_max;
    uint16_t room;
    uint64_t sector;
    uint32_t lengths[7];
    struct {
        uint16_t segments;
        uint32_t bytes;
    } requests[5];
    enum vpt_status end; /* after those */
} cuts[] = {
    { "nothing", 512, 0, 16, 16, 0, { 0 }, { { 0, 0 } }, VPT_EMPTY },
    { "as it is", 512, 0, 16, 16, 3, { 512, 1024 }, { { 2, 1536 } }, VPT_EMPTY },
    { "more segments than the device takes",
      512,
      0,
      2,
      16,
      0,
      { 512, 512, 512, 512, 512 },
      { { 2, 1024 }, { 2, 1024 }, { 1, 512 } },
      VPT_EMPTY },
    { "more than the caller has room for",
      512,
      0,
      16,
      3,
      0,
      { 512, 512, 512, 512 },
      { { 3, 1536 }, { 1, 512 } },
      VPT_EMPTY },
    { "a segment that is too long", 512, 1024, 16, 16, 0, { 2560 }, { { 3, 2560 } }, VPT_EMPTY },
    { "cut within a segment, at a sector",
      512,
      0,
      2,
      16,
      0,
      { 300, 1000, 236 },
      { { 2, 1024 }, { 2, 512 } },
      VPT_EMPTY },
    { "pieces taken back", 512, 0, 3, 16, 0, { 512, 10, 10, 492 }, { { 1, 512 }, { 3, 512 } }, VPT_EMPTY },
    { "whole blocks", 4096, 0, 3, 16, 8, { 4096, 4000, 4096, 96 }, { { 3, 8192 }, { 2, 4096 } }, VPT_EMPTY },
    { "not whole blocks", 4096, 0, 2, 16, 1, { 4096, 512, 4096 }, { { 2, 4608 }, { 1, 4096 } }, VPT_EMPTY },
    { "a sector in too many pieces", 512, 0, 2, 16, 0, { 512, 100, 100, 312 }, { { 1, 512 } }, VPT_RESOURCE_SEGMENTS },
    { "a block in too many pieces", 4096, 0, 2, 16, 0, { 2048, 1024, 1024 }, { { 0, 0 } }, VPT_RESOURCE_SEGMENTS },
    { "no room", 512, 0, 16, 0, 0, { 512 }, { { 0, 0 } }, VPT_RESOURCE_SEGMENTS },
};

/* Writes the list's bytes to the disk by the requests that are made of it, and looks at both. */
static void check_cut(const struct variant *variant, size_t i)
{
    const struct mock_machine_options options = {
        .blk = { .size_max = cuts[i].size_max, .seg_max = cuts[i].seg_max, .block_size = cuts[i].block_size }
    };
    struct vpt_blk_request request = { .operation = VPT_BLK_WRITE };
    struct vpt_segment segments[COUNT_OF(cuts[i].lengths)];
    struct vpt_segment pieces[PIECES];
    struct vpt_blk_list list;
    uint64_t sector = cuts[i].sector;
    size_t count = 0;
    size_t done = 0;

    (void)fprintf(stderr, "%s\n", cuts[i].what);
    disk_start(variant, &options, NULL);
    for (size_t at = 0; cuts[i].lengths[count] != 0; at += cuts[i].lengths[count] + 1000u, count++) {
        segments[count] = machine_segment(at, cuts[i].lengths[count]);
        fill(machine_bytes(at), cuts[i].lengths[count], (uint32_t)count);
    }
    assert_status(vpt_blk_list_begin(&list, disk.queue, segments, count, sector), VPT_OK);
    for (size_t n = 0; cuts[i].requests[n].bytes != 0; n++) {
        uint32_t bytes = 0;

        assert_status(vpt_blk_list_next(&list, disk.queue, &request, pieces, cuts[i].room), VPT_OK);
        for (unsigned piece = 0; piece < request.segment_count; piece++) {
            bytes += pieces[piece].length;
        }
        cr_assert(request.segment_count == cuts[i].requests[n].segments && bytes == cuts[i].requests[n].bytes,
                  "request %zu: %u in %u", n, (unsigned)bytes, request.segment_count);
        cr_assert(request.sector == sector && request.segments == pieces);
        assert_status(vpt_blk_submit(disk.queue, &request, NULL), VPT_OK);
        assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        sector += bytes / SECTOR;
    }
    for (unsigned twice = 0; twice < 2; twice++) {
        assert_status(vpt_blk_list_next(&list, disk.queue, &request, pieces, cuts[i].room), cuts[i].end);
    }
    for (size_t n = 0; n < count && cuts[i].end == VPT_EMPTY; n++) {
        cr_assert(filled(disk_content(cuts[i].sector) + done, cuts[i].lengths[n], (uint32_t)n));
        done += cuts[i].lengths[n];
    }
    disk_end();
}

VERSION_TEST(blk_list, BLK_OP_6_requests_end_with_a_sector_or_a_block_within_the_limits)
{
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        check_cut(variant, i);
    }
}

/* Pages of a kernel's cache, more than the device's 16 segments and than 1 MiB. */
VERSION_TEST(blk_list, a_long_list_of_pages_goes_through_in_requests_of_1_MiB_at_most)
{
    static struct vpt_segment pages[600];
    const struct mock_machine_options options = { .blk = { .seg_max = 400 } };
    const struct vpt_requests_config config = { .segments = 254 };
    struct vpt_blk_request request = { .operation = VPT_BLK_READ };
    struct vpt_segment pieces[300];
    struct vpt_blk_list list;
    unsigned requests = 0;
    uint64_t bytes = 0;

    disk_machine(variant, &options);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, 1u << 20);
    assert_status(disk_bring_up(&config), VPT_OK);
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        pages[i] = (struct vpt_segment){ machine.data.device_address, i % 2 != 0 ? 8192u : 4096u };
    }
    assert_status(vpt_blk_list_begin(&list, disk.queue, pages, COUNT_OF(pages), 16), VPT_OK);
    while (vpt_blk_list_next(&list, disk.queue, &request, pieces, COUNT_OF(pieces)) == VPT_OK) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < request.segment_count; i++) {
            sum += pieces[i].length;
        }
        cr_assert(request.sector == 16 + bytes / SECTOR && sum <= 0x100000 && request.segment_count <= 254);
        assert_status(vpt_blk_submit(disk.queue, &request, NULL), VPT_OK);
        bytes += sum;
        requests++;
    }
    cr_assert(bytes == 600u * 6144u && requests == 4, "%u", requests);
    disk_end();
}

/* Blocks that no request of 1 MiB has room for are not kept whole: they could not be read at all. */
VERSION_TEST(blk_list, blocks_of_more_than_1_MiB_are_cut_at_sectors)
{
    static uint8_t bytes[0x400000];
    const struct mock_machine_options options = {
        .blk = { .block_size = 0x200000, .capacity = sizeof(bytes) / SECTOR, .seg_max = 4 }
    };

    disk_start(variant, &options, NULL);
    fill(disk_content(0), sizeof(bytes), 5);
    assert_status(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)), VPT_OK);
    cr_assert(filled(bytes, sizeof(bytes), 5));
    disk_end();
}

VERSION_TEST(blk_list, a_list_that_makes_no_sense_is_refused)
{
    struct vpt_segment segments[2] = { { 0x1000, 512 }, { 0x2000, 512 } };
    struct vpt_blk_queue blank;
    struct vpt_blk_list list;

    memset(&blank, 0, sizeof(blank));
    disk_start(variant, NULL, NULL);
    assert_status(vpt_blk_list_begin(NULL, disk.queue, segments, 2, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_list_begin(&list, NULL, segments, 2, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_list_begin(&list, &blank, segments, 2, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_list_begin(&list, disk.queue, NULL, 2, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_list_begin(&list, disk.queue, segments, 2, disk.blk.info.capacity - 1), VPT_CALLER_RANGE);
    segments[1].length = 511;
    assert_status(vpt_blk_list_begin(&list, disk.queue, segments, 2, 0), VPT_CALLER_ALIGNMENT);
    segments[1].length = 0;
    assert_status(vpt_blk_list_begin(&list, disk.queue, segments, 2, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_list_begin(&list, disk.queue, NULL, 0, 0), VPT_OK);
    disk_end();
}
