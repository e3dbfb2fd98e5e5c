/* SPDX-License-Identifier: MIT */
/* The bus: its port functions, and who answers an access. */
#include "mock_pci_bus.h"

#include <inttypes.h>
#include <string.h>

#include "mock_device.h"
#include "mock_order.h"
#include "mock_internal.h"

/* Whether the port's contract allows an access to a space of `size` bytes. */
static bool allowed(struct mock_pci_bus *bus, const char *space, uint32_t offset, uint32_t size, unsigned width,
                    uint32_t value)
{
    return mock_require_always(&bus->hal->violations,
                               (width == 1 || width == 2 || width == 4) && width <= size && offset <= size - width,
                               "%s access of width %u at offset 0x%" PRIx32, space, width, offset) &&
           mock_require_always(&bus->hal->violations, (value & ~mock_ones(width)) == 0,
                               "%s write of 0x%" PRIx32 " in width %u", space, value, width);
}

static bool config_allowed(struct mock_pci_bus *bus, uint16_t offset, unsigned width, uint32_t value)
{
    return allowed(bus, "configuration", offset, MOCK_PCI_CONFIG_SIZE, width, value) &&
           mock_require_always(&bus->hal->violations, offset % width == 0,
                               "configuration access of width %u at offset 0x%x", width, offset);
}

/* Whether all bridges in front forward accesses to this bus number. */
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

/* The function that answers a configuration access, or NULL; lies fire. */
static struct mock_pci_function *target(struct mock_pci_bus *bus, const struct vpt_pci_address *address,
                                        struct mock_access *access)
{
    struct mock_pci_function *function = mock_pci_bus_find(bus, address);

    mock_require(&bus->hal->violations, address->device <= 31 && address->function <= 7,
                 "configuration access to device %u function %u", address->device, address->function);
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

static void call_hooks(struct mock_pci_function *function, uint16_t offset, unsigned width, bool write)
{
    for (unsigned i = 0; i < function->hook_count; i++) {
        const struct mock_pci_hook *hook = &function->hooks[i];
        void (*call)(void *, struct mock_pci_function *, uint16_t, unsigned) =
            write ? hook->after_write : hook->before_read;

        if (call != NULL && offset <= hook->last && hook->first <= offset + width - 1u) {
            call(hook->ctx, function, offset, width);
        }
    }
}

static enum vpt_status config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    struct mock_pci_bus *bus = ctx;
    struct mock_access access = { .space = MOCK_SPACE_PCI_CONFIGURATION, .offset = offset, .width = width };
    struct mock_pci_function *function;

    bus->sequence++;
    *value = UINT32_MAX;
    if (!config_allowed(bus, offset, width, 0)) {
        return VPT_OK;
    }
    if (mock_trigger_fires(&bus->fail_read)) {
        return bus->fail_status;
    }
    *value = mock_ones(width);
    function = target(bus, address, &access);
    if (function == NULL) {
        return VPT_OK;
    }
    function->config_reads++;
    call_hooks(function, offset, width, false);
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
    if (!config_allowed(bus, offset, width, value)) {
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
    call_hooks(function, offset, width, true);
    mock_pci_msix_deliver(function);
    return VPT_OK;
}

static bool decodes(const struct mock_pci_function *function, unsigned index, bool io, uint64_t address)
{
    const struct mock_pci_bar *bar = &function->bars[index];
    uint16_t command = mock_pci_command(function);
    uint64_t first = mock_pci_bar_address(function, index);

    if (function->gone || bar->size == 0 || bar->io != io || first == 0 ||
        (command & (io ? COMMAND_IO : COMMAND_MEMORY)) == 0 ||
        (index == MOCK_PCI_ROM && (mock_pci_get(function, mock_pci_bar_register(function, index), 4) & 1u) == 0)) {
        return false;
    }
    for (const struct mock_pci_function *bridge = function->behind; bridge != NULL; bridge = bridge->behind) {
        if (bridge->gone || !mock_pci_bridge_forwards(bridge, io, address, address)) {
            return false;
        }
    }
    return address >= first && address - first < bar->size;
}

/* The function that decodes an address, and which of its BARs; NULL: none. */
static struct mock_pci_function *decode(struct mock_pci_bus *bus, bool io, uint64_t address, unsigned *bar)
{
    struct mock_violations *violations = &bus->hal->violations;
    struct mock_pci_function *found = NULL;

