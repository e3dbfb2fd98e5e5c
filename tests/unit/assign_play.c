/* SPDX-License-Identifier: MIT */
#include "assign_play.h"

#include <string.h>

static unsigned failed_before;
static unsigned failed_maps_before;
static unsigned calls_before;
static unsigned accesses_before;
static unsigned audits_before;

static void begin(void)
{
    composed_step();
    host_forget();
    failed_before = desk.failed;
    failed_maps_before = desk.failed_maps;
    calls_before = desk.calls;
    accesses_before = host.accesses;
    audits_before = host.audits;
}

unsigned play_hooks_failed(void)
{
    return desk.failed - failed_before;
}

bool play_host_failed(void)
{
    return host.fail_at > accesses_before && host.fail_at <= host.accesses;
}

static void expect(enum vpt_status got, enum vpt_status expected, const char *what, uint64_t at)
{
    cr_assert(got == expected, "%s: %s at 0x%llx: \"%s\", not \"%s\"", model_where(), what, (unsigned long long)at,
              vpt_status_str(got), vpt_status_str(expected));
}

/* Degraded, what the guest has is still what the books say; else it is what the model says. */
static void check(const char *what)
{
    if (!host.device.degraded) {
        expect(vpt_assign_check(&host.device), VPT_OK, what, 0);
        model_compare_map(what);
        cr_assert(memcmp(host.config, model.now.config, sizeof(host.config)) == 0, "%s: %s: the host's registers",
                  model_where(), what);
        return;
    }
    cr_assert(desk.violations == 0, "%s: %s: %u violations", model_where(), what, desk.violations);
    for (unsigned i = 0; i < desk.mapped_count; i++) {
        const struct vpt_assign_region *region = &desk.mapped[i];
        const struct vpt_assign_region *found = vpt_assign_region_find(&host.device, region->space, region->guest);

        cr_assert(found != NULL && found->guest == region->guest && found->size == region->size &&
                      found->bar == region->bar,
                  "%s: %s: not in the books", model_where(), what);
    }
}

/* ---- Owners ---- */

void play_open(const struct composed *composed)
{
    composed_start(composed);
    composed_open();
    model_open(composed);
    cr_assert(host.device.capabilities_broken == composed->broken, "%s", composed->name);
    check("open");
}

enum vpt_status play_acquire(void)
{
    enum vpt_status status;

    begin();
    status = composed_acquire(5);
    if (play_host_failed()) {
        expect(status, HOST_FAILURE, "acquire", 0);
    } else {
        expect(status, model.owned ? VPT_CALLER_OWNED : VPT_OK, "acquire", 0);
        model_acquire();
    }
    cr_assert(host.device.owned == model.owned && desk.calls == calls_before && host_writes() == 0);
    check("acquire");
    return status;
}

enum vpt_status play_release(void)
{
    enum vpt_status status;

    begin();
    status = vpt_assign_release(&host.device);
    if (play_host_failed() || play_hooks_failed() != 0) {
        expect(status, play_host_failed() ? HOST_FAILURE : DESK_FAILURE, "release", 0);
        cr_assert(host.device.owned && desk.violations == 0);
        return status;
    }
    expect(status, VPT_OK, "release", 0);
    if (model.owned) {
        model_release();
    }
    cr_assert(!host.device.owned && !host.device.degraded);
    check("release");
    return status;
}

/* ---- Configuration ---- */

static bool followed(uint16_t offset, unsigned width)
{
    bool result = false;

    for (unsigned at = offset; at < offset + width; at++) {
        result = result || model_followed(at);
    }
    return result;
}

void play_read(uint16_t offset, unsigned width)
{
    uint32_t expected = 0;
    uint32_t got = 0;
    enum vpt_status wanted = model_read(offset, width, &expected);
    enum vpt_status status;

    begin();
    status = vpt_assign_config_read(&host.device, offset, width, &got);
    if (play_host_failed()) {
        wanted = HOST_FAILURE;
        expected = width == 1 ? 0xff : width == 2 ? 0xffff : 0xffffffff;
    }
    expect(status, wanted, "read", offset);
    cr_assert(got == expected, "%s: %#x (width %u) reads %#x, not %#x", model_where(), offset, width, got, expected);
    cr_assert(desk.calls == calls_before && host_writes() == 0);
}

/*
 * One write at the host, of what the guest may write or of bus mastering and of nothing else, told before; or none. The
 * host's own registers are in order here: nothing is ever restored.
 */
