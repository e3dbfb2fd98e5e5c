/* SPDX-License-Identifier: MIT */
/* Discard, write zeroes and secure erase: limits, asynchronous and blocking requests, and where their records lie. */
#include "disk.h"

#include <string.h>

#include "mock_order.h"

TestSuite(blk_range, .timeout = 60);
TestSuite(blk_range_blocking, .timeout = 60);

#define RANGES 4u

enum which { DISCARD, ZEROES, ERASE, OPERATIONS };

static const struct {
    enum vpt_blk_operation operation;
    uint32_t type;
    unsigned feature;
    const struct vpt_blk_limits *limits;
    unsigned config;
    uint8_t content; /* of a sector afterwards */
} operations[OPERATIONS] = {
    { VPT_BLK_DISCARD, 11, VPT_BLK_F_DISCARD, &disk.blk.info.discard, MOCK_BLK_DISCARD, MOCK_BLK_DISCARDED },
    { VPT_BLK_WRITE_ZEROES, 13, VPT_BLK_F_WRITE_ZEROES, &disk.blk.info.write_zeroes, MOCK_BLK_WRITE_ZEROES, 0 },
    { VPT_BLK_SECURE_ERASE, 14, VPT_BLK_F_SECURE_ERASE, &disk.blk.info.secure_erase, MOCK_BLK_SECURE_ERASE,
      MOCK_BLK_ERASED },
};

static const struct mock_machine_options capable = {
    .blk = { .flush = true,
             .discard = { 100, 3, 8 },
             .write_zeroes = { 50, 4, 0 },
             .write_zeroes_unmap = true,
             .secure_erase = { 64, 2, 8 } },
};

static const struct vpt_requests_config several = { .requests = 8, .segments = 2 };

static void check_limits(const char *row, enum which which, struct vpt_blk_limits expected)
{
    const struct vpt_blk_limits *found = operations[which].limits;

    assert_same_of(row, found->sectors, expected.sectors);
    assert_same_of(row, found->ranges, expected.ranges);
    assert_same_of(row, found->alignment, expected.alignment);
}

#define UNTOUCHED 0x77

/* Not brought up yet. */
static void range_machine(const struct variant *variant, const struct mock_machine_options *options)
{
    disk_machine(variant, options);
    disk.ranges = RANGES;
}

static void bring_up(void)
{
    assert_status(disk_bring_up(&several), VPT_OK);
    memset(disk_content(0), UNTOUCHED, 2048 * SECTOR);
}

static void start(const struct variant *variant, const struct mock_machine_options *options)
{
    range_machine(variant, options);
    bring_up();
}

static enum vpt_status submit(enum which which, const struct vpt_blk_range *ranges, uint16_t count, void *token)
{
    const struct vpt_blk_request request = { operations[which].operation, 0, NULL, 0, count, ranges };

    return vpt_blk_submit(disk.queue, &request, token);
}

/* Submits, kicks and polls: how the request came back, or why it was refused. */
static enum vpt_status complete(enum which which, const struct vpt_blk_range *ranges, uint16_t count)
{
    enum vpt_status status = submit(which, ranges, count, NULL);

    if (status == VPT_OK) {
        disk_kick();
        status = disk_poll_one(NULL);
    }
    return status;
}

static enum vpt_status complete_one(enum which which, uint64_t sector, uint32_t sectors, bool unmap)
{
    const struct vpt_blk_range range = { sector, sectors, unmap };

    return complete(which, &range, 1);
}

static enum vpt_status help(enum which which, uint64_t sector, uint64_t count)
{
    switch (which) {
    case DISCARD: return vpt_blk_discard(disk.queue, sector, count);
    case ZEROES: return vpt_blk_write_zeroes(disk.queue, sector, count, false);
    default: return vpt_blk_secure_erase(disk.queue, sector, count);
    }
}

