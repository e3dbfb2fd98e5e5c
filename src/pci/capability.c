/* SPDX-License-Identifier: MIT */
/* Capability lists (PCI 3.0, section 6.7; PCI Express 5.0, section 7.6). */
#include "../access.h"
#include "pci_internal.h"

#define STANDARD_MAX ((VPT_PCI_CONFIG_SIZE - PCI_CAPABILITIES_FIRST) / 4u)
#define EXTENDED_MAX ((VPT_PCI_EXTENDED_CONFIG_SIZE - PCI_CAPABILITIES_EXTENDED) / 4u)

/* A pointer's two lowest bits are reserved. */
#define STANDARD_POINTER 0xfcu
#define EXTENDED_POINTER 0xffcu

/* Finds the header's pointer to the list. *offset is 0 if the type is unknown or the function has no capabilities. */
static enum vpt_status find_pointer(const struct vpt_pci_function *function, uint16_t *offset)
{
    uint32_t status_register;
    uint8_t type;
    enum vpt_status status = vpt_pci_read(function, PCI_STATUS, 2, &status_register);

    *offset = 0;
    if (status != VPT_OK) {
        return status;
    }
    if (status_register == PCI_ABSENT16) {
        return VPT_DEVICE_GONE;
    }
    if ((status_register & PCI_STATUS_CAPABILITIES) == 0) {
        return VPT_OK;
    }
    status = vpt_pci_header_type(function, &type);
    if (status != VPT_OK) {
        return status;
    }
    if (type == PCI_HEADER_CARDBUS) {
        *offset = PCI_CAPABILITIES_CARDBUS;
    } else if (type == PCI_HEADER_DEVICE || type == PCI_HEADER_BRIDGE) {
        *offset = PCI_CAPABILITIES;
    }
    return VPT_OK;
}

enum vpt_status vpt_pci_walk_begin(struct vpt_pci_walk *walk, const struct vpt_pci_function *function)
{
    enum vpt_status status;
    uint16_t pointer;
    uint32_t value;

    if (walk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(walk, sizeof(*walk));
    status = find_pointer(function, &pointer);
    if (status != VPT_OK || pointer == 0) {
        return status;
    }
    status = vpt_pci_read(function, pointer, 1, &value);
    if (status != VPT_OK) {
        return status;
    }
    walk->function = function;
    walk->next = (uint16_t)(value & STANDARD_POINTER);
    walk->left = STANDARD_MAX;
    return VPT_OK;
}

enum vpt_status vpt_pci_walk_begin_extended(struct vpt_pci_walk *walk, const struct vpt_pci_function *function)
{
    enum vpt_status status;
    uint32_t identity;
    uint32_t header;

    if (walk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(walk, sizeof(*walk));
    status = vpt_pci_read(function, PCI_CAPABILITIES_EXTENDED, 4, &header);
    if (status != VPT_OK || header == PCI_ABSENT32 || header == 0) {
        return status;
    }
    /* Some bridges drop the upper address bits, so that the first 256 bytes are read again. */
    status = vpt_pci_read(function, PCI_VENDOR_ID, 4, &identity);
    if (status != VPT_OK || header == identity) {
        return status;
    }
    walk->function = function;
    walk->next = PCI_CAPABILITIES_EXTENDED;
    walk->left = EXTENDED_MAX;
    walk->extended = true;
    return VPT_OK;
}

/* Reads the header at `offset`, and where it points to. */
static enum vpt_status standard_header(const struct vpt_pci_walk *walk, uint16_t offset,
                                       struct vpt_pci_capability *capability, uint16_t *next)
{
    uint32_t header;
    enum vpt_status status = vpt_pci_read(walk->function, offset, 2, &header);

    if (status != VPT_OK) {
        return status;
    }
    if (header == PCI_ABSENT16) {
        return VPT_DEVICE_GONE;
    }
    capability->id = (uint16_t)(header & 0xffu);
    capability->offset = offset;
    *next = (uint16_t)(header >> 8 & STANDARD_POINTER);
    return VPT_OK;
}

static enum vpt_status extended_header(const struct vpt_pci_walk *walk, uint16_t offset,
                                       struct vpt_pci_capability *capability, uint16_t *next)
{
    uint32_t header;
    enum vpt_status status = vpt_pci_read(walk->function, offset, 4, &header);

    if (status != VPT_OK) {
        return status;
    }
    if (header == PCI_ABSENT32) {
        return VPT_DEVICE_GONE;
    }
    if (header == 0) {
        return VPT_EMPTY;
    }
    capability->id = (uint16_t)(header & 0xffffu);
    capability->offset = offset;
    capability->version = (uint8_t)(header >> 16 & 0xfu);
    *next = (uint16_t)(header >> 20 & EXTENDED_POINTER);
    return VPT_OK;
}

enum vpt_status vpt_pci_walk_next(struct vpt_pci_walk *walk, struct vpt_pci_capability *capability)
{
    enum vpt_status status;
    uint16_t offset;
    uint16_t next = 0;

    if (walk == NULL || capability == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(capability, sizeof(*capability));
    offset = walk->next;
    /* Any error below ends the walk: if a caller asks again, there are no more capabilities. */
    walk->next = 0;
    if (offset == 0) {
        return VPT_EMPTY;
    }
    if (walk->left == 0 || offset < (walk->extended ? PCI_CAPABILITIES_EXTENDED : PCI_CAPABILITIES_FIRST)) {
        return VPT_DEVICE_PCI_CAPABILITIES;
    }
    if (walk->extended) {
        status = extended_header(walk, offset, capability, &next);
    } else {
        status = standard_header(walk, offset, capability, &next);
    }
    if (status == VPT_OK) {
        walk->left--;
        walk->next = next;
    }
    return status;
}

enum vpt_status vpt_pci_find_capability(const struct vpt_pci_function *function, uint8_t id, uint16_t *offset)
{
    struct vpt_pci_capability capability;
    struct vpt_pci_walk walk;
    enum vpt_status status;

    if (offset == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *offset = 0;
    status = vpt_pci_walk_begin(&walk, function);
    for (unsigned i = 0; i <= STANDARD_MAX && status == VPT_OK; i++) {
        status = vpt_pci_walk_next(&walk, &capability);
        if (status == VPT_OK && capability.id == id) {
            *offset = capability.offset;
            return VPT_OK;
        }
    }
    return status == VPT_OK ? VPT_EMPTY : status;
}
