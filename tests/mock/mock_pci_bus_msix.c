/* SPDX-License-Identifier: MIT */
/* MSI-X of a function: the table, the pending bits, and the messages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mock_device.h"
#include "mock_order.h"
#include "mock_internal.h"

#define CAPABILITY_ID  0x11u
#define ENTRY_WORDS    4u
#define ENTRY_DATA     2u /* words */
#define ENTRY_CONTROL  3u
#define CONTROL_MASKED 1u

void mock_pci_msix_add(struct mock_pci_function *function, uint16_t entries, unsigned table_bar, uint32_t table_offset,
                       unsigned pending_bar, uint32_t pending_offset)
{
    static const uint8_t writable[10] = { 0, 0xc0 };
    struct mock_pci_msix *msix = mock_grow(NULL, 0, sizeof(*msix));
    size_t pending_words = 2u * ((entries + 63u) / 64u);
    uint8_t body[10];

    mock_store(body, 2, entries - 1u, false);
    mock_store(body + 2, 4, table_offset | table_bar, false);
    mock_store(body + 6, 4, pending_offset | pending_bar, false);
    *msix = (struct mock_pci_msix){
        .entries = entries,
        .capability = mock_pci_capability_add(function, CAPABILITY_ID, body, sizeof(body), writable),
        .table_bar = table_bar,
        .pending_bar = pending_bar,
        .table_offset = table_offset,
        .pending_offset = pending_offset,
        .table = mock_grow(NULL, 0, (size_t)entries * ENTRY_WORDS * sizeof(uint32_t)),
        .pending = mock_grow(NULL, 0, pending_words * sizeof(uint32_t)),
        .pending_words = pending_words,
    };
    function->msix = msix;
    mock_pci_msix_restart(function);
}

static size_t table_size(const struct mock_pci_msix *msix)
{
    return (size_t)msix->entries * ENTRY_WORDS * sizeof(uint32_t);
}

void mock_pci_msix_restart(struct mock_pci_function *function)
{
    struct mock_pci_msix *msix = function->msix;
    uint16_t at;

    if (msix == NULL) {
        return;
    }
    at = (uint16_t)(msix->capability + MOCK_PCI_MSIX_CONTROL);
    mock_pci_set(function, at, 2,
                 mock_pci_get(function, at, 2) & ~(uint32_t)(MOCK_PCI_MSIX_ENABLE | MOCK_PCI_MSIX_MASK));
    memset(msix->table, 0, table_size(msix));
    memset(msix->pending, 0, msix->pending_words * sizeof(uint32_t));
    for (size_t i = 0; i < msix->entries; i++) {
        msix->table[i * ENTRY_WORDS + ENTRY_CONTROL] = CONTROL_MASKED;
    }
}

void mock_pci_function_finish(struct mock_pci_function *function)
{
    if (function->msix != NULL) {
        free(function->msix->table);
        free(function->msix->pending);
        free(function->msix);
        function->msix = NULL;
    }
}

static uint32_t control(const struct mock_pci_function *function)
{
    return mock_pci_get(function, (uint16_t)(function->msix->capability + MOCK_PCI_MSIX_CONTROL), 2);
}

bool mock_pci_msix_enabled(const struct mock_pci_function *function)
{
    return function->msix != NULL && (control(function) & MOCK_PCI_MSIX_ENABLE) != 0;
}

/* Whether an entry may send. */
static bool unmasked(const struct mock_pci_function *function, uint16_t vector)
{
    const uint32_t *entry = &function->msix->table[(size_t)vector * ENTRY_WORDS];

    return mock_pci_msix_enabled(function) && (control(function) & MOCK_PCI_MSIX_MASK) == 0 &&
           (entry[ENTRY_CONTROL] & CONTROL_MASKED) == 0;
}

static void send(struct mock_pci_function *function, uint16_t vector)
{
    struct mock_pci_msix *msix = function->msix;
    const uint32_t *entry = &msix->table[(size_t)vector * ENTRY_WORDS];

    if (!mock_pci_masters(function)) {
        msix->dropped++;
        return;
    }
    if (msix->message_count < MOCK_PCI_LOG) {
        msix->messages[msix->message_count] =
            (struct mock_pci_message){ function->bus->sequence, (uint64_t)entry[1] << 32 | entry[0], entry[ENTRY_DATA],
                                       vector };
    }
    msix->message_count++;
}