/* Whether these sectors hold what the operation leaves, and the others are untouched. */
static void check_content(enum which which, const struct vpt_blk_range *ranges, unsigned count)
{
    for (uint64_t sector = 0; sector < 2048; sector++) {
        uint8_t expected = UNTOUCHED;

        for (unsigned i = 0; i < count; i++) {
            if (sector >= ranges[i].sector && sector - ranges[i].sector < ranges[i].sectors) {
                expected = operations[which].content;
            }
        }
        cr_assert(all_bytes(disk_content(sector), SECTOR, expected), "operation %d, sector %u: 0x%02x, not 0x%02x",
                  (int)which, (unsigned)sector, disk_content(sector)[0], expected);
    }
}

/* ---- What the device takes ---- */

/* The fields are there all the same: the machine records a reading. Any feature alone has room for its ranges. */
VERSION_TEST(blk_range, CONFIG_2_an_operation_without_its_feature_is_not_there)
{
    const struct vpt_blk_range ranges[] = { { 0, 8, false }, { 16, 8, false } };

    for (unsigned set = 0; set < 1u << OPERATIONS; set++) {
        range_machine(variant, &capable);
        for (enum which i = DISCARD; i < OPERATIONS; i++) {
            machine_offer(operations[i].feature, (set >> i & 1) != 0);
        }
        bring_up();
        assert_same(disk.blk.info.write_zeroes_unmap, set >> ZEROES & 1);
        for (enum which i = DISCARD; i < OPERATIONS; i++) {
            bool there = (set >> i & 1) != 0;

            assert_same(operations[i].limits->sectors != 0, there);
            assert_status(complete(i, ranges, 2), there ? VPT_OK : VPT_UNSUPPORTED_REQUEST);
        }
        disk_end();
    }
}

/* What the device says, and what comes of it: all zeroes switch the operation off, and no other one. */
static const struct {
    const char *what;
    struct vpt_blk_limits device;
    uint32_t size_max; /* 0: not offered */
    struct vpt_blk_limits limits;
} limits[] = {
    { "no sectors", { 0, 1, 1 }, 0, { 0, 0, 0 } },
    { "no ranges", { 1, 0, 1 }, 0, { 0, 0, 0 } },
    { "less than the alignment", { 7, 1, 8 }, 0, { 0, 0, 0 } },
    { "no record in a segment", { 8, 1, 1 }, 15, { 0, 0, 0 } },
    { "no alignment", { 1, 1, 0 }, 0, { 1, 1, 1 } },
    { "a power of two", { 100, 5, 8 }, 0, { 96, 5, 8 } },
    { "no power of two", { 100, 5, 3 }, 0, { 99, 5, 3 } },
    { "one unit", { 100, 5, 100 }, 0, { 100, 5, 100 } },
    { "large ones", { 0x01020304, 0x01525354, 2 }, 0, { 0x01020304, 0x01525354, 2 } },
    { "no limit", { 0xffffffff, 0xffffffff, 1 }, 0, { 0xffffffff, 0x0fffffff, 1 } },
    { "one huge unit", { 0xffffffff, 2, 0xffffffff }, 0, { 0xffffffff, 2, 0xffffffff } },
    { "a record too many", { 10, 10, 1 }, 159, { 10, 9, 1 } },
    { "one record in a segment", { 10, 10, 1 }, 16, { 10, 1, 1 } },
};

