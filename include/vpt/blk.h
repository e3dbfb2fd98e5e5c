/* SPDX-License-Identifier: MIT */
/*
 * The block device driver (VirtIO 1.4, section 5.2).
 *
 *     vpt_blk_open(&blk, &queue, &device);              the other calls but ranges, with one queue and defaults
 *
 *     vpt_blk_init(&blk, &device, NULL);                negotiates and reads the configuration
 *     vpt_blk_ranges_init(&blk, ranges);                only for discard, write zeroes and secure erase
 *     vpt_blk_queue_init(&queue, &blk, 0, &config);     sets the queue up
 *     vpt_driver_start(&blk.driver);                    DRIVER_OK
 *
 * After that each queue takes either asynchronous requests (vpt_blk_submit(), and kick and poll of request.h on
 * `queue.requests`) or blocking helpers, under the caller's lock for the queue. Quiesce, reset, restart and release are
 * calls of request.h too. A sector always has 512 bytes, whatever the block size.
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
 * Which ranges an operation takes. All members are 0 if the operation is not available: vpt_blk_ranges_init() was not
 * called, the feature is not offered, or the limits allow no range in a request or no sector in a range.
 */
struct vpt_blk_limits {
    uint32_t sectors;   /* in one range at most, a multiple of `alignment` */
    uint32_t ranges;    /* in one request at most */
    uint32_t alignment; /* sectors; a range starts at a multiple of this, and ends at one or at the capacity */
};

/* What the device says of itself. A field whose feature is not offered holds the value after "else". */
struct vpt_blk_info {
    uint64_t capacity;       /* 512-byte sectors; see vpt_blk_refresh() */
    bool read_only;          /* else false */
    bool flush;              /* the device understands flushes; else false */
    bool write_back;         /* completed writes may be in a volatile cache until a flush; else the same as `flush` */
    bool write_back_switch;  /* vpt_blk_set_write_back() works; else false */
    bool write_zeroes_unmap; /* zeroed ranges may be unmapped; see vpt_blk_limits; else false */
    uint16_t queues;         /* request queues, at least 1; else 1 */
    uint32_t block_size;     /* bytes, a power of two; else 512. Above 512: see vpt_blk_submit() */
    uint32_t size_max;       /* bytes in one segment; else 0xffffffff */
    uint32_t seg_max;        /* data segments in one request, at least 1; else 1: see VPT_BLK_SLOTS_SIZE() */
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
    VPT_BLK_DISCARD = 11, /* the sectors are not needed any more; they may read as anything afterwards (BLK-OP-15) */
    VPT_BLK_WRITE_ZEROES = 13, /* the sectors read as zeroes afterwards */
    VPT_BLK_SECURE_ERASE = 14  /* the content of the sectors and all copies of it become irrecoverable */
};

/* A range of a discard, a write-zeroes or a secure-erase. */
struct vpt_blk_range {
    uint64_t sector;  /* the first sector */
    uint32_t sectors; /* how many sectors, at least 1 */
    bool unmap;       /* write-zeroes: the device may unmap them (write_zeroes_unmap); else false (BLK-OP-14) */
};

struct vpt_blk_request {
    enum vpt_blk_operation operation;
    uint64_t sector;                    /* the first sector of a read or write; else 0 */
    const struct vpt_segment *segments; /* data, at device addresses; read during the call only */
    uint16_t segment_count;             /* 0 for a flush and for an operation that has ranges */
    uint16_t range_count;               /* only for the three operations that have ranges */
    const struct vpt_blk_range *ranges; /* the driver's own memory; read during the call only */
};

