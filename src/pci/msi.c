/* SPDX-License-Identifier: MIT */
/* MSI with one message (PCI 3.0, section 6.8.1). */
#include "../access.h"
#include "pci_internal.h"

/* Offsets from the capability. */
#define MSI_CONTROL      0x2u
#define MSI_ADDRESS_LOW  0x4u
#define MSI_ADDRESS_HIGH 0x8u /* with 64-bit addresses: what follows is then 4 bytes further on */
#define MSI_DATA         0x8u
#define MSI_MASK         0xcu
#define MSI_SIZE         0xau /* of the shortest capability */
#define MSI_SIZE_MASKS   0x14u

#define CONTROL_ENABLE   0x0001u
#define CONTROL_MESSAGES 0x0070u /* Multiple Message Enable: 0 means one */
#define CONTROL_64BIT    0x0080u
#define CONTROL_MASKS    0x0100u

#define DATA_MAX 0xffffu

/* A function's capability. */
struct msi {
    const struct vpt_pci_function *function;
    uint16_t capability;
    uint16_t shift; /* of what comes after the address */
    bool is_64bit;
    bool masks;
    uint32_t control;
};

static enum vpt_status read_msi_control(const struct msi *msi, uint32_t *control)
{
    enum vpt_status status = vpt_pci_read(msi->function, (uint16_t)(msi->capability + MSI_CONTROL), 2, control);

    if (status == VPT_OK && *control == PCI_ABSENT16) {
        return VPT_DEVICE_GONE;
    }
    return status;
}

static enum vpt_status find_msi(struct msi *msi, const struct vpt_pci_function *function)
{
    enum vpt_status status = vpt_pci_find_capability(function, VPT_PCI_CAPABILITY_MSI, &msi->capability);
    uint32_t size;

    if (status != VPT_OK) {
        return status;
    }
    msi->function = function;
    status = read_msi_control(msi, &msi->control);
    msi->is_64bit = (msi->control & CONTROL_64BIT) != 0;
    msi->masks = (msi->control & CONTROL_MASKS) != 0;
    msi->shift = msi->is_64bit ? 4 : 0;
    size = (msi->masks ? MSI_SIZE_MASKS : MSI_SIZE) + msi->shift;
    if (status == VPT_OK && msi->capability > VPT_PCI_CONFIG_SIZE - size) {
        return VPT_DEVICE_PCI_CAPABILITIES;
    }
    return status;
}

/* Turns MSI on or off, always with one message. */
static enum vpt_status switch_to(const struct msi *msi, uint32_t enable)
{
    uint32_t control = (msi->control & ~(CONTROL_ENABLE | CONTROL_MESSAGES)) | enable;
    enum vpt_status status = vpt_pci_write(msi->function, (uint16_t)(msi->capability + MSI_CONTROL), 2, control);

    if (status == VPT_OK) {
        status = read_msi_control(msi, &control);
    }
    if (status != VPT_OK) {
        return status;
    }
    return (control & (CONTROL_ENABLE | CONTROL_MESSAGES)) == enable ? VPT_OK : VPT_DEVICE_PCI_MSIX;
}

static enum vpt_status change_mask(const struct msi *msi, bool masked)
{
    uint16_t offset = (uint16_t)(msi->capability + MSI_MASK + msi->shift);
    uint32_t mask;
    enum vpt_status status = vpt_pci_read(msi->function, offset, 4, &mask);

    if (status != VPT_OK) {
        return status;
    }
    mask = (mask & ~1u) | (masked ? 1u : 0u);
    status = vpt_pci_write(msi->function, offset, 4, mask);
    if (status == VPT_OK) {
        status = vpt_pci_read(msi->function, offset, 4, &mask);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (((mask & 1u) != 0) == masked) {
        return VPT_OK;
    }
    return mask == PCI_ABSENT32 ? VPT_DEVICE_GONE : VPT_DEVICE_PCI_MSIX;
}

static enum vpt_status write_message(const struct msi *msi, uint64_t address, uint32_t data)
{
    uint16_t capability = msi->capability;
    enum vpt_status status =
        vpt_pci_write(msi->function, (uint16_t)(capability + MSI_ADDRESS_LOW), 4, (uint32_t)(address & PCI_ABSENT32));

    if (status == VPT_OK && msi->is_64bit) {
        status = vpt_pci_write(msi->function, (uint16_t)(capability + MSI_ADDRESS_HIGH), 4, (uint32_t)(address >> 32));
    }
    if (status == VPT_OK) {
        status = vpt_pci_write(msi->function, (uint16_t)(capability + MSI_DATA + msi->shift), 2, data);
    }
    if (status == VPT_OK && msi->masks) {
        status = change_mask(msi, false);
    }
    return status;
}

enum vpt_status vpt_pci_msi_enable(const struct vpt_pci_function *function, uint64_t address, uint32_t data)
{
    enum vpt_status status;
    struct msi msi;

    if ((address & 3u) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (data > DATA_MAX) {
        return VPT_CALLER_RANGE;
    }
    vpt_zero(&msi, sizeof(msi));
    status = find_msi(&msi, function);
    if (status != VPT_OK) {
        return status;
    }
    if (!msi.is_64bit && address > PCI_ABSENT32) {
        return VPT_RESOURCE_ADDRESS;
    }
    status = switch_to(&msi, 0);
    if (status == VPT_OK) {
        status = write_message(&msi, address, data);
    }
    if (status == VPT_OK) {
        status = switch_to(&msi, CONTROL_ENABLE);
    }
    return status;
}

enum vpt_status vpt_pci_msi_disable(const struct vpt_pci_function *function)
{
    enum vpt_status status;
    struct msi msi;

    vpt_zero(&msi, sizeof(msi));
    status = find_msi(&msi, function);
    return status != VPT_OK ? status : switch_to(&msi, 0);
}

enum vpt_status vpt_pci_msi_mask(const struct vpt_pci_function *function, bool masked)
{
    enum vpt_status status;
    struct msi msi;

    vpt_zero(&msi, sizeof(msi));
    status = find_msi(&msi, function);
    if (status != VPT_OK) {
        return status;
    }
    return msi.masks ? change_mask(&msi, masked) : VPT_UNSUPPORTED_REQUEST;
}
