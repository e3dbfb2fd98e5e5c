/* SPDX-License-Identifier: MIT */
/*
 * config_read() and config_write() by the memory-mapped configuration space of PCI Express (ECAM), which the kernel has
 * found and mapped as it maps registers (context.h: ecam...). It lies where ACPI's MCFG says, bus n at n MiB from the
 * base address there, whatever the first bus is; or where a device tree's "pci-host-ecam-generic" says, there with the
 * first bus of "bus-range" at the start. A kernel with several such spaces has a port and a context for each.
 *
 * No lock is needed. Functions outside the mapping read all-ones, as absent ones do, and writes to them are lost.
 */
#ifndef VPT_ECAM_H
#define VPT_ECAM_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/* For struct vpt_port; `ctx` is a struct vpt_port_context. Always VPT_OK. Any context. */
enum vpt_status vpt_ecam_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t *value);
enum vpt_status vpt_ecam_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t value);

VPT_END_DECLARATIONS

#endif
