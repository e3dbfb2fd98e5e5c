/* SPDX-License-Identifier: MIT */
/* A queue's memory, from the caller or the port, and giving it back. */
#include <stdlib.h>
#include <string.h>

#include "hand.h"

#define GUARD 32u

/* ---- The caller's memory ---- */

/* A piece of host memory with guards before and behind it, at a device address of the test's choice. */
struct piece {
    uint8_t *storage;
    struct vpt_memory memory;
};

static uint64_t next_address;

/* `skew` moves both addresses off the alignment. */
static struct piece make_piece(size_t size, size_t alignment, size_t skew)
{
    struct piece piece;
    uint64_t address = ((next_address + alignment) / alignment) * alignment + skew;
    size_t total = GUARD + alignment + size + GUARD;
    uint8_t *start;

    piece.storage = malloc(total + alignment);
    cr_assert(piece.storage != NULL);
    memset(piece.storage, 0xc3, total + alignment);
    start = piece.storage + GUARD;
    start += (alignment - (uintptr_t)start % alignment) % alignment + skew;
    next_address = address + size + 0x10000;
    piece.memory = mock_hal_register(&bench.machine.hal, start, size, address, true);
    cr_assert(piece.memory.address != NULL);
    return piece;
}

static void end_piece(struct piece *piece)
{
    const uint8_t *start = piece->memory.address;

    for (size_t i = 1; i <= GUARD; i++) {
        cr_assert(start[-(ptrdiff_t)i] == 0xc3, "written before its start");
    }
    for (size_t i = 0; i < GUARD; i++) {
        cr_assert(start[piece->memory.size + i] == 0xc3, "written past its end");
    }
    mock_hal_unregister(&bench.machine.hal, &piece->memory);
    free(piece->storage);
}

static void end_pieces(struct piece *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        end_piece(&pieces[i]);
    }
    bench_finish();
}

/* A queue in such memory works, and is over before it. */
static void run(const struct vpt_queue_config *config, uint32_t size)
{
    struct vpt_queue queue;

    assert_status(vpt_queue_init(&queue, bench.device, config), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_go_round(&queue, size);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_queue_release(&queue), VPT_OK);
}

static void start_pieces(const struct variant *variant)
{
    next_address = UINT64_C(0x700000000);
    bench_negotiate(variant, NULL);
}

static size_t ring_alignment(const struct variant *variant)
{
    return variant->version == 1 ? 4096 : 16;
}

VARIANT_TEST(queue_memory, LEG_VQLAYOUT_2_all_memory_from_the_caller_in_one_piece)
{
    for (uint16_t size = 1; size <= 256; size = (uint16_t)(size * 2)) {
        uint16_t tables = (uint16_t)(size / 2);
        struct vpt_queue_config config = { .size = size, .indirect_tables = tables, .indirect_segments = 3 };
        struct piece pieces[3];

        start_pieces(variant);
        pieces[0] = make_piece(VPT_QUEUE_RINGS_SIZE(size, VPT_QUEUE_RINGS_ALIGNMENT), ring_alignment(variant), 0);
        pieces[1] = make_piece(VPT_QUEUE_INDIRECT_SIZE(tables + 1u, 3), 16, 0);
        pieces[2] = make_piece(VPT_QUEUE_PRIVATE_SIZE(size, tables), 8, 0);
        config.memory.rings = pieces[0].memory;
        config.memory.indirect = pieces[1].memory;
        config.memory.private_state = pieces[2].memory;
        bench.machine.hal.port.dma_allocate = NULL;
        bench.machine.hal.port.dma_free = NULL;
        run(&config, size);
        end_pieces(pieces, 3);
    }
}

static void make_three(struct piece *pieces, uint16_t size)
{
    pieces[0] = make_piece(VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size), 16, 0);
    pieces[1] = make_piece(VPT_QUEUE_DRIVER_AREA_SIZE(size), 2, 0);
    pieces[2] = make_piece(VPT_QUEUE_DEVICE_AREA_SIZE(size), 4, 0);
}

