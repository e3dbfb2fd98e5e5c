/* SPDX-License-Identifier: MIT */
/*
 * Random steps of functions that interrupt in different ways, and of a model: each call of a hook, in its order, each
 * status, and what the guest reads must be the model's, also where hooks fail.
 */
#include <stdio.h>
#include <string.h>

#include "assign_signal.h"

TestSuite(assign_interrupt_random, .timeout = 120);

#define COMMAND        0x4u
#define DECODES_MEMORY 0x2u
#define IS_MASTER      0x4u
#define INTX_DISABLED  0x400u

static const struct signal_function functions[] = {
    { true, true, true, 5, true, true, 5 },    { true, false, true, 0, false, false, 1 },
    { false, true, true, 1, false, true, 70 }, { true, true, true, 2, true, false, 1 },
    { true, false, true, 3, true, true, 4 },   { false, false, true, 4, false, false, 2 },
    { true, true, true, 5, false, true, 32 },  { true, true, true, 5, true, false, 33 },
};

struct vector {
    uint64_t address;
    uint32_t data;
    bool masked;
    bool pending;
};

static struct {
    /* Registers as the guest has written them. */
    uint32_t msix_control;
    uint32_t msi_control;
    uint32_t msi_masks;
    uint64_t msi_address;
    uint32_t msi_data;
    uint32_t command;
    uint32_t power_state;

    struct vector msi[32]; /* pending or not, and nothing else */
    struct vector entry[96];
    bool asserted;
    bool level;
    enum vpt_assign_interrupt_mode mode;
    unsigned count;
} model;

static const struct signal_function *function;
static struct signal_call expected_log[256];
static unsigned expected_logged;
static unsigned expected_calls;

/* ---- The model ---- */

static enum vpt_status expect(enum signal_kind kind, uint64_t a, uint32_t b)
{
    cr_assert(expected_logged < COUNT_OF(expected_log));
    expected_log[expected_logged++] = (struct signal_call){ kind, a, b };
    return kind != LEVEL && signal_fails(++expected_calls) ? SIGNAL_FAILURE : VPT_OK;
}

static void model_line(void)
{
    bool level = model.asserted && (model.command & INTX_DISABLED) == 0 && model.power_state == 0;

    if (level != model.level) {
        (void)expect(LEVEL, level, 0);
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
        status = expect(HOST_MASK, false, 0);
    }
    if (status == VPT_OK) {
        status = expect(TOLD, mode, count);
    }
    if (status == VPT_OK) {
        model.mode = mode;
        model.count = count;
        model.asserted = false;
    }
    return status;
}

/* A message is a write to memory: it needs a bus master (PCI Express 4.0, 7.5.1.1.3) in D0 (PCI PM 1.2, 5.4). */
static bool model_is_master(void)
{
    return (model.command & IS_MASTER) != 0 && model.power_state == 0;
}

static enum vpt_status model_send(unsigned vector)
{
    bool msix = model.mode == VPT_ASSIGN_INTERRUPT_MSIX;
    struct vector *entry = msix ? &model.entry[vector] : &model.msi[vector];
    bool masked =
        msix ? entry->masked || (model.msix_control & MSIX_FUNCTION_MASK) != 0 : (model.msi_masks >> vector & 1) != 0;
    enum vpt_status status = VPT_OK;

    if (entry->pending && !masked && model_is_master()) {
        status = msix ? expect(MESSAGE, entry->address, entry->data)
                      : expect(MESSAGE, model.msi_address, model.msi_data / model.count * model.count + vector);
        entry->pending = status != VPT_OK;
    }
    return status;
}

static enum vpt_status model_follow(void)
{
    enum vpt_status status;

    if ((model.msix_control & MSIX_ENABLE) != 0) {
        status = model_mode(VPT_ASSIGN_INTERRUPT_MSIX, function->vectors);
    } else if ((model.msi_control & MSI_ENABLE) != 0) {
        status = model_mode(VPT_ASSIGN_INTERRUPT_MSI, 1u << (model.msi_control >> 4));
    } else {
        status = model_mode(function->pin ? VPT_ASSIGN_INTERRUPT_INTX : VPT_ASSIGN_INTERRUPT_NONE, 0);
    }
    if (status == VPT_OK) {
        model_line();
        for (unsigned i = 0; i < model.count; i++) {
            (void)model_send(i);
        }
    }
    return status;
}

static enum vpt_status model_raise(unsigned vector)
{
    if (vector == VPT_ASSIGN_INTX && model.mode == VPT_ASSIGN_INTERRUPT_INTX) {
        model.asserted = true;
        model_line();
        return expect(HOST_MASK, true, 0);
    }
    if (vector >= model.count) {
        return VPT_EMPTY;
    }
    (model.mode == VPT_ASSIGN_INTERRUPT_MSIX ? &model.entry[vector] : &model.msi[vector])->pending = true;
    return model_send(vector);
}

