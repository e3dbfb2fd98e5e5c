/* SPDX-License-Identifier: MIT */
/* The bus: its port functions, and who answers an access. */
#include "mock_pci_bus.h"

#include <inttypes.h>
#include <string.h>

#include "mock_device.h"
#include "mock_pci_bus_internal.h"

#define ALL_ONES UINT32_C(0xffffffff)

uint32_t mock_pci_ones(unsigned width)
{
    return width >= 4 ? ALL_ONES : (UINT32_C(1) << (8u * width)) - 1u;
}

/* ---- Configuration space ---- */

/* False and a violation: no access that the port's contract allows. */
static bool allowed(struct mock_pci_bus *bus, uint16_t offset, unsigned width, uint32_t value)
{
    if ((width != 1 && width != 2 && width != 4) || offset % width != 0 || offset >= MOCK_PCI_CONFIG_SIZE) {
        mock_breach(&bus->hal->violations, "configuration access of width %u at offset 0x%x", width, offset);
        return false;
    }
    if ((value & ~mock_pci_ones(width)) != 0) {
        mock_breach(&bus->hal->violations, "configuration write of 0x%" PRIx32 " in width %u", value, width);
        return false;
    }
    return true;
}

/* Whether all bridges in front pass accesses to this bus number on. */
static bool routed(const struct mock_pci_function *function, uint8_t number)
{
    for (const struct mock_pci_function *bridge = function->behind; bridge != NULL; bridge = bridge->behind) {
        uint8_t secondary = bridge->config[HEADER_BRIDGE_BUS + 1u];

        if (bridge->gone || secondary == 0 || number < secondary || number > bridge->config[HEADER_BRIDGE_BUS + 2u]) {
            return false;
        }
    }
    return true;
}

struct mock_pci_function *mock_pci_bus_find(const struct mock_pci_bus *bus, const struct vpt_pci_address *address)
{
    for (unsigned i = 0; i < bus->function_count; i++) {
        struct mock_pci_function *function = bus->functions[i];

        if (function->address.segment == address->segment && mock_pci_bus_number(function) == address->bus &&
            function->address.device == address->device && function->address.function == address->function &&
            routed(function, address->bus)) {
            return function;
        }
    }
    return NULL;
}

/* Who answers a configuration access, and the access as lies know it; NULL: nobody. */
static struct mock_pci_function *target(struct mock_pci_bus *bus, const struct vpt_pci_address *address,
                                        struct mock_access *access)
{
    struct mock_pci_function *function = mock_pci_bus_find(bus, address);

    if (address->device > 31 || address->function > 7) {
        mock_violation(&bus->hal->violations, "configuration access to device %u function %u", address->device,
                       address->function);
    }
    if (function == NULL || access->offset >= bus->config_size) {
        return NULL;
    }
    if (function->liar != NULL) {
        mock_access_begin(function->liar, access);
    }
    if (mock_trigger_fires(&function->vanish)) {
        function->gone = true;
    }
    return function->gone ? NULL : function;
}

static bool overlaps(const struct mock_pci_hook *hook, uint16_t offset, unsigned width)
{
    return offset <= hook->last && hook->first <= offset + width - 1u;
}

static enum vpt_status config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    struct mock_pci_bus *bus = ctx;
    struct mock_access access = { .space = MOCK_SPACE_PCI_CONFIGURATION, .offset = offset, .width = width };
    struct mock_pci_function *function;

    bus->sequence++;
    *value = ALL_ONES;
    if (!allowed(bus, offset, width, 0)) {
        return VPT_OK;
    }
    if (mock_trigger_fires(&bus->fail_read)) {
        return bus->fail_status;
    }
    *value = mock_pci_ones(width);
    function = target(bus, address, &access);
    if (function == NULL) {
        return VPT_OK;
    }
    function->config_reads++;
    for (unsigned i = 0; i < function->hook_count; i++) {
        const struct mock_pci_hook *hook = &function->hooks[i];

        if (hook->before_read != NULL && overlaps(hook, offset, width)) {
            hook->before_read(hook->ctx, function, offset, width);
        }
    }
    *value = mock_pci_get(function, offset, width);
    if (function->liar != NULL) {
        *value = mock_access_read(function->liar, &access, *value);
    }
    return VPT_OK;
}

