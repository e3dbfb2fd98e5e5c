/* SPDX-License-Identifier: MIT */
/* Resets of assigned functions, by each way, and what becomes of those that fail. */
#include <string.h>

#include "assign_plant.h"

#include <vpt/assign_dma.h>

TestSuite(assign_reset);
TestSuite(assign_reset_bus);

#define ALL_WAYS (PLANT_PCIE_RESET | PLANT_AF_BOTH | PLANT_POWER_RESET)
#define OWNER    9u

static struct plant *const one = &plants[0];
static struct vpt_assign_registry registry;

static void set_up(unsigned ways)
{
    plant_make(one, ways);
    plant_open(one);
    plant_give(one, OWNER);
}

/* One whose only way this is; those by a hook need no more than that it agrees. */
static const unsigned ways_of[] = {
    [VPT_ASSIGN_RESET_FUNCTION] = PLANT_PCIE_RESET,
    [VPT_ASSIGN_RESET_ADVANCED] = PLANT_AF_BOTH,
    [VPT_ASSIGN_RESET_POWER] = PLANT_POWER_RESET,
    [VPT_ASSIGN_RESET_BUS] = 0,
};

static void set_up_for(enum vpt_assign_reset_method method)
{
    plant_make(one, ways_of[method]);
    one->answers[VPT_ASSIGN_RESET_DEVICE] = method == VPT_ASSIGN_RESET_DEVICE ? VPT_OK : VPT_UNSUPPORTED_DEVICE;
    one->host.reset_bus = method == VPT_ASSIGN_RESET_BUS;
    plant_open(one);
    memset(&registry, 0, sizeof(registry));
    assert_status(vpt_assign_registry_add(&registry, &one->device), VPT_OK);
    plant_give(one, OWNER);
}

/* Nothing was done to the function, and its guest has not noticed anything. */
static void check_untouched(void)
{
    cr_assert(one->accesses == 0 && one->resets == 0 && one->mapped == 3 && one->mode == VPT_ASSIGN_INTERRUPT_INTX);
    cr_assert(!one->device.degraded && !one->device.reset_needed && one->asked[VPT_ASSIGN_RESET_DEVICE] == 0);
    cr_assert((plant_guest_read(one, 4, 2) & 7) == 7);
}

/* ---- Ways ---- */

Test(assign_reset, each_way)
{
    for (unsigned method = VPT_ASSIGN_RESET_DEVICE; method <= VPT_ASSIGN_RESET_BUS; method++) {
        set_up_for((enum vpt_assign_reset_method)method);
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        cr_assert(one->resets == 1 && one->reset == method, "%u", method);
        plant_check_fresh(one);
        cr_assert(one->device.owned && one->device.owner == OWNER);
        /* And the guest begins anew. */
        assert_status(plant_guest_write(one, 0x10, 4, 0xf0000000), VPT_OK);
        assert_status(plant_guest_write(one, 0x04, 2, 6), VPT_OK);
        cr_assert(one->mapped == 1 && (plant_get(one, 4, 2) & 4) != 0);
    }
}

Test(assign_reset, without_an_owner)
{
    for (unsigned method = VPT_ASSIGN_RESET_DEVICE; method <= VPT_ASSIGN_RESET_BUS; method++) {
        set_up_for((enum vpt_assign_reset_method)method);
        assert_status(vpt_assign_release(&one->device), VPT_OK);
        one->resets = 0;
        plant_set(one, 4, 2, 0x0547);
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        cr_assert(one->resets == 1 && one->reset == method && one->mode == VPT_ASSIGN_INTERRUPT_NONE);
        plant_check_restored(one);
        cr_assert(!one->device.degraded && !one->device.owned);
    }
}

/* Of those that a function has the first. */
Test(assign_reset, ways_in_order)
{
    static const struct {
        unsigned ways;
        enum vpt_assign_reset_method method;
    } orders[] = {
        { ALL_WAYS, VPT_ASSIGN_RESET_FUNCTION },
        { PLANT_AF_BOTH | PLANT_POWER_RESET, VPT_ASSIGN_RESET_ADVANCED },
        { PLANT_AF_RESET | PLANT_POWER_RESET, VPT_ASSIGN_RESET_POWER },
        { PLANT_AF_PENDING | PLANT_POWER_RESET, VPT_ASSIGN_RESET_POWER },
    };

    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        set_up(orders[i].ways);
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        cr_assert(one->reset == orders[i].method && one->resets == 1 && one->asked[VPT_ASSIGN_RESET_DEVICE] == 1);
        plant_check_fresh(one);
    }
    set_up(ALL_WAYS);
    one->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->reset == VPT_ASSIGN_RESET_DEVICE && one->resets == 1);
}

