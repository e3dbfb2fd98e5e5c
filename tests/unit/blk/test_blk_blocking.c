/* SPDX-License-Identifier: MIT */
/* The blocking helpers: sharing, splitting what is too long for one request, waiting, giving up. */
#include "disk.h"

#include <string.h>

TestSuite(blk_blocking, .timeout = 60);

static const struct mock_machine_options capable = {
    .blk = { .flush = true, .discard = { 100, 3, 8 }, .write_zeroes = { 50, 4, 0 }, .secure_erase = { 64, 2, 8 } },
};

static const enum vpt_status share_error = (enum vpt_status)(VPT_PORT_ERROR_FIRST + 7);

static void start(const struct variant *variant, const struct mock_machine_options *options)
{
    disk_machine(variant, options);
    disk.ranges = 1;
    assert_status(disk_bring_up(NULL), VPT_OK);
}

/* Every share has come back, and the disk was asked for nothing that it does not have: the machine checks that. */
static void check_unshared(const char *row)
{
    assert_same_of(row, mock_hal_live_shares(machine.hal), 0);
    assert_same_of(row, machine.hal->unshares, machine.hal->shares);
}

/* ---- Every helper ---- */

enum helper { READ, WRITE, GET_ID, FLUSH, DISCARD, ZEROES, ERASE, HELPERS };

static const char *const names[] = { "read", "write", "get-id", "flush", "discard", "write zeroes", "secure erase" };

static bool shares(enum helper helper)
{
    return helper < FLUSH;
}

static enum vpt_status help(enum helper helper, struct vpt_blk_queue *queue)
{
    static uint8_t bytes[16 * SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];

    switch (helper) {
    case READ: return vpt_blk_read(queue, 0, bytes, sizeof(bytes));
    case WRITE: return vpt_blk_write(queue, 0, bytes, sizeof(bytes));
    case GET_ID: return vpt_blk_get_id(queue, id);
    case FLUSH: return vpt_blk_flush(queue);
    case DISCARD: return vpt_blk_discard(queue, 0, 8);
    case ZEROES: return vpt_blk_write_zeroes(queue, 0, 8, false);
    default: return vpt_blk_secure_erase(queue, 0, 8);
    }
}

static void help_all(enum vpt_status expected)
{
    for (enum helper i = READ; i < HELPERS; i++) {
        assert_status_of(names[i], help(i, disk.queue), expected);
    }
}

