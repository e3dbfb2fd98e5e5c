/* SPDX-License-Identifier: MIT */
#include "assign_model.h"

#include <stdio.h>
#include <string.h>

struct model model;

const char *model_where(void)
{
    static char where[96];

    (void)snprintf(where, sizeof(where), "%s, %s %u, step %u", model.composed->name,
                   model.kind != NULL ? model.kind : "life", model.number, model.step);
    return where;
}

/* ---- The rules of each bit ---- */

/* A BAR's address bits are the guest's, the others say what kind it is; what is no BAR is 0. */
static void rule(unsigned offset, uint32_t own, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        model.own[offset + i] = (uint8_t)(own >> 8 * i);
        model.made[offset + i] = (uint8_t)(~own >> 8 * i);
        model.value[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

static void bar_rules(void)
{
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        rule(composed_bar_offset(i), 0, 0);
    }
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        const struct vpt_pci_bar *bar = &model.composed->bars.bar[i];
        uint64_t address = ~(bar->size - 1);
        uint32_t kind;

        if (bar->size == 0) {
            continue;
        }
        if (i == VPT_PCI_ROM) {
            rule(0x30, (uint32_t)address | 1, 0);
            continue;
        }
        kind = bar->kind == VPT_PCI_BAR_IO ? 1 : 0;
        kind += bar->below_1mib ? 2 : 0;
        kind += bar->is_64bit ? 4 : 0;
        kind += bar->prefetchable ? 8 : 0;
        rule(composed_bar_offset(i), (uint32_t)address, kind);
        if (bar->is_64bit) {
            rule(composed_bar_offset(i + 1), (uint32_t)(address >> 32), 0);
        }
    }
}

static void register_rules(void)
{
    memset(model.own, 0, sizeof(model.own));
    memset(model.made, 0, sizeof(model.made));
    memset(model.value, 0, sizeof(model.value));
    memset(model.passed, 0, sizeof(model.passed));
    for (unsigned i = 0; i < model.composed->register_count; i++) {
        const struct composed_register *row = &model.composed->registers[i];

        for (unsigned byte = 0; byte < 4; byte++) {
            unsigned at = row->offset + byte;

            model.own[at] = (uint8_t)(row->own >> 8 * byte);
            model.made[at] = (uint8_t)(row->made >> 8 * byte);
            model.value[at] = (uint8_t)(row->value >> 8 * byte);
            model.passed[at] = (uint8_t)(row->passed >> 8 * byte);
        }
    }
}

/* Links what is not hidden of a list. */
static void link_standard(void)
{
    unsigned pointer = 0x34;

    model.value[0x34] = 0;
    for (unsigned i = 0; i < COMPOSED_CAPABILITIES; i++) {
        uint16_t offset = model.composed->capabilities[i].offset;

        if (offset != 0 && offset < 0x100 && !model.hidden[i]) {
            model.value[pointer] = (uint8_t)offset;
            pointer = offset + 1u;
            model.value[pointer] = 0;
        }
    }
    model.value[0x06] = model.value[0x34] != 0 ? 0x10 : 0;
}

/* The upper twelve bits. The first one is there, if only for what follows it. */
static void link_extended(void)
{
    unsigned previous = 0x100;

    for (unsigned i = 0; i < COMPOSED_CAPABILITIES; i++) {
        uint16_t offset = model.composed->capabilities[i].offset;

        if (offset < 0x100 || model.hidden[i]) {
            continue;
        }
        if (offset != 0x100) {
            model.value[previous + 2] = (uint8_t)((model.value[previous + 2] & 0x0f) | (offset & 0x0f) << 4);
            model.value[previous + 3] = (uint8_t)(offset >> 4);
        }
        model.value[offset + 2] &= 0x0f;
        model.value[offset + 3] = 0;
        previous = offset;
    }
}

