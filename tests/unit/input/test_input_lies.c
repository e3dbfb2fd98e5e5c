/* SPDX-License-Identifier: MIT */
/*
 * An input device from its probe to its release, over and over, and a lie or a deed at each of its accesses in turn, as
 * in lies/ with a disk: each buffer comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(input_lies, .timeout = 240);

static const struct {
    struct mock_lie lie;
    const struct mock_completion *completion;
} rows[] = {
    { { LIE_VALUE(0) }, NULL },
    { { LIE_VALUE(UINT64_MAX) }, NULL },
    { { LIE_XOR(1) }, NULL },
    { { LIE_ADD(1) }, NULL },
    { { LIE_DROP }, NULL },
    { { LIE_XOR(UINT64_C(0x4040404040404040)) }, NULL },
    { { .how = MOCK_LIE_RANDOM, .value = 0x1d872b41 }, NULL },
    { { .how = MOCK_LIE_VANISH }, NULL },
    { { .how = MOCK_LIE_VANISH }, &campaign_by_tick },
    { { .how = MOCK_LIE_STOP }, NULL },
    { { .how = MOCK_LIE_STOP }, &campaign_by_tick },
    { { .how = MOCK_LIE_RESET }, NULL },
    { { .how = MOCK_LIE_RESET }, &campaign_by_tick },
    { { .how = MOCK_LIE_NEEDS_RESET }, NULL },
    { { .how = MOCK_LIE_NEEDS_RESET_QUIET }, NULL },
    { { .how = MOCK_LIE_CONFIGURATION }, NULL },
    { { .how = MOCK_LIE_GENERATION }, NULL },
    { { .how = MOCK_LIE_INTERRUPT }, NULL },
    { { .how = MOCK_LIE_SCRIBBLE, .value = 0x9e3779b9u }, NULL },
    { { .how = MOCK_LIE_SCRIBBLE, .value = 0x3c6ef372u, .area = MOCK_SCRIBBLE_DEVICE_AREA }, &campaign_by_tick },
    { { .how = MOCK_LIE_SCRIBBLE, .value = 0xdaa66d2bu, .area = MOCK_SCRIBBLE_ALLOCATIONS }, &campaign_by_tick },
};

/* The device has no legacy interface. */
struct input_lie_variant {
    enum machine_kind kind;
    bool packed;
    unsigned row;
};

static struct criterion_test_params input_lie_variants(unsigned count)
{
    static struct input_lie_variant variants[3u * COUNT_OF(rows)];

    for (unsigned i = 0; i < 3u * count; i++) {
        variants[i] =
            (struct input_lie_variant){ i % 3u == 2 ? MACHINE_PCI_MODERN : MACHINE_MMIO_2, i % 3u == 1, i / 3u };
    }
    return cr_make_param_array(struct input_lie_variant, variants, 3u * count);
}

PARAMETER_TEST(struct input_lie_variant, input_lie_variants(COUNT_OF(rows)), input_lies, it_comes_at_each_access)
{
    campaign_driver = &campaign_input;
    campaign_input_packed = variant->packed;
    campaign_at_each(variant->kind, rows[variant->row].completion, rows[variant->row].lie);
}

/* It has taken a message, or has an event, does not complete it, and no reset ends that. */
PARAMETER_TEST(struct input_lie_variant, input_lie_variants(1), input_lies, it_stops_and_cannot_be_reset)
{
    campaign_driver = &campaign_input;
    campaign_input_packed = variant->packed;
    for (uint32_t first = 1; first <= 12; first++) {
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
