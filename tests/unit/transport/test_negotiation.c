/* SPDX-License-Identifier: MIT */
/* Features, and the status on the way to FEATURES_OK. */
#include <string.h>

#include "plain.h"

static const struct vpt_features everything = { { ~0u, ~0u, ~0u, ~0u } };

static struct vpt_features feature(unsigned bit)
{
    struct vpt_features features = { { 0 } };

    vpt_features_add(&features, bit);
    return features;
}

static void probe(const struct variant *variant, struct vpt_features offer)
{
    plain_probe(variant, &(const struct mock_machine_options){ .offer = offer });
    machine_trace();
}

static enum vpt_status negotiate(const struct vpt_features *required, const struct vpt_features *wanted,
                                 const struct vpt_features *refused)
{
    return vpt_device_negotiate(machine.device, required, wanted, refused);
}

static bool accepted(unsigned bit)
{
    bool here = vpt_features_has(&machine.device->features, bit);

    assert_same(vpt_features_has(&machine.model->accepted, bit), here);
    return here;
}

static void start_and_finish(void)
{
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_finish();
}

/* ---- Status ---- */

/* After a failed negotiation: FAILED is there, nothing more is written, and only a reset leads on. */
static void assert_given_up(void)
{
    struct vpt_queue_config config = { 0 };
    struct vpt_queue queue;

    cr_assert((machine.model->status & machine.device->status & VPT_STATUS_FAILED) != 0);
    cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
    machine_trace();
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_CALLER_STATE);
    cr_assert(all_zero(&queue, sizeof(queue)));
    assert_status(vpt_device_start(machine.device), VPT_CALLER_STATE);
    for (size_t i = 0; i < machine.trace_count; i++) {
        cr_assert(!machine.trace[i].write);
    }
    assert_status(negotiate(NULL, NULL, NULL), VPT_OK);
    assert_same(mmio_value(true, R_STATUS, 0), 0);
    start_and_finish();
}

VERSION_TEST(negotiation, STATUS_3_failed_leads_to_a_reset_only)
{
    plain_negotiate(variant, NULL);
    vpt_device_fail(machine.device);
    assert_given_up();
}

Test(negotiation, INIT_5_RSVFEAT_2_withheld_features_ok_and_a_missing_version_1_end_bring_up)
{
    for (unsigned withheld = 0; withheld < 2; withheld++) {
        enum mock_fault fault = withheld == 1 ? MOCK_FAULT_FEATURES_REFUSED : MOCK_FAULT_NO_VERSION_1;

        probe(&version_2, (struct vpt_features){ { 0 } });
        mock_fault_set(&machine.model->faults, fault, 1, 1, 0);
        assert_status(negotiate(NULL, NULL, NULL), withheld == 1 ? VPT_DEVICE_FEATURES_REFUSED : VPT_DEVICE_FEATURES);
        assert_same(mock_fault_fired(&machine.model->faults, fault), 1);
        assert_same(mmio_traced(true, R_DRV_FEATURES), withheld == 1 ? 2 : 0);
        assert_given_up();
    }
}

VERSION_TEST(negotiation, FEAT_4_a_required_feature_that_is_missing_ends_bring_up)
{
    static const unsigned bits[] = { 0, 23, 31, 50, 64, 127 };

    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        struct vpt_features required = feature(bits[i]);

        probe(variant, (struct vpt_features){ { 0 } });
        assert_status(negotiate(&required, NULL, NULL), VPT_UNSUPPORTED_FEATURE);
        assert_same(mmio_traced(true, R_DRV_FEATURES), 0);
        assert_given_up();
    }
}

/* ---- What is accepted ---- */

#define ONES   ~0u, ~0u, ~0u, ~0u
#define RINGS  (1u << VPT_F_INDIRECT_DESC | 1u << VPT_F_EVENT_IDX)
#define LEGACY (1u << VPT_F_ANY_LAYOUT) /* which is accepted on a legacy interface */
/*
 * In word 1: VERSION_1, ACCESS_PLATFORM, RING_PACKED, IN_ORDER, ORDER_PLATFORM, NOTIFICATION_DATA, RING_RESET, SUSPEND.
 */
#define HANDLED 0x95fu