static void take_three(struct vpt_queue_config *config, const struct piece *pieces)
{
    config->memory.rings = pieces[0].memory;
    config->memory.driver_area = pieces[1].memory;
    config->memory.device_area = pieces[2].memory;
}

Test(queue_memory, SPLIT_LAYOUT_1_three_areas_in_three_pieces)
{
    for (uint16_t size = 1; size <= 1024; size = (uint16_t)(size * 2)) {
        struct mock_machine_options options = { .queue_maximum = 1024 };
        struct vpt_queue_config config = { .size = size };
        const struct mock_queue *theirs = &bench.machine.device.queues[0];
        struct piece pieces[3];
        struct vpt_queue queue;

        next_address = UINT64_C(0xfffffff0000);
        bench_negotiate(&version_2, &options);
        make_three(pieces, size);
        take_three(&config, pieces);
        assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
        cr_assert(bench.machine.hal.allocations == 1 && bench.machine.hal.private_allocations == 1);
        for (unsigned i = 0; i < 3; i++) {
            cr_assert(theirs->area[i] == pieces[i].memory.device_address);
        }
        assert_status(vpt_device_start(bench.device), VPT_OK);
        bench_go_round(&queue, size);
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        end_pieces(pieces, 3);
    }
}

/* One piece of the configuration's, spoilt in each way; it is whole again in the end. */
static void check_piece(struct vpt_memory *memory, struct vpt_queue_config *config, size_t alignment)
{
    struct vpt_memory good = *memory;

    memory->size = good.size - 1;
    bench_refuse(config, VPT_CALLER_MEMORY, false);
    memory->size = 0;
    bench_refuse(config, VPT_CALLER_MEMORY, false);
    *memory = good;
    memory->address = (uint8_t *)good.address + alignment / 2;
    bench_refuse(config, VPT_CALLER_MEMORY, false);
    *memory = good;
    memory->device_address = good.device_address + alignment / 2;
    bench_refuse(config, VPT_CALLER_MEMORY, false);
    /* The last byte would be past 2^64. */
    memory->device_address = (UINT64_MAX - good.size + 1u + alignment) & ~((uint64_t)alignment - 1u);
    bench_refuse(config, VPT_RESOURCE_ADDRESS, false);
    *memory = good;
}

/* Nor is there one without the two others. */
static void check_three(struct vpt_memory *memory, struct vpt_queue_config *config, size_t alignment)
{
    struct vpt_memory good = *memory;

    check_piece(memory, config, alignment);
    memory->address = NULL;
    bench_refuse(config, VPT_CALLER_MEMORY, false);
    *memory = good;
}

Test(queue_memory, SPLIT_LAYOUT_1_areas_that_do_not_fit)
{
    struct vpt_queue_config config = { .size = 64 };
    struct piece pieces[3];

    start_pieces(&version_2);
    make_three(pieces, 64);
    take_three(&config, pieces);
    check_three(&config.memory.rings, &config, 16);
    check_three(&config.memory.driver_area, &config, 2);
    check_three(&config.memory.device_area, &config, 4);
    end_pieces(pieces, 3);
}

Test(queue_memory, LEG_VQLAYOUT_2_a_legacy_interface_takes_one_piece_only)
{
    struct vpt_queue_config config = { .size = 16 };
    struct piece pieces[3];

    start_pieces(&version_1);
    make_three(pieces, 16);
    end_piece(&pieces[0]);
    pieces[0] = make_piece(VPT_QUEUE_RINGS_SIZE(16, VPT_QUEUE_RINGS_ALIGNMENT), 4096, 0);
    take_three(&config, pieces);
    bench_refuse(&config, VPT_CALLER_MEMORY, false);
    end_pieces(pieces, 3);
}

VERSION_TEST(queue_memory, LEG_VQLAYOUT_1_one_piece_that_does_not_fit)
{
    size_t alignment = ring_alignment(variant);
    struct vpt_queue_config config = { .size = 64 };
    struct piece rings;

    start_pieces(variant);
    rings = make_piece(VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT), alignment, 0);
    config.memory.rings = rings.memory;
    check_piece(&config.memory.rings, &config, alignment);
    end_pieces(&rings, 1);
}

