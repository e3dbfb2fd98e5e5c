/* SPDX-License-Identifier: MIT */
/* The timer of the local APIC as alarm; it also measures the time stamp counter, which is the clock. */
#include "../clock.h"

#define TIMER_COUNT   ((volatile uint32_t *)0xfee00380u) /* counts down from this value, then interrupts */
#define TIMER_CURRENT ((volatile uint32_t *)0xfee00390u)

#define TICKS_PER_MILLISECOND (1000000u / 128u) /* QEMU's, as ../../kernel/x86/apic.c divides; else to be measured */
#define MEASURED_MILLISECONDS 10u

static uint64_t start;
static uint64_t stamps_per_millisecond;

uint64_t clock_ticks(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

void clock_init(void)
{
    uint32_t end = UINT32_MAX - MEASURED_MILLISECONDS * TICKS_PER_MILLISECOND;

    *TIMER_COUNT = UINT32_MAX;
    start = clock_ticks();
    while (*TIMER_CURRENT > end) {
    }
    stamps_per_millisecond = (clock_ticks() - start) / MEASURED_MILLISECONDS;
    *TIMER_COUNT = 0;
    if (stamps_per_millisecond == 0) {
        stamps_per_millisecond = 1;
    }
}

uint64_t clock_now(void)
{
    return (clock_ticks() - start) / stamps_per_millisecond;
}

void clock_alarm(uint32_t milliseconds)
{
    *TIMER_COUNT = milliseconds * TICKS_PER_MILLISECOND;
}