/* The configuration space as at power-on: for the open, and after each owner. */
static void power_on(void)
{
    register_rules();
    bar_rules();
    for (unsigned i = 0; i < COMPOSED_CAPABILITIES; i++) {
        const struct composed_capability *capability = &model.composed->capabilities[i];

        for (unsigned at = capability->offset; model.hidden[i] && at < capability->end; at++) {
            model.own[at] = 0;
            model.made[at] = 0xff;
            model.value[at] = 0;
            model.passed[at] = 0;
        }
    }
    link_standard();
    link_extended();
    for (unsigned i = 0; i < HOST_SIZE; i++) {
        model.now.guest[i] = model.value[i] & model.own[i];
    }
    memset(model.now.mapped, 0, sizeof(model.now.mapped));
    memset(model.now.refused, 0, sizeof(model.now.refused));
    model.regions = 0;
}

/* ---- Owners ---- */

void model_open(const struct composed *composed)
{
    memset(&model, 0, sizeof(model));
    model.composed = composed;
    memcpy(model.opened, host.config, sizeof(model.opened));
    memcpy(model.now.config, host.config, sizeof(model.now.config));
    for (unsigned i = 0; i < COMPOSED_CAPABILITIES; i++) {
        model.hidden[i] = composed->capabilities[i].hidden || composed->capabilities[i].too_short;
    }
    power_on();
}

void model_acquire(void)
{
    model.owned = true;
}

/* Registers that a reset takes away, whoever sees them: of the header, and of PCI Express'. */
static bool lost_by_resets(unsigned at)
{
    if ((at >= 0x0c && at < 0x0e) || (at >= 0x10 && at < 0x28) || (at >= 0x30 && at < 0x34) || at == 0x3c) {
        return true;
    }
    for (unsigned i = 0; i < COMPOSED_CAPABILITIES; i++) {
        const struct composed_capability *capability = &model.composed->capabilities[i];
        unsigned byte = at - capability->offset;

        if (capability->id == 0x10 && capability->offset < 0x100 && at < capability->end &&
            (byte == 8 || byte == 9 || byte == 16 || byte == 17 || byte == 40 || byte == 41)) {
            return byte < 40 || (model.opened[capability->offset + 2] & 15) > 1;
        }
    }
    return false;
}

/*
 * What a guest may have written at the host is as it was at the open, but for what it has cleared; and what a reset
 * would have taken away, whoever has changed it. No bus mastering.
 */
void model_release(void)
{
    for (unsigned i = 0; i < HOST_SIZE; i++) {
        uint8_t restored = lost_by_resets(i) ? 0xff : model.passed[i];

        restored &= (uint8_t) ~(host.clear[i] | host.action[i]);

        model.now.config[i] = (uint8_t)((model.now.config[i] & ~restored) | (model.opened[i] & restored));
    }
    model.now.config[0x04] &= 0xfb;
    power_on();
    model.owned = false;
}

unsigned model_capability(uint16_t offset)
{
    for (unsigned i = 0; i < COMPOSED_CAPABILITIES; i++) {
        if (offset != 0 && model.composed->capabilities[i].offset == offset) {
            return i;
        }
    }
    return COMPOSED_CAPABILITIES;
}

enum vpt_status model_hide(uint16_t offset, bool hide)
{
    unsigned number = model_capability(offset);

    if (model.owned) {
        return VPT_CALLER_OWNED;
    }
    if (number == COMPOSED_CAPABILITIES) {
        return VPT_EMPTY;
    }
    if (model.composed->capabilities[number].too_short) {
        return hide ? VPT_OK : VPT_DEVICE_PCI_CAPABILITIES;
    }
    model.hidden[number] = hide;
    power_on();
    return VPT_OK;
}

/* ---- BARs ---- */

static uint8_t visible(unsigned at)
{
    uint8_t result = (uint8_t)(model.now.config[at] & ~(model.own[at] | model.made[at]));

    result |= model.now.guest[at] & model.own[at];
    result |= model.value[at] & model.made[at];
    return result;
}

static uint32_t visible32(unsigned at)
{
    return visible(at) | (uint32_t)visible(at + 1) << 8 | (uint32_t)visible(at + 2) << 16 |
           (uint32_t)visible(at + 3) << 24;
}

static bool power_managed(void)
{
    uint16_t at = model.composed->power;

    return at != 0 && !model.hidden[model_capability(at)];
}

static uint64_t address_of(unsigned index)
{
    const struct vpt_pci_bar *bar = &model.composed->bars.bar[index];
    uint64_t address = visible32(composed_bar_offset(index));

    if (bar->is_64bit) {
        address |= (uint64_t)visible32(composed_bar_offset(index + 1)) << 32;
    }
    return address - address % bar->size;
}

