/* SPDX-License-Identifier: MIT */
/* A block device's bring-up: what it says of itself, its queues, their memory, start and release. */
#define _POSIX_C_SOURCE 200809L

#include "blk_support.h"

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

static const unsigned optional_features[] = { VPT_BLK_F_SIZE_MAX, VPT_BLK_F_SEG_MAX,  VPT_BLK_F_GEOMETRY,
                                              VPT_BLK_F_RO,       VPT_BLK_F_BLK_SIZE, VPT_BLK_F_FLUSH,
                                              VPT_BLK_F_TOPOLOGY, VPT_BLK_F_CONFIG_WCE, VPT_BLK_F_MQ };

static uint64_t member_value(unsigned i)
{
    const uint8_t *at = (const uint8_t *)&disk.blk.info + members[i].offset;
    uint64_t eight = 0;
    uint32_t four = 0;
    uint16_t two = 0;

    switch (members[i].size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof(two));
        return two;
    case 4:
        memcpy(&four, at, sizeof(four));
        return four;
    default:
        memcpy(&eight, at, sizeof(eight));
        return eight;
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
    mock_config_set(&disk.machine.device.config, MOCK_BLK_CAPACITY, 8, CAPACITY);
    disk_probe();
}

VERSION_TEST(blk, LEG_BLKCFG_1_every_field_offered_is_read_in_the_device_order)
{
    full_machine(variant);
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    cr_assert(disk.blk.driver.device == disk.device);
    check_members(ALWAYS);
    for (unsigned i = 0; i < COUNT_OF(optional_features); i++) {
        cr_assert(vpt_features_has(&disk.machine.device.accepted, optional_features[i]) || variant->version == 1);
    }
    disk_finish();
}

/* The bytes of the field are there all the same; the machine records a reading of it. */
VERSION_TEST(blk, CONFIG_2_a_field_without_its_feature_is_left_alone)
{
    for (unsigned i = 0; i < COUNT_OF(optional_features); i++) {
        full_machine(variant);
        vpt_features_remove(&disk.machine.device.offered, optional_features[i]);
        assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
        check_members(optional_features[i]);
        disk_finish();
    }
}

VERSION_TEST(blk, FEAT_4_a_refused_feature_is_as_one_not_offered)
{
    for (unsigned i = 0; i < COUNT_OF(optional_features); i++) {
        struct vpt_feature_choice choice = { 0 };

        full_machine(variant);
        vpt_features_add(&choice.refused, optional_features[i]);
        assert_status(vpt_blk_init(&disk.blk, disk.device, &choice), VPT_OK);
        check_members(optional_features[i]);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        cr_assert(!vpt_features_has(&disk.machine.device.accepted, optional_features[i]));
        disk_finish();
    }
}

VERSION_TEST(blk, a_disk_without_any_optional_feature_has_the_defaults)
{
    disk_init(variant, NULL);
    cr_assert(disk.blk.info.capacity == 2048);
    for (unsigned i = 1; i < COUNT_OF(members); i++) {
        cr_assert(member_value(i) == members[i].otherwise, "member %u", i);
    }
    disk_finish();
}

/* ---- Which features are accepted ---- */

VERSION_TEST(blk, BLK_OP_3_read_only_is_accepted_where_offered)
{
    const struct mock_machine_options options = { .blk = { .read_only = true } };

    disk_start(variant, &options, NULL);
    cr_assert(vpt_features_has(&disk.machine.device.accepted, VPT_BLK_F_RO));
    cr_assert(disk.blk.info.read_only);
    disk_end();
}

VERSION_TEST(blk, BLK_INIT_1_flush_is_accepted_and_flushes_are_sent)
{
    const struct mock_machine_options options = { .blk = { .flush = true } };

    disk_start(variant, &options, NULL);
    cr_assert(vpt_features_has(&disk.machine.device.accepted, VPT_BLK_F_FLUSH));
    assert_status(vpt_blk_flush(&disk.queue), VPT_OK);
    cr_assert(disk.machine.blk.flushes == 1);
    disk_end();
}

