/* SPDX-License-Identifier: MIT */
/* Opening and closing a device, and what a hypervisor decides of it before a guest gets it. */
#include "access.h"
#include "assign/internal.h"
#include "assign/permission.h"

#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_TRANSITIONAL_FIRST 0x1000u
#define VIRTIO_MODERN_FIRST       0x1040u
#define VIRTIO_MODERN_LAST        0x107fu

#define PAGE_SIZE_DEFAULT 4096u
#define INTERRUPT_PIN     (PCI_INTERRUPT_LINE + 1u)

/* ---- What the caller says ---- */

static enum vpt_status check_config(const struct vpt_assign_config *config)
{
    const struct vpt_assign_host *host;
    uint64_t page = config == NULL ? 0 : config->page_size;

    if (config == NULL || config->host == NULL || config->storage == NULL ||
        (config->traps == NULL && config->trap_count != 0)) {
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

/* Storage: regions, traps, and three arrays of bytes. */
static enum vpt_status carve(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    size_t space = device->config_size;
    size_t regions = sizeof(struct vpt_assign_region) * (size_t)config->regions;
    size_t traps = sizeof(struct vpt_assign_trap) * (size_t)config->trap_count;
    uint8_t *storage = config->storage;
    struct vpt_assign_trap *copy;

    if (((uintptr_t)config->storage & 7u) != 0 || config->regions < VPT_ASSIGN_REGIONS(config->trap_count) ||
        config->storage_size < VPT_ASSIGN_STORAGE_SIZE(space, config->trap_count, config->regions)) {
        return VPT_CALLER_MEMORY;
    }
    vpt_zero(storage, VPT_ASSIGN_STORAGE_SIZE(space, config->trap_count, config->regions));
    device->regions = config->storage;
    device->region_capacity = config->regions;
    copy = (struct vpt_assign_trap *)(void *)(storage + regions);
    for (uint16_t i = 0; i < config->trap_count; i++) {
        copy[i] = config->traps[i];
    }
    device->layout.traps = copy;
    device->layout.trap_count = config->trap_count;
    device->shadow = storage + regions + traps;
    device->classes = device->shadow + space;
    device->saved = device->classes + space;
    return VPT_OK;
}

/* ---- What the function says ---- */

/* vpt_pci_bars_size() reaches functions by a port: this one is for the time of a call. */
static enum vpt_status port_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                 uint32_t *value)
{
    const struct vpt_assign_device *device = ctx;

    (void)address;
    return device->host->config_read(device->host->ctx, offset, width, value);
}

static enum vpt_status port_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                  uint32_t value)
{
    const struct vpt_assign_device *device = ctx;

    (void)address;
    return device->host->config_write(device->host->ctx, offset, width, value);
}

static enum vpt_status size_bars(struct vpt_assign_device *device, struct vpt_pci_bars *bars)
{
    struct vpt_pci_function function;
    struct vpt_port port;

    vpt_zero(&port, sizeof(port));
    port.ctx = device;
    port.config_read = port_read;
    port.config_write = port_write;
    function.port = &port;
    function.address = device->address;
    return vpt_pci_bars_size(&function, bars);
}

static enum vpt_status take_bars(struct vpt_assign_device *device, const struct vpt_pci_bars *given)
{
    struct vpt_pci_bars sized;
    enum vpt_status status = given == NULL ? size_bars(device, &sized) : VPT_OK;
    const struct vpt_pci_bars *bars = given == NULL ? &sized : given;

    if (status != VPT_OK) {
        return status;
    }
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        const struct vpt_pci_bar *from = &bars->bar[i];
        struct vpt_assign_bar *to = &device->layout.bar[i];

        if (from->kind == VPT_PCI_BAR_NONE) {
            continue;
        }
        to->kind = from->kind;
        to->is_64bit = from->is_64bit;
        to->prefetchable = from->prefetchable;
        to->below_1mib = from->below_1mib;
        to->size = from->size;
        to->host = vpt_pci_bar_assigned(from) ? from->address : 0;
    }
    if (vpt_assign_bars_valid(device->layout.bar)) {
        return VPT_OK;
    }
    return given == NULL ? VPT_DEVICE_PCI_BAR : VPT_CALLER_BAR;
}

