/* SPDX-License-Identifier: MIT */
/* The virtio devices of the machine. */
#ifndef KERNEL_DEVICES_H
#define KERNEL_DEVICES_H

#include <vpt/mmio.h>
#include <vpt/virtio_pci.h>

#include "machine.h"

/* Address of a device. */
struct device_place {
    const struct machine_bus *bus;
    uint32_t slot;                   /* MACHINE_MMIO_SLOTS: slot number */
    struct vpt_pci_address function; /* MACHINE_PCI */
    struct vpt_pci_bars bars;        /* of the function, with addresses */
    unsigned turn;                   /* sum of device numbers, its own and those of bridges above: each rotates INTx */
};

/* A device behind the transport of its bus. */
struct device {
    const struct machine_bus *bus;
    struct vpt_mmio mmio; /* one of the two is used */
    struct vpt_virtio_pci pci;
    struct vpt_device *virtio; /* points into it */
};

/* Opens the device in a place, for this port. Returns a status of the transport's probe, or of the port. */
enum vpt_status device_open(struct device *device, const struct vpt_port *port, const struct device_place *place);

/* Closes the device, which must have been reset, or never been started. */
void device_close(struct device *device);

/* The devices that this kernel drives. */
struct devices {
    struct device_place disk;
    struct device_place entropy;
    struct device_place console; /* console.bus is NULL if there is none */
    struct device_place input;   /* the same holds */
    struct device_place network; /* the same holds */
    struct device_place balloon; /* the same holds */
};

/*
 * Prints each device's type, and finds the first of each type. False: there is no disk or no entropy source, or a place
 * is broken.
 */
bool devices_find(const struct vpt_port *port, struct devices *devices);

#endif
