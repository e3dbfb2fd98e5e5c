/* SPDX-License-Identifier: MIT */
#include "mock_mmio.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/transport.h>

#define MAGIC        0x74726976u
#define CONFIG_START 0x100u

enum mmio_register {
    MAGIC_VALUE = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    GUEST_PAGE_SIZE = 0x028,
    QUEUE_SEL = 0x030,
    QUEUE_SIZE_MAX = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_ALIGN = 0x03c,
    QUEUE_PFN = 0x040,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DESC_HIGH = 0x084,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094,
    QUEUE_DEVICE_LOW = 0x0a0,
    QUEUE_DEVICE_HIGH = 0x0a4,
    SHM_SEL = 0x0ac,
    SHM_LEN_LOW = 0x0b0,
    SHM_LEN_HIGH = 0x0b4,
    SHM_BASE_LOW = 0x0b8,
    SHM_BASE_HIGH = 0x0bc,
    QUEUE_RESET = 0x0c0,
    CONFIG_GENERATION = 0x0fc
};

#define READ  1u
#define WRITE 2u
#define V1    4u
#define V2    8u
#define BOTH  (V1 | V2)

struct register_description {
    uint16_t offset;
    uint8_t access;
    const char *name;
};

static const struct register_description registers[] = {
    { MAGIC_VALUE, BOTH | READ, "MagicValue" },
    { VERSION, BOTH | READ, "Version" },
    { DEVICE_ID, BOTH | READ, "DeviceID" },
    { VENDOR_ID, BOTH | READ, "VendorID" },
    { DEVICE_FEATURES, BOTH | READ, "DeviceFeatures" },
    { DEVICE_FEATURES_SEL, BOTH | WRITE, "DeviceFeaturesSel" },
    { DRIVER_FEATURES, BOTH | WRITE, "DriverFeatures" },
    { DRIVER_FEATURES_SEL, BOTH | WRITE, "DriverFeaturesSel" },
    { GUEST_PAGE_SIZE, V1 | WRITE, "GuestPageSize" },
    { QUEUE_SEL, BOTH | WRITE, "QueueSel" },
    { QUEUE_SIZE_MAX, BOTH | READ, "QueueSizeMax" },
    { QUEUE_SIZE, BOTH | WRITE, "QueueSize" },
    { QUEUE_ALIGN, V1 | WRITE, "QueueAlign" },
    { QUEUE_PFN, V1 | READ | WRITE, "QueuePFN" },
    { QUEUE_READY, V2 | READ | WRITE, "QueueReady" },
    { QUEUE_NOTIFY, BOTH | WRITE, "QueueNotify" },
    { INTERRUPT_STATUS, BOTH | READ, "InterruptStatus" },
    { INTERRUPT_ACK, BOTH | WRITE, "InterruptACK" },
    { STATUS, BOTH | READ | WRITE, "Status" },
    { QUEUE_DESC_LOW, V2 | WRITE, "QueueDescLow" },
    { QUEUE_DESC_HIGH, V2 | WRITE, "QueueDescHigh" },
    { QUEUE_DRIVER_LOW, V2 | WRITE, "QueueDriverLow" },
    { QUEUE_DRIVER_HIGH, V2 | WRITE, "QueueDriverHigh" },
    { QUEUE_DEVICE_LOW, V2 | WRITE, "QueueDeviceLow" },
    { QUEUE_DEVICE_HIGH, V2 | WRITE, "QueueDeviceHigh" },
    { SHM_SEL, V2 | WRITE, "SHMSel" },
    { SHM_LEN_LOW, V2 | READ, "SHMLenLow" },
    { SHM_LEN_HIGH, V2 | READ, "SHMLenHigh" },
    { SHM_BASE_LOW, V2 | READ, "SHMBaseLow" },
    { SHM_BASE_HIGH, V2 | READ, "SHMBaseHigh" },
    { QUEUE_RESET, V2 | READ | WRITE, "QueueReset" },
    { CONFIG_GENERATION, V2 | READ, "ConfigGeneration" },
};

static void complain(const struct mock_mmio *mmio, const char *what, size_t offset)
{
    mock_violation(mmio->device->violations, "mmio %u, offset 0x%03zx: %s", mmio->version, offset, what);
}

/* The register's name if a driver may access it so, or NULL and a violation. */
static const char *permitted(const struct mock_mmio *mmio, size_t offset, unsigned width, unsigned direction)
{
    unsigned version = mmio->version == 1 ? V1 : V2;

    if (width != 4 || offset % 4 != 0) {
        complain(mmio, "a register takes aligned 4-byte accesses only", offset);
        return NULL;
    }
    for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        const struct register_description *description = &registers[i];

        if (description->offset != offset || (description->access & version) == 0) {
            continue;
        }
        if ((description->access & direction) == 0) {
            complain(mmio, direction == READ ? "a write-only register was read" : "a read-only register was written",
                     offset);
            return NULL;
        }
        return description->name;
    }
    complain(mmio, "no such register in this version", offset);
    return NULL;
}

