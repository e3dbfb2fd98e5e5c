/* SPDX-License-Identifier: MIT */
#include "mock_pci_modern.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"

#define CAPABILITY_VENDOR 0x09u
#define CAPABILITY_SIZE   16u
#define CAPABILITY_LARGER 20u /* with a multiplier, or the data of type 5 */
#define CAPABILITY_64     24u
#define PADDING           0xeeu

const struct mock_pci_layout mock_pci_usual_layout = {
    .bar = { [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } },
    .count = 5,
    .capability = {
        { .type = MOCK_PCI_ACCESS },
        { .type = MOCK_PCI_NOTIFY, .bar = 4, .offset = 0x3000, .size = 0x1000, .multiplier = 4 },
        { .type = MOCK_PCI_DEVICE, .bar = 4, .offset = 0x2000, .size = 0x1000 },
        { .type = MOCK_PCI_ISR, .bar = 4, .offset = 0x1000, .size = 0x1000 },
        { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0x0000, .size = 0x1000 },
    },
};

enum common_register {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_MSIX_VECTOR = 0x10,
    NUM_QUEUES = 0x12,
    DEVICE_STATUS = 0x14,
    CONFIG_GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_MSIX_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    QUEUE_NOTIF_CONFIG_DATA = 0x38,
    QUEUE_RESET = 0x3a,
    ADMIN_QUEUE_INDEX = 0x3c,
    ADMIN_QUEUE_NUM = 0x3e
};

#define READ  1u
#define WRITE 2u
#define BOTH  3u

/* Fields wider than 4 bytes are accessed as halves, which stand here one by one. */
struct field {
    uint8_t offset;
    uint8_t width;
    uint8_t access;
    uint8_t feature; /* that must be offered for it to exist; 0: none */
    const char *name;
};

static const struct field fields[] = {
    { DEVICE_FEATURE_SELECT, 4, BOTH, 0, "device_feature_select" },
    { DEVICE_FEATURE, 4, READ, 0, "device_feature" },
    { DRIVER_FEATURE_SELECT, 4, BOTH, 0, "driver_feature_select" },
    { DRIVER_FEATURE, 4, BOTH, 0, "driver_feature" },
    { CONFIG_MSIX_VECTOR, 2, BOTH, 0, "config_msix_vector" },
    { NUM_QUEUES, 2, READ, 0, "num_queues" },
    { DEVICE_STATUS, 1, BOTH, 0, "device_status" },
    { CONFIG_GENERATION, 1, READ, 0, "config_generation" },
    { QUEUE_SELECT, 2, BOTH, 0, "queue_select" },
    { QUEUE_SIZE, 2, BOTH, 0, "queue_size" },
    { QUEUE_MSIX_VECTOR, 2, BOTH, 0, "queue_msix_vector" },
    { QUEUE_ENABLE, 2, BOTH, 0, "queue_enable" },
    { QUEUE_NOTIFY_OFF, 2, READ, 0, "queue_notify_off" },
    { QUEUE_DESC, 4, BOTH, 0, "queue_desc" },
    { QUEUE_DESC + 4, 4, BOTH, 0, "queue_desc" },
    { QUEUE_DRIVER, 4, BOTH, 0, "queue_driver" },
    { QUEUE_DRIVER + 4, 4, BOTH, 0, "queue_driver" },
    { QUEUE_DEVICE, 4, BOTH, 0, "queue_device" },
    { QUEUE_DEVICE + 4, 4, BOTH, 0, "queue_device" },
    { QUEUE_NOTIF_CONFIG_DATA, 2, READ, VPT_F_NOTIF_CONFIG_DATA, "queue_notif_config_data" },
    { QUEUE_RESET, 2, BOTH, VPT_F_RING_RESET, "queue_reset" },
    { ADMIN_QUEUE_INDEX, 2, READ, VPT_F_ADMIN_VQ, "admin_queue_index" },
    { ADMIN_QUEUE_NUM, 2, READ, VPT_F_ADMIN_VQ, "admin_queue_num" },
};

static void complain(const struct mock_pci_modern *modern, const char *what, uint64_t offset)
{
    mock_violation(modern->front->device->violations, "virtio-pci, offset 0x%" PRIx64 ": %s", offset, what);
}

/* ---- The common configuration ---- */

