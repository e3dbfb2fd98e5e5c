/* SPDX-License-Identifier: MIT */
/* A balloon from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn. */
#include "campaign.h"

TestSuite(balloon_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(CAMPAIGN_WAYS), balloon_lies,
               it_comes_at_each_access)
{
    campaign_modern(&campaign_balloon, variant);
}

/* On the legacy interfaces, too. */
PARAMETER_TEST(struct campaign_variant, campaign_variants(CAMPAIGN_WAYS), balloon_lies, it_comes_by_legacy_interfaces)
{
    if (machine_kind_legacy(variant->kind)) {
        campaign_driver = &campaign_balloon;
        campaign_at_each(variant->kind, campaign_ways[variant->row].completion, campaign_ways[variant->row].lie);
    }
}

PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(1), balloon_lies, it_stops_and_cannot_be_reset)
{
    campaign_modern_stuck(&campaign_balloon, variant, 6);
}