VERSION_TEST(queue_memory, private_state_and_tables_that_do_not_fit)
{
    struct vpt_queue_config config = { .size = 32, .indirect_tables = 4, .indirect_segments = 4 };
    struct piece pieces[2];

    start_pieces(variant);
    pieces[0] = make_piece(VPT_QUEUE_INDIRECT_SIZE(4, 4), 16, 0);
    pieces[1] = make_piece(VPT_QUEUE_PRIVATE_SIZE(32, 4), 8, 0);
    config.memory.private_state = pieces[1].memory;
    config.memory.private_state.size--;
    bench_refuse(&config, VPT_CALLER_MEMORY, false);
    config.memory.private_state = pieces[1].memory;
    config.memory.private_state.address = (uint8_t *)pieces[1].memory.address + 4;
    bench_refuse(&config, VPT_CALLER_MEMORY, false);
    config.memory.private_state = pieces[1].memory;
    config.memory.indirect = pieces[0].memory;
    check_piece(&config.memory.indirect, &config, 16);
    end_pieces(pieces, 2);
}

/* A private state's device address means nothing: a value that no ring could have is taken. */
VERSION_TEST(queue_memory, private_state_has_no_device_address)
{
    struct vpt_queue_config config = { .size = 32 };
    struct piece private_state;

    start_pieces(variant);
    private_state = make_piece(VPT_QUEUE_PRIVATE_SIZE(32, 0), 8, 0);
    config.memory.private_state = private_state.memory;
    config.memory.private_state.device_address = UINT64_MAX - 2;
    run(&config, 32);
    end_pieces(&private_state, 1);
}

VERSION_TEST(queue_memory, tables_are_not_looked_at_without_the_feature)
{
    struct variant plain = { variant->version, false, true };
    struct vpt_queue_config config = { .size = 16, .indirect_tables = 4, .indirect_segments = 4 };
    struct vpt_queue queue;
    uint8_t byte = 0;

    start_pieces(&plain);
    config.memory.indirect = (struct vpt_memory){ &byte, 1, 1 };
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    cr_assert(bench.machine.hal.allocations == 2);
    bench_end(&queue);
}

VERSION_TEST(queue_memory, SPLIT_ASUPP_1_memory_may_be_dirty)
{
    size_t alignment = ring_alignment(variant);
    struct vpt_queue_config config = { .size = 8 };
    struct piece private_state;
    const uint8_t *used;
    struct piece rings;
    struct vpt_queue queue;

    start_pieces(variant);
    rings = make_piece(VPT_QUEUE_RINGS_SIZE(8, VPT_QUEUE_RINGS_ALIGNMENT), alignment, 0);
    private_state = make_piece(VPT_QUEUE_PRIVATE_SIZE(8, 0), 8, 0);
    memset(rings.memory.address, 0xff, rings.memory.size);
    memset(private_state.memory.address, 0xff, private_state.memory.size);
    config.memory.rings = rings.memory;
    config.memory.private_state = private_state.memory;
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    used = (uint8_t *)rings.memory.address + rings.memory.size - VPT_QUEUE_DEVICE_AREA_SIZE(8);
    cr_assert(all_zero(used, VPT_QUEUE_DEVICE_AREA_SIZE(8)));
    cr_assert(
        all_zero((uint8_t *)rings.memory.address + VPT_QUEUE_DESCRIPTOR_AREA_SIZE(8), VPT_QUEUE_DRIVER_AREA_SIZE(8)));
    assert_status(vpt_device_start(bench.device), VPT_OK);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_EMPTY);
    assert_status(vpt_queue_release(&queue), VPT_OK);
    end_piece(&private_state);
    end_piece(&rings);
    bench_finish();
}

/* ---- Where memory may lie ---- */

