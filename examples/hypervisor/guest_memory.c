/* SPDX-License-Identifier: MIT */
/* The guest's own page tables, which are walked to read its instructions. */
#include "guest.h"

#define CR0_PAGING UINT64_C(0x80000000)

#define ENTRY_PRESENT 0x1u
#define ENTRY_LARGE   0x80u
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define TOP_SHIFT  39u
#define PAGE_SHIFT 12u
#define LEVEL_BITS 9u

/* Reads 8 bytes at a physical address, a multiple of 8; elsewhere than in memory they are 0. */
static uint64_t read_entry(const struct guest *guest, uint64_t address)
{
    return address < GUEST_MEMORY ? *(const volatile uint64_t *)(const void *)(guest->memory + address) : 0;
}

/* Finds the physical address. Without paging it is the same; with paging only long mode's four levels are known. */
static bool translate(const struct guest *guest, uint64_t address, uint64_t *physical)
{
    const struct svm_state *state = &guest->block->state;
    uint64_t table = state->cr3 & ENTRY_ADDRESS;

    *physical = address;
    if ((state->cr0 & CR0_PAGING) == 0) {
        return true;
    }
    if ((state->efer & SVM_EFER_LMA) == 0) {
        return false;
    }
    for (unsigned shift = TOP_SHIFT; shift >= PAGE_SHIFT; shift -= LEVEL_BITS) {
        uint64_t entry = read_entry(guest, table + (address >> shift & 0x1ffu) * 8u);
        uint64_t offset = (UINT64_C(1) << shift) - 1u;

        if ((entry & ENTRY_PRESENT) == 0) {
            return false;
        }
        if (shift == PAGE_SHIFT || (shift < TOP_SHIFT && (entry & ENTRY_LARGE) != 0)) {
            *physical = (entry & ENTRY_ADDRESS & ~offset) | (address & offset);
            return true;
        }
        table = entry & ENTRY_ADDRESS;
    }
    return false;
}

unsigned guest_fetch(const struct guest *guest, uint64_t address, uint8_t *bytes, unsigned size)
{
    uint64_t physical = 0;

    for (unsigned i = 0; i < size; i++) {
        if ((i == 0 || (address + i) % NESTED_PAGE == 0) && !translate(guest, address + i, &physical)) {
            return i;
        }
        if (physical >= GUEST_MEMORY) {
            return i;
        }
        bytes[i] = guest->memory[physical++];
    }
    return size;
}
