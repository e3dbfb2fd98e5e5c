/* SPDX-License-Identifier: MIT */
/* Bring-up again on the objects and the memory of the life before: after a failure, and when a machine wakes up. */
#include "disk.h"

#include <string.h>

#include "recovery_page.h"

TestSuite(restart, .timeout = 60);

static void reset(void)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(pair_poll(), VPT_EMPTY);
}

TRANSPORT_TEST(restart, states_in_which_a_queue_cannot_be_restarted)
{
    struct {
        struct vpt_driver driver;
        struct vpt_requests requests;
    } unused;

    pair_start(variant->kind, NULL);
    assert_status(vpt_queue_restart(&disk.queue[0].requests.queue), VPT_CALLER_STATE); /* still the device's */
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(0, 4);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_CALLER_BUSY);
    assert_status(vpt_queue_restart(&disk.queue[0].requests.queue), VPT_CALLER_BUSY);
    assert_status(pair_poll(), VPT_EMPTY);
    assert_status(vpt_queue_restart(&disk.queue[0].requests.queue), VPT_CALLER_STATE); /* not negotiated */
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    assert_status(vpt_queue_restart(&disk.queue[0].requests.queue), VPT_CALLER_STATE); /* it is already */
    memset(&unused, 0, sizeof(unused));
    assert_status(vpt_queue_restart(&unused.requests.queue), VPT_CALLER_STATE);
    assert_status(vpt_driver_restart(&unused.driver, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_restart(NULL, NULL), VPT_CALLER_ARGUMENT);
    disk_end();
}

/* ---- What may have changed meanwhile ---- */

TRANSPORT_TEST(restart, what_the_device_says_of_itself_is_read_again)
{
    struct mock_blk *blk;

    pair_start(variant->kind, NULL);
    blk = machine.blk;
    cr_assert(disk.blk.info.capacity == 64);
    mock_blk_resize(blk, 96);
    reset();
    cr_assert(disk.blk.info.capacity == 64);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    cr_assert(disk.blk.info.capacity == 96);
    pair_assert_works(4);
    disk_end();
}

TRANSPORT_TEST(restart, a_device_that_lost_a_feature_is_given_up_and_may_be_tried_again)
{
    pair_start(variant->kind, NULL);
    reset();
    machine_offer(VPT_BLK_F_FLUSH, false);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_UNSUPPORTED_FEATURE);
    cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
    cr_assert(disk.blk.info.flush && disk.blk.info.capacity == 64);
    machine_offer(VPT_BLK_F_FLUSH, true);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(9);
    disk_end();
}

/* A feature that the first life did without is not taken up by the next: its memory was not made for it. */
TRANSPORT_TEST(restart, a_device_that_got_a_feature_more_is_used_as_before)
{
    struct vpt_features before;

    pair_machine(variant->kind, NULL);
    machine_offer(VPT_F_EVENT_IDX, false);
    machine_offer(VPT_F_INDIRECT_DESC, false);
    assert_status(disk_bring_up(NULL), VPT_OK);
    before = machine.device->features;
    reset();
    machine_offer(VPT_F_EVENT_IDX, true);
    machine_offer(VPT_F_INDIRECT_DESC, true);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    cr_assert(memcmp(&before, &machine.device->features, sizeof(before)) == 0);
    pair_assert_works(10);
    disk_end();
}

/* Memory that the device reaches by one way is of no use to it by the other. */
Test(restart, RSVFEAT_3_memory_for_translated_accesses_is_not_used_for_others)
{
    struct vpt_features offer = { { 0 } };
    struct vpt_features none = { { 0 } };

    vpt_features_add(&offer, VPT_F_ACCESS_PLATFORM);
    vpt_features_add(&none, VPT_F_ACCESS_PLATFORM);
    pair_start(MACHINE_MMIO_2, &offer);
    reset();
    assert_status(vpt_device_negotiate(machine.device, NULL, &disk.blk.driver.features, &none), VPT_OK);
    assert_status(vpt_queue_restart(&disk.queue[0].requests.queue), VPT_DEVICE_FEATURES);
    reset();
    disk_release();
    machine_finish();
}