static enum vpt_status init_at(uint64_t address, uint16_t size)
{
    static _Alignas(4096) uint8_t memory[VPT_QUEUE_RINGS_SIZE(256, VPT_QUEUE_RINGS_ALIGNMENT)];
    struct vpt_queue_config config = { .size = size };
    enum vpt_status status;
    struct vpt_queue queue;
    uint64_t resets;

    bench_negotiate(&version_1, NULL);
    resets = bench.machine.device.resets;
    config.memory.rings = (struct vpt_memory){ memory, address, sizeof(memory) };
    (void)mock_hal_register(&bench.machine.hal, memory, sizeof(memory), address, true);
    status = vpt_queue_init(&queue, bench.device, &config);
    if (status == VPT_OK) {
        cr_assert(bench.machine.device.queues[0].enabled);
        bench_end(&queue);
    } else {
        cr_assert(all_zero(&queue, sizeof(queue)));
        cr_assert(bench.machine.device.resets == resets, "an address is no reason for a reset");
        bench_finish();
    }
    return status;
}

/* Memory may reach to the very last device address. */
Test(queue_memory, SPLIT_LAYOUT_1_areas_at_the_end_of_the_address_space)
{
    struct vpt_queue_config config = { .size = 16 };
    struct piece pieces[3];

    for (unsigned which = 0; which < 2; which++) {
        struct vpt_memory *memory = which == 0 ? &config.memory.rings : &config.memory.device_area;
        size_t size = which == 0 ? VPT_QUEUE_DESCRIPTOR_AREA_SIZE(16) : VPT_QUEUE_DEVICE_AREA_SIZE(16);

        start_pieces(&version_2);
        make_three(pieces, 16);
        take_three(&config, pieces);
        mock_hal_unregister(&bench.machine.hal, memory);
        *memory =
            mock_hal_register(&bench.machine.hal, memory->address, size, (0 - (uint64_t)size) & ~UINT64_C(3), true);
        pieces[which == 0 ? 0 : 2].memory = *memory;
        run(&config, 16);
        end_pieces(pieces, 3);
    }
}

/* A 32-bit page number of 4096 bytes: 16 TiB. */
Test(queue_memory, D_LMMIO_5_a_legacy_ring_lies_below_16_tib)
{
    uint64_t limit = UINT64_C(1) << 44;

    /* 64 entries fit one page, 256 take two. */
    assert_status(init_at(limit - 0x1000, 4), VPT_OK);
    assert_status(init_at(limit - 0x1000, 64), VPT_OK);
    assert_status(init_at(limit - 0x2000, 256), VPT_OK);
    assert_status(init_at(limit - 0x1000, 256), VPT_RESOURCE_ADDRESS);
    assert_status(init_at(limit, 4), VPT_RESOURCE_ADDRESS);
    assert_status(init_at(limit + 0x1000, 4), VPT_RESOURCE_ADDRESS);
    assert_status(init_at(UINT64_MAX - 0xffff, 4), VPT_RESOURCE_ADDRESS);
    assert_status(init_at(0x1000, 4), VPT_OK);
}

/* Page number 0 is how a legacy queue is stopped. */
Test(queue_memory, D_LMMIO_5_a_legacy_ring_does_not_lie_at_address_0)
{
    enum vpt_status status = init_at(0, 4);

    cr_assert(status == VPT_RESOURCE_ADDRESS || status == VPT_CALLER_MEMORY, "%s", vpt_status_str(status));
}

Test(queue_memory, D_LMMIO_5_the_port_is_told_the_limit)
{
    struct vpt_queue_config config = { .size = 16 };
    struct vpt_queue queue;

    bench_negotiate(&version_1, NULL);
    bench.machine.hal.base = (UINT64_C(1) << 44) - 0x1000;
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    cr_assert(bench.machine.device.queues[0].area[MOCK_DEVICE_AREA] < UINT64_C(1) << 44);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_go_round(&queue, 16);
    bench_end(&queue);
}

