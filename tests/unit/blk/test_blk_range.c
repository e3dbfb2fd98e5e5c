/* SPDX-License-Identifier: MIT */
/* Discard, write zeroes and secure erase: their limits, asynchronous requests, and where their records lie. */
#define _POSIX_C_SOURCE 200809L

#include "disk.h"

#include <stdlib.h>
#include <string.h>

#include "mock_order.h"

TestSuite(blk_range, .timeout = 60);

#define RANGES 4u

struct operation {
    enum vpt_blk_operation operation;
    unsigned feature;
    size_t limits; /* in struct vpt_blk_info */
    unsigned config;
    uint8_t content; /* of a sector afterwards */
};

static const struct operation operations[] = {
    { VPT_BLK_DISCARD, VPT_BLK_F_DISCARD, offsetof(struct vpt_blk_info, discard), MOCK_BLK_DISCARD,
      MOCK_BLK_DISCARDED },
    { VPT_BLK_WRITE_ZEROES, VPT_BLK_F_WRITE_ZEROES, offsetof(struct vpt_blk_info, write_zeroes), MOCK_BLK_WRITE_ZEROES,
      0 },
    { VPT_BLK_SECURE_ERASE, VPT_BLK_F_SECURE_ERASE, offsetof(struct vpt_blk_info, secure_erase), MOCK_BLK_SECURE_ERASE,
      MOCK_BLK_ERASED },
};

#define OPERATIONS COUNT_OF(operations)

static const struct mock_machine_options capable = {
    .blk = { .flush = true,
             .discard = { 100, 3, 1 },
             .write_zeroes = { 50, 4, 0 },
             .write_zeroes_unmap = true,
             .secure_erase = { 64, 2, 8 } },
};

static const struct vpt_requests_config several = { .requests = 8, .segments = 2 };

static const struct vpt_blk_limits *limits_of(unsigned which)
{
    return (const struct vpt_blk_limits *)(const void *)((const uint8_t *)&disk.blk.info + operations[which].limits);
}

static void finish_bring_up(const struct vpt_requests_config *config)
{
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, config), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
}

static void range_start(const struct variant *variant, const struct mock_machine_options *options,
                        const struct vpt_requests_config *config)
{
    disk_init(variant, options);
    assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
    finish_bring_up(config);
}

static enum vpt_status submit(unsigned which, const struct vpt_blk_range *ranges, uint16_t count, void *token)
{
    const struct vpt_blk_request request = { .operation = operations[which].operation,
                                             .ranges = ranges,
                                             .range_count = count };

    return vpt_blk_submit(disk.queue, &request, token);
}

static enum vpt_status submit_one(unsigned which, uint64_t sector, uint32_t sectors, bool unmap)
{
    const struct vpt_blk_range range = { sector, sectors, unmap };

    return submit(which, &range, 1, NULL);
}

static void kick(void)
{
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
}

/* Whether these sectors hold `content`, and the others of the first 2048 still the pattern. */
static void check_content(const struct vpt_blk_range *ranges, unsigned count, uint8_t content)
{
    for (uint64_t sector = 0; sector < 2048; sector++) {
        bool hit = false;

        for (unsigned i = 0; i < count; i++) {
            hit = hit || (sector >= ranges[i].sector && sector - ranges[i].sector < ranges[i].sectors);
        }
        if (hit) {
            cr_assert(all_bytes(disk_content(sector), SECTOR, content), "sector %u", (unsigned)sector);
        } else {
            cr_assert(filled(disk_content(sector), SECTOR, (uint32_t)sector), "sector %u", (unsigned)sector);
        }
    }
}

static void fill_disk(void)
{
    for (uint32_t sector = 0; sector < 2048; sector++) {
        fill(disk_content(sector), SECTOR, sector);
    }
}

/* ---- What the device takes ---- */

static void check_limits(unsigned which, uint32_t sectors, uint32_t ranges, uint32_t alignment)
{
    const struct vpt_blk_limits *limits = limits_of(which);

    cr_assert(limits->sectors == sectors && limits->ranges == ranges && limits->alignment == alignment,
              "operation %u: %u sectors, %u ranges, alignment %u", which, limits->sectors, limits->ranges,
              limits->alignment);
}

