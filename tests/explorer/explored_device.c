/* SPDX-License-Identifier: MIT */
/*
 * A device written from the specification: virtio-mmio version 2, one queue, split or packed (sections 2.7, 2.8 and
 * 4.2). It does in every order what a device may do: it completes requests at once or after others have come, in any
 * order, it decides about an interrupt after each or after several, and wants no kicks meanwhile, or does.
 */
#include "explored_device.h"

#include "explorer.h"

#define ENTRIES_MAX 4u

#define FLAG_NEXT      1u
#define FLAG_AVAILABLE 0x80u
#define FLAG_USED      0x8000u

#define EVENT_ENABLE     0u
#define EVENT_DISABLE    1u
#define EVENT_DESCRIPTOR 2u
#define EVENT_WRAP       0x8000u

uint8_t data[TOKENS_MAX][64];
uint8_t device_registers[0x200]; /* only its address is used */

struct request {
    uint16_t id;
    uint16_t entries;
    uint32_t token;
};

static struct {
    /* Registers. */
    uint32_t status;
    uint32_t features_select;
    uint32_t size;
    uint32_t ready;
    uint32_t interrupt_status;
    uint64_t areas[3];

    /* The queue. Indexes count requests, or entries of a packed ring. */
    uint32_t available;
    uint32_t used;
    uint32_t signalled;
    uint32_t returned; /* requests */
    uint32_t request_count;
    struct request requests[ENTRIES_MAX]; /* taken and not used */

    uint32_t used_tokens; /* a bit each */
    uint32_t taken_tokens;
} device;

bool device_has_used(unsigned token)
{
    return (device.used_tokens >> token & 1u) != 0;
}

void device_forget(void)
{
    device.used_tokens = 0;
    device.taken_tokens = 0;
}

uint32_t device_returned(void)
{
    return device.returned;
}

/* ---- Registers ---- */

static uint32_t features(uint32_t word)
{
    if (word == 0) {
        return scenario->event_idx ? 1u << VPT_F_EVENT_IDX : 0u;
    }
    return 1u << (VPT_F_VERSION_1 - 32u) | (scenario->packed ? 1u << (VPT_F_RING_PACKED - 32u) : 0u) |
           (scenario->in_order ? 1u << (VPT_F_IN_ORDER - 32u) : 0u) |
           (scenario->machine == MACHINE_PLATFORM ? 1u << (VPT_F_ORDER_PLATFORM - 32u) : 0u);
}

static uint32_t read_register(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    (void)mapping;
    (void)width;
    explorer_register(scenario->machine == MACHINE_TCG, "reads a register");
    switch (offset) {
    case 0x000: return 0x74726976u;
    case 0x004: return 2;
    case 0x008: return VPT_DEVICE_TYPE_ENTROPY;
    case 0x010: return device.features_select < 2u ? features(device.features_select) : 0;
    case 0x034: return scenario->size;
    case 0x044: return device.ready;
    case 0x060: return device.interrupt_status;
    case 0x070: return device.status;
    default: return 0;
    }
}

static void write_status(uint32_t value)
{
    if (value == 0) {
        explorer_restart_device();
        device.ready = 0;
        device.interrupt_status = 0;
        device.available = 0;
        device.used = 0;
        device.signalled = 0;
        device.request_count = 0;
        device.returned = 0;
    }
    device.status = value;
}

static void write_area(size_t offset, uint32_t value)
{
    uint64_t *area = &device.areas[(offset - 0x080u) / 0x10u];

    *area = (offset & 4u) != 0 ? (*area & UINT32_MAX) | (uint64_t)value << 32 : (*area & ~(uint64_t)UINT32_MAX) | value;
}

static void write_register(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)mapping;
    (void)width;
    if (offset == 0x050) {
        explorer_signal();
        return;
    }
    explorer_register(true, "writes a register");
    switch (offset) {
    case 0x014: device.features_select = value; break;
    case 0x038: device.size = value; break;
    case 0x044: device.ready = value; break;
    case 0x064: device.interrupt_status &= ~value; break;
    case 0x070: write_status(value); break;
    default:
        if (offset >= 0x080 && offset <= 0x0a4) {
            write_area(offset, value);
        }
        break;
    }
}

void device_interrupt(void)
{
    device.interrupt_status |= VPT_INTERRUPT_QUEUE;
}

bool device_line(void)
{
    return device.interrupt_status != 0;
}

/* ---- The rings ---- */

static uint8_t *descriptor(uint32_t index)
{
    return (uint8_t *)(uintptr_t)device.areas[0] + 16u * (index % device.size);
}

static uint8_t *driver_area(uint32_t offset)
{
    return (uint8_t *)(uintptr_t)device.areas[1] + offset;
}

static uint8_t *device_area(uint32_t offset)
{
    return (uint8_t *)(uintptr_t)device.areas[2] + offset;
}

static uint16_t load16(const uint8_t *address)
{
    return (uint16_t)explorer_load(address, 2);
}

