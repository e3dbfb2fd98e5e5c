/* SPDX-License-Identifier: MIT */
/* Who has which device, and what a release leaves behind; the registry; the checker. */
#include <string.h>

#include "simulated_host.h"

TestSuite(assign_owner);
TestSuite(assign_registry);
TestSuite(assign_check);

static enum vpt_status acquire(struct vpt_assign_device *device, uint64_t owner)
{
    return vpt_assign_acquire(device, owner, &function->guest);
}

static enum vpt_status release(void)
{
    return vpt_assign_release(&function->device);
}

/* With an owner, everything mapped, and bus mastering. */
static void set_up(void)
{
    function_place_five_bars();
    guest_write(4, 2, DECODING | MASTER);
    assert_same(function->mapped_count, 7);
}

/* ---- Owners ---- */

Test(assign_owner, nobody_gets_what_is_no_device_or_does_not_answer)
{
    static const struct vpt_assign_guest none;
    struct vpt_assign_guest guest;

    function_start();
    function_open();
    guest = function->guest;
    guest.unmap = NULL;
    assert_status(acquire(NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&function->device, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&function->device, 1, &none), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&function->device, 1, &guest), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_release(NULL), VPT_CALLER_ARGUMENT);
    function->fails = true;
    assert_status(acquire(&function->device, 1), HOST_FAILURE);
    function->fails = false;
    function->gone = true;
    assert_status(acquire(&function->device, 1), VPT_DEVICE_GONE);
    cr_assert(!function->device.owned);
    assert_status(vpt_assign_close(&function->device), VPT_OK);
    assert_status(acquire(&function->device, 1), VPT_CALLER_ARGUMENT);
    assert_status(release(), VPT_OK);
}

/* ---- The release; test_assign_failure.c has those that fail ---- */

Test(assign_owner, a_release_turns_bus_mastering_off_then_unmaps_and_is_done_once)
{
    set_up();
    function_forget();
    assert_status(release(), VPT_OK);
    assert_same(function->log[0].offset, 4);
    assert_same(function->log[0].value & MASTER, 0);
    assert_same(function->log[0].mapped, 7);
    cr_assert(function->mapped_count == 0 && function->violations == 0 && function->device.region_count == 0);
    assert_same(function->config[4] & MASTER, 0);
    function_forget();
    assert_status(release(), VPT_OK);
    cr_assert(function->calls == 0 && function->logged == 0);
}

/* ---- The registry ---- */

#define DEVICES 4u

static struct vpt_assign_registry registry;
static struct vpt_assign_device devices[DEVICES];
static _Alignas(8) uint64_t storage[DEVICES][512];

/* Functions 0 to 3 of one device, of these groups, in the registry. */
static void register_all(const uint32_t groups[DEVICES])
{
    function_start();
    memset(&registry, 0, sizeof(registry));
    function->setup.regions = VPT_ASSIGN_REGIONS(0);
    function->setup.storage_size = sizeof(storage[0]);
    for (unsigned i = 0; i < DEVICES; i++) {
        function->setup.storage = storage[i];
        function->setup.group = groups[i];
        function->setup.address = (struct vpt_pci_address){ 0, 1, 2, (uint8_t)i };
        assert_status(vpt_assign_open(&devices[i], &function->setup), VPT_OK);
        assert_status(vpt_assign_registry_add(&registry, &devices[i]), VPT_OK);
    }
}

static const uint32_t no_groups[DEVICES];

Test(assign_registry, a_device_is_found_by_its_whole_address)
{
    static const struct vpt_pci_address others[] = { { 0, 1, 2, 4 }, { 1, 1, 2, 0 }, { 0, 0, 2, 0 }, { 0, 1, 3, 0 } };

    register_all(no_groups);
    for (unsigned i = 0; i < DEVICES; i++) {
        cr_assert(vpt_assign_registry_find(&registry, &devices[i].address) == &devices[i]);
        cr_assert(vpt_assign_registry_find(&registry, &others[i]) == NULL);
    }
    cr_assert(vpt_assign_registry_find(&registry, NULL) == NULL);
    cr_assert(vpt_assign_registry_find(NULL, &others[0]) == NULL);
}

/* Bit n: device n is in the list, of all or of an owner. */
static unsigned listed(bool all, uint64_t owner)
{
    struct vpt_assign_device *device = NULL;
    unsigned mask = 0;

    for (unsigned i = 0; i <= DEVICES; i++) {
        device = all ? vpt_assign_registry_next(&registry, device)
                     : vpt_assign_registry_next_owned(&registry, owner, device);
        if (device == NULL) {
            return mask;
        }
        cr_assert((mask >> (device - devices) & 1) == 0, "twice");
        mask |= 1u << (device - devices);
    }
    cr_assert(false, "a list without an end");
    return 0;
}

