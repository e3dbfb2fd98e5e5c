/* SPDX-License-Identifier: MIT */
/* The ready-made port functions: the page pool, and direct maps and shares. */
#include <string.h>

#include "direct.h"
#include "hand.h"
#include "page_pool.h"

#define PAGE  VPT_PAGE_POOL_PAGE_SIZE
#define PAGES 16u

static _Alignas(65536) uint8_t bytes[PAGES * PAGE];
static struct vpt_page_pool pool;
static struct vpt_port_context context = { .pool = &pool };

#define POOL_ADDRESS UINT64_C(0x280003000)

static void make_pool(uint32_t pages, uint64_t address)
{
    struct vpt_memory memory = { bytes, address, (size_t)pages * PAGE };

    memset(bytes, 0xdd, sizeof(bytes));
    assert_status(vpt_page_pool_init(&pool, &memory), VPT_OK);
}

static enum vpt_status allocate(size_t size, size_t alignment, uint64_t limit, struct vpt_memory *memory)
{
    return vpt_page_pool_dma_allocate(&context, size, alignment, limit, 0, memory);
}

Test(page_pool, memory_is_zeroed_aligned_and_apart)
{
    static const size_t sizes[] = { 1, 4095, 4096, 4097, 12289, 2 };
    struct vpt_memory memory[COUNT_OF(sizes)];
    size_t end = 0;

    make_pool(PAGES, POOL_ADDRESS);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_status(allocate(sizes[i], 4096, UINT64_MAX, &memory[i]), VPT_OK);
        cr_assert(memory[i].size == sizes[i] && (uintptr_t)memory[i].address % PAGE == 0);
        cr_assert(memory[i].device_address - POOL_ADDRESS == (size_t)((uint8_t *)memory[i].address - bytes));
        cr_assert((size_t)((uint8_t *)memory[i].address - bytes) == end, "first fit");
        cr_assert(all_zero(memory[i].address, sizes[i]));
        memset(memory[i].address, 0x77, sizes[i]);
        end += (sizes[i] + PAGE - 1) / PAGE * PAGE;
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        cr_assert(((uint8_t *)memory[i].address)[sizes[i] - 1] == 0x77);
    }
}

Test(page_pool, what_is_freed_is_given_again)
{
    struct vpt_memory memory[PAGES];
    struct vpt_memory more;

    make_pool(PAGES, POOL_ADDRESS);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < PAGES; i++) {
            assert_status(allocate(PAGE, 16, UINT64_MAX, &memory[i]), VPT_OK);
        }
        assert_status(allocate(1, 1, UINT64_MAX, &more), VPT_RESOURCE_MEMORY);
        vpt_page_pool_dma_free(&context, &memory[5], 0);
        assert_status(allocate(PAGE + 1, 1, UINT64_MAX, &more), VPT_RESOURCE_MEMORY);
        vpt_page_pool_dma_free(&context, &memory[6], 0);
        memset(memory[5].address, 0x99, PAGE);
        assert_status(allocate(PAGE + 1, 1, UINT64_MAX, &more), VPT_OK);
        cr_assert(more.address == memory[5].address && all_zero(more.address, 2 * PAGE));
        vpt_page_pool_dma_free(&context, &more, 0);
        for (unsigned i = 0; i < PAGES; i++) {
            if (i != 5 && i != 6) {
                vpt_page_pool_dma_free(&context, &memory[i], 0);
            }
        }
    }
    assert_status(allocate(sizeof(bytes), 1, UINT64_MAX, &more), VPT_OK);
}

