/* SPDX-License-Identifier: MIT */
/* The seam between what is above a transport and the transports: one constant table each. */
#ifndef VPT_SRC_TRANSPORT_TRANSPORT_H
#define VPT_SRC_TRANSPORT_TRANSPORT_H

#include <vpt/queue.h>
#include <vpt/transport.h>

#include "../access.h"

/* What a status register of any width reads as once the device is gone. */
#define VPT_STATUS_GONE 0xffffffffu

/* Where a virtqueue lies, at device addresses. */
struct vpt_queue_areas {
    uint64_t descriptors;
    uint64_t driver;
    uint64_t device;
};

/* In place of a virtqueue's index: the configuration's vector. */
#define VPT_VECTOR_CONFIGURATION 0x10000u

struct vpt_transport_ops {
    const char *name;
    uint64_t ring_limit;     /* highest device address that a ring may have */
    uint32_t ring_alignment; /* of the start of rings in one piece */
    uint32_t used_alignment; /* of the used ring in them */
    uint8_t feature_words;   /* words of features that the interface can express */
    bool legacy;             /* legacy interface: no FEATURES_OK, native byte order, rings in one piece */
    uint32_t features_1;     /* generic features of word 1 that this transport alone has */

    /* Device status (section 2.1); the read gives VPT_STATUS_GONE where the register is all-ones. */
    uint32_t (*status_read)(struct vpt_device *device);
    void (*status_write)(struct vpt_device *device, uint8_t status);

    /* Reads the status register and forgets it, for the queue's full fence on an emulated CPU. Any context, no lock. */
    void (*order)(struct vpt_device *device);

    uint32_t (*features_read)(struct vpt_device *device, unsigned word);
    void (*features_write)(struct vpt_device *device, unsigned word, uint32_t value);

    /*
     * Selects a queue that must not be enabled (else VPT_DEVICE_QUEUE_STATE) and gives its maximum size as the
     * register reads, 0 if there is none.
     */
    enum vpt_status (*queue_maximum)(struct vpt_device *device, uint16_t index, uint32_t *maximum);

    /*
     * Asks for a size, a power of two, of a queue that queue_maximum has found. Returns the size that the device says it
     * goes on with, unchecked; where nothing says it, `size`.
     */
    uint32_t (*queue_size)(struct vpt_device *device, uint16_t index, uint32_t size);

    /* Enables a queue, and checks that it is. Addresses are aligned and below ring_limit. */
    enum vpt_status (*queue_enable)(struct vpt_device *device, uint16_t index, const struct vpt_queue_areas *areas);

    /* Stops a queue that could be enabled; bounded. */
    enum vpt_status (*queue_disable)(struct vpt_device *device, uint16_t index);

    /* Resolves the doorbell of a queue that queue_maximum has found; a mapping made for it is the queue's. */
    enum vpt_status (*queue_doorbell)(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell);

    /* Reads and acknowledges; VPT_INTERRUPT_* bits. */
    uint32_t (*interrupt)(struct vpt_device *device);

    /* Bytes of configuration within reach, and accesses that are aligned and inside it, to little-endian registers. */
    size_t (*config_size)(struct vpt_device *device);
    uint32_t (*config_read)(struct vpt_device *device, uint32_t offset, unsigned width);
    void (*config_write)(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value);

    /* Not for a legacy interface, which has none: there passes are compared instead. */
    uint32_t (*config_generation)(struct vpt_device *device);

    /* Whether the device may reach memory; checked by reading back. NULL where nothing but the device decides that. */
    enum vpt_status (*bus_master)(struct vpt_device *device, bool on);

    /*
     * MSI-X: entries of the table while it is on, else 0; assigns one to a virtqueue or to VPT_VECTOR_CONFIGURATION,
     * and whether the device has taken it; turns it off and the line on or off. All NULL without MSI-X.
     */
    enum vpt_status (*vectors)(struct vpt_device *device, uint32_t *count);
    bool (*vector_assign)(struct vpt_device *device, uint32_t queue, uint16_t vector);
    enum vpt_status (*line)(struct vpt_device *device, bool on);

    /* NULL without shared memory regions. All-ones in the length: no such region. */
    enum vpt_status (*shared_memory)(struct vpt_device *device, uint8_t id,
                                     struct vpt_shared_memory_region *region);
};

/*
 * vpt_device_legacy(). A build with -DVPT_WITHOUT_LEGACY is a smaller one for kernels that drive modern interfaces
 * only: this folds to false, and a version 1 slot is a VPT_UNSUPPORTED_VERSION.
 */
static inline bool vpt_legacy(const struct vpt_device *device)
{
#ifdef VPT_WITHOUT_LEGACY
    (void)device;
    return false;
#else
    return device->ops->legacy;
#endif
}

/*
 * vpt_device_negotiate() in two halves, for a driver that reads the configuration before it accepts: between them
 * device->features is what is going to be accepted. A driver that goes no further calls vpt_device_fail().
 */
enum vpt_status vpt_device_choose_features(struct vpt_device *device, const struct vpt_features *required,
                                           const struct vpt_features *wanted, const struct vpt_features *refused);
enum vpt_status vpt_device_accept_features(struct vpt_device *device);

/* What a status read in another context may be finding out just now. */
static inline bool vpt_gone(const struct vpt_device *device)
{
    return VPT_READ_ONCE(device->gone);
}

/* Whether the device may still reach the memory of a life that was ended. What is not there reaches none. */
static inline bool vpt_stuck(const struct vpt_device *device)
{
    return VPT_READ_ONCE(device->stuck) && !vpt_gone(device);
}

/* Whether the device is negotiated and not yet started: when queues are set up. */
bool vpt_device_in_setup(const struct vpt_device *device);

/* Whether the device works on its queues: started, neither given up nor suspended. */
static inline bool vpt_running(const struct vpt_device *device)
{
    return (device->status & (VPT_STATUS_DRIVER_OK | VPT_STATUS_FAILED | VPT_STATUS_SUSPEND)) == VPT_STATUS_DRIVER_OK;
}

/* The status register, or VPT_STATUS_GONE, which is noted down. */
uint32_t vpt_device_read_status(struct vpt_device *device);

/* Logs why a set-up failed, and returns it; or VPT_DEVICE_GONE, where wrong answers came of the device being gone. */
enum vpt_status vpt_device_refused(struct vpt_device *device, const char *subject, enum vpt_status status);

#endif
