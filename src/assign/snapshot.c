/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of a device, as bytes: little-endian words of 4 bytes, of which the last is a checksum of the
 * others.
 */
#include <vpt/assign_snapshot.h>

#include "guest_interrupt.h"
#include "guest_registers.h"
#include "live.h"
#include "message.h"
#include "permission.h"
#include "shadow.h"

#define MAGIC        0x73707601u /* "vps" and the version, 1 */
#define VERSION_MASK 0xffu

/* The bits of the command register that enable something. */
#define ENABLES (ASSIGN_DECODE | VPT_PCI_COMMAND_BUS_MASTER)

/* The first words. The configuration space, the MSI-X table, and pending messages of MSI come after them. */
enum word {
    WORD_MAGIC,
    WORD_DEVICE,
    WORD_INTX, /* 1: asserted */
    WORDS
};

size_t vpt_assign_snapshot_size(const struct vpt_assign_device *device)
{
    if (device == NULL || device->host == NULL) {
        return 0;
    }
    return VPT_ASSIGN_SNAPSHOT_SIZE((unsigned)device->config_size, device->vector_count);
}

/* ---- Words ---- */

static void put_word(uint8_t *image, size_t word, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        image[4u * word + i] = (uint8_t)(value >> 8u * i & 0xffu);
    }
}

static uint32_t get_word(const uint8_t *image, size_t word)
{
    const uint8_t *at = &image[4u * word];

    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* FNV-1a, a word at a time: a change of one word always changes the sum. */
static uint32_t add_to_checksum(uint32_t sum, uint32_t word)
{
    return (sum ^ word) * 0x01000193u;
}

/* The checksum of the first `count` words. */
static uint32_t checksum_of(const uint8_t *image, unsigned count)
{
    uint32_t sum = 0x811c9dc5u;

    for (unsigned i = 0; i < count; i++) {
        sum = add_to_checksum(sum, get_word(image, i));
    }
    return sum;
}

/* Returns a checksum of what two devices must have in common, but the image's configuration space does not show. */
static uint32_t device_checksum(const struct vpt_assign_device *device)
{
    uint32_t sum = device->vector_count;

    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        /* Kinds and sizes. */
        sum = add_to_checksum(sum, vpt_assign_bar_value(&device->layout, i, PCI_ABSENT32));
    }
    return sum;
}

/* Returns word `index` after the configuration space: a word of the MSI-X table, or MSI's pending messages. */
static uint32_t *message_word(struct vpt_assign_device *device, unsigned index)
{
    return index < 4u * device->vector_count ? vpt_assign_msix_words(device) + index : &device->msi_pending;
}

/* ---- Saving ---- */

enum vpt_status vpt_assign_snapshot_save(struct vpt_assign_device *device, void *image, size_t size)
{
    size_t length = vpt_assign_snapshot_size(device);
    enum vpt_status status = VPT_OK;
    unsigned count = (unsigned)(length / 4u) - 1u;

