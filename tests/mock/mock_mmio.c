/* SPDX-License-Identifier: MIT */
#include "mock_mmio.h"

#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_registers.h"

#define MAGIC        0x74726976u
#define CONFIG_START 0x100u

/* The versions of virtio-mmio that have a register. */
#define V1   1u
#define V2   2u
#define BOTH (V1 | V2)

#define REGISTERS(X)                                                         \
    X(MAGIC_VALUE, 0x000, 4, MOCK_READS, BOTH, "MagicValue")                 \
    X(VERSION, 0x004, 4, MOCK_READS, BOTH, "Version")                        \
    X(DEVICE_ID, 0x008, 4, MOCK_READS, BOTH, "DeviceID")                     \
    X(VENDOR_ID, 0x00c, 4, MOCK_READS, BOTH, "VendorID")                     \
    X(DEVICE_FEATURES, 0x010, 4, MOCK_READS, BOTH, "DeviceFeatures")         \
    X(DEVICE_FEATURES_SEL, 0x014, 4, MOCK_WRITES, BOTH, "DeviceFeaturesSel") \
    X(DRIVER_FEATURES, 0x020, 4, MOCK_WRITES, BOTH, "DriverFeatures")        \
    X(DRIVER_FEATURES_SEL, 0x024, 4, MOCK_WRITES, BOTH, "DriverFeaturesSel") \
    X(GUEST_PAGE_SIZE, 0x028, 4, MOCK_WRITES, V1, "GuestPageSize")           \
    X(QUEUE_SEL, 0x030, 4, MOCK_WRITES, BOTH, "QueueSel")                    \
    X(QUEUE_SIZE_MAX, 0x034, 4, MOCK_READS, BOTH, "QueueSizeMax")            \
    X(QUEUE_SIZE, 0x038, 4, MOCK_WRITES, BOTH, "QueueSize")                  \
    X(QUEUE_ALIGN, 0x03c, 4, MOCK_WRITES, V1, "QueueAlign")                  \
    X(QUEUE_PFN, 0x040, 4, MOCK_BOTH, V1, "QueuePFN")                        \
    X(QUEUE_READY, 0x044, 4, MOCK_BOTH, V2, "QueueReady")                    \
    X(QUEUE_NOTIFY, 0x050, 4, MOCK_WRITES, BOTH, "QueueNotify")              \
    X(INTERRUPT_STATUS, 0x060, 4, MOCK_READS, BOTH, "InterruptStatus")       \
    X(INTERRUPT_ACK, 0x064, 4, MOCK_WRITES, BOTH, "InterruptACK")            \
    X(STATUS, 0x070, 4, MOCK_BOTH, BOTH, "Status")                           \
    X(QUEUE_DESC_LOW, 0x080, 4, MOCK_WRITES, V2, "QueueDescLow")             \
    X(QUEUE_DESC_HIGH, 0x084, 4, MOCK_WRITES, V2, "QueueDescHigh")           \
    X(QUEUE_DRIVER_LOW, 0x090, 4, MOCK_WRITES, V2, "QueueDriverLow")         \
    X(QUEUE_DRIVER_HIGH, 0x094, 4, MOCK_WRITES, V2, "QueueDriverHigh")       \
    X(QUEUE_DEVICE_LOW, 0x0a0, 4, MOCK_WRITES, V2, "QueueDeviceLow")         \
    X(QUEUE_DEVICE_HIGH, 0x0a4, 4, MOCK_WRITES, V2, "QueueDeviceHigh")       \
    X(SHM_SEL, 0x0ac, 4, MOCK_WRITES, V2, "SHMSel")                          \
    X(SHM_LEN_LOW, 0x0b0, 4, MOCK_READS, V2, "SHMLenLow")                    \
    X(SHM_LEN_HIGH, 0x0b4, 4, MOCK_READS, V2, "SHMLenHigh")                  \
    X(SHM_BASE_LOW, 0x0b8, 4, MOCK_READS, V2, "SHMBaseLow")                  \
    X(SHM_BASE_HIGH, 0x0bc, 4, MOCK_READS, V2, "SHMBaseHigh")                \
    X(QUEUE_RESET, 0x0c0, 4, MOCK_BOTH, V2, "QueueReset")                    \
    X(CONFIG_GENERATION, 0x0fc, 4, MOCK_READS, V2, "ConfigGeneration")

