/* SPDX-License-Identifier: MIT */
/* The ready-made port functions: the page pool, direct maps and shares, PCI configuration and I/O ports. */
#include <string.h>

#include "cf8.h"
#include "direct.h"
#include "ecam.h"
#include "hand.h"
#include "io_window.h"
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

Test(direct, an_identity_map)
{
    struct vpt_port_context identity = { 0 };
    struct vpt_shared shared = { 0 };
    void *mapping = NULL;

    assert_status(vpt_direct_mmio_map(&identity, 0x10001000, 0x200, VPT_MAP_REGISTERS, &mapping), VPT_OK);
    cr_assert(mapping == (void *)0x10001000);
    assert_status(vpt_direct_share(&identity, bytes, 100, VPT_DEVICE_READS, false, &shared), VPT_OK);
    cr_assert(shared.device_address == (uintptr_t)bytes && shared.size == 100);
    assert_status(vpt_direct_mmio_map(&identity, 0x10001000, 0, VPT_MAP_REGISTERS, &mapping), VPT_DIRECT_NOT_MAPPED);
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
    assert_status(vpt_direct_mmio_map(&half, sizeof(bytes) - 8, 9, VPT_MAP_REGISTERS, &mapping), VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_mmio_map(&half, sizeof(bytes), 1, VPT_MAP_REGISTERS, &mapping), VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_share(&half, bytes + 16, 64, VPT_DEVICE_WRITES, false, &shared), VPT_OK);
    cr_assert(shared.device_address == 16 && shared.size == 64);
    assert_status(vpt_direct_share(&half, &pool, 64, VPT_DEVICE_WRITES, false, &shared), VPT_DIRECT_NOT_MAPPED);
    assert_status(vpt_direct_share(&half, bytes + 16, sizeof(bytes), VPT_DEVICE_WRITES, false, &shared),
                  VPT_DIRECT_NOT_MAPPED);
}

/* ---- PCI configuration by CF8/CFC ---- */

#define PORTS_MAX 16u

/* What goes over the ports, locks among it, and what the data port answers. */
static struct {
    struct vpt_port_context context; /* first: what the functions under test are given */
    struct {
        char what; /* r, w, or of the lock: l, u */
        uint16_t io_port;
        unsigned width;
        uint32_t value;
    } seen[PORTS_MAX];
    unsigned count;
    uint32_t answer;
} ports;

static void saw(void *ctx, char what, uint16_t io_port, unsigned width, uint32_t value)
{
    cr_assert(ctx == &ports && ports.count < PORTS_MAX);
    ports.seen[ports.count].what = what;
    ports.seen[ports.count].io_port = io_port;
    ports.seen[ports.count].width = width;
    ports.seen[ports.count].value = value;
    ports.count++;
}

static uint32_t ports_read(void *ctx, uint16_t io_port, unsigned width)
{
    saw(ctx, 'r', io_port, width, 0);
    return ports.answer;
}

static void ports_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    saw(ctx, 'w', io_port, width, value);
}

static void ports_lock(void *ctx)
{
    saw(ctx, 'l', 0, 0, 0);
}

static void ports_unlock(void *ctx)
{
    saw(ctx, 'u', 0, 0, 0);
}

static void assert_seen(unsigned index, char what, uint16_t io_port, unsigned width, uint32_t value)
{
    cr_assert(index < ports.count);
    cr_assert(ports.seen[index].what == what && ports.seen[index].io_port == io_port &&
                  ports.seen[index].width == width && ports.seen[index].value == value,
              "access %u: %c 0x%x width %u value 0x%x", index, ports.seen[index].what, ports.seen[index].io_port,
              ports.seen[index].width, ports.seen[index].value);
}

static void name_ports(void)
{
    memset(&ports, 0, sizeof(ports));
    ports.context.cf8_io_read = ports_read;
    ports.context.cf8_io_write = ports_write;
}

Test(cf8, an_access_is_an_address_and_its_bytes_of_the_data_port)
{
    static const struct {
        struct vpt_pci_address address;
        uint16_t offset;
        unsigned width;
        uint32_t selects;
        uint16_t io_port;
    } cases[] = {
        { { 0, 0, 5, 0 }, 0x06, 2, 0x80002804, 0xcfe },    { { 0, 0, 0, 0 }, 0x00, 4, 0x80000000, 0xcfc },
        { { 0, 255, 31, 7 }, 0xff, 1, 0x80fffffc, 0xcff }, { { 0, 0x12, 3, 1 }, 0x3d, 1, 0x8012193c, 0xcfd },
        { { 0, 1, 0, 6 }, 0xfc, 4, 0x800106fc, 0xcfc },    { { 0, 0, 1, 0 }, 0x04, 2, 0x80000804, 0xcfc },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t value = 0;

        name_ports();
        ports.answer = 0x5a + (uint32_t)i;
        assert_status(vpt_cf8_config_read(&ports, &cases[i].address, cases[i].offset, cases[i].width, &value), VPT_OK);
        assert_status(vpt_cf8_config_write(&ports, &cases[i].address, cases[i].offset, cases[i].width, 0x77), VPT_OK);
        cr_assert(value == ports.answer && ports.count == 4);
        assert_seen(0, 'w', 0xcf8, 4, cases[i].selects);
        assert_seen(1, 'r', cases[i].io_port, cases[i].width, 0);
        assert_seen(2, 'w', 0xcf8, 4, cases[i].selects);
        assert_seen(3, 'w', cases[i].io_port, cases[i].width, 0x77);
    }
}