Test(assign_registry, devices_are_listed_all_and_by_owner)
{
    register_all(no_groups);
    cr_assert(listed(true, 0) == 15 && listed(false, 0) == 0);
    assert_status(acquire(&devices[1], 0), VPT_OK);
    assert_status(acquire(&devices[2], 5), VPT_OK);
    assert_status(acquire(&devices[3], 0), VPT_OK);
    assert_same(listed(true, 0), 15);
    assert_same(listed(false, 0), 10);
    assert_same(listed(false, 5), 4);
    assert_same(listed(false, 6), 0);
    cr_assert(vpt_assign_registry_next(NULL, NULL) == NULL);
    cr_assert(vpt_assign_registry_next_owned(NULL, 0, NULL) == NULL);
}

Test(assign_registry, each_can_be_taken_out_and_put_back_in_any_order)
{
    register_all(no_groups);
    for (unsigned number = 0; number < DEVICES * DEVICES; number++) {
        unsigned first = number / DEVICES;
        unsigned second = number % DEVICES;

        assert_status(vpt_assign_registry_add(&registry, &devices[first]), VPT_CALLER_STATE);
        assert_status(vpt_assign_registry_remove(&devices[first]), VPT_OK);
        assert_status(vpt_assign_registry_remove(&devices[first]), VPT_CALLER_STATE);
        assert_same(listed(true, 0), 15 & ~(1u << first));
        if (first != second) {
            assert_status(vpt_assign_registry_remove(&devices[second]), VPT_OK);
            assert_same(listed(true, 0), 15 & ~(1u << first) & ~(1u << second));
            assert_status(vpt_assign_registry_add(&registry, &devices[second]), VPT_OK);
        }
        assert_status(vpt_assign_registry_add(&registry, &devices[first]), VPT_OK);
        assert_same(listed(true, 0), 15);
    }
}

