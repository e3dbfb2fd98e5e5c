/* SPDX-License-Identifier: MIT */
/*
 * A sound device from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn, as
 * in lies/ with a disk: each period comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(sound_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(CAMPAIGN_WAYS), sound_lies,
               it_comes_at_each_access)
{
    campaign_modern(&campaign_sound, variant);
}

/* It has taken a command or a period, does not complete it, and no reset ends that. */
PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(1), sound_lies, it_stops_and_cannot_be_reset)
{
    campaign_modern_stuck(&campaign_sound, variant, 20);
}
