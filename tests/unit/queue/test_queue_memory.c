/* SPDX-License-Identifier: MIT */
/* A queue's memory, from the caller or the port, and giving it back. */
#include <stdio.h>
#include <string.h>

#include "hand.h"

static struct vpt_queue queue;

static void start_and_go_round(struct vpt_queue *queue)
{
    assert_status(vpt_device_start(machine.device), VPT_OK);
    plain_go_round(queue, vpt_queue_size(queue));
}

/* Memory comes back after a reset only, and once. */
static void reset_and_release(struct vpt_queue *queue)
{
    assert_status(vpt_queue_release(queue), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_queue_release(queue), VPT_OK);
    cr_assert(all_zero(queue, sizeof(*queue)));
    assert_status(vpt_queue_release(queue), VPT_OK);
}

/* ---- The caller's memory ---- */

#define GUARD 32u /* bytes before, between and behind the areas, which nobody writes */

/* Areas lie behind each other in memory that holds no zeros; each has a device address of its own. */
static _Alignas(4096) uint8_t storage[0x20000];
static size_t storage_used;
static struct vpt_memory areas[VPT_AREAS];
static unsigned area_count;
static uint64_t next_address;
static struct vpt_queue_config config;

static void give(struct vpt_memory *memory, size_t size, size_t alignment)
{
    size_t offset = (storage_used + GUARD + alignment - 1) & ~(alignment - 1);

    storage_used = offset + size;
    cr_assert(storage_used + GUARD <= sizeof(storage));
    *memory = mock_hal_register(machine.hal, storage + offset, size, next_address, true);
    cr_assert(memory->address != NULL);
    areas[area_count++] = *memory;
    next_address = (next_address + size + 0x1ffff) & ~UINT64_C(0xffff);
}

static void take_areas_back(void)
{
    const uint8_t *at = storage;

    for (unsigned i = 0; i < area_count; i++) {
        for (; at < (const uint8_t *)areas[i].address; at++) {
            cr_assert(*at == 0xc3, "written before area %u", i);
        }
        at += areas[i].size;
        mock_hal_unregister(machine.hal, &areas[i]);
    }
    for (; at < storage + sizeof(storage); at++) {
        cr_assert(*at == 0xc3, "written behind the areas");
    }
    machine_finish();
}

static size_t ring_alignment(const struct variant *variant)
{
    return variant->version == 1 ? 4096 : 16;
}

/* All memory of a queue, the rings in one piece or in three. */
static void hand_over(const struct variant *variant, uint16_t size, bool three)
{
    struct mock_machine_options options = { .queue_maximum = 1024 };
    uint16_t tables = (uint16_t)(size / 2);

    plain_negotiate(variant, &options);
    memset(storage, 0xc3, sizeof(storage));
    storage_used = 0;
    area_count = 0;
    next_address = UINT64_C(0xffff0000); /* crosses 4 GiB */
    config = (struct vpt_queue_config){ .size = size, .indirect_tables = tables, .indirect_segments = 3 };
    if (three) {
        give(&config.memory.rings, VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size), 16);
        give(&config.memory.driver_area, VPT_QUEUE_DRIVER_AREA_SIZE(size), 2);
        give(&config.memory.device_area, VPT_QUEUE_DEVICE_AREA_SIZE(size), 4);
    } else {
        give(&config.memory.rings, VPT_QUEUE_RINGS_SIZE(size, VPT_QUEUE_RINGS_ALIGNMENT), ring_alignment(variant));
    }
    give(&config.memory.indirect, VPT_QUEUE_INDIRECT_SIZE(tables + 1u, 3), 16);
    give(&config.memory.private_state, VPT_QUEUE_PRIVATE_SIZE(size, tables), 8);
    config.memory.private_state.device_address = UINT64_MAX - 2; /* means nothing */
}