VERSION_TEST(blk_blocking, every_helper_refuses_a_queue_that_is_not_ready)
{
    struct mock_machine_options options = capable;
    struct vpt_blk_queue blank;

    memset(&blank, 0, sizeof(blank));
    for (enum helper i = READ; i < HELPERS; i++) {
        assert_status_of(names[i], help(i, NULL), VPT_CALLER_ARGUMENT);
        assert_status_of(names[i], help(i, &blank), VPT_CALLER_STATE);
    }
    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    start(variant, &options);
    assert_status(vpt_blk_get_id(disk.queue, NULL), VPT_CALLER_ARGUMENT);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    help_all(VPT_CALLER_BUSY);
    disk_kick();
    help_all(VPT_CALLER_BUSY);
    assert_same(mock_device_run(machine.model, 1), 1);
    help_all(VPT_CALLER_BUSY);
    cr_assert(machine.hal->shares == 0 && machine.blk->requests == 1);
    assert_status(disk_poll_one(NULL), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    help_all(VPT_OK);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    help_all(VPT_CALLER_STATE);
    disk_end();
}

VERSION_TEST(blk_blocking, a_port_that_cannot_share_is_reported_by_the_helpers_that_need_it)
{
    for (unsigned missing = 0; missing < 2; missing++) {
        start(variant, &capable);
        machine.hal->port.share = missing == 0 ? NULL : machine.hal->port.share;
        machine.hal->port.unshare = missing == 1 ? NULL : machine.hal->port.unshare;
        for (enum helper i = READ; i < HELPERS; i++) {
            assert_status_of(names[i], help(i, disk.queue), shares(i) ? VPT_UNSUPPORTED_PORT : VPT_OK);
        }
        assert_same(machine.blk->requests, HELPERS - FLUSH);
        assert_same(machine.hal->shares, 0);
        disk_end();
    }
}

VERSION_TEST(blk_blocking, a_request_that_fails_is_reported_by_every_helper)
{
    static const struct {
        enum mock_fault fault;
        enum vpt_status status;
    } faults[] = { { MOCK_FAULT_IO_ERROR, VPT_DEVICE_IO_ERROR },
                   { MOCK_FAULT_UNSUPPORTED, VPT_UNSUPPORTED_REQUEST },
                   { MOCK_FAULT_STATUS_MISSING, VPT_DEVICE_REQUEST_STATUS } };

    start(variant, &capable);
    for (unsigned n = 0; n < COUNT_OF(faults); n++) {
        mock_fault_set(&machine.model->faults, faults[n].fault, 1, 0, 0);
        help_all(faults[n].status);
        check_unshared(mock_fault_describe(faults[n].fault)->name);
        mock_fault_clear(&machine.model->faults, faults[n].fault);
        help_all(VPT_OK);
    }
    disk_end();
}

static void check_logged(enum vpt_status status)
{
    const struct mock_hal *hal = machine.hal;
    bool logged = false;

    for (unsigned i = 0; i < hal->log_count && i < MOCK_HAL_LOG_RECORDS; i++) {
        logged = logged || (hal->log[i].status == status && hal->log[i].level == VPT_LOG_ERROR);
    }
    cr_assert(logged, "%s was not logged", vpt_status_str(status));
}

/* The reset takes a while, during which the device completes the request after all: into memory that is still there. */
VARIANT_TEST(blk_blocking, CLEANUP_2_every_helper_gives_up_by_a_reset_before_anything_is_unshared)
{
    struct mock_machine_options options = capable;

    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    for (enum helper i = READ; i < HELPERS; i++) {
        start(variant, &options);
        machine.hal->share_most = 3 * SECTOR;
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_SLOW, 1, 1, 10);
        assert_status_of(names[i], help(i, disk.queue), VPT_DEVICE_TIMEOUT);
        assert_same_of(names[i], machine.model->resets, 2);
        assert_same_of(names[i], machine.blk->requests, 1);
        assert_same_of(names[i], machine.hal->waits[VPT_WAIT_REQUEST], 21);
        assert_same_of(names[i], machine.hal->shares != 0, shares(i));
        check_logged(VPT_DEVICE_TIMEOUT);
        assert_same_of(names[i], mock_device_pending(machine.model), 0);
        assert_same_of(names[i], mock_device_run(machine.model, UINT32_MAX), 0);
        help_all(VPT_CANCELLED);
        check_unshared(names[i]);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
        assert_status(disk_bring_up(NULL), VPT_OK);
        help_all(VPT_OK);
        disk_end();
    }
}

VERSION_TEST(blk_blocking, nothing_is_shared_with_a_device_that_is_known_to_be_removed)
{
    start(variant, &capable);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 1, 0, 0);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    help_all(VPT_DEVICE_GONE);
    assert_same(machine.hal->shares, 0);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    machine_finish();
}

/* ---- Reads, writes and ids ---- */

