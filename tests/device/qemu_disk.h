/* SPDX-License-Identifier: MIT */
/*
 * The block driver on a device of QEMU's, whatever the transport: a suite finds the device and hands it over. What the
 * driver says is compared with the image, read as a file.
 */
#ifndef VPT_TESTS_DEVICE_DISK_H
#define VPT_TESTS_DEVICE_DISK_H

#include "qemu_support.h"

#define SECTOR VPT_BLK_SECTOR_SIZE

#define DISK_SIZE    0x200000u /* bytes: 4096 sectors */
#define DISK_SECTORS (DISK_SIZE / SECTOR)
#define DISK_SERIAL  "vpt test disk" /* what serial= is to say */

/* Optional features of a ring that a variant accepts. */
struct ring_features {
    bool indirect;
    bool event_idx;
};

struct disk {
    struct vpt_device *device; /* the suite's */
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_memory data; /* for asynchronous requests; see disk_data() */
    uint32_t data_flags;
};

extern struct disk disk;

/* Init without the features that the variant does not have, queue 0, start. Either may be NULL. */
enum vpt_status disk_try(struct vpt_device *device, const struct ring_features *ring,
                         const struct vpt_requests_config *config);

/* The same, asserted, with the accepted features and what the device says of itself. */
void disk_start(struct vpt_device *device, const struct ring_features *ring, const struct vpt_requests_config *config);

/* Resets the device, takes back what is in flight, releases the queue and the data. How many were cancelled. */
unsigned disk_stop(void);

/* `size` bytes that the device reaches, in disk.data. */
void disk_data(size_t size);
struct vpt_segment disk_segment(size_t offset, uint32_t length);
uint8_t *disk_bytes(size_t offset);

/* Submits a request of one segment of the data. */
enum vpt_status disk_submit(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                            void *token);

/* Polls until something completes, for a bounded time, and returns its status; `token` may be NULL. */
enum vpt_status disk_complete(void **token);

/* ---- What every transport has to show, each on a started disk ---- */

/* Blocking writes and reads of many sizes at many places, in both directions through the image. */
void disk_check_blocking(void);

/* Many requests at once, of several segments, in an order of the device's choice, against a model. */
void disk_check_asynchronous(void);

/* Flush, and the id that serial=DISK_SERIAL gave. */
void disk_check_flush_and_id(void);

/* Writes `bytes`, filled from the seed, and reads them back into `seen`, both held against the image. */
void disk_check_works(uint8_t *bytes, uint8_t *seen, size_t size, uint32_t seed);

/* A reset takes back what was submitted, shown to the device or not. Leaves the disk stopped. */
void disk_check_reset_in_flight(void);

#endif