static void check_row_of_limits(const struct variant *variant, unsigned row, enum which which)
{
    struct mock_machine_options options = capable;
    const struct vpt_blk_limits *device = &limits[row].device;
    const char *what = limits[row].what;
    bool no_record = limits[row].size_max == 15;

    options.blk.size_max = limits[row].size_max;
    options.blk.seg_max = 64;
    range_machine(variant, &options);
    mock_config_set(&machine.model->config, operations[which].config + MOCK_BLK_RANGE_SECTORS, 4, device->sectors);
    mock_config_set(&machine.model->config, operations[which].config + MOCK_BLK_RANGE_COUNT, 4, device->ranges);
    if (which != ZEROES) {
        mock_config_set(&machine.model->config, operations[which].config + MOCK_BLK_RANGE_ALIGNMENT, 4,
                        device->alignment);
    }
    bring_up();
    check_limits(what, which, limits[row].limits);
    if (limits[row].limits.sectors == 0) {
        assert_same_of(what, disk.blk.info.write_zeroes_unmap, which != ZEROES && !no_record);
        assert_status_of(what, complete_one(which, 0, 1, false), VPT_UNSUPPORTED_REQUEST);
        assert_status_of(what, complete_one((which + 1) % OPERATIONS, 0, 8, false),
                         no_record ? VPT_UNSUPPORTED_REQUEST : VPT_OK);
    }
    disk_end();
}

VERSION_TEST(blk_range, LEG_BLKCFG_1_limits_become_what_a_request_can_have_or_switch_the_operation_off)
{
    for (unsigned row = 0; row < COUNT_OF(limits); row++) {
        check_row_of_limits(variant, row, DISCARD);
        check_row_of_limits(variant, row, ERASE);
        if (limits[row].device.alignment <= 1) {
            check_row_of_limits(variant, row, ZEROES); /* it has no alignment */
        }
    }
}

/* ---- Making them available ---- */

