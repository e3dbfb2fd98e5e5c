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

/* Offsets in the configuration, for mock_config_set() and MOCK_CONFIG_VALUE(). */
#define MOCK_BLK_CAPACITY          0u
#define MOCK_BLK_SIZE_MAX          8u
#define MOCK_BLK_SEG_MAX           12u
#define MOCK_BLK_CYLINDERS         16u
#define MOCK_BLK_HEADS             18u
#define MOCK_BLK_SECTORS           19u
#define MOCK_BLK_BLK_SIZE          20u
#define MOCK_BLK_PHYSICAL_EXPONENT 24u
#define MOCK_BLK_ALIGNMENT_OFFSET  25u
#define MOCK_BLK_MIN_IO_SIZE       26u
#define MOCK_BLK_OPT_IO_SIZE       28u
#define MOCK_BLK_WRITEBACK         32u
#define MOCK_BLK_NUM_QUEUES        34u
#define MOCK_BLK_DISCARD           36u /* each: max sectors, max ranges, ... */
#define MOCK_BLK_WRITE_ZEROES      48u
#define MOCK_BLK_SECURE_ERASE      60u
#define MOCK_BLK_RANGE_SECTORS     0u /* ... at these offsets from it ... */
#define MOCK_BLK_RANGE_COUNT       4u
#define MOCK_BLK_RANGE_ALIGNMENT   8u /* ... write zeroes: write_zeroes_may_unmap, 1 byte */
#define MOCK_BLK_ZONED             72u
#define MOCK_BLK_ZONE_MODEL        92u

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