static void check_host_write(bool passed, bool masters, uint16_t offset, unsigned width)
{
    cr_assert(host.audits == audits_before + (passed || masters) && host_writes() == (passed || masters),
              "%s: %#x (width %u): %u writes, %u told", model_where(), offset, width, host_writes(),
              host.audits - audits_before);
    if (passed) {
        const struct host_access *write = host_write(0);

        unsigned shift = 8 * (write->offset & 3u);
        uint32_t passes = model_passed(offset, width) << 8 * (offset & 3u);

        cr_assert((write->offset ^ offset) < 4 && host.allowed != 0);
        cr_assert(host.allowed << shift == passes, "%s: %#x: allowed %#x", model_where(), offset, host.allowed);
    } else if (masters) {
        cr_assert(host_write(0)->offset == 0x04 && host.allowed == 0x4, "%s", model_where());
    }
}

/*
 * A hook has failed: the write has not been, or cannot be told from one that has not. But where an address is written
 * and only map() has failed, the BAR has none.
 */
static enum vpt_status failed_write(enum vpt_status status, uint16_t offset, unsigned width, uint32_t value)
{
    if ((offset >= 0x10 && offset < 0x34) && play_hooks_failed() == desk.failed_maps - failed_maps_before) {
        return model_write(offset, width, value, false);
    }
    if (status == VPT_DEVICE_ASSIGN_DEGRADED) {
        cr_assert(host.device.degraded && play_hooks_failed() >= 2, "%s: degraded by one failure", model_where());
        return status;
    }
    cr_assert(!host.device.degraded, "%s: degraded, and does not say so", model_where());
    return DESK_FAILURE;
}

/* What the guest reads there then is not what is tried here. */
static bool reads_as_modelled(uint16_t offset)
{
    unsigned fail_at = host.fail_at;
    uint32_t expected;
    uint32_t got;
    bool result;

    host.fail_at = 0;
    (void)model_read(offset / 4 * 4, 4, &expected);
    result = vpt_assign_config_read(&host.device, offset / 4 * 4, 4, &got) == VPT_OK && got == expected;
    host.fail_at = fail_at;
    return result;
}

/* The host has failed: the guest's own bits are written, and mappings follow; or nothing has been done. */
static enum vpt_status write_without_host(uint16_t offset, unsigned width, uint32_t value,
                                          const struct model_state *before)
{
    (void)model_write(offset, width, value, true);
    if (!reads_as_modelled(offset) || model_regions() != desk.mapped_count) {
        model.now = *before;
    }
    return HOST_FAILURE;
}

static bool same_but_bus_mastering(const struct model_state *a, const struct model_state *b)
{
    struct model_state masters = *b;

    masters.guest[0x04] = (uint8_t)((masters.guest[0x04] & ~0x4) | (a->guest[0x04] & 0x4));
    return memcmp(a->guest, masters.guest, sizeof(a->guest)) == 0;
}

/* Mappings, and the registers that they depend on, stay as they are; a write that would leave them so may be made. */
static enum vpt_status write_degraded(uint16_t offset, unsigned width, uint32_t value, const struct model_state *before,
                                      enum vpt_status status)
{
    (void)model_write(offset, width, value, play_host_failed());
    if (!same_but_bus_mastering(before, &model.now) || status == VPT_DEVICE_ASSIGN_DEGRADED) {
        model.now = *before;
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    return play_host_failed() ? HOST_FAILURE : VPT_OK;
}

enum vpt_status play_write(uint16_t offset, unsigned width, uint32_t value)
{
    static struct model_state before;
    bool was_degraded = host.device.degraded;
    enum vpt_status expected;
    enum vpt_status status;

