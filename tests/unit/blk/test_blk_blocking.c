/* SPDX-License-Identifier: MIT */
/* The blocking helpers: sharing, splitting what is too long for one request, waiting, giving up. */
#define _POSIX_C_SOURCE 200809L

#include "disk.h"

#include <stdlib.h>
#include <string.h>

TestSuite(blk_blocking, .timeout = 60);

#define PIECES 8u /* segments that a helper puts into one request at most */

static const struct mock_machine_options flushable = { .blk = { .flush = true, .id = "twenty characters id" } };

static const struct mock_machine_options read_only = { .blk = { .read_only = true } };

/* A disk that takes a request in pieces. */
static const struct mock_machine_options pieces = { .blk = { .seg_max = 16 } };

static const enum vpt_status share_error = (enum vpt_status)(VPT_PORT_ERROR_FIRST + 7);

/* Every share has come back, and the disk was asked for nothing that it does not have: the machine checks that. */
static void check_unshared(void)
{
    cr_assert(mock_hal_live_shares(machine.hal) == 0);
    cr_assert(machine.hal->shares == machine.hal->unshares);
}

/* ---- Each operation ---- */

VARIANT_TEST(blk_blocking, BLK_INIT_1_what_is_written_is_on_the_disk_and_is_read_back)
{
    static uint8_t written[40 * SECTOR];
    static uint8_t read[42 * SECTOR];
    char id[VPT_BLK_ID_SIZE + 2u];

    disk_start(variant, &flushable, NULL);
    memset(disk_content(0), 0x11, 2048 * SECTOR);
    fill(written, sizeof(written), 4);
    assert_status(vpt_blk_write(disk.queue, 2008, written, sizeof(written)), VPT_OK);
    cr_assert(memcmp(disk_content(2008), written, sizeof(written)) == 0);
    cr_assert(all_bytes(disk_content(0), 2008 * SECTOR, 0x11));
    cr_assert(machine.blk->unflushed == 1);
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    cr_assert(machine.blk->unflushed == 0 && machine.blk->flushes == 1);
    memset(read, 0x22, sizeof(read));
    assert_status(vpt_blk_read(disk.queue, 2008, read + SECTOR, sizeof(written)), VPT_OK);
    cr_assert(memcmp(read + SECTOR, written, sizeof(written)) == 0);
    cr_assert(all_bytes(read, SECTOR, 0x22) && all_bytes(read + 41 * SECTOR, SECTOR, 0x22));
    memset(id, 'x', sizeof(id));
    assert_status(vpt_blk_get_id(disk.queue, id), VPT_OK);
    cr_assert(strcmp(id, "twenty characters id") == 0 && id[VPT_BLK_ID_SIZE + 1u] == 'x');
    cr_assert(machine.blk->requests == 4 && machine.model->kicks == 4);
    cr_assert(mock_blk_last(machine.blk)->indirect == variant->indirect);
    check_unshared();
    disk_end();
}

VERSION_TEST(blk_blocking, a_short_id_ends_with_zeros)
{
    static const char expected[VPT_BLK_ID_SIZE + 1u] = "mock disk";
    char id[VPT_BLK_ID_SIZE + 1u];

    disk_start(variant, NULL, NULL);
    memset(id, 'x', sizeof(id));
    assert_status(vpt_blk_get_id(disk.queue, id), VPT_OK);
    cr_assert(memcmp(id, expected, sizeof(id)) == 0);
    disk_end();
}

