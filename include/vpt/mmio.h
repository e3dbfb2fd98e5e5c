/* SPDX-License-Identifier: MIT */
/* The MMIO transport, versions 1 (legacy) and 2 (VirtIO 1.4, section 4.2). */
#ifndef VPT_MMIO_H
#define VPT_MMIO_H

#include <vpt/transport.h>

VPT_BEGIN_DECLARATIONS

/* Bytes of the registers before the device-specific configuration. A slot is at least this large. */
#define VPT_MMIO_REGISTERS_SIZE 0x100u

/* A virtio-mmio device, in the caller's memory. */
struct vpt_mmio {
    struct vpt_device device; /* this is what a driver is given */
    void *mapping;
};

/*
 * Looks at one slot. The kernel has found it in the device tree ("virtio,mmio"), in ACPI (LNRO0005) or because it knows
 * the machine. `mapping` is what the port's mmio_read() takes, or a pointer to the mapped registers if the port has no
 * mmio_read(); the slot is `size` bytes of it. The call reads MagicValue, Version and DeviceID in this order, writes
 * nothing, and reads no further if one is wrong. On failure *mmio is zeroed. Another probe overwrites *mmio: release
 * the device's queues before. The lock is needed only if others may use the slot.
 *
 * Returns
 * VPT_OK: *mmio is a device.
 * VPT_EMPTY_SLOT: no device is plugged in.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the size is below VPT_MMIO_REGISTERS_SIZE.
 * VPT_DEVICE_MAGIC: this is no virtio-mmio slot.
 * VPT_DEVICE_GONE: the device was removed meanwhile.
 * VPT_UNSUPPORTED_VERSION: the library does not know this version of the interface.
 *
 * Context: init, thread, panic; lock: device; calls: mmio_read.
 */
enum vpt_status vpt_mmio_probe(struct vpt_mmio *mmio, const struct vpt_port *port, void *mapping, size_t size);

VPT_END_DECLARATIONS

#endif
