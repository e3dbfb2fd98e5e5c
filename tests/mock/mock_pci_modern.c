/* SPDX-License-Identifier: MIT */
#include "mock_pci_modern.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_registers.h"

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

/* A feature, if a register needs one, has to be negotiated. Registers of 8 bytes are accessed as two halves. */
#define REGISTERS(X)                                                                                    \
    X(DEVICE_FEATURE_SELECT, 0x00, 4, MOCK_BOTH, 0, "device_feature_select")                            \
    X(DEVICE_FEATURE, 0x04, 4, MOCK_READS, 0, "device_feature")                                         \
    X(DRIVER_FEATURE_SELECT, 0x08, 4, MOCK_BOTH, 0, "driver_feature_select")                            \
    X(DRIVER_FEATURE, 0x0c, 4, MOCK_BOTH, 0, "driver_feature")                                          \
    X(CONFIG_MSIX_VECTOR, 0x10, 2, MOCK_BOTH, 0, "config_msix_vector")                                  \
    X(NUM_QUEUES, 0x12, 2, MOCK_READS, 0, "num_queues")                                                 \
    X(DEVICE_STATUS, 0x14, 1, MOCK_BOTH, 0, "device_status")                                            \
    X(CONFIG_GENERATION, 0x15, 1, MOCK_READS, 0, "config_generation")                                   \
    X(QUEUE_SELECT, 0x16, 2, MOCK_BOTH, 0, "queue_select")                                              \
    X(QUEUE_SIZE, 0x18, 2, MOCK_BOTH, 0, "queue_size")                                                  \
    X(QUEUE_MSIX_VECTOR, 0x1a, 2, MOCK_BOTH, 0, "queue_msix_vector")                                    \
    X(QUEUE_ENABLE, 0x1c, 2, MOCK_BOTH, 0, "queue_enable")                                              \
    X(QUEUE_NOTIFY_OFF, 0x1e, 2, MOCK_READS, 0, "queue_notify_off")                                     \
    X(QUEUE_DESC, 0x20, 4, MOCK_BOTH, 0, "queue_desc")                                                  \
    X(QUEUE_DESC_HIGH, 0x24, 4, MOCK_BOTH, 0, "queue_desc")                                             \
    X(QUEUE_DRIVER, 0x28, 4, MOCK_BOTH, 0, "queue_driver")                                              \
    X(QUEUE_DRIVER_HIGH, 0x2c, 4, MOCK_BOTH, 0, "queue_driver")                                         \
    X(QUEUE_DEVICE, 0x30, 4, MOCK_BOTH, 0, "queue_device")                                              \
    X(QUEUE_DEVICE_HIGH, 0x34, 4, MOCK_BOTH, 0, "queue_device")                                         \
    X(QUEUE_NOTIF_CONFIG_DATA, 0x38, 2, MOCK_READS, VPT_F_NOTIF_CONFIG_DATA, "queue_notif_config_data") \
    X(QUEUE_RESET, 0x3a, 2, MOCK_BOTH, VPT_F_RING_RESET, "queue_reset")                                 \
    X(ADMIN_QUEUE_INDEX, 0x3c, 2, MOCK_READS, VPT_F_ADMIN_VQ, "admin_queue_index")                      \
    X(ADMIN_QUEUE_NUM, 0x3e, 2, MOCK_READS, VPT_F_ADMIN_VQ, "admin_queue_num")

enum common_register { REGISTERS(MOCK_REGISTER_OFFSET) };
static const struct mock_register registers[] = { REGISTERS(MOCK_REGISTER_ROW) };
static const struct mock_register_table table = { "virtio-pci common configuration", registers,
                                                  sizeof(registers) / sizeof(registers[0]) };

static bool require(const struct mock_pci_modern *modern, bool holds, uint64_t offset, const char *complaint)
{
    return mock_require(modern->front->device->violations, holds, "virtio-pci, offset 0x%" PRIx64 ": %s", offset,
                        complaint);
}

