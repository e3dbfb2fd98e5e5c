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

static void refuse(struct vpt_features *refused, unsigned bit)
{
    memset(refused, 0, sizeof(*refused));
    vpt_features_add(refused, bit);
}

/* ---- The write cache ---- */

VERSION_TEST(blk_change, BLK_INIT_2_without_flush_and_cache_mode_the_cache_is_writethrough)
{
    disk_start(variant, NULL, NULL);
    cr_assert(!disk.blk.info.flush && !disk.blk.info.write_back && !disk.blk.info.write_back_switch);
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_blk_set_write_back(&disk.blk, true), VPT_UNSUPPORTED_REQUEST);
    cr_assert(machine.blk->requests == 0 && machine.model->config.writes == 0);
    disk_end();
}

VERSION_TEST(blk_change, BLK_INIT_3_flush_without_cache_mode_means_a_volatile_cache)
{
    const struct mock_machine_options options = { .blk = { .flush = true } };

    disk_start(variant, &options, NULL);
    cr_assert(disk.blk.info.flush && disk.blk.info.write_back && !disk.blk.info.write_back_switch);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_UNSUPPORTED_REQUEST);
    cr_assert(machine.model->config.writes == 0);
    disk_end();
}

/* The machine records a reading that comes too early. */
VERSION_TEST(blk_change, BLK_INIT_4_the_cache_mode_is_what_the_device_says_after_the_negotiation)
{
    for (unsigned on = 0; on < 2; on++) {
        struct mock_machine_options options = switchable;

        options.blk.write_back = on != 0;
        disk_start(variant, &options, NULL);
        cr_assert(disk.blk.info.write_back == (on != 0) && disk.blk.info.write_back_switch && disk.blk.info.flush);
        assert_status(vpt_blk_write(disk.queue, 1, machine_bytes(0), SECTOR), VPT_OK);
        cr_assert(machine.blk->unflushed == on);
        disk_end();
    }
}

VERSION_TEST(blk_change, BLK_OP_12_the_cache_mode_is_switched_and_read_back)
{
    disk_start(variant, &switchable, NULL);
    for (unsigned i = 0; i < 6; i++) {
        bool on = i % 3 == 2;

        assert_status(vpt_blk_set_write_back(&disk.blk, on), VPT_OK);
        cr_assert(writeback() == (on ? 1 : 0) && disk.blk.info.write_back == on);
        cr_assert(machine.model->config.writes == i + 1u);
        machine.blk->unflushed = 0;
        assert_status(vpt_blk_write(disk.queue, 1, machine_bytes(0), SECTOR), VPT_OK);
        cr_assert(machine.blk->unflushed == (on ? 1 : 0));
    }
    disk_end();
}

/* Before the start too. */
VERSION_TEST(blk_change, BLK_OP_12_the_cache_mode_may_be_switched_between_init_and_start)
{
    disk_init(variant, &switchable);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    cr_assert(writeback() == 0);
    machine_finish();
}

VERSION_TEST(blk_change, BLK_OP_13_switching_to_writethrough_leaves_what_was_cached_to_a_flush)
{
    disk_start(variant, &switchable, NULL);
    assert_status(vpt_blk_write(disk.queue, 1, machine_bytes(0), SECTOR), VPT_OK);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    cr_assert(machine.blk->unflushed == 1 && machine.blk->requests == 1);
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    cr_assert(machine.blk->unflushed == 0 && machine.blk->flushes == 1);
    disk_end();
}

VERSION_TEST(blk_change, BLK_OP_12_a_device_that_does_not_take_the_cache_mode_is_reported)
{
    for (unsigned on = 0; on < 2; on++) {
        disk_start(variant, &switchable, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 1,
                       MOCK_CONFIG_VALUE(MOCK_BLK_WRITEBACK, on != 0 ? 0 : 1));
        assert_status(vpt_blk_set_write_back(&disk.blk, on != 0), VPT_DEVICE_CONFIG);
        cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE) == 1);
        cr_assert(disk.blk.info.write_back == (on == 0));
        assert_status(vpt_blk_set_write_back(&disk.blk, on != 0), VPT_OK);
        cr_assert(disk.blk.info.write_back == (on != 0));
        disk_end();
    }
}

/* Any value but 0 is taken for a cache: the mode in which nothing is lost by a flush. */
VERSION_TEST(blk_change, an_unknown_cache_mode_is_taken_for_a_volatile_cache)
{
    disk_machine(variant, &switchable);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 0, MOCK_CONFIG_VALUE(MOCK_BLK_WRITEBACK, 0x80));
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(disk.blk.info.write_back);
    disk_end();
}