static bool asleep(void)
{
    return power_managed() && (visible(model.composed->power + 4u) & 3) != 0;
}

uint8_t model_master(void)
{
    return asleep() ? 0 : visible(0x04) & 0x4;
}

/* Whether it is decoded, and somewhere: not at 0, and in memory not at the end. */
static bool decoded(unsigned index)
{
    const struct vpt_pci_bar *bar = &model.composed->bars.bar[index];
    uint64_t end = bar->kind == VPT_PCI_BAR_IO ? 0x10000 : bar->is_64bit ? UINT64_MAX : 0xffffffff;
    uint8_t enable = bar->kind == VPT_PCI_BAR_IO ? 1 : 2;

    if (bar->size == 0 || (visible(0x04) & enable) == 0 || asleep()) {
        return false;
    }
    if (index == VPT_PCI_ROM && (visible(0x30) & 1) == 0) {
        return false;
    }
    return address_of(index) != 0 && address_of(index) <= end && bar->size <= end - address_of(index);
}

static bool share(enum vpt_assign_space space_a, uint64_t a, uint64_t size_a, enum vpt_assign_space space_b, uint64_t b,
                  uint64_t size_b)
{
    return space_a == space_b && (a <= b ? b - a < size_a : a - b < size_b);
}

static enum vpt_assign_space space_of(unsigned index)
{
    return model.composed->bars.bar[index].kind == VPT_PCI_BAR_IO ? VPT_ASSIGN_IO : VPT_ASSIGN_MEMORY;
}

static bool bars_share(unsigned a, unsigned b)
{
    return share(space_of(a), address_of(a), model.composed->bars.bar[a].size, space_of(b), address_of(b),
                 model.composed->bars.bar[b].size);
}

/*
 * The hypervisor has no place there: it refuses that, of memory and ports, or has something of its own there; or its
 * map() has failed.
 */
static bool no_place(unsigned index, uint64_t address)
{
    uint64_t size = model.composed->bars.bar[index].size;

    for (unsigned i = 0; i < model.regions; i++) {
        if (share(space_of(index), address, size, model.region[i].space, model.region[i].guest, model.region[i].size)) {
            return true;
        }
    }
    return (desk.unmapped >> index & 1) != 0 ||
           (desk.refuse_last != 0 && address <= desk.refuse_last && address + (size - 1) >= desk.refuse_first);
}

/* What is mapped once more after a write; whether something was refused. */
static bool follow(void)
{
    bool live[COMPOSED_BARS];
    bool result = false;

    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        live[i] = decoded(i);
        for (unsigned lower = 0; lower < i && live[i]; lower++) {
            live[i] = !live[lower] || !bars_share(lower, i);
        }
    }
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        bool there = live[i] && model.now.mapped[i] && model.now.at[i] == address_of(i);

        model.now.refused[i] = live[i] && !there && no_place(i, address_of(i));
        model.now.mapped[i] = live[i] && !model.now.refused[i];
        model.now.at[i] = live[i] ? address_of(i) : 0;
        result = result || model.now.refused[i];
    }
    return result;
}

/* ---- Accesses ---- */

static enum vpt_status access_status(uint16_t offset, unsigned width)
{
    if ((width != 1 && width != 2 && width != 4) || offset % 4 + width > 4) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (offset >= model.composed->config_size) {
        return VPT_CALLER_RANGE;
    }
    return model.owned ? VPT_OK : VPT_CALLER_STATE;
}

enum vpt_status model_read(uint16_t offset, unsigned width, uint32_t *value)
{
    enum vpt_status status = access_status(offset, width);

    *value = width == 1 ? 0xff : width == 2 ? 0xffff : 0xffffffff;
    if (status == VPT_OK) {
        *value = 0;
        for (unsigned i = 0; i < width; i++) {
            *value |= (uint32_t)visible(offset + i) << 8 * i;
        }
    }
    return status;
}

