/* SPDX-License-Identifier: MIT */
/*
 * The block device driver (VirtIO 1.4, section 5.2).
 *
 *     vpt_blk_open(&blk, &queue, &device);              all of this, with one queue and defaults:
 *
 *     vpt_blk_init(&blk, &device, NULL);                negotiates and reads the configuration
 *     vpt_blk_ranges_init(&blk, ranges);                only for discard, write zeroes and secure erase
 *     vpt_blk_queue_init(&queue, &blk, 0, &config);     the queue
 *     vpt_driver_start(&blk.driver);                    DRIVER_OK
 *
 * then, per queue and under the caller's lock for that queue, either asynchronous requests (vpt_blk_submit(), and kick
 * and poll of request.h on `queue.requests`) or the blocking helpers. Quiesce, reset, restart and release are
 * request.h's too. Sectors are always 512 bytes, whatever the block size.
 */
#ifndef VPT_BLK_H
#define VPT_BLK_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_BLK_SECTOR_SIZE 512u
#define VPT_BLK_ID_SIZE     20u

#define VPT_BLK_F_SIZE_MAX     1u
#define VPT_BLK_F_SEG_MAX      2u
#define VPT_BLK_F_GEOMETRY     4u
#define VPT_BLK_F_RO           5u
#define VPT_BLK_F_BLK_SIZE     6u
#define VPT_BLK_F_FLUSH        9u
#define VPT_BLK_F_TOPOLOGY     10u
#define VPT_BLK_F_CONFIG_WCE   11u
#define VPT_BLK_F_MQ           12u
#define VPT_BLK_F_DISCARD      13u
#define VPT_BLK_F_WRITE_ZEROES 14u
#define VPT_BLK_F_SECURE_ERASE 16u

/*
 * What ranges an operation takes. All zero: the operation is not there, since vpt_blk_ranges_init() was not called, its
 * feature is not offered, or its limits allow no range at all (none in a request, or no sector in one).
 */
struct vpt_blk_limits {
    uint32_t sectors;   /* in one range at most, a multiple of `alignment` */
    uint32_t ranges;    /* in one request at most */
    uint32_t alignment; /* in sectors: a range starts at a multiple of it, and ends at one or at the capacity */
};

/* What the device says of itself. Fields whose feature is not offered hold the value after "else". */
struct vpt_blk_info {
    uint64_t capacity;       /* 512-byte sectors; see vpt_blk_refresh() */
    bool read_only;          /* else false */
    bool flush;              /* flushes are understood; else false */
    bool write_back;         /* completed writes may be in a volatile cache until a flush; else the same as `flush` */
    bool write_back_switch;  /* by vpt_blk_set_write_back(); else false */
    bool write_zeroes_unmap; /* zeroed ranges may be unmapped; see vpt_blk_limits; else false */
    uint16_t queues;         /* request queues, at least 1; else 1 */
    uint32_t block_size;     /* bytes, a power of two; else 512. Above 512: see vpt_blk_submit() */
    uint32_t size_max;       /* bytes in one segment; else 0xffffffff */
    uint32_t seg_max;        /* data segments in one request, at least 1; else 1, and see VPT_BLK_SLOTS_SIZE() */
    uint16_t cylinders;      /* geometry; else 0 */
    uint8_t heads;
    uint8_t sectors;
    uint8_t physical_block_exponent; /* a physical block is block_size << this; else 0 */
    uint8_t alignment_offset;        /* of the first aligned block, in blocks; else 0 */
    uint16_t minimum_io_size;        /* suggested, in blocks; else 0 */
    uint32_t optimal_io_size;        /* suggested largest, in blocks; else 0 */
    struct vpt_blk_limits discard;
    struct vpt_blk_limits write_zeroes;
    struct vpt_blk_limits secure_erase;
};

struct vpt_blk_range_ops;

/* A block device, in the caller's memory. Read `info`; `driver` is for the calls of request.h; the rest is private. */
struct vpt_blk {
    struct vpt_driver driver;
    struct vpt_blk_info info;
    const struct vpt_blk_range_ops *range_ops; /* NULL before vpt_blk_ranges_init() */
    uint16_t ranges;                           /* in one request at most */
    enum vpt_status (*repeat_write_back)(struct vpt_device *device, struct vpt_blk_info *info,
                                         bool write_back); /* NULL before vpt_blk_set_write_back() */
};

enum vpt_blk_operation {
    VPT_BLK_READ = 0,
    VPT_BLK_WRITE = 1,
    VPT_BLK_FLUSH = 4,
    VPT_BLK_GET_ID = 8,
    VPT_BLK_DISCARD = 11,      /* these sectors are needed no more; they read as anything afterwards (BLK-OP-15) */
    VPT_BLK_WRITE_ZEROES = 13, /* they read as zeroes afterwards */
    VPT_BLK_SECURE_ERASE = 14  /* their content is to be irrecoverable, copies of it included */
};

