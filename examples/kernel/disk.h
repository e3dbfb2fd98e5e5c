/* SPDX-License-Identifier: MIT */
/* A disk, brought up and taken down, and what is done to it in between. */
#ifndef KERNEL_DISK_H
#define KERNEL_DISK_H

#include <vpt/blk.h>

#include "devices.h"

/* One of the ways to drive the disk. */
struct disk_life {
    const char *name;
    const struct vpt_port *port;
    bool hand_memory_over; /* else the port's */
    bool plain_ring;       /* refuse indirect tables and the event index */
    uint16_t queue_size;   /* at most DISK_QUEUE_SIZE_MAX; 0: what the library would take */
};

/* What asynchronous requests cost. */
struct disk_measure {
    uint32_t requests;
    uint32_t kicks;        /* notifications sent; 0 also if the port does not see them */
    uint64_t submit_ticks; /* in the calls alone, without the time the device takes */
    uint64_t poll_ticks; /* of the polls that found something */
};

struct disk {
    struct device device;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    uint64_t seed; /* of the pattern: the disk's own first eight bytes */
    struct disk_measure measure;
};

#define DISK_QUEUE_SIZE_MAX 256u
#define DISK_REQUESTS       32u /* in flight at most */
#define DISK_SEGMENTS       4u  /* of data in one request at most */

/* Brings the disk up, works on it, takes it down. `number`: of the life, from 0; each has its own part of the disk. */
bool disk_live(const struct disk_life *life, const struct device_place *place, unsigned number);

#endif
