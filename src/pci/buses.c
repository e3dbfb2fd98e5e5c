/* SPDX-License-Identifier: MIT */
/*
 * Does what firmware does on other machines: gives numbers to buses, windows to bridges and addresses to BARs
 * (PCI-to-PCI Bridge Architecture Specification 1.2, section 3.2.5). There is one pass, depth first: a bridge's windows
 * begin where the space of the bus above is free, and end where the last function behind the bridge ends.
 */
#include "../access.h"
#include "../log.h"
#include "pci_internal.h"

#define DECODING (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

#define BUSES      256u
#define FUNCTIONS  256u /* on a bus: 32 devices of 8 */
#define PER_DEVICE 8u

#define LAST_IO     0xffffu
#define IO_UNIT     0x1000u
#define MEMORY_UNIT 0x100000u

/* A window of any kind that begins here and ends at 0 is closed. */
#define CLOSED 0xfff0f000u

#define EXPRESS_CAPABILITY 0x10u
#define EXPRESS_FLAGS      2u /* offset; the kind of port is in bits 4 to 7 */
#define EXPRESS_ROOT_PORT  4u
#define EXPRESS_DOWNSTREAM 6u
#define EXPRESS_FROM_PCI   8u

/* The kinds of windows of a bridge. */
enum space { IO, MEMORY, PREFETCHABLE };
#define SPACES 3u

/* A bus whose functions are visited. All buses except the first are behind a bridge, whose windows are in `window`. */
struct bus {
    struct vpt_pci_window *windows; /* free space for functions on this bus */
    unsigned count;
    struct vpt_pci_address bridge;
    uint8_t number;
    uint16_t next; /* device and function to visit next, as in an address of configuration space */
    uint16_t end;
    struct vpt_pci_window window[SPACES];
    struct vpt_pci_window *from[SPACES]; /* the window of the bus above that contains it; NULL: none */
    uint64_t first[SPACES];
};

struct walk {
    struct vpt_pci_function function; /* the one that is visited */
    uint8_t last_bus;
    uint8_t last_given;
    unsigned kinds; /* bit n: there are windows for BARs of kind n */
    unsigned depth;
    bool done;
    enum vpt_status status; /* the first error */
    struct bus bus[VPT_PCI_BRIDGES_DEEP + 1u];
};

/* Logs an error, and keeps the first one. After an error at one function, other functions still get addresses. */
static void note(struct walk *walk, const char *subject, enum vpt_status status)
{
    if (status != VPT_OK) {
        (void)vpt_log(walk->function.port, VPT_LOG_WARNING, subject, status);
        walk->status = vpt_pci_first_error(walk->status, status);
    }
}

/* ---- Registers of a bridge ---- */

/* VPT_DEVICE_PCI_BRIDGE: the bits of `mask` do not hold what was written. */
static enum vpt_status put_register(const struct vpt_pci_function *bridge, unsigned offset, unsigned width,
                                    uint32_t value, uint32_t mask)
{
    uint32_t answer = 0;
    enum vpt_status status = vpt_pci_write(bridge, (uint16_t)offset, width, value);

    if (status == VPT_OK) {
        status = vpt_pci_read(bridge, (uint16_t)offset, width, &answer);
    }
    if (status != VPT_OK) {
        return status;
    }
    return (answer & mask) == value ? VPT_OK : VPT_DEVICE_PCI_BRIDGE;
}

static enum vpt_status put_buses(const struct vpt_pci_function *bridge, uint8_t secondary, uint8_t subordinate)
{
    uint32_t timer; /* the upper byte is no bus number */
    enum vpt_status status = vpt_pci_read(bridge, PCI_PRIMARY_BUS, 4, &timer);

    if (status != VPT_OK) {
        return status;
    }
    return put_register(bridge, PCI_PRIMARY_BUS, 4,
                        (timer & 0xff000000u) | (uint32_t)subordinate << 16 | (uint32_t)secondary << 8 |
                            bridge->address.bus,
                        PCI_ABSENT32);
}

