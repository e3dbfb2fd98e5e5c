/* SPDX-License-Identifier: MIT */
/*
 * The disk as the store uses it: one request at a time, through one buffer, and asleep until it completes. How to sleep
 * is the business of whoever makes the storage.
 */
#ifndef UNIKERNEL_STORAGE_H
#define UNIKERNEL_STORAGE_H

#include <vpt/blk.h>

#define STORAGE_BUFFER_SECTORS 64u
#define STORAGE_BUFFER_SIZE    (STORAGE_BUFFER_SECTORS * VPT_BLK_SECTOR_SIZE)

/* Whoever makes one sets the first four members, and zeroes the others. */
struct storage {
    struct vpt_device *device;
    struct vpt_memory buffer; /* STORAGE_BUFFER_SIZE bytes that the device reaches */
    /* Sleeps until the device has interrupted because of its queue; false if it does not do that. */
    bool (*wait)(void *ctx);
    void *ctx;

    bool up;
    bool stuck; /* the device has not let go of the buffer: nothing can be done any more */
    struct vpt_blk blk;
    struct vpt_blk_queue queue;

    /* What happened so far. */
    uint64_t requests;
    uint64_t wakeups;
};

/* Brings the disk up unless it is. After a failure, here or below, storage_down() comes before anything else. */
enum vpt_status storage_up(struct storage *storage);

/* Resets the disk, which gives the buffer back whatever has happened to a request. */
void storage_down(struct storage *storage);

/* Between so many sectors from `sector` on and the beginning of the buffer. */
enum vpt_status storage_read(struct storage *storage, uint64_t sector, uint32_t sectors);
enum vpt_status storage_write(struct storage *storage, uint64_t sector, uint32_t sectors);

/* Makes durable what has been written. */
enum vpt_status storage_flush(struct storage *storage);

#endif
