/* SPDX-License-Identifier: MIT */
/*
 * A GPU from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn, as in lies/
 * with a disk: each command comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(gpu_lies, .timeout = 240);

/* The device has no legacy interface. */
struct gpu_lie_variant {
    enum machine_kind kind;
    bool packed;
    unsigned row;
};

static struct criterion_test_params gpu_lie_variants(unsigned count)
{
    static struct gpu_lie_variant variants[3u * CAMPAIGN_WAYS];

    for (unsigned i = 0; i < 3u * count; i++) {
        variants[i] =
            (struct gpu_lie_variant){ i % 3u == 2 ? MACHINE_PCI_MODERN : MACHINE_MMIO_2, i % 3u == 1, i / 3u };
    }
    return cr_make_param_array(struct gpu_lie_variant, variants, 3u * count);
}

PARAMETER_TEST(struct gpu_lie_variant, gpu_lie_variants(CAMPAIGN_WAYS), gpu_lies, it_comes_at_each_access)
{
    campaign_driver = &campaign_gpu;
    campaign_gpu_packed = variant->packed;
    campaign_at_each(variant->kind, campaign_ways[variant->row].completion, campaign_ways[variant->row].lie);
}

/* It has taken a command, does not complete it, and no reset ends that. */
PARAMETER_TEST(struct gpu_lie_variant, gpu_lie_variants(1), gpu_lies, it_stops_and_cannot_be_reset)
{
    campaign_driver = &campaign_gpu;
    campaign_gpu_packed = variant->packed;
    for (uint32_t first = 1; first <= 16; first++) {
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
