/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of a device, as bytes: little-endian words of 4 bytes, as word_of() has them, and after the last one
 * a checksum of them all.
 */
#include "assign/internal.h"
#include "assign/permission.h"

#include <vpt/assign_snapshot.h>

#define MAGIC   0x73747076u /* "vpts" */
#define VERSION 1u

/* The first words. After them the configuration space, the MSI-X table, and MSI messages that are pending. */
enum word {
    WORD_MAGIC,
    WORD_VERSION,
    WORD_SIZE,
    WORD_DEVICE,
    WORD_INTX, /* 1: asserted; those before are the same for all images of a device */
    WORDS
};

/* Words without the checksum. */
static unsigned count_of(const struct vpt_assign_device *device)
{
    return WORDS + device->config_size / 4u + 4u * device->vector_count + 1u;
}

size_t vpt_assign_snapshot_size(const struct vpt_assign_device *device)
{
    return device == NULL || device->host == NULL ? 0 : 4u * (count_of(device) + 1u);
}

/* ---- Words ---- */

static void put(uint8_t *image, size_t word, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        image[4u * word + i] = (uint8_t)(value >> 8u * i & 0xffu);
    }
}

static uint32_t get(const uint8_t *image, size_t word)
{
    const uint8_t *at = &image[4u * word];

    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* CRC-32 of a word's bytes, a bit at a time: continues `sum`, which is all-ones at first. */
static uint32_t checksum(uint32_t sum, uint32_t word)
{
    sum ^= word;
    for (unsigned bit = 0; bit < 32u; bit++) {
        sum = sum >> 1 ^ (0xedb88320u & (0u - (sum & 1u)));
    }
    return sum;
}

/* What a device has to have in common with another, for the one's image to fit the other. */
static uint32_t likeness(const struct vpt_assign_device *device)
{
    static const uint8_t registers[] = { PCI_VENDOR_ID, PCI_REVISION_ID, PCI_SUBSYSTEM_VENDOR_ID };
    uint32_t sum = PCI_ABSENT32;

    for (unsigned i = 0; i < sizeof(registers); i++) {
        sum = checksum(sum, vpt_assign_saved32(device, registers[i]));
    }
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        /* Kinds and sizes. */
        sum = checksum(sum, vpt_assign_bar_value(&device->layout, i, PCI_ABSENT32));
    }
    for (unsigned i = 0; i < device->config_size; i++) {
        sum = checksum(sum, device->classes[i]);
    }
    return sum;
}

/* The MSI-X table as words, which its entries are made of; and after them the messages of MSI. */
static uint32_t *message_word(struct vpt_assign_device *device, unsigned index)
{
    return index < 4u * device->vector_count ? (uint32_t *)(void *)device->vectors + index : &device->msi_pending;
}

/* The word of this number, below count_of(), of an image of the device as it is now. */
static enum vpt_status word_of(struct vpt_assign_device *device, unsigned number, uint32_t *value)
{
    unsigned offset = 4u * (number - WORDS);

    switch (number) {
    case WORD_MAGIC:
        *value = MAGIC;
        break;
    case WORD_VERSION:
        *value = VERSION;
        break;
    case WORD_SIZE:
        *value = count_of(device);
        break;
    case WORD_DEVICE:
        *value = likeness(device);
        break;
    case WORD_INTX:
        *value = device->intx_asserted ? 1u : 0;
        break;
    default:
        if (offset < device->config_size) {
            return vpt_assign_config_read(device, (uint16_t)offset, 4, value);
        }
        *value = *message_word(device, (offset - device->config_size) / 4u);
        break;
    }
    return VPT_OK;
}

/* ---- Saving ---- */

enum vpt_status vpt_assign_snapshot_save(struct vpt_assign_device *device, void *image, size_t size)
{
    size_t length = vpt_assign_snapshot_size(device);
    enum vpt_status status = VPT_OK;
    uint32_t sum = PCI_ABSENT32;
    unsigned i;

