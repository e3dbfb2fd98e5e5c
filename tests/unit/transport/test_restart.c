/* SPDX-License-Identifier: MIT */
/* Bring-up again on the objects and the memory of the life before: after a failure, and when a machine wakes up. */
#include "rig.h"

#include <string.h>

#include "recovery_page.h"

TestSuite(restart, .timeout = 60);

static void reset(void)
{
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
}

RIG_TEST(restart, states_in_which_a_queue_cannot_be_restarted)
{
    struct {
        struct vpt_driver driver;
        struct vpt_requests requests;
    } unused;

    rig_start(variant->kind, NULL);
    assert_status(vpt_queue_restart(&rig.queue[0].requests.queue), VPT_CALLER_STATE); /* still the device's */
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    rig_submit(0, 4);
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_restart(), VPT_CALLER_BUSY);
    assert_status(vpt_queue_restart(&rig.queue[0].requests.queue), VPT_CALLER_BUSY);
    assert_status(rig_poll(), VPT_EMPTY);
    assert_status(vpt_queue_restart(&rig.queue[0].requests.queue), VPT_CALLER_STATE); /* not negotiated */
    assert_status(rig_restart(), VPT_OK);
    assert_status(vpt_queue_restart(&rig.queue[0].requests.queue), VPT_CALLER_STATE); /* it is already */
    memset(&unused, 0, sizeof(unused));
    assert_status(vpt_queue_restart(&unused.requests.queue), VPT_CALLER_STATE);
    assert_status(vpt_driver_restart(&unused.driver, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_restart(NULL, NULL), VPT_CALLER_ARGUMENT);
    rig_end();
}

/* ---- What may have changed meanwhile ---- */

RIG_TEST(restart, what_the_device_says_of_itself_is_read_again)
{
    struct mock_blk *blk;

    rig_start(variant->kind, NULL);
    blk = rig_is_pci() ? &rig.pci_machine.blk : &rig.mmio_machine.blk;
    cr_assert(rig.blk.info.capacity == 64);
    mock_blk_resize(blk, 96);
    reset();
    cr_assert(rig.blk.info.capacity == 64);
    assert_status(rig_restart(), VPT_OK);
    cr_assert(rig.blk.info.capacity == 96);
    rig_assert_works(4);
    rig_end();
}

RIG_TEST(restart, a_device_that_lost_a_feature_is_given_up_and_may_be_tried_again)
{
    rig_start(variant->kind, NULL);
    reset();
    rig_offer(VPT_BLK_F_FLUSH, false);
    assert_status(rig_restart(), VPT_UNSUPPORTED_FEATURE);
    cr_assert((rig.model->status & VPT_STATUS_FAILED) != 0);
    cr_assert(rig.blk.info.flush && rig.blk.info.capacity == 64);
    rig_offer(VPT_BLK_F_FLUSH, true);
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(9);
    rig_end();
}

/* A feature that the first life did without is not taken up by the next: its memory was not made for it. */
RIG_TEST(restart, a_device_that_got_a_feature_more_is_used_as_before)
{
    struct vpt_features before;

    rig_machine(variant->kind, NULL);
    rig_offer(VPT_F_EVENT_IDX, false);
    rig_offer(VPT_F_INDIRECT_DESC, false);
    assert_status(rig_bring_up(), VPT_OK);
    before = rig.device->features;
    reset();
    rig_offer(VPT_F_EVENT_IDX, true);
    rig_offer(VPT_F_INDIRECT_DESC, true);
    assert_status(rig_restart(), VPT_OK);
    cr_assert(memcmp(&before, &rig.device->features, sizeof(before)) == 0);
    rig_assert_works(10);
    rig_end();
}

/* Memory that the device reaches by one way is of no use to it by the other. */
Test(restart, RSVFEAT_3_memory_for_translated_accesses_is_not_used_for_others)
{
    struct vpt_features offer = { { 0 } };
    struct vpt_features none = { { 0 } };

    vpt_features_add(&offer, VPT_F_ACCESS_PLATFORM);
    vpt_features_add(&none, VPT_F_ACCESS_PLATFORM);
    rig_start(RIG_MMIO_MODERN, &offer);
    reset();
    assert_status(vpt_device_negotiate(rig.device, NULL, &rig.blk.driver.features, &none), VPT_OK);
    assert_status(vpt_queue_restart(&rig.queue[0].requests.queue), VPT_DEVICE_FEATURES);
    reset();
    rig_release();
    rig_finish();
}

