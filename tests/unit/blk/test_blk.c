/* SPDX-License-Identifier: MIT */
/* A block device's bring-up: what it says of itself, its queues, their memory, start and release. */
#include "disk.h"

#include <string.h>

TestSuite(blk, .timeout = 60);

#define ALWAYS 0xffu

/* Features of the device type that this driver leaves alone. */
#define F_BARRIER  0u
#define F_SCSI     7u
#define F_LIFETIME 15u
#define F_ZONED    17u

/* ---- What the device says of itself ---- */

#define CAPACITY UINT64_C(0x123456789a)

static const struct mock_machine_options full = {
    .blk = { .read_only = true,
             .flush = true,
             .size_max = 0x10203040,
             .seg_max = 0x01020304,
             .block_size = 4096,
             .cylinders = 0xabcd,
             .heads = 0x12,
             .sectors = 0x34,
             .topology = true,
             .physical_exponent = 3,
             .alignment_offset = 5,
             .min_io_size = 0x6789,
             .opt_io_size = 0x87654321,
             .cache_switch = true,
             .write_back = true,
             .multi_queue = true },
    .queues = 7,
};

#define MEMBER(name) #name, &disk.blk.info.name, sizeof(disk.blk.info.name)

/* Each member of the information: what `full` makes of it, and what it is without the feature. */
static const struct {
    unsigned feature;
    const char *name;
    const void *at;
    size_t size;
    uint64_t offered;
    uint64_t otherwise;
} members[] = {
    { ALWAYS, MEMBER(capacity), CAPACITY, CAPACITY },
    { VPT_BLK_F_RO, MEMBER(read_only), 1, 0 },
    { VPT_BLK_F_FLUSH, MEMBER(flush), 1, 0 },
    { VPT_BLK_F_CONFIG_WCE, MEMBER(write_back_switch), 1, 0 },
    { VPT_BLK_F_MQ, MEMBER(queues), 7, 1 },
    { VPT_BLK_F_BLK_SIZE, MEMBER(block_size), 4096, 512 },
    { VPT_BLK_F_SIZE_MAX, MEMBER(size_max), 0x10203040, 0xffffffff },
    { VPT_BLK_F_SEG_MAX, MEMBER(seg_max), 0x01020304, 1 },
    { VPT_BLK_F_GEOMETRY, MEMBER(cylinders), 0xabcd, 0 },
    { VPT_BLK_F_GEOMETRY, MEMBER(heads), 0x12, 0 },
    { VPT_BLK_F_GEOMETRY, MEMBER(sectors), 0x34, 0 },
    { VPT_BLK_F_TOPOLOGY, MEMBER(physical_block_exponent), 3, 0 },
    { VPT_BLK_F_TOPOLOGY, MEMBER(alignment_offset), 5, 0 },
    { VPT_BLK_F_TOPOLOGY, MEMBER(minimum_io_size), 0x6789, 0 },
    { VPT_BLK_F_TOPOLOGY, MEMBER(optimal_io_size), 0x87654321, 0 },
};

static uint64_t load(const void *at, size_t size)
{
    uint64_t eight = 0;
    uint32_t four = 0;
    uint16_t two = 0;

    switch (size) {
    case 1: return *(const uint8_t *)at;
    case 2: memcpy(&two, at, sizeof(two)); return two;
    case 4: memcpy(&four, at, sizeof(four)); return four;
    default: memcpy(&eight, at, sizeof(eight)); return eight;
    }
}

static void check_member(unsigned i, bool offered)
{
    assert_same_of(members[i].name, load(members[i].at, members[i].size),
                   offered ? members[i].offered : members[i].otherwise);
}

