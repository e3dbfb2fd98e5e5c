/* SPDX-License-Identifier: MIT */
/*
 * A block device for the simulated one (VirtIO 1.4, section 5.2): an in-memory disk, the configuration fields, and
 * what it checks of a request before carrying it out. It carries out no requests on zones.
 */
#ifndef VPT_TESTS_MOCK_BLK_H
#define VPT_TESTS_MOCK_BLK_H

#include "mock_device.h"

#define MOCK_BLK_SECTOR  512u
#define MOCK_BLK_ID_SIZE 20u
#define MOCK_BLK_LOG     1024u /* requests remembered: the last ones */

/* The configuration: MOCK_BLK_CAPACITY and so on are offsets. Width, the feature that a field needs, name. */
#define MOCK_BLK_FIELDS(X)                                                            \
    X(CAPACITY, 0, 8, MOCK_CONFIG_ALWAYS, "capacity")                                 \
    X(SIZE_MAX, 8, 4, F_SIZE_MAX, "size_max")                                         \
    X(SEG_MAX, 12, 4, F_SEG_MAX, "seg_max")                                           \
    X(CYLINDERS, 16, 2, F_GEOMETRY, "geometry.cylinders")                             \
    X(HEADS, 18, 1, F_GEOMETRY, "geometry.heads")                                     \
    X(SECTORS, 19, 1, F_GEOMETRY, "geometry.sectors")                                 \
    X(BLK_SIZE, 20, 4, F_BLK_SIZE, "blk_size")                                        \
    X(PHYSICAL_EXPONENT, 24, 1, F_TOPOLOGY, "topology.physical_block_exp")            \
    X(ALIGNMENT_OFFSET, 25, 1, F_TOPOLOGY, "topology.alignment_offset")               \
    X(MIN_IO_SIZE, 26, 2, F_TOPOLOGY, "topology.min_io_size")                         \
    X(OPT_IO_SIZE, 28, 4, F_TOPOLOGY, "topology.opt_io_size")                         \
    X(WRITEBACK, 32, 1, F_CONFIG_WCE, "writeback")                                    \
    X(NUM_QUEUES, 34, 2, F_MQ, "num_queues")                                          \
    X(DISCARD, 36, 4, F_DISCARD, "max_discard_sectors")                               \
    X(DISCARD_RANGES, 40, 4, F_DISCARD, "max_discard_seg")                            \
    X(DISCARD_ALIGNMENT, 44, 4, F_DISCARD, "discard_sector_alignment")                \
    X(WRITE_ZEROES, 48, 4, F_WRITE_ZEROES, "max_write_zeroes_sectors")                \
    X(WRITE_ZEROES_RANGES, 52, 4, F_WRITE_ZEROES, "max_write_zeroes_seg")             \
    X(WRITE_ZEROES_UNMAP, 56, 1, F_WRITE_ZEROES, "write_zeroes_may_unmap")            \
    X(SECURE_ERASE, 60, 4, F_SECURE_ERASE, "max_secure_erase_sectors")                \
    X(SECURE_ERASE_RANGES, 64, 4, F_SECURE_ERASE, "max_secure_erase_seg")             \
    X(SECURE_ERASE_ALIGNMENT, 68, 4, F_SECURE_ERASE, "secure_erase_sector_alignment") \
    X(ZONED, 72, 4, F_ZONED, "zoned.zone_sectors")                                    \
    X(OPEN_ZONES, 76, 4, F_ZONED, "zoned.max_open_zones")                             \
    X(ACTIVE_ZONES, 80, 4, F_ZONED, "zoned.max_active_zones")                         \
    X(APPEND_SECTORS, 84, 4, F_ZONED, "zoned.max_append_sectors")                     \
    X(WRITE_GRANULARITY, 88, 4, F_ZONED, "zoned.write_granularity")                   \
    X(ZONE_MODEL, 92, 1, F_ZONED, "zoned.model")

#define MOCK_BLK_OFFSET(constant, offset, width, feature, name) MOCK_BLK_##constant = (offset),
enum mock_blk_field { MOCK_BLK_FIELDS(MOCK_BLK_OFFSET) };

