/* SPDX-License-Identifier: MIT */
/* Regions of the hypervisor's own beside those of BARs, and a guest's accesses to what is trapped. */

#include "assign_desk.h"

TestSuite(assign_region);
TestSuite(assign_access);

static struct vpt_assign_region region(enum vpt_assign_space space, uint64_t guest, uint64_t host, uint64_t size)
{
    return (struct vpt_assign_region){
        .guest = guest, .host = host, .size = size, .space = space, .bar = VPT_ASSIGN_NO_BAR, .trapped = true
    };
}

static enum vpt_status add(struct vpt_assign_region region)
{
    return vpt_assign_region_add(&desk.device, &region);
}

static enum vpt_status add_memory(uint64_t guest, uint64_t size)
{
    return add(region(VPT_ASSIGN_MEMORY, guest, 0x100000, size));
}

/* No BARs; room for `own` regions. */
static void set_up(uint16_t own)
{
    desk_start();
    desk.setup.regions = (uint16_t)(VPT_ASSIGN_REGIONS(0) + own);
    assert_status(vpt_assign_open(&desk.device, &desk.setup), VPT_OK);
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_OK);
}

/* ---- Adding ---- */

Test(assign_region, refuses_what_overlaps)
{
    set_up(8);
    assert_status(add_memory(0x2000, 0x1000), VPT_OK);
    assert_status(add_memory(0x4000, 0x1000), VPT_OK);
    assert_status(add_memory(0x2000, 0x1000), VPT_REFUSED);
    assert_status(add_memory(0x1fff, 2), VPT_REFUSED);
    assert_status(add_memory(0x2fff, 1), VPT_REFUSED);
    assert_status(add_memory(0x2800, 1), VPT_REFUSED);
    assert_status(add_memory(0x1000, 0x5000), VPT_REFUSED);
    assert_status(add_memory(0x3000, 0x1001), VPT_REFUSED);
    assert_status(add_memory(0x3000, 0x1000), VPT_OK);
    assert_status(add_memory(0x1000, 0x1000), VPT_OK);
    assert_status(add(region(VPT_ASSIGN_IO, 0x2000, 0x2000, 4)), VPT_OK);
    desk_check(5);
}

Test(assign_region, refuses_what_wraps)
{
    set_up(8);
    assert_status(add_memory(UINT64_MAX, 1), VPT_OK);
    assert_status(add_memory(UINT64_MAX - 1, 3), VPT_CALLER_RANGE);
    assert_status(add_memory(2, UINT64_MAX), VPT_CALLER_RANGE);
    assert_status(add(region(VPT_ASSIGN_MEMORY, 0x1000, UINT64_MAX, 2)), VPT_CALLER_RANGE);
    assert_status(add(region(VPT_ASSIGN_IO, 0xffff, 0, 1)), VPT_OK);
    assert_status(add(region(VPT_ASSIGN_IO, 0xfffe, 0, 3)), VPT_CALLER_RANGE);
    assert_status(add(region(VPT_ASSIGN_IO, 0x10000, 0, 1)), VPT_CALLER_RANGE);
    assert_status(add(region(VPT_ASSIGN_IO, 0, 0xffff, 2)), VPT_CALLER_RANGE);
    assert_status(add(region(VPT_ASSIGN_IO, 0, 0x10000, 1)), VPT_CALLER_RANGE);
    desk_check(2);
}

Test(assign_region, arguments)
{
    struct vpt_assign_region bad = region(VPT_ASSIGN_MEMORY, 0x1000, 0x1000, 0);

    set_up(8);
    assert_status(add(bad), VPT_CALLER_ARGUMENT);
    bad.size = 1;
    bad.bar = 0;
    assert_status(add(bad), VPT_CALLER_ARGUMENT);
    bad.bar = VPT_ASSIGN_NO_BAR;
    bad.space = (enum vpt_assign_space)3;
    assert_status(add(bad), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_region_add(NULL, &bad), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_region_add(&desk.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_region_remove(NULL, VPT_ASSIGN_MEMORY, 0), VPT_CALLER_ARGUMENT);
    cr_assert(vpt_assign_region_find(NULL, VPT_ASSIGN_MEMORY, 0) == NULL && desk.calls == 0);
    desk_check(0);
}

/* A page that is mapped is no page of anything else. */
Test(assign_region, mapped_ones_cover_pages)
{
    struct vpt_assign_region mapped = region(VPT_ASSIGN_MEMORY, 0x1000, 0x1800, 0x1000);

    set_up(8);
    mapped.trapped = false;
    assert_status(add(mapped), VPT_CALLER_ALIGNMENT);
    mapped.guest = 0x1800;
    assert_status(add(mapped), VPT_CALLER_ALIGNMENT);
    mapped.guest = 0x1000;
    mapped.host = 0x2000;
    mapped.size = 0x1800;
    assert_status(add(mapped), VPT_CALLER_ALIGNMENT);
    mapped.size = 0x2000;
    assert_status(add(mapped), VPT_OK);
    mapped = region(VPT_ASSIGN_IO, 0x60, 0x64, 1);
    mapped.trapped = false;
    assert_status(add(mapped), VPT_CALLER_ALIGNMENT);
    mapped.host = 0x60;
    assert_status(add(mapped), VPT_OK);
    desk_check(2);
}

Test(assign_region, the_guest_may_refuse_or_fail)
{
    set_up(8);
    desk.refuse_last = UINT64_MAX;
    assert_status(add_memory(0x1000, 1), VPT_REFUSED);
    desk.refuse_last = 0;
    desk_fail(1, 1);
    assert_status(add_memory(0x1000, 1), DESK_FAILURE);
    desk_check(0);
    assert_status(add_memory(0x1000, 1), VPT_OK);
    desk_fail(1, 1);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x1000), DESK_FAILURE);
    desk_check(1);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x1000), VPT_OK);
    desk_check(0);
}

