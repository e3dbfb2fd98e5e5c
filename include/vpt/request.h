/* SPDX-License-Identifier: MIT */
/*
 * What every driver stands on: a device with its bring-up, and queues of requests with slots.
 *
 * A kernel uses one set of calls for all drivers. `disk.driver` and `queue.requests` are members of a driver's objects:
 *
 *     vpt_driver_start(&disk.driver)                        the device runs
 *     vpt_requests_kick(&queue.requests)                    shows the device what was submitted
 *     vpt_requests_poll(&queue.requests, &completion)       takes back one request
 *     vpt_requests_quiesce(&queue.requests, done, ctx)      waits until all are back
 *     vpt_device_reset(device)                              ends all of them: poll takes them back
 *     vpt_driver_restart(&disk.driver, NULL)                brings the device up again on the memory it has
 *     vpt_driver_release(&disk.driver)                      gives the memory back
 *
 * An author of a driver adds a constant struct vpt_driver_kind and struct vpt_requests_kind, and submits by
 * vpt_requests_next() and vpt_requests_submit(); docs/drivers.md shows a whole driver.
 *
 * A slot is one request's place: the header that the device reads, the reply that it writes, and descriptors or an
 * indirect table of its own, which are written once, at set-up. The number of the slot is what the device gives back.
 */
#ifndef VPT_REQUEST_H
#define VPT_REQUEST_H

#include <vpt/queue.h>

VPT_BEGIN_DECLARATIONS

struct vpt_driver;
struct vpt_requests;

/* ---- A driver's device ---- */

/* What a driver is. Constant. */
struct vpt_driver_kind {
    uint32_t type; /* VPT_DEVICE_TYPE_* */
    struct vpt_features required;
    struct vpt_features wanted;

    /*
     * Whether the driver can work with the device, before its features are accepted: device->offered is what it
     * offers, and the configuration may be read. A status other than VPT_OK gives the device up. NULL: always.
     */
    enum vpt_status (*examine)(struct vpt_driver *driver);

    /*
     * Reads and checks the configuration; device->features is accepted. Called for each bring-up: the first time
     * driver->features is empty. A failure must leave the driver's objects as they were. NULL: there is none.
     */
    enum vpt_status (*configure)(struct vpt_driver *driver);
};

/* A driver's device, a member of the driver's object. Read `device` and `features`, change nothing. */
struct vpt_driver {
    struct vpt_device *device;
    const struct vpt_driver_kind *kind;
    struct vpt_features features; /* accepted by vpt_driver_init() */
    struct vpt_requests *first;   /* queues in the order of their set-up. Private. */
};

/*
 * Resets the device, negotiates its features (vpt_device_negotiate()) and lets the driver read the configuration.
 * `choice` is what the kernel requires and refuses of the features that the library knows; NULL: nothing. On failure
 * *driver is zeroed, and the device FAILED unless its reset failed.
 *
 * Returns
 *   VPT_OK
 *   VPT_UNSUPPORTED_DEVICE    the device is of another type, and is left alone; or `examine` said so
 *   VPT_UNSUPPORTED_FEATURE   one that `choice` requires is not offered, is refused too, or is unknown here
 *   those of vpt_device_negotiate(), `examine` and `configure`
 * Context: init, thread or panic; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_driver_init(struct vpt_driver *driver, struct vpt_device *device,
                                const struct vpt_driver_kind *kind, const struct vpt_feature_choice *choice);

/*
 * Lets the device run (vpt_device_start()), after the set-up of the queues, and stocks those that receive.
 *
 * Returns
 *   VPT_OK
 *   VPT_CALLER_STATE          the device is not between negotiation and start
 *   VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE
 * Context: init, thread or panic; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_driver_start(struct vpt_driver *driver);

/*
 * Brings a device up again, on the objects and the memory it has and with the features it had: after a reset that
 * followed a failure, and when a machine wakes up. Negotiates, says how the device is to interrupt if `interrupts` is
 * not NULL (vpt_device_choose_interrupts()), sets each queue up and starts the device. Nothing is allocated. Before it
 * every request has been polled. A PCI function that has lost its registers gets them back before:
 * vpt_pci_bars_restore().
 *
 * Returns
 *   VPT_OK
 *   VPT_CALLER_BUSY           requests have not been polled; nothing was done
 *   VPT_UNSUPPORTED_FEATURE   a feature that was accepted is not offered any more
 *   those of vpt_driver_init(), vpt_queue_restart() and vpt_device_start()
 * After a failure it may be tried again, or the driver be released after a reset.
 * Context: init, thread or panic; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_driver_restart(struct vpt_driver *driver, struct vpt_interrupts *interrupts);

/*
 * Gives the memory of all queues back and zeroes them and *driver, after a reset, once every request has been polled.
 * A zeroed *driver is released already: VPT_OK.
 *
 * Returns
 *   VPT_OK
 *   VPT_CALLER_BUSY           requests have not been polled; nothing was done
 *   VPT_CALLER_STATE          the device has not been reset
 *   VPT_DEVICE_STUCK          the reset did not finish: the memory remains the device's
 * Context: init, thread or panic; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_driver_release(struct vpt_driver *driver);

/*
 * The same for one queue, which leaves its driver. A zeroed *requests is released already: VPT_OK.
 * Returns and context: as vpt_driver_release().
 */