static enum vpt_status model_end(void)
{
    enum vpt_status status = model.asserted ? expect(HOST_MASK, false, 0) : VPT_EMPTY;

    if (status == VPT_OK) {
        model.asserted = false;
        model_line();
    }
    return status;
}

static enum vpt_status model_release(void)
{
    enum vpt_status status = model_mode(VPT_ASSIGN_INTERRUPT_NONE, 0);

    model.asserted = false;
    model_line();
    return status;
}

/* ---- Steps: each on both ---- */

/* A register that the model follows stays as it was where the host cannot follow. */
static void write_register(uint32_t *modelled, unsigned offset, unsigned width, uint32_t value)
{
    uint32_t before = *modelled;
    enum vpt_status status = vpt_assign_config_write(&signals.device, (uint16_t)offset, width, value);

    *modelled = value;
    assert_status(status, value != before ? model_follow() : VPT_OK);
    if (status != VPT_OK) {
        *modelled = before;
    }
}

static unsigned msi_data_register(void)
{
    return SIGNAL_MSI + (function->wide ? 12 : 8);
}

static void step_msi(void)
{
    uint32_t all = UINT32_MAX >> (32 - (1u << function->messages));

    switch (signal_pick(3)) {
    case 0:
        write_register(&model.msi_control, SIGNAL_MSI + 2, 2,
                       (signal_pick(3) != 0) | MSI_MESSAGES(signal_pick(function->messages + 1)));
        break;
    case 1:
        if (function->maskable) {
            write_register(&model.msi_masks, msi_data_register() + 4, 4,
                           signal_pick(2) != 0 ? signal_pick(UINT32_MAX) & all : 0);
        }
        break;
    default:
        model.msi_address =
            (uint64_t)(function->wide ? signal_pick(UINT32_MAX) : 0) << 32 | (signal_pick(UINT32_MAX) & ~3u);
        signal_write(SIGNAL_MSI + 4, 4, (uint32_t)model.msi_address);
        if (function->wide) {
            signal_write(SIGNAL_MSI + 8, 4, (uint32_t)(model.msi_address >> 32));
        }
        model.msi_data = signal_pick(0x10000);
        signal_write((uint16_t)msi_data_register(), 2, model.msi_data);
        break;
    }
}

/* Outside D0 the table cannot be reached. */
static void step_entry(void)
{
    unsigned vector = signal_pick(function->vectors);
    struct vector *entry = &model.entry[vector];
    uint32_t control = signal_pick(UINT32_MAX);
    unsigned at = SIGNAL_TABLE + 16 * vector;

    if (model.power_state != 0) {
        return;
    }
    if (signal_pick(3) == 0) {
        entry->address = (uint64_t)signal_pick(UINT32_MAX) << 32 | (signal_pick(UINT32_MAX) & ~3u);
        signal_store(0, at, 8, entry->address | signal_pick(4));
    }
    entry->masked = (control & 1) != 0;
    if (signal_pick(2) == 0) {
        signal_store(0, at + 12, 4, control);
    } else {
        entry->data = signal_pick(UINT32_MAX);
        signal_store(0, at + 8, 8, (uint64_t)control << 32 | entry->data);
    }
    if (model.mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        (void)model_send(vector);
    }
}

static void step_raise(void)
{
    unsigned vector = signal_pick(3) == 0 ? VPT_ASSIGN_INTX : signal_pick(signal_pick(4) == 0 ? 80 : function->vectors);

    assert_status(vpt_assign_raise(&signals.device, (uint16_t)vector), model_raise(vector));
}

/* A release is repeated until it succeeds. It forgets all that the owner has written, and what is pending. */
static void release(void)
{
    enum vpt_status status;

    do {
        status = vpt_assign_release(&signals.device);
        assert_status(status, model_release());
        assert_same(signals.device.owned, status != VPT_OK);
        assert_same(signals.device.degraded, status != VPT_OK);
    } while (status != VPT_OK);
    memset(&model, 0, sizeof(model));
}

static void acquire(void)
{
    enum vpt_status status;

    for (unsigned i = 0; i < function->vectors; i++) {
        model.entry[i].masked = true;
    }
    do {
        status = vpt_assign_acquire(&signals.device, signal_pick(4), &signals.guest);
        assert_status(status, model_follow());
        assert_same(signals.device.owned, status == VPT_OK);
    } while (status != VPT_OK);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    write_register(&model.command, COMMAND, 2, DECODES_MEMORY | IS_MASTER);
}

static void step_rarely(void)
{
    if (signal_pick(8) == 0) {
        release();
        acquire();
    } else if (function->power) {
        write_register(&model.power_state, SIGNAL_PM + 4, 2, signal_pick(2) != 0 ? 0 : signal_pick(4));
    }
}

