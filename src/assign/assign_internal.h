/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the shadow configuration, the classes of its bytes, and what follows a write. */
#ifndef VPT_SRC_ASSIGN_INTERNAL_H
#define VPT_SRC_ASSIGN_INTERNAL_H

#include <vpt/assign.h>

#include "../access.h"
#include "../pci/pci_internal.h"
#include "mapping.h"

/* ---- The shadow configuration: what the guest sees of each virtual bit ---- */

/*
 * Registers of the shadow, or of the configuration at the open. `offset` is below config_size, and a multiple of the
 * register's size.
 */
static inline uint32_t vpt_assign_shadow32(const struct vpt_assign_device *device, unsigned offset)
{
    return device->shadow[offset / 4u];
}

static inline uint32_t vpt_assign_saved32(const struct vpt_assign_device *device, unsigned offset)
{
    return device->saved[offset / 4u];
}

/* Its bytes, in memory: the lowest is the first of a register. */
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

/* The bits of `mask` in a register become those of `value`. */
static inline uint32_t vpt_assign_merge(uint32_t old, uint32_t value, uint32_t mask)
{
    return old ^ ((old ^ value) & mask);
}

/* The register of a BAR (0 to 5) or of the ROM (VPT_PCI_ROM). */
static inline uint16_t vpt_assign_bar_offset(unsigned index)
{
    return index == VPT_PCI_ROM ? (uint16_t)PCI_ROM_ADDRESS : (uint16_t)(PCI_BAR_0 + 4u * index);
}

#define ASSIGN_PM_CONTROL    4u /* offset in the capability */
#define ASSIGN_PM_STATE_MASK 0x3u

/* Bits of the command register: what BARs are decoded by. */
#define ASSIGN_DECODE ((uint32_t)VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

/* Bits of a vector's control. */
#define ASSIGN_VECTOR_MASKED  0x1u
#define ASSIGN_VECTOR_PENDING 0x2u

/* ---- registry.c ---- */

/*
 * Nothing of the function reaches the guest any more: interrupts are off, BARs unmapped, and with `all` the regions of
 * the hypervisor's own too. Does both, and returns the first error.
 */
enum vpt_status vpt_assign_quiet(struct vpt_assign_device *device, bool all);

/* The guest's registers as at power-on. No BAR is mapped. */
void vpt_assign_power_on(struct vpt_assign_device *device);

/* ---- compose.c ---- */

/*
 * Makes classes and shadow anew from what the function was like when it was opened (device->saved), and from what the
 * caller hides and shows: the configuration space as a guest finds it at its power-on. BARs, ROM and decode bits are 0.
 * Asks the host for nothing, cannot fail, and nothing is mapped for BARs. For the open, for vpt_assign_hide() and
 * _show(), and for each new owner.
 */
void vpt_assign_compose(struct vpt_assign_device *device);

/* ---- config.c ---- */

/*
 * The bits `mask` of the host's command register become those of `value`: nothing is written if they are that. Bus
 * mastering goes off before anything else, for the device must not reach memory that is about to be somebody else's.
 * VPT_DEVICE_GONE: device->vanished is set, or it is now, since command and status registers are all-ones (it is done
 * all the same if something is there). Errors of the host.
 */
enum vpt_status vpt_assign_command(struct vpt_assign_device *device, uint32_t mask, uint32_t value);

/*
 * Before BARs become live, and after a guest's write to the command register or the power state: of the host's command
 * register the bits `mask` (bus mastering, or 0) become the guest's, as a write of the guest's. If the guest has BARs
 * decoded, and the host does not decode them as it did at the open, or if this is the `first` to become live, the
 * function may have been reset by somebody else, and its header is restored. As vpt_assign_command().
 */
enum vpt_status vpt_assign_host_follow(struct vpt_assign_device *device, uint32_t mask, bool first);

/* Whether the host's function still answers. */
static inline enum vpt_status vpt_assign_present(struct vpt_assign_device *device)
{
    return vpt_assign_command(device, 0, 0);
}

/*
 * Gives the host's function back, up to `end` (a multiple of 4) of its space, what it held at the open and holds no
 * more: what a guest may write there, and what a reset takes away; nothing that does something. BARs are not decoded
 * meanwhile. Last come the bits `command` of the command register, but bus mastering is off. Ends with the first error;
 * VPT_DEVICE_GONE.
 */
enum vpt_status vpt_assign_restore(struct vpt_assign_device *device, unsigned end, uint32_t command);

/* ---- interrupt.c ---- */

/*
 * Called after registers of the shadow that interrupts depend on have changed, of a device that has an owner: the
 * interrupt disable bit of the command register, MSI's control register or masks, MSI-X's control register. Tells the
 * host of another mode, delivers what is pending and not masked any more, and gives the guest the level of INTx. Errors
 * of interrupts() and intx_mask(), VPT_DEVICE_ASSIGN_DEGRADED: it is as before, and the caller puts the registers back.
 * Errors of message() are not told here: what it failed for is pending still.
 */
enum vpt_status vpt_assign_interrupts_follow(struct vpt_assign_device *device);

/*
 * For the end of an owner and for a reset: no interrupts from the host, no INTx level, nothing pending, entries for
 * host vectors gone, another generation, the table as at power-on (all masked). Errors of interrupts() and intx_mask():
 * the host may interrupt still, the rest is done.
 */
enum vpt_status vpt_assign_interrupts_off(struct vpt_assign_device *device);

/* ---- msix.c ---- */

/*
 * A guest's access to `bar` at `offset` (where something is trapped), a multiple of the width, which is one that memory
 * has. VPT_EMPTY: it is none of the MSI-X table or of its pending bits, so it is the host's. VPT_CALLER_ALIGNMENT: it
 * is, but not of 4 or 8 bytes: *value is left alone, and nothing is written. Errors of message() are not told here
 * either.
 */
enum vpt_status vpt_assign_msix_access(struct vpt_assign_device *device, bool write, unsigned bar, uint64_t offset,
                                       unsigned width, uint64_t *value);

/* The table as words: that is what its entries are made of, 4 each. */
static inline uint32_t *vpt_assign_msix_words(const struct vpt_assign_device *device)
{
    return (uint32_t *)(void *)device->vectors;
}

/* The table as at power-on: all masked, nothing pending. */
void vpt_assign_msix_reset(struct vpt_assign_device *device);

/* ---- remap.c ---- */

/* Takes out all entries of a device, if it has any. */
void vpt_assign_remap_forget(struct vpt_assign_device *device);

/* ---- reset.c ---- */

/* The first capability of this kind, hidden or not, that has 8 bytes and this one in the space. 0: none. */
unsigned vpt_assign_find(const struct vpt_assign_device *device, unsigned id, unsigned byte);

/*
 * The part of a reset that is the host's function's own: a way that concerns it alone, and its configuration as it was
 * at the open (BARs before decoding is on again, bus mastering off), but for the extended space if there is an owner
 * and the device is not degraded. Bus mastering is off already.
 * VPT_UNSUPPORTED_DEVICE: there is no way, and nothing was done. Otherwise device->reset_needed says whether it failed:
 * VPT_DEVICE_STUCK, VPT_DEVICE_GONE, errors of the host.
 */
enum vpt_status vpt_assign_reset_host(struct vpt_assign_device *device);

/*
 * A guest's function level reset: vpt_assign_reset(), but the guest's payload size stays (PCI Express, section 6.6.2).
 */
enum vpt_status vpt_assign_reset_function(struct vpt_assign_device *device);

#endif