/* BARs can always be mapped, however many regions the hypervisor adds. */
Test(assign_region, leaves_room_for_bars)
{
    desk_start();
    desk_one_of_each();
    desk_open();
    for (unsigned i = 0; i < 3; i++) {
        assert_status(add_memory(0x1000 + i, 1), VPT_OK);
    }
    assert_status(add_memory(0x2000, 1), VPT_RESOURCE_FULL);
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(DESK_BAR(1), 4, 0xc000);
    desk_write(DESK_BAR(3), 4, 0x10);
    desk_write(DESK_BAR(4), 4, 0xfe010100);
    desk_write(DESK_BAR(VPT_PCI_ROM), 4, 0xfd000001);
    desk_write(4, 2, 3);
    cr_assert(desk.mapped_count == 10);
    desk_check(3);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x1001), VPT_OK);
    assert_status(add_memory(0x2000, 1), VPT_OK);
    desk_check(3);
}

/* Nothing is touched any more until the release, which takes all of it. */
Test(assign_region, stay_while_the_device_is_degraded)
{
    desk_start();
    desk_memory(0, 0x4000, 0x80000000, false);
    desk_memory(1, 0x4000, 0x90000000, false);
    desk_open();
    assert_status(add_memory(0x1000, 1), VPT_OK);
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(DESK_BAR(1), 4, 0xfe004000);
    desk_write(4, 2, 2);
    desk_fail(2, 3);
    assert_status(vpt_assign_config_write(&desk.device, 4, 2, 0), VPT_DEVICE_ASSIGN_DEGRADED);
    desk.fail_first = 0;
    desk.calls = 0;
    assert_status(add_memory(0x2000, 1), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x1000), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(desk.calls == 0 && desk.mapped_count == 2);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.mapped_count == 0 && desk.violations == 0);
}

/* ---- Removing and finding ---- */

Test(assign_region, removes_the_hypervisors_own_only)
{
    desk_start();
    desk_one_of_each();
    desk_open();
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(4, 2, 3);
    assert_status(add_memory(0x2000, 0x1000), VPT_OK);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0xfe000000), VPT_CALLER_RANGE);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x2001), VPT_CALLER_RANGE);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_IO, 0x2000), VPT_CALLER_RANGE);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, UINT64_MAX), VPT_CALLER_RANGE);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x2000), VPT_OK);
    desk_check(0);
}

/* In any order, each is found by each of its bytes, and by no other. */
Test(assign_region, finds_each)
{
    static const uint8_t orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 }, { 1, 3, 0, 2 } };

    for (unsigned order = 0; order < COUNT_OF(orders); order++) {
        set_up(8);
        for (unsigned i = 0; i < 4; i++) {
            assert_status(add_memory(16u * orders[order][i] + 4, 8), VPT_OK);
            assert_status(add(region(VPT_ASSIGN_IO, 16u * orders[order][i], 0x60, 4)), VPT_OK);
        }
        for (uint64_t at = 0; at < 80; at++) {
            const struct vpt_assign_region *memory = vpt_assign_region_find(&desk.device, VPT_ASSIGN_MEMORY, at);
            const struct vpt_assign_region *io = vpt_assign_region_find(&desk.device, VPT_ASSIGN_IO, at);

            cr_assert((memory != NULL) == (at < 64 && at % 16 >= 4 && at % 16 < 12));
            cr_assert(memory == NULL || memory->guest == at / 16 * 16 + 4);
            cr_assert((io != NULL) == (at < 64 && at % 16 < 4) && (io == NULL || io->guest == at / 16 * 16));
        }
        desk_check(8);
    }
}

