/* SPDX-License-Identifier: MIT */
/* The configuration space as a guest finds it: classes of its bytes, and capability lists without what is hidden. */
#include "access.h"
#include "assign/internal.h"
#include "assign/permission.h"

#define VIRTIO_CONFIGURATION_ACCESS 5u /* type of a virtio capability */

#define MSI_64_BIT   0x80u /* of the control register's lower byte */
#define MSI_MASKABLE 0x01u /* of its upper byte */

#define PM_NO_SOFT_RESET 0x08u

#define PCIE_VERSION_MASK   0xfu
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
        device->shadow[base + i] = device->saved[base + i] & vpt_assign_rows[row].keep;
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

/* How many messages an MSI capability asks for, as a power of two: 0 to 5. */
static unsigned msi_messages(const struct vpt_assign_device *device, uint16_t base)
{
    unsigned messages = device->saved[base + 2u] >> 1 & 0x7u;

    return messages > 5u ? 5u : messages;
}

/* Where an MSI capability has its data: the address before it has one word or two. The masks are 4 behind. */
static unsigned msi_data(const struct vpt_assign_device *device, uint16_t base)
{
    return (device->saved[base + 2u] & MSI_64_BIT) != 0 ? 12u : 8u;
}

static void fill_msi(struct vpt_assign_device *device, uint16_t base, uint16_t room)
{
    static const uint8_t few[] = { ROW_MSI_MASK_1, ROW_MSI_MASK_2, ROW_MSI_MASK_4 };
    unsigned messages = msi_messages(device, base);
    unsigned data = msi_data(device, base);

    device->shadow[base + 2u] = (uint8_t)((device->shadow[base + 2u] & MSI_64_BIT) | messages << 1);
    if (data == 12u) {
        fill(device, base, room, 8, 4, ROW_VIRTUAL);
    }
    fill(device, base, room, data, 2, ROW_VIRTUAL);
    if ((device->saved[base + 3u] & MSI_MASKABLE) == 0) {
        return;
    }
    /* Reserved, masks, and what is pending. */
    fill(device, base, room, data + 2u, 10, ROW_HIDDEN);
    if (messages < 3u) {
        fill(device, base, room, data + 4u, 1, (enum vpt_assign_row_index)few[messages]);
    } else {
        fill(device, base, room, data + 4u, 1u << (messages - 3u), ROW_VIRTUAL);
    }
}

/* What the tables do not say of those that are more than their bytes. */
static void fill_capability(struct vpt_assign_device *device, uint8_t code, uint16_t base, uint16_t room)
{
    uint16_t rest = room;

    if (code == ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE) && (device->saved[base + 2u] & PCIE_VERSION_MASK) <= 1u &&
        rest > PCIE_VERSION_1_SIZE) {
        rest = PCIE_VERSION_1_SIZE;
    }
    fill_by_table(device, code, base, rest);
    if (code == ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI)) {
        fill_msi(device, base, room);
    } else if (code == ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR)) {
        uint8_t length = device->saved[base + 2u];

        fill(device, base, room, 2, 1, ROW_FIXED);
        fill(device, base, room, 3, length > 3u ? length - 3u : 0, ROW_RAW);
    } else if (code == ASSIGN_CODE(ASSIGN_CAPABILITY_PM)) {
        /* The host's function stays in D0: nothing is ever lost on the way back. */
        device->shadow[base + ASSIGN_PM_CONTROL] |= PM_NO_SOFT_RESET;
        device->power_management = device->power_management == 0 ? base : device->power_management;
    }
}

/* ---- Lists ---- */

static uint16_t next_of(const struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    return (uint16_t)(list->extended ? vpt_assign_saved32(device, at) >> 20 & 0xffcu : device->saved[at + 1u] & 0xfcu);
}

static uint16_t id_of(const struct vpt_assign_device *device, const struct list *list, uint16_t at)
{
    return (uint16_t)(list->extended ? vpt_assign_saved32(device, at) & 0xffffu : device->saved[at]);
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
    return msi_data(device, at) + ((device->saved[at + 3u] & MSI_MASKABLE) != 0 ? 12u : 2u);
}

static bool visible(const struct vpt_assign_device *device, const struct vpt_assign_kind *kind, uint16_t at,
                    uint16_t room)
{
    uint8_t flags = device->classes[at];

    if ((flags & ASSIGN_CLASS_HIDE) != 0 || room < minimum_of(device, kind, at)) {
        return false;
    }
    if ((flags & ASSIGN_CLASS_SHOW) != 0) {
        return true;
    }
    return !kind->hidden && !(device->virtio && kind->code == ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR) &&
                              device->saved[at + 3u] == VIRTIO_CONFIGURATION_ACCESS);
}

/* Makes the one at `previous` (0: the header, of the standard list) point to `at`. */
static void link_to(struct vpt_assign_device *device, const struct list *list, uint16_t previous, uint16_t at)
{
    if (list->extended) {
        uint32_t header = vpt_assign_shadow32(device, previous) & 0xfffffu;

        vpt_assign_shadow_set32(device, previous, header | (uint32_t)at << 20);
    } else {
        device->shadow[previous == 0 ? PCI_CAPABILITIES : previous + 1u] = (uint8_t)at;
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

    if ((device->saved[PCI_STATUS] & PCI_STATUS_CAPABILITIES) != 0) {
        list.first = device->saved[PCI_CAPABILITIES] & 0xfcu;
    }
    compose_list(device, &list);
    device->shadow[PCI_STATUS] = device->shadow[PCI_CAPABILITIES] != 0 ? PCI_STATUS_CAPABILITIES : 0;
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
        device->shadow[i] = 0;
    }
    device->power_management = 0;
    device->capabilities_broken = false;
    fill_by_table(device, ASSIGN_HEADER_CODE, 0, PCI_CAPABILITIES_FIRST);
    compose_standard(device);
    compose_extended(device);
}
