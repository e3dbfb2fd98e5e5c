/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include "support.h"

/* D-FEAT-1: sets reach to 127 at least. */
Test(features, D_FEAT_1_each_bit_by_itself)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        struct vpt_features features = { { 0 } };

        vpt_features_add(&features, bit);
        for (unsigned other = 0; other < 128; other++) {
            cr_assert(vpt_features_has(&features, other) == (other == bit), "%u and %u", bit, other);
        }
        cr_assert(features.word[bit / 32] == 1u << (bit % 32));
        vpt_features_add(&features, bit);
        cr_assert(vpt_features_has(&features, bit));
        vpt_features_remove(&features, bit);
        cr_assert(all_zero(&features, sizeof(features)));
    }
}

Test(features, removing_leaves_the_others)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        struct vpt_features features;

        memset(&features, 0xff, sizeof(features));
        vpt_features_remove(&features, bit);
        for (unsigned other = 0; other < 128; other++) {
            cr_assert(vpt_features_has(&features, other) == (other != bit));
        }
    }
}

Test(features, bits_past_the_set_belong_to_none)
{
    static const unsigned past[] = { 128, 129, 159, 160, 4096, UINT_MAX };

    for (size_t i = 0; i < COUNT_OF(past); i++) {
        struct vpt_features guarded[2] = { { { 0 } }, { { 0 } } };

        vpt_features_add(&guarded[0], past[i]);
        cr_assert(all_zero(guarded, sizeof(guarded)));
        memset(guarded, 0xff, sizeof(guarded));
        cr_assert(!vpt_features_has(&guarded[0], past[i]));
        vpt_features_remove(&guarded[0], past[i]);
        for (unsigned bit = 0; bit < 128; bit++) {
            cr_assert(vpt_features_has(&guarded[0], bit) && vpt_features_has(&guarded[1], bit));
        }
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
