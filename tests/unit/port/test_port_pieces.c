/* SPDX-License-Identifier: MIT */
/* The ready-made port functions: the page pool, direct maps and shares, PCI configuration and I/O ports. */
#include <stdio.h>
#include <string.h>

#include "cf8.h"
#include "direct.h"
#include "ecam.h"
#include "hand.h"
#include "io_window.h"
#include "page_pool.h"

#define PAGE  VPT_PAGE_POOL_PAGE_SIZE
#define PAGES 16u
#define ALL   UINT64_MAX

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

static void release(struct vpt_memory *memory)
{
    vpt_page_pool_dma_free(&context, memory, 0);
}

Test(page_pool, memory_is_zeroed_aligned_and_apart)
{
    static const size_t sizes[] = { 1, 4095, 4096, 4097, 12289, 2 };
    struct vpt_memory memory[COUNT_OF(sizes)];
    size_t end = 0;

    make_pool(PAGES, POOL_ADDRESS);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_status(allocate(sizes[i], 4096, ALL, &memory[i]), VPT_OK);
        assert_same(memory[i].size, sizes[i]);
        cr_assert((uint8_t *)memory[i].address == bytes + end); /* first fit */
        assert_same(memory[i].device_address, POOL_ADDRESS + end);
        cr_assert(all_zero(memory[i].address, sizes[i]));
        memset(memory[i].address, 0x77, sizes[i]);
        end += (sizes[i] + PAGE - 1) / PAGE * PAGE;
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_same(((uint8_t *)memory[i].address)[sizes[i] - 1], 0x77);
    }
}

Test(page_pool, what_is_freed_is_given_again)
{
    struct vpt_memory memory[PAGES];
    struct vpt_memory more;

    make_pool(PAGES, POOL_ADDRESS);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < PAGES; i++) {
            assert_status(allocate(PAGE, 16, ALL, &memory[i]), VPT_OK);
        }
        assert_status(allocate(1, 1, ALL, &more), VPT_RESOURCE_MEMORY);
        release(&memory[5]);
        assert_status(allocate(PAGE + 1, 1, ALL, &more), VPT_RESOURCE_MEMORY);
        release(&memory[6]);
        memset(memory[5].address, 0x99, PAGE);
        assert_status(allocate(PAGE + 1, 1, ALL, &more), VPT_OK);
        cr_assert(more.address == memory[5].address && all_zero(more.address, 2 * PAGE));
        memory[5] = more;
        for (unsigned i = 0; i < PAGES; i++) {
            if (i != 6) {
                release(&memory[i]);
            }
        }
    }
    assert_status(allocate(sizeof(bytes), 1, ALL, &more), VPT_OK);
}

static void check_allocate(const char *row, size_t size, uint64_t limit, enum vpt_status status)
{
    struct vpt_memory memory;

    make_pool(PAGES, POOL_ADDRESS);
    assert_status_of(row, allocate(size, 1, limit, &memory), status);
}

Test(page_pool, sizes_and_limits_are_kept)
{
    check_allocate("before the pool:", 16, POOL_ADDRESS - 1, VPT_RESOURCE_MEMORY);
    check_allocate("its first byte:", 16, POOL_ADDRESS, VPT_RESOURCE_MEMORY);
    check_allocate("a byte too few:", 16, POOL_ADDRESS + 14, VPT_RESOURCE_MEMORY);
    check_allocate("just enough:", 16, POOL_ADDRESS + 15, VPT_OK);
    check_allocate("all but a byte:", sizeof(bytes), POOL_ADDRESS + sizeof(bytes) - 2, VPT_RESOURCE_MEMORY);
    check_allocate("all:", sizeof(bytes), POOL_ADDRESS + sizeof(bytes) - 1, VPT_OK);
    check_allocate("nothing:", 0, ALL, VPT_RESOURCE_MEMORY);
    check_allocate("more than all:", sizeof(bytes) + 1, ALL, VPT_RESOURCE_MEMORY);
    check_allocate("the largest size:", SIZE_MAX, ALL, VPT_RESOURCE_MEMORY);
}