enum mmio_register { REGISTERS(MOCK_REGISTER_OFFSET) };
static const struct mock_register registers[] = { REGISTERS(MOCK_REGISTER_ROW) };
static const struct mock_register_table table = { "mmio", registers, sizeof(registers) / sizeof(registers[0]) };

static bool require(const struct mock_mmio *mmio, bool holds, size_t offset, const char *complaint)
{
    return mock_require(mmio->device->violations, holds, "mmio %u, offset 0x%03zx: %s", mmio->version, offset,
                        complaint);
}

/* The register, if this version has it and a driver may access it so. */
static const struct mock_register *permitted(const struct mock_mmio *mmio, size_t offset, unsigned width,
                                             unsigned access)
{
    const struct mock_register *found = mock_register_at(&table, mmio->device, offset, width, access);
    bool known = found == NULL || (found->needs & (mmio->version == 1 ? V1 : V2)) != 0;

    return require(mmio, known, offset, "no such register in this version") ? found : NULL;
}

static bool present(struct mock_mmio *mmio)
{
    mmio->accesses++;
    return mock_device_present(mmio->device);
}

/* MagicValue, Version and DeviceID are read first; after a wrong one nothing is accessed (MMIO-INIT-1, MMIO-INIT-2). */
static void check_identified(struct mock_mmio *mmio, size_t offset, bool read)
{
    require(mmio, !mmio->refused || offset == MAGIC_VALUE, offset, "accessed although there is no device to drive");
    if (read && offset == MAGIC_VALUE) {
        mmio->identified = 1;
        mmio->refused = false;
    } else if (read && offset == VERSION && mmio->identified >= 1) {
        mmio->identified = 2;
    } else if (read && offset == DEVICE_ID && mmio->identified >= 2) {
        mmio->identified = 3;
    } else {
        require(mmio, mmio->identified >= 3, offset,
                "accessed before MagicValue, Version and DeviceID were read in this order");
    }
}

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

    require(mmio, mmio->device_features_selected, DEVICE_FEATURES,
            "DeviceFeatures read without writing DeviceFeaturesSel before");
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
    require(mmio, mmio->version == 2 || !queue->enabled, QUEUE_SIZE_MAX,
            "the maximum is readable only while QueuePFN is 0");
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

static uint32_t read_queue_reset(struct mock_mmio *mmio)
{
    struct mock_queue *queue = mock_device_queue(mmio->device, mmio->queue_select);

    return queue != NULL ? mock_device_queue_resetting(mmio->device, queue) : 0;
}

static uint32_t read_region(const struct mock_mmio *mmio, size_t offset)
{
    uint32_t id = mmio->region_select;
    const struct mock_shared_region *region = id < MOCK_REGIONS_MAX ? &mmio->device->regions[id] : NULL;
    uint64_t value = UINT64_MAX;

    if (region != NULL && region->present) {
        value = offset == SHM_LEN_LOW || offset == SHM_LEN_HIGH ? region->length : region->base;
    }
    return (uint32_t)(offset == SHM_LEN_LOW || offset == SHM_BASE_LOW ? value : value >> 32);
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
    case QUEUE_RESET: return read_queue_reset(mmio);
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
        return mock_ones(width);
    }
    check_identified(mmio, offset, true);
    if (offset >= CONFIG_START) {
        return mock_device_config_read(mmio->device, (unsigned)(offset - CONFIG_START), width);
    }
    return permitted(mmio, offset, width, MOCK_READS) != NULL ? read_register(mmio, offset) : 0;
}

static uint32_t mmio_read(void *front_end, size_t offset, unsigned width)
{
    struct mock_mmio *mmio = front_end;
    struct mock_access access = access_at(mmio, offset, width, false);

    mock_access_begin(mmio->device, &access);
    return mock_access_read(mmio->device, &access, answer(mmio, offset, width));
}

