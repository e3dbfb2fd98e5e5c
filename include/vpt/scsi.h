/* SPDX-License-Identifier: MIT */
/*
 * The SCSI host driver (VirtIO 1.4, section 5.6): commands for the logical units of a host's targets, and disks among
 * these.
 *
 *     vpt_scsi_open(&scsi, &device);
 *     vpt_scsi_report_luns(&scsi, target, luns, 17, &count);     for each target up to scsi.info.max_target
 *     vpt_scsi_inquiry(&scsi, target, lun, &unit);               what it is
 *     vpt_scsi_disk_open(&disk, &scsi, target, lun);             a disk
 *     vpt_scsi_disk_read(&disk, sector, buffer, size);
 *
 * A kernel with several requests in flight calls vpt_scsi_disk_submit() or vpt_scsi_submit(), and those of request.h on
 * `scsi.requests`. Blocking calls need that queue to be idle; each waits for at most VPT_WAIT_REQUEST for an answer,
 * then the device is reset, as vpt_requests_wait() says. All disks of a host share its queue and its lock.
 *
 * After a reset poll `scsi.requests` if something was submitted there, call vpt_scsi_drain(), then
 * vpt_driver_restart() or vpt_driver_release(). Disks stay usable after a restart.
 */
#ifndef VPT_SCSI_H
#define VPT_SCSI_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_SCSI_F_HOTPLUG 1u
#define VPT_SCSI_F_CHANGE  2u

#define VPT_SCSI_CDB_SIZE    32u
#define VPT_SCSI_SECTOR_SIZE 512u
#define VPT_SCSI_SERIAL_MAX  64u

/* Bytes of a slot of the request queue, for memory.slots of its config. */
#define VPT_SCSI_SLOT_SIZE 256u

/* How often a blocking call gives a command to a unit that wants it again: UNIT ATTENTION, or busy. */
#define VPT_SCSI_TRIES 4u

/* What the device says of itself; the first three are 1 where it says 0. */
struct vpt_scsi_info {
    uint32_t segments;    /* data segments in one command */
    uint32_t sectors;     /* suggested most of a transfer, in 512 bytes */
    uint32_t cmd_per_lun; /* commands in flight */
    uint32_t max_lun;     /* this one included, as for targets */
    uint16_t max_target;
};

/* A host, in the caller's memory. Read `info` and the features; change nothing. */
struct vpt_scsi {
    struct vpt_driver driver;
    struct vpt_scsi_info info;
    uint32_t ids; /* private */
    struct vpt_requests requests;
    struct vpt_requests control;
    struct vpt_requests events;
};

/* Sense keys, of vpt_scsi_request.key. */
#define VPT_SCSI_RECOVERED_ERROR 1u
#define VPT_SCSI_NOT_READY       2u
#define VPT_SCSI_MEDIUM_ERROR    3u
#define VPT_SCSI_HARDWARE_ERROR  4u
#define VPT_SCSI_ILLEGAL_REQUEST 5u
#define VPT_SCSI_UNIT_ATTENTION  6u
#define VPT_SCSI_DATA_PROTECT    7u
#define VPT_SCSI_ABORTED_COMMAND 11u

/* SCSI statuses, of vpt_scsi_request.status. */
#define VPT_SCSI_GOOD            0x00u
#define VPT_SCSI_CHECK_CONDITION 0x02u
#define VPT_SCSI_BUSY            0x08u

/*
 * A command and what came of it, in the caller's memory, which must stay until the command comes back. The caller fills
 * the first part in; the rest is for reading afterwards. After a reset it says nothing.
 */
struct vpt_scsi_request {
    uint8_t target;
    uint16_t lun;
    uint8_t cdb[VPT_SCSI_CDB_SIZE];     /* the command, zeroes behind it */
    const struct vpt_segment *segments; /* data, at device addresses; read during the call only */
    uint16_t readable;                  /* how many segments the device reads ... */
    uint16_t writable;                  /* ... or writes: one of the two is 0 */
    bool whole;                         /* less than all of the data is an error */
    void *token;                        /* for the caller alone */

