/* SPDX-License-Identifier: MIT */
/*
 * A network device from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn,
 * as in lies/ with a disk: each frame and each buffer comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(net_lies, .timeout = 240);

PARAMETER_TEST(struct campaign_variant, campaign_variants(CAMPAIGN_WAYS), net_lies, it_comes_at_each_access)
{
    campaign_driver = &campaign_network;
    campaign_at_each(variant->kind, campaign_ways[variant->row].completion, campaign_ways[variant->row].lie);
}

/* It has taken a frame or a command, does not complete it, and no reset ends that. */
TRANSPORT_TEST(net_lies, it_stops_at_each_completion_and_cannot_be_reset)
{
    campaign_driver = &campaign_network;
    for (uint32_t first = 1; first <= campaign_network.served; first++) {
        campaign_machine(variant->kind, &campaign_by_tick);
        (void)campaign_lie(&(const struct mock_lie){
            .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .times = 1, .first = first });
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
        campaign_run();
        assert_status(campaign.end, machine_stuck_status());
        cr_assert(machine_on_pci() == (mock_hal_live_allocations(machine.hal) == 0));
        campaign_recover();
    }
}
