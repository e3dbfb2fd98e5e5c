/* SPDX-License-Identifier: MIT */
/*
 * The CPU's interrupts and the machine's interrupt controller: what each architecture's folder has for interrupts.c,
 * which is called from there in turn when something comes. A line's number is the controller's own; see machine.h for
 * which device is on which.
 */
#ifndef KERNEL_CONTROLLER_H
#define KERNEL_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

/* Once: every line shut, the CPU's interrupts off. */
void controller_init(void);

/* Lets a line through, which is level-triggered, or no longer. */
void controller_open(unsigned line);
void controller_shut(unsigned line);

#define CONTROLLER_MESSAGES 2u

/*
 * What a device has to write where for message `n` (below CONTROLLER_MESSAGES), which is let through from then on.
 * False: the machine has no messages.
 */
bool controller_message(unsigned n, uint64_t *address, uint32_t *data);

/* Sets the alarm clock, which interrupts once, or stops it. It gets through although a line is being served. */
void controller_alarm(unsigned seconds);
void controller_alarm_off(void);

void cpu_interrupts_on(void);
void cpu_interrupts_off(void);

/* Sleeps until an interrupt and takes it. The CPU's interrupts are off before and after. */
void cpu_sleep(void);

#endif