    uint32_t length;  /* bytes of data that were transferred; 0 if the device says what cannot be */
    uint8_t response; /* the device's (D-SCSI-7), 0xff: it has not answered */
    uint8_t status;   /* the unit's, if `response` is 0 */
    uint8_t key;      /* sense, if `status` is VPT_SCSI_CHECK_CONDITION; all 0 if there is none */
    uint8_t asc;
    uint8_t ascq;
    /* Private. */
    uint32_t id;
    uint32_t asked;
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *scsi is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `scsi` is NULL.
 * VPT_DEVICE_CONFIG: it has no request queue, or its requests do not have the sizes that they have after a reset.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_init(struct vpt_scsi *scsi, struct vpt_device *device,
                              const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_scsi_init() and before vpt_driver_start(): 0 is for control, 1 for events, 2 for
 * requests. The first two may be left out by a kernel that neither aborts nor takes events. If `config` is NULL, the
 * memory is the port's, and has room for 32 requests, each with 16 segments, and for 16 events.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `scsi` is NULL, or not initialised.
 * VPT_UNSUPPORTED_QUEUE: `index` is above 2, or the device has no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_scsi_queue_init(struct vpt_scsi *scsi, uint16_t index, const struct vpt_requests_config *config);

/*
 * Calls vpt_scsi_init(), vpt_scsi_queue_init() for each queue with defaults, and vpt_driver_start(). This is for a
 * kernel that polls, or takes an interrupt line. On failure *scsi is zeroed and the port has its memory back, with the
 * exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *scsi stays as it is and the device may still access
 *     the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_scsi_open(struct vpt_scsi *scsi, struct vpt_device *device);

/*
 * Takes back all requests after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. Requests that were not polled before have come back unseen.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `scsi` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_scsi_drain(struct vpt_scsi *scsi);

/* ---- Commands ---- */

/*
 * Submits a command. It comes back once, by vpt_requests_poll(&scsi.requests), with `request` as its token, and with
 * one of these statuses. The device sees it at the next vpt_requests_kick(&scsi.requests).
 *   VPT_OK                     done; request->length says how much of the data was transferred
 *   VPT_EMPTY_SLOT             there is no such target or unit (any more)
 *   VPT_RESOURCE_FULL          the device or the unit is busy; submit it again later
 *   VPT_CANCELLED              it was aborted, by vpt_scsi_abort() or a reset of the unit or the device
 *   VPT_UNSUPPORTED_REQUEST    the unit does not know the command
 *   VPT_DEVICE_IO_ERROR        it failed: request->response, status and key say why. If key is
 *                              VPT_SCSI_UNIT_ATTENTION, it was not carried out, and is to be submitted again.
 *   VPT_DEVICE_REQUEST_STATUS  the device has not answered, or has answered something unknown
 * The data must have as many bytes as the command says; QEMU's device says wrong lengths otherwise.
 *
 * Returns
 * VPT_OK
 * VPT_RESOURCE_FULL: no slot is free, or info.cmd_per_lun commands are in flight; poll, then try again.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or a segment is empty.
 * VPT_CALLER_RANGE: the target or the unit is above those of `info`.
 * VPT_UNSUPPORTED_REQUEST: there is data in both directions.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_scsi_submit(struct vpt_scsi *scsi, struct vpt_scsi_request *request);

/*
 * Carries out a command and waits. Its data are the `size` bytes of the buffer, which the port shares; `direction` says
 * whether the device reads or writes them. The caller fills in target, lun and cdb. A command that a unit wants again
 * (UNIT ATTENTION, busy) is given to it VPT_SCSI_TRIES times at most.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, and `size` is not 0.
 * VPT_CALLER_TOO_LONG: one request does not take the buffer.
 * what the request comes to, as vpt_scsi_submit() says.
 * what vpt_scsi_submit(), vpt_shares_begin(), vpt_requests_ready() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_scsi_execute(struct vpt_scsi *scsi, struct vpt_scsi_request *request, enum vpt_direction direction,
                                 void *buffer, size_t size);

/*
 * Asks a target for its units. `luns` has room for `room` of them and one more. Their numbers are in luns[0] to
 * luns[*count - 1]; well-known units are left out. If there are as many as `room`, there may be more.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `room` is 0 or above 65535.
 * VPT_EMPTY_SLOT: there is no such target.
 * what vpt_scsi_execute() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_scsi_report_luns(struct vpt_scsi *scsi, uint8_t target, uint64_t *luns, uint32_t room,
                                     uint32_t *count);

#define VPT_SCSI_TYPE_DISK 0u
#define VPT_SCSI_TYPE_CD   5u

/* What a unit is. The texts are the device's: any bytes, padded with spaces. */
struct vpt_scsi_unit {
    uint8_t type;
    bool removable; /* its medium is */
    char vendor[8 + 1];
    char product[16 + 1];
    char revision[4 + 1];
};

/*
 * Asks what a unit is.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_EMPTY_SLOT: there is no such target or unit.
 * what vpt_scsi_execute() returns, without those of buffers.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_inquiry(struct vpt_scsi *scsi, uint8_t target, uint16_t lun, struct vpt_scsi_unit *unit);

/*
 * Reads the serial number of a unit, with a 0 behind it. It is the device's: any bytes.
 *
 * Returns
 * VPT_EMPTY: the unit has none.
 * what vpt_scsi_inquiry() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_get_serial(struct vpt_scsi *scsi, uint8_t target, uint16_t lun,
                                    char serial[VPT_SCSI_SERIAL_MAX + 1u]);

/*
 * Asks whether a unit is ready (TEST UNIT READY).
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_IO_ERROR: it is not; perhaps it has no medium.
 * what vpt_scsi_inquiry() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_test_ready(struct vpt_scsi *scsi, uint8_t target, uint16_t lun);

/* ---- Commands that are given up; the lock is that of the control queue, which waits here ---- */

/*
 * Tells the device to abort a command that has not come back. It still comes back, by vpt_requests_poll(), once: with
 * VPT_CANCELLED, or as if nothing had been said. Until then its memory is the device's. After another status than
 * VPT_OK only a reset of the unit or of the device brings it back.
 *
 * Returns
 * VPT_OK: the device has ended it, and it can be polled; or it had ended before.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_EMPTY_SLOT: there is no such target or unit.
 * VPT_CALLER_BUSY: the device has not answered an earlier call.
 * VPT_RESOURCE_FULL: the device is busy; call it again later.
 * VPT_DEVICE_TIMEOUT: the device does not answer.
 * VPT_DEVICE_IO_ERROR: the device refuses.
 * VPT_DEVICE_REQUEST_STATUS: the device has not answered as it should.
 * what vpt_requests_ready() and vpt_requests_quiesce() return.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_scsi_abort(struct vpt_scsi *scsi, const struct vpt_scsi_request *request);

/*
 * Resets a unit, which ends all commands that it has: they come back as vpt_scsi_abort() says. The next command gets a
 * UNIT ATTENTION.
 *
 * Returns
 * what vpt_scsi_abort() returns.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_scsi_reset_unit(struct vpt_scsi *scsi, uint8_t target, uint16_t lun);

/* ---- Events; the lock is that of the event queue ---- */

enum vpt_scsi_event_type {
    VPT_SCSI_EVENT_NONE = 0,  /* only `lost` is of interest */
    VPT_SCSI_EVENT_RESET = 1, /* `reason` is one of the next three */
    VPT_SCSI_EVENT_ASYNC = 2,
    VPT_SCSI_EVENT_CHANGE = 3 /* `reason` is asc, and ascq << 8: 0x092a is another capacity */
};

#define VPT_SCSI_RESET_HARD    0u
#define VPT_SCSI_RESET_RESCAN  1u /* a unit has come; of LUN 0: ask for the whole target (SCSI-EVENT-4) */
#define VPT_SCSI_RESET_REMOVED 2u /* a unit has gone; of LUN 0: the same */

#define VPT_SCSI_REASON_CAPACITY 0x092au

/* What the device says, in whatever numbers. */
struct vpt_scsi_event {
    uint32_t type; /* enum vpt_scsi_event_type */
    uint32_t reason;
    uint8_t target;
    uint16_t lun;
    bool lost; /* events before this one are lost: rescan all targets (SCSI-EVENT-3) */
};

/*
 * Takes the next event. Call it after an interrupt until VPT_EMPTY.
 *
 * Returns
 * VPT_OK: *event is filled.
 * VPT_EMPTY: there is none.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * what vpt_requests_poll() returns; after a reset VPT_CANCELLED or another status that it names, once for each event
 *     that the queue has room for.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_scsi_poll_event(struct vpt_scsi *scsi, struct vpt_scsi_event *event);

/* ---- Disks ---- */

/* A disk, or a CD, in the caller's memory. Read it; change nothing. Sectors have 512 bytes, whatever the block size. */
struct vpt_scsi_disk {
    struct vpt_scsi *scsi;
    uint64_t capacity;   /* sectors; see vpt_scsi_disk_refresh() */
    uint32_t block_size; /* bytes, a power of two from 512 to 1 MiB: transfers are of whole blocks */
    bool read_only;
    uint8_t shift; /* private: a block is 512 bytes << this */
    uint8_t target;
    uint16_t lun;
};

enum vpt_scsi_operation { VPT_SCSI_READ, VPT_SCSI_WRITE, VPT_SCSI_FLUSH };

/*
 * Finds out what a disk is like. On failure *disk is zeroed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_EMPTY_SLOT: there is no such target or unit.
 * VPT_UNSUPPORTED_DEVICE: the unit is neither a disk nor a CD.
 * VPT_DEVICE_CONFIG: the block size is no power of two from 512 to 1 MiB, or the disk is too large to be true.
 * VPT_DEVICE_IO_ERROR: the unit is not ready, or has failed.
 * what vpt_scsi_inquiry() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_disk_open(struct vpt_scsi_disk *disk, struct vpt_scsi *scsi, uint8_t target, uint16_t lun);

/*
 * Asks for capacity and block size again: after VPT_SCSI_EVENT_CHANGE. On failure they stay as they were.
 *
 * Returns
 * what vpt_scsi_disk_open() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_disk_refresh(struct vpt_scsi_disk *disk);

/*
 * Submits a read, a write or a flush, which has no sector and no segments. It comes back with `request` as its token,
 * as vpt_scsi_submit() says, or with VPT_DEVICE_IO_ERROR if less than all was transferred. Of *request the caller sets
 * nothing but its token.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, there is no data, or a flush has some; or a segment is empty.
 * VPT_CALLER_READ_ONLY: the disk is read-only.
 * VPT_CALLER_ALIGNMENT: the data is not of whole blocks.
 * VPT_CALLER_RANGE: the request reaches past the capacity.
 * what vpt_scsi_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_scsi_disk_submit(struct vpt_scsi_disk *disk, struct vpt_scsi_request *request,
                                     enum vpt_scsi_operation operation, uint64_t sector,
                                     const struct vpt_segment *segments, uint16_t count);

/*
 * Reads `size` bytes, whole blocks, from `sector` on. It shares the caller's buffer through the port, and splits what
 * is too long for one request. After an error earlier parts may have been carried out. A size of 0 does nothing.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the disk is not open.
 * VPT_CALLER_ALIGNMENT: the transfer is not of whole blocks.
 * VPT_CALLER_RANGE: the transfer reaches past the capacity.
 * VPT_DEVICE_IO_ERROR: the device reports that the request failed, or has transferred less.
 * what vpt_scsi_execute() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_scsi_disk_read(struct vpt_scsi_disk *disk, uint64_t sector, void *buffer, size_t size);

/*
 * Writes `size` bytes in the same way as vpt_scsi_disk_read() reads them.
 *
 * Returns
 * VPT_CALLER_READ_ONLY: the disk is read-only.
 * what vpt_scsi_disk_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_scsi_disk_write(struct vpt_scsi_disk *disk, uint64_t sector, const void *buffer, size_t size);

/*
 * Makes all completed writes durable (SYNCHRONIZE CACHE).
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `disk` is NULL, or not open.
 * VPT_UNSUPPORTED_REQUEST: the unit does not know flushes; it may have no cache.
 * what vpt_scsi_inquiry() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_scsi_disk_flush(struct vpt_scsi_disk *disk);

VPT_END_DECLARATIONS

#endif
