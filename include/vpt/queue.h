/* SPDX-License-Identifier: MIT */
/*
 * Virtqueues, split and packed (VirtIO 1.4, sections 2.6 to 2.8).
 *
 *     add(segments, readable, writable, token) ... -> publish -> kick if needed -> pop(token, written)
 *
 * A queue uses two kinds of memory. The rings and the indirect tables are shared with the device, and the library
 * trusts nothing that it reads there; the private state (free lists, tokens, lengths) is the driver's own. Each queue
 * has a lock of the caller's, which calls on it need unless their line "Context" says otherwise; queues of one device
 * need no lock in common. docs/contexts.md explains these lines.
 *
 * If the device lies in the used ring, the queue stops: the call that notices returns a status that says what the lie
 * was, and so do later calls, until the device or the queue alone is reset; then vpt_queue_drain() gives back every
 * token in flight.
 */
#ifndef VPT_QUEUE_H
#define VPT_QUEUE_H

#include <vpt/transport.h>

VPT_BEGIN_DECLARATIONS

#define VPT_QUEUE_SIZE_MAX 32768u

/* What the driver remembers of a request in flight. Private. */
struct vpt_queue_slot {
    void *token;
    uint32_t writable; /* bytes that the device may write */
    uint16_t tail;     /* the last descriptor of the chain */
    uint16_t count;    /* descriptors of the chain; 0: not in flight; above VPT_QUEUE_SIZE_MAX: in which table it is */
};

/*
 * Bytes of memory for a queue of `size` entries. The alignments are 16, 2 and 4 (SPLIT-LAYOUT-1), and for a packed ring
 * 16, 4 and 4 (PACKED-LAYOUT-1), which needs no more than these bytes.
 */
#define VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size) (16u * VPT_AS(size_t, size))
#define VPT_QUEUE_DRIVER_AREA_SIZE(size)     (6u + 2u * VPT_AS(size_t, size))
#define VPT_QUEUE_DEVICE_AREA_SIZE(size)     (6u + 8u * VPT_AS(size_t, size))

/*
 * Bytes of all three in one piece, with the used ring at a multiple of `alignment`. This is
 * VPT_QUEUE_LEGACY_RINGS_ALIGNMENT on the legacy interface of PCI, and VPT_QUEUE_RINGS_ALIGNMENT on all others, the
 * legacy interface of MMIO included. The start of the piece is aligned to the first of these on both legacy interfaces;
 * a small ring of MMIO fits one page.
 */
#define VPT_QUEUE_RINGS_SIZE(size, alignment)                                                                      \
    (((VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size) + VPT_QUEUE_DRIVER_AREA_SIZE(size) + VPT_AS(size_t, alignment) - 1u) & \
      ~(VPT_AS(size_t, alignment) - 1u)) +                                                                         \
     VPT_QUEUE_DEVICE_AREA_SIZE(size))

/* Bytes of `tables` indirect tables of `segments` entries. The alignment is 16. */
#define VPT_QUEUE_INDIRECT_SIZE(tables, segments) (16u * VPT_AS(size_t, tables) * VPT_AS(size_t, segments))

/* Bytes of the private state. The alignment is 8. */
#define VPT_QUEUE_PRIVATE_SIZE(size, tables) \
    (VPT_AS(size_t, size) * sizeof(struct vpt_queue_slot) + 2u * VPT_AS(size_t, size) + 2u * VPT_AS(size_t, tables))

/*
 * Memory that the caller hands over for as long as the queue exists. An area with a NULL address is taken from the
 * port. If `driver_area` is given, `device_area` must be given too, and `rings` is the descriptor area alone; otherwise
 * `rings` holds all three. A legacy interface takes them in one piece only. The macros above give the bytes for the
 * size that is asked for; a smaller queue uses less.
 */
