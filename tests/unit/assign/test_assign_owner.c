/* SPDX-License-Identifier: MIT */
/* Who has which device, and what a release leaves behind; the registry; the checker. */
#include <string.h>

#include "assign_desk.h"

TestSuite(assign_owner);
TestSuite(assign_registry);
TestSuite(assign_check);

/* Opened, without an owner. */
static void set_up(void)
{
    desk_start();
    desk_one_of_each();
    desk_open();
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
}

static void map_all(void)
{
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(DESK_BAR(1), 4, 0xc000);
    desk_write(DESK_BAR(3), 4, 0x10);
    desk_write(DESK_BAR(4), 4, 0xfe010100);
    desk_write(DESK_BAR(VPT_PCI_ROM), 4, 0xfd000001);
    desk_write(4, 2, 7);
    cr_assert(desk.mapped_count == 7);
}

/* ---- Owners ---- */

Test(assign_owner, any_number_is_one)
{
    static const uint64_t owners[] = { 0, 1, UINT64_MAX };

    set_up();
    for (unsigned i = 0; i < COUNT_OF(owners); i++) {
        assert_status(vpt_assign_acquire(&desk.device, owners[i], &desk.guest), VPT_OK);
        cr_assert(desk.device.owned && desk.device.owner == owners[i]);
        assert_status(vpt_assign_release(&desk.device), VPT_OK);
        cr_assert(!desk.device.owned);
    }
}

/* Not even the owner it has, and nothing of it changes. */
Test(assign_owner, one_at_a_time)
{
    struct vpt_assign_device before;

    set_up();
    assert_status(vpt_assign_acquire(&desk.device, 7, &desk.guest), VPT_OK);
    map_all();
    memcpy(&before, &desk.device, sizeof(before));
    assert_status(vpt_assign_acquire(&desk.device, 7, &desk.guest), VPT_CALLER_OWNED);
    assert_status(vpt_assign_acquire(&desk.device, 8, &desk.guest), VPT_CALLER_OWNED);
    cr_assert(memcmp(&before, &desk.device, sizeof(before)) == 0);
    desk_check(0);
}

Test(assign_owner, arguments)
{
    static const struct vpt_assign_guest none;
    struct vpt_assign_guest guest;

    set_up();
    guest = desk.guest;
    guest.unmap = NULL;
    assert_status(vpt_assign_acquire(NULL, 1, &desk.guest), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&desk.device, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&desk.device, 1, &none), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&desk.device, 1, &guest), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_release(NULL), VPT_CALLER_ARGUMENT);
    cr_assert(!desk.device.owned);
    assert_status(vpt_assign_close(&desk.device), VPT_OK);
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
}

Test(assign_owner, nobody_gets_one_that_has_vanished)
{
    set_up();
    desk.config_fails = true;
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), DESK_FAILURE);
    desk.config_fails = false;
    desk.removed = true;
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_DEVICE_GONE);
    cr_assert(!desk.device.owned);
}

/* ---- The release ---- */

/* The order in which a release does things, as the host and the guest see it. */
static bool fails_then; /* after the first write */
static unsigned mapped_at_first_write;
static uint16_t first_write;
static uint32_t first_value;
static enum vpt_status (*real_write)(void *ctx, uint16_t offset, unsigned width, uint32_t value);

static enum vpt_status observe(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    enum vpt_status status = real_write(ctx, offset, width, value);

    if (first_write == 0) {
        first_write = offset;
        first_value = value;
        mapped_at_first_write = desk.mapped_count;
        desk.config_fails = fails_then;
    }
    return status;
}

/* A guest that has everything on, and a host that is observed from now on. */
static void set_up_observed(void)
{
    set_up();
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_OK);
    map_all();
    real_write = desk.host.config_write;
    desk.host.config_write = observe;
    first_write = 0;
}

Test(assign_owner, a_release_begins_with_bus_mastering)
{
    set_up_observed();
    cr_assert((desk.config[4] & 4) != 0);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(first_write == 4 && (first_value & 4) == 0, "bus mastering goes first");
    cr_assert(mapped_at_first_write == 7, "and mappings after it");
    cr_assert(desk.mapped_count == 0 && desk.violations == 0 && desk.device.region_count == 0);
    cr_assert((desk.config[4] & 4) == 0);
    desk.calls = 0;
    desk.config_writes = 0;
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.calls == 0 && desk.config_writes == 0, "once more does nothing");
}

