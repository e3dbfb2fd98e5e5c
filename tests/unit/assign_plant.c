/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "assign_plant.h"

struct plant plants[PLANTS];
uint64_t plant_time;

static struct plant *check(void *ctx)
{
    struct plant *plant = ctx;

    cr_assert(plant >= plants && plant < plants + PLANTS);
    return plant;
}

uint32_t plant_get(const struct plant *plant, uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width && offset + i < 256; i++) {
        value |= (uint32_t)plant->config[offset + i] << 8 * i;
    }
    return value;
}

void plant_set(struct plant *plant, uint16_t offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        plant->config[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

/* ---- What it does ---- */

void plant_reset(struct plant *plant, enum vpt_assign_reset_method method)
{
    plant->violations += (plant_get(plant, 4, 2) & VPT_PCI_COMMAND_BUS_MASTER) != 0;
    plant->violations += plant->mapped != 0;
    plant->violations += plant->mode != VPT_ASSIGN_INTERRUPT_NONE;
    plant->pending_at_reset = plant->pending;
    plant->pending = 0;
    memcpy(plant->config, plant->first, sizeof(plant->config));
    plant->reset = method;
    plant->resets++;
    plant->reset_time = plant_time;
    plant->silent = plant_time + plant->silence;
    plant->retry = plant->silent + plant->retries;
}

/* A function level reset takes 100 ms, a change of the power state 10. */
static void act(struct plant *plant, unsigned offset, uint8_t byte, uint8_t before)
{
    bool level_reset = offset == PLANT_PCIE + 9 && (byte & 0x80) != 0 && (plant->first[PLANT_PCIE + 7] & 0x10) != 0;
    bool advanced = offset == PLANT_AF + 4 && (byte & 1) != 0 && (plant->first[PLANT_AF + 3] & 2) != 0;

    if (level_reset || advanced) {
        plant_reset(plant, level_reset ? VPT_ASSIGN_RESET_FUNCTION : VPT_ASSIGN_RESET_ADVANCED);
        plant->busy = plant_time + 100 * MILLISECOND;
    } else if (offset == PLANT_PM + 4 && ((byte ^ before) & 3) != 0) {
        plant->violations += (byte & 3) != 0 && (byte & 3) != 3;
        if ((byte & 3) == 0 && (byte & 8) == 0) {
            plant_reset(plant, VPT_ASSIGN_RESET_POWER);
        }
        plant->busy = plant_time + 10 * MILLISECOND;
    }
}

static enum vpt_status enter(struct plant *plant, uint16_t offset, unsigned width)
{
    cr_assert((width == 1 || width == 2 || width == 4) && offset % width == 0 && offset + width <= 256);
    plant->violations += plant_time < plant->busy;
    return ++plant->accesses == plant->fail_at ? PLANT_FAILURE : VPT_OK;
}

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    struct plant *plant = check(ctx);
    enum vpt_status status = enter(plant, offset, width);
    uint32_t pending = plant->pending != 0 ? 1 : 0;

    if (status != VPT_OK) {
        return status;
    }
    plant->config[PLANT_PCIE + 0xa] = (uint8_t)((plant->config[PLANT_PCIE + 0xa] & 0xdfu) | pending << 5);
    plant->config[PLANT_AF + 5] = (uint8_t)pending;
    if ((offset & ~3u) == PLANT_PCIE + 8 || (offset & ~3u) == PLANT_AF + 4) {
        plant->pending -= pending;
    }
    *value = plant_get(plant, offset, width);
    plant->config[PLANT_PCIE + 0xa] &= 0xdf;
    plant->config[PLANT_AF + 5] = 0;
    if (plant->removed || plant_time < plant->silent) {
        *value = 0xffffffff;
    } else if (offset == 0 && plant_time < plant->retry) {
        *value = 0xffff0001;
    }
    return VPT_OK;
}

/* BARs move with decoding off. */
static void look_at(struct plant *plant, uint16_t offset)
{
    bool bar = (offset >= 0x10 && offset < 0x28) || (offset & ~3u) == 0x30;

    plant->violations += bar && (plant_get(plant, 4, 1) & 3) != 0;
}

static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    struct plant *plant = check(ctx);
    enum vpt_status status = enter(plant, offset, width);

    if (status != VPT_OK) {
        return status;
    }
    cr_assert(plant->logged < PLANT_LOG);
    plant->log[plant->logged++] = (struct plant_write){ offset, width, value, plant_get(plant, offset, 4), plant_time };
    look_at(plant, offset);
    for (unsigned i = 0; i < width && !plant->removed && plant_time >= plant->silent; i++) {
        unsigned at = offset + i;
        uint8_t byte = (uint8_t)(value >> 8 * i);
        uint8_t before = plant->config[at];
        uint8_t kept = (uint8_t)(before & ~plant->writable[at] & ~(plant->clear[at] & byte));

        plant->config[at] = (uint8_t)(kept | (byte & plant->writable[at]));
        act(plant, at, (uint8_t)((byte & ~8) | (before & 8)), before);
    }
    return VPT_OK;
}

