/* SPDX-License-Identifier: MIT */
/*
 * Regions of the hypervisor's own beside those of BARs, and a guest's accesses to what is trapped: what is refused.
 * Those of any kind are in test_assign_random.c, and hooks that fail in test_assign_failure.c.
 */
#include "simulated_host.h"

TestSuite(assign_region);
TestSuite(assign_access);

#define MEMORY VPT_ASSIGN_MEMORY
#define IO     VPT_ASSIGN_IO
#define NONE   VPT_ASSIGN_NO_BAR

static enum vpt_status add(uint64_t guest, uint64_t size)
{
    struct vpt_assign_region region = { guest, 0x100000, size, MEMORY, NONE, true };

    return vpt_assign_region_add(&function->device, &region);
}

static enum vpt_status take_back(uint64_t guest)
{
    return vpt_assign_region_remove(&function->device, MEMORY, guest);
}

static void set_up(void)
{
    function_start_powered();
    function_open_and_give();
}

/* ---- Regions ---- */

Test(assign_region, bad_ones_are_refused)
{
    static const struct {
        struct vpt_assign_region region;
        enum vpt_status status;
    } rows[] = {
        { { 0x2000, 0x100000, 0x1000, MEMORY, NONE, true }, VPT_OK },
        { { 0x1fff, 0x100000, 2, MEMORY, NONE, true }, VPT_REFUSED },
        { { 0x2fff, 0x100000, 1, MEMORY, NONE, true }, VPT_REFUSED },
        { { 0x1000, 0x100000, 0x5000, MEMORY, NONE, true }, VPT_REFUSED },
        { { 0x1000, 0x100000, 0x1000, MEMORY, NONE, true }, VPT_OK },
        { { 0x3000, 0x100000, 0x1000, MEMORY, NONE, true }, VPT_OK },
        { { 0x2000, 0x2000, 4, IO, NONE, true }, VPT_OK },
        /* Past the end of a space. */
        { { UINT64_MAX, 0x100000, 1, MEMORY, NONE, true }, VPT_OK },
        { { UINT64_MAX - 1, 0x100000, 3, MEMORY, NONE, true }, VPT_CALLER_RANGE },
        { { 2, 0x100000, UINT64_MAX, MEMORY, NONE, true }, VPT_CALLER_RANGE },
        { { 0x8000, UINT64_MAX, 2, MEMORY, NONE, true }, VPT_CALLER_RANGE },
        { { 0xffff, 0, 1, IO, NONE, true }, VPT_OK },
        { { 0xfffe, 0, 3, IO, NONE, true }, VPT_CALLER_RANGE },
        { { 0x10000, 0, 1, IO, NONE, true }, VPT_CALLER_RANGE },
        { { 0, 0xffff, 2, IO, NONE, true }, VPT_CALLER_RANGE },
        { { 0, 0x10000, 1, IO, NONE, true }, VPT_CALLER_RANGE },
        { { 0x8000, 0x8000, 0, MEMORY, NONE, true }, VPT_CALLER_ARGUMENT },
        { { 0x8000, 0x8000, 1, MEMORY, 0, true }, VPT_CALLER_ARGUMENT },
        { { 0x8000, 0x8000, 1, (enum vpt_assign_space)3, NONE, true }, VPT_CALLER_ARGUMENT },
        /* A page that is mapped is no page of anything else, and a port that is mapped is the same one. */
        { { 0x8000, 0x1800, 0x1000, MEMORY, NONE, false }, VPT_CALLER_ALIGNMENT },
        { { 0x8800, 0x1800, 0x1000, MEMORY, NONE, false }, VPT_CALLER_ALIGNMENT },
        { { 0x8000, 0x2000, 0x1800, MEMORY, NONE, false }, VPT_CALLER_ALIGNMENT },
        { { 0x8000, 0x2000, 0x2000, MEMORY, NONE, false }, VPT_OK },
        { { 0x60, 0x64, 1, IO, NONE, false }, VPT_CALLER_ALIGNMENT },
        { { 0x60, 0x60, 1, IO, NONE, false }, VPT_OK },
    };
    unsigned own = 0;

    set_up();
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        enum vpt_status status = vpt_assign_region_add(&function->device, &rows[i].region);

        cr_assert(status == rows[i].status, "row %u: %s", i, vpt_status_str(status));
        own += status == VPT_OK;
        function_check_map(own);
    }
    assert_same(function->calls, own);
    assert_status(vpt_assign_region_add(NULL, &rows[0].region), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_region_add(&function->device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_region_remove(NULL, MEMORY, 0), VPT_CALLER_ARGUMENT);
    cr_assert(vpt_assign_region_find(NULL, MEMORY, 0) == NULL);
}

Test(assign_region, there_is_always_room_for_bars)
{
    function_start_powered();
    function_five_bars();
    function->setup.regions = VPT_ASSIGN_REGIONS(1) + 3u;
    function_open_and_give();
    for (unsigned i = 0; i < 3; i++) {
        assert_status(add(0x1000 + i, 1), VPT_OK);
    }
    assert_status(add(0x2000, 1), VPT_RESOURCE_FULL);
    function_place();
    guest_write(4, 2, DECODING);
    assert_same(function->mapped_count, 10);
    function_check_map(3);
    assert_status(take_back(0x1001), VPT_OK);
    assert_status(add(0x2000, 1), VPT_OK);
    function_check_map(3);
    /* Only the hypervisor's own can be taken back, at their beginning. */
    assert_status(take_back(0xfe000000), VPT_CALLER_RANGE);
    assert_status(take_back(0x2001), VPT_CALLER_RANGE);
    assert_status(take_back(UINT64_MAX), VPT_CALLER_RANGE);
    assert_status(vpt_assign_region_remove(&function->device, IO, 0x2000), VPT_CALLER_RANGE);
}

