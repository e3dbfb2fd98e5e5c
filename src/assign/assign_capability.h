/* SPDX-License-Identifier: MIT */
/* The capabilities of a device, hidden ones included (assign_capability.c). */
#ifndef VPT_SRC_ASSIGN_ASSIGN_CAPABILITY_H
#define VPT_SRC_ASSIGN_ASSIGN_CAPABILITY_H

#include <vpt/assign.h>

/*
 * Returns the offset of the first standard capability with this id, hidden or not, that has at least 8 bytes and whose
 * byte number `byte` is within the space. Returns 0 if there is none.
 */
unsigned vpt_assign_find_capability(const struct vpt_assign_device *device, unsigned id, unsigned byte);

#endif
