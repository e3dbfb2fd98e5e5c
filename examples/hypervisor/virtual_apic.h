/* SPDX-License-Identifier: MIT */
/* A guest's local APIC: messages, the timer, and whether the PIC's interrupts reach the CPU. */
#ifndef HYPERVISOR_VIRTUAL_APIC_H
#define HYPERVISOR_VIRTUAL_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define VIRTUAL_APIC      UINT64_C(0xfee00000)
#define VIRTUAL_APIC_SIZE 0x1000u

struct virtual_apic {
    uint32_t requests[8]; /* one bit for each vector */
    uint32_t in_service[8];
    uint32_t task_priority;
    uint32_t spurious;
    uint32_t timer; /* its entry in the local vector table */
    uint32_t lint0;
    uint32_t divisor;
    uint32_t count;    /* with which the timer was started */
    uint64_t deadline; /* of the timer, in nanoseconds; 0: it does not run */
};

void virtual_apic_init(struct virtual_apic *apic);

/* Registers, by their offsets; accesses have 4 bytes. `now` is a clock in nanoseconds. */
uint32_t virtual_apic_read(const struct virtual_apic *apic, uint32_t offset, uint64_t now);
void virtual_apic_write(struct virtual_apic *apic, uint32_t offset, uint32_t value, uint64_t now);

/* A message; vectors below 16 are ignored. */
void virtual_apic_raise(struct virtual_apic *apic, uint8_t vector);

/* Raises the timer's vector if its time has come. */
void virtual_apic_look(struct virtual_apic *apic, uint64_t now);

/* Whether the CPU gets the PIC's interrupts. */
bool virtual_apic_passes_pic(const struct virtual_apic *apic);

/* The vector that the CPU gets next; false: there is none. */
bool virtual_apic_pending(const struct virtual_apic *apic, uint8_t *vector);

/* The CPU has taken it. */
void virtual_apic_accept(struct virtual_apic *apic, uint8_t vector);

#endif
