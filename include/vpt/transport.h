/* SPDX-License-Identifier: MIT */
/*
 * A virtio device behind any transport, and its life: reset, negotiate, set up queues, start.
 *
 * A transport's own header makes one (<vpt/mmio.h>: vpt_mmio_probe()); a driver then works on the struct
 * vpt_device inside it. Every call here takes the caller's lock for the device, but for the few that say otherwise. A
 * reset, and whatever else changes the device's status (negotiation, start, suspend, resume, giving up), also excludes
 * every queue of the device. No call is for interrupt handlers unless it says so; docs/contexts.md has all of them.
 */
#ifndef VPT_TRANSPORT_H
#define VPT_TRANSPORT_H

#include <vpt/features.h>
#include <vpt/port.h>

VPT_BEGIN_DECLARATIONS

/* Device types (VirtIO 1.4, chapter 5). */
#define VPT_DEVICE_TYPE_NETWORK 1u
#define VPT_DEVICE_TYPE_BLOCK   2u
#define VPT_DEVICE_TYPE_CONSOLE 3u
#define VPT_DEVICE_TYPE_ENTROPY 4u
#define VPT_DEVICE_TYPE_SCSI    8u
#define VPT_DEVICE_TYPE_9P      9u
#define VPT_DEVICE_TYPE_GPU     16u
#define VPT_DEVICE_TYPE_INPUT   18u
#define VPT_DEVICE_TYPE_SOCKET  19u
#define VPT_DEVICE_TYPE_SOUND   25u

/* The device status field (VirtIO 1.4, section 2.1). */
#define VPT_STATUS_ACKNOWLEDGE        0x01u
#define VPT_STATUS_DRIVER             0x02u
#define VPT_STATUS_DRIVER_OK          0x04u
#define VPT_STATUS_FEATURES_OK        0x08u
#define VPT_STATUS_SUSPEND            0x10u
#define VPT_STATUS_DEVICE_NEEDS_RESET 0x40u
#define VPT_STATUS_FAILED             0x80u

/* What vpt_device_interrupt() returns. */
#define VPT_INTERRUPT_QUEUE         0x1u /* some queue may have used buffers: poll each */
#define VPT_INTERRUPT_CONFIGURATION 0x2u /* the configuration, or the device status, has changed */

/* Which way a device is to interrupt, from the least to the most. */
enum vpt_interrupt_mode {
    VPT_INTERRUPTS_POLLING = 0,  /* not at all */
    VPT_INTERRUPTS_LINE = 1,     /* INTx, or the interrupt of the virtio-mmio slot: maybe shared with other devices */
    VPT_INTERRUPTS_SHARED = 2,   /* MSI-X: one vector for all queues, one for the configuration, or one for both */
    VPT_INTERRUPTS_PER_QUEUE = 3 /* MSI-X: a vector for each queue, one for the configuration */
};

#define VPT_NO_VECTOR 0xffffu

struct vpt_interrupts {
    enum vpt_interrupt_mode mode; /* in: the best that is wanted; out: what came of it */
    uint16_t queues;              /* in: virtqueues 0 to queues - 1 are going to be set up */
    uint16_t first; /* in: MSI-X table entries first to first + vectors - 1 are programmed for this device */
    uint16_t vectors;
    uint16_t configuration; /* out: entry for configuration changes, or VPT_NO_VECTOR */
    uint16_t queue;         /* out: entry for virtqueue 0, or VPT_NO_VECTOR */
    uint16_t step;          /* out: virtqueue n has entry queue + n * step */
};

struct vpt_queue;
struct vpt_transport_ops;

/* A device. Lives in the transport's object; read the members, change none. */
struct vpt_device {
    const struct vpt_transport_ops *ops;
    const struct vpt_port *port;
    uint32_t type;                /* VPT_DEVICE_TYPE_*, or another number of the specification's list */
    uint32_t vendor;              /* the transport's vendor identifier */
    struct vpt_features offered;  /* valid after vpt_device_negotiate() */
    struct vpt_features features; /* the accepted ones; empty while not negotiated */
    uint32_t resets;              /* finished resets: a queue made before the last one is no longer the device's */
    struct vpt_queue *queues;     /* set up since the last reset */
    size_t config_size;           /* bytes of the device-specific configuration within reach */
    uint8_t status;               /* the status bits that the driver has set since the last reset */
    bool gone;                    /* a status read has found that nothing is there any more */
    bool stuck;                   /* the last reset did not finish; of no meaning once the device is gone */
    bool resuming;                /* suspended, and told to go on */
};

/* One field of the device-specific configuration, and the member of an object that it is read into. */
struct vpt_config_field {
    uint16_t offset;   /* bytes from the start of the configuration, a multiple of min(width, 4) */
    uint8_t width;     /* 1, 2, 4 or 8 bytes, of the member too; 8 is read as two 4-byte halves */
    uint8_t condition; /* VPT_CONFIG_WITH(feature): it is there if that is accepted (CONFIG-2); 0: always */
    uint16_t member;   /* offsetof() an unsigned integer of this width */
};