Test(queue_memory, D_LMMIO_5_a_port_that_ignores_the_limit_is_found_out)
{
    struct vpt_queue_config config = { .size = 16 };

    bench_negotiate(&version_1, NULL);
    bench.machine.hal.base = UINT64_C(1) << 44;
    bench.machine.hal.ignore_limit = true;
    bench_refuse(&config, VPT_RESOURCE_ADDRESS, false);
    bench_finish();
}

/* ---- The port's memory ---- */

VERSION_TEST(queue_memory, an_error_of_the_port_travels_unchanged)
{
    enum vpt_status error = (enum vpt_status)(VPT_PORT_ERROR_FIRST + 0x4711);
    struct vpt_queue_config config = { .size = 16, .indirect_tables = 4, .indirect_segments = 4 };

    for (uint32_t which = 1; which <= 2; which++) {
        bench_negotiate(variant, NULL);
        mock_trigger_set(&bench.machine.hal.fail_allocation, which, 0);
        bench_refuse(&config, VPT_RESOURCE_MEMORY, false);
        bench.machine.hal.fail_allocation_status = error;
        mock_trigger_set(&bench.machine.hal.fail_allocation, which, 0);
        bench_refuse(&config, error, false);
        cr_assert(bench.machine.hal.log[bench.machine.hal.log_count - 1].status == error);
        bench_finish();
    }
}

VERSION_TEST(queue_memory, a_port_without_memory_is_unsupported)
{
    struct vpt_queue_config config = { .size = 16 };
    struct mock_hal *hal = &bench.machine.hal;

    bench_negotiate(variant, NULL);
    hal->port.dma_allocate = NULL;
    bench_refuse(&config, VPT_UNSUPPORTED_PORT, false);
    cr_assert(hal->allocations == 0);
    bench_finish();
}

/* What it gave stays given: after a release, and after a set-up that fails half-way. */
VERSION_TEST(queue_memory, a_port_that_never_frees_is_enough)
{
    struct vpt_queue_config config = { .size = 16 };
    struct mock_hal *hal = &bench.machine.hal;
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    hal->port.dma_free = NULL;
    mock_trigger_set(&hal->fail_allocation, 2, UINT32_MAX);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_RESOURCE_MEMORY);
    mock_trigger_set(&hal->fail_allocation, 0, 0);
    cr_assert(all_zero(&queue, sizeof(queue)) && mock_hal_live_allocations(hal) == 1);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_go_round(&queue, 16);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_restart(&queue), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_go_round(&queue, 16);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_queue_release(&queue), VPT_OK);
    cr_assert(all_zero(&queue, sizeof(queue)) && mock_hal_live_allocations(hal) == 3 && hal->frees == 0);
    mock_hal_abandon(hal);
    bench_finish();
}

/* The port has given memory of just these sizes. */
static void assert_allocated(size_t rings, size_t indirect, size_t private_state)
{
    const struct mock_region *regions = bench.machine.hal.memory.regions;
    unsigned matched = 0;

    for (size_t i = 0; i < bench.machine.hal.memory.count; i++) {
        if (regions[i].kind == MOCK_REGION_ALLOCATION) {
            cr_assert(regions[i].size == rings || regions[i].size == indirect, "%zu", regions[i].size);
            matched++;
        } else if (regions[i].kind == MOCK_REGION_PRIVATE) {
            cr_assert(regions[i].size == private_state && regions[i].flags == VPT_DMA_PRIVATE);
            matched++;
        }
    }
    cr_assert(matched == 3);
}

VERSION_TEST(queue_memory, the_port_is_asked_for_what_the_macros_say)
{
    struct vpt_queue_config config = { .size = 32, .indirect_tables = 6, .indirect_segments = 5 };
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    assert_allocated(VPT_QUEUE_RINGS_SIZE(32, VPT_QUEUE_RINGS_ALIGNMENT), VPT_QUEUE_INDIRECT_SIZE(6, 5),
                     VPT_QUEUE_PRIVATE_SIZE(32, 6));
    bench_end(&queue);
}

