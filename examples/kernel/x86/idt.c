/* SPDX-License-Identifier: MIT */
/* The interrupt descriptor table. */
#include "x86.h"

#define CODE_SEGMENT   8u      /* see start.S */
#define INTERRUPT_GATE 0x8e00u /* present, DPL 0, interrupt gate: interrupts are off on entry */

struct gate {
    uint16_t offset_low;
    uint16_t segment;
    uint16_t attributes;
    uint16_t offset_middle;
#if defined(__x86_64__)
    uint32_t offset_high;
    uint32_t reserved;
#endif
};

struct pointer {
    uint16_t limit;
    uintptr_t base;
} __attribute__((packed));

/* See vectors.S. */
extern const unsigned char x86_vectors[X86_VECTORS][16];

static struct gate gates[X86_VECTORS];

void idt_load(void)
{
    const struct pointer pointer = { sizeof(gates) - 1u, (uintptr_t)gates };

    for (unsigned i = 0; i < X86_VECTORS; i++) {
        uint64_t offset = (uintptr_t)x86_vectors[i];

        gates[i].offset_low = (uint16_t)offset;
        gates[i].segment = CODE_SEGMENT;
        gates[i].attributes = INTERRUPT_GATE;
        gates[i].offset_middle = (uint16_t)(offset >> 16);
#if defined(__x86_64__)
        gates[i].offset_high = (uint32_t)(offset >> 32);
#endif
    }
    __asm__ volatile("lidt %0" ::"m"(pointer));
}