VERSION_TEST(blk_blocking, a_request_that_fails_is_reported)
{
    struct mock_faults *faults;
    uint8_t sector[SECTOR] = { 0 };
    char id[VPT_BLK_ID_SIZE + 1u];

    disk_start(variant, &flushable, NULL);
    faults = &machine.model->faults;
    mock_fault_set(faults, MOCK_FAULT_IO_ERROR, 1, 2, 0);
    assert_status(vpt_blk_read(disk.queue, 0, sector, sizeof(sector)), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_blk_flush(disk.queue), VPT_DEVICE_IO_ERROR);
    mock_fault_set(faults, MOCK_FAULT_UNSUPPORTED, 1, 1, 0);
    assert_status(vpt_blk_get_id(disk.queue, id), VPT_UNSUPPORTED_REQUEST);
    mock_fault_set(faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
    assert_status(vpt_blk_write(disk.queue, 0, sector, sizeof(sector)), VPT_DEVICE_REQUEST_STATUS);
    assert_status(disk_read_sector(0), VPT_OK);
    check_unshared();
    disk_end();
}

/* ---- What is refused ---- */

VERSION_TEST(blk_blocking, arguments_that_make_no_sense_are_refused)
{
    uint8_t bytes[2 * SECTOR] = { 0 };
    struct vpt_blk_queue blank;
    char id[VPT_BLK_ID_SIZE + 1u];

    memset(&blank, 0, sizeof(blank));
    disk_start(variant, &flushable, NULL);
    assert_status(vpt_blk_read(NULL, 0, bytes, SECTOR), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_write(NULL, 0, bytes, SECTOR), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_flush(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_get_id(NULL, id), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_read(&blank, 0, bytes, SECTOR), VPT_CALLER_STATE);
    assert_status(vpt_blk_flush(&blank), VPT_CALLER_STATE);
    assert_status(vpt_blk_get_id(disk.queue, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_read(disk.queue, 0, NULL, SECTOR), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_write(disk.queue, 0, NULL, SECTOR), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_read(disk.queue, 0, bytes, 1), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_blk_write(disk.queue, 0, bytes, 511), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_blk_read(disk.queue, 0, bytes, 513), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_blk_read(disk.queue, 0, NULL, 0), VPT_OK); /* nothing to transfer is carried out as nothing */
    assert_status(vpt_blk_write(disk.queue, 2048, bytes, 0), VPT_OK);
    cr_assert(machine.blk->requests == 0 && machine.hal->shares == 0);
    disk_end();
    disk_start(variant, &read_only, NULL);
    assert_status(vpt_blk_write(disk.queue, 0, bytes, SECTOR), VPT_CALLER_READ_ONLY);
    cr_assert(machine.hal->shares == 0);
    assert_status(disk_read_sector(0), VPT_OK);
    disk_end();
}

VERSION_TEST(blk_blocking, BLK_OP_2_a_transfer_past_the_capacity_is_refused_before_any_part_of_it)
{
    static uint8_t bytes[16 * SECTOR];
    const struct mock_machine_options options = { .blk = { .seg_max = 1, .size_max = SECTOR } };

    disk_start(variant, &options, NULL);
    assert_status(vpt_blk_write(disk.queue, 2033, bytes, sizeof(bytes)), VPT_CALLER_RANGE);
    assert_status(vpt_blk_read(disk.queue, 2048, bytes, SECTOR), VPT_CALLER_RANGE);
    assert_status(vpt_blk_read(disk.queue, UINT64_MAX, bytes, SECTOR), VPT_CALLER_RANGE);
    assert_status(vpt_blk_read(disk.queue, UINT64_MAX, bytes, 2 * SECTOR), VPT_CALLER_RANGE);
    assert_status(vpt_blk_read(disk.queue, UINT64_MAX - 15, bytes, sizeof(bytes)), VPT_CALLER_RANGE);
    cr_assert(machine.blk->requests == 0 && machine.hal->shares == 0);
    assert_status(vpt_blk_write(disk.queue, 2032, bytes, sizeof(bytes)), VPT_OK);
    cr_assert(machine.blk->requests == 16);
    disk_end();
}

VERSION_TEST(blk_blocking, a_helper_refuses_a_queue_with_requests_in_flight)
{
    struct mock_machine_options options = flushable;
    uint8_t sector[SECTOR] = { 0 };
    char id[VPT_BLK_ID_SIZE + 1u];

    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    disk_start(variant, &options, NULL);
    for (unsigned step = 0; step < 3; step++) {
        if (step == 0) {
            assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
        } else if (step == 1) {
            assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
        } else {
            cr_assert(mock_device_run(machine.model, 1) == 1);
        }
        assert_status(vpt_blk_read(disk.queue, 0, sector, sizeof(sector)), VPT_CALLER_BUSY);
        assert_status(vpt_blk_write(disk.queue, 0, sector, sizeof(sector)), VPT_CALLER_BUSY);
        assert_status(vpt_blk_flush(disk.queue), VPT_CALLER_BUSY);
        assert_status(vpt_blk_get_id(disk.queue, id), VPT_CALLER_BUSY);
    }
    cr_assert(machine.hal->shares == 0 && machine.blk->requests == 1);
    assert_status(disk_poll_one(NULL), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(disk_read_sector(0), VPT_OK);
    disk_end();
}

VERSION_TEST(blk_blocking, a_port_that_cannot_share_is_reported)
{
    uint8_t sector[SECTOR] = { 0 };
    char id[VPT_BLK_ID_SIZE + 1u];

    for (unsigned missing = 0; missing < 2; missing++) {
        disk_start(variant, &flushable, NULL);
        if (missing == 0) {
            machine.hal->port.share = NULL;
        } else {
            machine.hal->port.unshare = NULL;
        }
        assert_status(vpt_blk_read(disk.queue, 0, sector, sizeof(sector)), VPT_UNSUPPORTED_PORT);
        assert_status(vpt_blk_write(disk.queue, 0, sector, sizeof(sector)), VPT_UNSUPPORTED_PORT);
        assert_status(vpt_blk_get_id(disk.queue, id), VPT_UNSUPPORTED_PORT);
        cr_assert(machine.blk->requests == 0 && machine.hal->shares == 0);
        assert_status(vpt_blk_flush(disk.queue), VPT_OK); /* it has nothing to share */
        cr_assert(machine.blk->flushes == 1);
        disk_end();
    }
}

/* ---- Long transfers ---- */

#define LONG (128u * SECTOR)

struct split_case {
    uint32_t size_max;
    uint32_t seg_max;
    size_t share_most;
    size_t share_page;
    size_t misalignment; /* of the buffer to a page */
    uint16_t segments;   /* of the queue; 0: the default */
    unsigned requests;   /* that it takes; 0: not looked at */
};

static const struct split_case splits[] = {
    { 0, 0, 0, 0, 0, 0, 1 },          { 512, 1, 0, 0, 0, 0, 128 },
    { 4096, 1, 0, 0, 0, 0, 16 },      { 4096, 0, 0, 0, 0, 0, 16 }, /* without SEG_MAX: one segment */
    { 4096, 4, 0, 0, 0, 0, 4 },       { 4096, 16, 0, 0, 0, 0, 2 },
    { 0xffffffff, 3, 0, 0, 0, 0, 1 }, { 700, 3, 0, 0, 0, 0, 32 }, /* 2100 bytes, of which 2048 are whole sectors */
    { 511, 2, 0, 0, 0, 0, 128 },                                  /* 1022: 512 */
    { 100, 6, 0, 0, 0, 0, 128 },                                  /* 600: 512, cut in the sixth piece */
    { 64, 16, 0, 0, 0, 0, 128 },                                  /* eight pieces: exactly a sector */
    { 0, 0, 0, 4096, 0, 0, 16 },      { 0, 0, 0, 4096, 512, 0, 17 },
    { 0, 0, 0, 4096, 0, 16, 2 }, /* more by the caller's own wish */
    { 0, 16, 0, 4096, 0, 0, 2 },      { 0, 16, 0, 4096, 512, 0, 3 },
    { 0, 16, 0, 4096, 8, 0, 3 },      { 0, 16, 0, 4096, 4095, 0, 3 },
    { 0, 0, 0, 4096, 1, 4, 6 },       { 0, 2, 0, 4096, 100, 0, 0 },
    { 1000, 5, 0, 4096, 2000, 0, 0 }, { 0, 16, 1000, 0, 0, 0, 9 }, /* 8000 bytes: 15 sectors */
    { 0, 16, 512, 0, 0, 0, 16 },      { 0, 0, 512, 0, 0, 0, 128 },
    { 0, 16, 65, 0, 0, 0, 128 },                                  /* 520: 512 */
    { 0, 16, 64, 0, 0, 0, 128 },      { 0, 0, 8191, 0, 0, 1, 9 }, /* one piece of which 7680 are whole sectors */
    { 0, 0, 8192, 0, 0, 0, 8 },       { 0, 16, 333, 256, 77, 0, 0 },
    { 96, 64, 100, 256, 3, 0, 0 },    { 0, 16, 1, 0, 0, 0, 0 }, /* these three: a sector in too many pieces */
    { 0, 0, 511, 0, 0, 0, 0 },        { 0, 0, 0, 4096, 8, 0, 0 },
};

static bool splittable(const struct split_case *split)
{
    return split < &splits[COUNT_OF(splits) - 3u];
}

static uint8_t *long_buffer(size_t misalignment)
{
    void *bytes = NULL;

    cr_assert(posix_memalign(&bytes, 4096, 4096 + LONG) == 0);
    return (uint8_t *)bytes + misalignment;
}

static void check_split(const struct variant *variant, const struct split_case *split, unsigned number)
{
    const struct mock_machine_options options = { .blk = { .size_max = split->size_max, .seg_max = split->seg_max } };
    const struct vpt_requests_config config = { .segments = split->segments };
    uint8_t *buffer = long_buffer(split->misalignment);
    uint64_t requests;

    disk_start(variant, &options, &config);
    machine.hal->share_most = split->share_most;
    machine.hal->share_page = split->share_page;
    fill(buffer, LONG, number);
    if (splittable(split)) {
        assert_status(vpt_blk_write(disk.queue, 1000, buffer, LONG), VPT_OK);
        cr_assert(filled(disk_content(1000), LONG, number), "case %u", number);
        cr_assert(all_bytes(disk_content(0), 1000 * SECTOR, 0));
        cr_assert(all_bytes(disk_content(1128), (2048 - 1128) * SECTOR, 0));
        requests = machine.blk->requests;
        cr_assert(split->requests == 0 || requests == split->requests, "case %u: %u requests", number,
                  (unsigned)requests);
        memset(buffer, 0, LONG);
        assert_status(vpt_blk_read(disk.queue, 1000, buffer, LONG), VPT_OK);
        cr_assert(filled(buffer, LONG, number), "case %u", number);
        cr_assert(machine.blk->requests == 2 * requests);
        cr_assert(machine.model->kicks == 2 * requests);
    } else {
        assert_status(vpt_blk_write(disk.queue, 1000, buffer, LONG), VPT_RESOURCE_SEGMENTS);
        assert_status(vpt_blk_read(disk.queue, 1000, buffer, LONG), VPT_RESOURCE_SEGMENTS);
        cr_assert(machine.blk->requests == (split->misalignment != 0 ? 2u : 0u), "case %u", number);
        cr_assert(filled(buffer, LONG, number));
    }
    check_unshared();
    disk_end();
    free(buffer - split->misalignment);
}

VARIANT_TEST(blk_blocking, a_long_transfer_is_split_by_what_the_device_and_the_port_allow)
{
    for (unsigned i = 0; i < COUNT_OF(splits); i++) {
        check_split(variant, &splits[i], i);
    }
}

/* What each of the requests so far was about. */
static void assert_whole_blocks(uint32_t block_size, bool expected)
{
    bool whole = true;

    for (uint64_t i = 0; i < machine.blk->requests; i++) {
        const struct mock_blk_record *record = &machine.blk->log[i % MOCK_BLK_LOG];

        whole = whole && record->bytes % block_size == 0 && record->sector * SECTOR % block_size == 0;
    }
    cr_assert(machine.blk->requests > 1);
    cr_assert(whole == expected);
}

/* A disk of large blocks fails requests that end inside one; pieces of a page do not make it so. */
VERSION_TEST(blk_blocking, a_transfer_of_whole_blocks_is_split_into_whole_blocks)
{
    const struct mock_machine_options options = { .blk = { .block_size = 4096, .seg_max = 16 } };
    uint8_t *buffer = long_buffer(512);

    disk_start(variant, &options, NULL);
    machine.hal->share_page = 4096;
    fill(buffer, LONG, 5);
    assert_status(vpt_blk_write(disk.queue, 1000, buffer, LONG), VPT_OK);
    cr_assert(filled(disk_content(1000), LONG, 5));
    assert_whole_blocks(4096, true);
    disk_end();

    /* From a sector inside a block on there is nothing to keep whole. */
    disk_start(variant, &options, NULL);
    machine.hal->share_page = 4096;
    assert_status(vpt_blk_write(disk.queue, 1001, buffer, LONG), VPT_OK);
    cr_assert(filled(disk_content(1001), LONG, 5));
    assert_whole_blocks(4096, false);
    disk_end();
    free(buffer - 512);
}

/* A block in more pieces than a request takes is told before the device has a chance to fail a part of it. */
VERSION_TEST(blk_blocking, a_block_that_no_request_can_hold_is_not_sent_in_parts)
{
    static const struct {
        uint32_t seg_max; /* 0: not offered, so one */
        size_t share_most;
        size_t misalignment;
        enum vpt_status status;
    } cases[] = {
        { 16, 512, 0, VPT_OK },
        { 16, 511, 0, VPT_RESOURCE_SEGMENTS },
        { 2, 2048, 0, VPT_OK },
        { 1, 2048, 0, VPT_RESOURCE_SEGMENTS },
        { 0, 4096, 0, VPT_OK },
        { 0, 2048, 0, VPT_RESOURCE_SEGMENTS },
        { 0, 4096, 512, VPT_RESOURCE_SEGMENTS },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const struct mock_machine_options options = { .blk = { .block_size = 4096, .seg_max = cases[i].seg_max } };
        uint8_t *buffer = long_buffer(cases[i].misalignment);
        enum vpt_status status;

        disk_start(variant, &options, NULL);
        machine.hal->share_most = cases[i].share_most;
        machine.hal->share_page = 4096;
        fill(buffer, LONG, i);
        status = vpt_blk_write(disk.queue, 1000, buffer, LONG);
        cr_assert(status == cases[i].status, "case %u: %s", i, vpt_status_str(status));
        if (status == VPT_OK) {
            cr_assert(filled(disk_content(1000), LONG, i));
            assert_whole_blocks(4096, true);
        } else {
            cr_assert(machine.blk->requests == 0);
        }
        check_unshared();
        disk_end();
        free(buffer - cases[i].misalignment);
    }
}

/* The header and the status byte need a descriptor each. */
VARIANT_TEST(blk_blocking, a_small_ring_limits_what_goes_into_one_request)
{
    static uint8_t bytes[24 * SECTOR];

    for (uint32_t ring = 4; ring <= 16; ring *= 2) {
        const struct mock_machine_options options = { .queue_maximum = ring };
        const struct vpt_requests_config config = { .segments = (uint16_t)ring };
        unsigned pieces = ring - 2 < PIECES ? ring - 2 : PIECES;

        disk_start(variant, &options, &config);
        machine.hal->share_most = SECTOR;
        fill(bytes, sizeof(bytes), ring);
        assert_status(vpt_blk_write(disk.queue, 0, bytes, sizeof(bytes)), VPT_OK);
        cr_assert(filled(disk_content(0), sizeof(bytes), ring));
        cr_assert(machine.blk->requests == 24 / pieces);
        disk_end();
    }
}

/* ---- A request stays below what a device is used to ---- */

#define HUGE_MOST 16u

static struct {
    size_t asked[HUGE_MOST];
    size_t cover; /* bytes that a share covers at most */
    unsigned count;
    unsigned live;
} huge;

/* Covers memory that is not there: the device is never told of it. */
static enum vpt_status huge_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                  bool access_platform, struct vpt_shared *shared)
{
    (void)ctx;
    (void)buffer;
    (void)direction;
    (void)access_platform;
    cr_assert(huge.count < HUGE_MOST);
    huge.asked[huge.count++] = size;
    huge.live++;
    shared->device_address = UINT64_C(0x10000000000);
    shared->size = size < huge.cover ? size : huge.cover;
    return VPT_OK;
}

static void huge_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                         bool access_platform)
{
    (void)ctx;
    (void)buffer;
    (void)shared;
    (void)direction;
    (void)access_platform;
    huge.live--;
}

VARIANT_TEST(blk_blocking, a_transfer_of_gigabytes_is_split)
{
    static const struct {
        size_t size;
        size_t cover;
    } cases[] = {
        { 0xc0000000u, SIZE_MAX }, { 0x100200u, SIZE_MAX },   { 0xc0000000u, 0xc0000u },
        { 0x180000u, 0xc0000u },   { 0xc0000000u, 0x20001u },
    };
    static uint8_t byte;

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        size_t total = 0;

        memset(&huge, 0, sizeof(huge));
        huge.cover = cases[i].cover;
        disk_machine(variant, &pieces);
        mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, UINT64_C(1) << 24);
        assert_status(disk_bring_up(NULL), VPT_OK);
        machine.hal->port.share = huge_share;
        machine.hal->port.unshare = huge_unshare;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_KICK_LOST, 1, 0, 0);
        assert_status(vpt_blk_read(disk.queue, 0, &byte, cases[i].size), VPT_DEVICE_TIMEOUT);
        for (unsigned k = 0; k < huge.count; k++) {
            total += huge.asked[k] < huge.cover ? huge.asked[k] : huge.cover;
        }
        cr_assert(total == 0x100000u, "case %u: %zu", i, total);
        cr_assert(huge.live == 0);
        disk_end();
    }
}