Test(page_pool, a_free_of_what_is_not_the_pool_s_changes_nothing)
{
    struct vpt_memory memory;

    make_pool(1, POOL_ADDRESS);
    assert_status(allocate(PAGE, 1, ALL, &memory), VPT_OK);
    release(&(struct vpt_memory){ memory.address, memory.device_address - PAGE, PAGE });
    release(&(struct vpt_memory){ memory.address, memory.device_address + PAGE, PAGE });
    release(&(struct vpt_memory){ memory.address, memory.device_address, 2 * PAGE });
    release(&(struct vpt_memory){ memory.address, memory.device_address + 16, PAGE });
    assert_status(allocate(PAGE, 1, ALL, &memory), VPT_RESOURCE_MEMORY);
}

Test(page_pool, a_pool_of_unsuitable_memory_is_empty)
{
    static const struct vpt_memory unsuitable[] = {
        { NULL, POOL_ADDRESS, 4 * PAGE },
        { bytes, POOL_ADDRESS, PAGE - 1 },
        { bytes, POOL_ADDRESS, 0 },
        { bytes + 16, POOL_ADDRESS, 4 * PAGE },
        { bytes, POOL_ADDRESS + 16, 4 * PAGE },
        { bytes, UINT64_MAX - PAGE + 1, 2 * PAGE },
    };
    struct vpt_memory broken = { bytes, POOL_ADDRESS, 2 * PAGE + 100 };
    struct vpt_memory memory;

    for (size_t i = 0; i < COUNT_OF(unsuitable); i++) {
        memset(&pool, 0xff, sizeof(pool));
        assert_status(vpt_page_pool_init(&pool, &unsuitable[i]), VPT_CALLER_MEMORY);
        assert_status(allocate(1, 1, ALL, &memory), VPT_RESOURCE_MEMORY);
    }
    assert_status(vpt_page_pool_init(&pool, &broken), VPT_OK);
    assert_status(allocate(2 * PAGE + 1, 1, ALL, &memory), VPT_RESOURCE_MEMORY);
    assert_status(allocate(2 * PAGE, 1, ALL, &memory), VPT_OK);
}

/* All its memory is from the pool, on a port without anything else. */
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
        hand.used = bytes + VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT) - VPT_QUEUE_DEVICE_AREA_SIZE(64);
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

/* What a map and a share come to; 0: VPT_DIRECT_NOT_MAPPED. */
static uint64_t map(struct vpt_port_context *which, uint64_t address, size_t size)
{
    void *mapping = NULL;
    enum vpt_status status = vpt_direct_mmio_map(which, address, size, VPT_MAP_REGISTERS, &mapping);

    assert_status(status, mapping != NULL ? VPT_OK : VPT_DIRECT_NOT_MAPPED);
    return (uintptr_t)mapping;
}

static uint64_t share(struct vpt_port_context *which, void *address, size_t size)
{
    struct vpt_shared shared = { 0 };
    enum vpt_status status = vpt_direct_share(which, address, size, VPT_DEVICE_READS, false, &shared);

    assert_status(vpt_direct_share(which, address, size, VPT_DEVICE_WRITES, false, &shared), status);
    assert_status(status, shared.size != 0 ? VPT_OK : VPT_DIRECT_NOT_MAPPED);
    assert_same(shared.size, status == VPT_OK ? size : 0);
    return shared.device_address;
}

Test(direct, an_identity_map_reaches_all)
{
    struct vpt_port_context identity = { 0 };

    assert_same(map(&identity, 0x10001000, 0x200), 0x10001000);
    assert_same(map(&identity, 0x10001000, 0), 0);
    assert_same(map(&identity, UINT64_MAX - 0xff, 0x101), 0);
    assert_same(share(&identity, bytes, 100), (uintptr_t)bytes);
    assert_same(share(&identity, bytes, 0), 0);
    assert_same(vpt_status_group(VPT_DIRECT_NOT_MAPPED), VPT_GROUP_PORT);
}

