/* SPDX-License-Identifier: MIT */
#include "x86.h"

#define APIC         0xfee00000u
#define REGISTER(at) (*(volatile uint32_t *)(APIC + (at)))

#define ID            0x020u
#define END           0x0b0u
#define SPURIOUS      0x0f0u
#define TIMER         0x320u
#define LINT0         0x350u
#define TIMER_COUNT   0x380u /* one-shot: counts down from this value */
#define TIMER_DIVISOR 0x3e0u

#define SPURIOUS_VECTOR   0xffu
#define SPURIOUS_ENABLE   0x100u /* enables the APIC */
#define LINT0_EXTERNAL    0x700u /* the PIC provides the vector */
#define TIMER_DIVIDED_128 0x0au

#define TICKS_PER_SECOND (1000000000u / 128u) /* QEMU's; a real kernel measures it */

void apic_init(void)
{
    REGISTER(SPURIOUS) = SPURIOUS_ENABLE | SPURIOUS_VECTOR;
    REGISTER(LINT0) = LINT0_EXTERNAL;
    REGISTER(TIMER) = X86_VECTOR_ALARM;
    REGISTER(TIMER_DIVISOR) = TIMER_DIVIDED_128;
}

uint32_t apic_id(void)
{
    return REGISTER(ID) >> 24;
}

void apic_end(void)
{
    REGISTER(END) = 0;
}

void apic_timer(unsigned seconds)
{
    REGISTER(TIMER_COUNT) = seconds * TICKS_PER_SECOND;
}

void apic_message(unsigned n, uint64_t *address, uint32_t *data)
{
    *address = APIC | apic_id() << 12;
    *data = X86_VECTOR_MESSAGE + n;
}
