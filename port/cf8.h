/* SPDX-License-Identifier: MIT */
/*
 * config_read() and config_write() by the port pair 0xcf8 and 0xcfc (PCI configuration mechanism #1), over the io
 * functions that the context names (context.h: cf8_...): on x86 those of x86_io.h; any others where a host bridge
 * has the pair elsewhere, or a test plays it.
 *
 * An access is a write of the address and then one of the data, so no other CPU and no interrupt handler may use the
 * pair in between: a kernel that cannot rule this out names cf8_lock and cf8_unlock (a lock taken with interrupts
 * off; what they were before can be kept behind ctx, by its holder). Firmware called at run time uses the pair too.
 *
 * The pair reaches segment 0, and the first 256 bytes of a function: anything else reads all-ones, as what is not
 * there does, and writes to it are lost.
 */
#ifndef VPT_CF8_H
#define VPT_CF8_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/*
 * For struct vpt_port; `ctx` is a struct vpt_port_context. VPT_UNSUPPORTED_PORT where that names no io functions.
 * Any context in which the lock may be taken.
 */
enum vpt_status vpt_cf8_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t *value);
enum vpt_status vpt_cf8_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t value);

VPT_END_DECLARATIONS

#endif