Test(direct, a_higher_half_map_reaches_what_it_maps)
{
    uintptr_t base = (uintptr_t)bytes;
    struct vpt_port_context half = { .map_offset = base, .map_last = sizeof(bytes) - 1 };

    assert_same(map(&half, 0x100, 0x200), base + 0x100);
    assert_same(map(&half, sizeof(bytes) - 8, 8), base + sizeof(bytes) - 8);
    assert_same(map(&half, sizeof(bytes) - 8, 9), 0);
    assert_same(map(&half, sizeof(bytes), 1), 0);
    assert_same(share(&half, bytes + 16, 64), 16);
    assert_same(share(&half, &pool, 64), 0);
    assert_same(share(&half, bytes + 16, sizeof(bytes)), 0);
}

/* ---- PCI configuration by CF8/CFC ---- */

static const char *row_of(const struct vpt_pci_address *address, unsigned offset)
{
    static char row[40];

    (void)snprintf(row, sizeof(row), "%x:%x:%x.%x at 0x%x:", address->segment, address->bus, address->device,
                   address->function, offset);
    return row;
}

/* Whatever the width, all ones are read there, and a write has no effect. */
static void check_absent(const struct vpt_port *port, struct vpt_pci_address address, uint16_t offset)
{
    for (unsigned width = 1; width <= 4; width *= 2) {
        uint32_t value = 0;

        assert_status(port->config_read(port->ctx, &address, offset, width, &value), VPT_OK);
        assert_same_of(row_of(&address, offset), value, width == 4 ? 0xffffffff : (1u << (8 * width)) - 1);
        assert_status(port->config_write(port->ctx, &address, offset, width, 0), VPT_OK);
    }
}

/* What goes over the ports, locks among it, as a text. The functions under test are given the context. */
static struct {
    struct vpt_port_context context;
    char seen[256];
} ports;

static void saw(void *ctx, const char *format, unsigned width, uint16_t io_port, uint32_t value)
{
    size_t length = strlen(ports.seen);

    cr_assert(ctx == &ports && length + 32 < sizeof(ports.seen));
    (void)snprintf(ports.seen + length, sizeof(ports.seen) - length, format, width, io_port, (unsigned)value);
}

static uint32_t ports_read(void *ctx, uint16_t io_port, unsigned width)
{
    saw(ctx, "r%u %x, ", width, io_port, 0);
    return 0x5a;
}

static void ports_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    saw(ctx, "w%u %x=%x, ", width, io_port, value);
}

static void ports_lock(void *ctx)
{
    saw(ctx, "lock, ", 0, 0, 0);
}

static void ports_unlock(void *ctx)
{
    saw(ctx, "unlock, ", 0, 0, 0);
}

static void name_ports(bool locked)
{
    memset(&ports, 0, sizeof(ports));
    ports.context.cf8_io_read = ports_read;
    ports.context.cf8_io_write = ports_write;
    ports.context.cf8_lock = locked ? ports_lock : NULL;
    ports.context.cf8_unlock = locked ? ports_unlock : NULL;
}

/* What goes over the ports for a read and for a write of 0x77. */
static void check_cf8(bool locked, struct vpt_pci_address address, uint16_t offset, unsigned width,
                      const char *expected)
{
    uint32_t value = 0;

    name_ports(locked);
    assert_status(vpt_cf8_config_read(&ports, &address, offset, width, &value), VPT_OK);
    assert_same_of(expected, value, 0x5a);
    assert_status(vpt_cf8_config_write(&ports, &address, offset, width, 0x77), VPT_OK);
    cr_assert(strcmp(ports.seen, expected) == 0, "%s not %s", ports.seen, expected);
}

