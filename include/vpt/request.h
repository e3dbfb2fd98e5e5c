/* SPDX-License-Identifier: MIT */
/*
 * What all drivers have in common: a device with its bring-up, and queues of requests with slots.
 *
 * A kernel uses one set of calls for all drivers. `disk.driver` and `queue.requests` are members of a driver's objects:
 *
 *     vpt_driver_start(&disk.driver)                        starts the device
 *     vpt_requests_kick(&queue.requests)                    shows the device what was submitted
 *     vpt_requests_poll(&queue.requests, &completion)       takes back one request
 *     vpt_requests_quiesce(&queue.requests, done, ctx)      waits until all are back
 *     vpt_requests_reset(&queue.requests)                   ends those of one queue: poll takes them back
 *     vpt_device_reset(device)                              ends all of them
 *     vpt_driver_restart(&disk.driver, NULL)                brings the device up again on the memory it has
 *     vpt_driver_release(&disk.driver)                      gives the memory back
 *
 * The author of a driver adds a constant struct vpt_driver_kind and struct vpt_requests_kind, and submits by
 * vpt_requests_next() and vpt_requests_submit(); docs/drivers.md shows a whole driver.
 *
 * A slot belongs to one request at a time. It has the header that the device reads, the reply that the device writes,
 * and descriptors or an indirect table of its own, which are written once, at set-up. The device gives the number of
 * the slot back.
 */
#ifndef VPT_REQUEST_H
#define VPT_REQUEST_H

#include <vpt/queue.h>

VPT_BEGIN_DECLARATIONS

struct vpt_driver;
struct vpt_requests;
struct vpt_requests_config;

/* ---- A driver's device ---- */

/* The constant part of a driver. */
struct vpt_driver_kind {
    uint32_t type; /* VPT_DEVICE_TYPE_* */
    struct vpt_features required;
    struct vpt_features wanted;

    /*
     * Says whether the driver can work with the device, before the features are accepted: device->offered is what the
     * device offers, and the configuration may be read. It may remove features from device->features; if the kernel
     * requires one of them, the bring-up fails. A status other than VPT_OK gives the device up. NULL: it always can.
     */
    enum vpt_status (*examine)(struct vpt_driver *driver);

    /*
     * Reads and checks the configuration; device->features are accepted. It is called in each bring-up; the first time
     * driver->features is empty. If it fails, it must leave the driver's objects as they were. NULL: there is nothing
     * to read.
     */
    enum vpt_status (*configure)(struct vpt_driver *driver);
};

/* A driver's device, a member of the driver's object. Read `device` and `features`; change nothing. */
struct vpt_driver {
    struct vpt_device *device;
    const struct vpt_driver_kind *kind;
    struct vpt_features features; /* accepted by vpt_driver_init() */
    struct vpt_requests *first;   /* the queues in the order of their set-up. Private. */
};

/*
 * Resets the device, negotiates its features (vpt_device_negotiate()) and lets the driver read the configuration.
 * `choice` says which features, of those that the library knows, the kernel requires or refuses; NULL: none. On failure
 * *driver is zeroed, and the device is FAILED unless its reset failed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `device` is NULL.
 * VPT_UNSUPPORTED_DEVICE: the device is of another type, and is left alone; or `examine` returned this.
 * VPT_UNSUPPORTED_FEATURE: a feature that `choice` requires is not offered, is refused too, or is unknown to the
 *     library.
 * what vpt_device_negotiate(), `examine` and `configure` return.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_driver_init(struct vpt_driver *driver, struct vpt_device *device,
                                const struct vpt_driver_kind *kind, const struct vpt_feature_choice *choice);

/*
 * Starts the device (vpt_device_start()) after the set-up of the queues, and calls `started` of each queue's kind,
 * which fills the queues that receive.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `driver` is NULL or zeroed.
 * VPT_CALLER_STATE: the device is not between negotiation and start.
 * VPT_DEVICE_NEEDS_RESET: the device failed at once.
 * VPT_DEVICE_GONE: the device was removed.
 * what `started` returns.
 *
 * Context: init, thread, panic; lock: queues; calls: registers, config_read.
 */
enum vpt_status vpt_driver_start(struct vpt_driver *driver);

