/* SPDX-License-Identifier: MIT */
/*
 * A virtio device behind any transport, and its bring-up: reset, negotiate the features, set up the queues, start.
 *
 * A transport's own header makes a device (<vpt/mmio.h>: vpt_mmio_probe()); a driver then works on the struct
 * vpt_device inside it. A call needs the caller's lock for the device unless its line "Context" says otherwise;
 * docs/contexts.md explains these lines. A call that changes the device's status (reset, negotiation, start, suspend,
 * resume, giving up) also excludes every call on the device's queues.
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
#define VPT_DEVICE_TYPE_BALLOON 5u
#define VPT_DEVICE_TYPE_SCSI    8u
#define VPT_DEVICE_TYPE_9P      9u
#define VPT_DEVICE_TYPE_GPU     16u
#define VPT_DEVICE_TYPE_RTC     17u
#define VPT_DEVICE_TYPE_INPUT   18u
#define VPT_DEVICE_TYPE_SOCKET  19u
#define VPT_DEVICE_TYPE_SOUND   25u
#define VPT_DEVICE_TYPE_PMEM    27u
#define VPT_DEVICE_TYPE_FS      26u

/* The device status field (VirtIO 1.4, section 2.1). */
#define VPT_STATUS_ACKNOWLEDGE        0x01u
#define VPT_STATUS_DRIVER             0x02u
#define VPT_STATUS_DRIVER_OK          0x04u
#define VPT_STATUS_FEATURES_OK        0x08u
#define VPT_STATUS_SUSPEND            0x10u
#define VPT_STATUS_DEVICE_NEEDS_RESET 0x40u
#define VPT_STATUS_FAILED             0x80u

/* What vpt_device_interrupt() returns. */
#define VPT_INTERRUPT_QUEUE         0x1u /* some queue may have used buffers: poll each queue */
#define VPT_INTERRUPT_CONFIGURATION 0x2u /* the configuration, or the device status, has changed */

/* How a device interrupts; the best way is last. */
enum vpt_interrupt_mode {
    VPT_INTERRUPTS_POLLING = 0,  /* the device does not interrupt */
    VPT_INTERRUPTS_LINE = 1,     /* INTx, or the interrupt of the virtio-mmio slot; other devices may share it */
    VPT_INTERRUPTS_SHARED = 2,   /* MSI-X: one vector for all queues, one for the configuration, or one for both */
    VPT_INTERRUPTS_PER_QUEUE = 3 /* MSI-X: a vector for each queue, one for the configuration */
};

#define VPT_NO_VECTOR 0xffffu

struct vpt_interrupts {
    enum vpt_interrupt_mode mode; /* in: the best mode that is wanted; out: the mode that was set */
    uint16_t queues;              /* in: virtqueues 0 to queues - 1 will be set up */
    uint16_t first; /* in: MSI-X table entries first to first + vectors - 1 are programmed for this device */
    uint16_t vectors;
    uint16_t configuration; /* out: entry for configuration changes, or VPT_NO_VECTOR */
    uint16_t queue;         /* out: entry for virtqueue 0, or VPT_NO_VECTOR */
    uint16_t step;          /* out: virtqueue n has entry queue + n * step */
};

struct vpt_queue;
struct vpt_transport_ops;

/* A device, a member of the transport's object. A kernel reads the members and changes none. */
struct vpt_device {
    const struct vpt_transport_ops *ops;
    const struct vpt_port *port;
    uint32_t type;                /* VPT_DEVICE_TYPE_*, or another number of the specification's list */
    uint32_t vendor;              /* the transport's vendor identifier */
    struct vpt_features offered;  /* valid after vpt_device_negotiate() */
    struct vpt_features features; /* the accepted ones; empty before negotiation */
    uint32_t resets;          /* finished resets: the device does not use a queue that was set up before the last one */
    struct vpt_queue *queues; /* those that were set up since the last reset */
    size_t config_size;       /* bytes of the device-specific configuration that can be accessed */
    uint8_t status;           /* the status bits that the driver has set since the last reset */
    bool gone;                /* a read of the status has found that the device was removed */
    bool stuck;               /* the last reset did not finish; means nothing once the device is gone */
    bool resuming;            /* the device is suspended, and was told to resume */
};

