/* SPDX-License-Identifier: MIT */
/* Peer to peer: map() and unmap() of a guest that let its devices reach each other's BARs. */
#include <string.h>

#include "simulated_host.h"

#include <vpt/assign_dma.h>

TestSuite(assign_peer);

#define BAR_HOST 0x80000000u
#define BAR_SIZE 0x4000u
#define RANGES   4u

/* ---- The IOMMU ---- */

/* What the guest's other device, number 9, reaches. */
static struct vpt_assign_dma_range reached[RANGES];
static unsigned reached_count;
static unsigned map_failures; /* to come */
static unsigned unmaps;       /* so many of them work yet */

static enum vpt_status iommu_map(void *ctx, const struct vpt_pci_address *address,
                                 const struct vpt_assign_dma_range *range)
{
    (void)ctx;
    if (map_failures != 0) {
        map_failures--;
        return HOOK_FAILURE;
    }
    if (address->device == 9) {
        cr_assert(reached_count < RANGES);
        reached[reached_count++] = *range;
    }
    return VPT_OK;
}

static enum vpt_status iommu_unmap(void *ctx, const struct vpt_pci_address *address,
                                   const struct vpt_assign_dma_range *range)
{
    (void)ctx;
    if (unmaps == 0) {
        return HOOK_FAILURE;
    }
    unmaps--;
    for (unsigned i = 0; i < reached_count && address->device == 9; i++) {
        if (reached[i].guest == range->guest) {
            reached[i] = reached[--reached_count];
        }
    }
    return VPT_OK;
}

/* Asserts where the other device reaches the BAR; 0: nowhere. */
static void check_reached(uint64_t expected)
{
    uint64_t guest = 0;

    for (unsigned i = 0; i < reached_count; i++) {
        if (reached[i].host == BAR_HOST) {
            cr_assert(guest == 0 && reached[i].size == BAR_SIZE);
            guest = reached[i].guest;
        }
    }
    assert_same(guest, expected);
    function_check_map(0);
}

/* ---- The guest ---- */

static const struct vpt_assign_iommu iommu = { NULL, iommu_map, iommu_unmap };
static struct vpt_assign_dma_range ranges[RANGES];
static struct vpt_assign_dma space;
static struct vpt_assign_device other;
static struct vpt_assign_guest cpus; /* what the guest's own accesses are mapped by */

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    struct vpt_assign_dma_range range = { region->guest, region->host, region->size, false, false };
    enum vpt_status status = cpus.map(ctx, region);

    if (status == VPT_OK && !region->trapped && region->space == VPT_ASSIGN_MEMORY) {
        status = vpt_assign_dma_map(&space, &range);
        if (status != VPT_OK) {
            assert_status(cpus.unmap(ctx, region), VPT_OK);
            function->unmapped |= 1u << region->bar;
        }
    }
    return status;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    enum vpt_status status = VPT_OK;
    uint64_t unmapped;

    if (!region->trapped && region->space == VPT_ASSIGN_MEMORY) {
        status = vpt_assign_dma_unmap(&space, region->guest, region->size, &unmapped);
    }
    return status == VPT_OK ? cpus.unmap(ctx, region) : status;
}

/* A guest with memory and two devices, one of which has its BAR at 3 GiB. */
static void set_up(void)
{
    static const struct vpt_assign_dma_range memory = { .guest = 0, .host = 0x100000000, .size = 0x40000000 };

    reached_count = 0;
    map_failures = 0;
    unmaps = 1000;
    other = (struct vpt_assign_device){ .address.device = 9, .owned = true, .owner = 1 };
    function_start_powered();
    cpus = function->guest;
    function->guest.map = map;
    function->guest.unmap = unmap;
    function_memory(0, BAR_SIZE, BAR_HOST, false);
    function_open_and_give();
    assert_status(vpt_assign_dma_init(&space, &iommu, ranges, RANGES, 0), VPT_OK);
    assert_status(vpt_assign_dma_map(&space, &memory), VPT_OK);
    assert_status(vpt_assign_dma_attach(&space, &other), VPT_OK);
    assert_status(vpt_assign_dma_attach(&space, &function->device), VPT_OK);
    guest_write(BAR(0), 4, 0xc0000000);
    guest_write(4, 2, MEMORY_ON);
    check_reached(0xc0000000);
}

Test(assign_peer, the_other_device_reaches_the_bar_wherever_the_guest_has_put_it)
{
    static const struct {
        uint16_t offset;
        uint32_t value;
        enum vpt_status status;
        uint64_t reached;
    } writes[] = { { BAR(0), 0xc8000000, VPT_OK, 0xc8000000 }, { BAR(0), 0xffffffff, VPT_OK, 0 },
                   { BAR(0), 0xc8000000, VPT_OK, 0xc8000000 }, { 4, 0, VPT_OK, 0 },
                   { 4, MEMORY_ON, VPT_OK, 0xc8000000 },       { BAR(0), 0xd0000000, VPT_OK, 0xd0000000 } };

    set_up();
    for (unsigned i = 0; i < COUNT_OF(writes); i++) {
        assert_status_of(row_name(i), guest_try_write(writes[i].offset, 4, writes[i].value), writes[i].status);
        check_reached(writes[i].reached);
    }
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    assert_same(reached_count, 1); /* the memory */
    assert_same(space.count, 1);
    assert_same(function->mapped_count, 0);
}

Test(assign_peer, a_bar_over_the_guests_memory_is_refused)
{
    set_up();
    assert_status(guest_try_write(BAR(0), 4, 0x10000000), VPT_REFUSED);
    check_reached(0);
    assert_same(reached_count, 1);
    guest_write(BAR(0), 4, 0xc0000000);
    check_reached(0xc0000000);
}

Test(assign_peer, a_write_and_both_mappings_are_one_transaction)
{
    set_up();
    unmaps = 0;
    assert_status(guest_try_write(BAR(0), 4, 0xc8000000), HOOK_FAILURE);
    assert_same(guest_read(BAR(0), 4), 0xc0000000);
    check_reached(0xc0000000);
    unmaps = 1000;
    /* A map that fails leaves what the guest has written, and nothing mapped until it writes again. */
    map_failures = 1;
    assert_status(guest_try_write(BAR(0), 4, 0xc8000000), VPT_REFUSED);
    assert_same(guest_read(BAR(0), 4), 0xc8000000);
    check_reached(0);
    guest_write(BAR(0), 4, 0xc8000000);
    check_reached(0xc8000000);
}

/* Then nobody reaches the BAR, and it can be released. */
Test(assign_peer, devices_leave_a_degraded_space_before_their_release)
{
    set_up();
    unmaps = 1;
    map_failures = 100;
    assert_status(vpt_assign_dma_detach(&other), VPT_DEVICE_ASSIGN_DEGRADED);
    unmaps = 1000;
    map_failures = 0;
    cr_assert(space.degraded);
    assert_status(vpt_assign_release(&function->device), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(function->device.owned && function->mapped_count == 1);
    assert_status(vpt_assign_dma_detach(&other), VPT_OK);
    assert_status(vpt_assign_dma_detach(&function->device), VPT_OK);
    cr_assert(!space.degraded && reached_count == 0 && space.count == 0);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(function->mapped_count == 0 && !function->device.owned);
}
