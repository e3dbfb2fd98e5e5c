/* SPDX-License-Identifier: MIT */
#include "x86.h"

/* Offsets in words: the index, and the register that it selects. */
#define IOAPIC ((volatile uint32_t *)0xfec10000u)
#define INDEX  0u
#define WINDOW 4u

#define REDIRECTION        0x10u /* two registers for each pin */
#define REDIRECTION_LEVEL  0x08000u
#define REDIRECTION_MASKED 0x10000u

static void write(unsigned index, uint32_t value)
{
    IOAPIC[INDEX] = index;
    IOAPIC[WINDOW] = value;
}

void ioapic_open(unsigned pin)
{
    write(REDIRECTION + 2u * pin + 1u, apic_id() << 24);
    write(REDIRECTION + 2u * pin, REDIRECTION_LEVEL | (X86_VECTOR_IOAPIC + pin));
}

void ioapic_shut(unsigned pin)
{
    write(REDIRECTION + 2u * pin, REDIRECTION_MASKED);
}
