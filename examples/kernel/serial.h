/* SPDX-License-Identifier: MIT */
/* Serial input, for the machines that have a serial.c: x86 and riscv64. */
#ifndef KERNEL_SERIAL_H
#define KERNEL_SERIAL_H

#include <stdbool.h>

/* Interrupt line of the port. */
extern const unsigned serial_line;

/* Call once. */
void serial_init(void);

/* Takes a received character, or returns -1. */
int serial_get(void);

/* Turns on or off the interrupt for received characters. */
void serial_interrupts(bool on);

#endif