/*
 * Brings a device up again, with the objects, the memory and the features that it has: after a reset because of a
 * failure, and when a machine wakes up. It negotiates, tells the device how to interrupt if `interrupts` is not NULL
 * (vpt_device_choose_interrupts()), sets each queue up and starts the device. Nothing is allocated. Every request must
 * have been polled before. If a PCI function has lost its registers, call vpt_pci_bars_restore() before. After a
 * failure the call may be tried again, or the driver may be released after a reset.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `driver` is NULL or zeroed.
 * VPT_CALLER_BUSY: requests have not been polled; nothing was done.
 * VPT_UNSUPPORTED_FEATURE: a feature that was accepted is not offered any more.
 * what vpt_driver_init(), vpt_device_choose_interrupts(), vpt_queue_restart() and vpt_driver_start() return.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_driver_restart(struct vpt_driver *driver, struct vpt_interrupts *interrupts);

/*
 * Gives the memory of all queues back and zeroes the queues and *driver. Call it after a reset, once every request has
 * been polled. It does nothing if *driver is zeroed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `driver` is NULL.
 * VPT_CALLER_BUSY: requests have not been polled; nothing was done.
 * VPT_CALLER_STATE: the device has not been reset.
 * VPT_DEVICE_STUCK: the reset did not finish: the device may still access the memory.
 *
 * Context: init, thread, panic (handed over); lock: queues; calls: dma_free, mmio_unmap.
 */
enum vpt_status vpt_driver_release(struct vpt_driver *driver);

/*
 * Resets one queue while the device and its other queues work (vpt_queue_reset()). Afterwards vpt_requests_poll() takes
 * back each request in flight, as after a reset of the device, and the queue can be restarted or released; nothing is
 * to be submitted before.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `requests` is NULL.
 * what vpt_queue_reset() returns.
 *
 * Context: init, thread, panic; lock: queue, device; waits: queue; calls: registers, config_read, log.
 */
enum vpt_status vpt_requests_reset(struct vpt_requests *requests);

/*
 * Sets a queue up again after vpt_requests_reset(), while the device runs, and calls `started` of its kind. Every
 * request must have been polled. With a `config` of NULL the queue keeps its memory and its size, and nothing is
 * allocated. Otherwise it gets the size and the memory that vpt_requests_init() would give it; its old memory is given
 * back once there is new memory. After a failure to get that, the queue is as it was before the call, which can be
 * tried again in either way. After another failure it has the new size; if the device may use it by then
 * (VPT_DEVICE_QUEUE_STATE, or a failure of `started`), it must be reset before it can be restarted or released.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `requests` is NULL, or what vpt_requests_init() says.
 * VPT_CALLER_STATE: the queue is not set up, it was not reset alone, or the device does not run.
 * VPT_CALLER_BUSY: requests have not been polled.
 * what vpt_queue_restart(), vpt_requests_init() and `started` return.
 *
 * Context: init, thread, panic (handed over); lock: queue, device; calls: registers, config_read, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_requests_restart(struct vpt_requests *requests, const struct vpt_requests_config *config);

/*
 * Gives the memory of one queue back, zeroes the queue and takes it from its driver. Call it after a reset of the
 * device or of the queue, once every request has been polled. It does nothing if *requests is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `requests` is NULL.
 * what vpt_driver_release() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; calls: dma_free, mmio_unmap.
 */
enum vpt_status vpt_requests_release(struct vpt_requests *requests);

/* ---- For authors of drivers: the configuration; its fields by vpt_device_config_fields() ---- */

/*
 * Reads an array of bytes, a MAC address or a name, of which each 16 bytes are of one moment. After a failure `bytes`
 * may hold anything.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_CONFIG: the configuration is too short.
 * what vpt_device_config_fields() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_driver_bytes(struct vpt_device *device, uint32_t offset, uint8_t *bytes, unsigned count);

/*
 * Reads fields again, by vpt_device_config_fields(), of a device that may have changed them: call it from a thread
 * after vpt_device_interrupt() has returned VPT_INTERRUPT_CONFIGURATION. After an error `object` may hold anything.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `driver` is NULL or zeroed.
 * VPT_CALLER_STATE: the device was reset or became FAILED since its bring-up, or is suspended.
 * VPT_DEVICE_NEEDS_RESET: the device has failed, which is what the interrupt was about.
 * VPT_DEVICE_GONE: the device was removed.
 * what vpt_device_config_fields() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_driver_refresh(struct vpt_driver *driver, const struct vpt_config_field *fields, unsigned count,
                                   void *object);

/* ---- Queues of requests ---- */

/* What the requests of a queue look like to the device. Constant. */
struct vpt_requests_kind {
    uint16_t header;   /* bytes at the start of a slot that the device reads before the data; 0: none */
    uint32_t reply;    /* bytes behind the header that the device writes; 0: none. A reply without one excludes data */
    bool reply_first;  /* the reply comes before the data that the device writes, not behind it */
    uint16_t requests; /* in flight, if the queue's config does not say; 0: 64 */
    uint16_t segments; /* of data in one request, if the queue's config does not say; 0: 16 */

