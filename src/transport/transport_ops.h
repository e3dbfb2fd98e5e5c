/* SPDX-License-Identifier: MIT */
/* The interface between the transports and their callers: each transport has one constant table. */
#ifndef VPT_SRC_TRANSPORT_TRANSPORT_H
#define VPT_SRC_TRANSPORT_TRANSPORT_H

#include <vpt/transport.h>

#include "../access.h"

/* What a status register of any width reads as when the device is gone. */
#define VPT_STATUS_GONE 0xffffffffu

/* Stands for the configuration, instead of a virtqueue's index. */
#define VPT_VECTOR_CONFIGURATION 0x10000u

/*
 * The registers that all transports have, by their offsets in virtio-mmio's layout (section 4.2.2), which needs no
 * table. PCI's transports translate the offsets, and drop a write to a register that they lack.
 */
enum vpt_register {
    VPT_REGISTER_DEVICE_FEATURES = 0x010,
    VPT_REGISTER_DEVICE_FEATURES_SEL = 0x014,
    VPT_REGISTER_DRIVER_FEATURES = 0x020,
    VPT_REGISTER_DRIVER_FEATURES_SEL = 0x024,
    VPT_REGISTER_QUEUE_SEL = 0x030,
    VPT_REGISTER_QUEUE_SIZE_MAX = 0x034,
    VPT_REGISTER_QUEUE_SIZE = 0x038,
    VPT_REGISTER_QUEUE_READY = 0x044, /* not 0 while the queue is enabled; a legacy device's page number */
    VPT_REGISTER_INTERRUPT_STATUS = 0x060,
    VPT_REGISTER_INTERRUPT_ACK = 0x064,
    VPT_REGISTER_STATUS = 0x070,     /* see vpt_device_read_status() */
    VPT_REGISTER_QUEUE_DESC = 0x080, /* low half, then high half, as in the next two */
    VPT_REGISTER_QUEUE_DRIVER = 0x090,
    VPT_REGISTER_QUEUE_DEVICE = 0x0a0,
    VPT_REGISTER_SHM_SEL = 0x0ac,
    VPT_REGISTER_SHM_LEN = 0x0b0,
    VPT_REGISTER_SHM_BASE = 0x0b8,
    VPT_REGISTER_QUEUE_RESET = 0x0c0,       /* with RING_RESET; see vpt_device_queue_reset() */
    VPT_REGISTER_QUEUE_VECTOR = 0x0c4,      /* PCI alone; the number is free in virtio-mmio */
    VPT_REGISTER_CONFIG_GENERATION = 0x0fc, /* not in a legacy interface: there two passes are compared */
    VPT_REGISTER_CONFIG = 0x100             /* from here on the device-specific configuration */
};

/* Generic features of words 0 and 1 that the library handles on every transport. */
#define VPT_HANDLED_0        ((1u << VPT_F_INDIRECT_DESC) | (1u << VPT_F_EVENT_IDX))
#define VPT_HANDLED_0_LEGACY (1u << VPT_F_ANY_LAYOUT)
#ifdef VPT_WITHOUT_PACKED
#define VPT_HANDLED_PACKED 0u
#else
#define VPT_HANDLED_PACKED (1u << (VPT_F_RING_PACKED - 32u))
#endif
#ifdef VPT_WITHOUT_IN_ORDER
#define VPT_HANDLED_IN_ORDER 0u
#else
#define VPT_HANDLED_IN_ORDER (1u << (VPT_F_IN_ORDER - 32u))
#endif
#define VPT_HANDLED_1                                                                                                 \
    ((1u << (VPT_F_VERSION_1 - 32u)) | (1u << (VPT_F_ACCESS_PLATFORM - 32u)) | (1u << (VPT_F_ORDER_PLATFORM - 32u)) | \
     (1u << (VPT_F_NOTIFICATION_DATA - 32u)) | (1u << (VPT_F_RING_RESET - 32u)) | (1u << (VPT_F_SUSPEND - 32u)) |     \
     VPT_HANDLED_PACKED | VPT_HANDLED_IN_ORDER)