VERSION_TEST(blk_blocking, BLK_OP_2_what_is_refused_is_refused_before_any_part_of_it)
{
    static const struct {
        const char *what;
        bool nowhere; /* no buffer */
        uint64_t sector;
        size_t size;
        enum vpt_status status;
    } rows[] = {
        { "no buffer", true, 0, SECTOR, VPT_CALLER_ARGUMENT },
        { "a byte", false, 0, 1, VPT_CALLER_ALIGNMENT },
        { "more than a sector", false, 0, 513, VPT_CALLER_ALIGNMENT },
        { "nothing", true, 0, 0, VPT_OK },
        { "nothing at the end", false, 2048, 0, VPT_OK },
        { "across the end", false, 2033, 16 * SECTOR, VPT_CALLER_RANGE },
        { "across 2^64", false, UINT64_MAX, 2 * SECTOR, VPT_CALLER_RANGE },
    };
    static uint8_t bytes[16 * SECTOR];
    struct mock_machine_options options = { .blk = { .seg_max = 1, .size_max = SECTOR } };

    start(variant, &options);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        void *buffer = rows[i].nowhere ? NULL : bytes;

        assert_status_of(rows[i].what, vpt_blk_read(disk.queue, rows[i].sector, buffer, rows[i].size), rows[i].status);
        assert_status_of(rows[i].what, vpt_blk_write(disk.queue, rows[i].sector, buffer, rows[i].size), rows[i].status);
    }
    cr_assert(machine.blk->requests == 0 && machine.hal->shares == 0);
    assert_status(vpt_blk_write(disk.queue, 2032, bytes, sizeof(bytes)), VPT_OK);
    assert_same(machine.blk->requests, 16);
    disk_end();

    options.blk.read_only = true;
    start(variant, &options);
    assert_status(vpt_blk_write(disk.queue, 0, bytes, SECTOR), VPT_CALLER_READ_ONLY);
    assert_same(machine.hal->shares, 0);
    assert_status(disk_read_sector(0), VPT_OK);
    disk_end();
}

/* 20 characters have no 0 behind them; a shorter id has at least one. */
VERSION_TEST(blk_blocking, BLK_OP_8_an_id_has_20_bytes_that_are_never_split_over_requests)
{
    static const struct {
        const char *id;
        size_t share_most;
        enum vpt_status status;
    } cases[] = {
        { "short", 0, VPT_OK },
        { "twenty characters id", 0, VPT_OK },
        { "twenty characters id", 7, VPT_OK },
        { "twenty characters id", 6, VPT_RESOURCE_SEGMENTS },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const struct mock_machine_options options = { .blk = { .seg_max = 3, .id = cases[i].id } };
        char expected[VPT_BLK_ID_SIZE + 1u] = { 0 };
        char id[VPT_BLK_ID_SIZE + 2u];

        (void)strncpy(expected, cases[i].id, VPT_BLK_ID_SIZE);
        disk_start(variant, &options, NULL);
        machine.hal->share_most = cases[i].share_most;
        memset(id, 'x', sizeof(id));
        assert_status_of(cases[i].id, vpt_blk_get_id(disk.queue, id), cases[i].status);
        cr_assert(cases[i].status != VPT_OK || memcmp(id, expected, sizeof(expected)) == 0, "%s", cases[i].id);
        cr_assert(id[VPT_BLK_ID_SIZE + 1u] == 'x');
        assert_same_of(cases[i].id, machine.blk->get_ids, cases[i].status == VPT_OK);
        assert_same_of(cases[i].id, machine.blk->requests, machine.blk->get_ids);
        check_unshared(cases[i].id);
        disk_end();
    }
}

/* ---- Long transfers ---- */

#define LONG (128u * SECTOR)

