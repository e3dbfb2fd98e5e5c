/* SPDX-License-Identifier: MIT */
/* Accesses the disk by asynchronous requests of several segments, as many in flight as fit. */
#ifndef KERNEL_BATCH_H
#define KERNEL_BATCH_H

#include "disk.h"

#define BATCH_SECTORS_MAX 16u

/* What a batch's requests do with the data. */
enum batch_purpose {
    BATCH_WRITE,     /* write the pattern and print "@wrote sector count" */
    BATCH_CHECK,     /* read and compare with the pattern */
    BATCH_BACKGROUND /* read sectors that were not written, and print "@read sector count checksum" */
};

/* Request n has least + n % spread sectors, starting at first + (n * step % count) * stride. */
struct batch_plan {
    uint64_t first;
    uint32_t count;
    uint32_t stride; /* sectors */
    uint32_t step;   /* coprime to count, so that each place is visited once */
    uint32_t least;  /* sectors; least + spread - 1 is at most BATCH_SECTORS_MAX */
    uint32_t spread;
};

/* First sector of request n; and its length in sectors. */
uint64_t batch_sector(const struct batch_plan *plan, uint32_t n);
uint32_t batch_sectors(const struct batch_plan *plan, uint32_t n);

/* Executes the plan and adds to disk->measure. */
bool batch_run(struct disk *disk, const struct batch_plan *plan, enum batch_purpose purpose);

#endif
