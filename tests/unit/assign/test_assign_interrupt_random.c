/* SPDX-License-Identifier: MIT */
/*
 * Random lives of a function with all kinds of interrupts, beside a model as plain as can be: each call of a hook, in
 * its order, each status, and what the guest reads; with hooks that fail.
 */
#include <string.h>

#include "assign_signal.h"

TestSuite(assign_interrupt_random, .timeout = 120);

#define ENTRIES 5u
#define TABLE   0x1ff0u /* across pages */
#define PENDING 0x3ff8u

/* Offsets of a MSI capability with all it can have. */
#define MSI_MASKS   (SIGNAL_MSI + 0x10u)
#define MSI_PENDING (SIGNAL_MSI + 0x14u)

struct model_entry {
    uint64_t address;
    uint32_t data;
    bool masked;
    bool pending;
};

struct model {
    uint16_t msix_control;
    uint16_t msi_control;
    uint64_t msi_address;
    uint16_t msi_data;
    bool msi_masked[32];
    bool msi_pending[32];
    struct model_entry entry[ENTRIES];
    bool disabled;
    bool master;
    unsigned power_state;
    bool asserted;
    bool level;
    enum vpt_assign_interrupt_mode mode;
    unsigned count;

    struct signal_call log[64];
    unsigned logged;
    unsigned calls;
};

static struct model model;
static uint32_t state;

static uint32_t pick(uint32_t limit)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)state * limit) >> 32);
}

/* ---- The model ---- */

static void expect(enum signal_kind kind, uint64_t a, uint32_t b)
{
    cr_assert(model.logged < COUNT_OF(model.log));
    model.log[model.logged++] = (struct signal_call){ kind, a, b };
}

static enum vpt_status expect_fallible(enum signal_kind kind, uint64_t a, uint32_t b)
{
    expect(kind, a, b);
    return signal_fails(++model.calls) ? SIGNAL_FAILURE : VPT_OK;
}

static void model_line(void)
{
    bool level = model.asserted && !model.disabled && model.power_state == 0;

    if (level != model.level) {
        expect(LEVEL, level, 0);
    }
    model.level = level;
}

static enum vpt_status model_mode(enum vpt_assign_interrupt_mode mode, unsigned count)
{
    enum vpt_status status = VPT_OK;

    if (mode == model.mode && count == model.count) {
        return VPT_OK;
    }
    if (model.mode == VPT_ASSIGN_INTERRUPT_INTX) {
        status = expect_fallible(HOST_MASK, false, 0);
    }
    if (status == VPT_OK) {
        status = expect_fallible(TOLD, mode, count);
    }
    if (status == VPT_OK) {
        model.mode = mode;
        model.count = count;
        model.asserted = false;
    }
    return status;
}

/* A vector that may have to be delivered. A message is an access of the function's own: by a bus master, in D0. */
static enum vpt_status model_send(unsigned vector)
{
    enum vpt_status status;

    if (!model.master || model.power_state != 0) {
        return VPT_OK;
    }
    if (model.mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        struct model_entry *entry = &model.entry[vector];

        if (!entry->pending || entry->masked || (model.msix_control & MSIX_FUNCTION_MASK) != 0) {
            return VPT_OK;
        }
        status = expect_fallible(MESSAGE, entry->address, entry->data);
        entry->pending = status != VPT_OK;
        return status;
    }
    if (!model.msi_pending[vector] || model.msi_masked[vector]) {
        return VPT_OK;
    }
    status = expect_fallible(MESSAGE, model.msi_address, model.msi_data / model.count * model.count + vector);
    model.msi_pending[vector] = status != VPT_OK;
    return status;
}

static enum vpt_status model_follow(void)
{
    enum vpt_status status;

    if ((model.msix_control & MSIX_ENABLE) != 0) {
        status = model_mode(VPT_ASSIGN_INTERRUPT_MSIX, ENTRIES);
    } else if ((model.msi_control & MSI_ENABLE) != 0) {
        status = model_mode(VPT_ASSIGN_INTERRUPT_MSI, 1u << (model.msi_control >> 4));
    } else {
        status = model_mode(VPT_ASSIGN_INTERRUPT_INTX, 0);
    }
    if (status != VPT_OK) {
        return status;
    }
    model_line();
    for (unsigned i = 0; i < model.count; i++) {
        (void)model_send(i);
    }
    return VPT_OK;
}

static enum vpt_status model_raise(unsigned vector)
{
    if (vector == VPT_ASSIGN_INTX) {
        if (model.mode != VPT_ASSIGN_INTERRUPT_INTX) {
            return VPT_EMPTY;
        }
        model.asserted = true;
        model_line();
        return expect_fallible(HOST_MASK, true, 0);
    }
    if (vector >= model.count) {
        return VPT_EMPTY;
    }
    if (model.mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        model.entry[vector].pending = true;
    } else {
        model.msi_pending[vector] = true;
    }
    return model_send(vector);
}