Test(cf8, an_access_is_an_address_and_its_bytes_of_the_data_port)
{
    static const struct vpt_pci_address last = { 0, 255, 31, 7 };
    static const struct vpt_pci_address some = { 0, 0x12, 3, 1 };

    check_cf8(false, last, 0xff, 1, "w4 cf8=80fffffc, r1 cff, w4 cf8=80fffffc, w1 cff=77, ");
    check_cf8(false, last, 0x00, 4, "w4 cf8=80ffff00, r4 cfc, w4 cf8=80ffff00, w4 cfc=77, ");
    check_cf8(false, some, 0x3d, 1, "w4 cf8=8012193c, r1 cfd, w4 cf8=8012193c, w1 cfd=77, ");
    check_cf8(false, some, 0x06, 2, "w4 cf8=80121904, r2 cfe, w4 cf8=80121904, w2 cfe=77, ");
    check_cf8(false, some, 0xfc, 4, "w4 cf8=801219fc, r4 cfc, w4 cf8=801219fc, w4 cfc=77, ");
    check_cf8(true, some, 0x04, 2, "lock, w4 cf8=80121904, r2 cfc, unlock, lock, w4 cf8=80121904, w2 cfc=77, unlock, ");
}

/* Nobody else's registers are touched. */
Test(cf8, what_the_pair_cannot_reach_is_absent)
{
    const struct vpt_port port = { .ctx = &ports,
                                   .config_read = vpt_cf8_config_read,
                                   .config_write = vpt_cf8_config_write };

    name_ports(false);
    check_absent(&port, (struct vpt_pci_address){ 1, 0, 0, 0 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 0, 0, 0, 0 }, 0x100);
    check_absent(&port, (struct vpt_pci_address){ 0, 0, 0, 0 }, 0xffc);
    check_absent(&port, (struct vpt_pci_address){ 0, 0, 32, 0 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 0, 0, 0, 8 }, 0);
    cr_assert(ports.seen[0] == '\0', "%s", ports.seen);
}