    /*
     * Returns the outcome of a used request; it reads the reply in the slot once. `length` is how many bytes the device
     * says it has written, never more than it could. vpt_requests_poll() and vpt_requests_poll_batch() call it, so it
     * must work in any context, and must not submit. NULL: VPT_OK.
     */
    enum vpt_status (*result)(const struct vpt_requests *requests, const void *slot, uint32_t length);

    /*
     * Adapts requests->segments and segment_max to the device's limits. It is called in each bring-up, and also before
     * the set-up, when segments is 0 unless the config or the kind says how many. NULL: there are no limits.
     */
    void (*fit)(struct vpt_requests *requests);

    /* Called after each start of the device, for example vpt_receive_start(). NULL: nothing is called. */
    enum vpt_status (*started)(struct vpt_requests *requests);
};

/*
 * How to set up a queue. Zeroed, it means as many requests and segments as its kind says, and all memory from the port.
 */
struct vpt_requests_config {
    uint16_t requests; /* in flight at most; 0: as the kind says, else 64 */
    uint16_t segments; /* of data in one request at most; 0: as the kind says, else 16 */
    uint16_t size;     /* of the virtqueue; 0: the device's maximum, up to 256 or what one request needs */
    struct vpt_queue_memory memory;
};

#define VPT_REQUESTS_DEFAULT_REQUESTS 64u
#define VPT_REQUESTS_DEFAULT_SEGMENTS 16u

/* Bytes of memory.private_state for so many requests. memory.slots holds all slots, each rounded up to 16 bytes. */
#define VPT_REQUESTS_PRIVATE_SIZE(requests) \
    ((sizeof(struct vpt_queue_slot) + sizeof(struct vpt_request_place)) * VPT_AS(size_t, requests))

/* A request that has come back. */
struct vpt_completion {
    void *token;            /* the token of the submission */
    uint32_t length;        /* bytes that the device says it has written, never more than were writable */
    enum vpt_status status; /* the request's outcome; each driver says which statuses there are */
};

/* How a slot's descriptors are linked. Private. */
struct vpt_request_place {
    void *reply;    /* the reply's descriptor, behind that of the last data segment */
    uint16_t index; /* the reply's number in the ring or in the slot's table */
    uint32_t shape; /* the number of data segments, and their direction */
};

/* A queue of requests, in the caller's memory. Private, except what comments for authors of drivers name. */
struct vpt_requests {
    const struct vpt_requests_kind *kind;
    struct vpt_request_place *places;
    uint32_t run;           /* descriptors of a slot */
    uint32_t slot_size;     /* bytes that the device sees of a slot */
    uint32_t segments_made; /* data segments that a slot has descriptors for */
    uint32_t segments;      /* data segments that one request may have */
    uint32_t segment_max;   /* bytes of one segment at most */

    struct vpt_queue queue;

    struct vpt_driver *driver;
    struct vpt_requests *next; /* of the same driver */
};

/* ---- For authors of drivers: set-up and submission ---- */

/*
 * Sets a queue up, after vpt_driver_init() and before the start. `slot_size` is how many bytes the device sees of a
 * slot: at least header and reply, and what else the driver keeps for a request; 0: header and reply. `config` may be
 * NULL. If there are fewer ring entries, or less memory, than the requests need, there are fewer slots. On failure
 * *requests is zeroed unless VPT_CALLER_STATE says otherwise, and another config may be tried unless the device was
 * reset (vpt_queue_init()).
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, header and reply are above 65535 bytes or do not fit the slot, or what
 *     vpt_queue_init() says.
 * VPT_CALLER_STATE: *requests is in use and stays as it is, or the device is not between negotiation and start.
 * VPT_DEVICE_QUEUE_SIZE: the ring is too small for one request, or what vpt_queue_init() says.
 * what vpt_queue_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_requests_init(struct vpt_requests *requests, struct vpt_driver *driver, uint16_t index,
                                  const struct vpt_requests_kind *kind, uint32_t slot_size,
                                  const struct vpt_requests_config *config);

/*
 * Returns the memory of the slot that the next submission takes; the header is its first kind->header bytes. Fill it by
 * aligned stores in the device's byte order. Returns NULL if no slot is free, the queue has stopped, or slots have no
 * memory.
 *
 * Context: any; lock: queue.
 */
void *vpt_requests_next(const struct vpt_requests *requests);

/*
 * Returns the device address of the slot that vpt_requests_next() returns.
 *
 * Context: any; lock: queue.
 */
