/* SPDX-License-Identifier: MIT */
/* Features, and the status on the way to FEATURES_OK. */
#include <string.h>

#include "plain.h"

static struct vpt_features feature(unsigned bit)
{
    struct vpt_features features = { { 0 } };

    vpt_features_add(&features, bit);
    return features;
}

static const struct vpt_features everything = { { ~0u, ~0u, ~0u, ~0u } };

static void assert_statuses(const uint32_t *values, size_t count)
{
    cr_assert(mmio_traced(true, R_STATUS) == count, "%zu writes", mmio_traced(true, R_STATUS));
    for (size_t i = 0; i < count; i++) {
        cr_assert(mmio_value(true, R_STATUS, i) == values[i], "write %zu is 0x%x", i,
                  (unsigned)mmio_value(true, R_STATUS, i));
    }
}

Test(negotiation, INIT_1_status_grows_step_by_step)
{
    static const uint32_t values[] = { 0x00, 0x01, 0x03, 0x0b, 0x0f };
    size_t ok;

    plain_probe(&version_2, NULL);
    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    cr_assert(machine.device->status == 0x0b);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    cr_assert(machine.device->status == 0x0f && machine.model->status == 0x0f);
    assert_statuses(values, COUNT_OF(values));
    ok = mmio_at(true, R_STATUS, 3);
    for (size_t i = 0; i < machine.trace_count; i++) {
        if (machine.trace[i].offset == R_DRV_FEATURES || machine.trace[i].offset == R_DEV_FEATURES) {
            cr_assert(i > mmio_at(true, R_STATUS, 2) && i < ok);
        }
    }
    cr_assert(!machine.trace[ok + 1].write && machine.trace[ok + 1].offset == R_STATUS);
    machine_finish();
}

Test(negotiation, LEG_INIT_1_no_features_ok_on_a_legacy_interface)
{
    static const uint32_t values[] = { 0x00, 0x01, 0x03, 0x07 };

    plain_probe(&version_1, NULL);
    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    cr_assert(machine.device->status == 0x03);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_statuses(values, COUNT_OF(values));
    cr_assert(mmio_at(true, R_DRV_FEATURES, 0) > mmio_at(true, R_STATUS, 2));
    cr_assert(mmio_at(true, R_DRV_FEATURES, 0) < mmio_at(true, R_STATUS, 3));
    machine_finish();
}

static void assert_features(const unsigned *bits, size_t count)
{
    struct vpt_features expected = { { 0 } };

    for (size_t i = 0; i < count; i++) {
        vpt_features_add(&expected, bits[i]);
    }
    for (unsigned bit = 0; bit < 128; bit++) {
        cr_assert(vpt_features_has(&machine.device->features, bit) == vpt_features_has(&expected, bit), "bit %u", bit);
        cr_assert(vpt_features_has(&machine.model->accepted, bit) == vpt_features_has(&expected, bit),
                  "bit %u at the device", bit);
    }
}

Test(negotiation, FEAT_3_only_what_the_library_handles_is_accepted_by_itself)
{
    static const unsigned modern[] = { VPT_F_INDIRECT_DESC,   VPT_F_EVENT_IDX,      VPT_F_VERSION_1,
                                       VPT_F_ACCESS_PLATFORM, VPT_F_ORDER_PLATFORM, VPT_F_NOTIFICATION_DATA,
                                       VPT_F_SUSPEND };
    struct mock_machine_options options = { .offer = everything };

    plain_negotiate(&version_2, &options);
    assert_features(modern, COUNT_OF(modern));
    cr_assert(memcmp(&machine.device->offered.word[0], &everything.word[0], 8) == 0);
    machine_finish();
}

Test(negotiation, LEG_RSVFEAT_3_any_layout_is_accepted_and_bit_30_is_not)
{
    static const unsigned legacy[] = { VPT_F_ANY_LAYOUT, VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX };
    struct mock_machine_options options = { .offer = everything };

    plain_negotiate(&version_1, &options);
    assert_features(legacy, COUNT_OF(legacy));
    cr_assert(machine.device->offered.word[0] == ~0u && machine.device->offered.word[1] == 0);
    machine_finish();
}

