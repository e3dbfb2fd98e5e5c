/* SPDX-License-Identifier: MIT */
/* Opening and closing a device. */
#include "assign_capability.h"
#include "compose.h"
#include "host_function.h"
#include "live.h"
#include "shadow.h"

#define VIRTIO_VENDOR             0x1af4u
#define VIRTIO_TRANSITIONAL_FIRST 0x1000u
#define VIRTIO_MODERN_FIRST       0x1040u
#define VIRTIO_MODERN_LAST        0x107fu

#define PAGE_SIZE_DEFAULT 4096u
#define INTERRUPT_PIN     (PCI_INTERRUPT_LINE + 1u)

/* ---- The configuration ---- */

static uint16_t config_size_of(const struct vpt_assign_config *config)
{
    return config->config_size != 0 ? config->config_size : (uint16_t)VPT_PCI_CONFIG_SIZE;
}

/* Returns how many bytes of storage a device with so many vectors needs. */
static size_t storage_of(const struct vpt_assign_config *config, unsigned vectors)
{
    return VPT_ASSIGN_STORAGE_SIZE(config_size_of(config), config->trap_count, config->regions) +
           VPT_ASSIGN_VECTORS_SIZE(vectors);
}

static bool is_valid(const struct vpt_assign_config *config)
{
    unsigned size;

    if (config == NULL || config->host == NULL || config->host->config_read == NULL ||
        config->host->config_write == NULL || (config->page_size & (config->page_size - 1u)) != 0) {
        return false;
    }
    size = config_size_of(config);
    if ((size != VPT_PCI_CONFIG_SIZE && size != VPT_PCI_EXTENDED_CONFIG_SIZE) ||
        (config->traps == NULL && config->trap_count != 0)) {
        return false;
    }
    return !config->virtual_function ||
           (config->bars != NULL && config->identity != NULL && config->identity->which == VPT_ASSIGN_ALL_IDS);
}

/* Divides the storage: regions, traps, three arrays for the space. take_vectors() adds the vectors. */
static enum vpt_status divide_storage(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    size_t size = storage_of(config, 0);
    size_t space = device->config_size;
    struct vpt_assign_trap *traps;

    if (((uintptr_t)config->storage & 7u) != 0 || config->regions < VPT_ASSIGN_REGIONS(config->trap_count) ||
        config->storage_size < size) {
        return VPT_CALLER_MEMORY;
    }
    vpt_zero(config->storage, size);
    device->regions = config->storage;
    device->region_capacity = config->regions;
    device->own_regions = (uint16_t)(config->regions - VPT_ASSIGN_REGIONS(config->trap_count));
    traps = (struct vpt_assign_trap *)(void *)(device->regions + config->regions);
    device->layout.traps = traps;
    device->shadow = (uint32_t *)(void *)(traps + config->trap_count + VPT_ASSIGN_OWN_TRAPS);
    device->saved = device->shadow + space / 4u;
    device->classes = (uint8_t *)(device->saved + space / 4u);
    return VPT_OK;
}

/* ---- The function ---- */

/* The files of src/pci/ access functions by a port, so this file gives them a port that calls the host's hooks. */
static enum vpt_status port_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                 uint32_t *value)
{
    const struct vpt_assign_host *host = ctx;

    (void)address;
    return host->config_read(host->ctx, offset, width, value);
}

static enum vpt_status port_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                  uint32_t value)
{
    const struct vpt_assign_host *host = ctx;

    (void)address;
    return host->config_write(host->ctx, offset, width, value);
}

struct adapter {
    struct vpt_pci_function function;
    struct vpt_port port;
};

static void make_adapter(struct adapter *adapter, const struct vpt_assign_host *host)
{
    *adapter = (struct adapter){
        .function.port = &adapter->port,
        .port = { .ctx = vpt_unconst(host), .config_read = port_read, .config_write = port_write },
    };
}

/*
 * Takes the BARs that the caller has given, or else those that the function has. A given BAR that is impossible is an
 * error; an impossible BAR that the function itself reports is left out.
 */
static enum vpt_status take_bars(struct vpt_assign_device *device, const struct vpt_pci_bars *given)
{
    const struct vpt_pci_bars *bars = given;
    struct vpt_pci_bars sized;
    struct adapter adapter;

    if (given == NULL) {
        enum vpt_status status;

        make_adapter(&adapter, device->host);
        status = vpt_pci_bars_size(&adapter.function, &sized);

        if (status != VPT_OK) {
            return status;
        }
        bars = &sized;
    }
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        const struct vpt_pci_bar *bar = &bars->bar[i];

        if (vpt_assign_bar_valid(bars->bar, i) && bar->size - 1u <= ~bar->address) {
            device->layout.bar[i] = *bar;
        } else if (given != NULL && bar->kind != VPT_PCI_BAR_NONE && bar->kind != VPT_PCI_BAR_BROKEN) {
            return VPT_CALLER_BAR;
        }
    }
    return VPT_OK;
}