/* A hook that has no such way, whatever it says that with, is none; one that fails is a failure. */
Test(assign_reset, answers_of_the_hook)
{
    set_up(PLANT_PCIE_RESET);
    one->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_UNSUPPORTED_PORT;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->reset == VPT_ASSIGN_RESET_FUNCTION);
    set_up(PLANT_PCIE_RESET);
    one->host.reset = NULL;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->reset == VPT_ASSIGN_RESET_FUNCTION);
    set_up(PLANT_PCIE_RESET);
    one->answers[VPT_ASSIGN_RESET_DEVICE] = PLANT_FAILURE;
    assert_status(vpt_assign_reset(&one->device), PLANT_FAILURE);
    cr_assert(one->resets == 0 && one->device.degraded && one->device.reset_needed);
    plant_check_quiet(one);
    /* Nobody's guest is in disorder. */
    plant_make(one, 0);
    plant_open(one);
    one->answers[VPT_ASSIGN_RESET_DEVICE] = PLANT_FAILURE;
    assert_status(vpt_assign_reset(&one->device), PLANT_FAILURE);
    cr_assert(!one->device.degraded && one->device.reset_needed);
    assert_status(vpt_assign_acquire(&one->device, 1, &one->guest), VPT_DEVICE_STUCK);
}

Test(assign_reset, no_way)
{
    static const unsigned none[] = { 0, PLANT_AF_RESET, PLANT_AF_PENDING };

    assert_status(vpt_assign_reset(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_reset(&plants[1].device), VPT_CALLER_ARGUMENT);
    for (unsigned i = 0; i < COUNT_OF(none); i++) {
        set_up(none[i]);
        one->host.reset = NULL;
        assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
        check_untouched();
    }
    set_up(ALL_WAYS);
    one->host.delay = NULL;
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
    check_untouched();
}

/* Only the hook could know, and the guest has lost what it had by then. */
Test(assign_reset, no_way_says_the_hook)
{
    set_up(0);
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
    cr_assert(one->resets == 0 && one->asked[VPT_ASSIGN_RESET_DEVICE] == 1 && one->asked[VPT_ASSIGN_RESET_BUS] == 0);
    cr_assert(!one->device.degraded && !one->device.reset_needed && one->mapped == 0);
    cr_assert(plant_guest_read(one, 4, 2) == 0 && plant_guest_read(one, 0x10, 4) == 0xc);
    cr_assert((plant_get(one, 4, 2) & 4) == 0 && one->mode == VPT_ASSIGN_INTERRUPT_INTX);
    assert_status(vpt_assign_check(&one->device), VPT_OK);
}

/* Capabilities that guests do not see are the host's to use. */
Test(assign_reset, hidden_capabilities)
{
    static const uint16_t offsets[] = { PLANT_PCIE, PLANT_AF, PLANT_PM };

    for (unsigned i = 0; i < COUNT_OF(offsets); i++) {
        plant_make(one, ways_of[VPT_ASSIGN_RESET_FUNCTION + i]);
        plant_open(one);
        for (unsigned k = 0; k < COUNT_OF(offsets); k++) {
            assert_status(vpt_assign_hide(&one->device, offsets[k]), VPT_OK);
        }
        assert_status(vpt_assign_acquire(&one->device, 1, &one->guest), VPT_OK);
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        cr_assert(one->reset == VPT_ASSIGN_RESET_FUNCTION + i && one->resets == 1);
        plant_check_fresh(one);
    }
}

/* One that is cut short by the next, or by the end of the space, is no way. */
Test(assign_reset, short_capabilities)
{
    static const struct {
        uint8_t id;
        uint8_t offset;
        bool usable;
    } places[] = {
        { 0x10, 0xf0, true }, { 0x10, 0xf4, true },  { 0x10, 0xf8, false }, { 0x10, 0xfc, false },
        { 0x13, 0xf8, true }, { 0x13, 0xfc, false }, { 0x01, 0xf8, true },  { 0x01, 0xfc, false },
    };

    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        uint8_t at = places[i].offset;

        plant_make(one, 0);
        /* A list of its own, of one. */
        one->config[0x34] = at;
        memset(one->config + at, 0, 256u - at);
        plant_set(one, at, 4, places[i].id | (places[i].id == 0x13 ? 0x03060000u : 0x00010000u));
        if (at < 0xfc) {
            plant_set(one, at + 4u, 4, places[i].id == 0x10 ? 0x10000000u : 0);
        }
        one->host.reset = NULL;
        plant_open(one);
        one->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
        if (places[i].usable) {
            assert_status(vpt_assign_reset(&one->device), VPT_OK);
        } else {
            assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
        }
    }
    /* Another one begins in the middle. */
    plant_make(one, PLANT_AF_BOTH);
    plant_set(one, PLANT_AF + 1u, 1, PLANT_AF + 4u);
    plant_set(one, PLANT_AF + 4u, 4, 0x00100009 | PLANT_VENDOR << 8);
    one->host.reset = NULL;
    plant_open(one);
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
}