struct vpt_queue_memory {
    struct vpt_memory rings;
    struct vpt_memory driver_area; /* "available" ring */
    struct vpt_memory device_area; /* "used" ring */
    struct vpt_memory indirect;
    struct vpt_memory private_state; /* never given to a device; its device_address means nothing */
    struct vpt_memory slots;         /* the slots of requests (request.h); vpt_queue_init() does not use them */
};

/*
 * How to set up a queue. Zeroed, it means virtqueue 0, of the device's maximum size up to 256, without indirect tables,
 * in memory of the port.
 *
 * Some devices ignore a size below their maximum and use the maximum. On PCI vpt_queue_init() finds that out and gives
 * the queue the size that the device uses. With virtio-mmio the size cannot be read back, so such a device writes
 * behind the memory of a smaller ring. To be safe use a size of 0: if the maximum is 256 or less and there is enough
 * memory, no device is asked for a smaller size.
 */
struct vpt_queue_config {
    uint16_t index;             /* which virtqueue */
    uint16_t size;              /* entries wanted, up to 32768; 0: the device's maximum, 256 at most */
    uint16_t indirect_tables;   /* how many requests may be in tables at once; unused without INDIRECT_DESC */
    uint16_t indirect_segments; /* entries of each table; a request that is longer becomes a chain */
    struct vpt_queue_memory memory;
};

/* A queue, in the caller's memory. Every member is private. */
struct vpt_queue_form;

struct vpt_queue {
    /* What every request needs comes first: x86 and others reach the first 128 bytes by shorter instructions. */
    struct vpt_device *device;
    struct vpt_queue_slot *slots; /* NULL: the queue is not set up */

    /* Shared with the device. */
    void *descriptors;
    void *available;
    void *used;

    /*
     * Compilers turn neighbours that a request changes together into a vector, which takes more instructions: so
     * free_count does not stand beside free_head, nor available_index beside free_count.
     */
    uint32_t mask; /* size - 1 */
    uint32_t free_head;
    uint32_t unpublished; /* head of the first request that is not published; a packed ring has held_word */
    uint32_t free_count;
    uint32_t slot_count;
    enum vpt_status dead;     /* VPT_OK, or why the queue has stopped */
    uint32_t available_index; /* requests added; the ring's indexes are the lower 16 bits of these four members */
    uint32_t published;       /* requests that the device was shown */
    uint32_t last_used;       /* the next used element to pop */
    uint32_t used_seen;       /* the used index when it was last read and checked */
    uint32_t unkicked;        /* buffers published since the last decision about a kick */
    uint16_t armed;           /* the value that used_event was set to */
    uint16_t index;           /* of the virtqueue */
    bool device_order;        /* ring fields are little-endian, else in the CPU's byte order */
    bool strong;              /* barriers are as strong as for devices: ORDER_PLATFORM, or `emulated` */
    bool emulated;            /* a full fence also accesses a register */
    bool notifications;       /* used buffer notifications are wanted */
    uint16_t tables_made;
    uint16_t table_segments;
    uint32_t features[2];              /* the device's first 64 when the queue was set up */
    uint32_t resets;                   /* device->resets when the queue was set up */
    uint32_t kicks;                    /* notifications sent */
    const struct vpt_queue_form *form; /* how the ring holds requests */

    struct vpt_queue *next; /* of the device's queues, valid until its next reset; itself: see queue_reset_alone() */
    uint32_t drained;       /* how many slots vpt_queue_drain() has looked at */

    /* For requests of vpt_queue_add(). */
    uint16_t *links;       /* the next descriptor of a chain or of the free list */
    uint16_t *table_links; /* the next table of the free list */
    uint32_t table_head;
    uint32_t table_count; /* free tables */

    /* Of a device with IN_ORDER. */
    uint32_t oldest;       /* the request that comes back next */
    uint32_t batch_left;   /* how many are left of the batch that is being taken */
    uint32_t batch_length; /* the used length of its last one */