/* What the driver has no code for stays unaccepted, and its fields unread but for the zone model (BLK-INIT-10). */
VERSION_TEST(blk, BLK_INIT_5_features_that_the_driver_does_not_handle_are_not_accepted)
{
    static const unsigned foreign[] = { F_BARRIER, F_SCSI, F_LIFETIME, F_ZONED };
    struct mock_machine_options options = { 0 };
    uint64_t model = variant->version == 2 ? 1 : 0;
    uint64_t reads;

    disk_init(variant, &options);
    reads = disk.machine.device.config.reads;
    disk_finish();
    for (unsigned i = 0; i < COUNT_OF(foreign); i++) {
        vpt_features_add(&options.offer, foreign[i]);
    }
    disk_start(variant, &options, NULL);
    for (unsigned i = 0; i < COUNT_OF(foreign); i++) {
        cr_assert(!vpt_features_has(&disk.machine.device.accepted, foreign[i]), "feature %u", foreign[i]);
    }
    cr_assert(disk.machine.device.config.reads == reads + model);
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
    disk.machine.hal.access_platform = variant->version == 1 ? MOCK_EXPECT_CLEAR : MOCK_EXPECT_SET;
    assert_status(disk_bring_up(NULL), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(left_alone); i++) {
        cr_assert(!vpt_features_has(&disk.machine.device.accepted, left_alone[i]), "feature %u", left_alone[i]);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_status(disk_read_sector(i), VPT_OK);
    }
    if (variant->version == 2) {
        cr_assert(vpt_features_has(&disk.machine.device.accepted, VPT_F_NOTIFICATION_DATA));
        cr_assert(vpt_features_has(&disk.machine.device.accepted, VPT_F_ORDER_PLATFORM));
    }
    disk_end();
}

/* ---- Init: what can be wrong ---- */

static void check_init_failure(enum vpt_status expected)
{
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), expected);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
    cr_assert((disk.machine.device.status & VPT_STATUS_FAILED) != 0);
}