/* ---- What is written ---- */

/* The bit that begins it, the others as the host has them, in one access; and what comes before and after. */
Test(assign_reset, by_pci_express)
{
    const struct plant_write *begin;
    unsigned bar = 0;

    set_up(PLANT_PCIE_RESET);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->log[0].offset == 4 && (one->log[0].value & 4) == 0, "bus mastering goes first");
    begin = plant_wrote(one, PLANT_PCIE + 8, 0);
    cr_assert(begin == &one->log[1] && begin->width == 2 && begin->value == ((begin->before & 0xffff) | 0x8000));
    cr_assert(begin->value != (plant_get(one, PLANT_PCIE + 8, 2) | 0x8000), "as it is, not as it was at the open");
    for (unsigned i = 2; i < one->logged; i++) {
        const struct plant_write *write = &one->log[i];

        cr_assert(write->time >= begin->time + 100 * MILLISECOND);
        cr_assert(write->offset != 4 || (write->value & 4) == 0);
        bar += write->offset >= 0x10 && write->offset <= 0x30;
        cr_assert(write->offset != 4 || (write->value & 3) == 0 || i == one->logged - 1, "decoding is the end");
    }
    cr_assert(bar == 4 && one->log[one->logged - 1].offset == 4 && one->log[one->logged - 1].value == 0x0543);
}

Test(assign_reset, by_advanced_features)
{
    const struct plant_write *begin;

    set_up(PLANT_AF_BOTH);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    begin = plant_wrote(one, PLANT_AF + 4, 0);
    cr_assert(begin == &one->log[1] && begin->width == 2 && begin->value == 1);
    cr_assert(plant_wrote(one, PLANT_AF + 4, 1) == NULL);
}

/* To D3hot and back; a status that a 1 would clear is not. */
Test(assign_reset, by_power_states)
{
    const struct plant_write *down;
    const struct plant_write *up;

    set_up(PLANT_POWER_RESET);
    plant_set(one, PLANT_PM + 5, 1, 0x81);
    one->first[PLANT_PM + 5] = 0x81;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    down = plant_wrote(one, PLANT_PM + 4, 0);
    up = plant_wrote(one, PLANT_PM + 4, 1);
    cr_assert(down == &one->log[1] && down->width == 2 && down->value == 0x0103);
    cr_assert(up == &one->log[2] && up->width == 2 && up->value == 0x0100);
    cr_assert(up->time == down->time + 10 * MILLISECOND && one->log[3].time == up->time + 10 * MILLISECOND);
    cr_assert(plant_get(one, PLANT_PM + 5, 1) == 0x81 && plant_wrote(one, PLANT_PM + 4, 2) == NULL);
}

/* Registers of version 2 are none of a capability of version 1, nor what is behind the space's end. */
Test(assign_reset, registers_that_are_not_there)
{
    plant_make(one, PLANT_PCIE_RESET);
    one->first[PLANT_PCIE + 2] = 1;
    one->config[PLANT_PCIE + 2] = 1;
    plant_open(one);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(plant_wrote(one, PLANT_PCIE + 40, 0) == NULL && plant_get(one, PLANT_PCIE + 16, 2) == 0x0142);
    cr_assert(plant_get(one, PLANT_PCIE + 8, 2) == 0x5936);
    /* Nor is there one in the header of a function without the capability. */
    plant_make(one, PLANT_POWER_RESET);
    plant_set(one, PLANT_PM + 1u, 1, PLANT_VENDOR);
    plant_set(one, 0x28, 4, 0x12345678);
    one->writable[0x28] = 0xff;
    plant_open(one);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->resets == 1 && plant_wrote(one, 0x28, 0) == NULL);
    for (unsigned at = 0xdc; at <= 0xf4; at += 4) {
        plant_make(one, 0);
        one->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
        one->config[0x34] = (uint8_t)at;
        memset(one->config + at, 0, 256u - at);
        plant_set(one, (uint16_t)at, 4, 0x00020010);
        plant_open(one);
        memset(one->writable + 0xe0, 0xff, 0x20);
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
    }
}