Test(cf8, a_context_without_io_functions_is_no_port)
{
    static const struct vpt_pci_address function_0 = { 0, 0, 0, 0 };
    uint32_t value;

    for (unsigned missing = 0; missing < 2; missing++) {
        name_ports(false);
        ports.context.cf8_io_read = missing == 0 ? NULL : ports_read;
        ports.context.cf8_io_write = missing == 1 ? NULL : ports_write;
        assert_status(vpt_cf8_config_read(&ports, &function_0, 0, 4, &value), VPT_UNSUPPORTED_PORT);
        assert_status(vpt_cf8_config_write(&ports, &function_0, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    }
}

/* ---- Bytes in memory ---- */

/* The little-endian bytes of the values of each width. */
static const uint8_t register_bytes[] = { 0x11, 0x22, 0x93, 0xf4 };
static const uint32_t register_values[] = { 0, 0x11, 0x2211, 0, 0xf4932211 };

static void fill_around(uint8_t *memory, size_t size, size_t place, size_t count)
{
    memset(memory, 0xcc, size);
    memcpy(memory + place, register_bytes, count);
}

/* A write of `width` bytes has left these there, and all else as it was. */
static void check_around(const uint8_t *memory, size_t size, size_t place, unsigned width)
{
    for (size_t i = 0; i < size; i++) {
        bool inside = i >= place && i < place + width;

        cr_assert(memory[i] == (inside ? register_bytes[i - place] : 0xcc), "byte 0x%zx is 0x%x", i, memory[i]);
    }
}

#define ECAM_FIRST_BUS 0x40u
#define ECAM_BUSES     2u

/* A byte more than the space: a write past it would be seen. */
static _Alignas(4096) uint8_t space[(ECAM_BUSES << 20) + 4];

static struct vpt_port_context ecam = {
    .ecam = space,
    .ecam_segment = 3,
    .ecam_first_bus = ECAM_FIRST_BUS,
    .ecam_last_bus = ECAM_FIRST_BUS + ECAM_BUSES - 1,
};

/* In each width, at this place of the space and nowhere else. */
static void check_ecam(struct vpt_pci_address address, uint16_t offset, size_t place)
{
    for (unsigned width = 1; width <= 4; width *= 2) {
        uint32_t value = 0;

        fill_around(space, sizeof(space), place, 4);
        assert_status(vpt_ecam_config_read(&ecam, &address, offset, width, &value), VPT_OK);
        assert_same_of(row_of(&address, offset), value, register_values[width]);
        fill_around(space, sizeof(space), 0, 0);
        assert_status(vpt_ecam_config_write(&ecam, &address, offset, width, value), VPT_OK);
        check_around(space, sizeof(space), place, width);
    }
}

Test(ecam, an_access_is_one_of_the_function_s_little_endian_bytes)
{
    check_ecam((struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 0, 0 }, 0, 0);
    check_ecam((struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 5, 0 }, 4, 0x28004);
    check_ecam((struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 31, 7 }, 0xffc, 0xffffc);
    check_ecam((struct vpt_pci_address){ 3, ECAM_FIRST_BUS + 1, 2, 3 }, 0x100, 0x113100);
    check_ecam((struct vpt_pci_address){ 3, ECAM_FIRST_BUS + 1, 31, 7 }, 0xffc, 0x1ffffc);
}

Test(ecam, what_is_outside_the_mapping_is_absent)
{
    struct vpt_port_context unmapped = ecam;
    struct vpt_port port = { .ctx = &ecam, .config_read = vpt_ecam_config_read, .config_write = vpt_ecam_config_write };

    fill_around(space, sizeof(space), 0, 0);
    check_absent(&port, (struct vpt_pci_address){ 0, ECAM_FIRST_BUS, 0, 0 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 3, ECAM_FIRST_BUS - 1, 31, 7 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 3, 0, 0, 0 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 3, ECAM_FIRST_BUS + ECAM_BUSES, 0, 0 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 32, 0 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 0, 8 }, 0);
    check_absent(&port, (struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 0, 0 }, 0x1000);
    unmapped.ecam = NULL;
    port.ctx = &unmapped;
    check_absent(&port, (struct vpt_pci_address){ 3, ECAM_FIRST_BUS, 1, 0 }, 0);
    check_around(space, sizeof(space), 0, 0);
}

/* ---- I/O ports in memory ---- */

Test(io_window, a_port_is_its_little_endian_bytes)
{
    struct vpt_port_context window = { .io_window = bytes, .io_window_size = 65536 };
    static const uint16_t places[] = { 0, 0xc014, 0xfffc };

    assert_same(sizeof(bytes), window.io_window_size);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            fill_around(bytes, sizeof(bytes), places[i], 4);
            assert_same(vpt_io_window_read(&window, places[i], width), register_values[width]);
            assert_same(vpt_io_window_read(&window, (uint16_t)(places[i] + 3), 1), 0xf4);
            fill_around(bytes, sizeof(bytes), 0, 0);
            vpt_io_window_write(&window, places[i], width, register_values[width]);
            check_around(bytes, sizeof(bytes), places[i], width);
        }
    }
}

Test(io_window, ports_outside_it_are_absent)
{
    struct vpt_port_context window = { .io_window = bytes, .io_window_size = 0x1002 };
    struct vpt_port_context none = { 0 };

    fill_around(bytes, sizeof(bytes), 0, 0);
    assert_same(vpt_io_window_read(&window, 0x1000, 2), 0xcccc);
    assert_same(vpt_io_window_read(&window, 0x1000, 4), 0xffffffff); /* not a part of it */
    assert_same(vpt_io_window_read(&window, 0x1002, 1), 0xff);
    assert_same(vpt_io_window_read(&window, 0xffff, 1), 0xff);
    assert_same(vpt_io_window_read(&none, 4, 2), 0xffff);
    vpt_io_window_write(&window, 0x1000, 4, 0);
    vpt_io_window_write(&window, 0x1002, 1, 0);
    vpt_io_window_write(&none, 4, 1, 0);
    check_around(bytes, sizeof(bytes), 0, 0);
}