Test(assign_region, an_owner_is_needed)
{
    set_up(8);
    assert_status(add_memory(0x1000, 1), VPT_OK);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.mapped_count == 0 && desk.violations == 0);
    assert_status(add_memory(0x1000, 1), VPT_CALLER_STATE);
    assert_status(vpt_assign_region_remove(&desk.device, VPT_ASSIGN_MEMORY, 0x1000), VPT_CALLER_RANGE);
    assert_status(vpt_assign_check(&desk.device), VPT_OK);
}

/* ---- Accesses ---- */

static enum vpt_status read_at(enum vpt_assign_space space, uint64_t guest, unsigned width, uint64_t *value)
{
    *value = 0x55;
    return vpt_assign_access_read(&desk.device, space, guest, width, value);
}

/* BAR 0: ports at 0xc000 (host 0xd000). BAR 1: 256 bytes at 0xfe000100 (host 0x80004200). */
static void set_up_access(void)
{
    desk_start();
    desk_io(0, 32, 0xd000);
    desk_memory(1, 256, 0x80004200, false);
    desk_open();
    desk_write(DESK_BAR(0), 4, 0xc000);
    desk_write(DESK_BAR(1), 4, 0xfe000100);
    desk_write(4, 2, 3);
}

Test(assign_access, goes_to_the_host_in_its_width)
{
    uint64_t value;

    set_up_access();
    for (unsigned width = 1; width <= 8; width *= 2) {
        uint64_t mask = UINT64_MAX >> (64 - 8 * width);

        desk.access_value = UINT64_C(0xfedcba9876543210);
        assert_status(read_at(VPT_ASSIGN_MEMORY, 0xfe000110, width, &value), VPT_OK);
        cr_assert(value == (desk.access_value & mask) && !desk.access_io);
        cr_assert(desk.accessed == 0x80004210 && desk.access_width == width);
        assert_status(vpt_assign_access_write(&desk.device, VPT_ASSIGN_MEMORY, 0xfe000120, width, UINT64_MAX - 1),
                      VPT_OK);
        cr_assert(desk.access_value == (mask & (UINT64_MAX - 1)) && desk.accessed == 0x80004220);
        cr_assert(desk.access_width == width);
    }
    for (unsigned width = 1; width <= 4; width *= 2) {
        uint64_t mask = UINT64_MAX >> (64 - 8 * width);

        desk.access_value = 0x76543210;
        assert_status(read_at(VPT_ASSIGN_IO, 0xc01c, width, &value), VPT_OK);
        cr_assert(value == (desk.access_value & mask) && desk.access_io);
        cr_assert(desk.accessed == 0xd01c && desk.access_width == width);
        assert_status(vpt_assign_access_write(&desk.device, VPT_ASSIGN_IO, 0xc000, width, 0xfedcba98), VPT_OK);
        cr_assert(desk.access_value == (0xfedcba98 & mask) && desk.accessed == 0xd000 && desk.access_width == width);
    }
    cr_assert(desk.accesses == 14);
}

/* What does not reach the host: all-ones of the width, a status, and nothing written. */
static void check_none(enum vpt_assign_space space, uint64_t guest, unsigned width, enum vpt_status status)
{
    bool narrow = width == 1 || width == 2 || width == 4;
    uint64_t ones = narrow ? UINT64_MAX >> (64 - 8 * width) : UINT64_MAX;
    uint64_t value;

    desk.accesses = 0;
    assert_status(read_at(space, guest, width, &value), status);
    cr_assert(value == ones, "0x%llx", (unsigned long long)value);
    assert_status(vpt_assign_access_write(&desk.device, space, guest, width, 1), status);
    cr_assert(desk.accesses == 0);
}

Test(assign_access, stays_within_one_region)
{
    set_up_access();
    check_none(VPT_ASSIGN_MEMORY, 0xfe0000ff, 1, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000200, 1, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, 0xfe0001ff, 2, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, 0xfe0001fd, 4, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, 0xfe0001f9, 8, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, 0xfe0000fe, 4, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, 0xc000, 1, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_MEMORY, UINT64_MAX, 8, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_IO, 0xc01f, 2, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_IO, 0xfe000100, 1, VPT_CALLER_RANGE);
    check_none(VPT_ASSIGN_IO, 0x1c000, 1, VPT_CALLER_RANGE);
}

