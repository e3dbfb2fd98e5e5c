/* SPDX-License-Identifier: MIT */
/* Peer to peer: map() and unmap() of a guest that let its devices reach each other's BARs. */
#include <string.h>

#include "assign_desk.h"

#include <vpt/assign_dma.h>

TestSuite(assign_peer);

#define BAR_HOST 0x80000000u
#define BAR_SIZE 0x4000u
#define MEMORY   0x40000000u /* the guest's, from 0 on */
#define RANGES   4u

/* ---- The IOMMU ---- */

/* What the other device of the guest reaches. */
static struct vpt_assign_dma_range reached[RANGES];
static unsigned reached_count;
static unsigned map_failures; /* to come */
static unsigned unmaps;       /* so many of them work yet */

static enum vpt_status iommu_map(void *ctx, const struct vpt_pci_address *function,
                                 const struct vpt_assign_dma_range *range)
{
    (void)ctx;
    if (map_failures != 0) {
        map_failures--;
        return DESK_FAILURE;
    }
    if (function->device == 9) {
        cr_assert(reached_count < RANGES);
        reached[reached_count++] = *range;
    }
    return VPT_OK;
}

static enum vpt_status iommu_unmap(void *ctx, const struct vpt_pci_address *function,
                                   const struct vpt_assign_dma_range *range)
{
    (void)ctx;
    if (unmaps == 0) {
        return DESK_FAILURE;
    }
    unmaps--;
    for (unsigned i = 0; i < reached_count && function->device == 9; i++) {
        if (reached[i].guest == range->guest) {
            reached[i] = reached[--reached_count];
        }
    }
    return VPT_OK;
}

/* Where the other device reaches the BAR; 0: nowhere. */
static uint64_t bar_reached(void)
{
    uint64_t guest = 0;

    for (unsigned i = 0; i < reached_count; i++) {
        if (reached[i].host == BAR_HOST) {
            cr_assert(guest == 0 && reached[i].size == BAR_SIZE);
            guest = reached[i].guest;
        }
    }
    return guest;
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
    static const struct vpt_assign_dma_range memory = { .guest = 0, .host = 0x100000000, .size = MEMORY };

    reached_count = 0;
    map_failures = 0;
    unmaps = 1000;
    memset(&other, 0, sizeof(other));
    other.address.device = 9;
    other.owned = true;
    other.owner = 1;
    desk_start();
    cpus = desk.guest;
    desk.guest.map = map;
    desk.guest.unmap = unmap;
    desk_memory(0, BAR_SIZE, BAR_HOST, false);
    desk_open();
    assert_status(vpt_assign_dma_init(&space, &iommu, ranges, RANGES, 0), VPT_OK);
    assert_status(vpt_assign_dma_map(&space, &memory), VPT_OK);
    assert_status(vpt_assign_dma_attach(&space, &other), VPT_OK);
    assert_status(vpt_assign_dma_attach(&space, &desk.device), VPT_OK);
    desk_write(DESK_BAR(0), 4, 0xc0000000);
    desk_write(4, 2, 2);
    cr_assert(bar_reached() == 0xc0000000 && space.count == 2);
}

/* The other device reaches the BAR wherever the guest has put it, and as long as it is the guest's. */
Test(assign_peer, follows_the_bar)
{
    set_up();
    desk_write(DESK_BAR(0), 4, 0xc8000000);
    cr_assert(bar_reached() == 0xc8000000);
    desk_write(DESK_BAR(0), 4, 0xffffffff);
    cr_assert(bar_reached() == 0);
    desk_write(DESK_BAR(0), 4, 0xc8000000);
    desk_write(4, 2, 0);
    cr_assert(bar_reached() == 0);
    desk_write(4, 2, 2);
    cr_assert(bar_reached() == 0xc8000000);
    desk_check(0);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(bar_reached() == 0 && reached_count == 1 && space.count == 1 && desk.mapped_count == 0);
}

/* On the guest's memory there is no place for it. */
Test(assign_peer, memory_is_refused)
{
    set_up();
    assert_status(vpt_assign_config_write(&desk.device, DESK_BAR(0), 4, 0x10000000), VPT_REFUSED);
    cr_assert(bar_reached() == 0 && desk.mapped_count == 0 && reached_count == 1);
    desk_write(DESK_BAR(0), 4, 0xc0000000);
    cr_assert(bar_reached() == 0xc0000000);
    desk_check(0);
}

/* The write and both mappings are one transaction. */
Test(assign_peer, a_failure_is_undone)
{
    set_up();
    unmaps = 0;
    assert_status(vpt_assign_config_write(&desk.device, DESK_BAR(0), 4, 0xc8000000), DESK_FAILURE);
    cr_assert(desk_read(DESK_BAR(0), 4) == 0xc0000000 && bar_reached() == 0xc0000000);
    unmaps = 1000;
    desk_check(0);
    /* A map that fails leaves what the guest has written, and nothing mapped until it writes again. */
    map_failures = 1;
    assert_status(vpt_assign_config_write(&desk.device, DESK_BAR(0), 4, 0xc8000000), VPT_REFUSED);
    cr_assert(desk_read(DESK_BAR(0), 4) == 0xc8000000 && space.count == 1);
    assert_status(vpt_assign_config_write(&desk.device, DESK_BAR(0), 4, 0xc8000000), VPT_OK);
    cr_assert(bar_reached() == 0xc8000000 && space.count == 2);
    desk_check(0);
}

/* From a degraded space the devices are detached first: nobody reaches the BAR then, and it can be released. */
Test(assign_peer, a_degraded_space)
{
    set_up();
    unmaps = 1;
    map_failures = 100;
    assert_status(vpt_assign_dma_detach(&other), VPT_DEVICE_ASSIGN_DEGRADED);
    unmaps = 1000;
    map_failures = 0;
    cr_assert(space.degraded);
    assert_status(vpt_assign_release(&desk.device), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(desk.device.owned && desk.mapped_count == 1);
    assert_status(vpt_assign_dma_detach(&other), VPT_OK);
    assert_status(vpt_assign_dma_detach(&desk.device), VPT_OK);
    cr_assert(!space.degraded && reached_count == 0 && space.count == 0);
    assert_status(vpt_assign_release(&desk.device), VPT_OK);
    cr_assert(desk.mapped_count == 0 && !desk.device.owned);
}
