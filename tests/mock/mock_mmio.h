/* SPDX-License-Identifier: MIT */
/*
 * A simulated device seen through virtio-mmio (VirtIO 1.4, section 4.2), version 1 or 2: each register with its
 * direction and width, and the order in which a driver has to use them.
 */
#ifndef VPT_TESTS_MOCK_MMIO_H
#define VPT_TESTS_MOCK_MMIO_H

#include "mock_device.h"
#include "mock_hal.h"

/* A slot: the registers and the whole configuration space. */
#define MOCK_MMIO_SIZE (0x100u + MOCK_CONFIG_SIZE)

struct mock_mmio {
    struct mock_device *device;
    unsigned version; /* 1 or 2 */
    /*
     * Like QEMU up to 7.2: every feature selector from 1 on means word 1, for reading and for writing. A driver
     * that takes word 2 for another one, or clears it, is found out.
     */
    bool old;
    void *mapping; /* what vpt_mmio_probe() takes, of MOCK_MMIO_SIZE bytes */

    /* What the driver has selected. Private. */
    uint32_t device_features_select;
    uint32_t driver_features_select;
    uint32_t queue_select;
    uint32_t region_select;
    bool device_features_selected; /* since the last use (MMIO-REG-7, MMIO-REG-8) */
    bool driver_features_selected;
    uint32_t page_size;              /* version 1 */
    uint32_t alignment;              /* version 1, of the queue selected */
    uint32_t frame[MOCK_QUEUES_MAX]; /* version 1: QueuePFN */
    unsigned identified;             /* of MagicValue, Version, DeviceID, how many have been read, in this order */
    bool refused;                    /* one of them was such that no other register may be touched */
    uint64_t accesses;
};

/*
 * Puts the front end of `device` at `physical`. Sets device->legacy and what the transport may negotiate, so it comes
 * before the backend fills the configuration.
 */
void mock_mmio_init(struct mock_mmio *mmio, struct mock_hal *hal, struct mock_device *device, unsigned version,
                    uint64_t physical);

#endif
