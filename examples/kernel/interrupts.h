/* SPDX-License-Identifier: MIT */
/*
 * Dispatches interrupts to devices, and lets the main context sleep until one comes, for a bounded time. The handler
 * calls vpt_device_interrupt() and nothing else of the library: only the main context uses queues.
 */
#ifndef KERNEL_INTERRUPTS_H
#define KERNEL_INTERRUPTS_H

#include <vpt/transport.h>

/* A device that interrupts. The caller that attaches it sets `device`, and reads the counters. */
struct interrupt_source {
    struct vpt_device *device;
    uint32_t sleeps; /* of the CPU during waits for this source, each ended by an interrupt */

    /* Written by the handler. */
    volatile uint32_t happened;       /* VPT_INTERRUPT_* since the last wait */
    volatile uint32_t asked;          /* calls of vpt_device_interrupt() */
    volatile uint32_t claimed;        /* calls that found an interrupt of the device */
    volatile uint32_t queues;         /* of these: for a queue */
    volatile uint32_t configurations; /* of these: for the configuration */
};

/* Call once, before the others. */
void interrupts_init(void);

/* Number of interrupts that no source has claimed. */
uint32_t interrupts_nobody(void);

/* The CPU takes interrupts while any source is attached, except between interrupts_hold() and interrupts_wait(). */
#define INTERRUPTS_ATTACHED_MAX 4u

/* Several sources may share a line: each of them is asked. False: too many. */
bool interrupts_attach_line(struct interrupt_source *source, unsigned line);

/* `means`: the VPT_INTERRUPT_* causes of this message. */
bool interrupts_attach_message(struct interrupt_source *source, unsigned message, uint32_t means);

/* Detaches a source, and shuts the lines that no source uses any more. */
void interrupts_detach(const struct interrupt_source *source);

/* Clears `happened`, and holds interrupts back: the next interrupts_wait() will have to sleep. */
void interrupts_hold(struct interrupt_source *source);

/*
 * Sleeps until the source interrupts for a queue, unless it has done so since the last wait. If it does not within
 * INTERRUPTS_SECONDS, or a line is stuck, prints what is wrong and returns false.
 */
bool interrupts_wait(struct interrupt_source *source);

#define INTERRUPTS_SECONDS 30u

/* The controller calls these with the CPU's interrupts off. */
void interrupts_line(unsigned line);
void interrupts_message(unsigned message);
void interrupts_alarm(void);

#endif