VERSION_TEST(blk_range, LEG_BLKCFG_1_the_limits_are_read_in_the_device_order)
{
    const struct mock_machine_options options = { .blk = { .discard = { 0x01020304, 0x11121314, 0x4 },
                                                           .write_zeroes = { 0x21222324, 0x31323334, 0 },
                                                           .write_zeroes_unmap = true,
                                                           .secure_erase = { 0x41424344, 0x01525354, 0x2 } } };

    disk_init(variant, &options);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        check_limits(i, 0, 0, 0);
    }
    cr_assert(!disk.blk.info.write_zeroes_unmap);
    assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
    check_limits(0, 0x01020304, 0x0fffffff, 4); /* as many records as fit a segment of 32 bits */
    check_limits(1, 0x21222324, 0x0fffffff, 1);
    check_limits(2, 0x41424344, 0x01525354, 2);
    cr_assert(disk.blk.info.write_zeroes_unmap);
    machine_finish();
}

/*
 * The fields are there all the same; the machine records a reading of one. Any of them alone has room for its ranges.
 */
VERSION_TEST(blk_range, CONFIG_2_an_operation_without_its_feature_is_not_there)
{
    const struct vpt_blk_range ranges[] = { { 0, 8, false }, { 16, 8, false } };

    for (unsigned set = 0; set < 1u << OPERATIONS; set++) {
        disk_machine(variant, &capable);
        for (unsigned i = 0; i < OPERATIONS; i++) {
            if ((set >> i & 1) == 0) {
                vpt_features_remove(&machine.model->offered, operations[i].feature);
            }
        }
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
        finish_bring_up(&several);
        cr_assert(disk.blk.info.write_zeroes_unmap == ((set & 2) != 0));
        for (unsigned i = 0; i < OPERATIONS; i++) {
            bool there = (set >> i & 1) != 0;

            cr_assert((limits_of(i)->sectors != 0) == there);
            assert_status(submit(i, ranges, 2, NULL), there ? VPT_OK : VPT_UNSUPPORTED_REQUEST);
            kick();
            assert_status(there ? disk_poll_one(NULL) : VPT_OK, VPT_OK);
        }
        disk_end();
    }
}

/* The disk itself is none the worse for it. */
VERSION_TEST(blk_range, limits_that_allow_no_request_switch_the_operation_off)
{
    static const struct {
        uint32_t sectors;
        uint32_t ranges;
        uint32_t alignment;
        uint32_t size_max;
    } cases[] = {
        { 0, 1, 1, 4096 }, { 1, 0, 1, 4096 },          { 0, 0, 0, 4096 },
        { 7, 1, 8, 4096 }, { 1, 1, 0xffffffff, 4096 }, { 8, 1, 1, 15 },
    };

    for (unsigned i = 0; i < COUNT_OF(cases) * OPERATIONS; i++) {
        unsigned which = i % OPERATIONS;
        unsigned n = i / OPERATIONS;
        struct mock_machine_options options = capable;
        struct mock_config *config = &machine.on_mmio.device.config;

        if (cases[n].alignment > 1 && which == 1) {
            continue; /* write zeroes has no such field */
        }
        options.blk.size_max = cases[n].size_max;
        options.blk.seg_max = 64;
        disk_machine(variant, &options);
        mock_config_set(config, operations[which].config + MOCK_BLK_RANGE_SECTORS, 4, cases[n].sectors);
        mock_config_set(config, operations[which].config + MOCK_BLK_RANGE_COUNT, 4, cases[n].ranges);
        if (which != 1) {
            mock_config_set(config, operations[which].config + MOCK_BLK_RANGE_ALIGNMENT, 4, cases[n].alignment);
        }
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
        check_limits(which, 0, 0, 0);
        cr_assert(disk.blk.info.write_zeroes_unmap == (which != 1 && cases[n].size_max > 15));
        finish_bring_up(NULL);
        assert_status(submit_one(which, 0, 1, false), VPT_UNSUPPORTED_REQUEST);
        if (cases[n].size_max > 15) {
            assert_status(submit_one((which + 1) % OPERATIONS, 0, 8, false), VPT_OK);
        }
        disk_end();
    }
}