Test(blk, init_refuses_missing_arguments)
{
    disk_machine(&version_2, NULL);
    disk_probe();
    assert_status(vpt_blk_init(NULL, disk.device, NULL), VPT_CALLER_ARGUMENT);
    memset(&disk.blk, 0x5a, sizeof(disk.blk));
    assert_status(vpt_blk_init(&disk.blk, NULL, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
    cr_assert(disk.machine.device.resets == 0);
    disk_finish();
}

VERSION_TEST(blk, a_device_of_another_type_is_left_alone)
{
    struct mock_backend network = mock_blk_backend;

    network.type = VPT_DEVICE_TYPE_NETWORK;
    disk_machine(variant, NULL);
    disk.machine.device.backend = &network;
    disk_probe();
    memset(&disk.blk, 0x5a, sizeof(disk.blk));
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_UNSUPPORTED_DEVICE);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
    cr_assert(disk.machine.hal.register_writes == 0);
    disk_finish();
}

VERSION_TEST(blk, INIT_4_an_impossible_block_size_is_reported)
{
    static const struct {
        uint32_t size;
        enum vpt_status status;
    } cases[] = {
        { 0, VPT_DEVICE_CONFIG },      { 1, VPT_DEVICE_CONFIG },          { 256, VPT_DEVICE_CONFIG },
        { 511, VPT_DEVICE_CONFIG },    { 512, VPT_OK },                   { 513, VPT_DEVICE_CONFIG },
        { 768, VPT_DEVICE_CONFIG },    { 1024, VPT_OK },                  { 65536, VPT_OK },
        { 0x80000000u, VPT_OK },       { 0x80000001u, VPT_DEVICE_CONFIG }, { 0xffffffffu, VPT_DEVICE_CONFIG },
        { 0xfffffe00u, VPT_DEVICE_CONFIG },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        disk_machine(variant, NULL);
        vpt_features_add(&disk.machine.device.offered, VPT_BLK_F_BLK_SIZE);
        mock_config_set(&disk.machine.device.config, MOCK_BLK_BLK_SIZE, 4, cases[i].size);
        disk_probe();
        if (cases[i].status == VPT_OK) {
            assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
            cr_assert(disk.blk.info.block_size == cases[i].size);
        } else {
            check_init_failure(cases[i].status);
        }
        disk_finish();
    }
}

/* The physical block, in bytes, has to fit 32 bits. */
VERSION_TEST(blk, INIT_4_an_impossible_physical_block_is_reported)
{
    static const struct {
        uint32_t block_size;
        uint8_t exponent;
        enum vpt_status status;
    } cases[] = {
        { 512, 0, VPT_OK },           { 512, 22, VPT_OK },            { 512, 23, VPT_DEVICE_CONFIG },
        { 512, 31, VPT_DEVICE_CONFIG }, { 512, 32, VPT_DEVICE_CONFIG }, { 512, 255, VPT_DEVICE_CONFIG },
        { 4096, 19, VPT_OK },         { 4096, 20, VPT_DEVICE_CONFIG }, { 0x80000000u, 0, VPT_OK },
        { 0x80000000u, 1, VPT_DEVICE_CONFIG },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct mock_machine_options options = { .blk = { .topology = true,
                                                         .block_size = cases[i].block_size,
                                                         .physical_exponent = cases[i].exponent } };

        disk_machine(variant, &options);
        disk_probe();
        if (cases[i].status == VPT_OK) {
            assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
            cr_assert(disk.blk.info.physical_block_exponent == cases[i].exponent);
        } else {
            check_init_failure(cases[i].status);
        }
        disk_finish();
    }
}

/* A request of all segments at their longest has to hold a sector; seg_max 0 is taken for 1. */
VERSION_TEST(blk, limits_that_leave_no_room_for_a_sector_are_reported)
{
    static const struct {
        uint32_t size_max;
        uint32_t seg_max;
        enum vpt_status status;
    } cases[] = {
        { 0, 1, VPT_DEVICE_CONFIG },   { 0, 0xffffffffu, VPT_DEVICE_CONFIG }, { 511, 1, VPT_DEVICE_CONFIG },
        { 512, 1, VPT_OK },            { 256, 2, VPT_OK },                    { 255, 2, VPT_DEVICE_CONFIG },
        { 1, 511, VPT_DEVICE_CONFIG }, { 1, 512, VPT_OK },                    { 511, 0, VPT_DEVICE_CONFIG },
        { 512, 0, VPT_OK },            { 0x10000, 0x10000, VPT_OK },          { 0xffffffffu, 0xffffffffu, VPT_OK },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        disk_machine(variant, NULL);
        vpt_features_add(&disk.machine.device.offered, VPT_BLK_F_SIZE_MAX);
        vpt_features_add(&disk.machine.device.offered, VPT_BLK_F_SEG_MAX);
        mock_config_set(&disk.machine.device.config, MOCK_BLK_SIZE_MAX, 4, cases[i].size_max);
        mock_config_set(&disk.machine.device.config, MOCK_BLK_SEG_MAX, 4, cases[i].seg_max);
        disk_probe();
        if (cases[i].status == VPT_OK) {
            assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
            cr_assert(disk.blk.info.size_max == cases[i].size_max);
            cr_assert(disk.blk.info.seg_max == (cases[i].seg_max != 0 ? cases[i].seg_max : 1u));
        } else {
            check_init_failure(cases[i].status);
        }
        disk_finish();
    }
}

VERSION_TEST(blk, a_seg_max_of_0_lets_one_segment_through)
{
    struct vpt_segment two[2];

    disk_machine(variant, NULL);
    vpt_features_add(&disk.machine.device.offered, VPT_BLK_F_SEG_MAX);
    disk.machine.blk.options.seg_max = 1; /* what such a device takes */
    assert_status(disk_bring_up(NULL), VPT_OK);
    two[0] = disk_segment(0, 512);
    two[1] = disk_segment(512, 512);
    assert_status(disk_submit(VPT_BLK_READ, 0, two, 2, NULL), VPT_CALLER_TOO_LONG);
    assert_status(disk_read_sector(3), VPT_OK);
    disk_end();
}

/* ---- A configuration that changes ---- */

/* The capacity is one that the device had, not half of one and half of another. */
VERSION_TEST(blk, CONFIG_1_a_capacity_that_changes_while_it_is_read_is_not_torn)
{
    for (uint32_t first = 1; first <= 6; first++) {
        for (uint32_t times = 1; times <= 4; times++) {
            uint64_t capacity;

            disk_machine(variant, NULL);
            disk_probe();
            mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_CONFIG_CHANGING, first, times, 0);
            assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
            capacity = disk.blk.info.capacity;
            cr_assert(capacity == 2048 || capacity >> 32 == (capacity & 0xffffffffu), "torn: 0x%llx",
                      (unsigned long long)capacity);
            cr_assert(first > 1 || capacity != 2048);
            disk_finish();
        }
    }
}

