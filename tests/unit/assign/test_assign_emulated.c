/* SPDX-License-Identifier: MIT */
/* A function that a hypervisor makes up, assigned as a physical one is: port/emulated_function.h. */
#include <string.h>

#include "support.h"

#include <emulated_function.h>
#include <vpt/assign.h>

TestSuite(assign_emulated);

#define BAR_HOST  0x40000000u
#define BAR_GUEST 0xd0000000u
#define PORTS     0xc000u

static struct {
    uint8_t config[256];
    uint8_t initial[256];
    uint8_t writable[256];
    uint8_t clear[256];
    struct vpt_emulated_function function;
    struct vpt_assign_device device;
    _Alignas(8) uint8_t storage[VPT_ASSIGN_STORAGE_SIZE(256, 1, VPT_ASSIGN_REGIONS(1))];

    /* The last access. */
    bool write;
    enum vpt_assign_space space;
    uint64_t address;
    unsigned width;
    uint64_t value;
    unsigned accesses;
    unsigned resets;
    unsigned regions;
} made;

static enum vpt_status access(void *ctx, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                              uint64_t *value)
{
    cr_assert(ctx == &made);
    made.write = write;
    made.space = space;
    made.address = address;
    made.width = width;
    made.accesses++;
    if (write) {
        made.value = *value;
    } else {
        *value = made.value;
    }
    return VPT_OK;
}

static void reset(void *ctx)
{
    cr_assert(ctx == &made && memcmp(made.config, made.initial, sizeof(made.config)) == 0);
    made.resets++;
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    cr_assert(region->trapped);
    made.regions++;
    return VPT_OK;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    made.regions--;
    return VPT_OK;
}

static const struct vpt_assign_guest guest = { .map = map, .unmap = unmap };