/* BARs are zeroed but its ids are another's: what the host was told is not what the function is. */
Test(assign_reset, virtual_functions)
{
    static const struct vpt_assign_identity identity = { VPT_ASSIGN_ALL_IDS, 0x1111, 0x2222, 0x3333, 0x4444 };
    static const struct vpt_pci_bars bars = {
        .bar[0] = { .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true, .address = 0xc0000000, .size = 0x4000 }
    };

    plant_make(one, PLANT_PCIE_RESET);
    memset(one->config, 0xff, 4);
    memset(one->first, 0xff, 4);
    memset(one->config + 0x10, 0, 0x18);
    memset(one->config + 0x30, 0, 4);
    memset(one->first + 0x10, 0, 0x18);
    one->config[0x3d] = one->first[0x3d] = 1;
    one->setup.virtual_function = true;
    one->setup.identity = &identity;
    one->setup.bars = &bars;
    plant_open(one);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->resets == 1);
    for (unsigned i = 0; i < one->logged; i++) {
        cr_assert(one->log[i].offset >= 4 && (one->log[i].offset < 0x10 || one->log[i].offset >= 0x3c));
    }
    plant_check_restored(one);
}

/* ---- Waiting ---- */

Test(assign_reset, transactions_are_waited_for)
{
    for (unsigned method = VPT_ASSIGN_RESET_FUNCTION; method <= VPT_ASSIGN_RESET_ADVANCED; method++) {
        for (unsigned pending = 0; pending <= 10; pending++) {
            uint64_t start;

            set_up_for((enum vpt_assign_reset_method)method);
            one->pending = pending;
            start = plant_time;
            assert_status(vpt_assign_reset(&one->device), VPT_OK);
            cr_assert(one->pending_at_reset == 0 && one->resets == 1);
            cr_assert(one->reset_time == start + (uint64_t)pending * 10 * MILLISECOND);
            plant_check_fresh(one);
        }
        /* One that never ends them is reset all the same. */
        set_up_for((enum vpt_assign_reset_method)method);
        one->pending = 1000;
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        cr_assert(one->pending_at_reset == 1000 - 101 && one->resets == 1);
        plant_check_fresh(one);
    }
}

/* As long as the host says, a minute if it says nothing; and no longer than the function takes. */
Test(assign_reset, the_function_is_waited_for)
{
    static const unsigned away[] = { 0, 10, 50, 1000, 1990, 30000, 59990 };

    for (unsigned i = 0; i < 4u * COUNT_OF(away) * VPT_ASSIGN_RESET_BUS; i++) {
        unsigned method = VPT_ASSIGN_RESET_DEVICE + i / (4u * COUNT_OF(away));
        unsigned silence = away[i / 4u % COUNT_OF(away)];
        uint64_t longest;

        set_up_for((enum vpt_assign_reset_method)method);
        one->silence = i % 2 == 0 ? silence * MILLISECOND : 0;
        one->retries = i % 2 != 0 ? silence * MILLISECOND : 0;
        one->host.ready_wait = i % 4 < 2 ? 0 : 2000 * MILLISECOND;
        if (i % 4 >= 2 && silence > 2000 + 100) {
            assert_status(vpt_assign_reset(&one->device), VPT_DEVICE_STUCK);
            continue;
        }
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        longest = one->retry > one->busy ? one->retry : one->busy;
        cr_assert(plant_time >= longest && plant_time < longest + 10 * MILLISECOND, "%u: %u ms", method, silence);
        plant_check_fresh(one);
    }
}

