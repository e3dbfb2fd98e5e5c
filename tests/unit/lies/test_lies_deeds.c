/* SPDX-License-Identifier: MIT */
/*
 * A disk from its probe to its release, over and over, and in turn the device does something of its own accord that a
 * driver's test cannot try at each access alone: it comes back, stops completing, works by itself, scribbles.
 */
#include "campaign.h"

TestSuite(lies_deeds, .timeout = 240);

static const struct mock_lie at_a_completion = { .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .times = 1 };

/* It is back, as new, some accesses later: a driver may have noticed, or not. */
TRANSPORT_TEST(lies_deeds, it_vanishes_and_comes_back_at_each_access)
{
    static const uint32_t away[] = { 1, 2, 3, 7, 20 };
    uint32_t accesses = campaign_count(variant->kind, NULL, &(struct mock_lie){ .space = MOCK_SPACE_ANY });

    for (uint32_t n = 1; n <= accesses; n += test_stride()) {
        for (unsigned i = 0; i < COUNT_OF(away); i++) {
            const struct mock_lie lies[] = {
                { .how = MOCK_LIE_VANISH, .first = n, .times = 1 },
                { .how = MOCK_LIE_RETURN, .first = n + away[i], .times = 1 },
            };

            cr_assert(campaign_try(variant->kind, NULL, lies, COUNT_OF(lies)) != 0, "at %u", n);
        }
    }
}

TRANSPORT_TEST(lies_deeds, it_stops_completing_at_each_completion)
{
    struct mock_lie lie = at_a_completion;

    assert_same(campaign_count(variant->kind, &campaign_by_tick, &lie), 5u + CAMPAIGN_REQUESTS);
    for (lie.first = 1; lie.first <= 5u + CAMPAIGN_REQUESTS; lie.first++) {
        assert_same(campaign_try(variant->kind, &campaign_by_tick, &lie, 1), 1);
    }
}

/* A device that is slow, and works on its rings whenever it likes. */
TRANSPORT_TEST(lies_deeds, it_works_at_each_tick_but_not_at_a_kick)
{
    static const enum mock_lie_how hows[] = { MOCK_LIE_COMPLETE, MOCK_LIE_LOOK };

    for (unsigned i = 0; i < COUNT_OF(hows); i++) {
        struct mock_lie lie = { .space = MOCK_SPACE_TICK, .how = hows[i], .first = 1, .times = 0 };

        cr_assert(campaign_try(variant->kind, i == 0 ? &campaign_by_run : NULL, &lie, 1) != 0);
        for (lie.first = 1; lie.first <= 24; lie.first++) {
            lie.times = 1;
            assert_same(campaign_try(variant->kind, &campaign_by_run, &lie, 1), 1);
        }
    }
}

/* Once that has been made up for by completing at each tick, such a device serves every request. */
TRANSPORT_TEST(lies_deeds, it_completes_between_two_accesses)
{
    campaign_machine(variant->kind, &campaign_by_run);
    (void)campaign_lie(&(struct mock_lie){ .space = MOCK_SPACE_TICK, .how = MOCK_LIE_COMPLETE, .first = 1 });
    campaign_run_clean();
    cr_assert(mock_lie_fired(&machine.model->lies, 0) >= 5u);
    campaign_recover();
}

PARAMETER_TEST(struct campaign_variant, campaign_variants(MOCK_SCRIBBLE_AREAS), lies_deeds,
               it_scribbles_on_its_memory_at_each_access)
{
    static const uint8_t zeroes[16];
    static const uint8_t ones[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static const void *const contents[] = { NULL, NULL, zeroes, ones };

    for (unsigned i = 0; i < COUNT_OF(contents); i++) {
        campaign_at_each(variant->kind, i % 2u == 0 ? NULL : &campaign_by_tick,
                         (struct mock_lie){ .how = MOCK_LIE_SCRIBBLE,
                                            .area = (enum mock_scribble_area)variant->row,
                                            .value = 0x9e3779b9u * (i + 1u),
                                            .content = contents[i],
                                            .bytes = contents[i] != NULL ? sizeof(ones) : 0 });
    }
}