/* Whether a packed ring's wrap counter is 1 at this entry, counted from the beginning. */
static bool wrap_of(uint32_t entry)
{
    return entry / device.size % 2u == 0;
}

static uint16_t event_of(uint32_t entry)
{
    return (uint16_t)(entry % device.size | (wrap_of(entry) ? EVENT_WRAP : 0u));
}

static bool is_available(uint16_t flags, uint32_t entry)
{
    return (flags & (FLAG_AVAILABLE | FLAG_USED)) == (wrap_of(entry) ? FLAG_AVAILABLE : FLAG_USED);
}

static bool has_available(void)
{
    bool available = scenario->packed ? is_available(load16(descriptor(device.available) + 14), device.available)
                                      : load16(driver_area(2)) != (uint16_t)device.available;

    explorer_order_loads();
    return available;
}

/* Reads address and length of a segment, and checks that they belong together. */
static void read_segment(const uint8_t *at, struct request *request, uint32_t segment)
{
    uint64_t address = explorer_load(at, 8);
    uint32_t bytes = (uint32_t)explorer_load(at + 8, 4);
    uint64_t offset = address - (uintptr_t)data;
    uint32_t token = (uint32_t)(offset / sizeof(data[0]));

    explorer_check(offset < sizeof(data) && bytes == DATA_LENGTH(token, segment), "the device sees an old descriptor");
    explorer_check(segment == 0 || token == request->token, "the device sees a descriptor of another request");
    request->token = token;
}

static void take_split(struct request *request)
{
    uint32_t at = load16(driver_area(4u + 2u * (device.available % device.size)));
    uint32_t segment = 0;
    uint16_t flags;

    request->id = (uint16_t)at;
    do {
        explorer_check(at < device.size && segment < device.size, "the device sees an old ring entry");
        read_segment(descriptor(at), request, segment++);
        flags = load16(descriptor(at) + 12);
        at = load16(descriptor(at) + 14);
    } while ((flags & FLAG_NEXT) != 0);
    request->entries = 1;
}

static void take_packed(struct request *request)
{
    uint32_t entry = device.available;
    uint16_t flags;

    do {
        explorer_check(entry - device.available < device.size, "the device sees an endless list");
        flags = load16(descriptor(entry) + 14);
        explorer_check(is_available(flags, entry), "the device sees an old descriptor in a list");
        read_segment(descriptor(entry), request, entry - device.available);
        request->id = load16(descriptor(entry) + 12);
        entry++;
    } while ((flags & FLAG_NEXT) != 0);
    request->entries = (uint16_t)(entry - device.available);
}

static void take(void)
{
    struct request request = { 0, 0, 0 };

    explorer_check(device.request_count < device.size, "more requests than entries");
    if (scenario->packed) {
        take_packed(&request);
    } else {
        take_split(&request);
    }
    device.available += request.entries;
    explorer_check((device.taken_tokens >> request.token & 1u) == 0, "the device sees a request twice");
    device.taken_tokens |= 1u << request.token;
    device.requests[device.request_count++] = request;
}

/* Returns `count` requests by one used element, that of the last one, where the first one's would be. */
static void push(const struct request *requests, unsigned count)
{
    const struct request *last = &requests[count - 1u];
    uint32_t used = device.used;

    for (unsigned i = 0; i < count; i++) {
        device.used_tokens |= 1u << requests[i].token;
        device.used += requests[i].entries;
    }
    device.returned += count;
    if (scenario->packed) {
        explorer_store(descriptor(used) + 8, 4, last->token);
        explorer_store(descriptor(used) + 12, 2, last->id);
        explorer_order_stores();
        explorer_store(descriptor(used) + 14, 2, wrap_of(used) ? FLAG_AVAILABLE | FLAG_USED : 0u);
    } else {
        uint8_t *at = device_area(4u + 8u * (used % device.size));

        explorer_store(at, 4, last->id);
        explorer_store(at + 4, 4, last->token);
        explorer_order_stores();
        explorer_store(device_area(2), 2, (uint16_t)device.used);
    }
}

/* ---- Notifications ---- */

static void want_kicks(bool want)
{
    if (!scenario->packed && scenario->event_idx) {
        if (want) {
            explorer_store(device_area(4u + 8u * device.size), 2, (uint16_t)device.available);
        }
    } else if (!scenario->packed) {
        explorer_store(device_area(0), 2, want ? 0u : 1u);
    } else if (!want) {
        explorer_store(device_area(2), 2, EVENT_DISABLE);
    } else if (scenario->event_idx) {
        explorer_store(device_area(0), 2, event_of(device.available));
        explorer_order_stores();
        explorer_store(device_area(2), 2, EVENT_DESCRIPTOR);
    } else {
        explorer_store(device_area(2), 2, EVENT_ENABLE);
    }
}

/* Whether the driver's event is among the entries that were used since the last decision. */
static bool within(uint16_t event)
{
    for (uint32_t entry = device.signalled; entry != device.used; entry++) {
        if (event_of(entry) == event) {
            return true;
        }
    }
    return false;
}