/* A modern device turns its cache off where nobody could flush it; a legacy one leaves it as it is. */
VERSION_TEST(blk_change, LEG_BLKINIT_4_a_cache_that_cannot_be_flushed_is_told_and_can_be_turned_off)
{
    struct vpt_feature_choice choice = { 0 };
    bool on = variant->version == 1;

    refuse(&choice.refused, VPT_BLK_F_FLUSH);
    disk_machine(variant, &switchable);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, &choice), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    cr_assert(!disk.blk.info.flush && disk.blk.info.write_back == on && disk.blk.info.write_back_switch);
    assert_status(vpt_blk_flush(disk.queue), on ? VPT_UNSUPPORTED_REQUEST : VPT_OK);
    assert_status(vpt_blk_set_write_back(&disk.blk, true), VPT_UNSUPPORTED_REQUEST);
    cr_assert(writeback() == (on ? 1 : 0) && machine.model->config.writes == 0);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    cr_assert(writeback() == 0 && !disk.blk.info.write_back);
    assert_status(vpt_blk_flush(disk.queue), VPT_OK);
    cr_assert(machine.blk->requests == 0);
    disk_end();
}

static enum vpt_status turn_off(struct vpt_blk *blk)
{
    return vpt_blk_set_write_back(blk, false);
}

/* What both calls say of a device that is not there to be asked. */
static void check_states(const struct variant *variant, enum vpt_status (*call)(struct vpt_blk *blk))
{
    struct vpt_blk blank;
    struct vpt_blk_info before;

    memset(&blank, 0, sizeof(blank));
    assert_status(call(NULL), VPT_CALLER_ARGUMENT);
    assert_status(call(&blank), VPT_CALLER_ARGUMENT);
    disk_start(variant, &switchable, NULL);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(call(&disk.blk), VPT_CALLER_STATE);
    disk_stop();
    assert_status(disk_bring_up(NULL), VPT_OK);
    vpt_device_fail(machine.device);
    assert_status(call(&disk.blk), VPT_CALLER_STATE);
    disk_stop();
    assert_status(disk_bring_up(NULL), VPT_OK);
    before = disk.blk.info;
    mock_device_needs_reset(machine.model);
    assert_status(call(&disk.blk), VPT_DEVICE_NEEDS_RESET);
    cr_assert(memcmp(&disk.blk.info, &before, sizeof(before)) == 0);
    disk_stop();
    assert_status(disk_bring_up(NULL), VPT_OK);
    before = disk.blk.info;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 2, 1, 0);
    assert_status(call(&disk.blk), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(machine.device));
    cr_assert(memcmp(&disk.blk.info, &before, sizeof(before)) == 0);
    assert_status(call(&disk.blk), VPT_DEVICE_GONE);
    (void)disk_drain();
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    machine_finish();
}

VERSION_TEST(blk_change, STATUS_3_the_cache_mode_of_a_device_that_does_not_run_is_left_alone)
{
    check_states(variant, turn_off);
}

/* ---- The capacity ---- */

static const struct mock_machine_options by_run = { .completion = { .mode = MOCK_COMPLETE_BY_RUN } };

/* A disk of 2048 sectors that starts with another capacity. */
static void start_with(const struct variant *variant, const struct mock_machine_options *options, uint64_t capacity)
{
    disk_machine(variant, options);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, capacity);
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(disk.blk.info.capacity == capacity);
}