VERSION_TEST(blk_range, INIT_1_ranges_are_made_available_between_init_and_start)
{
    struct vpt_blk blank;

    memset(&blank, 0, sizeof(blank));
    assert_status(vpt_blk_ranges_init(NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_ranges_init(&blank, 0), VPT_CALLER_ARGUMENT);
    disk_start(variant, &capable, NULL);
    assert_status(vpt_blk_ranges_init(&disk.blk, 0), VPT_CALLER_STATE);
    for (enum which i = DISCARD; i < OPERATIONS; i++) {
        assert_status(complete_one(i, 0, 8, false), VPT_UNSUPPORTED_REQUEST);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_blk_ranges_init(&disk.blk, 0), VPT_CALLER_STATE);
    for (enum which i = DISCARD; i < OPERATIONS; i++) {
        check_limits("without ranges", i, (struct vpt_blk_limits){ 0, 0, 0 });
    }
    cr_assert(disk.blk.range_ops == NULL && !disk.blk.info.write_zeroes_unmap);
    disk_end();

    /* A queue that was set up before has no room for ranges. */
    disk_init(variant, &capable);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    for (enum which i = DISCARD; i < OPERATIONS; i++) {
        assert_status(complete_one(i, 0, 8, false), VPT_CALLER_TOO_LONG);
    }
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* ---- Each operation ---- */

VARIANT_TEST(blk_range, BLK_OP_7_ranges_are_carried_out_and_nothing_else)
{
    for (enum which i = DISCARD; i < OPERATIONS; i++) {
        const struct vpt_blk_range ranges[] = { { 8, 16, false }, { 2040, 8, i == ZEROES }, { 1000, 48, false } };
        uint16_t count = i == ERASE ? 2 : 3;
        const struct mock_blk_record *record;

        start(variant, &capable);
        assert_status(complete(i, ranges, count), VPT_OK);
        check_content(i, ranges, count);
        record = mock_blk_last(machine.blk);
        assert_same(record->type, operations[i].type);
        assert_same(record->sector, 0);
        assert_same(record->bytes, 16u * count);
        assert_same(record->ranges, count);
        assert_same(record->segments, 1);
        assert_same(record->indirect, variant->indirect);
        assert_same(machine.blk->unmapped, i == ZEROES ? 8 : 0);
        disk_end();
    }
}

/* ---- What is refused ---- */

VERSION_TEST(blk_range, BLK_OP_9_10_11_no_more_ranges_than_the_limits_and_the_queue_allow_and_nothing_else)
{
    struct vpt_blk_range ranges[RANGES + 1];
    struct vpt_blk_request request;
    struct vpt_segment segment;

    for (unsigned i = 0; i < COUNT_OF(ranges); i++) {
        ranges[i] = (struct vpt_blk_range){ i * 8, 8, false };
    }
    for (uint16_t own = 1; own <= RANGES; own++) {
        disk_machine(variant, &capable);
        disk.ranges = own;
        bring_up();
        for (enum which i = DISCARD; i < OPERATIONS; i++) {
            uint32_t most = own < operations[i].limits->ranges ? own : operations[i].limits->ranges;

            assert_status(complete(i, ranges, 0), VPT_CALLER_ARGUMENT);
            assert_status(complete(i, NULL, 1), VPT_CALLER_ARGUMENT);
            assert_status(complete(i, ranges, (uint16_t)(most + 1)), VPT_CALLER_TOO_LONG);
            assert_status(complete(i, ranges, 0xffff), VPT_CALLER_TOO_LONG);
            segment = machine_segment(0, SECTOR);
            request = (struct vpt_blk_request){ operations[i].operation, 1, NULL, 0, 1, ranges };
            assert_status(vpt_blk_submit(disk.queue, &request, NULL), VPT_CALLER_ARGUMENT);
            request = (struct vpt_blk_request){ operations[i].operation, 0, &segment, 1, 1, ranges };
            assert_status(vpt_blk_submit(disk.queue, &request, NULL), VPT_CALLER_ARGUMENT);
            assert_same(machine.blk->requests, i);
            assert_status(complete(i, ranges, (uint16_t)most), VPT_OK);
            assert_same(mock_blk_last(machine.blk)->ranges, most);
        }
        disk_end();
    }
}

/*
 * Sectors on a disk of 2048 that takes 1000 of them in a range, aligned so: what a submit says of one range, and what
 * a blocking helper says, which splits. Write zeroes has no alignment.
 */
static const struct {
    const char *what;
    uint32_t alignment;
    uint64_t sector;
    uint64_t count;
    enum vpt_status submitted; /* if a range can say the count */
    enum vpt_status blocking;
} extents[] = {
    { "none", 8, 0, 0, VPT_CALLER_ARGUMENT, VPT_OK },
    { "as many as a range has", 8, 0, 1000, VPT_OK, VPT_OK },
    { "a unit more than a range has", 8, 0, 1008, VPT_CALLER_TOO_LONG, VPT_OK },
    { "the whole disk", 8, 0, 2048, VPT_CALLER_TOO_LONG, VPT_OK },
    { "all that a range can say", 8, 0, 0xffffffff, VPT_CALLER_TOO_LONG, VPT_CALLER_RANGE },
    { "more than a range can say", 8, 0, UINT64_C(0x100000008), VPT_OK, VPT_CALLER_RANGE },
    { "the last ones", 8, 2040, 8, VPT_OK, VPT_OK },
    { "at the end", 8, 2048, 8, VPT_CALLER_RANGE, VPT_CALLER_RANGE },
    { "across the end", 8, 2040, 16, VPT_CALLER_RANGE, VPT_CALLER_RANGE },
    { "up to 2^64", 8, UINT64_MAX - 7, 8, VPT_CALLER_RANGE, VPT_CALLER_RANGE },
    { "across 2^64", 8, UINT64_MAX - 7, 16, VPT_CALLER_RANGE, VPT_CALLER_RANGE },
    { "aligned", 8, 8, 8, VPT_OK, VPT_OK },
    { "a start off the alignment", 8, 4, 8, VPT_CALLER_ALIGNMENT, VPT_CALLER_ALIGNMENT },
    { "an end off the alignment", 8, 8, 7, VPT_CALLER_ALIGNMENT, VPT_CALLER_ALIGNMENT },
    { "a start off 384", 384, 512, 384, VPT_CALLER_ALIGNMENT, VPT_CALLER_ALIGNMENT },
    { "an end off 384", 384, 768, 256, VPT_CALLER_ALIGNMENT, VPT_CALLER_ALIGNMENT },
    { "a piece of 384 that ends with the disk", 384, 1920, 128, VPT_OK, VPT_OK },
    { "not all of that piece", 384, 1920, 127, VPT_CALLER_ALIGNMENT, VPT_CALLER_ALIGNMENT },
    { "more than that piece", 384, 1919, 129, VPT_CALLER_ALIGNMENT, VPT_CALLER_ALIGNMENT },
    { "a piece of 3 that ends with the disk", 3, 2046, 2, VPT_OK, VPT_OK },
    { "any start and end", 1, 77, 3, VPT_OK, VPT_OK },
    { "a read-only disk", 8, 0, 8, VPT_CALLER_READ_ONLY, VPT_CALLER_READ_ONLY },
    { "no such operation", 8, 0, 8, VPT_UNSUPPORTED_REQUEST, VPT_UNSUPPORTED_REQUEST },
    { "none of no such operation", 8, 0, 0, VPT_UNSUPPORTED_REQUEST, VPT_UNSUPPORTED_REQUEST },
};

/* Alone, and behind a range that is none to refuse; then by the helper. */
static void check_extent(unsigned row, enum which which)
{
    uint32_t unit = extents[row].alignment > 1 ? extents[row].alignment : 8;
    struct vpt_blk_range ranges[] = { { 0, unit, false },
                                      { extents[row].sector, (uint32_t)extents[row].count, false } };
    enum vpt_status submitted = extents[row].submitted;
    enum vpt_status blocking = extents[row].blocking;
    uint64_t requests = machine.blk->requests;

    if (which == ZEROES) {
        submitted = submitted == VPT_CALLER_ALIGNMENT ? VPT_OK : submitted;
        blocking = blocking == VPT_CALLER_ALIGNMENT ? VPT_OK : blocking;
    }
    if (extents[row].count <= UINT32_MAX) {
        assert_status_of(extents[row].what, complete(which, &ranges[1], 1), submitted);
        assert_status_of(extents[row].what, complete(which, &ranges[0], 2), submitted);
        requests += submitted == VPT_OK ? 2 : 0;
    }
    assert_same_of(extents[row].what, machine.blk->requests, requests);
    assert_status_of(extents[row].what, help(which, extents[row].sector, extents[row].count), blocking);
    assert_same_of(extents[row].what, machine.blk->requests != requests, blocking == VPT_OK && extents[row].count != 0);
}

VERSION_TEST(blk_range, BLK_OP_2_sectors_that_no_request_can_have_are_refused_before_any_part_of_them)
{
    for (unsigned row = 0; row < COUNT_OF(extents); row++) {
        struct mock_machine_options options = capable;

        options.blk.discard = (struct mock_blk_limits){ 1000, 2, extents[row].alignment };
        options.blk.secure_erase = options.blk.discard;
        options.blk.write_zeroes.sectors = 1000;
        options.blk.read_only = extents[row].submitted == VPT_CALLER_READ_ONLY;
        if (extents[row].submitted == VPT_UNSUPPORTED_REQUEST) {
            memset(&options, 0, sizeof(options));
        }
        start(variant, &options);
        for (enum which i = DISCARD; i < OPERATIONS; i++) {
            check_extent(row, i);
        }
        assert_same_of(extents[row].what, machine.blk->unaligned, 0);
        assert_same_of(extents[row].what, disk_submit_until_full(), several.requests);
        disk_end();
    }
}

VERSION_TEST(blk_range, BLK_OP_14_only_zeroed_ranges_may_be_unmapped_and_the_flag_goes_with_every_piece)
{
    struct mock_machine_options options = capable;
    const struct vpt_blk_range zeroed = { 10, 120, false };

    start(variant, &options);
    assert_status(complete_one(DISCARD, 0, 8, true), VPT_CALLER_ARGUMENT);
    assert_status(complete_one(ERASE, 0, 8, true), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, true), VPT_OK);
    assert_same(machine.blk->requests, 3);
    assert_same(machine.blk->unmapped, 120);
    check_content(ZEROES, &zeroed, 1);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, false), VPT_OK);
    assert_same(machine.blk->unmapped, 120);
    assert_same(machine.blk->zeroed, 240);
    disk_end();

    options.blk.write_zeroes_unmap = false;
    start(variant, &options);
    assert_status(complete_one(ZEROES, 0, 8, true), VPT_UNSUPPORTED_REQUEST);
    assert_status(complete_one(DISCARD, 0, 8, true), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, true), VPT_UNSUPPORTED_REQUEST);
    assert_same(machine.blk->requests, 0);
    assert_status(vpt_blk_write_zeroes(disk.queue, 10, 120, false), VPT_OK);
    disk_end();
}

