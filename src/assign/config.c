/* SPDX-License-Identifier: MIT */
/* A guest's configuration accesses, byte by byte by the permission table, and their end at the host. */
#include "assign/internal.h"
#include "assign/permission.h"

/* Everything happens within one aligned 4-byte word: its four bytes side by side, the first lowest. */
struct word {
    uint16_t base;
    uint8_t effects;     /* of the bytes that the guest accesses */
    uint32_t written;    /* their bits */
    uint32_t is_virtual; /* of those */
    uint32_t writable;   /* likewise */
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
    uint32_t mask = width_mask(width);
    uint32_t answer = PCI_ABSENT32;
    enum vpt_status status = device->host->config_read(device->host->ctx, offset, width, &answer);

    answer &= mask;
    if (VPT_UNLIKELY(status == VPT_OK && answer == mask)) {
        status = vpt_assign_present(device);
    }
    *value = status == VPT_OK ? answer : mask;
    return status;
}

/*
 * The smallest access of at least *width bytes (1 or more) that covers those of `allowed` in a word: its place in the
 * word, and its width. What a guest may not write is not written either, as far as it lies outside.
 */
static unsigned cover(uint32_t allowed, unsigned *width)
{
    unsigned least = *width;
    unsigned at = 0;

    *width = 4;
    for (unsigned half = 2; half >= least; half /= 2u) {
        uint32_t lower = width_mask(half) << 8u * at;

        if ((allowed & lower) == 0) {
            at += half;
        } else if ((allowed & ~lower) != 0) {
            break;
        }
        *width = half;
    }
    return at;
}

/* ---- The table ---- */

static const struct vpt_assign_row *row_of(const struct vpt_assign_device *device, unsigned offset)
{
    return &vpt_assign_rows[device->classes[offset] & ASSIGN_CLASS_ROW];
}

/* The bytes that the guest accesses are `width` from `offset` on. */
static void look_up(const struct vpt_assign_device *device, unsigned offset, unsigned width, struct word *word)
{
    unsigned first = 8u * (offset & 3u);
    uint32_t is_virtual = 0;
    uint32_t writable = 0;
    unsigned effects = 0;

    for (unsigned i = 0; i < width; i++) {
        const struct vpt_assign_row *row = row_of(device, offset + i);

        is_virtual |= (uint32_t)row->is_virtual << 8u * i;
        writable |= (uint32_t)row->writable << 8u * i;
        effects |= row->effect;
    }
    word->base = (uint16_t)(offset & ~3u);
    word->effects = (uint8_t)effects;
    word->written = width_mask(width) << first;
    word->is_virtual = is_virtual << first;
    word->writable = writable << first;
}

/* Bits of the word at `base` where a 1 does something. */
static uint32_t acting(const struct vpt_assign_device *device, unsigned base)
{
    uint32_t acts = 0;

    for (unsigned i = 0; i < 4u; i++) {
        acts |= (uint32_t)row_of(device, base + i)->acts << 8u * i;
    }
    return acts;
}

/* The bytes of a word that have this effect. */
static uint32_t affecting(const struct vpt_assign_device *device, unsigned base, unsigned effect)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 4u; i++) {
        bits |= (row_of(device, base + i)->effect & effect) != 0 ? 0xffu << 8u * i : 0;
    }
    return bits;
}

/*
 * Writes the bits `allowed` (not 0) of the word at `base`, in one access of at least `width` (1 or 2) bytes: the other
 * bits are as the host has them, or 0 where a 1 would do something.
 */
