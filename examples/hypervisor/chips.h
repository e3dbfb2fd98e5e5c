/* SPDX-License-Identifier: MIT */
/* The machine's interrupt controllers and its clock: a q35 of QEMU, on which firmware has run. */
#ifndef HYPERVISOR_CHIPS_H
#define HYPERVISOR_CHIPS_H

#include <stdbool.h>
#include <stdint.h>

/* Vectors of the machine's interrupts. */
#define CHIPS_EXCEPTIONS  0x20u
#define CHIPS_VECTOR_LINE 0x30u /* the I/O APIC's pins from CHIPS_LINE_FIRST on */
#define CHIPS_VECTOR_TICK 0x38u
#define CHIPS_VECTORS     256u

/* Pins of the I/O APIC that PCI functions use. */
#define CHIPS_LINE_FIRST 16u
#define CHIPS_LINES      8u

#define CHIPS_TICK 1000000u /* nanoseconds */

/* Starts the clock and the ticks. Interrupts of the CPU stay off. */
void chips_start(void);

/* Opens a pin, which is level-triggered. */
void chips_open_line(unsigned line);

/* Ends the interrupt that is being handled. */
void chips_end(void);

/* The message that raises a vector. */
uint64_t chips_message_address(void);

/* Nanoseconds since the start. */
uint64_t chips_clock(void);

/* Waits for some microseconds, with interrupts as they are. */
void chips_pause(void);

/* Lets pending interrupts in; and sleeps until there is one. */
void chips_let_in(void);
void chips_sleep(void);

/* Ends QEMU. */
_Noreturn void chips_exit(bool success);

/* Reads a file of QEMU's configuration device (-fw_cfg): returns its size, or 0 if there is none or it is too long. */
uint32_t chips_file(const char *name, void *bytes, uint32_t capacity);

#endif