/* The field if a driver may access it so, or NULL and a violation. */
static const struct field *permitted(const struct mock_pci_modern *modern, uint32_t offset, unsigned width,
                                     unsigned direction)
{
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const struct field *field = &fields[i];

        if (field->offset != offset || field->width != width) {
            continue;
        }
        if (field->feature != 0 && !vpt_features_has(&modern->front->device->accepted, field->feature)) {
            complain(modern, "a field of the common configuration whose feature is not negotiated", offset);
            return NULL;
        }
        if ((field->access & direction) == 0) {
            complain(modern, "a read-only field of the common configuration was written (PCI-COMMON-1)", offset);
            return NULL;
        }
        return field;
    }
    complain(modern, "no access as wide as a field of the common configuration (PCI-ACCESS-1)", offset);
    return NULL;
}

static struct mock_queue *selected(const struct mock_pci_modern *modern)
{
    return mock_device_queue(modern->front->device, modern->queue_select);
}

/* What a reset of the device, whoever asked for it, has taken away. */
static void refresh(struct mock_pci_modern *modern)
{
    if (modern->resets != modern->front->device->resets) {
        modern->resets = modern->front->device->resets;
        modern->device_features_selected = false;
        modern->driver_features_selected = false;
        modern->queue_select = UINT16_MAX;
        memset(modern->sizes, 0, sizeof(modern->sizes));
    }
}

static uint32_t read_features(struct mock_pci_modern *modern)
{
    if (!modern->device_features_selected) {
        complain(modern, "device_feature read without a device_feature_select since the reset", DEVICE_FEATURE);
    }
    if (!mock_pci_front_drives(modern->front, MOCK_PCI_MODERN, "features read")) {
        return 0;
    }
    return mock_device_offered(modern->front->device, modern->device_features_select);
}

/* Fields of the queue that is selected; all are 0 where there is none. */
static uint32_t read_queue(struct mock_pci_modern *modern, uint32_t offset)
{
    struct mock_device *device = modern->front->device;
    struct mock_queue *queue = selected(modern);
    uint64_t value = 0;

    if (queue == NULL) {
        return offset == QUEUE_MSIX_VECTOR ? MOCK_PCI_NO_VECTOR : 0;
    }
    switch (offset) {
    case QUEUE_SIZE:
        value = modern->sizes[queue->index];
        return (uint32_t)(value != 0 ? value : mock_device_queue_maximum(device, queue)) & 0xffffu;
    case QUEUE_MSIX_VECTOR: return mock_pci_front_vector(modern->front, queue);
    case QUEUE_ENABLE: return mock_device_queue_ready(device, queue) ? 1 : 0;
    case QUEUE_NOTIFY_OFF:
        value = modern->notify_offset[queue->index];
        (void)mock_fault_fires(&device->faults, MOCK_FAULT_NOTIFY_OFFSET, &value);
        return (uint32_t)value & 0xffffu;
    case QUEUE_NOTIF_CONFIG_DATA: return modern->notify_data[queue->index];
    case QUEUE_RESET: return 0; /* a queue's reset is done before its write returns */
    default: value = queue->area[(offset - QUEUE_DESC) / 8u]; return (uint32_t)(offset % 8u == 0 ? value : value >> 32);
    }
}

static uint32_t read_common(struct mock_pci_modern *modern, uint32_t offset)
{
    struct mock_device *device = modern->front->device;

    switch (offset) {
    case DEVICE_FEATURE_SELECT: return modern->device_features_select;
    case DEVICE_FEATURE: return read_features(modern);
    case DRIVER_FEATURE_SELECT: return modern->driver_features_select;
    case DRIVER_FEATURE:
        return modern->driver_features_select < VPT_FEATURE_WORDS
                   ? device->accepted.word[modern->driver_features_select]
                   : 0;
    case CONFIG_MSIX_VECTOR: return mock_pci_front_vector(modern->front, NULL);
    case NUM_QUEUES: return device->queue_count;
    case DEVICE_STATUS: return mock_device_read_status(device);
    case CONFIG_GENERATION: return device->config.generation & 0xffu;
    case QUEUE_SELECT: return modern->queue_select;
    case ADMIN_QUEUE_INDEX:
    case ADMIN_QUEUE_NUM: return 0;
    default: return read_queue(modern, offset);
    }
}

static void write_size(struct mock_pci_modern *modern, struct mock_queue *queue, uint32_t value)
{
    if (value == 0 || (value & (value - 1u)) != 0) {
        complain(modern, "queue_size written that is no power of two (PCI-COMMON-3)", QUEUE_SIZE);
    }
    modern->sizes[queue->index] = mock_device_queue_resize(modern->front->device, queue, value);
}