/* A field of the device-specific configuration, and the member of an object that it is read into. */
struct vpt_config_field {
    uint16_t offset;   /* bytes from the start of the configuration, a multiple of min(width, 4) */
    uint8_t width;     /* 1, 2, 4 or 8 bytes, of the member too; 8 is read as two 4-byte halves */
    uint8_t condition; /* VPT_CONFIG_WITH(feature): the field exists if this is accepted (CONFIG-2); 0: always */
    uint16_t member;   /* offsetof() of an unsigned integer of this width */
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
 * Resets the device, and waits until the device says that the reset is done (RESET-1), for at most VPT_WAIT_RESET. It
 * works in any state that firmware or a panic left. All requests in flight end; the queues can be drained, and then
 * released or restarted.
 *
 * Returns
 * VPT_OK: the device accesses the memory of its queues no more.
 * VPT_DEVICE_TIMEOUT: the reset did not finish, but the device accesses memory no more, because its bus mastering is
 *     off (PCI). A PCI function whose virtio registers read all-ones while its configuration space still answers
 *     returns this too.
 * VPT_DEVICE_STUCK: the reset did not finish, and the device may still access the memory of its queues.
 * VPT_DEVICE_GONE: the device was removed. With virtio-mmio only registers that read all-ones show that.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_device_reset(struct vpt_device *device);

/*
 * Does the first half of bring-up (VirtIO 1.4, section 3.1.1, steps 1 to 6): reset, ACKNOWLEDGE, DRIVER, features,
 * FEATURES_OK and reading it back (a legacy interface has neither FEATURES_OK nor the read). Afterwards the
 * configuration may be read and queues may be set up.
 *
 * A feature is accepted if the device offers it and one of these is true: it is a feature of the device type and is in
 * `required` or `wanted`, or it is a generic one that the library handles for every driver (INDIRECT_DESC, EVENT_IDX,
 * VERSION_1, ACCESS_PLATFORM, RING_PACKED, IN_ORDER, ORDER_PLATFORM, NOTIFICATION_DATA, NOTIF_CONFIG_DATA, RING_RESET,
 * SUSPEND, legacy ANY_LAYOUT). A feature in `refused` is not accepted unless it is required. NULL stands for an empty
 * set. If the call fails after the reset, the device is left FAILED.
 *
 * Returns
 * VPT_OK
 * VPT_UNSUPPORTED_FEATURE: a required feature is not offered, or is a generic one that the library does not handle.
 * VPT_DEVICE_FEATURES: the device has a modern transport and does not offer VERSION_1.
 * VPT_DEVICE_FEATURES_REFUSED: the device did not keep FEATURES_OK.
 * VPT_DEVICE_PCI_COMMAND: bus mastering did not turn on.
 * what vpt_device_reset() returns.
 * an error of the port.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_device_negotiate(struct vpt_device *device, const struct vpt_features *required,
                                     const struct vpt_features *wanted, const struct vpt_features *refused);

/*
 * Does the second half of bring-up (step 8): DRIVER_OK. From then on kicks are allowed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: the device is not negotiated, or was started before.
 * VPT_DEVICE_NEEDS_RESET: the device failed at once.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: queues; calls: registers, config_read.
 */
enum vpt_status vpt_device_start(struct vpt_device *device);

/*
 * Suspends a started device (section 3.4): the device keeps its state and its queues, and does no work until
 * vpt_device_resume(). Requests in flight have come back when the call returns VPT_OK, or stay in flight until the
 * resume. While the device is suspended, and after VPT_DEVICE_TIMEOUT, kicks, blocking helpers and accesses to the
 * configuration return VPT_CALLER_STATE (SUSPEND-3 to SUSPEND-5); requests can be added, and used ones can be taken. A
 * reset ends the suspension.
 *
 * If the machine loses the device's state while it sleeps, or if the device lacks the feature, reset the device and
 * bring it up again instead: see vpt_queue_restart().
 *
 * Returns
 * VPT_OK
 * VPT_UNSUPPORTED_FEATURE: SUSPEND is not negotiated.
 * VPT_CALLER_STATE: the device is not started, or is suspended already.
 * VPT_DEVICE_TIMEOUT: the device did not suspend itself within VPT_WAIT_SUSPEND.
 * VPT_DEVICE_NEEDS_RESET: the device has failed.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: queues; waits: suspend; calls: registers, config_read, log.
 */
enum vpt_status vpt_device_suspend(struct vpt_device *device);

/*
 * Makes a suspended device work again (SUSPEND-6). Kick the queues that requests were added to meanwhile. After
 * VPT_DEVICE_TIMEOUT it may be called again.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_STATE: vpt_device_suspend() was not called.
 * VPT_DEVICE_TIMEOUT: the device did not resume within VPT_WAIT_SUSPEND.
 * VPT_DEVICE_NEEDS_RESET: the device has failed.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: queues; waits: suspend; calls: registers, config_read, log.
 */
enum vpt_status vpt_device_resume(struct vpt_device *device);

/*
 * Tells the device how to interrupt. Call it after vpt_device_negotiate(), whose reset makes the device forget its
 * vectors, and before the set-up of the first queue. Without this call no vectors are used, and MSI-X and INTx stay as
 * they are; so a kernel that wants the line calls it too.
 *
 * If the device or the machine lacks what is wanted, or if the device does not take a vector (it reads back as
 * VPT_NO_VECTOR), the next mode below is tried. VPT_INTERRUPTS_LINE turns MSI-X off; a PCI function without a pin gets
 * VPT_INTERRUPTS_POLLING instead. For vectors, MSI-X is turned on before vpt_device_negotiate(), by
 * vpt_pci_msix_enable() or by the kernel's own code; PER_QUEUE needs queues + 1 vectors, SHARED one or two.
 *
 * Returns
 * VPT_OK: *interrupts says which mode and which vectors were set.
 * VPT_CALLER_ARGUMENT: `interrupts` is NULL, or its mode is unknown.
 * VPT_CALLER_STATE: the device is not between negotiation and start.
 * VPT_CALLER_RANGE: the entries reach past the end of the MSI-X table.
 * VPT_DEVICE_PCI_COMMAND: INTx did not turn on.
 * VPT_DEVICE_PCI_MSIX: MSI-X did not turn off.
 * VPT_DEVICE_GONE: the device was removed.
 * an error of the port.
 *
 * Context: init, thread, panic; lock: device; calls: registers, configuration, log.
 */
enum vpt_status vpt_device_choose_interrupts(struct vpt_device *device, struct vpt_interrupts *interrupts);

/*
 * Gives the device up: sets FAILED (INIT-4). Only a reset ends that.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_write, io_write.
 */
void vpt_device_fail(struct vpt_device *device);

/*
 * Reads the status register once, to find out whether the device has failed or was removed. If the register of a PCI
 * device reads 0 or all-ones, the vendor ID is read too. A device tells of its failure by a configuration interrupt,
 * but nothing tells of its removal: a kernel without threads calls this in its handler when vpt_device_interrupt()
 * returns VPT_INTERRUPT_CONFIGURATION, and from its timer. It may be called from the probe on. During a reset or a
 * bring-up a failure that it reports is only a hint.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_NEEDS_RESET: the device has failed, or the machine or firmware has reset it, so that the register reads 0
 *     though the driver has set bits.
 * VPT_DEVICE_GONE: the device was removed; requests in flight come back without a reset.
 *
 * Context: any; lock: none; calls: mmio_read, io_read, config_read.
 */
enum vpt_status vpt_device_check(struct vpt_device *device);

/*
 * Returns whether a read of the status has found that the device was removed.
 *
 * Context: any; lock: none.
 */
bool vpt_device_gone(const struct vpt_device *device);

/*
 * Returns whether the device is driven by its legacy interface.
 *
 * Context: any; lock: none.
 */
bool vpt_device_legacy(const struct vpt_device *device);

/*
 * Returns the transport's name, "virtio-mmio", "virtio-pci legacy" and so on, in constant storage.
 *
 * Context: any; lock: none.
 */
const char *vpt_device_transport(const struct vpt_device *device);

/*
 * Reads and acknowledges the interrupt status; an interrupt handler calls this. It touches no queue, and may be called
 * from the probe on, at the same time as any other call, also during a reset and bring-up. With MSI-X the vector says
 * what happened, so nothing is read (PCI-ISR-1) and both bits are returned.
 *
 * Returns VPT_INTERRUPT_* bits, or 0 if the interrupt was not this device's.
 *
 * Context: any; lock: none; calls: mmio_read, mmio_write, io_read.
 */
uint32_t vpt_device_interrupt(struct vpt_device *device);

/*
 * Reads `width` (1, 2 or 4) bytes of the configuration at `offset`, a multiple of width, in the CPU's byte order. For a
 * value that takes two accesses use vpt_device_config_fields() instead.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `value` is NULL.
 * VPT_CALLER_ALIGNMENT: the width is not 1, 2 or 4, or `offset` is no multiple of it.
 * VPT_CALLER_RANGE: the bytes lie outside device->config_size.
 * VPT_CALLER_STATE: the device is suspended.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; calls: mmio_read, io_read.
 */
enum vpt_status vpt_device_config_read(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t *value);

/*
 * Writes `width` bytes of the configuration, in the same way as vpt_device_config_read() reads them.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ALIGNMENT: the width is not 1, 2 or 4, or `offset` is no multiple of it.
 * VPT_CALLER_RANGE: the bytes lie outside device->config_size.
 * VPT_CALLER_STATE: the device is suspended or FAILED, or it is a modern one before FEATURES_OK (INIT-2).
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; calls: mmio_write, io_write.
 */
enum vpt_status vpt_device_config_write(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value);

/*
 * Reads `count` fields into members of *object, so that all of them are of the same moment (CONFIG-1): between two
 * equal reads of the generation, or, on a legacy interface, until two passes in a row agree (LEG-CONFIG-1). The member
 * of a field that does not exist stays as it is: the caller stores its default there before. After a failure the
 * members of the other fields may have any value.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `fields` or `object` is NULL.
 * VPT_CALLER_ALIGNMENT: a field is misaligned.
 * VPT_CALLER_STATE: the device is suspended.
 * VPT_DEVICE_CONFIG: a field lies outside device->config_size: the configuration, or what was mapped of it, is too
 *     short for what the device offers.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing for VPT_WAIT_CONFIGURATION.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_device_config_fields(struct vpt_device *device, const struct vpt_config_field *fields,
                                         unsigned count, void *object);

/*
 * Finds shared memory region `id`.
 *
 * Returns
 * VPT_OK: *region is filled.
 * VPT_CALLER_ARGUMENT: `region` is NULL.
 * VPT_UNSUPPORTED_REQUEST: the device has no such region, or is driven by its legacy interface.
 * VPT_DEVICE_GONE: the device was removed.
 * an error of the port.
 *
 * Context: init, thread, panic; lock: device; calls: mmio_read, mmio_write, config_read.
 */
enum vpt_status vpt_device_shared_memory(struct vpt_device *device, uint8_t id,
                                         struct vpt_shared_memory_region *region);

VPT_END_DECLARATIONS

#endif