/* What the device sees of a request apart from its data. Private. */
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
 * Bytes of memory for struct vpt_queue_memory: tables also hold the header and the status byte. Without ranges a slot
 * has VPT_BLK_SLOTS_SIZE(1, 0) bytes.
 *
 * A device without SEG_MAX does not say how many segments it takes; some take only one and fail every request that has
 * more. So the driver uses one, unless `segments` of struct vpt_requests_config asks for more, which is for a kernel
 * that knows its device.
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
 * Resets the device, negotiates (vpt_device_negotiate()) and reads the configuration into blk->info. `choice` says
 * which features, of those that the library knows, the kernel requires or refuses; NULL: none. On failure *blk is
 * zeroed, and the device is FAILED unless its reset failed.
 *
 * FLUSH is accepted if it is offered, and then the device may keep completed writes in a volatile cache
 * (info.write_back). A kernel that never calls vpt_blk_flush() must refuse FLUSH or turn the cache off, or it may lose
 * writes.
 *
 * The driver does not handle zones: a host-managed zoned disk is given up (BLK-INIT-8), and a host-aware one is an
 * ordinary disk (BLK-INIT-9).
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_UNSUPPORTED_DEVICE: the device is no block device, and is left alone; or it is a host-managed zoned disk.
 * VPT_UNSUPPORTED_FEATURE: a feature that `choice` requires is not offered, is refused too, or is unknown to the
 *     library.
 * VPT_DEVICE_CONFIG: block_size is no power of two from 512 up, a physical block would reach 4 GiB, size_max and
 *     seg_max do not allow one sector, there are 0 queues, or the configuration (or what was mapped of it) is too short
 *     for what the device offers.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_blk_init(struct vpt_blk *blk, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Makes discard, write zeroes and secure erase available, as far as the device has them: reads their limits into
 * blk->info. `ranges` is how many ranges one request may have. Call this between vpt_blk_init() and the first
 * vpt_blk_queue_init(), because the queue's set-up reserves the memory for ranges; a kernel that never calls this does
 * not link the code for ranges. After a failure nothing has changed, and the disk can be used without ranges.
 *
 * Returns
 * VPT_OK: blk->info says which operations there are, maybe none.
 * VPT_CALLER_ARGUMENT: `blk` is NULL or zeroed.
 * VPT_CALLER_STATE: the device is not between negotiation and start.
 * VPT_DEVICE_CONFIG: the configuration is too short for what the device offers.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_blk_ranges_init(struct vpt_blk *blk, uint16_t ranges);

/*
 * Sets up request queue `index`, which is below info.queues; any number of these queues may be set up. Each has its own
 * objects, memory and lock, and changes nothing that another queue reads; a reset ends all of them. A NULL `config`
 * stands for a zeroed one. If the call fails and the list does not say that *queue stays as it is, *queue is zeroed;
 * another config may then be tried, unless the device was reset (vpt_queue_init()).
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `queue` or `blk` is NULL or `blk` is zeroed: *queue stays as it is; or what vpt_requests_init()
 *     says.
 * VPT_CALLER_STATE: *queue is in use and stays as it is, or the device is not between negotiation and start.
 * VPT_CALLER_TOO_LONG: the memory for ranges has more bytes than a size_t can count.
 * VPT_UNSUPPORTED_QUEUE: `index` is not below info.queues: *queue stays as it is; or what vpt_queue_init() says.
 * VPT_DEVICE_QUEUE_SIZE: the ring is too small for one request, or what vpt_queue_init() says.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_blk_queue_init(struct vpt_blk_queue *queue, struct vpt_blk *blk, uint16_t index,
                                   const struct vpt_requests_config *config);

/*
 * Brings a disk up with one queue and defaults: vpt_blk_init(), vpt_blk_queue_init() of queue 0, vpt_driver_start(). On
 * failure both objects are zeroed and the port has its memory back, with the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If the queue was set up, the objects stay as they are and the device may
 *     still access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_blk_open(struct vpt_blk *blk, struct vpt_blk_queue *queue, struct vpt_device *device);

/*
 * Submits a request. It comes back once, by vpt_requests_poll(), with `token`. The device sees it at the next
 * vpt_requests_kick(). The data belongs to the device until the request comes back. If a request with ranges comes back
 * with an error, the state of each range is unknown (BLK-OP-16).
 *
 * If block_size is above 512, a request must begin and end with a block: many devices fail other requests, which come
 * back with VPT_DEVICE_IO_ERROR.
 *
 * Returns
 * VPT_OK
 * VPT_RESOURCE_FULL: no slot is free; poll, then try again.
 * VPT_CALLER_ARGUMENT: there is no data, or an empty segment; a flush has data or a sector; a get-id has a sector. With
 *     ranges: there is no range, or an empty one; an operation other than write-zeroes has an unmap; there is a sector
 *     or data.
 * VPT_CALLER_STATE: the queue is not set up.
 * VPT_CALLER_RANGE: the request reaches past the capacity (BLK-OP-2).
 * VPT_CALLER_READ_ONLY: the disk is read-only and the request would change it.
 * VPT_CALLER_TOO_LONG: there are too many segments, or one is above size_max. With ranges: there are more than the
 *     limits or vpt_blk_ranges_init() allow, or one has too many sectors.
 * VPT_CALLER_ALIGNMENT: the data is no whole number of sectors (BLK-OP-6), or not 20 bytes for a get-id (BLK-OP-8).
 *     With ranges: a start or an end is not aligned.
 * VPT_UNSUPPORTED_REQUEST: a flush without FLUSH, or an unknown operation. With ranges: the operation's limits are
 *     zero, or write_zeroes_unmap does not allow an unmap.
 * why the queue has stopped.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_blk_submit(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token);

/*
 * A transfer by a list of segments of any number and lengths, which is cut into requests. No request has more segments,
 * longer ones or more bytes (1 MiB) than the device takes. Each request ends at a block's end if the whole transfer
 * does, else at a sector's.
 *
 *     vpt_blk_list_begin(&list, &queue, segments, count, sector)
 *     while (vpt_blk_list_next(&list, &queue, &request, pieces, 16) == VPT_OK) {
 *         vpt_blk_submit(&queue, &request, token)       VPT_RESOURCE_FULL: submit the same request again later
 *     }
 */
struct vpt_blk_list {
    /* Private. */
    const struct vpt_segment *segments; /* those that are left, the first one from `offset` on */
    size_t count;
    uint64_t sector;
    uint32_t offset;
    uint32_t granule; /* bytes */
};

/*
 * Begins with the first of `count` segments. The segments stay the caller's, and must not change until the last request
 * is made.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a segment is empty, a pointer is NULL, or the queue is not set up.
 * VPT_CALLER_ALIGNMENT: the segments are no whole number of sectors.
 * VPT_CALLER_RANGE: the transfer reaches past the capacity.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_blk_list_begin(struct vpt_blk_list *list, const struct vpt_blk_queue *queue,
                                   const struct vpt_segment *segments, size_t count, uint64_t sector);

/*
 * Makes the next request: sets its sector and its segments, which are stored in `pieces`, at most `room` of them. The
 * caller sets the operation.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: nothing is left.
 * VPT_RESOURCE_SEGMENTS: a block, or a sector, lies in more pieces than `room` or a request takes.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_blk_list_next(struct vpt_blk_list *list, const struct vpt_blk_queue *queue,
                                  struct vpt_blk_request *request, struct vpt_segment *pieces, uint16_t room);

/*
 * Reads `size` bytes, a multiple of 512, from `sector` on. Like all blocking helpers it is for a queue without
 * asynchronous requests in flight. It shares the caller's buffer through the port, splits what is too long for one
 * request, and polls for at most VPT_WAIT_REQUEST for each request. After an error earlier parts may have been carried
 * out. A size of 0 does nothing.
 *
 * If a request does not come back in time, or the queue stops, the device is reset. Bring-up must start again then;
 * before that, calls on the queue return VPT_CANCELLED or VPT_DEVICE_STUCK. The reset excludes every queue, so a kernel
 * that uses several queues at once keeps the others idle throughout, or uses asynchronous requests.
 *
 * A transfer of whole blocks is split into requests of whole blocks; for blocks above 512 bytes see vpt_blk_submit().
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `queue` or `buffer` is NULL.
 * VPT_CALLER_BUSY: asynchronous requests are in flight.
 * VPT_CALLER_ALIGNMENT: the size is no multiple of 512.
 * VPT_CALLER_RANGE: the transfer reaches past the capacity.
 * VPT_RESOURCE_SEGMENTS: a block, or a sector if the transfer is not of whole blocks, lies in more pieces than one
 *     request takes. That happens if a request has one segment, the port shares page by page, and the buffer is not
 *     aligned to the block size or a block is larger than a page.
 * VPT_DEVICE_IO_ERROR: the device reports that the request failed.
 * VPT_DEVICE_REQUEST_STATUS: the device wrote no status, or an unknown one.
 * VPT_DEVICE_TIMEOUT: a request did not come back; the device was reset.
 * VPT_DEVICE_STUCK: a reset of the device did not finish: the buffer stays the device's and shared.
 * VPT_UNSUPPORTED_REQUEST: the device does not know the request.
 * VPT_UNSUPPORTED_PORT: the port cannot share.
 * what vpt_requests_ready() and vpt_requests_wait() return.
 * an error of the port's share().
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_blk_read(struct vpt_blk_queue *queue, uint64_t sector, void *buffer, size_t size);

/*
 * Writes `size` bytes, a multiple of 512, from `sector` on, in the same way as vpt_blk_read() reads them.
 *
 * Returns
 * VPT_CALLER_READ_ONLY: the disk is read-only.
 * what vpt_blk_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_blk_write(struct vpt_blk_queue *queue, uint64_t sector, const void *buffer, size_t size);

/*
 * Makes all completed writes durable. If there is neither FLUSH nor a cache, the writes are durable already
 * (BLK-INIT-2), and nothing is sent.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `queue` is NULL.
 * VPT_UNSUPPORTED_REQUEST: there is a cache without FLUSH; turn it off.
 * VPT_DEVICE_IO_ERROR: the device reports that the flush failed.
 * VPT_DEVICE_REQUEST_STATUS: the device wrote no status, or an unknown one.
 * what vpt_requests_ready() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_blk_flush(struct vpt_blk_queue *queue);

/*
 * Reads the device's id string into id[0..19] and stores a 0 in id[20].
 *
 * Returns
 * what vpt_blk_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_blk_get_id(struct vpt_blk_queue *queue, char id[VPT_BLK_ID_SIZE + 1u]);

/*
 * Carries the operation out for `count` sectors from `sector` on, split by the device's limits into requests of one
 * range each; no memory is shared. A count of 0 does nothing. After an error of the device the operation may have been
 * carried out for some of the sectors.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `queue` is NULL.
 * VPT_CALLER_RANGE: the sectors reach past the capacity.
 * VPT_CALLER_READ_ONLY: the disk is read-only.
 * VPT_CALLER_ALIGNMENT: the start or the end is not aligned.
 * VPT_UNSUPPORTED_REQUEST: the operation's limits are zero, or the device does not know the request.
 * VPT_DEVICE_IO_ERROR: the device reports that a request failed.
 * VPT_DEVICE_REQUEST_STATUS: the device wrote no status, or an unknown one.
 * what vpt_requests_ready() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_blk_discard(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count);
enum vpt_status vpt_blk_secure_erase(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count);

/*
 * Writes zeroes to `count` sectors, as vpt_blk_discard() discards them. If `unmap` is true, the device may unmap them.
 *
 * Returns
 * VPT_UNSUPPORTED_REQUEST: write_zeroes_unmap does not allow an unmap; or what vpt_blk_discard() says.
 * what vpt_blk_discard() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_blk_write_zeroes(struct vpt_blk_queue *queue, uint64_t sector, uint64_t count, bool unmap);

/*
 * Turns the volatile write cache on or off (BLK-OP-12), and reads into info.write_back whether it is on. Turning it off
 * does not make durable what was completed before: flush afterwards (BLK-OP-13). Errors other than VPT_DEVICE_CONFIG
 * leave info as it was.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `blk` is NULL or zeroed.
 * VPT_CALLER_STATE: the device was reset or became FAILED since vpt_blk_init(), or is suspended.
 * VPT_UNSUPPORTED_REQUEST: the cache cannot be switched (info.write_back_switch), or is to be on and the device has no
 *     FLUSH.
 * VPT_DEVICE_CONFIG: the device did not take the change.
 * VPT_DEVICE_NEEDS_RESET: the device has failed.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device, flush; calls: registers, config_read.
 */
enum vpt_status vpt_blk_set_write_back(struct vpt_blk *blk, bool write_back);

/*
 * Reads the capacity again, which is the only field that changes by itself (BLK-OP-1). Call this from a thread after
 * vpt_device_interrupt() has returned VPT_INTERRUPT_CONFIGURATION. The new info.capacity holds for requests that are
 * submitted from then on. If a disk has shrunk, requests in flight past its end come back as the device completes them,
 * most likely with VPT_DEVICE_IO_ERROR. On failure the capacity stays as it was. The call excludes submitting and the
 * blocking helpers on every queue, because they read the capacity.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `blk` is NULL or zeroed.
 * VPT_CALLER_STATE: the device was reset or became FAILED since vpt_blk_init(), or is suspended.
 * VPT_DEVICE_NEEDS_RESET: the device has failed, which is what the interrupt was about.
 * VPT_DEVICE_GONE: the device was removed.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing.
 *
 * Context: init, thread, panic; lock: queues; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_blk_refresh(struct vpt_blk *blk);

VPT_END_DECLARATIONS

#endif