    if (length == 0 || image == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (size < length) {
        return VPT_CALLER_MEMORY;
    }
    for (i = 0; i < count_of(device) && status == VPT_OK; i++) {
        uint32_t value;

        status = word_of(device, i, &value);
        put(image, i, value);
        sum = checksum(sum, value);
    }
    put(image, i, sum);
    return status;
}

/* ---- Restoring ---- */

static enum vpt_status check(struct vpt_assign_device *device, const uint8_t *image, size_t size)
{
    uint32_t sum = PCI_ABSENT32;
    unsigned i;

    if (size < vpt_assign_snapshot_size(device)) {
        return VPT_CALLER_IMAGE;
    }
    for (i = 0; i < count_of(device); i++) {
        uint32_t value = get(image, i);
        uint32_t expected = value;

        if (i < WORD_INTX) {
            (void)word_of(device, i, &expected);
        }
        if (value != expected) {
            return i == WORD_VERSION ? VPT_UNSUPPORTED_VERSION : VPT_CALLER_IMAGE;
        }
        sum = checksum(sum, value);
    }
    if (get(image, i) != sum) {
        return VPT_CALLER_IMAGE;
    }
    return device->owned && device->placed.live == 0 && device->mode <= VPT_ASSIGN_INTERRUPT_INTX ? VPT_OK
                                                                                                  : VPT_CALLER_STATE;
}

/* Writes a register as the guest would, if it reads as something else. What does something by a 1 is left alone. */
static enum vpt_status write_register(struct vpt_assign_device *device, uint16_t offset, uint32_t value)
{
    uint32_t acts = 0;
    uint32_t present;
    enum vpt_status status = vpt_assign_config_read(device, offset, 4, &present);

    for (unsigned i = 0; i < 4u; i++) {
        unsigned row = device->classes[offset + i] & ASSIGN_CLASS_ROW;

        acts |= (uint32_t)vpt_assign_rows[row].acts << 8u * i;
    }
    if (status != VPT_OK || ((present ^ value) & ~acts) == 0) {
        return status;
    }
    return vpt_assign_config_write(device, offset, 4, value & ~acts);
}

/* The contrary of word_of(), for the words from WORDS on. */
static enum vpt_status set_word(struct vpt_assign_device *device, unsigned number, uint32_t value)
{
    unsigned offset = 4u * (number - WORDS);

    if (offset < device->config_size) {
        return write_register(device, (uint16_t)offset, value);
    }
    number = (offset - device->config_size) / 4u;
    if (number < 4u * device->vector_count && number % 4u != 1u && number % 4u != 2u) {
        /* Reserved bits of the address, and of the control, stay 0. */
        value &= number % 4u == 0 ? ~(uint32_t)3 : ASSIGN_VECTOR_MASKED | ASSIGN_VECTOR_PENDING;
    }
    *message_word(device, number) = value;
    return VPT_OK;
}

enum vpt_status vpt_assign_snapshot_restore(struct vpt_assign_device *device, const void *image, size_t size)
{
    enum vpt_status status;

    if (device == NULL || device->host == NULL || image == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = check(device, image, size);
    if (status != VPT_OK) {
        return status;
    }
    /* Backwards: messages before MSI is enabled, BARs before they are decoded. */
    for (unsigned i = count_of(device); i > WORDS && status == VPT_OK; i--) {
        status = set_word(device, i - 1u, get(image, i - 1u));
    }
    if ((status == VPT_OK || status == VPT_REFUSED) && device->mode == VPT_ASSIGN_INTERRUPT_INTX &&
        get(image, WORD_INTX) != 0) {
        status = vpt_pci_first_error(vpt_assign_raise(device, VPT_ASSIGN_INTX), status);
    }
    if (status != VPT_OK && status != VPT_REFUSED) {
        device->degraded = true;
    }
    return status;
}
