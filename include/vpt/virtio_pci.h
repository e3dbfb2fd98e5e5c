/* SPDX-License-Identifier: MIT */
/* The PCI transports, legacy and modern (VirtIO 1.4, section 4.1). */
#ifndef VPT_VIRTIO_PCI_H
#define VPT_VIRTIO_PCI_H

#include <vpt/pci.h>
#include <vpt/transport.h>

VPT_BEGIN_DECLARATIONS

#define VPT_PCI_VENDOR_VIRTIO             0x1af4u
#define VPT_PCI_DEVICE_TRANSITIONAL_FIRST 0x1000u
#define VPT_PCI_DEVICE_TRANSITIONAL_LAST  0x103fu
#define VPT_PCI_DEVICE_MODERN_FIRST       0x1040u /* and the device type above it */
#define VPT_PCI_DEVICE_MODERN_LAST        0x107fu

/* Which interface of a transitional device is wanted. */
enum vpt_virtio_pci_interface {
    VPT_VIRTIO_PCI_ANY = 0, /* the modern one; the legacy one where there is no usable modern one */
    VPT_VIRTIO_PCI_MODERN = 1,
    VPT_VIRTIO_PCI_LEGACY = 2
};

/* A structure in a BAR. Private. */
struct vpt_pci_structure {
    uint64_t address; /* physical, or an I/O port */
    uint64_t length;  /* bytes; 0: there is no such structure */
    void *mapping;    /* NULL until mapped, and of I/O ones */
    bool io;
};

/* A virtio device behind PCI, in the caller's memory. Read `device`, `function`, `interrupt_...`, no more. */
struct vpt_virtio_pci {
    struct vpt_device device; /* what drivers take */
    struct vpt_pci_function function;
    struct vpt_pci_bars bars;
    struct vpt_pci_structure common; /* or the legacy header */
    struct vpt_pci_structure notify;
    struct vpt_pci_structure isr;
    struct vpt_pci_structure config;
    uint32_t notify_multiplier;
    uint16_t msix;          /* offset of the MSI-X capability; 0: none */
    bool vectors;           /* MSI-X is on (which moves a legacy device's configuration) */
    uint8_t interrupt_pin;  /* 0: no INTx, 1 to 4: INTA to INTD */
    uint8_t interrupt_line; /* where firmware routed it */
};

/*
 * Makes a device of a function. `bars` says where its BARs are, and how large (struct vpt_pci_bars; copied): from
 * vpt_pci_bars_size() and vpt_pci_bars_place(), or from the kernel's own PCI code, as plain addresses without the flag
 * bits of the register. The caller vouches for the addresses (vpt_pci_bars_check()), and for those of BARs that no
 * structure lies in: they answer too, once decoding is on. The function is in power state D0.
 *
 * Maps the structures (only as much of them as is used) and turns decoding of the BARs they lie in on; touches no
 * virtio register and leaves bus mastering as it is: the first vpt_device_negotiate() resets whatever firmware left
 * running, then turns it on.
 *
 * VPT_EMPTY_SLOT: no function answers. VPT_UNSUPPORTED_VENDOR, VPT_UNSUPPORTED_FUNCTION: it is no virtio device (or has
 * a header of another type). VPT_UNSUPPORTED_INTERFACE: it has no interface of the wanted kind.
 * Modern: VPT_DEVICE_NO_COMMON, VPT_DEVICE_NO_NOTIFY, VPT_DEVICE_NO_ISR: no capability names such a structure. If some
 * do and none can be used, why not the first: VPT_DEVICE_CAPABILITY_LENGTH (too short), VPT_DEVICE_CAPABILITY_BAR (a
 * number above 5), VPT_DEVICE_PCI_BAR (it names an unimplemented or a broken BAR), VPT_CALLER_BAR (a BAR without
 * address or size, or not at a multiple of its size, or past the end of the space: the log names it, and others do not
 * matter), VPT_DEVICE_CAPABILITY_RANGE (not within its BAR, or too small), VPT_DEVICE_CAPABILITY_ALIGNMENT,
 * VPT_DEVICE_NOTIFY_MULTIPLIER (odd), VPT_UNSUPPORTED_PORT (no service of the port for this kind of BAR), or
 * VPT_DEVICE_PCI_CAPABILITIES where the list breaks off before one.
 * With VPT_VIRTIO_PCI_ANY such a transitional device is driven by its legacy interface, after a line in the log.
 * Legacy, in an I/O or a memory BAR: VPT_DEVICE_PCI_BAR (there is no usable BAR 0, or it is too small), VPT_CALLER_BAR,
 * VPT_UNSUPPORTED_PORT.
 * VPT_DEVICE_PCI_COMMAND, VPT_DEVICE_GONE, errors of the port. On failure *pci is zeroed and nothing stays mapped.
 * Init, thread or panic; device's lock.
 */
enum vpt_status vpt_virtio_pci_probe(struct vpt_virtio_pci *pci, const struct vpt_pci_function *function,
                                     const struct vpt_pci_bars *bars, enum vpt_virtio_pci_interface interface);

/*
 * Turns bus mastering off and INTx back on, unmaps and zeroes *pci. After a reset, and after the device's queues have
 * been released. Does nothing to a zeroed one, or NULL. VPT_DEVICE_STUCK: the last reset did not finish and the device
 * still reaches memory; nothing was done. Statuses of vpt_pci_command() are about bus mastering: all else was done.
 * Init, thread or panic; device's lock, and vpt_device_interrupt() is called no more.
 */
enum vpt_status vpt_virtio_pci_close(struct vpt_virtio_pci *pci);

VPT_END_DECLARATIONS

#endif