/* The port has no memory; the two areas that the device and the driver write for each other are zeroed. */
static void work_in_handed_memory(const struct variant *variant, bool three)
{
    for (uint16_t size = 1; size <= 1024; size = (uint16_t)(size * 2)) {
        hand_over(variant, size, three);
        machine.hal->port.dma_allocate = NULL;
        machine.hal->port.dma_free = NULL;
        assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        cr_assert(variant->packed || all_zero(queue.available, VPT_QUEUE_DRIVER_AREA_SIZE(size)));
        cr_assert(all_zero(queue.used, VPT_QUEUE_DEVICE_AREA_SIZE(size)));
        for (unsigned i = 0; three && i < 3; i++) {
            assert_same(machine.model->queues[0].area[i], areas[i].device_address);
        }
        start_and_go_round(&queue);
        reset_and_release(&queue);
        take_areas_back();
    }
}

VARIANT_TEST(queue_memory, LEG_VQLAYOUT_2_all_memory_may_come_from_the_caller_in_one_piece)
{
    work_in_handed_memory(variant, false);
}

VERSION_TEST(queue_memory, SPLIT_ASUPP_1_memory_in_three_pieces_may_be_dirty_but_a_legacy_interface_takes_one_only)
{
    if (variant->version == 2) {
        work_in_handed_memory(variant, true);
    } else {
        hand_over(variant, 16, true);
        plain_refuse(&config, VPT_CALLER_MEMORY, false);
        take_areas_back();
    }
}

/* An area spoilt in each way. The private state has no device address; only one of three areas must not be absent. */
static void refuse_spoilt(struct vpt_memory *memory, size_t alignment, unsigned ways)
{
    static const char *const how[] = { "a byte short", "empty", "misaligned", "misaligned for the device",
                                       "past 2^64",    "absent" };
    struct vpt_memory good = *memory;
    uint64_t last = (UINT64_MAX - good.size + 1u + alignment) & ~((uint64_t)alignment - 1u);
    struct vpt_memory bad[] = {
        { good.address, good.device_address, good.size - 1 },
        { good.address, good.device_address, 0 },
        { (uint8_t *)good.address + alignment / 2, good.device_address, good.size },
        { good.address, good.device_address + alignment / 2, good.size },
        { good.address, last, good.size },
        { NULL, good.device_address, good.size },
    };

    for (unsigned i = 0; i < ways; i++) {
        (void)fprintf(stderr, "%s\n", how[i]);
        *memory = bad[i];
        plain_refuse(&config, i == 4 ? VPT_RESOURCE_ADDRESS : VPT_CALLER_MEMORY, false);
    }
    *memory = good;
}

VERSION_TEST(queue_memory, LEG_VQLAYOUT_1_memory_in_one_piece_that_does_not_fit_is_refused)
{
    hand_over(variant, 64, false);
    config.memory.indirect.size = VPT_QUEUE_INDIRECT_SIZE(32, 3);
    refuse_spoilt(&config.memory.rings, ring_alignment(variant), 5);
    refuse_spoilt(&config.memory.indirect, 16, 5);
    refuse_spoilt(&config.memory.private_state, 8, 3);
    take_areas_back();
}

Test(queue_memory, SPLIT_LAYOUT_1_memory_in_three_pieces_that_does_not_fit_is_refused)
{
    hand_over(&version_2, 64, true);
    refuse_spoilt(&config.memory.rings, 16, 6);
    refuse_spoilt(&config.memory.driver_area, 2, 6);
    refuse_spoilt(&config.memory.device_area, 4, 6);
    take_areas_back();
}