VERSION_TEST(blk_range, limits_become_what_a_request_can_have)
{
    static const struct {
        struct mock_blk_limits device;
        uint32_t size_max; /* 0: not offered */
        struct vpt_blk_limits limits;
    } cases[] = {
        { { 1, 1, 0 }, 0, { 1, 1, 1 } },
        { { 1, 1, 1 }, 0, { 1, 1, 1 } },
        { { 100, 5, 8 }, 0, { 96, 5, 8 } },
        { { 100, 5, 3 }, 0, { 99, 5, 3 } },
        { { 100, 5, 100 }, 0, { 100, 5, 100 } },
        { { 0xffffffff, 0xffffffff, 1 }, 0, { 0xffffffff, 0x0fffffff, 1 } },
        { { 0xffffffff, 2, 384 }, 0, { 0xffffff00 - 0xffffff00 % 384, 2, 384 } },
        { { 0xffffffff, 2, 0xffffffff }, 0, { 0xffffffff, 2, 0xffffffff } },
        { { 10, 10, 1 }, 512, { 10, 10, 1 } },
        { { 10, 10, 1 }, 160, { 10, 10, 1 } },
        { { 10, 10, 1 }, 159, { 10, 9, 1 } },
        { { 10, 10, 1 }, 16, { 10, 1, 1 } },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const struct mock_machine_options options = {
            .blk = { .discard = cases[i].device, .seg_max = 64, .size_max = cases[i].size_max }
        };

        disk_init(variant, &options);
        assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
        check_limits(0, cases[i].limits.sectors, cases[i].limits.ranges, cases[i].limits.alignment);
        machine_finish();
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
    for (unsigned i = 0; i < OPERATIONS; i++) {
        assert_status(submit_one(i, 0, 8, false), VPT_UNSUPPORTED_REQUEST);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_blk_ranges_init(&disk.blk, 0), VPT_CALLER_STATE);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        check_limits(i, 0, 0, 0);
    }
    cr_assert(disk.blk.range_ops == NULL);
    disk_end();
}

/* A queue that was set up before has no room for a range. */
VERSION_TEST(blk_range, a_queue_of_before_takes_no_ranges)
{
    disk_init(variant, &capable);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        assert_status(submit_one(i, 0, 8, false), VPT_CALLER_TOO_LONG);
    }
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

static void check_unchanged(enum vpt_status expected)
{
    struct vpt_blk before = disk.blk;

    assert_status(vpt_blk_ranges_init(&disk.blk, 0), expected);
    cr_assert(memcmp(&disk.blk, &before, sizeof(before)) == 0);
}

VERSION_TEST(blk_range, CONFIG_4_limits_that_are_offered_and_lie_outside_are_the_mistake_of_the_device)
{
    static const unsigned ends[OPERATIONS] = { 48, 57, 72 };

    for (unsigned i = 0; i < OPERATIONS; i++) {
        for (unsigned missing = 0; missing < 2; missing++) {
            struct mock_machine_options options = { 0 };

            vpt_features_add(&options.offer, operations[i].feature);
            disk_machine(variant, &options);
            machine.on_mmio.size = VPT_MMIO_REGISTERS_SIZE + ends[i] - missing;
            assert_status(machine_probe(), VPT_OK);
            assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
            if (missing != 0) {
                check_unchanged(VPT_DEVICE_CONFIG);
            } else {
                assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
            }
            finish_bring_up(NULL);
            assert_status(disk_read_sector(5), VPT_OK);
            disk_end();
        }
    }
}

Test(blk_range, LEG_CONFIG_1_limits_of_a_legacy_device_are_read_until_two_readings_agree)
{
    disk_init(&version_1, &capable);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 1, MOCK_CONFIG_VALUE(MOCK_BLK_DISCARD, 7));
    assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE) == 1);
    check_limits(0, 100, 3, 1);
    machine_finish();
}

/* ---- Each operation ---- */

