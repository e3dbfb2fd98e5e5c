/* SPDX-License-Identifier: MIT */
/*
 * The disk as the store uses it: one request at a time, through one buffer, asleep until it completes. The creator of
 * the object says how to sleep.
 */
#ifndef UNIKERNEL_STORAGE_H
#define UNIKERNEL_STORAGE_H

#include <vpt/blk.h>

#define STORAGE_BUFFER_SECTORS 64u
#define STORAGE_BUFFER_SIZE    (STORAGE_BUFFER_SECTORS * VPT_BLK_SECTOR_SIZE)

/* The creator sets the first four members, and zeroes the others. */
struct storage {
    struct vpt_device *device;
    struct vpt_memory buffer; /* STORAGE_BUFFER_SIZE bytes that the device reaches */
    /* Sleeps until the device interrupts for its queue; false: it does not. */
    bool (*wait)(void *ctx);
    void *ctx;

    bool up;
    bool stuck; /* the device still owns the buffer: no further request is possible */
    struct vpt_blk blk;
    struct vpt_blk_queue queue;

    /* Counters. */
    uint64_t requests;
    uint64_t wakeups;
};

/* Brings the disk up unless it is up. After a failure of this or a call below, call storage_down() first. */
enum vpt_status storage_up(struct storage *storage);

/* Resets the disk, so that the buffer is free whatever happened to a request. */
void storage_down(struct storage *storage);

/* Copies this many sectors from `sector` on to the start of the buffer; and from the buffer to the disk. */
enum vpt_status storage_read(struct storage *storage, uint64_t sector, uint32_t sectors);
enum vpt_status storage_write(struct storage *storage, uint64_t sector, uint32_t sectors);

/* Makes earlier writes durable. */
enum vpt_status storage_flush(struct storage *storage);

#endif