static void store(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t *byte = &function->config[offset + i];
        uint8_t mask = function->writable[offset + i];
        uint8_t written = (uint8_t)(value >> (8u * i));

        *byte = (uint8_t)((*byte & ~mask) | (written & mask));
        *byte = (uint8_t)(*byte & ~(written & function->clear[offset + i]));
    }
}

static void log_command(struct mock_pci_function *function)
{
    if (function->command_count < MOCK_PCI_LOG) {
        function->commands[function->command_count] =
            (struct mock_pci_command){ function->bus->sequence, mock_pci_command(function) };
    }
    function->command_count++;
}

static enum vpt_status config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value)
{
    struct mock_pci_bus *bus = ctx;
    struct mock_access access = {
        .space = MOCK_SPACE_PCI_CONFIGURATION, .offset = offset, .width = width, .write = true
    };
    struct mock_pci_function *function;

    bus->sequence++;
    if (!allowed(bus, offset, width, value)) {
        return VPT_OK;
    }
    if (mock_trigger_fires(&bus->fail_write)) {
        return bus->fail_status;
    }
    function = target(bus, address, &access);
    if (function == NULL || (function->liar != NULL && !mock_access_write(function->liar, &access, &value))) {
        return VPT_OK;
    }
    function->config_writes++;
    if (!bus->rules_off) {
        mock_pci_rules(function, offset, width, value);
    }
    store(function, offset, width, value);
    if (offset <= HEADER_COMMAND + 1u && offset + width > HEADER_COMMAND) {
        log_command(function);
    }
    for (unsigned i = 0; i < function->hook_count; i++) {
        const struct mock_pci_hook *hook = &function->hooks[i];

        if (hook->after_write != NULL && overlaps(hook, offset, width)) {
            hook->after_write(hook->ctx, function, offset, width);
        }
    }
    mock_pci_msix_deliver(function);
    return VPT_OK;
}

/* ---- Accesses by BAR ---- */

struct decoded {
    struct mock_pci_function *function; /* NULL: nobody decodes it */
    unsigned bar;
    uint64_t offset;
};

static bool decodes(const struct mock_pci_function *function, unsigned index, bool io, uint64_t address)
{
    const struct mock_pci_bar *bar = &function->bars[index];
    uint16_t command = mock_pci_command(function);
    uint64_t first = mock_pci_bar_address(function, index);

    if (function->gone || bar->size == 0 || bar->io != io || first == 0) {
        return false;
    }
    if ((command & (io ? COMMAND_IO : COMMAND_MEMORY)) == 0) {
        return false;
    }
    if (index == MOCK_PCI_ROM && (mock_pci_get(function, mock_pci_bar_register(function, index), 4) & 1u) == 0) {
        return false;
    }
    for (const struct mock_pci_function *bridge = function->behind; bridge != NULL; bridge = bridge->behind) {
        if (bridge->gone || !mock_pci_bridge_forwards(bridge, io, address, address)) {
            return false;
        }
    }
    return address >= first && address - first < bar->size;
}

static struct decoded decode(struct mock_pci_bus *bus, bool io, uint64_t address, unsigned width)
{
    struct decoded found = { NULL, 0, 0 };

