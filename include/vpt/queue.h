/* SPDX-License-Identifier: MIT */
/*
 * Virtqueues (VirtIO 1.4, sections 2.6 and 2.7).
 *
 *     add(segments, readable, writable, token) ... -> publish -> kick if needed -> pop(token, written)
 *
 * A queue lives in two memories. The rings and the indirect tables are shared with the device and trusted by
 * nobody; the private state (free lists, tokens, lengths) is the driver's own. A queue belongs to one context
 * at a time: every call on it takes the caller's lock for this queue, except vpt_queue_has_used(), and set-up and
 * restart, which take the device's and exclude every queue. Queues of one device need no common lock. All calls are for
 * any context but set-up, restart and release, which are not for interrupt handlers: docs/contexts.md.
 *
 * A device that lies in the used ring kills the queue: the call that notices returns what the lie was, and so
 * do later calls, until the device is reset; then vpt_queue_drain() gives back every token in flight.
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
    uint16_t tail;     /* last descriptor of the chain */
    uint16_t count;    /* descriptors of the chain; 0: not in flight; above the largest queue: which table it is in */
};

/* Bytes of memory for a queue of `size` entries. Alignments are 16, 2 and 4 (SPLIT-LAYOUT-1). */
#define VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size) (16u * VPT_AS(size_t, size))
#define VPT_QUEUE_DRIVER_AREA_SIZE(size)     (6u + 2u * VPT_AS(size_t, size))
#define VPT_QUEUE_DEVICE_AREA_SIZE(size)     (6u + 8u * VPT_AS(size_t, size))

/*
 * All three in one piece, with the used ring at a multiple of `alignment`: VPT_QUEUE_RINGS_ALIGNMENT, on the legacy
 * interface of MMIO too; on the one of PCI VPT_QUEUE_LEGACY_RINGS_ALIGNMENT. The start of the piece is aligned to the
 * latter on both legacy interfaces: a small ring of MMIO fits one page.
 */
#define VPT_QUEUE_RINGS_SIZE(size, alignment)                                                                      \
    (((VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size) + VPT_QUEUE_DRIVER_AREA_SIZE(size) + VPT_AS(size_t, alignment) - 1u) & \
      ~(VPT_AS(size_t, alignment) - 1u)) +                                                                         \
     VPT_QUEUE_DEVICE_AREA_SIZE(size))

/* `tables` indirect tables of `segments` entries. Alignment 16. */
#define VPT_QUEUE_INDIRECT_SIZE(tables, segments) (16u * VPT_AS(size_t, tables) * VPT_AS(size_t, segments))

/* The private state. Alignment 8. */
#define VPT_QUEUE_PRIVATE_SIZE(size, tables) \
    (VPT_AS(size_t, size) * sizeof(struct vpt_queue_slot) + 2u * VPT_AS(size_t, size) + 2u * VPT_AS(size_t, tables))

/*
 * Memory that the caller hands over, for as long as the queue exists. An area with a NULL address is taken from
 * the port. If `driver_area` is given, so must be `device_area`, and `rings` is the descriptor area alone;
 * otherwise `rings` holds all three. A legacy interface takes them in one piece only. Size them by the macros
 * above for the size that is asked for; a smaller queue uses less.
 */
struct vpt_queue_memory {
    struct vpt_memory rings;
    struct vpt_memory driver_area; /* "available" ring */
    struct vpt_memory device_area; /* "used" ring */
    struct vpt_memory indirect;
    struct vpt_memory private_state; /* never given to a device; its device_address means nothing */
    struct vpt_memory slots;         /* of requests (request.h); of no use to vpt_queue_init() */
};

/*
 * How a queue is to be. Zeroed: virtqueue 0, of the device's maximum size up to 256, no indirect tables, port memory.
 *
 * Some devices ignore a size below their maximum and go on with the maximum. On PCI vpt_queue_init() finds that out and
 * gives the queue the size that the device has. On virtio-mmio nothing can be read back: there such a device writes
 * behind the memory of a smaller ring. With a size of 0, a maximum of 256 or less and enough memory, no device is asked
 * for a smaller size.
 */
struct vpt_queue_config {
    uint16_t index;             /* of the virtqueue */
    uint16_t size;              /* entries wanted, a power of two up to 32768; 0: the device's maximum, 256 at most */
    uint16_t indirect_tables;   /* requests that may be in a table at once; unused without INDIRECT_DESC */
    uint16_t indirect_segments; /* entries of each table; longer requests become chains */
    struct vpt_queue_memory memory;
};

/* A queue, in the caller's memory. Every member is private. */
struct vpt_queue_form;