/* Each request has records of its own: none is overwritten while it is in flight. */
VARIANT_TEST(blk_range, requests_in_flight_keep_their_ranges_and_come_back_once_each)
{
    struct mock_machine_options options = capable;
    struct vpt_blk_range all[8 * RANGES];
    unsigned back[8] = { 0 };

    options.completion = (struct mock_completion){ MOCK_COMPLETE_BY_RUN, .order = MOCK_ORDER_SHUFFLED, .seed = 7 };
    start(variant, &options);
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        all[i] = (struct vpt_blk_range){ i * 60, 1 + i, i % 3 == 0 };
    }
    for (unsigned round = 1; round <= 4; round++) {
        for (unsigned i = 0; i < 8; i++) {
            assert_status(submit(ZEROES, &all[i * RANGES], RANGES, &back[i]), VPT_OK);
        }
        assert_status(submit(ZEROES, all, 1, NULL), VPT_RESOURCE_FULL);
        disk_kick();
        assert_same(mock_device_run(machine.model, UINT32_MAX), 8);
        for (unsigned i = 0; i < 8; i++) {
            void *token = NULL;

            assert_status(disk_poll_one(&token), VPT_OK);
            assert_same(++*(unsigned *)token, round);
        }
        check_content(ZEROES, all, COUNT_OF(all));
    }
    disk_end();
}

