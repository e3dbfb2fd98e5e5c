/* SPDX-License-Identifier: MIT */
/*
 * A guest's configuration accesses on a network card with every capability that the tables know, rule by rule; for each
 * register against a model see assign_random.c. The host takes whatever is written to it, so what should not be written
 * shows.
 */
#include <string.h>

#include "assign_host.h"

#define PM     0x40u
#define VPD    0x48u
#define MSI    0x50u
#define MSIX   0x68u
#define PCIE   0x74u
#define AF     0xb0u
#define VENDOR 0xb8u
#define OTHER  0xc4u
#define AER    0x100u
#define SRIOV  0x148u
#define POWER  0x188u
#define ARI    0x198u
#define SERIAL 0x1a0u

TestSuite(assign_config);

/* ---- The card ---- */

static void standard_list(void)
{
    static const struct {
        uint8_t offset, id;
    } list[] = {
        { PM, 0x01 },   { VPD, 0x03 }, { MSI, 0x05 },    { MSIX, 0x11 },
        { PCIE, 0x10 }, { AF, 0x13 },  { VENDOR, 0x09 }, { OTHER, 0x0a },
    };

    for (unsigned i = 0; i < COUNT_OF(list); i++) {
        host_capability(list[i].offset, list[i].id, i == 0 ? 0 : list[i - 1].offset);
    }
    host_set(PM + 2, 2, 0xfe03);   /* events from every state, D1 and D2 */
    host_set(PM + 4, 2, 0x8100);   /* an event is enabled and pending */
    host_set(MSI + 2, 2, 0x01b6);  /* on, masks, 64 bits, eight messages, eight enabled */
    host_set(MSI + 20, 4, 0x81);   /* two are pending */
    host_set(MSIX + 2, 2, 0xc03f); /* on, masked, 64 entries */
    host_set(MSIX + 4, 4, 0x2000);
    host_set(MSIX + 8, 4, 0x3000);
    host_set(PCIE + 2, 2, 0x0002);
    host_set(PCIE + 4, 4, 0x10008fda); /* function level reset, two phantom functions, payload up to 512 */
    host_set(PCIE + 8, 2, 0x284f);     /* payload 512 is 0x40; read requests 512; error reports */
    host_set(PCIE + 0xa, 2, 0x000f);
    host_set(AF + 2, 2, 0x0306);
    host_set(VENDOR + 2, 1, 12);
    host.clear[PM + 5] = 0x80;
    host.clear[PCIE + 0xa] = 0x4f;
    host.clear[PCIE + 0x13] = 0xc0;
    host.clear[PCIE + 0x32] = 0x20;
    host.action[PCIE + 9] = 0x80;
    host.action[AF + 4] = 0x01;
    host.action[VPD + 3] = 0x80;
}

static void card(void)
{
    host_start();
    standard_list();
    host.setup.config_size = 4096;
    host_extended(AER, 0x01, 2, 0);
    host_extended(SRIOV, 0x10, 1, AER);
    host_extended(POWER, 0x04, 1, SRIOV);
    host_extended(ARI, 0x0e, 1, POWER);
    host_extended(SERIAL, 0x03, 1, ARI);
    memset(&host.clear[AER + 4], 0xff, 4);
    memset(&host.clear[AER + 0x10], 0xff, 4);
    for (unsigned i = 0; i < HOST_SIZE; i++) {
        /* What is not said otherwise holds something. */
        host.config[i] |= i >= 0x1b0 || (i >= VENDOR + 4 && i < VENDOR + 12) ? (uint8_t)(i * 7 + 1) : 0;
    }
    host_set(SRIOV + 4, 4, 0x11223344);
    host_set(AER + 4, 4, 0x00300020);
    host_set(0x04, 4, 0xf9100547); /* everything is on */
    host_set(0x08, 4, 0x02000003);
    host_set(0x0c, 4, 0x80804010);
    host_set(0x3c, 4, 0xff08020b);
    host.bars.bar[0] = (struct vpt_pci_bar){
        .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true, .prefetchable = true, .size = 0x4000, .address = 0x480000000
    };
    host.bars.bar[3] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_IO, .size = 0x20, .address = 0xc000 };
    host_open();
    host_give();
}

