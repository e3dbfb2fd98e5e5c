/* SPDX-License-Identifier: MIT */
/* A block device's bring-up: what it says of itself, its queues, their memory, start and release. */
#define _POSIX_C_SOURCE 200809L

#include "disk.h"

#include <stdlib.h>
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

#define MEMBER(name) offsetof(struct vpt_blk_info, name), sizeof(((struct vpt_blk_info *)NULL)->name)

/* Each member of the information: what `full` makes of it, and what it is without the feature. */
static const struct {
    unsigned feature;
    size_t offset;
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

static const unsigned optional_features[] = { VPT_BLK_F_SIZE_MAX, VPT_BLK_F_SEG_MAX,    VPT_BLK_F_GEOMETRY,
                                              VPT_BLK_F_RO,       VPT_BLK_F_BLK_SIZE,   VPT_BLK_F_FLUSH,
                                              VPT_BLK_F_TOPOLOGY, VPT_BLK_F_CONFIG_WCE, VPT_BLK_F_MQ };

static uint64_t member_value(unsigned i)
{
    const uint8_t *at = (const uint8_t *)&disk.blk.info + members[i].offset;
    uint64_t eight = 0;
    uint32_t four = 0;
    uint16_t two = 0;

    switch (members[i].size) {
    case 1: return *at;
    case 2: memcpy(&two, at, sizeof(two)); return two;
    case 4: memcpy(&four, at, sizeof(four)); return four;
    default: memcpy(&eight, at, sizeof(eight)); return eight;
    }
}

/* All members, of which those of the feature `missing` are to have their default; ALWAYS: none. */
static void check_members(unsigned missing)
{
    for (unsigned i = 0; i < COUNT_OF(members); i++) {
        bool there = members[i].feature == ALWAYS || members[i].feature != missing;
        uint64_t expected = there ? members[i].offered : members[i].otherwise;

        cr_assert(member_value(i) == expected, "feature %u missing, member at %zu: 0x%llx, not 0x%llx", missing,
                  members[i].offset, (unsigned long long)member_value(i), (unsigned long long)expected);
    }
}

static void full_machine(const struct variant *variant)
{
    disk_machine(variant, &full);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, CAPACITY);
    assert_status(machine_probe(), VPT_OK);
}

VERSION_TEST(blk, LEG_BLKCFG_1_BLK_OP_3_every_field_offered_is_read_in_the_device_order)
{
    full_machine(variant);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    cr_assert(disk.blk.driver.device == machine.device);
    check_members(ALWAYS);
    for (unsigned i = 0; i < COUNT_OF(optional_features); i++) {
        cr_assert(vpt_features_has(&machine.model->accepted, optional_features[i]) || variant->version == 1);
    }
    machine_finish();
}

/* The bytes of the field are there all the same; the machine records a reading of it. */
VERSION_TEST(blk, CONFIG_2_a_field_without_its_feature_is_left_alone)
{
    for (unsigned i = 0; i < COUNT_OF(optional_features); i++) {
        full_machine(variant);
        vpt_features_remove(&machine.model->offered, optional_features[i]);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        check_members(optional_features[i]);
        machine_finish();
    }
}

VERSION_TEST(blk, FEAT_4_a_refused_feature_is_as_one_not_offered)
{
    for (unsigned i = 0; i < COUNT_OF(optional_features); i++) {
        struct vpt_feature_choice choice = { 0 };

        full_machine(variant);
        vpt_features_add(&choice.refused, optional_features[i]);
        assert_status(vpt_blk_init(&disk.blk, machine.device, &choice), VPT_OK);
        check_members(optional_features[i]);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        cr_assert(!vpt_features_has(&machine.model->accepted, optional_features[i]));
        machine_finish();
    }
}

VERSION_TEST(blk, a_disk_without_any_optional_feature_has_the_defaults)
{
    disk_init(variant, NULL);
    cr_assert(disk.blk.info.capacity == 2048);
    for (unsigned i = 1; i < COUNT_OF(members); i++) {
        cr_assert(member_value(i) == members[i].otherwise, "member %u", i);
    }
    machine_finish();
}

/* ---- Which features are accepted ---- */