/* ---- Get-id in pieces ---- */

VERSION_TEST(blk_blocking, BLK_OP_8_an_id_is_never_split_over_requests)
{
    static const struct {
        size_t share_most;
        uint32_t size_max;
        uint32_t seg_max;
        enum vpt_status status;
    } cases[] = {
        { 20, 0, 0, VPT_OK },
        { 19, 0, 0, VPT_RESOURCE_SEGMENTS },
        { 19, 0, 2, VPT_OK },
        { 7, 0, 3, VPT_OK },
        { 3, 0, 16, VPT_OK },
        { 2, 0, 16, VPT_RESOURCE_SEGMENTS },
        { 1, 0, 16, VPT_RESOURCE_SEGMENTS },
        { 10, 0, 2, VPT_OK },
        { 10, 0, 1, VPT_RESOURCE_SEGMENTS },
        { 0, 16, 40, VPT_OK },
        { 0, 2, 400, VPT_RESOURCE_SEGMENTS },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct mock_machine_options options = flushable;
        char id[VPT_BLK_ID_SIZE + 1u];
        enum vpt_status status;

        options.blk.size_max = cases[i].size_max;
        options.blk.seg_max = cases[i].seg_max;
        disk_start(variant, &options, NULL);
        machine.hal->share_most = cases[i].share_most;
        memset(id, 'x', sizeof(id));
        status = vpt_blk_get_id(disk.queue, id);
        cr_assert(status == cases[i].status, "case %u: %s", i, vpt_status_str(status));
        cr_assert(status != VPT_OK || strcmp(id, "twenty characters id") == 0);
        cr_assert(machine.blk->get_ids == (status == VPT_OK ? 1u : 0u));
        cr_assert(machine.blk->requests == machine.blk->get_ids);
        check_unshared();
        disk_end();
    }
}

