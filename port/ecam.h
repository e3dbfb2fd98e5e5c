/* SPDX-License-Identifier: MIT */
/*
 * config_read() and config_write() by the memory-mapped configuration space of PCI Express (ECAM). The kernel finds the
 * space and maps it as it maps registers (context.h: ecam...). In ACPI's MCFG, bus n is at n MiB from the base address,
 * whatever the first bus is; in a device tree's "pci-host-ecam-generic", the first bus of "bus-range" is at the start.
 * A kernel with several such spaces has a port and a context for each.
 *
 * No lock is needed. Functions outside the mapping read as all-ones, like absent ones, and writes to them are lost.
 */
#ifndef VPT_ECAM_H
#define VPT_ECAM_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/*
 * For struct vpt_port; `ctx` is a struct vpt_port_context. They work in any context.
 *
 * Returns
 * VPT_OK
 */
enum vpt_status vpt_ecam_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t *value);
enum vpt_status vpt_ecam_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t value);

VPT_END_DECLARATIONS

#endif