/* What does not answer is nobody's until it does and a reset has worked. */
Test(assign_reset, one_that_does_not_come_back)
{
    for (unsigned method = VPT_ASSIGN_RESET_DEVICE; method <= VPT_ASSIGN_RESET_BUS; method++) {
        for (unsigned kind = 0; kind < 2; kind++) {
            uint64_t start;

            set_up_for((enum vpt_assign_reset_method)method);
            /* First it is not there, and then not ready: what it may take is for both. */
            one->silence = kind == 0 ? 70000 * MILLISECOND : 40000 * MILLISECOND;
            one->retries = kind == 1 ? 40000 * MILLISECOND : 0;
            start = plant_time;
            assert_status(vpt_assign_reset(&one->device), VPT_DEVICE_STUCK);
            cr_assert(plant_time - start >= 60000 * MILLISECOND && plant_time - start <= 60200 * MILLISECOND);
            cr_assert(one->device.degraded && one->device.reset_needed && one->resets == 1);
            plant_check_quiet(one);
            assert_status(plant_guest_write(one, 4, 2, 7), VPT_DEVICE_ASSIGN_DEGRADED);
            plant_check_quiet(one);
            plant_time = one->retry;
            one->silence = one->retries = 0;
            if (kind == 0) {
                assert_status(vpt_assign_reset(&one->device), VPT_OK);
                plant_check_fresh(one);
                continue;
            }
            one->answers[VPT_ASSIGN_RESET_DEVICE] = PLANT_FAILURE;
            assert_status(vpt_assign_release(&one->device), VPT_OK);
            cr_assert(one->device.reset_needed && !one->device.degraded);
            assert_status(vpt_assign_acquire(&one->device, 1, &one->guest), VPT_DEVICE_STUCK);
            one->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
            assert_status(vpt_assign_reset(&one->device), VPT_OK);
            cr_assert(!one->device.reset_needed);
            assert_status(vpt_assign_acquire(&one->device, 1, &one->guest), VPT_OK);
            plant_check_fresh(one);
        }
    }
}

/* It could still reach the memory of its group's next owner. */
Test(assign_reset, one_that_does_not_come_back_keeps_its_group)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        memset(&registry, 0, sizeof(registry));
        for (unsigned i = 0; i < 3; i++) {
            plant_make(&plants[i], 0);
            plants[i].answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
            plants[i].setup.group = i < 2 ? 7 : 8;
            plant_open(&plants[i]);
            assert_status(vpt_assign_registry_add(&registry, &plants[i].device), VPT_OK);
        }
        plant_give(one, OWNER);
        one->answers[VPT_ASSIGN_RESET_DEVICE] = PLANT_FAILURE;
        assert_status(vpt_assign_reset(&one->device), PLANT_FAILURE);
        /* Who has it anyway may have the others. */
        plant_give(&plants[1], OWNER);
        assert_status(vpt_assign_release(&one->device), VPT_OK);
        assert_status(vpt_assign_release(&plants[1].device), VPT_OK);
        for (unsigned i = 0; i < 2; i++) {
            assert_status(vpt_assign_acquire(&plants[i].device, 1, &plants[i].guest), VPT_DEVICE_STUCK);
            assert_status(vpt_assign_acquire(&plants[i].device, OWNER, &plants[i].guest), VPT_DEVICE_STUCK);
        }
        plant_give(&plants[2], 1);
        if (kind == 0) {
            one->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
            assert_status(vpt_assign_reset(&one->device), VPT_OK);
        } else {
            assert_status(vpt_assign_registry_remove(&one->device), VPT_OK);
        }
        plant_give(&plants[1], 1);
    }
}

Test(assign_reset, one_that_has_vanished)
{
    set_up(ALL_WAYS);
    one->removed = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_assign_reset(&one->device), VPT_DEVICE_GONE);
        cr_assert(one->resets == 0 && one->device.degraded && one->device.vanished);
        plant_check_quiet(one);
        /* Back again it may be another. */
        one->removed = false;
    }
    assert_status(vpt_assign_release(&one->device), VPT_OK);
}

/* ---- Failures ---- */

