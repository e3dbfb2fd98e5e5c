/* SPDX-License-Identifier: MIT */
/*
 * The whole life of a disk, over and over, and a lie at each of its accesses in turn: every register, capability,
 * configuration field, ring field and byte of data, read or written, distorted in each of several ways. See
 * lies_support.h for what has to hold each time.
 */
#include "lies_support.h"

TestSuite(lies_linear, .timeout = 240);

static void distort_each_access(enum subject_kind kind, enum mock_lie_how how, uint64_t value)
{
    uint32_t accesses = subject_count(kind, NULL, &(struct mock_lie){ .space = MOCK_SPACE_ANY });

    for (uint32_t n = 1; n <= accesses; n += test_stride()) {
        struct mock_lie lie = { .how = how, .value = value, .first = n, .times = 1 };

        subject_machine(kind, NULL);
        (void)subject_lie(&lie);
        subject_life();
        cr_assert(mock_lie_fired(&subject.mock->lies, 0) == 1, "no access %u", n);
        subject_recover();
    }
}

SUBJECT_TEST(lies_linear, zero_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_VALUE, 0);
}

SUBJECT_TEST(lies_linear, all_ones_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_VALUE, UINT64_MAX);
}

SUBJECT_TEST(lies_linear, the_lowest_bit_turned_over_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_XOR, 1);
}

SUBJECT_TEST(lies_linear, another_bit_turned_over_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_XOR, UINT64_C(0x4040404040404040));
}

SUBJECT_TEST(lies_linear, one_more_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_ADD, 1);
}

SUBJECT_TEST(lies_linear, anything_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_RANDOM, 0x1d872b41);
}

SUBJECT_TEST(lies_linear, no_answer_and_no_effect_at_each_access)
{
    distort_each_access(variant->kind, MOCK_LIE_DROP, 0);
}