VERSION_TEST(blk, LEG_CONFIG_1_a_configuration_that_never_settles_is_reported_in_bounded_time)
{
    disk_machine(variant, NULL);
    disk_probe();
    mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    check_init_failure(VPT_DEVICE_CONFIG_UNSTABLE);
    cr_assert(disk.machine.hal.waits[VPT_WAIT_CONFIGURATION] == 64 + 1);
    mock_fault_clear(&disk.machine.device.faults, MOCK_FAULT_CONFIG_CHANGING);
    disk.machine.hal.port.keep_waiting = NULL;
    mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    disk.machine.device.config.reads = 0;
    check_init_failure(VPT_DEVICE_CONFIG_UNSTABLE);
    cr_assert(disk.machine.device.config.reads == 2 * VPT_WAIT_CONFIGURATION_READS);
    disk_finish();
}

VERSION_TEST(blk, CONFIG_4_only_a_configuration_too_small_for_its_fields_is_refused)
{
    disk_machine(variant, NULL);
    disk.machine.size = VPT_MMIO_REGISTERS_SIZE + 7;
    disk_probe();
    check_init_failure(VPT_DEVICE_CONFIG);
    disk.machine.size = VPT_MMIO_REGISTERS_SIZE + 8;
    disk_probe();
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    cr_assert(disk.blk.info.capacity == 2048);
    disk_finish();
}

/* ---- Init, again ---- */

VERSION_TEST(blk, STATUS_3_a_failed_init_can_be_repeated)
{
    disk_machine(variant, NULL);
    disk_probe();
    vpt_features_add(&disk.machine.device.offered, VPT_BLK_F_BLK_SIZE);
    mock_config_set(&disk.machine.device.config, MOCK_BLK_BLK_SIZE, 4, 777);
    check_init_failure(VPT_DEVICE_CONFIG);
    mock_config_set(&disk.machine.device.config, MOCK_BLK_BLK_SIZE, 4, 512);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(1), VPT_OK);
    disk_end();
}

/* Firmware has used the disk and left it running. */
VERSION_TEST(blk, RESET_1_init_works_on_a_device_that_runs)
{
    struct vpt_blk_queue old;

    disk_start(variant, NULL, NULL);
    assert_status(disk_read_sector(1), VPT_OK);
    old = disk.queue;
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    cr_assert(disk.machine.device.resets == 2);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    assert_status(vpt_requests_release(&old.requests), VPT_OK);
    disk_end();
}

/* ---- Start, and what comes in the wrong order ---- */

Test(blk, start_refuses_what_is_not_set_up)
{
    struct vpt_blk blank;

    memset(&blank, 0, sizeof(blank));
    assert_status(vpt_driver_start(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_start(&blank.driver), VPT_CALLER_ARGUMENT);
}

VERSION_TEST(blk, INIT_1_steps_in_the_wrong_order_are_refused)
{
    struct vpt_blk_queue other;

    disk_machine(variant, NULL);
    disk_probe();
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_CALLER_STATE);
    memset(&other, 0x5a, sizeof(other));
    assert_status(vpt_blk_queue_init(&other, &disk.blk, 0, NULL), VPT_CALLER_STATE);
    cr_assert(all_zero(&other, sizeof(other)));
    assert_status(disk_read_sector(0), VPT_OK);
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_CALLER_STATE);
    disk_end();
}

VERSION_TEST(blk, a_device_that_fails_at_the_start_is_reported)
{
    disk_init(variant, NULL);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    mock_device_needs_reset(&disk.machine.device);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_DEVICE_NEEDS_RESET);
    disk_end();
}

