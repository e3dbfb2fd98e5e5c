/* SPDX-License-Identifier: MIT */
/* The interrupt hardware of x86; controller.c combines these parts. */
#ifndef KERNEL_X86_H
#define KERNEL_X86_H

#include <stdbool.h>
#include <stdint.h>

/* Vectors, by the chip that delivers them. A higher one can interrupt while the local APIC serves a lower one. */
#define X86_EXCEPTIONS     0x20u /* vectors below this are exceptions */
#define X86_VECTOR_PIC     0x20u
#define X86_VECTOR_IOAPIC  0x30u
#define X86_VECTOR_MESSAGE 0x50u
#define X86_VECTOR_ALARM   0x60u
#define X86_VECTORS        256u

/* idt.c */
void idt_load(void);

/* pic.c: the two 8259A, for the interrupt lines that firmware has given to PCI functions. */
#define PIC_LINES 16u
void pic_init(void);
void pic_open(unsigned line);
void pic_shut(unsigned line);
bool pic_is_spurious(unsigned line);
void pic_end(unsigned line);

/* ioapic.c: a microvm's second I/O APIC, which has the virtio-mmio slots. */
#define IOAPIC_PINS 24u
void ioapic_open(unsigned pin);
void ioapic_shut(unsigned pin);

/* apic.c: the local APIC. */
void apic_init(void);
uint32_t apic_id(void);
void apic_end(void);
void apic_timer(unsigned seconds); /* 0: off */
void apic_message(unsigned n, uint64_t *address, uint32_t *data);

#endif
