/* SPDX-License-Identifier: MIT */
/* The virtio devices of the machine. */
#ifndef KERNEL_DEVICES_H
#define KERNEL_DEVICES_H

#include <vpt/mmio.h>
#include <vpt/virtio_pci.h>

#include "machine.h"

/* Where a device is. */
struct device_place {
    const struct machine_bus *bus;
    uint32_t slot;                   /* MACHINE_MMIO_SLOTS: its number */
    struct vpt_pci_address function; /* MACHINE_PCI */
    struct vpt_pci_bars bars;        /* of the function, with addresses */
    unsigned turn;                   /* its device number and those of the bridges in front: each turns INTA to INTD */
};

/* A device behind whatever transport its bus has. */
struct device {
    const struct machine_bus *bus;
    struct vpt_mmio mmio; /* one of these */
    struct vpt_virtio_pci pci;
    struct vpt_device *virtio; /* in it */
};

/* Makes a device of what is in a place, for this port. A status of the transport's probe, or of the port. */
enum vpt_status device_open(struct device *device, const struct vpt_port *port, const struct device_place *place);

/* Undoes it. The device must have been reset, or never been started. */
void device_close(struct device *device);

/* Those that are driven. */
struct devices {
    struct device_place disk;
    struct device_place entropy;
};

/* Says of each device what it is, and finds the first of each kind. False if there is none or a place is broken. */
bool devices_find(const struct vpt_port *port, struct devices *devices);

#endif