static enum vpt_status model_end(void)
{
    enum vpt_status status;

    if (!model.asserted) {
        return VPT_EMPTY;
    }
    status = expect_fallible(HOST_MASK, false, 0);
    if (status == VPT_OK) {
        model.asserted = false;
        model_line();
    }
    return status;
}

static void model_power_on(void)
{
    struct model fresh = {
        .mode = model.mode, .count = model.count, .level = model.level, .calls = model.calls, .logged = model.logged
    };

    memcpy(fresh.log, model.log, sizeof(fresh.log));
    for (unsigned i = 0; i < ENTRIES; i++) {
        fresh.entry[i].masked = true;
    }
    model = fresh;
}

/* ---- Steps: each on both ---- */

static enum vpt_status config_write(unsigned offset, unsigned width, uint32_t value)
{
    return vpt_assign_config_write(&signals.device, (uint16_t)offset, width, value);
}

/* A control register, which stays as it was where the host cannot follow. */
static void step_control(uint16_t *control, unsigned offset, uint16_t value)
{
    uint16_t before = *control;
    enum vpt_status expected;

    *control = value;
    expected = value != before ? model_follow() : VPT_OK;
    if (expected != VPT_OK) {
        *control = before;
    }
    assert_status(config_write(offset, 2, value), expected);
}

static void step_command(void)
{
    bool disabled = pick(2) != 0;
    bool master = pick(4) != 0;
    bool changed = disabled != model.disabled || master != model.master;

    model.disabled = disabled;
    model.master = master;
    if (changed) {
        assert_status(model_follow(), VPT_OK);
    }
    assert_status(config_write(4, 2, 0x2u | (master ? 0x4u : 0) | (disabled ? 0x400u : 0)), VPT_OK);
}

/* In D0 half of the time. */
static void step_power(void)
{
    unsigned power_state = pick(2) != 0 ? 0 : pick(4);
    bool changed = power_state != model.power_state;

    model.power_state = power_state;
    if (changed) {
        assert_status(model_follow(), VPT_OK);
    }
    assert_status(config_write(SIGNAL_PM + 4, 2, power_state), VPT_OK);
}

static void step_msi_masks(void)
{
    uint32_t masks = pick(2) != 0 ? pick(UINT32_MAX) : 0;
    bool changed = false;

    for (unsigned i = 0; i < 32; i++) {
        bool masked = (masks >> i & 1) != 0;

        changed = changed || masked != model.msi_masked[i];
        model.msi_masked[i] = masked;
    }
    if (changed) {
        assert_status(model_follow(), VPT_OK);
    }
    assert_status(config_write(MSI_MASKS, 4, masks), VPT_OK);
}

static void step_msi_message(void)
{
    model.msi_address = (uint64_t)pick(UINT32_MAX) << 32 | (pick(UINT32_MAX) & ~3u);
    model.msi_data = (uint16_t)pick(0x10000);
    assert_status(config_write(SIGNAL_MSI + 4, 4, (uint32_t)model.msi_address), VPT_OK);
    assert_status(config_write(SIGNAL_MSI + 8, 4, (uint32_t)(model.msi_address >> 32)), VPT_OK);
    assert_status(config_write(SIGNAL_MSI + 12, 2, model.msi_data), VPT_OK);
}

static void step_entry(void)
{
    unsigned vector = pick(ENTRIES);
    struct model_entry *entry = &model.entry[vector];
    uint32_t control = pick(UINT32_MAX);
    unsigned at = TABLE + 16 * vector;

    if (model.power_state != 0) {
        return; /* the table cannot be reached */
    }
    if (pick(3) == 0) {
        entry->address = (uint64_t)pick(UINT32_MAX) << 32 | (pick(UINT32_MAX) & ~3u);
        signal_store(0, at, 8, entry->address | pick(4));
    }
    entry->masked = (control & 1) != 0;
    if (pick(2) == 0) {
        signal_store(0, at + 12, 4, control);
    } else {
        entry->data = pick(UINT32_MAX);
        signal_store(0, at + 8, 8, (uint64_t)control << 32 | entry->data);
    }
    if (model.mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        (void)model_send(vector);
    }
}

static void step_raise(void)
{
    unsigned vector = pick(3) == 0 ? VPT_ASSIGN_INTX : pick(pick(4) == 0 ? 40 : ENTRIES);
    enum vpt_status expected = model_raise(vector);

    assert_status(vpt_assign_raise(&signals.device, (uint16_t)vector), expected);
}

