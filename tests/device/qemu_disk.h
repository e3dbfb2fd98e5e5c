/* SPDX-License-Identifier: MIT */
/*
 * The block driver on a QEMU device behind any transport: a suite finds the device and passes it in. Results are
 * compared with the image, which is read as a file.
 */
#ifndef VPT_TESTS_DEVICE_DISK_H
#define VPT_TESTS_DEVICE_DISK_H

#include "qemu_support.h"

#define SECTOR VPT_BLK_SECTOR_SIZE

#define DISK_SIZE    0x200000u /* bytes: 4096 sectors */
#define DISK_SECTORS (DISK_SIZE / SECTOR)
#define DISK_SERIAL  "vpt test disk" /* value of serial= */

/* Optional ring features that a variant accepts. */
struct ring_features {
    bool indirect;
    bool event_idx;
};

struct disk {
    struct vpt_device *device; /* owned by the suite */
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_memory data; /* for asynchronous requests; see disk_data() */
    uint32_t data_flags;
};

extern struct disk disk;

/*
 * Initializes the driver without the features that the variant lacks, sets up queue 0, starts. `ring` and `config` may
 * be NULL.
 */
enum vpt_status disk_try(struct vpt_device *device, const struct ring_features *ring,
                         const struct vpt_requests_config *config);

/* Calls disk_try(), and asserts its success, the accepted features, and the device's information. */
void disk_start(struct vpt_device *device, const struct ring_features *ring, const struct vpt_requests_config *config);

/*
 * Resets the device, takes back the requests in flight, releases the queue and the data. Returns how many were
 * cancelled.
 */
unsigned disk_stop(void);

/* Allocates `size` bytes that the device reaches, in disk.data. */
void disk_data(size_t size);
struct vpt_segment disk_segment(size_t offset, uint32_t length);
uint8_t *disk_bytes(size_t offset);

/* Submits a request with one segment of disk.data. */
enum vpt_status disk_submit(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                            void *token);

/* Polls until a request completes, for a bounded time, and returns its status; `token` may be NULL. */
enum vpt_status disk_complete(void **token);

/* ---- Checks for every transport, each on a started disk ---- */

/* Blocking writes and reads of many sizes at many places; both are compared with the image. */
void disk_check_blocking(void);

/* Many requests at once, of several segments; the device chooses their order. A model holds the expected data. */
void disk_check_asynchronous(void);

/* Flush, and the id that serial=DISK_SERIAL set. */
void disk_check_flush_and_id(void);

/* Writes `bytes`, filled from the seed, and reads them back into `seen`; compares both with the image. */
void disk_check_works(uint8_t *bytes, uint8_t *seen, size_t size, uint32_t seed);

/* A reset returns all submitted requests, kicked or not. Leaves the disk stopped. */
void disk_check_reset_in_flight(void);

#endif
