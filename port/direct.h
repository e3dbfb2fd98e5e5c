/* SPDX-License-Identifier: MIT */
/*
 * mmio_map() and share() for a kernel whose physical memory and registers are all mapped already, each at its
 * physical address plus one constant (context.h: map_offset, map_last), as with the MMU off, in an identity map or
 * in a higher-half linear map. Register accesses are the library's own: leave mmio_read and mmio_write NULL.
 *
 * Conditions, for what the functions cannot see:
 * - register addresses are uncached in that map: device memory on arm, aarch64 and riscv, or covered by MTRRs or
 *   page attributes on x86; write combining is not allowed;
 * - devices see the CPU's caches: true of every hypervisor's virtio devices for memory that the guest maps
 *   write-back, of x86, and of device-tree nodes marked dma-coherent. Elsewhere share() and unshare() must clean and
 *   invalidate caches, and these must not be used;
 * - device addresses are physical addresses: no IOMMU translates, or it passes through;
 * - buffers given to the blocking helpers lie in that map: no other mapping of the same memory, such as a vmalloc
 *   area or a kernel image elsewhere than in the map, has addresses that can be translated this way.
 */
#ifndef VPT_DIRECT_H
#define VPT_DIRECT_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/* Returned where an address or a range is not in the map: these functions' own error, passed on unchanged. */
#define VPT_DIRECT_NOT_MAPPED ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 0x100))

/* For struct vpt_port; `ctx` is a struct vpt_port_context. All may be used in any context. */
enum vpt_status vpt_direct_mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                    void **mapping);
void vpt_direct_mmio_unmap(void *ctx, void *mapping, size_t size);
enum vpt_status vpt_direct_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                 bool access_platform, struct vpt_shared *shared);
void vpt_direct_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                        bool access_platform);

VPT_END_DECLARATIONS

#endif
