/* SPDX-License-Identifier: MIT */
/* Opening and closing a device, and what a hypervisor decides of it before a guest gets it. */
#include "assign/internal.h"
#include "assign/permission.h"

#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_TRANSITIONAL_FIRST 0x1000u
#define VIRTIO_MODERN_FIRST       0x1040u
#define VIRTIO_MODERN_LAST        0x107fu

#define PAGE_SIZE_DEFAULT 4096u
#define INTERRUPT_PIN     (PCI_INTERRUPT_LINE + 1u)

/* ---- What the caller says ---- */

static uint16_t config_size_of(const struct vpt_assign_config *config)
{
    return config->config_size != 0 ? config->config_size : (uint16_t)VPT_PCI_CONFIG_SIZE;
}

/* Bytes of storage but for the vectors. */
static size_t storage_of(const struct vpt_assign_config *config)
{
    return VPT_ASSIGN_STORAGE_SIZE(config_size_of(config), config->trap_count, config->regions);
}

static enum vpt_status check_config(const struct vpt_assign_config *config)
{
    const struct vpt_assign_host *host;
    uint64_t page = config == NULL ? 0 : config->page_size;

    if (config == NULL || config->host == NULL || (config->traps == NULL && config->trap_count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    host = config->host;
    if (host->config_read == NULL || host->config_write == NULL || (page & (page - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (config->config_size != 0 && config->config_size != VPT_PCI_CONFIG_SIZE &&
        config->config_size != VPT_PCI_EXTENDED_CONFIG_SIZE) {
        return VPT_CALLER_ARGUMENT;
    }
    if (config->virtual_function &&
        (config->bars == NULL || config->identity == NULL || config->identity->which != VPT_ASSIGN_ALL_IDS)) {
        return VPT_CALLER_ARGUMENT;
    }
    return VPT_OK;
}

/* Storage: regions, traps, the space three times, and later on vectors. */
static enum vpt_status carve(struct vpt_assign_device *device, const struct vpt_assign_config *config, size_t size)
{
    size_t space = device->config_size;
    struct vpt_assign_trap *traps;

    if (((uintptr_t)config->storage & 7u) != 0 || config->regions < VPT_ASSIGN_REGIONS(config->trap_count) ||
        config->storage_size < size) {
        return VPT_CALLER_MEMORY;
    }
    vpt_zero(config->storage, size);
    device->regions = config->storage;
    device->region_capacity = config->regions;
    traps = (struct vpt_assign_trap *)(void *)(device->regions + config->regions);
    for (unsigned i = 0; i < config->trap_count; i++) {
        traps[i] = config->traps[i];
    }
    device->layout.traps = traps;
    device->layout.trap_count = config->trap_count;
    device->shadow = (uint32_t *)(void *)(traps + config->trap_count + VPT_ASSIGN_OWN_TRAPS);
    device->saved = device->shadow + space / 4u;
    device->classes = (uint8_t *)(device->saved + space / 4u);
    return VPT_OK;
}

/* ---- What the function says ---- */

/* The PCI room reaches functions by a port: this one is for the time of a call. */
static enum vpt_status port_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                 uint32_t *value)
{
    const struct vpt_assign_host *const *host = ctx;

    (void)address;
    return (*host)->config_read((*host)->ctx, offset, width, value);
}

static enum vpt_status port_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                  uint32_t value)
{
    const struct vpt_assign_host *const *host = ctx;

    (void)address;
    return (*host)->config_write((*host)->ctx, offset, width, value);
}

struct adapter {
    const struct vpt_assign_host *host;
    struct vpt_port port;
    struct vpt_pci_function function;
};

static void adapt(struct adapter *adapter, const struct vpt_assign_host *host)
{
    vpt_zero(adapter, sizeof(*adapter));
    adapter->host = host;
    adapter->port.ctx = &adapter->host;
    adapter->port.config_read = port_read;
    adapter->port.config_write = port_write;
    adapter->function.port = &adapter->port;
}

static enum vpt_status take_bars(struct vpt_assign_device *device, const struct vpt_pci_bars *given)
{
    enum vpt_status status = VPT_OK;
    struct adapter adapter;
    struct vpt_pci_bars bars;

    if (given != NULL) {
        bars = *given;
    } else {
        adapt(&adapter, device->host);
        status = vpt_pci_bars_size(&adapter.function, &bars);
    }
    for (unsigned i = 0; i < ASSIGN_BARS && status == VPT_OK; i++) {
        if (bars.bar[i].kind == VPT_PCI_BAR_NONE) {
            continue;
        }
        device->layout.bar[i] = bars.bar[i];
        if (!vpt_assign_bar_valid(bars.bar, i)) {
            status = given == NULL ? VPT_DEVICE_PCI_BAR : VPT_CALLER_BAR;
        }
    }
    return status;
}

static enum vpt_status check_traps(const struct vpt_assign_layout *layout)
{
    for (unsigned i = 0; i < layout->trap_count; i++) {
        const struct vpt_assign_trap *trap = &layout->traps[i];
        uint64_t size = trap->bar < ASSIGN_BARS ? layout->bar[trap->bar].size : 0;

        /* A trap of no bytes is one of too many, by the subtraction. */
        if (trap->offset >= size || trap->size - 1u > size - 1u - trap->offset) {
            return VPT_CALLER_RANGE;
        }
    }
    return VPT_OK;
}

static void saved_set8(struct vpt_assign_device *device, unsigned offset, uint8_t value)
{
    ((uint8_t *)device->saved)[vpt_assign_byte(offset)] = value;
}

/* The whole space, once. Behind some bridges, which drop the upper address bits, 0x100 is the first byte again. */
static enum vpt_status snapshot(struct vpt_assign_device *device)
{
    enum vpt_status status = vpt_assign_present(device);

    for (unsigned base = 0; base < device->config_size && status == VPT_OK; base += 4u) {
        device->saved[base / 4u] = PCI_ABSENT32;
        status = device->host->config_read(device->host->ctx, (uint16_t)base, 4, &device->saved[base / 4u]);
    }
    if (status == VPT_OK) {
        /* Had it gone meanwhile, the rest of that would be all-ones. */
        status = vpt_assign_present(device);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (device->config_size > VPT_PCI_CONFIG_SIZE &&
        vpt_assign_saved32(device, PCI_CAPABILITIES_EXTENDED) == vpt_assign_saved32(device, PCI_VENDOR_ID)) {
        device->saved[PCI_CAPABILITIES_EXTENDED / 4u] = 0;
    }
    if ((vpt_assign_saved8(device, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) != PCI_HEADER_DEVICE) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    return VPT_OK;
}

/* ---- Who it is ---- */

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

/* What a virtual function is says who hands it over, since its own ids read all-ones. */
static void identify(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    if (config->virtual_function) {
        take_ids(device, config->identity);
        saved_set8(device, INTERRUPT_PIN, 0);
    }
    device->vendor_id = vpt_assign_saved16(device, PCI_VENDOR_ID);
    device->device_id = vpt_assign_saved16(device, PCI_VENDOR_ID + 2u);
    device->virtio = device->vendor_id == VIRTIO_VENDOR;
    device->type = vpt_assign_virtio_type(device->vendor_id, device->device_id,
                                          vpt_assign_saved16(device, PCI_SUBSYSTEM_VENDOR_ID + 2u));
    if (config->identity != NULL) {
        take_ids(device, config->identity);
    }
    device->vendor_id = vpt_assign_saved16(device, PCI_VENDOR_ID);
    device->device_id = vpt_assign_saved16(device, PCI_VENDOR_ID + 2u);
    if (config->multi_function != VPT_ASSIGN_MULTI_AS_HOST) {
        saved_set8(device, PCI_HEADER_TYPE,
                   config->multi_function == VPT_ASSIGN_MULTI_SET ? PCI_HEADER_MULTI_FUNCTION : PCI_HEADER_DEVICE);
    }
}

/* ---- MSI-X ---- */

#define MSIX_SIZE_MASK 0x7ffu /* of the control register: entries less one */
#define MSIX_BAR_MASK  0x7u

/* Where a part of `size` bytes is that the register at `offset` names. False: in no memory of the function. */
static bool find_place(struct vpt_assign_device *device, unsigned offset, uint32_t size, struct vpt_assign_place *place)
{
    uint32_t value = vpt_assign_saved32(device, offset);
    const struct vpt_pci_bar *bar;
    struct vpt_assign_trap *trap;

    place->bar = value & MSIX_BAR_MASK;
    place->offset = value & ~MSIX_BAR_MASK;
    if (place->bar >= VPT_PCI_BARS_MAX) {
        return false;
    }
    bar = &device->layout.bar[place->bar];
    /* Room was made for it. */
    trap = (struct vpt_assign_trap *)device->layout.traps + device->layout.trap_count;
    trap->bar = place->bar;
    trap->offset = place->offset;
    trap->size = size;
    device->layout.trap_count++;
    return bar->kind == VPT_PCI_BAR_MEMORY && bar->size > place->offset && bar->size - place->offset >= size;
}

/*
 * The table, and room for it. That of a function whose table or pending bits lie where they cannot, or on each other,
 * is shown to nobody.
 */
static enum vpt_status take_vectors(struct vpt_assign_device *device, const struct vpt_assign_config *config,
                                    size_t used)
{
    unsigned at = vpt_assign_find(device, VPT_PCI_CAPABILITY_MSIX, 11);
    uint32_t count;
    uint32_t table;
    uint32_t pending;

    if (at == 0) {
        return VPT_OK;
    }
    count = (vpt_assign_saved16(device, at + 2u) & MSIX_SIZE_MASK) + 1u;
    table = 16u * count;
    pending = (count + 63u) / 64u * 8u;
    if (!find_place(device, at + 4u, table, &device->table) ||
        !find_place(device, at + 8u, pending, &device->pending) ||
        (device->table.bar == device->pending.bar && device->table.offset - device->pending.offset < pending) ||
        (device->table.bar == device->pending.bar && device->pending.offset - device->table.offset < table)) {
        device->layout.trap_count = config->trap_count;
        return VPT_OK;
    }
    if (config->storage_size - used < VPT_ASSIGN_VECTORS_SIZE(count)) {
        return VPT_CALLER_MEMORY;
    }
    device->vectors = (struct vpt_assign_vector *)(void *)(device->classes + device->config_size);
    device->vector_count = (uint16_t)count;
    return VPT_OK;
}

enum vpt_status vpt_assign_storage_size(const struct vpt_assign_config *config, size_t *size)
{
    struct adapter adapter;
    enum vpt_status status;
    uint32_t control = 0;
    uint16_t at;

    if (size == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *size = 0;
    status = check_config(config);
    if (status != VPT_OK) {
        return status;
    }
    adapt(&adapter, config->host);
    status = vpt_pci_find_capability(&adapter.function, VPT_PCI_CAPABILITY_MSIX, &at);
    if (status == VPT_OK) {
        status = vpt_pci_read(&adapter.function, (uint16_t)(at + 2u), 2, &control);
        control = (control & MSIX_SIZE_MASK) + 1u;
    } else if (status == VPT_EMPTY || status == VPT_DEVICE_PCI_CAPABILITIES) {
        status = VPT_OK;
    }
    if (status == VPT_OK) {
        *size = storage_of(config) + VPT_ASSIGN_VECTORS_SIZE(control);
    }
    return status;
}

/* ---- Open and close ---- */

static enum vpt_status set_up(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    size_t size = storage_of(config);
    enum vpt_status status = carve(device, config, size);

    if (status == VPT_OK) {
        status = snapshot(device);
    }
    if (status == VPT_OK) {
        status = take_bars(device, config->bars);
    }
    if (status == VPT_OK) {
        status = check_traps(&device->layout);
    }
    if (status != VPT_OK) {
        return status;
    }
    identify(device, config);
    vpt_assign_compose(device); /* finds the capabilities */
    status = take_vectors(device, config, size);
    vpt_assign_power_on(device);
    return status;
}

enum vpt_status vpt_assign_open(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    enum vpt_status status;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(device, sizeof(*device));
    status = check_config(config);
    if (status == VPT_OK && config->storage == NULL) {
        status = VPT_CALLER_ARGUMENT;
    }
    if (status != VPT_OK) {
        return status;
    }
    device->address = config->address;
    device->group = config->group;
    device->host = config->host;
    device->config_size = config_size_of(config);
    device->layout.page_size = config->page_size != 0 ? config->page_size : PAGE_SIZE_DEFAULT;
    status = set_up(device, config);
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

/* ---- Hiding and showing ---- */

static bool is_hidden(const struct vpt_assign_device *device, unsigned offset)
{
    return (device->classes[offset] & ASSIGN_CLASS_ROW) == ROW_HIDDEN;
}

enum vpt_status vpt_assign_capability_at(const struct vpt_assign_device *device, uint16_t index,
                                      struct vpt_assign_capability *capability)
{
    if (device == NULL || device->host == NULL || capability == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(capability, sizeof(*capability));
    for (unsigned offset = 0; offset < device->config_size; offset += 4u) {
        if ((device->classes[offset] & ASSIGN_CLASS_HEAD) == 0) {
            continue;
        }
        if (index == 0) {
            capability->id = vpt_assign_saved16(device, offset) &
                             (offset < PCI_CAPABILITIES_EXTENDED ? PCI_ABSENT8 : PCI_ABSENT16);
            capability->offset = (uint16_t)offset;
            capability->hidden = is_hidden(device, offset);
            return VPT_OK;
        }
        index--;
    }
    return VPT_EMPTY;
}

static enum vpt_status set_flag(struct vpt_assign_device *device, uint16_t offset, uint8_t flag)
{
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->owned) {
        return VPT_CALLER_OWNED;
    }
    if (offset >= device->config_size || (device->classes[offset] & ASSIGN_CLASS_HEAD) == 0) {
        return VPT_EMPTY;
    }
    device->classes[offset] &= (uint8_t)~(ASSIGN_CLASS_SHOW | ASSIGN_CLASS_HIDE);
    device->classes[offset] |= flag;
    vpt_assign_power_on(device);
    return VPT_OK;
}

enum vpt_status vpt_assign_hide(struct vpt_assign_device *device, uint16_t offset)
{
    return set_flag(device, offset, ASSIGN_CLASS_HIDE);
}

enum vpt_status vpt_assign_show(struct vpt_assign_device *device, uint16_t offset)
{
    enum vpt_status status = set_flag(device, offset, ASSIGN_CLASS_SHOW);

    return status == VPT_OK && is_hidden(device, offset) ? VPT_DEVICE_PCI_CAPABILITIES : status;
}
