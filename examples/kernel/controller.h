/* SPDX-License-Identifier: MIT */
/*
 * The CPU's interrupts and the machine's interrupt controller: each architecture's folder implements these functions
 * for interrupts.c, and calls interrupts.c when an interrupt comes. Line numbers are the controller's own; machine.h
 * says which device is on which line.
 */
#ifndef KERNEL_CONTROLLER_H
#define KERNEL_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

/* Call once. Every line is shut, the CPU's interrupts are off. */
void controller_init(void);

/* Unmasks a level-triggered line; and masks it. */
void controller_open(unsigned line);
void controller_shut(unsigned line);

#define CONTROLLER_MESSAGES 2u

/*
 * Gives the address and data of message `n` (below CONTROLLER_MESSAGES), and unmasks it. False: the machine has no
 * messages.
 */
bool controller_message(unsigned n, uint64_t *address, uint32_t *data);

/* Starts a timer that interrupts once; and stops it. It interrupts even while a line is being served. */
void controller_alarm(unsigned seconds);
void controller_alarm_off(void);

void cpu_interrupts_on(void);
void cpu_interrupts_off(void);

/* Sleeps until an interrupt comes, and takes it. The CPU's interrupts are off before and after. */
void cpu_sleep(void);

#endif