    bus->sequence++;
    for (unsigned i = 0; i < bus->function_count; i++) {
        for (unsigned index = 0; index < MOCK_PCI_BARS; index++) {
            if (decodes(bus->functions[i], index, io, address)) {
                mock_require(violations, found == NULL, "two BARs decode 0x%" PRIx64, address);
                found = bus->functions[i];
                *bar = index;
            }
        }
    }
    if (found == NULL) {
        bus->undecoded++;
        mock_require(violations, bus->undecoded_allowed, "no BAR decodes %s 0x%" PRIx64, io ? "port" : "address",
                     address);
    }
    return found;
}

/* An access that nobody answers: lies of a function that is gone fire, and may bring it back. */
static void miss(struct mock_pci_bus *bus, uint64_t address, unsigned width, bool write)
{
    for (unsigned i = 0; i < bus->function_count; i++) {
        struct mock_access access = { .space = MOCK_SPACE_REGISTER, .offset = address, .width = width, .write = write };

        if (bus->functions[i]->gone && bus->functions[i]->liar != NULL) {
            mock_access_begin(bus->functions[i]->liar, &access);
        }
    }
}

/* An access by BAR. `written` is NULL for a read, whose value it returns. */
static uint32_t access_bar(struct mock_pci_bus *bus, bool io, uint64_t address, unsigned width, const uint32_t *written)
{
    unsigned index = 0;
    struct mock_pci_function *function = decode(bus, io, address, &index);
    uint64_t offset = function != NULL ? address - mock_pci_bar_address(function, index) : 0;
    const struct mock_pci_bar *bar = function != NULL ? &function->bars[index] : NULL;

    if (bar == NULL ||
        !mock_require(&bus->hal->violations, width <= bar->size - offset, "access past the end of BAR %u", index)) {
        miss(bus, address, width, written != NULL);
        return mock_ones(width);
    }
    if (mock_pci_msix_claims(function, index, offset)) {
        return mock_pci_msix_access(function, index, offset, width, written);
    }
    if (bar->ops != NULL && written == NULL) {
        return bar->ops->read(bar->front_end, (size_t)offset, width);
    }
    if (bar->ops != NULL) {
        bar->ops->write(bar->front_end, (size_t)offset, width, *written);
    }
    return 0;
}

static uint32_t io_read(void *ctx, uint16_t io_port, unsigned width)
{
    return allowed(ctx, "port", io_port, 0x10000, width, 0) ? access_bar(ctx, true, io_port, width, NULL) : UINT32_MAX;
}

static void io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    if (allowed(ctx, "port", io_port, 0x10000, width, value)) {
        (void)access_bar(ctx, true, io_port, width, &value);
    }
}

static uint32_t aperture_read(void *front_end, size_t offset, unsigned width)
{
    const struct mock_pci_aperture *aperture = front_end;

    return access_bar(aperture->bus, false, aperture->physical + offset, width, NULL);
}

static void aperture_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    const struct mock_pci_aperture *aperture = front_end;

    (void)access_bar(aperture->bus, false, aperture->physical + offset, width, &value);
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

void mock_pci_bus_init(struct mock_pci_bus *bus, struct mock_hal *hal)
{
    memset(bus, 0, sizeof(*bus));
    bus->hal = hal;
    bus->config_size = MOCK_PCI_CONFIG_SIZE;
    bus->fail_status = (enum vpt_status)(VPT_PORT_ERROR_FIRST + 11);
    bus->port = hal->port; /* those functions find the hal by the context */
    bus->port.ctx = bus;
    bus->port.io_read = io_read;
    bus->port.io_write = io_write;
    bus->port.config_read = config_read;
    bus->port.config_write = config_write;
}

static void add(struct mock_pci_bus *bus, struct mock_pci_function *function, const struct vpt_pci_address *address)
{
    if (mock_require(&bus->hal->violations,
                     bus->function_count < MOCK_PCI_FUNCTIONS && address->device <= 31 && address->function <= 7 &&
                         (function->behind != NULL || mock_pci_bus_find(bus, address) == NULL),
                     "the test adds a function where none can be")) {
        function->bus = bus;
        function->address = *address;
        bus->functions[bus->function_count++] = function;
    }
}

void mock_pci_bus_add(struct mock_pci_bus *bus, struct mock_pci_function *function, uint16_t segment, uint8_t number,
                      uint8_t device, uint8_t which)
{
    add(bus, function, &(struct vpt_pci_address){ segment, number, device, which });
}

void mock_pci_bus_add_behind(struct mock_pci_bus *bus, struct mock_pci_function *function,
                             struct mock_pci_function *bridge, uint8_t device, uint8_t which)
{
    function->behind = bridge;
    add(bus, function, &(struct vpt_pci_address){ bridge->address.segment, 0, device, which });
}

uint8_t mock_pci_bus_number(const struct mock_pci_function *function)
{
    return function->behind != NULL ? function->behind->config[HEADER_BRIDGE_BUS + 1u] : function->address.bus;
}