void mock_pci_msix_fire(struct mock_pci_function *function, uint16_t vector)
{
    struct mock_pci_msix *msix = function->msix;

    if (!mock_require(&function->bus->hal->violations, msix != NULL && vector < msix->entries,
                      "MSI-X entry %u does not exist", vector) ||
        function->gone) {
        return;
    }
    if (unmasked(function, vector)) {
        send(function, vector);
    } else {
        msix->pending[vector / 32u] |= UINT32_C(1) << (vector % 32u);
    }
}

bool mock_pci_msix_pending(const struct mock_pci_function *function, uint16_t vector)
{
    return (function->msix->pending[vector / 32u] >> (vector % 32u) & 1u) != 0;
}

void mock_pci_msix_deliver(struct mock_pci_function *function)
{
    struct mock_pci_msix *msix = function->msix;

    for (unsigned i = 0; msix != NULL && i < msix->entries; i++) {
        if (msix->pending[i / 32u] == 0) {
            i |= 31u;
        } else if (mock_pci_msix_pending(function, (uint16_t)i) && unmasked(function, (uint16_t)i)) {
            msix->pending[i / 32u] &= ~(UINT32_C(1) << (i % 32u));
            send(function, (uint16_t)i);
        }
    }
}

/* A word of the table or of the pending bits, and its offset in MOCK_SPACE_MSIX; NULL: it is neither. */
static uint32_t *word_at(const struct mock_pci_msix *msix, unsigned bar, uint64_t offset, uint64_t *place)
{
    uint64_t in_table = offset - msix->table_offset;
    uint64_t in_pending = offset - msix->pending_offset;

    if (bar == msix->table_bar && offset >= msix->table_offset && in_table < table_size(msix)) {
        *place = in_table;
        return &msix->table[in_table / sizeof(uint32_t)];
    }
    if (bar == msix->pending_bar && offset >= msix->pending_offset &&
        in_pending < msix->pending_words * sizeof(uint32_t)) {
        *place = MOCK_MSIX_PENDING + in_pending;
        return &msix->pending[in_pending / sizeof(uint32_t)];
    }
    return NULL;
}

bool mock_pci_msix_claims(const struct mock_pci_function *function, unsigned bar, uint64_t offset)
{
    uint64_t place;

    return function->msix != NULL && word_at(function->msix, bar, offset, &place) != NULL;
}

static void table_rules(struct mock_pci_function *function, size_t word, uint32_t value)
{
    struct mock_violations *violations = &function->bus->hal->violations;
    uint16_t vector = (uint16_t)(word / ENTRY_WORDS);

    if (word % ENTRY_WORDS == ENTRY_CONTROL) {
        mock_require(violations, ((value ^ function->msix->table[word]) & ~CONTROL_MASKED) == 0,
                     "MSI-X entry %u: reserved bits changed", vector);
        return;
    }
    mock_require(violations, !unmasked(function, vector), "MSI-X entry %u changed while unmasked", vector);
    mock_require(violations, word % ENTRY_WORDS != 0 || value % 4u == 0,
                 "MSI-X entry %u: misaligned address 0x%" PRIx32, vector, value);
}

uint32_t mock_pci_msix_access(struct mock_pci_function *function, unsigned bar, uint64_t offset, unsigned width,
                              const uint32_t *written)
{
    struct mock_violations *violations = &function->bus->hal->violations;
    struct mock_access access = { .space = MOCK_SPACE_MSIX, .width = width, .write = written != NULL };
    uint32_t *word = word_at(function->msix, bar, offset, &access.offset);
    uint32_t value;

    if (function->liar != NULL) {
        mock_access_begin(function->liar, &access);
    }
    value = written != NULL ? *written : *word;
    if (function->gone) {
        return mock_ones(width);
    }
    if (!mock_require(violations, width == 4, "MSI-X structure accessed in width %u", width)) {
        return 0;
    }
    if (written == NULL) {
        return function->liar != NULL ? mock_access_read(function->liar, &access, value) : value;
    }
    if ((function->liar == NULL || mock_access_write(function->liar, &access, &value)) &&
        mock_require(violations, access.offset < MOCK_MSIX_PENDING, "write to MSI-X pending bits")) {
        table_rules(function, (size_t)access.offset / sizeof(uint32_t), value);
        *word = value;
        mock_pci_msix_deliver(function);
    }
    return 0;
}