RIG_TEST(restart, the_cache_stays_in_the_mode_that_it_was_set_to)
{
    rig_machine(variant->kind, NULL);
    rig_offer(VPT_BLK_F_CONFIG_WCE, true);
    mock_config_set(&rig.model->config, MOCK_BLK_WRITEBACK, 1, 1);
    assert_status(rig_bring_up(), VPT_OK);
    cr_assert(rig.blk.info.write_back && rig.blk.info.write_back_switch);
    assert_status(vpt_blk_set_write_back(&rig.blk, false), VPT_OK);
    reset();
    mock_config_set(&rig.model->config, MOCK_BLK_WRITEBACK, 1, 1);
    assert_status(rig_restart(), VPT_OK);
    cr_assert(!rig.blk.info.write_back);
    cr_assert(mock_config_get(&rig.model->config, MOCK_BLK_WRITEBACK, 1) == 0);
    rig_end();
}

/* A cache that cannot be flushed is nobody's wish: a device that had one by mistake is served all the same. */
RIG_TEST(restart, a_cache_without_flushes_is_not_turned_on_again)
{
    bool legacy = variant->kind == RIG_MMIO_LEGACY || variant->kind == RIG_PCI_LEGACY;

    rig_machine(variant->kind, NULL);
    rig_offer(VPT_BLK_F_CONFIG_WCE, true);
    rig_offer(VPT_BLK_F_FLUSH, false);
    /* A legacy configuration is read until two passes agree. */
    mock_fault_set(&rig.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, legacy ? 2 : 1,
                   MOCK_CONFIG_VALUE(MOCK_BLK_WRITEBACK, 1));
    assert_status(rig_bring_up(), VPT_OK);
    cr_assert(rig.blk.info.write_back && !rig.blk.info.flush, "%d %d", rig.blk.info.write_back, rig.blk.info.flush);
    reset();
    assert_status(rig_restart(), VPT_OK);
    cr_assert(!rig.blk.info.write_back);
    rig_end();
}

RIG_TEST(restart, a_queue_that_the_device_has_no_more_is_not_restarted)
{
    rig_start(variant->kind, NULL);
    reset();
    mock_config_set(&rig.model->config, MOCK_BLK_NUM_QUEUES, 2, 1);
    assert_status(rig_restart(), VPT_UNSUPPORTED_QUEUE);
    cr_assert(rig.blk.info.queues == RIG_QUEUES);
    mock_config_set(&rig.model->config, MOCK_BLK_NUM_QUEUES, 2, RIG_QUEUES);
    reset();
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(15);
    rig_end();
}

/* ---- The code of docs/recovery.md ---- */

static void note(void *ctx, const struct vpt_completion *completion)
{
    ptrdiff_t request = (unsigned *)completion->token - rig.back;

    cr_assert(ctx == &rig && request >= 0 && request < (ptrdiff_t)RIG_REQUESTS);
    rig.back[request]++;
    rig.status[request] = completion->status;
}

RIG_TEST(restart, the_recovery_page_survives_sleep_failure_and_silence)
{
    uint64_t flushes;
    struct mock_blk *blk;

    rig_start(variant->kind, NULL);
    blk = rig_is_pci() ? &rig.pci_machine.blk : &rig.mmio_machine.blk;
    flushes = blk->flushes;
    rig.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    rig.model->completion.delay = 5;
    rig_submit(0, 16);
    assert_status(prepare_for_sleep(&rig.blk, rig.queue, RIG_QUEUES, note, &rig), VPT_OK);
    rig_assert_back(0, 16, VPT_OK);
    cr_assert(blk->flushes == flushes + 1 && rig.model->status == 0);
    assert_status(recover(&rig.blk, rig.queue, RIG_QUEUES, note, &rig), VPT_OK);
    rig_assert_back(0, 16, VPT_OK);
    rig_assert_works(40);
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned fails = 0; fails < 2; fails++) {
        rig_forget();
        rig_submit(0, 16);
        if (fails == 1) {
            mock_device_needs_reset(rig.model);
        }
        assert_status(recover(&rig.blk, rig.queue, RIG_QUEUES, note, &rig), VPT_OK);
        rig_assert_back(0, 16, VPT_CANCELLED);
        rig_assert_works(50 + fails);
    }
    rig_end();
}