static void write_features(struct mock_mmio *mmio, uint32_t value)
{
    uint32_t word = mmio->driver_features_select;

    require(mmio, mmio->driver_features_selected, DRIVER_FEATURES,
            "DriverFeatures written without writing DriverFeaturesSel before");
    mmio->driver_features_selected = false;
    if (mmio->version == 1 && word != 0) {
        require(mmio, value == 0, DRIVER_FEATURES, "a legacy interface has only 32 features");
    } else {
        mock_device_accept(mmio->device, mmio->old && word > 1 ? 1 : word, value);
    }
}

static void write_ready(struct mock_mmio *mmio, struct mock_queue *queue, uint32_t value)
{
    if (!require(mmio, value <= 1, QUEUE_READY, "QueueReady takes 0 or 1")) {
        return;
    }
    if (value == 0) {
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
    if (mock_device_queue_writable(mmio->device, queue, "QueuePFN") &&
        require(mmio, power_of_two(mmio->page_size) && power_of_two(mmio->alignment) && mmio->alignment >= 4, QUEUE_PFN,
                "QueuePFN written without GuestPageSize and QueueAlign, powers of two, before")) {
        mmio->frame[queue->index] = value;
        mock_device_queue_enable_legacy(mmio->device, queue, (uint64_t)value * mmio->page_size, mmio->alignment);
        mmio->alignment = 0;
    }
}

static void write_set_up(struct mock_mmio *mmio, struct mock_queue *queue, size_t offset, uint32_t value)
{
    if (offset == QUEUE_SIZE) {
        (void)mock_device_queue_resize(mmio->device, queue, value);
    } else if (offset == QUEUE_ALIGN) {
        mmio->alignment = value;
    } else {
        mock_register_half(&queue->area[(offset - QUEUE_DESC_LOW) / 0x10u], offset % 8 != 0, value);
    }
}

/* Registers of the queue that is selected. */
static void write_queue(struct mock_mmio *mmio, size_t offset, const char *name, uint32_t value)
{
    struct mock_queue *queue = mock_device_queue(mmio->device, mmio->queue_select);

    if (!require(mmio, queue != NULL, offset, "written for a queue that does not exist")) {
        return;
    }
    switch (offset) {
    case QUEUE_READY: write_ready(mmio, queue, value); break;
    case QUEUE_PFN: write_frame(mmio, queue, value); break;
    case QUEUE_RESET: mock_device_queue_reset(mmio->device, queue, value); break;
    default:
        if (mock_device_queue_writable(mmio->device, queue, name)) {
            write_set_up(mmio, queue, offset, value);
        }
        break;
    }
}

/* The state of this front end that a reset clears. */
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
    require(mmio, value <= 0xffu, STATUS, "a status has eight bits");
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
    const struct mock_register *written;

    mock_access_begin(mmio->device, &access);
    if (!present(mmio) || !mock_access_write(mmio->device, &access, &value)) {
        return;
    }
    check_identified(mmio, offset, false);
    if (offset >= CONFIG_START) {
        mock_device_config_write(mmio->device, (unsigned)(offset - CONFIG_START), width, value);
        return;
    }
    written = permitted(mmio, offset, width, MOCK_WRITES);
    if (written != NULL) {
        write_register(mmio, offset, written->name, value);
    }
}

static const struct mock_window_ops mmio_ops = { mmio_read, mmio_write };

void mock_mmio_init(struct mock_mmio *mmio, struct mock_hal *hal, struct mock_device *device, unsigned version,
                    uint64_t physical)
{
    memset(mmio, 0, sizeof(*mmio));
    mmio->device = device;
    mmio->version = version;
    forget(mmio);
    device->legacy = version == 1;
    memset(&device->transport_known, 0, sizeof(device->transport_known));
    mock_known_features(&device->transport_known, device->legacy);
    mmio->mapping = mock_hal_add_window(hal, &mmio_ops, mmio, physical, MOCK_MMIO_SIZE);
}
