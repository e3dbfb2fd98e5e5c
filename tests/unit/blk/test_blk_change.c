/* SPDX-License-Identifier: MIT */
/* The write cache, a capacity that changes, a configuration that is too short, and disks with zones. */
#include "disk.h"

#include <string.h>

TestSuite(blk_change, .timeout = 60);

#define F_ZONED 17u

static const struct mock_machine_options switchable = {
    .blk = { .flush = true, .cache_switch = true, .write_back = true },
};

static uint64_t writeback(void)
{
    return mock_config_get(&machine.model->config, MOCK_BLK_WRITEBACK, 1);
}

/* ---- The write cache ---- */

/* Any value but 0 is taken for a cache, in which a flush loses nothing. The byte of the bool is 1 then. */
static const struct {
    const char *what;
    bool flush;
    bool cache_switch;
    uint8_t byte; /* what the device says */
    bool write_back;
} caches[] = {
    { "no FLUSH, no mode", false, false, 0, false }, { "FLUSH, no mode", true, false, 0, true },
    { "a mode of 0", true, true, 0, false },         { "a mode of 1", true, true, 1, true },
    { "a mode of 2", true, true, 2, true },          { "a mode of 0x80", true, true, 0x80, true },
};

VERSION_TEST(blk_change, BLK_INIT_1_BLK_INIT_2_BLK_INIT_3_BLK_INIT_4_the_cache_is_what_the_features_and_the_mode_say)
{
    for (unsigned i = 0; i < COUNT_OF(caches); i++) {
        const struct mock_machine_options options = { .blk = { .flush = caches[i].flush,
                                                               .cache_switch = caches[i].cache_switch } };
        enum vpt_status switched = caches[i].cache_switch ? VPT_OK : VPT_UNSUPPORTED_REQUEST;
        const char *what = caches[i].what;
        uint8_t byte;

        disk_machine(variant, &options);
        mock_config_set(&machine.model->config, MOCK_BLK_WRITEBACK, 1, caches[i].byte);
        assert_status(disk_bring_up(NULL), VPT_OK);
        mock_config_set(&machine.model->config, MOCK_BLK_WRITEBACK, 1, caches[i].byte != 0); /* what the mock knows */
        memcpy(&byte, &disk.blk.info.write_back, 1);
        assert_same_of(what, byte, caches[i].write_back ? 1 : 0);
        assert_same_of(what, disk.blk.info.flush, caches[i].flush);
        assert_same_of(what, disk.blk.info.write_back_switch, caches[i].cache_switch);
        assert_status(disk_write_sector(1, 1), VPT_OK);
        assert_same_of(what, machine.blk->unflushed, caches[i].write_back);
        assert_status_of(what, vpt_blk_flush(disk.queue), VPT_OK);
        assert_same_of(what, machine.blk->flushes, caches[i].flush);
        assert_status_of(what, vpt_blk_set_write_back(&disk.blk, false), switched);
        assert_status_of(what, vpt_blk_set_write_back(&disk.blk, true), switched);
        assert_same_of(what, machine.model->config.writes, caches[i].cache_switch ? 2 : 0);
        disk_end();
    }
}

VERSION_TEST(blk_change, BLK_OP_12_BLK_OP_13_a_switch_to_writethrough_leaves_what_was_cached_to_a_flush)
{
    disk_init(variant, &switchable);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    disk_work();
    for (unsigned i = 0; i < 6; i++) {
        bool on = i % 3 == 2;

        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 1,
                       MOCK_CONFIG_VALUE(MOCK_BLK_WRITEBACK, !on));
        assert_status(vpt_blk_set_write_back(&disk.blk, on), VPT_DEVICE_CONFIG); /* the device does not take it */
        assert_same(disk.blk.info.write_back, !on);
        assert_status(vpt_blk_set_write_back(&disk.blk, on), VPT_OK);
        assert_same(writeback(), on);
        assert_same(disk.blk.info.write_back, on);
        assert_same(machine.model->config.writes, 2 * i + 3u);
        machine.blk->unflushed = 0;
        assert_status(disk_write_sector(1, i), VPT_OK);
        assert_same(machine.blk->unflushed, on);
    }
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    cr_assert(machine.blk->unflushed == 1 && machine.blk->flushes == 0);
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    cr_assert(machine.blk->unflushed == 0 && machine.blk->flushes == 1);
    disk_end();
}