struct vpt_queue {
    /* What every request needs comes first: x86 and others reach the first 128 bytes by shorter instructions. */
    struct vpt_device *device;
    struct vpt_queue_slot *slots; /* the driver's own; NULL: the queue is not set up */

    /* Shared with the device. */
    void *descriptors;
    void *available;
    void *used;

    /*
     * Compilers turn neighbours that a request changes together into a vector, which takes more instructions: so
     * free_count does not stand beside free_head, nor available_index beside last_added or free_count.
     */
    uint32_t mask; /* size - 1 */
    uint32_t free_head;
    uint32_t last_added; /* head of the newest request */
    uint32_t free_count;
    uint32_t slot_count;
    enum vpt_status dead;     /* VPT_OK while alive */
    uint32_t available_index; /* requests added; the ring's indexes are the lower 16 bits of these four */
    uint32_t published;       /* as far as the device has been shown */
    uint32_t last_used;       /* next used element to pop */
    uint32_t used_seen;       /* the used index when it was last read and checked */
    uint32_t unkicked;        /* buffers published since the last kick decision */
    uint16_t armed;           /* what used_event was set to */
    uint16_t index;           /* of the virtqueue */
    bool device_order;        /* ring fields are in the other byte order than the CPU's */
    bool strong;              /* device-strength barriers: ORDER_PLATFORM, or the next one */
    bool emulated;            /* a full fence is also a register access */
    bool notifications;       /* used buffer notifications are wanted */
    uint16_t tables_made;
    uint16_t table_segments;
    uint32_t features[2]; /* the device's when the queue was set up, as far as a queue has to do with any */
    uint32_t resets;      /* of the device, then */
    uint32_t kicks;       /* notifications sent */
    const struct vpt_queue_form *form; /* how requests are kept */

    struct vpt_queue *next; /* of the device's queues; valid until its next reset */
    uint32_t drained;       /* slots that vpt_queue_drain() has looked at */

    /* Of free-form requests. */
    uint16_t *links;       /* next descriptor of a chain or of the free list */
    uint16_t *table_links; /* next table of the free list */
    uint32_t table_head;
    uint32_t table_count; /* free ones */

    /* Resolved at set-up: a register that the library reaches by itself, if the doorbell is one. */
    volatile void *direct;
    struct vpt_doorbell doorbell;

    struct vpt_area areas[VPT_AREAS];
};

/*
 * Sets up a virtqueue and tells the device about it; between vpt_device_negotiate() and vpt_device_start().
 * The size becomes the largest power of two that neither `config->size` nor the device's maximum is below, or the
 * device's own where the device keeps that: on the legacy interface of PCI always (LEG-VQLAYOUT-1), where the rings are
 * VPT_QUEUE_RINGS_SIZE(size, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT) bytes. vpt_queue_size() says what it has become.
 *
 * A port that cannot give an area in one piece is asked for less: for the three ring areas one by one (not on a legacy
 * interface); for fewer tables, or none; last, if no size is named, for a ring of half as many entries, down to 8. So a
 * port with single pages of 4 KiB serves every transport but legacy PCI, with a queue of 128 entries.
 *
 * VPT_UNSUPPORTED_QUEUE: the device has none of this index. VPT_DEVICE_QUEUE_SIZE: a maximum above 32768, or the device
 * keeps a size that is no power of two. VPT_DEVICE_NOTIFY_OFFSET: the device names an impossible place for
 * notifications. VPT_DEVICE_QUEUE_STATE: the queue was enabled already, or is not after the set-up.
 * VPT_CALLER_ARGUMENT: a size that is no power of two. VPT_CALLER_STATE: not negotiated, or started already; or *queue
 * has been set up on this device since its last reset: then it stays as it is, and works on.
 * VPT_CALLER_MEMORY: memory handed over is too small for the size that the queue gets, misaligned, or in pieces where a
 * legacy interface takes one. VPT_RESOURCE_ADDRESS: the device cannot address it. VPT_UNSUPPORTED_PORT: no memory and
 * no dma_allocate.
 * *queue need not be zeroed before. One that is in use on another device, or was reset and neither released nor
 * restarted, must not be set up: its memory would be lost.
 * On any other failure *queue is zeroed and the port has its memory back. A device that did not enable the queue as it
 * was told is reset before, and bring-up starts over: another vpt_queue_init() says VPT_CALLER_STATE then.
 * VPT_DEVICE_STUCK: the reset did not finish, so the memory stays the device's. Init, thread or panic.
 */
enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config);

