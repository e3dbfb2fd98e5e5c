/* SPDX-License-Identifier: MIT */
/*
 * A guest's configuration accesses, rule by rule. Each register of composed functions against a model, and what is left
 * of one guest for the next, is in test_assign_random.c; hosts that fail or are gone are in test_assign_failure.c.
 */
#include "assign_devices.h"

/* Of the composed network card. */
#define CONTROL  0xa8u
#define CONTROL2 0xc8u
#define AER      0x100u

TestSuite(assign_config);

/* A function with one capability at 0x40, whose second word this is. */
static void function_with(uint8_t id, uint32_t control)
{
    function_start();
    function_capability(0x40, id, 0);
    function_set(0x42, 2, control);
    function_open_and_give();
}

/* ---- Rules one by one ---- */

Test(assign_config, a_write_carries_no_neighbours_and_clears_only_what_the_guest_names)
{
    static const struct {
        uint16_t offset;
        uint8_t width;
        uint32_t value;
        uint16_t log_offset;
        uint8_t log_width;
        uint32_t logged;
    } rows[] = {
        { CONTROL, 4, 0xffff1000, CONTROL, 2, 0x1b2f },     { 0x04, 4, 0xffff0007, 0x04, 2, 0x0747 },
        { AER + 4, 4, 0x00100000, AER + 4, 4, 0x00100000 }, { AER + 6, 1, 0x20, AER + 6, 1, 0x20 },
        { AER + 9, 2, 0x1234, AER + 8, 4, 0x00123400 },
    };

    composed_give(&composed_nic);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct function_write *write = &function->log[i];

        guest_write(rows[i].offset, rows[i].width, rows[i].value);
        cr_assert(write->offset == rows[i].log_offset && write->width == rows[i].log_width &&
                      write->value == rows[i].logged,
                  "row %u: %#x, width %u, %#x", i, write->offset, write->width, write->value);
    }
    assert_same(function->logged, COUNT_OF(rows));
    assert_same(function_get(AER + 4, 4), 0x00000020);
    /* An unaligned write has bits beside it that a 1 would clear. */
    function_set(AER + 4, 4, 0xffffffff);
    guest_write(AER + 5, 2, 0x0001);
    assert_same(function_get(AER + 4, 4), 0xfffffeff);
}

Test(assign_config, msi_has_no_more_messages_than_the_function)
{
    for (unsigned capable = 0; capable < 8; capable++) {
        unsigned most = capable > 5 ? 5 : capable;

        function_with(0x05, 0x0100 | capable << 1);
        assert_same(guest_read(0x42, 2), 0x100 | most << 1);
        for (unsigned enable = 0; enable < 8; enable++) {
            guest_write(0x42, 2, 0x0001 | enable << 4);
            assert_same(guest_read(0x42, 2), 0x101 | most << 1 | (enable < most ? enable : most) << 4);
        }
        guest_write(0x4c, 4, 0xffffffff);
        assert_same(guest_read(0x4c, 4), 0xffffffffu >> (32 - (1u << most)));
        /* Addresses have 32 bits: the data is here, and no bit above it. */
        guest_write(0x48, 4, 0xffffffff);
        assert_same(guest_read(0x48, 4), 0xffff);
        assert_same(function->logged, 0);
    }
}

/* Neither access reaches the host, and the read gives all-ones. */
static void check_no_access(const char *row, uint16_t offset, unsigned width, enum vpt_status status)
{
    uint32_t value = 0;

    function_forget();
    assert_status_of(row, vpt_assign_config_read(&function->device, offset, width, &value), status);
    assert_same_of(row, value, width == 1 ? 0xff : width == 2 ? 0xffff : 0xffffffff);
    assert_status_of(row, guest_try_write(offset, width, 4), status);
    assert_same_of(row, function->accesses, 0);
}

Test(assign_config, bad_accesses_are_refused)
{
    static const struct {
        uint16_t offset;
        unsigned width;
        enum vpt_status status;
    } rows[] = {
        { 0x00, 0, VPT_CALLER_ALIGNMENT },
        { 0x00, 3, VPT_CALLER_ALIGNMENT },
        { 0x04, 8, VPT_CALLER_ALIGNMENT },
        { 0x03, 2, VPT_CALLER_ALIGNMENT },
        { 0x01, 4, VPT_CALLER_ALIGNMENT },
        { 0x02, 4, VPT_CALLER_ALIGNMENT },
        { 0x00, 0xfffffffcu, VPT_CALLER_ALIGNMENT },
        { 0x00, 0x80000001u, VPT_CALLER_ALIGNMENT },
        { 0x100, 1, VPT_CALLER_RANGE },
        { 0x1000, 4, VPT_CALLER_RANGE },
        { 0xfffc, 4, VPT_CALLER_RANGE },
        { 0xffff, 1, VPT_CALLER_RANGE },
    };
    uint32_t value;

    function_start();
    function_open();
    check_no_access("without an owner", 0, 2, VPT_CALLER_STATE);
    function_give();
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        check_no_access(row_name(i), rows[i].offset, rows[i].width, rows[i].status);
    }
    assert_status(vpt_assign_config_read(&function->device, 0, 4, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_config_read(NULL, 0, 4, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_config_write(NULL, 0, 4, 0), VPT_CALLER_ARGUMENT);
    /* What lies above the width is not written. */
    guest_write(0x3c, 1, 0xffffff12);
    assert_same(guest_read(0x3c, 2), 0x0112);
}

/* A guest's reset leaves its payload size, and any reset the sticky registers (PCI Express, section 6.6.2). */
Test(assign_config, sticky_registers_outlive_any_reset_and_the_payload_size_a_guests)
{
    static const uint16_t sticky[] = { AER + 8, AER + 0xc, AER + 0x14 };

    for (unsigned way = 0; way < 3; way++) {
        composed_start(&composed_nic);
        function_capability(0xf0, 0x13, 0xe0);
        function_set(0xf2, 2, 0x0306);
        function->action[0xf4] = 0x01;
        function->action[CONTROL + 1] = 0x80;
        function->host.delay = host_delay;
        function_open_and_give();
        for (unsigned i = 0; i < COUNT_OF(sticky); i++) {
            guest_write(sticky[i], 4, 0x1000u + i);
        }
        guest_write(CONTROL2, 2, 0x13);
        assert_same(guest_read(CONTROL, 1), 0x30);
        guest_write(CONTROL, 1, 0x0f);
        if (way == 2) {
            assert_status(vpt_assign_reset(&function->device), VPT_OK);
        } else {
            guest_write(way == 0 ? CONTROL : 0xf4, 2, way == 0 ? 0x8020 : 1);
        }
        assert_same(function->actions, 1);
        assert_same(guest_read(CONTROL, 1), way == 2 ? 0x30 : 0x10);
        assert_same(guest_read(CONTROL2, 2), 0x0406);
        for (unsigned i = 0; i < COUNT_OF(sticky); i++) {
            assert_same(guest_read(sticky[i], 4), 0x1000u + i);
        }
        assert_status(vpt_assign_release(&function->device), VPT_OK);
        cr_assert(function_get(AER + 8, 4) != 0x1000);
    }
}