Test(cf8, the_lock_is_held_around_both_halves)
{
    static const struct vpt_pci_address address = { 0, 0, 2, 0 };
    uint32_t value;

    name_ports();
    ports.context.cf8_lock = ports_lock;
    ports.context.cf8_unlock = ports_unlock;
    assert_status(vpt_cf8_config_read(&ports, &address, 0, 4, &value), VPT_OK);
    assert_status(vpt_cf8_config_write(&ports, &address, 4, 2, 6), VPT_OK);
    cr_assert(ports.count == 8);
    for (unsigned first = 0; first < 8; first += 4) {
        assert_seen(first, 'l', 0, 0, 0);
        cr_assert(ports.seen[first + 1].io_port == 0xcf8 && ports.seen[first + 2].io_port == 0xcfc);
        assert_seen(first + 3, 'u', 0, 0, 0);
    }
}

Test(cf8, what_the_pair_cannot_reach_is_absent)
{
    static const struct {
        struct vpt_pci_address address;
        uint16_t offset;
    } cases[] = {
        { { 1, 0, 0, 0 }, 0 },  { { 0, 0, 0, 0 }, 0x100 }, { { 0, 0, 0, 0 }, 0xffc },
        { { 0, 0, 32, 0 }, 0 }, { { 0, 0, 0, 8 }, 0 },
    };

    name_ports();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            uint32_t value = 0;

            assert_status(vpt_cf8_config_read(&ports, &cases[i].address, cases[i].offset, width, &value), VPT_OK);
            cr_assert(value == (width == 4 ? 0xffffffff : (1u << (8 * width)) - 1), "0x%x", value);
            assert_status(vpt_cf8_config_write(&ports, &cases[i].address, cases[i].offset, width, 0), VPT_OK);
        }
    }
    cr_assert(ports.count == 0, "nobody else's registers are touched");
}

Test(cf8, a_context_without_io_functions)
{
    static const struct vpt_pci_address address = { 0, 0, 0, 0 };
    uint32_t value;

    name_ports();
    ports.context.cf8_io_read = NULL;
    assert_status(vpt_cf8_config_read(&ports, &address, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_cf8_config_write(&ports, &address, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    name_ports();
    ports.context.cf8_io_write = NULL;
    assert_status(vpt_cf8_config_read(&ports, &address, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_cf8_config_write(&ports, &address, 0, 4, 0), VPT_UNSUPPORTED_PORT);
}

/* ---- PCI configuration in memory ---- */

#define ECAM_FIRST_BUS 0x40u
#define ECAM_BUSES     2u

/* A byte more than the space: a write past it would be seen. */
static _Alignas(4096) uint8_t space[(ECAM_BUSES << 20) + 4];

static const struct vpt_port_context ecam = {
    .ecam = space,
    .ecam_segment = 3,
    .ecam_first_bus = ECAM_FIRST_BUS,
    .ecam_last_bus = ECAM_FIRST_BUS + ECAM_BUSES - 1,
};

/* The port's ctx is not const, though the functions change nothing behind it. */
static enum vpt_status ecam_read(struct vpt_port_context context, const struct vpt_pci_address *address,
                                 uint16_t offset, unsigned width, uint32_t *value)
{
    return vpt_ecam_config_read(&context, address, offset, width, value);
}

static enum vpt_status ecam_write(struct vpt_port_context context, const struct vpt_pci_address *address,
                                  uint16_t offset, unsigned width, uint32_t value)
{
    return vpt_ecam_config_write(&context, address, offset, width, value);
}

Test(ecam, an_access_is_one_of_the_function_s_little_endian_bytes)
{
    static const struct {
        struct vpt_pci_address address;
        uint16_t offset;
        size_t place;
    } cases[] = {
        { { 3, ECAM_FIRST_BUS, 0, 0 }, 0, 0 },
        { { 3, ECAM_FIRST_BUS, 5, 0 }, 4, 0x28004 },
        { { 3, ECAM_FIRST_BUS, 31, 7 }, 0xffc, 0xffffc },
        { { 3, ECAM_FIRST_BUS + 1, 2, 3 }, 0x100, 0x113100 },
        { { 3, ECAM_FIRST_BUS + 1, 31, 7 }, 0xffc, 0x1ffffc },
    };
    static const uint8_t bytes_there[] = { 0x11, 0x22, 0x93, 0xf4 };
    static const uint32_t values[] = { 0, 0x11, 0x2211, 0, 0xf4932211 };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            uint8_t *there = space + cases[i].place;
            uint32_t value = 0;

            memset(space, 0xcc, sizeof(space));
            memcpy(there, bytes_there, 4);
            assert_status(ecam_read(ecam, &cases[i].address, cases[i].offset, width, &value), VPT_OK);
            cr_assert(value == values[width], "case %zu width %u: 0x%x", i, width, value);
            memset(there, 0xcc, 4);
            assert_status(ecam_write(ecam, &cases[i].address, cases[i].offset, width, values[width]), VPT_OK);
            cr_assert(memcmp(there, bytes_there, width) == 0, "case %zu width %u", i, width);
            memset(there, 0xcc, width);
            cr_assert(memcmp(space, space + 1, sizeof(space) - 1) == 0 && space[0] == 0xcc, "nothing else");
        }
    }
}

Test(ecam, what_is_outside_the_mapping_is_absent)
{
    static const struct {
        struct vpt_pci_address address;
        uint16_t offset;
    } cases[] = {
        { { 0, ECAM_FIRST_BUS, 0, 0 }, 0 },
        { { 3, ECAM_FIRST_BUS - 1, 31, 7 }, 0 },
        { { 3, 0, 0, 0 }, 0 },
        { { 3, ECAM_FIRST_BUS + ECAM_BUSES, 0, 0 }, 0 },
        { { 3, ECAM_FIRST_BUS, 32, 0 }, 0 },
        { { 3, ECAM_FIRST_BUS, 0, 8 }, 0 },
        { { 3, ECAM_FIRST_BUS, 0, 0 }, 0x1000 },
    };
    struct vpt_port_context unmapped = ecam;

    unmapped.ecam = NULL;
    memset(space, 0x5c, sizeof(space));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            uint32_t all_ones = width == 4 ? 0xffffffff : (1u << (8 * width)) - 1;
            uint32_t value = 0;

            assert_status(ecam_read(ecam, &cases[i].address, cases[i].offset, width, &value), VPT_OK);
            cr_assert(value == all_ones, "case %zu: 0x%x", i, value);
            assert_status(ecam_write(ecam, &cases[i].address, cases[i].offset, width, 0), VPT_OK);
        }
    }
    for (unsigned width = 1; width <= 4; width *= 2) {
        static const struct vpt_pci_address address = { 3, ECAM_FIRST_BUS, 1, 0 };
        uint32_t value = 0;

        assert_status(ecam_read(unmapped, &address, 0, width, &value), VPT_OK);
        cr_assert(value == (width == 4 ? 0xffffffff : (1u << (8 * width)) - 1));
        assert_status(ecam_write(unmapped, &address, 0, width, 0), VPT_OK);
    }
    cr_assert(space[0] == 0x5c && memcmp(space, space + 1, sizeof(space) - 1) == 0);
}