/*
 * Adds one buffer: `readable` segments for the device to read, then `writable` ones for it to write, and a
 * token that comes back when the device has used it. The segments array is read during the call only; the
 * memory it names is the device's until then. The device sees nothing before vpt_queue_publish().
 *
 * VPT_RESOURCE_FULL: try again after a pop. VPT_CALLER_TOO_LONG: more segments than the queue has entries, or
 * 4 GiB and more. VPT_CALLER_ARGUMENT: no segment, or an empty one. Or why the queue is dead.
 */
enum vpt_status vpt_queue_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint16_t readable,
                              uint16_t writable, void *token);

/* Free descriptors: what a chain may have now. In a table a buffer takes one. Any context; queue's lock. */
uint32_t vpt_queue_free(const struct vpt_queue *queue);

/* Shows the device every buffer added so far. */
void vpt_queue_publish(struct vpt_queue *queue);

/*
 * Decides whether the device wants to be notified of what was published since the last decision. If true,
 * call vpt_queue_notify().
 */
bool vpt_queue_kick_prepare(struct vpt_queue *queue);

/* Notifies the device. VPT_CALLER_STATE: before vpt_device_start() (INIT-6) or after a reset. */
enum vpt_status vpt_queue_notify(struct vpt_queue *queue);

/*
 * Publish, decide, notify. VPT_CALLER_STATE: not started, or reset since; nothing was published then. Or why the queue
 * is dead.
 */
enum vpt_status vpt_queue_kick(struct vpt_queue *queue);

/*
 * Takes one used buffer: its token, and how many bytes the device says it has written, never more than were
 * writable. Many devices get this number wrong: a larger one is clamped, and what the device has not written of a
 * buffer holds what it held before. A legacy device's number is best ignored (LEG-BLKOP-2). Either pointer may be NULL.
 * VPT_EMPTY: none; if notifications are on, the next one will be notified of.
 */
enum vpt_status vpt_queue_pop(struct vpt_queue *queue, void **token, uint32_t *written);

/*
 * Whether a pop would say something other than VPT_EMPTY: true on a queue that is dead, reset or not set up, too, so
 * that a driver that sleeps while this is false learns of it. For idle loops: no lock, any context, a hint; not during
 * the queue's set-up, restart and release.
 */
bool vpt_queue_has_used(const struct vpt_queue *queue);

/*
 * Used buffer notifications (interrupts). They are on after vpt_queue_init(). Off is a hint: some may still come.
 * Turning them on returns true if buffers were used meanwhile: pop them, no notification may follow for those. On a
 * dead queue it returns false: the pop before has said why.
 */
void vpt_queue_notifications_off(struct vpt_queue *queue);
bool vpt_queue_notifications_on(struct vpt_queue *queue);

/*
 * After a reset of the device: takes the tokens of the requests that were in flight, in no order, each once;
 * VPT_EMPTY after the last. VPT_CALLER_STATE: the device has not been reset since the queue was set up; if the
 * reset got stuck this works too, but the buffers are still the device's (CLEANUP-2).
 */
enum vpt_status vpt_queue_drain(struct vpt_queue *queue, void **token);

/*
 * Gives the queue's memory back and zeroes *queue; after a reset, or if it never was set up (then: nothing).
 * VPT_CALLER_STATE: the queue is still the device's. VPT_DEVICE_STUCK: the reset did not finish, so that the
 * memory remains the device's; nothing is given back.
 */
enum vpt_status vpt_queue_release(struct vpt_queue *queue);

/*
 * Sets a queue up again after a reset and vpt_device_negotiate(), in place of vpt_queue_release() and vpt_queue_init():
 * on the memory it has and with the size it had, so that nothing is allocated: after a failure of the device, and when
 * a machine wakes up. Every token must have been taken back. Notifications are on afterwards.
 *
 * VPT_CALLER_STATE: not set up, not reset since, or not between negotiation and start. VPT_CALLER_BUSY: requests are in
 * flight. VPT_DEVICE_QUEUE_SIZE: the device does not take this size any more. VPT_DEVICE_FEATURES: ACCESS_PLATFORM is
 * negotiated now and was not, or the reverse, so that the memory is of the wrong kind. VPT_DEVICE_STUCK,
 * VPT_DEVICE_GONE; others as vpt_queue_init(). After a failure the queue can be restarted or released after the next
 * reset. Init, thread or panic.
 */
enum vpt_status vpt_queue_restart(struct vpt_queue *queue);

/* VPT_OK, or what killed the queue. */
enum vpt_status vpt_queue_status(const struct vpt_queue *queue);

/* Notifications sent since the set-up, modulo 2^32. */
uint32_t vpt_queue_kicks(const struct vpt_queue *queue);

/* Entries of the queue; 0 if it is not set up. */
uint32_t vpt_queue_size(const struct vpt_queue *queue);

VPT_END_DECLARATIONS

#endif