Test(page_pool, limits_are_kept)
{
    uint64_t last = POOL_ADDRESS + sizeof(bytes) - 1;
    struct vpt_memory memory;

    make_pool(PAGES, POOL_ADDRESS);
    assert_status(allocate(16, 1, POOL_ADDRESS - 1, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(16, 1, POOL_ADDRESS, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(16, 1, POOL_ADDRESS + 14, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(16, 1, POOL_ADDRESS + 15, &memory), VPT_OK);
    vpt_page_pool_dma_free(&context, &memory, 0);
    assert_status(allocate(sizeof(bytes), 1, last - 1, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(sizeof(bytes), 1, last, &memory), VPT_OK);
    vpt_page_pool_dma_free(&context, &memory, 0);
    assert_status(allocate(0, 1, UINT64_MAX, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(sizeof(bytes) + 1, 1, UINT64_MAX, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(SIZE_MAX, 1, UINT64_MAX, &memory), VPT_RESOURCE_MEMORY);
}

Test(page_pool, a_free_of_what_is_not_the_pool_s_changes_nothing)
{
    struct vpt_memory memory;
    struct vpt_memory other;

    make_pool(1, POOL_ADDRESS);
    assert_status(allocate(PAGE, 1, UINT64_MAX, &memory), VPT_OK);
    other = memory;
    other.device_address -= PAGE;
    vpt_page_pool_dma_free(&context, &other, 0);
    other.device_address = memory.device_address + PAGE;
    vpt_page_pool_dma_free(&context, &other, 0);
    other = memory;
    other.size = 2 * PAGE;
    vpt_page_pool_dma_free(&context, &other, 0);
    other = memory;
    other.device_address += 16;
    vpt_page_pool_dma_free(&context, &other, 0);
    assert_status(allocate(PAGE, 1, UINT64_MAX, &other), VPT_RESOURCE_MEMORY);
}

Test(page_pool, pools_of_unsuitable_memory_are_empty)
{
    static const struct vpt_memory unsuitable[] = {
        { NULL, POOL_ADDRESS, 4 * PAGE },        { bytes, POOL_ADDRESS, PAGE - 1 },
        { bytes, POOL_ADDRESS, 0 },              { bytes + 16, POOL_ADDRESS, 4 * PAGE },
        { bytes, POOL_ADDRESS + 16, 4 * PAGE },  { bytes, UINT64_MAX - PAGE + 1, 2 * PAGE },
    };
    struct vpt_memory broken = { bytes, POOL_ADDRESS, 2 * PAGE + 100 };
    struct vpt_memory memory;

    for (size_t i = 0; i < COUNT_OF(unsuitable); i++) {
        memset(&pool, 0xff, sizeof(pool));
        assert_status(vpt_page_pool_init(&pool, &unsuitable[i]), VPT_CALLER_MEMORY);
        assert_status(allocate(1, 1, UINT64_MAX, &memory), VPT_RESOURCE_MEMORY);
    }
    assert_status(vpt_page_pool_init(&pool, &broken), VPT_OK);
    assert_status(allocate(2 * PAGE + 1, 1, UINT64_MAX, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(2 * PAGE, 1, UINT64_MAX, &memory), VPT_OK);
}

/* A queue whose memory is all from a pool, on a port without anything else. */
VARIANT_TEST(page_pool, a_queue_lives_in_it)
{
    hand_negotiate(variant, 0, 64);
    make_pool(PAGES, POOL_ADDRESS);
    hand.port.ctx = &context;
    hand.port.dma_allocate = vpt_page_pool_dma_allocate;
    hand.port.dma_free = vpt_page_pool_dma_free;
    memset(&hand.config.memory, 0, sizeof(hand.config.memory));
    for (unsigned round = 0; round < 40; round++) {
        assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
        hand.descriptors = bytes;
        hand.available = bytes + VPT_QUEUE_DESCRIPTOR_AREA_SIZE(64);
        hand.used = bytes + VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT) -
                    VPT_QUEUE_DEVICE_AREA_SIZE(64);
        hand.taken = 0;
        hand.index = 0;
        assert_status(vpt_device_start(hand.device), VPT_OK);
        hand_add(&pool, true, 16);
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        hand_use(hand_take(), 16);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
        hand_set(R_QUEUE_PFN, 0);
        hand_set(R_QUEUE_READY, 0);
        assert_status(vpt_device_negotiate(hand.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_queue_release(&hand.queue), VPT_OK);
    }
}

/* ---- Direct maps and shares ---- */

Test(direct, an_identity_map)
{
    struct vpt_port_context identity = { 0 };
    struct vpt_shared shared = { 0 };
    void *mapping = NULL;

    assert_status(vpt_direct_mmio_map(&identity, 0x10001000, 0x200, VPT_MAP_REGISTERS, &mapping), VPT_OK);
    cr_assert(mapping == (void *)0x10001000);
    assert_status(vpt_direct_share(&identity, bytes, 100, VPT_DEVICE_READS, false, &shared), VPT_OK);
    cr_assert(shared.device_address == (uintptr_t)bytes && shared.size == 100);
    assert_status(vpt_direct_mmio_map(&identity, 0x10001000, 0, VPT_MAP_REGISTERS, &mapping),
                  VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_share(&identity, bytes, 0, VPT_DEVICE_READS, false, &shared), VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_mmio_map(&identity, UINT64_MAX - 0xff, 0x101, VPT_MAP_REGISTERS, &mapping),
                  VPT_DIRECT_NOT_MAPPED);
    cr_assert(vpt_status_group(VPT_DIRECT_NOT_MAPPED) == VPT_GROUP_PORT);
}

Test(direct, a_higher_half_map)
{
    uint64_t base = (uint64_t)(uintptr_t)bytes;
    struct vpt_port_context half = { .map_offset = base, .map_last = sizeof(bytes) - 1 };
    struct vpt_shared shared = { 0 };
    void *mapping = NULL;

    assert_status(vpt_direct_mmio_map(&half, 0x100, 0x200, VPT_MAP_REGISTERS, &mapping), VPT_OK);
    cr_assert(mapping == bytes + 0x100);
    assert_status(vpt_direct_mmio_map(&half, sizeof(bytes) - 8, 8, VPT_MAP_REGISTERS, &mapping), VPT_OK);
    assert_status(vpt_direct_mmio_map(&half, sizeof(bytes) - 8, 9, VPT_MAP_REGISTERS, &mapping),
                  VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_mmio_map(&half, sizeof(bytes), 1, VPT_MAP_REGISTERS, &mapping), VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_share(&half, bytes + 16, 64, VPT_DEVICE_WRITES, false, &shared), VPT_OK);
    cr_assert(shared.device_address == 16 && shared.size == 64);
    assert_status(vpt_direct_share(&half, &pool, 64, VPT_DEVICE_WRITES, false, &shared), VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_share(&half, bytes + 16, sizeof(bytes), VPT_DEVICE_WRITES, false, &shared),
                  VPT_DIRECT_NOT_MAPPED);
}
