/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "assign_desk.h"

struct desk desk;

/* ---- The host ---- */

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    (void)ctx;
    *value = 0;
    if (desk.config_fails) {
        return DESK_FAILURE;
    }
    for (unsigned i = 0; i < width; i++) {
        *value |= (uint32_t)(desk.removed ? 0xff : desk.config[offset + i]) << 8 * i;
    }
    return VPT_OK;
}

static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    if (desk.config_fails) {
        return DESK_FAILURE;
    }
    desk.config_writes++;
    for (unsigned i = 0; i < width && !desk.removed; i++) {
        desk.config[offset + i] = (uint8_t)(value >> 8 * i);
    }
    return VPT_OK;
}

static enum vpt_status accessed(bool io, uint64_t address, unsigned width)
{
    desk.accesses++;
    desk.access_io = io;
    desk.accessed = address;
    desk.access_width = width;
    return desk.access_fails ? DESK_FAILURE : VPT_OK;
}

static enum vpt_status memory_read(void *ctx, uint64_t address, unsigned width, uint64_t *value)
{
    (void)ctx;
    *value = desk.access_value;
    return accessed(false, address, width);
}

static enum vpt_status memory_write(void *ctx, uint64_t address, unsigned width, uint64_t value)
{
    (void)ctx;
    desk.access_value = value;
    return accessed(false, address, width);
}

static enum vpt_status io_read(void *ctx, uint16_t io_port, unsigned width, uint32_t *value)
{
    (void)ctx;
    *value = (uint32_t)desk.access_value;
    return accessed(true, io_port, width);
}

static enum vpt_status io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    (void)ctx;
    desk.access_value = value;
    return accessed(true, io_port, width);
}

/* ---- The guest ---- */

static bool same(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->guest == b->guest && a->host == b->host && a->size == b->size && a->space == b->space &&
           a->bar == b->bar && a->trapped == b->trapped;
}

static bool overlap(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->space == b->space && a->guest <= b->guest + (b->size - 1) && b->guest <= a->guest + (a->size - 1);
}

static bool fails(void)
{
    bool result;

    desk.calls++;
    result = desk.fail_first != 0 && desk.calls >= desk.fail_first && desk.calls <= desk.fail_last;
    desk.failed += result;
    return result;
}

static bool refuses(const struct vpt_assign_region *region)
{
    return desk.refuse_last != 0 && region->guest <= desk.refuse_last &&
           region->guest + (region->size - 1) >= desk.refuse_first;
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    desk.violations += region->size == 0 || region->bar == VPT_ASSIGN_RESERVED || desk.mapped_count == DESK_REGIONS;
    for (unsigned i = 0; i < desk.mapped_count; i++) {
        desk.violations += overlap(region, &desk.mapped[i]);
    }
    if (fails()) {
        desk.failed_maps++;
        desk.unmapped |= region->bar < DESK_BARS ? 1u << region->bar : 0;
        return desk.failure;
    }
    if (refuses(region)) {
        return VPT_REFUSED;
    }
    desk.unmapped &= region->bar < DESK_BARS ? ~(1u << region->bar) : UINT32_MAX;
    desk.mapped[desk.mapped_count++] = *region;
    return VPT_OK;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    unsigned at = 0;

    (void)ctx;
    while (at < desk.mapped_count && !same(region, &desk.mapped[at])) {
        at++;
    }
    if (at == desk.mapped_count) {
        desk.violations++;
        return VPT_OK;
    }
    if (fails()) {
        return desk.failure;
    }
    desk.mapped[at] = desk.mapped[--desk.mapped_count];
    return VPT_OK;
}

/* ---- Set-up ---- */

void desk_start(void)
{
    static const uint8_t header[] = { 0x34, 0x12, 0x78, 0x56, 0, 0, 0x10, 0, 1, 0, 0, 2, 0, 0, 0 };

    memset(&desk, 0, sizeof(desk));
    memcpy(desk.config, header, sizeof(header));
    desk.config[0x34] = DESK_PM;
    desk.config[DESK_PM] = 1;
    desk.config[DESK_PM + 1] = DESK_VENDOR;
    desk.config[DESK_VENDOR] = 9;
    desk.config[DESK_VENDOR + 2] = 16;
    desk.config[DESK_PM + 2] = 3;
    desk.config[DESK_PM + 3] = 6; /* has D1 and D2 */
    desk.host = (struct vpt_assign_host){ .config_read = config_read,
                                          .config_write = config_write,
                                          .memory_read = memory_read,
                                          .memory_write = memory_write,
                                          .io_read = io_read,
                                          .io_write = io_write };
    desk.failure = DESK_FAILURE;
    desk.guest = (struct vpt_assign_guest){ .map = map, .unmap = unmap };
    desk.setup = (struct vpt_assign_config){ .host = &desk.host,
                                             .bars = &desk.bars,
                                             .traps = desk.traps,
                                             .storage = desk.storage,
                                             .storage_size = sizeof(desk.storage),
                                             .address = { 0, 1, 2, 3 },
                                             .config_size = 256 };
}

void desk_memory(unsigned index, uint64_t size, uint64_t host, bool is_64bit)
{
    desk.bars.bar[index] =
        (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = size, .address = host, .is_64bit = is_64bit };
}

void desk_io(unsigned index, uint64_t size, uint64_t host)
{
    desk.bars.bar[index] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_IO, .size = size, .address = host };
}

void desk_trap(uint8_t bar, uint64_t offset, uint64_t size)
{
    desk.traps[desk.setup.trap_count++] = (struct vpt_assign_trap){ .bar = bar, .offset = offset, .size = size };
}