static const struct choice {
    const char *what;
    unsigned version;
    bool old; /* the device shows its second word for every higher one */
    struct vpt_features offer, required, wanted, refused, accepted;
} choices[] = {
    { "all that is handled", 2, .offer = { { ONES } }, .accepted = { { RINGS, HANDLED } } },
    { "on legacy", 1, .offer = { { ONES } }, .wanted = { { 0, ~0u, ~0u, ~0u } }, .accepted = { { LEGACY | RINGS } } },
    { "wanted", 2, false, { { 0x28 } }, { { 0x08 } }, { { 0x60 } }, .accepted = { { RINGS | 0x28, 1 } } },
    { "on legacy", 1, false, { { 0x28 } }, { { 0x08 } }, { { 0x60 } }, .accepted = { { LEGACY | RINGS | 0x28 } } },
    { "refused but required", 2, false, { { 1, 2 } }, { { 1 } }, { { 1 } }, { { ONES } }, .accepted = { { 1, 1 } } },
    { "on legacy", 1, false, { { 1 } }, { { 1 } }, { { 1 } }, { { RINGS | 1 } }, .accepted = { { LEGACY | 1 } } },
    { "refused", 2, false, { { 2 } }, { { 0 } }, { { 2 } }, .refused = { { 2 } }, .accepted = { { RINGS, 1 } } },
    { "the same of a generic one", 2, .required = { { RINGS } }, .refused = { { RINGS } },
      .accepted = { { RINGS, 1 } } },
    { "on legacy", 1, .required = { { RINGS } }, .refused = { { RINGS } }, .accepted = { { LEGACY | RINGS } } },
    { "all is refused", 2, .refused = { { ONES } }, .accepted = { { 0, 1 } } },
    { "above 63", 2, .offer = { { 0, 0, 0, 4 } }, .required = { { 0, 0, 0, 4 } }, .accepted = { { RINGS, 1, 0, 4 } } },
    { "wanted there", 2, .offer = { { 0, 0, 5 } }, .wanted = { { 0, 0, 6 } }, .accepted = { { RINGS, 1, 4 } } },
    { "a repeated word", 2, true, { { 0, 1u << 5 } }, .wanted = { { 0, 0, ~0u, ~0u } }, .accepted = { { RINGS, 1 } } },
};

Test(negotiation, FEAT_1_FEAT_2_FEAT_3_FEAT_4_RSVFEAT_1_D_FEAT_1_LEG_RSVFEAT_3_LEG_FEAT_2_what_is_accepted)
{
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        const struct choice *choice = &choices[i];
        struct mock_machine_options options = { .old = choice->old, .offer = choice->offer };

        plain_probe(choice->version == 1 ? &version_1 : &version_2, &options);
        assert_status_of(choice->what, negotiate(&choice->required, &choice->wanted, &choice->refused), VPT_OK);
        for (unsigned word = 0; word < VPT_FEATURE_WORDS; word++) {
            assert_same_of(choice->what, machine.device->features.word[word], choice->accepted.word[word]);
            assert_same_of(choice->what, machine.model->accepted.word[word], choice->accepted.word[word]);
            cr_assert(!choice->old || word < 2 || machine.device->offered.word[word] == 0);
        }
        start_and_finish();
    }
}

/* D-FEAT-2, RSVFEAT-9, D-MMIO-4: a generic bit that is not handled is not even taken from the driver. */
VERSION_TEST(negotiation, D_FEAT_2_LEG_RSVFEAT_4_a_driver_cannot_negotiate_what_the_library_does_not_do)
{
    static const uint8_t others[] = { 24, 25, 26, 30, 31, 37, 39, 44, 49, VPT_F_ANY_LAYOUT };
    size_t count = COUNT_OF(others) - (variant->version == 1 ? 1 : 0); /* a legacy interface has the last one */

    probe(variant, everything);
    for (size_t i = 0; i < count; i++) {
        struct vpt_features set = feature(others[i]);

        assert_status(negotiate(NULL, &set, NULL), VPT_OK);
        cr_assert(!accepted(others[i]), "feature %u", others[i]);
        assert_status(negotiate(&set, NULL, NULL), VPT_UNSUPPORTED_FEATURE);
    }
    machine_finish();
}

