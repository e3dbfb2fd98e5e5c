/* SPDX-License-Identifier: MIT */
/*
 * mmio_map() and share() for a kernel that has mapped all of its physical memory and registers already, each at its
 * physical address plus one constant (context.h: map_offset, map_last): with the MMU off, in an identity map or in a
 * higher-half linear map. The library accesses registers itself: leave mmio_read and mmio_write NULL.
 *
 * The functions cannot check these conditions:
 * - Register addresses are uncached in that map: device memory on arm, aarch64 and riscv, or covered by MTRRs or page
 *   attributes on x86. Write combining is not allowed.
 * - Devices see the CPU's caches. That is true of every hypervisor's virtio devices for memory that the guest maps
 *   write-back, of x86, and of device-tree nodes marked dma-coherent. On other machines share() and unshare() must
 *   clean and invalidate caches, so these functions must not be used.
 * - Device addresses are physical addresses: there is no IOMMU, or it translates nothing.
 * - Buffers of the blocking helpers lie in that map. Another mapping of the same memory, for example a vmalloc area or
 *   a kernel image outside the map, has addresses that cannot be translated this way.
 */
#ifndef VPT_DIRECT_H
#define VPT_DIRECT_H

#include "context.h"

VPT_BEGIN_DECLARATIONS

/* The functions' own error: an address or a range is not in the map. */
#define VPT_DIRECT_NOT_MAPPED ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 0x100))

/*
 * For struct vpt_port; `ctx` is a struct vpt_port_context. All of them work in any context.
 *
 * Returns
 * VPT_OK
 * VPT_DIRECT_NOT_MAPPED: the address or the range is not in the map.
 */
enum vpt_status vpt_direct_mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                    void **mapping);
void vpt_direct_mmio_unmap(void *ctx, void *mapping, size_t size);
enum vpt_status vpt_direct_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                 bool access_platform, struct vpt_shared *shared);
void vpt_direct_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                        bool access_platform);

VPT_END_DECLARATIONS

#endif