Test(assign_registry, there_is_one_for_each_address_and_it_has_no_owner_when_it_comes_or_goes)
{
    register_all(no_groups);
    assert_status(vpt_assign_registry_remove(&devices[0]), VPT_OK);
    devices[0].address.function = 1;
    assert_status(vpt_assign_registry_add(&registry, &devices[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_registry_add(NULL, &devices[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_registry_add(&registry, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_registry_remove(NULL), VPT_CALLER_ARGUMENT);
    assert_status(acquire(&devices[0], 1), VPT_OK);
    devices[0].address.function = 0;
    assert_status(vpt_assign_registry_add(&registry, &devices[0]), VPT_CALLER_OWNED);
    assert_status(acquire(&devices[1], 1), VPT_OK);
    assert_status(vpt_assign_registry_remove(&devices[1]), VPT_CALLER_OWNED);
    assert_status(vpt_assign_close(&devices[2]), VPT_CALLER_STATE);
    assert_same(listed(true, 0), 14);
}

/* Its devices could reach each other's memory; group 0 is none. */
Test(assign_registry, a_group_has_one_owner)
{
    register_all((const uint32_t[DEVICES]){ 9, 9, 0, 0 });
    assert_status(acquire(&devices[0], 1), VPT_OK);
    assert_status(acquire(&devices[1], 2), VPT_CALLER_OWNED);
    cr_assert(!devices[1].owned);
    assert_status(acquire(&devices[2], 2), VPT_OK);
    assert_status(acquire(&devices[3], 3), VPT_OK);
    assert_status(acquire(&devices[1], 1), VPT_OK);
    assert_status(vpt_assign_release(&devices[0]), VPT_OK);
    assert_status(acquire(&devices[0], 2), VPT_CALLER_OWNED);
    assert_status(vpt_assign_release(&devices[1]), VPT_OK);
    assert_status(acquire(&devices[0], 2), VPT_OK);
    assert_status(vpt_assign_release(&devices[0]), VPT_OK);
    assert_status(vpt_assign_registry_remove(&devices[0]), VPT_OK);
    assert_status(acquire(&devices[0], 2), VPT_CALLER_STATE);
}

/* ---- The checker ---- */

static struct {
    struct vpt_assign_device device;
    struct vpt_assign_region regions[9];
    uint32_t shadow[64];
} right;

static void remember(void)
{
    right.device = function->device;
    memcpy(right.regions, function->device.regions, sizeof(right.regions));
    memcpy(right.shadow, function->device.shadow, sizeof(right.shadow));
    assert_status(vpt_assign_check(&function->device), VPT_OK);
}

/* What is wrong now is found, and put right again. */
static void check_found(const char *row)
{
    assert_status_of(row, vpt_assign_check(&function->device), VPT_DEVICE_ASSIGN_DEGRADED);
    function->device = right.device;
    memcpy(function->device.regions, right.regions, sizeof(right.regions));
    memcpy(function->device.shadow, right.shadow, sizeof(right.shadow));
    assert_status(vpt_assign_check(&function->device), VPT_OK);
}

Test(assign_check, each_disorder_of_the_books_is_found)
{
    struct vpt_assign_device *device = &function->device;

    set_up();
    remember();
    device->region_count--;
    check_found("a region too few");
    device->regions[0] = right.regions[1];
    device->regions[1] = right.regions[0];
    check_found("two regions in the wrong order");
    device->refused = 1;
    check_found("a refused BAR that is mapped");
    device->placed.live &= 0xfe;
    check_found("a BAR that is mapped and not live");
    device->placed.live |= 0x80;
    check_found("a live BAR that there is not");
    device->placed.address[0] += 0x4000;
    check_found("a BAR elsewhere");
    device->region_capacity = 6;
    check_found("more regions than there is room for");
    device->shadow[0x10 / 4] ^= 0x1000000;
    check_found("another address in the register");
    device->shadow[4 / 4] ^= 1;
    check_found("another command register");
    device->shadow[PMCSR / 4] ^= 1;
    check_found("another power state");
}

Test(assign_check, each_member_of_a_region_counts)
{
    static const struct vpt_assign_region own = { 0x1000, 0x1000, 0x1000, VPT_ASSIGN_MEMORY, VPT_ASSIGN_NO_BAR, false };
    static const struct vpt_assign_region next = {
        0x2000, 0x2000, 0x1000, VPT_ASSIGN_MEMORY, VPT_ASSIGN_NO_BAR, false
    };
    static const struct {
        const char *row;
        unsigned which;                 /* the two of the hypervisor's own, then those of BAR 4 and BAR 0 */
        struct vpt_assign_region wrong; /* what is XORed */
    } rows[] = {
        { "over the next one", 0, { .size = 1 } },
        { "empty", 0, { .size = 0x1000 } },
        { "at the place of the next one", 0, { .guest = 0x3000 } },
        { "behind the next one", 0, { .guest = 0x2000 } },
        { "all zero", 0, { .guest = 0x1000, .size = 0x1000 } },
        { "ports before memory", 0, { .space = VPT_ASSIGN_MEMORY ^ VPT_ASSIGN_IO } },
        { "past the end of memory", 1, { .size = UINT64_MAX ^ 0x1000 } },
        { "a space that there is not", 1, { .space = VPT_ASSIGN_MEMORY ^ 4 } },
        { "a BAR's address", 3, { .guest = 1 } },
        { "a BAR's size", 3, { .size = 1 } },
        { "a BAR's place on the host", 3, { .host = 0x1000 } },
        { "a BAR that is trapped or not", 3, { .trapped = true } },
        { "another BAR", 3, { .bar = 1 } },
        { "a BAR's space", 3, { .space = VPT_ASSIGN_MEMORY ^ VPT_ASSIGN_IO } },
    };

    set_up();
    assert_status(vpt_assign_region_add(&function->device, &own), VPT_OK);
    assert_status(vpt_assign_region_add(&function->device, &next), VPT_OK);
    remember();
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_assign_region *at = &function->device.regions[rows[i].which];

        at->guest ^= rows[i].wrong.guest;
        at->host ^= rows[i].wrong.host;
        at->size ^= rows[i].wrong.size;
        at->space ^= rows[i].wrong.space;
        at->bar ^= rows[i].wrong.bar;
        at->trapped ^= rows[i].wrong.trapped;
        check_found(rows[i].row);
    }
}

/* Though books and shadow agree. */
Test(assign_check, what_cannot_be_is_found)
{
    static const struct vpt_assign_device closed;

    function_start();
    function_memory(0, 0x4000, 0x80000000, false);
    function_open();
    remember();
    function->device.shadow[0x10 / 4] |= 0x100;
    check_found("a BAR's bits below its size");
    function->device.regions[0] =
        (struct vpt_assign_region){ .guest = 0x1000, .size = 1, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR };
    function->device.region_count = 1;
    check_found("a region without an owner");
    assert_status(vpt_assign_check(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_check(&closed), VPT_CALLER_ARGUMENT);
}
