/* SPDX-License-Identifier: MIT */
/*
 * A virtio function's registers and the split virtqueue, as the specification lays them out (VirtIO 1.2, 4.1.4 and
 * 2.7), for the hypervisor as a driver and as a device.
 */
#ifndef HYPERVISOR_VIRTIO_H
#define HYPERVISOR_VIRTIO_H

#include <vpt/transport.h>

/* The cfg_type of a capability: which registers it says of. */
#define VIRTIO_COMMON    1u
#define VIRTIO_NOTIFY    2u
#define VIRTIO_INTERRUPT 3u

/* Where a function has some of its registers, and where the members of this begin. */
#define VIRTIO_CAPABILITY(name) ((unsigned)offsetof(struct virtio_capability, name))

struct virtio_capability {
    uint8_t cap_vndr, cap_next, cap_len, cfg_type;
    uint8_t bar, id, padding[2];
    uint32_t offset, length;
    uint32_t notify_off_multiplier; /* if it says of notifications */
};

/* The common configuration, and where its registers begin. */
#define VIRTIO_AT(name) ((unsigned)offsetof(struct virtio_registers, name))

struct virtio_registers {
    uint32_t device_feature_select, device_feature;
    uint32_t driver_feature_select, driver_feature;
    uint16_t config_msix_vector, num_queues;
    uint8_t device_status, config_generation;
    uint16_t queue_select;
    uint16_t queue_size, queue_msix_vector, queue_enable, queue_notify_off;
    uint64_t queue_desc, queue_driver, queue_device;
};

#define VIRTIO_DESCRIPTOR_NEXT  1u
#define VIRTIO_DESCRIPTOR_WRITE 2u

struct virtio_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

#define VIRTIO_NO_INTERRUPT 1u

/* Behind the ring is used_event. */
struct virtio_driver_area {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[];
};

struct virtio_used {
    uint32_t id;
    uint32_t length;
};

/* Behind the ring is avail_event. */
struct virtio_device_area {
    uint16_t flags;
    uint16_t index;
    struct virtio_used ring[];
};

/* Bytes of the three parts of a queue of this size. */
#define VIRTIO_DESCRIPTORS_SIZE(size) (sizeof(struct virtio_descriptor) * (size))
#define VIRTIO_DRIVER_SIZE(size)      (sizeof(struct virtio_driver_area) + 2u * (size_t)(size) + 2u)
#define VIRTIO_DEVICE_SIZE(size)      (sizeof(struct virtio_device_area) + sizeof(struct virtio_used) * (size) + 2u)

#endif