/* A device of two words that repeats the second for higher ones is not asked for them. */
Test(negotiation, FEAT_2_words_above_the_second_are_left_alone_unless_wanted)
{
    for (unsigned old = 0; old < 2; old++) {
        struct mock_machine_options options = { .old = old == 1, .offer = { { 2u, 0, ~0u, ~0u } } };
        struct vpt_features wanted = feature(1);
        struct vpt_features refused = feature(90);
        struct vpt_features required = feature(64);

        plain_probe(&version_2, &options);
        machine_trace();
        assert_status(negotiate(NULL, &wanted, &refused), VPT_OK);
        for (size_t i = 0; i < machine.trace_count; i++) {
            cr_assert((machine.trace[i].offset != R_DEV_SELECT && machine.trace[i].offset != R_DRV_SELECT) ||
                      machine.trace[i].value <= 1);
        }
        cr_assert(accepted(VPT_F_VERSION_1) && accepted(1));
        assert_status(vpt_device_start(machine.device), VPT_OK);
        assert_status(negotiate(&required, NULL, NULL), old == 1 ? VPT_UNSUPPORTED_FEATURE : VPT_OK);
        machine_finish();
    }
}

Test(negotiation, RSVFEAT_3_RSVFEAT_4_the_port_is_told_of_access_platform_alone)
{
    struct vpt_features platform = feature(VPT_F_ACCESS_PLATFORM);

    for (unsigned refused = 0; refused < 2; refused++) {
        struct vpt_queue queue;

        probe(&version_2, platform);
        machine.hal->access_platform = refused == 1 ? MOCK_EXPECT_CLEAR : MOCK_EXPECT_SET;
        assert_status(negotiate(NULL, NULL, refused == 1 ? &platform : NULL), VPT_OK);
        plain_queue(&queue, 16, 16, 4);
        cr_assert(machine.hal->allocations == 3 && machine.hal->private_allocations == 1);
        plain_end(&queue);
    }
}

/* ---- Sets ---- */

/* D-FEAT-1: sets reach to 127 at least. */
Test(features, D_FEAT_1_each_bit_by_itself)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        struct vpt_features one = { { 0 } };
        struct vpt_features others = everything;

        vpt_features_add(&one, bit);
        vpt_features_add(&one, bit);
        vpt_features_remove(&others, bit);
        for (unsigned other = 0; other < 128; other++) {
            assert_same(vpt_features_has(&one, other), other == bit);
            assert_same(vpt_features_has(&others, other), other != bit);
        }
        assert_same(one.word[bit / 32], 1u << (bit % 32));
        vpt_features_remove(&one, bit);
        cr_assert(all_zero(&one, sizeof(one)));
    }
}

Test(features, bits_past_the_set_belong_to_none)
{
    static const unsigned past[] = { 128, 129, 159, 160, 4096, (unsigned)-1 };

    for (size_t i = 0; i < COUNT_OF(past); i++) {
        struct vpt_features guarded[2] = { { { 0 } }, { { 0 } } };

        vpt_features_add(&guarded[0], past[i]);
        cr_assert(all_zero(guarded, sizeof(guarded)));
        memset(guarded, 0xff, sizeof(guarded));
        cr_assert(!vpt_features_has(&guarded[0], past[i]));
        vpt_features_remove(&guarded[0], past[i]);
        cr_assert(all_bytes(guarded, sizeof(guarded), 0xff));
    }
}

Test(features, numbers_are_the_specification_s)
{
    cr_assert(VPT_F_NOTIFY_ON_EMPTY == 24 && VPT_F_ANY_LAYOUT == 27 && VPT_F_INDIRECT_DESC == 28);
    cr_assert(VPT_F_EVENT_IDX == 29 && VPT_F_VERSION_1 == 32 && VPT_F_ACCESS_PLATFORM == 33);
    cr_assert(VPT_F_RING_PACKED == 34 && VPT_F_IN_ORDER == 35 && VPT_F_ORDER_PLATFORM == 36);
    cr_assert(VPT_F_SR_IOV == 37 && VPT_F_NOTIFICATION_DATA == 38 && VPT_F_NOTIF_CONFIG_DATA == 39);
    cr_assert(VPT_F_RING_RESET == 40 && VPT_F_ADMIN_VQ == 41 && VPT_F_SUSPEND == 43);
}