    /* Of a packed ring; also `entry` with IN_ORDER. */
    uint32_t entry;          /* where the next request's first descriptor goes */
    uint32_t available_word; /* AVAIL and USED of an available descriptor there, in the word that has the id, too */
    uint32_t held_entry;     /* first descriptor of the first request that is not published ... */
    uint32_t held_word;      /* ... and that word of it, which publishing stores */
    uint32_t used_entry;     /* where the next used descriptor appears */
    uint32_t used_flags;     /* AVAIL and USED of a used descriptor there */
    uint16_t shown;          /* the entry behind what was published, with its wrap counter */

    uint16_t vector; /* the interrupt vector that the reset of the queue alone has cleared */

    /* The doorbell's register, if the library accesses it without the port; else NULL. */
    volatile void *direct;
    struct vpt_doorbell doorbell;

    struct vpt_area areas[VPT_AREAS];
};

/*
 * Sets up a virtqueue and tells the device about it. Call it between vpt_device_negotiate() and vpt_device_start().
 *
 * The ring is packed if RING_PACKED was negotiated, else split. A split ring gets the largest power of two that exceeds
 * neither `config->size` nor the device's maximum, a packed one the largest number. If the device
 * keeps a size of its own, the queue gets that; a legacy interface of PCI always does (LEG-VQLAYOUT-1), and its rings
 * are VPT_QUEUE_RINGS_SIZE(size, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT) bytes. vpt_queue_size() returns the size.
 *
 * If the port cannot give an area in one piece, it is asked for less: for the three ring areas one by one (not on a
 * legacy interface), for fewer tables or none, and last, if the config names no size, for a ring of half as many
 * entries, down to 8. So a port with single pages of 4 KiB serves every transport but legacy PCI, with a queue of 128
 * entries.
 *
 * *queue need not be zeroed before. Do not set up a queue that is in use on another device, or that was reset and
 * neither released nor restarted: its memory would be lost. If the device did not enable the queue as it was told, the
 * device is reset, and bring-up must start again: another vpt_queue_init() returns VPT_CALLER_STATE. On failure *queue
 * is zeroed and the port has its memory back, with two exceptions, which the list names.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the size of a split ring is no power of two.
 * VPT_CALLER_STATE: the device is not between negotiation and start; or *queue has been set up on this device since its
 *     last reset, and stays as it is.
 * VPT_CALLER_MEMORY: memory that was handed over is too small for the size that the queue gets, or misaligned, or in
 *     pieces on a legacy interface.
 * VPT_CALLER_TOO_LONG: an area has more bytes than a size_t can count.
 * VPT_RESOURCE_ADDRESS: the device cannot address the memory.
 * VPT_DEVICE_QUEUE_SIZE: the maximum is above 32768, or the device keeps a size that is no power of two for a split
 *     ring.
 * VPT_DEVICE_QUEUE_STATE: the queue was enabled before, or is not enabled after the set-up.
 * VPT_DEVICE_NOTIFY_OFFSET: the device names an impossible place for notifications.
 * VPT_DEVICE_CAPABILITY_RANGE: NOTIF_CONFIG_DATA is negotiated, and the device lacks its register.
 * VPT_DEVICE_STUCK: a reset of the device did not finish: it may still access the memory, which is not given back.
 * VPT_DEVICE_GONE: the device was removed.
 * VPT_UNSUPPORTED_QUEUE: the device has no queue of this index.
 * VPT_UNSUPPORTED_PORT: memory is needed and the port has no dma_allocate.
 * an error of the port, for example VPT_RESOURCE_MEMORY.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config);

/*
 * Adds one buffer: `readable` segments for the device to read, then `writable` ones for it to write. `token` comes back
 * when the device has used the buffer. The array of segments is read during the call only; the memory that it names is
 * the device's until the token comes back. The device sees nothing before vpt_queue_publish().
 *
 * Returns
 * VPT_OK
 * VPT_RESOURCE_FULL: no descriptors are free; try again after a pop.
 * VPT_CALLER_ARGUMENT: there is no segment, or an empty one.
 * VPT_CALLER_TOO_LONG: there are more segments than the queue has entries, or they have 4 GiB or more.
 * VPT_CALLER_STATE: the queue is not set up.
 * why the queue has stopped.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_queue_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint16_t readable,
                              uint16_t writable, void *token);

/*
 * Returns the number of free descriptors, which is the longest chain that can be added. A buffer in an indirect table
 * takes one descriptor.
 *
 * Context: any; lock: queue.
 */
