/* SPDX-License-Identifier: MIT */
/*
 * Two copies of a configuration space: `shadow` has the virtual bits as the guest sees them, `saved` has the host's
 * registers as they were at the open.
 */
#ifndef VPT_SRC_ASSIGN_SHADOW_H
#define VPT_SRC_ASSIGN_SHADOW_H

#include <vpt/assign.h>

#include "../access.h"
#include "../pci/pci_internal.h"

#define ASSIGN_BARS (VPT_PCI_BARS_MAX + 1u) /* with the ROM */

/* Return a register. `offset` is below config_size, and a multiple of the register's size. */
static inline uint32_t vpt_assign_shadow32(const struct vpt_assign_device *device, unsigned offset)
{
    return device->shadow[offset / 4u];
}

static inline uint32_t vpt_assign_saved32(const struct vpt_assign_device *device, unsigned offset)
{
    return device->saved[offset / 4u];
}

/* Returns the index of a byte in `shadow` or `saved`: these are arrays of words, so it depends on the byte order. */
static inline unsigned vpt_assign_byte(unsigned offset)
{
    return VPT_BIG_ENDIAN != 0 ? offset ^ 3u : offset;
}

static inline uint8_t vpt_assign_shadow8(const struct vpt_assign_device *device, unsigned offset)
{
    return ((const uint8_t *)device->shadow)[vpt_assign_byte(offset)];
}

static inline uint8_t vpt_assign_saved8(const struct vpt_assign_device *device, unsigned offset)
{
    return ((const uint8_t *)device->saved)[vpt_assign_byte(offset)];
}

static inline uint16_t vpt_assign_shadow16(const struct vpt_assign_device *device, unsigned offset)
{
    return (uint16_t)(vpt_assign_shadow32(device, offset) >> 8u * (offset & 2u) & 0xffffu);
}

static inline uint16_t vpt_assign_saved16(const struct vpt_assign_device *device, unsigned offset)
{
    return (uint16_t)(vpt_assign_saved32(device, offset) >> 8u * (offset & 2u) & 0xffffu);
}

static inline void vpt_assign_shadow_set32(struct vpt_assign_device *device, unsigned offset, uint32_t value)
{
    device->shadow[offset / 4u] = value;
}

static inline void vpt_assign_shadow_set8(struct vpt_assign_device *device, unsigned offset, uint8_t value)
{
    ((uint8_t *)device->shadow)[vpt_assign_byte(offset)] = value;
}

/* Returns `old` with the bits `mask` taken from `value`. */
static inline uint32_t vpt_assign_merge(uint32_t old, uint32_t value, uint32_t mask)
{
    return old ^ ((old ^ value) & mask);
}

/* Returns the offset of the register of a BAR (0 to 5) or of the ROM (VPT_PCI_ROM). */
static inline uint16_t vpt_assign_bar_offset(unsigned index)
{
    return index == VPT_PCI_ROM ? (uint16_t)PCI_ROM_ADDRESS : (uint16_t)(PCI_BAR_0 + 4u * index);
}

#endif
