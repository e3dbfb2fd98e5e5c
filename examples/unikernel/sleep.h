/* SPDX-License-Identifier: MIT */
/* Sleeps until a device or the serial port's input interrupts, or for a time. */
#ifndef UNIKERNEL_SLEEP_H
#define UNIKERNEL_SLEEP_H

#include <vpt/transport.h>

/* A device that interrupts. The creator sets the first two members. */
struct sleep_device {
    struct vpt_device *device;
    unsigned line;

    /* Written by the handler. */
    volatile bool happened;       /* it has interrupted for a queue, and nobody has taken note of it */
    volatile uint64_t interrupts; /* for a queue */
};

/* Call once. From then on the CPU takes interrupts. `network` may be NULL; the objects must stay. */
void sleep_init(struct sleep_device *disk, struct sleep_device *network);

/* Sleeps until the disk has interrupted, unless it has done so since the last call. False: it does not. */
bool sleep_for_disk(void *ctx);

#define SLEEP_FOREVER UINT32_MAX

/*
 * Sleeps until there is a character, the network device has interrupted since the last call, or the time is over. Such
 * an interrupt counts as noted then.
 */
void sleep_for_event(uint32_t milliseconds);

/* Takes a received character, or returns -1. */
int sleep_character(void);

#endif
