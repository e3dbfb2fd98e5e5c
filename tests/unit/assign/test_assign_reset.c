/* SPDX-License-Identifier: MIT */
/* Resets of assigned functions, by each way, and what becomes of those that fail. */
#include <string.h>

#include "simulated_host.h"

#include <vpt/assign_dma.h>
#include <vpt/assign_remap.h>

TestSuite(assign_reset);
TestSuite(assign_reset_bus);

#define ALL_WAYS (BY_PCIE | BY_AF | BY_POWER)
#define OWNER    9u

/* The way of a function that has no other one; those by a hook need no more than that it agrees. */
static const unsigned ways_of[] = {
    [VPT_ASSIGN_RESET_FUNCTION] = BY_PCIE,
    [VPT_ASSIGN_RESET_ADVANCED] = BY_AF,
    [VPT_ASSIGN_RESET_POWER] = BY_POWER,
    [VPT_ASSIGN_RESET_BUS] = 0,
};

static struct vpt_assign_registry registry;

static void open_and_give(void)
{
    function_open();
    function_give_to(function, OWNER);
}

static void set_up(unsigned ways)
{
    function_resettable(function, ways);
    open_and_give();
}

static void set_up_for(unsigned method)
{
    function_resettable(function, ways_of[method]);
    function->reset_answers[VPT_ASSIGN_RESET_DEVICE] =
        method == VPT_ASSIGN_RESET_DEVICE ? VPT_OK : VPT_UNSUPPORTED_DEVICE;
    function->host.reset_bus = method == VPT_ASSIGN_RESET_BUS;
    function_open();
    memset(&registry, 0, sizeof(registry));
    assert_status(vpt_assign_registry_add(&registry, &function->device), VPT_OK);
    function_give_to(function, OWNER);
}

#define FOR_EACH_METHOD(method) \
    for (unsigned method = VPT_ASSIGN_RESET_DEVICE; method <= VPT_ASSIGN_RESET_BUS; method++)

static enum vpt_status reset(void)
{
    return vpt_assign_reset(&function->device);
}

static enum vpt_status release(void)
{
    return vpt_assign_release(&function->device);
}

static void check_reset_by(unsigned method)
{
    assert_same(function->resets, 1);
    assert_same(function->reset, method);
}

static void check_needs_reset(bool degraded)
{
    assert_same(function->device.degraded, degraded);
    assert_same(function->device.reset_needed, true);
}

static void reset_again(void)
{
    assert_status(reset(), VPT_OK);
    function_check_fresh(function);
}

/* ---- Ways ---- */

Test(assign_reset, each_way_restores_the_host_and_the_guest_begins_anew)
{
    FOR_EACH_METHOD(method)
    {
        set_up_for(method);
        assert_status(reset(), VPT_OK);
        check_reset_by(method);
        function_check_fresh(function);
        cr_assert(function->device.owned && function->device.owner == OWNER);
        guest_write(BAR(0), 4, 0xf0000000);
        guest_write(0x04, 2, MEMORY_ON | MASTER);
        cr_assert(function->mapped_count == 1 && (function->config[4] & MASTER) != 0);
    }
}

Test(assign_reset, a_release_resets_by_each_way_but_the_bus_and_a_device_without_owner_is_reset_by_any)
{
    FOR_EACH_METHOD(method)
    {
        set_up_for(method);
        assert_status(release(), VPT_OK);
        assert_same(function->resets, method == VPT_ASSIGN_RESET_BUS ? 0 : 1);
        function_check_restored(function);
        function_check_quiet(function);
        cr_assert(!function->device.owned);
        function->resets = 0;
        function_set(4, 2, 0x0547);
        assert_status(reset(), VPT_OK);
        check_reset_by(method);
        function_check_restored(function);
        function_check_quiet(function);
        cr_assert(!function->device.degraded && !function->device.owned);
    }
}

