/* SPDX-License-Identifier: MIT */
/*
 * One course of each composed function, over and over: each time another call of the guest's hooks fails, or that one
 * and the next, or another access of the host, until the course ends without having come so far. Registers and mappings
 * are the model's after each step, and the next course is without a failure.
 */
#include "assign_steps.h"

#include <string.h>

#define WINDOW 0x6ff00000u /* the page that the hypervisor has no place at */

TestSuite(assign_failure);

/* What has come of it. */
static struct {
    unsigned failed;
    unsigned degraded;
    unsigned bars; /* most that were mapped */
    bool whole;    /* nothing has failed, so what is meant to be mapped has to be */
} met;

/* ---- One course ---- */

static void write_bar(unsigned index, uint64_t address)
{
    (void)step_write(BAR(index), 4, (uint32_t)address | (index == VPT_PCI_ROM));
    if (model_bar(index)->is_64bit) {
        (void)step_write(BAR(index + 1), 4, (uint32_t)(address >> 32));
    }
}

/* The n-th place of a BAR: apart from each other's, above 8 GiB what can be, and of ports the last as on the host. */
static uint64_t nth_place(unsigned index, unsigned n)
{
    if (model_bar(index)->kind == VPT_PCI_BAR_IO) {
        return n == 2 ? model_bar(index)->address : 0x4000 + 0x1000 * n + 0x100 * index;
    }
    if (model_bar(index)->is_64bit) {
        return UINT64_C(0x1000000000) * (n + 1) + UINT64_C(0x400000000) * index + (n == 1 ? 0xc0000000 : 0);
    }
    return 0x80000000 + 0x20000000 * n + 0x2000000 * index;
}

static void command(uint16_t value)
{
    (void)step_write(0x04, 2, value);
}

static void expect_mapped(bool all)
{
    unsigned count = 0;

    for (unsigned i = 0; i < BARS; i++) {
        count += model_bar(i)->size != 0;
    }
    met.bars = model_mapped() > met.bars ? model_mapped() : met.bars;
    cr_assert(!met.whole || model_mapped() == (all ? count : 0), "%s: %u BARs of %u", model_where(), model_mapped(),
              count);
}

/* From below 4 GiB to a multiple of that and beyond, the upper half first, and back by the lower one. */
static void move_halves(unsigned index)
{
    uint16_t offset = BAR(index);

    (void)step_write((uint16_t)(offset + 4), 4, 0x40);
    (void)step_write(offset, 4, 0x00000000);
    (void)step_write((uint16_t)(offset + 4), 4, 0x42);
    (void)step_write(offset, 4, 0x80000000);
    (void)step_write((uint16_t)(offset + 4), 2, 0x0);
    write_bar(index, nth_place(index, 1));
}

static void move_all(void)
{
    for (unsigned i = 0; i < BARS; i++) {
        if (model_bar(i)->size == 0) {
            continue;
        }
        write_bar(i, nth_place(i, 1));
        (void)step_write(BAR(i), 4, 0xffffffff);
        write_bar(i, nth_place(i, 2));
        if (model_bar(i)->is_64bit) {
            move_halves(i);
        } else if (model_bar(i)->kind == VPT_PCI_BAR_MEMORY) {
            write_bar(i, WINDOW & ~(model_bar(i)->size - 1));
            write_bar(i, nth_place(i, 0));
        }
    }
}

/* Everything a guest can write at the host; and the extended space's alike. */
static void write_passed(void)
{
    for (unsigned i = 0; i < model.composed->register_count; i++) {
        if (model.composed->registers[i].passed != 0 && model.composed->registers[i].offset != 0x04) {
            (void)step_write(model.composed->registers[i].offset, 4, 0x5a5a5a5a);
            (void)step_write(model.composed->registers[i].offset, 4, 0xffffffff);
        }
    }
}

static void switch_off_and_on(void)
{
    command(0x1);
    command(0x7);
    command(0x2);
    command(0x7);
    (void)step_write(0x30, 1, 0);
    (void)step_write(0x30, 1, 1);
    if (model.composed->power != 0) {
        uint16_t offset = (uint16_t)(model.composed->power + 4);

        (void)step_write(offset, 2, 3);
        expect_mapped(false);
        (void)step_write(0x04, 2, 0x1);
        (void)step_write(0x04, 2, 0x7);
        (void)step_write(offset, 2, 0);
    }
}

static void until_released(void)
{
    for (unsigned i = 0; i < 8 && step_release() != VPT_OK; i++) {
        met.failed++;
    }
    cr_assert(!function->device.owned && function->mapped_count == 0, "%s", model_where());
}

static void take_course(void)
{
    static const struct vpt_assign_region own = {
        .guest = 0x70000000, .host = 0x12340000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };

    while (step_acquire() != VPT_OK) {
        cr_assert(!met.whole);
    }
    for (unsigned i = 0; i < BARS; i++) {
        if (model_bar(i)->size != 0) {
            write_bar(i, nth_place(i, 0));
        }
    }
    expect_mapped(false);
    command(0x7);
    expect_mapped(true);
    (void)step_add(&own);
    move_all();
    expect_mapped(true);
    switch_off_and_on();
    expect_mapped(true);
    write_passed();
    (void)step_remove(VPT_ASSIGN_MEMORY, own.guest);
    command(0x0);
    command(0x3);
    expect_mapped(true);
    met.degraded += function->device.degraded;
    until_released();
}

/* A function that nobody has had yet, for course number k. */
static void begin(const struct composed *composed, unsigned k, const char *kind)
{
    step_open(composed);
    model.kind = kind;
    model.number = k;
    function->refuse_first = WINDOW;
    function->refuse_last = WINDOW + 0xfff;
    met.whole = false;
}