Test(assign_access, widths_and_alignment)
{
    static const unsigned widths[] = { 0, 3, 5, 7, 9, 16, 64, 0x80000001 };

    set_up_access();
    for (unsigned i = 0; i < COUNT_OF(widths); i++) {
        check_none(VPT_ASSIGN_MEMORY, 0xfe000100, widths[i], VPT_CALLER_ARGUMENT);
        check_none(VPT_ASSIGN_IO, 0xc000, widths[i], VPT_CALLER_ARGUMENT);
    }
    check_none(VPT_ASSIGN_IO, 0xc000, 8, VPT_CALLER_ARGUMENT);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000101, 2, VPT_CALLER_ALIGNMENT);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000102, 4, VPT_CALLER_ALIGNMENT);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000104, 8, VPT_CALLER_ALIGNMENT);
    check_none(VPT_ASSIGN_IO, 0xc001, 2, VPT_CALLER_ALIGNMENT);
}

Test(assign_access, nothing_while_disabled)
{
    uint64_t value;

    set_up_access();
    desk_write(4, 2, 1);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000100, 4, VPT_CALLER_RANGE);
    assert_status(read_at(VPT_ASSIGN_IO, 0xc000, 4, &value), VPT_OK);
    desk_write(4, 2, 2);
    check_none(VPT_ASSIGN_IO, 0xc000, 4, VPT_CALLER_RANGE);
    assert_status(read_at(VPT_ASSIGN_MEMORY, 0xfe000100, 4, &value), VPT_OK);
    desk_write(DESK_PMCSR, 2, 3);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000100, 4, VPT_CALLER_RANGE);
    desk_write(DESK_PMCSR, 2, 0);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000100, 4, VPT_CALLER_RANGE);
}

Test(assign_access, reserved_windows_have_nothing)
{
    struct vpt_assign_region window = region(VPT_ASSIGN_MEMORY, 0xfee00000, UINT64_MAX, 0x1000);
    uint64_t value;

    set_up_access();
    window.bar = VPT_ASSIGN_RESERVED;
    assert_status(add(window), VPT_OK);
    cr_assert(desk.mapped_count == 2, "no hook is called for it");
    check_none(VPT_ASSIGN_MEMORY, 0xfee00000, 4, VPT_CALLER_RANGE);
    assert_status(add(region(VPT_ASSIGN_MEMORY, 0xfec00000, 0x1234000, 0x1000)), VPT_OK);
    assert_status(read_at(VPT_ASSIGN_MEMORY, 0xfec00ffc, 4, &value), VPT_OK);
    cr_assert(desk.accessed == 0x1234ffc);
}

Test(assign_access, a_host_that_cannot)
{
    uint64_t value;

    set_up_access();
    desk.access_fails = true;
    assert_status(read_at(VPT_ASSIGN_MEMORY, 0xfe000100, 4, &value), DESK_FAILURE);
    cr_assert(value == 0xffffffff);
    assert_status(read_at(VPT_ASSIGN_IO, 0xc000, 2, &value), DESK_FAILURE);
    cr_assert(value == 0xffff);
    assert_status(vpt_assign_access_write(&desk.device, VPT_ASSIGN_MEMORY, 0xfe000100, 4, 0), DESK_FAILURE);
    assert_status(vpt_assign_access_write(&desk.device, VPT_ASSIGN_IO, 0xc000, 4, 0), DESK_FAILURE);
    desk.host.memory_read = NULL;
    desk.host.memory_write = NULL;
    desk.host.io_read = NULL;
    desk.host.io_write = NULL;
    check_none(VPT_ASSIGN_MEMORY, 0xfe000100, 4, VPT_UNSUPPORTED_PORT);
    check_none(VPT_ASSIGN_IO, 0xc000, 1, VPT_UNSUPPORTED_PORT);
}

Test(assign_access, a_function_that_has_vanished)
{
    uint32_t value;

    set_up_access();
    desk.removed = true;
    (void)vpt_assign_config_read(&desk.device, 0x44, 4, &value);
    (void)vpt_assign_config_read(&desk.device, 0x8, 4, &value);
    cr_assert(desk.device.vanished);
    check_none(VPT_ASSIGN_MEMORY, 0xfe000100, 8, VPT_DEVICE_GONE);
    check_none(VPT_ASSIGN_IO, 0xc000, 4, VPT_DEVICE_GONE);
}

Test(assign_access, arguments)
{
    uint64_t value;

    set_up_access();
    assert_status(vpt_assign_access_read(NULL, VPT_ASSIGN_IO, 0xc000, 1, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_access_read(&desk.device, VPT_ASSIGN_IO, 0xc000, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_access_write(NULL, VPT_ASSIGN_IO, 0xc000, 1, 0), VPT_CALLER_ARGUMENT);
    check_none((enum vpt_assign_space)0, 0xc000, 1, VPT_CALLER_ARGUMENT);
    check_none((enum vpt_assign_space)3, 0xc000, 4, VPT_CALLER_ARGUMENT);
}