VARIANT_TEST(blk_range, BLK_OP_7_ranges_are_carried_out_and_nothing_else)
{
    for (unsigned i = 0; i < OPERATIONS; i++) {
        const struct vpt_blk_range ranges[] = { { 8, 16, false }, { 2040, 8, i == 1 }, { 1000, 48, false } };
        uint16_t count = i == 2 ? 2 : 3;
        const struct mock_blk_record *record;
        void *back = NULL;

        range_start(variant, &capable, &several);
        fill_disk();
        assert_status(submit(i, ranges, count, &back), VPT_OK);
        kick();
        assert_status(disk_poll_one(&back), VPT_OK);
        cr_assert(back == (void *)&back);
        check_content(ranges, count, operations[i].content);
        record = mock_blk_last(machine.blk);
        cr_assert(record->type == (uint32_t)operations[i].operation && record->sector == 0);
        cr_assert(record->bytes == 16u * count && record->ranges == count && record->segments == 1);
        cr_assert(record->indirect == variant->indirect);
        cr_assert(machine.blk->unmapped == (i == 1 ? 8 : 0));
        disk_end();
    }
}

/* The request that the device has taken and not yet touched. */
static const struct mock_element *pending(void)
{
    cr_assert(machine.model->queues[0].pending_count == 1);
    return &machine.model->queues[0].pending[0];
}

VARIANT_TEST(blk_range, LEG_BLKOP_1_header_and_records_are_in_the_device_order)
{
    static const struct vpt_blk_range ranges[] = { { UINT64_C(0x0102030405060708), 0x090a0b0c, true },
                                                   { UINT64_C(0x1112131415161718), 0x191a1b1c, false } };
    const struct mock_machine_options options = { .blk = { .write_zeroes = { 0x20000000, 2, 0 },
                                                           .write_zeroes_unmap = true },
                                                  .completion = { .mode = MOCK_COMPLETE_BY_RUN } };
    bool native = variant->version == 1;
    uint8_t bytes[48];

    disk_machine(variant, &options);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, UINT64_MAX);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_ranges_init(&disk.blk, RANGES), VPT_OK);
    finish_bring_up(&several);
    assert_status(submit(1, ranges, 2, NULL), VPT_OK);
    kick();
    cr_assert(pending()->readable == 2 && pending()->writable == 1);
    cr_assert(pending()->segments[0].length == 16 && pending()->segments[1].length == 32);
    cr_assert(mock_element_read(machine.model, pending(), 0, bytes, sizeof(bytes)) == sizeof(bytes));
    cr_assert(mock_load(bytes, 4, native) == 13);
    cr_assert(mock_load(bytes + 4, 4, native) == 0 && mock_load(bytes + 8, 8, native) == 0);
    cr_assert(mock_load(bytes + 16, 8, native) == ranges[0].sector);
    cr_assert(mock_load(bytes + 24, 4, native) == ranges[0].sectors);
    cr_assert(mock_load(bytes + 28, 4, native) == 1);
    cr_assert(mock_load(bytes + 32, 8, native) == ranges[1].sector);
    cr_assert(mock_load(bytes + 40, 4, native) == ranges[1].sectors);
    cr_assert(mock_load(bytes + 44, 4, native) == 0);
    disk_end();
}

/* ---- What submit refuses ---- */

/* Nothing has reached the device, and everything that fitted still does. */
static void check_nothing_submitted(void)
{
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    cr_assert(machine.blk->requests == 0);
    cr_assert(disk_submit_until_full() == several.requests);
}

