/* SPDX-License-Identifier: MIT */
/*
 * A 9P device from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn, as in
 * lies/ with a disk: each message comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(p9_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_variant, campaign_variants(CAMPAIGN_WAYS), p9_lies, it_comes_at_each_access)
{
    campaign_driver = &campaign_9p;
    campaign_at_each(variant->kind, campaign_ways[variant->row].completion, campaign_ways[variant->row].lie);
}

/* The same with packed rings, where there are any. */
PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(CAMPAIGN_WAYS), p9_lies,
               it_comes_at_each_access_of_packed_rings)
{
    if (variant->packed) {
        campaign_modern(&campaign_9p, variant);
    }
}

/* It has taken a message, does not complete it, and no reset ends that. */
TRANSPORT_TEST(p9_lies, it_stops_and_cannot_be_reset)
{
    campaign_modern_stuck(&campaign_9p, &(const struct campaign_modern_variant){ .kind = variant->kind }, 16);
}