#define VPT_CONFIG_WITH(feature) (VPT_AS(unsigned, feature) + 1u)

/* What the used ring is aligned to in rings that are one piece; see VPT_QUEUE_RINGS_SIZE(). */
#define VPT_QUEUE_RINGS_ALIGNMENT        16u
#define VPT_QUEUE_LEGACY_RINGS_ALIGNMENT 4096u

/* The places in vpt_queue.areas: the members of struct vpt_queue_memory. Private. */
enum vpt_area_number {
    VPT_AREA_RINGS,
    VPT_AREA_DRIVER,
    VPT_AREA_DEVICE,
    VPT_AREA_TABLES,
    VPT_AREA_STATE,
    VPT_AREA_SLOTS,
    VPT_AREAS
};

/* A piece of memory that an object was set up with. Private. */
struct vpt_area {
    struct vpt_memory memory;
    uint32_t flags; /* VPT_DMA_* */
    bool owned;     /* the port gave it */
};

/* Where a queue's notifications go. Private. */
struct vpt_doorbell {
    void *mapping;    /* of registers; NULL: an I/O port */
    size_t offset;    /* in the mapping; or which I/O port */
    uint16_t value;   /* what tells the device which queue is meant */
    uint8_t width;    /* bytes: 2 or 4 */
    bool own_mapping; /* made for this queue */
};

/* A shared memory region (VirtIO 1.4, section 2.10), in physical address space. */
struct vpt_shared_memory_region {
    uint64_t base;
    uint64_t length;
};

/*
 * Resets the device and waits until it says that it has (RESET-1), for at most VPT_WAIT_RESET. Works in any
 * state that firmware or a panic left. After VPT_OK the device touches no memory of its queues; they can be
 * drained and released. VPT_DEVICE_TIMEOUT: the reset did not finish, but bus mastering is off (PCI), with the same
 * effect, and so where the registers of a function that is still there read all-ones; VPT_DEVICE_STUCK: the device may
 * still touch them; VPT_DEVICE_GONE: it is no longer there (virtio-mmio has nothing but its own registers to tell by).
 */
enum vpt_status vpt_device_reset(struct vpt_device *device);

/*
 * The first half of bring-up (VirtIO 1.4, section 3.1.1, steps 1 to 6): reset, ACKNOWLEDGE, DRIVER, features,
 * FEATURES_OK and its read-back (a legacy interface has neither). Accepted is what is offered, and is a feature of
 * the device type in `required` or `wanted`, or a generic one that the library handles for every driver
 * (INDIRECT_DESC, EVENT_IDX, VERSION_1, ACCESS_PLATFORM, ORDER_PLATFORM, NOTIFICATION_DATA, NOTIF_CONFIG_DATA, SUSPEND,
 * legacy ANY_LAYOUT); less what is in `refused` and not required. After it the configuration may be read and queues
 * set up. NULL stands for an empty set.
 *
 * VPT_UNSUPPORTED_FEATURE: a required one is not offered, or a generic one that the library does not handle.
 * VPT_DEVICE_FEATURES: a modern transport without VERSION_1. VPT_DEVICE_FEATURES_REFUSED. Those of
 * vpt_device_reset(). On failure after the reset the device is left FAILED.
 */
enum vpt_status vpt_device_negotiate(struct vpt_device *device, const struct vpt_features *required,
                                     const struct vpt_features *wanted, const struct vpt_features *refused);

/*
 * The second half (step 8): DRIVER_OK. From here on kicks are allowed.
 * VPT_CALLER_STATE: not negotiated, or already started. VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE.
 */
enum vpt_status vpt_device_start(struct vpt_device *device);

/*
 * Suspends a started device (section 3.4): it keeps its state, the queues with it, and works on them no more. Where
 * VPT_OK is returned, requests in flight have come back or wait for vpt_device_resume(). While suspended, and after
 * VPT_DEVICE_TIMEOUT, kicks, blocking helpers and accesses to the configuration say VPT_CALLER_STATE (SUSPEND-3 to
 * SUSPEND-5); requests can be added, and used ones taken. A reset ends it. A machine that loses the device's state in
 * its sleep, or a device without the feature, is reset and brought up again instead: see vpt_queue_restart().
 *
 * VPT_UNSUPPORTED_FEATURE: SUSPEND is not negotiated. VPT_CALLER_STATE: not started, or suspended already.
 * VPT_DEVICE_TIMEOUT: not done after VPT_WAIT_SUSPEND. VPT_DEVICE_NEEDS_RESET, VPT_DEVICE_GONE. Init, thread or
 * panic.
 */
enum vpt_status vpt_device_suspend(struct vpt_device *device);

