/* SPDX-License-Identifier: MIT */
/* How the main context learns that asynchronous requests have completed: by polling, or by interrupt. */
#ifndef KERNEL_COMPLETION_H
#define KERNEL_COMPLETION_H

#include "disk.h"

/* Call after the queue is set up. Interrupts are off. */
void completion_init(struct disk *disk);

/* Call before a round of requests is published, with none in flight. Turns interrupts on if this run uses them. */
void completion_begin(struct disk *disk);

/*
 * Call with none in flight. Tells the device not to interrupt until the next round, and counts interrupts that come
 * anyway.
 */
bool completion_quiet(struct disk *disk);

/* Waits for one request, for a bounded time, and adds to disk->measure. Prints what came instead. */
bool completion_wait(struct disk *disk, struct vpt_completion *completion);

/*
 * Prints, after a run with interrupts: "@interrupts line|messages rounds sleeps queue configuration unwanted", and on a
 * line "@line number asked claimed".
 */
void completion_report(const struct disk *disk);

#endif