    bus->sequence++;
    for (unsigned i = 0; i < bus->function_count; i++) {
        for (unsigned bar = 0; bar < MOCK_PCI_BARS; bar++) {
            if (!decodes(bus->functions[i], bar, io, address)) {
                continue;
            }
            if (found.function != NULL) {
                mock_violation(&bus->hal->violations, "two BARs decode 0x%" PRIx64, address);
            }
            found.function = bus->functions[i];
            found.bar = bar;
            found.offset = address - mock_pci_bar_address(found.function, bar);
        }
    }
    if (found.function == NULL) {
        bus->undecoded++;
        if (!bus->undecoded_allowed) {
            mock_violation(&bus->hal->violations, "no BAR decodes %s 0x%" PRIx64, io ? "port" : "address", address);
        }
    } else if (width > found.function->bars[found.bar].size - found.offset) {
        mock_violation(&bus->hal->violations, "access past the end of BAR %u", found.bar);
        found.function = NULL;
    }
    return found;
}

/* An access that nobody answers: a function that is gone may come back at it. */
static void miss(struct mock_pci_bus *bus, uint64_t address, unsigned width, bool write)
{
    for (unsigned i = 0; i < bus->function_count; i++) {
        struct mock_access access = { .space = MOCK_SPACE_REGISTER, .offset = address, .width = width, .write = write };

        if (bus->functions[i]->gone && bus->functions[i]->liar != NULL) {
            mock_access_begin(bus->functions[i]->liar, &access);
        }
    }
}

static uint32_t access_read(struct mock_pci_bus *bus, bool io, uint64_t address, unsigned width)
{
    struct decoded found = decode(bus, io, address, width);
    const struct mock_pci_bar *bar;

    if (found.function == NULL) {
        miss(bus, address, width, false);
        return mock_pci_ones(width);
    }
    bar = &found.function->bars[found.bar];
    if (mock_pci_msix_claims(found.function, found.bar, found.offset)) {
        return mock_pci_msix_read(found.function, found.bar, found.offset, width);
    }
    return bar->ops != NULL ? bar->ops->read(bar->front_end, (size_t)found.offset, width) : 0;
}

static void access_write(struct mock_pci_bus *bus, bool io, uint64_t address, unsigned width, uint32_t value)
{
    struct decoded found = decode(bus, io, address, width);
    const struct mock_pci_bar *bar;

    if (found.function == NULL) {
        miss(bus, address, width, true);
        return;
    }
    bar = &found.function->bars[found.bar];
    if (mock_pci_msix_claims(found.function, found.bar, found.offset)) {
        mock_pci_msix_write(found.function, found.bar, found.offset, width, value);
    } else if (bar->ops != NULL) {
        bar->ops->write(bar->front_end, (size_t)found.offset, width, value);
    }
}

static bool io_allowed(struct mock_pci_bus *bus, uint16_t io_port, unsigned width, uint32_t value)
{
    if ((width != 1 && width != 2 && width != 4) || width > UINT32_C(0x10000) - io_port) {
        mock_breach(&bus->hal->violations, "port access of width %u at 0x%x", width, io_port);
        return false;
    }
    if ((value & ~mock_pci_ones(width)) != 0) {
        mock_breach(&bus->hal->violations, "port write of 0x%" PRIx32 " in width %u", value, width);
        return false;
    }
    return true;
}

static uint32_t io_read(void *ctx, uint16_t io_port, unsigned width)
{
    return io_allowed(ctx, io_port, width, 0) ? access_read(ctx, true, io_port, width) : ALL_ONES;
}

static void io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    if (io_allowed(ctx, io_port, width, value)) {
        access_write(ctx, true, io_port, width, value);
    }
}

static uint32_t aperture_read(void *front_end, size_t offset, unsigned width)
{
    const struct mock_pci_aperture *aperture = front_end;

    return access_read(aperture->bus, false, aperture->physical + offset, width);
}

static void aperture_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    const struct mock_pci_aperture *aperture = front_end;

    access_write(aperture->bus, false, aperture->physical + offset, width, value);
}

static const struct mock_window_ops aperture_ops = { aperture_read, aperture_write };