/* What the driver has no code for stays unaccepted, and its fields unread but for the zone model (BLK-INIT-10). */
VERSION_TEST(blk, BLK_INIT_5_features_that_the_driver_does_not_handle_are_not_accepted)
{
    static const unsigned foreign[] = { F_BARRIER, F_SCSI, F_LIFETIME, F_ZONED };
    struct mock_machine_options options = { 0 };
    uint64_t model = variant->version == 2 ? 1 : 0;
    uint64_t reads;

    disk_init(variant, &options);
    reads = machine.model->config.reads;
    machine_finish();
    for (unsigned i = 0; i < COUNT_OF(foreign); i++) {
        vpt_features_add(&options.offer, foreign[i]);
    }
    disk_start(variant, &options, NULL);
    for (unsigned i = 0; i < COUNT_OF(foreign); i++) {
        cr_assert(!vpt_features_has(&machine.model->accepted, foreign[i]), "feature %u", foreign[i]);
    }
    cr_assert(machine.model->config.reads == reads + model);
    disk_end();
}

/* All that the transport and the device type may offer at once. */
VERSION_TEST(blk, FEAT_5_features_that_the_driver_does_not_know_are_no_reason_to_refuse_a_device)
{
    static const unsigned left_alone[] = { VPT_F_RING_PACKED, VPT_F_IN_ORDER, VPT_F_RING_RESET };
    struct mock_machine_options options = { .old = true };
    unsigned last = variant->version == 1 ? 32 : 128;

    for (unsigned bit = 0; bit < last; bit++) {
        if (bit > VPT_BLK_F_TOPOLOGY || bit == F_BARRIER || bit == F_SCSI) {
            vpt_features_add(&options.offer, bit);
        }
    }
    disk_machine(variant, &options);
    machine.hal->access_platform = variant->version == 1 ? MOCK_EXPECT_CLEAR : MOCK_EXPECT_SET;
    assert_status(disk_bring_up(NULL), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(left_alone); i++) {
        cr_assert(!vpt_features_has(&machine.model->accepted, left_alone[i]), "feature %u", left_alone[i]);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_status(disk_read_sector(i), VPT_OK);
    }
    if (variant->version == 2) {
        cr_assert(vpt_features_has(&machine.model->accepted, VPT_F_NOTIFICATION_DATA));
        cr_assert(vpt_features_has(&machine.model->accepted, VPT_F_ORDER_PLATFORM));
    }
    disk_end();
}

/* ---- Init: what can be wrong ---- */