Test(assign_reset, the_first_way_that_there_is_is_taken)
{
    static const struct {
        unsigned ways;
        enum vpt_status answer; /* of the host's reset() */
        enum vpt_assign_reset_method method;
    } rows[] = {
        { ALL_WAYS, VPT_OK, VPT_ASSIGN_RESET_DEVICE },
        { ALL_WAYS, VPT_UNSUPPORTED_DEVICE, VPT_ASSIGN_RESET_FUNCTION },
        { BY_PCIE, VPT_UNSUPPORTED_PORT, VPT_ASSIGN_RESET_FUNCTION },
        { BY_AF | BY_POWER, VPT_UNSUPPORTED_DEVICE, VPT_ASSIGN_RESET_ADVANCED },
        { BY_AF_WITHOUT_BIT | BY_POWER, VPT_UNSUPPORTED_DEVICE, VPT_ASSIGN_RESET_POWER },
        { AF_PENDING_BIT | BY_POWER, VPT_UNSUPPORTED_DEVICE, VPT_ASSIGN_RESET_POWER },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        set_up(rows[i].ways);
        function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = rows[i].answer;
        assert_status(reset(), VPT_OK);
        check_reset_by(rows[i].method);
        assert_same(function->reset_calls[VPT_ASSIGN_RESET_DEVICE], 1);
        function_check_fresh(function);
    }
    set_up(BY_PCIE);
    function->host.reset = NULL;
    reset_again();
}