/* A queue whose size was not written has what was read last. */
static void write_enable(struct mock_pci_modern *modern, struct mock_queue *queue, uint32_t value)
{
    if (value != 1) {
        complain(modern, "queue_enable takes 1 alone (PCI-COMMON-6)", QUEUE_ENABLE);
        return;
    }
    if (modern->sizes[queue->index] == 0) {
        queue->size = queue->shown_maximum;
    }
    mock_device_queue_enable(modern->front->device, queue);
}

static void write_reset(struct mock_pci_modern *modern, struct mock_queue *queue, uint32_t value)
{
    if (value != 1) {
        complain(modern, "queue_reset takes 1 alone", QUEUE_RESET);
        return;
    }
    modern->sizes[queue->index] = 0;
    mock_device_queue_disable(modern->front->device, queue);
}

static void write_address(struct mock_queue *queue, uint32_t offset, uint32_t value)
{
    uint64_t *address = &queue->area[(offset - QUEUE_DESC) / 8u];

    if (offset % 8u == 0) {
        *address = (*address & ~UINT64_C(0xffffffff)) | value;
    } else {
        *address = (*address & UINT64_C(0xffffffff)) | ((uint64_t)value << 32);
    }
}

static void write_queue(struct mock_pci_modern *modern, const struct field *field, uint32_t offset, uint32_t value)
{
    struct mock_queue *queue = selected(modern);

    if (queue == NULL) {
        complain(modern, "written for a queue that does not exist", offset);
        return;
    }
    if (offset == QUEUE_RESET) {
        write_reset(modern, queue, value);
        return;
    }
    if (!mock_device_queue_writable(modern->front->device, queue, field->name)) {
        return;
    }
    if (offset == QUEUE_SIZE) {
        write_size(modern, queue, value);
    } else if (offset == QUEUE_MSIX_VECTOR) {
        mock_pci_front_assign(modern->front, queue, value);
    } else if (offset == QUEUE_ENABLE) {
        write_enable(modern, queue, value);
    } else {
        write_address(queue, offset, value);
    }
}

static void write_features(struct mock_pci_modern *modern, uint32_t value)
{
    if (!modern->driver_features_selected) {
        complain(modern, "driver_feature written without a driver_feature_select since the reset", DRIVER_FEATURE);
    }
    mock_device_accept(modern->front->device, modern->driver_features_select, value);
}

static void write_common(struct mock_pci_modern *modern, const struct field *field, uint32_t offset, uint32_t value)
{
    if (offset == DEVICE_STATUS) {
        mock_pci_front_status(modern->front, MOCK_PCI_MODERN, value);
        return;
    }
    if (!mock_pci_front_drives(modern->front, MOCK_PCI_MODERN, field->name)) {
        return;
    }
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        modern->device_features_select = value;
        modern->device_features_selected = true;
        break;
    case DRIVER_FEATURE_SELECT:
        modern->driver_features_select = value;
        modern->driver_features_selected = true;
        break;
    case DRIVER_FEATURE: write_features(modern, value); break;
    case CONFIG_MSIX_VECTOR: mock_pci_front_assign(modern->front, NULL, value); break;
    case QUEUE_SELECT: modern->queue_select = (uint16_t)value; break;
    default: write_queue(modern, field, offset, value); break;
    }
}

/* ---- Doorbells ---- */

/* The queue that a value at this place in a notification structure means, or NULL. */
static const struct mock_queue *rung(const struct mock_pci_modern *modern, uint32_t multiplier, uint32_t offset,
                                     uint32_t value)
{
    struct mock_device *device = modern->front->device;
    bool by_data = vpt_features_has(&device->accepted, VPT_F_NOTIF_CONFIG_DATA);

    for (uint16_t i = 0; i < MOCK_QUEUES_MAX; i++) {
        uint16_t expected = by_data ? modern->notify_data[i] : i;

        if (mock_device_queue(device, i) != NULL && (uint64_t)modern->notify_offset[i] * multiplier == offset &&
            expected == (value & 0xffffu)) {
            return &device->queues[i];
        }
    }
    return NULL;
}

static void ring(struct mock_pci_modern *modern, const struct mock_pci_capability *capability, uint32_t offset,
                 unsigned width, uint32_t value)
{
    bool data = vpt_features_has(&modern->front->device->accepted, VPT_F_NOTIFICATION_DATA);
    const struct mock_queue *queue = rung(modern, capability->multiplier, offset, value);

    if (width != (data ? 4u : 2u)) {
        complain(modern, "a doorbell of the wrong width (PCI-KICK-1, PCI-KICK-2)", offset);
    } else if (queue == NULL) {
        complain(modern, "a doorbell with a value that means no queue there (PCI-KICK-3 to PCI-KICK-6)", offset);
    } else if (mock_pci_front_drives(modern->front, MOCK_PCI_MODERN, "kick")) {
        mock_device_notify(modern->front->device, (value & 0xffff0000u) | queue->index);
    }
}

