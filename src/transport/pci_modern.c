/* SPDX-License-Identifier: MIT */
/* virtio-pci, modern: structures that vendor capabilities point to (VirtIO 1.4, sections 4.1.4.1 to 4.1.4.8). */
#include "../log.h"
#include "pci_function.h"

/* struct virtio_pci_cap. Capabilities are aligned to 4, so that all offsets are multiples of the widths. */
enum capability_field {
    CAPABILITY_LENGTH = 2,
    CAPABILITY_TYPE = 3,
    CAPABILITY_BAR = 4,
    CAPABILITY_ID = 5,
    CAPABILITY_STRUCTURE_OFFSET = 8,
    CAPABILITY_STRUCTURE_LENGTH = 12,
    CAPABILITY_SIZE = 16,
    CAPABILITY_NOTIFY_MULTIPLIER = 16,
    CAPABILITY_NOTIFY_SIZE = 20,
    CAPABILITY_OFFSET_HIGH = 16,
    CAPABILITY_LENGTH_HIGH = 20,
    CAPABILITY_64_SIZE = 24
};

enum capability_type { TYPE_COMMON = 1, TYPE_NOTIFY = 2, TYPE_ISR = 3, TYPE_DEVICE = 4, TYPE_SHARED_MEMORY = 8 };

/* struct virtio_pci_common_cfg */
enum common_register {
    COMMON_DEVICE_FEATURE_SELECT = 0x00,
    COMMON_DEVICE_FEATURE = 0x04,
    COMMON_DRIVER_FEATURE_SELECT = 0x08,
    COMMON_DRIVER_FEATURE = 0x0c,
    COMMON_CONFIG_VECTOR = 0x10,
    COMMON_DEVICE_STATUS = 0x14,
    COMMON_CONFIG_GENERATION = 0x15,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_VECTOR = 0x1a,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY_OFFSET = 0x1e,
    COMMON_QUEUE_DESC = 0x20,
    COMMON_QUEUE_DRIVER = 0x28,
    COMMON_QUEUE_DEVICE = 0x30,
    COMMON_SIZE = 0x38,
    COMMON_QUEUE_NOTIFY_DATA = 0x38, /* with NOTIF_CONFIG_DATA */
    COMMON_QUEUE_NOTIFY_DATA_END = 0x3a,
    COMMON_QUEUE_RESET = 0x3a, /* with RING_RESET; it ends at VPT_PCI_QUEUE_RESET_END */
    COMMON_MAPPED = 0x40
};

/* More configuration than any device has. A driver may map at most 4 KiB of a structure (OUT-PCI-1). */
#define CONFIG_MAPPED 4096u

static uint32_t read_common(struct vpt_device *device, uint32_t offset, unsigned width)
{
    return vpt_structure_read(device, &vpt_pci_of(device)->common, offset, width);
}

static void write_common(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    vpt_structure_write(device, &vpt_pci_of(device)->common, offset, width, value);
}

static const uint8_t places[VPT_PCI_REGISTERS] = {
    [VPT_PCI_REGISTER(DEVICE_FEATURES_SEL)] = VPT_PCI_PLACE(COMMON_DEVICE_FEATURE_SELECT, 4),
    [VPT_PCI_REGISTER(DEVICE_FEATURES)] = VPT_PCI_PLACE(COMMON_DEVICE_FEATURE, 4),
    [VPT_PCI_REGISTER(DRIVER_FEATURES_SEL)] = VPT_PCI_PLACE(COMMON_DRIVER_FEATURE_SELECT, 4),
    [VPT_PCI_REGISTER(DRIVER_FEATURES)] = VPT_PCI_PLACE(COMMON_DRIVER_FEATURE, 4),
    [VPT_PCI_REGISTER(STATUS)] = VPT_PCI_PLACE(COMMON_DEVICE_STATUS, 1),
    [VPT_PCI_REGISTER(CONFIG_GENERATION)] = VPT_PCI_PLACE(COMMON_CONFIG_GENERATION, 1),
    [VPT_PCI_REGISTER(QUEUE_SEL)] = VPT_PCI_PLACE(COMMON_QUEUE_SELECT, 2),
    [VPT_PCI_REGISTER(QUEUE_SIZE_MAX)] = VPT_PCI_PLACE(COMMON_QUEUE_SIZE, 2),
    [VPT_PCI_REGISTER(QUEUE_SIZE)] = VPT_PCI_PLACE(COMMON_QUEUE_SIZE, 2),
    [VPT_PCI_REGISTER(QUEUE_READY)] = VPT_PCI_PLACE(COMMON_QUEUE_ENABLE, 2),
    [VPT_PCI_REGISTER(QUEUE_DESC)] = VPT_PCI_PLACE(COMMON_QUEUE_DESC, 4),
    [VPT_PCI_REGISTER(QUEUE_DESC) + 1u] = VPT_PCI_PLACE(COMMON_QUEUE_DESC + 4u, 4),
    [VPT_PCI_REGISTER(QUEUE_DRIVER)] = VPT_PCI_PLACE(COMMON_QUEUE_DRIVER, 4),
    [VPT_PCI_REGISTER(QUEUE_DRIVER) + 1u] = VPT_PCI_PLACE(COMMON_QUEUE_DRIVER + 4u, 4),
    [VPT_PCI_REGISTER(QUEUE_DEVICE)] = VPT_PCI_PLACE(COMMON_QUEUE_DEVICE, 4),
    [VPT_PCI_REGISTER(QUEUE_DEVICE) + 1u] = VPT_PCI_PLACE(COMMON_QUEUE_DEVICE + 4u, 4),
    [VPT_PCI_REGISTER(QUEUE_RESET)] = VPT_PCI_PLACE(COMMON_QUEUE_RESET, 2),
    [VPT_PCI_REGISTER(QUEUE_VECTOR)] = VPT_PCI_PLACE(COMMON_QUEUE_VECTOR, 2),
};

