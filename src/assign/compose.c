/* SPDX-License-Identifier: MIT */
/* The configuration space as a guest finds it: classes of its bytes, and capability lists without what is hidden. */
#include "assign/internal.h"
#include "assign/permission.h"

#define VIRTIO_CONFIGURATION_ACCESS 5u /* type of a virtio capability */

#define MSI_64_BIT   0x80u /* of the control register's lower byte */
#define MSI_MASKABLE 0x01u /* of its upper byte */

#define PM_NO_SOFT_RESET 0x08u

#define PCIE_VERSION_MASK   0xfu
#define PCIE_FUNCTION_RESET 0x10u /* of the upper byte of the device capabilities */
#define AF_FUNCTION_RESET   0x03u /* and the bit that says whether transactions are pending */
#define PCIE_VERSION_1_SIZE 0x14u

/* One of the two lists. */
struct list {
    bool extended;
    uint16_t lowest; /* offset that a capability can have */
    uint16_t end;    /* of the space that the list is in */
    uint16_t first;  /* 0: no list */
};

/* ---- Bytes ---- */

/* The bytes [at, at + count) of the capability (or header) at `base`, of which `room` are there, get a row. */
static void fill(struct vpt_assign_device *device, uint16_t base, uint16_t room, unsigned at, unsigned count,
                 enum vpt_assign_row_index row)
{
    for (unsigned i = at; i < room && i - at < count && base + i < device->config_size; i++) {
        uint8_t flags = (uint8_t)(device->classes[base + i] & ~ASSIGN_CLASS_ROW);

        device->classes[base + i] = (uint8_t)(flags | row);
        vpt_assign_shadow_set8(device, base + i, vpt_assign_saved8(device, base + i) & vpt_assign_rows[row].keep);
    }
}

static void fill_by_table(struct vpt_assign_device *device, uint8_t code, uint16_t base, uint16_t room)
{
    for (size_t i = 0; i < vpt_assign_run_count; i++) {
        const struct vpt_assign_run *run = &vpt_assign_runs[i];

        if (run->code == code) {
            fill(device, base, room, run->at, run->count, (enum vpt_assign_row_index)run->row);
        }
    }
}

/* Where an MSI capability has its data: the address before it has one word or two. The masks are 4 behind. */
static unsigned msi_data(const struct vpt_assign_device *device, unsigned base)
{
    return (vpt_assign_saved8(device, base + 2u) & MSI_64_BIT) != 0 ? 12u : 8u;
}

static bool msi_maskable(const struct vpt_assign_device *device, unsigned base)
{
    return (vpt_assign_saved8(device, base + 3u) & MSI_MASKABLE) != 0;
}

static void fill_msi(struct vpt_assign_device *device, uint16_t base, uint16_t room)
{
    unsigned control = vpt_assign_shadow8(device, base + 2u);
    unsigned data = msi_data(device, base);

    /* How many messages it asks for, as a power of two: 6 and 7 are none. */
    vpt_assign_shadow_set8(device, base + 2u, (uint8_t)((control & 0xeu) > 0xau ? (control & MSI_64_BIT) | 0xau : control));
    fill(device, base, room, 8, data - 6u, ROW_VIRTUAL);
    if (msi_maskable(device, base)) {
        /* Reserved, masks, and what is pending. */
        fill(device, base, room, data + 2u, 10, ROW_HIDDEN);
        fill(device, base, room, data + 4u, 4, ROW_MSI_MASK);
    }
    device->msi = base;
}

static void fill_pci_express(struct vpt_assign_device *device, uint16_t base, uint16_t room)
{
    if ((vpt_assign_saved8(device, base + 2u) & PCIE_VERSION_MASK) <= 1u && room > PCIE_VERSION_1_SIZE) {
        fill(device, base, room, PCIE_VERSION_1_SIZE, room, ROW_READ_ONLY);
    }
    if (device->host->delay != NULL && (vpt_assign_saved8(device, base + 7u) & PCIE_FUNCTION_RESET) != 0) {
        fill(device, base, room, 7, 1, ROW_READ_ONLY);
        fill(device, base, room, 9, 1, ROW_PCIE_READ_REQUEST_RESET);
    }
    device->pci_express = base;
}