static enum vpt_status reset(void *ctx, enum vpt_assign_reset_method method)
{
    struct plant *plant = check(ctx);

    cr_assert(method == VPT_ASSIGN_RESET_DEVICE || method == VPT_ASSIGN_RESET_BUS);
    plant->asked[method]++;
    for (unsigned i = 0; i < PLANTS && plant->answers[method] == VPT_OK; i++) {
        const struct vpt_pci_address *other = &plants[i].setup.address;

        if (&plants[i] == plant ||
            (method == VPT_ASSIGN_RESET_BUS && plants[i].setup.host != NULL &&
             other->segment == plant->setup.address.segment && other->bus == plant->setup.address.bus)) {
            plant_reset(&plants[i], method);
        }
    }
    return plant->answers[method];
}

static void delay(void *ctx, uint32_t microseconds)
{
    (void)check(ctx);
    plant_time += microseconds;
}

static enum vpt_status interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    struct plant *plant = check(ctx);

    (void)count;
    if (plant->mode_answer == VPT_OK) {
        plant->mode = mode;
    }
    return plant->mode_answer;
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    struct plant *plant = check(ctx);

    /* What is mapped is where the function decodes it. */
    cr_assert(region->bar >= 7 || (plant_get(plant, (uint16_t)(region->bar == 6 ? 0x30 : 0x10 + 4 * region->bar), 4) &
                                   ~0x7ffu) == (uint32_t)(region->host & ~(uint64_t)0x7ff));
    plant->mapped += region->bar < 7;
    return VPT_OK;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    struct plant *plant = check(ctx);

    plant->mapped -= region->bar < 7 && plant->unmap_answer == VPT_OK;
    return plant->unmap_answer;
}

/* ---- Set-up ---- */

/* A register: its bits at power-on, those that can be written, and what it holds at the open. */
struct reg {
    uint16_t offset;
    uint8_t width;
    uint32_t first;
    uint32_t writable;
    uint32_t at_open;
};

static const struct reg registers[] = {
    { 0x00, 4, 0x56781234, 0, 0 },
    { 0x04, 4, 0x00100000, 0x0547, 0x0543 },
    { 0x08, 4, 0x02000001, 0, 0 },
    { 0x0c, 4, 0, 0xffff, 0x4010 },
    { 0x10, 4, 0xc, 0xffffc000, 0xd0000000 }, /* 64-bit, 16 KiB */
    { 0x14, 4, 0, 0xffffffff, 0x00000005 },
    { 0x18, 4, 0x1, 0xffffffe0, 0xe000 },
    { 0x2c, 4, 0x0abc0def, 0, 0 },
    { 0x30, 4, 0, 0xffff0001, 0xd1000000 },
    { 0x34, 4, PLANT_PM, 0, 0 },
    { 0x3c, 4, 0x0100, 0xff, 0x0b },
    { PLANT_PM, 4, 0x00030001 | PLANT_PCIE << 8, 0, 0 },
    { PLANT_PM + 4, 4, 0x8, 0x0103, 0 },
    { PLANT_PCIE, 4, 0x00020010 | PLANT_AF << 8, 0, 0 },
    { PLANT_PCIE + 4, 4, 0x00008001, 0, 0 },
    { PLANT_PCIE + 8, 4, 0x2810, 0x7fff, 0x5936 },
    { PLANT_PCIE + 12, 4, 0x00012c11, 0, 0 },
    { PLANT_PCIE + 16, 4, 0x10110000, 0x01db, 0x0142 },
    { PLANT_PCIE + 36, 4, 0x0000001f, 0, 0 },
    { PLANT_PCIE + 40, 4, 0, 0x7fff, 0x0416 },
    { PLANT_AF, 4, 0x00060013 | PLANT_VENDOR << 8, 0, 0 },
    { PLANT_AF + 4, 4, 0, 0, 0 },
    { PLANT_VENDOR, 4, 0x00100009, 0, 0 },
    { PLANT_VENDOR + 4, 4, 0x11111111, 0xffffffff, 0x12345678 },
};

static void put(uint8_t *bytes, const struct reg *reg, uint32_t value)
{
    for (unsigned i = 0; i < reg->width; i++) {
        bytes[reg->offset + i] = (uint8_t)(value >> 8 * i);
    }
}

