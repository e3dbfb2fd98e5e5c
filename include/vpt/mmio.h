/* SPDX-License-Identifier: MIT */
/* The MMIO transport, versions 1 (legacy) and 2 (VirtIO 1.4, section 4.2). */
#ifndef VPT_MMIO_H
#define VPT_MMIO_H

#include <vpt/transport.h>

VPT_BEGIN_DECLARATIONS

/* The registers before the device-specific configuration, in bytes; a slot is at least this large. */
#define VPT_MMIO_REGISTERS_SIZE 0x100u

/* A virtio-mmio device, in the caller's memory. */
struct vpt_mmio {
    struct vpt_device device; /* what drivers take */
    void *mapping;
};

/*
 * Looks at one slot, found by the kernel in the device tree ("virtio,mmio"), in ACPI (LNRO0005) or by knowing
 * the machine. `mapping` is what the port's mmio_read() takes, or a pointer to the mapped registers if the port
 * has none; `size` bytes of it are the slot's. Reads MagicValue, Version and DeviceID, in this order, writes
 * nothing, and does not look further if one is wrong.
 *
 * VPT_OK: *mmio is a device. VPT_EMPTY_SLOT: nothing is plugged in. VPT_DEVICE_MAGIC: no virtio-mmio here.
 * VPT_UNSUPPORTED_VERSION. VPT_DEVICE_GONE: it went away meanwhile. VPT_CALLER_ARGUMENT: a NULL, or a size below
 * VPT_MMIO_REGISTERS_SIZE.
 * On failure *mmio is zeroed. Probing again forgets what went before: release the device's queues first. Init,
 * thread or panic; the device's lock where others may use the slot.
 */
enum vpt_status vpt_mmio_probe(struct vpt_mmio *mmio, const struct vpt_port *port, void *mapping, size_t size);

VPT_END_DECLARATIONS

#endif