static enum vpt_status host_write(struct vpt_assign_device *device, uint16_t base, uint32_t allowed, unsigned width,
                                  uint32_t value, bool audited)
{
    const struct vpt_assign_host *host = device->host;
    unsigned at = cover(allowed, &width);
    uint32_t mask = width_mask(width);
    uint16_t offset = (uint16_t)(base + at);

    allowed = allowed >> 8u * at & mask;
    value = value >> 8u * at & mask;
    if (allowed != mask) {
        uint32_t present;
        enum vpt_status status = host_read(device, offset, width, &present);

        if (status != VPT_OK) {
            return status;
        }
        value = vpt_assign_merge(present & ~(acting(device, base) >> 8u * at), value, allowed);
    }
    if (audited && host->audit != NULL) {
        host->audit(host->ctx, offset, width, value, allowed);
    }
    return host->config_write(host->ctx, offset, width, value);
}

/* Whether an access is one that a guest may make now. */
static enum vpt_status check_access(const struct vpt_assign_device *device, unsigned offset, unsigned width)
{
    if (width - 1u > 3u || width == 3u || (offset & 3u) + width > 4u) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (offset >= device->config_size) {
        return VPT_CALLER_RANGE;
    }
    if (!device->owned) {
        return VPT_CALLER_STATE;
    }
    return device->vanished ? VPT_DEVICE_GONE : VPT_OK;
}

/* ---- Reading ---- */

enum vpt_status vpt_assign_config_read(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                       uint32_t *value)
{
    enum vpt_status status;
    unsigned shift = 8u * (offset & 3u);
    uint32_t is_virtual = 0;
    uint32_t answer = 0;
    uint32_t mask;

    if (value == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    mask = width == 1u || width == 2u ? width_mask(width) : PCI_ABSENT32;
    *value = mask;
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = check_access(device, offset, width);
    if (status != VPT_OK) {
        return status;
    }
    for (unsigned i = 0; i < width; i++) {
        is_virtual |= (uint32_t)row_of(device, offset + i)->is_virtual << 8u * i;
    }
    if (is_virtual != mask) {
        /* An access that is not aligned is part of one that is. */
        bool aligned = (offset & (width - 1u)) == 0;

        status = aligned ? host_read(device, offset, width, &answer)
                         : host_read(device, (uint16_t)(offset & ~3u), 4, &answer);
        if (status != VPT_OK) {
            return status;
        }
        answer >>= aligned ? 0 : shift;
    }
    *value = vpt_assign_merge(answer, vpt_assign_shadow32(device, offset) >> shift, is_virtual) & mask;
    return VPT_OK;
}

/* ---- Writing ---- */

static uint8_t at_most(uint8_t value, uint8_t field, unsigned limit)
{
    return (value & field) > (limit & field) ? (uint8_t)((value & ~field) | (limit & field)) : value;
}

/* A state that the function does not have: the write is as if it had not been. */
static uint8_t power_state(const struct vpt_assign_device *device, unsigned offset, uint8_t value)
{
    unsigned state = value & ASSIGN_PM_STATE_MASK;
    /* D1 and D2 are bits 9 and 10 of the capabilities register, whose upper byte is the one before. */
    unsigned states = vpt_assign_saved8(device, offset - 1u) & 0x6u;

    if ((state == 1u || state == 2u) && (states & 1u << state) == 0) {
        return vpt_assign_shadow8(device, offset);
    }
    return value;
}

/* Numbers that a guest chooses are within what the function, or the host's own choice for it, allows. */
static uint8_t adjust_byte(const struct vpt_assign_device *device, unsigned offset, uint8_t value)
{
    unsigned msi_control = vpt_assign_shadow8(device, device->msi + 2u);

    switch (device->classes[offset] & ASSIGN_CLASS_ROW) {
    case ROW_MSI_CONTROL:
        return at_most(value, 0x70u, msi_control << 3);
    case ROW_MSI_MASK:
        return (uint8_t)(value & width_mask(4) >> (32u - (1u << (msi_control >> 1 & 7u))) >> 8u * (offset & 3u));
    case ROW_PCIE_PAYLOAD:
        return at_most(value, 0xe0u, vpt_assign_saved8(device, offset));
    case ROW_PCIE_READ_REQUEST:
    case ROW_PCIE_READ_REQUEST_RESET:
        return at_most(value, 0x70u, vpt_assign_saved8(device, offset));
    case ROW_PM_STATE:
        return power_state(device, offset, value);
    default:
        return value;
    }
}

static uint32_t adjust(const struct vpt_assign_device *device, const struct word *word, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        unsigned shift = 8u * i;

        if ((word->written >> shift & 1u) != 0) {
            uint32_t byte = adjust_byte(device, word->base + i, (uint8_t)(value >> shift & 0xffu));

            value = vpt_assign_merge(value, byte << shift, 0xffu << shift);
        }
    }
    return value;
}

