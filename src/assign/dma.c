/* SPDX-License-Identifier: MIT */
/*
 * A guest's address space as its devices see it. A device reaches nothing outside the ranges of its space, even after a
 * hook has failed and the steps before could not be undone. So detaching finds all that a device reaches.
 */
#include <vpt/assign_dma.h>

#include "../access.h"
#include "../pci/pci_internal.h"

#define PAGE_SIZE_DEFAULT 4096u

/* ---- Looking up ---- */

static struct vpt_assign_dma_range *end_of(const struct vpt_assign_dma *dma)
{
    return dma->ranges + dma->count;
}

/* Returns the first range that does not end before this byte, or the end of the array. */
static struct vpt_assign_dma_range *first_of(const struct vpt_assign_dma *dma, uint64_t guest)
{
    struct vpt_assign_dma_range *first = dma->ranges;
    unsigned count = dma->count;

    while (count != 0) {
        struct vpt_assign_dma_range *middle = first + count / 2u;

        if (middle->guest + (middle->size - 1u) < guest) {
            first = middle + 1u;
            count--;
        }
        count /= 2u;
    }
    return first;
}

const struct vpt_assign_dma_range *vpt_assign_dma_find(const struct vpt_assign_dma *dma, uint64_t guest)
{
    const struct vpt_assign_dma_range *range = NULL;

    if (dma != NULL && dma->count != 0) {
        range = first_of(dma, guest);
        if (range == end_of(dma) || range->guest > guest) {
            range = NULL;
        }
    }
    return range;
}

/*
 * Checks that addresses and size are whole pages of the guest's and the host's memory, and that the space is not
 * degraded.
 */