/* Whether the registers still answer. */
static bool present(struct mock_mmio *mmio)
{
    mmio->accesses++;
    if (mock_fault_fires(&mmio->device->faults, MOCK_FAULT_VANISH, NULL)) {
        mock_device_vanish(mmio->device);
    }
    return !mmio->device->vanished;
}

/* MagicValue, Version and DeviceID come first, and one that is wrong last (MMIO-INIT-1, MMIO-INIT-2). */
static void check_identified(struct mock_mmio *mmio, size_t offset, unsigned direction)
{
    if (mmio->refused && offset != MAGIC_VALUE) {
        complain(mmio, "accessed although there is no device to drive", offset);
    }
    if (direction == READ && offset == MAGIC_VALUE) {
        mmio->identified = 1;
        mmio->refused = false;
    } else if (direction == READ && offset == VERSION && mmio->identified >= 1) {
        mmio->identified = 2;
    } else if (direction == READ && offset == DEVICE_ID && mmio->identified >= 2) {
        mmio->identified = 3;
    } else if (mmio->identified < 3) {
        complain(mmio, "accessed before MagicValue, Version and DeviceID were read in this order", offset);
    }
}

/* ---- Reading ---- */

static uint32_t identify(struct mock_mmio *mmio, enum mock_fault fault, uint32_t truth)
{
    uint64_t argument = 0;
    uint32_t value = truth;

    if (mock_fault_fires(&mmio->device->faults, fault, &argument)) {
        value = (uint32_t)argument;
    }
    mmio->refused = mmio->refused || value != truth;
    return value;
}

static uint32_t read_features(struct mock_mmio *mmio)
{
    uint32_t word = mmio->device_features_select;

    if (!mmio->device_features_selected) {
        complain(mmio, "DeviceFeatures read without writing DeviceFeaturesSel before", DEVICE_FEATURES);
    }
    mmio->device_features_selected = false;
    if (mmio->version == 1 && word != 0) {
        return 0;
    }
    return mock_device_offered(mmio->device, mmio->old && word > 1 ? 1 : word);
}

static uint32_t read_queue_maximum(struct mock_mmio *mmio)
{
    struct mock_queue *queue = mock_device_queue(mmio->device, mmio->queue_select);

    if (queue == NULL) {
        return 0;
    }
    if (mmio->version == 1 && queue->enabled) {
        complain(mmio, "the maximum is readable only while QueuePFN is 0", QUEUE_SIZE_MAX);
    }
    return mock_device_queue_maximum(mmio->device, queue);
}

static uint32_t read_queue_state(struct mock_mmio *mmio)
{
    struct mock_queue *queue = mock_device_queue(mmio->device, mmio->queue_select);

    if (queue == NULL || !mock_device_queue_ready(mmio->device, queue)) {
        return 0;
    }
    if (mmio->version == 2) {
        return 1;
    }
    return queue->enabled ? mmio->frame[queue->index] : 0xbad;
}

static uint32_t read_region(const struct mock_mmio *mmio, size_t offset)
{
    uint32_t id = mmio->region_select;
    uint64_t length = UINT64_MAX;
    uint64_t base = UINT64_MAX;

    if (id < MOCK_REGIONS_MAX && mmio->device->regions[id].present) {
        length = mmio->device->regions[id].length;
        base = mmio->device->regions[id].base;
    }
    switch (offset) {
    case SHM_LEN_LOW: return (uint32_t)length;
    case SHM_LEN_HIGH: return (uint32_t)(length >> 32);
    case SHM_BASE_LOW: return (uint32_t)base;
    default: return (uint32_t)(base >> 32);
    }
}

static uint32_t read_register(struct mock_mmio *mmio, size_t offset)
{
    switch (offset) {
    case MAGIC_VALUE: return identify(mmio, MOCK_FAULT_MAGIC, MAGIC);
    case VERSION: return identify(mmio, MOCK_FAULT_VERSION, mmio->version);
    case DEVICE_ID: return identify(mmio, MOCK_FAULT_EMPTY_SLOT, mmio->device->backend->type);
    case VENDOR_ID: return mmio->device->vendor;
    case DEVICE_FEATURES: return read_features(mmio);
    case QUEUE_SIZE_MAX: return read_queue_maximum(mmio);
    case QUEUE_PFN:
    case QUEUE_READY: return read_queue_state(mmio);
    case INTERRUPT_STATUS: return mock_device_interrupt_status(mmio->device);
    case STATUS: return mock_device_read_status(mmio->device);
    case QUEUE_RESET: return 0; /* a queue's reset is done before its write returns */
    case CONFIG_GENERATION: return mmio->device->config.generation;
    default: return read_region(mmio, offset);
    }
}