/* The bytes of a field without its feature are there all the same; the machine records a reading of it. */
VERSION_TEST(blk, LEG_BLKCFG_1_BLK_OP_3_CONFIG_2_FEAT_4_a_field_is_read_in_the_device_order_if_its_feature_is_accepted)
{
    for (unsigned n = 0; n < 2 * COUNT_OF(members); n++) {
        unsigned missing = members[n / 2].feature;
        struct vpt_feature_choice choice = { 0 };

        disk_machine(variant, &full);
        mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, CAPACITY);
        if (n % 2 == 0) {
            vpt_features_remove(&machine.model->offered, missing);
        } else {
            vpt_features_add(&choice.refused, missing);
        }
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, &choice), VPT_OK);
        for (unsigned i = 0; i < COUNT_OF(members); i++) {
            check_member(i, members[i].feature == ALWAYS || members[i].feature != missing);
        }
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        for (unsigned i = 1; i < COUNT_OF(members); i++) {
            assert_same_of(members[i].name, vpt_features_has(&machine.model->accepted, members[i].feature),
                           members[i].feature != missing);
        }
        machine_finish();
    }
}

VERSION_TEST(blk, a_disk_without_any_optional_feature_has_the_defaults)
{
    disk_init(variant, NULL);
    assert_same(disk.blk.info.capacity, 2048);
    for (unsigned i = 1; i < COUNT_OF(members); i++) {
        check_member(i, false);
    }
    machine_finish();
}

/*
 * All that the transport and the device type may offer at once. Of what is foreign the zone model alone is read, where
 * the bit means something: no legacy device has zones.
 */
VERSION_TEST(blk, BLK_INIT_5_BLK_INIT_8_BLK_INIT_9_FEAT_5_unknown_features_are_left_alone_and_no_reason_to_refuse)
{
    static const unsigned foreign[] = { F_BARRIER, F_SCSI, F_LIFETIME, F_ZONED, VPT_F_SR_IOV };
    const uint8_t models[] = { MOCK_BLK_ZONES_NONE, MOCK_BLK_ZONES_NONE,
                               variant->version == 1 ? MOCK_BLK_ZONES_HOST_MANAGED : MOCK_BLK_ZONES_HOST_AWARE };
    struct mock_machine_options options = { .old = true };
    unsigned last = variant->version == 1 ? 32 : 128;
    uint64_t reads[COUNT_OF(models)];

    for (unsigned bit = VPT_BLK_F_TOPOLOGY + 1; bit < last; bit++) {
        vpt_features_add(&options.offer, bit);
    }
    for (unsigned n = 0; n < COUNT_OF(models); n++) {
        disk_machine(variant, &options);
        mock_config_set(&machine.model->config, MOCK_BLK_ZONE_MODEL, 1, models[n]);
        memset(machine.model->config.changed, 0, sizeof(machine.model->config.changed));
        machine.hal->access_platform = variant->version == 1 ? MOCK_EXPECT_CLEAR : MOCK_EXPECT_SET;
        for (unsigned i = 0; i < COUNT_OF(foreign) && foreign[i] < last; i++) {
            machine_offer(foreign[i], n != 0);
        }
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        reads[n] = machine.model->config.reads;
        for (unsigned i = 0; i < COUNT_OF(foreign); i++) {
            assert_same(vpt_features_has(&machine.model->accepted, foreign[i]), false);
        }
        assert_same(reads[n] - reads[0], n != 0 && variant->version == 2);
        disk_work_and_end();
    }
}

/* ---- Impossible configurations ---- */

/* Two fields that depend on each other, and values of both; of queues there is the number alone, beside any other. */
enum fields { BLOCK, REQUEST, QUEUES };

static const struct {
    unsigned offset;
    unsigned width;
    const void *member;
} fields[][2] = {
    [BLOCK] = { { MOCK_BLK_BLK_SIZE, 4, &disk.blk.info.block_size },
                { MOCK_BLK_PHYSICAL_EXPONENT, 1, &disk.blk.info.physical_block_exponent } },
    [REQUEST] = { { MOCK_BLK_SIZE_MAX, 4, &disk.blk.info.size_max }, { MOCK_BLK_SEG_MAX, 4, &disk.blk.info.seg_max } },
    [QUEUES] = { { MOCK_BLK_NUM_QUEUES, 2, &disk.blk.info.queues }, { MOCK_BLK_HEADS, 1, &disk.blk.info.heads } },
};