static uint32_t modern_read(struct vpt_device *device, uint32_t place, unsigned width)
{
    return place < VPT_REGISTER_CONFIG
               ? vpt_pci_register_read(device, places, place)
               : vpt_structure_read(device, &vpt_pci_of(device)->config, place - VPT_REGISTER_CONFIG, width);
}

static void modern_write(struct vpt_device *device, uint32_t place, unsigned width, uint32_t value)
{
    if (place < VPT_REGISTER_CONFIG) {
        vpt_pci_register_write(device, places, place, value);
    } else {
        vpt_structure_write(device, &vpt_pci_of(device)->config, place - VPT_REGISTER_CONFIG, width, value);
    }
}

/*
 * Finds the number that stands for the queue in a notification: its index, or a value that the device has chosen
 * (PCI-KICK-5, PCI-KICK-6).
 */
static enum vpt_status notify_value(struct vpt_device *device, uint16_t index, uint16_t *value)
{
    *value = index;
    if (!vpt_features_has(&device->features, VPT_F_NOTIF_CONFIG_DATA)) {
        return VPT_OK;
    }
    if (vpt_pci_of(device)->common.length < COMMON_QUEUE_NOTIFY_DATA_END) {
        return VPT_DEVICE_CAPABILITY_RANGE;
    }
    *value = (uint16_t)read_common(device, COMMON_QUEUE_NOTIFY_DATA, 2);
    return VPT_OK;
}

/* Maps the doorbell of one queue alone: a device may have thousands of them, a page apart (PCI-CAP-5). */
static enum vpt_status place_doorbell(struct vpt_device *device, uint32_t notify_offset, struct vpt_doorbell *doorbell)
{
    const struct vpt_virtio_pci *pci = vpt_pci_of(device);
    struct vpt_pci_structure place = pci->notify;
    uint64_t offset = (uint64_t)notify_offset * pci->notify_multiplier;
    enum vpt_status status;

    if (place.length < doorbell->width || offset > place.length - doorbell->width ||
        ((place.address + offset) & (doorbell->width - 1u)) != 0) {
        return VPT_DEVICE_NOTIFY_OFFSET;
    }
    place.address += offset;
    if (place.io) {
        doorbell->offset = (size_t)place.address;
        return VPT_OK;
    }
    status = vpt_structure_map(device->port, &place, doorbell->width);
    if (status == VPT_OK) {
        doorbell->mapping = place.mapping;
        doorbell->own_mapping = true;
    }
    return status;
}

static enum vpt_status modern_doorbell(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell)
{
    uint32_t notify_offset;
    enum vpt_status status;

    write_common(device, COMMON_QUEUE_SELECT, 2, index);
    notify_offset = read_common(device, COMMON_QUEUE_NOTIFY_OFFSET, 2);
    doorbell->width = vpt_features_has(&device->features, VPT_F_NOTIFICATION_DATA) ? 4u : 2u;
    status = notify_value(device, index, &doorbell->value);
    return status == VPT_OK ? place_doorbell(device, notify_offset & 0xffffu, doorbell) : status;
}