/* VPT_DEVICE_PCI_BRIDGE: the bridge has no such window. */
static enum vpt_status put_window(const struct vpt_pci_function *bridge, unsigned space, uint64_t first, uint64_t last)
{
    uint32_t offset = space == PREFETCHABLE ? PCI_PREFETCHABLE_BASE : PCI_MEMORY_BASE;
    uint32_t low_first = (uint32_t)(first & PCI_ABSENT32);
    uint32_t low_last = (uint32_t)(last & PCI_ABSENT32);
    enum vpt_status status;

    if (space == IO) {
        status = put_register(bridge, PCI_IO_BASE, 2, (low_last & 0xf000u) | (low_first >> 8 & 0xf0u), 0xf0f0u);
        /* Some bridges have a register for the upper halves of the first and the last port. */
        return status == VPT_OK ? put_register(bridge, PCI_IO_BASE_UPPER, 4, 0, PCI_ABSENT32) : status;
    }
    status = put_register(bridge, offset, 4, (low_last & 0xfff00000u) | (low_first >> 16 & 0xfff0u), 0xfff0fff0u);
    if (status == VPT_OK && space == PREFETCHABLE) {
        status = put_register(bridge, PCI_PREFETCHABLE_BASE_UPPER, 4, (uint32_t)(first >> 32), PCI_ABSENT32);
    }
    if (status == VPT_OK && space == PREFETCHABLE) {
        status = put_register(bridge, PCI_PREFETCHABLE_LIMIT_UPPER, 4, (uint32_t)(last >> 32), PCI_ABSENT32);
    }
    return status;
}

/*
 * Returns where the functions behind a bridge end. Some ports of PCI Express show the one device behind them under
 * every number.
 */
static uint16_t end_behind(const struct vpt_pci_function *bridge)
{
    uint32_t flags = 0;
    uint16_t at;
    unsigned kind;

    if (vpt_pci_find_capability(bridge, EXPRESS_CAPABILITY, &at) != VPT_OK ||
        vpt_pci_read(bridge, (uint16_t)(at + EXPRESS_FLAGS), 2, &flags) != VPT_OK) {
        return FUNCTIONS;
    }
    kind = flags >> 4 & 0xfu;
    return kind == EXPRESS_ROOT_PORT || kind == EXPRESS_DOWNSTREAM || kind == EXPRESS_FROM_PCI ? PER_DEVICE : FUNCTIONS;
}

/* ---- Windows ---- */

static uint64_t window_unit(unsigned space)
{
    return space == IO ? IO_UNIT : MEMORY_UNIT;
}

/* Space for BARs that are not prefetchable is below 4 GiB; space above is for prefetchable BARs alone. */
static bool suits(const struct vpt_pci_window *window, unsigned space)
{
    if (window->full || window->kind != (space == IO ? VPT_PCI_BAR_IO : VPT_PCI_BAR_MEMORY)) {
        return false;
    }
    return space == IO || (space == PREFETCHABLE) == (window->prefetchable || window->next >= PCI_FOUR_GIB);
}

/* Finds what is left of a window up to `limit`, in whole units. Returns false if nothing is left. */
static bool whole_units(const struct vpt_pci_window *window, unsigned space, uint64_t limit, uint64_t *first,
                        uint64_t *last)
{
    uint64_t below = window_unit(space) - 1u;

    *first = (window->next + below) & ~below;
    *last = window->last < limit ? window->last : limit;
    if (*first < window->next || *last < below) {
        return false;
    }
    *last = ((*last + 1u) & ~below) - 1u;
    return *first <= *last;
}

/* Gives a bridge's window the largest free space on the bus above. */
static void take_window(struct bus *bus, const struct bus *above, unsigned space, uint64_t limit)
{
    struct vpt_pci_window *window = &bus->window[space];
    uint64_t first;
    uint64_t last;

    for (unsigned i = 0; i < above->count; i++) {
        if (!suits(&above->windows[i], space) || !whole_units(&above->windows[i], space, limit, &first, &last)) {
            continue;
        }
        if (bus->from[space] == NULL || last - first > window->last - window->next) {
            bus->from[space] = &above->windows[i];
            bus->first[space] = first;
            window->kind = above->windows[i].kind;
            window->prefetchable = space == PREFETCHABLE;
            window->next = first;
            window->last = last;
        }
    }
}