/* What the device and the port allow, and into how many requests 64 KiB are split; 0: not offered, or not limited. */
static const struct split {
    const char *what;
    uint32_t block_size, size_max, seg_max, ring;
    uint16_t segments; /* of the queue; 0: the default */
    size_t share_most, share_page;
    size_t misalignment; /* of the buffer to a page */
    bool odd;            /* from a sector on that is not the first of a block */
    unsigned requests;   /* that it takes, or that come before what is refused; 0: not looked at */
    enum vpt_status status;
} splits[] = {
    { "no limit", .requests = 1 },
    { "8 sectors in a segment", .size_max = 4096, .seg_max = 1, .requests = 16 },
    { "without SEG_MAX: one segment", .size_max = 4096, .requests = 16 },
    { "2100 bytes, of which 2048 are whole sectors", .size_max = 700, .seg_max = 3, .requests = 32 },
    { "600 bytes: 512, cut in the sixth piece", .size_max = 100, .seg_max = 6, .requests = 128 },
    { "a sector in eight pieces", .size_max = 64, .seg_max = 16, .requests = 128 },
    { "pages", .share_page = 4096, .requests = 16 },
    { "pages off by a sector", .share_page = 4096, .misalignment = 512, .requests = 17 },
    { "more by the caller's own wish", .segments = 16, .share_page = 4096, .requests = 2 },
    { "8 pages: a helper's own limit", .seg_max = 16, .share_page = 4096, .requests = 2 },
    { "4 pages off by a byte", .segments = 4, .share_page = 4096, .misalignment = 1, .requests = 6 },
    { "one share of which 7680 bytes are whole sectors", .segments = 1, .share_most = 8191, .requests = 9 },
    { "pieces of both", .size_max = 96, .seg_max = 64, .share_most = 100, .share_page = 256, .misalignment = 3 },
    { "no sector in a byte less", .share_most = 511, .status = VPT_RESOURCE_SEGMENTS },
    { "a sector on two pages", .share_page = 4096, .misalignment = 8, .requests = 1, .status = VPT_RESOURCE_SEGMENTS },
    /* The header and the status byte need a descriptor each. */
    { "a ring of 4", .ring = 4, .segments = 4, .share_most = SECTOR, .requests = 64 },
    { "a ring of 8", .ring = 8, .segments = 8, .share_most = SECTOR, .requests = 22 },
    { "a ring of 16", .ring = 16, .segments = 16, .share_most = SECTOR, .requests = 16 },
    /* A disk of large blocks fails requests that end inside one; pieces of a page do not make it so. */
    { "blocks", .block_size = 4096, .seg_max = 16, .share_page = 4096, .misalignment = 512, .requests = 3 },
    { "no blocks", .block_size = 4096, .seg_max = 16, .share_page = 4096, .misalignment = 512, .odd = true, 3 },
    { "a block in 8 pieces", .block_size = 4096, .seg_max = 16, .share_most = 512, .requests = 16 },
    { "in 9", .block_size = 4096, .seg_max = 16, .share_most = 511, .status = VPT_RESOURCE_SEGMENTS },
    { "a block in 2 pieces", .block_size = 4096, .seg_max = 2, .share_most = 2048, .requests = 16 },
    { "in 1", .block_size = 4096, .seg_max = 1, .share_most = 2048, .status = VPT_RESOURCE_SEGMENTS },
    { "a block in one piece", .block_size = 4096, .share_most = 4096, .requests = 16 },
    { "in 2", .block_size = 4096, .share_most = 2048, .status = VPT_RESOURCE_SEGMENTS },
    { "on 2 pages", .block_size = 4096, .share_page = 4096, .misalignment = 512, .status = VPT_RESOURCE_SEGMENTS },
};

/* Whether each of the requests so far was about whole blocks. */
static bool whole_blocks(uint32_t block_size)
{
    bool whole = true;

    for (uint64_t i = 0; i < machine.blk->requests; i++) {
        const struct mock_blk_record *record = &machine.blk->log[i % MOCK_BLK_LOG];

        whole = whole && record->bytes % block_size == 0 && record->sector * SECTOR % block_size == 0;
    }
    return whole;
}