enum vpt_status vpt_requests_release(struct vpt_requests *requests);

/* ---- For authors of drivers: the configuration; its fields by vpt_device_config_fields() ---- */

/*
 * Reads an array of bytes, a MAC address or a name: each 16 bytes are of one moment. After a failure `bytes` is
 * anything.
 *
 * Returns
 *   VPT_OK
 *   VPT_DEVICE_CONFIG         the configuration is too short
 *   VPT_DEVICE_CONFIG_UNSTABLE, VPT_DEVICE_GONE
 * Context: init, thread or panic; device's lock.
 */
enum vpt_status vpt_driver_bytes(struct vpt_device *device, uint32_t offset, uint8_t *bytes, unsigned count);

/* ---- Queues of requests ---- */

/* How the requests of a queue look to the device. Constant. */
struct vpt_requests_kind {
    uint16_t header;   /* bytes at the start of a slot that the device reads before the data; 0: none */
    uint32_t reply;    /* bytes behind them that it writes; 0: none. Without a header there is no data beside it */
    bool reply_first;  /* the reply comes before the data that the device writes, not behind */
    uint16_t requests; /* in flight, where the configuration does not say; 0: 64 */
    uint16_t segments; /* of data in one request, likewise; 0: 16 */

    /*
     * What a used request has come to: reads the reply in the slot, once. `length` is how many bytes the device says it
     * has written, never more than it could. Called by vpt_requests_poll() and
     * vpt_requests_poll_batch(), so in any context; it submits nothing. NULL: VPT_OK.
     */
    enum vpt_status (*result)(const struct vpt_requests *requests, const void *slot, uint32_t length);

    /*
     * Adapts requests->segments and segment_max to the device's limits: in each bring-up, and before the set-up, where
     * segments is 0 unless the configuration or the kind says how many. NULL: nothing.
     */
    void (*fit)(struct vpt_requests *requests);

    /* Called after each start of the device: vpt_receive_start(). NULL: nothing. */
    enum vpt_status (*started)(struct vpt_requests *requests);
};

/* How a queue is to be. Zeroed: as many requests and segments as its kind says, all memory from the port. */
struct vpt_requests_config {
    uint16_t requests; /* in flight at most; 0: as the kind says, else 64 */
    uint16_t segments; /* of data in one request at most; 0: as the driver says, else 16 */
    uint16_t size;     /* of the virtqueue; 0: the device's maximum, up to 256 or what one request needs */
    struct vpt_queue_memory memory;
};

#define VPT_REQUESTS_DEFAULT_REQUESTS 64u
#define VPT_REQUESTS_DEFAULT_SEGMENTS 16u

/* Bytes of memory.private_state for so many requests. memory.slots is their slots' sizes, each rounded up to 16. */
#define VPT_REQUESTS_PRIVATE_SIZE(requests) \
    ((sizeof(struct vpt_queue_slot) + sizeof(struct vpt_request_place)) * VPT_AS(size_t, requests))

/* What comes back. */
struct vpt_completion {
    void *token;            /* what was given to the submission */
    uint32_t length;        /* bytes that the device says it has written, never more than were writable */
    enum vpt_status status; /* what the request has come to; each driver says which there are */
};

/* What a slot's descriptors are linked for. Private. */
struct vpt_request_place {
    void *reply;    /* its descriptor, behind that of the last data segment */
    uint16_t index; /* the reply's number in the ring or in the slot's table */
    uint32_t shape; /* how many data segments there are, and their direction */
};

/* A queue of requests, in the caller's memory. Private, but for what an author of a driver is told of. */
struct vpt_requests {
    const struct vpt_requests_kind *kind;
    struct vpt_request_place *places;
    uint32_t run;           /* descriptors of a slot */
    uint32_t slot_size;     /* bytes that the device sees of a slot */
    uint32_t segments_made; /* data segments that a slot has descriptors for */
    uint32_t segments;      /* data segments in one request at most */
    uint32_t segment_max;   /* bytes of one segment at most */

    struct vpt_queue queue;

    struct vpt_driver *driver;
    struct vpt_requests *next; /* of the same driver */
};

/* ---- For authors of drivers: set-up and submission ---- */

