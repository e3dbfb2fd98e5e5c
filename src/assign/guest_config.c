/* SPDX-License-Identifier: MIT */
/* A guest's reads and writes of configuration space, by the tables of permission.c. */
#include "follow.h"
#include "guest_interrupt.h"
#include "guest_registers.h"
#include "host_function.h"
#include "permission.h"
#include "reset.h"
#include "word.h"

static bool has_effect(uint32_t effects, unsigned effect)
{
    return (effects & 0x01010101u << effect) != 0;
}

/* Returns all bits of the bytes that have this effect. */
static uint32_t bytes_with(uint32_t effects, unsigned effect)
{
    return (effects >> effect & 0x01010101u) * 0xffu;
}

/* Whether a guest may make this access now. */
VPT_INLINE_FOR_SPEED enum vpt_status check_guest_access(const struct vpt_assign_device *device, unsigned offset,
                                                        unsigned width)
{
    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
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
    mask = width == 1u || width == 2u ? vpt_assign_width_mask(width) : PCI_ABSENT32;
    *value = mask;
    status = check_guest_access(device, offset, width);
    if (status != VPT_OK) {
        return status;
    }
    for (unsigned i = width; i > 0; i--) {
        is_virtual = is_virtual << 8 | vpt_assign_row_of(device, offset + i - 1u)->is_virtual;
    }
    if (is_virtual != mask) {
        /* For an unaligned access, the host is asked for the aligned word that contains it. */
        bool aligned = (offset & (width - 1u)) == 0;

        status = vpt_assign_host_read(device, aligned ? offset : offset & ~3u, aligned ? width : 4u, &answer);
        if (status != VPT_OK) {
            return status;
        }
        answer >>= aligned ? 0 : shift;
    }
    *value = vpt_assign_merge(answer, vpt_assign_shadow32(device, offset) >> shift, is_virtual) & mask;
    return VPT_OK;
}

/* ---- Writing ---- */

/* A write of a power state that the function does not have changes nothing. */
static unsigned power_state(const struct vpt_assign_device *device, unsigned offset, unsigned value)
{
    /*
     * D1 and D2 are bits 9 and 10 of the capabilities register, whose upper byte is the one before `offset`. All
     * functions have D0 and D3.
     */
    unsigned states = vpt_assign_saved8(device, offset - 1u) | 0x9u;

    return (states >> (value & ASSIGN_PM_STATE_MASK) & 1u) != 0 ? value : vpt_assign_shadow8(device, offset);
}

/* Limits a number that the guest writes to what the function allows, or to what the host has chosen for it. */
static unsigned adjust_byte(const struct vpt_assign_device *device, unsigned offset, unsigned value)
{
    unsigned row = vpt_assign_row_number(device, offset);
    unsigned msi_control = vpt_assign_shadow8(device, device->msi + 2u);
    unsigned field = row == ROW_PCIE_PAYLOAD ? 0xe0u : 0x70u;
    unsigned limit = (row == ROW_MSI_CONTROL ? msi_control << 3 : vpt_assign_saved8(device, offset)) & field;

    if (row == ROW_PM_STATE) {
        return power_state(device, offset, value);
    }
    if (row == ROW_MSI_MASK) {
        return value & vpt_assign_width_mask(4) >> (32u - (1u << (msi_control >> 1 & 7u))) >> 8u * (offset & 3u);
    }
    return (value & field) > limit ? (value & ~field) | limit : value;
}

static uint32_t adjust_word(const struct vpt_assign_device *device, const struct vpt_assign_word *word, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        unsigned shift = 8u * i;

        if ((word->effects >> shift & 1u << EFFECT_ADJUST) != 0) {
            uint32_t byte = adjust_byte(device, word->base + i, value >> shift & 0xffu);

            value = vpt_assign_merge(value, byte << shift, 0xffu << shift);
        }
    }
    return value;
}

/*
 * Lets mappings and interrupts follow the bits of a word that have changed in the shadow. VPT_REFUSED: done, but a BAR
 * has no place. After any other error nothing was done.
 */
static enum vpt_status follow_write(struct vpt_assign_device *device, const struct vpt_assign_word *word,
                                    uint32_t changed)
{
    enum vpt_status status = VPT_OK;
    uint32_t mappings = bytes_with(word->effects, EFFECT_MAPPINGS);

    if (word->base == PCI_COMMAND) {
        mappings &= ASSIGN_DECODE;
        if (!device->raised) {
            changed &= ~(uint32_t)VPT_PCI_COMMAND_BUS_MASTER;
        }
    }
    if (mappings != 0 && ((changed & mappings) != 0 || (device->refused != 0 && !device->degraded))) {
        status = vpt_assign_follow(device, word->base);
    }
    if ((status == VPT_OK || status == VPT_REFUSED) && changed != 0 && has_effect(word->effects, EFFECT_INTERRUPTS)) {
        /*
         * Only the command register and the power state have both effects, and for them vpt_assign_interrupts_follow()
         * cannot fail.
         */
        status = vpt_pci_first_error(vpt_assign_interrupts_follow(device), status);
    }
    return status;
}

enum vpt_status vpt_assign_config_write(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                        uint32_t value)
{
    enum vpt_status status = check_guest_access(device, offset, width);
    enum vpt_status followed = VPT_OK;
    unsigned shift = 8u * (offset & 3u);
    uint32_t written;
    uint32_t before;
    struct vpt_assign_word word;

    if (status != VPT_OK) {
        return status;
    }
    value <<= shift;
    written = vpt_assign_width_mask(width) << shift;
    (void)vpt_assign_word_rules(device, offset & ~3u, &word);
    word.writable &= written;
    word.effects &= written;
    if (word.effects != 0) {
        if ((value & word.is_virtual & word.acts & bytes_with(word.effects, EFFECT_RESET)) != 0) {
            return vpt_assign_reset_function(device);
        }
        value = adjust_word(device, &word, value);
    }
    before = vpt_assign_shadow32(device, word.base);
    vpt_assign_shadow_set32(device, word.base, vpt_assign_merge(before, value, word.is_virtual & word.writable));
    if (word.effects != 0) {
        followed = follow_write(device, &word, before ^ vpt_assign_shadow32(device, word.base));
        if (followed != VPT_OK && followed != VPT_REFUSED) {
            vpt_assign_shadow_set32(device, word.base, before);
            return followed;
        }
    }
    written = word.writable & ~word.is_virtual;
    if (written != 0) {
        status = vpt_assign_host_write(device, word.base, written, width == 1u ? 1u : 2u, value, word.acts, true);
    } else if (has_effect(word.effects, EFFECT_MASTER) && !device->reset_needed) {
        status = vpt_assign_host_follow(device, VPT_PCI_COMMAND_BUS_MASTER, false);
    }
    return status != VPT_OK ? status : followed;
}