Test(assign_region, of_a_degraded_device_they_stay_until_the_release)
{
    function_place_five_bars();
    assert_status(add(0x1000, 1), VPT_OK);
    guest_write(4, 2, DECODING);
    function_fail_hooks(2, 100);
    assert_status(guest_try_write(4, 2, 0), VPT_DEVICE_ASSIGN_DEGRADED);
    function_fail_hooks(0, 0);
    function_forget();
    assert_status(add(0x2000, 1), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(take_back(0x1000), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_same(function->calls, 0);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(function->mapped_count == 0 && function->violations == 0);
    assert_status(add(0x1000, 1), VPT_CALLER_STATE);
    assert_status(take_back(0x1000), VPT_CALLER_RANGE);
}

/* ---- Accesses ---- */

static enum vpt_status read_at(enum vpt_assign_space space, uint64_t guest, unsigned width, uint64_t *value)
{
    *value = 0x55;
    return vpt_assign_access_read(&function->device, space, guest, width, value);
}

/* BAR 0: ports at 0xc000 (host 0xd000). BAR 1: 256 bytes at 0xfe000100 (host 0x80004200). */
static void set_up_access(void)
{
    function_start_powered();
    function_io(0, 32, 0xd000);
    function_memory(1, 256, 0x80004200, false);
    function_open_and_give();
    guest_write(BAR(0), 4, 0xc000);
    guest_write(BAR(1), 4, 0xfe000100);
    guest_write(4, 2, DECODING);
}

/* What does not reach the host: all-ones of the width, a status, and nothing written. */
static void check_none(enum vpt_assign_space space, uint64_t guest, unsigned width, enum vpt_status status)
{
    bool narrow = width == 1 || width == 2 || width == 4;
    uint64_t value;

    function->memory_accesses = 0;
    assert_status(read_at(space, guest, width, &value), status);
    assert_same(value, narrow ? UINT64_MAX >> (64 - 8 * width) : UINT64_MAX);
    assert_status(vpt_assign_access_write(&function->device, space, guest, width, 1), status);
    assert_same(function->memory_accesses, 0);
}

Test(assign_access, bad_ones_do_not_reach_the_host)
{
    static const unsigned widths[] = { 0, 3, 5, 7, 9, 16, 64, 0x80000001 };
    uint64_t value;

    set_up_access();
    for (unsigned i = 0; i < COUNT_OF(widths); i++) {
        check_none(MEMORY, 0xfe000100, widths[i], VPT_CALLER_ARGUMENT);
        check_none(IO, 0xc000, widths[i], VPT_CALLER_ARGUMENT);
    }
    check_none(IO, 0xc000, 8, VPT_CALLER_ARGUMENT);
    check_none((enum vpt_assign_space)0, 0xc000, 1, VPT_CALLER_ARGUMENT);
    check_none((enum vpt_assign_space)3, 0xc000, 4, VPT_CALLER_ARGUMENT);
    check_none(MEMORY, UINT64_MAX, 8, VPT_CALLER_RANGE);
    check_none(IO, 0x1c000, 1, VPT_CALLER_RANGE);
    assert_status(vpt_assign_access_read(NULL, IO, 0xc000, 1, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_access_read(&function->device, IO, 0xc000, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_access_write(NULL, IO, 0xc000, 1, 0), VPT_CALLER_ARGUMENT);
}

Test(assign_access, a_host_that_fails_or_cannot_is_told_and_reads_all_ones)
{
    uint64_t value;

    set_up_access();
    function->access_fails = true;
    assert_status(read_at(MEMORY, 0xfe000100, 4, &value), HOST_FAILURE);
    assert_same(value, 0xffffffff);
    assert_status(read_at(IO, 0xc000, 2, &value), HOST_FAILURE);
    assert_same(value, 0xffff);
    assert_status(vpt_assign_access_write(&function->device, MEMORY, 0xfe000100, 4, 0), HOST_FAILURE);
    assert_status(vpt_assign_access_write(&function->device, IO, 0xc000, 4, 0), HOST_FAILURE);
    function->host.memory_read = NULL;
    function->host.memory_write = NULL;
    function->host.io_read = NULL;
    function->host.io_write = NULL;
    check_none(MEMORY, 0xfe000100, 4, VPT_UNSUPPORTED_PORT);
    check_none(IO, 0xc000, 1, VPT_UNSUPPORTED_PORT);
    function->gone = true;
    (void)vpt_assign_config_read(&function->device, PMCSR, 4, &(uint32_t){ 0 });
    (void)vpt_assign_config_read(&function->device, 0x6, 2, &(uint32_t){ 0 });
    cr_assert(function->device.vanished);
    check_none(MEMORY, 0xfe000100, 8, VPT_DEVICE_GONE);
    check_none(IO, 0xc000, 4, VPT_DEVICE_GONE);
}