/* The device may offer RING_PACKED after a reset only, when the memory is taken already. */
Test(queue_memory, PACKED_LAYOUT_1_a_ring_that_becomes_packed_needs_a_driver_area_aligned_to_4)
{
    struct vpt_memory *memory = &config.memory.driver_area;

    hand_over(&version_2, 16, true);
    mock_hal_unregister(machine.hal, memory);
    *memory = mock_hal_register(machine.hal, (uint8_t *)memory->address - (uintptr_t)memory->address % 4u + 2,
                                memory->size, (memory->device_address & ~UINT64_C(3)) + 2, true);
    areas[1] = *memory;
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
    start_and_go_round(&queue);
    for (unsigned packed = 2; packed-- != 0;) {
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        machine_offer(VPT_F_RING_PACKED, packed != 0);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_queue_restart(&queue), packed != 0 ? VPT_DEVICE_FEATURES : VPT_OK);
    }
    start_and_go_round(&queue);
    reset_and_release(&queue);
    take_areas_back();
}

VERSION_TEST(queue_memory, tables_are_not_looked_at_without_the_feature)
{
    struct variant plain = { variant->version, false, true, false, false };
    uint8_t byte = 0;

    plain_negotiate(&plain, NULL);
    config = (struct vpt_queue_config){ .size = 16, .indirect_tables = 4, .indirect_segments = 4 };
    config.memory.indirect = (struct vpt_memory){ &byte, 1, 1 };
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
    assert_same(machine.hal->allocations, 2);
    plain_end(&queue);
}

/* ---- Where memory may lie ---- */

/* Memory may reach to the very last device address. */
Test(queue_memory, SPLIT_LAYOUT_1_areas_at_the_end_of_the_address_space)
{
    for (unsigned which = 0; which < 3; which += 2) {
        struct vpt_memory *memory = which == 0 ? &config.memory.rings : &config.memory.device_area;

        hand_over(&version_2, 16, true);
        mock_hal_unregister(machine.hal, memory);
        *memory = mock_hal_register(machine.hal, memory->address, memory->size,
                                    (0 - (uint64_t)memory->size) & ~UINT64_C(3), true);
        areas[which] = *memory;
        assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        start_and_go_round(&queue);
        reset_and_release(&queue);
        take_areas_back();
    }
}

#define PAGES_END (UINT64_C(1) << 44) /* a 32-bit page number of 4096 bytes: 16 TiB */

/* 64 entries fit one page, 256 take two. Page number 0 is how a legacy queue is stopped. */
Test(queue_memory, D_LMMIO_5_a_legacy_ring_lies_below_16_tib_and_not_at_0)
{
    static _Alignas(4096) uint8_t memory[VPT_QUEUE_RINGS_SIZE(256, VPT_QUEUE_RINGS_ALIGNMENT)];
    static const struct {
        uint64_t address;
        uint16_t size;
        enum vpt_status expected;
    } rows[] = {
        { PAGES_END - 0x1000, 4, VPT_OK },
        { PAGES_END - 0x1000, 64, VPT_OK },
        { PAGES_END - 0x2000, 256, VPT_OK },
        { PAGES_END - 0x1000, 256, VPT_RESOURCE_ADDRESS },
        { PAGES_END, 4, VPT_RESOURCE_ADDRESS },
        { PAGES_END + 0x1000, 4, VPT_RESOURCE_ADDRESS },
        { UINT64_MAX - 0xffff, 4, VPT_RESOURCE_ADDRESS },
        { 0x1000, 4, VPT_OK },
        { 0, 4, VPT_RESOURCE_ADDRESS },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)fprintf(stderr, "row %zu\n", i);
        plain_negotiate(&version_1, NULL);
        config = (struct vpt_queue_config){ .size = rows[i].size };
        config.memory.rings = (struct vpt_memory){ memory, rows[i].address, sizeof(memory) };
        (void)mock_hal_register(machine.hal, memory, sizeof(memory), rows[i].address, true);
        if (rows[i].expected == VPT_OK) {
            assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
            plain_end(&queue);
        } else {
            uint64_t resets = machine.model->resets;

            plain_refuse(&config, rows[i].expected, false);
            cr_assert(machine.model->resets == resets, "an address is no reason for a reset");
            machine_finish();
        }
    }
}