/* ---- Rules one by one ---- */

Test(assign_config, a_partial_write_carries_no_neighbours)
{
    card();
    host_set(PCIE + 0xa, 2, 0x0f);
    guest_write(PCIE + 8, 4, 0xffff2010);
    cr_assert(host_writes() == 1 && host_write(0)->offset == PCIE + 8 && host_write(0)->width == 2);
    cr_assert(host_write(0)->value == 0x285f, "%#x", host_write(0)->value);
    cr_assert(host_get(PCIE + 0xa, 2) == 0x0f && host_get(0x06, 2) == 0xf910);
    guest_write(0x04, 4, 0xffff0007);
    cr_assert(host_get(0x06, 2) == 0xf910 && host_write(1)->width == 2);
    /* Among errors the guest clears those that it names. */
    guest_write(AER + 4, 4, 0x00100000);
    cr_assert(host_get(AER + 4, 4) == 0x00200020);
    guest_write(AER + 6, 1, 0x20);
    cr_assert(host_get(AER + 4, 4) == 0x00000020);
}

/* Beside what a guest may write in an unaligned access lie bits that a 1 would clear. */
Test(assign_config, an_unaligned_write_clears_nothing_beside_it)
{
    card();
    host_set(AER + 4, 4, 0xffffffff);
    guest_write(AER + 5, 2, 0x0001);
    cr_assert(host_get(AER + 4, 4) == 0xfffffeff, "%#x", host_get(AER + 4, 4));
}

Test(assign_config, messages_no_more_than_there_are)
{
    for (unsigned capable = 0; capable < 8; capable++) {
        unsigned most = capable > 5 ? 5 : capable;

        host_start();
        host_capability(0x40, 0x05, 0);
        host_set(0x42, 2, 0x0100 | capable << 1);
        host_open();
        host_give();
        cr_assert(guest_read(0x42, 2) == (0x100 | most << 1));
        for (unsigned enable = 0; enable < 8; enable++) {
            guest_write(0x42, 2, 0x0001 | enable << 4);
            cr_assert(guest_read(0x42, 2) == (0x101 | most << 1 | (enable < most ? enable : most) << 4));
        }
        guest_write(0x4c, 4, 0xffffffff);
        cr_assert(guest_read(0x4c, 4) == 0xffffffffu >> (32 - (1u << most)));
        guest_write(0x48, 4, 0xffffffff);
        cr_assert(guest_read(0x48, 4) == 0xffff, "32-bit addresses: the data is here, and no bit above it");
        cr_assert(host_writes() == 0);
    }
}

Test(assign_config, power_states_that_there_are)
{
    for (unsigned states = 0; states < 4; states++) {
        host_start();
        host_capability(0x40, 0x01, 0);
        host_set(0x42, 2, states << 9);
        host_open();
        host_give();
        for (unsigned from = 0; from < 4; from += 3) {
            for (unsigned to = 0; to < 4; to++) {
                bool there = to == 0 || to == 3 || (states & to) != 0;

                guest_write(0x44, 2, from);
                guest_write(0x44, 2, to);
                cr_assert(guest_read(0x44, 2) == (0x8 | (there ? to : from)));
            }
        }
        cr_assert(host_writes() == 0 && host_get(0x44, 2) == 0, "the function stays in D0");
    }
}

