/* SPDX-License-Identifier: MIT */
/*
 * A file system device from its probe to its release, over and over, and a lie or a deed at each of its accesses in
 * turn, as in lies/ with a disk: each message comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(fs_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(CAMPAIGN_WAYS), fs_lies,
               it_comes_at_each_access)
{
    campaign_modern(&campaign_fs, variant);
}

/* It has taken a message, does not complete it, and no reset ends that. */
PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(1), fs_lies, it_stops_and_cannot_be_reset)
{
    campaign_modern_stuck(&campaign_fs, variant, 20);
}
