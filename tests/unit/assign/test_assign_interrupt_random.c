/* SPDX-License-Identifier: MIT */
/*
 * Random steps of functions that interrupt in different ways, and of a model: each call of a hook, in its order, each
 * status, and what the guest reads must be the model's, also where hooks fail.
 */
#include <string.h>

#include "assign_signal.h"

TestSuite(assign_interrupt_random, .timeout = 120);

#define ENTRIES_MAX 70u
#define TABLE       0x1ff0u /* across pages */
#define PENDING     0x3ff8u

#define COMMAND        0x4u
#define DECODES_MEMORY 0x2u
#define IS_MASTER      0x4u
#define INTX_DISABLED  0x400u

/* What a function has. */
struct function {
    bool pin;
    bool power;
    bool msi;
    unsigned messages; /* of MSI, as a power of two */
    bool wide;
    bool maskable;
    unsigned entries; /* of MSI-X */
};

static const struct function functions[] = {
    { true, true, true, 5, true, true, 5 },    { true, false, true, 0, false, false, 0 },
    { false, true, true, 1, false, true, 70 }, { true, true, true, 2, true, false, 1 },
    { true, false, true, 3, true, true, 4 },   { false, false, true, 4, false, false, 0 },
    { true, true, true, 5, false, true, 0 },   { true, true, true, 5, true, false, 33 },
    { true, true, false, 0, false, false, 0 }, { false, true, false, 0, false, false, 2 },
};

struct entry {
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

    bool msi_pending[32];
    struct entry entry[ENTRIES_MAX];
    bool asserted;
    bool level;
    enum vpt_assign_interrupt_mode mode;
    unsigned count;
} model;

static const struct function *function;
static struct signal_call expected_log[256];
static unsigned expected_logged;
static unsigned expected_calls;
static uint32_t state;

static uint32_t pick(uint32_t limit)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)state * limit) >> 32);
}

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
    const struct entry *entry = &model.entry[vector];
    bool *pending = msix ? &model.entry[vector].pending : &model.msi_pending[vector];
    bool masked =
        msix ? entry->masked || (model.msix_control & MSIX_FUNCTION_MASK) != 0 : (model.msi_masks >> vector & 1) != 0;
    enum vpt_status status = VPT_OK;

    if (*pending && !masked && model_is_master()) {
        status = msix ? expect(MESSAGE, entry->address, entry->data)
                      : expect(MESSAGE, model.msi_address, model.msi_data / model.count * model.count + vector);
        *pending = status != VPT_OK;
    }
    return status;
}

static enum vpt_status model_follow(void)
{
    enum vpt_status status;

