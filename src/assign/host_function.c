/* SPDX-License-Identifier: MIT */
/* Accesses to the host's function: its command register, single words, and all that a reset takes away. */
#include "host_function.h"

#include "guest_registers.h"
#include "word.h"

/* ---- The command register ---- */

enum vpt_status vpt_assign_command(struct vpt_assign_device *device, uint32_t mask, uint32_t value)
{
    const struct vpt_assign_host *host = device->host;
    uint32_t present = PCI_ABSENT32;
    enum vpt_status status = host->config_read(host->ctx, PCI_COMMAND, 4, &present);

    if (status != VPT_OK) {
        return status;
    }
    device->host_command = present;
    if (present == PCI_ABSENT32) {
        device->vanished = true;
    } else if (((present ^ value) & mask) != 0) {
        value = vpt_assign_merge(present, value, mask) & PCI_ABSENT16;
        if (mask == VPT_PCI_COMMAND_BUS_MASTER && host->audit != NULL) {
            host->audit(host->ctx, PCI_COMMAND, 2, value, mask);
        }
        status = host->config_write(host->ctx, PCI_COMMAND, 2, value);
    }
    return device->vanished ? VPT_DEVICE_GONE : status;
}

enum vpt_status vpt_assign_host_follow(struct vpt_assign_device *device, uint32_t mask, bool first)
{
    uint32_t decoded = vpt_assign_saved32(device, PCI_COMMAND) & ASSIGN_DECODE;
    uint32_t guests = vpt_assign_in_effect(device);
    enum vpt_status status = vpt_assign_command(device, mask, guests);

    if (status == VPT_OK && (first || (decoded & guests & ~device->host_command) != 0)) {
        status = vpt_assign_restore(device, PCI_CAPABILITIES, decoded);
    }
    return status;
}

/* ---- Words ---- */

enum vpt_status vpt_assign_host_read(struct vpt_assign_device *device, unsigned offset, unsigned width, uint32_t *value)
{
    uint32_t mask = vpt_assign_width_mask(width);
    uint32_t answer = PCI_ABSENT32;
    enum vpt_status status = device->host->config_read(device->host->ctx, (uint16_t)offset, width, &answer);

    answer &= mask;
    if (VPT_UNLIKELY(status == VPT_OK && answer == mask)) {
        status = vpt_assign_present(device);
    }
    *value = status == VPT_OK ? answer : mask;
    return status;
}

/*
 * Finds the smallest access to a word that has at least *width bytes and covers the bits `allowed`. Returns where in
 * the word it begins, and sets *width to its width. If *width is 1, `allowed` is within one byte. Bytes outside this
 * access, which a guest may not write, are not written.
 */
static unsigned cover(uint32_t allowed, unsigned *width)
{
    unsigned at = (allowed & PCI_ABSENT16) == 0 ? 2 : 0;

    if (at == 0 && allowed > PCI_ABSENT16) {
        *width = 4;
    } else if (*width == 1u && (allowed >> 8u * at & PCI_ABSENT8) == 0) {
        at++;
    }
    return at;
}

enum vpt_status vpt_assign_host_write(struct vpt_assign_device *device, unsigned base, uint32_t allowed, unsigned width,
                                      uint32_t value, uint32_t acts, bool audited)
{
    const struct vpt_assign_host *host = device->host;
    unsigned at = cover(allowed, &width);
    uint32_t mask = vpt_assign_width_mask(width);
    uint16_t offset = (uint16_t)(base + at);

    at *= 8u;
    allowed = allowed >> at & mask;
    value = value >> at & mask;
    if (allowed != mask) {
        uint32_t present;
        enum vpt_status status = vpt_assign_host_read(device, offset, width, &present);

        if (status != VPT_OK) {
            return status;
        }
        value = vpt_assign_merge(present & ~(acts >> at), value, allowed);
    }
    if (audited && host->audit != NULL) {
        host->audit(host->ctx, offset, width, value, allowed);
    }
    return host->config_write(host->ctx, offset, width, value);
}

/* ---- As at the open ---- */

/* Restores one word. BARs are not decoded while they are written. */
static enum vpt_status restore_word(struct vpt_assign_device *device, unsigned base)
{
    enum vpt_status status = VPT_OK;
    struct vpt_assign_word word;
    uint32_t saved = vpt_assign_saved32(device, base);
    uint32_t present = saved;
    uint32_t restored = vpt_assign_word_rules(device, base, &word);

    if (restored != 0) {
        status = vpt_assign_host_read(device, base, 4, &present);
    }
    if (status != VPT_OK || ((present ^ saved) & restored) == 0) {
        return status;
    }
    if (base < PCI_CAPABILITIES) {
        status = vpt_assign_command(device, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY, 0);
    }
    return status != VPT_OK ? status : vpt_assign_host_write(device, base, restored, 2, saved, word.acts, false);
}

enum vpt_status vpt_assign_restore(struct vpt_assign_device *device, unsigned end, uint32_t command)
{
    enum vpt_status status = VPT_OK;

    for (unsigned base = PCI_BAR_0 - 4u; base < end && status == VPT_OK; base += 4u) {
        status = restore_word(device, base);
    }
    return status != VPT_OK
               ? status
               : vpt_assign_command(device, command,
                                    vpt_assign_saved16(device, PCI_COMMAND) & ~(uint32_t)VPT_PCI_COMMAND_BUS_MASTER);
}