/*
 * What only legacy interfaces have. Moreover, they lack FEATURES_OK, use the native byte order, and have rings in one
 * piece and one word of features.
 */
struct vpt_legacy_ops {
    uint64_t ring_limit;     /* highest device address that a ring may have */
    uint32_t ring_alignment; /* of the start of the rings, if they are one piece */
    uint32_t used_alignment; /* of the used ring, if the rings are one piece */
    enum vpt_status (*queue_enable)(struct vpt_device *device, uint16_t index, const struct vpt_area *areas);
};

/* What only PCI has. */
struct vpt_pci_ops {
    /* Whether the function was removed, given what the status register reads. Any context, no lock. */
    bool (*removed)(struct vpt_device *device, uint32_t status);

    /* Lets the device reach memory, or stops it; checks this by reading back. */
    enum vpt_status (*bus_master)(struct vpt_device *device, bool on);

    /*
     * MSI-X. vectors() returns how many entries the table has, 0 while MSI-X is off. vector_assign() assigns an entry
     * to a virtqueue or to VPT_VECTOR_CONFIGURATION, and returns whether the device has taken it. line() turns MSI-X
     * off if `on`, and the line on or off.
     */
    enum vpt_status (*vectors)(struct vpt_device *device, uint32_t *count);
    bool (*vector_assign)(struct vpt_device *device, uint32_t queue, uint16_t vector);
    enum vpt_status (*line)(struct vpt_device *device, bool on);

    /* Not called for a legacy interface. If there is no such region, its length is all-ones. */
    enum vpt_status (*shared_memory)(struct vpt_device *device, uint8_t id, struct vpt_shared_memory_region *region);
};

struct vpt_transport_ops {
    const struct vpt_legacy_ops *legacy; /* NULL: a modern interface */
    const struct vpt_pci_ops *pci;       /* NULL: another bus, on which only the device decides what it reaches */

    /*
     * Make one access. In the configuration it has `width` bytes, is aligned and is within the configuration; of other
     * registers the transport knows the width. Registers are little-endian. Any context may read the status or
     * acknowledge an interrupt, without a lock.
     */
    uint32_t (*read)(struct vpt_device *device, uint32_t place, unsigned width);
    void (*write)(struct vpt_device *device, uint32_t place, unsigned width, uint32_t value);

    /* Finds the doorbell of a queue that exists. If it makes a mapping, the queue owns the mapping. */
    enum vpt_status (*queue_doorbell)(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell);

    uint32_t handled[2]; /* generic features of words 0 and 1 that the library handles */
    bool size_reads;     /* after a size was written, QUEUE_SIZE_MAX reads as the size that the device uses */
};

/*
 * Does what vpt_device_legacy() does. With -DVPT_WITHOUT_LEGACY, for kernels that use modern interfaces only, it is
 * always false, and probing a version 1 slot returns VPT_UNSUPPORTED_VERSION.
 */
static inline bool vpt_legacy(const struct vpt_device *device)
{
#ifdef VPT_WITHOUT_LEGACY
    (void)device;
    return false;
#else
    return device->ops->legacy != NULL;
#endif
}

/* Returns the alignment of the used ring, if the rings are one piece. */
static inline uint32_t vpt_used_alignment(const struct vpt_device *device)
{
    return vpt_legacy(device) ? device->ops->legacy->used_alignment : VPT_QUEUE_RINGS_ALIGNMENT;
}

/*
 * Do what vpt_device_negotiate() does after its reset, in two steps, for a driver that reads the configuration before
 * it accepts features: between the steps device->features is what will be accepted, and the driver may remove some.
 * The driver passes what it requires or wants. All that `choice` requires must be accepted; `choice` may be NULL.
 * vpt_device_settle() is called then, even after an error.
 */
