/* SPDX-License-Identifier: MIT */
/* Lists of segments that are cut into requests. */
#include "disk.h"

#include <string.h>

#define PIECES 16u

/* The lengths of a list, what the device and the caller have room for, and the requests that come of it. */
static const struct cut {
    const char *what;
    uint32_t block_size, size_max, seg_max; /* 0: not offered, 16 segments */
    uint16_t room;                          /* 0: 16 */
    uint64_t sector;
    uint32_t lengths[7];
    struct {
        uint16_t segments;
        uint32_t bytes;
    } requests[5];
    enum vpt_status end; /* after those */
} cuts[] = {
    { "nothing", .end = VPT_EMPTY },
    { "as it is", .sector = 3, .lengths = { 512, 1024 }, { { 2, 1536 } }, VPT_EMPTY },
    { "too many segments", .seg_max = 2, .lengths = { 512, 512, 512 }, { { 2, 1024 }, { 1, 512 } }, VPT_EMPTY },
    { "too little room", .room = 3, .lengths = { 512, 512, 512, 512 }, { { 3, 1536 }, { 1, 512 } }, VPT_EMPTY },
    { "a segment that is too long", .size_max = 1024, .lengths = { 2560 }, { { 3, 2560 } }, VPT_EMPTY },
    { "cut in a segment", .seg_max = 2, .lengths = { 300, 1000, 236 }, { { 2, 1024 }, { 2, 512 } }, VPT_EMPTY },
    { "pieces taken back", .seg_max = 3, .lengths = { 512, 10, 10, 492 }, { { 1, 512 }, { 3, 512 } }, VPT_EMPTY },
    { "whole blocks", 4096, 0, 3, 0, 8, { 4096, 4000, 4096, 96 }, { { 3, 8192 }, { 2, 4096 } }, VPT_EMPTY },
    { "not whole blocks", 4096, 0, 2, 0, 1, { 4096, 512, 4096 }, { { 2, 4608 }, { 1, 4096 } }, VPT_EMPTY },
    { "a sector in too many pieces", 0, 0, 2, 0, 0, { 512, 100, 100, 312 }, { { 1, 512 } }, VPT_RESOURCE_SEGMENTS },
    { "a block in too many pieces", 4096, 0, 2, 0, 0, { 2048, 1024, 1024 }, { { 0, 0 } }, VPT_RESOURCE_SEGMENTS },
};

/* Writes the list's bytes to the disk by the requests that are made of it, and looks at both. */
static void check_cut(const struct variant *variant, const struct cut *cut)
{
    const struct mock_machine_options options = { .blk = { .size_max = cut->size_max,
                                                           .seg_max = cut->seg_max != 0 ? cut->seg_max : PIECES,
                                                           .block_size = cut->block_size } };
    struct vpt_blk_request request = { .operation = VPT_BLK_WRITE };
    struct vpt_segment segments[COUNT_OF(cut->lengths)];
    struct vpt_segment pieces[PIECES];
    uint16_t room = cut->room != 0 ? cut->room : PIECES;
    struct vpt_blk_list list;
    uint64_t sector = cut->sector;
    size_t count = 0;
    size_t done = 0;

    disk_start(variant, &options, NULL);
    for (size_t at = 0; cut->lengths[count] != 0; at += cut->lengths[count] + 1000u, count++) {
        segments[count] = machine_segment(at, cut->lengths[count]);
        fill(machine_bytes(at), cut->lengths[count], (uint32_t)count);
    }
    assert_status_of(cut->what, vpt_blk_list_begin(&list, disk.queue, segments, count, sector), VPT_OK);
    assert_status_of(cut->what, vpt_blk_list_next(&list, disk.queue, &request, pieces, 0),
                     count != 0 ? VPT_RESOURCE_SEGMENTS : VPT_EMPTY);
    for (size_t n = 0; cut->requests[n].bytes != 0; n++) {
        uint32_t bytes = 0;

        assert_status_of(cut->what, vpt_blk_list_next(&list, disk.queue, &request, pieces, room), VPT_OK);
        for (unsigned piece = 0; piece < request.segment_count; piece++) {
            bytes += pieces[piece].length;
        }
        assert_same_of(cut->what, request.segment_count, cut->requests[n].segments);
        assert_same_of(cut->what, bytes, cut->requests[n].bytes);
        assert_same_of(cut->what, request.sector, sector);
        cr_assert(request.segments == pieces);
        assert_status_of(cut->what, disk_complete(VPT_BLK_WRITE, sector, pieces, request.segment_count), VPT_OK);
        sector += bytes / SECTOR;
    }
    for (unsigned twice = 0; twice < 2; twice++) {
        assert_status_of(cut->what, vpt_blk_list_next(&list, disk.queue, &request, pieces, room), cut->end);
    }
    for (size_t n = 0; n < count && cut->end == VPT_EMPTY; n++) {
        cr_assert(filled(disk_content(cut->sector) + done, cut->lengths[n], (uint32_t)n), "%s", cut->what);
        done += cut->lengths[n];
    }
    disk_end();
}

VERSION_TEST(blk_list, BLK_OP_6_requests_end_with_a_sector_or_a_block_within_the_limits)
{
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        check_cut(variant, &cuts[i]);
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
        assert_same(request.sector, 16 + bytes / SECTOR);
        cr_assert(sum <= 0x100000 && request.segment_count <= 254);
        assert_status(vpt_blk_submit(disk.queue, &request, NULL), VPT_OK);
        bytes += sum;
        requests++;
    }
    assert_same(bytes, 600u * 6144u);
    assert_same(requests, 4);
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