void *mock_pci_bus_aperture(struct mock_pci_bus *bus, uint64_t physical, size_t size)
{
    struct mock_pci_aperture *aperture;

    if (bus->aperture_count == MOCK_PCI_APERTURES) {
        return NULL;
    }
    aperture = &bus->apertures[bus->aperture_count++];
    *aperture = (struct mock_pci_aperture){ bus, physical };
    return mock_hal_add_window(bus->hal, &aperture_ops, aperture, physical, size);
}

/* ---- What the port has of the hal ---- */

static const struct vpt_port *below(void *ctx)
{
    return &((struct mock_pci_bus *)ctx)->hal->port;
}

static enum vpt_status dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory)
{
    return below(ctx)->dma_allocate(below(ctx)->ctx, size, alignment, limit, flags, memory);
}

static void dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    below(ctx)->dma_free(below(ctx)->ctx, memory, flags);
}

static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    return below(ctx)->mmio_map(below(ctx)->ctx, physical, size, intent, mapping);
}

static void mmio_unmap(void *ctx, void *mapping, size_t size)
{
    below(ctx)->mmio_unmap(below(ctx)->ctx, mapping, size);
}

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    return below(ctx)->mmio_read(below(ctx)->ctx, mapping, offset, width);
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    below(ctx)->mmio_write(below(ctx)->ctx, mapping, offset, width, value);
}

static enum vpt_status share(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared)
{
    return below(ctx)->share(below(ctx)->ctx, buffer, size, direction, access_platform, shared);
}

static void unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform)
{
    below(ctx)->unshare(below(ctx)->ctx, buffer, shared, direction, access_platform);
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    return below(ctx)->keep_waiting(below(ctx)->ctx, what, iteration);
}

static void log_line(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes)
{
    below(ctx)->log(below(ctx)->ctx, level, subject, status, bytes);
}

void mock_pci_bus_init(struct mock_pci_bus *bus, struct mock_hal *hal)
{
    memset(bus, 0, sizeof(*bus));
    bus->hal = hal;
    bus->config_size = MOCK_PCI_CONFIG_SIZE;
    bus->fail_status = (enum vpt_status)(VPT_PORT_ERROR_FIRST + 11);
    bus->port = (struct vpt_port){
        .ctx = bus,
        .dma_allocate = dma_allocate,
        .dma_free = dma_free,
        .io_read = io_read,
        .io_write = io_write,
        .config_read = config_read,
        .config_write = config_write,
        .mmio_map = mmio_map,
        .mmio_unmap = mmio_unmap,
        .mmio_read = mmio_read,
        .mmio_write = mmio_write,
        .share = share,
        .unshare = unshare,
        .keep_waiting = keep_waiting,
        .log = log_line,
    };
}

void mock_pci_bus_add(struct mock_pci_bus *bus, struct mock_pci_function *function, uint16_t segment, uint8_t number,
                      uint8_t device, uint8_t which)
{
    struct vpt_pci_address address = { segment, number, device, which };

    if (bus->function_count == MOCK_PCI_FUNCTIONS || mock_pci_bus_find(bus, &address) != NULL || device > 31 ||
        which > 7) {
        mock_violation(&bus->hal->violations, "the test adds a function where none can be");
        return;
    }
    function->bus = bus;
    function->address = address;
    bus->functions[bus->function_count++] = function;
}

void mock_pci_bus_add_behind(struct mock_pci_bus *bus, struct mock_pci_function *function,
                             struct mock_pci_function *bridge, uint8_t device, uint8_t which)
{
    if (bus->function_count == MOCK_PCI_FUNCTIONS || device > 31 || which > 7) {
        mock_violation(&bus->hal->violations, "the test adds a function where none can be");
        return;
    }
    function->bus = bus;
    function->behind = bridge;
    function->address = (struct vpt_pci_address){ bridge->address.segment, 0, device, which };
    bus->functions[bus->function_count++] = function;
}

uint8_t mock_pci_bus_number(const struct mock_pci_function *function)
{
    return function->behind != NULL ? function->behind->config[HEADER_BRIDGE_BUS + 1u] : function->address.bus;
}