VERSION_TEST(blk, opening_leaves_nothing_behind_wherever_the_device_vanishes)
{
    enum vpt_status status = VPT_DEVICE_GONE;
    uint32_t access;

    for (access = 1; status != VPT_OK; access++) {
        struct mock_faults *faults = &disk.machine.device.faults;

        disk_machine(variant, NULL);
        disk_probe();
        mock_fault_set(faults, MOCK_FAULT_VANISH, access, 1, 0);
        status = vpt_blk_open(&disk.blk, &disk.queue, disk.device);
        mock_fault_clear(faults, MOCK_FAULT_VANISH);
        if (status == VPT_OK) {
            assert_status(disk_read_sector(1), VPT_OK);
            disk_end();
        } else {
            assert_status(status, VPT_DEVICE_GONE);
            cr_assert(all_zero(&disk.blk, sizeof(disk.blk)) && all_zero(&disk.queue, sizeof(disk.queue)));
            cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
            disk_finish();
        }
    }
    cr_assert(access > 20);
    assert_status(vpt_blk_open(&disk.blk, NULL, disk.device), VPT_CALLER_ARGUMENT);
}

/* A device that cannot be used is left at rest. */
VERSION_TEST(blk, INIT_4_opening_a_disk_whose_ring_is_too_small_ends_in_a_reset)
{
    const struct mock_machine_options options = { .queue_maximum = 2, .blk = { .block_size = 1024 } };

    disk_machine(variant, &options);
    disk_probe();
    memset(&disk.queue, 0x5a, sizeof(disk.queue));
    assert_status(vpt_blk_open(&disk.blk, &disk.queue, disk.device), VPT_DEVICE_QUEUE_SIZE);
    cr_assert(disk.machine.device.status == 0);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)) && all_zero(&disk.queue, sizeof(disk.queue)));
    mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_CONFIG_VALUE, 1, 0, MOCK_CONFIG_VALUE(MOCK_BLK_BLK_SIZE, 513));
    memset(&disk.queue, 0x5a, sizeof(disk.queue));
    assert_status(vpt_blk_open(&disk.blk, &disk.queue, disk.device), VPT_DEVICE_CONFIG);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    disk_finish();
}

/* ---- Queues: sizes ---- */

struct size_case {
    uint16_t requests;
    uint16_t segments;
    uint16_t size;
    uint32_t maximum;
    bool indirect;
    /* What comes of it. */
    uint32_t ring;
    unsigned in_flight; /* of one segment each */
    uint16_t longest;   /* segments */
};

static const struct size_case sizes[] = {
    { 0, 0, 0, 256, true, 256, 64, 16 },
    { 0, 0, 0, 256, false, 256, 14, 16 },
    { 0, 0, 0, 1024, false, 256, 14, 16 },
    { 0, 0, 0, 128, false, 128, 7, 16 },
    { 0, 0, 0, 64, false, 64, 3, 16 },
    { 0, 0, 0, 16, true, 16, 16, 14 },
    { 0, 0, 0, 4, true, 4, 4, 2 },
    { 0, 0, 0, 4, false, 4, 1, 2 },
    { 1, 1, 0, 256, true, 256, 1, 1 },
    { 1, 1, 0, 256, false, 256, 1, 1 },
    { 1, 3, 0, 4, true, 4, 1, 2 },
    { 1, 254, 0, 1024, true, 256, 1, 254 },
    { 1, 255, 0, 1024, true, 512, 1, 255 },
    { 1, 600, 0, 512, true, 512, 1, 510 },
    { 4, 2, 0, 16, false, 16, 4, 2 },
    { 5, 2, 0, 8, false, 8, 2, 2 },
    { 100, 1, 0, 256, false, 256, 85, 1 },
    { 100, 1, 0, 256, true, 256, 100, 1 },
    { 8, 16, 8, 256, true, 8, 8, 6 },
    { 8, 16, 8, 256, false, 8, 1, 6 },
    { 300, 1, 512, 256, true, 256, 256, 1 },
    { 300, 1, 512, 1024, true, 512, 300, 1 },
    { 16, 16, 256, 64, true, 64, 16, 16 },
    { 65535, 16, 0, 256, true, 256, 256, 16 },
    { 8, 65535, 16, 256, true, 16, 8, 14 },
    { 65535, 65535, 32768, 32768, false, 32768, 1, 32766 },
};

