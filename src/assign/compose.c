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

/* One of the two lists. */
struct list {
    bool extended;
    unsigned lowest; /* offset that a capability can have */
    unsigned end;    /* of the space that the list is in */
    unsigned first;  /* 0: no list */
    /* The pointer that the next one that guests see is linked to: in this word, from this bit on. */
    unsigned link;
    unsigned link_shift;
};

/* ---- Bytes ---- */

/* The bytes [at, at + count) of the capability (or header) at `base`, of which `room` are there, get a row. */
static void fill(struct vpt_assign_device *device, unsigned base, unsigned room, unsigned at, unsigned count,
                 unsigned row)
{
    for (unsigned i = at; i < room && i - at < count && base + i < device->config_size; i++) {
        uint8_t *class = &device->classes[base + i];

        *class = (uint8_t)((*class & ~ASSIGN_CLASS_ROW) | row);
        vpt_assign_shadow_set8(device, base + i, vpt_assign_saved8(device, base + i) & vpt_assign_rows[row].keep);
    }
}

static void fill_by_table(struct vpt_assign_device *device, unsigned code, unsigned base, unsigned room)
{
    for (unsigned i = 0; i < ASSIGN_RUNS; i++) {
        const struct vpt_assign_run *run = &vpt_assign_runs[i];

        if (run->code == code) {
            fill(device, base, room, run->at, run->count, run->row);
        }
    }
}

/* How far behind its place an MSI capability has its data: the address before it has one word or two. */
static unsigned msi_shift(const struct vpt_assign_device *device, unsigned base)
{
    return (vpt_assign_saved8(device, base + 2u) & MSI_64_BIT) != 0 ? 4u : 0;
}

static bool msi_maskable(const struct vpt_assign_device *device, unsigned base)
{
    return (vpt_assign_saved8(device, base + 3u) & MSI_MASKABLE) != 0;
}

static void fill_msi(struct vpt_assign_device *device, unsigned base, unsigned room)
{
    unsigned control = vpt_assign_shadow8(device, base + 2u);
    unsigned shift = msi_shift(device, base);

    /* How many messages it asks for, as a power of two: 6 and 7 are none. */
    if ((control & 0xeu) > 0xau) {
        vpt_assign_shadow_set8(device, base + 2u, (uint8_t)((control & MSI_64_BIT) | 0xau));
    }
    fill(device, base, room, 8, shift + 2u, ROW_VIRTUAL);
    if (msi_maskable(device, base)) {
        fill_by_table(device, ASSIGN_PART_MSI_MASKS, base + shift, room - shift);
    }
    device->msi = (uint16_t)base;
}

/* What only some of a kind have: by their version, or a function level reset. */
static void fill_part(struct vpt_assign_device *device, unsigned code, unsigned base, unsigned room)
{
    unsigned able = 0;
    unsigned mask = AF_FUNCTION_RESET;
    unsigned part = ASSIGN_PART_ADVANCED_RESET;

    if (code == ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE)) {
        if ((vpt_assign_saved8(device, base + 2u) & PCIE_VERSION_MASK) > 1u) {
            fill_by_table(device, ASSIGN_PART_EXPRESS_2, base, room);
        }
        able = vpt_assign_saved8(device, base + 7u);
        mask = PCIE_FUNCTION_RESET;
        part = ASSIGN_PART_EXPRESS_RESET;
    } else if (code == ASSIGN_CODE(ASSIGN_CAPABILITY_AF)) {
        able = vpt_assign_saved8(device, base + 3u);
    }
    if (device->host->delay != NULL && (able & mask) == mask) {
        fill_by_table(device, part, base, room);
    }
}

/* What the tables do not say of those that are more than their bytes. */
static void fill_capability(struct vpt_assign_device *device, unsigned code, unsigned base, unsigned room)
{
    unsigned length = vpt_assign_saved8(device, base + 2u);

    fill_by_table(device, code, base, room);
    fill_part(device, code, base, room);
    switch (code) {
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI):
        fill_msi(device, base, room);
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX):
        device->msix = (uint16_t)base;
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR):
        fill(device, base, room, 3, length > 3u ? length - 3u : 0, ROW_RAW);
        break;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_PM):
        /* The host's function stays in D0: nothing is ever lost on the way back. */
        vpt_assign_shadow_set8(device, base + ASSIGN_PM_CONTROL, PM_NO_SOFT_RESET);
        device->power_management = (uint16_t)base;
        break;
    default:
        break;
    }
}