static const struct mock_register *permitted(const struct mock_pci_modern *modern, uint32_t offset, unsigned width,
                                             unsigned access)
{
    struct mock_device *device = modern->front->device;
    const struct mock_register *found = mock_register_at(&table, device, offset, width, access);
    bool negotiated = found == NULL || found->needs == 0 || vpt_features_has(&device->accepted, found->needs);

    return require(modern, negotiated, offset, "a field of the common configuration whose feature is not negotiated")
               ? found
               : NULL;
}

static struct mock_queue *selected(const struct mock_pci_modern *modern)
{
    return mock_device_queue(modern->front->device, modern->front->set.queue_select);
}

static uint32_t read_features(struct mock_pci_modern *modern)
{
    require(modern, modern->front->set.device_features_selected, DEVICE_FEATURE,
            "device_feature read without a device_feature_select since the reset");
    return mock_pci_front_drives(modern->front, MOCK_PCI_MODERN, "features read")
               ? mock_device_offered(modern->front->device, modern->front->set.device_features_select)
               : 0;
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
        value = modern->front->set.size[queue->index];
        return (uint32_t)(value != 0 ? value : mock_device_queue_maximum(device, queue)) & 0xffffu;
    case QUEUE_MSIX_VECTOR: return mock_pci_front_vector(modern->front, queue);
    case QUEUE_ENABLE: return mock_device_queue_ready(device, queue) ? 1 : 0;
    case QUEUE_NOTIFY_OFF:
        value = modern->notify_offset[queue->index];
        (void)mock_fault_fires(&device->faults, MOCK_FAULT_NOTIFY_OFFSET, &value);
        return (uint32_t)value & 0xffffu;
    case QUEUE_NOTIF_CONFIG_DATA: return modern->notify_data[queue->index];
    case QUEUE_RESET: return mock_device_queue_resetting(device, queue);
    default: value = queue->area[(offset - QUEUE_DESC) / 8u]; return (uint32_t)(offset % 8u == 0 ? value : value >> 32);
    }
}

static uint32_t read_common(struct mock_pci_modern *modern, uint32_t offset)
{
    struct mock_device *device = modern->front->device;
    const struct mock_pci_set_up *set = &modern->front->set;

    switch (offset) {
    case DEVICE_FEATURE_SELECT: return set->device_features_select;
    case DEVICE_FEATURE: return read_features(modern);
    case DRIVER_FEATURE_SELECT: return set->driver_features_select;
    case DRIVER_FEATURE:
        return set->driver_features_select < VPT_FEATURE_WORDS ? device->accepted.word[set->driver_features_select] : 0;
    case CONFIG_MSIX_VECTOR: return mock_pci_front_vector(modern->front, NULL);
    case NUM_QUEUES: return device->queue_count;
    case DEVICE_STATUS: return mock_device_read_status(device);
    case CONFIG_GENERATION: return device->config.generation & 0xffu;
    case QUEUE_SELECT: return set->queue_select;
    case ADMIN_QUEUE_INDEX:
    case ADMIN_QUEUE_NUM: return 0;
    default: return read_queue(modern, offset);
    }
}

static void write_size(struct mock_pci_modern *modern, struct mock_queue *queue, uint32_t value)
{
    require(modern,
            value != 0 &&
                ((value & (value - 1u)) == 0 || vpt_features_has(&modern->front->device->accepted, VPT_F_RING_PACKED)),
            QUEUE_SIZE, "queue_size written that is no power of two (PCI-COMMON-3)");
    modern->front->set.size[queue->index] = mock_device_queue_resize(modern->front->device, queue, value);
}

/* A queue whose size was not written has the size that was read last. */
static void write_enable(struct mock_pci_modern *modern, struct mock_queue *queue, uint32_t value)
{
    if (!require(modern, value == 1, QUEUE_ENABLE, "queue_enable takes 1 alone (PCI-COMMON-6)")) {
        return;
    }
    require(modern, !modern->front->queue[queue->index].unread, QUEUE_ENABLE,
            "queue_enable written, but the vector was not read back");
    if (modern->front->set.size[queue->index] == 0) {
        queue->size = queue->shown_maximum;
    }
    mock_device_queue_enable(modern->front->device, queue);
}

