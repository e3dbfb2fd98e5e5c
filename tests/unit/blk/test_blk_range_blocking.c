/* SPDX-License-Identifier: MIT */
/* The blocking helpers for ranges of sectors: what they split, refuse and give up. */
#include "disk.h"

#include <string.h>

TestSuite(blk_range_blocking, .timeout = 60);

#define HELPERS 3u

static const struct mock_machine_options capable = {
    .blk = { .discard = { 100, 3, 8 },
             .write_zeroes = { 50, 4, 0 },
             .write_zeroes_unmap = true,
             .secure_erase = { 64, 2, 8 } },
};

static const uint8_t contents[HELPERS] = { MOCK_BLK_DISCARDED, 0, MOCK_BLK_ERASED };
static const uint32_t types[HELPERS] = { 11, 13, 14 };
static const uint32_t pieces[HELPERS] = { 96, 50, 64 };

static enum vpt_status help(unsigned which, uint64_t sector, uint64_t count)
{
    switch (which) {
    case 0: return vpt_blk_discard(disk.queue, sector, count);
    case 1: return vpt_blk_write_zeroes(disk.queue, sector, count, false);
    default: return vpt_blk_secure_erase(disk.queue, sector, count);
    }
}

static enum vpt_status bring_up(void)
{
    enum vpt_status status;

    assert_status(machine_probe(), VPT_OK);
    status = vpt_blk_init(&disk.blk, machine.device, NULL);
    if (status == VPT_OK) {
        status = vpt_blk_ranges_init(&disk.blk, 0);
    }
    if (status == VPT_OK) {
        status = vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL);
    }
    return status == VPT_OK ? vpt_driver_start(&disk.blk.driver) : status;
}

static void start(const struct variant *variant, const struct mock_machine_options *options)
{
    disk_machine(variant, options);
    assert_status(bring_up(), VPT_OK);
    memset(disk_content(0), 0x77, 2048 * SECTOR);
}

static void check_dealt_with(uint64_t first, uint64_t end, uint8_t content)
{
    cr_assert(all_bytes(disk_content(0), (size_t)first * SECTOR, 0x77));
    cr_assert(all_bytes(disk_content(first), (size_t)(end - first) * SECTOR, content));
    cr_assert(all_bytes(disk_content(end), (size_t)(2048 - end) * SECTOR, 0x77));
}

VARIANT_TEST(blk_range_blocking, what_is_too_long_for_one_range_is_split_by_the_limits_and_the_alignment)
{
    static const struct {
        uint64_t sector;
        uint64_t count;
    } cases[] = { { 0, 2048 }, { 8, 8 }, { 96, 96 }, { 8, 104 }, { 1000, 1048 }, { 2040, 8 } };

    for (unsigned n = 0; n < COUNT_OF(cases) * HELPERS; n++) {
        unsigned which = n % HELPERS;
        uint64_t sector = cases[n / HELPERS].sector;
        uint64_t count = cases[n / HELPERS].count;
        uint64_t requests = (count + pieces[which] - 1) / pieces[which];

        start(variant, &capable);
        assert_status(help(which, sector, count), VPT_OK);
        check_dealt_with(sector, sector + count, contents[which]);
        cr_assert(machine.blk->requests == requests && machine.model->kicks == requests);
        for (uint64_t i = 0; i < requests; i++) {
            const struct mock_blk_record *record = &machine.blk->log[i];
            uint64_t left = count - i * pieces[which];

            cr_assert(record->type == types[which] && record->ranges == 1 && !record->unmap);
            cr_assert(record->range_sector == sector + i * pieces[which]);
            cr_assert(record->range_sectors == (left < pieces[which] ? left : pieces[which]));
        }
        cr_assert(machine.blk->unaligned == 0);
        cr_assert(machine.blk->discarded + machine.blk->zeroed + machine.blk->erased == count);
        disk_end();
    }
}

