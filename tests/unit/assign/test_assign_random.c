/* SPDX-License-Identifier: MIT */
/*
 * Long random use of the composed functions, against the model, with the checker after each step: accesses to
 * configuration space and to regions, regions of the hypervisor's own, windows that it refuses, owners that come and
 * go, what is hidden, a host that changes, and now and then a hook or an access of the host that fails.
 */
#include "assign_steps.h"

#include <string.h>

#define STEPS 10000u
#define SEEDS 6u

TestSuite(assign_random);

static uint64_t random_state;

static uint32_t number(void)
{
    /* One number for each statement: a seed gives the same steps with any compiler. */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static uint32_t pick(uint32_t below)
{
    return (uint32_t)((uint64_t)number() * below >> 32);
}

/* What has been met, so that one that shows nothing fails. */
static struct {
    unsigned mapped[BARS];
    unsigned refused;
    unsigned hooks_failed;
    unsigned hosts_failed;
    unsigned accesses;
    unsigned regions;
    unsigned owners;
} met;

/* ---- Addresses ---- */

static const uint64_t bases[] = {
    0x0,        0x1000,     0x4000,     0xc000,      0xd000,     0xe000,      0xf000,      0xff00,     0x10000,
    0xd0000,    0xd4000,    0x70000000, 0x7f000000,  0x80000000, 0xfd000000,  0xfe000000,  0xff000000, 0xffff0000,
    1ull << 32, 1ull << 33, 1ull << 34, 0x400010000, 1ull << 39, -1ull << 33, -1ull << 16,
};

/* A BAR that is mapped; BARS: none, or for once any. */
static unsigned some_mapped(void)
{
    unsigned bar = pick(BARS);

    for (unsigned i = 0; i < BARS && !model.now.mapped[bar]; i++) {
        bar = (bar + 1) % BARS;
    }
    return model.now.mapped[bar] && pick(4) != 0 ? bar : BARS;
}

/* In a BAR that is mapped, by its ends or where it is cut, or beside it; else near one of the above. */
static uint64_t some_address(enum vpt_assign_space *space)
{
    static const uint64_t beside[] = {
        0, 0, 1, 2, 4, 6, 8, 0xff8, 0xfff, 0x1000, 0x5ffc, 0x6fff, 0x7000, UINT64_C(0x100002000), UINT64_C(0x100004000)
    };
    unsigned bar = some_mapped();
    uint64_t address = bases[pick(COUNT_OF(bases))];

    *space = pick(2) == 0 ? VPT_ASSIGN_IO : VPT_ASSIGN_MEMORY;
    if (bar < BARS) {
        *space = model_bar(bar)->kind == VPT_PCI_BAR_IO ? VPT_ASSIGN_IO : VPT_ASSIGN_MEMORY;
        address = model.now.at[bar];
        if (pick(4) == 0) {
            return address + model_bar(bar)->size - pick(9);
        }
    }
    address += beside[pick(COUNT_OF(beside))];
    return pick(16) == 0 ? address - 1 - pick(8) : address;
}

static uint32_t some_value(void)
{
    uint64_t address = bases[pick(COUNT_OF(bases))];

    address += pick(4);
    switch (pick(6)) {
    case 0: return 0;
    case 1: return 0xffffffff;
    case 2: return number();
    case 3: return number() & number() & number();
    default: return (uint32_t)(address >> (pick(3) == 0 ? 32 : 0));
    }
}

/* ---- Steps ---- */

/* A dword that something is known about, more often than not. */
static uint16_t some_register(void)
{
    unsigned kind = pick(16);

    if (kind < 6) {
        unsigned bar = pick(BARS);

        return BAR(bar);
    }
    if (kind < 8) {
        return 0x04;
    }
    if (kind == 8 && model.composed->power != 0) {
        return (uint16_t)(model.composed->power + 4);
    }
    if (kind < 15) {
        return model.composed->registers[pick(model.composed->register_count)].offset;
    }
    return (uint16_t)(pick(model.composed->config_size) & ~3u);
}

/* Decoding is on, and the power is, more often than not: else nothing is ever mapped. */
static void some_write(void)
{
    uint16_t offset = some_register();
    unsigned width = pick(4) != 0 ? 4 : 1u << pick(2);
    uint32_t value = some_value();

    if (offset == 0x04 && pick(4) != 0) {
        value |= 3;
    } else if (model.composed->power != 0 && offset == model.composed->power + 4 && pick(3) != 0) {
        value &= ~3u;
    }
    offset = (uint16_t)(offset + pick(5 - width));
    if (step_write(offset, width, value) == VPT_REFUSED) {
        met.refused++;
    }
    met.hooks_failed += function->failed;
    met.hosts_failed += function->failures;
}

/* A hook that fails needs one that is called: by the command register for one. */
static void some_failing_write(void)
{
    if (pick(2) == 0) {
        unsigned first = 1 + pick(3);

        function_fail_hooks(first, 1);
        if (pick(2) == 0) {
            (void)step_write(0x04, 1, pick(4));
            met.hooks_failed += function->failed;
        }
    } else {
        function->fail_in = 1 + pick(2);
    }
    some_write();
    function_fail_hooks(0, 0);
    function->fail_in = 0;
}

static void some_bad_access(void)
{
    static const struct {
        uint16_t offset;
        unsigned width;
    } bad[] = {
        { 0x10, 0 }, { 0x10, 3 }, { 0x10, 8 }, { 0x13, 2 }, { 0x12, 4 }, { 0x31, 4 }, { 0x1000, 4 }, { 0xfffc, 4 },
    };
    unsigned which = pick(COUNT_OF(bad));

    step_read(bad[which].offset, bad[which].width);
    (void)step_write(bad[which].offset, bad[which].width, some_value());
}

static void some_access(void)
{
    static const unsigned widths[] = { 1, 2, 4, 4, 8, 8, 3, 0 };
    uint64_t value = number() * UINT64_C(0x9e3779b97f4a7c15);
    bool write = pick(2) == 0;
    unsigned width = widths[pick(COUNT_OF(widths))];
    enum vpt_assign_space space;
    uint64_t guest = some_address(&space);

    step_access(write, pick(8) == 0 ? VPT_ASSIGN_IO : space, guest, width, value);
    met.accesses += function->memory_accesses;
}

/* A page or a few ports; or one of them goes. */
static void some_region(void)
{
    struct vpt_assign_region region = {
        .space = VPT_ASSIGN_MEMORY, .size = 0x2000, .bar = VPT_ASSIGN_NO_BAR, .trapped = pick(2) == 0
    };
    enum vpt_assign_space space;

    region.guest = some_address(&space);
    if (model.now.regions == MODEL_OWN || pick(3) == 0) {
        uint64_t guest = model.now.regions != 0 ? model.now.region[pick(model.now.regions)].guest : region.guest;

        (void)step_remove(space, guest);
        return;
    }
    if (pick(2) == 0) {
        region.bar = VPT_ASSIGN_RESERVED;
    }
    region.guest &= ~UINT64_C(0xfff);
    region.host = 0x55550000 + (region.trapped ? pick(8) : 0);
    if (region.guest < 0x10000 && space == VPT_ASSIGN_IO) {
        region.space = VPT_ASSIGN_IO;
        region.size = 0x10;
        region.host = region.guest + (region.trapped ? pick(8) : 0);
    }
    if (region.guest > UINT64_MAX - region.size) {
        return;
    }
    met.regions += step_add(&region) == VPT_OK;
}

/* From now on other addresses are refused, where nothing is mapped; or none. */
static void some_window(void)
{
    enum vpt_assign_space space;
    uint64_t first = some_address(&space) & ~UINT64_C(0xfff);
    bool free = first != 0;

    for (unsigned i = 0; i < function->mapped_count; i++) {
        const struct vpt_assign_region *region = &function->mapped[i];

        free = free && (region->guest > first + 0xfff || region->guest + (region->size - 1) < first);
    }
    function->refuse_first = first;
    function->refuse_last = free && pick(4) != 0 ? first + 0xfff : 0;
}

/* At the host errors come up that a guest may clear, some of them. */
static void some_errors(void)
{
    for (unsigned i = 0; i < CONFIG_SIZE; i++) {
        if (function->clear[i] != 0) {
            uint8_t errors = (uint8_t)(function->clear[i] & number());

            function->config[i] |= errors;
            model.now.config[i] |= errors;
        }
    }
}

/* What the host's function says of itself later, and who else writes to it, a guest does not see in what is its own. */
static void some_change(void)
{
    uint16_t at = some_register();

    if (at < 0x34) {
        return;
    }
    for (unsigned i = at; i < at + 4u; i++) {
        uint8_t changed = (uint8_t)((model.own[i] | model.made[i]) & ~function->clear[i] & number());

        function->config[i] ^= changed;
        model.now.config[i] ^= changed;
    }
}

static void some_owner(void)
{
    model_compare_config(0, model.composed->config_size, "everything");
    if (pick(4) == 0) {
        step_hide(0x40, true);
        (void)step_acquire();
    }
    assert_status(step_release(), VPT_OK);
    step_read(0x10, 4);
    (void)step_write(0x10, 4, some_value());
    for (unsigned i = pick(4); i > 0; i--) {
        unsigned which = pick(COMPOSED_CAPABILITIES);
        bool hide = pick(2) == 0;

        step_hide(pick(8) == 0 ? 0x44 : composed_capabilities[which].offset, hide);
    }
    assert_status(step_acquire(), VPT_OK);
    model_compare_config(0, model.composed->config_size, "everything");
    met.owners++;
}

static void some_read(void)
{
    uint16_t offset = some_register();
    unsigned width = 1u << pick(3);

    step_read((uint16_t)(offset + pick(5 - width)), width);
}

static void step(void)
{
    static const struct {
        unsigned below; /* of a thousand */
        void (*step)(void);
    } kinds[] = {
        { 620, some_write },      { 700, some_read },   { 850, some_access }, { 900, some_failing_write },
        { 930, some_region },     { 960, some_window }, { 970, some_errors }, { 980, some_change },
        { 995, some_bad_access }, { 1000, some_owner },
    };
    unsigned number_of_kind = pick(1000);
    unsigned kind = 0;

    while (number_of_kind >= kinds[kind].below) {
        kind++;
    }
    kinds[kind].step();
}

static void use(const struct composed *composed, uint32_t seed)
{
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    step_open(composed);
    model.kind = "seed";
    model.number = seed;
    assert_status(step_acquire(), VPT_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        model.step = i;
        step();
        for (unsigned bar = 0; bar < BARS; bar++) {
            met.mapped[bar] += model.now.mapped[bar];
        }
        if (i % 500 == 0) {
            model_compare_config(0, composed->config_size, "everything");
        }
    }
    assert_status(step_release(), VPT_OK);
    cr_assert(function->mapped_count == 0);
    assert_status(vpt_assign_close(&function->device), VPT_OK);
}

static void use_with_each_seed(const struct composed *composed)
{
    uint32_t runs = 0;

    memset(&met, 0, sizeof(met));
    for (uint32_t seed = 1; seed <= SEEDS; seed += test_stride()) {
        use(composed, seed);
        runs++;
    }
    for (unsigned i = 0; i < BARS; i++) {
        cr_assert((met.mapped[i] > runs * STEPS / 100) == (composed->bars.bar[i].size != 0), "BAR %u: %u", i,
                  met.mapped[i]);
    }
    /* A part of the runs does not meet all. */
    if (runs == SEEDS) {
        cr_assert(met.refused > 20 && met.hooks_failed > 5 && met.hosts_failed > 20, "%u, %u, %u", met.refused,
                  met.hooks_failed, met.hosts_failed);
        cr_assert(met.accesses > 50 && met.regions > 10 && met.owners > 20, "%u, %u, %u", met.accesses, met.regions,
                  met.owners);
    }
}

COMPOSED_TEST(assign_random, a_function_agrees_with_the_model_whatever_is_done_to_it)
{
    use_with_each_seed(composed_all[*variant]);
}
