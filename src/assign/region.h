/* SPDX-License-Identifier: MIT */
/* The sorted array of the regions that are mapped (region.c). */
#ifndef VPT_SRC_ASSIGN_REGION_H
#define VPT_SRC_ASSIGN_REGION_H

#include <vpt/assign.h>

/* Puts a region in its place among `count` sorted ones. The array has space for one more. */
void vpt_assign_region_insert(struct vpt_assign_region *regions, size_t count, const struct vpt_assign_region *region);

/* Whether a region of this size (at least 1) that begins at `first` is within its address space. */
bool vpt_assign_region_within(const struct vpt_assign_region *region, uint64_t first);

/*
 * Calls map() and adds the region to the array. A piece of a BAR that is in the array already is left there: two pieces
 * of one BAR that begin at one address are the same.
 *
 * returns:
 * VPT_OK
 * VPT_REFUSED: another region overlaps it
 * VPT_RESOURCE_FULL
 * errors of map()
 */
enum vpt_status vpt_assign_region_map(struct vpt_assign_device *device, const struct vpt_assign_region *region);

/* Calls unmap() and removes the region at `index` (below region_count). Returns errors of unmap(). */
enum vpt_status vpt_assign_region_unmap(struct vpt_assign_device *device, unsigned index);

#endif
