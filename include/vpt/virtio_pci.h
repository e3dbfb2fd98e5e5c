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
#define VPT_PCI_DEVICE_MODERN_FIRST       0x1040u /* plus the device type */
#define VPT_PCI_DEVICE_MODERN_LAST        0x107fu

/* Which interface of a transitional device to use. */
enum vpt_virtio_pci_interface {
    VPT_VIRTIO_PCI_ANY = 0, /* the modern one, or the legacy one if no modern one can be used */
    VPT_VIRTIO_PCI_MODERN = 1,
    VPT_VIRTIO_PCI_LEGACY = 2
};

/* A structure in a BAR. Private. */
struct vpt_pci_structure {
    uint64_t address; /* physical, or an I/O port */
    uint64_t length;  /* bytes; 0: there is no such structure */
    void *mapping;    /* NULL before it is mapped, and for I/O */
    bool io;
};

/*
 * A virtio device behind PCI, in the caller's memory. Read `device`, `function` and `interrupt_...`; the rest is
 * private.
 */
struct vpt_virtio_pci {
    struct vpt_device device; /* this is what a driver is given */
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
    uint8_t interrupt_line; /* the input that firmware routed it to */
};

/*
 * Makes a device of a PCI function, which is in power state D0. `bars` says where its BARs are and how large they are
 * (struct vpt_pci_bars, which is copied): it comes from vpt_pci_bars_size() and vpt_pci_bars_place(), or from the
 * kernel's own PCI code, as plain addresses without the flag bits of the register. The caller vouches for the addresses
 * (vpt_pci_bars_check()), also for those of BARs that hold no structure, because once decoding is on every BAR answers.
 *
 * The call maps the structures, only as much of them as is used, and turns on the decoding of the BARs that hold them.
 * It touches no virtio register and leaves bus mastering as it is: the first vpt_device_negotiate() resets what
 * firmware left running, and then turns bus mastering on. On failure *pci is zeroed and nothing stays mapped.
 *
 * With VPT_VIRTIO_PCI_ANY a transitional device whose modern interface cannot be used is driven by its legacy
 * interface, and the log has a line about that. If several capabilities name a structure and none can be used, the
 * status says why the first cannot.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY_SLOT: no function answers.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the interface is none of the enumeration.
 * VPT_CALLER_BAR: the BAR of a structure has no address or size, does not lie at a multiple of its size, or reaches
 *     past the end of the space. The log names the BAR; other BARs do not matter.
 * VPT_DEVICE_NO_COMMON: no capability names the common configuration.
 * VPT_DEVICE_NO_NOTIFY: no capability names the notifications.
 * VPT_DEVICE_NO_ISR: no capability names the ISR status.
 * VPT_DEVICE_CAPABILITY_LENGTH: a capability is too short.
 * VPT_DEVICE_CAPABILITY_BAR: a capability names a BAR above 5.
 * VPT_DEVICE_CAPABILITY_RANGE: a structure does not lie within its BAR, or is too small.
 * VPT_DEVICE_CAPABILITY_ALIGNMENT: a structure is misaligned.
 * VPT_DEVICE_NOTIFY_MULTIPLIER: the multiplier for notifications is odd.
 * VPT_DEVICE_PCI_BAR: a capability names an unimplemented or a broken BAR, or BAR 0 of a legacy interface is one or is
 *     too small.
 * VPT_DEVICE_PCI_CAPABILITIES: the list of capabilities breaks off before all structures were found.
 * VPT_DEVICE_PCI_COMMAND: decoding did not turn on.
 * VPT_DEVICE_GONE: the function was removed meanwhile.
 * VPT_UNSUPPORTED_VENDOR: the function is not of virtio's vendor.
 * VPT_UNSUPPORTED_FUNCTION: the function is no virtio device, or has a header of another type.
 * VPT_UNSUPPORTED_INTERFACE: the device lacks the interface that is wanted.
 * VPT_UNSUPPORTED_PORT: the port lacks the functions for configuration space, or for this kind of BAR.
 * an error of the port.
 *
 * Context: init, thread, panic; lock: device; calls: configuration, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_virtio_pci_probe(struct vpt_virtio_pci *pci, const struct vpt_pci_function *function,
                                     const struct vpt_pci_bars *bars, enum vpt_virtio_pci_interface interface);

/*
 * Turns bus mastering off and INTx on again, unmaps the structures and zeroes *pci. Call it after a reset and after the
 * release of the device's queues; vpt_device_interrupt() must not be called any more. It does nothing if `pci` is NULL
 * or *pci is zeroed. An error other than VPT_DEVICE_STUCK is about bus mastering or INTx; all else was done.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: the last reset did not finish, so that the device may still access memory; nothing was done.
 * what vpt_pci_command() returns.
 *
 * Context: init, thread, panic; lock: queues; calls: configuration, mmio_unmap.
 */
enum vpt_status vpt_virtio_pci_close(struct vpt_virtio_pci *pci);

VPT_END_DECLARATIONS

#endif
