/* SPDX-License-Identifier: MIT */
/*
 * A console from its probe to its release, over and over: at each of its accesses in turn a lie, of each way of lying,
 * or a deed; and some at once, drawn from a seed.
 */
#include "campaign.h"

TestSuite(lies_console, .timeout = 240);

static const struct {
    struct mock_lie lie;
    bool by_tick;
} ways[] = {
    { { LIE_VALUE(0) }, false },
    { { LIE_VALUE(UINT64_MAX) }, false },
    { { LIE_XOR(1) }, false },
    { { LIE_ADD(1) }, true },
    { { LIE_DROP }, false },
    { { LIE_XOR(UINT64_C(0x4040404040404040)) }, true },
    { { .how = MOCK_LIE_RANDOM, .value = 0x1d872b41 }, false },
    { { .how = MOCK_LIE_VANISH }, false },
    { { .how = MOCK_LIE_VANISH }, true },
    { { .how = MOCK_LIE_STOP }, true },
    { { .how = MOCK_LIE_RESET }, false },
    { { .how = MOCK_LIE_NEEDS_RESET }, false },
    { { .how = MOCK_LIE_CONFIGURATION }, false },
    { { .how = MOCK_LIE_INTERRUPT }, false },
    { { .how = MOCK_LIE_SCRIBBLE, .value = 3 }, false },
    { { .how = MOCK_LIE_SCRIBBLE, .area = MOCK_SCRIBBLE_ALLOCATIONS, .value = 5 }, true },
};

PARAMETER_TEST(struct campaign_variant, campaign_variants(COUNT_OF(ways)), lies_console, at_each_access)
{
    campaign_driver = &campaign_console;
    campaign_at_each(variant->kind, ways[variant->row].by_tick ? &campaign_by_tick : NULL, ways[variant->row].lie);
}

/* It takes a buffer, does not give it back, and no reset ends that: its memory stays where it is. */
TRANSPORT_TEST(lies_console, it_stops_and_cannot_be_reset)
{
    struct mock_lie lie = { .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .times = 1 };

    campaign_driver = &campaign_console;
    for (lie.first = 1; lie.first <= 12; lie.first++) {
        campaign_machine(variant->kind, &campaign_by_tick);
        (void)campaign_lie(&lie);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
        campaign_run();
        assert_status(campaign.end, machine_stuck_status());
        cr_assert(machine_on_pci() == (mock_hal_live_allocations(machine.hal) == 0));
        campaign_recover();
    }
}
