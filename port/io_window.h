/* SPDX-License-Identifier: MIT */
/*
 * io_read() and io_write() for CPUs without port instructions, whose PCI host bridge shows its I/O ports as memory: the
 * I/O range of a device tree's "pci-host-ecam-generic", or a translating ("TypeTranslation") I/O window in ACPI. The
 * kernel maps it as it maps registers (context.h: io_window...). With it PCI legacy devices work on arm, aarch64 and
 * riscv.
 *
 * Ports outside the window read as all-ones, and writes to them are lost.
 */
#ifndef VPT_IO_WINDOW_H
#define VPT_IO_WINDOW_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/* For struct vpt_port; `ctx` is a struct vpt_port_context. They work in any context. */
uint32_t vpt_io_window_read(void *ctx, uint16_t io_port, unsigned width);
void vpt_io_window_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

VPT_END_DECLARATIONS

#endif