TRANSPORT_TEST(restart, the_cache_stays_in_the_mode_that_it_was_set_to)
{
    pair_machine(variant->kind, NULL);
    machine_offer(VPT_BLK_F_CONFIG_WCE, true);
    mock_config_set(&machine.model->config, MOCK_BLK_WRITEBACK, 1, 1);
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(disk.blk.info.write_back && disk.blk.info.write_back_switch);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    reset();
    mock_config_set(&machine.model->config, MOCK_BLK_WRITEBACK, 1, 1);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    cr_assert(!disk.blk.info.write_back);
    cr_assert(mock_config_get(&machine.model->config, MOCK_BLK_WRITEBACK, 1) == 0);
    disk_end();
}

/* A cache that cannot be flushed is nobody's wish: a device that had one by mistake is served all the same. */
TRANSPORT_TEST(restart, a_cache_without_flushes_is_not_turned_on_again)
{
    bool legacy = variant->kind == MACHINE_MMIO_1 || variant->kind == MACHINE_PCI_LEGACY;

    pair_machine(variant->kind, NULL);
    machine_offer(VPT_BLK_F_CONFIG_WCE, true);
    machine_offer(VPT_BLK_F_FLUSH, false);
    /* A legacy configuration is read until two passes agree. */
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, legacy ? 2 : 1,
                   MOCK_CONFIG_VALUE(MOCK_BLK_WRITEBACK, 1));
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(disk.blk.info.write_back && !disk.blk.info.flush, "%d %d", disk.blk.info.write_back, disk.blk.info.flush);
    reset();
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    cr_assert(!disk.blk.info.write_back);
    disk_end();
}

TRANSPORT_TEST(restart, a_queue_that_the_device_has_no_more_is_not_restarted)
{
    pair_start(variant->kind, NULL);
    reset();
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, 1);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_UNSUPPORTED_QUEUE);
    cr_assert(disk.blk.info.queues == DISK_QUEUES);
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, DISK_QUEUES);
    reset();
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(15);
    disk_end();
}

/* ---- The code of docs/recovery.md ---- */

static void note(void *ctx, const struct vpt_completion *completion)
{
    ptrdiff_t request = (unsigned *)completion->token - disk.back;

    cr_assert(ctx == &disk && request >= 0 && request < (ptrdiff_t)PAIR_REQUESTS);
    disk.back[request]++;
    disk.status[request] = completion->status;
}

TRANSPORT_TEST(restart, the_recovery_page_survives_sleep_failure_and_silence)
{
    uint64_t flushes;
    struct mock_blk *blk;

    pair_start(variant->kind, NULL);
    blk = machine.blk;
    flushes = blk->flushes;
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    machine.model->completion.delay = 5;
    pair_submit(0, 16);
    assert_status(prepare_for_sleep(&disk.blk, disk.queue, DISK_QUEUES, note, &disk), VPT_OK);
    pair_assert_back(0, 16, VPT_OK);
    cr_assert(blk->flushes == flushes + 1 && machine.model->status == 0);
    assert_status(recover(&disk.blk, disk.queue, DISK_QUEUES, note, &disk), VPT_OK);
    pair_assert_back(0, 16, VPT_OK);
    pair_assert_works(40);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned fails = 0; fails < 2; fails++) {
        pair_forget();
        pair_submit(0, 16);
        if (fails == 1) {
            mock_device_needs_reset(machine.model);
        }
        assert_status(recover(&disk.blk, disk.queue, DISK_QUEUES, note, &disk), VPT_OK);
        pair_assert_back(0, 16, VPT_CANCELLED);
        pair_assert_works(50 + fails);
    }
    disk_end();
}

TRANSPORT_TEST(restart, the_recovery_page_ends_with_a_device_that_is_gone)
{
    pair_start(variant->kind, NULL);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(0, 16);
    machine_pull_out();
    assert_status(recover(&disk.blk, disk.queue, DISK_QUEUES, note, &disk), VPT_DEVICE_GONE);
    pair_assert_back(0, 16, VPT_DEVICE_GONE);
    disk_release();
    machine_plug_in();
    machine_finish();
}

/* ---- A device that fails meanwhile ---- */