uint64_t vpt_requests_next_address(const struct vpt_requests *requests);

/*
 * Submits the request whose header was filled in: `readable` data segments for the device to read, then `writable` ones
 * for it to write. It comes back once, by vpt_requests_poll(), with `token`. The device sees it at the next kick. The
 * array is read during the call only; the memory that it names is the device's until the request comes back.
 *
 * Returns
 * VPT_OK
 * VPT_RESOURCE_FULL: no slot is free; poll, then try again.
 * VPT_CALLER_TOO_LONG: there are more than requests->segments, one is above segment_max, or all have 4 GiB or more.
 * VPT_CALLER_ARGUMENT: a segment is empty, or the request has no bytes at all.
 * VPT_CALLER_STATE: the queue is not set up.
 * why the queue has stopped.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_requests_submit(struct vpt_requests *requests, const struct vpt_segment *segments,
                                    uint16_t readable, uint16_t writable, void *token);

/* One request of a batch, with what vpt_requests_submit() takes. */
struct vpt_request {
    const struct vpt_segment *segments;
    void *token;
    uint16_t readable;
    uint16_t writable;
};

/*
 * Submits several requests in the order of the array, up to one that is refused; `*done` is how many are submitted. The
 * header and the reply in the slots stay as they are, so this is for kinds without them, and for those whose header
 * never changes and whose `result` does not rely on the reply. For requests of a header, one data segment and a reply
 * this takes half the time of a call for each.
 *
 * Returns
 * VPT_OK: all are submitted.
 * what vpt_requests_submit() returns for the first that is refused.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_requests_submit_batch(struct vpt_requests *requests, const struct vpt_request *batch,
                                          uint32_t count, uint32_t *done);

/* ---- For everybody ---- */

/*
 * Shows the device what was submitted, and notifies the device if it wants to be notified.
 *
 * Returns
 * what vpt_queue_kick() returns.
 *
 * Context: any; lock: queue; calls: registers.
 */
enum vpt_status vpt_requests_kick(struct vpt_requests *requests);

/*
 * Takes one request that has come back. After a reset each request in flight comes back with one of these statuses:
 *
 * - VPT_CANCELLED: whether the device carried it out is unknown.
 * - VPT_DEVICE_GONE: the device was removed.
 * - VPT_DEVICE_STUCK: the reset did not finish: the data is still the device's.
 *
 * Returns
 * VPT_OK: *completion is filled.
 * VPT_EMPTY: no request has come back. If notifications are on, the next one interrupts; a driver that sleeps polls
 *     until it gets this.
 * VPT_CALLER_STATE: the queue is not set up.
 * VPT_DEVICE_USED_INDEX: the device claims more used requests than are in flight; the queue stops: reset the device.
 * VPT_DEVICE_USED_ID: the device names no request in flight; the queue stops: reset the device.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_requests_poll(struct vpt_requests *requests, struct vpt_completion *completion);

/*
 * Takes several requests, as several calls of vpt_requests_poll() would: `*done` completions are filled, at most
 * `count`.
 *
 * Returns
 * VPT_OK: the whole array is filled; more may have come back.
 * what vpt_requests_poll() returns; then fewer than `count` are filled, maybe none.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_requests_poll_batch(struct vpt_requests *requests, struct vpt_completion *completions,
                                        uint32_t count, uint32_t *done);

/*
 * Turns the interrupts of this queue off, as vpt_queue_notifications_off() does. They are on after the set-up.
 *
 * Context: any; lock: queue.
 */
void vpt_requests_notifications_off(struct vpt_requests *requests);

/*
 * Turns the interrupts of this queue on. Returns what vpt_queue_notifications_on() returns.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read.
 */
bool vpt_requests_notifications_on(struct vpt_requests *requests);

/*
 * Returns how many requests may be submitted now, if none has more segments than a slot.
 *
 * Context: any; lock: queue.
 */
uint32_t vpt_requests_free(const struct vpt_requests *requests);

/*
 * Takes a request that has come back, during the call that it was given to. It must not submit anything.
 *
 * Context: init, thread, panic; locks held: as vpt_requests_quiesce(); called by: vpt_requests_quiesce(), for each
 * request.
 */
typedef void vpt_requests_done(void *ctx, const struct vpt_completion *completion);