Test(assign_reset, without_a_way_nothing_is_done)
{
    static const unsigned none[] = { 0, BY_AF_WITHOUT_BIT, AF_PENDING_BIT, ALL_WAYS };

    assert_status(vpt_assign_reset(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_reset(&functions[1].device), VPT_CALLER_ARGUMENT);
    for (unsigned i = 0; i < COUNT_OF(none); i++) {
        set_up(none[i]);
        function->host.reset = none[i] == ALL_WAYS ? function->host.reset : NULL;
        function->host.delay = none[i] == ALL_WAYS ? NULL : host_delay;
        assert_status(reset(), VPT_UNSUPPORTED_DEVICE);
        cr_assert(function->accesses == 0 && function->resets == 0 && function->mapped_count == 3);
        assert_same(function->mode, VPT_ASSIGN_INTERRUPT_INTX);
        cr_assert(!function->device.degraded && !function->device.reset_needed);
        assert_same(function->reset_calls[VPT_ASSIGN_RESET_DEVICE], 0);
        assert_same(guest_read(4, 2) & 7, 7);
    }
}

/* The guest has lost what it had by then. */
Test(assign_reset, where_only_the_hook_knows_that_there_is_no_way_all_is_as_after_a_reset)
{
    set_up(0);
    assert_status(reset(), VPT_UNSUPPORTED_DEVICE);
    assert_same(function->resets, 0);
    assert_same(function->reset_calls[VPT_ASSIGN_RESET_DEVICE], 1);
    assert_same(function->reset_calls[VPT_ASSIGN_RESET_BUS], 0);
    cr_assert(!function->device.degraded && !function->device.reset_needed && function->mapped_count == 0);
    cr_assert(guest_read(4, 2) == 0 && guest_read(0x10, 4) == 0xc);
    cr_assert((function->config[4] & MASTER) == 0 && function->mode == VPT_ASSIGN_INTERRUPT_INTX);
    assert_status(vpt_assign_check(&function->device), VPT_OK);
}

Test(assign_reset, capabilities_that_are_hidden_are_the_hosts_to_use)
{
    for (unsigned method = VPT_ASSIGN_RESET_FUNCTION; method <= VPT_ASSIGN_RESET_POWER; method++) {
        function_resettable(function, ways_of[method]);
        function_open();
        assert_status(vpt_assign_hide(&function->device, RESET_PCIE), VPT_OK);
        assert_status(vpt_assign_hide(&function->device, RESET_AF), VPT_OK);
        assert_status(vpt_assign_hide(&function->device, RESET_PM), VPT_OK);
        function_give();
        assert_status(reset(), VPT_OK);
        check_reset_by(method);
        function_check_fresh(function);
    }
}

/* A list of its own, of one capability, which the end of the space may cut short. */
static void only_capability(uint8_t at, uint32_t header)
{
    function->config[0x34] = at;
    memset(function->config + at, 0, 256u - at);
    function_set(at, 4, header);
}

Test(assign_reset, a_capability_that_is_cut_short_is_no_way)
{
    static const struct {
        uint8_t offset;
        uint32_t header;
        enum vpt_status status;
    } rows[] = {
        { 0xf0, 0x00010010, VPT_OK },
        { 0xf4, 0x00010010, VPT_OK },
        { 0xf8, 0x00010010, VPT_UNSUPPORTED_DEVICE },
        { 0xfc, 0x00010010, VPT_UNSUPPORTED_DEVICE },
        { 0xf8, 0x03060013, VPT_OK },
        { 0xfc, 0x03060013, VPT_UNSUPPORTED_DEVICE },
        { 0xf8, 0x00010001, VPT_OK },
        { 0xfc, 0x00010001, VPT_UNSUPPORTED_DEVICE },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        function_resettable(function, 0);
        only_capability(rows[i].offset, rows[i].header);
        if ((rows[i].header & 0xff) == 0x10 && rows[i].offset < 0xfc) {
            function_set(rows[i].offset + 4u, 4, 0x10000000);
        }
        function->host.reset = NULL;
        function_open();
        assert_status_of(row_name(i), reset(), rows[i].status);
    }
    /* Another one begins in the middle. */
    function_resettable(function, BY_AF);
    function_set(RESET_AF + 1u, 1, RESET_AF + 4u);
    function_set(RESET_AF + 4u, 4, 0x00100009 | RESET_VENDOR << 8);
    function->host.reset = NULL;
    function_open();
    assert_status(reset(), VPT_UNSUPPORTED_DEVICE);
}

/* ---- What is written ---- */

/* The bits that begin it, the others as the host has them then, in one access; no status that a 1 would clear. */
Test(assign_reset, bus_mastering_goes_first_and_decoding_comes_back_last)
{
    static const struct {
        unsigned ways;
        uint16_t offset;
        uint32_t values[2];
        unsigned count;
        uint64_t wait;
    } rows[] = {
        { BY_PCIE, RESET_PCIE + 8, { 0xa936 }, 1, 100 * MILLISECOND },
        { BY_AF, RESET_AF + 4, { 0x0001 }, 1, 100 * MILLISECOND },
        { BY_POWER, RESET_PM + 4, { 0x0103, 0x0100 }, 2, 10 * MILLISECOND },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct function_write *write = &function->log[1];
        const struct function_write *last;
        unsigned bars = 0;

        function_resettable(function, rows[i].ways);
        function->config[RESET_PM + 5] = function->at_power_on[RESET_PM + 5] = 0x81;
        open_and_give();
        assert_status(reset(), VPT_OK);
        last = &function->log[function->logged - 1];
        cr_assert(function->log[0].offset == 4 && (function->log[0].value & MASTER) == 0, "row %u", i);
        for (unsigned n = 0; n < rows[i].count; n++, write++) {
            cr_assert(write->offset == rows[i].offset && write->width == 2, "row %u: %#x", i, write->offset);
            assert_same_of(row_name(i), write->value, rows[i].values[n]);
            cr_assert((write + 1)->time >= write->time + rows[i].wait, "row %u", i);
        }
        for (; write <= last; write++) {
            cr_assert(write->offset != 4 || (write->value & MASTER) == 0);
            cr_assert(write->offset != 4 || (write->value & DECODING) == 0 || write == last);
            bars += write->offset >= 0x10 && write->offset <= 0x30;
        }
        assert_same(bars, 4);
        cr_assert(last->offset == 4 && last->value == 0x0543);
        assert_same(function->config[RESET_PM + 5], 0x81);
    }
}

/* Those of version 2, of a capability of version 1; of PCI Express in the header; behind the end of the space. */
Test(assign_reset, registers_that_are_not_there_are_not_written)
{
    function_resettable(function, BY_PCIE);
    function->at_power_on[RESET_PCIE + 2] = 1;
    function->config[RESET_PCIE + 2] = 1;
    function_open();
    assert_status(reset(), VPT_OK);
    cr_assert(!function_wrote(RESET_PCIE + 40));
    assert_same(function_get(RESET_PCIE + 16, 2), 0x0142);
    assert_same(function_get(RESET_PCIE + 8, 2), 0x5936);
    function_resettable(function, BY_POWER);
    function_set(RESET_PM + 1u, 1, RESET_VENDOR);
    function_set(0x28, 4, 0x12345678);
    function->fixed[0x28] = 0;
    function_open();
    assert_status(reset(), VPT_OK);
    cr_assert(function->resets == 1 && !function_wrote(0x28));
    for (unsigned at = 0xdc; at <= 0xf4; at += 4) {
        function_resettable(function, 0);
        function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
        only_capability((uint8_t)at, 0x00020010);
        function_open();
        memset(function->fixed + 0xe0, 0, 0x20);
        assert_status(reset(), VPT_OK);
    }
}

/* Its BARs are zeroes, and its ids are another's: what the host was told is not what the function is. */
Test(assign_reset, of_a_virtual_function_neither_bars_nor_ids_are_written)
{
    static const struct vpt_assign_identity identity = { VPT_ASSIGN_ALL_IDS, 0x1111, 0x2222, 0x3333, 0x4444 };

    function_resettable(function, BY_PCIE);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *config = i == 0 ? function->config : function->at_power_on;

        memset(config, 0xff, 4);
        memset(config + 0x10, 0, 0x18);
        memset(config + 0x30, 0, 4);
        config[0x3d] = 1;
    }
    function_memory(0, 0x4000, 0xc0000000, true);
    function->setup.virtual_function = true;
    function->setup.identity = &identity;
    function->setup.bars = &function->bars;
    function_open();
    assert_status(reset(), VPT_OK);
    assert_same(function->resets, 1);
    for (unsigned i = 0; i < function->logged; i++) {
        uint16_t offset = function->log[i].offset;

        cr_assert(offset >= 4 && (offset < 0x10 || offset >= 0x3c), "%#x", offset);
    }
    function_check_restored(function);
}