/* ---- Memory ---- */

/* What a kernel asks room for, and what its slots come to. */
static const struct {
    const char *what;
    bool available;
    uint16_t asked;
    size_t size;
} slots[] = {
    { "none is one", true, 0, VPT_BLK_SLOTS_SIZE(8, 1) },
    { "two", true, 2, VPT_BLK_SLOTS_SIZE(8, 2) },
    { "as many as any operation takes", true, 4, VPT_BLK_SLOTS_SIZE(8, 4) },
    { "all that can be asked for", true, 65535, VPT_BLK_SLOTS_SIZE(8, 4) },
    { "not available", false, 0, VPT_BLK_SLOTS_SIZE(8, 0) },
};

/* Slots of exactly that size, with nothing behind them; one byte less is refused. */
static void check_slots(const struct variant *variant, unsigned row)
{
    static _Alignas(4096) uint8_t bytes[VPT_BLK_SLOTS_SIZE(8, RANGES)];
    const struct vpt_blk_range range = { 0, 8, false };
    struct vpt_requests_config config = several;
    uint8_t *memory = bytes + sizeof(bytes) - slots[row].size;

    memset(bytes, 0xc3, sizeof(bytes));
    disk_init(variant, &capable);
    if (slots[row].available) {
        assert_status(vpt_blk_ranges_init(&disk.blk, slots[row].asked), VPT_OK);
    }
    config.memory.slots = mock_hal_register_anywhere(machine.hal, memory, slots[row].size, true);
    config.memory.slots.size--;
    assert_status_of(slots[row].what, vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_CALLER_MEMORY);
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    config.memory.slots.size++;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    for (unsigned i = 0; i < several.requests; i++) {
        assert_status(slots[row].available ? submit(DISCARD, &range, 1, NULL)
                                           : disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL),
                      VPT_OK);
    }
    disk_kick();
    assert_same_of(slots[row].what, disk_drain(), several.requests);
    disk_end();
}