void desk_one_of_each(void)
{
    desk_memory(0, 0x4000, 0x80000000, false);
    desk_io(1, 32, 0xc000);
    desk_memory(2, UINT64_C(0x200000000), UINT64_C(0x1000000000), true);
    desk_memory(4, 256, 0x80004100, false);
    desk_memory(VPT_PCI_ROM, 0x10000, 0x90000000, false);
    desk_trap(0, 0x1800, 16);
}

void desk_open(void)
{
    desk.setup.regions = (uint16_t)(VPT_ASSIGN_REGIONS(desk.setup.trap_count) + 3);
    assert_status(vpt_assign_open(&desk.device, &desk.setup), VPT_OK);
    assert_status(vpt_assign_acquire(&desk.device, 1, &desk.guest), VPT_OK);
}

/* ---- Use ---- */

void desk_write(uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(vpt_assign_config_write(&desk.device, offset, width, value), VPT_OK);
}

uint32_t desk_read(uint16_t offset, unsigned width)
{
    uint32_t value;

    assert_status(vpt_assign_config_read(&desk.device, offset, width, &value), VPT_OK);
    return value;
}

void desk_fail(unsigned first, unsigned last)
{
    desk.fail_first = desk.calls + first;
    desk.fail_last = desk.calls + last;
    desk.failed = 0;
    desk.failed_maps = 0;
}

unsigned desk_mapped(unsigned bar)
{
    unsigned count = 0;

    for (unsigned i = 0; i < desk.mapped_count; i++) {
        count += desk.mapped[i].bar == bar;
    }
    return count;
}

const struct vpt_assign_region *desk_find(enum vpt_assign_space space, uint64_t guest)
{
    for (unsigned i = 0; i < desk.mapped_count; i++) {
        if (desk.mapped[i].space == space && guest >= desk.mapped[i].guest &&
            guest - desk.mapped[i].guest < desk.mapped[i].size) {
            return &desk.mapped[i];
        }
    }
    return NULL;
}

void desk_place_one_of_each(void)
{
    desk_start();
    desk_one_of_each();
    desk_open();
    desk_write(DESK_BAR(0), 4, 0xfe000000);
    desk_write(DESK_BAR(1), 4, 0xc000);
    desk_write(DESK_BAR(3), 4, 0x10);
    desk_write(DESK_BAR(4), 4, 0xfe010100);
}

/* ---- What has to be ---- */

/* As the test has made them, not as the device keeps them. */
static void layout_of(struct vpt_assign_layout *layout)
{
    memset(layout, 0, sizeof(*layout));
    layout->page_size = desk.setup.page_size != 0 ? desk.setup.page_size : 4096;
    layout->traps = desk.traps;
    layout->trap_count = desk.setup.trap_count;
    for (unsigned i = 0; i < DESK_BARS; i++) {
        const struct vpt_pci_bar *bar = &desk.bars.bar[i];

        layout->bar[i] = *bar;
    }
}

static void registers_of(struct vpt_assign_registers *registers)
{
    memset(registers, 0, sizeof(*registers));
    registers->command = (uint16_t)desk_read(4, 2);
    registers->power_state = (uint8_t)(desk_read(DESK_PMCSR, 1) & 3);
    for (unsigned i = 0; i < DESK_BARS; i++) {
        registers->bar[i] = desk_read(DESK_BAR(i), 4);
    }
}

/*
 * Whether a piece is where the test refuses it, or where a region of the hypervisor's own is; or is of a BAR whose
 * map() failed.
 */
static bool is_refused(const struct vpt_assign_region *piece)
{
    bool result = refuses(piece) || (desk.unmapped >> piece->bar & 1) != 0;

    for (unsigned i = 0; i < desk.device.region_count; i++) {
        const struct vpt_assign_region *other = &desk.device.regions[i];

        result = result || (other->bar >= DESK_BARS && overlap(piece, other));
    }
    return result;
}

static void check_mapped(const struct vpt_assign_region *piece, bool expected)
{
    bool got = false;

    for (unsigned i = 0; i < desk.mapped_count; i++) {
        got = got || same(piece, &desk.mapped[i]);
    }
    cr_assert(got == expected, "BAR %u at 0x%llx: mapped %d, not %d", piece->bar, (unsigned long long)piece->guest, got,
              expected);
}

void desk_check(unsigned own)
{
    struct vpt_assign_region pieces[VPT_ASSIGN_REGIONS(DESK_TRAPS)];
    struct vpt_assign_registers registers;
    struct vpt_assign_layout layout;
    unsigned expected = 0;
    unsigned refused = 0;
    size_t count;

    cr_assert(desk.violations == 0, "%u violations", desk.violations);
    layout_of(&layout);
    registers_of(&registers);
    count = vpt_assign_live(&layout, &registers, pieces, COUNT_OF(pieces));
    for (size_t i = 0; i < count; i++) {
        refused |= is_refused(&pieces[i]) ? 1u << pieces[i].bar : 0;
    }
    for (size_t i = 0; i < count; i++) {
        bool there = (refused >> pieces[i].bar & 1) == 0;

        check_mapped(&pieces[i], there);
        expected += there;
    }
    cr_assert(desk.mapped_count == expected + own, "%u regions, not %u", desk.mapped_count, expected + own);
    for (unsigned i = 0; i < desk.mapped_count; i++) {
        const struct vpt_assign_region *found =
            vpt_assign_region_find(&desk.device, desk.mapped[i].space, desk.mapped[i].guest);

        cr_assert(found != NULL && same(found, &desk.mapped[i]));
    }
    assert_status(vpt_assign_check(&desk.device), VPT_OK);
}
