/* SPDX-License-Identifier: MIT */
/* The capabilities of a device, hidden ones included (assign_capability.c). */
#ifndef VPT_SRC_ASSIGN_ASSIGN_CAPABILITY_H
#define VPT_SRC_ASSIGN_ASSIGN_CAPABILITY_H

#include <vpt/assign.h>

/*
 * Returns the offset of the first standard capability with this id, hidden or not, that has 8 bytes and has `byte`
 * within the space. 0: there is none.
 */
unsigned vpt_assign_find_capability(const struct vpt_assign_device *device, unsigned id, unsigned byte);

#endif
