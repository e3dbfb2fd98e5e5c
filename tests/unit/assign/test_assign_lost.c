/* SPDX-License-Identifier: MIT */
/*
 * A function that somebody has reset behind the hypervisor's back: whichever write of the guest's asks for decoding,
 * the host's BARs and its command register are as they were, before anything is mapped. And what that costs: nothing.
 */
#include <string.h>

#include "assign_plant.h"

TestSuite(assign_lost);

#define MASTER VPT_PCI_COMMAND_BUS_MASTER

static struct plant *const one = &plants[0];

struct write {
    uint16_t offset;
    unsigned width;
    uint32_t value;
};

static void write(struct write write)
{
    assert_status(plant_guest_write(one, write.offset, write.width, write.value), VPT_OK);
}

static void start(void)
{
    plant_make(one, PLANT_PCIE_RESET);
    plant_open(one);
    plant_give(one, 1);
}

/* All that it held, but what was there at power-on. */
static void lose(void)
{
    memcpy(one->config, one->first, sizeof(one->config));
    one->logged = 0;
}

/* Up to the list of capabilities all is as at the open, and the function masters the bus again. */
static void check_back(void)
{
    cr_assert(one->violations == 0, "%u violations", one->violations);
    cr_assert(memcmp(&one->config[0x0c], &one->at_open[0x0c], 0x28) == 0);
    cr_assert((plant_get(one, 4, 1) & 0x7) == 0x7, "the command register holds 0x%x", plant_get(one, 4, 2));
    assert_status(vpt_assign_check(&one->device), VPT_OK);
}

Test(assign_lost, any_write_that_asks_for_decoding_restores)
{
    static const struct {
        struct write before;
        struct write write;
        int mapped;
    } cases[] = {
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
        { { PLANT_PM + 4, 2, 3 }, { PLANT_PM + 4, 2, 0 }, 3 },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        start();
        write(cases[i].before);
        lose();
        write(cases[i].write);
        cr_assert(one->mapped == cases[i].mapped, "case %u: %d regions", i, one->mapped);
        check_back();
    }
}

/* Some BARs alone, before the guest decodes them first: none is written while the host decodes it. */
Test(assign_lost, bars_come_back)
{
    static const uint16_t lost[] = { 0x10, 0x14, 0x18, 0x30 };

    for (unsigned set = 1; set < 1u << COUNT_OF(lost); set++) {
        plant_make(one, 0);
        plant_open(one);
        assert_status(vpt_assign_acquire(&one->device, 1, &one->guest), VPT_OK);
        write((struct write){ 0x10, 4, 0xf0000000 });
        write((struct write){ 0x18, 4, 0x0000c000 });
        for (unsigned i = 0; i < COUNT_OF(lost); i++) {
            if ((set >> i & 1) != 0) {
                memcpy(one->config + lost[i], one->first + lost[i], 4);
            }
        }
        write((struct write){ 4, 2, 0x107 });
        check_back();
    }
}

/* What does not ask for decoding does not restore it. */
Test(assign_lost, without_decoding_nothing_is_restored)
{
    static const struct write writes[] = { { 4, 2, 0x100 }, { 5, 1, 0x01 }, { 0x3c, 1, 0x07 }, { 0x0c, 2, 0x1010 } };

    for (unsigned i = 0; i < COUNT_OF(writes); i++) {
        start();
        write((struct write){ 4, 2, i == 0 ? 0x107 : 0x100 });
        lose();
        write(writes[i]);
        cr_assert(one->logged == 0, "case %u", i);
    }
}

/* A host that cannot be reached meanwhile: the address is as before, and the next write restores. */
Test(assign_lost, the_host_fails_while_it_is_restored)
{
    for (unsigned k = 1;; k++) {
        enum vpt_status status;

        start();
        lose();
        one->fail_at = one->accesses + k;
        status = plant_guest_write(one, 0x10, 4, 0xe0000000);
        if (one->accesses < one->fail_at) {
            cr_assert(k > 20, "%u accesses", k);
            return;
        }
        one->fail_at = 0;
        assert_status(status, PLANT_FAILURE);
        cr_assert(one->mapped == 3 && plant_guest_read(one, 0x10, 4) == 0xf000000c, "access %u", k);
        write((struct write){ 0x10, 4, 0xe0000000 });
        write((struct write){ 4, 2, 0x107 });
        cr_assert(one->mapped == 3);
        check_back();
    }
}

/* One look at the command register, and no write but that of bus mastering where that changes. */
Test(assign_lost, a_function_that_has_lost_nothing_costs_a_look)
{
    static const struct {
        struct write write;
        unsigned accesses;
        unsigned writes;
    } cases[] = {
        { { 4, 2, 0x107 }, 1, 0 }, { { 4, 2, 0x103 }, 2, 1 },         { { 4, 2, 0x107 }, 2, 1 },
        { { 5, 1, 0x04 }, 0, 0 },  { { 0x10, 4, 0xe0000000 }, 1, 0 }, { { 0x10, 4, 0xe000000c }, 0, 0 },
        { { 4, 2, 0x004 }, 1, 0 }, { { 0x10, 4, 0xffffffff }, 0, 0 }, { { 0x10, 4, 0xf0000000 }, 0, 0 },
    };

    start();
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        one->accesses = 0;
        one->logged = 0;
        write(cases[i].write);
        cr_assert(one->accesses == cases[i].accesses && one->logged == cases[i].writes, "case %u: %u, %u", i,
                  one->accesses, one->logged);
    }
}

/* A function that could not be reset masters no bus, whatever its guest writes. */
Test(assign_lost, a_failed_reset_leaves_bus_mastering_off)
{
    start();
    one->silence = UINT64_C(1) << 40;
    assert_status(vpt_assign_reset(&one->device), VPT_DEVICE_STUCK);
    one->silent = 0;
    plant_time = one->busy;
    assert_status(plant_guest_write(one, 4, 2, 0x107), VPT_OK);
    cr_assert(plant_guest_read(one, 4, 2) == 0x107 && (plant_get(one, 4, 2) & MASTER) == 0);
    cr_assert(one->mapped == 0 && one->violations == 0);
}
