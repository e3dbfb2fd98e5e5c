/* SPDX-License-Identifier: MIT */
#include "mock_pci_legacy.h"

#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_registers.h"

#define PAGE_SHIFT 12u
#define ALIGNMENT  4096u

#define HEADER_SIZE         20u
#define HEADER_WITH_VECTORS 24u

/* The last two are there while MSI-X is on. */
#define REGISTERS(X)                                              \
    X(DEVICE_FEATURES, 0, 4, MOCK_READS, 0, "Device Features")    \
    X(DRIVER_FEATURES, 4, 4, MOCK_BOTH, 0, "Driver Features")     \
    X(QUEUE_ADDRESS, 8, 4, MOCK_BOTH, 0, "Queue Address")         \
    X(QUEUE_SIZE, 12, 2, MOCK_READS, 0, "Queue Size")             \
    X(QUEUE_SELECT, 14, 2, MOCK_BOTH, 0, "Queue Select")          \
    X(QUEUE_NOTIFY, 16, 2, MOCK_WRITES, 0, "Queue Notify")        \
    X(DEVICE_STATUS, 18, 1, MOCK_BOTH, 0, "Device Status")        \
    X(ISR_STATUS, 19, 1, MOCK_READS, 0, "ISR Status")             \
    X(CONFIG_VECTOR, 20, 2, MOCK_BOTH, 0, "Configuration Vector") \
    X(QUEUE_VECTOR, 22, 2, MOCK_BOTH, 0, "Queue Vector")

enum header_register { REGISTERS(MOCK_REGISTER_OFFSET) };
static const struct mock_register registers[] = { REGISTERS(MOCK_REGISTER_ROW) };
static const struct mock_register_table table = { "virtio-pci legacy", registers,
                                                  sizeof(registers) / sizeof(registers[0]) };

/* The configuration is right behind the header, which is longer while MSI-X is on (LEG-PCILAYOUT-4). */
static size_t header_size(const struct mock_pci_legacy *legacy)
{
    return mock_pci_msix_enabled(legacy->front->function) ? HEADER_WITH_VECTORS : HEADER_SIZE;
}

static struct mock_queue *selected(const struct mock_pci_legacy *legacy)
{
    return mock_device_queue(legacy->front->device, legacy->front->set.queue_select);
}

static uint32_t read_page(struct mock_pci_legacy *legacy)
{
    struct mock_queue *queue = selected(legacy);

    if (queue == NULL || !mock_device_queue_ready(legacy->front->device, queue)) {
        return 0;
    }
    return queue->enabled ? legacy->front->set.page[queue->index] : 0xbad;
}

static uint32_t read_size(struct mock_pci_legacy *legacy)
{
    struct mock_queue *queue = selected(legacy);

    return queue != NULL ? mock_device_queue_maximum(legacy->front->device, queue) & 0xffffu : 0;
}

static uint32_t read_features(struct mock_pci_legacy *legacy)
{
    return mock_pci_front_drives(legacy->front, MOCK_PCI_LEGACY, "features read")
               ? mock_device_offered(legacy->front->device, 0)
               : 0;
}

static uint32_t read_register(struct mock_pci_legacy *legacy, size_t offset)
{
    struct mock_pci_front *front = legacy->front;
    const struct mock_queue *queue;

    switch (offset) {
    case DEVICE_FEATURES: return read_features(legacy);
    case DRIVER_FEATURES: return front->device->accepted.word[0];
    case QUEUE_ADDRESS: return read_page(legacy);
    case QUEUE_SIZE: return read_size(legacy);
    case QUEUE_SELECT: return legacy->front->set.queue_select;
    case DEVICE_STATUS: return mock_device_read_status(front->device);
    case ISR_STATUS: return mock_pci_front_isr(front);
    case CONFIG_VECTOR: return mock_pci_front_vector(front, NULL);
    default: queue = selected(legacy); return queue != NULL ? mock_pci_front_vector(front, queue) : MOCK_PCI_NO_VECTOR;
    }
}

static void write_page(struct mock_pci_legacy *legacy, struct mock_queue *queue, uint32_t value)
{
    struct mock_device *device = legacy->front->device;

    if (value == 0 && legacy->zero_resets) {
        mock_device_write_status(device, 0);
    } else if (value == 0) {
        mock_device_queue_disable(device, queue);
    } else if (mock_device_queue_writable(device, queue, "Queue Address")) {
        legacy->front->set.page[queue->index] = value;
        queue->size = queue->shown_maximum;
        mock_device_queue_enable_legacy(device, queue, (uint64_t)value << PAGE_SHIFT, ALIGNMENT);
    }
}