    before = model.now;
    begin();
    status = vpt_assign_config_write(&host.device, offset, width, value);
    if (was_degraded && followed(offset, width)) {
        expected = write_degraded(offset, width, value, &before, status);
    } else if (play_hooks_failed() != 0) {
        expected = failed_write(status, offset, width, value);
    } else if (play_host_failed()) {
        expected = write_without_host(offset, width, value, &before);
    } else {
        expected = model_write(offset, width, value, false);
    }
    expect(status, expected, "write", offset);
    cr_assert(!was_degraded || desk.calls == calls_before, "%s: a hook of a degraded device", model_where());
    if (!play_host_failed()) {
        bool done = status == VPT_OK || status == VPT_REFUSED;

        if ((host.config[0x04] & 0x4) == model_master() && followed(offset, width)) {
            /* Whatever makes BARs live puts right what a failure of the host has left. */
            model.now.config[0x04] = host.config[0x04];
        }
        check_host_write(done && model_passed(offset, width) != 0,
                         ((before.config[0x04] ^ model.now.config[0x04]) & 0x4) != 0, offset, width);
    }
    check("write");
    if (model.owned && offset < model.composed->config_size && !reads_as_modelled(offset)) {
        host.fail_at = 0;
        model_compare_config(offset / 4 * 4, (uint16_t)(offset / 4 * 4 + 4), "after a write");
    }
    return status;
}

void play_hide(uint16_t offset, bool hide)
{
    enum vpt_status status;

    begin();
    status = hide ? vpt_assign_hide(&host.device, offset) : vpt_assign_show(&host.device, offset);
    expect(status, model_hide(offset, hide), "hide", offset);
    cr_assert(desk.calls == calls_before && host.accesses == accesses_before);
    check("hide");
}

/* ---- Regions ---- */

static enum vpt_status end_region(enum vpt_status status, bool was_degraded, enum vpt_status expected,
                                  const struct vpt_assign_region before[MODEL_OWN], unsigned count)
{
    if (was_degraded || play_hooks_failed() != 0) {
        memcpy(model.region, before, sizeof(model.region));
        model.regions = count;
        expected = was_degraded ? VPT_DEVICE_ASSIGN_DEGRADED : DESK_FAILURE;
    }
    expect(status, expected, "region", 0);
    cr_assert(!was_degraded || desk.calls == calls_before);
    check("region");
    return status;
}

enum vpt_status play_add(const struct vpt_assign_region *region)
{
    struct vpt_assign_region before[MODEL_OWN];
    unsigned count = model.regions;
    bool was_degraded = host.device.degraded;
    enum vpt_status status;

    memcpy(before, model.region, sizeof(before));
    begin();
    status = vpt_assign_region_add(&host.device, region);
    return end_region(status, was_degraded, model_add(region), before, count);
}

enum vpt_status play_remove(enum vpt_assign_space space, uint64_t guest)
{
    struct vpt_assign_region before[MODEL_OWN];
    unsigned count = model.regions;
    enum vpt_status expected;
    enum vpt_status status;
    bool was_degraded;

    memcpy(before, model.region, sizeof(before));
    begin();
    status = vpt_assign_region_remove(&host.device, space, guest);
    expected = model_remove(space, guest);
    was_degraded = host.device.degraded && expected == VPT_OK;
    return end_region(status, was_degraded, expected, before, count);
}

/* ---- Accesses ---- */

static enum vpt_status access_status(enum vpt_assign_space space, uint64_t guest, unsigned width,
                                     struct vpt_assign_region *region)
{
    if (width != 1 && width != 2 && width != 4 && (width != 8 || space != VPT_ASSIGN_MEMORY)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!model_find(space, guest, region) || region->bar == VPT_ASSIGN_RESERVED ||
        width > region->size - (guest - region->guest)) {
        return VPT_CALLER_RANGE;
    }
    return (region->host + (guest - region->guest)) % width != 0 ? VPT_CALLER_ALIGNMENT : VPT_OK;
}

void play_access(bool write, enum vpt_assign_space space, uint64_t guest, unsigned width, uint64_t value)
{
    struct vpt_assign_region region = { .guest = 0 };
    enum vpt_status expected = access_status(space, guest, width, &region);
    uint64_t ones = width == 1 || width == 2 || width == 4 ? (UINT64_C(1) << 8 * width) - 1 : UINT64_MAX;
    uint64_t got = value;
    enum vpt_status status;

    if (composed_bar_trapped(model.composed, region.bar)) {
        return;
    }
    begin();
    desk.accesses = 0;
    desk.access_value = write ? ~value : value;
    if (write) {
        status = vpt_assign_access_write(&host.device, space, guest, width, value);
    } else {
        status = vpt_assign_access_read(&host.device, space, guest, width, &got);
    }
    expect(status, expected, write ? "access (write)" : "access (read)", guest);
    cr_assert(desk.accesses == (status == VPT_OK ? 1 : 0) && host.accesses == accesses_before);
    if (status == VPT_OK) {
        cr_assert(desk.accessed == region.host + (guest - region.guest) && desk.access_width == width);
        cr_assert(desk.access_io == (space == VPT_ASSIGN_IO));
        cr_assert((write ? desk.access_value : got) == (value & ones));
    } else {
        cr_assert(write || got == ones, "%s: 0x%llx reads 0x%llx", model_where(), (unsigned long long)guest,
                  (unsigned long long)got);
    }
}