static void fill_advanced_features(struct vpt_assign_device *device, uint16_t base, uint16_t room)
{
    if (device->host->delay != NULL && (~vpt_assign_saved8(device, base + 3u) & AF_FUNCTION_RESET) == 0) {
        fill(device, base, room, 3, 1, ROW_READ_ONLY);
        fill(device, base, room, 4, 1, ROW_AF_CONTROL);
    }
    device->advanced_features = base;
}

/* What the tables do not say of those that are more than their bytes. */
static void fill_capability(struct vpt_assign_device *device, uint8_t code, uint16_t base, uint16_t room)
{
    unsigned length = vpt_assign_saved8(device, base + 2u);

    fill_by_table(device, code, base, room);
    switch (code) {
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI):
        fill_msi(device, base, room);
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX):
        device->msix = base;
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR):
        fill(device, base, room, 2, 1, ROW_FIXED);
        fill(device, base, room, 3, length > 3u ? length - 3u : 0, ROW_RAW);
        break;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_PM):
        /* The host's function stays in D0: nothing is ever lost on the way back. */
        vpt_assign_shadow_set8(device, base + ASSIGN_PM_CONTROL, PM_NO_SOFT_RESET);
        device->power_management = base;
        break;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE):
        fill_pci_express(device, base, room);
        break;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_AF):
        fill_advanced_features(device, base, room);
        break;
    default:
        break;
    }
}

/* ---- Lists ---- */

static uint16_t next_of(const struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    uint32_t header = vpt_assign_saved32(device, at);

    return (uint16_t)(list->extended ? header >> 20 & 0xffcu : header >> 8 & 0xfcu);
}

static uint16_t id_of(const struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    return (uint16_t)(vpt_assign_saved32(device, at) & (list->extended ? 0xffffu : 0xffu));
}

/* Whether what is at `at` is nothing at all. */
static bool absent(const struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    uint32_t header = vpt_assign_saved32(device, at);

    return list->extended ? header == 0 || header == PCI_ABSENT32 : (header & PCI_ABSENT16) == PCI_ABSENT16;
}

/*
 * Marks the first byte of each capability; returns how many there are. A list that meets one again, leaves its space or
 * has nothing where it points ends before that.
 */
static unsigned mark(struct vpt_assign_device *device, const struct list *list)
{
    uint16_t at = list->first;
    unsigned count = 0;

    /* Each step marks another: as many as there are words in the space. */
    while (at != 0 && count < VPT_PCI_EXTENDED_CAPABILITIES_MAX) {
        if (at < list->lowest || at > list->end - 4u || (device->classes[at] & ASSIGN_CLASS_HEAD) != 0 ||
            absent(device, list, at)) {
            device->capabilities_broken = true;
            return count;
        }
        device->classes[at] |= ASSIGN_CLASS_HEAD;
        count++;
        at = next_of(device, list, at);
    }
    return count;
}

/* Bytes from a capability to the next one in the space, or to the space's end. */
static uint16_t room_of(const struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    unsigned end = at + 4u;

    while (end < list->end && (device->classes[end] & ASSIGN_CLASS_HEAD) == 0) {
        end += 4u;
    }
    return (uint16_t)(end - at);
}

static unsigned minimum_of(const struct vpt_assign_device *device, const struct vpt_assign_kind *kind, uint16_t at)
{
    if (kind->code != ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI)) {
        return kind->minimum;
    }
    return msi_data(device, at) + (msi_maskable(device, at) ? 12u : 2u);
}

/* Whether guests have seen one already of which a function has one. */
static bool repeated(const struct vpt_assign_device *device, uint8_t code)
{
    switch (code) {
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI):
        return device->msi != 0;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX):
        return device->msix != 0 || device->vector_count == 0;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_PM):
        return device->power_management != 0;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE):
        return device->pci_express != 0;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_AF):
        return device->advanced_features != 0;
    default:
        return false;
    }
}