/* ---- A share that fails ---- */

#define PAGES 20u

/* One share in the middle fails, once: what is shared goes first, then it is tried again. */
static void check_share_fails_once(const struct variant *variant, uint32_t n)
{
    static uint8_t bytes[PAGES * SECTOR];
    enum vpt_status status;

    disk_start(variant, &pieces, NULL);
    machine.hal->share_most = SECTOR;
    fill(bytes, sizeof(bytes), n);
    mock_trigger_set(&machine.hal->fail_share, n, 1);
    status = vpt_blk_write(disk.queue, 50, bytes, sizeof(bytes));
    if (n % PIECES == 1) {
        /* Nothing was shared yet: the port's error is the caller's, and what went before it is on the disk. */
        assert_status(status, share_error);
        cr_assert(filled(disk_content(50), (n - 1u) * SECTOR, n));
        cr_assert(all_bytes(disk_content(50 + n - 1u), (PAGES - n + 1u) * SECTOR, 0));
    } else {
        assert_status(status, VPT_OK);
        cr_assert(filled(disk_content(50), sizeof(bytes), n));
    }
    cr_assert(machine.hal->fail_share.fired == 1);
    check_unshared();
    disk_end();
}

VERSION_TEST(blk_blocking, a_share_that_fails_once_costs_no_data)
{
    for (uint32_t n = 1; n <= PAGES; n++) {
        check_share_fails_once(variant, n);
    }
}