/* ---- Waiting ---- */

/* But no longer than a second: one that never ends them is reset all the same. */
Test(assign_reset, transactions_are_waited_for)
{
    static const unsigned many = 1000;

    for (unsigned method = VPT_ASSIGN_RESET_FUNCTION; method <= VPT_ASSIGN_RESET_ADVANCED; method++) {
        for (unsigned pending = 0; pending <= many; pending += pending < 10 ? 1 : many - 10) {
            uint64_t start;

            set_up_for(method);
            function->pending = pending;
            start = host_time;
            assert_status(reset(), VPT_OK);
            assert_same(function->resets, 1);
            assert_same(function->pending_at_reset, pending == many ? many - 101 : 0);
            cr_assert(pending == many || function->reset_time == start + (uint64_t)pending * 10 * MILLISECOND);
            function_check_fresh(function);
        }
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

        set_up_for(method);
        *(i % 2 == 0 ? &function->silence : &function->retries) = silence * MILLISECOND;
        function->host.ready_wait = i % 4 < 2 ? 0 : 2000 * MILLISECOND;
        if (i % 4 >= 2 && silence > 2000 + 100) {
            assert_status(reset(), VPT_DEVICE_STUCK);
            continue;
        }
        assert_status(reset(), VPT_OK);
        longest = function->retry > function->busy ? function->retry : function->busy;
        cr_assert(host_time >= longest && host_time < longest + 10 * MILLISECOND, "%u: %u ms", method, silence);
        function_check_fresh(function);
    }
}

Test(assign_reset, one_that_does_not_come_back_is_nobodys_until_a_reset_has_worked)
{
    FOR_EACH_METHOD(method)
    {
        for (unsigned kind = 0; kind < 2; kind++) {
            uint64_t start;

            set_up_for(method);
            /* First it is not there, and then not ready: what it may take is for both. */
            function->silence = (kind == 0 ? 70000 : 40000) * MILLISECOND;
            function->retries = (kind == 0 ? 0 : 40000) * MILLISECOND;
            start = host_time;
            assert_status(reset(), VPT_DEVICE_STUCK);
            cr_assert(host_time - start >= 60000 * MILLISECOND && host_time - start <= 60200 * MILLISECOND);
            assert_same(function->resets, 1);
            check_needs_reset(true);
            function_check_quiet(function);
            assert_status(guest_try_write(4, 2, 7), VPT_DEVICE_ASSIGN_DEGRADED);
            function_check_quiet(function);
            host_time = function->retry;
            function->silence = function->retries = 0;
            if (kind == 0) {
                reset_again();
                continue;
            }
            function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = HOST_FAILURE;
            assert_status(release(), VPT_OK);
            check_needs_reset(false);
            assert_status(vpt_assign_acquire(&function->device, 1, &function->guest), VPT_DEVICE_STUCK);
            function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
            assert_status(reset(), VPT_OK);
            cr_assert(!function->device.reset_needed);
            function_give();
            function_check_fresh(function);
        }
    }
}