Test(assign_owner, a_host_that_fails_amid_a_release)
{
    set_up_observed();
    desk_write(DESK_VENDOR + 4, 4, 0x12345678);
    first_write = 0;
    fails_then = true;
    assert_status(vpt_assign_release(&desk.device), DESK_FAILURE);
    cr_assert(desk.device.owned && desk.device.degraded && desk.mapped_count == 0);
    desk.config_fails = false;
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(!desk.device.owned && desk.violations == 0 && desk.config[DESK_VENDOR + 4] == 0);
}

/* Each call of unmap() fails once: it is to be repeated, and unmaps nothing twice. */
Test(assign_owner, a_release_that_fails_is_repeated)
{
    for (unsigned k = 1; k <= 7; k++) {
        set_up();
        assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_OK);
        map_all();
        desk_fail(k, k);
        assert_status(vpt_assign_release(&desk.device), DESK_FAILURE);
        cr_assert(desk.device.owned && desk.device.degraded && desk.mapped_count == 1);
        cr_assert(desk.device.region_count == 1 && desk.violations == 0);
        assert_status(vpt_assign_config_write(&desk.device, 4, 2, 0), VPT_DEVICE_ASSIGN_DEGRADED);
        assert_status(vpt_assign_acquire(&desk.device, 2, &desk.guest), VPT_CALLER_OWNED);
        assert_status(vpt_assign_release(&desk.device), VPT_OK);
        cr_assert(!desk.device.degraded && desk.mapped_count == 0 && desk.violations == 0);
    }
}

/* Bus mastering that cannot be turned off: nothing else is touched. */
Test(assign_owner, a_host_that_fails_keeps_all)
{
    set_up();
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_OK);
    map_all();
    desk.config_fails = true;
    assert_status(vpt_assign_release(&desk.device), DESK_FAILURE);
    desk.config_fails = false;
    cr_assert(desk.device.owned && desk.mapped_count == 7);
    desk_check(0);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
}

/* ---- The registry ---- */

#define DEVICES 4u

static struct vpt_assign_registry registry;
static struct vpt_assign_device devices[DEVICES];
static _Alignas(8) uint64_t storage[DEVICES][512];

/* Functions 0 to 3 of one device, of these groups, in the registry. */
static void register_all(const uint32_t *groups)
{
    desk_start();
    memset(&registry, 0, sizeof(registry));
    desk.setup.regions = VPT_ASSIGN_REGIONS(0);
    desk.setup.storage_size = sizeof(storage[0]);
    for (unsigned i = 0; i < DEVICES; i++) {
        desk.setup.storage = storage[i];
        desk.setup.group = groups[i];
        desk.setup.address = (struct vpt_pci_address){ 0, 1, 2, (uint8_t)i };
        assert_status(vpt_assign_open(&devices[i], &desk.setup), VPT_OK);
        assert_status(vpt_assign_registry_add(&registry, &devices[i]), VPT_OK);
    }
}

Test(assign_registry, finds_by_address)
{
    static const uint32_t groups[DEVICES];
    struct vpt_pci_address address = { 0, 1, 2, 0 };

    register_all(groups);
    for (unsigned i = 0; i < DEVICES; i++) {
        address.function = (uint8_t)i;
        cr_assert(vpt_assign_registry_find(&registry, &address) == &devices[i]);
    }
    address.function = 4;
    cr_assert(vpt_assign_registry_find(&registry, &address) == NULL);
    cr_assert(vpt_assign_registry_find(&registry, &(struct vpt_pci_address){ 1, 1, 2, 0 }) == NULL);
    cr_assert(vpt_assign_registry_find(&registry, &(struct vpt_pci_address){ 0, 0, 2, 0 }) == NULL);
    cr_assert(vpt_assign_registry_find(&registry, &(struct vpt_pci_address){ 0, 1, 3, 0 }) == NULL);
    cr_assert(vpt_assign_registry_find(&registry, NULL) == NULL);
    cr_assert(vpt_assign_registry_find(NULL, &address) == NULL);
}

static unsigned listed(const uint64_t *owner)
{
    struct vpt_assign_device *device = NULL;
    unsigned mask = 0;

    for (unsigned i = 0; i <= DEVICES; i++) {
        device = owner == NULL ? vpt_assign_registry_next(&registry, device)
                               : vpt_assign_registry_next_owned(&registry, *owner, device);
        if (device == NULL) {
            return mask;
        }
        cr_assert((mask >> (device - devices) & 1) == 0, "twice");
        mask |= 1u << (device - devices);
    }
    cr_assert(false, "a list without an end");
    return 0;
}