/* ---- Structures ---- */

static uint32_t read_structure(struct mock_pci_modern *modern, const struct mock_pci_capability *capability,
                               uint32_t offset, unsigned width)
{
    switch (capability->type) {
    case MOCK_PCI_COMMON: return permitted(modern, offset, width, READ) != NULL ? read_common(modern, offset) : 0;
    case MOCK_PCI_ISR:
        if (offset != 0 || width != 1) {
            complain(modern, "the ISR status is one byte", offset);
            return 0;
        }
        return mock_pci_front_isr(modern->front);
    case MOCK_PCI_DEVICE: return mock_device_config_read(modern->front->device, offset, width);
    default: complain(modern, "a doorbell was read", offset); return 0;
    }
}

static void write_structure(struct mock_pci_modern *modern, const struct mock_pci_capability *capability,
                            uint32_t offset, unsigned width, uint32_t value)
{
    const struct field *field;

    switch (capability->type) {
    case MOCK_PCI_COMMON:
        field = permitted(modern, offset, width, WRITE);
        if (field != NULL) {
            write_common(modern, field, offset, value);
        }
        break;
    case MOCK_PCI_NOTIFY: ring(modern, capability, offset, width, value); break;
    case MOCK_PCI_DEVICE: mock_device_config_write(modern->front->device, offset, width, value); break;
    default: complain(modern, "the ISR status was written", offset); break;
    }
}

static bool covers(const struct mock_pci_capability *capability, unsigned bar, uint64_t offset, unsigned width)
{
    return capability->bar == bar && offset >= capability->offset && capability->size >= width &&
           offset - capability->offset <= capability->size - width;
}

/* The usable structure that an access falls into, or NULL and a violation. */
static const struct mock_pci_capability *structure_at(const struct mock_pci_modern_bar *bar, uint64_t offset,
                                                      unsigned width)
{
    const struct mock_pci_layout *layout = &bar->modern->layout;
    bool bait = false;

    for (unsigned i = 0; i < layout->count; i++) {
        const struct mock_pci_capability *capability = &layout->capability[i];

        if (!covers(capability, bar->number, offset, width)) {
            continue;
        }
        if (!capability->unusable && capability->type >= MOCK_PCI_COMMON && capability->type <= MOCK_PCI_DEVICE) {
            return capability;
        }
        bait = true;
    }
    complain(bar->modern, bait ? "a register of a structure that is not to be used" : "a register of no structure",
             offset);
    return NULL;
}

/* An access to a structure, as lies know it. */
static struct mock_access access_at(const struct mock_pci_capability *capability, uint64_t offset, unsigned width,
                                    bool write)
{
    bool configuration = capability->type == MOCK_PCI_DEVICE;

    return (struct mock_access){
        .space = configuration ? MOCK_SPACE_CONFIGURATION : MOCK_SPACE_REGISTER,
        .offset = configuration ? offset : MOCK_MODERN_REGISTER(capability->type, offset),
        .width = width,
        .write = write,
        .status = capability->type == MOCK_PCI_COMMON && offset == DEVICE_STATUS,
        .layout = capability->type == MOCK_PCI_COMMON && offset == QUEUE_SIZE,
    };
}

/* Logs the access; NULL: no device any more. */
static struct mock_pci_access *log_access(const struct mock_pci_modern *modern,
                                          const struct mock_pci_capability *capability, uint64_t offset, unsigned width,
                                          bool write, uint32_t value)
{
    unsigned number = (unsigned)(capability - modern->layout.capability);

    return mock_pci_front_access(modern->front, (enum mock_pci_structure)capability->type, number, write, width,
                                 (uint32_t)offset, value);
}

static uint32_t bar_read(void *front_end, size_t offset, unsigned width)
{
    const struct mock_pci_modern_bar *bar = front_end;
    struct mock_device *device = bar->modern->front->device;
    const struct mock_pci_capability *capability = structure_at(bar, offset, width);
    struct mock_pci_access *logged;
    struct mock_access access;

    if (capability == NULL) {
        return mock_ones(width);
    }
    access = access_at(capability, offset - capability->offset, width, false);
    mock_access_begin(device, &access);
    refresh(bar->modern);
    logged = log_access(bar->modern, capability, offset - capability->offset, width, false, 0);
    if (logged == NULL) {
        return mock_ones(width);
    }
    logged->value = read_structure(bar->modern, capability, logged->offset, width);
    return mock_access_read(device, &access, logged->value);
}

