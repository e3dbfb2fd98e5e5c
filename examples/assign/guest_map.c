/* SPDX-License-Identifier: MIT */
/* The regions of devices that are mapped for a guest, and its accesses to them. */
#include "guest.h"
#include "table.h"

#include <inttypes.h>

/* ---- Mapped regions ---- */

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b ? b - a < a_size : a - b < b_size;
}

/* Whether the guest has another object in the range: memory, or a region of another device. */
static bool taken(const struct guest_device *device, const struct vpt_assign_region *region)
{
    const struct guest *guest = device->guest;

    for (unsigned i = 0; i < GUEST_MEMORIES && region->space == VPT_ASSIGN_MEMORY; i++) {
        if (overlap(region->guest, region->size, guest->memory[i].address, guest->memory[i].size)) {
            return true;
        }
    }
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        const struct guest_device *other = &guest->devices[i];

        for (unsigned j = 0; j < other->region_count && other != device; j++) {
            if (other->regions[j].space == region->space &&
                overlap(region->guest, region->size, other->regions[j].guest, other->regions[j].size)) {
                return true;
            }
        }
    }
    return false;
}

/* A hypervisor must map only the function's own host addresses. */
static bool within_bar(const struct guest_device *device, const struct vpt_assign_region *region)
{
    const struct vpt_pci_bar *bar = device->function->bars.bar;

    if (region->bar >= VPT_PCI_BARS_MAX) {
        return false;
    }
    bar += region->bar;
    return region->host - bar->address < bar->size && region->size <= bar->size - (region->host - bar->address) &&
           (bar->kind == VPT_PCI_BAR_IO) == (region->space == VPT_ASSIGN_IO);
}

static bool before(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->space != b->space ? a->space < b->space : a->guest < b->guest;
}

enum vpt_status guest_map(void *ctx, const struct vpt_assign_region *region)
{
    struct guest_device *device = ctx;
    unsigned at = device->region_count;

    if (taken(device, region)) {
        return VPT_REFUSED;
    }
    require(within_bar(device, region), "the %s is to be mapped at 0x%" PRIx64 ", which is not its own",
            device->function->name, region->host);
    if (at == GUEST_REGIONS_MAX) {
        return VPT_RESOURCE_FULL;
    }
    for (; at > 0 && before(region, &device->regions[at - 1u]); at--) {
        device->regions[at] = device->regions[at - 1u];
    }
    device->regions[at] = *region;
    device->region_count++;
    return VPT_OK;
}

static bool same(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->guest == b->guest && a->host == b->host && a->size == b->size && a->space == b->space &&
           a->bar == b->bar && a->trapped == b->trapped;
}

enum vpt_status guest_unmap(void *ctx, const struct vpt_assign_region *region)
{
    struct guest_device *device = ctx;
    unsigned at = 0;

    while (at < device->region_count && !same(&device->regions[at], region)) {
        at++;
    }
    require(at < device->region_count, "0x%" PRIx64 " is unmapped, but was not mapped so", region->guest);
    device->region_count--;
    for (; at < device->region_count; at++) {
        device->regions[at] = device->regions[at + 1u];
    }
    return VPT_OK;
}

void guest_check(const struct guest *guest)
{
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        const struct guest_device *device = &guest->devices[i];
        const struct vpt_assign_device *books = &device->function->device;

        require_ok(vpt_assign_check(books), "the library's books of a device");
        for (unsigned j = 0; j < device->region_count; j++) {
            const struct vpt_assign_region *region = &device->regions[j];
            const struct vpt_assign_region *found = vpt_assign_region_find(books, region->space, region->guest);

            require(found != NULL && same(found, region), "the books know nothing of what is mapped at 0x%" PRIx64,
                    region->guest);
        }
    }
}

/* ---- Accesses to devices ---- */

/* The mapped region that holds a guest address; NULL: none. */
static const struct vpt_assign_region *find(struct guest *guest, enum vpt_assign_space space, uint64_t address,
                                            struct guest_device **owner)
{
    const struct vpt_assign_region *region = NULL;

    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        struct guest_device *device = &guest->devices[i];
        const struct vpt_assign_region *known = NULL;

        for (unsigned j = 0; j < device->region_count; j++) {
            const struct vpt_assign_region *candidate = &device->regions[j];

            if (candidate->space == space && address - candidate->guest < candidate->size) {
                region = candidate;
                known = candidate;
                *owner = device;
            }
        }
        if (device->function->device.owned && device->function->device.owner == guest->owner) {
            const struct vpt_assign_region *books = vpt_assign_region_find(&device->function->device, space, address);

            require((books != NULL) == (known != NULL), "the library's books and what is mapped differ at 0x%" PRIx64,
                    address);
        }
    }
    return region;
}

/* A CPU reaches mapped regions without the hypervisor. */
static void pass(struct guest *guest, bool write, const struct vpt_assign_region *region, uint64_t address,
                 unsigned width, uint32_t *value)
{
    const struct vpt_port *port = guest->host->port;
    uint64_t host = region->host + (address - region->guest);

    guest->passed++;
    if (region->space == VPT_ASSIGN_IO && write) {
        port->io_write(port->ctx, (uint16_t)host, width, *value);
    } else if (region->space == VPT_ASSIGN_IO) {
        *value = port->io_read(port->ctx, (uint16_t)host, width);
    } else if (write) {
        vpt_qtest_write(guest->host->qtest, host, width, *value);
    } else {
        *value = vpt_qtest_read(guest->host->qtest, host, width);
    }
}

static void trap(struct guest *guest, bool write, struct guest_device *device, enum vpt_assign_space space,
                 uint64_t address, unsigned width, uint32_t *value)
{
    uint64_t wide = *value;
    enum vpt_status status;

    guest->trapped++;
    if (write) {
        status = vpt_assign_access_write(&device->function->device, space, address, width, wide);
    } else {
        status = vpt_assign_access_read(&device->function->device, space, address, width, &wide);
        *value = (uint32_t)wide;
    }
    require_ok(status, "an access that was trapped");
}

void guest_access(struct guest *guest, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                  uint32_t *value)
{
    struct guest_device *device = NULL;
    const struct vpt_assign_region *region = find(guest, space, address, &device);

    if (region == NULL) {
        *value = write ? *value : UINT32_MAX >> (32u - 8u * width);
    } else if (region->trapped) {
        trap(guest, write, device, space, address, width, value);
    } else {
        pass(guest, write, region, address, width, value);
    }
}

uint32_t guest_read(struct guest *guest, enum vpt_assign_space space, uint64_t address, unsigned width)
{
    uint32_t value = 0;

    guest_access(guest, false, space, address, width, &value);
    return value;
}

void guest_write(struct guest *guest, enum vpt_assign_space space, uint64_t address, unsigned width, uint32_t value)
{
    guest_access(guest, true, space, address, width, &value);
}