static void step_end(void)
{
    enum vpt_status expected = model_end();

    assert_status(vpt_assign_end_of_interrupt(&signals.device), expected);
}

/* Until it succeeds; then the next owner, likewise. */
static void step_owner(void)
{
    enum vpt_status expected;

    do {
        expected = model_mode(VPT_ASSIGN_INTERRUPT_NONE, 0);
        model.asserted = false;
        model_line();
        assert_status(vpt_assign_release(&signals.device), expected);
    } while (expected != VPT_OK);
    model_power_on();
    do {
        expected = model_follow();
        assert_status(vpt_assign_acquire(&signals.device, pick(4), &signals.guest), expected);
    } while (expected != VPT_OK);
    assert_status(config_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0)), VPT_OK);
    assert_status(config_write(4, 2, 6), VPT_OK);
    model.master = true;
}

static void step(void)
{
    switch (pick(16)) {
    case 0:
        step_control(&model.msix_control, SIGNAL_MSIX + 2,
                     (uint16_t)((pick(4) != 0 ? MSIX_ENABLE : 0) | (pick(3) == 0 ? MSIX_FUNCTION_MASK : 0)));
        break;
    case 1: step_control(&model.msix_control, SIGNAL_MSIX + 2, 0); break;
    case 2: step_control(&model.msi_control, SIGNAL_MSI + 2, (uint16_t)((pick(3) != 0) | MSI_MESSAGES(pick(6)))); break;
    case 3: step_command(); break;
    case 4: step_msi_masks(); break;
    case 5: step_msi_message(); break;
    case 6:
    case 7:
    case 8: step_entry(); break;
    case 9:
    case 10: step_end(); break;
    case 11:
        if (pick(8) == 0) {
            step_owner();
        } else {
            step_power();
        }
        break;
    default: step_raise(); break;
    }
}

/* ---- After each ---- */

static void compare_table(unsigned number)
{
    uint32_t pending = 0;

    for (unsigned i = 0; i < ENTRIES; i++) {
        pending |= (uint32_t)model.entry[i].pending << i;
        cr_assert(signal_load(0, TABLE + 16 * i, 8) == model.entry[i].address);
        cr_assert(signal_load(0, TABLE + 16 * i + 8, 8) ==
                  ((uint64_t)model.entry[i].masked << 32 | model.entry[i].data));
    }
    cr_assert(signal_load(0, PENDING, 4) == pending, "step %u", number);
}

static void compare(unsigned number)
{
    uint32_t pending = 0;

    cr_assert(signals.calls == model.calls, "step %u: %u calls, not %u", number, signals.calls, model.calls);
    signal_expect(model.log, model.logged);
    model.logged = 0;
    if (model.power_state == 0) {
        compare_table(number);
    }
    for (unsigned i = 0; i < 32; i++) {
        pending |= (uint32_t)model.msi_pending[i] << i;
    }
    cr_assert(signal_read(MSI_PENDING, 4) == pending, "step %u", number);
    cr_assert((signal_read(SIGNAL_MSI + 2, 2) & 0x71) == model.msi_control);
    cr_assert((signal_read(SIGNAL_MSIX + 2, 2) & 0xc000) == model.msix_control);
    cr_assert((signals.config[4] & 0x4) == (model.master && model.power_state == 0 ? 0x4 : 0), "step %u", number);
    assert_status(vpt_assign_check(&signals.device), VPT_OK);
}

static void live(uint32_t seed, unsigned steps)
{
    unsigned fail_at = signals.fail_at;
    unsigned one_in = signals.fail_one_in;

    signal_start();
    signal_bar(0, 0x8000);
    signal_power();
    signal_msi(5, true, true);
    signal_msix(ENTRIES, 0, TABLE, 0, PENDING);
    signal_open();
    signals.calls = 0;
    signals.fail_at = fail_at;
    signals.fail_one_in = one_in;
    memset(&model, 0, sizeof(model));
    model_power_on();
    model.mode = VPT_ASSIGN_INTERRUPT_INTX;
    model.master = true;
    state = seed;
    for (unsigned i = 0; i < steps; i++) {
        step();
        compare(i);
    }
}

Test(assign_interrupt_random, lives_without_failures)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        live(seed, 2000);
    }
}

Test(assign_interrupt_random, lives_with_failures_by_chance)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        signals.fail_one_in = 2 + seed % 9;
        live(seed * 7919, 2000);
    }
}

/* Each call of a hook in turn. */
Test(assign_interrupt_random, lives_in_which_the_kth_call_fails)
{
    unsigned k = 0;

    do {
        k++;
        signals.fail_at = k;
        live(1234 + k % 5, 700);
    } while (signals.calls >= k);
    cr_assert(k > 100, "%u calls", k);
}
