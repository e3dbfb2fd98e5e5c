/* SPDX-License-Identifier: MIT */
/* A virtio disk behind PCI: found by enumeration, its BARs sized and assigned, by the library's own helpers. */
#ifndef VPT_TESTS_DEVICE_FUNCTION_H
#define VPT_TESTS_DEVICE_FUNCTION_H

#include "qemu_disk.h"

/* Which interfaces the device has. */
enum function_kind { LEGACY_ONLY, TRANSITIONAL, MODERN_ONLY };

struct function_variant {
    enum vpt_qtest_machine_type machine;
    enum function_kind kind;
    enum vpt_virtio_pci_interface interface; /* wanted */
    struct ring_features ring;
    bool ecam;           /* q35 only */
    bool iommu;          /* q35 only */
    char properties[48]; /* more for -device virtio-blk-pci; in place, since Criterion copies parameters as bytes */
};

#define FUNCTION_DEVICE 5u /* of the disk, on bus 0 */

/* The disk's function. */
struct function {
    struct vpt_pci_function function;
    struct vpt_pci_identity identity;
    struct vpt_pci_bars bars;
    struct vpt_virtio_pci pci;
};

extern struct function function;

/* Starts the machine with the disk; `more` are further arguments, up to the first NULL, or NULL. */
void function_machine(const struct function_variant *variant, const char *const *more);

/*
 * Gives bridges and BARs numbers and addresses, looks for a virtio disk (for any virtio device where there is no
 * image), asserted, and sizes its BARs.
 */
void function_find(void);

/* The machine, the disk found and probed; the driver not started. */
void function_start(const struct function_variant *variant);

/* The same, with the driver started. */
void function_start_disk(const struct function_variant *variant);

/* Closes the device and ends the machine, with their checks; after disk_stop(). */
void function_finish(void);

/* Stops the disk, in which nothing is in flight, and all else. */
void function_end(void);

/* The function's command register. */
uint16_t function_command(void);

#endif