/* Fields that hold less than a guest may write; a power state that there is not is none. */
static uint8_t limited(unsigned at, uint8_t value)
{
    for (unsigned i = 0; i < COUNT_OF(model.composed->limits); i++) {
        const struct composed_limit *limit = &model.composed->limits[i];

        if (limit->field != 0 && limit->offset == at && (value & limit->field) > limit->most) {
            value = (uint8_t)((value & ~limit->field) | limit->most);
        }
    }
    if (power_managed() && at == model.composed->power + 4u && (model.composed->states >> (value & 3) & 1) == 0) {
        value = model.now.guest[at];
    }
    return value;
}

bool model_followed(unsigned at)
{
    return at == 0x04 || (at >= 0x10 && at < 0x28) || (at >= 0x30 && at < 0x34) ||
           (power_managed() && at == model.composed->power + 4u);
}

static void pass(unsigned at, uint8_t value)
{
    uint8_t clear = model.passed[at] & host.clear[at];
    uint8_t plain = model.passed[at] & (uint8_t)~host.clear[at];

    model.now.config[at] = (uint8_t)((model.now.config[at] & ~plain & ~(value & clear)) | (value & plain));
}

enum vpt_status model_write(uint16_t offset, unsigned width, uint32_t value, bool host_fails)
{
    enum vpt_status status = access_status(offset, width);
    bool follows = false;
    bool masters = false; /* the host's bus mastering is as the guest's, in D0 */

    if (status != VPT_OK) {
        return status;
    }
    for (unsigned at = offset; at < offset + width; at++) {
        uint8_t byte = limited(at, (uint8_t)(value >> 8 * (at - offset)));

        model.now.guest[at] = (uint8_t)((model.now.guest[at] & ~model.own[at]) | (byte & model.own[at]));
        follows = follows || model_followed(at);
        if (!host_fails) {
            pass(at, byte);
        }
        masters = masters || at == 0x04 || (power_managed() && at == model.composed->power + 4u);
    }
    if (masters && !host_fails) {
        model.now.config[0x04] = (uint8_t)((model.now.config[0x04] & ~0x4) | model_master());
    }
    return follows && follow() ? VPT_REFUSED : VPT_OK;
}

uint32_t model_passed(uint16_t offset, unsigned width)
{
    uint32_t result = 0;

    for (unsigned i = 0; i < width; i++) {
        result |= (uint32_t)model.passed[offset + i] << 8 * i;
    }
    return result;
}

/* ---- Pieces ---- */

/* The pieces of a BAR that is mapped, in order; memory is trapped whole where it is no whole page. */
static unsigned pieces_of(unsigned index, struct vpt_assign_region pieces[3])
{
    const struct vpt_assign_trap *trap = &model.composed->trap;
    const struct vpt_pci_bar *bar = &model.composed->bars.bar[index];
    uint64_t address = model.now.at[index];
    uint64_t page = bar->kind == VPT_PCI_BAR_IO ? 1 : 4096;
    bool trapped = bar->kind == VPT_PCI_BAR_IO ? bar->address != address
                                               : bar->size < page || composed_bar_trapped(model.composed, index);
    uint64_t cut[4] = { 0, bar->size, bar->size, bar->size };
    unsigned count = 1;

    if (!trapped && trap->size != 0 && trap->bar == index) {
        cut[1] = trap->offset / page * page;
        cut[2] = (trap->offset + trap->size + page - 1) / page * page;
        count = 3;
    }
    for (unsigned i = 0; i < count; i++) {
        pieces[i] = (struct vpt_assign_region){ .guest = address + cut[i],
                                                .host = bar->address + cut[i],
                                                .size = cut[i + 1] - cut[i],
                                                .space = space_of(index),
                                                .bar = (uint8_t)index,
                                                .trapped = trapped || i == 1 };
    }
    return count;
}

static bool holds(const struct vpt_assign_region *region, enum vpt_assign_space space, uint64_t guest)
{
    return region->space == space && guest >= region->guest && guest - region->guest < region->size;
}

bool model_find(enum vpt_assign_space space, uint64_t guest, struct vpt_assign_region *region)
{
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        struct vpt_assign_region pieces[3];
        unsigned count = model.now.mapped[i] ? pieces_of(i, pieces) : 0;

        for (unsigned piece = 0; piece < count; piece++) {
            if (holds(&pieces[piece], space, guest)) {
                *region = pieces[piece];
                return true;
            }
        }
    }
    for (unsigned i = 0; i < model.regions; i++) {
        if (holds(&model.region[i], space, guest)) {
            *region = model.region[i];
            return true;
        }
    }
    return false;
}