/* It could still reach the memory of its group's next owner; who has it anyway may have the others. */
Test(assign_reset, one_that_does_not_come_back_keeps_its_group)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        memset(&registry, 0, sizeof(registry));
        for (unsigned i = 0; i < 3; i++) {
            function_resettable(&functions[i], 0);
            functions[i].reset_answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
            functions[i].setup.group = i < 2 ? 7 : 8;
            function_open_of(&functions[i]);
            assert_status(vpt_assign_registry_add(&registry, &functions[i].device), VPT_OK);
        }
        function_give_to(function, OWNER);
        function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = HOST_FAILURE;
        assert_status(reset(), HOST_FAILURE);
        function_give_to(&functions[1], OWNER);
        assert_status(release(), VPT_OK);
        assert_status(vpt_assign_release(&functions[1].device), VPT_OK);
        for (unsigned i = 0; i < 4; i++) {
            struct host_function *self = &functions[i / 2];

            assert_status(vpt_assign_acquire(&self->device, i % 2 == 0 ? 1 : OWNER, &self->guest), VPT_DEVICE_STUCK);
        }
        function_give_to(&functions[2], 1);
        function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = VPT_OK;
        assert_status(kind == 0 ? reset() : vpt_assign_registry_remove(&function->device), VPT_OK);
        function_give_to(&functions[1], 1);
    }
}

/* Back again it may be another. */
Test(assign_reset, one_that_has_vanished_is_not_reset_even_if_it_is_back)
{
    set_up(ALL_WAYS);
    function->gone = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_status(reset(), VPT_DEVICE_GONE);
        cr_assert(function->resets == 0 && function->device.degraded && function->device.vanished);
        function_check_quiet(function);
        function->gone = false;
    }
    assert_status(release(), VPT_OK);
}

/* ---- Failures ---- */

Test(assign_reset, with_each_access_that_fails_it_ends_quiet_and_the_next_reset_puts_all_right)
{
    FOR_EACH_METHOD(method)
    {
        unsigned k = 0;
        bool failed;

        do {
            set_up_for(method);
            function->fail_in = ++k;
            assert_status(reset(), function->fail_in == 0 ? HOST_FAILURE : VPT_OK);
            failed = function->fail_in == 0;
            function->fail_in = 0;
            if (failed) {
                assert_same(function->mapped_count, 0);
                assert_same(function->mode, VPT_ASSIGN_INTERRUPT_NONE);
                assert_same(function->violations, 0);
                check_needs_reset(true);
                cr_assert(k <= 3 || (function->config[4] & MASTER) == 0);
                assert_status(reset(), VPT_OK);
            }
            function_check_fresh(function);
        } while (failed);
        cr_assert(k > 20, "%u", k);
    }
}

Test(assign_reset, a_hook_that_fails_leaves_the_function_as_it_is_but_for_bus_mastering)
{
    enum { UNMAP, INTERRUPTS, RESET, HOOKS };

    for (unsigned hook = UNMAP; hook < HOOKS; hook++) {
        set_up(ALL_WAYS);
        function_fail_hooks(1, hook == UNMAP ? 1000 : 0);
        function->mode_answer = hook == INTERRUPTS ? HOST_FAILURE : VPT_OK;
        function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = hook == RESET ? HOST_FAILURE : VPT_UNSUPPORTED_DEVICE;
        assert_status(reset(), hook == UNMAP ? HOOK_FAILURE : HOST_FAILURE);
        check_needs_reset(true);
        assert_same(function->resets, 0);
        assert_same(function->mapped_count, hook == UNMAP ? 3 : 0);
        assert_same(function->config[4] & MASTER, 0);
        assert_same(function->mode, hook == INTERRUPTS ? VPT_ASSIGN_INTERRUPT_INTX : VPT_ASSIGN_INTERRUPT_NONE);
        function_fail_hooks(0, 0);
        function->mode_answer = VPT_OK;
        function->reset_answers[VPT_ASSIGN_RESET_DEVICE] = VPT_UNSUPPORTED_DEVICE;
        reset_again();
    }
}

/* The function is reset, but the host does not route its interrupts. */
static enum vpt_status refuse_intx(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    (void)ctx;
    (void)count;
    function->mode = VPT_ASSIGN_INTERRUPT_NONE;
    return mode == VPT_ASSIGN_INTERRUPT_NONE ? VPT_OK : HOST_FAILURE;
}

