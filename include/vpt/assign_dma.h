/* SPDX-License-Identifier: MIT */
/*
 * What assigned devices reach of memory: a guest's address space as its devices see it, and the mappings of the IOMMU
 * for it. Each guest has one space, whose array and lock are the caller's. A guest's map() and unmap() (assign.h) may
 * add a BAR to the space and remove it, so that the guest's other devices reach the BAR.
 */
#ifndef VPT_ASSIGN_DMA_H
#define VPT_ASSIGN_DMA_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

/* A range of a guest's memory. */
struct vpt_assign_dma_range {
    uint64_t guest; /* the address that devices use */
    uint64_t host;
    uint64_t size;  /* bytes */
    bool read_only; /* devices may not write there */
    bool reserved;  /* a window without memory; `host` means nothing */
};

/*
 * The IOMMU. map() maps the whole range for a function and returns VPT_OK, or changes nothing. unmap() returns VPT_OK
 * once the function cannot reach the range any more, or changes nothing. If the space is degraded, unmap() may be
 * called for a range that the function does not reach, and returns VPT_OK; map() is never called for a range that it
 * reaches. Both call nothing of this header.
 */
struct vpt_assign_iommu {
    void *ctx;
    enum vpt_status (*map)(void *ctx, const struct vpt_pci_address *function, const struct vpt_assign_dma_range *range);
    enum vpt_status (*unmap)(void *ctx, const struct vpt_pci_address *function,
                             const struct vpt_assign_dma_range *range);
};

/* A guest's space. Private, except for `degraded`. */
struct vpt_assign_dma {
    bool degraded; /* undoing failed: a range may not be mapped for all devices. Ends with the last detach */
    /* ---- */
    const struct vpt_assign_iommu *iommu;
    struct vpt_assign_dma_range *ranges; /* sorted */
    uint16_t capacity;
    uint16_t count;
    uint64_t page_size;
    struct vpt_assign_device *first; /* of the attached devices */
};

/*
 * Makes an empty space with `capacity` entries of the caller's array. `page_size` is the IOMMU's, a power of two; 0:
 * 4096.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, the IOMMU lacks a function, or the page size is no power of two; *dma is
 *     zeroed.
 *
 * Context: any; lock: space.
 */
enum vpt_status vpt_assign_dma_init(struct vpt_assign_dma *dma, const struct vpt_assign_iommu *iommu,
                                    struct vpt_assign_dma_range *ranges, uint16_t capacity, uint64_t page_size);

/*
 * Adds a range, for all devices that are or will be attached; or reserves a window, where nothing will be mapped, and
 * for which the IOMMU is not called.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or *dma is zeroed.
 * VPT_CALLER_ALIGNMENT: the range is not in whole pages, of the guest's or the host's memory.
 * VPT_CALLER_RANGE: the range has no bytes, or reaches past the end of an address space.
 * VPT_REFUSED: the space has a range there.
 * VPT_RESOURCE_FULL: the array is full.
 * VPT_DEVICE_ASSIGN_DEGRADED: the space was degraded before, and nothing was done; or undoing after an error failed,
 *     and the range is in the space, because a device may reach it.
 * an error of map(): the range is mapped for no device.
 *
 * Context: any; lock: space.
 */
enum vpt_status vpt_assign_dma_map(struct vpt_assign_dma *dma, const struct vpt_assign_dma_range *range);

/*
 * Removes the ranges that lie in these bytes of the guest's, and also reserved windows. *unmapped is how many bytes
 * they had; 0 is no error. After an error *unmapped is 0.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or *dma is zeroed.
 * VPT_CALLER_ALIGNMENT: the bytes are not whole pages.
 * VPT_CALLER_RANGE: there are no bytes, or they reach past the end of the address space.
 * VPT_REFUSED: the call would cut a range in two.
 * VPT_DEVICE_ASSIGN_DEGRADED: the space was degraded before, and nothing was done; or undoing after an error failed,
 *     and all ranges are still in the space.
 * an error of unmap(): all ranges are still mapped, or mapped again.
 *
 * Context: any; lock: space.
 */
enum vpt_status vpt_assign_dma_unmap(struct vpt_assign_dma *dma, uint64_t guest, uint64_t size, uint64_t *unmapped);

/*
 * Returns the range that has this byte, which is valid until the next call for the space; or NULL if no range has it.
 *
 * Context: any; lock: space.
 */
const struct vpt_assign_dma_range *vpt_assign_dma_find(const struct vpt_assign_dma *dma, uint64_t guest);

/*
 * Lets a device that has an owner reach the space: all its ranges are mapped for the device.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or *dma is zeroed.
 * VPT_CALLER_STATE: the device has no owner, or is attached to a space.
 * VPT_CALLER_OWNED: devices of another owner are attached.
 * VPT_DEVICE_ASSIGN_DEGRADED: the space was degraded before, and nothing was done; or undoing after an error failed,
 *     and the device is attached, because it may reach something.
 * an error of map(): the device reaches nothing.
 *
 * Context: any; lock: device, space.
 */
enum vpt_status vpt_assign_dma_attach(struct vpt_assign_dma *dma, struct vpt_assign_device *device);

/*
 * Ends what vpt_assign_dma_attach() did, also in a degraded space; vpt_assign_release() does the same. With the last
 * device all ranges are removed, except for reserved windows, and a degraded space is in order again.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `device` is NULL.
 * VPT_CALLER_STATE: the device is not attached.
 * VPT_DEVICE_ASSIGN_DEGRADED: undoing after an error failed; the device is still attached, and not all is mapped:
 *     repeat the call.
 * an error of unmap(): the device is still attached, and all is mapped again: repeat the call.
 *
 * Context: any; lock: device, space.
 */
enum vpt_status vpt_assign_dma_detach(struct vpt_assign_device *device);

VPT_END_DECLARATIONS

#endif