unsigned model_mapped(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        count += model.now.mapped[i];
    }
    return count;
}

unsigned model_regions(void)
{
    struct vpt_assign_region pieces[3];
    unsigned count = 0;

    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        count += model.now.mapped[i] ? pieces_of(i, pieces) : 0;
    }
    for (unsigned i = 0; i < model.regions; i++) {
        count += model.region[i].bar != VPT_ASSIGN_RESERVED;
    }
    return count;
}

/* ---- Regions of the hypervisor's own ---- */

enum vpt_status model_add(const struct vpt_assign_region *region)
{
    if (!model.owned) {
        return VPT_CALLER_STATE;
    }
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        if (model.now.mapped[i] && share(space_of(i), model.now.at[i], model.composed->bars.bar[i].size, region->space,
                                         region->guest, region->size)) {
            return VPT_REFUSED;
        }
    }
    for (unsigned i = 0; i < model.regions; i++) {
        if (share(model.region[i].space, model.region[i].guest, model.region[i].size, region->space, region->guest,
                  region->size)) {
            return VPT_REFUSED;
        }
    }
    if (region->bar != VPT_ASSIGN_RESERVED && desk.refuse_last != 0 && region->guest <= desk.refuse_last &&
        region->guest + (region->size - 1) >= desk.refuse_first) {
        return VPT_REFUSED;
    }
    model.region[model.regions++] = *region;
    return VPT_OK;
}

enum vpt_status model_remove(enum vpt_assign_space space, uint64_t guest)
{
    for (unsigned i = 0; i < model.regions; i++) {
        if (model.region[i].space == space && model.region[i].guest == guest) {
            model.region[i] = model.region[--model.regions];
            return VPT_OK;
        }
    }
    return VPT_CALLER_RANGE;
}

/* ---- Comparing ---- */

static bool same(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->guest == b->guest && a->host == b->host && a->size == b->size && a->space == b->space &&
           a->bar == b->bar && a->trapped == b->trapped;
}

/* The guest has it, unless it is a window only, and the device finds it. */
static void compare_region(const struct vpt_assign_region *region, const char *what)
{
    const struct vpt_assign_region *there = desk_find(region->space, region->guest);
    const struct vpt_assign_region *found = vpt_assign_region_find(&host.device, region->space, region->guest);

    cr_assert(found != NULL && same(found, region), "%s: %s: BAR %u at 0x%llx is not in the books", model_where(), what,
              region->bar, (unsigned long long)region->guest);
    cr_assert(region->bar == VPT_ASSIGN_RESERVED || (there != NULL && same(there, region)),
              "%s: %s: BAR %u at 0x%llx is not mapped", model_where(), what, region->bar,
              (unsigned long long)region->guest);
}

void model_compare_map(const char *what)
{
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        struct vpt_assign_region pieces[3];
        unsigned count = model.now.mapped[i] ? pieces_of(i, pieces) : 0;

        for (unsigned piece = 0; piece < count; piece++) {
            compare_region(&pieces[piece], what);
        }
    }
    for (unsigned i = 0; i < model.regions; i++) {
        compare_region(&model.region[i], what);
    }
    cr_assert(desk.mapped_count == model_regions(), "%s: %s: %u regions, not %u", model_where(), what,
              desk.mapped_count, model_regions());
    cr_assert(desk.violations == 0, "%s: %s: %u violations", model_where(), what, desk.violations);
}

void model_compare_config(uint16_t first, uint16_t end, const char *what)
{
    for (uint16_t at = first; at < end; at = (uint16_t)(at + 4)) {
        uint32_t expected;
        uint32_t got;
        enum vpt_status status = model_read(at, 4, &expected);

        cr_assert(vpt_assign_config_read(&host.device, at, 4, &got) == status && got == expected,
                  "%s: %s: %#x reads %#x, not %#x", model_where(), what, at, got, expected);
        cr_assert(memcmp(&host.config[at], &model.now.config[at], 4) == 0, "%s: %s: the host's %#x holds %#x",
                  model_where(), what, at, host_get(at, 4));
    }
    cr_assert(host.actions == 0, "%s: %s", model_where(), what);
}