static void take_whole_course(void)
{
    met.whole = true;
    take_course();
    assert_status(vpt_assign_close(&function->device), VPT_OK);
}

/* ---- What fails ---- */

/* The k-th call of a hook and those after it up to `more` further ones; false: there are not so many. */
static bool hooks_fail(const struct composed *composed, unsigned k, unsigned more)
{
    unsigned failed;

    begin(composed, k, "failing hook");
    function_fail_hooks(k, more + 1);
    take_course();
    failed = more + 1 - function->fail_hooks;
    met.failed += failed;
    function_fail_hooks(0, 0);
    take_whole_course();
    return failed != 0;
}

static bool host_fails(const struct composed *composed, unsigned k)
{
    bool result;

    begin(composed, k, "failing access of the host");
    function->fail_in = k;
    take_course();
    result = function->fail_in == 0;
    function->fail_in = 0;
    take_whole_course();
    return result;
}

static void each(const struct composed *composed)
{
    unsigned k = 1;

    memset(&met, 0, sizeof(met));
    begin(composed, 0, "no failure");
    take_whole_course();
    while (hooks_fail(composed, k, 0)) {
        cr_assert(k < 1000);
        k++;
    }
    /* With one failure nothing is ever degraded but by a release. */
    cr_assert(met.degraded == 0 && met.failed >= k - 1, "%s", composed->name);
    cr_assert(k > 10, "%s: %u", composed->name, k);
    for (k = 1; hooks_fail(composed, k, 1); k++) {
        cr_assert(k < 1000);
    }
    /* One of two BARs that cannot be unmapped, and the other one not be put back. */
    cr_assert((met.degraded > 0) == (met.bars > 1), "%s: %u", composed->name, met.degraded);
    for (k = 1; host_fails(composed, k); k += test_stride()) {
        cr_assert(k < 1000);
    }
    cr_assert(k > 10, "%s: %u", composed->name, k);
}

/* ---- A function that vanishes ---- */

/* Once that is known nothing is written, and nothing but the guest's regions is left to be taken back. */
static void write_or_gone(uint16_t offset, unsigned width, uint32_t value)
{
    bool gone = function->device.vanished;
    uint32_t got = 0;
    enum vpt_status status;

    function_forget();
    status = guest_try_write(offset, width, value);
    cr_assert((status == VPT_DEVICE_GONE) == function->device.vanished, "%s: %s", model_where(),
              vpt_status_str(status));
    cr_assert(status == VPT_OK || status == VPT_REFUSED || status == VPT_DEVICE_GONE);
    cr_assert(!gone || (function->calls == 0 && function->accesses == 0), "%s: it is known to be gone", model_where());
    gone = function->gone;
    function_forget();
    status = vpt_assign_config_read(&function->device, offset, width, &got);
    cr_assert(!gone || function->accesses == 0 || status == VPT_DEVICE_GONE, "%s: %#x is %#x", model_where(), offset,
              got);
    cr_assert(status == (function->device.vanished ? VPT_DEVICE_GONE : VPT_OK), "%s", model_where());
    cr_assert(!function->device.vanished || got == 0xffffffff >> (32 - 8 * width), "%s: %#x", model_where(), got);
    cr_assert(function->violations == 0 && vpt_assign_check(&function->device) == VPT_OK, "%s", model_where());
}

static void use_until_it_vanishes(void)
{
    for (unsigned n = 0; n < 3; n++) {
        for (unsigned i = 0; i < BARS; i++) {
            uint64_t address = model_bar(i)->size != 0 ? nth_place(i, n) : 0;

            write_or_gone(BAR(i), 4, (uint32_t)address | (i == VPT_PCI_ROM));
            if (model_bar(i)->is_64bit) {
                ++i;
                write_or_gone(BAR(i), 4, (uint32_t)(address >> 32));
            }
        }
        write_or_gone(0x04, 2, 0x7);
    }
    for (unsigned i = 0; i < model.composed->register_count; i++) {
        if (model.composed->registers[i].passed != 0) {
            write_or_gone(model.composed->registers[i].offset, 4, 0xa5a5a5a7);
        }
    }
}

/* From the k-th access on; false: it has not come to that. */
static bool vanishes(const struct composed *composed, unsigned k)
{
    enum vpt_status status;

    begin(composed, k, "vanishing at access");
    function->vanish_in = k;
    status = vpt_assign_acquire(&function->device, UINT64_MAX, &function->guest);
    cr_assert(status == (function->device.vanished ? VPT_DEVICE_GONE : VPT_OK) &&
              function->device.owned == (status == VPT_OK));
    if (status == VPT_OK) {
        use_until_it_vanishes();
    }
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(!function->device.owned && function->mapped_count == 0 && function->violations == 0, "%s", model_where());
    cr_assert(vpt_assign_check(&function->device) == VPT_OK);
    /* It stays gone, even if something answers there again. */
    if (function->device.vanished) {
        function->gone = false;
        function->vanish_in = 0;
        assert_status(vpt_assign_acquire(&function->device, 1, &function->guest), VPT_DEVICE_GONE);
        assert_status(vpt_assign_close(&function->device), VPT_OK);
        return true;
    }
    return function->gone;
}

COMPOSED_TEST(assign_failure, a_function_that_vanishes_at_any_access_is_given_back)
{
    unsigned k = 1;

    while (vanishes(composed_all[*variant], k)) {
        cr_assert(k < 1000);
        k++;
    }
    cr_assert(k > 10, "%s: %u", composed_all[*variant]->name, k);
}

COMPOSED_TEST(assign_failure, each_failure_is_undone_or_told)
{
    each(composed_all[*variant]);
}
