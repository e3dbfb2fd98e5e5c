/* SPDX-License-Identifier: MIT */
/* A disk, brought up and taken down, and what is done to it in between. */
#ifndef KERNEL_DISK_H
#define KERNEL_DISK_H

#include <vpt/blk.h>

#include "neighbour.h"

/* One of the ways to drive the disk. */
struct disk_life {
    const char *name;
    const struct vpt_port *port;
    bool hand_memory_over;              /* else the port's */
    bool plain_ring;                    /* refuse indirect tables and the event index */
    uint16_t queue_size;                /* at most DISK_QUEUE_SIZE_MAX; 0: what the library would take */
    enum vpt_interrupt_mode interrupts; /* how asynchronous requests complete; blocking ones always poll */
};

/* What asynchronous requests cost. */
struct disk_measure {
    uint32_t requests;
    uint32_t kicks;        /* notifications sent; 0 also if the port does not see them */
    uint64_t submit_ticks; /* in the calls alone, without the time the device takes */
    uint64_t poll_ticks;   /* of the polls that found something */
    uint32_t rounds;       /* of requests that had to complete by interrupt */
};

struct disk {
    struct device device;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    uint64_t seed; /* of the pattern: the disk's own first eight bytes */
    struct disk_measure measure;
    struct neighbour *neighbour; /* NULL: alone */

    /* See completion.c. */
    struct wiring wiring;
    bool drained; /* the last poll found nothing */
    bool quiet;   /* it is not to interrupt; claimed_before is how many interrupts there had been */
    uint32_t claimed_before;
    uint32_t unwanted;
};

#define DISK_QUEUE_SIZE_MAX 256u
#define DISK_REQUESTS       32u /* in flight at most */
#define DISK_SEGMENTS       4u  /* of data in one request at most */

/*
 * Brings the disk up, works on it, takes it down. `number`: of the life, from 0; each has its own part of the disk. The
 * entropy source lives beside the disk when that interrupts on a line.
 */
bool disk_live(const struct disk_life *life, const struct devices *devices, unsigned number);

#endif
