/* SPDX-License-Identifier: MIT */
/*
 * The configuration space as a guest finds it at power-on: the class of each byte, and lists without hidden
 * capabilities.
 */
#include "compose.h"

#include "guest_registers.h"
#include "message.h"
#include "permission.h"

#define VIRTIO_CONFIGURATION_ACCESS 5u /* a type of virtio capabilities */

/* Bits of the first word of capabilities. */
#define MSI_64_BIT          0x00800000u
#define MSI_MASKABLE        0x01000000u
#define PCIE_VERSION_2      0x000e0000u /* any bit is set: version 2 or later */
#define AF_FUNCTION_RESET   0x03000000u /* with the bit for pending transactions */
#define PCIE_FUNCTION_RESET 0x10000000u /* in the second word */
#define PCIE_CONTROL        8u
#define PCIE_BEGIN_RESET    0x8000u

#define PM_NO_SOFT_RESET 0x08u

/* The list of standard capabilities, or the one of extended capabilities. */
struct list {
    bool extended;
    uint8_t part;    /* ASSIGN_PART_* of the headers */
    uint8_t shift;   /* of the pointer to the next capability, in a header */
    uint16_t lowest; /* lowest offset of a capability */
    uint16_t end;    /* end of the part of the space that the list is in */
    /* The pointer to the first capability that guests see: the word that it is in, and its lowest bit. */
    uint16_t link;
    uint8_t link_shift;
};

static const struct list standard = {
    false, ASSIGN_PART_STANDARD, 8, PCI_CAPABILITIES_FIRST, VPT_PCI_CONFIG_SIZE, PCI_CAPABILITIES, 0
};
static const struct list extended = {
    true, ASSIGN_PART_EXTENDED, 20, PCI_CAPABILITIES_EXTENDED, VPT_PCI_EXTENDED_CONFIG_SIZE, PCI_CAPABILITIES_EXTENDED,
    20
};

/* ---- Bytes ---- */

/* Gives the bytes from `from` up to `end` a row. The guest sees those of their saved bits that the row keeps. */
static void fill_bytes(struct vpt_assign_device *device, unsigned from, unsigned end, unsigned row, unsigned marks)
{
    unsigned keep = vpt_assign_rows[row].keep;

    for (unsigned i = from; i < end; i++) {
        vpt_assign_set_class(device, i, row, vpt_assign_marks(device, i) | marks);
        vpt_assign_shadow_set8(device, i, (uint8_t)(vpt_assign_saved8(device, i) & keep));
    }
}

static void fill_by_table(struct vpt_assign_device *device, unsigned code, unsigned base, unsigned size)
{
    for (unsigned i = 0; i < ASSIGN_RUNS; i++) {
        const struct vpt_assign_run *run = &vpt_assign_runs[i];

        if (run->code == code) {
            unsigned end = (unsigned)run->at + run->count;

            end = base + (end < size ? end : size);
            fill_bytes(device, base + run->at, end, run->row, run->restored ? MARK_RESTORED : 0);
        }
    }
}

/* With addresses of 64 bits the data of an MSI capability lies 4 bytes further on. */
static unsigned msi_shift(uint32_t header)
{
    return (header & MSI_64_BIT) != 0 ? 4u : 0;
}

static void fill_msi(struct vpt_assign_device *device, uint32_t header, unsigned base, unsigned size)
{
    unsigned control = vpt_assign_shadow8(device, base + 2u);
    unsigned shift = msi_shift(header);

    /* The number of messages that the function asks for is a power of two; exponents 6 and 7 are reserved. */
    if ((control & 0xeu) > 0xau) {
        vpt_assign_shadow_set8(device, base + 2u, (uint8_t)((control & 0xf0u) | 0xau));
    }
    fill_bytes(device, base + 8u, base + 10u + shift, ROW_VIRTUAL, 0);
    if ((header & MSI_MASKABLE) != 0) {
        fill_by_table(device, ASSIGN_PART_MSI_MASKS, base + shift, size - shift);
    }
    device->msi = (uint16_t)base;
}