/* A request of that many segments; nothing is kicked, so that they may all lie at the same place. */
static enum vpt_status submit_long(uint16_t count)
{
    struct vpt_segment *segments = calloc(count, sizeof(*segments));
    enum vpt_status status;

    cr_assert(segments != NULL);
    for (unsigned i = 0; i < count; i++) {
        segments[i] = disk_segment(0, SECTOR);
    }
    status = disk_submit(VPT_BLK_READ, 0, segments, count, NULL);
    free(segments);
    return status;
}

static void check_sizes(const struct size_case *sizes_case, unsigned version)
{
    const struct variant variant = { version, sizes_case->indirect, true };
    struct mock_machine_options options = { .queue_maximum = sizes_case->maximum, .blk = { .seg_max = 65535 } };
    struct vpt_requests_config config = { .requests = sizes_case->requests,
                                           .segments = sizes_case->segments,
                                           .size = sizes_case->size };

    disk_machine(&variant, &options);
    mock_config_set(&disk.machine.device.config, MOCK_BLK_CAPACITY, 8, 1u << 20);
    assert_status(disk_bring_up(&config), VPT_OK);
    cr_assert(disk.machine.device.queues[0].size == sizes_case->ring, "ring of %u, not %u",
              disk.machine.device.queues[0].size, sizes_case->ring);
    assert_status(submit_long((uint16_t)(sizes_case->longest + 1u)), VPT_CALLER_TOO_LONG);
    assert_status(submit_long(sizes_case->longest), VPT_OK);
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    cr_assert(disk_drain() == 1);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);

    assert_status(disk_bring_up(&config), VPT_OK);
    cr_assert(disk_submit_until_full() == sizes_case->in_flight);
    disk_end();
}

VERSION_TEST(blk, queue_sizes_follow_the_configuration_the_device_and_the_features)
{
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        check_sizes(&sizes[i], variant->version);
    }
}

/* More requests than the largest ring holds cost nothing. */
VERSION_TEST(blk, no_memory_is_taken_for_requests_that_no_queue_can_hold)
{
    const struct vpt_requests_config config = { .requests = 65535, .segments = 1 };
    const struct mock_memory *memory = &disk.machine.hal.memory;

    disk_start(variant, NULL, &config);
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
        assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        cr_assert(mock_blk_last(&disk.machine.blk)->segments == longest);
        disk_end();
    }
}

VERSION_TEST(blk, a_ring_too_small_for_a_request_is_reported_and_let_go_of)
{
    for (uint32_t maximum = 1; maximum <= 2; maximum++) {
        const struct mock_machine_options options = { .queue_maximum = maximum };

        disk_init(variant, &options);
        assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_QUEUE_SIZE);
        cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
        cr_assert(!disk.machine.device.queues[0].enabled);
        cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
        cr_assert(disk.machine.device.resets == 1);
        disk.machine.device.queues[0].maximum = 4;
        assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        assert_status(disk_read_sector(9), VPT_OK);
        disk_end();
    }
}

VERSION_TEST(blk, a_caller_size_too_small_for_a_request_is_refused)
{
    for (uint16_t size = 1; size <= 2; size++) {
        const struct vpt_requests_config config = { .size = size };

        disk_init(variant, NULL);
        cr_assert(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, &config) == VPT_DEVICE_QUEUE_SIZE);
        cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
        assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
        disk_end();
    }
}

VERSION_TEST(blk, a_caller_size_that_is_no_power_of_two_is_refused)
{
    static const uint16_t wrong[] = { 3, 48, 255, 32767, 32769, 65535 };

    disk_init(variant, NULL);
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        const struct vpt_requests_config config = { .size = wrong[i] };

        assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, &config), VPT_CALLER_ARGUMENT);
        cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
        cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
    }
    disk_finish();
}

