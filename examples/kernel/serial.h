/* SPDX-License-Identifier: MIT */
/* Input from the serial port, for a kernel that takes any, on the machines that have a serial.c: x86 and riscv64. */
#ifndef KERNEL_SERIAL_H
#define KERNEL_SERIAL_H

#include <stdbool.h>

/* The interrupt controller's line that the port is on. */
extern const unsigned serial_line;

/* Once. */
void serial_init(void);

/* Takes a character that has come, or returns -1. */
int serial_get(void);

/* Whether the port interrupts as long as there is a character to take. */
void serial_interrupts(bool on);

#endif