enum vpt_status vpt_device_choose_features(struct vpt_device *device, const struct vpt_features *required,
                                           const struct vpt_features *wanted, const struct vpt_feature_choice *choice);
enum vpt_status vpt_device_accept_features(struct vpt_device *device, const struct vpt_feature_choice *choice);

/* ---- Registers (registers.c) ---- */

uint32_t vpt_device_get(struct vpt_device *device, enum vpt_register place);
void vpt_device_put(struct vpt_device *device, enum vpt_register place, uint32_t value);

/*
 * Selects a queue, and reads its maximum size, 0 if there is no such queue. VPT_DEVICE_QUEUE_STATE: the queue is
 * enabled.
 */
enum vpt_status vpt_device_queue_maximum(struct vpt_device *device, uint16_t index, uint32_t *maximum);

/*
 * Asks for a size, a power of two, of a queue that exists. Returns the size that the device says it uses, unchecked, or
 * `size` if the device does not say.
 */
uint32_t vpt_device_queue_size(struct vpt_device *device, uint16_t index, uint32_t size);

/* Enables a queue, and checks that it is enabled. Addresses are aligned and below ring_limit. */
enum vpt_status vpt_device_queue_enable(struct vpt_device *device, uint16_t index, const struct vpt_area *areas);

/* ---- The reset of one queue (device_queue.c) ---- */

/*
 * Resets a queue of a running device that has RING_RESET, and waits for the end. `again`: the device was told before,
 * and only the wait goes on. VPT_DEVICE_CAPABILITY_RANGE: the device lacks the register and was not told.
 * VPT_DEVICE_QUEUE_STATE: the device has ignored the reset. After another error it may still be resetting the queue.
 */
enum vpt_status vpt_device_queue_reset(struct vpt_device *device, uint16_t index, bool again);

/* Returns the interrupt vector of a queue, VPT_NO_VECTOR if it has none. */
uint16_t vpt_device_queue_vector(struct vpt_device *device, uint16_t index);

/* Assigns a vector that vpt_device_queue_vector() has returned. VPT_DEVICE_PCI_MSIX: the device did not take it. */
enum vpt_status vpt_device_queue_vector_assign(struct vpt_device *device, uint16_t index, uint16_t vector);

/* ---- The state of a device ---- */

/* Reads device->gone, which another context may set at any time. */
static inline bool vpt_gone(const struct vpt_device *device)
{
    return VPT_READ_ONCE(device->gone);
}

/* Whether the device may still reach memory because a reset has failed. A device that is gone reaches none. */
static inline bool vpt_stuck(const struct vpt_device *device)
{
    return VPT_READ_ONCE(device->stuck) && !vpt_gone(device);
}

/* Whether queues can be set up: the device is negotiated and not yet started. */
static inline bool vpt_device_in_setup(const struct vpt_device *device)
{
    unsigned done = VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | (vpt_legacy(device) ? 0u : VPT_STATUS_FEATURES_OK);

    return device->status == done;
}

/* Whether the device works on its queues: it is started, and neither failed nor suspended. */
static inline bool vpt_running(const struct vpt_device *device)
{
    return (device->status & (VPT_STATUS_DRIVER_OK | VPT_STATUS_FAILED | VPT_STATUS_SUSPEND)) == VPT_STATUS_DRIVER_OK;
}

/*
 * Ends a bring-up whose status is `status`, and returns VPT_DEVICE_GONE if the device is gone, which explains any
 * error. After an error the device is FAILED, and the log says why.
 */
enum vpt_status vpt_device_settle(struct vpt_device *device, enum vpt_status status);

/* Reads the status register. If it returns VPT_STATUS_GONE, device->gone is set. */
uint32_t vpt_device_read_status(struct vpt_device *device);

/*
 * Logs why a set-up failed, and returns `status`, or VPT_DEVICE_GONE if the device is gone, which explains wrong
 * answers.
 */
enum vpt_status vpt_device_refused(struct vpt_device *device, const char *subject, enum vpt_status status);

#endif