/* Closes all windows of a bridge, and finds space for the kinds that it has. */
static enum vpt_status take_windows(const struct vpt_pci_function *bridge, struct bus *bus, const struct bus *above)
{
    for (unsigned space = 0; space < SPACES; space++) {
        uint64_t limit = space == IO ? LAST_IO : PCI_FOUR_GIB - 1u;
        enum vpt_status status = put_window(bridge, space, CLOSED, 0);
        uint32_t base = 0;

        if (status == VPT_DEVICE_PCI_BRIDGE && space != MEMORY) {
            continue;
        }
        if (status == VPT_OK && space == PREFETCHABLE) {
            status = vpt_pci_read(bridge, PCI_PREFETCHABLE_BASE, 2, &base);
            limit = (base & 1u) != 0 ? PCI_ADDRESS_LAST : limit;
        }
        if (status != VPT_OK) {
            return status;
        }
        take_window(bus, above, space, limit);
    }
    return VPT_OK;
}

/* ---- Behind a bridge ---- */

static enum vpt_status enter(struct walk *walk)
{
    const struct vpt_pci_function *bridge = &walk->function;
    unsigned depth = walk->depth;
    struct bus *bus;
    enum vpt_status status;

    if (depth >= VPT_PCI_BRIDGES_DEEP || walk->last_given >= walk->last_bus) {
        return VPT_RESOURCE_PCI_BUSES;
    }
    bus = &walk->bus[depth + 1u];
    vpt_zero(bus, sizeof(*bus));
    bus->windows = bus->window;
    bus->count = SPACES;
    bus->bridge = bridge->address;
    bus->number = (uint8_t)(walk->last_given + 1u);
    bus->end = end_behind(bridge);
    status = vpt_pci_command(bridge, 0, DECODING | VPT_PCI_COMMAND_BUS_MASTER);
    if (status == VPT_OK) {
        status = take_windows(bridge, bus, &walk->bus[depth]);
    }
    if (status == VPT_OK) {
        status = put_buses(bridge, bus->number, walk->last_bus); /* until leave(), all buses may be behind it */
        if (status != VPT_OK) {
            (void)put_buses(bridge, 0, 0);
        }
    }
    if (status == VPT_OK) {
        walk->last_given = bus->number;
        walk->depth = depth + 1u;
    }
    return status;
}

/* Opens a window for the part of its space that is used, and takes this part from the bus above. */
static enum vpt_status open_window(const struct vpt_pci_function *bridge, struct bus *bus, unsigned space,
                                   uint16_t *command)
{
    const struct vpt_pci_window *window = &bus->window[space];
    struct vpt_pci_window *from = bus->from[space];
    uint64_t last = (window->full ? window->last : window->next - 1u) | (window_unit(space) - 1u);

    if (from == NULL || (!window->full && window->next == bus->first[space])) {
        return VPT_OK;
    }
    from->next = last + 1u;
    from->full = last == from->last;
    *command |= space == IO ? VPT_PCI_COMMAND_IO : VPT_PCI_COMMAND_MEMORY;
    return put_window(bridge, space, bus->first[space], last);
}

/* Called when all functions of the bus at this depth (not 0) have been visited. */
static void leave(struct walk *walk, unsigned depth)
{
    struct bus *bus = &walk->bus[depth];
    uint16_t command = VPT_PCI_COMMAND_BUS_MASTER;
    enum vpt_status status;

    walk->depth = depth - 1u;
    walk->function.address = bus->bridge;
    status = put_buses(&walk->function, bus->number, walk->last_given);
    for (unsigned space = 0; space < SPACES; space++) {
        status = vpt_pci_first_error(status, open_window(&walk->function, bus, space, &command));
    }
    if (status == VPT_OK) {
        status = vpt_pci_command(&walk->function, command, 0);
    }
    note(walk, "bridge", status);
}

/* ---- Functions ---- */

/* BARs behind a bridge without a number could not be reached, so what their registers hold is no address. */
static enum vpt_status give_addresses(struct walk *walk)
{
    const struct bus *bus = &walk->bus[walk->depth];
    unsigned which[VPT_PCI_BAR_BROKEN + 1u] = { 0, 0, 0, 0 };
    struct vpt_pci_bars bars;
    enum vpt_status status = vpt_pci_bars_size(&walk->function, &bars);