Test(queue_memory, D_LMMIO_5_the_port_is_told_the_limit_and_found_out_if_it_ignores_it)
{
    config = (struct vpt_queue_config){ .size = 16 };
    plain_negotiate(&version_1, NULL);
    machine.hal->base = PAGES_END;
    machine.hal->ignore_limit = true;
    plain_refuse(&config, VPT_RESOURCE_ADDRESS, false);
    machine.hal->base = PAGES_END - 0x1000;
    machine.hal->ignore_limit = false;
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
    cr_assert(machine.model->queues[0].area[MOCK_DEVICE_AREA] < PAGES_END);
    start_and_go_round(&queue);
    plain_end(&queue);
}

/* ---- The port's memory ---- */

/* What it gave stays given: after a release, and after a set-up that fails half-way. */
VERSION_TEST(queue_memory, a_port_that_never_frees_is_enough)
{
    struct mock_hal *hal = &machine.on_mmio.hal;

    config = (struct vpt_queue_config){ .size = 16 };
    plain_negotiate(variant, NULL);
    hal->port.dma_free = NULL;
    mock_trigger_set(&hal->fail_allocation, 2, UINT32_MAX);
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_RESOURCE_MEMORY);
    mock_trigger_set(&hal->fail_allocation, 0, 0);
    cr_assert(all_zero(&queue, sizeof(queue)) && mock_hal_live_allocations(hal) == 1);
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
    start_and_go_round(&queue);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_restart(&queue), VPT_OK);
    start_and_go_round(&queue);
    reset_and_release(&queue);
    assert_same(mock_hal_live_allocations(hal), 3);
    assert_same(hal->frees, 0);
    mock_hal_abandon(hal);
    machine_finish();
}

/* How many pieces of this kind the port has given, of this size or, for 0, of any. */
static unsigned given(enum mock_region_kind kind, size_t size)
{
    const struct mock_memory *memory = &machine.hal->memory;
    unsigned count = 0;

    for (size_t i = 0; i < memory->count; i++) {
        count += memory->regions[i].kind == kind && (size == 0 || memory->regions[i].size == size) ? 1u : 0u;
    }
    return count;
}

/* No more tables than requests fit, and none longer than the queue. */
VERSION_TEST(queue_memory, SPLIT_INDIR_3_the_port_is_asked_for_what_the_macros_say_and_tables_are_cut_to_the_queue)
{
    static const uint16_t rows[][5] = { { 32, 6, 5, 6, 5 }, { 4, 65535, 65535, 4, 4 } };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint16_t size = rows[i][0];
        uint16_t tables = rows[i][3];

        config =
            (struct vpt_queue_config){ .size = size, .indirect_tables = rows[i][1], .indirect_segments = rows[i][2] };
        plain_negotiate(variant, NULL);
        assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        assert_same(given(MOCK_REGION_ALLOCATION, VPT_QUEUE_RINGS_SIZE(size, VPT_QUEUE_RINGS_ALIGNMENT)), 1);
        assert_same(given(MOCK_REGION_ALLOCATION, VPT_QUEUE_INDIRECT_SIZE(tables, rows[i][4])), 1);
        assert_same(given(MOCK_REGION_PRIVATE, VPT_QUEUE_PRIVATE_SIZE(size, tables)), 1);
        assert_same(mock_hal_live_allocations(machine.hal), 3);
        assert_status(vpt_device_start(machine.device), VPT_OK);
        assert_status(queue_add(&queue, 0, 5, 0), size < 5 ? VPT_CALLER_TOO_LONG : VPT_OK);
        for (unsigned j = size < 5 ? 0 : 1; j < tables; j++) {
            assert_status(queue_add(&queue, 2, 2, 0), VPT_OK);
        }
        assert_status(queue_add(&queue, 1, 0, 0), tables == size ? VPT_RESOURCE_FULL : VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_same(machine.model->queues[0].indirect_elements, tables);
        plain_end(&queue);
    }
}

/* ---- A port that is short of memory ---- */

enum { WIDE = sizeof(void *) == 8 }; /* the private state of 256 entries is more than a page then */