Test(assign_registry, lists_all_and_by_owner)
{
    static const uint32_t groups[DEVICES];
    uint64_t owner = 0;

    register_all(groups);
    cr_assert(listed(NULL) == 15 && listed(&owner) == 0);
    assert_status(vpt_assign_acquire(&devices[1], 0, &desk.guest), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[2], 5, &desk.guest), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[3], 0, &desk.guest), VPT_OK);
    cr_assert(listed(NULL) == 15 && listed(&owner) == 10);
    owner = 5;
    cr_assert(listed(&owner) == 4);
    owner = 6;
    cr_assert(listed(&owner) == 0);
    cr_assert(vpt_assign_registry_next(NULL, NULL) == NULL);
    cr_assert(vpt_assign_registry_next_owned(NULL, 0, NULL) == NULL);
}

/* In every order, each can be taken out and put back. */
Test(assign_registry, adds_and_removes)
{
    static const uint32_t groups[DEVICES];

    register_all(groups);
    for (unsigned number = 0; number < DEVICES * DEVICES; number++) {
        unsigned first = number / DEVICES;
        unsigned second = number % DEVICES;

        assert_status(vpt_assign_registry_add(&registry, &devices[first]), VPT_CALLER_STATE);
        assert_status(vpt_assign_registry_remove(&devices[first]), VPT_OK);
        assert_status(vpt_assign_registry_remove(&devices[first]), VPT_CALLER_STATE);
        cr_assert(listed(NULL) == (15 & ~(1u << first)));
        if (first != second) {
            assert_status(vpt_assign_registry_remove(&devices[second]), VPT_OK);
            cr_assert(listed(NULL) == (15 & ~(1u << first) & ~(1u << second)));
            assert_status(vpt_assign_registry_add(&registry, &devices[second]), VPT_OK);
        }
        assert_status(vpt_assign_registry_add(&registry, &devices[first]), VPT_OK);
        cr_assert(listed(NULL) == 15);
    }
}

