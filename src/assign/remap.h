/* SPDX-License-Identifier: MIT */
/* The host's vectors of one device (remap.c). */
#ifndef VPT_SRC_ASSIGN_REMAP_H
#define VPT_SRC_ASSIGN_REMAP_H

#include <vpt/assign.h>

/* Removes all entries of a device, if it has any. */
void vpt_assign_remap_forget(struct vpt_assign_device *device);

#endif