TRANSPORT_TEST(restart, a_device_that_vanishes_during_a_restart_is_given_up)
{
    for (uint32_t access = 1; access < 200; access++) {
        enum vpt_status status;

        pair_start(variant->kind, NULL);
        reset();
        mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, access, 0, 0);
        status = vpt_driver_restart(&disk.blk.driver, NULL);
        if (status == VPT_OK && !machine.model->vanished) {
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_VANISH);
            cr_assert(access > 20);
            disk_end();
            return;
        }
        cr_assert(status == VPT_DEVICE_GONE || status == VPT_OK, "%s", vpt_status_str(status));
        assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
        disk_release();
        machine_plug_in();
        machine_finish();
    }
    cr_assert_fail("a restart of 200 accesses");
}

/* ---- A function that has lost its registers ---- */

static const struct machine_variant pci_kinds[] = { { MACHINE_PCI_LEGACY }, { MACHINE_PCI_MODERN } };

static struct vpt_pci_bars bars;
static uint32_t registers_before[VPT_PCI_BARS_MAX];

static uint32_t register_of(unsigned bar)
{
    uint32_t value = 0;

    assert_status(vpt_pci_read(&machine.on_pci.address, (uint16_t)(0x10u + 4u * bar), 4, &value), VPT_OK);
    return value;
}

/* A disk at rest, whose registers are remembered. */
static void start_and_remember(enum machine_kind kind)
{
    pair_start(kind, NULL);
    assert_status(vpt_pci_bars_read(&machine.on_pci.address, &bars), VPT_OK);
    reset();
    for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        registers_before[bar] = register_of(bar);
    }
}

static void check_registers(void)
{
    for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
        cr_assert(register_of(bar) == registers_before[bar], "BAR %u: 0x%x, 0x%x", bar, register_of(bar),
                  registers_before[bar]);
    }
}

static void restore_and_restart(uint32_t seed)
{
    assert_status(vpt_pci_bars_restore(&machine.on_pci.address, &bars), VPT_OK);
    check_registers();
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    pair_assert_works(seed);
    disk_end();
}

Test(restart, base_address_registers_are_restored_with_the_decoding_they_need)
{
    for (size_t i = 0; i < COUNT_OF(pci_kinds); i++) {
        start_and_remember(pci_kinds[i].kind);
        /* What the machine's sleep does to a function. */
        assert_status(vpt_pci_write(&machine.on_pci.address, 0x04, 2, 0), VPT_OK);
        for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
            assert_status(vpt_pci_write(&machine.on_pci.address, (uint16_t)(0x10u + 4u * bar), 4, 0), VPT_OK);
        }
        restore_and_restart(30);
    }
}

/* A header that turns out to be another one has no register for a BAR: nothing is written where something else is. */
Test(restart, a_header_of_another_type_is_not_written_to)
{
    static const uint8_t types[] = { 0x01, 0x02, 0x7f };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct mock_lie lie = { .space = MOCK_SPACE_PCI_CONFIGURATION,
                                .offset = 0x0e,
                                .width = 1,
                                .access = MOCK_READS,
                                .how = MOCK_LIE_VALUE,
                                .value = types[i],
                                .first = 1 };

        start_and_remember(MACHINE_PCI_MODERN);
        (void)mock_lie_set(&machine.model->lies, &lie);
        assert_status(vpt_pci_bars_restore(&machine.on_pci.address, &bars), VPT_DEVICE_PCI_BAR);
        mock_lies_clear(machine.model);
        check_registers();
        restore_and_restart(32);
    }
}

Test(restart, registers_that_do_not_take_their_addresses_back_leave_decoding_off)
{
    uint32_t command = 0;

    start_and_remember(MACHINE_PCI_MODERN);
    assert_status(vpt_pci_bars_restore(&machine.on_pci.address, NULL), VPT_CALLER_ARGUMENT);
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        bars.bar[i].address += bars.bar[i].kind != VPT_PCI_BAR_NONE && bars.bar[i].address != 0 ? 0x10u : 0u;
    }
    assert_status(vpt_pci_bars_restore(&machine.on_pci.address, &bars), VPT_DEVICE_PCI_BAR);
    assert_status(vpt_pci_read(&machine.on_pci.address, 0x04, 2, &command), VPT_OK);
    cr_assert((command & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) == 0);
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        bars.bar[i].address -= bars.bar[i].kind != VPT_PCI_BAR_NONE && bars.bar[i].address != 0 ? 0x10u : 0u;
    }
    restore_and_restart(31);
}