/* No more tables than requests fit, and none longer than the queue (SPLIT-INDIR-3). */
VERSION_TEST(queue_memory, SPLIT_INDIR_3_tables_are_cut_to_the_queue)
{
    struct vpt_queue_config config = { .size = 4, .indirect_tables = 65535, .indirect_segments = 65535 };
    struct vpt_segment segments[5];
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    assert_allocated(VPT_QUEUE_RINGS_SIZE(4, VPT_QUEUE_RINGS_ALIGNMENT), VPT_QUEUE_INDIRECT_SIZE(4, 4),
                     VPT_QUEUE_PRIVATE_SIZE(4, 4));
    assert_status(vpt_device_start(bench.device), VPT_OK);
    for (uint32_t i = 0; i < 5; i++) {
        segments[i] = bench_segment(16 * i, 16);
    }
    assert_status(vpt_queue_add(&queue, segments, 0, 5, NULL), VPT_CALLER_TOO_LONG);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(vpt_queue_add(&queue, segments, 2, 2, NULL), VPT_OK);
    }
    assert_status(vpt_queue_add(&queue, segments, 1, 0, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    cr_assert(bench.handled == 4 && bench_last()->indirect);
    bench_end(&queue);
}

/* ---- A port that is short of memory ---- */

/* What the port has given, by kind, and its largest piece. */
struct taken {
    unsigned shared;
    unsigned private_pieces;
    size_t largest;
};

static struct taken look_at_allocations(void)
{
    const struct mock_memory *memory = &bench.machine.hal.memory;
    struct taken taken = { 0, 0, 0 };

    for (size_t i = 0; i < memory->count; i++) {
        taken.shared += memory->regions[i].kind == MOCK_REGION_ALLOCATION ? 1u : 0u;
        taken.private_pieces += memory->regions[i].kind == MOCK_REGION_PRIVATE ? 1u : 0u;
        if (memory->regions[i].kind != MOCK_REGION_REGISTERED && memory->regions[i].size > taken.largest) {
            taken.largest = memory->regions[i].size;
        }
    }
    return taken;
}

/* Smaller pieces come first, then fewer tables, then a smaller ring, which only an unnamed size allows. */
VERSION_TEST(queue_memory, SPLIT_LAYOUT_1_what_the_port_has_no_piece_for_is_taken_in_smaller_ones)
{
    enum { WIDE = sizeof(void *) == 8 }; /* the private state of 256 entries is more than a page then */
    static const struct {
        size_t most;
        uint16_t wanted;
        uint32_t size[2]; /* on the legacy interface, where the rings are one piece, and on the modern one; 0: none */
    } cases[] = {
        { 0, 0, { 256, 256 } },
        { 8192, 0, { 256, 256 } },
        { 4096, 0, { 128, WIDE ? 128 : 256 } },
        { 4096, 256, { 0, WIDE ? 0 : 256 } },
        { 4095, 0, { 128, 128 } },
        { 1024, 0, { 32, WIDE ? 32 : 64 } },
        { 300, 0, { 8, 16 } },
        { 300, 64, { 0, 0 } },
        { 200, 0, { 0, 8 } },
        { 60, 0, { 0, 0 } },
        { 60, 1, { 1, 1 } },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vpt_queue_config config = { .size = cases[i].wanted, .indirect_tables = 64, .indirect_segments = 18 };
        uint32_t size = cases[i].size[variant->version - 1u];
        struct vpt_queue queue;

        bench_negotiate(variant, NULL);
        bench.machine.hal.allocate_most = cases[i].most;
        if (size == 0) {
            bench_refuse(&config, VPT_RESOURCE_MEMORY, false);
            bench_finish();
            continue;
        }
        assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
        cr_assert(vpt_queue_size(&queue) == size, "case %zu: %u", i, (unsigned)vpt_queue_size(&queue));
        cr_assert(cases[i].most == 0 || look_at_allocations().largest <= cases[i].most);
        assert_status(vpt_device_start(bench.device), VPT_OK);
        bench_go_round(&queue, size);
        bench_end(&queue);
    }
}

/* Requests of several segments: first in the tables that there are, then as chains, all at once. */
VERSION_TEST(queue_memory, SPLIT_INDIR_3_requests_without_a_table_become_chains)
{
    static const struct {
        size_t most;
        uint64_t tables;
    } cases[] = { { 0, 16 }, { 16 * 16 * 8, 16 }, { 4 * 8 * 16, 4 }, { 4 * 8 * 16 - 1, 2 }, { 8 * 16 - 1, 0 } };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static _Alignas(4096) uint8_t rings[VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT)];
        static _Alignas(8) uint8_t state[VPT_QUEUE_PRIVATE_SIZE(64, 16)];
        struct vpt_queue_config config = { .size = 64, .indirect_tables = 16, .indirect_segments = 8 };
        struct vpt_segment segments[3] = { { 0, 0 } };
        struct vpt_queue queue;

        bench_negotiate(variant, NULL);
        config.memory.rings = mock_hal_register_anywhere(&bench.machine.hal, rings, sizeof(rings), true);
        config.memory.private_state = (struct vpt_memory){ state, 0, sizeof(state) };
        bench.machine.hal.allocate_most = cases[i].most;
        assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
        cr_assert(look_at_allocations().shared == (cases[i].tables != 0 ? 1u : 0u));
        assert_status(vpt_device_start(bench.device), VPT_OK);
        for (unsigned k = 0; k < 16; k++) {
            for (unsigned j = 0; j < 3; j++) {
                segments[j] = bench_segment((k * 3 + j) * 64, 64);
            }
            assert_status(vpt_queue_add(&queue, segments, 2, 1, NULL), VPT_OK);
        }
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        cr_assert(bench.handled == 16 && bench.machine.device.queues[0].indirect_elements == cases[i].tables);
        for (unsigned k = 0; k < 16; k++) {
            assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
        }
        bench_end(&queue);
    }
}