/* The disk ends within a unit. */
VERSION_TEST(blk_range_blocking, the_last_piece_ends_where_the_disk_does)
{
    struct mock_machine_options options = capable;

    options.blk.capacity = 2048;
    disk_machine(variant, &options);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, 2045);
    assert_status(bring_up(), VPT_OK);
    memset(disk_content(0), 0x77, 2048 * SECTOR);
    assert_status(vpt_blk_discard(disk.queue, 1936, 108), VPT_CALLER_ALIGNMENT);
    cr_assert(machine.blk->requests == 0);
    assert_status(vpt_blk_discard(disk.queue, 1936, 109), VPT_OK);
    check_dealt_with(1936, 2045, MOCK_BLK_DISCARDED);
    cr_assert(machine.blk->requests == 2 && machine.blk->unaligned == 0);
    disk_end();
}

/* A length above 32 bits: the first piece is the largest that a record can say (and this small disk fails it). */
VERSION_TEST(blk_range_blocking, a_count_above_32_bits_is_split)
{
    struct mock_machine_options options = capable;

    options.blk.write_zeroes.sectors = 0xffffffff;
    disk_machine(variant, &options);
    mock_blk_resize(machine.blk, UINT64_C(1) << 40);
    assert_status(bring_up(), VPT_OK);
    assert_status(vpt_blk_write_zeroes(disk.queue, 1, UINT64_C(0x100000001), false), VPT_DEVICE_IO_ERROR);
    cr_assert(machine.blk->requests == 1);
    cr_assert(mock_blk_last(machine.blk)->range_sectors == 0xffffffff);
    disk_end();
}

VERSION_TEST(blk_range_blocking, BLK_OP_14_the_unmap_flag_goes_with_every_piece_of_zeroes)
{
    struct mock_machine_options options = capable;

    start(variant, &options);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, true), VPT_OK);
    cr_assert(machine.blk->requests == 3 && machine.blk->unmapped == 120);
    check_dealt_with(10, 130, 0);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, false), VPT_OK);
    cr_assert(machine.blk->unmapped == 120 && machine.blk->zeroed == 240);
    disk_end();

    options.blk.write_zeroes_unmap = false;
    start(variant, &options);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, true), VPT_UNSUPPORTED_REQUEST);
    cr_assert(machine.blk->requests == 0);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, false), VPT_OK);
    disk_end();
}

/* ---- What is refused, before any part of it ---- */

static const struct {
    uint64_t sector;
    uint64_t count;
    bool read_only;
    bool without; /* the disk has no such operation */
    enum vpt_status status;
    enum vpt_status zeroes; /* of the operation without an alignment */
} refusals[] = {
    { .sector = 0, .count = 2056, .status = VPT_CALLER_RANGE, .zeroes = VPT_CALLER_RANGE },
    { .sector = 2040, .count = 16, .status = VPT_CALLER_RANGE, .zeroes = VPT_CALLER_RANGE },
    { .sector = 2048, .count = 8, .status = VPT_CALLER_RANGE, .zeroes = VPT_CALLER_RANGE },
    { .sector = UINT64_MAX - 7, .count = 8, .status = VPT_CALLER_RANGE, .zeroes = VPT_CALLER_RANGE },
    { .sector = UINT64_MAX - 7, .count = UINT64_MAX, .status = VPT_CALLER_RANGE, .zeroes = VPT_CALLER_RANGE },
    { .sector = 8, .count = UINT64_MAX, .status = VPT_CALLER_RANGE, .zeroes = VPT_CALLER_RANGE },
    { .sector = 4, .count = 96, .status = VPT_CALLER_ALIGNMENT },
    { .sector = 8, .count = 95, .status = VPT_CALLER_ALIGNMENT },
    { .sector = 1, .count = 2047, .status = VPT_CALLER_ALIGNMENT },
    { .count = 0 }, /* nothing to deal with is carried out as nothing */
    { .sector = 2048, .count = 0 },
    { .count = 8, .read_only = true, .status = VPT_CALLER_READ_ONLY, .zeroes = VPT_CALLER_READ_ONLY },
    { .count = 8, .without = true, .status = VPT_UNSUPPORTED_REQUEST, .zeroes = VPT_UNSUPPORTED_REQUEST },
    { .count = 0, .without = true, .status = VPT_UNSUPPORTED_REQUEST, .zeroes = VPT_UNSUPPORTED_REQUEST },
};