static struct mock_access access_at(const struct mock_mmio *mmio, size_t offset, unsigned width, bool write)
{
    bool configuration = offset >= CONFIG_START;

    return (struct mock_access){
        .space = configuration ? MOCK_SPACE_CONFIGURATION : MOCK_SPACE_REGISTER,
        .offset = configuration ? offset - CONFIG_START : offset,
        .width = width,
        .write = write,
        .status = offset == STATUS,
        .native = configuration && mmio->device->legacy,
    };
}

static uint32_t answer(struct mock_mmio *mmio, size_t offset, unsigned width)
{
    if (!present(mmio)) {
        return width == 4 ? UINT32_MAX : (1u << (8u * width)) - 1u;
    }
    check_identified(mmio, offset, READ);
    if (offset >= CONFIG_START) {
        return mock_device_config_read(mmio->device, (unsigned)(offset - CONFIG_START), width);
    }
    if (permitted(mmio, offset, width, READ) == NULL) {
        return 0;
    }
    return read_register(mmio, offset);
}

static uint32_t mmio_read(void *front_end, size_t offset, unsigned width)
{
    struct mock_mmio *mmio = front_end;
    struct mock_access access = access_at(mmio, offset, width, false);

    mock_access_begin(mmio->device, &access);
    return mock_access_read(mmio->device, &access, answer(mmio, offset, width));
}

/* ---- Writing ---- */

static void write_features(struct mock_mmio *mmio, uint32_t value)
{
    uint32_t word = mmio->driver_features_select;

    if (!mmio->driver_features_selected) {
        complain(mmio, "DriverFeatures written without writing DriverFeaturesSel before", DRIVER_FEATURES);
    }
    mmio->driver_features_selected = false;
    if (mmio->version == 1 && word != 0) {
        if (value != 0) {
            complain(mmio, "a legacy interface has only 32 features", DRIVER_FEATURES);
        }
        return;
    }
    mock_device_accept(mmio->device, mmio->old && word > 1 ? 1 : word, value);
}

static void write_address(struct mock_queue *queue, size_t offset, uint32_t value)
{
    uint64_t *address = &queue->area[(offset - QUEUE_DESC_LOW) / 0x10u];

    if (offset % 8 == 0) {
        *address = (*address & ~UINT64_C(0xffffffff)) | value;
    } else {
        *address = (*address & UINT64_C(0xffffffff)) | ((uint64_t)value << 32);
    }
}

static void write_ready(struct mock_mmio *mmio, struct mock_queue *queue, uint32_t value)
{
    if (value > 1) {
        complain(mmio, "QueueReady takes 0 or 1", QUEUE_READY);
    } else if (value == 0) {
        mock_device_queue_disable(mmio->device, queue);
    } else if (mock_device_queue_writable(mmio->device, queue, "QueueReady")) {
        mock_device_queue_enable(mmio->device, queue);
    }
}

static bool power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1u)) == 0;
}

static void write_frame(struct mock_mmio *mmio, struct mock_queue *queue, uint32_t value)
{
    if (value == 0) {
        mock_device_queue_disable(mmio->device, queue);
        return;
    }
    if (!mock_device_queue_writable(mmio->device, queue, "QueuePFN")) {
        return;
    }
    if (!power_of_two(mmio->page_size) || !power_of_two(mmio->alignment) || mmio->alignment < 4) {
        complain(mmio, "QueuePFN written without GuestPageSize and QueueAlign, powers of two, before", QUEUE_PFN);
        return;
    }
    mmio->frame[queue->index] = value;
    mock_device_queue_enable_legacy(mmio->device, queue, (uint64_t)value * mmio->page_size, mmio->alignment);
    mmio->alignment = 0;
}

static void write_reset(struct mock_mmio *mmio, struct mock_queue *queue, uint32_t value)
{
    if (value != 1 || !vpt_features_has(&mmio->device->accepted, VPT_F_RING_RESET)) {
        complain(mmio, "QueueReset takes 1, and only with RING_RESET negotiated", QUEUE_RESET);
        return;
    }
    mock_device_queue_disable(mmio->device, queue);
}