/* What a discard, write-zeroes or secure-erase is about. */
struct vpt_blk_range {
    uint64_t sector;  /* the first one */
    uint32_t sectors; /* how many, at least 1 */
    bool unmap;       /* write-zeroes: the device may unmap them (write_zeroes_unmap); else false (BLK-OP-14) */
};

struct vpt_blk_request {
    enum vpt_blk_operation operation;
    uint64_t sector;                    /* first sector of a read or write; else 0 */
    const struct vpt_segment *segments; /* data, at device addresses; read during the call only */
    uint16_t segment_count;             /* 0 for a flush and where there are ranges */
    uint16_t range_count;               /* of the three operations that have ranges; no other looks at them */
    const struct vpt_blk_range *ranges; /* the driver's own memory; read during the call only */
};

/* What the device sees of a request beside its data. Private. */
struct vpt_blk_slot {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
    uint8_t status;
    uint8_t padding[15];
};

/* A range as the device reads it (section 5.2.6). */
struct vpt_blk_range_record {
    uint64_t sector;
    uint32_t sectors;
    uint32_t flags;
};

/*
 * Memory for a queue, for struct vpt_queue_memory: tables hold the header and the status byte too. Without ranges a
 * slot is VPT_BLK_SLOTS_SIZE(1, 0) bytes.
 *
 * A device without SEG_MAX does not say how many segments it takes, and some take one alone and fail every request that
 * has more. It gets one, unless `segments` of struct vpt_requests_config asks for more: that is for a kernel that knows
 * its device.
 */
#define VPT_BLK_INDIRECT_SIZE(requests, segments) VPT_QUEUE_INDIRECT_SIZE(requests, VPT_AS(size_t, segments) + 2u)
#define VPT_BLK_SLOTS_SIZE(requests, ranges)                                                        \
    ((sizeof(struct vpt_blk_slot) + sizeof(struct vpt_blk_range_record) * VPT_AS(size_t, ranges)) * \
     VPT_AS(size_t, requests))

/* A queue of a block device, in the caller's memory; `requests` is for the calls of request.h. */
struct vpt_blk_queue {
    struct vpt_requests requests;
};

/*
 * Resets the device, negotiates (vpt_device_negotiate()) and reads the configuration into blk->info.
 * `choice` is what the kernel requires and refuses of the features that the library knows; NULL: nothing.
 * VPT_UNSUPPORTED_FEATURE: one that is required is not offered, is refused too, or is none of those.
 * FLUSH is accepted where it is offered, and then the device may keep completed writes in a volatile cache
 * (info.write_back): a kernel that never calls vpt_blk_flush() refuses it, or turns the cache off, or may lose writes.
 * VPT_UNSUPPORTED_DEVICE: not a block device, which is left alone. VPT_DEVICE_CONFIG: block_size is no power of two
 * from 512 up, a physical block would reach 4 GiB, size_max and seg_max leave no room for a sector, there are 0 queues,
 * or the configuration is too short for what the device offers (or, memory-mapped, for what was mapped).
 * Zones are not handled: a host-managed zoned disk is given up (VPT_UNSUPPORTED_DEVICE, BLK-INIT-8); a host-aware one
 * is an ordinary disk (BLK-INIT-9).
 * On failure *blk is zeroed, and the device FAILED unless its reset failed. Init, thread or panic; device's lock, and
 * it excludes every queue.
 */
