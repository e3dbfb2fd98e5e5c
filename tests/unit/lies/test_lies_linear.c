/* SPDX-License-Identifier: MIT */
/*
 * The whole life of a disk, over and over, and a lie at each of its accesses in turn: every register, capability,
 * configuration field, ring field and byte of data, read or written, distorted in each of several ways. See
 * campaign.h for what has to hold each time.
 */
#include "campaign.h"

TestSuite(lies_linear, .timeout = 240);

static void distort_each_access(enum machine_kind kind, enum mock_lie_how how, uint64_t value)
{
    uint32_t accesses = campaign_count(kind, NULL, &(struct mock_lie){ .space = MOCK_SPACE_ANY });

    for (uint32_t n = 1; n <= accesses; n += test_stride()) {
        struct mock_lie lie = { .how = how, .value = value, .first = n, .times = 1 };

        campaign_machine(kind, NULL);
        (void)campaign_lie(&lie);
        campaign_run();
        cr_assert(mock_lie_fired(&machine.model->lies, 0) == 1, "no access %u", n);
        campaign_recover();
    }
}

TRANSPORT_TEST(lies_linear, zero_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_VALUE, 0);
}

TRANSPORT_TEST(lies_linear, all_ones_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_VALUE, UINT64_MAX);
}

TRANSPORT_TEST(lies_linear, the_lowest_bit_turned_over_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_XOR, 1);
}

TRANSPORT_TEST(lies_linear, another_bit_turned_over_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_XOR, UINT64_C(0x4040404040404040));
}

TRANSPORT_TEST(lies_linear, one_more_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_ADD, 1);
}

TRANSPORT_TEST(lies_linear, anything_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_RANDOM, 0x1d872b41);
}

TRANSPORT_TEST(lies_linear, no_answer_and_no_effect_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_DROP, 0);
}
