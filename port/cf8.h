/* SPDX-License-Identifier: MIT */
/*
 * config_read() and config_write() by the port pair 0xcf8 and 0xcfc (PCI configuration mechanism #1), with the I/O
 * functions that the context names (context.h: cf8_...). On x86 these are the functions of x86_io.h; a machine whose
 * host bridge has the pair elsewhere, or a test, names others.
 *
 * An access writes the address and then accesses the data, so no other CPU and no interrupt handler may use the pair in
 * between. A kernel that cannot rule this out names cf8_lock and cf8_unlock: a lock taken with interrupts off, whose
 * holder may keep the earlier interrupt state behind ctx. Firmware called at run time uses the pair too.
 *
 * The pair reaches segment 0, and the first 256 bytes of a function. All other addresses read as all-ones, like an
 * absent function, and writes to them are lost.
 */
#ifndef VPT_CF8_H
#define VPT_CF8_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/*
 * For struct vpt_port; `ctx` is a struct vpt_port_context. They work in any context in which the lock may be taken.
 *
 * Returns
 * VPT_OK
 * VPT_UNSUPPORTED_PORT: the context names no I/O functions.
 */
enum vpt_status vpt_cf8_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t *value);
enum vpt_status vpt_cf8_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t value);

VPT_END_DECLARATIONS

#endif