/* Lets the guest begin a function level reset, if the function has one. */
static void fill_reset(struct vpt_assign_device *device, unsigned part, bool able, unsigned base, unsigned size)
{
    if (able && device->host->delay != NULL) {
        fill_by_table(device, part, base, size);
    }
}

/*
 * Fills in what the tables say of a capability, even of a hidden one, because a reset takes away the bytes of hidden
 * capabilities, too.
 */
static void fill_known(struct vpt_assign_device *device, uint32_t header, unsigned code, unsigned base, unsigned size)
{
    fill_by_table(device, code, base, size);
    if (code == ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE) && size > PCIE_CONTROL) {
        if ((header & PCIE_VERSION_2) != 0) {
            fill_by_table(device, ASSIGN_PART_EXPRESS_2, base, size);
        }
        /* The bit that begins a reset must never be written back. It should read 0, but may not. */
        device->saved[(base + PCIE_CONTROL) / 4u] &= ~(uint32_t)PCIE_BEGIN_RESET;
        fill_reset(device, ASSIGN_PART_EXPRESS_RESET,
                   (vpt_assign_saved32(device, base + 4u) & PCIE_FUNCTION_RESET) != 0, base, size);
    } else if (code == ASSIGN_CODE(ASSIGN_CAPABILITY_AF)) {
        fill_reset(device, ASSIGN_PART_ADVANCED_RESET, (header & AF_FUNCTION_RESET) == AF_FUNCTION_RESET, base, size);
    }
}

/* Fills in what the tables do not say of a capability that guests see. */
static void fill_capability(struct vpt_assign_device *device, uint32_t header, unsigned code, unsigned base,
                            unsigned size)
{
    unsigned length = header >> 16 & PCI_ABSENT8;

    switch (code) {
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI): fill_msi(device, header, base, size); break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX): device->msix = (uint16_t)base; break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR):
        /*
         * Virtio's capabilities are read-only (VirtIO 1.4, section 4.1.4), except the one for configuration accesses.
         */
        fill_bytes(device, base + 3u, base + (length < size ? length : size),
                   device->virtio && header >> 24 != VIRTIO_CONFIGURATION_ACCESS ? ROW_FIXED : ROW_RAW, 0);
        break;
    case ASSIGN_CODE(ASSIGN_CAPABILITY_PM):
        /* The host's function stays in D0, so it loses nothing when the guest returns to D0. */
        vpt_assign_shadow_set8(device, base + ASSIGN_PM_CONTROL, PM_NO_SOFT_RESET);
        device->power_management = (uint16_t)base;
        break;
    default: break;
    }
}

/* ---- Lists ---- */

/* Returns the offset in the list's space that a header points to, or 0. */
static unsigned next_of(const struct list *list, uint32_t header)
{
    return header >> list->shift & (list->end - 4u);
}

/* Whether a header says that there is no capability. */
static bool is_absent(const struct list *list, uint32_t header)
{
    return list->extended ? header == 0 || header == PCI_ABSENT32 : (header & PCI_ABSENT16) == PCI_ABSENT16;
}

/*
 * Marks the first byte of each capability, and returns how many there are. A list ends where it comes to a capability
 * again, leaves its part of the space, or points to nothing.
 */
static unsigned mark_heads(struct vpt_assign_device *device, const struct list *list, unsigned first)
{
    unsigned at = first;
    unsigned count = 0;

    /* Each step marks another word, and the space has no more words than this limit. */
    while (at != 0 && count < VPT_PCI_EXTENDED_CAPABILITIES_MAX) {
        uint32_t header = vpt_assign_saved32(device, at);

        if (at < list->lowest || vpt_assign_is_capability(device, at) || is_absent(list, header)) {
            device->capabilities_broken = true;
            break;
        }
        vpt_assign_set_class(device, at, ROW_READ_ONLY, vpt_assign_marks(device, at) | MARK_CAPABILITY);
        count++;
        at = next_of(list, header);
    }
    return count;
}

/*
 * Returns how many bytes lie between the beginning of a capability and the next one or the end of its part of the
 * space.
 */