/* What is shared is less than a sector: there is nothing that could go first. */
VERSION_TEST(blk_blocking, a_share_that_fails_within_a_sector_ends_with_the_error_of_the_port)
{
    uint8_t bytes[SECTOR] = { 0 };
    char id[VPT_BLK_ID_SIZE + 1u];

    disk_start(variant, &pieces, NULL);
    machine.hal->share_most = 100;
    for (uint32_t n = 1; n <= 6; n++) {
        mock_trigger_set(&machine.hal->fail_share, n, 1);
        assert_status(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)), share_error);
        check_unshared();
    }
    machine.hal->share_most = 10;
    mock_trigger_set(&machine.hal->fail_share, 2, 1);
    assert_status(vpt_blk_get_id(disk.queue, id), share_error);
    check_unshared();
    cr_assert(machine.blk->requests == 0);
    disk_end();
}

/* ---- A request that fails in the middle ---- */

VERSION_TEST(blk_blocking, a_request_that_fails_ends_the_transfer_there)
{
    static uint8_t bytes[10 * SECTOR];
    const struct mock_machine_options options = { .blk = { .seg_max = 1, .size_max = SECTOR } };

    for (uint32_t n = 1; n <= 10; n++) {
        disk_start(variant, &options, NULL);
        fill(bytes, sizeof(bytes), n);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, n, 1, 0);
        assert_status(vpt_blk_write(disk.queue, 7, bytes, sizeof(bytes)), VPT_DEVICE_IO_ERROR);
        cr_assert(filled(disk_content(7), (n - 1u) * SECTOR, n));
        cr_assert(all_bytes(disk_content(7 + n - 1u), (11u - n) * SECTOR, 0));
        cr_assert(machine.blk->requests == n);
        check_unshared();
        assert_status(disk_read_sector(7), VPT_OK);
        disk_end();
    }
}