RIG_TEST(restart, the_recovery_page_ends_with_a_device_that_is_gone)
{
    rig_start(variant->kind, NULL);
    rig.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    rig_submit(0, 16);
    rig_pull_out();
    assert_status(recover(&rig.blk, rig.queue, RIG_QUEUES, note, &rig), VPT_DEVICE_GONE);
    rig_assert_back(0, 16, VPT_DEVICE_GONE);
    rig_release();
    rig_plug_in();
    rig_finish();
}

/* ---- A device that fails meanwhile ---- */

RIG_TEST(restart, a_device_that_vanishes_during_a_restart_is_given_up)
{
    for (uint32_t access = 1; access < 200; access++) {
        enum vpt_status status;

        rig_start(variant->kind, NULL);
        reset();
        mock_fault_set(&rig.model->faults, MOCK_FAULT_VANISH, access, 0, 0);
        status = rig_restart();
        if (status == VPT_OK && !rig.model->vanished) {
            mock_fault_clear(&rig.model->faults, MOCK_FAULT_VANISH);
            cr_assert(access > 20);
            rig_end();
            return;
        }
        cr_assert(status == VPT_DEVICE_GONE || status == VPT_OK, "%s", vpt_status_str(status));
        assert_status(vpt_device_check(rig.device), VPT_DEVICE_GONE);
        rig_release();
        rig_plug_in();
        rig_finish();
    }
    cr_assert_fail("a restart of 200 accesses");
}

/* ---- A function that has lost its registers ---- */

static const struct rig_variant pci_kinds[] = { { RIG_PCI_LEGACY }, { RIG_PCI_MODERN } };

static struct vpt_pci_bars bars;
static uint32_t registers_before[VPT_PCI_BARS_MAX];

static uint32_t register_of(unsigned bar)
{
    uint32_t value = 0;

    assert_status(vpt_pci_read(&rig.pci_machine.address, (uint16_t)(0x10u + 4u * bar), 4, &value), VPT_OK);
    return value;
}

/* A disk at rest, whose registers are remembered. */
static void start_and_remember(enum rig_kind kind)
{
    rig_start(kind, NULL);
    assert_status(vpt_pci_bars_read(&rig.pci_machine.address, &bars), VPT_OK);
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
    assert_status(vpt_pci_bars_restore(&rig.pci_machine.address, &bars), VPT_OK);
    check_registers();
    assert_status(rig_restart(), VPT_OK);
    rig_assert_works(seed);
    rig_end();
}

Test(restart, base_address_registers_are_restored_with_the_decoding_they_need)
{
    for (size_t i = 0; i < COUNT_OF(pci_kinds); i++) {
        start_and_remember(pci_kinds[i].kind);
        /* What the machine's sleep does to a function. */
        assert_status(vpt_pci_write(&rig.pci_machine.address, 0x04, 2, 0), VPT_OK);
        for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
            assert_status(vpt_pci_write(&rig.pci_machine.address, (uint16_t)(0x10u + 4u * bar), 4, 0), VPT_OK);
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

        start_and_remember(RIG_PCI_MODERN);
        (void)mock_lie_set(&rig.model->lies, &lie);
        assert_status(vpt_pci_bars_restore(&rig.pci_machine.address, &bars), VPT_DEVICE_PCI_BAR);
        mock_lies_clear(rig.model);
        check_registers();
        restore_and_restart(32);
    }
}

Test(restart, registers_that_do_not_take_their_addresses_back_leave_decoding_off)
{
    uint32_t command = 0;

    start_and_remember(RIG_PCI_MODERN);
    assert_status(vpt_pci_bars_restore(&rig.pci_machine.address, NULL), VPT_CALLER_ARGUMENT);
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        bars.bar[i].address += bars.bar[i].kind != VPT_PCI_BAR_NONE && bars.bar[i].address != 0 ? 0x10u : 0u;
    }
    assert_status(vpt_pci_bars_restore(&rig.pci_machine.address, &bars), VPT_DEVICE_PCI_BAR);
    assert_status(vpt_pci_read(&rig.pci_machine.address, 0x04, 2, &command), VPT_OK);
    cr_assert((command & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) == 0);
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        bars.bar[i].address -= bars.bar[i].kind != VPT_PCI_BAR_NONE && bars.bar[i].address != 0 ? 0x10u : 0u;
    }
    restore_and_restart(31);
}
