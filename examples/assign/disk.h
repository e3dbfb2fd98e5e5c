/* SPDX-License-Identifier: MIT */
/* What a guest does with its disk: vpt's own driver, unmodified, on the guest's port. */
#ifndef EXAMPLE_ASSIGN_DISK_H
#define EXAMPLE_ASSIGN_DISK_H

#include <vpt/vpt.h>

#include "guest.h"

struct disk {
    struct guest *guest;
    struct vpt_pci_function function;
    struct vpt_pci_bars bars;
    struct vpt_pci_msix msix;
    struct vpt_interrupts interrupts;
    struct vpt_virtio_pci pci;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    bool changed; /* disk_write() was called */
};

/*
 * Asserts that the device is in its power-on state: no status bit, no queue. Its BARs have addresses and are decoded.
 */
void disk_check_new(const struct disk *disk);

/* Starts the disk, with one message for its queue and one for its configuration. */
void disk_start(struct disk *disk);

/*
 * Reads into the guest's memory by one request, waits for its message, and asserts that the data is the image's, and
 * that the image has changed only where disk_write() wrote.
 */
#define DISK_READ_SECTORS   128u
#define DISK_CHANGED_SECTOR 200u
#define DISK_CHANGED_BYTE   0x6bu
void disk_read(struct disk *disk, uint64_t sector);

/* Writes one sector, and asserts that the image holds it. */
void disk_write(struct disk *disk);

/*
 * Makes the disk read to an address where it may not write, and asserts that the IOMMU refuses the access. QEMU's disk
 * does not notice this, and completes the request.
 */
void disk_trespass(struct disk *disk, uint64_t address);

/* Submits a request without notifying the device. */
void disk_begin(struct disk *disk);

/* Starts the disk again with the same objects; the request that was in flight comes back. */
void disk_restart(struct disk *disk);

#endif