static void write_queue(struct mock_pci_modern *modern, const struct mock_register *field, uint32_t offset,
                        uint32_t value)
{
    struct mock_queue *queue = selected(modern);

    if (!require(modern, queue != NULL, offset, "written for a queue that does not exist")) {
        return;
    }
    if (offset == QUEUE_RESET) {
        mock_device_queue_reset(modern->front->device, queue, value);
        return;
    }
    if (!mock_device_queue_writable(modern->front->device, queue, field->name)) {
        return;
    }
    switch (offset) {
    case QUEUE_SIZE: write_size(modern, queue, value); break;
    case QUEUE_MSIX_VECTOR: mock_pci_front_assign(modern->front, queue, value); break;
    case QUEUE_ENABLE: write_enable(modern, queue, value); break;
    default: mock_register_half(&queue->area[(offset - QUEUE_DESC) / 8u], offset % 8u != 0, value); break;
    }
}

static void write_common(struct mock_pci_modern *modern, const struct mock_register *field, uint32_t offset,
                         uint32_t value)
{
    struct mock_pci_set_up *set = &modern->front->set;

    if (offset == DEVICE_STATUS) {
        mock_pci_front_status(modern->front, MOCK_PCI_MODERN, value);
        return;
    }
    if (!mock_pci_front_drives(modern->front, MOCK_PCI_MODERN, field->name)) {
        return;
    }
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        set->device_features_select = value;
        set->device_features_selected = true;
        break;
    case DRIVER_FEATURE_SELECT:
        set->driver_features_select = value;
        set->driver_features_selected = true;
        break;
    case DRIVER_FEATURE:
        require(modern, set->driver_features_selected, DRIVER_FEATURE,
                "driver_feature written without a driver_feature_select since the reset");
        mock_device_accept(modern->front->device, set->driver_features_select, value);
        break;
    case CONFIG_MSIX_VECTOR: mock_pci_front_assign(modern->front, NULL, value); break;
    case QUEUE_SELECT: set->queue_select = (uint16_t)value; break;
    default: write_queue(modern, field, offset, value); break;
    }
}

/* The queue that is notified by this value at this offset of a notification structure, or NULL. */
static const struct mock_queue *notified(const struct mock_pci_modern *modern, uint32_t multiplier, uint32_t offset,
                                         uint32_t value)
{
    struct mock_device *device = modern->front->device;
    bool by_data = vpt_features_has(&device->accepted, VPT_F_NOTIF_CONFIG_DATA);

    for (uint16_t i = 0; i < MOCK_QUEUES_MAX; i++) {
        uint16_t index = mock_device_queue_index(device, &device->queues[i]);
        uint16_t expected = by_data ? modern->notify_data[i] : index;

        if (mock_device_queue(device, index) != NULL && (uint64_t)modern->notify_offset[i] * multiplier == offset &&
            expected == (value & 0xffffu)) {
            return &device->queues[i];
        }
    }
    return NULL;
}

static void notify(struct mock_pci_modern *modern, const struct mock_pci_capability *capability, uint32_t offset,
                   unsigned width, uint32_t value)
{
    bool data = vpt_features_has(&modern->front->device->accepted, VPT_F_NOTIFICATION_DATA);
    const struct mock_queue *queue = notified(modern, capability->multiplier, offset, value);

    if (require(modern, width == (data ? 4u : 2u), offset, "a doorbell of the wrong width (PCI-KICK-1, PCI-KICK-2)") &&
        require(modern, queue != NULL, offset,
                "a doorbell with a value that means no queue there (PCI-KICK-3 to PCI-KICK-6)") &&
        mock_pci_front_drives(modern->front, MOCK_PCI_MODERN, "kick")) {
        mock_device_notify(modern->front->device,
                           (value & 0xffff0000u) | mock_device_queue_index(modern->front->device, queue));
    }
}

