/* SPDX-License-Identifier: MIT */
/* A guest's configuration accesses, byte by byte by the permission table, and their end at the host. */
#include "access.h"
#include "assign/internal.h"
#include "assign/permission.h"

/* Everything happens within one aligned 4-byte word: its four bytes side by side, the first lowest. */
struct word {
    uint16_t base;
    uint32_t written;    /* bits of the bytes that the guest accesses */
    uint32_t is_virtual;
    uint32_t allowed;    /* written, writable, and the host's */
    uint32_t acts;
    uint32_t shadow;     /* as the guest sees it */
    bool followed;       /* mappings depend on what is written */
};

static uint32_t width_mask(unsigned width)
{
    return PCI_ABSENT32 >> (32u - 8u * width);
}

/* ---- The host ---- */

enum vpt_status vpt_assign_present(struct vpt_assign_device *device)
{
    uint32_t value = PCI_ABSENT32;
    enum vpt_status status = device->host->config_read(device->host->ctx, PCI_COMMAND, 4, &value);

    if (status == VPT_OK && value == PCI_ABSENT32) {
        device->vanished = true;
        status = VPT_DEVICE_GONE;
    }
    return status;
}

/* All-ones may be what the registers hold, or what is left of a function that has been removed. */
static enum vpt_status host_read(struct vpt_assign_device *device, uint16_t offset, unsigned width, uint32_t *value)
{
    uint32_t answer = PCI_ABSENT32;
    enum vpt_status status = device->host->config_read(device->host->ctx, offset, width, &answer);

    answer &= width_mask(width);
    if (status == VPT_OK && answer == width_mask(width)) {
        status = vpt_assign_present(device);
    }
    *value = status == VPT_OK ? answer : width_mask(width);
    return status;
}

/*
 * The smallest access of at least *width bytes (1 or more) that covers those of `allowed` (not 0) in a word: its place
 * in the word, and its width. What a guest may not write is not written either, as far as it lies outside.
 */
static unsigned cover(uint32_t allowed, unsigned *width)
{
    for (unsigned bytes = *width; bytes < 4u; bytes *= 2u) {
        for (unsigned at = 0; at < 4u; at += bytes) {
            if ((allowed & ~(width_mask(bytes) << 8u * at)) == 0) {
                *width = bytes;
                return at;
            }
        }
    }
    *width = 4;
    return 0;
}

/*
 * Writes what is allowed of a word, in one access of at least `width` (1 or 2) bytes: the other bits are as the host
 * has them, or 0 where a 1 would do something.
 */
static enum vpt_status host_write(struct vpt_assign_device *device, const struct word *word, unsigned width,
                                  uint32_t value, bool audited)
{
    const struct vpt_assign_host *host = device->host;
    uint32_t present = 0;
    unsigned at = cover(word->allowed, &width);
    uint16_t offset = (uint16_t)(word->base + at);
    uint32_t allowed = word->allowed >> 8u * at & width_mask(width);

    value = value >> 8u * at & width_mask(width);
    if (allowed != width_mask(width)) {
        enum vpt_status status = host_read(device, offset, width, &present);

        if (status != VPT_OK) {
            return status;
        }
    }
    value = (value & allowed) | (present & ~allowed & ~(word->acts >> 8u * at));
    if (audited && host->audit != NULL) {
        host->audit(host->ctx, offset, width, value, allowed);
    }
    return host->config_write(host->ctx, offset, width, value);
}

/* ---- The table ---- */

static void look_up(const struct vpt_assign_device *device, struct word *word)
{
    for (unsigned i = 0; i < 4u; i++) {
        unsigned index = device->classes[word->base + i] & ASSIGN_CLASS_ROW;
        const struct vpt_assign_row *row = &vpt_assign_rows[index];
        unsigned shift = 8u * i;

        word->is_virtual |= (uint32_t)row->is_virtual << shift;
        word->allowed |= (uint32_t)(row->writable & ~row->is_virtual & 0xff) << shift;
        word->acts |= (uint32_t)row->acts << shift;
        word->shadow |= (uint32_t)device->shadow[word->base + i] << shift;
    }
}

/* Finds the word of an access; its tables and its shadow. */
static enum vpt_status begin(struct vpt_assign_device *device, uint16_t offset, unsigned width, struct word *word)
{
    vpt_zero(word, sizeof(*word));
    if (width != 1u && width != 2u && width != 4u) {
        return VPT_CALLER_ALIGNMENT;
    }
    if ((offset & 3u) + width > 4u) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (offset >= device->config_size) {
        return VPT_CALLER_RANGE;
    }
    if (!device->owned) {
        return VPT_CALLER_STATE;
    }
    if (device->vanished) {
        return VPT_DEVICE_GONE;
    }
    word->base = (uint16_t)(offset & ~3u);
    word->written = width_mask(width) << 8u * (offset & 3u);
    look_up(device, word);
    word->allowed &= word->written;
    return VPT_OK;
}

/* ---- Reading ---- */

enum vpt_status vpt_assign_config_read(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                       uint32_t *value)
{
    enum vpt_status status;
    uint32_t present = 0;
    struct word word;

