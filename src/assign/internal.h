/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the shadow configuration, the classes of its bytes, and what follows a write. */
#ifndef VPT_SRC_ASSIGN_INTERNAL_H
#define VPT_SRC_ASSIGN_INTERNAL_H

#include <vpt/assign.h>

#include "assign/mapping.h"
#include "pci/internal.h"

/* ---- The shadow configuration: what the guest sees of each virtual bit ---- */

/*
 * One register of the shadow, little-endian. `offset` is a constant or a capability's offset: at most config_size - 2
 * and config_size - 4.
 */
static inline uint16_t vpt_assign_shadow16(const struct vpt_assign_device *device, uint16_t offset)
{
    return (uint16_t)(device->shadow[offset] | (uint32_t)device->shadow[offset + 1u] << 8);
}

static inline uint32_t vpt_assign_shadow32(const struct vpt_assign_device *device, uint16_t offset)
{
    return vpt_assign_shadow16(device, offset) |
           (uint32_t)vpt_assign_shadow16(device, (uint16_t)(offset + 2u)) << 16;
}

static inline void vpt_assign_shadow_set16(struct vpt_assign_device *device, uint16_t offset, uint16_t value)
{
    device->shadow[offset] = (uint8_t)(value & 0xffu);
    device->shadow[offset + 1u] = (uint8_t)(value >> 8);
}

static inline void vpt_assign_shadow_set32(struct vpt_assign_device *device, uint16_t offset, uint32_t value)
{
    vpt_assign_shadow_set16(device, offset, (uint16_t)(value & 0xffffu));
    vpt_assign_shadow_set16(device, (uint16_t)(offset + 2u), (uint16_t)(value >> 16));
}

/* Four bytes of the host's configuration as it was at the open. */
static inline uint32_t vpt_assign_saved32(const struct vpt_assign_device *device, uint16_t offset)
{
    const uint8_t *at = &device->saved[offset];

    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The register of a BAR (0 to 5) or of the ROM (VPT_PCI_ROM), as the guest has written it. */
static inline uint16_t vpt_assign_bar_offset(unsigned index)
{
    return index == VPT_PCI_ROM ? (uint16_t)PCI_ROM_ADDRESS : (uint16_t)(PCI_BAR_0 + 4u * index);
}

static inline uint32_t vpt_assign_bar_shadow(const struct vpt_assign_device *device, unsigned index)
{
    return vpt_assign_shadow32(device, vpt_assign_bar_offset(index));
}

static inline void vpt_assign_bar_shadow_set(struct vpt_assign_device *device, unsigned index, uint32_t value)
{
    vpt_assign_shadow_set32(device, vpt_assign_bar_offset(index), value);
}

/* The guest's command register (decode bits, in the shadow), and its power state: 0 to 3. */
static inline uint16_t vpt_assign_command_shadow(const struct vpt_assign_device *device)
{
    return vpt_assign_shadow16(device, PCI_COMMAND);
}

#define ASSIGN_PM_CONTROL     4u /* offset in the capability */
#define ASSIGN_PM_STATE_MASK  0x3u

static inline unsigned vpt_assign_power_state(const struct vpt_assign_device *device)
{
    uint16_t at = device->power_management;

    return at == 0 ? 0u : device->shadow[at + ASSIGN_PM_CONTROL] & ASSIGN_PM_STATE_MASK;
}

/* ---- compose.c ---- */

/*
 * Makes classes and shadow anew from what the function was like when it was opened (device->saved), and from what the
 * caller hides and shows: the configuration space as a guest finds it at its power-on. BARs, ROM and decode bits are 0
 * (then vpt_assign_follow() gives the BARs their flags). Asks the host for nothing, cannot fail. For the open, for
 * vpt_assign_hide() and _show(), and for each new owner.
 */
void vpt_assign_compose(struct vpt_assign_device *device);

/* ---- config.c ---- */

/*
 * Writes back to the host what a guest may have changed there: every register of the tables that is writable and not
 * virtual, as it was at the open. The command register comes last, whole. Goes on after an error, and returns the first
 * one. For the release, once bus mastering is off and mappings are gone.
 */
enum vpt_status vpt_assign_config_restore(struct vpt_assign_device *device);

/*
 * Whether the host's function still answers: its command and status registers are not all-ones. Sets device->vanished,
 * VPT_DEVICE_GONE, errors of the host.
 */
enum vpt_status vpt_assign_present(struct vpt_assign_device *device);

#endif