/* A modern device turns its cache off where nobody could flush it; a legacy one leaves it as it is. */
VERSION_TEST(blk_change, LEG_BLKINIT_4_a_cache_that_cannot_be_flushed_is_told_and_can_be_turned_off)
{
    const struct vpt_feature_choice choice = { .refused = { { 1u << VPT_BLK_F_FLUSH } } };
    bool on = variant->version == 1;

    disk_machine(variant, &switchable);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, &choice), VPT_OK);
    disk_work();
    cr_assert(!disk.blk.info.flush && disk.blk.info.write_back == on && disk.blk.info.write_back_switch);
    assert_status(vpt_blk_flush(disk.queue), on ? VPT_UNSUPPORTED_REQUEST : VPT_OK);
    assert_status(vpt_blk_set_write_back(&disk.blk, true), VPT_UNSUPPORTED_REQUEST);
    cr_assert(writeback() == (on ? 1 : 0) && machine.model->config.writes == 0);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    cr_assert(writeback() == 0 && !disk.blk.info.write_back);
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    assert_same(machine.blk->flushes, 0);
    disk_end();
}

/* ---- Devices that are not there to be asked ---- */

static enum vpt_status ask(unsigned call, struct vpt_blk *blk)
{
    return call == 0 ? vpt_blk_set_write_back(blk, false) : vpt_blk_refresh(blk);
}

static void befall(enum vpt_status what)
{
    switch (what) {
    case VPT_CALLER_STATE: vpt_device_fail(machine.device); break;
    case VPT_DEVICE_NEEDS_RESET: mock_device_needs_reset(machine.model); break;
    case VPT_DEVICE_GONE: mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 2, 1, 0); break;
    default: assert_status(vpt_device_reset(machine.device), VPT_OK); break;
    }
}

VERSION_TEST(blk_change, STATUS_3_STATUS_4_a_device_that_does_not_run_is_neither_switched_nor_refreshed)
{
    static const enum vpt_status states[] = { VPT_OK, VPT_CALLER_STATE, VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE };
    struct vpt_blk blank;

    memset(&blank, 0, sizeof(blank));
    for (unsigned n = 0; n < 2 * COUNT_OF(states); n++) {
        enum vpt_status state = states[n / 2];
        struct vpt_blk_info before;

        assert_status(ask(n % 2, NULL), VPT_CALLER_ARGUMENT);
        assert_status(ask(n % 2, &blank), VPT_CALLER_ARGUMENT);
        disk_start(variant, &switchable, NULL);
        before = disk.blk.info;
        befall(state);
        for (unsigned twice = 0; twice < 2; twice++) {
            assert_status(ask(n % 2, &disk.blk), state == VPT_OK ? VPT_CALLER_STATE : state);
            cr_assert(memcmp(&disk.blk.info, &before, sizeof(before)) == 0);
        }
        if (state == VPT_DEVICE_GONE) {
            cr_assert(vpt_device_gone(machine.device));
            disk_release();
            machine_finish();
        } else {
            disk_end();
        }
    }
}

/* ---- The capacity ---- */

static void submit_and_refuse(enum vpt_blk_operation operation, uint64_t sector, uint32_t sectors)
{
    assert_status(disk_submit_one(operation, sector, 0, sectors * SECTOR, NULL), VPT_CALLER_RANGE);
}

VERSION_TEST(blk_change, BLK_OP_1_a_disk_that_grows_and_shrinks_is_used_to_its_new_end_after_a_refresh)
{
    disk_machine(variant, NULL);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, 1000);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_same(disk.blk.info.capacity, 1000);
    assert_same(vpt_device_interrupt(machine.device), 0);
    mock_blk_resize(machine.blk, 2048);
    assert_same(vpt_device_interrupt(machine.device), VPT_INTERRUPT_CONFIGURATION);
    submit_and_refuse(VPT_BLK_READ, 1000, 1);
    assert_status(disk_read_sector(2047), VPT_CALLER_RANGE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    assert_same(disk.blk.info.capacity, 2048);
    assert_status(disk_read_sector(2047), VPT_OK);
    submit_and_refuse(VPT_BLK_READ, 2047, 2);
    assert_status(disk_complete_one(VPT_BLK_READ, 1000, 0, SECTOR), VPT_OK);
    mock_blk_resize(machine.blk, 100);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    submit_and_refuse(VPT_BLK_READ, 100, 1);
    submit_and_refuse(VPT_BLK_WRITE, 99, 2);
    assert_status(disk_read_sector(100), VPT_CALLER_RANGE);
    assert_same(machine.blk->requests, 2);
    assert_status(disk_read_sector(99), VPT_OK);
    disk_end();
}

VERSION_TEST(blk_change, CONFIG_1_LEG_CONFIG_1_a_refresh_changes_the_capacity_alone_if_that_settles)
{
    struct vpt_blk before;

    disk_start(variant, &switchable, NULL);
    before = disk.blk;
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    cr_assert(memcmp(&disk.blk, &before, sizeof(before)) == 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_CONFIG_UNSTABLE);
    cr_assert(memcmp(&disk.blk, &before, sizeof(before)) == 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 2, 0);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    cr_assert(disk.blk.info.capacity > 2048);
    assert_same(disk.blk.info.capacity >> 32, disk.blk.info.capacity & 0xffffffffu); /* it is not torn */
    before.info.capacity = disk.blk.info.capacity;
    cr_assert(memcmp(&disk.blk, &before, sizeof(before)) == 0);
    disk_end();
}