static void check_split(const struct split *split, uint8_t *buffer)
{
    uint64_t first = split->odd ? 1001 : 1000;
    uint64_t end = first + LONG / SECTOR;
    uint64_t requests;

    machine.hal->share_most = split->share_most;
    machine.hal->share_page = split->share_page;
    fill(buffer, LONG, 5);
    assert_status_of(split->what, vpt_blk_write(disk.queue, first, buffer, LONG), split->status);
    requests = machine.blk->requests;
    if (split->requests != 0 || split->status != VPT_OK) {
        assert_same_of(split->what, requests, split->requests);
    }
    if (split->status == VPT_OK) {
        cr_assert(filled(disk_content(first), LONG, 5), "%s", split->what);
        cr_assert(all_bytes(disk_content(0), (size_t)first * SECTOR, 0), "%s", split->what);
        cr_assert(all_bytes(disk_content(end), (size_t)(2048 - end) * SECTOR, 0), "%s", split->what);
        memset(buffer, 0, LONG);
    }
    assert_status_of(split->what, vpt_blk_read(disk.queue, first, buffer, LONG), split->status);
    cr_assert(filled(buffer, LONG, 5), "%s", split->what);
    assert_same_of(split->what, machine.blk->requests, 2 * requests);
    assert_same_of(split->what, machine.model->kicks, 2 * requests);
    assert_same_of(split->what, split->block_size == 0 || whole_blocks(split->block_size), !split->odd);
    check_unshared(split->what);
}

VARIANT_TEST(blk_blocking, a_long_transfer_is_split_by_what_the_device_and_the_port_allow)
{
    static _Alignas(4096) uint8_t buffer[4096 + LONG];

    for (const struct split *split = splits; split < splits + COUNT_OF(splits); split++) {
        const struct vpt_requests_config config = { .segments = split->segments };
        const struct mock_machine_options options = {
            .queue_maximum = split->ring,
            .blk = { .block_size = split->block_size, .size_max = split->size_max, .seg_max = split->seg_max },
        };

        disk_start(variant, &options, &config);
        check_split(split, buffer + split->misalignment);
        disk_end();
    }
}

VARIANT_TEST(blk_blocking, no_request_of_a_transfer_of_gigabytes_is_longer_than_1_MiB)
{
    static const struct {
        size_t size;
        size_t share_most;
    } cases[] = {
        { 0xc0000000u, 0 },      { 0x100200u, 0 },          { 0xc0000000u, 0xc0000u },
        { 0x180000u, 0xc0000u }, { 0xc0000000u, 0x20001u },
    };
    const struct mock_machine_options options = { .blk = { .seg_max = 16 } };
    static uint8_t bytes[0x200000]; /* for two requests: the disk of 1 MiB fails the second one */

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        disk_machine(variant, &options);
        mock_blk_resize(machine.blk, UINT64_C(1) << 24);
        assert_status(disk_bring_up(NULL), VPT_OK);
        machine.hal->share_most = cases[i].share_most;
        assert_status(vpt_blk_read(disk.queue, 0, bytes, cases[i].size), VPT_DEVICE_IO_ERROR);
        assert_same(machine.blk->requests, 2);
        assert_same(machine.blk->log[0].bytes, 0x100000);
        check_unshared("");
        disk_end();
    }
}

/* ---- What fails in the middle ---- */

/* A sector to a request. What comes before the request, or the share, that fails is written, and nothing after it. */
VERSION_TEST(blk_blocking, a_request_or_a_share_that_fails_ends_the_transfer_there)
{
    static uint8_t bytes[10 * SECTOR];
    const struct mock_machine_options options = { .blk = { .seg_max = 1, .size_max = SECTOR } };

    for (uint32_t n = 0; n < 20; n++) {
        uint32_t done = n / 2;

        disk_start(variant, &options, NULL);
        fill(bytes, sizeof(bytes), n);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, n % 2 == 0 ? done + 1 : 0, 1, 0);
        mock_trigger_set(&machine.hal->fail_share, n % 2 == 1 ? done + 1 : 0, 1);
        assert_status(vpt_blk_write(disk.queue, 7, bytes, sizeof(bytes)),
                      n % 2 == 0 ? VPT_DEVICE_IO_ERROR : share_error);
        cr_assert(filled(disk_content(7), done * SECTOR, n));
        cr_assert(all_bytes(disk_content(7 + done), (10 - done) * SECTOR, 0));
        check_unshared("");
        assert_status(disk_read_sector(7), VPT_OK);
        disk_end();
    }
}
