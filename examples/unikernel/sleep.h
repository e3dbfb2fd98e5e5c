/* SPDX-License-Identifier: MIT */
/* Sleeps until the disk or the serial port's input interrupts. */
#ifndef UNIKERNEL_SLEEP_H
#define UNIKERNEL_SLEEP_H

#include <vpt/transport.h>

/* Call once. From then on the CPU takes interrupts. */
void sleep_init(struct vpt_device *disk, unsigned disk_line);

/*
 * Sleeps until the disk has interrupted for its queue, unless it has done so since the last call. False: it does not.
 */
bool sleep_for_disk(void *ctx);

/* Sleeps until a character arrives, and takes it. */
char sleep_for_character(void);

#endif