/* D-FEAT-2, RSVFEAT-9, D-MMIO-4: a generic bit that is not handled is not even taken from the driver. */
Test(negotiation, D_FEAT_2_a_driver_cannot_negotiate_what_the_library_does_not_do)
{
    static const unsigned others[] = { VPT_F_NOTIFY_ON_EMPTY,
                                       25,
                                       26,
                                       VPT_F_ANY_LAYOUT,
                                       30,
                                       31,
                                       VPT_F_RING_PACKED,
                                       VPT_F_IN_ORDER,
                                       VPT_F_SR_IOV,
                                       VPT_F_NOTIF_CONFIG_DATA,
                                       VPT_F_RING_RESET,
                                       44,
                                       49 };
    struct mock_machine_options options = { .offer = everything };

    plain_probe(&version_2, &options);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct vpt_features wanted = feature(others[i]);

        assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, NULL), VPT_OK);
        cr_assert(!vpt_features_has(&machine.device->features, others[i]), "feature %u accepted", others[i]);
    }
    machine_finish();
}

Test(negotiation, LEG_RSVFEAT_4_bit_30_is_not_accepted_even_if_wanted)
{
    struct vpt_features wanted = feature(30);

    plain_probe(&version_1, NULL);
    cr_assert(vpt_features_has(&machine.model->offered, 30));
    assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, NULL), VPT_OK);
    cr_assert(!vpt_features_has(&machine.device->features, 30));
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

/* Of a generic feature that the library handles, requiring is allowed; of any other, it cannot be fulfilled. */
VERSION_TEST(negotiation, FEAT_3_required_generic_features)
{
    static const unsigned handled[] = { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX };
    static const unsigned others[] = { VPT_F_NOTIFY_ON_EMPTY, 30, 31, VPT_F_RING_PACKED, VPT_F_IN_ORDER,
                                       VPT_F_RING_RESET,      44, 49 };
    struct mock_machine_options options = { .offer = everything };

    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        struct vpt_features required = feature(handled[i]);

        plain_probe(variant, &options);
        assert_status(vpt_device_negotiate(machine.device, &required, NULL, &required), VPT_OK);
        cr_assert(vpt_features_has(&machine.device->features, handled[i]), "required comes before refused");
        machine_finish();
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct vpt_features required = feature(others[i]);

        plain_probe(variant, &options);
        assert_status(vpt_device_negotiate(machine.device, &required, NULL, NULL), VPT_UNSUPPORTED_FEATURE);
        machine_finish();
    }
}

VERSION_TEST(negotiation, FEAT_1_required_and_wanted_within_the_offer)
{
    struct mock_machine_options options = { .offer = { { (1u << 3) | (1u << 5), 0, 0, 0 } } };
    struct vpt_features required = feature(3);
    struct vpt_features wanted = { { (1u << 5) | (1u << 6), 0, 0, 0 } };

    plain_probe(variant, &options);
    assert_status(vpt_device_negotiate(machine.device, &required, &wanted, NULL), VPT_OK);
    cr_assert(vpt_features_has(&machine.device->features, 3) && vpt_features_has(&machine.device->features, 5));
    cr_assert(!vpt_features_has(&machine.device->features, 6));
    cr_assert(memcmp(&machine.device->features, &machine.model->accepted, sizeof(required)) == 0);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

VERSION_TEST(negotiation, FEAT_4_a_required_feature_that_is_missing_ends_bring_up)
{
    static const unsigned bits[] = { 0, 23, 31, 50, 64, 127 };

    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        struct vpt_features required = feature(bits[i]);

        plain_probe(variant, NULL);
        machine_trace();
        assert_status(vpt_device_negotiate(machine.device, &required, NULL, NULL), VPT_UNSUPPORTED_FEATURE);
        cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
        cr_assert(mmio_traced(true, R_DRV_FEATURES) == 0);
        cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
        assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
        machine_finish();
    }
}

