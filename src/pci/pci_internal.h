/* SPDX-License-Identifier: MIT */
/* The configuration header and its base address registers, for the files of src/pci/ and others. */
#ifndef VPT_SRC_PCI_INTERNAL_H
#define VPT_SRC_PCI_INTERNAL_H

#include <vpt/pci.h>

/* Offsets in the header. Those without a type are the same in all types. */
#define PCI_VENDOR_ID                0x00u
#define PCI_COMMAND                  0x04u
#define PCI_STATUS                   0x06u
#define PCI_REVISION_ID              0x08u
#define PCI_HEADER_TYPE              0x0eu
#define PCI_BAR_0                    0x10u /* types 0 and 1 */
#define PCI_CAPABILITIES_CARDBUS     0x14u /* type 2 */
#define PCI_PRIMARY_BUS              0x18u /* type 1, up to PCI_IO_BASE_UPPER */
#define PCI_IO_BASE                  0x1cu
#define PCI_MEMORY_BASE              0x20u
#define PCI_PREFETCHABLE_BASE        0x24u
#define PCI_PREFETCHABLE_BASE_UPPER  0x28u
#define PCI_PREFETCHABLE_LIMIT_UPPER 0x2cu
#define PCI_SUBSYSTEM_VENDOR_ID      0x2cu /* type 0 */
#define PCI_IO_BASE_UPPER            0x30u
#define PCI_ROM_ADDRESS              0x30u /* type 0 */
#define PCI_CAPABILITIES             0x34u /* types 0 and 1 */
#define PCI_ROM_ADDRESS_BRIDGE       0x38u /* type 1 */
#define PCI_INTERRUPT_LINE           0x3cu
#define PCI_CAPABILITIES_FIRST       0x40u /* the lowest of a standard capability */
#define PCI_CAPABILITIES_EXTENDED    0x100u

#define PCI_STATUS_CAPABILITIES 0x0010u

#define PCI_HEADER_DEVICE         0u
#define PCI_HEADER_BRIDGE         1u
#define PCI_HEADER_CARDBUS        2u
#define PCI_HEADER_TYPE_MASK      0x7fu
#define PCI_HEADER_MULTI_FUNCTION 0x80u

/* What is read if there is no function, or it was removed. */
#define PCI_ABSENT8  0xffu
#define PCI_ABSENT16 0xffffu
#define PCI_ABSENT32 0xffffffffu

#define PCI_FOUR_GIB     ((uint64_t)1 << 32)
#define PCI_ADDRESS_LAST (~(uint64_t)0)

/* Whether there is such a BAR, and it is not broken. */
static inline bool vpt_pci_bar_implemented(const struct vpt_pci_bar *bar)
{
    return bar->kind == VPT_PCI_BAR_MEMORY || bar->kind == VPT_PCI_BAR_IO;
}

/*
 * Whether a BAR has a possible address. If bits of the address are set that are flags in a register, the caller has not
 * removed them.
 */
static inline bool vpt_pci_bar_assigned(const struct vpt_pci_bar *bar)
{
    uint64_t last = bar->kind == VPT_PCI_BAR_IO ? 0xffffu : PCI_ADDRESS_LAST;
    uint64_t flags = bar->kind == VPT_PCI_BAR_IO ? 0x3u : 0xfu;

    /* If the address or the size is 0, the subtraction makes it too large. */
    return bar->address - 1u < last && (bar->address & flags) == 0 && bar->size - 1u <= last - bar->address;
}

/*
 * Checks whether the BAR at this index can be used where it is; if not, logs its name.
 *
 * returns:
 * VPT_OK
 * VPT_DEVICE_PCI_BAR: there is no such BAR, or it is broken
 * VPT_CALLER_BAR: it has no address or no size, is not at a multiple of its size, or leaves its space
 */
enum vpt_status vpt_pci_bar_check(const struct vpt_port *port, const struct vpt_pci_bars *bars, unsigned index);

/* "BAR 0" to "BAR 5", and "ROM". */
const char *vpt_pci_bar_name(unsigned index);

/* Whether a PCI-to-PCI bridge has possible bus numbers: above its own bus, up to the host bridge's last one. */
static inline bool vpt_pci_bridge_numbered(const struct vpt_pci_function *bridge,
                                           const struct vpt_pci_identity *identity, uint8_t last_bus)
{
    return identity->header_type == PCI_HEADER_BRIDGE && identity->secondary_bus > bridge->address.bus &&
           identity->subordinate_bus >= identity->secondary_bus && identity->subordinate_bus <= last_bus;
}

/* Reads the header type without its multi-function bit. VPT_DEVICE_GONE, errors of vpt_pci_read(). */
enum vpt_status vpt_pci_header_type(const struct vpt_pci_function *function, uint8_t *type);

/*
 * Reads the command register. VPT_DEVICE_GONE: it reads all-ones, which no function has since some bits are reserved.
 */
enum vpt_status vpt_pci_command_read(const struct vpt_pci_function *function, uint16_t *command);

/* ---- Base address registers ---- */

#define PCI_BAR_IO_SPACE     0x1u
#define PCI_BAR_IO_ADDRESS   0xfffffffcu
#define PCI_BAR_TYPE_MASK    0x6u /* of memory BARs */
#define PCI_BAR_TYPE_1MIB    0x2u
#define PCI_BAR_TYPE_64      0x4u
#define PCI_BAR_PREFETCHABLE 0x8u
#define PCI_BAR_ADDRESS      0xfffffff0u
#define PCI_ROM_ENABLE       0x1u
#define PCI_ROM_BASE         0xfffff800u

/* Where a header type has its base address registers. */
struct vpt_pci_bar_layout {
    unsigned count; /* registers from PCI_BAR_0 on; 0: neither BARs nor a ROM */
    uint16_t rom;
};

/* Fills in *layout. VPT_DEVICE_GONE, errors of vpt_pci_read(). */
enum vpt_status vpt_pci_bar_layout(const struct vpt_pci_function *function, struct vpt_pci_bar_layout *layout);

/* Returns the offset of a register; `index` is below layout->count, or VPT_PCI_ROM. */
uint16_t vpt_pci_bar_register(const struct vpt_pci_bar_layout *layout, unsigned index);

/*
 * Whether a BAR has a kind, flags and a size that sizing can give for this register, in a header that has `count`
 * registers for BARs.
 */
bool vpt_pci_bar_well_formed(const struct vpt_pci_bar *bars, unsigned count, unsigned index);

/*
 * Writes an address to the register at `offset`, and to the next one if the BAR has 64 bits, and reads it back.
 * Decoding is off. VPT_DEVICE_PCI_BAR: the register does not hold what was written. Errors of vpt_pci_write() and
 * vpt_pci_read().
 */
enum vpt_status vpt_pci_bar_write(const struct vpt_pci_function *function, uint16_t offset, unsigned index,
                                  const struct vpt_pci_bar *bar, uint64_t address);

/* Returns the first status that is an error. */
static inline enum vpt_status vpt_pci_first_error(enum vpt_status first, enum vpt_status second)
{
    return first != VPT_OK ? first : second;
}

#endif
