/* SPDX-License-Identifier: MIT */
/*
 * The whole life of a disk, over and over, and at each of its accesses in turn the device does something of its own
 * accord: it vanishes, comes back, stops, fails, resets itself, changes, interrupts, scribbles.
 */
#include "campaign.h"

TestSuite(lies_deeds, .timeout = 240);

static const struct mock_lie everywhere = { .space = MOCK_SPACE_ANY };

static const struct mock_completion by_tick = {
    .mode = MOCK_COMPLETE_BY_TICK, .delay = 3, .order = MOCK_ORDER_SHUFFLED, .seed = 7
};
static const struct mock_completion by_run = { .mode = MOCK_COMPLETE_BY_RUN };

/* What a driver has to have found out by the end, beyond what any life has to keep to. */
static void check_found(enum mock_lie_how how)
{
    const struct vpt_blk_info *info = &disk.blk.info;

    if (how == MOCK_LIE_VANISH && campaign.device != NULL && machine.model->vanished) {
        cr_assert(campaign.end == VPT_OK || (campaign.end == VPT_DEVICE_GONE && vpt_device_gone(campaign.device)),
                  "a device is gone at %llu, and the reset says \"%s\"", (unsigned long long)campaign.n,
                  vpt_status_str(campaign.end));
        cr_assert(machine.hal->waits[VPT_WAIT_RESET] == 0, "a device that is gone at %llu is waited for",
                  (unsigned long long)campaign.n);
    }
    /* Each capacity that the device has shown has equal halves, but for the first one. */
    if (how == MOCK_LIE_CONFIGURATION) {
        cr_assert(info->capacity == CAMPAIGN_CAPACITY || info->capacity >> 32 == (info->capacity & UINT32_MAX),
                  "a capacity of 0x%llx at %llu", (unsigned long long)info->capacity, (unsigned long long)campaign.n);
    }
}

static void check_at(enum machine_kind kind, const struct mock_completion *completion, const struct mock_lie *lies,
                     unsigned count)
{
    campaign_machine(kind, completion);
    for (unsigned i = 0; i < count; i++) {
        (void)campaign_lie(&lies[i]);
    }
    campaign_run();
    cr_assert(mock_lie_fired(&machine.model->lies, 0) != 0, "%s did not come to pass at %u", campaign.lie,
              lies[0].first);
    check_found(lies[0].how);
    campaign_recover();
}

static void at_each_access(enum machine_kind kind, const struct mock_completion *completion, struct mock_lie lie)
{
    uint32_t accesses = campaign_count(kind, completion, &everywhere);

    for (lie.first = 1; lie.first <= accesses; lie.first += test_stride()) {
        lie.times = 1;
        check_at(kind, completion, &lie, 1);
    }
}

TRANSPORT_TEST(lies_deeds, it_vanishes_at_each_access)
{
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_VANISH });
    at_each_access(variant->kind, &by_tick, (struct mock_lie){ .how = MOCK_LIE_VANISH });
}

/* It is back, as new, some accesses later: a driver may have noticed, or not. */
TRANSPORT_TEST(lies_deeds, it_vanishes_and_comes_back_at_each_access)
{
    static const uint32_t away[] = { 1, 2, 3, 7, 20 };
    uint32_t accesses = campaign_count(variant->kind, NULL, &everywhere);

    for (uint32_t n = 1; n <= accesses; n += test_stride()) {
        for (unsigned i = 0; i < COUNT_OF(away); i++) {
            struct mock_lie lies[] = {
                { .how = MOCK_LIE_VANISH, .first = n, .times = 1 },
                { .how = MOCK_LIE_RETURN, .first = n + away[i], .times = 1 },
            };

            check_at(variant->kind, NULL, lies, COUNT_OF(lies));
        }
    }
}

TRANSPORT_TEST(lies_deeds, it_stops_completing_at_each_access)
{
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_STOP });
    at_each_access(variant->kind, &by_tick, (struct mock_lie){ .how = MOCK_LIE_STOP });
}

TRANSPORT_TEST(lies_deeds, it_stops_completing_at_each_completion)
{
    struct mock_lie lie = { .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .times = 1 };
    uint32_t completions = campaign_count(variant->kind, &by_tick, &lie);

    cr_assert(completions == 5u + CAMPAIGN_REQUESTS);
    for (lie.first = 1; lie.first <= completions; lie.first++) {
        check_at(variant->kind, &by_tick, &lie, 1);
    }
}