VERSION_TEST(blk_range, BLK_OP_9_10_11_no_more_ranges_than_the_limits_and_the_queue_allow)
{
    struct vpt_blk_range ranges[RANGES + 1];

    for (unsigned i = 0; i < COUNT_OF(ranges); i++) {
        ranges[i] = (struct vpt_blk_range){ i * 8, 8, false };
    }
    for (unsigned own = 0; own <= RANGES; own++) {
        for (unsigned i = 0; i < OPERATIONS; i++) {
            unsigned most;

            disk_init(variant, &capable);
            assert_status(vpt_blk_ranges_init(&disk.blk, (uint16_t)own), VPT_OK);
            finish_bring_up(&several);
            most = own != 0 ? own : 1;
            most = most < limits_of(i)->ranges ? most : limits_of(i)->ranges;
            assert_status(submit(i, ranges, 0, NULL), VPT_CALLER_ARGUMENT);
            assert_status(submit(i, NULL, 1, NULL), VPT_CALLER_ARGUMENT);
            assert_status(submit(i, ranges, (uint16_t)(most + 1), NULL), VPT_CALLER_TOO_LONG);
            assert_status(submit(i, ranges, 0xffff, NULL), VPT_CALLER_TOO_LONG);
            assert_status(submit(i, ranges, (uint16_t)most, NULL), VPT_OK);
            kick();
            assert_status(disk_poll_one(NULL), VPT_OK);
            cr_assert(mock_blk_last(machine.blk)->ranges == most);
            disk_end();
        }
    }
}

/* One range of each operation; `above`: so many sectors more than its limits allow. */
static const struct {
    uint64_t sector;
    uint32_t sectors;
    bool above;
    bool read_only;
    bool with_sector; /* the request itself has a sector, or data */
    bool with_data;
    enum vpt_status status;
} refusals[] = {
    { .sectors = 0, .status = VPT_CALLER_ARGUMENT },
    { .sectors = 1, .above = true, .status = VPT_CALLER_TOO_LONG },
    { .sectors = 8, .above = true, .status = VPT_CALLER_TOO_LONG },
    { .sectors = 0xffffffff, .status = VPT_CALLER_TOO_LONG },
    { .sector = 2048, .sectors = 8, .status = VPT_CALLER_RANGE },
    { .sector = 2040, .sectors = 16, .status = VPT_CALLER_RANGE },
    { .sector = 2056, .sectors = 8, .status = VPT_CALLER_RANGE },
    { .sector = UINT64_MAX - 7, .sectors = 8, .status = VPT_CALLER_RANGE },
    { .sector = UINT64_MAX, .sectors = 1, .status = VPT_CALLER_RANGE },
    { .sector = UINT64_MAX - 7, .sectors = 16, .status = VPT_CALLER_RANGE },
    { .sectors = 8, .read_only = true, .status = VPT_CALLER_READ_ONLY },
    { .sectors = 8, .with_sector = true, .status = VPT_CALLER_ARGUMENT },
    { .sectors = 8, .with_data = true, .status = VPT_CALLER_ARGUMENT },
    { .sector = 2040, .sectors = 8, .status = VPT_OK },
    { .sectors = 0, .above = true, .status = VPT_OK },
};

/* Alone, and behind a range that is none to refuse. */
static void check_refusal(unsigned row, unsigned which)
{
    struct vpt_segment segment = machine_segment(0, SECTOR);
    struct vpt_blk_range ranges[] = { { 0, 8, false }, { refusals[row].sector, refusals[row].sectors, false } };
    struct vpt_blk_request request = { .operation = operations[which].operation,
                                       .sector = refusals[row].with_sector ? 1 : 0,
                                       .segments = refusals[row].with_data ? &segment : NULL,
                                       .segment_count = refusals[row].with_data ? 1 : 0 };

    ranges[1].sectors += refusals[row].above ? limits_of(which)->sectors : 0;
    for (uint16_t count = 1; count <= 2; count++) {
        enum vpt_status status;

        request.ranges = &ranges[2 - count];
        request.range_count = count;
        status = vpt_blk_submit(disk.queue, &request, NULL);
        cr_assert(status == refusals[row].status, "row %u, operation %u: %s", row, which, vpt_status_str(status));
    }
}

VERSION_TEST(blk_range, BLK_OP_2_ranges_that_are_too_long_or_past_the_end_or_for_no_writes_are_refused)
{
    for (unsigned row = 0; row < COUNT_OF(refusals); row++) {
        for (unsigned i = 0; i < OPERATIONS; i++) {
            struct mock_machine_options options = capable;

            options.blk.read_only = refusals[row].read_only;
            range_start(variant, &options, &several);
            check_refusal(row, i);
            if (refusals[row].status != VPT_OK) {
                check_nothing_submitted();
            }
            disk_end();
        }
    }
}