static bool modern_vector(struct vpt_device *device, uint32_t queue, uint16_t vector)
{
    if (queue == VPT_VECTOR_CONFIGURATION) {
        return vpt_pci_write_vector(device, COMMON_CONFIG_VECTOR, vector);
    }
    write_common(device, COMMON_QUEUE_SELECT, 2, queue);
    return vpt_pci_write_vector(device, COMMON_QUEUE_VECTOR, vector);
}

/* ---- Capabilities ---- */

/*
 * A search in the capabilities: for the structures, by type from TYPE_COMMON to TYPE_DEVICE, or for one shared memory
 * region.
 */
struct search {
    struct vpt_virtio_pci *pci;
    enum vpt_status error; /* the port's first error: fields read 0 from then on */
    struct vpt_pci_structure *structures[TYPE_DEVICE];
    enum vpt_status reasons[TYPE_DEVICE];    /* why the first capability of this type was refused */
    struct vpt_shared_memory_region *region; /* NULL: the search is for the structures */
    uint8_t id;
};

static uint32_t read_capability_field(struct search *search, uint32_t offset, unsigned width)
{
    uint32_t value = 0;

    if (search->error == VPT_OK) {
        search->error = vpt_pci_read(&search->pci->function, (uint16_t)offset, width, &value);
    }
    return search->error == VPT_OK ? value : 0;
}

/* Reads where a capability says that its structure is. `size`: bytes of the shortest structure of its type. */
static enum vpt_status read_claim(struct search *search, uint32_t at, uint32_t size, struct vpt_structure_claim *claim)
{
    uint32_t length = read_capability_field(search, at + CAPABILITY_LENGTH, 1);

    if (length < size || at > VPT_PCI_CONFIG_SIZE - size) {
        return VPT_DEVICE_CAPABILITY_LENGTH;
    }
    claim->bar = read_capability_field(search, at + CAPABILITY_BAR, 1);
    claim->offset = read_capability_field(search, at + CAPABILITY_STRUCTURE_OFFSET, 4);
    claim->length = read_capability_field(search, at + CAPABILITY_STRUCTURE_LENGTH, 4);
    return VPT_OK;
}

static enum vpt_status place_structure(struct search *search, unsigned type, uint32_t at)
{
    static const struct {
        uint8_t size; /* bytes of the capability */
        uint8_t needed;
        uint8_t alignment;
    } wanted[TYPE_DEVICE] = { { CAPABILITY_SIZE, COMMON_SIZE, 4 },
                              { CAPABILITY_NOTIFY_SIZE, 2, 2 },
                              { CAPABILITY_SIZE, 1, 1 },
                              { CAPABILITY_SIZE, 1, 4 } };
    struct vpt_virtio_pci *pci = search->pci;
    struct vpt_structure_claim claim;
    enum vpt_status status = read_claim(search, at, wanted[type - 1u].size, &claim);

    if (status == VPT_OK && type == TYPE_NOTIFY) {
        pci->notify_multiplier = read_capability_field(search, at + CAPABILITY_NOTIFY_MULTIPLIER, 4);
        if ((pci->notify_multiplier & 1u) != 0) {
            return VPT_DEVICE_NOTIFY_MULTIPLIER;
        }
    }
    if (status != VPT_OK || search->error != VPT_OK) {
        return status;
    }
    claim.needed = wanted[type - 1u].needed;
    claim.alignment = wanted[type - 1u].alignment;
    return vpt_structure_place(pci, &claim, search->structures[type - 1u]);
}

/* A region's offset and length have 64 bits. Their upper halves come after the fields that all capabilities have. */
static void place_region(struct search *search, uint32_t at)
{
    struct vpt_pci_structure found;
    struct vpt_structure_claim claim;

    if (read_capability_field(search, at + CAPABILITY_ID, 1) != search->id || search->region->length != ~(uint64_t)0 ||
        read_claim(search, at, CAPABILITY_64_SIZE, &claim) != VPT_OK) {
        return;
    }
    claim.offset |= (uint64_t)read_capability_field(search, at + CAPABILITY_OFFSET_HIGH, 4) << 32;
    claim.length |= (uint64_t)read_capability_field(search, at + CAPABILITY_LENGTH_HIGH, 4) << 32;
    claim.needed = 1;
    claim.alignment = 1;
    if (search->error == VPT_OK && vpt_structure_place(search->pci, &claim, &found) == VPT_OK && !found.io) {
        search->region->base = found.address;
        search->region->length = found.length;
    }
}