/* ---- A configuration that is too short ---- */

/* Where the fields of a feature end; 0xff: no feature. The last ones are read by vpt_blk_ranges_init(). */
static const struct {
    const char *what;
    unsigned feature;
    unsigned end;
    bool ranges;
} ends[] = {
    { "capacity", 0xff, 8, false },
    { "size_max", VPT_BLK_F_SIZE_MAX, 12, false },
    { "seg_max", VPT_BLK_F_SEG_MAX, 16, false },
    { "geometry", VPT_BLK_F_GEOMETRY, 20, false },
    { "blk_size", VPT_BLK_F_BLK_SIZE, 24, false },
    { "topology", VPT_BLK_F_TOPOLOGY, 32, false },
    { "writeback", VPT_BLK_F_CONFIG_WCE, 33, false },
    { "num_queues", VPT_BLK_F_MQ, 36, false },
    { "zoned", F_ZONED, 93, false },
    { "discard", VPT_BLK_F_DISCARD, 48, true },
    { "write zeroes", VPT_BLK_F_WRITE_ZEROES, 57, true },
    { "secure erase", VPT_BLK_F_SECURE_ERASE, 72, true },
};

/* Given up, and all that is left of it is the device's FAILED. */
static void init_fails(const char *row, enum vpt_status expected)
{
    assert_status_of(row, vpt_blk_init(&disk.blk, machine.device, NULL), expected);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)), "%s", row);
    assert_same_of(row, machine.model->status & (VPT_STATUS_FAILED | VPT_STATUS_DRIVER_OK), VPT_STATUS_FAILED);
}

VERSION_TEST(blk_change, CONFIG_4_a_field_that_is_offered_and_lies_outside_is_the_mistake_of_the_device)
{
    const struct mock_machine_options options = { .blk = { .block_size = 512, .size_max = 4096, .seg_max = 4 } };

    for (unsigned n = 0; n < 2 * COUNT_OF(ends); n++) {
        const char *what = ends[n / 2].what;
        bool missing = n % 2 == 1 && (ends[n / 2].feature != F_ZONED || variant->version == 2);
        struct vpt_blk before;

        disk_machine(variant, &options);
        for (unsigned bit = 0; bit < VPT_F_NOTIFY_ON_EMPTY; bit++) {
            vpt_features_remove(&machine.model->offered, bit);
        }
        vpt_features_add(&machine.model->offered, ends[n / 2].feature);
        machine.on_mmio.size = VPT_MMIO_REGISTERS_SIZE + ends[n / 2].end - n % 2;
        assert_status(machine_probe(), VPT_OK);
        if (missing && !ends[n / 2].ranges) {
            init_fails(what, VPT_DEVICE_CONFIG);
            machine_finish();
            continue;
        }
        assert_status_of(what, vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        before = disk.blk;
        assert_status_of(what, vpt_blk_ranges_init(&disk.blk, 4), missing ? VPT_DEVICE_CONFIG : VPT_OK);
        cr_assert(!missing || memcmp(&disk.blk, &before, sizeof(before)) == 0, "%s", what);
        disk_work_and_end(); /* without ranges */
    }
}

/* ---- Zones ---- */

static const struct mock_machine_options host_managed = {
    .blk = { .zoned = true, .zone_model = MOCK_BLK_ZONES_HOST_MANAGED, .discard = { 8, 1, 1 } },
};

/* Whether or not the device itself would refuse: FEATURES_OK is not set, and so nothing is accepted. */
Test(blk_change, BLK_INIT_6_BLK_INIT_8_a_host_managed_disk_is_given_up_before_its_features_are_accepted)
{
    for (unsigned refuses = 0; refuses < 2; refuses++) {
        disk_machine(&version_2, &host_managed);
        if (refuses == 0) {
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_FEATURES_REFUSED);
        }
        assert_status(machine_probe(), VPT_OK);
        init_fails("host-managed", VPT_UNSUPPORTED_DEVICE);
        assert_same(machine.model->status & VPT_STATUS_FEATURES_OK, 0);
        cr_assert(!vpt_features_has(&machine.model->accepted, F_ZONED));
        cr_assert(vpt_features_has(&machine.model->offered, VPT_BLK_F_DISCARD));
        cr_assert(!vpt_features_has(&machine.model->accepted, VPT_BLK_F_DISCARD));
        machine_finish();
    }
}