VERSION_TEST(blk, a_queue_that_the_device_lacks_is_reported)
{
    disk_init(variant, NULL);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 1, NULL), VPT_UNSUPPORTED_QUEUE);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
    assert_status(vpt_blk_queue_init(NULL, &disk.blk, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_blk_queue_init(&disk.queue, NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(9), VPT_OK);
    disk_end();
}

/* Also where the device has more queues: without MQ negotiated it need not serve them. */
VERSION_TEST(blk, there_is_one_queue_while_MQ_is_not_negotiated)
{
    const struct mock_machine_options options = { .queues = 3 };

    disk_init(variant, &options);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 2, NULL), VPT_UNSUPPORTED_QUEUE);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(4), VPT_OK);
    disk_end();
}

/* ---- Queues: memory from the port ---- */

Test(blk, port_memory_out_of_reach_of_a_legacy_device_is_reported)
{
    disk_init(&version_1, NULL);
    disk.machine.hal.ignore_limit = true;
    disk.machine.hal.base = UINT64_C(1) << 44;
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_RESOURCE_ADDRESS);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
    disk_finish();
}

VERSION_TEST(blk, a_port_without_memory_is_reported)
{
    disk_init(variant, NULL);
    disk.machine.hal.port.dma_allocate = NULL;
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_UNSUPPORTED_PORT);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    disk_finish();
}

/* Only what the device has to see is asked for as such, and nothing else is given to it: the machine checks. */
VERSION_TEST(blk, the_driver_state_is_asked_for_as_private)
{
    disk_start(variant, NULL, NULL);
    cr_assert(disk.machine.hal.private_allocations == 1);
    disk_end();
}

/* ---- Release ---- */

VERSION_TEST(blk, CLEANUP_2_a_queue_is_released_only_after_a_reset_and_when_it_is_empty)
{
    struct vpt_completion completion;

    disk_start(variant, NULL, NULL);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_CALLER_STATE);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_CALLER_BUSY);
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_CALLER_BUSY);
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_OK);
    assert_status(completion.status, VPT_CANCELLED);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    disk_finish();
}

VERSION_TEST(blk, a_queue_that_was_never_started_is_released_after_a_reset)
{
    disk_init(variant, NULL);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_CALLER_STATE);
    disk_end();
}

/* Another bring-up comes before the release, and fails: the queue still knows whose memory it has. */
VERSION_TEST(blk, a_queue_is_released_after_a_later_init_that_failed)
{
    uint8_t sector[SECTOR];

    disk_start(variant, NULL, NULL);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    vpt_features_add(&disk.machine.device.offered, VPT_BLK_F_BLK_SIZE);
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_DEVICE_CONFIG);
    cr_assert(vpt_blk_read(&disk.queue, 0, sector, sizeof(sector)) != VPT_OK);
    cr_assert(vpt_blk_flush(&disk.queue) != VPT_OK);
    cr_assert(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL) != VPT_OK);
    cr_assert(disk_submit_one(VPT_BLK_READ, 0, 0, 0, NULL) != VPT_OK);
    cr_assert(disk_drain() == 1);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    disk_finish();
}

VERSION_TEST(blk, every_bring_up_after_a_release_works)
{
    const struct mock_machine_options options = { .blk = { .flush = true } };

    disk_machine(variant, &options);
    for (unsigned i = 0; i < 10; i++) {
        assert_status(disk_bring_up(NULL), VPT_OK);
        fill(disk_content(i), SECTOR, i);
        assert_status(disk_read_sector(i), VPT_OK);
        assert_status(vpt_blk_flush(&disk.queue), VPT_OK);
        disk_stop();
        cr_assert(mock_hal_live_allocations(&disk.machine.hal) == 0);
    }
    disk_finish();
}

/* ---- ACCESS_PLATFORM ---- */

VARIANT_TEST(blk, RSVFEAT_3_access_platform_reaches_every_allocation_and_share)
{
    struct mock_machine_options options = { .blk = { .flush = true } };
    char id[VPT_BLK_ID_SIZE + 1u];

    if (variant->version == 1) {
        return; /* not for a legacy interface */
    }
    vpt_features_add(&options.offer, VPT_F_ACCESS_PLATFORM);
    disk_machine(variant, &options);
    disk.machine.hal.access_platform = MOCK_EXPECT_SET;
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(5), VPT_OK);
    assert_status(vpt_blk_write(&disk.queue, 3, disk_content(5), SECTOR), VPT_OK);
    assert_status(vpt_blk_get_id(&disk.queue, id), VPT_OK);
    cr_assert(disk.machine.hal.shares == 3);
    disk_end();
}