/* ---- I/O ports in memory ---- */

Test(io_window, a_port_is_its_little_endian_bytes)
{
    struct vpt_port_context window = { .io_window = bytes, .io_window_size = 65536 };
    static const uint16_t places[] = { 0, 0xc014, 0xfffc };
    static const uint8_t bytes_there[] = { 0x81, 0x02, 0x03, 0xe4 };
    static const uint32_t values[] = { 0, 0x81, 0x0281, 0, 0xe4030281 };

    cr_assert(sizeof(bytes) == window.io_window_size);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            memset(bytes, 0xcc, sizeof(bytes));
            memcpy(bytes + places[i], bytes_there, 4);
            cr_assert(vpt_io_window_read(&window, places[i], width) == values[width]);
            memset(bytes + places[i], 0xcc, 4);
            vpt_io_window_write(&window, places[i], width, values[width]);
            cr_assert(memcmp(bytes + places[i], bytes_there, width) == 0);
            memset(bytes + places[i], 0xcc, width);
            cr_assert(memcmp(bytes, bytes + 1, sizeof(bytes) - 1) == 0 && bytes[0] == 0xcc, "nothing else");
        }
        bytes[places[i] + 3] = 0x13; /* the ISR status of a legacy device, say */
        cr_assert(vpt_io_window_read(&window, (uint16_t)(places[i] + 3), 1) == 0x13);
    }
}

Test(io_window, ports_outside_it_are_absent)
{
    struct vpt_port_context window = { .io_window = bytes, .io_window_size = 0x1002 };
    struct vpt_port_context none = { 0 };

    memset(bytes, 0x5c, sizeof(bytes));
    cr_assert(vpt_io_window_read(&window, 0x1000, 2) == 0x5c5c);
    cr_assert(vpt_io_window_read(&window, 0x1000, 4) == 0xffffffff, "not a part of it");
    cr_assert(vpt_io_window_read(&window, 0x1002, 1) == 0xff);
    cr_assert(vpt_io_window_read(&window, 0xffff, 1) == 0xff);
    cr_assert(vpt_io_window_read(&none, 4, 2) == 0xffff);
    vpt_io_window_write(&window, 0x1000, 4, 0);
    vpt_io_window_write(&window, 0x1002, 1, 0);
    vpt_io_window_write(&none, 4, 1, 0);
    cr_assert(bytes[0] == 0x5c && memcmp(bytes, bytes + 1, sizeof(bytes) - 1) == 0);
}