static const struct {
    const char *what;
    enum fields fields;
    uint32_t values[2];
    bool possible;
} configurations[] = {
    { "blocks of 0", BLOCK, { 0, 0 }, false },
    { "blocks of 511", BLOCK, { 511, 0 }, false },
    { "blocks of 512", BLOCK, { 512, 0 }, true },
    { "blocks of 513", BLOCK, { 513, 0 }, false },
    { "blocks of 768", BLOCK, { 768, 0 }, false },
    { "blocks of 1024", BLOCK, { 1024, 0 }, true },
    { "blocks of 2^31", BLOCK, { 0x80000000u, 0 }, true },
    { "blocks of 2^32 - 512", BLOCK, { 0xfffffe00u, 0 }, false },
    { "a physical block of 2^31 bytes", BLOCK, { 512, 22 }, true },
    { "a physical block of 2^32 bytes", BLOCK, { 512, 23 }, false },
    { "a physical block of 512 << 32", BLOCK, { 512, 32 }, false },
    { "a physical block of 2^31 << 1", BLOCK, { 0x80000000u, 1 }, false },
    /* A request of all segments at their longest has to hold a sector; seg_max 0 is taken for 1. */
    { "segments of 0", REQUEST, { 0, 1 }, false },
    { "a segment of 511", REQUEST, { 511, 1 }, false },
    { "a segment of 512", REQUEST, { 512, 1 }, true },
    { "two segments of 256", REQUEST, { 256, 2 }, true },
    { "two segments of 255", REQUEST, { 255, 2 }, false },
    { "511 segments of 1", REQUEST, { 1, 511 }, false },
    { "512 segments of 1", REQUEST, { 1, 512 }, true },
    { "no segment of 511", REQUEST, { 511, 0 }, false },
    { "no segment of 512", REQUEST, { 512, 0 }, true },
    { "2^16 segments of 2^16", REQUEST, { 0x10000, 0x10000 }, true },
    { "all bits set", REQUEST, { 0xffffffffu, 0xffffffffu }, true },
    { "no queue", QUEUES, { 0, 0 }, false },
    { "one queue", QUEUES, { 1, 0 }, true },
    { "65535 queues", QUEUES, { 0xffff, 0 }, true },
};

static void check_configuration(unsigned row)
{
    const char *what = configurations[row].what;
    enum vpt_status expected = configurations[row].possible ? VPT_OK : VPT_DEVICE_CONFIG;
    enum fields which = configurations[row].fields;

    for (unsigned i = 0; i < 2; i++) {
        mock_config_set(&machine.model->config, fields[which][i].offset, fields[which][i].width,
                        configurations[row].values[i]);
    }
    assert_status(machine_probe(), VPT_OK);
    assert_status_of(what, vpt_blk_init(&disk.blk, machine.device, NULL), expected);
    assert_same_of(what, (machine.model->status & VPT_STATUS_FAILED) != 0, expected != VPT_OK);
    assert_same_of(what, all_zero(&disk.blk, sizeof(disk.blk)), expected != VPT_OK);
    for (unsigned i = 0; i < 2 && expected == VPT_OK; i++) {
        bool none = which == REQUEST && configurations[row].values[i] == 0;

        assert_same_of(what, load(fields[which][i].member, fields[which][i].width),
                       none ? 1 : configurations[row].values[i]);
    }
}

VERSION_TEST(blk, INIT_4_an_impossible_configuration_is_reported)
{
    for (unsigned row = 0; row < COUNT_OF(configurations); row++) {
        disk_machine(variant, &full);
        check_configuration(row);
        machine_finish();
    }
}

/* ---- Start, and what comes in the wrong order ---- */

