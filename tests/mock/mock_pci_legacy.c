/* SPDX-License-Identifier: MIT */
#include "mock_pci_legacy.h"

#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"

#define PAGE_SHIFT 12u
#define ALIGNMENT  4096u

#define HEADER_SIZE         20u
#define HEADER_WITH_VECTORS 24u

enum header_register {
    DEVICE_FEATURES = 0,
    DRIVER_FEATURES = 4,
    QUEUE_ADDRESS = 8,
    QUEUE_SIZE = 12,
    QUEUE_SELECT = 14,
    QUEUE_NOTIFY = 16,
    DEVICE_STATUS = 18,
    ISR_STATUS = 19,
    CONFIG_VECTOR = 20, /* this and the next one with MSI-X on */
    QUEUE_VECTOR = 22
};

#define READ  1u
#define WRITE 2u
#define BOTH  3u

struct field {
    uint8_t offset;
    uint8_t width;
    uint8_t access;
    const char *name;
};

static const struct field fields[] = {
    { DEVICE_FEATURES, 4, READ, "Device Features" },    { DRIVER_FEATURES, 4, BOTH, "Driver Features" },
    { QUEUE_ADDRESS, 4, BOTH, "Queue Address" },        { QUEUE_SIZE, 2, READ, "Queue Size" },
    { QUEUE_SELECT, 2, BOTH, "Queue Select" },          { QUEUE_NOTIFY, 2, WRITE, "Queue Notify" },
    { DEVICE_STATUS, 1, BOTH, "Device Status" },        { ISR_STATUS, 1, READ, "ISR Status" },
    { CONFIG_VECTOR, 2, BOTH, "Configuration Vector" }, { QUEUE_VECTOR, 2, BOTH, "Queue Vector" },
};

static void complain(const struct mock_pci_legacy *legacy, const char *what, size_t offset)
{
    mock_violation(legacy->front->device->violations, "virtio-pci legacy, offset %zu: %s", offset, what);
}

/* The configuration is right behind the header, which is longer while MSI-X is on (LEG-PCILAYOUT-4). */
static size_t header_size(const struct mock_pci_legacy *legacy)
{
    return mock_pci_msix_enabled(legacy->front->function) ? HEADER_WITH_VECTORS : HEADER_SIZE;
}

static const struct field *permitted(const struct mock_pci_legacy *legacy, size_t offset, unsigned width,
                                     unsigned direction)
{
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const struct field *field = &fields[i];

        if (field->offset != offset || field->width != width) {
            continue;
        }
        if ((field->access & direction) == 0) {
            complain(legacy, direction == READ ? "a write-only register was read" : "a read-only register was written",
                     offset);
            return NULL;
        }
        return field;
    }
    complain(legacy, "no access as wide as a register of the header", offset);
    return NULL;
}

static struct mock_queue *selected(const struct mock_pci_legacy *legacy)
{
    return mock_device_queue(legacy->front->device, legacy->queue_select);
}

/* What a reset of the device, whoever asked for it, has taken away. */
static void refresh(struct mock_pci_legacy *legacy)
{
    if (legacy->resets != legacy->front->device->resets) {
        legacy->resets = legacy->front->device->resets;
        legacy->queue_select = UINT16_MAX;
        memset(legacy->page, 0, sizeof(legacy->page));
    }
}

/* ---- Reading ---- */

static uint32_t read_page(struct mock_pci_legacy *legacy)
{
    struct mock_queue *queue = selected(legacy);

    if (queue == NULL || !mock_device_queue_ready(legacy->front->device, queue)) {
        return 0;
    }
    return queue->enabled ? legacy->page[queue->index] : 0xbad;
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
    case QUEUE_SELECT: return legacy->queue_select;
    case DEVICE_STATUS: return mock_device_read_status(front->device);
    case ISR_STATUS: return mock_pci_front_isr(front);
    case CONFIG_VECTOR: return mock_pci_front_vector(front, NULL);
    default: queue = selected(legacy); return queue != NULL ? mock_pci_front_vector(front, queue) : MOCK_PCI_NO_VECTOR;
    }
}

/* ---- Writing ---- */

static void write_page(struct mock_pci_legacy *legacy, struct mock_queue *queue, uint32_t value)
{
    struct mock_device *device = legacy->front->device;

    if (value == 0 && legacy->zero_resets) {
        mock_device_write_status(device, 0);
    } else if (value == 0) {
        mock_device_queue_disable(device, queue);
    } else if (mock_device_queue_writable(device, queue, "Queue Address")) {
        legacy->page[queue->index] = value;
        queue->size = queue->shown_maximum;
        mock_device_queue_enable_legacy(device, queue, (uint64_t)value << PAGE_SHIFT, ALIGNMENT);
    }
}

static void write_queue(struct mock_pci_legacy *legacy, const struct field *field, uint32_t value)
{
    struct mock_queue *queue = selected(legacy);

    if (queue == NULL) {
        complain(legacy, "written for a queue that does not exist", field->offset);
    } else if (field->offset == QUEUE_ADDRESS) {
        write_page(legacy, queue, value);
    } else if (mock_device_queue_writable(legacy->front->device, queue, field->name)) {
        mock_pci_front_assign(legacy->front, queue, value);
    }
}

static void write_register(struct mock_pci_legacy *legacy, const struct field *field, uint32_t value)
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
    case QUEUE_SELECT: legacy->queue_select = (uint16_t)value; break;
    case QUEUE_NOTIFY: mock_device_notify(front->device, value); break;
    case CONFIG_VECTOR: mock_pci_front_assign(front, NULL, value); break;
    default: write_queue(legacy, field, value); break;
    }
}

/* ---- The BAR ---- */

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

    refresh(legacy);
    if (access == NULL) {
        return mock_ones(width);
    }
    if (offset >= header_size(legacy)) {
        access->value = mock_device_config_read(legacy->front->device, (unsigned)(offset - header_size(legacy)), width);
    } else if (permitted(legacy, offset, width, READ) != NULL) {
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
    const struct field *field;

    mock_access_begin(legacy->front->device, &access);
    refresh(legacy);
    if (!mock_access_write(legacy->front->device, &access, &value)) {
        return;
    }
    if (mock_pci_front_access(legacy->front, MOCK_PCI_HEADER, 0, true, width, (uint32_t)offset, value) == NULL) {
        return;
    }
    if (offset >= header_size(legacy)) {
        mock_device_config_write(legacy->front->device, (unsigned)(offset - header_size(legacy)), width, value);
        return;
    }
    field = permitted(legacy, offset, width, WRITE);
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
    legacy->queue_select = UINT16_MAX;
    mock_pci_bar_init(function, 0, &bar);
    mock_pci_bar_assign(function, 0, address);
}

void mock_pci_legacy_start(struct mock_pci_legacy *legacy)
{
    static const uint8_t bits[] = { VPT_F_NOTIFY_ON_EMPTY, VPT_F_ANY_LAYOUT, VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX };
    struct mock_pci_interface *interface = &legacy->front->interface[MOCK_PCI_LEGACY];

    interface->present = true;
    for (unsigned i = 0; i < sizeof(bits); i++) {
        vpt_features_add(&interface->known, bits[i]);
    }
}
