/* SPDX-License-Identifier: MIT */
/* Accesses the disk by the blocking helpers. */
#ifndef KERNEL_BLOCKING_H
#define KERNEL_BLOCKING_H

#include "disk.h"

#define BLOCKING_SECTORS_MAX 2048u

/* Writes the pattern and prints "@wrote sector count". At most BLOCKING_SECTORS_MAX sectors. */
bool blocking_write(struct disk *disk, uint64_t sector, uint32_t sectors);

/* Reads and compares with the pattern. */
bool blocking_check(struct disk *disk, uint64_t sector, uint32_t sectors);

/* Reads sectors that were not written, and prints "@read sector count checksum". */
bool blocking_background(struct disk *disk, uint64_t sector, uint32_t sectors);

/* Reads the seed from sector 0 into disk->seed. */
bool blocking_seed(struct disk *disk);

/* Makes requests that must be refused. */
bool blocking_refusals(struct disk *disk);

#endif