/* It has taken a request, does not complete it, and no reset ends that: its memory is not given back. */
TRANSPORT_TEST(lies_deeds, it_stops_at_each_completion_and_cannot_be_reset)
{
    struct mock_lie lie = { .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .times = 1 };
    uint32_t completions = campaign_count(variant->kind, &by_tick, &lie);
    bool pci = machine_kind_on_pci(variant->kind);

    for (lie.first = 1; lie.first <= completions; lie.first++) {
        campaign_machine(variant->kind, &by_tick);
        (void)campaign_lie(&lie);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
        campaign_run();
        cr_assert(campaign.end == (pci ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_STUCK), "%s", vpt_status_str(campaign.end));
        cr_assert(mock_device_pending(machine.model) != 0);
        cr_assert(pci == (mock_hal_live_allocations(machine.hal) == 0));
        campaign_recover();
    }
}

TRANSPORT_TEST(lies_deeds, it_needs_a_reset_at_each_access)
{
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_NEEDS_RESET });
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_NEEDS_RESET_QUIET });
}

TRANSPORT_TEST(lies_deeds, it_resets_itself_at_each_access)
{
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_RESET });
    at_each_access(variant->kind, &by_tick, (struct mock_lie){ .how = MOCK_LIE_RESET });
}

TRANSPORT_TEST(lies_deeds, its_configuration_changes_at_each_access)
{
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_CONFIGURATION });
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_GENERATION });
}

TRANSPORT_TEST(lies_deeds, it_interrupts_at_each_access)
{
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_INTERRUPT });
    at_each_access(variant->kind, NULL, (struct mock_lie){ .how = MOCK_LIE_INTERRUPT_CONFIGURATION });
}

/* A device that is slow, and works on its rings whenever it likes. */
TRANSPORT_TEST(lies_deeds, it_works_at_each_tick_but_not_at_a_kick)
{
    static const enum mock_lie_how hows[] = { MOCK_LIE_COMPLETE, MOCK_LIE_LOOK };

    for (unsigned i = 0; i < COUNT_OF(hows); i++) {
        struct mock_lie lie = { .space = MOCK_SPACE_TICK, .how = hows[i], .first = 1, .times = 0 };

        check_at(variant->kind, i == 0 ? &by_run : NULL, &lie, 1);
        for (lie.first = 1; lie.first <= 24; lie.first++) {
            lie.times = 1;
            check_at(variant->kind, &by_run, &lie, 1);
        }
    }
}

/* Once that has been made up for by completing at each tick, such a device serves every request. */
TRANSPORT_TEST(lies_deeds, it_completes_between_two_accesses)
{
    struct mock_lie lie = { .space = MOCK_SPACE_TICK, .how = MOCK_LIE_COMPLETE, .first = 1 };

    campaign_machine(variant->kind, &by_run);
    (void)campaign_lie(&lie);
    campaign.clean = true;
    campaign.served = 0;
    campaign_run();
    cr_assert(campaign.served == 5u + CAMPAIGN_REQUESTS);
    cr_assert(mock_lie_fired(&machine.model->lies, 0) >= 5u);
    campaign_recover();
}

static void scribble_at_each_access(enum machine_kind kind, enum mock_scribble_area area, unsigned rounds)
{
    static const uint8_t nothing[16];
    static const uint8_t ones[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct mock_lie lie = { .how = MOCK_LIE_SCRIBBLE, .area = area };

    for (unsigned i = 0; i < rounds; i++) {
        lie.value = 0x9e3779b9u * (i + 1u);
        lie.content = i % 4u == 2u ? nothing : i % 4u == 3u ? ones : NULL;
        lie.bytes = lie.content != NULL ? sizeof(nothing) : 0;
        at_each_access(kind, i % 2u == 0 ? NULL : &by_tick, lie);
    }
}

TRANSPORT_TEST(lies_deeds, it_scribbles_on_its_memory_at_each_access)
{
    for (unsigned i = 0; i < MOCK_SCRIBBLE_AREAS; i++) {
        scribble_at_each_access(variant->kind, (enum mock_scribble_area)i, 4);
    }
}