/* Registers of the queue that is selected. */
static void write_queue(struct mock_mmio *mmio, size_t offset, const char *name, uint32_t value)
{
    struct mock_queue *queue = mock_device_queue(mmio->device, mmio->queue_select);

    if (queue == NULL) {
        complain(mmio, "written for a queue that does not exist", offset);
        return;
    }
    switch (offset) {
    case QUEUE_READY: write_ready(mmio, queue, value); return;
    case QUEUE_PFN: write_frame(mmio, queue, value); return;
    case QUEUE_RESET: write_reset(mmio, queue, value); return;
    default: break;
    }
    if (!mock_device_queue_writable(mmio->device, queue, name)) {
        return;
    }
    if (offset == QUEUE_SIZE) {
        (void)mock_device_queue_resize(mmio->device, queue, value);
    } else if (offset == QUEUE_ALIGN) {
        mmio->alignment = value;
    } else {
        write_address(queue, offset, value);
    }
}

/* What is this front end's own, not the device's, and lost in a reset all the same. */
static void forget(struct mock_mmio *mmio)
{
    mmio->device_features_selected = false;
    mmio->driver_features_selected = false;
    mmio->queue_select = UINT32_MAX;
    mmio->page_size = 0;
    mmio->alignment = 0;
    memset(mmio->frame, 0, sizeof(mmio->frame));
}

static void write_status(struct mock_mmio *mmio, uint32_t value)
{
    if (value > 0xffu) {
        complain(mmio, "a status has eight bits", STATUS);
    }
    if (value == 0) {
        forget(mmio);
    }
    mock_device_write_status(mmio->device, (uint8_t)value);
}

static void write_register(struct mock_mmio *mmio, size_t offset, const char *name, uint32_t value)
{
    switch (offset) {
    case DEVICE_FEATURES_SEL:
        mmio->device_features_select = value;
        mmio->device_features_selected = true;
        break;
    case DRIVER_FEATURES: write_features(mmio, value); break;
    case DRIVER_FEATURES_SEL:
        mmio->driver_features_select = value;
        mmio->driver_features_selected = true;
        break;
    case GUEST_PAGE_SIZE:
        mock_device_written(mmio->device, name);
        mmio->page_size = value;
        break;
    case QUEUE_SEL: mmio->queue_select = value; break;
    case QUEUE_NOTIFY: mock_device_notify(mmio->device, value); break;
    case INTERRUPT_ACK: mock_device_acknowledge(mmio->device, value); break;
    case STATUS: write_status(mmio, value); break;
    case SHM_SEL: mmio->region_select = value; break;
    default: write_queue(mmio, offset, name, value); break;
    }
}

static void mmio_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    struct mock_mmio *mmio = front_end;
    struct mock_access access = access_at(mmio, offset, width, true);
    const char *name;

    mock_access_begin(mmio->device, &access);
    if (!present(mmio) || !mock_access_write(mmio->device, &access, &value)) {
        return;
    }
    check_identified(mmio, offset, WRITE);
    if (offset >= CONFIG_START) {
        mock_device_config_write(mmio->device, (unsigned)(offset - CONFIG_START), width, value);
        return;
    }
    name = permitted(mmio, offset, width, WRITE);
    if (name != NULL) {
        write_register(mmio, offset, name, value);
    }
}

static const struct mock_window_ops mmio_ops = { mmio_read, mmio_write };

/* The generic bits that virtio-mmio has: not SR_IOV, ADMIN_VQ and NOTIF_CONFIG_DATA, which are PCI's. */
static const uint8_t modern_features[] = {
    VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX,      VPT_F_VERSION_1,         VPT_F_ACCESS_PLATFORM, VPT_F_RING_PACKED,
    VPT_F_IN_ORDER,      VPT_F_ORDER_PLATFORM, VPT_F_NOTIFICATION_DATA, VPT_F_RING_RESET,      VPT_F_SUSPEND,
};
static const uint8_t legacy_features[] = {
    VPT_F_NOTIFY_ON_EMPTY,
    VPT_F_ANY_LAYOUT,
    VPT_F_INDIRECT_DESC,
    VPT_F_EVENT_IDX,
};

void mock_mmio_init(struct mock_mmio *mmio, struct mock_hal *hal, struct mock_device *device, unsigned version,
                    uint64_t physical)
{
    const uint8_t *bits = version == 1 ? legacy_features : modern_features;
    size_t count = version == 1 ? sizeof(legacy_features) : sizeof(modern_features);

    memset(mmio, 0, sizeof(*mmio));
    mmio->device = device;
    mmio->version = version;
    forget(mmio);
    device->legacy = version == 1;
    memset(&device->transport_known, 0, sizeof(device->transport_known));
    for (size_t i = 0; i < count; i++) {
        vpt_features_add(&device->transport_known, bits[i]);
    }
    mmio->mapping = mock_hal_add_window(hal, &mmio_ops, mmio, physical, MOCK_MMIO_SIZE);
}