/* The k-th access fails, for each k: it ends quiet, and the next reset puts all right. */
Test(assign_reset, each_failure_of_the_host)
{
    for (unsigned method = VPT_ASSIGN_RESET_DEVICE; method <= VPT_ASSIGN_RESET_BUS; method++) {
        enum vpt_status status = PLANT_FAILURE;
        unsigned k;

        for (k = 1; status != VPT_OK; k++) {
            set_up_for((enum vpt_assign_reset_method)method);
            one->fail_at = k;
            status = vpt_assign_reset(&one->device);
            if (status == VPT_OK) {
                cr_assert(one->accesses < k);
                one->fail_at = 0;
                plant_check_fresh(one);
                break;
            }
            assert_status(status, PLANT_FAILURE);
            cr_assert(one->mapped == 0 && one->mode == VPT_ASSIGN_INTERRUPT_NONE && one->violations == 0);
            cr_assert(one->device.degraded && one->device.reset_needed);
            cr_assert(k <= 3 || (plant_get(one, 4, 2) & 4) == 0);
            one->fail_at = 0;
            assert_status(vpt_assign_reset(&one->device), VPT_OK);
            plant_check_fresh(one);
        }
        cr_assert(k > 20, "%u", k);
    }
}

Test(assign_reset, failures_of_hooks)
{
    set_up(ALL_WAYS);
    one->unmap_answer = PLANT_FAILURE;
    assert_status(vpt_assign_reset(&one->device), PLANT_FAILURE);
    cr_assert(one->resets == 0 && one->device.degraded && one->device.reset_needed && one->mapped == 3);
    cr_assert((plant_get(one, 4, 2) & 4) == 0 && one->mode == VPT_ASSIGN_INTERRUPT_NONE);
    one->unmap_answer = VPT_OK;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    plant_check_fresh(one);
    set_up(ALL_WAYS);
    one->mode_answer = PLANT_FAILURE;
    assert_status(vpt_assign_reset(&one->device), PLANT_FAILURE);
    cr_assert(one->resets == 0 && one->device.degraded && one->mapped == 0);
    one->mode_answer = VPT_OK;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    plant_check_fresh(one);
}

/* The function is reset, but the host does not route its interrupts. */
static enum vpt_status refuse_intx(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    struct plant *plant = ctx;

    (void)count;
    plant->mode = VPT_ASSIGN_INTERRUPT_NONE;
    return mode == VPT_ASSIGN_INTERRUPT_NONE ? VPT_OK : PLANT_FAILURE;
}

Test(assign_reset, interrupts_that_do_not_come_back)
{
    set_up(ALL_WAYS);
    one->host.interrupts = refuse_intx;
    assert_status(vpt_assign_reset(&one->device), PLANT_FAILURE);
    cr_assert(one->resets == 1 && one->device.degraded);
    plant_check_quiet(one);
    plant_check_restored(one);
    assert_status(vpt_assign_release(&one->device), VPT_OK);
    cr_assert(!one->device.degraded);
}

/* ---- What stays ---- */

static enum vpt_status no_call(void *ctx, const struct vpt_pci_address *function,
                               const struct vpt_assign_dma_range *range)
{
    (void)function;
    (void)range;
    ++*(unsigned *)ctx;
    return VPT_OK;
}

Test(assign_reset, what_stays)
{
    static unsigned calls;
    static const struct vpt_assign_iommu iommu = { &calls, no_call, no_call };
    static const struct vpt_assign_dma_range memory = { 0, 0x40000000, 0x10000, false, false };
    static const struct vpt_assign_region own = {
        .guest = 0x1000, .host = 0x2000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };
    struct vpt_assign_dma_range ranges[1];
    struct vpt_assign_dma dma;

    set_up(ALL_WAYS);
    assert_status(vpt_assign_dma_init(&dma, &iommu, ranges, 1, 0), VPT_OK);
    assert_status(vpt_assign_dma_map(&dma, &memory), VPT_OK);
    assert_status(vpt_assign_dma_attach(&dma, &one->device), VPT_OK);
    assert_status(vpt_assign_region_add(&one->device, &own), VPT_OK);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(calls == 1 && one->device.dma == &dma);
    cr_assert(vpt_assign_region_find(&one->device, VPT_ASSIGN_MEMORY, 0x1000) != NULL);
    assert_status(vpt_assign_release(&one->device), VPT_OK);
    cr_assert(calls == 2 && one->device.dma == NULL && dma.count == 0);
}

/* A release resets by the ways that concern the function alone, and without one restores it at least. */
Test(assign_reset, at_the_release)
{
    for (unsigned method = VPT_ASSIGN_RESET_DEVICE; method <= VPT_ASSIGN_RESET_BUS; method++) {
        set_up_for((enum vpt_assign_reset_method)method);
        assert_status(vpt_assign_release(&one->device), VPT_OK);
        cr_assert(one->resets == (method == VPT_ASSIGN_RESET_BUS ? 0 : 1));
        plant_check_restored(one);
        cr_assert(!one->device.owned && one->mapped == 0 && one->mode == VPT_ASSIGN_INTERRUPT_NONE);
    }
}