void plant_make(struct plant *plant, unsigned ways)
{
    memset(plant, 0, sizeof(*plant));
    for (unsigned i = 0; i < COUNT_OF(registers); i++) {
        const struct reg *reg = &registers[i];

        put(plant->first, reg, reg->first);
        put(plant->writable, reg, reg->writable);
    }
    plant->first[PLANT_PCIE + 7] = (ways & PLANT_PCIE_RESET) != 0 ? 0x10 : 0;
    plant->first[PLANT_AF + 3] =
        (uint8_t)(((ways & PLANT_AF_RESET) != 0 ? 2 : 0) | ((ways & PLANT_AF_PENDING) != 0 ? 1 : 0));
    plant->first[PLANT_PM + 4] = (ways & PLANT_POWER_RESET) != 0 ? 0 : 8;
    plant->clear[0x07] = 0xf9;
    plant->clear[PLANT_PM + 5] = 0x80;
    plant->clear[PLANT_PCIE + 0xa] = 0x0f;
    memcpy(plant->config, plant->first, sizeof(plant->config));
    for (unsigned i = 0; i < COUNT_OF(registers); i++) {
        put(plant->config, &registers[i],
            registers[i].at_open | (plant_get(plant, registers[i].offset, 4) & ~registers[i].writable));
    }
    plant->answers[VPT_ASSIGN_RESET_DEVICE] = VPT_UNSUPPORTED_DEVICE;
    plant->host = (struct vpt_assign_host){ .ctx = plant,
                                            .config_read = config_read,
                                            .config_write = config_write,
                                            .interrupts = interrupts,
                                            .reset = reset,
                                            .delay = delay };
    plant->guest = (struct vpt_assign_guest){ .ctx = plant, .map = map, .unmap = unmap };
    plant->setup = (struct vpt_assign_config){ .host = &plant->host,
                                               .storage = plant->storage,
                                               .storage_size = sizeof(plant->storage),
                                               .regions = PLANT_REGIONS };
    plant->setup.address.device = (uint8_t)(plant - plants);
}

void plant_open(struct plant *plant)
{
    assert_status(vpt_assign_open(&plant->device, &plant->setup), VPT_OK);
    memcpy(plant->at_open, plant->config, sizeof(plant->config));
    plant->accesses = 0;
    plant->logged = 0;
    plant->violations = 0;
}

uint32_t plant_guest_read(struct plant *plant, uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    assert_status(vpt_assign_config_read(&plant->device, offset, width, &value), VPT_OK);
    return value;
}

enum vpt_status plant_guest_write(struct plant *plant, uint16_t offset, unsigned width, uint32_t value)
{
    return vpt_assign_config_write(&plant->device, offset, width, value);
}

void plant_give(struct plant *plant, uint64_t owner)
{
    static const struct reg written[] = {
        { 0x0c, 2, 0, 0, 0x2008 },
        { 0x10, 4, 0, 0, 0xf0000000 },
        { 0x18, 4, 0, 0, 0xc000 },
        { 0x30, 4, 0, 0, 0xf1000001 },
        { 0x3c, 1, 0, 0, 5 },
        { PLANT_PCIE + 8, 2, 0, 0, 0x2010 },
        { PLANT_PCIE + 40, 2, 0, 0, 9 },
        { PLANT_VENDOR + 4, 4, 0, 0, 0x5555 },
        { 0x04, 2, 0, 0, 0x0107 },
    };

    assert_status(vpt_assign_acquire(&plant->device, owner, &plant->guest), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(written); i++) {
        assert_status(plant_guest_write(plant, written[i].offset, written[i].width, written[i].at_open), VPT_OK);
    }
    cr_assert(plant->mapped == 3 && plant->mode == VPT_ASSIGN_INTERRUPT_INTX && (plant_get(plant, 4, 2) & 4) != 0);
    plant->accesses = 0;
    plant->logged = 0;
}

/* ---- What to look at ---- */

const struct plant_write *plant_wrote(const struct plant *plant, uint16_t offset, unsigned n)
{
    for (unsigned i = 0; i < plant->logged; i++) {
        if (plant->log[i].offset == offset && n-- == 0) {
            return &plant->log[i];
        }
    }
    return NULL;
}

void plant_check_restored(const struct plant *plant)
{
    cr_assert(plant->violations == 0, "%u violations", plant->violations);
    for (unsigned i = 0; i < sizeof(plant->config); i++) {
        uint8_t expected = i == 4 ? plant->at_open[i] & 0xfb : plant->at_open[i];

        cr_assert(plant->config[i] == expected, "0x%02x: 0x%02x, not 0x%02x", i, plant->config[i], expected);
    }
}

void plant_check_fresh(struct plant *plant)
{
    plant_check_restored(plant);
    cr_assert(!plant->device.degraded && !plant->device.reset_needed && plant->mapped == 0);
    cr_assert(plant->mode == VPT_ASSIGN_INTERRUPT_INTX);
    cr_assert(plant_guest_read(plant, 0x04, 2) == 0 && plant_guest_read(plant, 0x0c, 2) == 0);
    cr_assert(plant_guest_read(plant, 0x10, 4) == 0xc && plant_guest_read(plant, 0x18, 4) == 1);
    cr_assert(plant_guest_read(plant, 0x30, 4) == 0 && plant_guest_read(plant, 0x3c, 1) == 0);
    assert_status(vpt_assign_check(&plant->device), VPT_OK);
}

void plant_check_quiet(const struct plant *plant)
{
    cr_assert(plant->mapped == 0 && plant->mode == VPT_ASSIGN_INTERRUPT_NONE);
    cr_assert(plant->removed || plant_time < plant->silent || (plant_get(plant, 4, 2) & 4) == 0);
    cr_assert(plant->violations == 0, "%u violations", plant->violations);
}
