/* SPDX-License-Identifier: MIT */
/* A guest's accesses to the MSI-X table and its pending bits (PCI 3.0, section 6.8.2), which the function never sees. */
#include "access.h"
#include "assign/interrupt.h"
#include "assign/internal.h"

/*
 * Both in words of 4 bytes, one after the other: those of the table, 4 for each vector, as struct vpt_assign_vector has
 * them, and from TABLE_WORDS on the pending bits.
 */
#define ENTRY_WORDS 4u
#define TABLE_WORDS (ENTRY_WORDS * VPT_ASSIGN_VECTORS_MAX)
#define ADDRESS_LOW 0u
#define CONTROL     3u

#define ADDRESS_RESERVED 0x3u

VPT_STATIC_ASSERT(sizeof(struct vpt_assign_vector) == 4u * ENTRY_WORDS, "an entry is as the guest sees it");

void vpt_assign_msix_reset(struct vpt_assign_device *device)
{
    for (uint16_t i = 0; i < device->vector_count; i++) {
        vpt_zero(&device->vectors[i], sizeof(device->vectors[i]));
        device->vectors[i].control = ASSIGN_VECTOR_MASKED;
    }
}

/*
 * The word that an access begins with. As vpt_assign_msix_access(). Both places begin at a multiple of 8 and have as
 * many bytes: an access that begins in one lies within.
 */
static enum vpt_status find(const struct vpt_assign_device *device, unsigned bar, uint64_t offset, unsigned width,
                            uint32_t *word)
{
    uint32_t count = device->vector_count;
    uint64_t from = offset - device->table.offset;

    *word = 0;
    if (bar != device->table.bar || from >= 4u * ENTRY_WORDS * count) {
        *word = TABLE_WORDS;
        from = offset - device->pending.offset;
        if (bar != device->pending.bar || from >= (count + 63u) / 64u * 8u) {
            return VPT_EMPTY;
        }
    }
    *word += (uint32_t)from / 4u;
    return width < 4u ? VPT_CALLER_ALIGNMENT : VPT_OK;
}

/* The words of the table. */
static uint32_t *table(const struct vpt_assign_device *device)
{
    return (uint32_t *)(void *)device->vectors;
}

static uint32_t read_word(const struct vpt_assign_device *device, uint32_t word)
{
    uint32_t value = 0;

    if (word < TABLE_WORDS) {
        value = table(device)[word];
        return word % ENTRY_WORDS == CONTROL ? value & ASSIGN_VECTOR_MASKED : value;
    }
    word = (word - TABLE_WORDS) * 32u;
    for (unsigned i = 0; i < 32u && word + i < device->vector_count; i++) {
        value |= (device->vectors[word + i].control & ASSIGN_VECTOR_PENDING) / ASSIGN_VECTOR_PENDING << i;
    }
    return value;
}

static void write_word(struct vpt_assign_device *device, uint32_t word, uint32_t value)
{
    uint32_t *at = &table(device)[word];

    if (word >= TABLE_WORDS) {
        return;
    }
    if (word % ENTRY_WORDS != CONTROL) {
        *at = word % ENTRY_WORDS == ADDRESS_LOW ? value & ~ADDRESS_RESERVED : value;
        return;
    }
    *at = vpt_assign_merge(*at, value, ASSIGN_VECTOR_MASKED);
    if (device->mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        (void)vpt_assign_message(device, (uint16_t)(word / ENTRY_WORDS), false);
    }
}

enum vpt_status vpt_assign_msix_access(struct vpt_assign_device *device, bool write, unsigned bar, uint64_t offset,
                                       unsigned width, uint64_t *value)
{
    uint32_t word;
    enum vpt_status status = find(device, bar, offset, width, &word);

    if (status == VPT_OK && write) {
        write_word(device, word, (uint32_t)(*value & PCI_ABSENT32));
        if (width == 8u) {
            write_word(device, word + 1u, (uint32_t)(*value >> 32));
        }
    } else if (status == VPT_OK) {
        *value = read_word(device, word);
        if (width == 8u) {
            *value |= (uint64_t)read_word(device, word + 1u) << 32;
        }
    }
    return status;
}