VERSION_TEST(blk_range, slots_have_room_for_the_ranges_that_were_asked_for_and_a_request_can_have)
{
    for (unsigned row = 0; row < COUNT_OF(slots); row++) {
        check_slots(variant, row);
    }
}

/* ---- Blocking ---- */

static void check_pieces(enum which which, uint64_t sector, uint64_t count)
{
    const struct vpt_blk_range whole = { sector, (uint32_t)count, false };
    uint32_t most = operations[which].limits->sectors;
    uint64_t requests = (count + most - 1) / most;

    assert_status(help(which, sector, count), VPT_OK);
    check_content(which, &whole, 1);
    assert_same(machine.blk->requests, requests);
    assert_same(machine.model->kicks, requests);
    for (uint64_t i = 0; i < requests; i++) {
        const struct mock_blk_record *record = &machine.blk->log[i];
        uint64_t left = count - i * most;

        cr_assert(record->type == operations[which].type && record->ranges == 1 && !record->unmap);
        assert_same(record->range_sector, sector + i * most);
        assert_same(record->range_sectors, left < most ? left : most);
    }
    assert_same(machine.blk->unaligned, 0);
    assert_same(machine.blk->discarded + machine.blk->zeroed + machine.blk->erased, count);
}

VARIANT_TEST(blk_range_blocking, what_is_too_long_for_one_range_is_split_by_the_limits_and_the_alignment)
{
    static const struct {
        uint64_t capacity; /* 2045: the disk ends within a unit */
        uint64_t sector;
        uint64_t count;
    } cases[] = { { 2048, 0, 2048 }, { 2048, 8, 8 },       { 2048, 96, 96 },   { 2048, 8, 104 },
                  { 2048, 2040, 8 }, { 2048, 1000, 1048 }, { 2045, 1936, 109 } };

    for (unsigned n = 0; n < COUNT_OF(cases) * OPERATIONS; n++) {
        range_machine(variant, &capable);
        mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, cases[n / OPERATIONS].capacity);
        bring_up();
        check_pieces(n % OPERATIONS, cases[n / OPERATIONS].sector, cases[n / OPERATIONS].count);
        disk_end();
    }
}

/* The first piece is the largest that a record can say (and this small disk fails it). */
VERSION_TEST(blk_range_blocking, LEG_BLKOP_1_a_count_above_32_bits_is_split)
{
    struct mock_machine_options options = capable;

    options.blk.write_zeroes.sectors = 0xffffffff;
    range_machine(variant, &options);
    mock_blk_resize(machine.blk, UINT64_C(1) << 48);
    bring_up();
    assert_status(vpt_blk_write_zeroes(disk.queue, UINT64_C(0x0102030405), UINT64_C(0x100000001), false),
                  VPT_DEVICE_IO_ERROR);
    assert_same(machine.blk->requests, 1);
    assert_same(mock_blk_last(machine.blk)->range_sector, UINT64_C(0x0102030405));
    assert_same(mock_blk_last(machine.blk)->range_sectors, 0xffffffff);
    disk_end();
}

VERSION_TEST(blk_range_blocking, BLK_OP_16_an_error_ends_the_operation_there)
{
    for (enum which i = DISCARD; i < OPERATIONS; i++) {
        struct vpt_blk_range done = { 0, 0, false };

        start(variant, &capable);
        done.sectors = 2 * operations[i].limits->sectors;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 3, 1, 0);
        assert_status(help(i, 0, 2048), VPT_DEVICE_IO_ERROR);
        check_content(i, &done, 1);
        assert_same(machine.blk->requests, 3);
        assert_status(help(i, 0, 2048), VPT_OK);
        done.sectors = 2048;
        check_content(i, &done, 1);
        disk_end();
    }
}