static enum vpt_status check_pages(const struct vpt_assign_dma *dma, uint64_t guest, uint64_t host, uint64_t size)
{
    if (dma == NULL || dma->iommu == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (((guest | host | size) & (dma->page_size - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (size == 0 || size - 1u > PCI_ADDRESS_LAST - (guest > host ? guest : host)) {
        return VPT_CALLER_RANGE;
    }
    return dma->degraded ? VPT_DEVICE_ASSIGN_DEGRADED : VPT_OK;
}

/* ---- The IOMMU ---- */

/* A change of what devices reach: `count` ranges are mapped or unmapped for the devices from `first` up to `end`. */
struct change {
    struct vpt_assign_dma *dma;
    const struct vpt_assign_dma_range *ranges;
    unsigned count;
    const struct vpt_assign_device *first;
    const struct vpt_assign_device *end;
    bool map;
};

/* Makes a change up to the first failure, or `most` steps of it. *done is how many steps were made. */
static enum vpt_status make_change(const struct change *change, uint32_t most, uint32_t *done)
{
    const struct vpt_assign_iommu *iommu = change->dma->iommu;
    enum vpt_status status = VPT_OK;

    *done = 0;
    for (const struct vpt_assign_device *to = change->first; to != change->end; to = to->dma_next) {
        for (unsigned i = 0; i < change->count && *done < most; i++) {
            const struct vpt_assign_dma_range *range = &change->ranges[i];

            if (!range->reserved) {
                status = (change->map ? iommu->map : iommu->unmap)(iommu->ctx, &to->address, range);
                if (status != VPT_OK) {
                    return status;
                }
            }
            ++*done;
        }
    }
    return status;
}

/* Makes a change. If a hook fails, undoes the steps before; if that fails, too, the space is degraded. */
static enum vpt_status transact(struct vpt_assign_dma *dma, const struct vpt_assign_dma_range *ranges, unsigned count,
                                const struct vpt_assign_device *first, const struct vpt_assign_device *end, bool map)
{
    struct change change = { dma, ranges, count, first, end, map };
    uint32_t done;
    enum vpt_status status = make_change(&change, PCI_ABSENT32, &done);

    change.map = !map;
    if (status != VPT_OK && make_change(&change, done, &done) != VPT_OK) {
        dma->degraded = true;
        status = VPT_DEVICE_ASSIGN_DEGRADED;
    }
    return status;
}

/* ---- Ranges ---- */

enum vpt_status vpt_assign_dma_init(struct vpt_assign_dma *dma, const struct vpt_assign_iommu *iommu,
                                    struct vpt_assign_dma_range *ranges, uint16_t capacity, uint64_t page_size)
{
    if (dma == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *dma = (struct vpt_assign_dma){ 0 };
    if (iommu == NULL || iommu->map == NULL || iommu->unmap == NULL || ranges == NULL ||
        (page_size & (page_size - 1u)) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    *dma = (struct vpt_assign_dma){ .iommu = iommu,
                                    .ranges = ranges,
                                    .capacity = capacity,
                                    .page_size = page_size != 0 ? page_size : PAGE_SIZE_DEFAULT };
    return VPT_OK;
}

enum vpt_status vpt_assign_dma_map(struct vpt_assign_dma *dma, const struct vpt_assign_dma_range *range)
{
    struct vpt_assign_dma_range *at;
    enum vpt_status status = VPT_CALLER_ARGUMENT;

    if (range != NULL) {
        status = check_pages(dma, range->guest, range->reserved ? range->guest : range->host, range->size);
    }
    if (status != VPT_OK) {
        return status;
    }
    at = first_of(dma, range->guest);
    if (at != end_of(dma) && at->guest <= range->guest + (range->size - 1u)) {
        return VPT_REFUSED;
    }
    if (dma->count >= dma->capacity) {
        return VPT_RESOURCE_FULL;
    }
    status = transact(dma, range, 1, dma->first, NULL, true);
    if (status == VPT_OK || dma->degraded) {
        for (struct vpt_assign_dma_range *to = end_of(dma); to != at; to--) {
            to[0] = to[-1];
        }
        *at = *range;
        dma->count++;
    }
    return status;
}

enum vpt_status vpt_assign_dma_unmap(struct vpt_assign_dma *dma, uint64_t guest, uint64_t size, uint64_t *unmapped)
{
    enum vpt_status status = VPT_CALLER_ARGUMENT;
    struct vpt_assign_dma_range *first;
    uint64_t total = 0;
    unsigned count;

    if (unmapped != NULL) {
        *unmapped = 0;
        status = check_pages(dma, guest, guest, size);
    }
    if (status != VPT_OK) {
        return status;
    }
    first = first_of(dma, guest);
    for (count = 0; first + count != end_of(dma) && first[count].guest <= guest + (size - 1u); count++) {
        if (first[count].guest < guest || first[count].size > size - (first[count].guest - guest)) {
            return VPT_REFUSED;
        }
        total += first[count].size;
    }
    status = transact(dma, first, count, dma->first, NULL, false);
    if (status == VPT_OK) {
        *unmapped = total;
        dma->count = (uint16_t)(dma->count - count);
        for (; first != end_of(dma); first++) {
            *first = first[count];
        }
    }
    return status;
}

/* ---- Devices ---- */

enum vpt_status vpt_assign_dma_attach(struct vpt_assign_dma *dma, struct vpt_assign_device *device)
{
    enum vpt_status status;

    if (dma == NULL || dma->iommu == NULL || device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!device->owned || device->dma != NULL) {
        return VPT_CALLER_STATE;
    }
    if (dma->first != NULL && dma->first->owner != device->owner) {
        return VPT_CALLER_OWNED;
    }
    if (dma->degraded) {
        return VPT_DEVICE_ASSIGN_DEGRADED;
    }
    device->dma_next = dma->first;
    status = transact(dma, dma->ranges, dma->count, device, dma->first, true);
    if (status == VPT_OK || dma->degraded) {
        device->dma = dma;
        dma->first = device;
    }
    return status;
}

/* Called when no device is left. Removes ranges of the guest's memory, which may become another guest's. */
static void forget_ranges(struct vpt_assign_dma *dma)
{
    uint16_t count = dma->count;

    dma->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (dma->ranges[i].reserved) {
            dma->ranges[dma->count++] = dma->ranges[i];
        }
    }
    dma->degraded = false;
}

enum vpt_status vpt_assign_dma_detach(struct vpt_assign_device *device)
{
    struct vpt_assign_dma *dma;
    struct vpt_assign_device **link;
    enum vpt_status status;

    if (device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    dma = device->dma;
    if (dma == NULL) {
        return VPT_CALLER_STATE;
    }
    status = transact(dma, dma->ranges, dma->count, device, device->dma_next, false);
    if (status != VPT_OK) {
        return status;
    }
    link = &dma->first;
    while (*link != NULL && *link != device) {
        link = &(*link)->dma_next;
    }
    if (*link == device) {
        *link = device->dma_next;
    }
    device->dma = NULL;
    if (dma->first == NULL) {
        forget_ranges(dma);
    }
    return VPT_OK;
}
