/* SPDX-License-Identifier: MIT */
/* The CPU's timer on QEMU's riscv64 "virt" machine. */
#include "../clock.h"

#define TIME       ((volatile uint64_t *)0x0200bff8u)
#define TIME_ALARM ((volatile uint64_t *)0x02004000u)

#define TICKS_PER_MILLISECOND 10000u /* QEMU's; a real kernel finds it in the device tree */

static uint64_t start;

void clock_init(void)
{
    start = *TIME;
}

uint64_t clock_now(void)
{
    return (*TIME - start) / TICKS_PER_MILLISECOND;
}

uint64_t clock_ticks(void)
{
    uint64_t ticks;

    __asm__ volatile("csrr %0, mcycle" : "=r"(ticks)::"memory");
    return ticks;
}

void clock_alarm(uint32_t milliseconds)
{
    *TIME_ALARM = *TIME + (uint64_t)milliseconds * TICKS_PER_MILLISECOND;
}
