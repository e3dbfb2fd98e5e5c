/* SPDX-License-Identifier: MIT */
/* What the program waits for, asleep: the disk, and the serial port's input. Interrupts do the rest. */
#ifndef UNIKERNEL_SLEEP_H
#define UNIKERNEL_SLEEP_H

#include <vpt/transport.h>

/* Once: from then on the CPU takes interrupts. */
void sleep_init(struct vpt_device *disk, unsigned disk_line);

/* Sleeps until the disk has interrupted because of its queue, unless it has since the last time. False: it does not. */
bool sleep_for_disk(void *ctx);

/* Sleeps until there is a character, and takes it. */
char sleep_for_character(void);

#endif
