/* SPDX-License-Identifier: MIT */
/*
 * A disk from its probe to its release, over and over, and a lie at each of its accesses in turn: every register,
 * capability, configuration field, ring field and byte of data, read or written, distorted in each of several ways.
 */
#include "campaign.h"

TestSuite(lies_linear, .timeout = 240);

static const struct mock_lie ways[] = {
    { LIE_VALUE(0) },
    { LIE_VALUE(UINT64_MAX) },
    { LIE_XOR(1) },
    { LIE_ADD(1) },
    { LIE_DROP },
    { LIE_XOR(UINT64_C(0x4040404040404040)) },
    { .how = MOCK_LIE_RANDOM, .value = 0x1d872b41 },
};

PARAMETER_TEST(struct campaign_variant, campaign_variants(COUNT_OF(ways)), lies_linear, each_access_is_distorted)
{
    campaign_at_each(variant->kind, NULL, ways[variant->row]);
}
