/* SPDX-License-Identifier: MIT */
/* How the main context learns that asynchronous requests have completed: by polling all the time, or by interrupt. */
#ifndef KERNEL_COMPLETION_H
#define KERNEL_COMPLETION_H

#include "disk.h"

/* Once the queue is set up: no interrupts yet. */
void completion_init(struct disk *disk);

/* Before a round of requests is shown to the device, with none in flight: interrupts if that is the life's way. */
void completion_begin(struct disk *disk);

/* With none in flight: tells the device not to interrupt until the next round, and counts whether it obeys. */
bool completion_quiet(struct disk *disk);

/* Waits for one request, for a bounded time, and adds to disk->measure. What came instead is said. */
bool completion_wait(struct disk *disk, struct vpt_completion *completion);

/*
 * After a life with interrupts: "@interrupts line|messages rounds sleeps queue configuration unwanted", and on a line
 * "@line number asked claimed".
 */
void completion_report(const struct disk *disk);

#endif