static void write_queue(struct mock_pci_legacy *legacy, const struct mock_register *field, uint32_t value)
{
    struct mock_queue *queue = selected(legacy);

    if (!mock_require(legacy->front->device->violations, queue != NULL,
                      "virtio-pci legacy: %s written for a queue that does not exist", field->name)) {
        return;
    }
    if (field->offset == QUEUE_ADDRESS) {
        write_page(legacy, queue, value);
    } else if (mock_device_queue_writable(legacy->front->device, queue, field->name)) {
        mock_pci_front_assign(legacy->front, queue, value);
    }
}

static void write_register(struct mock_pci_legacy *legacy, const struct mock_register *field, uint32_t value)
{
    struct mock_pci_front *front = legacy->front;

    if (field->offset == DEVICE_STATUS) {
        mock_pci_front_status(front, MOCK_PCI_LEGACY, value);
        return;
    }
    if (!mock_pci_front_drives(front, MOCK_PCI_LEGACY, field->name)) {
        return;
    }
    switch (field->offset) {
    case DRIVER_FEATURES: mock_device_accept(front->device, 0, value); break;
    case QUEUE_SELECT: legacy->front->set.queue_select = (uint16_t)value; break;
    case QUEUE_NOTIFY: mock_device_notify(front->device, value); break;
    case CONFIG_VECTOR: mock_pci_front_assign(front, NULL, value); break;
    default: write_queue(legacy, field, value); break;
    }
}

static struct mock_access access_at(const struct mock_pci_legacy *legacy, size_t offset, unsigned width, bool write)
{
    bool configuration = offset >= header_size(legacy);

    return (struct mock_access){
        .space = configuration ? MOCK_SPACE_CONFIGURATION : MOCK_SPACE_REGISTER,
        .offset = configuration ? offset - header_size(legacy) : offset,
        .width = width,
        .write = write,
        .status = offset == DEVICE_STATUS,
        .layout = offset == QUEUE_SIZE,
        .native = configuration,
    };
}

static uint32_t answer(struct mock_pci_legacy *legacy, size_t offset, unsigned width)
{
    struct mock_pci_access *access =
        mock_pci_front_access(legacy->front, MOCK_PCI_HEADER, 0, false, width, (uint32_t)offset, 0);

    if (access == NULL) {
        return mock_ones(width);
    }
    if (offset >= header_size(legacy)) {
        access->value = mock_device_config_read(legacy->front->device, (unsigned)(offset - header_size(legacy)), width);
    } else if (mock_register_at(&table, legacy->front->device, offset, width, MOCK_READS) != NULL) {
        access->value = read_register(legacy, offset);
    }
    return access->value;
}

static uint32_t bar_read(void *front_end, size_t offset, unsigned width)
{
    struct mock_pci_legacy *legacy = front_end;
    struct mock_access access = access_at(legacy, offset, width, false);

    mock_access_begin(legacy->front->device, &access);
    return mock_access_read(legacy->front->device, &access, answer(legacy, offset, width));
}

static void bar_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    struct mock_pci_legacy *legacy = front_end;
    struct mock_access access = access_at(legacy, offset, width, true);
    const struct mock_register *field;

    mock_access_begin(legacy->front->device, &access);
    if (!mock_access_write(legacy->front->device, &access, &value) ||
        mock_pci_front_access(legacy->front, MOCK_PCI_HEADER, 0, true, width, (uint32_t)offset, value) == NULL) {
        return;
    }
    if (offset >= header_size(legacy)) {
        mock_device_config_write(legacy->front->device, (unsigned)(offset - header_size(legacy)), width, value);
        return;
    }
    field = mock_register_at(&table, legacy->front->device, offset, width, MOCK_WRITES);
    if (field != NULL) {
        write_register(legacy, field, value);
    }
}

static const struct mock_window_ops bar_ops = { bar_read, bar_write };

void mock_pci_legacy_init(struct mock_pci_legacy *legacy, struct mock_pci_front *front,
                          struct mock_pci_function *function, uint64_t size, bool io, uint32_t address)
{
    struct mock_pci_bar bar = { .size = size, .io = io, .ops = &bar_ops, .front_end = legacy };

    memset(legacy, 0, sizeof(*legacy));
    legacy->front = front;
    mock_pci_bar_init(function, 0, &bar);
    mock_pci_bar_assign(function, 0, address);
}