/* A guest's own, by either capability; it reads 0. */
Test(assign_reset, by_the_guest)
{
    static const struct {
        unsigned ways;
        uint16_t offset;
        uint32_t value;
    } guests[] = { { PLANT_PCIE_RESET, PLANT_PCIE + 8, 0xa010 }, { PLANT_AF_BOTH, PLANT_AF + 4, 1 } };

    for (unsigned i = 0; i < COUNT_OF(guests); i++) {
        set_up(guests[i].ways);
        assert_status(plant_guest_write(one, guests[i].offset, 2, guests[i].value), VPT_OK);
        cr_assert(one->resets == 1);
        plant_check_fresh(one);
        cr_assert((plant_guest_read(one, guests[i].offset, 2) & 0x8000) == 0);
        cr_assert(i == 0 || plant_guest_read(one, guests[i].offset, 1) == 0);
        set_up(PLANT_POWER_RESET);
        assert_status(plant_guest_write(one, guests[i].offset, 2, guests[i].value), VPT_OK);
        cr_assert(one->resets == 0 && one->mapped == 3);
    }
}

/* ---- The bus ---- */

/* Three functions on a bus and one on another; the first has no way of its own. Owner `owners[n]`, 0 is nobody. */
static void set_up_bus(const uint64_t owners[PLANTS])
{
    memset(&registry, 0, sizeof(registry));
    for (unsigned i = 0; i < PLANTS; i++) {
        plant_make(&plants[i], i == 0 ? 0 : ALL_WAYS);
        plants[i].host.reset_bus = true;
        plants[i].setup.address.bus = i == 3 ? 2 : 1;
        plant_open(&plants[i]);
        assert_status(vpt_assign_registry_add(&registry, &plants[i].device), VPT_OK);
        if (owners[i] != 0) {
            plant_give(&plants[i], owners[i]);
        }
    }
}

static const uint64_t same[PLANTS] = { OWNER, OWNER, OWNER, OWNER };

Test(assign_reset_bus, all_are_reset)
{
    set_up_bus(same);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(one->asked[VPT_ASSIGN_RESET_BUS] == 1);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(plants[i].resets == 1 && plants[i].reset == VPT_ASSIGN_RESET_BUS);
        plant_check_fresh(&plants[i]);
    }
    cr_assert(plants[3].accesses == 0 && plants[3].mapped == 3);
}

Test(assign_reset_bus, without_owners)
{
    static const uint64_t nobody[PLANTS] = { 0, 0, 0, OWNER };

    set_up_bus(nobody);
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(plants[i].resets == 1);
        plant_check_restored(&plants[i]);
    }
    cr_assert(plants[3].accesses == 0);
}