/* ---- Giving it back ---- */

VERSION_TEST(queue_memory, CLEANUP_2_memory_comes_back_after_a_reset_only)
{
    struct vpt_queue_config config = { .size = 16, .indirect_tables = 2, .indirect_segments = 4 };
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    for (unsigned round = 0; round < 3; round++) {
        assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_CALLER_STATE);
        assert_status(vpt_device_start(bench.device), VPT_OK);
        bench_go_round(&queue, 16);
        assert_status(vpt_queue_release(&queue), VPT_CALLER_STATE);
        cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 3);
        assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        cr_assert(all_zero(&queue, sizeof(queue)));
        cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 0);
        assert_status(vpt_queue_release(&queue), VPT_OK);
    }
    bench_finish();
}

VERSION_TEST(queue_memory, memory_of_a_device_that_vanished_in_its_reset_comes_back)
{
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_reset(bench.device), VPT_DEVICE_GONE);
    assert_status(vpt_queue_notify(&queue), VPT_DEVICE_GONE);
    assert_status(vpt_queue_kick(&queue), VPT_DEVICE_GONE);
    assert_status(vpt_queue_drain(&queue, NULL), VPT_EMPTY);
    assert_status(vpt_queue_release(&queue), VPT_OK);
    bench_finish();
}

Test(queue_memory, macros_follow_the_specification)
{
    cr_assert(VPT_QUEUE_DESCRIPTOR_AREA_SIZE(256) == 4096 && VPT_QUEUE_DRIVER_AREA_SIZE(256) == 518);
    cr_assert(VPT_QUEUE_DEVICE_AREA_SIZE(256) == 2054);
    /* QEMU's and Linux' well-known number for a legacy queue of 256: 10246 bytes. */
    cr_assert(VPT_QUEUE_RINGS_SIZE(256, 4096) == 8192 + 2054);
    cr_assert(VPT_QUEUE_RINGS_SIZE(8, 4) == 152 + 70);
    cr_assert(VPT_QUEUE_INDIRECT_SIZE(3, 5) == 240);
    cr_assert(VPT_QUEUE_SIZE_MAX == 32768);
}