/* What comes of pieces of at most so many bytes on a legacy interface, where the rings are one, and on a modern one. */
static const struct shortage {
    size_t most;
    uint16_t wanted;
    struct made {
        uint32_t size; /* 0: refused */
        unsigned ring_pieces;
        unsigned tables;
    } made[2];
} shortages[] = {
    { 0, 0, { { 256, 1, 64 }, { 256, 1, 64 } } },
    { 8192, 0, { { 256, 1, 16 }, { 256, 1, 16 } } },
    { 4096, 0, { { 128, 1, 8 }, { WIDE ? 128 : 256, WIDE ? 1 : 3, 8 } } },
    { 4096, 256, { { 0, 0, 0 }, { WIDE ? 0 : 256, 3, 8 } } },
    { 4095, 0, { { 128, 1, 8 }, { 128, 1, 8 } } },
    { 1024, 0, { { 32, 1, 2 }, { WIDE ? 32 : 64, WIDE ? 1 : 3, 2 } } },
    { 300, 0, { { 8, 1, 2 }, { 16, 3, 1 } } },
    { 300, 64, { { 0, 0, 0 }, { 0, 0, 0 } } },
    { 200, 0, { { 0, 0, 0 }, { 8, 3, 1 } } },
    { 127, 4, { { 4, 1, 1 }, { 4, 1, 1 } } },
    { 60, 0, { { 0, 0, 0 }, { 0, 0, 0 } } },
    { 60, 1, { { 1, 1, 1 }, { 1, 1, 1 } } },
};

/* Smaller pieces come first, then fewer tables, then a smaller ring, which only an unnamed size allows. */
VERSION_TEST(queue_memory, SPLIT_LAYOUT_1_what_the_port_has_no_piece_for_is_taken_in_smaller_ones)
{
    for (size_t i = 0; i < COUNT_OF(shortages); i++) {
        const struct shortage *row = &shortages[i];
        const struct made *made = &row->made[variant->version - 1u];
        uint32_t requests = made->size / 2;
        char text[32];

        (void)snprintf(text, sizeof(text), "%zu bytes, size %u:", row->most, row->wanted);
        config = (struct vpt_queue_config){ .size = row->wanted, .indirect_tables = 64, .indirect_segments = 18 };
        plain_negotiate(variant, NULL);
        machine.hal->allocate_most = row->most;
        if (made->size == 0) {
            plain_refuse(&config, VPT_RESOURCE_MEMORY, false);
            machine_finish();
            continue;
        }
        assert_status_of(text, vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        assert_same_of(text, vpt_queue_size(&queue), made->size);
        assert_same_of(text, given(MOCK_REGION_ALLOCATION, 0), made->ring_pieces + (made->tables != 0));
        start_and_go_round(&queue);
        for (unsigned j = 0; j < requests; j++) { /* in the tables that there are, then as chains */
            assert_status(queue_add(&queue, 1, 1, 0), VPT_OK);
        }
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_same_of(text, machine.model->queues[0].indirect_elements,
                       made->tables < requests ? made->tables : requests);
        plain_end(&queue);
    }
}

Test(queue_memory, macros_follow_the_specification)
{
    assert_same(VPT_QUEUE_DESCRIPTOR_AREA_SIZE(256), 4096);
    assert_same(VPT_QUEUE_DRIVER_AREA_SIZE(256), 518);
    assert_same(VPT_QUEUE_DEVICE_AREA_SIZE(256), 2054);
    /* QEMU's and Linux' well-known number for a legacy queue of 256: 10246 bytes. */
    assert_same(VPT_QUEUE_RINGS_SIZE(256, 4096), 8192 + 2054);
    assert_same(VPT_QUEUE_RINGS_SIZE(8, 4), 152 + 70);
    assert_same(VPT_QUEUE_INDIRECT_SIZE(3, 5), 240);
    assert_same(VPT_QUEUE_SIZE_MAX, 32768);
}