Test(assign_registry, one_for_each_address)
{
    static const uint32_t groups[DEVICES];

    register_all(groups);
    assert_status(vpt_assign_registry_remove(&devices[0]), VPT_OK);
    devices[0].address.function = 1;
    assert_status(vpt_assign_registry_add(&registry, &devices[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_registry_add(NULL, &devices[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_registry_add(&registry, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_registry_remove(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_acquire(&devices[0], 1, &desk.guest), VPT_OK);
    devices[0].address.function = 0;
    assert_status(vpt_assign_registry_add(&registry, &devices[0]), VPT_CALLER_OWNED);
    assert_status(vpt_assign_acquire(&devices[1], 1, &desk.guest), VPT_OK);
    assert_status(vpt_assign_registry_remove(&devices[1]), VPT_CALLER_OWNED);
    assert_status(vpt_assign_close(&devices[2]), VPT_CALLER_STATE);
    cr_assert(listed(NULL) == 14);
}

/* Devices that could reach each other's memory have one owner. */
Test(assign_registry, a_group_has_one_owner)
{
    static const uint32_t groups[DEVICES] = { 9, 9, 4, 0 };

    register_all(groups);
    assert_status(vpt_assign_acquire(&devices[0], 1, &desk.guest), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[1], 2, &desk.guest), VPT_CALLER_OWNED);
    cr_assert(!devices[1].owned);
    assert_status(vpt_assign_acquire(&devices[2], 2, &desk.guest), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[3], 3, &desk.guest), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[1], 1, &desk.guest), VPT_OK);
    assert_status(vpt_assign_release(&devices[0]), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[0], 2, &desk.guest), VPT_CALLER_OWNED);
    assert_status(vpt_assign_release(&devices[1]), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[0], 2, &desk.guest), VPT_OK);
    assert_status(vpt_assign_release(&devices[0]), VPT_OK);
    assert_status(vpt_assign_registry_remove(&devices[0]), VPT_OK);
    assert_status(vpt_assign_acquire(&devices[0], 2, &desk.guest), VPT_CALLER_STATE);
}

/* Group 0 is none: each is by itself. */
Test(assign_registry, without_a_group)
{
    static const uint32_t groups[DEVICES];

    register_all(groups);
    for (unsigned i = 0; i < DEVICES; i++) {
        assert_status(vpt_assign_acquire(&devices[i], i, &desk.guest), VPT_OK);
    }
}

/* ---- The checker ---- */

/* Each thing that could be wrong is found. */
Test(assign_check, finds_each_disorder)
{
    struct vpt_assign_device before;
    struct vpt_assign_region regions[7];
    uint32_t shadow[64];
    struct vpt_assign_device *device = &desk.device;

    set_up();
    assert_status(vpt_assign_acquire(device, 1, &desk.guest), VPT_OK);
    map_all();
    assert_status(vpt_assign_check(device), VPT_OK);
    memcpy(&before, device, sizeof(before));
    memcpy(regions, device->regions, sizeof(regions));
    memcpy(shadow, device->shadow, sizeof(shadow));
    for (unsigned number = 0; number < 16; number++) {
        switch (number) {
        case 0: device->region_count--; break;
        case 1: device->regions[1].guest++; break;
        case 2: device->regions[1].size--; break;
        case 3: device->regions[1].host ^= 0x1000; break;
        case 4: device->regions[1].trapped = !device->regions[1].trapped; break;
        case 5: device->regions[1].bar ^= 1; break;
        case 6: device->regions[1].space = VPT_ASSIGN_IO; break;
        case 7:
            device->regions[0] = regions[1];
            device->regions[1] = regions[0];
            break;
        case 8: device->refused = 1; break;
        case 9: device->placed.live &= 0xfe; break;
        case 10: device->placed.live |= 0x80; break;
        case 11: device->placed.address[0] += 0x4000; break;
        case 12: device->shadow[0x10 / 4] ^= 0x1000000; break;
        case 13: device->shadow[4 / 4] ^= 1; break;
        case 14: device->shadow[DESK_PMCSR / 4] ^= 1; break;
        default: device->region_capacity = 6; break;
        }
        cr_assert(vpt_assign_check(device) == VPT_DEVICE_ASSIGN_DEGRADED, "disorder %u", number);
        memcpy(device, &before, sizeof(before));
        memcpy(device->regions, regions, sizeof(regions));
        memcpy(device->shadow, shadow, sizeof(shadow));
        assert_status(vpt_assign_check(device), VPT_OK);
    }
}

/* Bits of a register that cannot be, though books and shadow agree on them. */
Test(assign_check, finds_impossible_registers)
{
    set_up();
    desk.device.shadow[0x10 / 4] |= 0x100;
    assert_status(vpt_assign_check(&desk.device), VPT_DEVICE_ASSIGN_DEGRADED);
    desk.device.shadow[0x10 / 4] &= ~(uint32_t)0x100;
    assert_status(vpt_assign_check(&desk.device), VPT_OK);
    desk.device.regions[0] =
        (struct vpt_assign_region){ .guest = 0x1000, .size = 1, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR };
    desk.device.region_count = 1;
    assert_status(vpt_assign_check(&desk.device), VPT_DEVICE_ASSIGN_DEGRADED);
}

Test(assign_check, finds_regions_in_disorder)
{
    static const struct {
        unsigned which;
        uint64_t guest;
        uint64_t size;
        enum vpt_assign_space space;
    } wrong[] = {
        { 0, 0x1000, 0x1001, VPT_ASSIGN_MEMORY },
        { 0, 0x1000, 0, VPT_ASSIGN_MEMORY },
        { 0, 0x2000, 0x1000, VPT_ASSIGN_MEMORY },
        { 0, 0x3000, 0x1000, VPT_ASSIGN_MEMORY },
        { 0, 0, 0, VPT_ASSIGN_MEMORY },
        { 0, 0x1000, 0x1000, VPT_ASSIGN_IO },
        { 1, 0x2000, UINT64_MAX, VPT_ASSIGN_MEMORY },
        { 1, 0x2000, 0x1000, (enum vpt_assign_space)3 },
        { 1, 0xfff8, 0x1000, VPT_ASSIGN_IO },
    };
    struct vpt_assign_region region = {
        .guest = 0x1000, .host = 0x1000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };

    set_up();
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_OK);
    assert_status(vpt_assign_region_add(&desk.device, &region), VPT_OK);
    region.guest = 0x2000;
    assert_status(vpt_assign_region_add(&desk.device, &region), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        struct vpt_assign_region *at = &desk.device.regions[wrong[i].which];
        struct vpt_assign_region before = *at;

        at->guest = wrong[i].guest;
        at->size = wrong[i].size;
        at->space = wrong[i].space;
        cr_assert(vpt_assign_check(&desk.device) == VPT_DEVICE_ASSIGN_DEGRADED, "row %u", i);
        *at = before;
        assert_status(vpt_assign_check(&desk.device), VPT_OK);
    }
}

Test(assign_check, arguments)
{
    static const struct vpt_assign_device closed;

    assert_status(vpt_assign_check(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_check(&closed), VPT_CALLER_ARGUMENT);
}