static unsigned size_of_capability(const struct vpt_assign_device *device, const struct list *list, unsigned at)
{
    unsigned end = at + 4u;

    while (end < list->end && !vpt_assign_is_capability(device, end)) {
        end += 4u;
    }
    return end - at;
}

static bool is_visible(const struct vpt_assign_device *device, unsigned code, uint32_t header,
                       const struct vpt_assign_kind *kind, unsigned at, unsigned size)
{
    unsigned marks = vpt_assign_marks(device, at);
    unsigned minimum = kind->minimum;
    bool hidden = (kind->flags & KIND_HIDDEN) != 0;

    switch (code) {
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI):
        minimum += msi_shift(header) + ((header & MSI_MASKABLE) != 0 ? 10u : 0);
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX):
        minimum = device->vector_count == 0 ? VPT_PCI_CONFIG_SIZE : minimum;
        break;
    case ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR):
        hidden = device->virtio && header >> 24 == VIRTIO_CONFIGURATION_ACCESS;
        break;
    default: break;
    }
    return (marks & MARK_HIDE) == 0 && size >= minimum && ((marks & MARK_SHOW) != 0 || !hidden);
}

static void compose_list(struct vpt_assign_device *device, const struct list *list, unsigned first)
{
    unsigned link = list->link;
    unsigned link_shift = list->link_shift;
    unsigned seen = 0; /* KIND_ONCE bits of the capabilities that guests see already */
    unsigned at = first;

    for (unsigned left = mark_heads(device, list, first); left > 0; left--) {
        uint32_t header = vpt_assign_saved32(device, at);
        unsigned code = vpt_assign_code(header & (list->extended ? PCI_ABSENT16 : PCI_ABSENT8), list->extended);
        const struct vpt_assign_kind *kind = vpt_assign_kind_of(code);
        unsigned size = size_of_capability(device, list, at);

        fill_known(device, header, code, at, size);
        if ((seen & kind->flags & KIND_ONCE) == 0 && is_visible(device, code, header, kind, at, size)) {
            seen |= kind->flags;
            fill_by_table(device, list->part, at, size);
            fill_capability(device, header, code, at, size);
            if (at != link) {
                device->shadow[link / 4u] |= at << link_shift;
            }
            link = at;
            link_shift = list->shift;
        } else {
            fill_bytes(device, at, at + size, ROW_HIDDEN, 0);
        }
        at = next_of(list, header);
    }
}

static void compose_standard(struct vpt_assign_device *device)
{
    unsigned first = 0;

    if ((vpt_assign_saved8(device, PCI_STATUS) & PCI_STATUS_CAPABILITIES) != 0) {
        first = vpt_assign_saved8(device, PCI_CAPABILITIES) & 0xfcu;
    }
    compose_list(device, &standard, first);
    vpt_assign_shadow_set8(device, PCI_STATUS,
                           vpt_assign_shadow8(device, PCI_CAPABILITIES) != 0 ? PCI_STATUS_CAPABILITIES : 0);
}

/* Without an extended list guests see nothing of the extended space, since a port or a bridge may not reach it. */
static void compose_extended(struct vpt_assign_device *device)
{
    unsigned first = PCI_CAPABILITIES_EXTENDED;

    if (device->config_size == VPT_PCI_CONFIG_SIZE) {
        return;
    }
    if (is_absent(&extended, vpt_assign_saved32(device, first))) {
        fill_bytes(device, first, device->config_size, ROW_HIDDEN, 0);
    } else {
        compose_list(device, &extended, first);
    }
}

void vpt_assign_compose(struct vpt_assign_device *device)
{
    unsigned size = device->config_size;

    for (unsigned i = 0; i < size; i++) {
        vpt_assign_set_class(device, i, ROW_READ_ONLY, vpt_assign_marks(device, i) & ~MARK_CAPABILITY);
    }
    vpt_zero(device->shadow, size);
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

void vpt_assign_power_on(struct vpt_assign_device *device)
{
    vpt_assign_compose(device);
    device->placed = (struct vpt_assign_placement){ 0 };
    device->refused = 0;
    vpt_assign_msix_reset(device);
}