static enum vpt_status check_traps(const struct vpt_assign_layout *layout)
{
    for (uint16_t i = 0; i < layout->trap_count; i++) {
        const struct vpt_assign_trap *trap = &layout->traps[i];
        uint64_t size = trap->bar < ASSIGN_BARS ? layout->bar[trap->bar].size : 0;

        /* A trap of no bytes is one of too many, by the subtraction. */
        if (trap->offset >= size || trap->size - 1u > size - 1u - trap->offset) {
            return VPT_CALLER_RANGE;
        }
    }
    return VPT_OK;
}

static void saved_set16(struct vpt_assign_device *device, uint16_t offset, uint16_t value)
{
    device->saved[offset] = (uint8_t)(value & 0xffu);
    device->saved[offset + 1u] = (uint8_t)(value >> 8);
}

static uint16_t saved16(const struct vpt_assign_device *device, uint16_t offset)
{
    return (uint16_t)(vpt_assign_saved32(device, offset) & 0xffffu);
}

/* The whole space, once. Behind some bridges, which drop the upper address bits, 0x100 is the first byte again. */
static enum vpt_status snapshot(struct vpt_assign_device *device)
{
    enum vpt_status status = vpt_assign_present(device);

    for (uint16_t base = 0; base < device->config_size && status == VPT_OK; base += 4u) {
        uint32_t value = PCI_ABSENT32;

        status = device->host->config_read(device->host->ctx, base, 4, &value);
        saved_set16(device, base, (uint16_t)(value & 0xffffu));
        saved_set16(device, (uint16_t)(base + 2u), (uint16_t)(value >> 16));
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
        saved_set16(device, PCI_CAPABILITIES_EXTENDED, 0);
        saved_set16(device, PCI_CAPABILITIES_EXTENDED + 2u, 0);
    }
    if ((device->saved[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MASK) != PCI_HEADER_DEVICE) {
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
            saved_set16(device, registers[i], ids[i]);
        }
    }
}

/* What a virtual function is says who hands it over, since its own ids read all-ones. */
static void identify(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    if (config->virtual_function) {
        take_ids(device, config->identity);
        device->saved[INTERRUPT_PIN] = 0;
    }
    device->virtio = saved16(device, PCI_VENDOR_ID) == VIRTIO_VENDOR;
    device->type = vpt_assign_virtio_type(saved16(device, PCI_VENDOR_ID), saved16(device, PCI_VENDOR_ID + 2u),
                                          saved16(device, PCI_SUBSYSTEM_VENDOR_ID + 2u));
    if (config->identity != NULL) {
        take_ids(device, config->identity);
    }
    device->vendor_id = saved16(device, PCI_VENDOR_ID);
    device->device_id = saved16(device, PCI_VENDOR_ID + 2u);
    if (config->multi_function == VPT_ASSIGN_MULTI_CLEAR) {
        device->saved[PCI_HEADER_TYPE] = PCI_HEADER_DEVICE;
    } else if (config->multi_function == VPT_ASSIGN_MULTI_SET) {
        device->saved[PCI_HEADER_TYPE] = PCI_HEADER_DEVICE | PCI_HEADER_MULTI_FUNCTION;
    }
}

/* ---- Open and close ---- */

static enum vpt_status set_up(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    enum vpt_status status = carve(device, config);

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
    vpt_assign_compose(device);
    return vpt_assign_follow(device);
}

enum vpt_status vpt_assign_open(struct vpt_assign_device *device, const struct vpt_assign_config *config)
{
    enum vpt_status status;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(device, sizeof(*device));
    status = check_config(config);
    if (status != VPT_OK) {
        return status;
    }
    device->address = config->address;
    device->group = config->group;
    device->host = config->host;
    device->config_size = config->config_size != 0 ? config->config_size : VPT_PCI_CONFIG_SIZE;
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

static bool is_hidden(const struct vpt_assign_device *device, uint16_t offset)
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
    for (uint16_t offset = 0; offset < device->config_size; offset += 4u) {
        if ((device->classes[offset] & ASSIGN_CLASS_HEAD) == 0) {
            continue;
        }
        if (index == 0) {
            capability->id = saved16(device, offset) & (offset < PCI_CAPABILITIES_EXTENDED ? 0xffu : 0xffffu);
            capability->offset = offset;
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
    vpt_assign_compose(device);
    return vpt_assign_follow(device);
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