VERSION_TEST(blk_change, BLK_OP_1_a_disk_that_has_grown_is_used_to_its_new_end)
{
    uint8_t sector[SECTOR] = { 0 };

    start_with(variant, NULL, 1000);
    cr_assert(vpt_device_interrupt(machine.device) == 0);
    mock_blk_resize(machine.blk, 2048);
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
    assert_status(disk_submit_one(VPT_BLK_READ, 1000, 0, SECTOR, NULL), VPT_CALLER_RANGE);
    assert_status(vpt_blk_read(disk.queue, 2047, sector, SECTOR), VPT_CALLER_RANGE);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    cr_assert(disk.blk.info.capacity == 2048);
    assert_status(disk_read_sector(2047), VPT_OK);
    assert_status(disk_submit_one(VPT_BLK_READ, 2047, 0, 2 * SECTOR, NULL), VPT_CALLER_RANGE);
    assert_status(disk_submit_one(VPT_BLK_READ, 1000, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    assert_status(disk_poll_one(NULL), VPT_OK);
    disk_end();
}

/* The rest of the information is what it was. */
VERSION_TEST(blk_change, BLK_OP_1_a_refresh_of_what_has_not_changed_changes_nothing)
{
    struct vpt_blk before;

    disk_start(variant, &switchable, NULL);
    before = disk.blk;
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
        cr_assert(memcmp(&disk.blk, &before, sizeof(before)) == 0);
    }
    disk_end();
}

VERSION_TEST(blk_change, BLK_OP_1_a_disk_that_has_shrunk_is_used_no_further)
{
    start_with(variant, NULL, 2048);
    mock_blk_resize(machine.blk, 100);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    assert_status(disk_submit_one(VPT_BLK_READ, 100, 0, SECTOR, NULL), VPT_CALLER_RANGE);
    assert_status(disk_submit_one(VPT_BLK_WRITE, 99, 0, 2 * SECTOR, NULL), VPT_CALLER_RANGE);
    assert_status(disk_read_sector(100), VPT_CALLER_RANGE);
    cr_assert(machine.blk->requests == 0);
    assert_status(disk_read_sector(99), VPT_OK);
    disk_end();
}

/* What is in flight comes back as the device says, whether or not the driver knows of the new capacity. */
VERSION_TEST(blk_change, BLK_OP_1_requests_in_flight_survive_that_the_disk_shrinks)
{
    unsigned back[20] = { 0 };
    unsigned failed = 0;

    start_with(variant, &by_run, 2048);
    for (unsigned i = 0; i < 20; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, i * 100, i * SECTOR, SECTOR, &back[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    mock_blk_resize(machine.blk, 1000);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    cr_assert(mock_device_run(machine.model, UINT32_MAX) == 20);
    for (unsigned i = 0; i < 20; i++) {
        void *token = NULL;
        enum vpt_status status = disk_poll_one(&token);

        cr_assert(status == (token < (void *)&back[10] ? VPT_OK : VPT_DEVICE_IO_ERROR));
        failed += status != VPT_OK ? 1u : 0u;
        ++*(unsigned *)token;
    }
    cr_assert(failed == 10);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert(back[i] == 1);
    }
    cr_assert(vpt_queue_status(&disk.queue->requests.queue) == VPT_OK);
    disk_end();
}

VERSION_TEST(blk_change, CONFIG_1_a_capacity_that_changes_while_it_is_refreshed_is_not_torn)
{
    for (uint32_t first = 1; first <= 4; first++) {
        for (uint32_t times = 1; times <= 4; times++) {
            uint64_t capacity;

            disk_start(variant, NULL, NULL);
            mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, first, times, 0);
            assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
            capacity = disk.blk.info.capacity;
            cr_assert(capacity == 2048 || capacity >> 32 == (capacity & 0xffffffffu), "torn: 0x%llx",
                      (unsigned long long)capacity);
            cr_assert(first > 1 || capacity != 2048);
            disk_end();
        }
    }
}

VERSION_TEST(blk_change, LEG_CONFIG_1_a_capacity_that_never_settles_stays_as_it_was)
{
    disk_start(variant, NULL, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_CONFIG_UNSTABLE);
    cr_assert(disk.blk.info.capacity == 2048);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    cr_assert(disk.blk.info.capacity > 2048);
    disk_end();
}

VERSION_TEST(blk_change, STATUS_4_a_device_that_does_not_run_is_not_refreshed)
{
    check_states(variant, vpt_blk_refresh);
}

/* ---- A configuration that is too short ---- */

#define ALWAYS 0xffu /* no feature */

/* Where the fields of a feature end. */
static const struct {
    unsigned feature;
    unsigned end;
} ends[] = {
    { ALWAYS, 8 }, /* the capacity */
    { VPT_BLK_F_SIZE_MAX, 12 },
    { VPT_BLK_F_SEG_MAX, 16 },
    { VPT_BLK_F_GEOMETRY, 20 },
    { VPT_BLK_F_BLK_SIZE, 24 },
    { VPT_BLK_F_TOPOLOGY, 32 },
    { VPT_BLK_F_CONFIG_WCE, 33 },
    { VPT_BLK_F_MQ, 36 },
    { F_ZONED, 93 },
};

/* All fields hold something that is possible. */
static void short_machine(const struct variant *variant, unsigned feature, unsigned size)
{
    const struct mock_machine_options options = { .blk = { .block_size = 512, .size_max = 4096, .seg_max = 4 } };

    disk_machine(variant, &options);
    for (unsigned bit = 0; bit < VPT_F_NOTIFY_ON_EMPTY; bit++) {
        vpt_features_remove(&machine.model->offered, bit);
    }
    vpt_features_add(&machine.model->offered, feature);
    machine.on_mmio.size = VPT_MMIO_REGISTERS_SIZE + size;
    assert_status(machine_probe(), VPT_OK);
}

VERSION_TEST(blk_change, CONFIG_4_a_field_that_is_offered_and_lies_outside_is_the_mistake_of_the_device)
{
    for (unsigned i = 0; i < COUNT_OF(ends); i++) {
        bool read = ends[i].feature != F_ZONED || variant->version == 2;

        short_machine(variant, ends[i].feature, ends[i].end - 1);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), read ? VPT_DEVICE_CONFIG : VPT_OK);
        if (read) {
            cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
            cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
        }
        machine_finish();
        short_machine(variant, ends[i].feature, ends[i].end);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        machine_finish();
    }
}

