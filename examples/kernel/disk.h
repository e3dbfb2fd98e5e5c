/* SPDX-License-Identifier: MIT */
/* Brings a disk up, tests it, and takes it down. */
#ifndef KERNEL_DISK_H
#define KERNEL_DISK_H

#include <vpt/blk.h>

#include "neighbour.h"

/* Options of one run on the disk. */
struct disk_life {
    const char *name;
    const char *label; /* at most nine characters, for a chart */
    const struct vpt_port *port;
    bool hand_memory_over;              /* give the library its memory; else the port allocates it */
    bool plain_ring;                    /* refuse indirect tables and the event index */
    uint16_t queue_size;                /* at most DISK_QUEUE_SIZE_MAX; 0: the library's default */
    enum vpt_interrupt_mode interrupts; /* how asynchronous requests complete; blocking ones always poll */
};

/* Cost of asynchronous requests. */
struct disk_measure {
    uint32_t requests;
    uint32_t kicks;        /* notifications sent; 0 if the port does not count */
    uint64_t submit_ticks; /* in the calls, without the device's time */
    uint64_t poll_ticks;   /* of polls that found a completion */
    uint32_t rounds;       /* rounds of requests completed by interrupt */
};

/* Ticks that a request took. */
struct disk_cost {
    const char *label; /* of the run */
    uint32_t submit;
    uint32_t poll;
};

struct disk {
    struct device device;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    uint64_t seed; /* seed of the pattern: the first eight bytes of the disk */
    struct disk_measure measure;
    struct neighbour *neighbour; /* NULL: none */

    /* See completion.c. */
    struct wiring wiring;
    bool drained; /* the last poll found nothing */
    bool quiet;   /* interrupts are off; claimed_before counts the earlier ones */
    uint32_t claimed_before;
    uint32_t unwanted;
};

#define DISK_QUEUE_SIZE_MAX 256u
#define DISK_REQUESTS       32u /* maximum in flight */
#define DISK_SEGMENTS       4u  /* maximum of data segments in a request */

/*
 * Brings the disk up, tests it, takes it down. `number` is the run's number, from 0; each run uses its own part of the
 * disk. The entropy source is used too if the disk interrupts on a line. Fills in *cost.
 */
bool disk_live(const struct disk_life *life, const struct devices *devices, unsigned number, struct disk_cost *cost);

#endif
