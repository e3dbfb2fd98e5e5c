/* SPDX-License-Identifier: MIT */
/*
 * Who is asked when an interrupt comes, and how the main context waits for one: asleep, for a bounded time. The
 * handler calls vpt_device_interrupt() and nothing else of the library: queues are the main context's.
 */
#ifndef KERNEL_INTERRUPTS_H
#define KERNEL_INTERRUPTS_H

#include <vpt/transport.h>

/* A device that interrupts. Whoever attaches it sets `device`, and reads the counters. */
struct interrupt_source {
    struct vpt_device *device;
    uint32_t sleeps; /* of the CPU while it waited for this one, each ended by an interrupt */

    /* The handler's. */
    volatile uint32_t happened;       /* VPT_INTERRUPT_* since the last wait */
    volatile uint32_t asked;          /* times that the handler asked whether the interrupt is the device's */
    volatile uint32_t claimed;        /* times that it was */
    volatile uint32_t queues;         /* of these: because of a queue */
    volatile uint32_t configurations; /* of these: because of the configuration */
};

/* Once, before the others. */
void interrupts_init(void);

/* Interrupts that no source has claimed. */
uint32_t interrupts_nobody(void);

/* The CPU takes interrupts while any source is attached, but between interrupts_hold() and interrupts_wait(). */
#define INTERRUPTS_ATTACHED_MAX 4u

/* A line may be attached by several sources: each of them is asked. False: too many. */
bool interrupts_attach_line(struct interrupt_source *source, unsigned line);

/* `means`: the VPT_INTERRUPT_* that the device sends this message for. */
bool interrupts_attach_message(struct interrupt_source *source, unsigned message, uint32_t means);

/* Detaches a source, and shuts the lines that nobody is on any more. */
void interrupts_detach(const struct interrupt_source *source);

/* Forgets what has happened, and holds back what comes: the next interrupts_wait() will have to sleep. */
void interrupts_hold(struct interrupt_source *source);

/*
 * Sleeps until the source has interrupted because of a queue, unless it has already since the last wait. Says what is
 * wrong, and returns false, if that does not happen in INTERRUPTS_SECONDS, or a line is stuck.
 */
bool interrupts_wait(struct interrupt_source *source);

#define INTERRUPTS_SECONDS 30u

/* The controller calls these with the CPU's interrupts off. */
void interrupts_line(unsigned line);
void interrupts_message(unsigned message);
void interrupts_alarm(void);

#endif