/* The last piece of a disk ends where the disk does. */
VERSION_TEST(blk_range, a_range_off_the_alignment_is_refused)
{
    static const struct {
        uint32_t alignment;
        uint64_t sector;
        uint32_t sectors;
        enum vpt_status status;
    } cases[] = {
        { 8, 8, 8, VPT_OK },
        { 8, 4, 8, VPT_CALLER_ALIGNMENT },
        { 8, 8, 7, VPT_CALLER_ALIGNMENT },
        { 8, 1, 7, VPT_CALLER_ALIGNMENT },
        { 8, 2040, 8, VPT_OK },
        { 384, 768, 384, VPT_OK },
        { 384, 512, 384, VPT_CALLER_ALIGNMENT },
        { 384, 768, 256, VPT_CALLER_ALIGNMENT },
        { 384, 1920, 128, VPT_OK },
        { 384, 1920, 127, VPT_CALLER_ALIGNMENT },
        { 384, 1919, 129, VPT_CALLER_ALIGNMENT },
        { 3, 3, 6, VPT_OK },
        { 3, 2046, 2, VPT_OK },
        { 3, 2047, 1, VPT_CALLER_ALIGNMENT },
        { 1000, 1000, 1000, VPT_OK },
        { 1000, 2000, 48, VPT_OK },
        { 1, 77, 3, VPT_OK },
        { 0, 77, 3, VPT_OK },
    };

    for (unsigned n = 0; n < COUNT_OF(cases); n++) {
        struct mock_machine_options options = capable;

        options.blk.discard = (struct mock_blk_limits){ 1000, 1, cases[n].alignment };
        options.blk.secure_erase = options.blk.discard;
        options.blk.write_zeroes.sectors = 1000;
        range_start(variant, &options, &several);
        for (unsigned i = 0; i < OPERATIONS; i++) {
            enum vpt_status status = submit_one(i, cases[n].sector, cases[n].sectors, false);

            cr_assert(status == (i != 1 ? cases[n].status : VPT_OK), "case %u, operation %u: %s", n, i,
                      vpt_status_str(status));
        }
        kick();
        cr_assert(machine.blk->unaligned == 0);
        disk_end();
    }
}

VERSION_TEST(blk_range, BLK_OP_14_only_zeroed_ranges_may_be_unmapped)
{
    struct mock_machine_options options = capable;

    range_start(variant, &options, &several);
    assert_status(submit_one(0, 0, 8, true), VPT_CALLER_ARGUMENT);
    assert_status(submit_one(2, 0, 8, true), VPT_CALLER_ARGUMENT);
    assert_status(submit_one(1, 0, 8, true), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(mock_blk_last(machine.blk)->unmap && machine.blk->unmapped == 8);
    disk_end();

    options.blk.write_zeroes_unmap = false;
    range_start(variant, &options, &several);
    assert_status(submit_one(1, 0, 8, true), VPT_UNSUPPORTED_REQUEST);
    assert_status(submit_one(0, 0, 8, true), VPT_CALLER_ARGUMENT);
    check_nothing_submitted();
    disk_end();
}

/* ---- Completions ---- */

VERSION_TEST(blk_range, BLK_OP_16_a_request_that_fails_comes_back_as_such)
{
    const struct vpt_blk_range ranges[] = { { 0, 8, false }, { 8, 8, false } };

    for (unsigned i = 0; i < OPERATIONS; i++) {
        range_start(variant, &capable, &several);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_UNSUPPORTED, 1, 1, 0);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 3, 1, 0);
        for (unsigned n = 0; n < 4; n++) {
            static const enum vpt_status expected[] = { VPT_DEVICE_IO_ERROR, VPT_UNSUPPORTED_REQUEST,
                                                        VPT_DEVICE_REQUEST_STATUS, VPT_OK };

            assert_status(submit(i, ranges, 2, NULL), VPT_OK);
            kick();
            assert_status(disk_poll_one(NULL), expected[n]);
        }
        disk_end();
    }
}