/* Nothing happens to what is somebody else's, or to what nobody has; nor because of it to the others. */
Test(assign_reset_bus, of_one_owner)
{
    static const uint64_t owners[][PLANTS] = {
        { OWNER, OWNER, OWNER + 1, OWNER },
        { OWNER, OWNER + 1, OWNER, OWNER },
        { OWNER, 0, OWNER, OWNER },
        { 0, 0, OWNER, 0 },
        { OWNER, 0, 0, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(owners); i++) {
        set_up_bus(owners[i]);
        assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
        cr_assert(one->asked[VPT_ASSIGN_RESET_BUS] == 0 && one->resets == 0 && !one->device.reset_needed);
        for (unsigned k = 1; k < PLANTS; k++) {
            cr_assert(plants[k].accesses == 0 || !plants[k].device.owned);
            cr_assert(plants[k].mapped == (owners[i][k] != 0 ? 3 : 0) && plants[k].resets == 0);
        }
    }
    /* Owner 0 is somebody. */
    set_up_bus((const uint64_t[PLANTS]){ 0, 0, 0, 0 });
    plant_give(&plants[2], 0);
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
    cr_assert(plants[2].mapped == 3 && plants[2].resets == 0);
}

Test(assign_reset_bus, what_it_needs)
{
    set_up_bus(same);
    one->host.reset_bus = false;
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
    cr_assert(one->asked[VPT_ASSIGN_RESET_BUS] == 0 && plants[1].mapped == 3);
    set_up_bus(same);
    plants[2].host.delay = NULL;
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
    cr_assert(one->asked[VPT_ASSIGN_RESET_BUS] == 0 && plants[1].mapped == 3);
    set_up_bus(same);
    plants[2].setup.address.segment = 1;
    plants[2].device.address.segment = 1;
    assert_status(vpt_assign_reset(&one->device), VPT_OK);
    cr_assert(plants[2].accesses == 0 && plants[2].mapped == 3 && plants[1].resets == 1);
    /* Without a registry nobody knows who else is there. */
    set_up_bus((const uint64_t[PLANTS]){ 0, 0, 0, 0 });
    assert_status(vpt_assign_registry_remove(&one->device), VPT_OK);
    assert_status(vpt_assign_reset(&one->device), VPT_UNSUPPORTED_DEVICE);
    cr_assert(one->asked[VPT_ASSIGN_RESET_BUS] == 0);
}

/* A function that has a way of its own is reset by that, alone. */
Test(assign_reset_bus, last_of_all_ways)
{
    set_up_bus(same);
    assert_status(vpt_assign_reset(&plants[1].device), VPT_OK);
    cr_assert(plants[1].reset == VPT_ASSIGN_RESET_FUNCTION && plants[1].asked[VPT_ASSIGN_RESET_BUS] == 0);
    plant_check_fresh(&plants[1]);
    cr_assert(one->mapped == 3 && plants[2].mapped == 3 && one->resets == 0);
}

/* All wait for the one that fails; each is quiet, and whoever can is back with the next. */
Test(assign_reset_bus, failures)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        set_up_bus(same);
        one->answers[VPT_ASSIGN_RESET_BUS] = kind == 0 ? PLANT_FAILURE : VPT_OK;
        plants[1].unmap_answer = kind == 1 ? PLANT_FAILURE : VPT_OK;
        plants[2].silence = kind == 2 ? 61000 * MILLISECOND : 0;
        plants[1].removed = kind == 3;
        assert_status(vpt_assign_reset(&one->device), kind == 2   ? VPT_DEVICE_STUCK
                                                      : kind == 3 ? VPT_DEVICE_GONE
                                                                  : PLANT_FAILURE);
        for (unsigned i = 0; i < 3; i++) {
            bool works = kind == 2 && i != 2;

            cr_assert(plants[i].device.degraded == !works && plants[i].device.reset_needed == !works);
            cr_assert(plants[i].resets == (kind == 2));
            cr_assert(plants[i].mapped == (kind == 1 && i == 1 ? 3 : 0));
            if (works) {
                plant_check_fresh(&plants[i]);
            } else if (plants[i].mapped == 0) {
                plant_check_quiet(&plants[i]);
            }
        }
        cr_assert(plants[3].accesses == 0);
        if (kind == 3) {
            continue;
        }
        plant_time = plants[2].retry;
        plants[1].unmap_answer = one->answers[VPT_ASSIGN_RESET_BUS] = VPT_OK;
        plants[2].silence = 0;
        assert_status(vpt_assign_reset(&one->device), VPT_OK);
        for (unsigned i = 0; i < 3; i++) {
            plant_check_fresh(&plants[i]);
        }
    }
}

Test(assign_reset_bus, each_failure_of_a_host)
{
    for (unsigned which = 0; which < 3; which++) {
        enum vpt_status status = PLANT_FAILURE;
        unsigned k;

        for (k = 1; status != VPT_OK; k++) {
            set_up_bus(same);
            plants[which].fail_at = k;
            status = vpt_assign_reset(&one->device);
            cr_assert(status == VPT_OK || status == PLANT_FAILURE);
            for (unsigned i = 0; i < 3; i++) {
                bool before = which == 0 && i != 0 && plants[i].accesses == 0; /* the first one has failed */

                cr_assert(plants[i].violations == 0 && plants[i].mapped == (before ? 3 : 0));
                cr_assert(!plants[i].device.degraded || plants[i].mode == VPT_ASSIGN_INTERRUPT_NONE);
            }
            cr_assert(plants[which].device.degraded == (status != VPT_OK));
            plants[which].fail_at = 0;
            assert_status(vpt_assign_reset(&one->device), VPT_OK);
            for (unsigned i = 0; i < 3; i++) {
                plant_check_fresh(&plants[i]);
            }
        }
        cr_assert(k > 20);
    }
}
