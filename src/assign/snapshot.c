/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of a device, as bytes. Little-endian words of 4 bytes: magic, version, size, what device it is of,
 * flags, MSI messages that are pending, the configuration space, the MSI-X table, and a checksum of all before it.
 */
#include "assign/internal.h"
#include "assign/permission.h"

#include <vpt/assign_snapshot.h>

#define MAGIC   0x73747076u /* "vpts" */
#define VERSION 1u

/* Words at the beginning. */
enum word {
    WORD_MAGIC,
    WORD_VERSION,
    WORD_SIZE,
    WORD_DEVICE,
    WORDS_FIXED, /* these are the same for all images of a device */
    WORD_INTX = WORDS_FIXED, /* 1: asserted */
    WORD_PENDING,
    WORDS
};

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

/* CRC-32, a bit at a time: continues `sum`, which is all-ones at first. */
static uint32_t checksum(uint32_t sum, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum ^= bytes[i];
        for (unsigned bit = 0; bit < 8u; bit++) {
            sum = sum >> 1 ^ (0xedb88320u & (0u - (sum & 1u)));
        }
    }
    return sum;
}

static uint32_t checksum_word(uint32_t sum, uint32_t word)
{
    uint8_t bytes[4];

    put(bytes, 0, word);
    return checksum(sum, bytes, sizeof(bytes));
}

/* What a device has to have in common with another, for the one's image to fit the other. */
static uint32_t likeness(const struct vpt_assign_device *device)
{
    uint32_t sum = checksum(PCI_ABSENT32, device->classes, device->config_size);

    sum = checksum_word(sum, vpt_assign_saved32(device, PCI_VENDOR_ID));
    sum = checksum_word(sum, vpt_assign_saved32(device, PCI_REVISION_ID));
    sum = checksum_word(sum, vpt_assign_saved32(device, PCI_SUBSYSTEM_VENDOR_ID));
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        /* Kinds and sizes. */
        sum = checksum_word(sum, vpt_assign_bar_value(&device->layout, i, PCI_ABSENT32));
    }
    return sum;
}

size_t vpt_assign_snapshot_size(const struct vpt_assign_device *device)
{
    if (device == NULL || device->host == NULL) {
        return 0;
    }
    return VPT_ASSIGN_SNAPSHOT_SIZE(device->config_size, device->vector_count);
}

static void describe(const struct vpt_assign_device *device, uint32_t words[WORDS_FIXED])
{
    words[WORD_MAGIC] = MAGIC;
    words[WORD_VERSION] = VERSION;
    words[WORD_SIZE] = (uint32_t)vpt_assign_snapshot_size(device);
    words[WORD_DEVICE] = likeness(device);
}

/* The MSI-X table as words: that is what its entries are made of. */
static uint32_t *table_of(const struct vpt_assign_device *device)
{
    return (uint32_t *)(void *)device->vectors;
}

/* ---- Saving ---- */

enum vpt_status vpt_assign_snapshot_save(struct vpt_assign_device *device, void *image, size_t size)
{
    size_t length = vpt_assign_snapshot_size(device);
    enum vpt_status status = VPT_OK;
    uint32_t words[WORDS];
    uint8_t *bytes = image;
    size_t at = WORDS;

    if (length == 0 || image == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (size < length) {
        return VPT_CALLER_MEMORY;
    }
    for (unsigned offset = 0; offset < device->config_size && status == VPT_OK; offset += 4u) {
        uint32_t value;

        status = vpt_assign_config_read(device, (uint16_t)offset, 4, &value);
        put(bytes, at++, value);
    }
    for (unsigned i = 0; i < 4u * device->vector_count; i++) {
        put(bytes, at++, table_of(device)[i]);
    }
    describe(device, words);
    words[WORD_INTX] = device->intx_asserted ? 1u : 0;
    words[WORD_PENDING] = device->msi_pending;
    for (unsigned i = 0; i < WORDS; i++) {
        put(bytes, i, words[i]);
    }
    put(bytes, at, checksum(PCI_ABSENT32, bytes, 4u * at));
    return status;
}

/* ---- Restoring ---- */

static enum vpt_status check(const struct vpt_assign_device *device, const uint8_t *image, size_t size)
{
    size_t length = vpt_assign_snapshot_size(device);
    uint32_t words[WORDS_FIXED];

    describe(device, words);
    if (size < length) {
        return VPT_CALLER_IMAGE;
    }
    for (unsigned i = 0; i < WORDS_FIXED; i++) {
        if (get(image, i) != words[i]) {
            return i == WORD_VERSION ? VPT_UNSUPPORTED_VERSION : VPT_CALLER_IMAGE;
        }
    }
    if (checksum(PCI_ABSENT32, image, length - 4u) != get(image, length / 4u - 1u)) {
        return VPT_CALLER_IMAGE;
    }
    return device->owned && device->placed.live == 0 && device->mode <= VPT_ASSIGN_INTERRUPT_INTX ? VPT_OK
                                                                                                  : VPT_CALLER_STATE;
}

/* Writes a register as the guest would, if it reads as something else. What does something by a 1 is left alone. */
static enum vpt_status write_word(struct vpt_assign_device *device, uint16_t offset, uint32_t value)
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

static enum vpt_status apply(struct vpt_assign_device *device, const uint8_t *image)
{
    enum vpt_status status = VPT_OK;
    size_t at = WORDS + device->config_size / 4u;

    for (unsigned i = 0; i < 4u * device->vector_count; i++) {
        /* Reserved bits of the address, and of the control, stay 0. */
        uint32_t kept = (i & 3u) == 0 ? ~(uint32_t)3 : (i & 3u) == 3u ? 3u : PCI_ABSENT32;

        table_of(device)[i] = get(image, at + i) & kept;
    }
    device->msi_pending = get(image, WORD_PENDING);
    /* Backwards: messages before MSI is enabled, BARs before they are decoded. */
    while (at > WORDS && status == VPT_OK) {
        at--;
        status = write_word(device, (uint16_t)(4u * (at - WORDS)), get(image, at));
    }
    if ((status == VPT_OK || status == VPT_REFUSED) && device->mode == VPT_ASSIGN_INTERRUPT_INTX &&
        get(image, WORD_INTX) != 0) {
        status = vpt_pci_first_error(vpt_assign_raise(device, VPT_ASSIGN_INTX), status);
    }
    return status;
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
    status = apply(device, image);
    if (status != VPT_OK && status != VPT_REFUSED) {
        device->degraded = true;
    }
    return status;
}