static void put(uint8_t *bytes, unsigned offset, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

/* Registers of 4 KiB, ports, bus mastering, and a status register whose errors are cleared by a 1. */
static void make(void)
{
    memset(&made, 0, sizeof(made));
    put(made.initial, 0x00, 0x56781234);
    put(made.initial, 0x04, 0x40000003);
    put(made.initial, 0x10, BAR_HOST);
    put(made.initial, 0x14, PORTS | 1);
    put(made.writable, 0x04, 0x00000007);
    put(made.writable, 0x10, 0xfffff000);
    put(made.writable, 0x14, 0x0000ffe0);
    put(made.clear, 0x04, 0xf9000000);
    made.function = (struct vpt_emulated_function){
        .config = made.config,
        .initial = made.initial,
        .writable = made.writable,
        .clear = made.clear,
        .size = 256,
        .ctx = &made,
        .access = access,
        .reset = reset,
    };
    assert_status(vpt_emulated_init(&made.function), VPT_OK);
}

static void open_it(void)
{
    static const struct vpt_assign_trap trap = { .bar = 0, .offset = 0, .size = 0x1000 };
    struct vpt_assign_config config = {
        .host = &made.function.host,
        .traps = &trap,
        .trap_count = 1,
        .storage = made.storage,
        .storage_size = sizeof(made.storage),
        .regions = VPT_ASSIGN_REGIONS(1),
    };

    assert_status(vpt_assign_open(&made.device, &config), VPT_OK);
    cr_assert(memcmp(made.config, made.initial, sizeof(made.config)) == 0, "sizing has left something");
    assert_status(vpt_assign_acquire(&made.device, 1, &guest), VPT_OK);
}

static void write_config(uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(vpt_assign_config_write(&made.device, offset, width, value), VPT_OK);
}

static uint32_t read_config(uint16_t offset, unsigned width)
{
    uint32_t value;

    assert_status(vpt_assign_config_read(&made.device, offset, width, &value), VPT_OK);
    return value;
}

Test(assign_emulated, a_guest_uses_it)
{
    uint64_t value;

    make();
    open_it();
    write_config(0x10, 4, 0xffffffff);
    cr_assert(read_config(0x10, 4) == 0xfffff000);
    write_config(0x14, 4, 0xffffffff);
    cr_assert(read_config(0x14, 4) == 0xffffffe1);
    write_config(0x10, 4, BAR_GUEST);
    write_config(0x14, 4, 0x2000);
    write_config(0x04, 2, 7);
    cr_assert(made.config[4] == 7 && made.regions == 2);

    assert_status(vpt_assign_access_write(&made.device, VPT_ASSIGN_MEMORY, BAR_GUEST + 0x108, 8, 0x1122334455667788),
                  VPT_OK);
    cr_assert(made.write && made.space == VPT_ASSIGN_MEMORY && made.address == BAR_HOST + 0x108 && made.width == 8 &&
              made.value == 0x1122334455667788);
    assert_status(vpt_assign_access_read(&made.device, VPT_ASSIGN_MEMORY, BAR_GUEST + 4, 2, &value), VPT_OK);
    cr_assert(!made.write && made.address == BAR_HOST + 4 && made.width == 2 && value == 0x7788);
    assert_status(vpt_assign_access_write(&made.device, VPT_ASSIGN_IO, 0x2004, 4, 0xcafe), VPT_OK);
    cr_assert(made.write && made.space == VPT_ASSIGN_IO && made.address == PORTS + 4 && made.value == 0xcafe);
    assert_status(vpt_assign_access_read(&made.device, VPT_ASSIGN_IO, 0x2000, 1, &value), VPT_OK);
    cr_assert(!made.write && value == 0xfe && made.accesses == 4);
}

/* Bytes in their order, bits by their masks. */
Test(assign_emulated, registers)
{
    const struct vpt_assign_host *host = &made.function.host;
    uint32_t value;

    make();
    assert_status(host->config_read(host->ctx, 0, 4, &value), VPT_OK);
    cr_assert(value == 0x56781234);
    assert_status(host->config_read(host->ctx, 2, 2, &value), VPT_OK);
    cr_assert(value == 0x5678);
    assert_status(host->config_read(host->ctx, 1, 1, &value), VPT_OK);
    cr_assert(value == 0x12);
    assert_status(host->config_write(host->ctx, 0, 4, 0xffffffff), VPT_OK);
    cr_assert(made.config[0] == 0x34 && made.config[3] == 0x56);
    /* Of the status register only what is written as 1 is cleared. */
    assert_status(host->config_write(host->ctx, 4, 4, 0x00000005), VPT_OK);
    cr_assert(made.config[4] == 5 && made.config[7] == 0x40);
    assert_status(host->config_write(host->ctx, 7, 1, 0x40), VPT_OK);
    cr_assert(made.config[7] == 0);
    assert_status(host->config_read(host->ctx, 254, 4, &value), VPT_CALLER_RANGE);
    assert_status(host->config_read(host->ctx, 256, 1, &value), VPT_CALLER_RANGE);
    assert_status(host->config_write(host->ctx, 0, 3, 0), VPT_CALLER_RANGE);
    assert_status(host->config_write(host->ctx, 255, 2, 0), VPT_CALLER_RANGE);
}

Test(assign_emulated, is_reset)
{
    make();
    open_it();
    write_config(0x10, 4, BAR_GUEST);
    write_config(0x04, 2, 7);
    made.config[0x80] = 0x55;
    assert_status(vpt_assign_reset(&made.device), VPT_OK);
    cr_assert(made.resets == 1 && made.regions == 0 && made.config[0x80] == 0);
    cr_assert(read_config(0x04, 2) == 0 && read_config(0x10, 4) == 0);
    write_config(0x04, 2, 4);
    assert_status(vpt_assign_release(&made.device), VPT_OK);
    cr_assert(made.resets == 2 && made.config[4] == 3);
}

/* What is not said is not there. */
Test(assign_emulated, with_the_least)
{
    uint64_t wide;
    uint32_t value;

    make();
    made.function.writable = NULL;
    made.function.clear = NULL;
    made.function.access = NULL;
    made.function.reset = NULL;
    assert_status(vpt_emulated_init(&made.function), VPT_OK);
    assert_status(made.function.host.config_write(&made.function, 4, 4, 0xffffffff), VPT_OK);
    cr_assert(memcmp(made.config, made.initial, sizeof(made.config)) == 0);
    assert_status(made.function.host.memory_read(&made.function, 0, 4, &wide), VPT_UNSUPPORTED_PORT);
    assert_status(made.function.host.memory_write(&made.function, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    assert_status(made.function.host.io_read(&made.function, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(made.function.host.io_write(&made.function, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    assert_status(made.function.host.reset(&made.function, VPT_ASSIGN_RESET_BUS), VPT_UNSUPPORTED_DEVICE);
    made.config[0] = 0;
    assert_status(made.function.host.reset(&made.function, VPT_ASSIGN_RESET_DEVICE), VPT_OK);
    cr_assert(made.config[0] == 0x34);
    made.function.size = 255;
    assert_status(vpt_emulated_init(&made.function), VPT_CALLER_ARGUMENT);
    made.function.size = 256;
    made.function.config = NULL;
    assert_status(vpt_emulated_init(&made.function), VPT_CALLER_ARGUMENT);
    made.function.config = made.config;
    made.function.initial = NULL;
    assert_status(vpt_emulated_init(&made.function), VPT_CALLER_ARGUMENT);
    assert_status(vpt_emulated_init(NULL), VPT_CALLER_ARGUMENT);
}