uint32_t vpt_queue_free(const struct vpt_queue *queue);

/*
 * Shows the device every buffer that was added so far.
 *
 * Context: any; lock: queue.
 */
void vpt_queue_publish(struct vpt_queue *queue);

/*
 * Decides whether the device wants a notification of what was published since the last decision. Returns true if
 * vpt_queue_notify() is to be called.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read.
 */
bool vpt_queue_kick_prepare(struct vpt_queue *queue);

/*
 * Notifies the device.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: the queue is not set up, the device is not started (INIT-6) or is suspended, or it was reset.
 * VPT_DEVICE_GONE: the device was removed.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: mmio_write, io_write.
 */
enum vpt_status vpt_queue_notify(struct vpt_queue *queue);

/*
 * Publishes, decides and notifies in one call.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: the queue is not set up, the device is not started or is suspended, or it was reset; nothing was
 *     published.
 * VPT_DEVICE_GONE: the device was removed; nothing was published.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers.
 */
enum vpt_status vpt_queue_kick(struct vpt_queue *queue);

/*
 * Takes one used buffer: its token, and how many bytes the device says it has written, which is never more than the
 * number of writable bytes. Many devices get this number wrong. If it is too large it is clamped; bytes that the device
 * has not written hold what they held before. Ignore the number of a legacy device (LEG-BLKOP-2). Either pointer may be
 * NULL.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: no buffer was used; if notifications are on, the next used one causes a notification.
 * VPT_CALLER_STATE: the queue is not set up.
 * VPT_DEVICE_USED_INDEX: the device claims more used buffers than are in flight; the queue stops.
 * VPT_DEVICE_USED_ID: the device names no buffer in flight; the queue stops.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_queue_pop(struct vpt_queue *queue, void **token, uint32_t *written);

/*
 * Returns whether vpt_queue_pop() would return something other than VPT_EMPTY. This is a hint for idle loops. It is
 * true also if the queue has stopped, was reset or is not set up, so that a driver that sleeps while it is false learns
 * of that. It must not be called during the queue's set-up, reset alone, restart and release.
 *
 * Context: any; lock: none.
 */
bool vpt_queue_has_used(const struct vpt_queue *queue);

/*
 * Turns used buffer notifications (interrupts) off. They are on after vpt_queue_init(). This is a hint to the device:
 * some may still come.
 *
 * Context: any; lock: queue.
 */
void vpt_queue_notifications_off(struct vpt_queue *queue);

/*
 * Turns used buffer notifications on. Returns true if buffers were used meanwhile: pop them, because there may be no
 * notification for them. Returns false if the queue has stopped, because the pop before has returned why.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read.
 */
bool vpt_queue_notifications_on(struct vpt_queue *queue);

/*
 * Takes the token of one request that was in flight, after a reset of the device or of the queue; each comes once, in
 * no order. If the device's reset did not finish this works too, but the buffers are still the device's (CLEANUP-2).
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: all tokens were taken.
 * VPT_CALLER_STATE: neither the device nor the queue has been reset since the queue was set up.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_queue_drain(struct vpt_queue *queue, void **token);

/*
 * Gives the queue's memory back and zeroes *queue, after a reset of the device or of the queue. It does nothing if the
 * queue was not set up.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: neither the device nor the queue has been reset since the queue was set up.
 * VPT_DEVICE_STUCK: the reset did not finish: the device may still access the memory, and nothing is given back.
 *
 * Context: init, thread, panic (handed over); lock: queue; calls: dma_free, mmio_unmap.
 */