/*
 * Makes a queue idle: kicks it, and gives each request in flight to `done` (NULL: to nobody) as it comes back. The
 * caller submits nothing meanwhile.
 *
 * Returns
 * VPT_OK: no request is in flight.
 * VPT_CALLER_ARGUMENT: the queue is not set up.
 * VPT_DEVICE_TIMEOUT: no request came back within VPT_WAIT_REQUEST of the one before; only a reset returns the others.
 * VPT_DEVICE_NEEDS_RESET: the device has failed; only a reset returns the others.
 * VPT_DEVICE_GONE: the device was removed.
 * what vpt_queue_kick() and vpt_requests_poll() return.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_requests_quiesce(struct vpt_requests *requests, vpt_requests_done *done, void *ctx);

/* ---- For authors of drivers: queues that receive ---- */

/*
 * Gives every free slot of a queue without header and data to the device, and kicks. A kind's `started` may be this
 * function. vpt_receive() takes what the device writes there, kind->reply bytes at most.
 *
 * Returns
 * what vpt_requests_submit() and vpt_requests_kick() return.
 *
 * Context: any; lock: queue; calls: registers.
 */
enum vpt_status vpt_receive_start(struct vpt_requests *requests);

/*
 * Takes the next message: copies it, each byte once, and gives its slot back to the queue. `*length` is how many bytes
 * the device says it has written, never more than kind->reply; the first `size` of them are in the buffer. Call this
 * until VPT_EMPTY, because only then the slots are shown to the device again.
 *
 * Returns
 * VPT_OK: *length and the buffer are filled.
 * VPT_EMPTY: there is no message.
 * what `result` of the kind returns; after a reset this is VPT_CANCELLED or another status of vpt_requests_poll(), once
 *     for each slot.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_receive(struct vpt_requests *requests, void *buffer, size_t size, uint32_t *length);

/* ---- For authors of drivers: blocking helpers ---- */

/*
 * Says whether a blocking helper may use the queue: the device runs, and nothing is in flight.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_BUSY: requests are in flight.
 * VPT_CALLER_STATE: the queue is not set up, the device is not started or is suspended, or it was reset.
 * VPT_DEVICE_GONE: the device was removed.
 * why the queue has stopped.
 *
 * Context: init, thread, panic; lock: queue.
 */
enum vpt_status vpt_requests_ready(const struct vpt_requests *requests);

/*
 * Kicks, and waits for the one request in flight, for at most VPT_WAIT_REQUEST. If the request does not come back, or
 * if the queue stops or the kick is refused, the device is reset, so that the memory is the caller's again; then
 * bring-up must start again. A kernel that uses several queues at once keeps the others idle, because the reset
 * excludes every queue.
 *
 * Returns
 * VPT_OK: *completion is filled.
 * VPT_DEVICE_TIMEOUT: the request did not come back.
 * VPT_DEVICE_STUCK: the reset did not finish: the data is still the device's.
 * VPT_DEVICE_NEEDS_RESET: the device has failed.
 * VPT_DEVICE_GONE: the device was removed.
 * what vpt_queue_kick() and vpt_requests_poll() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_requests_wait(struct vpt_requests *requests, struct vpt_completion *completion);

/* The largest number of pieces of a buffer in one request. */
#define VPT_SHARES_MAX 8u

/* A buffer of the caller's that is shared with the device for one request. */
struct vpt_shares {
    struct vpt_segment segments[VPT_SHARES_MAX]; /* what to submit */
    uint16_t count;
    size_t bytes; /* how many from the buffer's start are shared */
    /* Private. */
    enum vpt_direction direction;
    void *buffers[VPT_SHARES_MAX];
    struct vpt_shared shared[VPT_SHARES_MAX];
};

/*
 * Shares the beginning of a buffer through the port, as much as one request takes: as many pieces as a request has
 * segments, none longer than requests->segment_max, and 1 MiB in all. If this does not reach the buffer's end, the
 * shared part ends at a multiple of `granule` bytes, a power of two; with a granule of 0 it must reach the end. `size`
 * is at least 1.
 *
 * Returns
 * VPT_OK: shares->bytes of the buffer are shared.
 * VPT_RESOURCE_SEGMENTS: the pieces are too small for one granule.
 * VPT_CALLER_STATE: the queue is not set up.
 * VPT_UNSUPPORTED_PORT: the port cannot share.
 * an error of the port, if it shared nothing.
 *
 * Context: init, thread, panic; lock: queue; calls: share, unshare, log.
 */
enum vpt_status vpt_shares_begin(const struct vpt_requests *requests, struct vpt_shares *shares,
                                 enum vpt_direction direction, void *buffer, size_t size, size_t granule);

/*
 * Ends what vpt_shares_begin() shared, once the device does not use the memory any more.
 *
 * Context: init, thread, panic; lock: queue; calls: unshare.
 */
void vpt_shares_end(const struct vpt_requests *requests, struct vpt_shares *shares);

VPT_END_DECLARATIONS

#endif