/*
 * What depends on the word's bits that have changed in the shadow. VPT_REFUSED: done, but a BAR has no place. With any
 * other error nothing was done.
 */
static enum vpt_status follow(struct vpt_assign_device *device, const struct word *word, uint32_t changed)
{
    enum vpt_status status = VPT_OK;

    if ((word->effects & EFFECT_MAPPINGS) != 0 &&
        ((changed & affecting(device, word->base, EFFECT_MAPPINGS)) != 0 || device->refused != 0)) {
        status = vpt_assign_follow(device, word->base);
    }
    if ((status == VPT_OK || status == VPT_REFUSED) && (word->effects & EFFECT_INTERRUPTS) != 0 && changed != 0) {
        /* None of both follows the same word, but for the command register, and there this cannot fail. */
        status = vpt_pci_first_error(vpt_assign_interrupts_follow(device), status);
    }
    return status;
}

enum vpt_status vpt_assign_config_write(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                        uint32_t value)
{
    enum vpt_status followed = VPT_OK;
    enum vpt_status status;
    uint32_t allowed;
    uint32_t before;
    struct word word;

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = check_access(device, offset, width);
    if (status != VPT_OK) {
        return status;
    }
    value <<= 8u * (offset & 3u);
    look_up(device, offset, width, &word);
    if ((word.effects & EFFECT_RESET) != 0 &&
        (value & word.is_virtual & acting(device, word.base) & affecting(device, word.base, EFFECT_RESET)) != 0) {
        return vpt_assign_reset(device);
    }
    if ((word.effects & EFFECT_ADJUST) != 0) {
        value = adjust(device, &word, value);
    }
    before = vpt_assign_shadow32(device, word.base);
    vpt_assign_shadow_set32(device, word.base, vpt_assign_merge(before, value, word.is_virtual & word.writable));
    if (word.effects != 0) {
        followed = follow(device, &word, before ^ vpt_assign_shadow32(device, word.base));
        if (followed != VPT_OK && followed != VPT_REFUSED) {
            vpt_assign_shadow_set32(device, word.base, before);
            return followed;
        }
    }
    allowed = word.writable & ~word.is_virtual;
    if (allowed != 0) {
        status = host_write(device, word.base, allowed, width == 1u ? 1u : 2u, value, true);
    }
    return status != VPT_OK ? status : followed;
}

/* ---- The end of an owner ---- */

/* Bits that guests may have changed, and that hold what is written: not those that do something. */
static enum vpt_status restore_word(struct vpt_assign_device *device, uint16_t base)
{
    struct word word;
    uint32_t saved = vpt_assign_saved32(device, base);
    enum vpt_status status;
    uint32_t allowed;
    uint32_t present;

    look_up(device, base, 4, &word);
    allowed = word.writable & ~word.is_virtual & ~acting(device, base);
    if (allowed == 0) {
        return VPT_OK;
    }
    status = host_read(device, base, 4, &present);
    allowed &= present ^ saved;
    return status != VPT_OK || allowed == 0 ? status : host_write(device, base, allowed, 2, saved, false);
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
                                        vpt_assign_saved16(device, PCI_COMMAND) &
                                            ~(uint32_t)VPT_PCI_COMMAND_BUS_MASTER);
    return vpt_pci_first_error(result, status);
}
