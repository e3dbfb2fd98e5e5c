/* SPDX-License-Identifier: MIT */
/*
 * What the suites of the block driver share: one machine with a disk, the driver's objects, and data that the device
 * reaches. All of it is one global object, since each test is a process of its own.
 */
#ifndef VPT_TESTS_BLK_SUPPORT_H
#define VPT_TESTS_BLK_SUPPORT_H

#include "support.h"

#define SECTOR VPT_BLK_SECTOR_SIZE

#define DISK_DATA_SIZE 0x40000u /* bytes of data for asynchronous requests */

struct disk {
    struct mock_machine machine;
    struct vpt_mmio mmio;
    struct vpt_device *device; /* &mmio.device */
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_memory data; /* the test's data, reached by the device for reading and writing */
};

extern struct disk disk;

/* ---- Bring-up and its end ---- */

/* A machine without a driver: disk.machine and disk.data alone are there. `options` may be NULL. */
void disk_machine(const struct variant *variant, const struct mock_machine_options *options);

void disk_probe(void);

/* Machine, probe and vpt_blk_init(): queues may be set up. */
void disk_init(const struct variant *variant, const struct mock_machine_options *options);

/* Probe, init, queue 0, start: the first status that is not VPT_OK, or VPT_OK. */
enum vpt_status disk_bring_up(const struct vpt_requests_config *config);

/* Machine and bring-up, asserted; either pointer may be NULL. */
void disk_start(const struct variant *variant, const struct mock_machine_options *options,
                const struct vpt_requests_config *config);

/* Takes the requests in flight back after a reset: how many there were. */
unsigned disk_drain(void);

/* Resets the device, takes back what is in flight, and releases the queue. */
void disk_stop(void);

/* Ends the machine, and asserts that nothing was done against a rule and that nothing leaks. */
void disk_finish(void);

/* Stops and finishes. */
void disk_end(void);

/* ---- Data ---- */

/* A piece of the data, for the device; and the same bytes for the test. */
struct vpt_segment disk_segment(size_t offset, uint32_t length);
uint8_t *disk_bytes(size_t offset);

/* What is on the simulated disk, seen from outside. */
uint8_t *disk_content(uint64_t sector);

/* Bytes that differ for each seed and position. */
void fill(void *bytes, size_t size, uint32_t seed);
bool filled(const void *bytes, size_t size, uint32_t seed);

/* Whether every byte is `value`. */
bool all_bytes(const void *bytes, size_t size, uint8_t value);

/* ---- Requests ---- */

enum vpt_status disk_submit(enum vpt_blk_operation operation, uint64_t sector, const struct vpt_segment *segments,
                            uint16_t count, void *token);

/* Submits a request of one segment of the data. */
enum vpt_status disk_submit_one(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                                void *token);

/* Polls a request that has to be there and returns its status; `token` may be NULL. */
enum vpt_status disk_poll_one(void **token);

/* Submits one-sector reads, without a kick, until one is refused: how many were taken. */
unsigned disk_submit_until_full(void);

/* Reads a sector by the blocking helper and compares it with the disk. */
enum vpt_status disk_read_sector(uint64_t sector);

/* A small deterministic generator for tests. */
uint32_t next_random(uint32_t *state);

#endif
