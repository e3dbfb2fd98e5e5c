/* SPDX-License-Identifier: MIT */
/* What the functions in a guest's slots have in its address space. */
#include "cost.h"
#include "guest.h"

#define PORT_BIT(io_port) ((uint8_t)(1u << (io_port) % 8u))

struct range {
    uint64_t first;
    uint64_t size;
};

/* What the guest has of its own. */
static const struct range memory_ranges[] = {
    { 0, GUEST_MEMORY },
    { GUEST_ECAM, GUEST_ECAM_SIZE },
    { VIRTUAL_APIC, VIRTUAL_APIC_SIZE },
};

static const struct range port_ranges[] = { { 0x20, 2 },  { 0xa0, 2 },  { 0xf4, 4 },
                                            { 0x3f8, 8 }, { 0x4d0, 2 }, { 0xcf8, 8 } };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool overlap(const struct vpt_assign_region *region, uint64_t first, uint64_t size)
{
    return region->guest < first ? first - region->guest < region->size : region->guest - first < size;
}

static bool is_own(const struct vpt_assign_region *region)
{
    bool memory = region->space == VPT_ASSIGN_MEMORY;
    const struct range *ranges = memory ? memory_ranges : port_ranges;
    size_t count = memory ? COUNT_OF(memory_ranges) : COUNT_OF(port_ranges);

    for (size_t i = 0; i < count; i++) {
        if (overlap(region, ranges[i].first, ranges[i].size)) {
            return true;
        }
    }
    return memory && (region->guest > NESTED_LAST || region->size > NESTED_LAST - region->guest);
}

static bool is_other(const struct guest *guest, const struct vpt_assign_region *region)
{
    for (unsigned i = 0; i < guest->region_count; i++) {
        const struct vpt_assign_region *other = &guest->regions[i].region;

        if (other->space == region->space && overlap(region, other->guest, other->size)) {
            return true;
        }
    }
    return false;
}

static void pass_ports(struct guest *guest, const struct vpt_assign_region *region, bool pass)
{
    for (uint64_t i = 0; i < region->size; i++) {
        uint64_t io_port = region->guest + i;
        uint8_t *byte = &guest->port_map[io_port / 8u];

        *byte = (uint8_t)(pass ? *byte & ~PORT_BIT(io_port) : *byte | PORT_BIT(io_port));
    }
}

static enum vpt_status map(const struct guest_slot *slot, const struct vpt_assign_region *region)
{
    struct guest *guest = slot->guest;
    enum vpt_status status = VPT_OK;

    if (is_own(region) || is_other(guest, region)) {
        return VPT_REFUSED;
    }
    if (guest->region_count == GUEST_REGIONS_MAX) {
        return VPT_RESOURCE_FULL;
    }
    if (!region->trapped && region->space == VPT_ASSIGN_IO) {
        pass_ports(guest, region, true);
    } else if (!region->trapped) {
        status = nested_map(&guest->nested, region->guest, region->host, region->size);
    }
    if (status == VPT_OK) {
        guest->regions[guest->region_count++] = (struct guest_region){ slot, *region };
    }
    return status;
}

enum vpt_status guest_map(void *ctx, const struct vpt_assign_region *region)
{
    bool before = cost_library(false);
    enum vpt_status status = map(ctx, region);

    (void)cost_library(before);
    return status;
}

enum vpt_status guest_unmap(void *ctx, const struct vpt_assign_region *region)
{
    const struct guest_slot *slot = ctx;
    struct guest *guest = slot->guest;
    bool before = cost_library(false);

    for (unsigned i = 0; i < guest->region_count; i++) {
        const struct vpt_assign_region *known = &guest->regions[i].region;

        if (known->space == region->space && known->guest == region->guest) {
            guest->regions[i] = guest->regions[--guest->region_count];
            break;
        }
    }
    if (!region->trapped && region->space == VPT_ASSIGN_IO) {
        pass_ports(guest, region, false);
    } else if (!region->trapped) {
        nested_unmap(&guest->nested, region->guest, region->host, region->size);
        guest->block->flush = SVM_FLUSH_ALL;
    }
    (void)cost_library(before);
    return VPT_OK;
}

void guest_access(struct guest *guest, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                  uint64_t *value)
{
    uint64_t found = UINT64_MAX;
    enum vpt_status status = VPT_CALLER_RANGE;
    const struct vpt_assign_device *accessed = NULL;
    bool before;

    for (unsigned i = 0; i < guest->slot_count && status == VPT_CALLER_RANGE; i++) {
        struct vpt_assign_device *device = guest->slots[i].device;

        if (device == NULL) {
            continue;
        }
        before = cost_library(true);
        status = write ? vpt_assign_access_write(device, space, address, width, *value)
                       : vpt_assign_access_read(device, space, address, width, &found);
        (void)cost_library(before);
        accessed = device;
    }
    if (status == VPT_CALLER_RANGE) {
        cost_is(COST_ABSENT);
    } else if (accessed == &guest->entropy.device) {
        cost_is(COST_EMULATED);
    } else {
        cost_is(write ? COST_TRAPPED_WRITE : COST_TRAPPED_READ);
    }
    if (!write) {
        *value = found;
    }
}