/*
 * Sets a queue up, after vpt_driver_init() and before the start. `slot_size` is how many bytes the device sees of a
 * slot, at least header and reply, and what else of the driver's belongs to a request; 0: just those. `config` may be
 * NULL. With fewer ring entries, or less memory, than the requests need there are fewer slots.
 *
 * Returns
 *   VPT_OK
 *   VPT_DEVICE_QUEUE_SIZE     also: a ring too small for one request
 *   VPT_CALLER_ARGUMENT       also: header and reply are above 65535 bytes, or do not fit the slot
 *   those of vpt_queue_init(); VPT_CALLER_STATE also for an object that is in use, which stays as it is
 * On any other failure *requests is zeroed, and another configuration may be tried, unless the device was reset
 * (vpt_queue_init()).
 * Context: init, thread or panic; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_requests_init(struct vpt_requests *requests, struct vpt_driver *driver, uint16_t index,
                                  const struct vpt_requests_kind *kind, uint32_t slot_size,
                                  const struct vpt_requests_config *config);

/*
 * The memory of the slot that the next submission takes: the header is the first kind->header bytes. To be filled
 * by aligned stores in the device's byte order. NULL: no slot is free, the queue is dead, or slots have no memory.
 * Context: any; queue's lock.
 */
void *vpt_requests_next(const struct vpt_requests *requests);

/* The device address of the slot that vpt_requests_next() names. */
uint64_t vpt_requests_next_address(const struct vpt_requests *requests);

/*
 * Submits the request whose header was filled in: `readable` data segments for the device to read, then `writable` ones
 * for it to write. It comes back once, by vpt_requests_poll(), with `token`. The device sees it at the next kick.
 * The array is read during the call only; the memory that it names is the device's until the request comes back.
 *
 * Returns
 *   VPT_OK
 *   VPT_RESOURCE_FULL         no free slot: poll, then try again
 *   VPT_CALLER_TOO_LONG       more than requests->segments, one above segment_max, or 4 GiB and more in all
 *   VPT_CALLER_ARGUMENT       an empty segment, or nothing at all
 *   why the queue is dead; VPT_CALLER_STATE: it is not set up
 * Context: any; queue's lock.
 */
enum vpt_status vpt_requests_submit(struct vpt_requests *requests, const struct vpt_segment *segments,
                                    uint16_t readable, uint16_t writable, void *token);

/* One request of a batch: what vpt_requests_submit() takes. */
struct vpt_request {
    const struct vpt_segment *segments;
    void *token;
    uint16_t readable;
    uint16_t writable;
};

/*
 * Submits several requests in the order of the array, up to one that is refused: `*done` are submitted. What slots hold
 * of a header and a reply stays as it is: so this is for kinds without, and for those whose header never changes and
 * whose `result` does not rely on the reply. With a header, one data segment and a reply behind it a request costs half
 * of what a call for it does.
 *
 * Returns
 *   VPT_OK                    all are submitted
 *   those of vpt_requests_submit(): of the first that is refused
 * Context: any; queue's lock.
 */
enum vpt_status vpt_requests_submit_batch(struct vpt_requests *requests, const struct vpt_request *batch,
                                          uint32_t count, uint32_t *done);

/* ---- For everybody ---- */

/* Shows the device what was submitted, and notifies it if it wants to be: vpt_queue_kick(). */
enum vpt_status vpt_requests_kick(struct vpt_requests *requests);

/*
 * Takes one request that has come back.
 *
 * Returns
 *   VPT_OK                    *completion is filled
 *   VPT_EMPTY                 none has; the next one will interrupt, if notifications are on: who sleeps polls until
 *                             then
 *   what killed the queue     reset the device
 * After a reset each request in flight comes back, with the status
 *   VPT_CANCELLED             whether the device carried it out is unknown
 *   VPT_DEVICE_GONE           the device was found to be removed
 *   VPT_DEVICE_STUCK          the reset did not finish: the data is still the device's
 * Context: any; queue's lock.
 */
enum vpt_status vpt_requests_poll(struct vpt_requests *requests, struct vpt_completion *completion);

/*
 * Takes several, as many calls of vpt_requests_poll() would: `*done` completions are filled, at most `count`.
 *
 * Returns
 *   VPT_OK                    all of the array are filled; there may be more
 *   VPT_EMPTY, and what else vpt_requests_poll() returns: fewer than `count` are filled, maybe none
 * Context: any; queue's lock.
 */
enum vpt_status vpt_requests_poll_batch(struct vpt_requests *requests, struct vpt_completion *completions,
                                        uint32_t count, uint32_t *done);

/* Interrupts of this queue, on after its set-up: vpt_queue_notifications_off(), vpt_queue_notifications_on(). */
void vpt_requests_notifications_off(struct vpt_requests *requests);
bool vpt_requests_notifications_on(struct vpt_requests *requests);

