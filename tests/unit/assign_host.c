/* SPDX-License-Identifier: MIT */
#include "assign_host.h"

#include <string.h>

struct host host;

static uint32_t ones(unsigned width)
{
    return 0xffffffffu >> (32u - 8u * width);
}

/* Counts an access, and says how it ends. */
static enum vpt_status enter(bool write, uint16_t offset, unsigned width, uint32_t value)
{
    cr_assert(width == 1 || width == 2 || width == 4);
    cr_assert(offset % width == 0 && offset + width <= host.device.config_size, "offset %#x, width %u", offset, width);
    if (host.logged < HOST_LOG) {
        host.log[host.logged] = (struct host_access){ write, offset, width, value };
    }
    host.logged++;
    host.accesses++;
    host.gone = host.gone || (host.vanish_at != 0 && host.accesses >= host.vanish_at);
    return host.accesses == host.fail_at ? HOST_FAILURE : VPT_OK;
}

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    enum vpt_status status = enter(false, offset, width, 0);

    cr_assert(ctx == &host);
    if (status == VPT_OK) {
        /* What lies above the width is nobody's. */
        *value = host.gone ? ones(width) : host_get(offset, width) | ~ones(width);
    }
    return status;
}

static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    enum vpt_status status = enter(true, offset, width, value);

    cr_assert(ctx == &host && (value & ~ones(width)) == 0);
    if (host.announced) {
        cr_assert(host.announcement.offset == offset && host.announcement.width == width &&
                  host.announcement.value == value);
        host.announced = false;
    }
    for (unsigned i = 0; status == VPT_OK && !host.gone && i < width; i++) {
        uint8_t *at = &host.config[offset + i];
        uint8_t byte = (uint8_t)(value >> 8 * i);
        uint8_t plain = (uint8_t) ~(host.fixed[offset + i] | host.clear[offset + i] | host.action[offset + i]);

        host.actions += (byte & host.action[offset + i]) != 0;
        *at = (uint8_t)((*at & ~plain & ~(byte & host.clear[offset + i])) | (byte & plain));
    }
    return status;
}

static void audit(void *ctx, uint16_t offset, unsigned width, uint32_t value, uint32_t allowed)
{
    cr_assert(ctx == &host && !host.announced);
    host.announced = true;
    host.announcement = (struct host_access){ true, offset, width, value };
    host.allowed = allowed;
    host.audits++;
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    cr_assert(ctx == &host && region->size != 0);
    host.map_calls++;
    return host.map_answer;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    cr_assert(ctx == &host && region->size != 0);
    return VPT_OK;
}

void host_start(void)
{
    memset(&host, 0, sizeof(host));
    host_set(0x00, 4, 0x56781234);
    host_set(0x2c, 4, 0x0abc0def);
    host.config[0x3d] = 1;
    host.clear[0x07] = 0xf9;
    host.table = (struct vpt_assign_host){
        .ctx = &host, .config_read = config_read, .config_write = config_write, .audit = audit
    };
    host.guest = (struct vpt_assign_guest){ .ctx = &host, .map = map, .unmap = unmap };
    host.setup.host = &host.table;
    host.setup.config_size = 256;
    host.setup.bars = &host.bars;
    host.setup.storage = host.storage;
    host.setup.storage_size = sizeof(host.storage);
    host.setup.regions = HOST_REGIONS;
}

void host_set(uint16_t offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        host.config[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

uint32_t host_get(uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint32_t)host.config[offset + i] << 8 * i;
    }
    return value;
}

void host_capability(uint16_t offset, uint8_t id, uint16_t previous)
{
    host.config[0x06] |= 0x10;
    host.config[previous == 0 ? 0x34 : previous + 1] = (uint8_t)offset;
    host_set(offset, 2, id);
}

void host_extended(uint16_t offset, uint16_t id, uint8_t version, uint16_t previous)
{
    if (previous != 0) {
        host_set(previous, 4, (host_get(previous, 4) & 0xfffff) | (uint32_t)offset << 20);
    }
    host_set(offset, 4, id | (uint32_t)version << 16);
}

void host_open(void)
{
    assert_status(vpt_assign_open(&host.device, &host.setup), VPT_OK);
}

void host_give(void)
{
    assert_status(vpt_assign_acquire(&host.device, 7, &host.guest), VPT_OK);
    host_forget();
}

void host_forget(void)
{
    host.logged = 0;
}

unsigned host_writes(void)
{
    unsigned count = 0;

    cr_assert(host.logged <= HOST_LOG);
    for (unsigned i = 0; i < host.logged; i++) {
        count += host.log[i].write ? 1 : 0;
    }
    return count;
}

const struct host_access *host_write(unsigned n)
{
    for (unsigned i = 0; i < host.logged; i++) {
        if (host.log[i].write && n-- == 0) {
            return &host.log[i];
        }
    }
    cr_assert_fail("no such write");
    return NULL;
}

uint32_t guest_read(uint16_t offset, unsigned width)
{
    uint32_t value = 0x5a5a5a5a;

    assert_status(vpt_assign_config_read(&host.device, offset, width, &value), VPT_OK);
    cr_assert((value & ~ones(width)) == 0);
    return value;
}

void guest_write(uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(vpt_assign_config_write(&host.device, offset, width, value), VPT_OK);
}
