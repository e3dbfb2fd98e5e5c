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
    bool changed; /* disk_write() has been */
};

/* Asserts that the device is as at power-on: no status bit, no queue. Its BARs have addresses and are decoded. */
void disk_check_new(const struct disk *disk);

/* Brings it up, with a message for its queue and one for its configuration. */
void disk_start(struct disk *disk);

/*
 * Reads by one request into the guest's memory, waits for its message, and compares with what the image holds, which
 * is asserted to be what it held at the start but for what disk_write() has written.
 */
#define DISK_READ_SECTORS   128u
#define DISK_CHANGED_SECTOR 200u
#define DISK_CHANGED_BYTE   0x6bu
void disk_read(struct disk *disk, uint64_t sector);

/* Writes that sector, and asserts that the image holds it. */
void disk_write(struct disk *disk);

/*
 * Has it read into memory at an address that it may not write to, and asserts that the IOMMU has refused it. QEMU's
 * disk does not notice, and completes the request.
 */
void disk_trespass(struct disk *disk, uint64_t address);

/* Submits a request that the device is not told of. */
void disk_begin(struct disk *disk);

/* Brings it up again with the objects that it has; the request that was in flight comes back. */
void disk_restart(struct disk *disk);

#endif