/*
 * Adds a trap; the array has space for one. Returns false if the BAR does not have these bytes, or if the library's own
 * traps may not be in such a BAR.
 */
static bool add_trap(struct vpt_assign_layout *layout, unsigned bar, uint64_t offset, uint64_t size, bool own)
{
    struct vpt_assign_trap *trap = (struct vpt_assign_trap *)vpt_unconst(&layout->traps[layout->trap_count++]);
    uint64_t there = 0;

    if (own ? bar < VPT_PCI_BARS_MAX && layout->bar[bar].kind == VPT_PCI_BAR_MEMORY : bar < ASSIGN_BARS) {
        there = layout->bar[bar].size;
    }
    trap->bar = (uint8_t)bar;
    trap->offset = offset;
    trap->size = size;
    /* If `size` is 0, size - 1 is too large. */
    return offset < there && size - 1u < there - offset;
}

static enum vpt_status take_traps(struct vpt_assign_layout *layout, const struct vpt_assign_config *config)
{
    for (unsigned i = 0; i < config->trap_count; i++) {
        const struct vpt_assign_trap *trap = &config->traps[i];

        if (!add_trap(layout, trap->bar, trap->offset, trap->size, false)) {
            return VPT_CALLER_RANGE;
        }
    }
    return VPT_OK;
}

static void saved_set8(struct vpt_assign_device *device, unsigned offset, uint8_t value)
{
    ((uint8_t *)device->saved)[vpt_assign_byte(offset)] = value;
}

/* Reads the whole space once. Some bridges drop the upper address bits, so that 0x100 reads as byte 0 does. */
static enum vpt_status save_config(struct vpt_assign_device *device)
{
    const struct vpt_assign_host *host = device->host;
    uint32_t *saved = device->saved;
    enum vpt_status status = vpt_assign_present(device);

