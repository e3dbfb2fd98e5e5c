/* SPDX-License-Identifier: MIT */
/* The PLIC of QEMU's riscv64 "virt" machine, whose sources are the lines, and its timer for the alarm. */
#include "controller.h"

#include "interrupts.h"

/* Of hart 0 in machine mode, where there is a choice. */
#define PRIORITY  ((volatile uint32_t *)0x0c000000u) /* a word each */
#define ENABLE    ((volatile uint32_t *)0x0c002000u) /* a bit each */
#define THRESHOLD ((volatile uint32_t *)0x0c200000u)
#define CLAIM     ((volatile uint32_t *)0x0c200004u) /* read: the next one to serve, or 0; write: it is served */

#define TIME       ((volatile uint64_t *)0x0200bff8u)
#define TIME_ALARM ((volatile uint64_t *)0x02004000u)

#define TICKS_PER_SECOND 10000000u /* QEMU's; a kernel proper finds it in the device tree */

/* In mie and, with the uppermost bit, in mcause. */
#define CAUSE_TIMER    7u
#define CAUSE_EXTERNAL 11u

#define SOURCES 96u

void plic_interrupt(uint64_t cause);

void controller_init(void)
{
    controller_alarm_off();
    for (unsigned i = 0; i < SOURCES / 32u; i++) {
        ENABLE[i] = 0;
    }
    *THRESHOLD = 0;
    __asm__ volatile("csrs mie, %0" ::"r"(1u << CAUSE_TIMER | 1u << CAUSE_EXTERNAL));
}

void controller_open(unsigned line)
{
    PRIORITY[line] = 1;
    ENABLE[line / 32u] |= 1u << line % 32u;
}

void controller_shut(unsigned line)
{
    ENABLE[line / 32u] &= ~(1u << line % 32u);
}

bool controller_message(unsigned n, uint64_t *address, uint32_t *data)
{
    (void)n;
    (void)address;
    (void)data;
    return false;
}

void controller_alarm(unsigned seconds)
{
    *TIME_ALARM = *TIME + (uint64_t)seconds * TICKS_PER_SECOND;
}

void controller_alarm_off(void)
{
    *TIME_ALARM = UINT64_MAX;
}

void cpu_interrupts_on(void)
{
    __asm__ volatile("csrsi mstatus, 8" ::: "memory");
}

void cpu_interrupts_off(void)
{
    __asm__ volatile("csrci mstatus, 8" ::: "memory");
}

/* wfi ends with a masked interrupt too, which is taken then. */
void cpu_sleep(void)
{
    __asm__ volatile("wfi\n\tcsrsi mstatus, 8\n\tcsrci mstatus, 8" ::: "memory");
}

/* vector.S calls this. */
void plic_interrupt(uint64_t cause)
{
    uint32_t line;

    if ((cause & 0xffu) == CAUSE_TIMER) {
        controller_alarm_off();
        interrupts_alarm();
        return;
    }
    line = *CLAIM;
    if (line != 0) {
        interrupts_line(line);
        *CLAIM = line;
    }
}