Test(blk, RSVFEAT_4_without_access_platform_no_address_is_translated)
{
    struct mock_machine_options options = { .blk = { .flush = true } };
    struct vpt_feature_choice choice = { 0 };

    vpt_features_add(&options.offer, VPT_F_ACCESS_PLATFORM);
    vpt_features_add(&choice.refused, VPT_F_ACCESS_PLATFORM);
    disk_machine(&version_2, &options);
    disk.machine.hal.access_platform = MOCK_EXPECT_CLEAR;
    disk_probe();
    assert_status(vpt_blk_init(&disk.blk, disk.device, &choice), VPT_OK);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(5), VPT_OK);
    disk_end();
}

/* ---- What the kernel requires ---- */

/* A required feature is accepted or the device given up: before FEATURES_OK, so that nothing was promised. */
VERSION_TEST(blk, FEAT_4_a_feature_that_the_kernel_requires_is_accepted_or_the_device_given_up)
{
    static const struct {
        unsigned feature;
        bool offered;
        bool refused;
        bool accepted[2]; /* by the legacy interface, which has 32 features, and by the modern one */
    } cases[] = {
        { VPT_F_ACCESS_PLATFORM, true, false, { false, true } },
        { VPT_F_ACCESS_PLATFORM, false, false, { false, false } },
        { VPT_F_ACCESS_PLATFORM, true, true, { false, false } },
        { VPT_BLK_F_FLUSH, true, false, { true, true } },
        { VPT_BLK_F_FLUSH, true, true, { false, false } },
        { VPT_F_EVENT_IDX, true, false, { true, true } },
        { 15, true, false, { false, false } }, /* LIFETIME: the driver does not know it */
        { VPT_F_RING_RESET, true, false, { false, false } },
        { 127, true, false, { false, false } },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct mock_machine_options options = { 0 };
        struct vpt_feature_choice choice = { 0 };
        bool accepted = cases[i].accepted[variant->version - 1u];

        vpt_features_add(&choice.required, cases[i].feature);
        if (cases[i].refused) {
            vpt_features_add(&choice.refused, cases[i].feature);
        }
        disk_machine(variant, &options);
        disk.machine.hal.access_platform = MOCK_EXPECT_NOTHING;
        if (cases[i].offered && (variant->version == 2 || cases[i].feature < 32)) {
            vpt_features_add(&disk.machine.device.offered, cases[i].feature);
        }
        disk_probe();
        if (accepted) {
            assert_status(vpt_blk_init(&disk.blk, disk.device, &choice), VPT_OK);
            cr_assert(vpt_features_has(&disk.blk.driver.features, cases[i].feature));
            assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
            assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
            assert_status(disk_read_sector(5), VPT_OK);
            disk_end();
        } else {
            assert_status(vpt_blk_init(&disk.blk, disk.device, &choice), VPT_UNSUPPORTED_FEATURE);
            cr_assert(all_zero(&disk.blk, sizeof(disk.blk)), "case %u", i);
            cr_assert((disk.machine.device.status & VPT_STATUS_FAILED) != 0);
            cr_assert((disk.machine.device.status & VPT_STATUS_FEATURES_OK) == 0);
            disk_finish();
        }
    }
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
            segments[k].address = disk_segment(0, SECTOR).address;
        }
        for (unsigned life = 0; life < 2; life++) {
            cr_assert(disk.blk.info.seg_max == (cases[i].seg_max != 0 ? cases[i].seg_max : 1u));
            assert_status(disk_submit(VPT_BLK_READ, 0, segments, cases[i].taken, NULL), VPT_OK);
            assert_status(disk_submit(VPT_BLK_READ, 0, segments, (uint16_t)(cases[i].taken + 1u), NULL),
                          VPT_CALLER_TOO_LONG);
            assert_status(vpt_device_reset(disk.device), VPT_OK);
            cr_assert(disk_drain() == 1);
            assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
        }
        disk_end();
    }
}
