/* SPDX-License-Identifier: MIT */
/*
 * A guest's accesses to the MSI-X table and its pending bits (PCI 3.0, section 6.8.2). They never reach the function.
 */
#include "msix_table.h"

#include "message.h"

/*
 * Each word of 4 bytes has a number. The table has the first ones, 4 words for each vector as in struct
 * vpt_assign_vector. The pending bits have the numbers from TABLE_WORDS on.
 */
#define ENTRY_WORDS 4u
#define TABLE_WORDS (ENTRY_WORDS * VPT_ASSIGN_VECTORS_MAX)
#define ADDRESS_LOW 0u
#define CONTROL     3u

#define ADDRESS_RESERVED 0x3u

VPT_STATIC_ASSERT(sizeof(struct vpt_assign_vector) == 4u * ENTRY_WORDS, "an entry is as the guest sees it");

/*
 * Finds the word that an access begins with; returns what vpt_assign_msix_access() does. An access that begins in the
 * table or in the pending bits also ends there.
 */
static enum vpt_status find_msix_word(const struct vpt_assign_device *device, unsigned bar, uint64_t offset,
                                      unsigned width, uint32_t *word)
{
    const struct vpt_assign_trap *trap = device->own_traps;

    for (unsigned i = 0; trap != NULL && i < VPT_ASSIGN_OWN_TRAPS; i++) {
        uint64_t from = offset - trap[i].offset;

        if (bar == trap[i].bar && from < trap[i].size) {
            *word = (uint32_t)(from & PCI_ABSENT32) / 4u + TABLE_WORDS * i;
            return width < 4u ? VPT_CALLER_ALIGNMENT : VPT_OK;
        }
    }
    return VPT_EMPTY;
}

static uint32_t read_word(const struct vpt_assign_device *device, uint32_t word)
{
    uint32_t value = 0;

    if (word < TABLE_WORDS) {
        value = vpt_assign_msix_words(device)[word];
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
    unsigned part = word % ENTRY_WORDS;

    if (word >= TABLE_WORDS) {
        return;
    }
    if (part == CONTROL) {
        value = vpt_assign_merge(vpt_assign_msix_words(device)[word], value, ASSIGN_VECTOR_MASKED);
    } else if (part == ADDRESS_LOW) {
        value &= ~ADDRESS_RESERVED;
    }
    vpt_assign_msix_words(device)[word] = value;
    if (part == CONTROL && device->mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        (void)vpt_assign_message(device, word / ENTRY_WORDS, false);
    }
}

enum vpt_status vpt_assign_msix_access(struct vpt_assign_device *device, bool write, unsigned bar, uint64_t offset,
                                       unsigned width, uint64_t *value)
{
    uint64_t words = write ? *value : 0;
    uint32_t word;
    enum vpt_status status = find_msix_word(device, bar, offset, width, &word);

    if (status != VPT_OK) {
        return status;
    }
    if (!write) {
        for (unsigned i = width / 4u; i > 0; i--) {
            words = words << 32 | read_word(device, word + i - 1u);
        }
        *value = words;
        return VPT_OK;
    }
    for (unsigned i = 0; i < width / 4u; i++) {
        write_word(device, word + i, (uint32_t)(words & PCI_ABSENT32));
        words >>= 32;
    }
    return VPT_OK;
}