/* Each request has records of its own: none is overwritten while it is in flight. */
VARIANT_TEST(blk_range, requests_in_flight_keep_their_ranges_and_come_back_once_each)
{
    struct mock_machine_options options = capable;
    struct vpt_blk_range all[8 * RANGES];
    unsigned back[8] = { 0 };

    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    options.completion.order = MOCK_ORDER_SHUFFLED;
    options.completion.seed = 7;
    range_start(variant, &options, &several);
    fill_disk();
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        all[i] = (struct vpt_blk_range){ i * 60, 1 + i, i % 3 == 0 };
    }
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 8; i++) {
            assert_status(submit(1, &all[i * RANGES], RANGES, &back[i]), VPT_OK);
        }
        assert_status(submit(1, all, 1, NULL), VPT_RESOURCE_FULL);
        kick();
        cr_assert(mock_device_run(machine.model, UINT32_MAX) == 8);
        for (unsigned i = 0; i < 8; i++) {
            void *token = NULL;

            assert_status(disk_poll_one(&token), VPT_OK);
            ++*(unsigned *)token;
        }
        check_content(all, COUNT_OF(all), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        cr_assert(back[i] == 4);
    }
    disk_end();
}

/* ---- Memory ---- */

/* Slots of exactly the size that the macro says; one byte less is refused. */
static void check_slots(const struct variant *variant, uint16_t ranges, size_t size, bool available)
{
    struct vpt_requests_config config = several;
    struct vpt_memory slots;
    void *bytes = NULL;

    cr_assert(posix_memalign(&bytes, 4096, size) == 0);
    memset(bytes, 0xc3, size);
    disk_init(variant, &capable);
    if (available) {
        assert_status(vpt_blk_ranges_init(&disk.blk, ranges), VPT_OK);
    }
    slots = mock_hal_register_anywhere(machine.hal, bytes, size, true);
    config.memory.slots = slots;
    config.memory.slots.size--;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config), VPT_CALLER_MEMORY);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    config.memory.slots.size++;
    finish_bring_up(&config);
    for (unsigned i = 0; i < several.requests && available; i++) {
        assert_status(submit_one(0, i, 1, false), VPT_OK);
    }
    kick();
    for (unsigned i = 0; i < several.requests && available; i++) {
        assert_status(disk_poll_one(NULL), VPT_OK);
    }
    cr_assert(machine.blk->discarded == (available ? several.requests : 0));
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
    free(bytes);
}

VERSION_TEST(blk_range, slots_have_room_for_as_many_ranges_as_were_asked_for)
{
    check_slots(variant, 0, VPT_BLK_SLOTS_SIZE(8, 1), true);
    check_slots(variant, 1, VPT_BLK_SLOTS_SIZE(8, 1), true);
    check_slots(variant, 2, VPT_BLK_SLOTS_SIZE(8, 2), true);
    check_slots(variant, 4, VPT_BLK_SLOTS_SIZE(8, 4), true);
}

/* More than any operation takes costs nothing, and nothing does where there are none. */
VERSION_TEST(blk_range, no_memory_is_taken_for_ranges_that_no_request_can_have)
{
    check_slots(variant, 5, VPT_BLK_SLOTS_SIZE(8, 4), true);
    check_slots(variant, 65535, VPT_BLK_SLOTS_SIZE(8, 4), true);
    check_slots(variant, 65535, VPT_BLK_SLOTS_SIZE(8, 0), false);
}

VERSION_TEST(blk_range, more_memory_than_there_can_be_is_refused)
{
    const struct vpt_requests_config config = { .requests = 32768, .size = 32768 };
    struct mock_machine_options options = capable;
    enum vpt_status status;

    options.queue_maximum = 32768;
    disk_init(variant, &options);
    mock_config_set(&machine.model->config, MOCK_BLK_DISCARD + MOCK_BLK_RANGE_COUNT, 4, 65535);
    assert_status(vpt_blk_ranges_init(&disk.blk, 65535), VPT_OK);
    mock_trigger_set(&machine.hal->fail_allocation, 4, 0); /* that of the slots, and of what is less */
    status = vpt_blk_queue_init(disk.queue, &disk.blk, 0, &config);
    assert_status(status, VPT_RESOURCE_MEMORY);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)));
    machine_finish();
}