Test(assign_reset, interrupts_that_do_not_come_back_degrade)
{
    set_up(ALL_WAYS);
    function->host.interrupts = refuse_intx;
    assert_status(reset(), HOST_FAILURE);
    cr_assert(function->resets == 1 && function->device.degraded);
    function_check_quiet(function);
    function_check_restored(function);
    assert_status(release(), VPT_OK);
    cr_assert(!function->device.degraded);
}

/* ---- What stays ---- */

static enum vpt_status count_call(void *ctx, const struct vpt_pci_address *address,
                                  const struct vpt_assign_dma_range *range)
{
    (void)address;
    (void)range;
    ++*(unsigned *)ctx;
    return VPT_OK;
}

Test(assign_reset, dma_and_regions_of_the_hypervisors_own_stay)
{
    static unsigned calls;
    static const struct vpt_assign_iommu iommu = { &calls, count_call, count_call };
    static const struct vpt_assign_dma_range memory = { 0, 0x40000000, 0x10000, false, false };
    static const struct vpt_assign_region own = {
        .guest = 0x1000, .host = 0x2000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };
    struct vpt_assign_dma_range ranges[1];
    struct vpt_assign_dma dma;

    set_up(ALL_WAYS);
    assert_status(vpt_assign_dma_init(&dma, &iommu, ranges, 1, 0), VPT_OK);
    assert_status(vpt_assign_dma_map(&dma, &memory), VPT_OK);
    assert_status(vpt_assign_dma_attach(&dma, &function->device), VPT_OK);
    assert_status(vpt_assign_region_add(&function->device, &own), VPT_OK);
    assert_status(reset(), VPT_OK);
    cr_assert(calls == 1 && function->device.dma == &dma);
    cr_assert(vpt_assign_region_find(&function->device, VPT_ASSIGN_MEMORY, 0x1000) != NULL);
    assert_status(release(), VPT_OK);
    cr_assert(calls == 2 && function->device.dma == NULL && dma.count == 0);
}

Test(assign_reset, a_guest_resets_by_either_capability_whose_bit_reads_0)
{
    static const struct {
        unsigned ways;
        uint16_t offset;
        uint32_t value;
    } rows[] = { { BY_PCIE, RESET_PCIE + 8, 0xa010 }, { BY_AF, RESET_AF + 4, 1 } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        set_up(rows[i].ways);
        guest_write(rows[i].offset, 2, rows[i].value);
        assert_same(function->resets, 1);
        assert_same(function->device.generation, 1);
        function_check_fresh(function);
        assert_same_of(row_name(i), guest_read(rows[i].offset, 2) & (i == 0 ? 0x8000 : 0xff), 0);
        set_up(BY_POWER);
        guest_write(rows[i].offset, 2, rows[i].value);
        cr_assert(function->resets == 0 && function->mapped_count == 3);
    }
}

/* ---- What others do while a device is waited for ---- */

static struct vpt_assign_remap remap;
static struct vpt_assign_remap_entry entries[2];

/* The host's delay() of the first function, in which all is done that docs/assignment.md allows. */
static void let_others_go_on(void *ctx, uint32_t microseconds)
{
    struct vpt_assign_interrupt found;
    struct vpt_assign_device *second = &functions[1].device;
    uint32_t value;

    host_delay(ctx, microseconds);
    assert_status(vpt_assign_remap_find(&remap, 0, &found), VPT_EMPTY);
    assert_status(vpt_assign_acquire(second, 2, &functions[1].guest), VPT_OK);
    assert_status(vpt_assign_remap_add(&remap, 1, second, VPT_ASSIGN_INTX, 0), VPT_OK);
    assert_status(vpt_assign_config_write(second, BAR(0), 4, 0xe0000000), VPT_OK);
    assert_status(vpt_assign_config_write(second, 0x04, 2, MEMORY_ON | MASTER), VPT_OK);
    assert_status(vpt_assign_config_read(second, 0x04, 2, &value), VPT_OK);
    assert_status(vpt_assign_reset(second), VPT_OK);
    assert_status(vpt_assign_release(second), VPT_OK);
    assert_status(vpt_assign_registry_remove(second), VPT_OK);
    assert_status(vpt_assign_registry_add(&registry, second), VPT_OK);
}

