/* SPDX-License-Identifier: MIT */
/*
 * What assigned devices reach of memory: a guest's address space as its devices see it, and the IOMMU's mappings that
 * make it so. One space a guest; its array is the caller's, its lock too, which all calls take. A guest's map() and
 * unmap() (assign.h) may add a BAR and take it out, so that the guest's other devices reach it.
 */
#ifndef VPT_ASSIGN_DMA_H
#define VPT_ASSIGN_DMA_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* Memory of a guest. */
struct vpt_assign_dma_range {
    uint64_t guest; /* address, as devices use it */
    uint64_t host;
    uint64_t size;  /* bytes */
    bool read_only; /* devices may not write there */
    bool reserved;  /* a window that is no memory; `host` means nothing */
};

/*
 * The IOMMU. A range is mapped whole for a function, or VPT_OK is not returned and nothing was changed; likewise an
 * unmap, which returns VPT_OK once the function cannot reach the range any more. What a function does not reach is
 * unmapped for it too if the space is degraded, which is VPT_OK; what it reaches is never mapped again. Calls nothing
 * of this header.
 */
struct vpt_assign_iommu {
    void *ctx;
    enum vpt_status (*map)(void *ctx, const struct vpt_pci_address *function, const struct vpt_assign_dma_range *range);
    enum vpt_status (*unmap)(void *ctx, const struct vpt_pci_address *function,
                             const struct vpt_assign_dma_range *range);
};

/* A guest's space. Private, but for `degraded`. */
struct vpt_assign_dma {
    bool degraded; /* undoing failed: a range may not be mapped for all devices; until the last one is detached */
    /* ---- */
    const struct vpt_assign_iommu *iommu;
    struct vpt_assign_dma_range *ranges; /* sorted */
    uint16_t capacity;
    uint16_t count;
    uint64_t page_size;
    struct vpt_assign_device *first; /* attached */
};

/*
 * Makes an empty space in `capacity` entries of the caller's. `page_size` is the IOMMU's, a power of two; 0: 4096.
 * VPT_CALLER_ARGUMENT, and *dma is zeroed.
 */
enum vpt_status vpt_assign_dma_init(struct vpt_assign_dma *dma, const struct vpt_assign_iommu *iommu,
                                    struct vpt_assign_dma_range *ranges, uint16_t capacity, uint64_t page_size);

/*
 * Adds a range, for all devices that are attached and those that will be; or reserves a window, where nothing will be
 * mapped, and for which the IOMMU is not called.
 * VPT_CALLER_ALIGNMENT: not in whole pages, or not on the host's side. VPT_CALLER_RANGE: no bytes, or past the end of
 * an address space. VPT_REFUSED: something is there. VPT_RESOURCE_FULL. VPT_CALLER_ARGUMENT. Errors of map(): it is
 * mapped for none. VPT_DEVICE_ASSIGN_DEGRADED: undoing that failed, and the range is there, for it may be reached; or
 * the space was degraded before, and nothing was done.
 */
enum vpt_status vpt_assign_dma_map(struct vpt_assign_dma *dma, const struct vpt_assign_dma_range *range);

/*
 * Takes out the ranges that lie in these bytes of the guest's, reserved windows too; *unmapped is how many bytes they
 * were (0 where nothing was, which is VPT_OK). VPT_REFUSED: it would cut one in two. VPT_CALLER_ALIGNMENT,
 * VPT_CALLER_RANGE, VPT_CALLER_ARGUMENT. Errors of unmap(): all are mapped still, or again.
 * VPT_DEVICE_ASSIGN_DEGRADED: that could not be undone, and all are ranges still; or likewise. With any of these
 * *unmapped is 0.
 */
enum vpt_status vpt_assign_dma_unmap(struct vpt_assign_dma *dma, uint64_t guest, uint64_t size, uint64_t *unmapped);

/* The range that this byte is in, until the next call for the space. NULL: none. */
const struct vpt_assign_dma_range *vpt_assign_dma_find(const struct vpt_assign_dma *dma, uint64_t guest);

/*
 * Lets a device that has an owner reach the space: all its ranges are mapped for it. Takes the device's lock too.
 * VPT_CALLER_STATE: no owner, or attached to a space. VPT_CALLER_OWNED: another owner's devices are attached.
 * VPT_CALLER_ARGUMENT. Errors of map(): it reaches nothing. VPT_DEVICE_ASSIGN_DEGRADED: undoing that failed, and the
 * device is attached, for it may reach something; or likewise.
 */
enum vpt_status vpt_assign_dma_attach(struct vpt_assign_dma *dma, struct vpt_assign_device *device);

/*
 * The contrary, of a degraded space too; vpt_assign_release() does it. With the last device all ranges go but for
 * reserved windows, and a space that was degraded is none any more. VPT_CALLER_STATE: not attached.
 * VPT_CALLER_ARGUMENT. Errors of unmap(): it is attached still, and all is mapped again; VPT_DEVICE_ASSIGN_DEGRADED:
 * or not all. The call is to be repeated.
 */
enum vpt_status vpt_assign_dma_detach(struct vpt_assign_device *device);

VPT_END_DECLARATIONS

#endif
