/* SPDX-License-Identifier: MIT */
/* Several lies at once, drawn from a seed: whatever a device can do, in any combination. */
#include "campaign.h"

TestSuite(lies_random, .timeout = 240);

#define RUNS 3000u

static uint32_t draw(uint32_t *state, uint32_t below)
{
    return next_random(state) % below;
}

static struct mock_lie draw_distortion(uint32_t *state, uint32_t accesses)
{
    static const enum mock_space spaces[] = { MOCK_SPACE_ANY,           MOCK_SPACE_REGISTER,
                                              MOCK_SPACE_CONFIGURATION, MOCK_SPACE_PCI_CONFIGURATION,
                                              MOCK_SPACE_MSIX,          MOCK_SPACE_RING,
                                              MOCK_SPACE_DATA };
    struct mock_lie lie = { .offset = MOCK_ANYWHERE };

    lie.space = spaces[draw(state, COUNT_OF(spaces))];
    lie.how = (enum mock_lie_how)(MOCK_LIE_VALUE + draw(state, MOCK_LIE_DROP - MOCK_LIE_VALUE + 1u));
    lie.access = draw(state, 3) == 0 ? 0 : MOCK_READS;
    lie.value = draw(state, 2) != 0 ? draw(state, 16) : (uint64_t)next_random(state) << 32 | next_random(state);
    lie.first = 1u + draw(state, lie.space == MOCK_SPACE_ANY ? accesses : accesses / 5u);
    lie.times = draw(state, 4) == 0 ? 0 : 1u + draw(state, 6);
    return lie;
}

static struct mock_lie draw_deed(uint32_t *state, uint32_t accesses)
{
    static const enum mock_space spaces[] = { MOCK_SPACE_ANY,  MOCK_SPACE_ANY,  MOCK_SPACE_REGISTER,
                                              MOCK_SPACE_RING, MOCK_SPACE_TICK, MOCK_SPACE_COMPLETION };
    struct mock_lie lie = { .offset = MOCK_ANYWHERE };

    lie.space = spaces[draw(state, COUNT_OF(spaces))];
    lie.how = (enum mock_lie_how)(MOCK_LIE_VANISH + draw(state, MOCK_LIE_HOWS - MOCK_LIE_VANISH));
    lie.value = next_random(state);
    lie.area = (enum mock_scribble_area)draw(state, MOCK_SCRIBBLE_AREAS);
    lie.first = 1u + draw(state, lie.space == MOCK_SPACE_ANY ? accesses : 12u);
    lie.times = draw(state, 4) == 0 ? 0 : 1u + draw(state, 3);
    return lie;
}

static struct mock_completion draw_completion(uint32_t *state)
{
    struct mock_completion completion = { .seed = next_random(state) };

    completion.mode = draw(state, 2) == 0 ? MOCK_COMPLETE_AT_KICK : MOCK_COMPLETE_BY_TICK;
    completion.order = (enum mock_completion_order)draw(state, 3);
    completion.delay = 1u + draw(state, 6);
    return completion;
}

TRANSPORT_TEST(lies_random, several_lies_at_once)
{
    uint32_t accesses = campaign_count(variant->kind, NULL, &(struct mock_lie){ .space = MOCK_SPACE_ANY });
    uint32_t state = 0x5eed0001u + (uint32_t)variant->kind;
    unsigned runs = RUNS / test_stride();
    unsigned lied = 0;

    for (unsigned i = 0; i < runs; i++) {
        struct mock_completion completion = draw_completion(&state);
        unsigned count = 1u + draw(&state, 6);

        campaign_machine(variant->kind, &completion);
        for (unsigned k = 0; k < count; k++) {
            struct mock_lie lie =
                draw(&state, 4) == 0 ? draw_deed(&state, accesses) : draw_distortion(&state, accesses);

            (void)campaign_lie(&lie);
        }
        campaign_run();
        lied += machine.model->lies.fired != 0 ? 1u : 0u;
        campaign_recover();
    }
    cr_assert(lied > runs / 2u, "only %u of the runs had a lie in them", lied);
}