    for (unsigned i = 0; i < device->config_size / 4u && status == VPT_OK; i++) {
        saved[i] = PCI_ABSENT32;
        status = host->config_read(host->ctx, (uint16_t)(4u * i), 4, &saved[i]);
    }
    if (status == VPT_OK) {
        /* If the function was removed meanwhile, a part of what was read may be all-ones. */
        status = vpt_assign_present(device);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (device->config_size > VPT_PCI_CONFIG_SIZE && saved[PCI_CAPABILITIES_EXTENDED / 4u] == saved[0]) {
        saved[PCI_CAPABILITIES_EXTENDED / 4u] = 0;
    }
    return (vpt_assign_saved8(device, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) == PCI_HEADER_DEVICE
               ? VPT_OK
               : VPT_UNSUPPORTED_DEVICE;
}

/* ---- Identity ---- */

uint32_t vpt_assign_virtio_type(uint16_t vendor_id, uint16_t device_id, uint16_t subsystem_id)
{
    if (vendor_id != VIRTIO_VENDOR || device_id < VIRTIO_TRANSITIONAL_FIRST || device_id > VIRTIO_MODERN_LAST) {
        return 0;
    }
    return device_id < VIRTIO_MODERN_FIRST ? subsystem_id : device_id - VIRTIO_MODERN_FIRST;
}

static void take_ids(struct vpt_assign_device *device, const struct vpt_assign_identity *identity)
{
    static const uint8_t registers[] = { PCI_VENDOR_ID, PCI_VENDOR_ID + 2u, PCI_SUBSYSTEM_VENDOR_ID,
                                         PCI_SUBSYSTEM_VENDOR_ID + 2u };
    uint16_t ids[4];

    ids[0] = identity->vendor_id;
    ids[1] = identity->device_id;
    ids[2] = identity->subsystem_vendor_id;
    ids[3] = identity->subsystem_id;
    for (unsigned i = 0; i < 4u; i++) {
        if ((identity->which >> i & 1u) != 0) {
            saved_set8(device, registers[i], (uint8_t)(ids[i] & 0xffu));
            saved_set8(device, registers[i] + 1u, (uint8_t)(ids[i] >> 8));
        }
    }
}

/* Ids of a virtual function read all-ones, so the caller gives them. */
static void take_identity(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    if (config->virtual_function) {
        take_ids(device, config->identity);
        saved_set8(device, INTERRUPT_PIN, 0);
    }
    device->virtio = vpt_assign_saved16(device, PCI_VENDOR_ID) == VIRTIO_VENDOR;
    device->type = vpt_assign_virtio_type(vpt_assign_saved16(device, PCI_VENDOR_ID),
                                          vpt_assign_saved16(device, PCI_VENDOR_ID + 2u),
                                          vpt_assign_saved16(device, PCI_SUBSYSTEM_VENDOR_ID + 2u));
    if (config->identity != NULL) {
        take_ids(device, config->identity);
    }
    device->vendor_id = vpt_assign_saved16(device, PCI_VENDOR_ID);
    device->device_id = vpt_assign_saved16(device, PCI_VENDOR_ID + 2u);
    /* Only the caller knows whether other functions have the same device number in the guest. */
    saved_set8(device, PCI_HEADER_TYPE, config->multi_function ? PCI_HEADER_MULTI_FUNCTION : PCI_HEADER_DEVICE);
}

/* ---- MSI-X ---- */

#define MSIX_SIZE_MASK 0x7ffu /* of the control register: the number of entries less one */
#define MSIX_BAR_MASK  0x7u

/* Returns how many vectors a table has, by the first word of the capability. */
static unsigned vectors_of(uint32_t control)
{
    return (control >> 16 & MSIX_SIZE_MASK) + 1u;
}

static bool traps_overlap(const struct vpt_assign_trap *a, const struct vpt_assign_trap *b)
{
    return a->bar == b->bar && (a->offset - b->offset < b->size || b->offset - a->offset < a->size);
}

/*
 * Sets up the MSI-X table. If the table or the pending bits are where they cannot be, or overlap, guests do not see
 * MSI-X.
 */
static enum vpt_status take_vectors(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    unsigned at = vpt_assign_find_capability(device, VPT_PCI_CAPABILITY_MSIX, 11);
    const uint32_t *word = &device->saved[at / 4u];
    struct vpt_assign_layout *layout = &device->layout;
    const struct vpt_assign_trap *own = &layout->traps[config->trap_count];
    unsigned count = vectors_of(word[0]);

    if (at == 0) {
        return VPT_OK;
    }
    if (!add_trap(layout, word[1] & MSIX_BAR_MASK, word[1] & ~MSIX_BAR_MASK, 16u * count, true) ||
        !add_trap(layout, word[2] & MSIX_BAR_MASK, word[2] & ~MSIX_BAR_MASK, (count + 63u) / 64u * 8u, true) ||
        traps_overlap(&own[0], &own[1])) {
        layout->trap_count = config->trap_count;
        return VPT_OK;
    }
    if (config->storage_size < storage_of(config, count)) {
        return VPT_CALLER_MEMORY;
    }
    device->vectors = (struct vpt_assign_vector *)(void *)(device->classes + device->config_size);
    device->vector_count = (uint16_t)count;
    device->own_traps = own;
    return VPT_OK;
}

enum vpt_status vpt_assign_storage_size(const struct vpt_assign_config *config, size_t *size)
{
    struct adapter adapter;
    enum vpt_status status;
    uint32_t control = 0;
    unsigned vectors = 0;
    uint16_t at;

    if (size == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *size = 0;
    if (!is_valid(config)) {
        return VPT_CALLER_ARGUMENT;
    }
    make_adapter(&adapter, config->host);
    status = vpt_pci_find_capability(&adapter.function, VPT_PCI_CAPABILITY_MSIX, &at);
    if (status == VPT_OK) {
        status = vpt_pci_read(&adapter.function, at, 4, &control);
        vectors = vectors_of(control);
    } else if (status == VPT_EMPTY || status == VPT_DEVICE_PCI_CAPABILITIES) {
        status = VPT_OK;
    }
    if (status == VPT_OK) {
        *size = storage_of(config, vectors);
    }
    return status;
}

/* ---- Open and close ---- */

static enum vpt_status set_up_device(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    enum vpt_status status;

    device->address = config->address;
    device->group = config->group;
    device->host = config->host;
    device->config_size = config_size_of(config);
    device->layout.page_size = config->page_size != 0 ? config->page_size : PAGE_SIZE_DEFAULT;
    status = divide_storage(device, config);
    if (status == VPT_OK) {
        status = save_config(device);
    }
    if (status == VPT_OK) {
        status = take_bars(device, config->bars);
    }
    if (status == VPT_OK) {
        status = take_traps(&device->layout, config);
    }
    if (status != VPT_OK) {
        return status;
    }
    take_identity(device, config);
    vpt_assign_compose(device); /* finds the capabilities */
    status = take_vectors(device, config);
    if (status == VPT_OK) {
        vpt_assign_power_on(device);
    }
    return status;
}

enum vpt_status vpt_assign_open(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    enum vpt_status status = VPT_CALLER_ARGUMENT;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(device, sizeof(*device));
    if (is_valid(config) && config->storage != NULL) {
        status = set_up_device(device, config);
    }
    if (status != VPT_OK) {
        vpt_zero(device, sizeof(*device));
    }
    return status;
}

enum vpt_status vpt_assign_close(struct vpt_assign_device *device)
{
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->owned) {
        return VPT_CALLER_OWNED;
    }
    if (device->registry != NULL) {
        return VPT_CALLER_STATE;
    }
    vpt_zero(device, sizeof(*device));
    return VPT_OK;
}