VERSION_TEST(blk, INIT_1_missing_arguments_and_steps_in_the_wrong_order_are_refused)
{
    struct vpt_blk_queue other;

    disk_machine(variant, NULL);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_open(&disk.blk, NULL, machine.device), VPT_CALLER_ARGUMENT);
    assert_same(machine.model->resets, 0);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(NULL, &disk.blk, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 1, NULL), VPT_UNSUPPORTED_QUEUE);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)));
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    disk_work();
    memset(&other, 0x5a, sizeof(other));
    assert_status(vpt_blk_queue_init(&other, &disk.blk, 0, NULL), VPT_CALLER_STATE);
    cr_assert(all_zero(&other, sizeof(other)));
    disk_end();
}

/* A device that cannot be used is left at rest. */
VERSION_TEST(blk, INIT_4_opening_a_disk_whose_ring_is_too_small_ends_in_a_reset)
{
    const struct mock_machine_options options = { .queue_maximum = 2 };

    disk_machine(variant, &options);
    assert_status(machine_probe(), VPT_OK);
    memset(disk.queue, 0x5a, sizeof(disk.queue[0]));
    assert_status(vpt_blk_open(&disk.blk, disk.queue, machine.device), VPT_DEVICE_QUEUE_SIZE);
    assert_same(machine.model->status, 0);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)) && all_zero(disk.queue, sizeof(disk.queue)));
    machine_finish();
}

/* ---- Queues: sizes ---- */

/* More requests than the largest ring holds cost nothing. */
VERSION_TEST(blk, no_memory_is_taken_for_requests_that_no_queue_can_hold)
{
    const struct vpt_requests_config config = { .requests = 65535, .segments = 1 };
    const struct mock_memory *memory;

    disk_start(variant, NULL, &config);
    memory = &machine.hal->memory;
    for (size_t i = 0; i < memory->count; i++) {
        cr_assert(memory->regions[i].kind == MOCK_REGION_REGISTERED ||
                  memory->regions[i].size <= VPT_BLK_SLOTS_SIZE(VPT_QUEUE_SIZE_MAX, 1));
    }
    disk_end();
}

/*
 * seg_max counts data segments (VirtIO 1.4, section 5.2.4); the ring's own limit counts the frame too. Without seg_max
 * more than one is the caller's wish.
 */
VARIANT_TEST(blk, a_request_has_as_many_segments_as_seg_max_and_the_caller_allow)
{
    static const struct {
        uint32_t seg_max;
        uint16_t wanted;
        uint16_t taken;
    } cases[] = { { 0, 0, 1 }, { 0, 1, 1 },   { 0, 5, 5 },   { 1, 0, 1 },   { 2, 0, 2 },    { 3, 0, 3 },
                  { 3, 5, 3 }, { 15, 0, 15 }, { 16, 0, 16 }, { 17, 0, 16 }, { 100, 0, 16 }, { 100, 50, 50 } };
    struct vpt_segment segments[64];

    for (unsigned n = 0; n < COUNT_OF(cases); n++) {
        const struct mock_machine_options options = { .blk = { .seg_max = cases[n].seg_max } };
        const struct vpt_requests_config config = { .segments = cases[n].wanted };
        char what[40];

        (void)snprintf(what, sizeof(what), "seg_max %u, wanted %u", cases[n].seg_max, cases[n].wanted);
        disk_start(variant, &options, &config);
        for (unsigned i = 0; i < COUNT_OF(segments); i++) {
            segments[i] = machine_segment(i * SECTOR, SECTOR);
        }
        for (unsigned life = 0; life < 2; life++) {
            assert_same_of(what, disk.blk.info.seg_max, cases[n].seg_max != 0 ? cases[n].seg_max : 1u);
            assert_status_of(what, disk_complete(VPT_BLK_READ, 0, segments, cases[n].taken + 1), VPT_CALLER_TOO_LONG);
            assert_status_of(what, disk_complete(VPT_BLK_READ, 0, segments, cases[n].taken), VPT_OK);
            assert_same_of(what, mock_blk_last(machine.blk)->segments, cases[n].taken);
            assert_status(vpt_device_reset(machine.device), VPT_OK);
            assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
        }
        disk_end();
    }
}
