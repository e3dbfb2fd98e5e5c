/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_REGISTER_H
#define VPT_SRC_REGISTER_H

#include <vpt/port.h>

/*
 * Make one access to a memory-mapped register of `width` (1, 2 or 4) bytes at `offset` from `mapping`: by the port if
 * it overrides MMIO, else directly. A barrier orders it with accesses to memory. The register is little-endian; `value`
 * is in the CPU's order.
 */
uint32_t vpt_register_read(const struct vpt_port *port, void *mapping, size_t offset, unsigned width);
void vpt_register_write(const struct vpt_port *port, void *mapping, size_t offset, unsigned width, uint32_t value);

#endif