    if (length == 0 || image == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (size < length) {
        return VPT_CALLER_MEMORY;
    }
    put_word(image, WORD_MAGIC, MAGIC);
    put_word(image, WORD_DEVICE, device_checksum(device));
    put_word(image, WORD_INTX, device->intx_asserted);
    for (unsigned i = WORDS; i < count && status == VPT_OK; i++) {
        unsigned offset = 4u * (i - WORDS);
        uint32_t value;

        if (offset < device->config_size) {
            status = vpt_assign_config_read(device, (uint16_t)offset, 4, &value);
        } else {
            value = *message_word(device, (offset - device->config_size) / 4u);
        }
        put_word(image, i, value);
    }
    put_word(image, count, checksum_of(image, count));
    return status;
}

/* ---- Restoring ---- */

/*
 * Whether the image's device and this one read the same in all that never changes: ids, class, features of
 * capabilities, the number of messages, where the MSI-X table is.
 */
static bool looks_alike(const struct vpt_assign_device *device, const uint8_t *image)
{
    unsigned different = 0;

    for (unsigned i = 0; i < device->config_size; i++) {
        const struct vpt_assign_row *row = vpt_assign_row_of(device, i);
        unsigned fixed = row->is_virtual & ~((unsigned)row->writable | row->acts);

        different |= ((unsigned)image[4u * WORDS + i] ^ vpt_assign_shadow8(device, i)) & fixed;
    }
    return different == 0;
}

static enum vpt_status check_image(const struct vpt_assign_device *device, const uint8_t *image, unsigned count)
{
    if (((get_word(image, WORD_MAGIC) ^ MAGIC) & VERSION_MASK) != 0) {
        return VPT_UNSUPPORTED_VERSION;
    }
    if (get_word(image, WORD_MAGIC) != MAGIC || get_word(image, WORD_DEVICE) != device_checksum(device) ||
        get_word(image, count) != checksum_of(image, count) || !looks_alike(device, image)) {
        return VPT_CALLER_IMAGE;
    }
    /* If BARs were decoded, one that map() refuses would end the restoring before the other registers. */
    return device->owned && (vpt_assign_shadow32(device, PCI_COMMAND) & ENABLES) == 0 &&
                   device->mode <= VPT_ASSIGN_INTERRUPT_INTX
               ? VPT_OK
               : VPT_CALLER_STATE;
}

/*
 * Writes a register as the guest would, if it has another value. Bits that do something when a 1 is written are written
 * as 0.
 */
static enum vpt_status restore_register(struct vpt_assign_device *device, uint16_t offset, uint32_t value)
{
    uint32_t acts = 0;
    uint32_t present;
    enum vpt_status status = vpt_assign_config_read(device, offset, 4, &present);

    for (unsigned i = 4; i > 0; i--) {
        acts = acts << 8 | vpt_assign_row_of(device, offset + i - 1u)->acts;
    }
    if (status == VPT_OK && ((present ^ value) & ~acts) != 0) {
        status = vpt_assign_config_write(device, offset, 4, value & ~acts);
    }
    return status;
}

/* Restores a word. `number` is at least WORDS. */
static enum vpt_status set_word(struct vpt_assign_device *device, unsigned number, uint32_t value)
{
    unsigned offset = 4u * (number - WORDS);

    if (offset < device->config_size) {
        return restore_register(device, (uint16_t)offset, value);
    }
    number = (offset - device->config_size) / 4u;
    if (number < 4u * device->vector_count && ((number + 1u) & 2u) == 0) {
        /* Reserved bits of the address and of the control stay 0. */
        value &= (number & 3u) == 0 ? ~(uint32_t)3 : ASSIGN_VECTOR_MASKED | ASSIGN_VECTOR_PENDING;
    }
    *message_word(device, number) = value;
    return VPT_OK;
}

enum vpt_status vpt_assign_snapshot_restore(struct vpt_assign_device *device, const void *image, size_t size)
{
    size_t length = vpt_assign_snapshot_size(device);
    unsigned count = (unsigned)(length / 4u) - 1u;
    enum vpt_status status;

    if (length == 0 || image == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = size < length ? VPT_CALLER_IMAGE : check_image(device, image, count);
    if (status != VPT_OK) {
        return status;
    }
    /* Goes backwards, so that messages are written before MSI is enabled, and BARs before they are decoded. */
    for (unsigned i = count; i > WORDS && status == VPT_OK; i--) {
        status = set_word(device, i - 1u, get_word(image, i - 1u));
    }
    /* Shows the guest pending messages, even if MSI is off. The mode has not changed, so this cannot fail. */
    (void)vpt_assign_interrupts_follow(device);
    if ((status == VPT_OK || status == VPT_REFUSED) && device->mode == VPT_ASSIGN_INTERRUPT_INTX &&
        get_word(image, WORD_INTX) != 0) {
        status = vpt_pci_first_error(vpt_assign_raise(device, VPT_ASSIGN_INTX), status);
    }
    device->degraded = status != VPT_OK && status != VPT_REFUSED;
    return status;
}