enum vpt_status vpt_blk_init(struct vpt_blk *blk, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Makes discard, write zeroes and secure erase available, as far as the device has them: reads their limits into
 * blk->info. To be called between vpt_blk_init() and the first vpt_blk_queue_init(), which reserves memory for ranges
 * only then; a kernel that never calls this does not link what they need.
 *
 * VPT_OK: info says what there is, maybe nothing. VPT_CALLER_STATE: not in that interval. VPT_DEVICE_CONFIG: the
 * configuration is too short for what is offered. VPT_DEVICE_CONFIG_UNSTABLE, VPT_DEVICE_GONE. After a failure nothing
 * has changed, and the disk can be used without. Init, thread or panic; device's lock.
 */
enum vpt_status vpt_blk_ranges_init(struct vpt_blk *blk, uint16_t ranges);

/*
 * Sets up request queue `index`, below info.queues (others: VPT_UNSUPPORTED_QUEUE); any number of them may be set up.
 * Each has its own objects and memory, is used under its own lock, and changes nothing that another one reads; a reset
 * ends all of them. NULL for `config` is a zeroed one. Statuses are those of vpt_queue_init(), VPT_CALLER_STATE for
 * an object that is in use and stays as it is among them; VPT_DEVICE_QUEUE_SIZE also for a ring too small for one
 * request; VPT_CALLER_TOO_LONG: more memory for ranges than a size_t can say. After VPT_UNSUPPORTED_QUEUE and
 * VPT_CALLER_ARGUMENT *queue is as it was; on any other failure it is zeroed, and another config may be tried, unless
 * the device was reset (vpt_queue_init()). Init, thread or panic; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_blk_queue_init(struct vpt_blk_queue *queue, struct vpt_blk *blk, uint16_t index,
                                   const struct vpt_requests_config *config);

/*
 * Brings a disk up with one queue and defaults: vpt_blk_init(), vpt_blk_queue_init() of queue 0, vpt_driver_start().
 *
 * Returns
 *   those of the three; on failure both objects are zeroed, and the queue's memory is the port's again
 *   VPT_DEVICE_STUCK          but then, as far as there is a queue, the objects stay and the memory is the device's:
 *                             reset it again, then vpt_driver_release()
 * Context: init or thread; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_blk_open(struct vpt_blk *blk, struct vpt_blk_queue *queue, struct vpt_device *device);

/*
 * Submits a request; it comes back once, by vpt_requests_poll(), with `token`. The device sees it at the next
 * vpt_requests_kick(). Data belongs to the device until the completion.
 *
 * On a disk whose block_size is above 512, requests are to begin and end with blocks: many devices fail others, which
 * come back with VPT_DEVICE_IO_ERROR.
 *
 * VPT_RESOURCE_FULL: complete something first. VPT_CALLER_RANGE: past the capacity (BLK-OP-2).
 * VPT_CALLER_ALIGNMENT: no whole number of sectors (BLK-OP-6), or not 20 bytes for get-id (BLK-OP-8).
 * VPT_CALLER_TOO_LONG: too many segments, or one above size_max. VPT_CALLER_READ_ONLY.
 * VPT_UNSUPPORTED_REQUEST: a flush where FLUSH is not negotiated, or an unknown operation.
 * VPT_CALLER_ARGUMENT: no data, an empty segment, data with a flush, a sector with a flush or get-id. Or why the
 * queue is dead.
 *
 * With ranges, also: VPT_UNSUPPORTED_REQUEST: the operation's limits are zero, or an unmap that write_zeroes_unmap does
 * not allow. VPT_CALLER_TOO_LONG: more ranges than the limits, or than vpt_blk_ranges_init() was told, or one of too
 * many sectors. VPT_CALLER_ALIGNMENT: a start or an end off the alignment. VPT_CALLER_ARGUMENT: no range, an empty one,
 * an unmap of another operation than write-zeroes, a sector or data beside ranges. After an error completion the state
 * of each range is unknown (BLK-OP-16).
 */
enum vpt_status vpt_blk_submit(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token);

/*
 * A transfer by a list of segments of any number and lengths, which is cut into requests: none has more segments,
 * longer ones or more bytes (1 MiB) than the device takes, and each ends with a block where the whole transfer does,
 * else with a sector.
 *
 *     vpt_blk_list_begin(&list, &queue, segments, count, sector)
 *     while (vpt_blk_list_next(&list, &queue, &request, pieces, 16) == VPT_OK) {
 *         vpt_blk_submit(&queue, &request, token)       VPT_RESOURCE_FULL: submit the same request again later
 *     }
 */
struct vpt_blk_list {
    /* Private. */
    const struct vpt_segment *segments; /* what is left; the first one from `offset` on */
    size_t count;
    uint64_t sector;
    uint32_t offset;
    uint32_t granule; /* bytes */
};

/*
 * Begins with the first of `count` segments, which stay the caller's and as they are until the last request is made.
 *
 * Returns
 *   VPT_OK
 *   VPT_CALLER_ARGUMENT       an empty segment, or a queue that is not set up
 *   VPT_CALLER_ALIGNMENT      no whole number of sectors
 *   VPT_CALLER_RANGE          past the capacity
 * Context: any; queue's lock.
 */
enum vpt_status vpt_blk_list_begin(struct vpt_blk_list *list, const struct vpt_blk_queue *queue,
                                   const struct vpt_segment *segments, size_t count, uint64_t sector);

/*
 * Makes the next request: its sector and its segments, which are put into `pieces`, at most `room` of them. The
 * operation is the caller's.
 *
 * Returns
 *   VPT_OK
 *   VPT_EMPTY                 there is nothing left
 *   VPT_RESOURCE_SEGMENTS     a block, or sector, lies in more pieces than `room` or a request takes
 * Context: any; queue's lock.
 */
enum vpt_status vpt_blk_list_next(struct vpt_blk_list *list, const struct vpt_blk_queue *queue,
                                  struct vpt_blk_request *request, struct vpt_segment *pieces, uint16_t room);

/*
 * Blocking helpers: they share the caller's buffer through the port, split what is too long for one request, and
 * poll for at most VPT_WAIT_REQUEST per request. A request that does not return in time ends in a reset of the
 * device (so does a lie that is found meanwhile): then VPT_DEVICE_TIMEOUT, or VPT_DEVICE_STUCK if the reset did not
 * finish (the buffer stays the device's and shared). Bring-up starts over after either; until then calls on the queue
 * say VPT_CANCELLED, or again VPT_DEVICE_STUCK. On another error earlier parts may have been carried out.
 *
 * `size` is bytes, a multiple of 512; 0 is carried out as nothing. Blocks above 512 bytes: see vpt_blk_submit(); a
 * transfer of whole blocks is split into requests of whole blocks. VPT_CALLER_BUSY: asynchronous requests are in
 * flight. VPT_UNSUPPORTED_PORT: the port cannot share. VPT_RESOURCE_SEGMENTS: a block, or a sector of a transfer that
 * is not of whole blocks, lies in more pieces than one request takes: so it is with one segment to a request, a port
 * that shares page by page, and a buffer that is not aligned to the block size (or whose blocks are larger than a
 * page). Init, thread or panic; queue's lock, and for the reset the device's, which then excludes every queue: a kernel
 * that uses several queues at once holds off the others throughout, or uses the asynchronous calls.
 */
enum vpt_status vpt_blk_read(struct vpt_blk_queue *queue, uint64_t sector, void *buffer, size_t size);
enum vpt_status vpt_blk_write(struct vpt_blk_queue *queue, uint64_t sector, const void *buffer, size_t size);

/*
 * Makes all completed writes durable. Without FLUSH and a cache they already are (BLK-INIT-2), and nothing is sent; a
 * cache without FLUSH is VPT_UNSUPPORTED_REQUEST (turn it off).
 */
enum vpt_status vpt_blk_flush(struct vpt_blk_queue *queue);

/* Reads the device's id string into id[0..19] and puts a 0 at id[20]. */
enum vpt_status vpt_blk_get_id(struct vpt_blk_queue *queue, char id[VPT_BLK_ID_SIZE + 1u]);

/*
 * The same for `count` sectors from `sector` on, split by the device's limits into requests of one range each; nothing
 * is shared. Statuses as for submitting, before any part is carried out; a count of 0 is carried out as nothing. On an
 * error of the device some of the sectors may have been dealt with.
 */
enum vpt_status vpt_blk_discard(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count);
enum vpt_status vpt_blk_write_zeroes(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count, bool unmap);
enum vpt_status vpt_blk_secure_erase(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count);

/*
 * Turns the volatile write cache on or off (BLK-OP-12) and reads back what came of it into info.write_back. Turning it
 * off makes nothing durable that was completed before: flush then (BLK-OP-13).
 *
 * VPT_UNSUPPORTED_REQUEST: the device cannot be switched (info.write_back_switch), or has no FLUSH and the cache is to
 * be on. VPT_DEVICE_CONFIG: the device did not take it. VPT_CALLER_STATE: reset or FAILED since vpt_blk_init().
 * VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE: info is as before. Init, thread or panic; device's lock, and it excludes
 * vpt_blk_flush() on every queue.
 */
enum vpt_status vpt_blk_set_write_back(struct vpt_blk *blk, bool write_back);

/*
 * Reads the capacity again, the only field that changes by itself (BLK-OP-1): to be called from a thread after
 * vpt_device_interrupt() has returned VPT_INTERRUPT_CONFIGURATION. The new info.capacity holds for requests that are
 * submitted from then on. Requests in flight past the end of a disk that has shrunk come back as the device completes
 * them, most likely with VPT_DEVICE_IO_ERROR.
 *
 * VPT_DEVICE_NEEDS_RESET: the interrupt told of that. VPT_DEVICE_GONE, VPT_DEVICE_CONFIG_UNSTABLE. VPT_CALLER_STATE:
 * reset or FAILED since vpt_blk_init(). On failure the capacity stays as it was. Init, thread or panic; device's lock,
 * and it excludes every queue's submitting and blocking helpers, which read the capacity.
 */
enum vpt_status vpt_blk_refresh(struct vpt_blk *blk);

VPT_END_DECLARATIONS

#endif
