/* SPDX-License-Identifier: MIT */
/*
 * Lines 0 to 15 are the PIC's (pc, q35), higher lines are pins of the I/O APIC. Messages and the alarm go to the local
 * APIC.
 */
#include "controller.h"

#include "interrupts.h"
#include "machine.h"
#include "x86.h"

void x86_vector(uintptr_t vector, uintptr_t address);

void controller_init(void)
{
    idt_load();
    pic_init();
    apic_init();
}

void controller_open(unsigned line)
{
    if (line < PIC_LINES) {
        pic_open(line);
    } else {
        ioapic_open(line - PIC_LINES);
    }
}

void controller_shut(unsigned line)
{
    if (line < PIC_LINES) {
        pic_shut(line);
    } else {
        ioapic_shut(line - PIC_LINES);
    }
}

bool controller_message(unsigned n, uint64_t *address, uint32_t *data)
{
    apic_message(n, address, data);
    return true;
}

void controller_alarm(unsigned seconds)
{
    apic_timer(seconds);
}

void controller_alarm_off(void)
{
    apic_timer(0);
}

void cpu_interrupts_on(void)
{
    __asm__ volatile("sti" ::: "memory");
}

void cpu_interrupts_off(void)
{
    __asm__ volatile("cli" ::: "memory");
}

/* The CPU takes no interrupt between sti and the next instruction. */
void cpu_sleep(void)
{
    __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
}

static void from_pic(unsigned line)
{
    if (!pic_is_spurious(line)) {
        interrupts_line(line);
        pic_end(line);
    }
}

/* vectors.S calls this. */
void x86_vector(uintptr_t vector, uintptr_t address)
{
    unsigned number = (unsigned)vector;

    if (number < X86_EXCEPTIONS) {
        kernel_trap(vector, address);
    } else if (number - X86_VECTOR_PIC < PIC_LINES) {
        from_pic(number - X86_VECTOR_PIC);
        return;
    } else if (number - X86_VECTOR_IOAPIC < IOAPIC_PINS) {
        interrupts_line(PIC_LINES + number - X86_VECTOR_IOAPIC);
    } else if (number - X86_VECTOR_MESSAGE < CONTROLLER_MESSAGES) {
        interrupts_message(number - X86_VECTOR_MESSAGE);
    } else if (number == X86_VECTOR_ALARM) {
        interrupts_alarm();
    } else {
        return; /* spurious interrupt of the local APIC: needs no EOI */
    }
    apic_end();
}