static void step(void)
{
    switch (signal_pick(16)) {
    case 0: write_register(&model.msix_control, SIGNAL_MSIX + 2, 2, 0); break;
    case 1:
        write_register(&model.msix_control, SIGNAL_MSIX + 2, 2,
                       (signal_pick(4) != 0 ? MSIX_ENABLE : 0) | (signal_pick(3) == 0 ? MSIX_FUNCTION_MASK : 0));
        break;
    case 2:
        write_register(&model.command, COMMAND, 2,
                       DECODES_MEMORY | (signal_pick(4) != 0 ? IS_MASTER : 0) |
                           (signal_pick(2) != 0 ? INTX_DISABLED : 0));
        break;
    case 3:
    case 4:
    case 5: step_msi(); break;
    case 6:
    case 7:
    case 8: step_entry(); break;
    case 9:
    case 10: assert_status(vpt_assign_end_of_interrupt(&signals.device), model_end()); break;
    case 11: step_rarely(); break;
    default: step_raise(); break;
    }
}

/* ---- After each ---- */

static uint32_t pending_bits(const struct vector *first)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 32; i++) {
        bits |= (uint32_t)first[i].pending << i;
    }
    return bits;
}

static char step_text[40];

static void compare_table(void)
{
    for (unsigned i = 0; i < function->vectors; i++) {
        const struct vector *entry = &model.entry[i];

        assert_same_of(step_text, signal_load(0, SIGNAL_TABLE + 16 * i, 8), entry->address);
        assert_same_of(step_text, signal_load(0, SIGNAL_TABLE + 16 * i + 8, 8),
                       (uint64_t)entry->masked << 32 | entry->data);
    }
    for (unsigned i = 0; i < function->vectors; i += 32) {
        assert_same_of(step_text, signal_load(0, SIGNAL_PENDING + i / 8, 4), pending_bits(&model.entry[i]));
    }
    assert_same_of(step_text, signals.accesses, 0);
}

static void compare(void)
{
    assert_same_of(step_text, signals.calls, expected_calls);
    signal_expect(expected_log, expected_logged);
    expected_logged = 0;
    if (model.power_state == 0) {
        compare_table();
    }
    assert_same_of(step_text, signal_read(SIGNAL_MSIX + 2, 2) & 0xc000, model.msix_control);
    assert_same_of(step_text, signal_read(SIGNAL_MSI + 2, 2) & 0x71, model.msi_control);
    if (function->maskable) {
        assert_same_of(step_text, signal_read((uint16_t)(msi_data_register() + 8), 4), pending_bits(model.msi));
    } else {
        assert_same_of(step_text, signal_read((uint16_t)(msi_data_register() + 4), 1), SIGNAL_NEIGHBOUR);
        assert_same_of(step_text, signal_read((uint16_t)(msi_data_register() + 8), 1), SIGNAL_NEIGHBOUR);
    }
    cr_assert(memcmp(&signals.config[SIGNAL_MSI], &signals.initial[SIGNAL_MSI], 256 - SIGNAL_MSI) == 0);
    assert_same_of(step_text, signal_read(COMMAND, 2), model.command);
    assert_same_of(step_text, (signals.config[COMMAND] & IS_MASTER) != 0, model_is_master());
    assert_status(vpt_assign_check(&signals.device), VPT_OK);
}

static void run(uint32_t seed, unsigned steps, unsigned fail_at, unsigned fail_one_in)
{
    signal_make(function);
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    signals.fail_at = fail_at;
    signals.fail_one_in = fail_one_in;
    expected_calls = 0;
    signals.random = seed;
    acquire();
    for (unsigned i = 0; i < steps; i++) {
        (void)snprintf(step_text, sizeof(step_text), "seed %u, step %u:", (unsigned)seed, i);
        compare();
        step();
    }
    release();
    signal_expect(expected_log, expected_logged);
    expected_logged = 0;
}

PARAMETER_TEST(struct signal_function,
               cr_make_param_array(struct signal_function, (void *)functions, COUNT_OF(functions)),
               assign_interrupt_random, a_function_of_each_kind_does_what_the_model_does)
{
    function = variant;
    for (uint32_t seed = 1; seed <= 10; seed++) {
        run(seed, 2000, 0, 0);
        run(seed * 7919, 2000, 0, 1 + seed);
    }
}

/* With each call of a hook failing in turn. */
Test(assign_interrupt_random, a_function_does_what_the_model_does_after_any_one_failure)
{
    unsigned k = 0;

    function = &functions[0];
    do {
        k++;
        run(1234 + k % 5, 700, k, 0);
    } while (signals.calls >= k);
    cr_assert(k > 100, "%u calls", k);
}