static bool wants_interrupt(void)
{
    uint16_t flags;

    if (!scenario->packed) {
        return scenario->event_idx ? (uint16_t)(device.used - load16(driver_area(4u + 2u * device.size)) - 1u) <
                                         (uint16_t)(device.used - device.signalled)
                                   : (load16(driver_area(0)) & 1u) == 0;
    }
    flags = load16(driver_area(2));
    explorer_order_loads();
    return flags == EVENT_DESCRIPTOR ? within(load16(driver_area(0))) : flags == EVENT_ENABLE;
}

static void decide(void)
{
    if (device.signalled == device.used) {
        return;
    }
    explorer_fence();
    if (wants_interrupt()) {
        explorer_order_stores();
        explorer_signal();
    }
    device.signalled = device.used;
}

/* ---- What the device does ---- */

/* Any one of the requests that were taken; with IN_ORDER, the first one or more of them. */
static void complete(void)
{
    unsigned choice = explorer_choose(device.request_count);
    unsigned first = scenario->in_order ? 0 : choice;
    unsigned count = scenario->in_order ? choice + 1u : 1u;

    push(&device.requests[first], count);
    device.request_count -= count;
    for (unsigned i = first; i < ENTRIES_MAX; i++) {
        device.requests[i] = i < device.request_count ? device.requests[i + count] : (struct request){ 0, 0, 0 };
    }
    if (explorer_choose(2) == 0) {
        decide();
    }
}

static void serve(void)
{
    bool silent;

    explorer_note("looks for requests");
    silent = (!scenario->event_idx || scenario->packed) && explorer_choose(2) == 0;

    if (silent) {
        want_kicks(false);
    }
    do {
        while (has_available()) {
            take();
            if (explorer_choose(2) == 0) {
                complete();
            }
        }
        explorer_note("asks for kicks");
        want_kicks(true);
        explorer_fence();
    } while (has_available());
}

void device_main(void)
{
    for (;;) {
        if (device.request_count == 0) {
            decide();
            explorer_wait();
            serve();
        } else if (explorer_signalled()) {
            serve();
        } else {
            complete();
        }
    }
}

/* ---- The port ---- */

static struct {
    uint32_t taken;
    uint8_t bytes[0x3c0] __attribute__((aligned(64)));
} memory;

static enum vpt_status allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                struct vpt_memory *piece)
{
    uint32_t at = (uint32_t)((memory.taken + alignment - 1u) & ~(alignment - 1u));

    (void)ctx;
    (void)limit;
    (void)flags;
    if (size > sizeof(memory.bytes) - at) {
        return VPT_RESOURCE_MEMORY;
    }
    memory.taken = at + (uint32_t)size;
    piece->address = &memory.bytes[at];
    piece->device_address = (uintptr_t)piece->address;
    piece->size = size;
    return VPT_OK;
}

/* The second one is for an emulated CPU. */
const struct vpt_port device_ports[2] = {
    { .dma_allocate = allocate, .mmio_read = read_register, .mmio_write = write_register },
    { .dma_allocate = allocate, .mmio_read = read_register, .mmio_write = write_register, .emulated = true },
};

void device_keep(void)
{
    explorer_keep(&device, sizeof(device));
    explorer_keep(&memory, sizeof(memory));
}

/* ---- Names, for the trace ---- */

static const char *name_in_split(unsigned area, uint32_t offset)
{
    static const char *const words[2][2] = { { "available flags", "available index" }, { "used flags", "used index" } };
    uint32_t events[2] = { 4u + 2u * device.size, 4u + 8u * device.size };

    if (offset < 4u) {
        return words[area - 1u][offset / 2u];
    }
    if (offset >= events[area - 1u]) {
        return area == 1u ? "used_event" : "avail_event";
    }
    return area == 1u ? "an available element" : "a used element";
}

static const char *name_in_packed(unsigned area, uint32_t offset)
{
    static const char *const words[2][2] = { { "driver's event", "driver's event flags" },
                                             { "device's event", "device's event flags" } };

    return words[area - 1u][offset / 2u % 2u];
}

static const char *name_in_descriptor(uint32_t offset)
{
    switch (offset % 16u) {
    case 0: return "an address";
    case 8: return "a length";
    case 12: return scenario->packed ? "an id" : "a descriptor's flags";
    default: return scenario->packed ? "a descriptor's flags" : "a link";
    }
}

const char *device_name_of(const uint8_t *address)
{
    uint64_t at = (uintptr_t)address;
    unsigned area = 2;

    while (area != 0 && at < device.areas[area]) {
        area--;
    }
    if (area == 0) {
        return name_in_descriptor((uint32_t)(at - device.areas[0]));
    }
    return scenario->packed ? name_in_packed(area, (uint32_t)(at - device.areas[area]))
                            : name_in_split(area, (uint32_t)(at - device.areas[area]));
}