/*
 * Lets a suspended device go on (SUSPEND-6): kick the queues that requests were added to. Statuses as above;
 * VPT_CALLER_STATE: vpt_device_suspend() was not called. After VPT_DEVICE_TIMEOUT it may be called again.
 */
enum vpt_status vpt_device_resume(struct vpt_device *device);

/*
 * Says how the device is to interrupt: between vpt_device_negotiate(), whose reset makes the device forget its vectors,
 * and the first queue's set-up. Without this call no vectors are used, and MSI-X and INTx are as on or off as they were
 * left: a kernel that wants the line calls it too. Where the device or the machine lacks what is wanted, or the device
 * does not take a vector (it reads back as VPT_NO_VECTOR), the next mode below is tried: VPT_INTERRUPTS_LINE, for which
 * MSI-X is turned off, and VPT_INTERRUPTS_POLLING for a PCI function without a pin. MSI-X has been turned on before
 * vpt_device_negotiate() by vpt_pci_msix_enable() or the kernel's own code; PER_QUEUE needs queues + 1 vectors, SHARED
 * one or two.
 *
 * VPT_OK: *interrupts says what came of it. VPT_CALLER_STATE, VPT_CALLER_ARGUMENT; VPT_CALLER_RANGE: entries past the
 * end of the table. VPT_DEVICE_PCI_COMMAND, VPT_DEVICE_PCI_MSIX, errors of the port. Init, thread or panic.
 */
enum vpt_status vpt_device_choose_interrupts(struct vpt_device *device, struct vpt_interrupts *interrupts);

/* Gives the device up: FAILED (INIT-4). Only a reset leads on from there. */
void vpt_device_fail(struct vpt_device *device);

/*
 * Reads the status register, once, and on PCI also the vendor ID where that reads 0 or all-ones. A kernel without
 * threads calls it in the handler when VPT_INTERRUPT_CONFIGURATION is returned, which is how a device tells of its
 * failure, and from its timer for a device that was removed, which tells of nothing. Any context, no lock, from the
 * probe on, as vpt_device_interrupt(); beside a reset or a bring-up, what it says of a failure is only a hint.
 *
 * returns:
 * VPT_OK
 * VPT_DEVICE_NEEDS_RESET: the device has failed; or somebody else has reset it (the machine, firmware), so that the
 *     register reads 0 though the driver has set bits
 * VPT_DEVICE_GONE: it is no longer there; what is in flight comes back without a reset
 */
enum vpt_status vpt_device_check(struct vpt_device *device);

/* Whether a status read has found the device gone. Any context, no lock. */
bool vpt_device_gone(const struct vpt_device *device);

/* Whether the device is driven by its legacy interface. Any context, no lock. */
bool vpt_device_legacy(const struct vpt_device *device);

/* The transport's name: "virtio-mmio", "virtio-pci legacy" and so on. Constant storage. Any context, no lock. */
const char *vpt_device_transport(const struct vpt_device *device);

/*
 * What an interrupt handler calls: reads and acknowledges the interrupt status and returns VPT_INTERRUPT_* bits,
 * 0 where the interrupt was not this device's. Touches no queue, waits for nothing. Any context, no lock, from the
 * probe on: beside every other call, a reset and bring-up too. With MSI-X the vector says what happened: then nothing
 * is read (PCI-ISR-1), and both bits are returned.
 */
uint32_t vpt_device_interrupt(struct vpt_device *device);

/*
 * Reads `width` (1, 2 or 4) bytes of configuration at `offset`, a multiple of width, as a number of the CPU.
 * Not to be used for what two accesses make up: see vpt_device_config_fields().
 * VPT_CALLER_ALIGNMENT, VPT_CALLER_RANGE (outside what is mapped), VPT_CALLER_STATE (suspended).
 */
enum vpt_status vpt_device_config_read(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t *value);

/* The same for a write; not before FEATURES_OK on a modern device (INIT-2): VPT_CALLER_STATE. */
enum vpt_status vpt_device_config_write(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value);

/*
 * Reads `count` fields into members of *object so that all of them are of the same moment (CONFIG-1): between two
 * equal readings of the generation, or, on a legacy interface, until two passes in a row agree (LEG-CONFIG-1). The
 * member of a field that is not there stays as it is: the caller puts into it before what holds without the field.
 * After a failure the members of the other fields may have any value.
 * VPT_DEVICE_CONFIG_UNSTABLE when VPT_WAIT_CONFIGURATION gives up. VPT_DEVICE_CONFIG: a field lies outside: the
 * configuration is too short for what the device offers, or what was mapped of it.
 */
enum vpt_status vpt_device_config_fields(struct vpt_device *device, const struct vpt_config_field *fields,
                                         unsigned count, void *object);

/* Finds shared memory region `id`. VPT_UNSUPPORTED_REQUEST: there is none (or a legacy interface). */
enum vpt_status vpt_device_shared_memory(struct vpt_device *device, uint8_t id,
                                         struct vpt_shared_memory_region *region);

VPT_END_DECLARATIONS

#endif