VERSION_TEST(blk_range_blocking, BLK_OP_2_what_is_refused_is_refused_before_any_part_of_it)
{
    for (unsigned row = 0; row < COUNT_OF(refusals); row++) {
        struct mock_machine_options options = capable;

        if (refusals[row].without) {
            options = (struct mock_machine_options){ 0 };
        }
        options.blk.read_only = refusals[row].read_only;
        start(variant, &options);
        for (unsigned i = 0; i < HELPERS; i++) {
            enum vpt_status expected = i == 1 ? refusals[row].zeroes : refusals[row].status;
            uint64_t before = machine.blk->requests;
            enum vpt_status status = help(i, refusals[row].sector, refusals[row].count);

            cr_assert(status == expected, "row %u, helper %u: %s", row, i, vpt_status_str(status));
            cr_assert(machine.blk->requests == before || (status == VPT_OK && refusals[row].count != 0));
        }
        disk_end();
    }
}

VERSION_TEST(blk_range_blocking, a_helper_refuses_a_queue_that_is_not_ready)
{
    struct mock_machine_options options = capable;
    struct vpt_blk_queue blank;

    memset(&blank, 0, sizeof(blank));
    assert_status(vpt_blk_discard(NULL, 0, 8), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_write_zeroes(&blank, 0, 8, false), VPT_CALLER_STATE);
    assert_status(vpt_blk_secure_erase(NULL, 0, 8), VPT_CALLER_ARGUMENT);
    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    start(variant, &options);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    for (unsigned i = 0; i < HELPERS; i++) {
        assert_status(help(i, 0, 8), VPT_CALLER_BUSY);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < HELPERS; i++) {
        assert_status(help(i, 0, 8), VPT_CALLER_STATE);
    }
    disk_end();
}

/* Nothing is shared: a port that cannot do that is good enough. */
VERSION_TEST(blk_range_blocking, ranges_need_no_share)
{
    start(variant, &capable);
    machine.hal->port.share = NULL;
    machine.hal->port.unshare = NULL;
    for (unsigned i = 0; i < HELPERS; i++) {
        assert_status(help(i, 0, 104), VPT_OK);
    }
    cr_assert(machine.hal->shares == 0);
    disk_end();
}

/* ---- What goes wrong ---- */

VERSION_TEST(blk_range_blocking, an_error_ends_the_operation_there)
{
    for (unsigned i = 0; i < HELPERS; i++) {
        start(variant, &capable);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 3, 1, 0);
        assert_status(help(i, 0, 2048), VPT_DEVICE_IO_ERROR);
        check_dealt_with(0, 2 * pieces[i], contents[i]);
        cr_assert(machine.blk->requests == 3);
        assert_status(help(i, 0, 2048), VPT_OK);
        check_dealt_with(0, 2048, contents[i]);
        disk_end();
    }
}

VARIANT_TEST(blk_range_blocking, CLEANUP_2_a_request_in_time_trouble_ends_in_a_reset)
{
    for (unsigned i = 0; i < HELPERS; i++) {
        start(variant, &capable);
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 2, 1, 0);
        assert_status(help(i, 0, 2048), VPT_DEVICE_TIMEOUT);
        check_dealt_with(0, pieces[i], contents[i]);
        cr_assert(machine.model->resets == 2 && machine.hal->waits[VPT_WAIT_REQUEST] == 21);
        assert_status(help(i, 0, 8), VPT_CANCELLED);
        assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
        assert_status(bring_up(), VPT_OK);
        assert_status(help(i, 0, 2048), VPT_OK);
        disk_end();
    }
}
