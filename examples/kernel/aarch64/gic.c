/* SPDX-License-Identifier: MIT */
/*
 * The GICv2 of QEMU's aarch64 "virt" machine, and its GICv2m, which turns messages into interrupts. Lines are the
 * GIC's interrupt numbers; the alarm is the virtual timer.
 */
#include "controller.h"

#include "interrupts.h"

/* Addresses, and offsets in bytes. */
#define DISTRIBUTOR 0x08000000u
#define CPU         0x08010000u
#define MESSAGES    0x08020000u

#define DISTRIBUTOR_CONTROL       0x000u
#define DISTRIBUTOR_ENABLE        0x100u
#define DISTRIBUTOR_DISABLE       0x180u
#define DISTRIBUTOR_PRIORITY      0x400u /* one byte each; a lower number is more urgent */
#define DISTRIBUTOR_TARGETS       0x800u /* one byte each; one bit for each CPU */
#define DISTRIBUTOR_CONFIGURATION 0xc00u /* two bits for each */

#define CPU_CONTROL       0x00u
#define CPU_PRIORITY_MASK 0x04u
#define CPU_ACKNOWLEDGE   0x0cu
#define CPU_END           0x10u

#define MESSAGES_TYPE      0x008u
#define MESSAGES_TYPE_BASE 0x3ffu /* first interrupt, in the upper half */
#define MESSAGES_SET       0x040u

#define NUMBER         0x3ffu
#define NUMBER_SPECIAL 1020u /* from here on: nothing to serve */
#define TIMER          27u

#define PRIORITY_ALARM 0x80u
#define PRIORITY_LINE  0xa0u
#define CPU_0          0x01u
#define EDGE           0x2u

void gic_interrupt(void);

static volatile uint32_t *word(uintptr_t address)
{
    return (volatile uint32_t *)address;
}

static volatile uint8_t *byte(uintptr_t address)
{
    return (volatile uint8_t *)address;
}

static void enable(unsigned number, unsigned priority)
{
    *byte(DISTRIBUTOR + DISTRIBUTOR_PRIORITY + number) = (uint8_t)priority;
    *byte(DISTRIBUTOR + DISTRIBUTOR_TARGETS + number) = CPU_0;
    *word(DISTRIBUTOR + DISTRIBUTOR_ENABLE + number / 32u * 4u) = 1u << number % 32u;
}

void controller_init(void)
{
    *word(DISTRIBUTOR + DISTRIBUTOR_CONTROL) = 1;
    *word(CPU + CPU_PRIORITY_MASK) = 0xff;
    *word(CPU + CPU_CONTROL) = 1;
    enable(TIMER, PRIORITY_ALARM);
}

void controller_open(unsigned line)
{
    enable(line, PRIORITY_LINE);
}

void controller_shut(unsigned line)
{
    *word(DISTRIBUTOR + DISTRIBUTOR_DISABLE + line / 32u * 4u) = 1u << line % 32u;
}

static unsigned first_message(void)
{
    return *word(MESSAGES + MESSAGES_TYPE) >> 16 & MESSAGES_TYPE_BASE;
}

bool controller_message(unsigned n, uint64_t *address, uint32_t *data)
{
    unsigned number = first_message() + n;

    *word(DISTRIBUTOR + DISTRIBUTOR_CONFIGURATION + number / 16u * 4u) |= EDGE << number % 16u * 2u;
    enable(number, PRIORITY_LINE);
    *address = MESSAGES + MESSAGES_SET;
    *data = number;
    return true;
}

void controller_alarm(unsigned seconds)
{
    uint64_t frequency;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    __asm__ volatile("msr cntv_tval_el0, %0" ::"r"(frequency * seconds));
    __asm__ volatile("msr cntv_ctl_el0, %0\n\tisb" ::"r"((uint64_t)1));
}

void controller_alarm_off(void)
{
    __asm__ volatile("msr cntv_ctl_el0, %0\n\tisb" ::"r"((uint64_t)0));
}

void cpu_interrupts_on(void)
{
    __asm__ volatile("msr daifclr, #2" ::: "memory");
}

void cpu_interrupts_off(void)
{
    __asm__ volatile("msr daifset, #2" ::: "memory");
}

/* wfi also ends with a masked interrupt, which is then taken. */
void cpu_sleep(void)
{
    __asm__ volatile("dsb sy\n\twfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
}

/* vectors.S calls this. */
void gic_interrupt(void)
{
    uint32_t acknowledged = *word(CPU + CPU_ACKNOWLEDGE);
    unsigned number = acknowledged & NUMBER;

    if (number >= NUMBER_SPECIAL) {
        return;
    }
    if (number == TIMER) {
        controller_alarm_off();
        interrupts_alarm();
    } else if (number - first_message() < CONTROLLER_MESSAGES) {
        interrupts_message(number - first_message());
    } else {
        interrupts_line(number);
    }
    *word(CPU + CPU_END) = acknowledged;
}