static uint32_t read_structure(struct mock_pci_modern *modern, const struct mock_pci_capability *capability,
                               uint32_t offset, unsigned width)
{
    switch (capability->type) {
    case MOCK_PCI_COMMON: return permitted(modern, offset, width, MOCK_READS) != NULL ? read_common(modern, offset) : 0;
    case MOCK_PCI_ISR:
        return require(modern, offset == 0 && width == 1, offset, "the ISR status is one byte")
                   ? mock_pci_front_isr(modern->front)
                   : 0;
    case MOCK_PCI_DEVICE: return mock_device_config_read(modern->front->device, offset, width);
    default: require(modern, false, offset, "a doorbell was read"); return 0;
    }
}

static void write_structure(struct mock_pci_modern *modern, const struct mock_pci_capability *capability,
                            uint32_t offset, unsigned width, uint32_t value)
{
    const struct mock_register *field;

    switch (capability->type) {
    case MOCK_PCI_COMMON:
        field = permitted(modern, offset, width, MOCK_WRITES);
        if (field != NULL) {
            write_common(modern, field, offset, value);
        }
        break;
    case MOCK_PCI_NOTIFY: notify(modern, capability, offset, width, value); break;
    case MOCK_PCI_DEVICE: mock_device_config_write(modern->front->device, offset, width, value); break;
    default: require(modern, false, offset, "the ISR status was written"); break;
    }
}

static bool covers(const struct mock_pci_capability *capability, unsigned bar, uint64_t offset, unsigned width)
{
    return capability->bar == bar && offset >= capability->offset && capability->size >= width &&
           offset - capability->offset <= capability->size - width;
}

/* The usable structure that is accessed, or NULL and a violation. */
static const struct mock_pci_capability *structure_at(const struct mock_pci_modern_bar *bar, uint64_t offset,
                                                      unsigned width)
{
    const struct mock_pci_layout *layout = &bar->modern->layout;
    bool unusable = false;

    for (unsigned i = 0; i < layout->count; i++) {
        const struct mock_pci_capability *capability = &layout->capability[i];

        if (!covers(capability, bar->number, offset, width)) {
            continue;
        }
        if (!capability->unusable && capability->type >= MOCK_PCI_COMMON && capability->type <= MOCK_PCI_DEVICE) {
            return capability;
        }
        unusable = true;
    }
    require(bar->modern, false, offset,
            unusable ? "a register of a structure that is not to be used" : "a register of no structure");
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

/* Lets lies fire and logs the access; NULL: it is to no structure, or there is no device any more. */
static struct mock_pci_access *begin(const struct mock_pci_modern_bar *bar, uint64_t offset, unsigned width, bool write,
                                     uint32_t value, struct mock_access *access)
{
    const struct mock_pci_capability *capability = structure_at(bar, offset, width);

    if (capability == NULL) {
        return NULL;
    }
    offset -= capability->offset;
    *access = access_at(capability, offset, width, write);
    mock_access_begin(bar->modern->front->device, access);
    return mock_pci_front_access(bar->modern->front, (enum mock_pci_structure)capability->type,
                                 (unsigned)(capability - bar->modern->layout.capability), write, width,
                                 (uint32_t)offset, value);
}

static uint32_t bar_read(void *front_end, size_t offset, unsigned width)
{
    const struct mock_pci_modern_bar *bar = front_end;
    struct mock_access access;
    struct mock_pci_access *logged = begin(bar, offset, width, false, 0, &access);

    if (logged == NULL) {
        return mock_ones(width);
    }
    logged->value =
        read_structure(bar->modern, &bar->modern->layout.capability[logged->capability], logged->offset, width);
    return mock_access_read(bar->modern->front->device, &access, logged->value);
}

static void bar_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    const struct mock_pci_modern_bar *bar = front_end;
    struct mock_access access;
    const struct mock_pci_access *logged = begin(bar, offset, width, true, value, &access);

    if (logged != NULL && mock_access_write(bar->modern->front->device, &access, &value)) {
        write_structure(bar->modern, &bar->modern->layout.capability[logged->capability], logged->offset, width, value);
    }
}

static const struct mock_window_ops bar_ops = { bar_read, bar_write };

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
    mock_store(bytes + 6, 2, 0, false);
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