enum vpt_status vpt_queue_release(struct vpt_queue *queue);

/*
 * Resets one queue while the device and its other queues work, and waits until the device says that this is done, for
 * at most VPT_WAIT_QUEUE. The device must have RING_RESET. Afterwards the device uses the queue's memory no more:
 * buffers that it had used can still be popped, vpt_queue_drain() returns the tokens of the others, and the queue can
 * be restarted or released; no buffer is to be added before.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: the queue is not set up, it or its device was reset since, or the device does not run.
 * VPT_UNSUPPORTED_FEATURE: the device does not have RING_RESET.
 * VPT_DEVICE_CAPABILITY_RANGE: RING_RESET is negotiated, and the device lacks its register; the queue works on.
 * VPT_DEVICE_QUEUE_STATE: the device has ignored the reset; the queue works on.
 * VPT_DEVICE_TIMEOUT: the reset did not finish. The queue stops; another call goes on waiting, and a reset of the
 *     device ends this, too.
 * VPT_DEVICE_NEEDS_RESET: the device has failed meanwhile. The queue stops until the device is reset.
 * VPT_DEVICE_STUCK: the last reset of the device did not finish.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: queue, device; waits: queue; calls: registers, config_read, log.
 */
enum vpt_status vpt_queue_reset(struct vpt_queue *queue);

/*
 * Sets a queue up again, in place of vpt_queue_release() and vpt_queue_init(): after a reset of the device and
 * vpt_device_negotiate(), or after vpt_queue_reset() while the device runs, when the locks of this queue and of the
 * device are enough and the queue gets the interrupt vector that it had.
 * It uses the memory and the size that the queue has, so nothing is allocated: this is for a device that has failed,
 * and for a machine that wakes up. Every token must have been taken back. Notifications are on afterwards. After a
 * failure the queue can be restarted or released after the next reset.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: the queue is not set up, neither it nor the device was reset since, or the device is not between
 *     negotiation and start, or does not run after vpt_queue_reset().
 * VPT_CALLER_BUSY: requests are in flight.
 * VPT_DEVICE_QUEUE_SIZE: the device does not take this size any more.
 * VPT_DEVICE_FEATURES: ACCESS_PLATFORM is negotiated now and was not before, or the reverse: the memory is of the wrong
 *     kind; or RING_PACKED is, and the driver area is not aligned to 4.
 * VPT_DEVICE_QUEUE_STATE: the queue is not enabled after the set-up.
 * VPT_DEVICE_NOTIFY_OFFSET: the device names an impossible place for notifications.
 * VPT_DEVICE_CAPABILITY_RANGE: NOTIF_CONFIG_DATA is negotiated, and the device lacks its register.
 * VPT_DEVICE_PCI_MSIX: the device does not take the vector that the queue had.
 * VPT_DEVICE_STUCK: the last reset did not finish.
 * VPT_DEVICE_GONE: the device was removed.
 * VPT_UNSUPPORTED_QUEUE: the device does not have this queue any more.
 * an error of the port.
 *
 * Context: init, thread, panic; lock: queues; calls: registers, config_read, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_queue_restart(struct vpt_queue *queue);

/*
 * Says whether the queue has stopped.
 *
 * Returns
 * VPT_OK
 * why the queue has stopped: VPT_DEVICE_USED_INDEX, VPT_DEVICE_USED_ID, what vpt_queue_reset() returned, or after a
 *     reset the status of its requests.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_queue_status(const struct vpt_queue *queue);

/*
 * Returns the number of notifications sent since the set-up, modulo 2^32.
 *
 * Context: any; lock: queue.
 */
uint32_t vpt_queue_kicks(const struct vpt_queue *queue);

/*
 * Returns the number of entries of the queue, or 0 if it is not set up.
 *
 * Context: any; lock: queue.
 */
uint32_t vpt_queue_size(const struct vpt_queue *queue);

VPT_END_DECLARATIONS

#endif
