/* SPDX-License-Identifier: MIT */
/*
 * A SCSI host from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn, as in
 * lies/ with a disk: each command comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(scsi_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_variant, campaign_variants(CAMPAIGN_WAYS), scsi_lies, it_comes_at_each_access)
{
    campaign_driver = &campaign_scsi;
    campaign_packed = variant->kind == MACHINE_PCI_MODERN;
    campaign_at_each(variant->kind, campaign_ways[variant->row].completion, campaign_ways[variant->row].lie);
}

/* It has taken a command, does not complete it, and no reset ends that. */
TRANSPORT_TEST(scsi_lies, it_stops_and_cannot_be_reset)
{
    const struct campaign_modern_variant stuck = { variant->kind, false, 0 };

    campaign_modern_stuck(&campaign_scsi, &stuck, 16);
}