    if (value == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *value = width == 1u || width == 2u ? width_mask(width) : PCI_ABSENT32;
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = begin(device, offset, width, &word);
    if (status != VPT_OK) {
        return status;
    }
    if ((word.written & ~word.is_virtual) != 0) {
        /* An access that is not aligned is part of one that is. */
        bool aligned = (offset & (width - 1u)) == 0;
        unsigned shift = aligned ? 8u * (offset & 3u) : 0;

        status = host_read(device, aligned ? offset : word.base, aligned ? width : 4u, &present);
        if (status != VPT_OK) {
            return status;
        }
        present <<= shift;
    }
    present = (present & ~word.is_virtual) | (word.shadow & word.is_virtual);
    *value = present >> 8u * (offset & 3u) & width_mask(width);
    return VPT_OK;
}

/* ---- Writing ---- */

static uint8_t at_most(uint8_t value, uint8_t field, uint8_t limit)
{
    return (value & field) > (limit & field) ? (uint8_t)((value & ~field) | (limit & field)) : value;
}

/* A state that the function does not have: the write is as if it had not been. */
static uint8_t power_state(const struct vpt_assign_device *device, uint16_t offset, uint8_t value)
{
    unsigned state = value & ASSIGN_PM_STATE_MASK;
    /* D1 and D2 are bits 9 and 10 of the capabilities register, whose upper byte is the one before. */
    unsigned states = device->saved[offset - 1u] & 0x6u;

    if ((state == 1u || state == 2u) && (states & 1u << state) == 0) {
        return device->shadow[offset];
    }
    return value;
}

/* Numbers that a guest chooses are within what the function, or the host's own choice for it, allows. */
static uint8_t adjust(const struct vpt_assign_device *device, uint16_t offset, unsigned row, uint8_t value)
{
    switch (row) {
    case ROW_MSI_CONTROL:
        return at_most(value, 0x70u, (uint8_t)(device->shadow[offset] << 3 & 0x70));
    case ROW_PCIE_PAYLOAD:
        return at_most(value, 0xe0u, device->saved[offset]);
    case ROW_PCIE_READ_REQUEST:
        return at_most(value, 0x70u, device->saved[offset]);
    case ROW_PM_STATE:
        return power_state(device, offset, value);
    default:
        return value;
    }
}

/* What the guest's bytes come to; the virtual ones go to the shadow. */
static uint32_t take(struct vpt_assign_device *device, struct word *word, uint32_t value)
{
    uint32_t taken = 0;

    for (unsigned i = 0; i < 4u; i++) {
        uint16_t offset = (uint16_t)(word->base + i);
        unsigned index = device->classes[offset] & ASSIGN_CLASS_ROW;
        uint8_t bits = vpt_assign_rows[index].is_virtual & vpt_assign_rows[index].writable;
        uint8_t byte = (uint8_t)(value >> 8u * i & 0xffu);

        if ((word->written >> 8u * i & 0xffu) == 0) {
            continue;
        }
        byte = adjust(device, offset, index, byte);
        device->shadow[offset] = (uint8_t)((device->shadow[offset] & ~bits) | (byte & bits));
        taken |= (uint32_t)byte << 8u * i;
        word->followed |= index == ROW_BAR || index == ROW_COMMAND_LOW || index == ROW_PM_STATE;
    }
    return taken;
}

enum vpt_status vpt_assign_config_write(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                        uint32_t value)
{
    enum vpt_status followed = VPT_OK;
    enum vpt_status status;
    struct word word;

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = begin(device, offset, width, &word);
    if (status != VPT_OK) {
        return status;
    }
    value = take(device, &word, value << 8u * (offset & 3u));
    if (word.followed) {
        followed = vpt_assign_follow(device);
        if (followed != VPT_OK && followed != VPT_REFUSED) {
            vpt_assign_shadow_set32(device, word.base, word.shadow);
            return followed;
        }
    }
    if (word.allowed != 0) {
        status = host_write(device, &word, width == 1u ? 1u : 2u, value, true);
    }
    return status != VPT_OK ? status : followed;
}

/* ---- The end of an owner ---- */

/* Bits that guests may have changed, and that hold what is written: not those that do something. */
static enum vpt_status restore_word(struct vpt_assign_device *device, uint16_t base)
{
    struct word word;
    uint32_t present;
    uint32_t saved = vpt_assign_saved32(device, base);
    enum vpt_status status;

    vpt_zero(&word, sizeof(word));
    word.base = base;
    look_up(device, &word);
    word.allowed &= ~word.acts;
    if (word.allowed == 0) {
        return VPT_OK;
    }
    status = host_read(device, base, 4, &present);
    word.allowed &= present ^ saved;
    if (status != VPT_OK || word.allowed == 0) {
        return status;
    }
    return host_write(device, &word, 2, saved, false);
}

enum vpt_status vpt_assign_config_restore(struct vpt_assign_device *device)
{
    enum vpt_status result = VPT_OK;
    enum vpt_status status;

    for (uint16_t base = PCI_COMMAND + 4u; base < device->config_size && !device->vanished; base += 4u) {
        result = vpt_pci_first_error(result, restore_word(device, base));
    }
    if (device->vanished) {
        return VPT_DEVICE_GONE;
    }
    status = device->host->config_write(device->host->ctx, PCI_COMMAND, 2,
                                        vpt_assign_saved32(device, PCI_COMMAND) & PCI_ABSENT16 &
                                            ~(uint32_t)VPT_PCI_COMMAND_BUS_MASTER);
    return vpt_pci_first_error(result, status);
}