/* ---- A request that does not come back ---- */

static void check_works_again(void)
{
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(12), VPT_OK);
    disk_end();
}

static void check_logged(enum vpt_status status)
{
    const struct mock_hal *hal = machine.hal;

    cr_assert(hal->log_count != 0);
    for (unsigned i = 0; i < hal->log_count && i < MOCK_HAL_LOG_RECORDS; i++) {
        if (hal->log[i].status == status && hal->log[i].level == VPT_LOG_ERROR) {
            return;
        }
    }
    cr_assert_fail("%s was not logged", vpt_status_str(status));
}

/* The reset takes a while, during which the device completes the request after all: into memory that is still there. */
VARIANT_TEST(blk_blocking, CLEANUP_2_a_request_in_time_trouble_ends_in_a_reset_before_anything_is_unshared)
{
    static uint8_t bytes[16 * SECTOR];
    struct mock_machine_options options = flushable;

    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned write = 0; write < 2; write++) {
        disk_start(variant, &options, NULL);
        machine.hal->share_most = 3 * SECTOR;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 1, 10);
        if (write != 0) {
            assert_status(vpt_blk_write(disk.queue, 0, bytes, sizeof(bytes)), VPT_DEVICE_TIMEOUT);
        } else {
            assert_status(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)), VPT_DEVICE_TIMEOUT);
        }
        cr_assert(machine.model->resets == 2);
        cr_assert(machine.blk->requests == 1);
        cr_assert(machine.hal->waits[VPT_WAIT_REQUEST] == 10001);
        check_unshared();
        check_logged(VPT_DEVICE_TIMEOUT);
        /* Nothing of the device's is left: it touches nothing any more. */
        cr_assert(mock_device_pending(machine.model) == 0);
        cr_assert(mock_device_run(machine.model, UINT32_MAX) == 0);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        check_works_again();
    }
}