VERSION_TEST(negotiation, FEAT_4_a_refused_feature_is_done_without)
{
    struct vpt_features refused = { { (1u << VPT_F_INDIRECT_DESC) | (1u << VPT_F_EVENT_IDX) | 1u, ~0u, ~0u, ~0u } };
    struct vpt_features required = feature(0);
    struct mock_machine_options options = { .offer = { { 1u, 2u, 0, 0 } } };

    plain_probe(variant, &options);
    assert_status(vpt_device_negotiate(machine.device, &required, &required, &refused), VPT_OK);
    cr_assert(!vpt_features_has(&machine.device->features, VPT_F_INDIRECT_DESC));
    cr_assert(!vpt_features_has(&machine.device->features, VPT_F_EVENT_IDX));
    cr_assert(!vpt_features_has(&machine.device->features, VPT_F_ACCESS_PLATFORM));
    cr_assert(vpt_features_has(&machine.device->features, 0), "required comes before refused");
    cr_assert(vpt_features_has(&machine.device->features, VPT_F_VERSION_1) == (variant->version == 2));
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

VERSION_TEST(negotiation, FEAT_4_a_wanted_feature_may_be_refused)
{
    struct vpt_features wanted = feature(7);
    struct mock_machine_options options = { .offer = { { 1u << 7, 0, 0, 0 } } };

    plain_probe(variant, &options);
    assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, &wanted), VPT_OK);
    cr_assert(!vpt_features_has(&machine.device->features, 7));
    assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, NULL), VPT_OK);
    cr_assert(vpt_features_has(&machine.device->features, 7));
    machine_finish();
}

/* After a failed negotiation: FAILED is there, nothing more is written, and only a reset leads on. */
static void assert_given_up(void)
{
    struct vpt_queue_config config = { 0 };
    struct vpt_queue queue;

    cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
    cr_assert((machine.device->status & VPT_STATUS_FAILED) != 0);
    cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
    machine_trace();
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_CALLER_STATE);
    cr_assert(all_zero(&queue, sizeof(queue)));
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    for (size_t i = 0; i < machine.trace_count; i++) {
        cr_assert(!machine.trace[i].write);
    }
}

Test(negotiation, INIT_5_withheld_features_ok_ends_bring_up)
{
    plain_probe(&version_2, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_FEATURES_REFUSED, 1, 1, 0);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_FEATURES_REFUSED);
    cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_FEATURES_REFUSED) == 1);
    assert_given_up();
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

Test(negotiation, RSVFEAT_2_a_modern_device_without_version_1_is_refused)
{
    plain_probe(&version_2, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_NO_VERSION_1, 1, 0, 0);
    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_DEVICE_FEATURES);
    cr_assert(mmio_traced(true, R_DRV_FEATURES) == 0);
    assert_given_up();
    machine_finish();
}

Test(negotiation, RSVFEAT_1_version_1_is_always_accepted)
{
    struct vpt_features refused = everything;

    plain_probe(&version_2, NULL);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, &refused), VPT_OK);
    cr_assert(vpt_features_has(&machine.model->accepted, VPT_F_VERSION_1));
    cr_assert(refused.word[1] == ~0u, "the caller's set is the caller's");
    machine_finish();
}

static void assert_words_untouched(void)
{
    for (size_t i = 0; i < machine.trace_count; i++) {
        if (machine.trace[i].offset == R_DEV_SELECT || machine.trace[i].offset == R_DRV_SELECT) {
            cr_assert(machine.trace[i].value <= 1);
        }
    }
}

Test(negotiation, words_above_the_second_are_left_alone_unless_wanted)
{
    for (unsigned old = 0; old < 2; old++) {
        struct mock_machine_options options = { .old = old == 1, .offer = { { 2u, 0, ~0u, ~0u } } };
        struct vpt_features wanted = feature(1);
        struct vpt_features refused = feature(90);

        plain_probe(&version_2, &options);
        machine_trace();
        assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, &refused), VPT_OK);
        assert_words_untouched();
        cr_assert(vpt_features_has(&machine.model->accepted, VPT_F_VERSION_1));
        cr_assert(vpt_features_has(&machine.model->accepted, 1));
        assert_status(vpt_device_start(machine.device), VPT_OK);
        machine_finish();
    }
}