    if ((model.msix_control & MSIX_ENABLE) != 0) {
        status = model_mode(VPT_ASSIGN_INTERRUPT_MSIX, function->entries);
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
    *(model.mode == VPT_ASSIGN_INTERRUPT_MSIX ? &model.entry[vector].pending : &model.msi_pending[vector]) = true;
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

/* ---- Steps: each on both ---- */

/* A register that the model follows stays as it was where the host cannot follow. */
static void write_register(uint32_t *modelled, unsigned offset, unsigned width, uint32_t value)
{
    uint32_t before = *modelled;
    enum vpt_status expected;

    *modelled = value;
    expected = value != before ? model_follow() : VPT_OK;
    if (expected != VPT_OK) {
        *modelled = before;
    }
    assert_status(vpt_assign_config_write(&signals.device, (uint16_t)offset, width, value), expected);
}

static unsigned msi_data_register(void)
{
    return SIGNAL_MSI + (function->wide ? 12 : 8);
}

static void step_msi(void)
{
    uint32_t all = UINT32_MAX >> (32 - (1u << function->messages));

    if (!function->msi) {
        return;
    }
    switch (pick(3)) {
    case 0:
        write_register(&model.msi_control, SIGNAL_MSI + 2, 2,
                       (pick(3) != 0) | MSI_MESSAGES(pick(function->messages + 1)));
        break;
    case 1:
        if (function->maskable) {
            write_register(&model.msi_masks, msi_data_register() + 4, 4, pick(2) != 0 ? pick(UINT32_MAX) & all : 0);
        }
        break;
    default:
        model.msi_address = pick(UINT32_MAX) & ~3u;
        signal_write(SIGNAL_MSI + 4, 4, (uint32_t)model.msi_address);
        if (function->wide) {
            uint32_t high = pick(UINT32_MAX);

            model.msi_address |= (uint64_t)high << 32;
            signal_write(SIGNAL_MSI + 8, 4, high);
        }
        model.msi_data = pick(0x10000);
        signal_write((uint16_t)msi_data_register(), 2, model.msi_data);
        break;
    }
}

static void step_msix(uint32_t control)
{
    if (function->entries != 0) {
        write_register(&model.msix_control, SIGNAL_MSIX + 2, 2, control);
    }
}

/* Outside D0 the table cannot be reached. */
static void step_entry(void)
{
    unsigned vector = pick(function->entries);
    struct entry *entry = &model.entry[vector];
    uint32_t control = pick(UINT32_MAX);
    unsigned at = TABLE + 16 * vector;

    if (function->entries == 0 || model.power_state != 0) {
        return;
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
    unsigned few = function->entries == 0 ? 5 : function->entries;
    unsigned vector = pick(3) == 0 ? VPT_ASSIGN_INTX : pick(pick(4) == 0 ? 80 : few);
    enum vpt_status expected = model_raise(vector);

    assert_status(vpt_assign_raise(&signals.device, (uint16_t)vector), expected);
}

static void step_end(void)
{
    enum vpt_status expected = model_end();

    assert_status(vpt_assign_end_of_interrupt(&signals.device), expected);
}

/* A release is repeated until it succeeds. It forgets all that the owner has written, and what is pending. */
static void release(void)
{
    enum vpt_status expected;

    do {
        expected = model_mode(VPT_ASSIGN_INTERRUPT_NONE, 0);
        model.asserted = false;
        model_line();
        assert_status(vpt_assign_release(&signals.device), expected);
        assert_same(signals.device.owned, expected != VPT_OK);
        assert_same(signals.device.degraded, expected != VPT_OK);
    } while (expected != VPT_OK);
    memset(&model, 0, sizeof(model));
}

static void acquire(void)
{
    enum vpt_status expected;

    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        model.entry[i].masked = true;
    }
    do {
        expected = model_follow();
        assert_status(vpt_assign_acquire(&signals.device, pick(4), &signals.guest), expected);
        assert_same(signals.device.owned, expected == VPT_OK);
    } while (expected != VPT_OK);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    write_register(&model.command, COMMAND, 2, DECODES_MEMORY | IS_MASTER);
}

static void step_rarely(void)
{
    if (pick(8) == 0) {
        release();
        acquire();
    } else if (function->power) {
        write_register(&model.power_state, SIGNAL_PM + 4, 2, pick(2) != 0 ? 0 : pick(4));
    }
}

static void step(void)
{
    switch (pick(16)) {
    case 0: step_msix((pick(4) != 0 ? MSIX_ENABLE : 0) | (pick(3) == 0 ? MSIX_FUNCTION_MASK : 0)); break;
    case 1: step_msix(0); break;
    case 2:
        write_register(&model.command, COMMAND, 2,
                       DECODES_MEMORY | (pick(4) != 0 ? IS_MASTER : 0) | (pick(2) != 0 ? INTX_DISABLED : 0));
        break;
    case 3:
    case 4:
    case 5: step_msi(); break;
    case 6:
    case 7:
    case 8: step_entry(); break;
    case 9:
    case 10: step_end(); break;
    case 11: step_rarely(); break;
    default: step_raise(); break;
    }
}

/* ---- After each ---- */

static void compare_table(void)
{
    uint32_t pending[(ENTRIES_MAX + 31) / 32] = { 0 };

    for (unsigned i = 0; i < function->entries; i++) {
        const struct entry *entry = &model.entry[i];

        pending[i / 32] |= (uint32_t)entry->pending << i % 32;
        assert_same(signal_load(0, TABLE + 16 * i, 8), entry->address);
        assert_same(signal_load(0, TABLE + 16 * i + 8, 8), (uint64_t)entry->masked << 32 | entry->data);
    }
    for (unsigned i = 0; i < function->entries; i += 32) {
        assert_same(signal_load(0, PENDING + i / 8, 4), pending[i / 32]);
    }
    assert_same(signals.accesses, 0);
}

static void compare_msi(void)
{
    uint32_t pending = 0;

    for (unsigned i = 0; i < 32; i++) {
        pending |= (uint32_t)model.msi_pending[i] << i;
    }
    assert_same(signal_read(SIGNAL_MSI + 2, 2) & 0x71, model.msi_control);
    if (function->maskable) {
        assert_same(signal_read((uint16_t)(msi_data_register() + 8), 4), pending);
    } else {
        assert_same(signal_read((uint16_t)(msi_data_register() + 4), 1), SIGNAL_NEIGHBOUR);
        assert_same(signal_read((uint16_t)(msi_data_register() + 8), 1), SIGNAL_NEIGHBOUR);
    }
}

static void compare(void)
{
    assert_same(signals.calls, expected_calls);
    signal_expect(expected_log, expected_logged);
    expected_logged = 0;
    if (function->entries != 0) {
        assert_same(signal_read(SIGNAL_MSIX + 2, 2) & 0xc000, model.msix_control);
    }
    if (model.power_state == 0) {
        compare_table();
    }
    if (function->msi) {
        compare_msi();
    }
    cr_assert(memcmp(&signals.config[SIGNAL_MSI], &signals.initial[SIGNAL_MSI], 256 - SIGNAL_MSI) == 0);
    assert_same(signal_read(COMMAND, 2), model.command);
    assert_same((signals.config[COMMAND] & IS_MASTER) != 0, model_is_master());
    assert_status(vpt_assign_check(&signals.device), VPT_OK);
}

static void run(uint32_t seed, unsigned steps, unsigned fail_at, unsigned fail_one_in)
{
    signal_start();
    signals.config[0x3d] = function->pin;
    signal_bar(0, 0x8000);
    if (function->power) {
        signal_power();
    }
    if (function->msi) {
        signal_msi(function->messages, function->wide, function->maskable);
    }
    if (function->entries != 0) {
        signal_msix(function->entries, 0, TABLE, 0, PENDING);
    }
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    signals.fail_at = fail_at;
    signals.fail_one_in = fail_one_in;
    memset(&model, 0, sizeof(model));
    expected_calls = 0;
    state = seed;
    acquire();
    for (unsigned i = 0; i < steps; i++) {
        compare();
        step();
    }
    release();
    signal_expect(expected_log, expected_logged);
    expected_logged = 0;
}

PARAMETER_TEST(struct function, cr_make_param_array(struct function, (void *)functions, COUNT_OF(functions)),
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