Test(blk, init_refuses_missing_arguments)
{
    disk_machine(&version_2, NULL);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(NULL, machine.device, NULL), VPT_CALLER_ARGUMENT);
    memset(&disk.blk, 0x5a, sizeof(disk.blk));
    assert_status(vpt_blk_init(&disk.blk, NULL, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
    cr_assert(machine.model->resets == 0);
    machine_finish();
}

/* Two fields that depend on each other, and values of both, of which some are impossible together. */
enum fields { BLOCK, REQUEST };

static const struct {
    unsigned feature;
    unsigned offset;
    unsigned width;
} fields[][2] = {
    [BLOCK] = { { VPT_BLK_F_BLK_SIZE, MOCK_BLK_BLK_SIZE, 4 }, { VPT_BLK_F_TOPOLOGY, MOCK_BLK_PHYSICAL_EXPONENT, 1 } },
    [REQUEST] = { { VPT_BLK_F_SIZE_MAX, MOCK_BLK_SIZE_MAX, 4 }, { VPT_BLK_F_SEG_MAX, MOCK_BLK_SEG_MAX, 4 } },
};

static const struct {
    enum fields fields;
    uint32_t values[2];
    bool possible;
} configurations[] = {
    { BLOCK, { 0, 0 }, false },
    { BLOCK, { 1, 0 }, false },
    { BLOCK, { 256, 0 }, false },
    { BLOCK, { 511, 0 }, false },
    { BLOCK, { 512, 0 }, true },
    { BLOCK, { 513, 0 }, false },
    { BLOCK, { 768, 0 }, false },
    { BLOCK, { 1024, 0 }, true },
    { BLOCK, { 65536, 0 }, true },
    { BLOCK, { 0x80000000u, 0 }, true },
    { BLOCK, { 0x80000001u, 0 }, false },
    { BLOCK, { 0xfffffe00u, 0 }, false },
    /* The physical block, in bytes, has to fit 32 bits. */
    { BLOCK, { 512, 22 }, true },
    { BLOCK, { 512, 23 }, false },
    { BLOCK, { 512, 31 }, false },
    { BLOCK, { 512, 32 }, false },
    { BLOCK, { 512, 255 }, false },
    { BLOCK, { 4096, 19 }, true },
    { BLOCK, { 4096, 20 }, false },
    { BLOCK, { 0x80000000u, 1 }, false },
    /* A request of all segments at their longest has to hold a sector; seg_max 0 is taken for 1. */
    { REQUEST, { 0, 1 }, false },
    { REQUEST, { 0, 0xffffffffu }, false },
    { REQUEST, { 511, 1 }, false },
    { REQUEST, { 512, 1 }, true },
    { REQUEST, { 256, 2 }, true },
    { REQUEST, { 255, 2 }, false },
    { REQUEST, { 1, 511 }, false },
    { REQUEST, { 1, 512 }, true },
    { REQUEST, { 511, 0 }, false },
    { REQUEST, { 512, 0 }, true },
    { REQUEST, { 0x10000, 0x10000 }, true },
    { REQUEST, { 0xffffffffu, 0xffffffffu }, true },
};

static void check_configuration(unsigned row)
{
    const struct vpt_blk_info *info = &disk.blk.info;
    const uint32_t *values = configurations[row].values;
    enum fields which = configurations[row].fields;

    for (unsigned i = 0; i < 2; i++) {
        vpt_features_add(&machine.model->offered, fields[which][i].feature);
        mock_config_set(&machine.model->config, fields[which][i].offset, fields[which][i].width, values[i]);
    }
    assert_status(machine_probe(), VPT_OK);
    if (!configurations[row].possible) {
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_DEVICE_CONFIG);
        cr_assert(all_zero(&disk.blk, sizeof(disk.blk)), "row %u", row);
        cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
        return;
    }
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    if (which == BLOCK) {
        cr_assert(info->block_size == values[0] && info->physical_block_exponent == values[1], "row %u", row);
    } else {
        cr_assert(info->size_max == values[0] && info->seg_max == (values[1] != 0 ? values[1] : 1u), "row %u", row);
    }
}

VERSION_TEST(blk, INIT_4_an_impossible_configuration_is_reported)
{
    for (unsigned row = 0; row < COUNT_OF(configurations); row++) {
        disk_machine(variant, NULL);
        check_configuration(row);
        machine_finish();
    }
}

/* ---- Start, and what comes in the wrong order ---- */

VERSION_TEST(blk, INIT_1_steps_in_the_wrong_order_are_refused)
{
    struct vpt_blk_queue other;

    disk_machine(variant, NULL);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_CALLER_STATE);
    memset(&other, 0x5a, sizeof(other));
    assert_status(vpt_blk_queue_init(&other, &disk.blk, 0, NULL), VPT_CALLER_STATE);
    cr_assert(all_zero(&other, sizeof(other)));
    assert_status(disk_read_sector(0), VPT_OK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_CALLER_STATE);
    disk_end();
}

VERSION_TEST(blk, opening_leaves_nothing_behind_wherever_the_device_vanishes)
{
    enum vpt_status status = VPT_DEVICE_GONE;
    uint32_t access;

    for (access = 1; status != VPT_OK; access++) {
        struct mock_faults *faults = &machine.on_mmio.device.faults;

        disk_machine(variant, NULL);
        assert_status(machine_probe(), VPT_OK);
        mock_fault_set(faults, MOCK_FAULT_VANISH, access, 1, 0);
        status = vpt_blk_open(&disk.blk, disk.queue, machine.device);
        mock_fault_clear(faults, MOCK_FAULT_VANISH);
        if (status == VPT_OK) {
            assert_status(disk_read_sector(1), VPT_OK);
            disk_end();
        } else {
            assert_status(status, VPT_DEVICE_GONE);
            cr_assert(all_zero(&disk.blk, sizeof(disk.blk)) && all_zero(disk.queue, sizeof(disk.queue)));
            cr_assert(mock_hal_live_allocations(machine.hal) == 0);
            machine_finish();
        }
    }
    cr_assert(access > 20);
    assert_status(vpt_blk_open(&disk.blk, NULL, machine.device), VPT_CALLER_ARGUMENT);
}