Test(assign_reset, while_it_waits_other_devices_are_used_reset_and_given_away)
{
    memset(&registry, 0, sizeof(registry));
    for (unsigned i = 0; i < 2; i++) {
        function_resettable(&functions[i], ALL_WAYS);
        functions[i].setup.address.device = (uint8_t)i;
        functions[i].config[0x3d] = 1;
        function_open_of(&functions[i]);
        assert_status(vpt_assign_registry_add(&registry, &functions[i].device), VPT_OK);
    }
    assert_status(vpt_assign_remap_init(&remap, entries, COUNT_OF(entries)), VPT_OK);
    function_give_to(function, OWNER);
    assert_status(vpt_assign_remap_add(&remap, 0, &function->device, VPT_ASSIGN_INTX, 0), VPT_OK);
    function->host.delay = let_others_go_on;
    guest_write(RESET_PCIE + 8, 2, 0x8000);
    assert_same(function->resets, 1);
    cr_assert(functions[1].resets >= 2 && functions[1].mapped_count == 0);
    function_check_fresh(function);
    guest_write(BAR(0), 4, 0xf0000000);
    guest_write(0x04, 2, MEMORY_ON | MASTER);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    function_check_restored(function);
    assert_status(vpt_assign_check(&functions[1].device), VPT_OK);
}

/* ---- The bus ---- */

/* Three functions on a bus and one on another; the first has no way of its own. Owner `owners[n]`, 0 is nobody. */
static void set_up_bus(const uint64_t owners[FUNCTIONS])
{
    memset(&registry, 0, sizeof(registry));
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        function_resettable(&functions[i], i == 0 ? 0 : ALL_WAYS);
        functions[i].host.reset_bus = true;
        functions[i].setup.address.bus = i == 3 ? 2 : 1;
        function_open_of(&functions[i]);
        assert_status(vpt_assign_registry_add(&registry, &functions[i].device), VPT_OK);
        if (owners[i] != 0) {
            function_give_to(&functions[i], owners[i]);
        }
    }
}

static const uint64_t same[FUNCTIONS] = { OWNER, OWNER, OWNER, OWNER };
static const uint64_t nobody[FUNCTIONS] = { 0, 0, 0, 0 };

static void check_bus_fresh(void)
{
    for (unsigned i = 0; i < 3; i++) {
        function_check_fresh(&functions[i]);
    }
}

/* No function on the bus is reset, and the guests of the others have what they had. */
static void check_bus_refused(void)
{
    unsigned mapped[FUNCTIONS];

    for (unsigned i = 0; i < FUNCTIONS; i++) {
        mapped[i] = functions[i].mapped_count;
    }
    assert_status(reset(), VPT_UNSUPPORTED_DEVICE);
    assert_same(function->reset_calls[VPT_ASSIGN_RESET_BUS], 0);
    cr_assert(!function->device.reset_needed);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        assert_same(functions[i].resets, 0);
        cr_assert(i == 0 || functions[i].accesses == 0 || !functions[i].device.owned);
        cr_assert(i == 0 || functions[i].mapped_count == mapped[i]);
    }
}

Test(assign_reset_bus, all_functions_on_it_are_reset_with_and_without_an_owner)
{
    for (unsigned owned = 0; owned < 2; owned++) {
        set_up_bus(owned != 0 ? same : nobody);
        assert_status(reset(), VPT_OK);
        assert_same(function->reset_calls[VPT_ASSIGN_RESET_BUS], 1);
        for (unsigned i = 0; i < 3; i++) {
            cr_assert(functions[i].resets == 1 && functions[i].reset == VPT_ASSIGN_RESET_BUS);
            function_check_restored(&functions[i]);
        }
        if (owned != 0) {
            check_bus_fresh();
        }
        cr_assert(functions[3].accesses == 0 && functions[3].mapped_count == (owned != 0 ? 3 : 0));
    }
}