static bool visible(const struct vpt_assign_device *device, const struct vpt_assign_kind *kind, uint16_t at,
                    uint16_t room)
{
    uint8_t flags = device->classes[at];

    if ((flags & ASSIGN_CLASS_HIDE) != 0 || room < minimum_of(device, kind, at) || repeated(device, kind->code)) {
        return false;
    }
    if ((flags & ASSIGN_CLASS_SHOW) != 0) {
        return true;
    }
    return !kind->hidden && !(device->virtio && kind->code == ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR) &&
                              vpt_assign_saved8(device, at + 3u) == VIRTIO_CONFIGURATION_ACCESS);
}

/* Makes the one at `previous` (0: the header, of the standard list) point to `at`. */
static void link_to(struct vpt_assign_device *device, const struct list *list, uint16_t previous, uint16_t at)
{
    if (list->extended) {
        uint32_t header = vpt_assign_shadow32(device, previous) & 0xfffffu;

        vpt_assign_shadow_set32(device, previous, header | (uint32_t)at << 20);
    } else {
        vpt_assign_shadow_set8(device, previous == 0 ? PCI_CAPABILITIES : previous + 1u, (uint8_t)at);
    }
}

/* The header, in the shadow: its id, and a pointer that is 0 until another one is linked to it. */
static void fill_header(struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    if (list->extended) {
        fill(device, at, 4, 0, 4, ROW_FIXED);
        vpt_assign_shadow_set32(device, at, vpt_assign_saved32(device, at) & 0xfffffu);
    } else {
        fill(device, at, 2, 0, 1, ROW_FIXED);
        fill(device, at, 2, 1, 1, ROW_HIDDEN);
    }
}

static void compose_list(struct vpt_assign_device *device, const struct list *list)
{
    unsigned count = mark(device, list);
    uint16_t previous = list->extended ? list->first : 0;
    uint16_t at = list->first;

    for (unsigned i = 0; i < count; i++) {
        uint8_t code = vpt_assign_code(id_of(device, list, at), list->extended);
        struct vpt_assign_kind kind = vpt_assign_kind_of(code, list->extended);
        uint16_t room = room_of(device, list, at);

        if (visible(device, &kind, at, room)) {
            fill_header(device, list, at);
            fill_capability(device, code, at, room);
            if (at != previous) {
                link_to(device, list, previous, at);
            }
            previous = at;
        } else {
            fill(device, at, room, 0, room, ROW_HIDDEN);
        }
        at = next_of(device, list, at);
    }
}

static void compose_standard(struct vpt_assign_device *device)
{
    struct list list = { false, PCI_CAPABILITIES_FIRST, VPT_PCI_CONFIG_SIZE, 0 };

    if ((vpt_assign_saved8(device, PCI_STATUS) & PCI_STATUS_CAPABILITIES) != 0) {
        list.first = vpt_assign_saved8(device, PCI_CAPABILITIES) & 0xfcu;
    }
    compose_list(device, &list);
    vpt_assign_shadow_set8(device, PCI_STATUS,
                           vpt_assign_shadow8(device, PCI_CAPABILITIES) != 0 ? PCI_STATUS_CAPABILITIES : 0);
}

/* Without a list nothing of that part of the space is shown: a port or a bridge may not reach it. */
static void compose_extended(struct vpt_assign_device *device)
{
    struct list list = { true, PCI_CAPABILITIES_EXTENDED, device->config_size, PCI_CAPABILITIES_EXTENDED };

    if (device->config_size == VPT_PCI_CONFIG_SIZE) {
        return;
    }
    if (absent(device, &list, list.first)) {
        fill(device, list.first, device->config_size, 0, device->config_size, ROW_HIDDEN);
        return;
    }
    compose_list(device, &list);
}

void vpt_assign_compose(struct vpt_assign_device *device)
{
    for (unsigned i = 0; i < device->config_size; i++) {
        device->classes[i] &= ASSIGN_CLASS_SHOW | ASSIGN_CLASS_HIDE;
    }
    vpt_zero(device->shadow, device->config_size);
    device->power_management = 0;
    device->pci_express = 0;
    device->advanced_features = 0;
    device->msi = 0;
    device->msix = 0;
    device->capabilities_broken = false;
    fill_by_table(device, ASSIGN_HEADER_CODE, 0, PCI_CAPABILITIES_FIRST);
    compose_standard(device);
    compose_extended(device);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        vpt_assign_bar_normalise(device, i);
    }
}