Test(assign_config, what_is_no_access)
{
    static const struct {
        uint16_t offset;
        unsigned width;
        enum vpt_status status;
    } cases[] = {
        { 0x00, 0, VPT_CALLER_ALIGNMENT },
        { 0x00, 3, VPT_CALLER_ALIGNMENT },
        { 0x04, 8, VPT_CALLER_ALIGNMENT },
        { 0x03, 2, VPT_CALLER_ALIGNMENT },
        { 0x01, 4, VPT_CALLER_ALIGNMENT },
        { 0x02, 4, VPT_CALLER_ALIGNMENT },
        { 0x100, 1, VPT_CALLER_RANGE },
        { 0x1000, 4, VPT_CALLER_RANGE },
        { 0xfffc, 4, VPT_CALLER_RANGE },
        { 0xffff, 1, VPT_CALLER_RANGE },
        { 0x00, 0xfffffffcu, VPT_CALLER_ALIGNMENT },
        { 0x00, 0x80000001u, VPT_CALLER_ALIGNMENT },
    };
    uint32_t value;

    host_start();
    host_open();
    host_give();
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint32_t all = cases[i].width == 1 ? 0xff : cases[i].width == 2 ? 0xffff : 0xffffffff;

        value = 0;
        assert_status(vpt_assign_config_read(&host.device, cases[i].offset, cases[i].width, &value), cases[i].status);
        cr_assert(value == all);
        assert_status(vpt_assign_config_write(&host.device, cases[i].offset, cases[i].width, 4), cases[i].status);
    }
    assert_status(vpt_assign_config_read(&host.device, 0, 4, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_config_read(NULL, 0, 4, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_config_write(NULL, 0, 4, 0), VPT_CALLER_ARGUMENT);
    cr_assert(host.logged == 0);
    /* What lies above the width is not written. */
    guest_write(0x3c, 1, 0xffffff12);
    cr_assert(guest_read(0x3c, 1) == 0x12 && guest_read(0x3d, 1) == 1);
}

Test(assign_config, nobodys_device)
{
    uint32_t value = 0;

    host_start();
    host_open();
    host_forget();
    assert_status(vpt_assign_config_read(&host.device, 0, 2, &value), VPT_CALLER_STATE);
    cr_assert(value == 0xffff);
    assert_status(vpt_assign_config_write(&host.device, 4, 2, 4), VPT_CALLER_STATE);
    cr_assert(host.logged == 0);
}

/* ---- A host that fails, or is gone ---- */

Test(assign_config, ids_of_all_ones_are_no_absence)
{
    host_start();
    host_capability(0x40, 0x0a, 0);
    host_set(0x44, 4, 0xffffffff);
    host_open();
    host_give();
    cr_assert(guest_read(0x44, 4) == 0xffffffff && !host.device.vanished);
    cr_assert(host.logged == 2, "the command register was asked");
}

Test(assign_config, the_function_vanishes)
{
    uint32_t value = 0;

    card();
    guest_write(0x3c, 1, 9);
    host_forget();
    host.gone = true;
    /* Registers that are kept here read as before until one is looked at that is not; then none does. */
    cr_assert(guest_read(0x00, 4) == 0x56781234 && guest_read(0x3c, 1) == 9 && !host.device.vanished);
    assert_status(vpt_assign_config_read(&host.device, 0x06, 2, &value), VPT_DEVICE_GONE);
    cr_assert(value == 0xffff && host.device.vanished);
    host.gone = false;
    for (unsigned width = 1; width <= 4; width *= 2) {
        value = 0;
        assert_status(vpt_assign_config_read(&host.device, 0x3c, width, &value), VPT_DEVICE_GONE);
        cr_assert(value == 0xffffffffu >> (32 - 8 * width));
        assert_status(vpt_assign_config_read(&host.device, 0x00, width, &value), VPT_DEVICE_GONE);
        cr_assert(value == 0xffffffffu >> (32 - 8 * width));
        assert_status(vpt_assign_config_write(&host.device, 0x04, width, 0x4), VPT_DEVICE_GONE);
    }
    cr_assert(host_writes() == 0);
}

/* ---- Mappings that follow ---- */

Test(assign_config, a_map_that_fails_undoes_the_write)
{
    card();
    guest_write(0x10, 4, 0x80000000);
    host_forget();
    host.map_answer = HOST_FAILURE;
    assert_status(vpt_assign_config_write(&host.device, 0x04, 2, 0x0456), HOST_FAILURE);
    cr_assert(guest_read(0x04, 2) == 0x0000, "%#x", guest_read(0x04, 2));
    cr_assert(host_writes() == 0);
    host.map_answer = VPT_REFUSED;
    assert_status(vpt_assign_config_write(&host.device, 0x04, 2, 0x0452), VPT_REFUSED);
    cr_assert(guest_read(0x04, 2) == 0x0452);
    cr_assert(host_writes() == 0 && (host_get(0x04, 1) & 0x4) == 0);
    guest_write(0x10, 4, 0);
    host.map_answer = VPT_OK;
    guest_write(0x04, 2, 0x0456);
    cr_assert(host_writes() == 1 && host_write(0)->width == 2 && host.allowed == 0x4 && (host_get(0x04, 1) & 0x4) != 0);
}

/* ---- The next guest ---- */

Test(assign_config, nothing_is_left_for_the_next_guest)
{
    static uint8_t before[HOST_SIZE];
    static uint32_t first[HOST_SIZE / 4];

    card();
    memcpy(before, host.config, sizeof(before));
    for (uint16_t offset = 0; offset < HOST_SIZE; offset += 4) {
        first[offset / 4] = guest_read(offset, 4);
    }
    for (uint16_t offset = 0; offset < 0x1c0; offset += 4) {
        guest_write(offset, 4, 0xdeadbeef);
    }
    cr_assert(memcmp(before, host.config, sizeof(before)) != 0);
    host_set(AER + 4, 4, 0xffffffff);
    host_forget();
    host.audits = 0;
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    cr_assert(host_get(AER + 4, 4) == 0xffffffff && host.audits == 0);
    for (unsigned i = 0; i < host_writes(); i++) {
        cr_assert(host_write(i)->offset != AER + 4 && host_write(i)->offset != AER + 0x10);
    }
    before[0x04] &= (uint8_t)~0x4u; /* bus mastering is off */
    for (unsigned i = 0; i < HOST_SIZE; i++) {
        cr_assert(((host.config[i] ^ before[i]) & ~host.clear[i]) == 0, "%#x", i);
    }
    host_give();
    for (uint16_t offset = 0; offset < HOST_SIZE; offset += 4) {
        /* Errors that came up meanwhile are the host's to clear. */
        uint32_t expected = offset == AER + 4 ? 0xffffffff : first[offset / 4];

        cr_assert(guest_read(offset, 4) == expected, "%#x reads %#x, not %#x", offset, guest_read(offset, 4), expected);
    }
    cr_assert(host.actions == 0);
}

static void pass_time(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    (void)microseconds;
}

/* A guest's reset leaves its payload size, and any reset the sticky registers (PCI Express, section 6.6.2). */
Test(assign_config, what_outlives_a_function_level_reset)
{
    static const uint16_t sticky[] = { AER + 8, AER + 0xc, AER + 0x14 };

    for (unsigned way = 0; way < 3; way++) {
        card();
        host.table.delay = pass_time;
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        host_give();
        for (unsigned i = 0; i < COUNT_OF(sticky); i++) {
            guest_write(sticky[i], 4, 0x1000u + i);
        }
        guest_write(VENDOR + 4, 4, 0x1234);
        cr_assert(guest_read(PCIE + 8, 1) == 0x40);
        guest_write(PCIE + 8, 1, 0x2f);
        host.actions = 0;
        if (way == 2) {
            assert_status(vpt_assign_reset(&host.device), VPT_OK);
        } else {
            guest_write(way == 0 ? PCIE + 8 : AF + 4, 2, way == 0 ? 0x8040 : 1);
        }
        cr_assert(host.actions == 1 && guest_read(PCIE + 8, 1) == (way == 2 ? 0x40 : 0x20));
        cr_assert(guest_read(VENDOR + 4, 4) != 0x1234);
        for (unsigned i = 0; i < COUNT_OF(sticky); i++) {
            cr_assert(guest_read(sticky[i], 4) == 0x1000u + i);
        }
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        cr_assert(host_get(AER + 8, 4) != 0x1000);
    }
}
