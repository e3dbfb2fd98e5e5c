/* SPDX-License-Identifier: MIT */
/* A function that a hypervisor makes up, assigned as a physical one is: port/emulated_function.h. */
#include <string.h>

#include "assign_signal.h"

TestSuite(assign_emulated);

/* Registers of 4 KiB, ports, bus mastering, and a status register whose errors are cleared by a 1. */
static const uint8_t initial[256] = {
    0x34, 0x12, 0x78, 0x56, 0x03, 0x00, 0x00, 0x40, [0x13] = 0x40, [0x14] = 0x01, 0xc0
};
static const uint8_t writable[256] = { [0x04] = 0x07, [0x11] = 0xf0, 0xff, 0xff, [0x14] = 0xe0, 0xff };
static const uint8_t clear[256] = { [0x07] = 0xf9 };

static const struct vpt_assign_host *const host = &signals.function.host;

static void make(void)
{
    signal_start();
    signals.function.initial = initial;
    signals.function.writable = writable;
    signals.function.clear = clear;
    assert_status(vpt_emulated_init(&signals.function), VPT_OK);
}

static void make_and_open(void)
{
    static const struct vpt_assign_trap trap = { .bar = 0, .offset = 0, .size = 0x1000 };

    make();
    signals.setup.bars = NULL;
    signals.setup.traps = &trap;
    signals.setup.trap_count = 1;
    signal_open();
    cr_assert(memcmp(&signals.config[8], &initial[8], sizeof(initial) - 8) == 0, "sizing has left something");
}

static void expect_access(bool write, enum vpt_assign_space space, uint64_t address, unsigned width)
{
    assert_same(signals.access.write, write);
    assert_same(signals.access.space, space);
    assert_same(signals.access.address, address);
    assert_same(signals.access.width, width);
}

Test(assign_emulated, a_guest_uses_it_as_a_physical_function)
{
    uint64_t value;

    make_and_open();
    signal_write(0x10, 4, 0xffffffff);
    assert_same(signal_read(0x10, 4), 0xfffff000);
    signal_write(0x14, 4, 0xffffffff);
    assert_same(signal_read(0x14, 4), 0xffffffe1);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    signal_write(0x14, 4, 0x2000);
    signal_write(0x04, 2, 7);
    assert_same(signals.config[4], 7);
    assert_same(signals.live, 2);
    cr_assert(signals.device.regions[0].trapped && signals.device.regions[1].trapped);

    signal_store(0, 0x108, 8, 0x1122334455667788);
    expect_access(true, VPT_ASSIGN_MEMORY, 0x40000108, 8);
    assert_same(signals.value, 0x1122334455667788);
    assert_same(signal_load(0, 4, 2), 0x7788);
    expect_access(false, VPT_ASSIGN_MEMORY, 0x40000004, 2);
    assert_status(vpt_assign_access_write(&signals.device, VPT_ASSIGN_IO, 0x2004, 4, 0xcafe), VPT_OK);
    expect_access(true, VPT_ASSIGN_IO, 0xc004, 4);
    assert_same(signals.value, 0xcafe);
    assert_status(vpt_assign_access_read(&signals.device, VPT_ASSIGN_IO, 0x2000, 1, &value), VPT_OK);
    assert_same(value, 0xfe);
    assert_same(signals.accesses, 4);
}

static void expect_register(uint16_t offset, unsigned width, uint32_t expected)
{
    uint32_t value;

    assert_status(host->config_read(host->ctx, offset, width, &value), VPT_OK);
    assert_same(value, expected);
}

Test(assign_emulated, registers_have_bits_that_are_fixed_written_or_cleared_by_a_1)
{
    uint32_t value;

    make();
    expect_register(0, 4, 0x56781234);
    expect_register(2, 2, 0x5678);
    expect_register(1, 1, 0x12);
    assert_status(host->config_write(host->ctx, 0, 4, 0xffffffff), VPT_OK);
    expect_register(0, 4, 0x56781234);
    assert_status(host->config_write(host->ctx, 4, 4, 0x00000005), VPT_OK);
    expect_register(4, 4, 0x40000005);
    assert_status(host->config_write(host->ctx, 7, 1, 0x40), VPT_OK);
    expect_register(4, 4, 0x00000005);
    assert_status(host->config_read(host->ctx, 254, 4, &value), VPT_CALLER_RANGE);
    assert_status(host->config_read(host->ctx, 256, 1, &value), VPT_CALLER_RANGE);
    assert_status(host->config_write(host->ctx, 0, 3, 0), VPT_CALLER_RANGE);
    assert_status(host->config_write(host->ctx, 255, 2, 0), VPT_CALLER_RANGE);
}

Test(assign_emulated, a_reset_gives_registers_their_initial_values)
{
    make_and_open();
    signals.config[0x80] = 0x55;
    assert_status(vpt_assign_reset(&signals.device), VPT_OK);
    assert_same(signals.resets, 1);
    assert_same(signals.live, 0);
    assert_same(signals.config[0x80], 0);
    assert_same(signal_read(0x04, 2), 0);
    assert_same(signal_read(0x10, 4), 0);
    signal_write(0x04, 2, 4);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_same(signals.resets, 2);
    assert_same(signals.config[4], 3);
}

Test(assign_emulated, what_is_left_out_is_not_there)
{
    struct vpt_emulated_function *function = &signals.function;
    uint64_t wide;
    uint32_t value;

    signal_start();
    *function = (struct vpt_emulated_function){ .config = signals.config, .initial = initial, .size = 256 };
    assert_status(vpt_emulated_init(function), VPT_OK);
    assert_status(host->config_write(function, 4, 4, 0xffffffff), VPT_OK);
    cr_assert(memcmp(signals.config, initial, sizeof(initial)) == 0);
    assert_status(host->memory_read(function, 0, 4, &wide), VPT_UNSUPPORTED_PORT);
    assert_status(host->memory_write(function, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    assert_status(host->io_read(function, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(host->io_write(function, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    assert_status(host->reset(function, VPT_ASSIGN_RESET_BUS), VPT_UNSUPPORTED_DEVICE);
    signals.config[0] = 0;
    assert_status(host->reset(function, VPT_ASSIGN_RESET_DEVICE), VPT_OK);
    expect_register(0, 1, 0x34);
}

static void refuse(uint8_t *config, const uint8_t *first, uint16_t size)
{
    struct vpt_emulated_function function = { .config = config, .initial = first, .size = size };

    assert_status(vpt_emulated_init(&function), VPT_CALLER_ARGUMENT);
}

Test(assign_emulated, it_needs_registers_and_their_initial_values)
{
    refuse(signals.config, initial, 255);
    refuse(NULL, initial, 256);
    refuse(signals.config, NULL, 256);
    assert_status(vpt_emulated_init(NULL), VPT_CALLER_ARGUMENT);
}