/* The first usable capability of each type is used (PCI-CAP-2). All others are ignored. */
static enum vpt_status consider(struct search *search, uint32_t at)
{
    unsigned type = read_capability_field(search, at + CAPABILITY_TYPE, 1);
    enum vpt_status status;

    if (search->region != NULL) {
        if (type == TYPE_SHARED_MEMORY) {
            place_region(search, at);
        }
        return search->error;
    }
    if (type < TYPE_COMMON || type > TYPE_DEVICE || search->structures[type - 1u]->length != 0) {
        return search->error;
    }
    status = place_structure(search, type, at);
    if (status != VPT_OK) {
        (void)vpt_log(search->pci->device.port, VPT_LOG_WARNING, "capability", status);
    }
    if (search->reasons[type - 1u] == VPT_OK) {
        search->reasons[type - 1u] = status;
    }
    return search->error;
}

/* Returns VPT_EMPTY at the end of the list, or the error that ended it. */
static enum vpt_status search_capabilities(struct search *search)
{
    struct vpt_pci_capability capability;
    struct vpt_pci_walk walk;
    enum vpt_status status = vpt_pci_walk_begin(&walk, &search->pci->function);
    unsigned i;

    for (i = 0; i <= VPT_PCI_CAPABILITIES_MAX && status == VPT_OK; i++) {
        status = vpt_pci_walk_next(&walk, &capability);
        if (status == VPT_OK && capability.id == VPT_PCI_CAPABILITY_VENDOR) {
            status = consider(search, capability.offset);
        } else if (status == VPT_OK && capability.id == VPT_PCI_CAPABILITY_MSIX && search->pci->msix == 0 &&
                   search->region == NULL) {
            search->pci->msix = capability.offset;
        }
    }
    return status;
}

enum vpt_status vpt_pci_find_modern(struct vpt_virtio_pci *pci)
{
    static const uint16_t missing[] = { VPT_DEVICE_NO_COMMON, VPT_DEVICE_NO_NOTIFY, VPT_DEVICE_NO_ISR };
    struct search search = { .pci = pci, .structures = { &pci->common, &pci->notify, &pci->isr, &pci->config } };
    enum vpt_status end = search_capabilities(&search);
    unsigned i;

    if (end != VPT_EMPTY && end != VPT_DEVICE_PCI_CAPABILITIES) {
        return end;
    }
    for (i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        if (search.structures[i]->length == 0) {
            if (search.reasons[i] != VPT_OK) {
                return search.reasons[i];
            }
            return end == VPT_EMPTY ? (enum vpt_status)missing[i] : end;
        }
    }
    return VPT_OK;
}

/* If there is no such region, its length is all-ones. */
static enum vpt_status shared_memory(struct vpt_device *device, uint8_t id, struct vpt_shared_memory_region *region)
{
    struct search search = { .pci = vpt_pci_of(device), .region = region, .id = id };
    enum vpt_status status;

    region->base = 0;
    region->length = ~(uint64_t)0;
    status = search_capabilities(&search);
    return status == VPT_EMPTY || status == VPT_DEVICE_PCI_CAPABILITIES || region->length != ~(uint64_t)0 ? VPT_OK
                                                                                                          : status;
}

static const struct vpt_pci_ops pci_ops = {
    .removed = vpt_pci_removed,
    .bus_master = vpt_pci_bus_master,
    .vectors = vpt_pci_vectors,
    .vector_assign = modern_vector,
    .line = vpt_pci_line,
    .shared_memory = shared_memory,
};

static const struct vpt_transport_ops modern_ops = {
    .pci = &pci_ops,
    .read = modern_read,
    .write = modern_write,
    .queue_doorbell = modern_doorbell,
    .handled = { VPT_HANDLED_0, VPT_HANDLED_1 | (1u << (VPT_F_NOTIF_CONFIG_DATA - 32u)) },
    .size_reads = true,
};

enum vpt_status vpt_pci_map_modern(struct vpt_virtio_pci *pci)
{
    const struct vpt_port *port = pci->device.port;
    enum vpt_status status = vpt_structure_map(port, &pci->common, COMMON_MAPPED);

    if (status == VPT_OK) {
        status = vpt_structure_map(port, &pci->isr, 1);
    }
    if (status == VPT_OK) {
        status = vpt_structure_map(port, &pci->config, CONFIG_MAPPED);
    }
    pci->device.config_size = (size_t)pci->config.length;
    pci->device.ops = &modern_ops;
    return status;
}
