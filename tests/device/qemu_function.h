/* SPDX-License-Identifier: MIT */
/* A virtio disk behind PCI: the library's helpers find it by enumeration, and size and assign its BARs. */
#ifndef VPT_TESTS_DEVICE_FUNCTION_H
#define VPT_TESTS_DEVICE_FUNCTION_H

#include "qemu_disk.h"

/* Which interfaces the device has. */
enum function_kind { LEGACY_ONLY, TRANSITIONAL, MODERN_ONLY };

struct function_variant {
    enum vpt_qtest_machine_type machine;
    enum function_kind kind;
    enum vpt_virtio_pci_interface interface; /* interface to use */
    struct ring_features ring;
    bool ecam;           /* q35 only */
    bool iommu;          /* q35 only */
    char properties[64]; /* for -device virtio-blk-pci; no pointer, since Criterion copies bytes */
};

#define FUNCTION_DEVICE 5u /* device number of the disk on bus 0 */

/* The disk's function. */
struct function {
    struct vpt_pci_function function;
    struct vpt_pci_identity identity;
    struct vpt_pci_bars bars;
    struct vpt_virtio_pci pci;
};

extern struct function function;

/* Starts the machine with the disk; `more`: further arguments up to the first NULL, or NULL. */
void function_machine(const struct function_variant *variant, const char *const *more);

/*
 * Assigns bus numbers and BARs, finds a virtio disk (any virtio device if there is no image), asserted, and sizes its
 * BARs.
 */
void function_find(void);

/* Starts the machine, and finds and probes the disk. The driver is not started. */
void function_start(const struct function_variant *variant);

/* function_start(), and starts the driver. */
void function_start_disk(const struct function_variant *variant);

/* Closes the device and ends the machine, with checks. Call after disk_stop(). */
void function_finish(void);

/* Stops the disk, which must have no request in flight, and ends as function_finish(). */
void function_end(void);

/* The function's command register. */
uint16_t function_command(void);

#endif