static void bar_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    const struct mock_pci_modern_bar *bar = front_end;
    struct mock_device *device = bar->modern->front->device;
    const struct mock_pci_capability *capability = structure_at(bar, offset, width);
    const struct mock_pci_access *logged;
    struct mock_access access;

    if (capability == NULL) {
        return;
    }
    access = access_at(capability, offset - capability->offset, width, true);
    mock_access_begin(device, &access);
    refresh(bar->modern);
    logged = log_access(bar->modern, capability, offset - capability->offset, width, true, value);
    if (logged != NULL && mock_access_write(device, &access, &value)) {
        write_structure(bar->modern, capability, logged->offset, width, value);
    }
}

static const struct mock_window_ops bar_ops = { bar_read, bar_write };

/* ---- Initialisation ---- */

static unsigned natural_length(unsigned type)
{
    switch (type) {
    case MOCK_PCI_NOTIFY:
    case MOCK_PCI_ACCESS: return CAPABILITY_LARGER;
    case MOCK_PCI_SHARED_MEMORY: return CAPABILITY_64;
    default: return CAPABILITY_SIZE;
    }
}

static uint16_t add_capability(struct mock_pci_function *function, const struct mock_pci_capability *capability)
{
    uint8_t bytes[256];
    unsigned length = capability->length != 0 ? capability->length : natural_length(capability->type);

    memset(bytes, PADDING, sizeof(bytes));
    bytes[2] = (uint8_t)length;
    bytes[3] = capability->type;
    bytes[4] = capability->bar;
    bytes[5] = capability->id;
    bytes[6] = 0;
    bytes[7] = 0;
    mock_store(bytes + 8, 4, capability->offset, false);
    mock_store(bytes + 12, 4, capability->size, false);
    if (capability->type == MOCK_PCI_NOTIFY) {
        mock_store(bytes + 16, 4, capability->multiplier, false);
    } else if (capability->type == MOCK_PCI_SHARED_MEMORY) {
        mock_store(bytes + 16, 4, capability->offset >> 32, false);
        mock_store(bytes + 20, 4, capability->size >> 32, false);
    }
    return mock_pci_capability_add(function, CAPABILITY_VENDOR, bytes + 2, (length > 4 ? length : 4u) - 2u, NULL);
}

static void add_bar(struct mock_pci_modern *modern, struct mock_pci_function *function, unsigned number)
{
    const struct mock_pci_place *place = &modern->layout.bar[number];
    struct mock_pci_bar bar = { .size = place->size, .io = place->io, .is_64bit = place->is_64bit, .ops = &bar_ops };

    if (place->size != 0) {
        modern->bars[number] = (struct mock_pci_modern_bar){ modern, number };
        bar.front_end = &modern->bars[number];
        mock_pci_bar_init(function, number, &bar);
        mock_pci_bar_assign(function, number, place->address);
    }
}

void mock_pci_modern_init(struct mock_pci_modern *modern, struct mock_pci_front *front,
                          struct mock_pci_function *function, const struct mock_pci_layout *layout)
{
    memset(modern, 0, sizeof(*modern));
    modern->front = front;
    modern->layout = *layout;
    modern->queue_select = UINT16_MAX;
    for (uint16_t i = 0; i < MOCK_QUEUES_MAX; i++) {
        modern->notify_offset[i] = i;
        modern->notify_data[i] = (uint16_t)(0xc0deu + 0x101u * i);
    }
    for (unsigned i = 0; i < 6u; i++) {
        add_bar(modern, function, i);
    }
    for (unsigned i = 0; i < layout->count; i++) {
        modern->capability[i] = add_capability(function, &layout->capability[i]);
    }
}

void mock_pci_modern_start(struct mock_pci_modern *modern)
{
    /* SR_IOV is left out: the function has no such capability (RSVFEAT-9). */
    static const uint8_t bits[] = {
        VPT_F_INDIRECT_DESC,     VPT_F_EVENT_IDX,         VPT_F_VERSION_1,  VPT_F_ACCESS_PLATFORM,
        VPT_F_RING_PACKED,       VPT_F_IN_ORDER,          VPT_F_RING_RESET, VPT_F_ORDER_PLATFORM,
        VPT_F_NOTIFICATION_DATA, VPT_F_NOTIF_CONFIG_DATA, VPT_F_SUSPEND,
    };
    struct mock_pci_interface *interface = &modern->front->interface[MOCK_PCI_MODERN];

    interface->present = true;
    for (unsigned i = 0; i < sizeof(bits); i++) {
        vpt_features_add(&interface->known, bits[i]);
    }
}