/* On PCI the structure of the device configuration is optional. */
Test(blk_change, D_PCI_5_a_disk_without_any_configuration_is_refused)
{
    struct mock_pci_layout layout = mock_pci_usual_layout;
    struct mock_pci_machine_options options = { .layout = &layout };

    for (unsigned i = 0; i < layout.count; i++) {
        if (layout.capability[i].type == MOCK_PCI_DEVICE) {
            layout.capability[i] = layout.capability[--layout.count];
        }
    }
    cr_assert(layout.count == mock_pci_usual_layout.count - 1u);
    disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_DEVICE_CONFIG);
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
    cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
    disk_stop();
    machine_finish();
}

/* ---- Zones ---- */

static const struct mock_machine_options host_managed = {
    .blk = { .zoned = true, .zone_model = MOCK_BLK_ZONES_HOST_MANAGED, .discard = { 8, 1, 1 } },
};

static void check_not_started(void)
{
    cr_assert(all_zero(&disk.blk, sizeof(disk.blk)));
    cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
    cr_assert((machine.model->status & VPT_STATUS_DRIVER_OK) == 0);
    cr_assert(!vpt_features_has(&machine.model->accepted, F_ZONED));
    cr_assert(vpt_features_has(&machine.model->offered, VPT_BLK_F_DISCARD));
    cr_assert(!vpt_features_has(&machine.model->accepted, VPT_BLK_F_DISCARD));
}

/* Whether or not the device itself would refuse: FEATURES_OK is not set, and so nothing is accepted. */
Test(blk_change, BLK_INIT_6_BLK_INIT_8_a_host_managed_disk_is_given_up_before_its_features_are_accepted)
{
    for (unsigned refuses = 0; refuses < 2; refuses++) {
        disk_machine(&version_2, &host_managed);
        if (refuses == 0) {
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_FEATURES_REFUSED);
        }
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_UNSUPPORTED_DEVICE);
        check_not_started();
        cr_assert((machine.model->status & VPT_STATUS_FEATURES_OK) == 0);
        machine_finish();
    }
}

/* What else the zone fields hold is not looked at (BLK-INIT-10): the number of readings is that of one field more. */
Test(blk_change, BLK_INIT_9_a_host_aware_disk_is_an_ordinary_one)
{
    static const uint8_t models[] = { MOCK_BLK_ZONES_NONE, MOCK_BLK_ZONES_HOST_AWARE };
    uint64_t reads;

    disk_init(&version_2, NULL);
    reads = machine.model->config.reads;
    machine_finish();
    for (unsigned i = 0; i < COUNT_OF(models); i++) {
        const struct mock_machine_options options = { .blk = { .zoned = true, .zone_model = models[i] } };

        disk_machine(&version_2, &options);
        mock_config_set(&machine.model->config, MOCK_BLK_ZONED, 4, 1);
        memset(machine.model->config.changed, 0, sizeof(machine.model->config.changed));
        assert_status(disk_bring_up(NULL), VPT_OK);
        cr_assert(!vpt_features_has(&machine.model->accepted, F_ZONED));
        cr_assert(machine.model->config.reads == reads + 1);
        assert_status(vpt_blk_write(disk.queue, 77, machine_bytes(0), SECTOR), VPT_OK);
        assert_status(disk_read_sector(77), VPT_OK);
        disk_end();
    }
}

/* There the bit means nothing: no legacy device has zones. */
Test(blk_change, BLK_INIT_8_zones_are_not_looked_for_on_a_legacy_interface)
{
    disk_start(&version_1, &host_managed, NULL);
    assert_status(disk_read_sector(3), VPT_OK);
    disk_end();
}
