/* SPDX-License-Identifier: MIT */
/*
 * A function that somebody has reset behind the hypervisor's back: whichever write of the guest's asks for decoding,
 * the host's BARs and its command register are as they were, before anything is mapped. And what that costs: nothing.
 */
#include <string.h>

#include "simulated_host.h"

TestSuite(assign_lost);

static void write(struct config_value write)
{
    guest_write(write.offset, write.width, write.value);
}

static void start(void)
{
    function_resettable(function, BY_PCIE);
    function_open();
    function_give_to(function, 1);
}

/* All that it held, but what was there at power-on. */
static void lose(void)
{
    memcpy(function->config, function->at_power_on, sizeof(function->at_power_on));
    function_forget();
}

/* Up to the list of capabilities all is as at the open, and the function masters the bus again. */
static void check_back(void)
{
    assert_same(function->violations, 0);
    cr_assert(memcmp(&function->config[0x0c], &function->at_open[0x0c], 0x28) == 0);
    assert_same(function->config[4] & 7, DECODING | MASTER);
    assert_status(vpt_assign_check(&function->device), VPT_OK);
}

Test(assign_lost, any_write_that_asks_for_decoding_restores)
{
    static const struct {
        struct config_value before;
        struct config_value write;
        unsigned mapped;
    } rows[] = {
        { { 4, 2, 0x107 }, { 4, 2, 0x107 }, 3 }, /* the same again */
        { { 4, 2, 0x107 }, { 4, 1, 0x07 }, 3 },
        { { 4, 2, 0x105 }, { 4, 2, 0x107 }, 3 }, /* memory, ports are decoded already */
        { { 4, 2, 0x107 }, { 4, 2, 0x105 }, 1 },
        { { 4, 2, 0x107 }, { 0x10, 4, 0xe0000000 }, 3 }, /* a move */
        { { 4, 2, 0x107 }, { 0x14, 4, 0x00000001 }, 3 },
        { { 4, 2, 0x107 }, { 0x18, 4, 0x0000d000 }, 3 },
        { { 0x18, 4, 0xffffffff }, { 0x18, 4, 0x0000d000 }, 3 },
        { { 0x30, 4, 0xf1000000 }, { 0x30, 1, 0x01 }, 3 }, /* the ROM's bit */
        { { 0x30, 4, 0xffffffff }, { 0x30, 4, 0xf1800001 }, 3 },
        { { 4, 2, 0x104 }, { 4, 2, 0x107 }, 3 }, /* nothing is live before */
        { { RESET_PM + 4, 2, 3 }, { RESET_PM + 4, 2, 0 }, 3 },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        start();
        write(rows[i].before);
        lose();
        write(rows[i].write);
        cr_assert(function->mapped_count == rows[i].mapped, "row %u: %u regions", i, function->mapped_count);
        check_back();
    }
}

/* Before the guest decodes them first, and none is written while the host decodes it. */
Test(assign_lost, some_bars_alone_come_back)
{
    static const uint16_t lost[] = { 0x10, 0x14, 0x18, 0x30 };

    for (unsigned set = 1; set < 1u << COUNT_OF(lost); set++) {
        function_resettable(function, 0);
        function_open_and_give();
        guest_write(0x10, 4, 0xf0000000);
        guest_write(0x18, 4, 0x0000c000);
        for (unsigned i = 0; i < COUNT_OF(lost); i++) {
            if ((set >> i & 1) != 0) {
                memcpy(function->config + lost[i], function->at_power_on + lost[i], 4);
            }
        }
        guest_write(4, 2, 0x107);
        check_back();
    }
}

/* The address is as before, and the next write restores. */
Test(assign_lost, a_host_that_fails_while_it_is_restored_undoes_the_write)
{
    for (unsigned k = 1;; k++) {
        enum vpt_status status;

        start();
        lose();
        function->fail_in = k;
        status = guest_try_write(0x10, 4, 0xe0000000);
        if (function->fail_in != 0) {
            cr_assert(k > 20, "%u accesses", k);
            return;
        }
        assert_status(status, HOST_FAILURE);
        cr_assert(function->mapped_count == 3 && guest_read(0x10, 4) == 0xf000000c, "access %u", k);
        guest_write(0x10, 4, 0xe0000000);
        guest_write(4, 2, 0x107);
        assert_same(function->mapped_count, 3);
        check_back();
    }
}

/* But for a write of bus mastering where that changes; and what does not ask for decoding does not even look. */
Test(assign_lost, a_function_that_has_lost_nothing_costs_a_look_at_the_command_register)
{
    static const struct {
        struct config_value write;
        unsigned accesses;
        unsigned writes;
    } rows[] = {
        { { 4, 2, 0x107 }, 1, 0 },     { { 4, 2, 0x103 }, 2, 1 },         { { 4, 2, 0x107 }, 2, 1 },
        { { 5, 1, 0x04 }, 0, 0 },      { { 0x10, 4, 0xe0000000 }, 1, 0 }, { { 0x10, 4, 0xe000000c }, 0, 0 },
        { { 4, 2, 0x004 }, 1, 0 },     { { 0x10, 4, 0xffffffff }, 0, 0 }, { { 0x10, 4, 0xf0000000 }, 0, 0 },
        { { 4, 2, 0x100 }, 2, 1 },     { { 5, 1, 0x01 }, 0, 0 },          { { 0x3c, 1, 0x07 }, 0, 0 },
        { { 0x0c, 2, 0x1010 }, 0, 0 },
    };

    start();
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        function_forget();
        write(rows[i].write);
        cr_assert(function->accesses == rows[i].accesses && function->logged == rows[i].writes, "row %u: %u, %u", i,
                  function->accesses, function->logged);
    }
    /* Nor do the last four restore anything. */
    lose();
    for (unsigned i = COUNT_OF(rows) - 4; i < COUNT_OF(rows); i++) {
        write(rows[i].write);
    }
    assert_same(function->logged, 0);
}

Test(assign_lost, a_function_that_could_not_be_reset_masters_no_bus_whatever_its_guest_writes)
{
    start();
    function->silence = UINT64_C(1) << 40;
    assert_status(vpt_assign_reset(&function->device), VPT_DEVICE_STUCK);
    function->silent = 0;
    host_time = function->busy;
    guest_write(4, 2, 0x107);
    assert_same(guest_read(4, 2), 0x107);
    assert_same(function->config[4] & MASTER, 0);
    cr_assert(function->mapped_count == 0 && function->violations == 0);
}