/* ---- Lists ---- */

static unsigned next_of(const struct vpt_assign_device *device, const struct list *list, unsigned at)
{
    uint32_t header = vpt_assign_saved32(device, at);

    return list->extended ? header >> 20 & 0xffcu : header >> 8 & 0xfcu;
}

/* Whether what is at `at` is nothing at all. */
static bool absent(const struct vpt_assign_device *device, const struct list *list, unsigned at)
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
    unsigned at = list->first;
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
static unsigned room_of(const struct vpt_assign_device *device, const struct list *list, unsigned at)
{
    unsigned end = at + 4u;

    while (end < list->end && (device->classes[end] & ASSIGN_CLASS_HEAD) == 0) {
        end += 4u;
    }
    return end - at;
}

static bool visible(const struct vpt_assign_device *device, unsigned code, const struct vpt_assign_kind *kind,
                    unsigned at, unsigned room)
{
    unsigned flags = device->classes[at];
    unsigned minimum = kind->minimum;
    bool hidden = (kind->flags & KIND_HIDDEN) != 0;

    switch (code) {
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI):
        minimum += msi_shift(device, at) + (msi_maskable(device, at) ? 10u : 0);
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX):
        minimum = device->vector_count == 0 ? VPT_PCI_CONFIG_SIZE : minimum;
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR):
        hidden = device->virtio && vpt_assign_saved8(device, at + 3u) == VIRTIO_CONFIGURATION_ACCESS;
        break;
    default:
        break;
    }
    return (flags & ASSIGN_CLASS_HIDE) == 0 && room >= minimum && ((flags & ASSIGN_CLASS_SHOW) != 0 || !hidden);
}

static void compose_list(struct vpt_assign_device *device, struct list *list)
{
    unsigned count = mark(device, list);
    unsigned at = list->first;
    unsigned seen = 0; /* kinds of which guests see one */

    for (unsigned i = 0; i < count; i++) {
        uint32_t id = vpt_assign_saved32(device, at) & (list->extended ? PCI_ABSENT16 : PCI_ABSENT8);
        unsigned code = vpt_assign_code(id, list->extended);
        const struct vpt_assign_kind *kind = vpt_assign_kind_of(code);
        unsigned room = room_of(device, list, at);

        if ((seen & kind->flags & KIND_ONCE) == 0 && visible(device, code, kind, at, room)) {
            seen |= kind->flags;
            fill_by_table(device, list->extended ? ASSIGN_PART_EXTENDED : ASSIGN_PART_STANDARD, at, room);
            fill_capability(device, code, at, room);
            if (at != list->link) {
                vpt_assign_shadow_set32(device, list->link,
                                        vpt_assign_shadow32(device, list->link) | at << list->link_shift);
            }
            list->link = at;
            list->link_shift = list->extended ? 20 : 8;
        } else {
            fill(device, at, room, 0, room, ROW_HIDDEN);
        }
        at = next_of(device, list, at);
    }
}

static void compose_standard(struct vpt_assign_device *device)
{
    struct list list = { false, PCI_CAPABILITIES_FIRST, VPT_PCI_CONFIG_SIZE, 0, PCI_CAPABILITIES, 0 };

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
    unsigned first = PCI_CAPABILITIES_EXTENDED;
    struct list list = { true, first, device->config_size, first, first, 20 };

    if (device->config_size == VPT_PCI_CONFIG_SIZE) {
        return;
    }
    if (absent(device, &list, first)) {
        fill(device, first, device->config_size, 0, device->config_size, ROW_HIDDEN);
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
    device->msi = 0;
    device->msix = 0;
    device->capabilities_broken = false;
    fill_by_table(device, ASSIGN_PART_HEADER, 0, PCI_CAPABILITIES_FIRST);
    compose_standard(device);
    compose_extended(device);
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        vpt_assign_bar_normalise(device, i);
    }
}