/*
 * A device of two words that shows the second for every higher one offers nothing above it, whatever is wanted there,
 * and keeps VERSION_1; one that cannot be done without is not to be had from it.
 */
Test(negotiation, FEAT_2_a_repeated_word_offers_no_feature)
{
    struct mock_machine_options options = { .old = true, .offer = { { 0, 1u << 5, 0, 0 } } };
    struct vpt_features wanted = { { 0, 0, ~0u, ~0u } };
    struct vpt_features required = feature(64);

    plain_probe(&version_2, &options);
    assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, NULL), VPT_OK);
    cr_assert(machine.device->features.word[2] == 0 && machine.device->features.word[3] == 0);
    cr_assert(machine.device->offered.word[2] == 0 && machine.device->offered.word[3] == 0);
    cr_assert(vpt_features_has(&machine.model->accepted, VPT_F_VERSION_1));
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, &required, NULL, NULL), VPT_UNSUPPORTED_FEATURE);
    machine_finish();
}

Test(negotiation, D_FEAT_1_bits_above_63_are_negotiated_on_a_new_device)
{
    struct mock_machine_options options = { .offer = { { 0, 0, (1u << 0) | (1u << 6), 1u << 31 } } };
    struct vpt_features required = feature(127);
    struct vpt_features wanted = { { 0, 0, (1u << 6) | (1u << 7), 0 } };
    static const unsigned bits[] = { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX, VPT_F_VERSION_1, 70, 127 };

    plain_probe(&version_2, &options);
    assert_status(vpt_device_negotiate(machine.device, &required, &wanted, NULL), VPT_OK);
    assert_features(bits, COUNT_OF(bits));
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

Test(negotiation, LEG_FEAT_2_bits_above_31_do_not_exist_on_a_legacy_interface)
{
    struct vpt_features wanted = { { 0, ~0u, ~0u, ~0u } };

    plain_probe(&version_1, NULL);
    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, NULL), VPT_OK);
    cr_assert(mmio_traced(true, R_DEV_SELECT) == 1 && mmio_value(true, R_DEV_SELECT, 0) == 0);
    cr_assert(mmio_traced(true, R_DRV_SELECT) == 1 && mmio_value(true, R_DRV_SELECT, 0) == 0);
    cr_assert(machine.device->features.word[1] == 0 && machine.device->features.word[2] == 0);
    machine_finish();
}

Test(negotiation, RSVFEAT_3_access_platform_reaches_the_port)
{
    struct mock_machine_options options = { .offer = feature(VPT_F_ACCESS_PLATFORM) };
    struct vpt_queue queue;

    plain_probe(&version_2, &options);
    machine.hal->access_platform = MOCK_EXPECT_SET;
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    plain_queue(&queue, 16, 16, 4);
    cr_assert(machine.hal->allocations == 3 && machine.hal->private_allocations == 1);
    plain_end(&queue);
}

Test(negotiation, RSVFEAT_4_without_access_platform_addresses_are_plain)
{
    struct mock_machine_options options = { .offer = feature(VPT_F_ACCESS_PLATFORM) };
    struct vpt_features refused = feature(VPT_F_ACCESS_PLATFORM);
    struct vpt_queue queue;

    plain_probe(&version_2, &options);
    machine.hal->access_platform = MOCK_EXPECT_CLEAR;
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, &refused), VPT_OK);
    plain_queue(&queue, 16, 16, 4);
    plain_end(&queue);
}

VERSION_TEST(negotiation, STATUS_3_failed_leads_to_a_reset_only)
{
    plain_negotiate(variant, NULL);
    vpt_device_fail(machine.device);
    assert_given_up();
    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    cr_assert(mmio_value(true, R_STATUS, 0) == 0);
    machine_finish();
}