/* A device that cannot be used is left at rest. */
VERSION_TEST(blk, INIT_4_opening_a_disk_whose_ring_is_too_small_ends_in_a_reset)
{
    const struct mock_machine_options options = { .queue_maximum = 2, .blk = { .block_size = 1024 } };

    disk_machine(variant, &options);
    assert_status(machine_probe(), VPT_OK);
    memset(disk.queue, 0x5a, sizeof(disk.queue[0]));
    assert_status(vpt_blk_open(&disk.blk, disk.queue, machine.device), VPT_DEVICE_QUEUE_SIZE);
    cr_assert(machine.model->status == 0);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)) && all_zero(disk.queue, sizeof(disk.queue)));
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 0, MOCK_CONFIG_VALUE(MOCK_BLK_BLK_SIZE, 513));
    memset(disk.queue, 0x5a, sizeof(disk.queue[0]));
    assert_status(vpt_blk_open(&disk.blk, disk.queue, machine.device), VPT_DEVICE_CONFIG);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)));
    machine_finish();
}

/* ---- Queues: sizes ---- */

/* A request of that many segments; nothing is kicked, so that they may all lie at the same place. */
static enum vpt_status submit_long(uint16_t count)
{
    struct vpt_segment *segments = calloc(count, sizeof(*segments));
    enum vpt_status status;

    cr_assert(segments != NULL);
    for (unsigned i = 0; i < count; i++) {
        segments[i] = machine_segment(0, SECTOR);
    }
    status = disk_submit(VPT_BLK_READ, 0, segments, count, NULL);
    free(segments);
    return status;
}

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

/* seg_max counts data segments (VirtIO 1.4, section 5.2.4); the ring's own limit counts the frame too. */
VERSION_TEST(blk, seg_max_limits_the_segments_of_a_request)
{
    for (uint32_t seg_max = 1; seg_max <= 20; seg_max++) {
        const struct mock_machine_options options = { .blk = { .seg_max = seg_max } };
        uint16_t longest = (uint16_t)(seg_max < 16 ? seg_max : 16);

        disk_start(variant, &options, NULL);
        assert_status(submit_long((uint16_t)(longest + 1u)), VPT_CALLER_TOO_LONG);
        assert_status(submit_long(longest), VPT_OK);
        assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        cr_assert(mock_blk_last(machine.blk)->segments == longest);
        disk_end();
    }
}

VERSION_TEST(blk, a_queue_that_the_device_lacks_is_reported)
{
    disk_init(variant, NULL);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 1, NULL), VPT_UNSUPPORTED_QUEUE);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)));
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    assert_status(vpt_blk_queue_init(NULL, &disk.blk, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_queue_init(disk.queue, NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(disk.queue, sizeof(disk.queue)));
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(9), VPT_OK);
    disk_end();
}

/* ---- A device without SEG_MAX ---- */

VARIANT_TEST(blk, without_seg_max_more_than_one_segment_is_the_callers_wish)
{
    static const struct {
        uint32_t seg_max;
        uint16_t wanted;
        uint16_t taken;
    } cases[] = { { 0, 0, 1 }, { 0, 1, 1 }, { 0, 5, 5 }, { 3, 0, 3 }, { 3, 5, 3 }, { 100, 0, 16 }, { 100, 50, 50 } };
    struct vpt_segment segments[64];

    for (unsigned i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = (struct vpt_segment){ 0, SECTOR };
    }
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const struct mock_machine_options options = { .blk = { .seg_max = cases[i].seg_max } };
        const struct vpt_requests_config config = { .segments = cases[i].wanted };

        disk_start(variant, &options, &config);
        for (unsigned k = 0; k < 64; k++) {
            segments[k].address = machine_segment(0, SECTOR).address;
        }
        for (unsigned life = 0; life < 2; life++) {
            cr_assert(disk.blk.info.seg_max == (cases[i].seg_max != 0 ? cases[i].seg_max : 1u));
            assert_status(disk_submit(VPT_BLK_READ, 0, segments, cases[i].taken, NULL), VPT_OK);
            assert_status(disk_submit(VPT_BLK_READ, 0, segments, (uint16_t)(cases[i].taken + 1u), NULL),
                          VPT_CALLER_TOO_LONG);
            assert_status(vpt_device_reset(machine.device), VPT_OK);
            cr_assert(disk_drain() == 1);
            assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
        }
        disk_end();
    }
}
