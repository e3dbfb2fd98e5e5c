/* SPDX-License-Identifier: MIT */
/* Configuration accesses, the command register, the identity of a function, and checks of BARs. */
#include "../access.h"
#include "../log.h"
#include "pci_internal.h"

static enum vpt_status check_function_access(const struct vpt_pci_function *function, uint16_t offset, unsigned width)
{
    if (function == NULL || function->port == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if ((width != 1 && width != 2 && width != 4) || (offset & (width - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    /* If an aligned access begins within the space it also ends there. */
    return offset < VPT_PCI_EXTENDED_CONFIG_SIZE ? VPT_OK : VPT_CALLER_RANGE;
}

/* Returns all-ones of an access's width. */
static uint32_t width_mask(unsigned width)
{
    return PCI_ABSENT32 >> (32u - 8u * width);
}

enum vpt_status vpt_pci_read(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t *value)
{
    enum vpt_status status = check_function_access(function, offset, width);
    uint32_t answer = PCI_ABSENT32;

    if (value == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *value = PCI_ABSENT32;
    if (status != VPT_OK) {
        return status;
    }
    if (function->port->config_read == NULL) {
        return vpt_log_missing(function->port, "config_read");
    }
    status = function->port->config_read(function->port->ctx, &function->address, offset, width, &answer);
    vpt_barrier_register_read();
    if (status == VPT_OK) {
        *value = answer & width_mask(width);
    }
    return status;
}

enum vpt_status vpt_pci_write(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t value)
{
    enum vpt_status status = check_function_access(function, offset, width);

    if (status != VPT_OK) {
        return status;
    }
    if (function->port->config_write == NULL) {
        return vpt_log_missing(function->port, "config_write");
    }
    vpt_barrier_doorbell();
    return function->port->config_write(function->port->ctx, &function->address, offset, width,
                                        value & width_mask(width));
}

enum vpt_status vpt_pci_header_type(const struct vpt_pci_function *function, uint8_t *type)
{
    uint32_t value;
    enum vpt_status status = vpt_pci_read(function, PCI_HEADER_TYPE, 1, &value);

    *type = (uint8_t)(value & PCI_HEADER_TYPE_MASK);
    if (status == VPT_OK && value == PCI_ABSENT8) {
        return VPT_DEVICE_GONE;
    }
    return status;
}

enum vpt_status vpt_pci_command_read(const struct vpt_pci_function *function, uint16_t *command)
{
    uint32_t value;
    enum vpt_status status = vpt_pci_read(function, PCI_COMMAND, 2, &value);

    *command = (uint16_t)value;
    if (status == VPT_OK && value == PCI_ABSENT16) {
        return VPT_DEVICE_GONE;
    }
    return status;
}

enum vpt_status vpt_pci_command(const struct vpt_pci_function *function, uint16_t set, uint16_t clear)
{
    enum vpt_status status;
    uint16_t command;

    if ((set & clear) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_pci_command_read(function, &command);
    if (status != VPT_OK) {
        return status;
    }
    /*
     * The write has two bytes, because writing 1s to the status register, the other half of this word, clears its bits.
     */
    status = vpt_pci_write(function, PCI_COMMAND, 2, ((uint32_t)command | set) & ~(uint32_t)clear);
    if (status != VPT_OK) {
        return status;
    }
    status = vpt_pci_command_read(function, &command);
    if (status != VPT_OK) {
        return status;
    }
    return (command & (set | clear)) == set ? VPT_OK : VPT_DEVICE_PCI_COMMAND;
}

/* Reads the members that every header has, and the header type, which may be unknown. */
static enum vpt_status identify_common(const struct vpt_pci_function *function, struct vpt_pci_identity *identity)
{
    uint32_t value;
    enum vpt_status status = vpt_pci_read(function, PCI_VENDOR_ID, 4, &value);

    if (status != VPT_OK) {
        return status;
    }
    /* Some host bridges answer 0 for a function that does not exist. */
    if ((value & PCI_ABSENT16) == PCI_ABSENT16 || value == 0) {
        return VPT_EMPTY_SLOT;
    }
    identity->vendor_id = (uint16_t)(value & PCI_ABSENT16);
    identity->device_id = (uint16_t)(value >> 16);
    status = vpt_pci_read(function, PCI_REVISION_ID, 4, &value);
    if (status != VPT_OK) {
        return status;
    }
    identity->revision_id = (uint8_t)(value & 0xffu);
    identity->class_code = value >> 8;
    status = vpt_pci_read(function, PCI_HEADER_TYPE, 1, &value);
    if (status != VPT_OK) {
        return status;
    }
    identity->header_type = (uint8_t)(value & PCI_HEADER_TYPE_MASK);
    identity->multi_function = (value & PCI_HEADER_MULTI_FUNCTION) != 0;
    return VPT_OK;
}

/* Reads the members that only some header types have. */
static enum vpt_status identify_by_type(const struct vpt_pci_function *function, struct vpt_pci_identity *identity)
{
    enum vpt_status status = VPT_OK;
    uint32_t value;

    if (identity->header_type == PCI_HEADER_DEVICE) {
        status = vpt_pci_read(function, PCI_SUBSYSTEM_VENDOR_ID, 4, &value);
        identity->subsystem_vendor_id = (uint16_t)(value & PCI_ABSENT16);
        identity->subsystem_id = (uint16_t)(value >> 16);
    } else if (identity->header_type == PCI_HEADER_BRIDGE) {
        status = vpt_pci_read(function, PCI_PRIMARY_BUS, 4, &value);
        identity->secondary_bus = (uint8_t)(value >> 8 & 0xffu);
        identity->subordinate_bus = (uint8_t)(value >> 16 & 0xffu);
    }
    return status;
}

/*
 * Comes last, because it also shows whether the function was there all the time: a removed function has pin 0xff, which
 * does not exist.
 */
static enum vpt_status identify_interrupt(const struct vpt_pci_function *function, struct vpt_pci_identity *identity)
{
    uint32_t value;
    enum vpt_status status = vpt_pci_read(function, PCI_INTERRUPT_LINE, 2, &value);
    uint32_t pin = value >> 8 & 0xffu;

    if (status != VPT_OK) {
        return status;
    }
    if (value == PCI_ABSENT16) {
        return VPT_EMPTY_SLOT;
    }
    identity->interrupt_line = (uint8_t)(value & 0xffu);
    identity->interrupt_pin = (uint8_t)(pin <= 4 ? pin : 0);
    return VPT_OK;
}

enum vpt_status vpt_pci_identify(const struct vpt_pci_function *function, struct vpt_pci_identity *identity)
{
    enum vpt_status status;

    if (identity == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(identity, sizeof(*identity));
    status = identify_common(function, identity);
    if (status == VPT_OK) {
        status = identify_by_type(function, identity);
    }
    if (status == VPT_OK) {
        status = identify_interrupt(function, identity);
    }
    if (status != VPT_OK) {
        vpt_zero(identity, sizeof(*identity));
    }
    return status;
}

const char *vpt_pci_bar_name(unsigned index)
{
    static const char names[VPT_PCI_BARS_MAX + 1u][6] = { "BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5", "ROM" };

    return names[index];
}

enum vpt_status vpt_pci_bar_check(const struct vpt_port *port, const struct vpt_pci_bars *bars, unsigned index)
{
    const struct vpt_pci_bar *bar = &bars->bar[index];
    enum vpt_status status = vpt_pci_bar_implemented(bar) ? VPT_CALLER_BAR : VPT_DEVICE_PCI_BAR;

    uint64_t below = bar->size - 1u;

    if (status == VPT_CALLER_BAR && vpt_pci_bar_assigned(bar) && ((bar->address | bar->size) & below) == 0) {
        return VPT_OK;
    }
    return vpt_log(port, VPT_LOG_WARNING, vpt_pci_bar_name(index), status);
}