    for (unsigned i = 0; i < VPT_PCI_BARS_MAX && status == VPT_OK; i++) {
        which[(unsigned)bars.bar[i].kind & 3u] |= 1u << i;
        bars.bar[i].address = walk->depth != 0 ? 0 : bars.bar[i].address;
    }
    for (unsigned kind = VPT_PCI_BAR_MEMORY; kind <= VPT_PCI_BAR_IO; kind++) {
        if ((walk->kinds >> kind & 1u) != 0) {
            status = vpt_pci_first_error(
                status, vpt_pci_bars_place(&walk->function, &bars, which[kind], bus->windows, bus->count));
        }
    }
    return status;
}

/*
 * On the first bus, firmware has set up the functions that decode and the bridges with numbers. Behind a bridge that
 * had no number, it has set up nothing.
 */
static void configure_function(struct walk *walk, const struct vpt_pci_identity *identity)
{
    const struct vpt_pci_function *function = &walk->function;
    bool first = walk->depth == 0;
    uint16_t command;
    enum vpt_status status;

    if (first && vpt_pci_bridge_numbered(function, identity, walk->last_bus)) {
        return;
    }
    status = vpt_pci_command_read(function, &command);
    if (status == VPT_OK && !first) {
        status = vpt_pci_command(function, 0, DECODING | VPT_PCI_COMMAND_BUS_MASTER);
        command = 0;
    }
    if (status == VPT_OK && (command & DECODING) == 0) {
        status = give_addresses(walk);
    }
    note(walk, "BARs", status);
    if (identity->header_type == PCI_HEADER_BRIDGE) {
        note(walk, "bridge", enter(walk));
    }
}

static void take_step(struct walk *walk)
{
    unsigned depth = walk->depth <= VPT_PCI_BRIDGES_DEEP ? walk->depth : 0;
    struct bus *bus = &walk->bus[depth];
    struct vpt_pci_address *address = &walk->function.address;
    struct vpt_pci_identity identity;
    enum vpt_status status;

    if (bus->next >= bus->end) {
        walk->done = depth == 0;
        if (depth != 0) {
            leave(walk, depth);
        }
        return;
    }
    address->bus = bus->number;
    address->device = (uint8_t)(bus->next / PER_DEVICE);
    address->function = (uint8_t)(bus->next % PER_DEVICE);
    status = vpt_pci_identify(&walk->function, &identity);
    bus->next = (uint16_t)(bus->next + (address->function == 0 && !identity.multi_function ? PER_DEVICE : 1u));
    if (status == VPT_OK) {
        configure_function(walk, &identity);
    } else if (status != VPT_EMPTY_SLOT) {
        note(walk, "configuration", status);
    }
}

/* ---- All buses ---- */

static bool find_last(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    struct walk *walk = ctx;

    if (vpt_pci_bridge_numbered(function, identity, walk->last_bus) && identity->subordinate_bus > walk->last_given) {
        walk->last_given = identity->subordinate_bus;
    }
    return true;
}

enum vpt_status vpt_pci_buses_place(const struct vpt_port *port, uint16_t segment, uint8_t first_bus, uint8_t last_bus,
                                    struct vpt_pci_window *windows, unsigned count)
{
    struct walk walk;
    struct bus *first = &walk.bus[0];

    if (port == NULL || last_bus < first_bus || (windows == NULL && count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(&walk, sizeof(walk));
    walk.function.port = port;
    walk.function.address.segment = segment;
    walk.last_bus = last_bus;
    walk.last_given = first_bus;
    walk.status = vpt_pci_enumerate(port, segment, first_bus, last_bus, find_last, &walk);
    if (walk.status != VPT_OK) {
        return walk.status;
    }
    first->windows = windows;
    first->count = count;
    first->number = first_bus;
    first->end = FUNCTIONS;
    for (unsigned i = 0; i < count; i++) {
        walk.kinds |= 1u << ((unsigned)windows[i].kind & 3u);
    }
    /* Every bus has its own number, which limits how many functions there are, and how often a bus ends. */
    for (unsigned i = 0; i < BUSES * (FUNCTIONS + 1u) && !walk.done; i++) {
        take_step(&walk);
    }
    return walk.status;
}
