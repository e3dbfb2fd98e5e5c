/* SPDX-License-Identifier: MIT */
/* The PLIC of QEMU's riscv64 "virt" machine, whose sources are the lines, and the CPU's timer as the alarm. */
#include "controller.h"

#include "interrupts.h"

/* Registers that exist for each context are those of hart 0 in machine mode. */
#define PRIORITY  ((volatile uint32_t *)0x0c000000u) /* one word for each source */
#define ENABLE    ((volatile uint32_t *)0x0c002000u) /* one bit for each source */
#define THRESHOLD ((volatile uint32_t *)0x0c200000u)
#define CLAIM     ((volatile uint32_t *)0x0c200004u) /* read: claims the next interrupt, or 0; write: completes it */

#define TIME       ((volatile uint64_t *)0x0200bff8u)
#define TIME_ALARM ((volatile uint64_t *)0x02004000u)

#define TICKS_PER_SECOND 10000000u /* QEMU's; a real kernel finds it in the device tree */

/* Bits of mie; with the uppermost bit, values of mcause. */
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

/* wfi also ends with a masked interrupt, which is then taken. */
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