/* Nor a registry: without one nobody knows who else is there. */
Test(assign_reset_bus, it_is_not_reset_without_one_owner_of_all_or_what_a_reset_needs)
{
    static const uint64_t owners[][FUNCTIONS] = {
        { OWNER, OWNER, OWNER + 1, OWNER },
        { OWNER, OWNER + 1, OWNER, OWNER },
        { OWNER, 0, OWNER, OWNER },
        { 0, 0, OWNER, 0 },
        { OWNER, 0, 0, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(owners); i++) {
        set_up_bus(owners[i]);
        check_bus_refused();
    }
    set_up_bus(nobody);
    function_give_to(&functions[2], 0); /* owner 0 is somebody */
    check_bus_refused();
    set_up_bus(same);
    function->host.reset_bus = false;
    check_bus_refused();
    set_up_bus(same);
    functions[2].host.delay = NULL;
    check_bus_refused();
    set_up_bus(nobody);
    assert_status(vpt_assign_registry_remove(&function->device), VPT_OK);
    check_bus_refused();
}

Test(assign_reset_bus, a_bus_of_another_segment_is_another)
{
    set_up_bus(same);
    functions[2].setup.address.segment = 1;
    functions[2].device.address.segment = 1;
    assert_status(reset(), VPT_OK);
    cr_assert(functions[2].accesses == 0 && functions[2].mapped_count == 3 && functions[1].resets == 1);
}

Test(assign_reset_bus, a_function_that_has_a_way_of_its_own_is_reset_by_that_alone)
{
    set_up_bus(same);
    assert_status(vpt_assign_reset(&functions[1].device), VPT_OK);
    assert_same(functions[1].reset, VPT_ASSIGN_RESET_FUNCTION);
    assert_same(functions[1].reset_calls[VPT_ASSIGN_RESET_BUS], 0);
    function_check_fresh(&functions[1]);
    cr_assert(function->mapped_count == 3 && functions[2].mapped_count == 3 && function->resets == 0);
}

enum trouble { HOOK_FAILS, UNMAP_FAILS, STAYS_AWAY, VANISHES };

static void check_trouble(enum trouble trouble)
{
    for (unsigned i = 0; i < 3; i++) {
        struct host_function *self = &functions[i];
        bool works = trouble == STAYS_AWAY && i != 2;

        cr_assert(self->device.degraded == !works && self->device.reset_needed == !works);
        assert_same(self->resets, trouble == STAYS_AWAY);
        assert_same(self->mapped_count, trouble == UNMAP_FAILS && i == 1 ? 3 : 0);
        if (works) {
            function_check_fresh(self);
        } else if (self->mapped_count == 0) {
            function_check_quiet(self);
        }
    }
    assert_same(functions[3].accesses, 0);
}

/* Each is quiet then, and whoever can is back with the next reset. */
Test(assign_reset_bus, all_wait_for_the_one_that_fails)
{
    static const enum vpt_status statuses[] = { HOST_FAILURE, HOOK_FAILURE, VPT_DEVICE_STUCK, VPT_DEVICE_GONE };

    for (unsigned trouble = HOOK_FAILS; trouble <= VANISHES; trouble++) {
        set_up_bus(same);
        function->reset_answers[VPT_ASSIGN_RESET_BUS] = trouble == HOOK_FAILS ? HOST_FAILURE : VPT_OK;
        functions[1].fail_hook_in = trouble == UNMAP_FAILS;
        functions[1].fail_hooks = 1000;
        functions[2].silence = trouble == STAYS_AWAY ? 61000 * MILLISECOND : 0;
        functions[1].gone = trouble == VANISHES;
        assert_status(reset(), statuses[trouble]);
        check_trouble((enum trouble)trouble);
        if (trouble == VANISHES) {
            return;
        }
        host_time = functions[2].retry;
        function->reset_answers[VPT_ASSIGN_RESET_BUS] = VPT_OK;
        functions[1].fail_hook_in = 0;
        functions[2].silence = 0;
        assert_status(reset(), VPT_OK);
        check_bus_fresh();
    }
}

Test(assign_reset_bus, each_access_of_a_host_may_fail_and_the_next_reset_puts_all_right)
{
    for (unsigned which = 0; which < 3; which++) {
        enum vpt_status status = HOST_FAILURE;
        unsigned k;

        for (k = 1; status != VPT_OK; k++) {
            set_up_bus(same);
            functions[which].fail_in = k;
            status = reset();
            cr_assert(status == VPT_OK || status == HOST_FAILURE);
            for (unsigned i = 0; i < 3; i++) {
                /* Where the first one has failed nothing was done to it. */
                bool before = which == 0 && i != 0 && functions[i].accesses == 0;

                cr_assert(functions[i].violations == 0 && functions[i].mapped_count == (before ? 3 : 0));
                cr_assert(!functions[i].device.degraded || functions[i].mode == VPT_ASSIGN_INTERRUPT_NONE);
            }
            assert_same(functions[which].device.degraded, status != VPT_OK);
            functions[which].fail_in = 0;
            assert_status(reset(), VPT_OK);
            check_bus_fresh();
        }
        cr_assert(k > 20);
    }
}
