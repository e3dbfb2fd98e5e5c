/* SPDX-License-Identifier: MIT */
/* Work on the disk by asynchronous requests of several segments, as many in flight as go. */
#ifndef KERNEL_BATCH_H
#define KERNEL_BATCH_H

#include "disk.h"

#define BATCH_SECTORS_MAX 16u

/* What a batch's requests do with the data. */
enum batch_purpose {
    BATCH_WRITE,     /* write the pattern and say so: "@wrote sector count" */
    BATCH_CHECK,     /* read and compare with the pattern */
    BATCH_BACKGROUND /* read what is not ours and say its checksum: "@read sector count checksum" */
};

/* Request n is of least + n % spread sectors from first + (n * step % count) * stride on. */
struct batch_plan {
    uint64_t first;
    uint32_t count;
    uint32_t stride; /* sectors */
    uint32_t step;   /* without a common divisor with count: the order in which the places are visited */
    uint32_t least;  /* sectors; least + spread - 1 is at most BATCH_SECTORS_MAX */
    uint32_t spread;
};

/* Where request n goes. */
uint64_t batch_sector(const struct batch_plan *plan, uint32_t n);
uint32_t batch_sectors(const struct batch_plan *plan, uint32_t n);

/* Carries the plan out and adds to disk->measure. */
bool batch_run(struct disk *disk, const struct batch_plan *plan, enum batch_purpose purpose);

#endif
