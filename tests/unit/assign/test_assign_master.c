/* SPDX-License-Identifier: MIT */
/*
 * A function that is no bus master, or outside D0, interrupts nobody by messages (PCI Express 4.0, section 7.5.1.1.3;
 * PCI Power Management 1.2, section 5.4): what is raised then waits. INTx is no access, and waits for D0 alone. The
 * host's function follows.
 */
#include "assign_signal.h"

TestSuite(assign_master);

#define VECTORS 4u
#define TABLE   0x1000u
#define PENDING 0x3000u

#define DISABLE 0x400u
#define D(n)    (SIGNAL_PM + 4u), (n)

/* A write of 2 bytes, in the header or of the power state. */
struct write {
    uint16_t offset;
    uint32_t value;
};

/* What takes the function its messages, and what gives them back. */
static const struct {
    struct write off;
    struct write on;
    bool power;
} ways[] = {
    { { 4, 2 }, { 4, 6 }, false },
    { { D(1) }, { D(0) }, true },
    { { D(2) }, { D(0) }, true },
    { { D(3) }, { D(0) }, true },
};

static void write(struct write write)
{
    signal_write(write.offset, 2, write.value);
}

static bool host_masters(void)
{
    return (signals.config[4] & VPT_PCI_COMMAND_BUS_MASTER) != 0;
}

static void start(void)
{
    signal_start();
    signal_bar(0, 0x4000);
    signal_power();
    signal_msi(2, true, true);
    signal_msix(VECTORS, 0, TABLE, 0, PENDING);
    signal_open();
}

static void raise(unsigned vector)
{
    assert_status(vpt_assign_raise(&signals.device, (uint16_t)vector), VPT_OK);
}

static void start_msix(void)
{
    start();
    for (unsigned i = 0; i < VECTORS; i++) {
        signal_store(0, TABLE + 16 * i, 8, 0xfee00000 + 0x1000 * i);
        signal_store(0, TABLE + 16 * i + 8, 8, 0x40 + i);
    }
    signal_msix_control(MSIX_ENABLE);
    signals.logged = 0;
}

/* ---- The host's function ---- */

Test(assign_master, the_hosts_function_follows)
{
    start();
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        cr_assert(host_masters());
        write(ways[i].off);
        cr_assert(!host_masters(), "way %u", i);
        cr_assert(((signal_read(4, 2) & 4) != 0) == ways[i].power, "way %u: the guest reads what it has written", i);
        write(ways[i].on);
    }
    /* Both, in any order. */
    write(ways[3].off);
    write(ways[0].off);
    write(ways[3].on);
    cr_assert(!host_masters() && signal_read(4, 2) == 2);
    write(ways[3].off);
    write(ways[0].on);
    cr_assert(!host_masters() && signal_read(4, 2) == 6);
    write(ways[3].on);
    cr_assert(host_masters());
}

/* Who has turned it off at the host does not show: the guest's next write of the register turns it on again. */
Test(assign_master, what_the_host_has_lost_comes_back)
{
    start();
    signals.config[4] &= 0xfb;
    cr_assert(signal_read(4, 2) == 6);
    signal_write(5, 1, 0);
    cr_assert(!host_masters());
    signal_write(4, 2, 6);
    cr_assert(host_masters());
}

/* ---- Messages ---- */

Test(assign_master, messages_of_msix_wait)
{
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        start_msix();
        write(ways[i].off);
        raise(2);
        raise(1);
        raise(2);
        EXPECT_NOTHING();
        if (!ways[i].power) {
            cr_assert(signal_load(0, PENDING, 8) == 0x6, "pending bits are what PCI has for it");
        }
        write(ways[i].on);
        EXPECT({ MESSAGE, 0xfee01000, 0x41 }, { MESSAGE, 0xfee02000, 0x42 });
        cr_assert(signal_load(0, PENDING, 8) == 0);
        raise(2);
        EXPECT({ MESSAGE, 0xfee02000, 0x42 });
    }
}

/* A release forgets them. */
Test(assign_master, nothing_waits_for_the_next_owner)
{
    start_msix();
    write(ways[0].off);
    raise(0);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    signal_msix_control(MSIX_ENABLE);
    signals.logged = 0;
    write(ways[0].on);
    EXPECT_NOTHING();
    cr_assert(host_masters());
}

/* ---- INTx ---- */

Test(assign_master, intx_waits_for_d0)
{
    for (unsigned i = 1; i < COUNT_OF(ways); i++) {
        start();
        raise(VPT_ASSIGN_INTX);
        EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
        write(ways[i].off);
        EXPECT({ LEVEL, false, 0 });
        write(ways[i].on);
        EXPECT({ LEVEL, true, 0 });
        assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
        write(ways[i].off);
        signals.logged = 0;
        raise(VPT_ASSIGN_INTX);
        EXPECT({ HOST_MASK, true, 0 });
        /* Disabled meanwhile, it waits for that too. */
        signal_write(4, 2, 6 | DISABLE);
        write(ways[i].on);
        EXPECT_NOTHING();
        signal_write(4, 2, 6);
        EXPECT({ LEVEL, true, 0 });
        /* Its end comes outside D0: the host's is unmasked, and nothing is left. */
        write(ways[i].off);
        signals.logged = 0;
        assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
        EXPECT({ HOST_MASK, false, 0 });
        write(ways[i].on);
        EXPECT_NOTHING();
    }
}

/* Without power management a function is in D0. */
Test(assign_master, a_function_without_power_management)
{
    signal_start();
    signal_msi(0, false, false);
    signal_open();
    signal_msi_control(MSI_ENABLE);
    signals.logged = 0;
    raise(0);
    EXPECT({ MESSAGE, 0, 0 });
    signal_write(4, 2, 0);
    raise(0);
    EXPECT_NOTHING();
    signal_write(4, 1, 4);
    EXPECT({ MESSAGE, 0, 0 });
}