/* Of the fields of DISCARD, WRITE_ZEROES and SECURE_ERASE from the first one. */
#define MOCK_BLK_RANGE_SECTORS   0u
#define MOCK_BLK_RANGE_COUNT     4u
#define MOCK_BLK_RANGE_ALIGNMENT 8u /* write zeroes: write_zeroes_may_unmap, 1 byte */

#define MOCK_BLK_ZONES_NONE         0u
#define MOCK_BLK_ZONES_HOST_MANAGED 1u
#define MOCK_BLK_ZONES_HOST_AWARE   2u

/* What sectors hold after a discard or a secure erase (they may hold anything, BLK-OP-15). */
#define MOCK_BLK_DISCARDED 0xddu
#define MOCK_BLK_ERASED    0xeeu

/* Of an operation on ranges; `sectors` 0: it is not offered. */
struct mock_blk_limits {
    uint32_t sectors;
    uint32_t ranges;
    uint32_t alignment; /* write zeroes has none */
};

/* What the disk is like. Zeroed: 2048 sectors, writable, and no optional feature. A field that is 0 is not offered. */
struct mock_blk_options {
    uint64_t capacity; /* sectors of 512 bytes; 0: 2048 */
    bool read_only;
    bool flush;
    uint32_t size_max;
    uint32_t seg_max;
    uint32_t block_size;
    uint16_t cylinders; /* with these the geometry */
    uint8_t heads;
    uint8_t sectors;
    bool topology; /* with the next four, which may be 0 */
    uint8_t physical_exponent;
    uint8_t alignment_offset;
    uint16_t min_io_size;
    uint32_t opt_io_size;
    bool cache_switch; /* CONFIG_WCE; the cache mode at the start ... */
    bool write_back;   /* ... is this; no reset changes it */
    bool multi_queue;  /* MQ; num_queues is the number of queues that the device has */
    struct mock_blk_limits discard;
    struct mock_blk_limits write_zeroes;
    bool write_zeroes_unmap;
    struct mock_blk_limits secure_erase;
    bool zoned; /* ZONED, with the model below; a host-managed disk withholds FEATURES_OK (by the fault of that name) */
    uint8_t zone_model;
    const char *id; /* at most 20 characters; NULL: "mock disk" */
};

struct mock_blk_record {
    uint32_t type;
    uint64_t sector;
    uint64_t bytes;    /* of data */
    uint32_t segments; /* that hold data */
    uint32_t ranges;
    uint64_t range_sector; /* of the first range */
    uint32_t range_sectors;
    bool unmap;
    uint8_t status; /* what the device answered; 0xff: the status byte was not written */
    uint16_t queue;
    bool indirect;
};

struct mock_blk {
    struct mock_device *device;
    struct mock_blk_options options;
    uint8_t *disk;         /* capacity * 512 bytes: what is on it; a test may look and change */
    uint64_t most_sectors; /* the largest capacity that the configuration has shown */
    uint32_t changes;

    /* What happened since the device was made. */
    uint64_t requests;
    uint64_t reads;
    uint64_t writes;
    uint64_t flushes;
    uint64_t get_ids;
    uint64_t discarded; /* sectors */
    uint64_t zeroed;
    uint64_t unmapped; /* of those zeroed */
    uint64_t erased;
    uint64_t unaligned;                       /* ranges off the alignment, which is advice: no violation */
    uint64_t failures;                        /* answered with anything but OK */
    uint64_t unflushed;                       /* writes into the volatile cache since the last flush */
    struct mock_blk_record log[MOCK_BLK_LOG]; /* request n is at n % MOCK_BLK_LOG, n counted from 0 */
};

/*
 * Makes `device`, whose front end is there already, a block device: adds the features it offers, fills the
 * configuration. The queues are the caller's to set. False: no memory.
 */
bool mock_blk_init(struct mock_blk *blk, struct mock_device *device, const struct mock_blk_options *options);
void mock_blk_finish(struct mock_blk *blk);

/* The backend, for mock_device_init(); its context is a struct mock_blk. */
extern const struct mock_backend mock_blk_backend;

/* The last request, or NULL before the first. */
const struct mock_blk_record *mock_blk_last(const struct mock_blk *blk);

/* Another capacity, as a resize would; the disk itself does not grow, so sectors past either fail. */
void mock_blk_resize(struct mock_blk *blk, uint64_t capacity);

#endif