/* Requests that may be submitted now, if none has more segments than a slot. Context: any; queue's lock. */
uint32_t vpt_requests_free(const struct vpt_requests *requests);

/* Takes a request that has come back, within the call that it was handed to; submits nothing. */
typedef void vpt_requests_done(void *ctx, const struct vpt_completion *completion);

/*
 * Makes a queue idle: kicks it, and hands each request in flight to `done` (NULL: to nobody) as it comes back. The
 * caller submits nothing meanwhile.
 *
 * Returns
 *   VPT_OK                    none is in flight
 *   VPT_CALLER_ARGUMENT       it is not set up
 *   VPT_DEVICE_TIMEOUT        none came back within VPT_WAIT_REQUEST of the one before; only a reset returns those left
 *   VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE: likewise
 *   why the queue is dead; VPT_CALLER_STATE as vpt_queue_kick()
 * Context: init, thread or panic; queue's lock, and the device's.
 */
enum vpt_status vpt_requests_quiesce(struct vpt_requests *requests, vpt_requests_done *done, void *ctx);

/* ---- For authors of drivers: queues that receive ---- */

/*
 * Gives every free slot of a queue without header and data to the device: the `started` of its kind. What the device
 * writes there, kind->reply bytes at most, is taken by vpt_receive().
 * Returns: as vpt_requests_submit() and vpt_requests_kick().
 * Context: any; queue's lock.
 */
enum vpt_status vpt_receive_start(struct vpt_requests *requests);

/*
 * Takes the next message: copies it, each byte once, and gives its slot back. `*length` is how many bytes the device
 * says it has written, never more than kind->reply; the first `size` of them are in the buffer. Call it until
 * VPT_EMPTY, which is also what shows the device the slots.
 *
 * Returns
 *   VPT_OK                    a message
 *   VPT_EMPTY                 none
 *   what `result` of the kind says of it; after a reset VPT_CANCELLED and so on, once for each slot
 *   what killed the queue
 * Context: any; queue's lock.
 */
enum vpt_status vpt_receive(struct vpt_requests *requests, void *buffer, size_t size, uint32_t *length);

/* ---- For authors of drivers: blocking helpers ---- */

/*
 * Whether a blocking helper may use the queue: it is alive, the device runs, and nothing is in flight.
 *
 * Returns
 *   VPT_OK
 *   VPT_CALLER_BUSY           requests are in flight
 *   VPT_CALLER_STATE          not set up, not started, or reset since
 *   why the queue is dead; VPT_DEVICE_GONE
 * Context: init, thread or panic; queue's lock.
 */
enum vpt_status vpt_requests_ready(const struct vpt_requests *requests);

/*
 * Kicks, and waits for the one request in flight, for at most VPT_WAIT_REQUEST. If it does not come back, or the queue
 * dies, the device is reset, so that its memory is the caller's again: bring-up starts over.
 *
 * Returns
 *   VPT_OK                    *completion is filled
 *   VPT_DEVICE_TIMEOUT        it did not come back
 *   VPT_DEVICE_STUCK          nor did the reset finish: the data is still the device's
 *   VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE, what killed the queue
 * Context: init, thread or panic; queue's lock, and for the reset the device's, which then excludes every queue.
 */
enum vpt_status vpt_requests_wait(struct vpt_requests *requests, struct vpt_completion *completion);

/* A buffer of the caller's that is shared with the device for one request, in at most so many pieces. */
#define VPT_SHARES_MAX 8u

struct vpt_shares {
    struct vpt_segment segments[VPT_SHARES_MAX]; /* what to submit */
    uint16_t count;
    size_t bytes; /* of the buffer, from its start */
    /* Private. */
    enum vpt_direction direction;
    void *buffers[VPT_SHARES_MAX];
    struct vpt_shared shared[VPT_SHARES_MAX];
};

/*
 * Shares the beginning of a buffer through the port, as much as one request takes: as many pieces as it has segments,
 * none longer than requests->segment_max, and 1 MiB in all. Where it does not reach the buffer's end, it ends at a
 * multiple of `granule` bytes, a power of two; 0: it has to reach it. `size` is at least 1.
 *
 * Returns
 *   VPT_OK                    shares->bytes of the buffer are shared
 *   VPT_RESOURCE_SEGMENTS     the pieces are too small for one granule
 *   VPT_UNSUPPORTED_PORT      the port cannot share
 *   the port's own error, if it shared nothing
 * Context: init, thread or panic; queue's lock.
 */
enum vpt_status vpt_shares_begin(const struct vpt_requests *requests, struct vpt_shares *shares,
                                 enum vpt_direction direction, void *buffer, size_t size, size_t granule);

/* Ends it, once the device has the memory no more. Context: as vpt_shares_begin(). */
void vpt_shares_end(const struct vpt_requests *requests, struct vpt_shares *shares);

VPT_END_DECLARATIONS

#endif