VARIANT_TEST(blk_blocking, every_helper_gives_up_in_bounded_time)
{
    uint8_t bytes[SECTOR] = { 0 };
    char id[VPT_BLK_ID_SIZE + 1u];

    for (unsigned which = 0; which < 4; which++) {
        enum vpt_status status;

        disk_start(variant, &flushable, NULL);
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
        if (which == 0) {
            status = vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes));
        } else if (which == 1) {
            status = vpt_blk_write(disk.queue, 0, bytes, sizeof(bytes));
        } else if (which == 2) {
            status = vpt_blk_flush(disk.queue);
        } else {
            status = vpt_blk_get_id(disk.queue, id);
        }
        assert_status(status, VPT_DEVICE_TIMEOUT);
        cr_assert(machine.hal->waits[VPT_WAIT_REQUEST] == 21);
        cr_assert(machine.model->resets == 2);
        check_unshared();
        cr_assert(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)) != VPT_OK);
        cr_assert(vpt_blk_flush(disk.queue) != VPT_OK);
        cr_assert(machine.hal->shares == machine.hal->unshares);
        check_works_again();
    }
}

/* The device keeps the buffers, and the rings: they stay as they are, and what it does to them still works. */
VARIANT_TEST(blk_blocking, CLEANUP_2_buffers_stay_shared_where_the_reset_does_not_finish)
{
    static uint8_t bytes[16 * SECTOR];
    struct mock_machine_options options = flushable;

    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    options.blk.seg_max = 4;
    disk_start(variant, &options, NULL);
    machine.hal->share_most = 4 * SECTOR;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 1, 0);
    assert_status(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)), VPT_DEVICE_STUCK);
    check_logged(VPT_DEVICE_STUCK);
    cr_assert(mock_hal_live_shares(machine.hal) == 4);
    cr_assert(machine.hal->unshares == 0);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_DEVICE_STUCK);
    cr_assert(mock_hal_live_allocations(machine.hal) != 0);
    cr_assert(mock_device_run(machine.model, UINT32_MAX) == 1); /* no violation */
    cr_assert(vpt_blk_read(disk.queue, 0, bytes, sizeof(bytes)) != VPT_OK);
    cr_assert(vpt_blk_flush(disk.queue) != VPT_OK);
    cr_assert(mock_hal_live_shares(machine.hal) == 4);
    /* A later reset that does finish gives the rest back. */
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(12), VPT_OK);
    disk_stop();
    cr_assert(mock_machine_violations(&machine.on_mmio) == 0);
    cr_assert(mock_machine_finish(&machine.on_mmio) == 4); /* the shares that were never given back */
    cr_assert(mock_violations_mention(&machine.hal->violations, "leak: share") != 0);
}

VARIANT_TEST(blk_blocking, nothing_is_shared_with_a_device_that_is_known_to_be_removed)
{
    disk_start(variant, &flushable, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 0, 0);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(disk_read_sector(2), VPT_DEVICE_GONE);
    assert_status(vpt_blk_flush(disk.queue), VPT_DEVICE_GONE);
    cr_assert(machine.hal->shares == 0);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    machine_finish();
}
