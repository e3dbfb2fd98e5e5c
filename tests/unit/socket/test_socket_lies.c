/* SPDX-License-Identifier: MIT */
/*
 * A socket device from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn, as
 * in lies/ with a disk: each connection ends once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(socket_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(CAMPAIGN_WAYS), socket_lies,
               it_comes_at_each_access)
{
    campaign_modern(&campaign_socket, variant);
}

/* It has taken a packet, does not complete it, and no reset ends that. */
PARAMETER_TEST(struct campaign_modern_variant, campaign_modern_variants(1), socket_lies, it_stops_and_cannot_be_reset)
{
    campaign_modern_stuck(&campaign_socket, variant, 12);
}
