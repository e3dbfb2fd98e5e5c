/* SPDX-License-Identifier: MIT */
/* Time; each architecture's folder has a clock.c. The alarm is that of ../kernel/controller.h, with a finer unit. */
#ifndef UNIKERNEL_CLOCK_H
#define UNIKERNEL_CLOCK_H

#include <stdint.h>

/* Call once, after controller_init(). */
void clock_init(void);

/* Milliseconds since the start. */
uint64_t clock_now(void);

/* A number that differs from call to call and from start to start; nothing for secrets. */
uint64_t clock_ticks(void);

/* Starts the timer: interrupts_alarm() is called once, after so many milliseconds. */
#define CLOCK_ALARM_MAX 60000u
void clock_alarm(uint32_t milliseconds);

#endif
